//! The program as people run it, end to end, each test in a folder of its own.

mod bad_input;
mod damage;
mod dataset;
mod disk;
mod failed;
mod frozen;
#[cfg(feature = "wgpu")]
mod gpu;
mod kills;
mod kinds;
mod one_cell;
mod only;
mod outputs_as_inputs;
mod outputs_folder;
mod plan;
mod polish;
mod process;
mod programs;
mod proof;
mod quantize;
mod report;
mod sharing;
mod stops;
mod streams;
mod structured;
mod submit;
mod sweep;
mod swept_before;
mod user_file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

/// Four cells of a millisecond each.
const TINY: &str = r#"name = "tiny"

[source]
kind = "uniform"
vocabulary = 4
length = 4

[model]
layers = 1
heads = 2
start_token = true

[train]
learning_rate = 0.01
steps = 6

[measure]
metrics_every = 2

[grid]
"model.width" = [4]
"data.samples" = [4, 9]
"seed" = [0, 1]
"#;

/// A folder with an experiment in it, `e.toml`, where the program is run.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(experiment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("e.toml"), experiment).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bitcap(&self, arguments: &[&str]) -> Assert {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bitcap"));
        command.current_dir(&self.folder).args(arguments).assert()
    }

    /// Runs the program after commands of a shell, such as `ulimit`.
    fn bitcap_after(&self, shell: &str, arguments: &[&str]) -> Assert {
        let mut command = Command::new("sh");
        command
            .current_dir(&self.folder)
            .args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")])
            .arg(assert_cmd::cargo::cargo_bin!("bitcap"))
            .args(arguments)
            .assert()
    }

    /// Sweeps e.toml to a good end.
    fn sweep(&self, arguments: &[&str]) -> Assert {
        self.bitcap(&[&["sweep", "e.toml"], arguments].concat())
            .success()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    fn rows(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_reader(&*self.read(name))
            .deserialize()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    /// The cells of an outputs folder, as paths from here, in the order of its plan.
    fn cells(&self, outputs: &str) -> Vec<String> {
        let plan = self.json(&format!("{outputs}/plan.json"));
        let cells = plan["cells"].as_array().unwrap();
        cells
            .iter()
            .map(|cell| format!("{outputs}/cells/{}", cell["cell"].as_str().unwrap()))
            .collect()
    }

    /// Every file below a folder, but for locks, with its bytes and when it was written.
    fn files(&self, folder: &str) -> Files {
        let mut files = BTreeMap::new();
        gather(&self.path(folder), &mut files);
        files
    }

    /// What lies in a folder but for locks, sorted.
    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        names.sort();
        names
    }
}

/// Files with their bytes and when they were written.
type Files = BTreeMap<PathBuf, (Vec<u8>, SystemTime)>;

/// The files that are new, gone or written anew.
fn changed<T: PartialEq>(
    before: &BTreeMap<PathBuf, T>,
    after: &BTreeMap<PathBuf, T>,
) -> Vec<PathBuf> {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let differ = |path: &&PathBuf| before.get(*path) != after.get(*path);
    paths.into_iter().filter(differ).cloned().collect()
}

/// That nothing below a folder was touched since `before`.
#[track_caller]
fn assert_untouched(place: &Place, folder: &str, before: &Files) {
    let changed = changed(before, &place.files(folder));
    assert!(changed.is_empty(), "touched: {changed:?}");
}

fn gather(folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if !path.ends_with("lock") && path.extension().is_none_or(|ending| ending != "lock")
        {
            let modified = path.metadata().unwrap().modified().unwrap();
            files.insert(path.clone(), (fs::read(&path).unwrap(), modified));
        }
    }
}

fn stdout(run: &Assert) -> String {
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

fn stderr(run: &Assert) -> String {
    String::from_utf8(run.get_output().stderr.clone()).unwrap()
}

/// The one line that a refusal leaves on standard error, without `error: `.
#[track_caller]
fn refusal(run: Assert) -> String {
    let run = run.failure().code(1);
    assert_eq!(stdout(&run), "");
    let text = stderr(&run);
    let line = text
        .strip_prefix("error: ")
        .and_then(|text| text.strip_suffix('\n'));
    let line = line.unwrap_or_else(|| panic!("not an error: {text}"));
    assert_eq!(line.lines().count(), 1, "{text}");
    assert!(line.matches("(os error").count() <= 1, "said twice: {text}");
    line.to_owned()
}

/// A refusal that says all of `words`.
#[track_caller]
fn refused(run: Assert, words: &[&str]) {
    let line = refusal(run);
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}
