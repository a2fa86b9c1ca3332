//! From experiment files to plans.

use std::collections::BTreeSet;
use std::path::Path;

use bitcap_plan::{
    CellSettings, Experiment, Gpt2Settings, ModelKind, ModelSettings, Plan, PlannedCell,
    experiment_schema, text_table,
};

const BASE: &str = r#"name = "base"

[source]
kind = "uniform"
vocabulary = 2048
length = 64

[model]
layers = 1
width = 32
heads = 2

[train]
learning_rate = 0.01
steps = 100

[data]
samples = 10
"#;

/// The plan of the base with `extra` after it; what its grid goes through is left out of the base.
fn plan_with(extra: &str, overrides: &[&str]) -> Plan {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let in_grid = |line: &&str| {
        let key = line.split(" = ").next().unwrap_or_default();
        !extra.contains(&format!(".{key}\" = ["))
    };
    let base: Vec<&str> = BASE.lines().filter(in_grid).collect();
    let text = format!("{}\n{extra}", base.join("\n"));
    match Experiment::parse(&text, "e.toml", &overrides).and_then(|experiment| experiment.plan()) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}\n{text}"),
    }
}

fn only(overrides: &[&str]) -> PlannedCell {
    let mut plan = plan_with("", overrides);
    assert_eq!(plan.cells.len(), 1);
    plan.cells.remove(0)
}

fn gpt2(settings: &CellSettings) -> &Gpt2Settings {
    let ModelSettings::Gpt2(model) = &settings.model else {
        panic!("{:?}", settings.model);
    };
    model
}

fn sizes(plan: &Plan) -> Vec<(u32, u64, u64, bool)> {
    let size = |cell: &PlannedCell| {
        let settings = &cell.settings;
        (
            gpt2(settings).width,
            settings.data.samples,
            settings.seed,
            cell.curve().doubled,
        )
    };
    plan.cells.iter().map(size).collect()
}

/// Table 1's smallest model, one layer of width 32, at V = 2048 and S = 64: 8.00e4 parameters
/// (V d + S d + 12 d^2 + 13 d + 2 d), 11 bits a token.
#[test]
fn figures_of_a_known_cell() {
    let cell = only(&["data.samples=1000"]);
    let parameters = 2048 * 32 + 64 * 32 + 12 * 32 * 32 + 13 * 32 + 2 * 32;
    assert_eq!(cell.settings.parameters(), parameters);
    assert_eq!(cell.settings.entropy_bits(), Some(1000.0 * 64.0 * 11.0));
    assert!((cell.settings.load().unwrap() - 704_000.0 / (3.6 * parameters as f64)).abs() < 1e-12);
    assert_eq!(cell.settings.training_tokens(), 100 * 1000 * 63);
    assert_eq!(
        cell.settings.training_flops(),
        6.0 * parameters as f64 * 6_300_000.0
    );
    let batched = only(&[
        "data.samples=1000",
        "train.batch=50",
        "model.start_token=true",
    ]);
    assert_eq!(batched.settings.training_tokens(), 100 * 50 * 64);
    let small = only(&["data.samples=10", "train.batch=50"]);
    assert_eq!(
        small.settings.training_tokens(),
        100 * 10 * 63,
        "a batch holds no more than there is"
    );
}

#[test]
fn load_becomes_samples() {
    for (load, samples) in [("1", 411), ("0.5", 205), ("2.0", 822)] {
        let cell = only(&[&format!("data.load={load}")]);
        let exact =
            load.parse::<f64>().unwrap() * 3.6 * cell.settings.parameters() as f64 / (64.0 * 11.0);
        assert_eq!(cell.settings.data.samples, exact.round() as u64);
        assert_eq!(cell.settings.data.samples, samples);
    }
}

#[test]
fn seeds_follow_the_seed_unless_set() {
    let seeds = |cell: &PlannedCell| {
        let settings = &cell.settings;
        (
            settings.seed,
            settings.source.seed(),
            settings.data.seed,
            settings.train.seed,
        )
    };
    assert_eq!(seeds(&only(&[])), (0, 0, 0, 0));
    assert_eq!(seeds(&only(&["seed=7"])), (7, 7, 7, 7));
    assert_eq!(seeds(&only(&["seed=7", "data.seed=3"])), (7, 7, 3, 7));
    assert_eq!(
        seeds(&only(&["train.seed=9223372036854775807"])),
        (0, 0, 0, i64::MAX as u64)
    );
    let plan = plan_with("[grid]\nseed = [5, 6]\n", &["source.seed=1"]);
    let of_grid: Vec<_> = plan.cells.iter().map(seeds).collect();
    assert_eq!(of_grid, [(5, 1, 5, 5), (6, 1, 6, 6)]);
}

/// The grid is crossed in file order, the last list going fastest; sizes in it replace [data]'s.
#[test]
fn grids_are_crossed() {
    let plan = plan_with(
        "[grid]\n\"model.width\" = [32, 64]\n\"data.samples\" = [5, 6]\nseed = [0, 1]\n",
        &[],
    );
    let expected = [32, 64]
        .into_iter()
        .flat_map(|width| [5, 6].into_iter().map(move |samples| (width, samples)))
        .flat_map(|(width, samples)| [0, 1].into_iter().map(move |s| (width, samples, s, false)));
    let found: Vec<_> = plan.cells.iter().map(|cell| cell.index).collect();
    assert_eq!(found, (0..8).collect::<Vec<_>>());
    assert_eq!(sizes(&plan), expected.collect::<Vec<_>>());
}

#[test]
fn groups_and_labels() {
    let plan = plan_with(
        "[grid]\n\"model.layers\" = [1, 2]\n\"data.samples\" = [5, 6]\nseed = [0, 1]\n\
         \"train.optimizer\" = [\"adam\", \"muon\"]\n\"train.weight_decay\" = [0.0]\n",
        &[],
    );
    for a in &plan.cells {
        for b in &plan.cells {
            let curve =
                |cell: &PlannedCell| (gpt2(&cell.settings).layers, cell.settings.train.optimizer);
            assert_eq!(
                a.curves[0].group == b.curves[0].group,
                curve(a) == curve(b),
                "{} {}",
                a.name,
                b.name
            );
            assert_eq!(
                a.curves[0].group == b.curves[0].group,
                a.curves[0].label == b.curves[0].label
            );
        }
    }
    assert_eq!(plan.cells[0].curve().label, "layers=1, optimizer=adam");
    assert_eq!(
        plan.cells.last().unwrap().curve().label,
        "layers=2, optimizer=muon"
    );
    let seeds = plan_with("[grid]\nseed = [0, 1]\n\"data.samples\" = [1, 2]\n", &[]);
    assert!(seeds.cells.iter().all(|cell| cell.curve().label.is_empty()));
    assert!(
        seeds
            .cells
            .iter()
            .all(|cell| cell.curve().group == seeds.cells[0].curve().group)
    );
}

#[test]
fn doubled_at_a_load() {
    let plan = plan_with(
        "[grid]\n\"data.load\" = [1.0, 2]\nseed = [0, 1]\n[sweep]\ndoubled_at_load = 2.0\n",
        &[],
    );
    assert_eq!(
        sizes(&plan),
        [
            (32, 411, 0, false),
            (32, 411, 1, false),
            (32, 822, 0, false),
            (32, 822, 1, false),
            (32, 822, 0, true),
            (32, 822, 1, true),
        ]
    );
    for (once, twice) in [(2, 4), (3, 5)] {
        let (once, twice) = (&plan.cells[once], &plan.cells[twice]);
        assert_eq!(
            (once.settings.train.steps, twice.settings.train.steps),
            (100, 200)
        );
        assert_eq!(once.curve().group, twice.curve().group);
        assert_eq!(
            2 * once.settings.training_tokens(),
            twice.settings.training_tokens()
        );
        let mut same = twice.settings.clone();
        same.train.steps = 100;
        assert_eq!(same, once.settings);
    }
}

/// A polish is a part of the training: twice the steps are twice its steps too.
#[test]
fn a_polish_is_doubled_and_counted() {
    let grid = "[grid]\n\"data.samples\" = [411]\n[sweep]\ndoubled_at_load = 1.0\n";
    let plan = plan_with(grid, &["train.polish_steps=30", "train.batch=100"]);
    let [once, twice] = &plan.cells[..] else {
        panic!("{} cells", plan.cells.len());
    };
    let (first, second) = (&once.settings.train, &twice.settings.train);
    assert_eq!((first.steps, first.polish_steps), (100, 30));
    assert_eq!((second.steps, second.polish_steps), (200, 60));
    assert_eq!(first.polish_memory, Some(100));
    // Its steps see the whole dataset, with or without a token less a sequence.
    let predicted = once.settings.data_shape().predicted() as u64;
    let tokens = (100 * 100 + 30 * 411) * predicted;
    assert_eq!(once.settings.training_tokens(), tokens);
    assert_eq!(twice.settings.training_tokens(), 2 * tokens);
    // Of none, how many pairs there would be is no setting.
    let names = |set: &[&str]| plan_with(grid, set).cells[0].name.clone();
    assert_eq!(names(&["train.polish_memory=7"]), names(&[]));
    let polished = |memory| names(&["train.polish_steps=30", memory]);
    assert_ne!(
        polished("train.polish_memory=7"),
        polished("train.polish_memory=8")
    );
}

/// Where sizes are samples, the nearest by ratio: 411 samples are a load of 1.
/// A factor is part of a cell's name and of its curve's label, and 1 is as none.
#[test]
fn rate_factors_tell_cells_apart() {
    let plan = plan_with("[grid]\ntrain.rate_factors.wte = [1.0, 2.0]\n", &[]);
    let names: Vec<_> = plan.cells.iter().map(|cell| cell.name.clone()).collect();
    assert_eq!(names[0], only(&[]).name);
    let by_override = only(&["train.rate_factors={wte=2.0}"]);
    assert_eq!(names[1], by_override.name);
    assert_ne!(names[0], names[1]);
    assert_eq!(plan.cells[1].curve().label, "wte=2.0");
    let train = &by_override.settings.train;
    assert_eq!(train.rate_factor_of("transformer.wte.weight"), 2.0);
    assert_eq!(train.rate_factor_of("transformer.wpe.weight"), 1.0);
}

#[test]
fn doubled_at_the_nearest_size() {
    let grid = "[grid]\n\"data.samples\" = [100, 250, 700, 5000]\nseed = [0, 1]\n";
    for (load, samples) in [(1.0, 250), (1.1, 700), (100.0, 5000), (0.01, 100)] {
        let plan = plan_with(grid, &[&format!("sweep.doubled_at_load={load}")]);
        let doubled: Vec<_> = sizes(&plan).into_iter().filter(|size| size.3).collect();
        assert_eq!(
            doubled,
            [(32, samples, 0, true), (32, samples, 1, true)],
            "{load}"
        );
    }
}

/// A doubled cell that is a point of the grid too is planned once, and is of both curves.
#[test]
fn the_same_training_is_one_cell() {
    let plan = plan_with(
        "[grid]\n\"train.steps\" = [100, 200]\n[sweep]\ndoubled_at_load = 1.0\n",
        &[],
    );
    let steps = |cell: &PlannedCell| (cell.settings.train.steps, cell.curve().doubled);
    let found: Vec<_> = plan.cells.iter().map(steps).collect();
    assert_eq!(found, [(100, false), (200, false), (400, true)]);
    // It is the doubled partner of the other curve all the same, which would else have no gain.
    let [once, twice, _] = &plan.cells[..] else {
        panic!("{found:?}");
    };
    assert_eq!(once.curves.len(), 1);
    let of_both = twice.curves.iter();
    let of_both: Vec<_> = of_both
        .map(|curve| (curve.label.as_str(), curve.doubled))
        .collect();
    assert_eq!(of_both, [("steps=200", false), ("steps=100", true)]);
    assert_eq!(twice.curves[1].group, once.curve().group);
    assert_eq!(twice.row()[7], "twice the steps of steps=100");
    // Two loads that round to the same size, and seeds that all else overrules.
    let loads = plan_with("[grid]\n\"data.load\" = [1.0, 1.0001]\n", &[]);
    assert_eq!(loads.cells.len(), 1);
    let seeds = plan_with(
        "[grid]\nseed = [0, 1]\n",
        &["source.seed=1", "data.seed=1", "train.seed=1"],
    );
    assert_eq!(
        seeds.cells.len(),
        1,
        "a seed that changes nothing makes no second run"
    );
}

#[test]
fn overrides_replace_what_the_file_says() {
    let grid = "[grid]\n\"model.layers\" = [1, 2]\n\"data.samples\" = [5, 6]\n";
    assert_eq!(plan_with(grid, &[]).cells.len(), 4);
    assert_eq!(plan_with(grid, &["model.layers=3"]).cells.len(), 2);
    assert_eq!(plan_with(grid, &["data.load=1"]).cells.len(), 2);
    assert_eq!(plan_with(grid, &["grid.data.load=[1,2,3]"]).cells.len(), 6);
    assert_eq!(
        plan_with(grid, &["grid.\"data.samples\"=[1]"]).cells.len(),
        2
    );
    assert_eq!(plan_with(grid, &["grid.train.steps=[1, 2]"]).cells.len(), 8);
    assert_eq!(plan_with("", &["grid.model.layers=[1,2,3]"]).cells.len(), 3);
    assert_eq!(
        only(&["train.steps=5", "train.steps=6"])
            .settings
            .train
            .steps,
        6
    );
    assert_eq!(plan_with("", &["name=other"]).name, "other");
    let cell = only(&[
        "train.optimizer=muon",
        "train.batch=full",
        "engine.device = \"ndarray\"",
    ]);
    assert_eq!(cell.settings.train.adam_learning_rate, Some(0.005));
    assert_eq!(cell.settings.engine.device, "ndarray".parse().unwrap());
    assert_eq!(only(&["train={steps=3, batch=4}"]).settings.train.steps, 3);
    assert_eq!(only(&["\"train.steps\"=4"]).settings.train.steps, 4);
}

/// Written out, the default is the same training.
#[test]
fn defaults_written_out_are_the_same_cell() {
    let muon = only(&["train.optimizer=muon"]);
    assert_eq!(
        muon.name,
        only(&["train.optimizer=muon", "train.adam_learning_rate=0.005"]).name
    );
    assert_eq!(
        only(&[]).name,
        only(&["model.mlp_ratio=4", "train.weight_decay=0"]).name
    );
    let (base, without_heads) = (BASE, BASE.replace("heads = 2\n", ""));
    let planned = |text: &str, kind: &str, more: &[&str]| {
        let overrides = [&[kind], more].concat();
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        let experiment = Experiment::parse(text, "e.toml", &overrides).unwrap();
        experiment.plan().unwrap().cells.remove(0)
    };
    for kind in ["model.kind=gpt2", "model.kind=llama", "model.kind=moe"] {
        let (written, left_out) = (planned(base, kind, &[]), planned(&without_heads, kind, &[]));
        assert_eq!(written.name, left_out.name, "{kind}");
        // A head has an even width, since rotary positions turn its numbers in pairs.
        let odd = planned(&without_heads, kind, &["model.width=30"]);
        let one = planned(base, kind, &["model.width=30", "model.heads=1"]);
        assert_eq!(odd.name, one.name, "{kind}");
    }
    let moe = [
        "model.mlp_width=86",
        "model.experts=8",
        "model.experts_per_token=2",
        "model.auxiliary_loss=0.02",
    ];
    assert_eq!(
        planned(base, "model.kind=moe", &moe).name,
        planned(base, "model.kind=moe", &[]).name
    );
}

/// What a file must say of a model is the same in every kind.
#[test]
fn one_grid_goes_through_every_kind() {
    let schema = experiment_schema();
    let kinds = &schema["properties"]["grid"]["properties"]["model.kind"]["items"]["enum"];
    let kinds: Vec<&str> = kinds
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind.as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"gpt2") && kinds.contains(&"moe"),
        "{kinds:?}"
    );
    let text = BASE.replace("heads = 2\n", "tied_head = false\nstart_token = true\n");
    let text = text.replace("width = 32\n", "");
    let grid = format!("[grid]\n\"model.kind\" = {kinds:?}\n\"model.width\" = [6, 32]\n");
    let plan = Experiment::parse(&(text + &grid), "e.toml", &[])
        .unwrap()
        .plan()
        .unwrap();
    assert_eq!(plan.cells.len(), 2 * kinds.len());
    let labels: Vec<&str> = plan
        .cells
        .iter()
        .map(|cell| cell.curve().label.as_str())
        .collect();
    for (cells, kind) in plan.cells.chunks(2).zip(kinds) {
        assert_eq!(cells[0].settings.model.kind().as_str(), kind);
        assert!(
            labels.contains(&&*format!("kind={kind}, width=32")),
            "{labels:?}"
        );
    }
}

/// Fewer parameters than there are take part in a prediction only where experts are chosen.
#[test]
fn active_parameters_are_told_where_there_are_fewer() {
    let parameters = |overrides: &[&str]| only(overrides).row()[2].clone();
    assert_eq!(parameters(&[]), only(&[]).settings.parameters().to_string());
    // V = 2,048 and d = 32: embedding, norms, attention, router, and experts of 3 x 86 x 32 each.
    let rest = 2048 * 32 + 3 * 32 + 4 * 32 * 32 + 8 * 32;
    assert_eq!(
        parameters(&["model.kind=moe"]),
        format!("{} ({} active)", rest + 8 * 8256, rest + 2 * 8256)
    );
}

#[test]
fn names_say_the_sizes() {
    let cell = only(&["seed=3", "data.samples=346"]);
    let name = format!("l1-w32-n346-t100-s3-{}", cell.settings.hash8());
    assert_eq!(cell.name, name);
    assert_eq!(cell.settings.hash8().len(), 8);
}

/// Folders of cells that are trained are found again by their names: a change of any of these is a
/// change of what users have on their disks.
#[test]
fn names_stay_what_they_were() {
    assert_eq!(only(&[]).name, "l1-w32-n10-t100-s0-4595afb6");
    assert_eq!(only(&[]).curve().group, "963ba55d");
}

/// Also GPT-2, whose kind no cell's settings have written out.
#[test]
fn each_kind_of_model_can_be_picked() {
    let plan = plan_with("", &[r#"grid.model.kind=["gpt2", "llama"]"#]);
    for kind in [ModelKind::Gpt2, ModelKind::Llama] {
        let picked = plan.only(&[format!("model.kind={kind}")]).unwrap();
        assert!(!picked.is_empty());
        let kinds = picked.iter().map(|cell| cell.settings.model.kind());
        assert!(kinds.eq(picked.iter().map(|_| kind)), "{kind}");
    }
    let wrong = plan.only(&["model.kind=gru".to_owned()]).unwrap_err();
    assert!(
        wrong.to_string().contains(r#"it is "gpt2", "llama""#),
        "{wrong}"
    );
}

/// Names and curves of every cell that was published, as the versions that trained it had them.
#[test]
fn no_published_cell_is_renamed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for experiment in ["quick", "double-descent", "exposure", "oracle-choice"] {
        let file = root
            .join("experiments")
            .join(experiment)
            .with_extension("toml");
        let plan = Experiment::read(&file, &[]).unwrap().plan().unwrap();
        let planned: BTreeSet<(String, String)> = plan
            .cells
            .iter()
            .map(|cell| (cell.name.clone(), cell.curve().group.clone()))
            .collect();
        let published = root.join("outputs/published").join(experiment);
        let runs = ["runs.csv", "runs-source.csv"].map(|name| published.join(name));
        let runs = runs.iter().find(|path| path.is_file()).unwrap();
        let mut runs = csv::Reader::from_path(runs).unwrap();
        let published: BTreeSet<(String, String)> = runs
            .records()
            .map(|row| row.unwrap())
            .map(|row| (row[0].to_owned(), row[1].to_owned()))
            .collect();
        assert!(!published.is_empty());
        assert_eq!(planned, published, "{experiment}");
    }
}

#[test]
fn the_quick_experiment() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/quick.toml");
    let plan = Experiment::read(&path, &[]).unwrap().plan().unwrap();
    let distinct = |of: &dyn Fn(&PlannedCell) -> String| {
        plan.cells
            .iter()
            .map(of)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    assert!(distinct(&|cell| cell.curve().group.clone()) >= 3);
    assert!(distinct(&|cell| cell.settings.seed.to_string()) >= 2);
    for group in plan.cells.iter().map(|cell| &cell.curve().group) {
        let curve = plan
            .cells
            .iter()
            .filter(|cell| cell.curve().group == *group && !cell.curve().doubled);
        let loads: Vec<f64> = curve
            .clone()
            .map(|cell| cell.settings.load().unwrap())
            .collect();
        assert!(loads.iter().any(|load| *load < 0.27) && loads.iter().any(|load| *load > 3.9));
        let doubled = plan
            .cells
            .iter()
            .filter(|cell| cell.curve().group == *group && cell.curve().doubled);
        assert!(doubled.clone().count() >= 2);
        assert!(
            doubled
                .clone()
                .all(|cell| (cell.settings.load().unwrap() - 4.0).abs() < 0.05)
        );
    }
}

#[test]
fn cells_read_back_what_they_write() {
    for overrides in [
        vec![],
        vec![
            "train.optimizer=muon",
            "train.clip_norm=1.5",
            "train.micro_batch=3",
        ],
        vec![
            "train.batch=8",
            "train.learning_rate=1.2e-38",
            "measure.fresh=false",
        ],
        vec!["seed=9223372036854775807", "engine.device=ndarray"],
        vec!["train.rate_factors={wte=2.0, c_attn=0.5}"],
    ] {
        let settings = only(&overrides).settings;
        let text = settings.to_toml();
        assert_eq!(
            CellSettings::from_toml(&text, "cell.toml").unwrap(),
            settings,
            "{text}"
        );
    }
}

/// A source inside of a source, lists in it, and keys that only other kinds have.
/// A model without a kind is a GPT-2; saying so makes no other cell. Also in JSON, where the settings
/// of a cell are handed from one process to another.
#[test]
fn gpt2_is_the_kind_that_need_not_be_named() {
    let (named, unnamed) = (only(&["model.kind=gpt2"]).settings, only(&[]).settings);
    assert_eq!(named, unnamed);
    assert_eq!(named.name(), unnamed.name());
    let json = serde_json::to_string(&named).unwrap();
    assert!(!json.contains("\"kind\":\"gpt2\""), "{json}");
    assert_eq!(serde_json::from_str::<CellSettings>(&json).unwrap(), named);
    let with_kind = json.replace("\"model\":{", "\"model\":{\"kind\":\"gpt2\",");
    assert_eq!(
        serde_json::from_str::<CellSettings>(&with_kind).unwrap(),
        named
    );
    for wrong in ["\"kind\":\"gpt3\",", "\"size\":3,"] {
        let json = json.replace("\"model\":{", &format!("\"model\":{{{wrong}"));
        assert!(serde_json::from_str::<CellSettings>(&json).is_err());
    }
}

/// Kinds are crossed with the rest as any setting is; every cell reads back, and is named by its kind.
#[test]
fn a_grid_may_go_through_kinds() {
    let grid = "[grid]\nmodel.kind = [\"gpt2\", \"llama\"]\n\"model.width\" = [8, 16]\n";
    let plan = plan_with(grid, &[]);
    let names = plan
        .cells
        .iter()
        .map(|cell| cell.name.split("-n").next().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["l1-w8", "l1-w16", "llama-l1-w8", "llama-l1-w16"]
    );
    let mut labels = plan.cells.iter().map(|cell| &cell.curve().label[..]);
    assert_eq!(labels.next_back(), Some("kind=llama, width=16"));
    let groups: BTreeSet<_> = plan.cells.iter().map(|cell| &cell.curve().group).collect();
    assert_eq!(groups.len(), 4);
    for cell in &plan.cells {
        let settings = &cell.settings;
        let text = settings.to_toml();
        let read = CellSettings::from_toml(&text, "cell.toml").unwrap();
        assert_eq!((&read, read.name()), (settings, settings.name()), "{text}");
        let json = serde_json::to_string(settings).unwrap();
        assert_eq!(
            &serde_json::from_str::<CellSettings>(&json).unwrap(),
            settings
        );
    }
}

/// A list of sections varies settings that belong together, beside what the section itself says of all of them.
#[test]
fn a_grid_may_go_through_sections() {
    let text = BASE.replace(
        "[source]\nkind = \"uniform\"\nvocabulary = 2048\nlength = 64\n",
        "",
    );
    let grid = "[grid]\nmodel = [{kind = \"gpt2\", width = 8, heads = 1}, {kind = \"lstm\", width = 12}]\n\
                source = [{kind = \"parity\", inputs = 9, subset = 3}, {kind = \"parity\", inputs = 9, subset = 4}]\n\
                \"data.samples\" = [4, 8]\n";
    let text = format!("{text}{grid}")
        .replace("width = 32\n", "")
        .replace("heads = 2\n", "");
    let text = text.replace("[model]", "[model]\nstart_token = true");
    let read = |overrides: &[String]| {
        let plan = Experiment::parse(&text, "e.toml", overrides).and_then(|e| e.plan());
        plan.unwrap_or_else(|error| panic!("{error}\n{text}"))
    };
    let plan = read(&[]);
    let told = plan.cells.iter().map(|cell| {
        let model = cell.settings.model.summary();
        (
            cell.curve().label.as_str(),
            model,
            cell.settings.data.samples,
        )
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("kind=gpt2, subset=3", "l1-w8".to_owned(), 4),
            ("kind=gpt2, subset=3", "l1-w8".to_owned(), 8),
            ("kind=gpt2, subset=4", "l1-w8".to_owned(), 4),
            ("kind=gpt2, subset=4", "l1-w8".to_owned(), 8),
            ("kind=lstm, subset=3", "lstm-l1-w12".to_owned(), 4),
            ("kind=lstm, subset=3", "lstm-l1-w12".to_owned(), 8),
            ("kind=lstm, subset=4", "lstm-l1-w12".to_owned(), 4),
            ("kind=lstm, subset=4", "lstm-l1-w12".to_owned(), 8),
        ]
    );
    let names: BTreeSet<_> = plan.cells.iter().map(|cell| &cell.name).collect();
    assert_eq!(names.len(), 8);
    // An override takes the place of the whole list, and leaves what the section says of all.
    let plan = read(&["grid.model=[{kind=\"gru\", width=4}]".to_owned()]);
    assert_eq!(plan.cells.len(), 4);
    assert!(
        plan.cells
            .iter()
            .all(|cell| cell.settings.model.kind() == ModelKind::Gru)
    );
}

#[test]
fn cells_of_other_sources_read_back_too() {
    let sources = [
        "kind='coin', length=16, prior=[0.5, 0.5], probabilities=[0.1, 0.9]",
        "kind='linear', length=16, inputs=8, outputs=8, flip=0.25",
        "kind='copies', law='constant', count=3, of={kind='uniform', vocabulary=64, length=16}",
    ];
    for (i, source) in sources.iter().enumerate() {
        let text = BASE.replace(
            "[source]\nkind = \"uniform\"\nvocabulary = 2048\nlength = 64\n",
            "",
        );
        let text = text.replacen("\n\n", &format!("\nsource = {{{source}}}\n\n"), 1);
        let overrides = ["model.start_token=true".to_owned(), "seed=3".to_owned()];
        let plan = Experiment::parse(&text, "e.toml", &overrides).and_then(|e| e.plan());
        let settings = plan
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
            .cells
            .remove(0)
            .settings;
        assert_eq!(settings.source.seed(), 3);
        let written = settings.to_toml();
        let read = CellSettings::from_toml(&written, "cell.toml");
        let read = read.unwrap_or_else(|error| panic!("{i}: {error}\n{written}"));
        assert_eq!(read, settings, "{written}");
        assert_eq!(read.name(), settings.name());
    }
}

#[test]
fn tables_are_aligned() {
    let rows = [["1", "a"], ["20", "bcd"]].map(|row| row.map(String::from).to_vec());
    assert_eq!(
        text_table(&["n", "name"], &rows),
        " n  name\n 1  a\n20  bcd\n"
    );
    let rows = [["é", "1,024", "+0.5 %", "-"], ["bcd", "-", "-12 %", "1e9"]];
    let rows = rows.map(|row| row.map(String::from));
    assert_eq!(
        text_table(&["", "n", "of it", ""], &rows),
        "         n   of it\né    1,024  +0.5 %    -\nbcd      -   -12 %  1e9\n"
    );
    let plan = plan_with(
        "[grid]\nseed = [0, 10]\n[sweep]\ndoubled_at_load = 1.0\n",
        &[],
    );
    let rows: Vec<_> = plan.cells.iter().map(PlannedCell::row).collect();
    let table = text_table(&PlannedCell::HEADINGS, &rows);
    assert_eq!(table.lines().count(), 5);
    assert_eq!(table.matches("twice the steps").count(), 2);
}
