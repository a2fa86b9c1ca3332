//! GNU parallel over ssh with two hosts: cells there and back, each GPU to one cell at a time, and a
//! host that vanishes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use crate::experiment::{CELLS, EXPERIMENT, Place, long, program, until};
use crate::hosts::{HOSTS, Hosts};

/// Starts `submit`, whose output goes to `out.txt` and `err.txt`.
fn start(place: &Place, hosts: &Hosts, more: &[&str]) -> Child {
    let submit = ["submit", "e.toml", "--engine", "parallel"];
    let on = ["--host", "2/h0", "--host", "1/h1"];
    let words = [&[program()], &submit[..], &on, more].concat();
    begin(place, hosts, &words)
}

/// Starts a program with its arguments. Signals do to it what they do by themselves, though whoever
/// runs the tests may ignore some.
fn begin(place: &Place, hosts: &Hosts, words: &[&str]) -> Child {
    let file = |name: &str| {
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        options.open(place.path(name)).unwrap()
    };
    place
        .bitcap(hosts.command("env"))
        .arg("--default-signal")
        .args(words)
        .stdin(Stdio::null())
        .stdout(file("out.txt"))
        .stderr(file("err.txt"))
        .spawn()
        .unwrap()
}

fn said(place: &Place) -> String {
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    read("out.txt") + &read("err.txt")
}

#[track_caller]
fn ends(place: &Place, mut running: Child, code: i32) {
    let mut ended = None;
    until("it ends", || {
        ended = running.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(code), "{}", said(place));
}

fn signal(running: &Child, name: &str) {
    let mut kill = Command::new("kill");
    assert!(
        kill.args([&format!("-{name}"), &running.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Rows in the metrics of cells that train on a host, of all cells there.
fn rows_on(hosts: &Hosts, host: &str) -> usize {
    let mut rows = 0;
    let mut folders = vec![hosts.home(host).join(".bitcap")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("metrics.csv") {
                let text = fs::read_to_string(path).unwrap_or_default();
                rows += text.lines().count().saturating_sub(1);
            }
        }
    }
    rows
}

const NO_COMMON_FOLDER: [&str; 2] = ["--set", "engine.common_folder=false"];

/// The program is sent along, the cells come back, nothing stays behind.
#[test]
#[ignore = "needs GNU parallel and sshd"]
fn cells_come_back_from_hosts_without_a_common_folder() {
    let hosts = Hosts::start();
    let place = Place::new(EXPERIMENT);
    ends(&place, start(&place, &hosts, &NO_COMMON_FOLDER), 0);
    place.assert_done();
    let text = said(&place);
    assert!(text.contains("6 of 6 cells are done"), "{text}");
    assert_eq!(text.matches(": done: ").count(), CELLS, "{text}");
    for host in HOSTS {
        let left = fs::read_dir(hosts.home(host).join(".bitcap"));
        assert_eq!(left.map_or(0, Iterator::count), 0, "left on {host}");
    }
    // And there is nothing left to do.
    ends(&place, start(&place, &hosts, &NO_COMMON_FOLDER), 0);
    assert!(said(&place).contains("nothing is left to submit"));
}

/// A line when a cell begins and one when it ends, with where. None goes on before there was one on
/// each of the three GPUs: a quick one could be done before the next begins, which then takes its GPU.
const RECORDED: &str = r#"#!/bin/bash
where="$HOME gpu $CUDA_VISIBLE_DEVICES"
echo "+ $where" >>"$0.log"
for _ in {1..600}; do
    [ "$(grep '^+' "$0.log" | sort -u | wc -l)" -ge 3 ] && break
    sleep 0.1
done
BITCAP "$@"
status=$?
echo "- $where" >>"$0.log"
exit $status
"#;

#[test]
#[ignore = "needs GNU parallel and sshd"]
fn each_gpu_has_one_cell_at_a_time() {
    let hosts = Hosts::start();
    let place = Place::new(EXPERIMENT);
    let recorder = place.path("recorder");
    fs::write(&recorder, RECORDED.replace("BITCAP", program())).unwrap();
    fs::set_permissions(&recorder, fs::Permissions::from_mode(0o755)).unwrap();
    let own = format!("engine.program={:?}", recorder.to_str().unwrap());
    let more = ["--gpus", "2", "--set", &own];
    ends(
        &place,
        start(&place, &hosts, &[&NO_COMMON_FOLDER[..], &more].concat()),
        0,
    );
    place.assert_done();
    let log = fs::read_to_string(place.path("recorder.log")).unwrap();
    let mut cells: BTreeMap<&str, (i32, usize)> = BTreeMap::new();
    for line in log.lines() {
        let (sign, place) = line.split_at(2);
        let (now, all) = cells.entry(place).or_default();
        *now += if sign == "+ " { 1 } else { -1 };
        assert!((0..=1).contains(now), "two at once on {place}:\n{log}");
        *all += usize::from(sign == "+ ");
    }
    let expected: Vec<String> = [("h0", "0,1"), ("h0", "2,3"), ("h1", "0,1")]
        .map(|(host, gpus)| format!("{} gpu {gpus}", hosts.home(host).display()))
        .to_vec();
    assert_eq!(cells.keys().copied().collect::<Vec<_>>(), expected, "{log}");
    assert_eq!(cells.values().map(|(_, all)| all).sum::<usize>(), CELLS);
}

#[test]
#[ignore = "needs GNU parallel and sshd"]
fn cells_of_a_host_that_vanishes_are_run_on_the_other() {
    let mut hosts = Hosts::start();
    let place = Place::new(&long());
    let running = start(&place, &hosts, &NO_COMMON_FOLDER);
    until("a cell trains on h1", || rows_on(&hosts, "h1") > 3);
    hosts.vanish("h1");
    ends(&place, running, 0);
    place.assert_done();

    // With a common folder another host goes on where it was.
    let hosts = &mut Hosts::start();
    let place = Place::new(&long());
    let running = start(&place, hosts, &[]);
    until("all three slots have checkpoints", || {
        place.checkpointed().len() == 3
    });
    hosts.vanish("h1");
    ends(&place, running, 0);
    place.assert_done();
    let resumed = place.resumed();
    assert!(resumed.iter().any(|&step| step > 0), "{resumed:?}");
}

/// Asked to stop, it brings back what there is, checkpoints and all; begun again, by itself or as
/// another submission, it goes on from there.
#[test]
#[ignore = "needs GNU parallel and sshd"]
fn an_interrupted_submission_goes_on() {
    for (name, more) in [("TERM", &[][..]), ("INT", &NO_COMMON_FOLDER)] {
        let hosts = Hosts::start();
        let place = Place::new(&long());
        let running = start(&place, &hosts, more);
        until("cells train", || {
            let states = place.states(hosts.command(program()));
            let common = states.get("running").copied().unwrap_or(0);
            common == 3 || rows_on(&hosts, "h0") > 3 && rows_on(&hosts, "h1") > 3
        });
        let states = place.states(hosts.command(program()));
        // Those that no process works on here wait for a host, or run on one that keeps its own files.
        assert!(
            states.get("waiting").copied().unwrap_or(0) >= 1,
            "{states:?}"
        );
        signal(&running, name);
        ends(&place, running, 143);
        let text = said(&place);
        assert!(text.contains("once more ends at once"), "{text}");
        assert!(text.contains("to go on: bash "), "{text}");
        let states = place.states(hosts.command(program()));
        assert!(
            states.get("stopped").copied().unwrap_or(0) >= 2,
            "{states:?}"
        );
        if name == "TERM" {
            let script = "outputs/engines/submissions/001/parallel.sh";
            ends(&place, begin(&place, &hosts, &["bash", script]), 0);
        } else {
            ends(&place, start(&place, &hosts, more), 0);
        }
        place.assert_done();
        let resumed = place.resumed();
        assert!(resumed.iter().any(|&step| step > 0), "{resumed:?}");
    }
}

#[test]
#[ignore = "needs GNU parallel and sshd"]
fn what_hosts_do_not_have_is_said() {
    let place = Place::new(EXPERIMENT);
    let mut none = place.bitcap(Command::new(program()));
    let output = none
        .args(["submit", "e.toml", "--engine", "parallel"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("engine.hosts is empty"), "{text}");

    let mut oracle = place.bitcap(Command::new(program()));
    let output = oracle
        .args(["submit", "e.toml", "--engine", "parallel", "--host", "h0"])
        .args(NO_COMMON_FOLDER)
        .args(["--set", "measure.oracle=somewhere"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("measure.oracle is a trained model"), "{text}");
    assert!(text.contains("engine.common_folder"), "{text}");

    // Copies of a file need it as much as the file itself would.
    fs::write(place.path("text.bin"), [7; 400]).unwrap();
    let copies = r#"
        name = "copies"
        source = { kind = "copies", law = "constant", count = 2, of = { kind = "file", path = "text.bin", format = "bytes", length = 4 } }
        data = { samples = 4 }
        model = { layers = 1, width = 8, heads = 2, start_token = true }
        train = { steps = 1, learning_rate = 0.01 }
    "#;
    fs::write(place.path("copies.toml"), copies).unwrap();
    let mut copies = place.bitcap(Command::new(program()));
    let output = copies
        .args(["submit", "copies.toml", "--engine", "parallel"])
        .args(["--host", "h0"])
        .args(NO_COMMON_FOLDER)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("source.path is a file"), "{text}");
}
