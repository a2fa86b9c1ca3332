//! Cells side by side, each a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use crate::{CellEvent, PlannedCell};

/// What happens while cells run.
#[derive(Clone, Debug, PartialEq)]
pub enum SweepEvent {
    /// A process was started for this cell.
    Started {
        /// The cell's index in the plan.
        index: usize,
    },
    /// The cell told something of itself.
    Told {
        /// The cell's index in the plan.
        index: usize,
        /// What it told.
        event: CellEvent,
    },
    /// The cell's process ended without saying that it is done, failed or busy.
    Broke {
        /// The cell's index in the plan.
        index: usize,
        /// What it said at last, or how it ended.
        reason: String,
    },
}

/// Runs `cells` in their order, `jobs` at a time, each by the process that `command` gives for it,
/// and tells what happens. The process writes its [`CellEvent`]s to standard output, a JSON line
/// each; the last says how it ended.
pub fn launch(
    cells: &[&PlannedCell],
    jobs: usize,
    command: impl Fn(&PlannedCell) -> Command + Sync,
    mut tell: impl FnMut(SweepEvent),
) {
    let queue = Mutex::new(cells.iter());
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(cells.len()) {
            let sender = sender.clone();
            let (queue, command) = (&queue, &command);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().map(|mut queue| queue.next());
                    let Ok(Some(cell)) = next else { return };
                    run(cell, command(cell), &sender);
                }
            });
        }
        drop(sender);
        // Ends when the last worker is gone.
        for event in receiver {
            tell(event);
        }
    });
}

fn run(cell: &PlannedCell, mut command: Command, sender: &Sender<SweepEvent>) {
    let index = cell.index;
    // The receiver outlives all workers, so nothing sent is lost.
    let send = |event| drop(sender.send(event));
    send(SweepEvent::Started { index });
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let broke = |reason: String| send(SweepEvent::Broke { index, reason });
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return broke(format!("its process could not be started: {error}")),
    };
    let mut ended = false;
    let complaint = std::thread::scope(|scope| {
        let stderr = child.stderr.take();
        let complaint = scope.spawn(move || last_line(stderr));
        for event in events(&mut child) {
            ended |= matches!(
                event,
                CellEvent::Done { .. } | CellEvent::Failed { .. } | CellEvent::Busy
            );
            send(SweepEvent::Told { index, event });
        }
        complaint.join().unwrap_or_default()
    });
    match child.wait() {
        _ if ended => {}
        Ok(_) if !complaint.is_empty() => broke(complaint),
        Ok(status) => broke(format!("its process ended with {status}")),
        Err(error) => broke(format!("its process was lost: {error}")),
    }
}

fn events(child: &mut Child) -> impl Iterator<Item = CellEvent> {
    let lines = child
        .stdout
        .take()
        .map(|stdout| BufReader::new(stdout).lines());
    lines
        .into_iter()
        .flatten()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str(&line).ok())
}

/// The last line that is not empty; of a process that says much, only the end is kept.
fn last_line(stderr: Option<impl Read>) -> String {
    let mut last = String::new();
    for line in stderr
        .into_iter()
        .flat_map(|stderr| BufReader::new(stderr).lines())
    {
        match line {
            Ok(line) if !line.trim().is_empty() => last = line,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    last.trim().trim_start_matches("error: ").to_owned()
}
