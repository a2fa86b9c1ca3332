//! `status`, and outputs folders that are not as they should be.

use std::fs::{self, File};

use serde_json::{Value, json};

use crate::{Place, TINY, assert_says, assert_untouched, changed, refused, stderr, stdout};

#[test]
fn status_tells_done_running_failed_and_missing() {
    let place = Place::new(TINY);
    place.bitcap(&["run", "e.toml", "--cell", "0"]).success();
    let cells = place.cells("outputs/tiny");
    for cell in &cells[1..3] {
        fs::create_dir_all(place.path(cell)).unwrap();
    }
    let lock = File::create(place.path(&cells[1]).join("lock")).unwrap();
    lock.lock().unwrap();
    fs::write(
        place.path(&cells[1]).join("metrics.csv"),
        "step,tokens\n2,64\n",
    )
    .unwrap();
    fs::write(
        place.path(&cells[2]).join("failure.json"),
        "{\"reason\": \"the loss is NaN at step 3\"}",
    )
    .unwrap();

    let text = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("done     l1-w4-n4-t6-s0-"), "{text}");
    assert!(lines[1].starts_with("running  l1-w4-n4-t6-s1-"), "{text}");
    assert!(lines[1].ends_with("step 2 of 6"), "{text}");
    assert!(lines[2].starts_with("failed   l1-w4-n9-t6-s0-"), "{text}");
    assert!(lines[2].ends_with("the loss is NaN at step 3"), "{text}");
    assert!(lines[3].starts_with("missing  l1-w4-n9-t6-s1-"), "{text}");
    assert_eq!(
        lines[4],
        "tiny: 4 cells, 1 done, 1 running, 0 waiting, 0 stopped, 1 failed, 1 missing"
    );

    let text = stdout(
        &place
            .bitcap(&["status", "outputs/tiny", "--json"])
            .success(),
    );
    let status: Value = serde_json::from_str(&text).unwrap();
    for state in ["done", "running", "failed", "missing"] {
        assert_eq!(status[state], 1);
    }
    let states: Vec<&Value> = status["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| &cell["state"])
        .collect();
    assert_eq!(states, ["done", "running", "failed", "missing"]);
    assert_eq!(status["cells"][1]["step"], 2);
    assert_eq!(status["cells"][2]["reason"], "the loss is NaN at step 3");

    // A process that is gone holds nothing.
    drop(lock);
    let text = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
    assert_says(
        &text,
        &["1 done, 0 running, 0 waiting, 0 stopped, 1 failed, 2 missing"],
    );
}

#[test]
fn a_folder_that_is_no_experiment_is_refused() {
    let place = Place::new(TINY);
    fs::create_dir(place.path("empty")).unwrap();
    for verb in ["status", "collect", "report"] {
        for folder in ["nowhere", "empty"] {
            refused(
                place.bitcap(&[verb, folder]),
                &[folder, "no plan.json", "outputs/quick"],
            );
        }
        refused(
            place.bitcap(&[verb, "e.toml"]),
            &["e.toml", "Not a directory"],
        );
    }
    assert_eq!(place.names("."), ["e.toml", "empty"]);
    assert!(place.names("empty").is_empty());
}

#[test]
fn a_folder_of_another_version_is_refused_and_left_as_it_is() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let mut plan = place.json("outputs/tiny/plan.json");
    plan["format"] = json!("bitcap-outputs/2");
    fs::write(place.path("outputs/tiny/plan.json"), plan.to_string()).unwrap();
    let files = place.files("outputs");
    let arguments: [&[&str]; 5] = [
        &["sweep", "e.toml"],
        &["run", "e.toml", "--cell", "0"],
        &["status", "outputs/tiny"],
        &["collect", "outputs/tiny"],
        &["report", "outputs/tiny"],
    ];
    for arguments in arguments {
        let words = [
            "plan.json",
            "another version",
            "bitcap-outputs/2",
            "bitcap-outputs/1",
            "--outputs",
        ];
        refused(place.bitcap(arguments), &words);
        assert_untouched(&place, "outputs", &files);
    }
    for (text, words) in [
        ("{}", ["plan.json", "no `format`"]),
        ("half a pla", ["plan.json", "not a plan of bitcap"]),
        (
            "{\"format\": \"bitcap-outputs/1\"}",
            ["plan.json", "not a plan of bitcap"],
        ),
    ] {
        fs::write(place.path("outputs/tiny/plan.json"), text).unwrap();
        refused(place.bitcap(&["sweep", "e.toml"]), &words);
        assert_eq!(place.text("outputs/tiny/plan.json"), text);
    }
}

#[test]
fn a_cell_of_other_settings_is_refused_and_left_as_it_is() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let cell = place.cells("outputs/tiny").remove(0);
    let settings = place.text(&format!("{cell}/cell.toml"));
    let other = settings.replace("learning_rate = 0.01", "learning_rate = 0.02");
    assert_ne!(other, settings);
    fs::write(place.path(&format!("{cell}/cell.toml")), other).unwrap();
    let files = place.files("outputs");
    let words = [
        "cell.toml",
        "other settings",
        "the plan has l1-w4-n4-t6-s0-",
        "--outputs",
    ];
    refused(place.bitcap(&["run", "e.toml", "--cell", "0"]), &words);
    let collect = place.bitcap(&["collect", "outputs/tiny"]).failure().code(1);
    assert_says(&stdout(&collect), &["3 of 4 cells"]);
    assert_says(&stderr(&collect), &words);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 3);
    let sweep = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
    assert_says(&stderr(&sweep), &words);
    // What there is to show is shown; no file of a cell is touched.
    assert_says(&stdout(&sweep), &["tables: outputs/tiny/runs.csv"]);
    let touched = changed(&files, &place.files("outputs"));
    assert!(
        !touched
            .iter()
            .any(|path| path.starts_with(place.path("outputs/tiny/cells")))
    );

    // Before it is done it is not trained over either.
    fs::remove_file(place.path(&format!("{cell}/measurement.json"))).unwrap();
    let files = place.files(&cell);
    let sweep = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
    assert_says(&stderr(&sweep), &words);
    assert_untouched(&place, &cell, &files);
}

#[test]
fn a_damaged_model_is_refused_and_the_other_cells_stand() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let cell = place.cells("outputs/tiny").remove(0);
    let (model, config) = (
        format!("{cell}/model/model.safetensors"),
        format!("{cell}/model/config.json"),
    );
    fs::remove_file(place.path(&format!("{cell}/measurement.json"))).unwrap();
    let (weights, text) = (place.read(&model), place.text(&config));
    let cases: [(&str, &[u8], &[&str]); 4] = [
        (
            &model,
            &weights[..weights.len() - 1],
            &["model.safetensors", "not a safetensors file"],
        ),
        (
            &model,
            b"",
            &["model.safetensors", "not a safetensors file"],
        ),
        (
            &config,
            b"{}",
            &["config.json", "`model_type` must be \"gpt2\","],
        ),
        (&config, b"\xff", &["config.json", "not JSON"]),
    ];
    for (path, bytes, words) in cases {
        let whole = place.read(path);
        fs::write(place.path(path), bytes).unwrap();
        let files = place.files(&cell);
        let sweep = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
        assert_says(&stderr(&sweep), words);
        assert_says(
            &stderr(&sweep),
            &["1 of 4 cells failed", &cell[cell.rfind('/').unwrap() + 1..]],
        );
        assert_says(&stdout(&sweep), &["lower bound"]);
        assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 3);
        let after = place.files(&cell);
        assert_eq!(after[&place.path(path)], files[&place.path(path)]);
        assert!(!after.contains_key(&place.path(&format!("{cell}/measurement.json"))));
        fs::write(place.path(path), whole).unwrap();
    }
    // A model of another shape.
    let other = text.replace("\"n_positions\": 4", "\"n_positions\": 3");
    assert_ne!(other, text);
    fs::write(place.path(&config), other).unwrap();
    let sweep = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
    assert_says(&stderr(&sweep), &["model", "must be F32 [3, 4]"]);
    fs::write(place.path(&config), text).unwrap();
    place.sweep(&[]);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
}

#[test]
fn damaged_results_are_named() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let cell = place.cells("outputs/tiny").remove(0);
    let runs = place.read("outputs/tiny/runs.csv");
    for (name, bytes) in [
        ("measurement.json", "{"),
        ("manifest.json", "[]"),
        ("cell.toml", "seed = "),
    ] {
        let path = place.path(&format!("{cell}/{name}"));
        let whole = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        let collect = place.bitcap(&["collect", "outputs/tiny"]).failure().code(1);
        assert_says(
            &stdout(&collect),
            &["3 of 4 cells in outputs/tiny/runs.csv"],
        );
        assert_says(
            &stderr(&collect),
            &[
                "1 cell cannot be read, and the tables are made without",
                name,
                &cell,
            ],
        );
        assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 3);
        // A sweep names it too, and shows the others.
        let sweep = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
        assert_says(&stderr(&sweep), &[name, &cell]);
        assert_says(&stdout(&sweep), &["tables: outputs/tiny/runs.csv"]);
        assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 3);
        fs::write(&path, whole).unwrap();
    }
    place.bitcap(&["collect", "outputs/tiny"]).success();
    assert_eq!(place.read("outputs/tiny/runs.csv"), runs);
}
