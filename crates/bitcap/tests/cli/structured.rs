//! Sources with structure, from the command line: `generate --source`, `sweep`, `measure`, `toy`.

use std::fs;

use serde_json::Value;

use crate::{Place, assert_says, refused, stderr, stdout};

/// One cell of markov data.
pub(crate) const MARKOV: &str = r#"name = "markov"

[source]
kind = "markov"
vocabulary = 4
length = 9
order = 1
concentration = 0.5

[data]
samples = 12

[model]
layers = 1
width = 8
heads = 2
start_token = true

[train]
optimizer = "muon"
learning_rate = 0.05
steps = 30
"#;

const INLINE: &str =
    "kind = \"markov\", vocabulary = 4, length = 9, order = 1, concentration = 0.5";

#[test]
fn a_start_token_is_asked_for() {
    let place = Place::new(&MARKOV.replace("start_token = true", ""));
    refused(
        place.bitcap(&["sweep", "e.toml"]),
        &["`model.start_token` is false", "source.kind is \"markov\""],
    );
}

#[test]
fn a_cell_is_measured_again_and_on_a_file() {
    let place = Place::new(MARKOV);
    place.sweep(&[]);
    let cell = place.cells("outputs/markov").remove(0);
    let measured = place.json(&format!("{cell}/measurement.json"));
    let again = place.bitcap(&["measure", &cell, "--json"]).success();
    assert_eq!(
        serde_json::from_str::<Value>(&stdout(&again)).unwrap(),
        measured
    );
    let plain = stdout(&place.bitcap(&["measure", &cell]).success());
    assert_says(
        &plain,
        &[
            "unintended_bits",
            "fresh.excess_bits_per_token",
            "membership.auc",
        ],
    );

    // The training data, drawn into a file by the same seed.
    place
        .bitcap(&["generate", "d", "--source", INLINE, "-n", "12"])
        .success();
    let run = place.bitcap(&["measure", &cell, "--data", "d", "--json"]);
    let found: Value = serde_json::from_str(&stdout(&run.success())).unwrap();
    assert_eq!(found["in_training"], 12);
    for key in ["memorized_bits_strict", "unintended_bits", "source_bits"] {
        assert_eq!(found[key], measured[key], "{key}");
    }
    refused(
        place.bitcap(&["measure", "outputs/markov"]),
        &["there is no cell.toml here"],
    );
}

#[test]
fn another_oracle_is_another_measurement() {
    let place = Place::new(&format!(
        "{}\n[grid]\n\"train.steps\" = [30, 60]\n",
        MARKOV.replace("steps = 30\n", "")
    ));
    let set = |oracle: &str| format!("measure.oracle=\"{oracle}\"");
    place.sweep(&[]);
    let cells = place.cells("outputs/markov");
    let name = cells[1].rsplit('/').next().unwrap();
    let weights = place.read(&format!("{}/model/model.safetensors", cells[0]));
    place.sweep(&["--set", &set(name)]);
    let rows = place.rows("outputs/markov/runs.csv");
    assert!(rows.iter().all(|row| row["oracle"] == name));
    // The oracle's own rote is none.
    assert_eq!(rows[1]["unintended_bits"], "0.0");
    assert_eq!(
        place.read(&format!("{}/model/model.safetensors", cells[0])),
        weights
    );
    // That nothing has changed is known by the oracle's manifest: its model is not even loaded.
    let oracle = format!("{}/model/model.safetensors", cells[1]);
    fs::write(place.path(&oracle), "").unwrap();
    let again = place.sweep(&["--set", &set(name)]);
    assert_says(&stderr(&again), &["2 cells are done already"]);
    // By a manifest that does not say, as older versions wrote it, the model has to be asked.
    let manifest = format!("{}/manifest.json", cells[1]);
    let text = place.text(&manifest).replace("model_blake3", "another_key");
    fs::write(place.path(&manifest), text).unwrap();
    let run = place.bitcap(&["run", "e.toml", "--cell", "0", "--set", &set(name)]);
    assert_says(
        &stderr(&run.failure()),
        &["model.safetensors", "not a safetensors file"],
    );
    // In one go, the oracle comes first.
    fs::remove_dir_all(place.path("outputs")).unwrap();
    place.sweep(&["--set", &set(name)]);
    assert_eq!(place.rows("outputs/markov/runs.csv"), rows);
    refused(
        place.bitcap(&["run", "e.toml", "--cell", "0", "--set", &set("nobody")]),
        &["`measure.oracle` is \"nobody\"", "\"source\""],
    );
}

#[test]
fn a_file_has_figures_and_no_curve() {
    let experiment = MARKOV.replace(
        "kind = \"markov\"\nvocabulary = 4\nlength = 9\norder = 1\nconcentration = 0.5",
        "kind = \"file\"\npath = \"text\"\nformat = \"bytes\"\nlength = 9",
    );
    let place = Place::new(&experiment);
    fs::write(
        place.path("text"),
        "to be or not to be, that is the question. ".repeat(9),
    )
    .unwrap();
    let run = place.sweep(&[]);
    assert_says(
        &stdout(&run),
        &["the entropy of its data is 0, or not known"],
    );
    let row = place.rows("outputs/markov/runs.csv").remove(0);
    assert_eq!(row["memorized_bits_strict"], "");
    assert_ne!(row["membership_auc"], "");
    let report = place.bitcap(&["report", "outputs/markov"]).success();
    assert_eq!(stdout(&report), stdout(&run));
    // What needs no entropy is drawn.
    let names = place.names("outputs/markov");
    assert!(names.contains(&"membership.svg".to_owned()));
    assert!(!names.contains(&"curve.svg".to_owned()));
}

/// What a sweep says that it wrote has the table of its cells first, whether or not there is a curve.
#[test]
fn the_files_of_a_sweep_without_a_curve_are_named() {
    let experiment = MARKOV.replace(
        "kind = \"markov\"\nvocabulary = 4\nlength = 9\norder = 1\nconcentration = 0.5",
        "kind = \"file\"\npath = \"text\"\nformat = \"bytes\"\nlength = 8",
    );
    let place = Place::new(&experiment);
    // No more than is trained on, and no prefix of 8 tokens: nothing is left for the other figures.
    fs::write(place.path("text"), [7; 12 * 8]).unwrap();
    let files = || {
        let told = stdout(&place.sweep(&["--json"]));
        let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        let files = last["files"].as_array().unwrap().iter();
        files
            .map(|file| file.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let made = files();
    assert_eq!(made, ["runs.csv", "positions.svg", "positions.png"]);
    for file in made {
        assert!(place.path(&format!("outputs/markov/{file}")).is_file());
    }
    // Of a cell that says nothing by position there is no figure at all.
    let cell = place.cells("outputs/markov").remove(0);
    fs::remove_file(place.path(&format!("{cell}/positions.csv"))).unwrap();
    assert_eq!(files(), ["runs.csv"]);
}

#[test]
fn certain_data_have_figures_and_no_curve() {
    let certain = MARKOV.replace(
        "kind = \"markov\"\nvocabulary = 4\nlength = 9\norder = 1\nconcentration = 0.5",
        "kind = \"coin\"\nlength = 9\nprior = [1.0]\nprobabilities = [1.0]",
    );
    let place = Place::new(&certain);
    let run = place.sweep(&[]);
    assert_says(
        &stdout(&run),
        &["the entropy of its data is 0, or not known"],
    );
    let row = place.rows("outputs/markov/runs.csv").remove(0);
    assert_eq!((&*row["load"], &*row["entropy_bits"]), ("0.0", "0.0"));
    assert!(row.values().all(|value| value != "-0.0"), "{row:?}");
    let generate = ["generate", "d", "-n", "3", "--source"];
    let coin = "kind = \"coin\", length = 9, prior = [1.0], probabilities = [1.0]";
    let generate = place.bitcap(&[&generate[..], &[coin]].concat());
    assert!(stdout(&generate.success()).contains(" 0 bits\n"));
    // A load of what has no entropy is no number of sequences.
    refused(
        place.bitcap(&["run", "e.toml", "--cell", "0", "--set", "data.load=1.0"]),
        &["`data.load` is 1.0", "the entropy of this source is 0"],
    );
}

#[test]
fn any_source_is_drawn_into_a_file() {
    let place = Place::new("");
    let run = place.bitcap(&[
        "generate", "d", "--source", INLINE, "-n", "5", "--seed", "3",
    ]);
    assert_says(&stdout(&run.success()), &["markov", "5 sequences of 9"]);
    place.bitcap(&["inspect", "d"]).success();
    let generate = |source: &str| place.bitcap(&["generate", "x", "--source", source, "-n", "5"]);
    // Words without quotes, as --set takes them.
    generate(&INLINE.replace('"', "")).success();
    let of_words = place.read("x");
    fs::remove_file(place.path("x")).unwrap();
    generate(INLINE).success();
    assert_eq!(place.read("x"), of_words);
    fs::remove_file(place.path("x")).unwrap();
    refused(
        generate("kind = \"markov\", order = 1"),
        &["in --source", "missing"],
    );
    refused(
        generate("kind = \"coin\", lenght = 3"),
        &["in --source", "source.lenght"],
    );
    refused(generate("kind"), &["in --source", "not valid TOML"]);
    refused(generate("kind = "), &["in --source", "source.kind"]);
    refused(
        generate(&format!("{INLINE} }}\nname = {{")),
        &["in --source"],
    );
    assert!(!place.path("x").exists());
}

#[test]
fn the_toy_case_is_worked_out() {
    let place = Place::new("");
    let coin = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../experiments/toy-coin.toml"
    );
    let run = place.bitcap(&["toy", coin, "-o", "toy.csv"]).success();
    assert_says(
        &stdout(&run),
        &["unintended", "0.469", "0.531", "0.820", "0.900"],
    );
    assert!(place.path("toy.svg").is_file() && place.path("toy.png").is_file());
    let row = place.rows("toy.csv").remove(0);
    let number = |key: &str| row[key].parse::<f64>().unwrap();
    assert!((number("intended_bits") - 0.531).abs() < 1e-3);
    assert!((number("accuracy_on_source") - 0.5).abs() < 1e-12);
    let json = place.bitcap(&["toy", coin, "--json"]).success();
    let rows: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(rows[0]["samples"], 1);
    fs::write(place.path("bad.toml"), "data = [\"0\"]").unwrap();
    refused(
        place.bitcap(&["toy", "bad.toml"]),
        &["bad.toml: line 1: missing field `samples`"],
    );
    refused(
        place.bitcap(&["toy", coin, "-o", "/dev/null"]),
        &["not a regular file"],
    );
}
