//! Cells side by side, with shell scripts in the place of trainings.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use bitcap_base::Stop;
use bitcap_plan::{
    CellEvent, CellTask, ChildProcess, Experiment, Launch, Plan, PlannedCell, SweepEvent,
};

const FAILED: &str = "echo '{\"event\":\"failed\",\"reason\":\"no\"}'";

fn failed() -> CellEvent {
    let reason = "no".to_owned();
    CellEvent::Failed { reason }
}

/// Launches with nobody else at work and no wish to stop.
fn launch(
    cells: &[&PlannedCell],
    jobs: usize,
    command: impl Fn(&PlannedCell) -> Command + Sync,
    tell: impl FnMut(SweepEvent),
) {
    let launch = Launch {
        cells,
        jobs,
        stop: &Stop::new(),
        child: |cell: &PlannedCell, _, _| child(command(cell)),
        is_held: |_: &PlannedCell| false,
    };
    launch.run(tell);
}

fn plan(cells: usize) -> Plan {
    let samples: Vec<usize> = (1..=cells).collect();
    let text = format!(
        "name = \"e\"\n[source]\nkind = \"uniform\"\nvocabulary = 4\nlength = 4\n[model]\nlayers = 1\n\
         width = 4\nheads = 1\n[train]\nlearning_rate = 0.01\nsteps = 1\n[grid]\n\
         \"data.samples\" = {samples:?}\n"
    );
    Experiment::parse(&text, "e.toml", &[])
        .unwrap()
        .plan()
        .unwrap()
}

fn child(command: Command) -> ChildProcess {
    let task = String::new();
    ChildProcess { command, task }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// What is told of one cell after its start.
fn told_of(command: impl Fn() -> Command + Sync) -> Vec<SweepEvent> {
    let plan = plan(1);
    let mut events = Vec::new();
    launch(
        &[&plan.cells[0]],
        1,
        |_| command(),
        |event| events.push(event),
    );
    assert_eq!(events.remove(0), SweepEvent::Started { index: 0 });
    events
}

fn told_of_script(script: &str) -> Vec<SweepEvent> {
    told_of(|| shell(script))
}

fn broke(reason: &str) -> Vec<SweepEvent> {
    let reason = reason.to_owned();
    vec![SweepEvent::Broke { index: 0, reason }]
}

#[test]
fn what_a_cell_tells_is_told_in_order() {
    let script = "
        echo '{\"event\":\"progress\",\"step\":1,\"steps\":2,\"part\":0.25,\"loss\":0.5,\"memorized_bits\":3}'
        echo 'not an event'
        echo '{\"event\":\"measuring\"}'
        echo '{\"event\":\"done\",\"memorized_bits\":7,\"fraction_of_ceiling\":null,\"bits_per_parameter\":0.25}'";
    let expected = [
        CellEvent::Progress {
            step: 1,
            steps: 2,
            part: 0.25,
            loss: 0.5,
            memorized_bits: Some(3.0),
        },
        CellEvent::Measuring,
        CellEvent::Done {
            memorized_bits: Some(7.0),
            fraction_of_ceiling: None,
            bits_per_parameter: Some(0.25),
        },
    ];
    let expected: Vec<SweepEvent> = expected
        .into_iter()
        .map(|event| SweepEvent::Told { index: 0, event })
        .collect();
    assert_eq!(told_of_script(script), expected);
}

#[test]
fn a_cell_that_says_that_it_failed_is_not_broken_too() {
    let script =
        "echo '{\"event\":\"failed\",\"reason\":\"the loss is NaN\"}'; echo error: no >&2; exit 1";
    let reason = "the loss is NaN".to_owned();
    let event = CellEvent::Failed { reason };
    assert_eq!(
        told_of_script(script),
        [SweepEvent::Told { index: 0, event }]
    );
}

#[test]
fn a_process_that_ends_without_a_word_is_told_with_its_last_words_or_its_end() {
    assert_eq!(
        told_of_script("exit 3"),
        broke("its process ended with exit status: 3")
    );
    assert_eq!(
        told_of_script("true"),
        broke("its process ended with exit status: 0")
    );
    let script = "echo first >&2; echo 'error: the disk is full' >&2; echo >&2; exit 1";
    assert_eq!(told_of_script(script), broke("the disk is full"));
    // What follows the first error follows from it.
    let script = "echo a word before >&2; echo 'error: a defect of bitcap at src/a.rs:3:4: no' >&2; \
        echo 'error: the other thread is gone' >&2; \
        echo 'note: run with `RUST_BACKTRACE=1`' >&2; exit 101";
    let reason = "a defect of bitcap at src/a.rs:3:4: no";
    assert_eq!(told_of_script(script), broke(reason));
    // A library's own line, where there is no desktop, and then ours.
    let script = "echo 'error: XDG_RUNTIME_DIR is invalid or not set in the environment.' >&2; \
        echo 'error: the disk is full' >&2; exit 1";
    assert_eq!(told_of_script(script), broke("the disk is full"));
    let not_utf8 = "printf 'error: \\377 is no text\\nFor more\\n' >&2; exit 1";
    assert_eq!(told_of_script(not_utf8), broke("\u{fffd} is no text"));
    let ended = told_of_script("kill -15 $$");
    assert_eq!(ended, broke("its process ended with signal: 15 (SIGTERM)"));
    let killed = told_of_script("kill -9 $$");
    let reason = "its process was killed (SIGKILL), as a system does that has no memory left; fewer \
        --jobs take less";
    assert_eq!(killed, broke(reason));
    // Measuring is not an end.
    let cut = told_of_script("echo '{\"event\":\"measuring\"}'; exit 2");
    assert_eq!(cut[1..], broke("its process ended with exit status: 2"));
}

#[test]
fn a_process_that_cannot_be_started_is_told() {
    let events = told_of(|| Command::new("/nowhere/bitcap"));
    let [SweepEvent::Broke { index: 0, reason }] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(
        reason.starts_with("its process could not be started: "),
        "{reason}"
    );
}

/// More than a pipe holds, on both streams.
#[test]
fn a_process_that_says_much_does_not_hang() {
    let script = format!(
        "i=0; while [ $i -lt 10000 ]; do echo 'a line of some length'; echo 'and one more' >&2; \
         i=$((i+1)); done; {FAILED}"
    );
    let event = failed();
    assert_eq!(
        told_of_script(&script),
        [SweepEvent::Told { index: 0, event }]
    );
}

/// Cells that are begun, those that ended, and the most that were open at once.
fn follow(
    cells: usize,
    jobs: usize,
    script: impl Fn(&PlannedCell) -> String + Sync,
) -> (Vec<usize>, Vec<usize>, usize) {
    let plan = plan(cells.max(1));
    let cells: Vec<&PlannedCell> = plan.cells.iter().take(cells).collect();
    let (mut begun, mut ended, mut most) = (Vec::new(), Vec::new(), 0);
    launch(
        &cells,
        jobs,
        |cell| shell(&script(cell)),
        |event| {
            match event {
                SweepEvent::Started { index } => begun.push(index),
                SweepEvent::Told { index, .. } | SweepEvent::Broke { index, .. } => {
                    ended.push(index);
                }
                SweepEvent::Stopping => {}
            }
            most = most.max(begun.len() - ended.len());
        },
    );
    (begun, ended, most)
}

#[test]
fn every_cell_runs_once_and_no_more_at_once_than_asked() {
    let all: Vec<usize> = (0..7).collect();
    for jobs in [1, 3, 20] {
        // Every other one breaks: the rest go on.
        let script = |cell: &PlannedCell| match cell.index % 2 {
            0 => FAILED.to_owned(),
            _ => "exit 1".to_owned(),
        };
        let (mut begun, mut ended, most) = follow(7, jobs, script);
        if jobs == 1 {
            assert_eq!((&begun, &ended), (&all, &all), "in order");
        }
        assert!((1..=jobs).contains(&most), "{most} of {jobs}");
        begun.sort_unstable();
        ended.sort_unstable();
        assert_eq!((&begun, &ended), (&all, &all));
    }
    assert_eq!(follow(0, 2, |_| FAILED.to_owned()), (vec![], vec![], 0));
}

/// Two processes that wait for each other end only if they run at the same time.
#[test]
fn as_many_run_at_once_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |index: usize| folder.path().join(index.to_string()).display().to_string();
    let script = |cell: &PlannedCell| {
        let (own, other) = (path(cell.index), path(1 - cell.index));
        format!("touch '{own}'; until [ -e '{other}' ]; do sleep 0.01; done; {FAILED}")
    };
    let (_, ended, most) = follow(2, 2, script);
    assert_eq!((ended.len(), most), (2, 2));
}

/// A cell that another process works on is told once, and begun again when it is free.
#[test]
fn a_busy_cell_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (free, tries) = (path("free"), path("tries"));
    let plan = plan(1);
    let script = format!(
        "echo $AGAIN >> '{tries}'; if [ -e '{free}' ]; then {FAILED}; else echo '{{\"event\":\"busy\"}}'; fi"
    );
    let looks = std::sync::atomic::AtomicU32::new(0);
    let mut events = Vec::new();
    let launch = Launch {
        cells: &[&plan.cells[0]],
        jobs: 3,
        stop: &Stop::new(),
        child: |_: &PlannedCell, again: bool, _| {
            let mut command = shell(&script);
            command.env("AGAIN", again.to_string());
            child(command)
        },
        is_held: |_: &PlannedCell| {
            // Not held the first time, though busy again: one who only looked held it.
            let look = looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if look == 2 {
                std::fs::write(&free, "").unwrap();
            }
            look == 1
        },
    };
    launch.run(|event| events.push(event));
    let started = SweepEvent::Started { index: 0 };
    let told = |event| SweepEvent::Told { index: 0, event };
    assert_eq!(
        events,
        [
            started.clone(),
            told(CellEvent::Busy),
            started.clone(),
            started,
            told(failed()),
        ]
    );
    let again = std::fs::read_to_string(tries).unwrap();
    assert_eq!(again, "false\ntrue\ntrue\n");
}

/// What runs is told by the end of its standard input; what has not begun is not begun.
#[test]
fn a_wish_to_stop_ends_what_runs_and_begins_nothing() {
    let plan = plan(4);
    let cells: Vec<&PlannedCell> = plan.cells.iter().collect();
    let stop = Stop::new();
    // The first says so; the second has nothing to save and ends without a word.
    let script = |cell: &PlannedCell| match cell.index {
        0 => "cat >/dev/null; echo '{\"event\":\"stopped\"}'; exit 143",
        _ => "cat >/dev/null; exit 143",
    };
    let mut events = Vec::new();
    let launch = Launch {
        cells: &cells,
        jobs: 2,
        stop: &stop,
        child: |cell: &PlannedCell, _, _| child(shell(script(cell))),
        is_held: |_: &PlannedCell| false,
    };
    launch.run(|event| {
        if event == (SweepEvent::Started { index: 1 }) {
            stop.request();
        }
        events.push(event);
    });
    for index in [0, 1] {
        let event = CellEvent::Stopped;
        assert!(events.contains(&SweepEvent::Told { index, event }));
    }
    let stopping = events
        .iter()
        .filter(|event| **event == SweepEvent::Stopping);
    assert_eq!((stopping.count(), events.len()), (1, 5), "{events:?}");
}

/// An error is an error, whoever asked to stop meanwhile.
#[test]
fn what_broke_while_it_was_asked_to_stop_is_told() {
    let plan = plan(1);
    let stop = Stop::new();
    let mut events = Vec::new();
    let launch = Launch {
        cells: &[&plan.cells[0]],
        jobs: 1,
        stop: &stop,
        child: |_: &PlannedCell, _, _| {
            child(shell("cat >/dev/null; echo error: disk full >&2; exit 1"))
        },
        is_held: |_: &PlannedCell| false,
    };
    launch.run(|event| {
        stop.request();
        events.push(event);
    });
    assert_eq!(events[1], SweepEvent::Stopping);
    assert_eq!(events[2..], broke("disk full"));
}

#[test]
fn a_process_is_told_what_to_do_by_its_first_line() {
    let plan = plan(1);
    let cell = &plan.cells[0];
    // Any path there is: one that looks like an option, with a newline in it, and not UTF-8.
    let folder = PathBuf::from(OsStr::from_bytes(b"-o\n\xff/cells"));
    let task = CellTask::new(cell.settings.clone(), &folder, Some(&folder), true);
    let line = task.to_line();
    let read = CellTask::read_line(&mut line.as_bytes()).unwrap();
    assert_eq!((&read, read.folder()), (&task, folder.clone()));
    assert_eq!(read.tensorboard(), Some(folder));
    let nothing = CellTask::read_line(&mut &b""[..]).unwrap_err().to_string();
    assert!(
        nothing.starts_with("standard input has no cell to run"),
        "{nothing}"
    );

    let file = tempfile::NamedTempFile::new().unwrap();
    let script = format!("head -n 1 >{}; {FAILED}", file.path().display());
    let launch = Launch {
        cells: &[cell],
        jobs: 1,
        stop: &Stop::new(),
        child: |_: &PlannedCell, _, _| ChildProcess {
            command: shell(&script),
            task: line.clone(),
        },
        is_held: |_: &PlannedCell| false,
    };
    launch.run(|_| {});
    let told = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(told, line.clone() + "\n");
}
