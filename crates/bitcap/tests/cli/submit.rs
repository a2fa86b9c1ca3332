//! `submit` and what is asked of a scheduler, with scripts in the place of Slurm's programs.

use std::fs;

use assert_cmd::assert::Assert;

use crate::process::until;
use crate::{Place, TINY, assert_says, stderr, stdout};

/// A place with programs of its own, which come before the system's.
struct Cluster {
    place: Place,
}

impl Cluster {
    /// One that takes every job, with the number 17, and has nothing in its queue.
    fn new() -> Self {
        let cluster = Self {
            place: Place::new(TINY),
        };
        fs::create_dir(cluster.place.path("bin")).unwrap();
        cluster.program("scontrol", "exit 1");
        cluster.program("squeue", "exit 0");
        cluster.program("sbatch", "echo 17");
        cluster
    }

    fn program(&self, name: &str, script: &str) {
        // By a shell: the system does not run what is open for writing anywhere, as a file of ours
        // would be in a process that another test has just forked.
        let path = format!("bin/{name}");
        let write = ["-c", "cat >\"$0\" && chmod 755 \"$0\"", &path];
        let mut shell = assert_cmd::Command::new("sh");
        shell.current_dir(&self.place.folder).args(write);
        let script = format!("#!/bin/sh\n{script}\n");
        shell.write_stdin(script).assert().success();
    }

    /// The programs' folder before those of the system.
    fn path(&self) -> String {
        let (own, others) = (self.place.path("bin"), std::env::var("PATH").unwrap());
        format!("{}:{others}", own.display())
    }

    fn bitcap(&self, arguments: &[&str]) -> Assert {
        let program = assert_cmd::cargo::cargo_bin!("bitcap");
        let mut command = assert_cmd::Command::new(program);
        command.current_dir(&self.place.folder).args(arguments);
        command.env("PATH", self.path()).env("BITCAP", program);
        command.assert()
    }

    fn submit(&self, more: &[&str]) -> String {
        let submit = ["submit", "e.toml", "--engine", "slurm"];
        stdout(&self.bitcap(&[&submit, more].concat()).success())
    }
}

/// What waits in a queue is forgotten by no other sweep, not even by one that comes between the plan
/// and the list of what was submitted, and finds nobody at work.
#[test]
fn what_is_submitted_is_kept_by_other_sweeps() {
    let cluster = Cluster::new();
    let place = &cluster.place;
    // Asked how long an array may be before the list is written.
    cluster.program(
        "scontrol",
        "\"$BITCAP\" sweep e.toml --set train.steps=7 >meanwhile.txt 2>&1 && exit 1",
    );
    cluster.submit(&[]);
    assert_says(
        &place.text("meanwhile.txt"),
        &["tables: outputs/tiny/runs.csv"],
    );
    let tasks = place.text("outputs/tiny/submissions/001/tasks.txt");
    let submitted: Vec<&str> = tasks.split_whitespace().collect();
    assert_eq!(submitted.len(), 4);
    let planned = |all: usize| {
        let cells = place.cells("outputs/tiny");
        assert_eq!(cells.len(), all);
        for cell in &submitted {
            assert!(cells.iter().any(|name| name.ends_with(cell)), "{cells:?}");
        }
    };
    planned(4 + 4);
    // Nobody is at work any more.
    place.sweep(&["--set", "train.steps=8"]);
    planned(4 + 4 + 4);
}

/// Variables such as SBATCH_SIGNAL outrank the lines of a script: what bitcap needs and what was asked
/// of it stands on the command line too, which outranks them.
#[test]
fn what_was_asked_of_bitcap_stands_on_the_command_line_of_sbatch() {
    let cluster = Cluster::new();
    cluster.program("sbatch", "printf '%s\\n' \"$@\" >asked.txt; echo 17");
    let more = [
        "--outputs",
        "out%j",
        "--partition",
        "main",
        "--time-limit",
        "10",
        "--mem",
        "1M",
        "--gpus",
        "1",
        "--throttle",
        "2",
        "--sbatch=--comment=a test",
    ];
    let said = cluster.submit(&more);
    assert_says(&said, &["4 cells in 4 tasks, submitted as job 17"]);
    let asked = cluster.place.text("asked.txt");
    let logs = "out%%j/tiny/submissions/001/logs/%A_%a.txt";
    let output = asked.lines().find(|line| line.starts_with("--output="));
    assert!(output.is_some_and(|line| line.ends_with(logs)), "{asked}");
    let script = "out%j/tiny/submissions/001/batch.sh";
    let script = cluster.place.text(script);
    for option in [
        "--job-name=bitcap-tiny",
        "--open-mode=append",
        "--ntasks=1",
        "--cpus-per-task=1",
        "--requeue",
        "--signal=B:USR1@120",
        "--partition=main",
        "--time=10",
        "--mem=1M",
        "--gres=gpu:1",
        "--array=0-3%2",
        "--comment=a test",
    ] {
        assert!(asked.lines().any(|line| line == option), "{asked}");
        // In the script as well, for those who submit it by hand.
        assert!(script.contains(option), "{script}");
    }
    assert!(script.contains(logs), "{script}");
}

/// Folders are looked at every two seconds, a scheduler is asked twice a minute, and once for all jobs.
#[test]
fn a_watched_status_asks_the_scheduler_seldom() {
    let cluster = Cluster::new();
    let place = &cluster.place;
    cluster.submit(&[]);
    cluster.program("sbatch", "echo 18");
    cluster.submit(&[]);
    cluster.program("squeue", "echo asked >>squeue.txt");
    let path = cluster.path();
    let watch = ["status", "outputs/tiny", "--watch"];
    let _watch = place.start_with(&[("PATH", path.as_str())], &watch);
    until("it shows how they stand", || {
        place.text("out.txt").contains("4 missing")
    });
    for (cell, shown) in [("0", "4 cells, 1 done"), ("1", "4 cells, 2 done")] {
        place.bitcap(&["run", "e.toml", "--cell", cell]).success();
        until("it has looked again", || {
            place.text("out.txt").contains(shown)
        });
    }
    assert_eq!(place.text("squeue.txt"), "asked\n");
}

/// What a scheduler says of itself is told, and a silence is told as one.
#[test]
fn status_says_why_the_scheduler_could_not_be_asked() {
    let cluster = Cluster::new();
    cluster.submit(&[]);
    for (squeue, why) in [
        (
            "exit 3",
            "squeue cannot be asked what waits: it says nothing, and ended with exit status: 3",
        ),
        (
            "echo no controller >&2; exit 1",
            "squeue cannot be asked what waits: no controller",
        ),
    ] {
        cluster.program("squeue", squeue);
        let status = cluster.bitcap(&["status", "outputs/tiny"]).success();
        let told = stdout(&status) + &stderr(&status);
        assert!(told.contains(why), "{told}");
    }
    cluster.program("squeue", "echo '17|1|PENDING|Priority'");
    let status = cluster.bitcap(&["status", "outputs/tiny"]).success();
    assert!(stdout(&status).contains("Priority"), "{}", stdout(&status));
}
