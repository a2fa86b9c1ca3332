//! `status`: how the cells of an experiment stand, once or as it changes.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bitcap_plan::{
    CellState, CellStatus, ExperimentFolder, Queue, Status as Stand, Submission, status as look,
};

use super::counted;
use crate::arguments::Status;
use crate::output::{Output, print};

/// How often a watched folder is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How often a scheduler is asked. Centres ask people not to do so more than about twice a minute.
const ASK: Duration = Duration::from_secs(30);

pub(crate) fn status(arguments: &Status) -> anyhow::Result<ExitCode> {
    let root = &arguments.outputs.folder;
    let mut queue = AskedQueue::default();
    let mut stand = stand(root, &mut queue)?;
    if !arguments.watch {
        return print(&stand, arguments.json);
    }
    let mut shown: Option<Stand> = None;
    loop {
        // Every look would else add the same lines to a log.
        if shown.as_ref() != Some(&stand) {
            show(&stand, shown.as_ref(), arguments.json)?;
        }
        // Cells that are stopped or missing are waited for: somebody may still take them up.
        if stand.done + stand.failed == stand.cells.len() {
            return Ok(ExitCode::SUCCESS);
        }
        shown = Some(stand);
        std::thread::sleep(LOOK);
        stand = self::stand(root, &mut queue)?;
    }
}

/// What a scheduler said, and when.
#[derive(Default)]
struct AskedQueue(Option<(Instant, Queue)>);

impl AskedQueue {
    fn of(&mut self, folder: &ExperimentFolder) -> anyhow::Result<&Queue> {
        let is_old = |(asked, _): &(Instant, Queue)| asked.elapsed() >= ASK;
        // Folders are looked at more often than a scheduler may be asked.
        if self.0.as_ref().is_none_or(is_old) {
            self.0 = None;
        }
        let submissions = Submission::all(folder)?;
        let (_, queue) = self
            .0
            .get_or_insert_with(|| (Instant::now(), Queue::ask(&submissions)));
        Ok(queue)
    }
}

fn stand(root: &Path, queue: &mut AskedQueue) -> anyhow::Result<Stand> {
    let (folder, plan) = ExperimentFolder::open(root)?;
    Ok(look(&folder, &plan, queue.of(&folder)?))
}

/// Shows what is new: a line of JSON, the whole on a terminal, elsewhere the cells that changed.
fn show(stand: &Stand, before: Option<&Stand>, json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, stand)?;
        writeln!(out)?;
    } else if out.is_terminal() {
        // From the upper left corner of an empty screen.
        write!(out, "\x1b[2J\x1b[H")?;
        stand.text(&mut out)?;
    } else {
        let was = |cell: &CellStatus| before?.cells.iter().find(|was| was.cell == cell.cell);
        for cell in &stand.cells {
            if was(cell) != Some(cell) {
                writeln!(out, "{}", line(cell))?;
            }
        }
        writeln!(out, "{}", summary(stand))?;
    }
    out.flush()?;
    Ok(())
}

impl Output for Stand {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for cell in &self.cells {
            writeln!(out, "{}", line(cell))?;
        }
        if let Some(why) = &self.queue_unknown {
            writeln!(out, "note: {why}")?;
        }
        writeln!(out, "{}", summary(self))
    }
}

fn line(cell: &CellStatus) -> String {
    let word = cell.state.as_str();
    let mut line = format!("{word:<8} {}", cell.cell);
    if let Some(step) = cell.step.filter(|_| cell.state != CellState::Done) {
        line += &format!("  step {step} of {}", cell.steps);
    }
    if let Some(reason) = &cell.reason {
        line += &format!("  {reason}");
    }
    if let Some(holder) = &cell.holder {
        line += &format!("  ({holder})");
    }
    if let Some(queued) = &cell.queued {
        let (task, state, reason) = (&queued.task, &queued.state, &queued.reason);
        line += &format!("  ({task} {state}: {reason})");
    }
    line
}

/// "tiny: 4 cells, 1 done, 1 running, 0 waiting, 0 stopped, 1 failed, 1 missing".
fn summary(stand: &Stand) -> String {
    let counts = [
        (stand.done, CellState::Done),
        (stand.running, CellState::Running),
        (stand.waiting, CellState::Waiting),
        (stand.stopped, CellState::Stopped),
        (stand.failed, CellState::Failed),
        (stand.missing, CellState::Missing),
    ];
    let counts = counts.map(|(count, state)| format!("{count} {}", state.as_str()));
    let cells = counted(stand.cells.len(), "cell");
    format!("{}: {cells}, {}", stand.experiment, counts.join(", "))
}
