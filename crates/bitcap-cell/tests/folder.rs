//! Outputs folders, the states of cells, and running a cell in its folder.

mod common;

use std::fs;

use bitcap_base::Stop;
use bitcap_cell::{CellError, RunOptions, run_cell};
use bitcap_plan::{
    CellEvent, CellFolder, CellState, Collected, Experiment, ExperimentFolder, Plan, Queue, Queued,
    collect, status,
};
use tempfile::TempDir;

fn plan() -> Plan {
    let text = "name = \"e\"\n[source]\nkind = \"uniform\"\nvocabulary = 4\nlength = 4\n[model]\n\
        layers = 1\nwidth = 4\nheads = 1\n[train]\nlearning_rate = 0.01\nsteps = 2\n\
        [data]\nsamples = 3\n[grid]\nseed = [1, 0]\n";
    Experiment::parse(text, "e.toml", &[])
        .unwrap()
        .plan()
        .unwrap()
}

struct Made {
    _outputs: TempDir,
    plan: Plan,
    folder: ExperimentFolder,
}

fn made() -> Made {
    let outputs = tempfile::tempdir().unwrap();
    let plan = plan();
    let folder = ExperimentFolder::new(outputs.path(), &plan.name);
    folder.join(&plan).unwrap();
    Made {
        _outputs: outputs,
        plan,
        folder,
    }
}

impl Made {
    fn cell(&self, index: usize) -> CellFolder {
        self.folder.cell(&self.plan.cells[index].name)
    }

    fn run(&self, index: usize) -> Result<CellEvent, CellError> {
        self.run_with(index, &Stop::new(), &mut |_| {})
    }

    fn run_with(
        &self,
        index: usize,
        stop: &Stop,
        tell: &mut dyn FnMut(&CellEvent),
    ) -> Result<CellEvent, CellError> {
        let options = RunOptions {
            stop,
            ..common::OPTIONS
        };
        let settings = &self.plan.cells[index].settings;
        run_cell(&self.cell(index), settings, &options, tell)
    }

    fn file(&self, name: &str, text: &str) {
        let cell = self.cell(0);
        fs::create_dir_all(cell.root()).unwrap();
        fs::write(cell.path(name), text).unwrap();
    }
}

#[test]
fn the_plan_is_read_back_as_it_was_written() {
    let made = made();
    let (folder, file) = ExperimentFolder::open(made.folder.root()).unwrap();
    assert_eq!(folder.root(), made.folder.root());
    assert_eq!(
        (file.name.as_str(), file.format.as_str()),
        ("e", "bitcap-outputs/1")
    );
    for (entry, cell) in file.cells.iter().zip(&made.plan.cells) {
        assert_eq!(
            (&entry.cell, &entry.curve.group),
            (&cell.name, &cell.curve().group)
        );
        assert_eq!((entry.curve.doubled, entry.steps), (false, 2));
    }
    assert_eq!(file.cells.len(), 2);
}

#[test]
fn the_state_of_a_cell_follows_from_its_files() {
    let made = made();
    let cell = made.cell(0);
    assert_eq!(cell.state(), CellState::Missing);
    made.file("metrics.csv", "step,tokens\n");
    assert_eq!(cell.state(), CellState::Missing);
    made.file("failure.json", "{\"reason\": \"no\"}");
    assert_eq!(cell.state(), CellState::Failed);
    // One that failed and is tried again.
    let lock = cell.lock().unwrap().unwrap();
    assert_eq!(cell.state(), CellState::Running);
    assert!(cell.lock().unwrap().is_none(), "held twice");
    drop(lock);
    assert_eq!(cell.state(), CellState::Failed);
    made.file("measurement.json", "{}");
    assert_eq!(cell.state(), CellState::Done);
}

#[test]
fn status_bears_files_that_are_half_there() {
    let made = made();
    let (folder, plan) = ExperimentFolder::open(made.folder.root()).unwrap();
    let first = || status(&folder, &plan, &Queue::default()).cells[0].clone();
    assert_eq!((first().step, first().reason), (None, None));
    for (metrics, step) in [
        ("", None),
        ("step,tokens\n", None),
        ("step,tokens\n50,9\n", Some(50)),
        ("step,tokens\n50,9\n1", Some(1)),
        ("step,tokens\n50,9\n,", None),
    ] {
        made.file("metrics.csv", metrics);
        assert_eq!(first().step, step, "{metrics:?}");
    }
    for (failure, reason) in [
        ("", None),
        ("{\"rea", None),
        ("{\"reason\": \"the loss is NaN\"}", Some("the loss is NaN")),
    ] {
        made.file("failure.json", failure);
        assert_eq!(first().state, CellState::Failed);
        assert_eq!(first().reason.as_deref(), reason);
    }
    let all = status(&folder, &plan, &Queue::default());
    assert_eq!(
        (all.done, all.running, all.failed, all.missing),
        (0, 0, 1, 1)
    );
}

#[test]
fn a_cell_whose_lock_is_held_is_not_touched() {
    let made = made();
    let lock = made.cell(0).lock().unwrap().unwrap();
    assert_eq!(made.run(0).unwrap(), CellEvent::Busy);
    let files = fs::read_dir(made.cell(0).root()).unwrap();
    assert_eq!(files.count(), 1, "more than the lock");
    drop(lock);
    assert!(matches!(made.run(0).unwrap(), CellEvent::Done { .. }));
    assert_eq!(made.cell(0).state(), CellState::Done);
}

#[test]
fn rows_are_collected_in_the_order_of_seeds_whatever_was_done_first() {
    let made = made();
    let (folder, plan) = ExperimentFolder::open(made.folder.root()).unwrap();
    let tables = folder.lock().unwrap();
    fs::write(folder.root().join("runs.csv"), "of before").unwrap();
    assert_eq!(
        collect(&folder, &plan, &tables).unwrap(),
        Collected::default()
    );
    assert!(!folder.root().join("runs.csv").exists());
    for index in [0, 1] {
        made.run(index).unwrap();
        let collected = collect(&folder, &plan, &tables).unwrap();
        assert_eq!((collected.cells, collected.unreadable), (index + 1, vec![]));
    }
    let mut rows = csv::Reader::from_path(folder.root().join("runs.csv")).unwrap();
    let names: Vec<String> = rows
        .records()
        .map(|row| row.unwrap()[0].to_owned())
        .collect();
    assert_eq!(names, [&*made.plan.cells[1].name, &made.plan.cells[0].name]);
    assert_eq!(made.plan.cells[1].settings.seed, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_cell_that_cannot_fit_the_memory_leaves_no_trace() {
    let mut made = made();
    made.plan.cells[0].settings.data.samples = 1 << 38;
    let error = made.run(0).unwrap_err();
    let CellError::Memory { needed, memory, .. } = error else {
        panic!("{error}");
    };
    // 2^40 tokens: each itself in 2 bytes, as input and as target in 4.
    assert!(needed > memory.into() && needed >= 10 << 40);
    let files = fs::read_dir(made.cell(0).root()).unwrap();
    assert_eq!(files.count(), 1, "more than the lock");
}

/// A cell that was asked to stop in its training leaves a checkpoint and goes on from it.
#[test]
fn a_stopped_cell_goes_on() {
    let made = made();
    let (mut events, stop) = (Vec::new(), Stop::new());
    // Asked before it begins: it makes one step.
    stop.request();
    let last = made.run_with(0, &stop, &mut |event| events.push(event.clone()));
    assert_eq!(last.unwrap(), CellEvent::Stopped);
    assert_eq!(events, []);
    let cell = made.cell(0);
    assert_eq!(cell.state(), CellState::Stopped);
    let checkpoints = || fs::read_dir(cell.path("checkpoint")).unwrap().count();
    assert_eq!(checkpoints(), 1);

    let (folder, plan) = ExperimentFolder::open(made.folder.root()).unwrap();
    let mut queue = Queue::default();
    let stand = |queue: &Queue| status(&folder, &plan, queue).cells[0].state;
    assert_eq!(stand(&queue), CellState::Stopped);
    let queued = Queued {
        task: "7_0".into(),
        state: "PENDING".into(),
        reason: "Priority".into(),
    };
    queue.cells.insert(plan.cells[0].cell.clone(), queued);
    assert_eq!(stand(&queue), CellState::Waiting);

    let last = made.run_with(0, &Stop::new(), &mut |event| events.push(event.clone()));
    assert!(matches!(last.unwrap(), CellEvent::Done { .. }));
    assert_eq!(events[0], CellEvent::Resumed { step: 1, steps: 2 });
    assert!(!cell.path("checkpoint").exists());
    assert_eq!(stand(&queue), CellState::Done);
    let manifest: bitcap_plan::Manifest = cell.read_json("manifest.json").unwrap();
    let steps: Vec<u64> = manifest.sessions.iter().map(|s| s.from_step).collect();
    assert_eq!(steps, [0, 1]);
}

/// What was trained on one device does not go on where it would be rounded otherwise.
#[test]
fn a_checkpoint_of_another_numeric_class_is_refused() {
    let made = made();
    let stop = Stop::new();
    stop.request();
    made.run_with(0, &stop, &mut |_| {}).unwrap();
    let folder = made.cell(0).path("checkpoint");
    let checkpoint = || {
        fs::read_dir(&folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    };
    // A sound one of the same step, from a device that does not exist.
    let (here, there) = ("flex-f32", "fl3x-f32");
    let (path, mut bytes) = (checkpoint(), fs::read(checkpoint()).unwrap());
    let class = format!(r#"device_class\":\"{here}"#);
    let found: Vec<usize> = bytes
        .windows(class.len())
        .enumerate()
        .filter_map(|(at, window)| (window == class.as_bytes()).then_some(at + class.len()))
        .collect();
    let [end] = found[..] else {
        panic!("{found:?}");
    };
    bytes[end - here.len()..end].copy_from_slice(there.as_bytes());
    fs::remove_file(&path).unwrap();
    let hash = blake3::hash(&bytes).to_hex();
    let name = path.file_name().unwrap().to_str().unwrap();
    let old = name.rsplit(['-', '.']).nth(1).unwrap();
    let name = name.replace(old, &hash[..old.len()]);
    fs::write(folder.join(name), &bytes).unwrap();

    let error = made.run(0).unwrap_err();
    let CellError::OtherDevice { then, now, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((then.as_str(), now.as_str()), (there, here));
    // It can still go on where it was begun.
    assert_eq!(fs::read(checkpoint()).unwrap(), bytes);
    assert_eq!(made.cell(0).state(), CellState::Stopped);
}

/// A folder that goes away under a cell that is worked on: nothing is written into one that takes
/// its place.
#[test]
fn a_lost_folder_ends_a_cell() {
    let made = made();
    let cell = made.cell(0);
    let mut lost = |event: &CellEvent| {
        if matches!(event, CellEvent::Measuring) {
            fs::rename(cell.root(), cell.root().with_extension("away")).unwrap();
            fs::create_dir(cell.root()).unwrap();
        }
    };
    let error = made.run_with(0, &Stop::new(), &mut lost).unwrap_err();
    assert!(matches!(error, CellError::Lock { .. }), "{error}");
    assert_eq!(fs::read_dir(cell.root()).unwrap().count(), 0);
    // And a new process works in the new one.
    assert!(matches!(made.run(0).unwrap(), CellEvent::Done { .. }));
}
