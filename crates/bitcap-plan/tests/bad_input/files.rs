//! Files and overrides that are no experiments.

use std::path::Path;

use bitcap_plan::{CellSettings, Experiment, MAX_FILE_BYTES};

use crate::{GOOD, expect_set, plan_error};

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

#[test]
fn malformed_overrides() {
    let shape = "it must be key=value, as in train.steps=500";
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
        "in --set grid.name=[\"a\"]: unknown key `grid.name`; allowed: grid.seed, grid.source, grid.source.*, \
         grid.data.*, grid.model, grid.model.*, grid.train, grid.train.*",
    );
    assert!(plan_error(GOOD, &["train.step=5"]).starts_with(
        "in --set train.step=5: unknown key `train.step` (did you mean `train.steps`?); allowed: "
    ));
    assert!(
        plan_error(GOOD, &["name.x=5"])
            .starts_with("e.toml:1:8: `name` is \"good\"; it must be a section")
    );
}
