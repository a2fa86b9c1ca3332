//! Cells side by side, each a process of its own.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitcap_base::Stop;

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
    /// The cell's process ended without saying how.
    Broke {
        /// The cell's index in the plan.
        index: usize,
        /// What it said at last, or how it ended.
        reason: String,
    },
    /// It was asked to stop: nothing more is begun, and what runs is told to.
    Stopping,
}

/// How often one looks whether a cell that another process works on is free, and whether to stop.
const LOOK: Duration = Duration::from_millis(200);

/// Cells to run, and how.
pub struct Launch<'a, C, H> {
    /// The cells, in the order they are begun in.
    pub cells: &'a [&'a PlannedCell],
    /// How many run at a time.
    pub jobs: usize,
    /// Asks to stop: nothing more is begun, and what runs is told to stop.
    pub stop: &'a Stop,
    /// The process of a cell; given too are whether the cell was found busy before, and the number of
    /// the worker that begins it, below `jobs`, which has one process at a time.
    pub child: C,
    /// Whether a process works on the cell.
    pub is_held: H,
}

/// The process of a cell.
pub struct ChildProcess {
    /// The program. It writes its [`CellEvent`]s to standard output, a JSON line each, the last of
    /// which says how it ended; and stops when its standard input ends, so that it never outlives
    /// the one that began it.
    pub command: Command,
    /// What it is to do: the first line of its standard input.
    pub task: String,
}

/// What is still to be begun, and how those that run are told to stop.
struct Shared {
    fresh: VecDeque<usize>,
    /// Found to be worked on by another process.
    busy: VecDeque<usize>,
    /// Standard inputs of those that run: to drop one is to tell it to stop.
    inputs: HashMap<usize, ChildStdin>,
}

impl<C, H> Launch<'_, C, H>
where
    C: Fn(&PlannedCell, bool, usize) -> ChildProcess + Sync,
    H: Fn(&PlannedCell) -> bool + Sync,
{
    /// Runs the cells and tells what happens, until all have ended or it is asked to stop.
    ///
    /// A cell that another process works on ends when that is over: it is begun again as soon as it
    /// is free, and then most often done.
    pub fn run(&self, mut tell: impl FnMut(SweepEvent)) {
        let shared = Mutex::new(Shared {
            fresh: (0..self.cells.len()).collect(),
            busy: VecDeque::new(),
            inputs: HashMap::new(),
        });
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            for worker in 0..self.jobs.min(self.cells.len()) {
                let sender = sender.clone();
                let shared = &shared;
                scope.spawn(move || self.work(worker, shared, &sender));
            }
            // The workers have the others: the channel ends with the last of them.
            drop(sender);
            let mut stopping = false;
            loop {
                match receiver.recv_timeout(LOOK) {
                    Ok(event) => tell(event),
                    Err(RecvTimeoutError::Timeout) => {}
                    // The last worker is gone.
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                if self.stop.is_requested() {
                    if !std::mem::replace(&mut stopping, true) {
                        tell(SweepEvent::Stopping);
                    }
                    // At every turn: a worker that had looked just before the wish came may begin a
                    // process after it.
                    lock(&shared).inputs.clear();
                }
            }
        });
    }

    fn work(&self, worker: usize, shared: &Mutex<Shared>, sender: &Sender<SweepEvent>) {
        while !self.stop.is_requested() {
            // Locked for a moment only: neither a sleep nor a process may keep the other workers
            // waiting.
            let (fresh, busy) = {
                let mut shared = lock(shared);
                let fresh = shared.fresh.pop_front();
                let busy = fresh.is_none().then(|| shared.busy.pop_front());
                (fresh, busy.flatten())
            };
            match (fresh, busy) {
                (Some(place), _) => self.one(place, false, worker, shared, sender),
                (None, Some(place)) => {
                    // The sleep comes first: what was just found busy is not free yet, and without
                    // it the loop would never pause.
                    std::thread::sleep(LOOK);
                    if (self.is_held)(self.cells[place]) {
                        lock(shared).busy.push_back(place);
                    } else {
                        self.one(place, true, worker, shared, sender);
                    }
                }
                // A cell that another worker finds busy from now on is that worker's to wait for.
                (None, None) => return,
            }
        }
    }

    /// Runs the cell at a place of the list to the end of its process; `again` if it was found busy
    /// before, which is told once only.
    fn one(
        &self,
        place: usize,
        again: bool,
        worker: usize,
        shared: &Mutex<Shared>,
        sender: &Sender<SweepEvent>,
    ) {
        let cell = self.cells[place];
        let index = cell.index;
        // The receiver outlives all workers, so nothing sent is lost.
        let send = |event| drop(sender.send(event));
        send(SweepEvent::Started { index });
        let ChildProcess { mut command, task } = (self.child)(cell, again, worker);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let broke = |reason: String| send(SweepEvent::Broke { index, reason });
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return broke(format!("its process could not be started: {error}")),
        };
        if let Some(mut input) = child.stdin.take() {
            // One that ends before it has read it says why by itself.
            drop(writeln!(input, "{task}"));
            lock(shared).inputs.insert(place, input);
        }
        let mut last = None;
        // Both streams are read at once: a process waits for ever where it fills a pipe that nobody
        // empties.
        let complaint = std::thread::scope(|scope| {
            let stderr = child.stderr.take();
            let complaint = scope.spawn(move || complaint(stderr));
            for event in events(&mut child) {
                if event.is_last() {
                    // Kept until the process has ended: whoever is told of the end finds the cell's
                    // lock free.
                    last = Some(event);
                } else {
                    send(SweepEvent::Told { index, event });
                }
            }
            complaint.join().unwrap_or_default()
        });
        let ended = child.wait();
        lock(shared).inputs.remove(&place);
        let told = |event| send(SweepEvent::Told { index, event });
        // What a process said counts before how it ended; and an error before the wish to stop,
        // which may have come by chance at the same time.
        match (last, ended) {
            (Some(CellEvent::Busy), _) => {
                lock(shared).busy.push_back(place);
                if !again {
                    told(CellEvent::Busy);
                }
            }
            (Some(event), _) => told(event),
            (None, Ok(_)) if !complaint.is_empty() => broke(complaint),
            // One that had nothing to save when it was asked to stop.
            (None, _) if self.stop.is_requested() => told(CellEvent::Stopped),
            (None, Ok(status)) => broke(how_it_ended(status)),
            (None, Err(error)) => broke(format!("its process was lost: {error}")),
        }
    }
}

/// How a process ended that said nothing.
fn how_it_ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        const SIGKILL: i32 = 9;
        if status.signal() == Some(SIGKILL) {
            return "its process was killed (SIGKILL), as a system does that has no memory left; fewer --jobs take less".into();
        }
    }
    format!("its process ended with {status}")
}

/// A worker that panicked has left nothing half done in there.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
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
        // Libraries may print in between: what is no event is left out.
        .filter_map(|line| serde_json::from_str(&line).ok())
}

/// What libwayland prints in the form of an error where adapters are looked for without a desktop.
const NO_DESKTOP: &str = "XDG_RUNTIME_DIR is invalid or not set";

/// The reason that a process gave on its standard error: what follows the first `error: `, since what
/// comes after the first error follows from it; or the last line that is not empty, where no line
/// begins so.
fn complaint(stderr: Option<impl Read>) -> String {
    // All is read, also after the error: the process may not be kept from writing.
    let (mut error, mut last) = (None, String::new());
    for line in stderr
        .into_iter()
        .flat_map(|stderr| BufReader::new(stderr).split(b'\n'))
        .map_while(Result::ok)
    {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        match line.strip_prefix("error: ") {
            Some(what) if what.starts_with(NO_DESKTOP) => {}
            Some(what) if error.is_none() => error = Some(what.to_owned()),
            _ if !line.is_empty() => last = line,
            _ => {}
        }
    }
    error.unwrap_or(last)
}
