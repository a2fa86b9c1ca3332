//! Cells of structured sources, from experiment to files.

mod common;

use std::path::{Path, PathBuf};

use bitcap_cell::{is_measured, run_cell};
use bitcap_measure::Measurement;
use bitcap_plan::{CellEvent, CellFolder, Experiment, ExperimentFolder, Plan, collect};
use bitcap_source::{Source, Split};

/// An empty folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => std::fs::create_dir_all(&folder).unwrap(),
    }
    folder
}

fn plan(source: &str, samples: u64, overrides: &[&str]) -> Plan {
    let text = format!(
        "name = \"x\"\n[source]\n{source}\n[data]\nsamples = {samples}\n[model]\nlayers = 1\nwidth = 8\nheads = 2\n\
         start_token = true\n[train]\noptimizer = \"muon\"\nlearning_rate = 0.05\nsteps = 60\n"
    );
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    Experiment::parse(&text, "x.toml", &overrides)
        .unwrap()
        .plan()
        .unwrap()
}

/// Runs the only cell of a plan.
fn run(outputs: &Path, plan: &Plan) -> (CellFolder, CellEvent, Measurement) {
    let experiment = ExperimentFolder::new(outputs, &plan.name);
    experiment.join(plan).unwrap();
    let cell = experiment.cell(&plan.cells[0].name);
    let event = run_cell(
        &cell,
        &plan.cells[0].settings,
        &common::OPTIONS,
        &mut |_| {},
    )
    .unwrap();
    let measurement = cell.read_json("measurement.json").unwrap();
    (cell, event, measurement)
}

/// Rows of a CSV file by column name.
fn rows(path: &Path) -> Vec<std::collections::HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

const MARKOV: &str =
    "kind = \"markov\"\nvocabulary = 4\nlength = 12\norder = 1\nconcentration = 0.5";

#[test]
fn markov_figures_are_bounded_and_agree_with_the_files() {
    let outputs = folder("structured-markov");
    let plan = plan(MARKOV, 40, &[]);
    let (cell, _, found) = run(&outputs, &plan);
    let settings = &plan.cells[0].settings;

    let source = Source::draw_parameters(&settings.source).unwrap();
    let data = source
        .draw(settings.data.seed, 40, Split::Training)
        .unwrap();
    assert_eq!(found.entropy_bits, settings.source.entropy(&data));
    assert_eq!(found.source_bits, source.source_bits(&data));
    let memorized = found.memorized_bits_strict.unwrap();
    assert_eq!(found.memorized_bits_paper, Some(memorized));
    assert!(memorized <= found.ceiling_bits_strict.unwrap());
    let split = found.decomposition;
    let unintended = split.unintended_bits.unwrap();
    assert!((0.0..=split.unintended_bits_max.unwrap()).contains(&unintended));
    assert!(split.intended_bits.unwrap() <= split.intended_limit_bits.unwrap() + 1e-9);
    assert!((unintended + split.intended_bits.unwrap() - memorized).abs() < 1e-9);
    let limit = settings.source.entropy(&data).unwrap() - source.source_bits(&data).unwrap();
    assert!((split.intended_limit_bits.unwrap() - limit).abs() < 1e-6);
    let fresh = found.fresh.as_ref().unwrap();
    assert!(fresh.decomposition.unintended_bits.unwrap() >= 0.0);
    assert!(fresh.excess_bits_per_token.unwrap() > 0.0);
    let membership = found.membership.unwrap();
    assert_eq!((membership.members, membership.non_members), (40, 40));

    let sequences = rows(&cell.path("sequences.csv"));
    assert_eq!(sequences.len(), 80);
    for (row, sequence) in sequences.iter().zip(data.sequences()) {
        let exact = source.log2_probability(sequence).unwrap();
        assert_eq!(number(&row["log2_probability_source"]), exact);
        assert!(row["memorized_bits_strict"].is_empty() && row["string"].is_empty());
    }
    let code: f64 = (sequences[..40].iter())
        .map(|row| -number(&row["log2_probability_model"]))
        .sum();
    assert!((found.entropy_bits.unwrap() - code - memorized).abs() < 1e-6);
    let positions = rows(&cell.path("positions.csv"));
    assert_eq!(positions.len(), 24);
    let mean: f64 = (positions[..12].iter())
        .map(|row| number(&row["code_bits_mean"]))
        .sum();
    assert!((40.0 * mean - code).abs() < 1e-6);

    let experiment = ExperimentFolder::new(&outputs, "x");
    let (_, file) = ExperimentFolder::open(experiment.root()).unwrap();
    collect(&experiment, &file, &experiment.lock().unwrap()).unwrap();
    let row = &rows(&experiment.root().join("runs.csv"))[0];
    assert_eq!(number(&row["unintended_bits"]), unintended);
    assert_eq!(row["oracle"], "source");
    assert_eq!(number(&row["membership_auc"]), membership.auc);
    assert!(!row["extraction_8"].is_empty() && row["extraction_16"].is_empty());
}

#[test]
fn copies_count_every_string_once() {
    let outputs = folder("structured-copies");
    let source = "kind = \"copies\"\nlaw = \"zipf\"\nexponent = 1.0\ndistinct = 20\n\
                  of = { kind = \"uniform\", vocabulary = 4, length = 12 }";
    let plan = plan(source, 100, &[]);
    let (cell, _, found) = run(&outputs, &plan);
    assert_eq!(
        (found.samples, found.counted, found.distinct),
        (100, Some(20), 20)
    );
    assert_eq!(found.entropy_bits, Some(20.0 * 24.0));
    // As of any uniform data, all of it is rote.
    assert_eq!(
        found.decomposition.unintended_bits,
        found.memorized_bits_strict
    );
    // D log2 D for D strings.
    let ceiling = 20.0 * 24.0 - 20.0 * 20f64.log2();
    assert!((found.ceiling_bits_strict.unwrap() - ceiling).abs() < 1e-9);
    let strings = rows(&cell.path("sequences.csv"));
    let training: Vec<_> = (strings.iter())
        .filter(|row| row["data"] == "training")
        .collect();
    assert_eq!(training.len(), 20);
    let sum = |key: &str| training.iter().map(|row| number(&row[key])).sum::<f64>();
    assert!((sum("memorized_bits_strict") - found.memorized_bits_strict.unwrap()).abs() < 1e-6);
    assert_eq!(sum("count"), 100.0);
    assert_eq!(training[0]["string"], "0");
    // The loss is that of all copies.
    let nats: f64 = (training.iter())
        .map(|row| -number(&row["log2_probability_model"]) * number(&row["count"]))
        .sum::<f64>()
        * std::f64::consts::LN_2;
    assert!((nats / 1200.0 - found.training_loss).abs() < 1e-9);
    // No loss over copies is a code of the strings.
    let metrics = rows(&cell.path("metrics.csv"));
    assert!(metrics.iter().all(|row| row["memorized_bits"].is_empty()));
}

#[test]
fn of_a_file_nothing_is_invented() {
    let outputs = folder("structured-file");
    let path = outputs.join("text");
    std::fs::write(
        &path,
        "the quick brown fox jumps over the lazy dog. ".repeat(10),
    )
    .unwrap();
    let source = format!(
        "kind = \"file\"\nformat = \"bytes\"\nlength = 12\npath = {:?}",
        path.to_str().unwrap()
    );
    let all = plan(&source, 37, &[]);
    let (cell, event, found) = run(&outputs, &all);
    assert!(matches!(
        event,
        CellEvent::Done {
            memorized_bits: None,
            ..
        }
    ));
    assert_eq!(found.entropy_bits, None);
    assert_eq!(found.memorized_bits_strict, None);
    assert_eq!(found.decomposition.unintended_bits, None);
    // The file has no sequence left; that is no reason to measure again.
    assert!(found.fresh.is_none());
    assert!(is_measured(&cell, &all.cells[0].settings).unwrap());
    let some = plan(&source, 30, &[]);
    let (_, _, found) = run(&outputs, &some);
    assert_eq!(found.fresh.unwrap().samples, 7);
    // Another file in its place is not what the model was trained on.
    std::fs::write(&path, "x".repeat(450)).unwrap();
    std::fs::remove_file(cell.path("measurement.json")).unwrap();
    let error = run_cell(&cell, &all.cells[0].settings, &common::OPTIONS, &mut |_| {}).unwrap_err();
    assert!(
        error.to_string().contains("the file was changed"),
        "{error}"
    );
}

#[test]
fn another_model_as_oracle_needs_no_training() {
    let outputs = folder("structured-oracle");
    let first = plan(MARKOV, 40, &[]);
    let (cell, _, by_source) = run(&outputs, &first);
    let weights = std::fs::read(cell.path("model/model.safetensors")).unwrap();
    // The model as its own oracle: nothing is rote.
    let name = &first.cells[0].name;
    let own = plan(MARKOV, 40, &[&format!("measure.oracle={name:?}")]);
    assert_eq!(own.cells[0].name, *name);
    assert!(!is_measured(&cell, &own.cells[0].settings).unwrap());
    let (_, _, by_itself) = run(&outputs, &own);
    assert!(is_measured(&cell, &own.cells[0].settings).unwrap());
    assert_eq!(by_itself.oracle.as_ref(), Some(name));
    assert!(by_itself.oracle_blake3.is_some());
    assert_eq!(by_itself.decomposition.unintended_bits, Some(0.0));
    assert_eq!(by_itself.decomposition.unintended_bits_max, Some(0.0));
    assert_eq!(
        by_itself.memorized_bits_strict,
        by_source.memorized_bits_strict
    );
    // The excess is over the true source all the same.
    assert_eq!(
        by_itself.fresh.unwrap().excess_bits_per_token,
        by_source.fresh.unwrap().excess_bits_per_token
    );
    assert_eq!(
        std::fs::read(cell.path("model/model.safetensors")).unwrap(),
        weights
    );

    let path = format!("measure.oracle={:?}", cell.path("model").to_str().unwrap());
    let other = plan(&MARKOV.replace("12", "11"), 40, &[&path]);
    let experiment = ExperimentFolder::new(&outputs, "x");
    let folder = experiment.cell(&other.cells[0].name);
    let error = run_cell(
        &folder,
        &other.cells[0].settings,
        &common::OPTIONS,
        &mut |_| {},
    )
    .unwrap_err();
    let expected = "it must be a model of sequences of 11 tokens out of 4, with a start token";
    assert!(error.to_string().contains(expected), "{error}");
    let nowhere = plan(MARKOV, 40, &["measure.oracle=\"nowhere\""]);
    let error = run_cell(
        &cell,
        &nowhere.cells[0].settings,
        &common::OPTIONS,
        &mut |_| {},
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`measure.oracle` is \"nowhere\""),
        "{error}"
    );
}
