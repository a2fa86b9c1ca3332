//! A real Slurm: what is submitted, and that tasks which are killed, moved or cut off end with the
//! same figures.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, said_by};
use crate::experiment::{CELLS, EXPERIMENT, Place, long, program, succeed};

const PATIENCE: Duration = Duration::from_secs(180);

/// A task that trains until it is told to stop.
fn endless() -> String {
    EXPERIMENT.replace("steps = 1500", "steps = 100000000")
}

fn submit(place: &Place, cluster: &Cluster, more: &[&str]) -> String {
    let mut submit = place.bitcap(cluster.command(program()));
    succeed(
        submit
            .args(["submit", "e.toml", "--engine", "slurm"])
            .args(more),
    )
}

fn script(place: &Place, number: u32) -> String {
    let name = format!("outputs/engines/submissions/{number:03}/batch.sh");
    fs::read_to_string(place.path(&name)).unwrap()
}

/// What the tasks of the first submission said.
fn logs(place: &Place) -> String {
    let mut all = String::new();
    for log in fs::read_dir(place.path("outputs/engines/submissions/001/logs")).unwrap() {
        let path = log.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        all += &format!("{}:\n{text}\n", path.display());
    }
    all
}

fn count(place: &Place, cluster: &Cluster, state: &str) -> usize {
    let states = place.states(cluster.command(program()));
    states.get(state).copied().unwrap_or(0)
}

#[test]
#[ignore = "needs Slurm"]
fn a_job_array_gives_the_figures_of_a_sweep() {
    let cluster = Cluster::start(1001);
    let place = Place::new(EXPERIMENT);
    let said = submit(
        &place,
        &cluster,
        &[
            "--partition",
            "main",
            "--time-limit",
            "10",
            "--gpus",
            "1",
            "--throttle",
            "2",
            "--cells-per-task",
            "2",
            "--sbatch=--comment=a test",
        ],
    );
    assert!(
        said.contains("6 cells in 3 tasks, submitted as job "),
        "{said}"
    );
    let job: String = said
        .split("as job ")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let shown = said_by(cluster.command("scontrol").args(["show", "job", &job]));
    for words in [
        "ArrayTaskThrottle=2",
        "TimeLimit=00:10:00",
        "Partition=main",
        "Requeue=1",
        "gpu:1",
        "Comment=a test",
    ] {
        assert!(shown.contains(words), "no {words} in\n{shown}");
    }
    // What is in the queue is not submitted again.
    let mut again = place.bitcap(cluster.command(program()));
    again.args(["submit", "e.toml", "--engine", "slurm"]);
    let output = again.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("nothing is left to submit"), "{text}");
    // Later changes of the file change nothing of what was submitted.
    fs::write(place.path("e.toml"), "name = \"engines\"\n").unwrap();
    cluster.wait_until_empty(PATIENCE);
    place.assert_done();
    assert_eq!(count(&place, &cluster, "done"), CELLS);
}

/// What SBATCH_ variables say outranks a script's lines; what was asked of bitcap outranks both. And a
/// % in a path is no pattern.
#[test]
#[ignore = "needs Slurm"]
fn what_was_asked_of_bitcap_holds_against_the_environment() {
    let cluster = Cluster::start(1001);
    let place = Place::new(EXPERIMENT);
    let mut submit = place.bitcap(cluster.command(program()));
    submit.envs([
        ("SBATCH_PARTITION", "nowhere"),
        ("SBATCH_TIMELIMIT", "1"),
        ("SBATCH_NO_REQUEUE", "1"),
        ("SBATCH_SIGNAL", "KILL@1"),
        ("SBATCH_OPEN_MODE", "truncate"),
    ]);
    submit.args([
        "submit",
        "e.toml",
        "--engine",
        "slurm",
        "--outputs",
        "out%j",
    ]);
    let asked = ["--partition", "main", "--time-limit", "10", "--mem", "1M"];
    let said = succeed(submit.args(asked).args(["--tensorboard", "events"]));
    let job: String = said
        .split("as job ")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let shown = said_by(cluster.command("scontrol").args(["show", "job", &job]));
    for words in [
        "Partition=main",
        "TimeLimit=00:10:00",
        "Requeue=1",
        "MinMemoryNode=1M",
    ] {
        assert!(shown.contains(words), "no {words} in\n{shown}");
    }
    cluster.wait_until_empty(PATIENCE);
    // Not by what scontrol shows, which takes %% followed by j for a pattern.
    let logs = place.path("out%j/engines/submissions/001/logs");
    assert_eq!(fs::read_dir(logs).unwrap().count(), CELLS);
    assert_eq!(
        fs::read_dir(place.path("events/engines")).unwrap().count(),
        CELLS
    );
    let cells = fs::read_dir(place.path("out%j/engines/cells")).unwrap();
    for cell in cells.flatten() {
        assert!(cell.path().join("measurement.json").is_file());
    }
}

#[test]
#[ignore = "needs Slurm"]
fn an_array_is_split_where_the_cluster_ends_it() {
    let cluster = Cluster::start(3);
    let place = Place::new(EXPERIMENT);
    let said = submit(&place, &cluster, &["--throttle", "1"]);
    let jobs = said.split("as job ").nth(1).unwrap();
    assert_eq!(
        jobs.split(';').next().unwrap().split(", ").count(),
        2,
        "{said}"
    );
    // The second half waits for the first: the throttle is for both.
    let waits = || cluster.squeue().contains("Dependency");
    cluster.wait_until("the second half waits", PATIENCE, waits);
    let states = place.states(cluster.command(program()));
    let seen = ["waiting", "running", "done"].map(|state| states.get(state).copied().unwrap_or(0));
    assert!(
        seen[0] >= 3 && seen.iter().sum::<usize>() == CELLS,
        "{states:?}"
    );
    cluster.wait_until_empty(PATIENCE);
    place.assert_done();
}

/// A process killed, a task cancelled and sent back, a node drained and one that loses its power.
#[test]
#[ignore = "needs Slurm"]
fn whatever_happens_to_tasks_the_figures_are_the_same() {
    let mut cluster = Cluster::start(1001);
    let place = Place::new(&long());
    submit(&place, &cluster, &[]);
    let running = |place: &Place, cluster: &Cluster, many: usize| {
        cluster.wait_until("tasks train", PATIENCE, || {
            count(place, cluster, "running") >= many
        });
    };
    running(&place, &cluster, 3);
    let all = || place.checkpointed().len() >= 3;
    cluster.wait_until("they have checkpoints", PATIENCE, all);
    cluster.drain("n0");
    cluster.kill_node("n1");
    cluster.resume("n0");
    cluster.hasten_requeued();
    running(&place, &cluster, 1);
    // Slurm's own way to have a task again.
    let tasks = cluster.squeue();
    let task = tasks.lines().find(|line| line.contains("RUNNING")).unwrap();
    let task = task.split_whitespace().next().unwrap();
    said_by(cluster.command("scontrol").args(["requeue", task]));
    cluster.hasten_requeued();
    // The other node stays without power: Slurm would still kill there what it ran before.
    cluster.wait_until_empty(PATIENCE);
    let done = count(&place, &cluster, "done");
    assert_eq!(done, CELLS, "{}\n{}", logs(&place), cluster.logs());
    place.assert_done();
    let resumed = place.resumed();
    assert!(resumed.iter().any(|&step| step > 0), "{resumed:?}");
}

/// A cell whose process is killed is not done; submitted again it goes on, and nothing else does.
#[test]
#[ignore = "needs Slurm"]
fn a_cell_that_is_killed_is_submitted_again() {
    let cluster = Cluster::start(1001);
    let place = Place::new(&long());
    submit(&place, &cluster, &[]);
    let holder = || {
        let mut status = place.bitcap(cluster.command(program()));
        let text = succeed(status.args(["status", "outputs/engines", "--json"]));
        let status: Value = serde_json::from_str(&text).unwrap();
        let checkpointed = place.checkpointed();
        let trains = |cell: &&Value| {
            let name = cell["cell"].as_str().unwrap();
            cell["state"] == "running" && checkpointed.iter().any(|other| other == name)
        };
        let cell = status["cells"].as_array().unwrap().iter().find(trains)?;
        let process = cell["holder"].as_str()?.strip_prefix("process ")?;
        process.split(' ').next().map(str::to_owned)
    };
    cluster.wait_until("a cell trains", PATIENCE, || holder().is_some());
    said_by(Command::new("kill").args(["-KILL", &holder().unwrap()]));
    cluster.wait_until_empty(PATIENCE);
    let states = place.states(cluster.command(program()));
    assert_eq!(
        (states.get("done"), states.get("stopped")),
        (Some(&5), Some(&1)),
        "{states:?}"
    );
    assert!(logs(&place).contains("exit status 137"), "{}", logs(&place));
    let said = submit(&place, &cluster, &[]);
    assert!(said.contains("1 cell in 1 task,"), "{said}");
    cluster.wait_until_empty(PATIENCE);
    place.assert_done();
    assert!(place.resumed()[0] > 0);
}

/// Near its time limit a task makes a checkpoint and goes back into the queue; a task that is
/// cancelled makes one and does not.
#[test]
#[ignore = "needs Slurm"]
fn a_task_near_its_limit_goes_back_into_the_queue() {
    let cluster = Cluster::start(1001);
    let place = Place::new(EXPERIMENT);
    fs::write(place.path("long.toml"), endless()).unwrap();
    let mut long = place.bitcap(cluster.command(program()));
    // Of a limit of a minute, so soon that the test need not wait for all of it.
    succeed(long.args([
        "submit",
        "long.toml",
        "--engine",
        "slurm",
        "--only",
        "data.samples=4",
        "--only",
        "seed=0",
        "--time-limit",
        "1",
        "--sbatch=--signal=B:USR1@50",
    ]));
    cluster.wait_until("it trains", PATIENCE, || {
        count(&place, &cluster, "running") == 1
    });
    cluster.wait_until("it is back in the queue", PATIENCE, || {
        count(&place, &cluster, "waiting") == 1
    });
    let logs = place.path("outputs/engines/submissions/001/logs");
    let log = fs::read_dir(logs).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&log).unwrap();
    assert!(
        text.contains("near the time limit: back into the queue"),
        "{text}"
    );
    cluster.hasten_requeued();
    cluster.wait_until("it goes on", PATIENCE, || {
        let text = fs::read_to_string(&log).unwrap();
        text.contains("going on after step ")
    });
    said_by(cluster.command("scancel").arg("--me"));
    cluster.wait_until_empty(PATIENCE);
    assert_eq!(count(&place, &cluster, "stopped"), 1);
    assert_eq!(cluster.squeue(), "");
}

/// The script runs by itself: all tasks, or those that are named; and it says what it was told.
#[test]
#[ignore = "needs bash"]
fn the_script_runs_without_slurm() {
    let place = Place::new(EXPERIMENT);
    let mut submit = place.bitcap(Command::new(program()));
    // A PATH without sbatch.
    submit.env("PATH", "/nowhere");
    let output = submit
        .args(["submit", "e.toml", "--engine", "slurm"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("`sbatch` is not there") && text.contains("bash "),
        "{text}"
    );
    assert!(script(&place, 1).contains("#SBATCH --array=0-5\n"));

    let mut written = place.bitcap(Command::new(program()));
    let said = succeed(written.args([
        "submit",
        "e.toml",
        "--engine",
        "slurm",
        "--script-only",
        "--cells-per-task",
        "4",
    ]));
    assert!(said.contains("nothing is submitted"), "{said}");
    let batch = "outputs/engines/submissions/002/batch.sh";
    assert!(script(&place, 2).contains("#SBATCH --array=0-1\n"));
    let bash = |arguments: &[&str]| {
        let mut bash = place.bitcap(Command::new("bash"));
        bash.env_remove("SLURM_ARRAY_TASK_ID");
        succeed(bash.arg(batch).args(arguments));
    };
    let done = || place.states(Command::new(program())).get("done").copied();
    bash(&["1"]);
    assert_eq!(done(), Some(2));
    bash(&[]);
    assert_eq!(done(), Some(CELLS));
    place.assert_done();
}
