//! Two machines to log in to, on the loopback interface: each its own ssh server and home.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::cluster::{Guard, free_ports, has_line, holds_within, kill_all, reap, said_by};

/// The names of the two hosts.
pub(crate) const HOSTS: [&str; 2] = ["h0", "h1"];

/// Two hosts without a common folder that live as long as this value.
pub(crate) struct Hosts {
    // Dropped in this order: first the folder's users, then the folder.
    servers: [Option<Child>; 2],
    ports: [u16; 2],
    _guard: Guard,
    root: TempDir,
}

impl Hosts {
    /// Starts both.
    pub(crate) fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut hosts = Self {
            servers: [None, None],
            ports: free_ports(),
            _guard: Guard::over(root.path(), &mark_of(root.path())),
            root,
        };
        hosts.write_config();
        for host in HOSTS {
            hosts.come_back(host);
        }
        hosts
    }

    /// How to log in, for `PARALLEL_SSH` and `RSYNC_RSH`: `ssh -F FILE`.
    pub(crate) fn ssh_command(&self) -> String {
        format!("ssh -F {}", self.root.path().join("ssh_config").display())
    }

    /// A command that knows the two hosts if it is GNU parallel or rsync.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PARALLEL_SSH", self.ssh_command());
        command.env("RSYNC_RSH", self.ssh_command());
        // Where GNU parallel keeps its own files.
        command.env("HOME", self.root.path().join("local"));
        command
    }

    /// The home of the user on `host`.
    pub(crate) fn home(&self, host: &str) -> PathBuf {
        self.root.path().join(host)
    }

    /// Cuts the power of `host`: its server and all that runs there are gone at once.
    pub(crate) fn vanish(&mut self, host: &str) {
        let server = self.servers[index_of(host)].take();
        let pids: Vec<u32> = server.iter().map(Child::id).collect();
        let home = format!("HOME={}", self.home(host).display());
        kill_all(&pids, |environ| has_line(environ, &home));
        reap(server);
    }

    /// Starts `host` again after `vanish`, with the files it had.
    pub(crate) fn come_back(&mut self, host: &str) {
        assert!(!self.is_up(host), "{host} is up");
        let index = index_of(host);
        let log = self.path(&format!("{host}.log"));
        // By its full path, for it starts itself anew for each session.
        let mut server = Command::new(full_path("sshd"));
        server
            .arg("-D")
            .arg("-f")
            .arg(self.path(&format!("{host}.conf")));
        server.arg("-E").arg(&log);
        server.stdin(Stdio::null()).stdout(Stdio::null());
        // A Ctrl-C or a kill of the test's own group is not meant for the hosts.
        server.process_group(0);
        self.servers[index] = Some(server.stderr(Stdio::null()).spawn().unwrap());
        let address = (Ipv4Addr::LOCALHOST, self.ports[index]);
        let listens = || TcpStream::connect(address).is_ok();
        if !holds_within(Duration::from_secs(30), listens) {
            let log = fs::read_to_string(log).unwrap_or_default();
            panic!("{host} does not start\n{log}");
        }
    }

    /// Whether `host` has power.
    pub(crate) fn is_up(&self, host: &str) -> bool {
        self.servers[index_of(host)].is_some()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write_config(&self) {
        let root = self.root.path().display();
        let user = said_by(Command::new("id").arg("-un"));
        let user = user.trim();
        if user == "root" {
            // A server that runs as root insists on this empty folder.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        fs::create_dir(self.path("local")).unwrap();
        for key in ["client", "server"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
            said_by(keygen.arg(self.path(key)));
        }
        let mut known = String::new();
        let mut client = String::new();
        let server_key = fs::read_to_string(self.path("server.pub")).unwrap();
        for (host, port) in HOSTS.into_iter().zip(self.ports) {
            let home = self.home(host);
            fs::create_dir_all(home.join("tmp")).unwrap();
            let home = home.display();
            // The session is set to the host's home only after it has started in the user's own.
            let server = format!(
                "ListenAddress 127.0.0.1
Port {port}
HostKey {root}/server
PidFile {root}/{host}.pid
AuthorizedKeysFile {root}/client.pub
# The folder is a temporary one, which others may enter.
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
# Many jobs may log in at once.
MaxStartups 1000
MaxSessions 1000
SetEnv HOME={home} TMPDIR={home}/tmp TEST_HOSTS={root}
ForceCommand cd && eval \"$SSH_ORIGINAL_COMMAND\"
"
            );
            fs::write(self.path(&format!("{host}.conf")), server).unwrap();
            known += &format!("[127.0.0.1]:{port} {server_key}");
            client += &format!("Host {host}\nPort {port}\n");
        }
        client += &format!(
            "Host *
HostName 127.0.0.1
User {user}
IdentityFile {root}/client
IdentitiesOnly yes
IdentityAgent none
GlobalKnownHostsFile none
UserKnownHostsFile {root}/known_hosts
StrictHostKeyChecking yes
BatchMode yes
LogLevel ERROR
"
        );
        fs::write(self.path("known_hosts"), known).unwrap();
        fs::write(self.path("ssh_config"), client).unwrap();
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let servers: Vec<Child> = self.servers.iter_mut().filter_map(Option::take).collect();
        let pids: Vec<u32> = servers.iter().map(Child::id).collect();
        let mark = mark_of(self.root.path());
        kill_all(&pids, |environ| has_line(environ, &mark));
        reap(servers);
    }
}

/// What every command on a host of `root` has in its environment.
fn mark_of(root: &Path) -> String {
    format!("TEST_HOSTS={}", root.display())
}

fn index_of(host: &str) -> usize {
    let found = HOSTS.iter().position(|name| *name == host);
    found.unwrap_or_else(|| panic!("no host {host}"))
}

/// Where a program is; Debian keeps servers where only root looks.
fn full_path(program: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("no {program} in {path}"))
}
