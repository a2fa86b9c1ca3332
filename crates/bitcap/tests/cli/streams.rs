//! Readers of the output that went away.

use std::process::{Command, Stdio};

use crate::{Place, TINY};

/// Runs the program with a standard output, or error, that nobody reads any more.
fn unread(place: &Place, arguments: &[&str], errors_too: bool) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bitcap"));
    command
        .current_dir(&place.folder)
        .args(arguments)
        .stderr(Stdio::piped());
    if errors_too {
        command.stderr(writer.try_clone().unwrap());
    }
    let output = command.stdout(writer).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_reader_of_the_output_that_is_gone_ends_a_verb_quietly() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    place
        .bitcap(&["generate", "d.safetensors", "-v", "4", "-s", "4", "-n", "4"])
        .success();
    let verbs: [&[&str]; 8] = [
        &["status", "outputs/tiny"],
        &["status", "outputs/tiny", "--json"],
        &["collect", "outputs/tiny"],
        &["report", "outputs/tiny"],
        &["sweep", "e.toml", "--dry-run"],
        &["inspect", "d.safetensors"],
        &["inspect", "d.safetensors", "--json"],
        &["devices"],
    ];
    for arguments in verbs {
        assert_eq!(
            unread(&place, arguments, false),
            (Some(1), String::new()),
            "{arguments:?}"
        );
    }
}

#[test]
fn work_goes_on_when_nobody_reads_of_it() {
    let place = Place::new(TINY);
    unread(&place, &["sweep", "e.toml"], true);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
    assert!(place.path("outputs/tiny/curve.png").is_file());
    // Neither is it a reason to panic, whose exit code is 101.
    let (code, _) = unread(&place, &["sweep", "nowhere.toml"], true);
    assert_eq!(code, Some(1));
    unread(
        &place,
        &[
            "run",
            "e.toml",
            "--cell",
            "0",
            "--outputs",
            "other",
            "--json",
        ],
        false,
    );
    let cell = place.cells("other/tiny").remove(0);
    assert!(place.path(&cell).join("measurement.json").is_file());
}
