//! `collect` and `report`.

use std::fs;

use crate::{Place, TINY, assert_says, refused, stdout};

const TABLES: [&str; 7] = [
    "runs.csv",
    "curve.csv",
    "capacity.csv",
    "curve.svg",
    "curve.png",
    "capacity.svg",
    "capacity.png",
];

fn tables(place: &Place) -> Vec<Vec<u8>> {
    TABLES
        .iter()
        .map(|name| place.read(&format!("outputs/tiny/{name}")))
        .collect()
}

#[test]
fn collect_and_report_make_what_the_sweep_made() {
    let place = Place::new(TINY);
    let swept = stdout(&place.sweep(&[]));
    let made = tables(&place);
    for name in TABLES {
        fs::remove_file(place.path(&format!("outputs/tiny/{name}"))).unwrap();
    }
    let run = place.bitcap(&["report", "outputs/tiny"]);
    refused(
        run,
        &[
            "outputs/tiny has no runs.csv",
            "bitcap collect outputs/tiny",
        ],
    );
    let collected = stdout(&place.bitcap(&["collect", "outputs/tiny"]).success());
    assert_says(
        &collected,
        &["4 of 4 cells", "outputs/tiny/runs.csv", "timings.csv"],
    );
    let reported = stdout(&place.bitcap(&["report", "outputs/tiny"]).success());
    assert_eq!(reported, swept);
    assert_eq!(tables(&place), made);
}

#[test]
fn only_what_is_done_is_collected() {
    let place = Place::new(TINY);
    place.bitcap(&["run", "e.toml", "--cell", "2"]).success();
    let collected = stdout(&place.bitcap(&["collect", "outputs/tiny"]).success());
    assert_says(&collected, &["1 of 4 cells"]);
    let rows = place.rows("outputs/tiny/runs.csv");
    assert_eq!((rows.len(), rows[0]["samples"].as_str()), (1, "9"));

    let cell = place.cells("outputs/tiny").remove(2);
    fs::remove_file(place.path(&cell).join("measurement.json")).unwrap();
    refused(
        place.bitcap(&["collect", "outputs/tiny"]),
        &["outputs/tiny", "no cell is done"],
    );
    // A table of before would pass for what is there now.
    assert!(!place.path("outputs/tiny/runs.csv").exists());
    assert!(!place.path("outputs/tiny/timings.csv").exists());
}

#[test]
fn the_accounting_is_chosen_and_named() {
    let place = Place::new(&TINY.replace("start_token = true", "start_token = false"));
    let strict = stdout(&place.sweep(&[]));
    assert_says(&strict, &["strict accounting"]);
    let made = tables(&place);
    let paper = stdout(
        &place
            .bitcap(&["report", "outputs/tiny", "--accounting", "paper"])
            .success(),
    );
    assert_says(&paper, &["paper accounting"]);
    let now = tables(&place);
    assert_eq!(now[..3], made[..3], "the tables hold both");
    assert!(
        now[3..]
            .iter()
            .zip(&made[3..])
            .all(|(now, made)| now != made),
        "a figure shows one"
    );
    assert_says(&place.text("outputs/tiny/curve.svg"), &["paper"]);
    let run = place.bitcap(&["report", "outputs/tiny", "--accounting", "generous"]);
    assert_says(
        &crate::stderr(&run.failure().code(2)),
        &["generous", "strict", "paper"],
    );
}

#[test]
fn published_capacities_are_drawn_beside_ours() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let made = tables(&place);
    let reference = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../data/reference/morris2025-table1.csv"
    );
    place
        .bitcap(&["report", "outputs/tiny", "--reference", reference])
        .success();
    let now = tables(&place);
    assert_eq!(now[..5], made[..5]);
    assert_ne!(now[5], made[5]);
    // One mark a row of the published table more than without it, at the least.
    let marks = |svg: &[u8]| String::from_utf8_lossy(svg).matches('<').count();
    assert!(marks(&now[5]) >= marks(&made[5]) + 16);

    refused(
        place.bitcap(&["report", "outputs/tiny", "--reference", "nowhere.csv"]),
        &["nowhere.csv", "No such file"],
    );
    refused(
        place.bitcap(&[
            "report",
            "outputs/tiny",
            "--reference",
            "outputs/tiny/runs.csv",
        ]),
        &["outputs/tiny/runs.csv", "`params`"],
    );
    assert_eq!(tables(&place), now);
}

#[test]
fn a_damaged_table_is_named_with_its_line() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let runs = place.text("outputs/tiny/runs.csv");
    let cases = [
        (runs.replace("training_loss", "loss"), vec![]),
        (
            runs.replace("memorized_bits_strict", "bits"),
            vec!["line 1", "`memorized_bits_strict`"],
        ),
        (
            runs.replacen(",uniform,4,", ",uniform,four,", 1),
            vec!["line 2", "`vocabulary`", "four"],
        ),
        (
            runs.lines().next().unwrap().to_owned() + "\n",
            vec!["no rows"],
        ),
        (format!("{runs}half,a,row\n"), vec!["line: 6", "3 fields"]),
    ];
    for (text, words) in cases {
        fs::write(place.path("outputs/tiny/runs.csv"), text).unwrap();
        let made = tables(&place);
        let run = place.bitcap(&["report", "outputs/tiny"]);
        if words.is_empty() {
            run.success(); // A column that no figure needs.
        } else {
            refused(run, &[&["outputs/tiny/runs.csv"], &words[..]].concat());
        }
        assert_eq!(tables(&place), made);
    }
}
