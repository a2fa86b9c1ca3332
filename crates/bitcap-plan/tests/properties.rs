//! What must hold for any experiment, and for any text that is none.

use std::collections::{HashMap, HashSet};

use std::path::Path;

use bitcap_plan::{CellSettings, CellTask, Experiment};
use proptest::collection::{hash_set, vec};
use proptest::prelude::*;

/// Sections of an experiment, to be put in any order.
fn sections(samples: u64, width: u32, steps: u64, rate: f64) -> Vec<String> {
    vec![
        "[source]\nkind = \"uniform\"\nvocabulary = 16\nlength = 8\n".into(),
        format!("[data]\nsamples = {samples}\n"),
        format!("[model]\nlayers = 1\nwidth = {width}\nheads = 1\n"),
        format!("[train]\nlearning_rate = {rate:?}\nsteps = {steps}\n"),
        "[measure]\nfresh = true\n".into(),
        "[engine]\ndevice = \"flex\"\n".into(),
    ]
}

fn parse(text: &str, overrides: &[String]) -> Experiment {
    Experiment::parse(text, "e.toml", overrides).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn one(text: &str, overrides: &[String]) -> CellSettings {
    parse(text, overrides)
        .plan()
        .unwrap()
        .cells
        .remove(0)
        .settings
}

/// Overrides that change what is trained, and a few that do not.
const TRAINING: [&str; 25] = [
    "source.vocabulary=17",
    "source.length=9",
    "source.seed=1",
    "data.samples=12345",
    "data.seed=1",
    "model.layers=2",
    "model.width=1000",
    "model.mlp_ratio=2",
    "model.tied_head=false",
    "model.start_token=true",
    "model.initialization=fan_in",
    "train.seed=1",
    "train.steps=123456",
    "train.optimizer=adamw",
    "train.optimizer=muon",
    "train.learning_rate=0.123",
    "train.betas=[0.8, 0.99]",
    "train.epsilon=1e-9",
    "train.weight_decay=0.1",
    "train.schedule=constant",
    "train.decay_fraction=0.5",
    "train.clip_norm=1",
    "train.polish_steps=7",
    "train.batch=7",
    "train.micro_batch=7",
];
const NOT_TRAINING: [&str; 5] = [
    "name=other",
    "measure.fresh=false",
    "measure.metrics_every=7",
    "engine.device=ndarray",
    "engine.jobs=3",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_hash_is_of_the_training(
        samples in 1_u64..10_000, width in 1_u32..500, steps in 1_u64..100_000, rate in 1e-6..0.1,
    ) {
        let text = "name = \"x\"\n".to_owned() + &sections(samples, width, steps, rate).concat();
        let base = one(&text, &[]);
        let mut hashes = HashSet::from([base.hash()]);
        for text_override in TRAINING {
            let changed = one(&text, &[text_override.to_owned()]);
            prop_assert!(hashes.insert(changed.hash()), "{}", text_override);
            let within = ["data.samples=12345", "data.seed=1", "source.seed=1", "train.seed=1"];
            prop_assert_eq!(
                changed.group() == base.group(), within.contains(&text_override), "{}", text_override
            );
        }
        for text_override in NOT_TRAINING {
            prop_assert_eq!(one(&text, &[text_override.to_owned()]).name(), base.name());
        }
    }

    #[test]
    fn the_order_of_sections_changes_nothing(
        order in Just(sections(10, 8, 100, 0.01)).prop_shuffle(),
    ) {
        let first = one(&("name = \"x\"\n".to_owned() + &sections(10, 8, 100, 0.01).concat()), &[]);
        let second = one(&("name = \"x\"\n".to_owned() + &order.concat()), &[]);
        prop_assert_eq!(first.to_toml(), second.to_toml());
        prop_assert_eq!(first.name(), second.name());
    }

    /// What a submission and a sweep's child are given is the cell as it was planned, whatever
    /// overrides made it.
    #[test]
    fn every_planned_cell_is_its_own_file(
        overrides in vec(prop::sample::select(&TRAINING[..]), 0..6),
        rate in (-87.3..88.7).prop_map(f64::exp),
        seeds in hash_set(0..i64::MAX, 1..4), widths in hash_set(1_u32..500, 1..4), load in 0.01..10.0,
    ) {
        let seeds: Vec<i64> = seeds.into_iter().collect();
        let widths: Vec<u32> = widths.into_iter().collect();
        let text = format!(
            "name = \"x\"\n{}[grid]\n\"seed\" = {seeds:?}\nmodel.heads = [1]\n",
            sections(10, 8, 100, rate).concat().replace("heads = 1\n", "")
        );
        let mut overrides: Vec<String> = overrides.into_iter().map(str::to_owned).collect();
        overrides.push(format!("grid.\"data.load\"=[{load:?}, {:?}]", 2.0 * load));
        overrides.push(format!("grid.\"model.width\"={widths:?}"));
        overrides.push(format!("sweep.doubled_at_load={load:?}"));
        let plan = parse(&text, &overrides).plan();
        for cell in plan.map_or_else(|_| Vec::new(), |plan| plan.cells) {
            let file = CellSettings::from_toml(&cell.settings.to_toml(), "cell.toml").unwrap();
            prop_assert_eq!(&file, &cell.settings);
            prop_assert_eq!(file.name(), cell.name.clone());
            let task = CellTask::new(cell.settings, Path::new("cells"), None, false);
            let read = CellTask::read_line(&mut task.to_line().as_bytes()).unwrap();
            prop_assert_eq!(read, task);
        }
    }

    #[test]
    fn cells_round_trip(
        samples in 1_u64..1 << 37, width in 1_u32..=65_536, steps in 1_u64..1_000_000,
        rate in (-87.3..88.7).prop_map(f64::exp),
        seed in 0..=i64::MAX as u64,
    ) {
        let text = format!("name = \"x\"\nseed = {seed}\n")
            + &sections(samples, width, steps, rate).concat();
        let settings = one(&text, &[]);
        let read = CellSettings::from_toml(&settings.to_toml(), "cell.toml").unwrap();
        prop_assert_eq!(&read, &settings);
        prop_assert_eq!(read.train.learning_rate.to_bits(), rate.to_bits());
        prop_assert_eq!(read.name(), settings.name());
        prop_assert!(read.name().chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }

    #[test]
    fn no_two_cells_have_one_name(
        widths in hash_set(1_u32..50, 1..4), loads in hash_set(1_u32..80, 1..5),
        seeds in hash_set(any::<u32>(), 1..4), doubled in any::<bool>(),
    ) {
        let sections = sections(1, 1, 10, 0.01);
        let loads: Vec<f64> = loads.into_iter().map(|load| f64::from(load) / 16.0).collect();
        let mut text = "name = \"x\"\n".to_owned() + &sections[0] + "[model]\nlayers = 1\nheads = 1\n"
            + &sections[3];
        text += &format!(
            "[grid]\n\"model.width\" = {widths:?}\n\"data.load\" = {loads:?}\nseed = {seeds:?}\n"
        ).replace('{', "[").replace('}', "]");
        if doubled {
            text += &format!("[sweep]\ndoubled_at_load = {:?}\n", loads[0]);
        }
        let plan = parse(&text, &[]).plan();
        // A load so small that it comes to no sequence is refused.
        prop_assume!(plan.is_ok());
        let plan = plan.unwrap();
        let mut names = HashMap::new();
        for (index, cell) in plan.cells.iter().enumerate() {
            prop_assert_eq!(cell.index, index);
            prop_assert_eq!(names.insert(cell.name.clone(), cell.settings.clone()), None);
        }
        prop_assert!(plan.cells.len() <= widths.len() * (loads.len() + 1) * seeds.len());
        prop_assert_eq!(plan.cells.iter().any(|cell| cell.curve().doubled), doubled);
    }

    #[test]
    fn garbage_is_an_error(text in "\\PC{0,200}") {
        prop_assert!(Experiment::parse(&text, "e.toml", &[]).and_then(|e| e.plan()).is_err());
        let _ = CellSettings::from_toml(&text, "cell.toml");
    }

    /// Pieces of TOML in any order: keys that are known, with values that may not fit.
    #[test]
    fn near_misses_never_panic(
        pieces in vec(prop::sample::select(vec![
            "[source]", "[model]", "[grid]", "[[grid]]", "[data]", "[train]", "[sweep]", "\n", "\n",
            "seed", "name", "width", "\"model.width\"", "samples", "load", "kind", "=", "=", "=",
            "[", "]", "{", "}", ",", "1", "-1", "nan", "1e999", "\"uniform\"", "'", "\"\"\"", ".",
            "9223372036854775807", "0x7f", "true", "é", "\u{feff}", "\r", "1979-05-27",
        ]), 0..40),
        overrides in vec("[a-z\"=.\\[\\]0-9]{0,12}", 0..3),
    ) {
        let text = pieces.concat();
        let _ = Experiment::parse(&text, "e.toml", &overrides).and_then(|e| e.plan());
        let good = "name = \"x\"\n".to_owned() + &sections(10, 8, 100, 0.01).concat();
        let _ = Experiment::parse(&(good.clone() + &text), "e.toml", &[]).and_then(|e| e.plan());
        let _ = Experiment::parse(&good, "e.toml", &[text]).and_then(|e| e.plan());
        let _ = Experiment::parse(&good, "e.toml", &overrides).and_then(|e| e.plan());
    }

    /// Any part of a good file cut off or one byte changed: an error or a plan, never a panic.
    #[test]
    fn damaged_files_never_panic(cut in 0_usize..400, at in 0_usize..400, byte in 0_u8..128) {
        let good = "name = \"x\"\n".to_owned() + &sections(10, 8, 100, 0.01).concat();
        let _ = Experiment::parse(&good[..cut.min(good.len())], "e.toml", &[]).and_then(|e| e.plan());
        let mut bytes = good.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        let _ = Experiment::parse(&text, "e.toml", &[]).and_then(|e| e.plan());
    }
}
