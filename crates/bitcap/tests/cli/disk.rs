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

/// A copy of the program that any user can run, and a folder that any user can write to.
struct AsUser {
    place: Place,
    program: std::path::PathBuf,
}

/// The user that owns nothing.
const NOBODY: &str = "65534";

impl AsUser {
    fn new(experiment: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new(experiment);
        let all = fs::Permissions::from_mode(0o777);
        fs::set_permissions(place.path("."), all).unwrap();
        let program = place.path("bitcap");
        fs::copy(assert_cmd::cargo::cargo_bin!("bitcap"), &program).unwrap();
        Self { place, program }
    }

    /// Runs the program as one whom permissions bind: as nobody, where this is the superuser.
    /// `limit`: bytes beyond which no file grows; the system then ends a process that has not made
    /// itself ready for it.
    fn bitcap(&self, limit: Option<u64>, arguments: &[&str]) -> assert_cmd::assert::Assert {
        let superuser = fs::metadata("/proc/self").is_ok_and(|own| {
            use std::os::unix::fs::MetadataExt;
            own.uid() == 0
        });
        let mut words = vec!["env".to_owned()];
        if superuser {
            words = [
                "setpriv",
                "--reuid",
                NOBODY,
                "--regid",
                NOBODY,
                "--clear-groups",
            ]
            .map(str::to_owned)
            .to_vec();
        }
        if let Some(limit) = limit {
            words.extend(["prlimit".to_owned(), format!("--fsize={limit}")]);
        }
        let mut command = assert_cmd::Command::new(&words[0]);
        command
            .current_dir(&self.place.folder)
            .args(&words[1..])
            .arg(&self.program)
            .args(arguments)
            .assert()
    }
}

fn checkpointed() -> String {
    TINY.replace("steps = 6", "steps = 40\noptimizer = \"muon\"")
        + "[engine]\ncheckpoint_seconds = 0\n"
}

/// Every file in turn is the one that cannot grow: the same figures in the end, and until then one
/// clear error.
#[test]
fn a_write_that_fails_at_any_byte_costs_no_figure() {
    let whole = AsUser::new(&checkpointed());
    whole.bitcap(None, &["sweep", "e.toml"]).success();
    let runs = whole.place.read("outputs/tiny/runs.csv");
    let sizes = whole.place.files("outputs").into_values();
    let largest = sizes.map(|(bytes, _)| bytes.len() as u64).max().unwrap();

    let limited = AsUser::new(&checkpointed());
    let (mut refused, mut done) = (0, 0);
    let mut limit = 0;
    while limit < 2 * largest {
        let run = limited.bitcap(Some(limit), &["sweep", "e.toml", "--jobs", "1"]);
        let output = run.get_output();
        let text = stderr(&run);
        match output.status.code() {
            Some(0) => done += 1,
            Some(1) => {
                refused += 1;
                assert_says(&text, &["File too large", "error: "]);
            }
            // 153 would be the signal.
            code => panic!("{code:?} at {limit} bytes: {text}"),
        }
        if limited.place.path("outputs/tiny/runs.csv").is_file() {
            for row in limited.place.text("outputs/tiny/runs.csv").lines() {
                let whole = String::from_utf8_lossy(&runs);
                assert!(whole.lines().any(|known| known == row), "{row}");
            }
        }
        limit = limit * 5 / 4 + 97;
    }
    assert!(refused > 3 && done > 0, "{refused} refused, {done} done");
    limited.bitcap(None, &["sweep", "e.toml"]).success();
    assert_eq!(limited.place.read("outputs/tiny/runs.csv"), runs);
    assert_eq!(leftovers(&limited.place), Vec::<std::path::PathBuf>::new());
}

/// A checkpoint that does not fit leaves the one before, and the training says so and ends.
#[test]
fn a_disk_that_fills_up_in_a_training_costs_what_came_since_the_checkpoint() {
    let run = ["run", "e.toml", "--cell", "3"];
    let user = AsUser::new(&checkpointed().replace("metrics_every = 2", "metrics_every = 1"));
    user.bitcap(None, &[&run[..], &["--outputs", "whole"]].concat())
        .success();
    let cell = user.place.cells("whole/tiny").remove(3);
    let metrics = user.place.read(&format!("{cell}/metrics.csv"));
    // A row of metrics.csv is cut in two in the middle of the training; checkpoints are larger than
    // that and would fail first, so the first process makes none.
    let limit = metrics.len() as u64 / 2;
    let none = ["--set", "engine.checkpoint_seconds=1000"];
    let full = user.bitcap(Some(limit), &[&run[..], &none].concat());
    let full = full.failure().code(1);
    assert_says(
        &stderr(&full),
        &["error: ", "metrics.csv", "File too large"],
    );
    user.bitcap(None, &run).success();
    let cell = cell.replacen("whole", "outputs", 1);
    assert_eq!(user.place.read(&format!("{cell}/metrics.csv")), metrics);

    let user = AsUser::new(&checkpointed());
    user.bitcap(
        None,
        &["run", "e.toml", "--cell", "3", "--set", "train.steps=4"],
    )
    .success();
    // Below what a checkpoint of this model has, above what comes before the first.
    let full = user.bitcap(Some(3000), &run).failure().code(1);
    assert_says(&stderr(&full), &["checkpoint/step-1-", "File too large"]);
    user.bitcap(None, &run).success();
}

#[test]
fn a_cell_that_may_not_be_written_to_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let user = AsUser::new(TINY);
    user.bitcap(None, &["sweep", "e.toml", "--only", "seed=0"])
        .success();
    let before = user.place.read("outputs/tiny/runs.csv");
    let cells = user.place.path("outputs/tiny/cells");
    let mode = |mode| fs::set_permissions(&cells, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let run = user.bitcap(None, &["sweep", "e.toml"]).failure().code(1);
    assert_says(&stderr(&run), &["Permission denied", "2 of 4 cells failed"]);
    assert_eq!(user.place.read("outputs/tiny/runs.csv"), before);
    mode(0o755);
    user.bitcap(None, &["sweep", "e.toml"]).success();
    assert_eq!(user.place.rows("outputs/tiny/runs.csv").len(), 4);
}
