//! Every way an experiment can be wrong: one clear error that names the key, the place, what was
//! found and what would be allowed.

use std::path::Path;

use bitcap_sweep::{CellSettings, Experiment, MAX_FILE_BYTES};

const GOOD: &str = r#"name = "good"

[source]
kind = "uniform"
vocabulary = 64
length = 16

[model]
layers = 1
width = 8
heads = 2

[train]
learning_rate = 0.01
steps = 100

[data]
samples = 10
"#;

fn plan_error(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    match Experiment::parse(text, "e.toml", &overrides).and_then(|experiment| experiment.plan()) {
        Ok(plan) => panic!(
            "accepted as {} cells: {text}\n{overrides:?}",
            plan.cells.len()
        ),
        Err(error) => error.to_string(),
    }
}

/// Line 1 to 18 of the good file replaced: (line, replacement, error).
#[track_caller]
fn expect(from: &str, to: &str, error: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    assert_eq!(plan_error(&GOOD.replace(from, to), &[]), error);
}

#[track_caller]
fn expect_grid(grid: &str, error: &str) {
    let text = GOOD.replace("width = 8\n", "") + "[grid]\n" + grid + "\n";
    assert_eq!(plan_error(&text, &[]), error);
}

#[track_caller]
fn expect_set(text: &str, error: &str) {
    assert_eq!(plan_error(GOOD, &[text]), error);
}

#[test]
fn the_good_file_is_good() {
    let plan = Experiment::parse(GOOD, "e.toml", &[])
        .unwrap()
        .plan()
        .unwrap();
    assert_eq!(plan.cells.len(), 1);
}

#[test]
fn unknown_keys() {
    expect(
        "width = 8",
        "widht = 8",
        "e.toml:10:1: unknown key `model.widht` (did you mean `model.width`?); allowed: \
         model.layers, model.width, model.heads, model.mlp_ratio, model.tied_head, \
         model.start_token, model.initialization",
    );
    expect(
        "vocabulary = 64",
        "vocabulary = 64\nvocabulry = 3",
        "e.toml:6:1: unknown key `source.vocabulry` (did you mean `source.vocabulary`?); allowed: \
         source.kind, source.vocabulary, source.length, source.seed",
    );
    expect(
        "[data]",
        "[dataset]",
        "e.toml:17:2: unknown key `dataset`; allowed: name, seed, source, data, model, train, \
         measure, engine, sweep, grid",
    );
    expect(
        "samples = 10",
        "samples = 10\nsizes = 3",
        "e.toml:19:1: unknown key `data.sizes`; allowed: data.seed, data.samples, data.load",
    );
    expect_grid(
        "\"model.widths\" = [8]",
        "e.toml:19:1: unknown key `model.widths` (did you mean `model.width`?); allowed: \
         model.layers, model.width, model.heads, model.mlp_ratio, model.tied_head, \
         model.start_token, model.initialization",
    );
    for key in [
        "name",
        "measure.fresh",
        "engine.jobs",
        "sweep.doubled_at_load",
        "model",
        "x.y",
    ] {
        expect_grid(
            &format!("\"{key}\" = [1]"),
            &format!(
                "e.toml:19:1: unknown key `grid.{key}`; allowed: grid.seed, grid.source.*, \
                 grid.data.*, grid.model.*, grid.train.*"
            ),
        );
    }
}

#[test]
fn wrong_types() {
    let integer = "it must be an integer from 0 to 2^63 - 1";
    expect(
        "steps = 100",
        "steps = \"many\"",
        &format!("e.toml:15:9: `train.steps` is \"many\"; {integer}"),
    );
    expect(
        "steps = 100",
        "steps = 1.5",
        &format!("e.toml:15:9: `train.steps` is 1.5; {integer}"),
    );
    expect(
        "width = 8",
        "width = -8",
        "e.toml:10:9: `model.width` is -8; it must be an integer from 0 to 4294967295",
    );
    expect(
        "length = 16",
        "length = true",
        "e.toml:6:10: `source.length` is true; it must be an integer from 0 to 4294967295",
    );
    expect(
        "steps = 100",
        "steps = 100\nbetas = [0.9]",
        "e.toml:16:9: `train.betas` is [0.9]; it must be a list of length 2",
    );
    expect(
        "steps = 100",
        "steps = 100\nbetas = [0.9, 0.99, 0.999]",
        "e.toml:16:9: `train.betas` is [0.9, 0.99, 0.999]; it must be a list of length 2",
    );
    expect(
        "steps = 100",
        "steps = 100\nbetas = [0.9, \"x\"]",
        "e.toml:16:15: `train.betas[1]` is \"x\"; it must be a number",
    );
    expect(
        "steps = 100",
        "steps = 100\noptimizer = \"sgd\"",
        "e.toml:16:13: `train.optimizer` is \"sgd\"; it must be one of \"adam\", \"adamw\", \"muon\"",
    );
    expect(
        "\"uniform\"",
        "\"coin toss\"",
        "e.toml:4:8: `source.kind` is \"coin toss\"; it must be \"uniform\"",
    );
    expect(
        "steps = 100",
        "steps = 1979-05-27",
        &format!("e.toml:15:9: `train.steps` is the date 1979-05-27; {integer}"),
    );
    expect(
        "name = \"good\"",
        "name = 3",
        "e.toml:1:8: `name` is 3; it must be text in quotes",
    );
    expect_set(
        "model=3",
        "in --set model=3: `model` is 3; it must be a section",
    );
    expect_set(
        "model=[1, 8, 2]",
        "in --set model=[1, 8, 2]: `model` is [1, 8, 2]; it must be a section",
    );
    expect_set(
        "source=[]",
        "in --set source=[]: `source` is []; it must be a section",
    );
    let list = GOOD.replace("[model]", "[[model]]");
    assert!(plan_error(&list, &[]).contains("`model` is [a section]; it must be a section"));
}

#[test]
fn impossible_values() {
    expect(
        "= 64",
        "= 1",
        "e.toml:5:14: `source.vocabulary` is 1; it must be from 2 to 65536",
    );
    expect(
        "= 64",
        "= 65537",
        "e.toml:5:14: `source.vocabulary` is 65537; it must be from 2 to 65536",
    );
    expect(
        "= 16",
        "= 0",
        "e.toml:6:10: `source.length` is 0; it must be from 1 to 4096",
    );
    expect(
        "= 16",
        "= 1",
        "e.toml:6:10: `source.length` is 1; it must be at least 2, or 1 with model.start_token = \
         true: without a start token the first token of a sequence is not predicted",
    );
    expect(
        "heads = 2",
        "heads = 0",
        "e.toml:11:9: `model.heads` is 0; it must be from 1 to 8",
    );
    expect(
        "heads = 2",
        "heads = 3",
        "e.toml:11:9: `model.heads` is 3; it must be a divisor of model.width, which is 8",
    );
    expect(
        "samples = 10",
        "samples = 0",
        "e.toml:18:11: `data.samples` is 0; it must be from 1 to 68719476736: a dataset of \
         sequences of 16 has at most 2^40 tokens",
    );
    expect(
        "samples = 10",
        "samples = 68719476737",
        "e.toml:18:11: `data.samples` is 68719476737; it must be from 1 to 68719476736: a dataset \
         of sequences of 16 has at most 2^40 tokens",
    );
    expect(
        "steps = 100",
        "steps = 0",
        "e.toml:15:9: `train.steps` is 0; it must be from 1 to 1000000000",
    );
    expect(
        "name = \"good\"",
        "name = \"good\"\nseed = -1",
        "e.toml:2:8: `seed` is -1; it must be an integer from 0 to 2^63 - 1",
    );
    expect(
        "samples = 10",
        "samples = 10\nseed = -1",
        "e.toml:19:8: `data.seed` is -1; it must be an integer from 0 to 2^63 - 1",
    );
    expect(
        "samples = 10",
        "samples = 9223372036854775808",
        "e.toml:18:11: `data.samples` is 9223372036854775808; it must be between -2^63 and 2^63 - 1",
    );
    for number in ["nan", "inf", "-inf", "1e999"] {
        expect(
            "0.01",
            number,
            &format!("e.toml:14:17: `train.learning_rate` is {number}; it must be a finite number"),
        );
    }
    for (section, key) in [("measure", "metrics_every"), ("engine", "jobs")] {
        expect_set(
            &format!("{section}.{key}=0"),
            &format!("in --set {section}.{key}=0: `{section}.{key}` is 0; it must be at least 1"),
        );
    }
    expect_set(
        "sweep.doubled_at_load=0",
        "in --set sweep.doubled_at_load=0: `sweep.doubled_at_load` is 0.0; it must be a number above 0",
    );
    for name in ["", ".", "..", ".hidden", "a/b", "a b", "ü", "../up"] {
        let error = plan_error(&GOOD.replace("good", name), &[]);
        assert!(
            error.starts_with(&format!("e.toml:1:8: `name` is {name:?}; it must be")),
            "{error}"
        );
    }
    plan_error(&GOOD.replace("good", &"x".repeat(101)), &[]);
}

/// 10^9 steps of 2^36 sequences of 15 predicted tokens are more than 2^64.
#[test]
fn trainings_beyond_counting() {
    let text = GOOD
        .replace("samples = 10", "samples = 68719476736")
        .replace("= 100", "= 1000000000");
    let error = plan_error(&text, &[]);
    assert!(
        error.starts_with("e.toml:15:9: `train.steps` is 1000000000; it must be fewer"),
        "{error}"
    );
}

#[test]
fn impossible_loads() {
    expect(
        "samples = 10",
        "load = 0",
        "e.toml:18:8: `data.load` is 0.0; it must be a number above 0",
    );
    let error = plan_error(&GOOD.replace("samples = 10", "load = 1e-6"), &[]);
    assert!(
        error.starts_with("e.toml:18:8: `data.load` is 1e-6; it must be larger"),
        "{error}"
    );
    let error = plan_error(&GOOD.replace("samples = 10", "load = 1e300"), &[]);
    assert!(
        error.starts_with("e.toml:18:8: `data.load` is 1e300; it must be smaller"),
        "{error}"
    );
    expect(
        "samples = 10",
        "samples = 10\nload = 1.0",
        "e.toml:19:8: `data.load` is 1.0; it must be left out where data.samples is given: one of \
         the two is the size",
    );
    expect(
        "samples = 10",
        "",
        "e.toml:17:2: neither `data.samples` nor `data.load` is given; give one of them, in [data] \
         or in [grid]",
    );
}

#[test]
fn missing_keys_and_sections() {
    expect(
        "heads = 2\n",
        "",
        "e.toml:8:1: `model.heads` is missing; it has no default",
    );
    expect(
        "kind = \"uniform\"\n",
        "",
        "e.toml:3:1: `source.kind` is missing; it has no default",
    );
    expect(
        "name = \"good\"\n",
        "",
        "e.toml: `name` is missing; it has no default",
    );
    assert_eq!(
        plan_error("", &[]),
        "e.toml: `name` is missing; it has no default"
    );
    assert_eq!(
        plan_error("name = \"x\"", &[]),
        "e.toml: `source.kind` is missing; it has no default"
    );
    let source = GOOD.split("[model]").next().unwrap();
    assert_eq!(
        plan_error(source, &["data.samples=1"]),
        "e.toml: `model.layers` is missing; it has no default"
    );
}

#[test]
fn impossible_grids() {
    let list = "it must be a list of at least one value";
    expect_grid(
        "\"model.width\" = []",
        &format!("e.toml:19:17: `grid.model.width` is []; {list}"),
    );
    expect_grid(
        "\"model.width\" = 8",
        &format!("e.toml:19:17: `grid.model.width` is 8; {list}"),
    );
    expect_grid(
        "\"model.width\" = [8, 16, 8]",
        "e.toml:19:25: `grid.model.width` is 8; it must be in the list once",
    );
    expect_grid(
        "\"train.weight_decay\" = [0, 0.0]",
        "e.toml:19:28: `grid.train.weight_decay` is 0.0; it must be in the list once",
    );
    expect_grid(
        "\"model.width\" = [8, \"16\"]",
        "e.toml:19:21: `model.width` is \"16\"; it must be an integer from 0 to 4294967295",
    );
    expect_grid(
        "\"model.width\" = [8, 9]\n\"seed\" = [4, 5]",
        "e.toml:10:9: `model.heads` is 2; it must be a divisor of model.width, which is 9 (at the \
         grid point model.width = 9)",
    );
    expect_grid(
        "\"model.width\" = [8, 16]\n\"data.load\" = [1.0, 1e-3]",
        "e.toml:20:21: `data.load` is 0.001; it must be larger: this is less than half a sequence; \
         one sequence is a load of 1.75e-2 for this model (at the grid point model.width = 8, \
         data.load = 0.001)",
    );
    expect_grid(
        "\"model.heads\" = [1, 2]",
        "e.toml:19:1: `model.heads` is given twice, first at e.toml:10:1; give it once",
    );
    expect_grid(
        "\"model.width\" = [8]\nmodel.width = [16]",
        "e.toml:20:7: `model.width` is given twice, first at e.toml:19:1; give it once",
    );
    expect_grid(
        "\"model.width\" = [8]\n\"model.width\" = [16]",
        "e.toml:20:1: not valid TOML: duplicate key",
    );
    expect_grid(
        "\"data.load\" = [1.0]\n\"data.samples\" = [1]",
        "e.toml:20:1: `data.samples` is [1]; it must be left out where the grid has data.load",
    );
    assert_eq!(
        plan_error(&format!("grid = 3\n{GOOD}"), &[]),
        "e.toml:1:8: `grid` is 3; it must be a section"
    );
}

/// The count stops at the limit, so that no product overflows and nothing is expanded.
#[test]
fn grids_of_a_million_cells() {
    let thousand = (1..=1000)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    expect_grid(
        &format!("\"data.samples\" = [{thousand}]\n\"seed\" = [{thousand}]"),
        "e.toml:20:1: the grid has more than 100000 cells (1000 x 1000); take values out of its lists",
    );
    let seeds = [
        "\"seed\"",
        "\"data.seed\"",
        "\"train.seed\"",
        "\"source.seed\"",
        "\"data.samples\"",
        "\"train.steps\"",
        "\"model.width\"",
    ];
    let grid: Vec<String> = seeds
        .iter()
        .map(|key| format!("{key} = [{thousand}]"))
        .collect();
    let error = plan_error(&(GOOD.to_owned() + "[grid]\n" + &grid.join("\n")), &[]);
    assert!(
        error.contains("the grid has more than 100000 cells (1000 x 1000)"),
        "{error}"
    );
    let many = (0..100_001)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let error = plan_error(&(GOOD.to_owned() + "[grid]\nseed = [" + &many + "]"), &[]);
    assert_eq!(
        error,
        "e.toml:20:1: the grid has more than 100000 cells (100001); take values out of its lists"
    );
}

#[test]
fn doubling_at_a_load_that_is_not_there() {
    let text = GOOD.replace("samples = 10", "load = 1.0") + "[sweep]\ndoubled_at_load = 2.0\n";
    assert_eq!(
        plan_error(&text, &[]),
        "e.toml:20:19: `sweep.doubled_at_load` is 2.0; it must be one of the loads in the plan: 1.0"
    );
    let error = plan_error(GOOD, &["sweep.doubled_at_load=1", "train.steps=600000000"]);
    assert!(
        error.starts_with(
            "in --set train.steps=600000000: `train.steps` is 1200000000 once doubled for \
             sweep.doubled_at_load; it must be from 1 to 1000000000"
        ),
        "{error}"
    );
}

#[test]
fn malformed_overrides() {
    let shape = "it must be key=value, as in --set train.steps=500";
    expect_set(
        "train.steps",
        &format!("in --set train.steps: there is no `=`; {shape}"),
    );
    expect_set("", &format!("in --set : it sets no key; {shape}"));
    expect_set(
        "[train]",
        &format!("in --set [train]: it sets no key; {shape}"),
    );
    expect_set(
        "a=1\nb=2",
        &format!("in --set a=1\nb=2: it has more than one line; {shape}"),
    );
    expect_set(
        "train.steps=[1",
        "in --set train.steps=[1: not valid TOML: unclosed array, expected `]`",
    );
    expect_set(
        "train.steps=12abc",
        "in --set train.steps=12abc: `train.steps` is \"12abc\"; it must be an integer from 0 to 2^63 - 1",
    );
    expect_set(
        "grid=3",
        "in --set grid=3: `grid` is 3; it must be a section",
    );
    expect_set(
        "grid.name=[\"a\"]",
        "in --set grid.name=[\"a\"]: unknown key `grid.name`; allowed: grid.seed, grid.source.*, \
         grid.data.*, grid.model.*, grid.train.*",
    );
    assert!(plan_error(GOOD, &["train.step=5"]).starts_with(
        "in --set train.step=5: unknown key `train.step` (did you mean `train.steps`?); allowed: "
    ));
    assert!(
        plan_error(GOOD, &["name.x=5"])
            .starts_with("e.toml:1:8: `name` is \"good\"; it must be a section")
    );
}

#[test]
fn files_that_are_no_experiments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.toml");
    let read = |path: &Path| Experiment::read(path, &[]).unwrap_err().to_string();

    assert!(read(&path).starts_with(&format!("{}: cannot be read: ", path.display())));
    assert!(read(folder.path()).contains("cannot be read"));

    std::fs::write(&path, b"name = \"x\"\nseed = \xff\n").unwrap();
    assert!(read(&path).starts_with(&format!("{}:2:8: not UTF-8", path.display())));

    std::fs::write(&path, vec![b'\n'; MAX_FILE_BYTES as usize + 1]).unwrap();
    assert!(read(&path).contains("is larger than 1048576 bytes"));
    std::fs::write(&path, vec![b'\n'; MAX_FILE_BYTES as usize]).unwrap();
    assert!(read(&path).contains("`name` is missing"));

    std::fs::write(&path, GOOD.replace("[data]", "[data")).unwrap();
    assert!(
        read(&path).starts_with(&format!("{}:17:6: not valid TOML: ", path.display())),
        "{}",
        read(&path)
    );

    std::fs::write(&path, b"\x00\x01\x02").unwrap();
    assert!(read(&path).contains("not valid TOML"));
}

#[test]
fn errors_stay_short() {
    let long = "x".repeat(100_000);
    let error = plan_error(
        &GOOD.replace("steps = 100", &format!("steps = \"{long}\"")),
        &[],
    );
    assert!(error.len() < 300, "{} bytes", error.len());
    let deep = "[".repeat(100_000);
    plan_error(&format!("{GOOD}\nx = {deep}"), &[]);
}

#[test]
fn cell_files_are_read_as_strictly() {
    let plan = Experiment::parse(GOOD, "e.toml", &[])
        .unwrap()
        .plan()
        .unwrap();
    let text = plan.cells[0].settings.to_toml();
    let error = |text: &str| {
        CellSettings::from_toml(text, "cell.toml")
            .unwrap_err()
            .to_string()
    };
    assert!(
        error(&format!("name = \"x\"\n{text}")).starts_with("cell.toml:1:1: unknown key `name`")
    );
    assert!(error(&text.replace("width", "widht")).contains("did you mean `model.width`?"));
    assert!(error(&text.replace("steps = 100", "steps = 0")).contains("`train.steps` is 0;"));
    assert!(error(&text.replace("steps = 100\n", "")).contains("`train.steps` is missing"));
    assert!(error(&text[..text.len() / 2]).starts_with("cell.toml"));
    for section in ["source", "data", "model", "train"] {
        let seedless: String = text.replacen(&format!("[{section}]"), "[measure]", 1);
        assert!(error(&seedless).starts_with("cell.toml"), "{section}");
    }
    assert_eq!(error(""), "cell.toml: `seed` is missing; it has no default");
}
