//! A real Slurm of one machine: its own key, its own ports and two virtual nodes.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The names of the two virtual nodes.
pub(crate) const NODES: [&str; 2] = ["n0", "n1"];

/// Seconds between the polite and the hard signal, at a time limit or a cancel.
pub(crate) const KILL_WAIT: u32 = 5;

/// How long a daemon may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Slurm that lives as long as this value.
///
/// Each node has two CPUs and two made-up GPUs; tasks of one CPU spread over both nodes.
pub(crate) struct Cluster {
    // Dropped in this order: first the folder's users, then the folder.
    daemons: Vec<Child>,
    nodes: [Option<Child>; 2],
    _guard: Guard,
    root: TempDir,
}

impl Cluster {
    /// Starts one that takes arrays with indices below `max_array_size`.
    pub(crate) fn start(max_array_size: u32) -> Self {
        let root = tempfile::tempdir().unwrap();
        // The munge socket must be open to all, whoever the jobs run as.
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let mut cluster = Self {
            daemons: Vec::new(),
            nodes: [None, None],
            _guard: Guard::over(root.path(), &mark_of(root.path())),
            root,
        };
        cluster.write_config(max_array_size);
        cluster.start_munge();
        cluster.start_controller();
        for node in NODES {
            cluster.start_node(node);
        }
        cluster
    }

    /// What a child needs in its environment to talk to this cluster.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let config = self.path("slurm.conf");
        vec![("SLURM_CONF".into(), config.to_str().unwrap().into())]
    }

    /// A command that talks to this cluster.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.env());
        command
    }

    /// What waits and what runs, a task a line: job, state in full, node, reason.
    pub(crate) fn squeue(&self) -> String {
        self.ask("squeue", &["-h", "-r", "-o", "%i %T %N %r"])
    }

    /// Waits until nothing waits or runs; panics with the controller's log when it takes too long.
    pub(crate) fn wait_until_empty(&self, timeout: Duration) {
        self.wait_until("an empty queue", timeout, || self.squeue().is_empty());
    }

    /// Waits for something of the test's own; panics with the controller's log like the others.
    pub(crate) fn wait_until(&self, what: &str, timeout: Duration, reached: impl Fn() -> bool) {
        if !holds_within(timeout, reached) {
            panic!(
                "no {what} within {timeout:?}\nsqueue:\n{}\nsinfo:\n{}\n{}",
                self.squeue(),
                self.ask("sinfo", &["-h", "-N", "-o", "%N %T %E"]),
                self.logs(),
            );
        }
    }

    /// Lets what runs on `node` go on, and starts nothing new there.
    pub(crate) fn drain(&self, node: &str) {
        self.update_node(node, &["state=drain", "reason=test"]);
    }

    /// Takes `drain` back.
    pub(crate) fn resume(&self, node: &str) {
        self.update_node(node, &["state=resume"]);
        self.wait_for_node(node, &["idle", "mixed", "allocated"]);
    }

    /// Cuts the power of `node`: its daemon and its jobs are gone at once, and Slurm knows.
    pub(crate) fn kill_node(&mut self, node: &str) {
        let config = self.mark(&format!("{node}.conf"));
        let [cluster, job] = [self.mark(""), format!("SLURMD_NODENAME={node}")];
        let daemon = self.nodes[index_of(node)].take();
        let pids: Vec<u32> = daemon.iter().map(Child::id).collect();
        kill_all(&pids, |environ| {
            has_line(environ, &config)
                || has_line(environ, &job) && has_line_from(environ, &cluster)
        });
        reap(daemon);
        self.update_node(node, &["state=down", "reason=killed"]);
    }

    /// Starts `node`, also after `kill_node`.
    pub(crate) fn start_node(&mut self, node: &str) {
        let index = index_of(node);
        assert!(self.nodes[index].is_none(), "{node} is up");
        let mut daemon = self.daemon("slurmd");
        daemon.args(["-D", "-N", node]);
        daemon.env("SLURM_CONF", self.path(&format!("{node}.conf")));
        self.nodes[index] = Some(self.spawn(daemon, node));
        self.wait_for_node(node, &["idle", "mixed", "allocated"]);
    }

    /// Lets all that waits start in a few seconds, as soon as a node is free then.
    ///
    /// By itself Slurm lets requeued tasks wait until the credential of their last run has expired.
    /// The few seconds are for its clock, which counts whole ones: a node refuses a credential that
    /// was made in the second in which it revoked the last ("Job credential revoked"), and the task
    /// is gone.
    pub(crate) fn hasten_requeued(&self) {
        for line in self.squeue().lines() {
            let mut words = line.split(' ');
            if let (Some(task), Some("PENDING")) = (words.next(), words.next()) {
                let task = format!("jobid={task}");
                let mut update = self.command("scontrol");
                // The task may have started meanwhile, which is as good.
                let _ = update.args(["update", &task, "starttime=now+3"]).output();
            }
        }
    }

    /// The end of each daemon's log.
    pub(crate) fn logs(&self) -> String {
        ["slurmctld", "n0", "n1", "munged"]
            .map(|daemon| {
                let log = fs::read(self.path(&format!("{daemon}.log")));
                let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
                let lines: Vec<&str> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(30)..].join("\n");
                format!("--- {daemon}.log\n{tail}\n")
            })
            .concat()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn mark(&self, config: &str) -> String {
        mark_of(self.root.path()) + config
    }

    fn write_config(&self, max_array_size: u32) {
        let root = self.root.path();
        for folder in ["munge", "state", "state/env_cache"]
            .into_iter()
            .chain(NODES)
        {
            fs::create_dir(root.join(folder)).unwrap();
        }
        fs::write(root.join("munge/key"), random_bytes(128)).unwrap();
        fs::set_permissions(root.join("munge/key"), Permissions::from_mode(0o600)).unwrap();
        let user = said_by(Command::new("id").arg("-un"));
        let user = user.trim();
        let [controller, n0, n1] = free_ports();
        let max_jobs = max_array_size.max(1000) + 1;
        let root = root.display();
        let config = format!(
            "ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
# Requeued tasks wait until the credential of their last run has expired.
AuthInfo=socket={root}/munge/socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
StateSaveLocation={root}/state
SlurmctldPidFile={root}/slurmctld.pid
SlurmdSpoolDir={root}/%n
SlurmdPidFile={root}/%n.pid
PlugStackConfig={root}/none
# Nodes are as large as is said here, whatever machine this is.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
MaxArraySize={max_array_size}
MaxJobCount={max_jobs}
MinJobAge=3600
JobRequeue=1
ReturnToService=2
OverTimeLimit=0
KillWait={KILL_WAIT}
# For --export=NONE take the login environment from a file, and start no login shell: that
# would run whatever the user of the test has in a profile, and be killed in the midst of it.
GetEnvTimeout=0
GresTypes=gpu
NodeName=n0 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n0} CPUs=2 RealMemory=16000 Gres=gpu:2
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n1} CPUs=2 RealMemory=16000 Gres=gpu:2
# The least loaded node first, so that a few tasks already use both.
PartitionName=main Nodes=ALL Default=YES LLN=YES
"
        );
        let path = std::env::var("PATH").unwrap_or_default();
        let login = format!("PATH={path}\nHOME={root}\nUSER={user}\n");
        fs::write(self.path(&format!("state/env_cache/{user}")), login).unwrap();
        // Any device will do: without cgroups nobody opens or guards them.
        let gres = ["/dev/null", "/dev/zero"].map(|file| format!("Name=gpu File={file}\n"));
        // The same under three names: a job's keeper writes over its environment and its
        // arguments, and only by SLURM_CONF one can still tell whose it is.
        for name in ["slurm", "n0", "n1"] {
            fs::write(self.path(&format!("{name}.conf")), &config).unwrap();
        }
        fs::write(self.path("gres.conf"), gres.concat()).unwrap();
    }

    fn start_munge(&mut self) {
        let path = |name: &str| self.path("munge").join(name);
        let mut daemon = self.daemon("munged");
        // Forced: it dislikes folders that others can write to, such as /tmp.
        daemon.args(["--foreground", "--force", "--num-threads=2"]);
        for option in ["key-file", "socket", "pid-file", "log-file", "seed-file"] {
            let name = option.trim_end_matches("-file");
            daemon.arg(format!("--{option}={}", path(name).display()));
        }
        let socket = path("socket");
        let daemon = self.spawn(daemon, "munged");
        self.daemons.push(daemon);
        if !holds_within(PATIENCE, || socket.exists()) {
            panic!("munged does not start\n{}", self.logs());
        }
    }

    fn start_controller(&mut self) {
        let mut daemon = self.daemon("slurmctld");
        daemon.arg("-D");
        let daemon = self.spawn(daemon, "slurmctld");
        self.daemons.push(daemon);
        let answers = || {
            let ping = self.command("scontrol").arg("ping").output().unwrap();
            ping.status.success()
        };
        if !holds_within(PATIENCE, answers) {
            panic!("slurmctld does not start\n{}", self.logs());
        }
    }

    /// A command with as little environment as a service has.
    fn daemon(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // Debian keeps them where only root looks.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path + ":/usr/sbin:/sbin");
        command.envs(self.env());
        command
    }

    fn spawn(&self, mut daemon: Command, name: &str) -> Child {
        let log = self.path(&format!("{name}.log"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        daemon.stdin(Stdio::null());
        daemon.stdout(log.try_clone().unwrap()).stderr(log);
        // A Ctrl-C or a kill of the test's own group is not meant for the cluster.
        daemon.process_group(0);
        let spawned = daemon.spawn();
        spawned.unwrap_or_else(|error| panic!("{}: {error}", daemon.get_program().display()))
    }

    fn wait_for_node(&self, node: &str, states: &[&str]) {
        let what = format!("{node} that is {}", states.join(" or "));
        self.wait_until(&what, PATIENCE, || {
            let state = self.ask("sinfo", &["-h", "-n", node, "-o", "%T"]);
            states.contains(&state.trim())
        });
    }

    fn update_node(&self, node: &str, settings: &[&str]) {
        let name = format!("nodename={node}");
        let mut update = self.command("scontrol");
        said_by(update.args(["update", &name]).args(settings));
    }

    /// The answer of a client, which may be nothing while the controller is busy.
    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let started = Instant::now();
        loop {
            let output = self.command(program).args(arguments).output().unwrap();
            if output.status.success() {
                return String::from_utf8(output.stdout).unwrap();
            }
            if started.elapsed() > PATIENCE {
                let error = String::from_utf8_lossy(&output.stderr).into_owned();
                panic!("{program}: {error}\n{}", self.logs());
            }
            sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let nodes = self.nodes.iter_mut().filter_map(Option::take);
        let daemons: Vec<Child> = self.daemons.drain(..).chain(nodes).collect();
        let pids: Vec<u32> = daemons.iter().map(Child::id).collect();
        let mark = self.mark("");
        kill_all(&pids, |environ| has_line_from(environ, &mark));
        reap(daemons);
    }
}

/// What every process of the cluster at `root` has in its environment, jobs too.
fn mark_of(root: &Path) -> String {
    format!("SLURM_CONF={}/", root.display())
}

fn index_of(node: &str) -> usize {
    let found = NODES.iter().position(|name| *name == node);
    found.unwrap_or_else(|| panic!("no node {node}"))
}

/// Ends what `Drop` could not, because the test itself was killed.
pub(crate) struct Guard(Child);

impl Guard {
    /// Over the processes with `mark` in their environment or a `*.pid` in `root`.
    pub(crate) fn over(root: &Path, mark: &str) -> Self {
        // Its standard input ends with the test, however that ends.
        let script = r#"cat
            kill -KILL $(cat "$1"/*.pid)
            for environ in $(grep -lszF "$2" /proc/[0-9]*/environ); do
                pid=${environ#/proc/}
                kill -KILL "${pid%/environ}"
            done
            rm -rf "$1""#;
        let mut guard = Command::new("sh");
        guard.args(["-c", script, "guard"]).arg(root).arg(mark);
        guard.stdin(Stdio::piped());
        guard.stdout(Stdio::null()).stderr(Stdio::null());
        Self(guard.process_group(0).spawn().unwrap())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Kills the processes `pids`, those whose environment `belongs`, and all they have started.
pub(crate) fn kill_all(pids: &[u32], belongs: impl Fn(&[u8]) -> bool) {
    // Stopped first: who is killed while it forks leaves a child that nobody can trace.
    let mut stopped = BTreeSet::new();
    loop {
        let found = family(pids, &belongs);
        if found.is_subset(&stopped) {
            break;
        }
        signal("STOP", &found);
        stopped.extend(found);
    }
    signal("KILL", &stopped);
    // Not an assertion: this also runs in `Drop`.
    holds_within(Duration::from_secs(10), || {
        family(pids, &belongs).is_empty()
    });
}

/// Those of `pids` that live, the processes whose environment `belongs`, and their descendants.
fn family(pids: &[u32], belongs: impl Fn(&[u8]) -> bool) -> BTreeSet<u32> {
    let processes: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| pid != std::process::id())
        .filter_map(|pid| Some((pid, living_parent(pid)?)))
        .collect();
    let is_root = |pid: u32| {
        pids.contains(&pid) || fs::read(format!("/proc/{pid}/environ")).is_ok_and(|e| belongs(&e))
    };
    let mut found: BTreeSet<u32> = processes.iter().map(|(pid, _)| *pid).collect();
    found.retain(|&pid| is_root(pid));
    loop {
        let before = found.len();
        for (pid, parent) in &processes {
            if found.contains(parent) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The parent of a process that lives and is no zombie.
fn living_parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the last bracket may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}

fn signal(name: &str, pids: &BTreeSet<u32>) {
    if pids.is_empty() {
        return;
    }
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}"));
    kill.args(pids.iter().map(ToString::to_string));
    // Some may have ended by themselves.
    let _ = kill.stderr(Stdio::null()).status();
}

/// Whether `line` is one of the variables of an environment as `/proc` shows it.
pub(crate) fn has_line(environ: &[u8], line: &str) -> bool {
    environ
        .split(|byte| *byte == 0)
        .any(|it| it == line.as_bytes())
}

/// Whether one of the variables starts with `start`.
fn has_line_from(environ: &[u8], start: &str) -> bool {
    environ
        .split(|byte| *byte == 0)
        .any(|it| it.starts_with(start.as_bytes()))
}

/// Lets killed children go from the process table.
pub(crate) fn reap(children: impl IntoIterator<Item = Child>) {
    for mut child in children {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Whether something became true in time.
pub(crate) fn holds_within(timeout: Duration, reached: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if reached() {
            return true;
        }
        if started.elapsed() > timeout {
            return false;
        }
        sleep(Duration::from_millis(50));
    }
}

/// Ports of 127.0.0.1 that nobody listens on.
///
/// All below the range from which outgoing connections are numbered, which would take them
/// before a daemon does, and drawn anew each time, so that tests side by side rarely meet.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let mut held: Vec<TcpListener> = Vec::new();
    while held.len() < N {
        let port = 10_000 + (random() % 22_000) as u16;
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    let ports: Vec<u16> = held
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect();
    ports.try_into().unwrap()
}

fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        bytes.write_all(&random().to_le_bytes()).unwrap();
    }
    bytes.truncate(count);
    bytes
}

/// Good enough for ports and for keys that only guard a test.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// What a command prints; panics when it fails.
pub(crate) fn said_by(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}
