//! An experiment for engines, and what becomes of it when nothing disturbs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Six cells that train for a second at most, with checkpoints all the time.
pub(crate) const EXPERIMENT: &str = r#"name = "engines"

[source]
kind = "uniform"
vocabulary = 4
length = 4

[model]
layers = 1
width = 4
heads = 2
start_token = true

[train]
learning_rate = 0.01
steps = 1500
optimizer = "muon"

[measure]
metrics_every = 10

[engine]
checkpoint_seconds = 0.1

[grid]
"data.samples" = [4, 6, 9]
"seed" = [0, 1]
"#;

pub(crate) const CELLS: usize = 6;

/// The same cells, each so long that a scheduler has had many commands before the first is done.
pub(crate) fn long() -> String {
    EXPERIMENT.replace("steps = 1500", "steps = 40000")
}

/// A working directory with the experiment in it, `e.toml`, and its figures in `alone/`.
pub(crate) struct Place {
    folder: TempDir,
    /// runs.csv of a sweep on this machine that nothing disturbed.
    pub(crate) runs: Vec<u8>,
}

impl Place {
    pub(crate) fn new(experiment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("e.toml"), experiment).unwrap();
        let mut place = Self {
            folder,
            runs: Vec::new(),
        };
        let mut sweep = place.bitcap(Command::new(program()));
        let alone = ["sweep", "e.toml", "--outputs", "alone"];
        // Nothing disturbs it: it needs none.
        succeed(
            sweep
                .args(alone)
                .args(["--set", "engine.checkpoint_seconds=600"]),
        );
        place.runs = fs::read(place.path("alone/engines/runs.csv")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command in the working directory.
    pub(crate) fn bitcap(&self, mut command: Command) -> Command {
        command.current_dir(&self.folder);
        command
    }

    /// How many cells are in each state, by `status --json`; none before there is a plan.
    /// `command` is the program.
    pub(crate) fn states(&self, command: Command) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        if !self.path("outputs/engines/plan.json").is_file() {
            return states;
        }
        let mut status = self.bitcap(command);
        let text = succeed(status.args(["status", "outputs/engines", "--json"]));
        let status: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status["queue_unknown"], Value::Null, "{status}");
        for cell in status["cells"].as_array().unwrap() {
            let state = cell["state"].as_str().unwrap().to_owned();
            *states.entry(state).or_insert(0) += 1;
        }
        states
    }

    /// That all cells are done and their figures those of the sweep that nothing disturbed.
    #[track_caller]
    pub(crate) fn assert_done(&self) {
        let mut collect = self.bitcap(Command::new(program()));
        succeed(collect.args(["collect", "outputs/engines"]));
        let runs = fs::read(self.path("outputs/engines/runs.csv")).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&runs),
            String::from_utf8_lossy(&self.runs)
        );
    }

    /// The names of the cells that would go on from a checkpoint.
    pub(crate) fn checkpointed(&self) -> Vec<String> {
        let cells = fs::read_dir(self.path("outputs/engines/cells"));
        let have = |cell: &fs::DirEntry| {
            let files = fs::read_dir(cell.path().join("checkpoint"));
            files.is_ok_and(|all| all.count() == 2)
        };
        let cells = cells.into_iter().flatten().flatten().filter(have);
        cells
            .map(|cell| cell.file_name().into_string().unwrap())
            .collect()
    }

    /// The steps after which each training was taken up again, of all cells.
    pub(crate) fn resumed(&self) -> Vec<u64> {
        let mut steps = Vec::new();
        for cell in fs::read_dir(self.path("outputs/engines/cells")).unwrap() {
            let manifest = fs::read(cell.unwrap().path().join("manifest.json")).unwrap();
            let manifest: Value = serde_json::from_slice(&manifest).unwrap();
            let sessions = manifest["sessions"].as_array().unwrap();
            steps.extend(
                sessions[1..]
                    .iter()
                    .map(|s| s["from_step"].as_u64().unwrap()),
            );
        }
        steps
    }
}

pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_bitcap")
}

/// Runs a command to its end and gives its standard output; fails with all it said.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{command:?}: {status}\n{out}\n{err}");
    out.into_owned()
}

/// Waits, for longer than anything here takes.
#[track_caller]
pub(crate) fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "waited too long until {what}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}
