//! The program as a process that is watched, and asked or made to end.

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::Place;

/// Far longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A process in a group of its own; killed with its group when it is dropped.
pub(crate) struct Running {
    child: Child,
}

impl Place {
    /// Starts the program; what it says goes to `out.txt` and `err.txt` here.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(&[], arguments)
    }

    /// Starts the program with variables in its environment.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Running {
        use std::os::unix::process::CommandExt;
        let file = |name: &str| fs::File::create(self.path(name)).unwrap();
        // Signals do what they do by themselves, though whoever runs the tests may ignore some.
        let child = Command::new("env")
            .arg("--default-signal")
            .arg(assert_cmd::cargo::cargo_bin!("bitcap"))
            .current_dir(&self.folder)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file("out.txt"))
            .stderr(file("err.txt"))
            .process_group(0)
            .spawn()
            .unwrap();
        Running { child }
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, name: &str) {
        kill(name, &self.id().to_string());
    }

    /// Kills the process with all that it started.
    pub(crate) fn kill_group(&mut self) {
        kill("KILL", &format!("-{}", self.id()));
        self.child.wait().unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        until("the process ends", || {
            ended = self.has_ended();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended().is_none() {
            self.kill_group();
        }
    }
}

/// Sends a signal to a process, or to a group where the number is negative. That it is gone is fine.
pub(crate) fn kill(signal: &str, id: &str) {
    let mut kill = Command::new("kill");
    kill.args([&format!("-{signal}"), "--", id]);
    kill.stderr(Stdio::null()).status().unwrap();
}

/// The processes that a process started.
pub(crate) fn children(id: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    let parent = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // "12 (name) S 1 ...": the name may hold anything.
        let rest = stat.rsplit_once(") ")?.1;
        rest.split(' ').nth(1)?.parse::<u32>().ok()
    };
    processes
        .filter(|process| parent(process) == Some(id))
        .collect()
}

#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
