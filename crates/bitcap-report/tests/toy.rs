//! The picture of the toy case.

use bitcap_report::toy_figure;

#[path = "common/experiment.rs"]
#[allow(dead_code, reason = "another test's folder")]
mod experiment;

/// A majority learner of a coin that falls on its side with 0.9: n = 1 and 3, to three decimals.
const ROWS: &str = "\
samples,entropy_bits,source_bits,memorized_bits,unintended_bits,intended_bits,\
accuracy_on_data,accuracy_baseline,accuracy_best,accuracy_on_source
3,2.269,1.407,1,0.184,0.816,0.878,0.5,0.9,0.5
1,1,0.469,1,0.469,0.531,0.82,0.5,0.9,0.5
";

fn figure(text: &str) -> Result<bitcap_report::Picture, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.csv");
    std::fs::write(&path, text).unwrap();
    toy_figure(&path, "coin").map_err(|error| {
        error
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    })
}

#[test]
fn bits_and_accuracies_are_drawn() {
    let picture = figure(ROWS).unwrap();
    assert_eq!(picture.name, "toy");
    insta::assert_snapshot!(experiment::words(&picture.svg));
    let pixels = resvg::tiny_skia::Pixmap::decode_png(&picture.png).unwrap();
    assert_eq!(pixels.width(), 2100);
    // One row is a picture too, and rows have an order of their own.
    let lines: Vec<&str> = ROWS.lines().collect();
    assert!(figure(&format!("{}\n{}\n", lines[0], lines[2])).is_ok());
    let turned = figure(&format!("{}\n{}\n{}\n", lines[0], lines[2], lines[1])).unwrap();
    assert!(turned.svg == picture.svg);
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| figure(text).unwrap_err();
    assert_eq!(
        error(&ROWS.replace(",0.82,", ",82,")),
        "toy.csv line 3: `accuracy_on_data` is \"82\"; it must be a number from 0 to 1"
    );
    assert_eq!(
        error(&ROWS.replace("intended_bits", "bits")),
        "toy.csv line 1: the column `unintended_bits` is there 0 times; it must be there once"
    );
    assert_eq!(
        error(ROWS.lines().next().unwrap()),
        "toy.csv has no rows below its header; it must have at least one"
    );
}
