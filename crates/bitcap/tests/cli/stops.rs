//! SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2: a checkpoint, no process left behind, and a word on how to go on.

use std::process::Command;

use crate::process::{children, kill, until};
use crate::swept_before::{assert_same, without_the_clock};
use crate::{Place, TINY, assert_says, stdout};

/// Trainings that last for longer than any test waits, with rows soon and checkpoints never, but
/// for those that a signal makes.
fn endless() -> String {
    TINY.replace("steps = 6", "steps = 100000000")
        .replace("metrics_every = 2", "metrics_every = 1")
        + "[engine]\njobs = 2\n"
}

fn steps(place: &Place) -> Vec<usize> {
    let cells = place.names("outputs/tiny/cells");
    cells
        .iter()
        .map(|cell| {
            let metrics = place.path(&format!("outputs/tiny/cells/{cell}/metrics.csv"));
            let text = std::fs::read_to_string(metrics).unwrap_or_default();
            text.lines().count().saturating_sub(1)
        })
        .collect()
}

fn two_train(place: &Place) -> bool {
    place.path("outputs/tiny/cells").is_dir()
        && steps(place).iter().filter(|&&steps| steps > 2).count() >= 2
}

#[test]
fn a_sweep_that_is_asked_to_stop_leaves_checkpoints_and_says_how_to_go_on() {
    for (signal, code) in [
        ("INT", 130),
        ("TERM", 143),
        ("HUP", 129),
        // By these schedulers warn of a limit.
        ("USR1", 138),
        ("USR2", 140),
    ] {
        let place = Place::new(&endless());
        let mut sweep = place.start(&["sweep", "e.toml", "--set", "data.seed=1"]);
        until("two cells train", || two_train(&place));
        let cells = children(sweep.id());
        assert_eq!(cells.len(), 2);
        sweep.signal(signal);
        assert_eq!(sweep.wait().code(), Some(code));
        let text = place.text("err.txt");
        assert_says(
            &text,
            &[
                "stopping: cells that train save a checkpoint",
                "SIGINT again ends at once",
                "stopped: 0 of 4 cells are done; the same command goes on from here: ",
                "sweep e.toml --set data.seed=1",
            ],
        );
        assert!(!text.contains("failed"), "{text}");
        for cell in cells {
            assert!(!std::path::Path::new(&format!("/proc/{cell}")).exists());
        }
        let status = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
        assert_says(
            &status,
            &["0 running", "2 stopped", "0 failed", "2 missing"],
        );
        assert!(!place.path("outputs/tiny/runs.csv").exists());
    }
}

/// A Ctrl-C reaches the sweep and all of its cells, which the sweep tells too: one wish, not two.
#[test]
fn an_interrupt_from_a_terminal_costs_no_checkpoint() {
    for _ in 0..4 {
        let place = Place::new(&endless());
        let mut sweep = place.start(&["sweep", "e.toml", "--jobs", "4"]);
        until("all cells train", || {
            place.path("outputs/tiny/cells").is_dir()
                && steps(&place).iter().filter(|&&steps| steps > 0).count() == 4
        });
        kill("INT", &format!("-{}", sweep.id()));
        assert_eq!(sweep.wait().code(), Some(130));
        let status = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
        assert_says(&status, &["0 running", "4 stopped"]);
    }
}

/// The second does not wait for the step, which here takes minutes.
#[test]
fn a_second_interrupt_ends_at_once() {
    let slow = TINY
        .replace(
            "vocabulary = 4\nlength = 4",
            "vocabulary = 2048\nlength = 64",
        )
        .replace("layers = 1", "layers = 4")
        .replace(
            "\"model.width\" = [4]\n\"data.samples\" = [4, 9]",
            "\"model.width\" = [256]\n\"data.samples\" = [20000]",
        );
    let place = Place::new(&slow);
    let mut run = place.start(&["run", "e.toml", "--cell", "0"]);
    let log = |place: &Place| {
        let cells = std::fs::read_dir(place.path("outputs/tiny/cells")).ok()?;
        let cell = cells.flatten().next()?;
        std::fs::read_to_string(cell.path().join("log.txt")).ok()
    };
    until("it trains", || {
        log(&place).is_some_and(|log| log.contains("training l4-"))
    });
    run.signal("INT");
    until("it has heard", || {
        place.text("err.txt").contains("stopping after this step")
    });
    assert!(run.has_ended().is_none());
    run.signal("INT");
    assert_eq!(run.wait().code(), Some(130));
    let status = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
    assert_says(&status, &["0 running", "0 stopped", "2 missing"]);
}

/// The cells of a sweep that is gone stop by themselves, with what they have.
#[test]
fn cells_do_not_outlive_their_sweep() {
    let place = Place::new(&endless());
    let mut sweep = place.start(&["sweep", "e.toml"]);
    until("two cells train", || two_train(&place));
    let cells = children(sweep.id());
    sweep.signal("KILL");
    sweep.wait();
    until("they end", || {
        let there = |cell: &u32| std::path::Path::new(&format!("/proc/{cell}")).exists();
        !cells.iter().any(there)
    });
    let status = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
    assert_says(&status, &["0 running", "2 stopped"]);
}

/// A stopped cell goes on to the same bytes; so does one that is stopped again and again.
#[test]
fn a_cell_that_was_stopped_ends_as_one_left_alone() {
    let steps = 3000;
    let longer = TINY.replace("steps = 6", &format!("steps = {steps}"));
    let place = Place::new(&longer);
    let run = |outputs: &'static str| ["run", "e.toml", "--cell", "0", "--outputs", outputs];
    place.bitcap(&run("whole")).success();
    let (mut stopped, mut resumed) = (0, 0);
    loop {
        let mut running = place.start(&run("stopped"));
        std::thread::sleep(std::time::Duration::from_millis(30 + 20 * stopped));
        running.signal("TERM");
        let ended = running.wait();
        resumed += place.text("out.txt").matches("going on after step").count();
        if ended.success() {
            break;
        }
        stopped += 1;
        // None: it had not begun to listen yet, and the signal ended it.
        assert!(matches!(ended.code(), Some(143) | None), "{ended}");
        if ended.code().is_some() {
            let text = place.text("err.txt");
            assert_says(&text, &["the same command goes on from here"]);
        }
    }
    assert!(stopped > 0);
    assert!(resumed > 0, "no checkpoint was ever gone on from");
    assert_same(
        &without_the_clock(&place, "stopped"),
        &without_the_clock(&place, "whole"),
    );
}

/// nohup has the program ignore SIGHUP; it stays ignored.
#[test]
fn a_hangup_that_is_to_be_ignored_is_ignored() {
    let place = Place::new(&TINY.replace("steps = 6", "steps = 2000"));
    let script = "trap '' HUP; \"$0\" run e.toml --cell 0 & \
        while [ ! -e outputs/tiny/cells/*/metrics.csv ]; do sleep 0.01; done; \
        kill -HUP $!; wait $!";
    let status = Command::new("bash")
        .current_dir(&place.folder)
        .args(["-c", script])
        .arg(assert_cmd::cargo::cargo_bin!("bitcap"))
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
