//! `--only`: some cells of a plan.

use crate::{Place, TINY, assert_says, refused, stderr, stdout};

fn grid() -> String {
    TINY.replace(
        "\"model.width\" = [4]\n\"data.samples\" = [4, 9]",
        "\"model.width\" = [4, 8]\n\"data.load\" = [0.05, 0.1]",
    )
}

fn planned(place: &Place, conditions: &[&str]) -> Vec<String> {
    let only = conditions.iter().flat_map(|text| ["--only", text]);
    let arguments: Vec<&str> = ["--dry-run", "--json"].into_iter().chain(only).collect();
    let cells: serde_json::Value = serde_json::from_str(&stdout(&place.sweep(&arguments))).unwrap();
    let names = cells.as_array().unwrap().iter();
    names
        .map(|cell| cell["cell"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn conditions_pick_cells() {
    let place = Place::new(&grid());
    assert_eq!(planned(&place, &[]).len(), 8);
    let wide = planned(&place, &["model.width=8"]);
    assert_eq!(wide.len(), 4);
    assert!(wide.iter().all(|name| name.contains("-w8-")), "{wide:?}");
    assert_eq!(planned(&place, &["model.width=[4, 8]"]).len(), 8);
    assert_eq!(planned(&place, &["data.load=0.1"]).len(), 4);
    let one = planned(&place, &["model.width = 8", "data.load=0.05", "seed=1"]);
    assert_eq!(one.len(), 1);
    assert!(
        one[0].contains("-w8-") && one[0].contains("-s1-"),
        "{one:?}"
    );
    // What all cells have is a setting too: texts with and without quotes, numbers, lists.
    for all in [
        "train.optimizer=adam",
        "train.optimizer=\"adam\"",
        "train.learning_rate=1e-2",
        "train.betas=[0.9, 0.99]",
        "model.start_token=true",
        "source.kind=uniform",
        "train.batch=full",
    ] {
        assert_eq!(planned(&place, &[all]).len(), 8, "{all}");
    }
}

#[test]
fn conditions_that_no_cell_meets_are_refused() {
    let place = Place::new(&grid());
    for (condition, words) in [
        (
            "model.width=64",
            &["--only model.width=64", "it is 4, 8"][..],
        ),
        ("train.optimizer=muon", &["it is \"adam\""]),
        ("data.load=0.2", &["it is 0.05, 0.1"]),
        (
            "model.with=8",
            &["unknown key `model.with`", "did you mean `model.width`?"],
        ),
        ("engine.jobs=2", &["unknown key `engine.jobs`"]),
        ("train.clip_norm=1", &["unknown key `train.clip_norm`"]),
        ("model.width", &["there is no `=`", "key=value"]),
        ("", &["key=value"]),
        ("model.width=[8", &["not valid TOML"]),
    ] {
        for verb in ["sweep", "submit"] {
            let mut arguments = vec![verb, "e.toml", "--only", condition];
            if verb == "submit" {
                arguments.extend(["--engine", "slurm", "--script-only"]);
            }
            refused(place.bitcap(&arguments), words);
        }
    }
    assert_eq!(place.names("."), ["e.toml"]);
}

/// The plan stays whole: what is left out is missing, and what is done shows.
#[test]
fn what_is_picked_is_run_and_the_rest_later() {
    let place = Place::new(TINY);
    let run = place.sweep(&["--only", "seed=1"]);
    assert_says(&stderr(&run), &["[2/2]"]);
    let rows = place.rows("outputs/tiny/runs.csv");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["seed"] == "1"));
    let status = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
    assert_says(&status, &["4 cells, 2 done", "2 missing"]);
    let run = place.sweep(&[]);
    assert_says(&stderr(&run), &["2 cells are done already", "[2/2]"]);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
    let one = place.sweep(&["--only", "seed=1", "--only", "data.samples=4"]);
    assert_says(&stderr(&one), &["1 cell is done already"]);
}
