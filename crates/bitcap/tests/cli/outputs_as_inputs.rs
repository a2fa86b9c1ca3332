//! An output that is an input of anything is refused before a byte is written.

use std::fs;
use std::os::unix::fs::symlink;

use crate::{Place, TINY, assert_untouched, refused};

#[test]
fn outputs_that_are_inputs_are_refused() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let cell = place.cells("outputs/tiny").remove(0);
    let repository = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../experiments/toy-coin.toml"
    );
    fs::copy(repository, place.path("case.toml")).unwrap();
    fs::copy(repository, place.path("case.csv")).unwrap();
    symlink("case.csv", place.path("link.csv")).unwrap();
    fs::hard_link(place.path("case.csv"), place.path("hard.csv")).unwrap();
    symlink("outputs", place.path("elsewhere")).unwrap();
    fs::write(place.path("own.bin"), [7; 400]).unwrap();
    let model = format!("{cell}/model/model.safetensors");
    let through = model.replace("outputs", "elsewhere");
    let new_in_cell = format!("{cell}/coded");
    let measured = format!("{cell}/measurement.json");
    place.bitcap(&["compress", &cell, "-o", "coded"]).success();
    symlink("coded", place.path("coded-link")).unwrap();
    let own =
        "kind = \"file\", path = \"own.bin\", format = \"bytes\", vocabulary = 256, length = 4";
    let before = place.files(".");
    for (arguments, why) in [
        (
            vec!["toy", "case.toml", "-o", "case.toml"],
            "is what is to be read",
        ),
        (vec!["toy", "case.toml", "-o", "x.svg"], "must end in .csv"),
        (
            vec!["toy", "case.csv", "-o", "case.csv"],
            "is what is to be read",
        ),
        (
            vec!["toy", "case.csv", "-o", "./case.csv"],
            "is what is to be read",
        ),
        (
            vec!["toy", "case.csv", "-o", "link.csv"],
            "is what is to be read",
        ),
        (
            vec!["toy", "case.csv", "-o", "hard.csv"],
            "is what is to be read",
        ),
        (
            vec!["toy", "case.toml", "-o", "outputs/tiny/runs.csv"],
            "is a file of the experiment",
        ),
        (vec!["compress", &cell, "-o", &model], "which is to be read"),
        (
            vec!["compress", &cell, "-o", &through],
            "which is to be read",
        ),
        (
            vec!["compress", &cell, "-o", &new_in_cell],
            "which is to be read",
        ),
        (
            vec!["decompress", &cell, "coded", "-o", "coded"],
            "is what is to be read",
        ),
        (
            vec!["decompress", &cell, "coded", "-o", "coded-link"],
            "is what is to be read",
        ),
        (
            vec!["decompress", &cell, "coded", "-o", &model],
            "which is to be read",
        ),
        (
            vec!["generate", &measured, "-v", "4", "-s", "4", "-n", "4"],
            "in the folder of a cell",
        ),
        (
            vec!["generate", &new_in_cell, "-v", "4", "-s", "4", "-n", "4"],
            "in the folder of a cell",
        ),
        (
            vec![
                "generate",
                "outputs/tiny/plan.json",
                "-v",
                "4",
                "-s",
                "4",
                "-n",
                "4",
            ],
            "is a file of the experiment",
        ),
        (
            vec!["generate", "own.bin", "--source", own, "-n", "4"],
            "is what is to be read",
        ),
        (
            vec![
                "report",
                "outputs/tiny",
                "--reference",
                "outputs/tiny/capacity.csv",
            ],
            "is a table that report writes",
        ),
        (
            vec!["generate", "-", "-v", "4", "-s", "4", "-n", "4"],
            "cannot be written to standard output",
        ),
    ] {
        refused(place.bitcap(&arguments), &[why]);
        assert_untouched(&place, ".", &before);
    }
}
