//! Disks that are full or not to be written to.

use std::fs;

use crate::{Place, TINY, assert_says, assert_untouched, changed, refused, stderr};

/// Writes beyond so many blocks of 512 or 1024 bytes fail, as they do on a full disk. Without the
/// trap the system would end the process.
const SIXTEEN_BLOCKS: &str = "trap '' XFSZ; ulimit -f 16";
const NO_BLOCKS: &str = "trap '' XFSZ; ulimit -f 0";

/// Files that were written aside and left there.
fn leftovers(place: &Place) -> Vec<std::path::PathBuf> {
    let files = place.files(".").into_keys();
    files
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect()
}

#[test]
fn a_disk_that_fills_up_costs_no_cell_that_is_done() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let before = place.files("outputs/tiny");
    // The weights of a model of width 32 have 52 KB, the pictures more still.
    let larger = ["--set", "grid.\"model.width\"=[4, 32]"];
    let run = place.bitcap_after(
        SIXTEEN_BLOCKS,
        &[&["sweep", "e.toml"], &larger[..]].concat(),
    );
    let run = run.failure().code(1);
    assert_says(
        &stderr(&run),
        &[
            "l1-w32-n9-",
            "model/model.safetensors: ",
            "File too large",
            "error: ",
        ],
    );
    assert_eq!(leftovers(&place), Vec::<std::path::PathBuf>::new());
    // What says what is done is written anew, the four rows now with labels; all else stands.
    let anew = changed(&before, &place.files("outputs/tiny"));
    let anew: Vec<_> = anew
        .iter()
        .filter(|path| before.contains_key(*path))
        .collect();
    let expected = ["plan.json", "runs.csv", "timings.csv"];
    assert_eq!(
        anew,
        expected
            .map(|name| place.path("outputs/tiny").join(name))
            .each_ref()
    );
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);

    place.sweep(&larger);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 8);
}

#[test]
fn a_disk_that_is_full_at_first_is_said_so_once() {
    let place = Place::new(TINY);
    let run = place.bitcap_after(NO_BLOCKS, &["sweep", "e.toml"]);
    refused(run, &["outputs/tiny/plan.json", "File too large"]);
    let run = place.bitcap_after(NO_BLOCKS, &["run", "e.toml", "--cell", "0"]);
    refused(run, &["outputs/tiny/plan.json", "File too large"]);
    assert_eq!(leftovers(&place), Vec::<std::path::PathBuf>::new());
    place.sweep(&[]);
}

#[test]
fn a_dataset_that_does_not_fit_the_disk_leaves_the_old_one() {
    let place = Place::new(TINY);
    let draw = |n| ["generate", "d.safetensors", "-v", "4", "-s", "4", "-n", n];
    place.bitcap(&draw("10")).success();
    let files = place.files(".");
    let run = place.bitcap_after(SIXTEEN_BLOCKS, &draw("100000"));
    refused(
        run,
        &[
            "d.safetensors",
            "cannot write the dataset",
            "File too large",
        ],
    );
    assert_untouched(&place, ".", &files);
}

#[test]
fn outputs_that_cannot_be_made_are_refused() {
    let place = Place::new(TINY);
    refused(
        place.bitcap(&["sweep", "e.toml", "--outputs", "e.toml"]),
        &["e.toml/tiny", "Not a directory"],
    );
    refused(
        place.bitcap(&["run", "e.toml", "--cell", "0", "--outputs", "e.toml/deeper"]),
        &["e.toml/deeper/tiny", "Not a directory"],
    );
    assert_eq!(place.names("."), ["e.toml"]);
    assert_eq!(place.text("e.toml"), TINY);
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_is_read_only_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new(TINY);
    let mut folder = place.path("read-only");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.join("trial"), "").is_ok() {
        // The superuser may write anywhere but where the system has no files.
        folder = "/sys".into();
    }
    let folder = folder.to_str().unwrap();
    refused(
        place.bitcap(&["sweep", "e.toml", "--outputs", folder]),
        &[&format!("{folder}/tiny"), "(os error"],
    );
    let file = format!("{folder}/d.safetensors");
    refused(
        place.bitcap(&["generate", &file, "-v", "4", "-s", "4", "-n", "4"]),
        &[&file, "cannot write the dataset", "(os error"],
    );
}
