//! Progress: one line a running cell and a total on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use bitcap_plan::{CellEvent, ExperimentFolder, PlannedCell, SweepEvent};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::commands::{busy_line, counted, counted_are, memorized_line, resumed_line};
use crate::say;

/// A bar over sequences; hidden where there is no terminal.
pub(crate) fn sequences_bar(samples: u64, what: &'static str) -> ProgressBar {
    // 0 stands for a number that is not known before the end.
    let bar = if samples == 0 {
        ProgressBar::no_length()
    } else {
        ProgressBar::new(samples)
    };
    bar.with_style(style("{msg} {human_pos} sequences {wide_bar} {eta}"))
        .with_message(what)
}

/// Seconds as people say them.
pub(crate) fn duration(seconds: f64) -> String {
    // Each unit is kept up to about a hundred of it: an estimate has no more than two digits to
    // say.
    match seconds {
        s if s < 1.0 => format!("{s:.1} s"),
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s if s < 100.0 * 3600.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86400.0),
    }
}

/// The progress of a sweep.
pub(crate) struct SweepProgress {
    folder: ExperimentFolder,
    lines: MultiProgress,
    total: ProgressBar,
    terminal: bool,
    names: HashMap<usize, String>,
    running: HashMap<usize, ProgressBar>,
    /// What each open cell takes, in whatever unit it is known in, and the part of it that is done.
    costs: HashMap<usize, (f64, f64)>,
    ended: usize,
    cells: usize,
    began: Instant,
}

impl SweepProgress {
    /// Of the cells that are `open`; `done` others are done already.
    pub(crate) fn new(folder: &ExperimentFolder, open: &[&PlannedCell], done: usize) -> Self {
        // Standard output is for tables and JSON lines. What moves is on standard error, and is
        // drawn only where a person looks on.
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let lines = MultiProgress::with_draw_target(target);
        let total = ProgressBar::new(open.len() as u64);
        let total = lines.add(total.with_style(style("{pos}/{len} cells {wide_bar} {msg}")));
        if done > 0 {
            say(&format!("{} done already", counted_are(done, "cell")));
        }
        Self {
            folder: folder.clone(),
            lines,
            total,
            terminal,
            names: open
                .iter()
                .map(|cell| (cell.index, cell.name.clone()))
                .collect(),
            running: HashMap::new(),
            costs: HashMap::new(),
            ended: 0,
            cells: open.len(),
            began: Instant::now(),
        }
    }

    pub(crate) fn with_costs(mut self, costs: impl Iterator<Item = (usize, f64)>) -> Self {
        self.costs = costs.map(|(index, cost)| (index, (cost, 0.0))).collect();
        // Anew: to check devices and to time steps is no part of the speed of the cells.
        self.began = Instant::now();
        self
    }

    pub(crate) fn tell(&mut self, event: &SweepEvent) {
        match event {
            SweepEvent::Started { index } => self.start(*index),
            SweepEvent::Told { index, event } => self.cell(*index, event),
            SweepEvent::Broke { index, reason } => self.end(*index, &format!("broke: {reason}")),
            SweepEvent::Stopping => self
                .println("stopping: cells that train save a checkpoint; SIGINT again ends at once"),
        }
    }

    fn start(&mut self, index: usize) {
        let bar = ProgressBar::new(1).with_style(style("{prefix} {bar:20} {msg}"));
        // The total stays the last of the lines.
        let bar = self.lines.insert_before(&self.total, bar);
        bar.set_prefix(self.names[&index].clone());
        self.running.insert(index, bar);
    }

    fn cell(&mut self, index: usize, event: &CellEvent) {
        match event {
            CellEvent::Resumed { step, steps } => {
                if let Some(bar) = self.running.get(&index) {
                    bar.set_length(*steps);
                    bar.set_position(*step);
                }
                self.line(index, &resumed_line(*step, *steps));
            }
            CellEvent::Note { text } => self.line(index, text),
            CellEvent::Progress {
                step,
                steps,
                part,
                loss,
                memorized_bits,
            } => {
                if let Some(bar) = self.running.get(&index) {
                    bar.set_length(*steps);
                    bar.set_position(*step);
                    let bits = memorized_bits.map(|bits| format!("  {bits:.0} bits"));
                    bar.set_message(format!("loss {loss:.4}{}", bits.unwrap_or_default()));
                }
                if let Some((_, done)) = self.costs.get_mut(&index) {
                    *done = *part;
                }
                self.total.set_message(self.left());
            }
            CellEvent::Measuring => {
                if let Some(bar) = self.running.get(&index) {
                    bar.set_message("measuring");
                }
            }
            CellEvent::Done {
                memorized_bits,
                fraction_of_ceiling,
                bits_per_parameter,
            } => {
                let what =
                    memorized_line(*memorized_bits, *fraction_of_ceiling, *bits_per_parameter);
                self.end(index, &what);
            }
            CellEvent::Failed { reason } => self.end(index, &format!("failed: {reason}")),
            CellEvent::Busy => {
                // Not `end`: it is begun again, and counted when that is over.
                self.clear(index);
                let folder = self.folder.cell(&self.names[&index]);
                self.line(index, &format!("{}; waiting for it", busy_line(&folder)));
            }
            CellEvent::Stopped => {
                self.clear(index);
                self.line(index, "stopped");
            }
        }
    }

    fn clear(&mut self, index: usize) {
        if let Some(bar) = self.running.remove(&index) {
            bar.finish_and_clear();
        }
    }

    /// A line about a cell that has not ended.
    fn line(&self, index: usize, what: &str) {
        self.println(&format!("{} {what}", self.names[&index]));
    }

    /// A line above those that move.
    fn println(&self, line: &str) {
        if self.terminal {
            // A line that cannot be drawn is no reason to end a sweep.
            drop(self.lines.println(line));
        } else {
            say(line);
        }
    }

    fn end(&mut self, index: usize, how: &str) {
        // Counted first: `left` is silent once all have ended.
        self.ended += 1;
        if let Some((_, part)) = self.costs.get_mut(&index) {
            // Of one that failed too: nothing of its time is still to come.
            *part = 1.0;
        }
        self.clear(index);
        let left = self.left();
        self.total.inc(1);
        self.total.set_message(left.clone());
        let line = format!("{} {how}", self.names[&index]);
        if self.terminal {
            // A line that cannot be drawn is no reason to end a sweep.
            drop(self.lines.println(line));
        } else {
            let width = self.cells.to_string().len();
            let left = if left.is_empty() {
                left
            } else {
                format!("; {left}")
            };
            say(&format!(
                "[{:>width$}/{}] {line}{left}",
                self.ended, self.cells
            ));
        }
    }

    /// "3 min left", by the speed so far; nothing before there is one.
    fn left(&self) -> String {
        let total: f64 = self.costs.values().map(|(cost, _)| cost).sum();
        let done: f64 = self.costs.values().map(|(cost, part)| cost * part).sum();
        if done <= 0.0 || self.ended == self.cells {
            return String::new();
        }
        // The estimates only weigh the cells against each other. How fast they go, side by side on
        // a busy machine, is what was seen so far.
        let seconds = self.began.elapsed().as_secs_f64() * (total - done) / done;
        format!("{} left", duration(seconds))
    }

    /// Clears the lines; sweeps that took longer than `worth_saying` end with how long.
    pub(crate) fn finish(self, worth_saying: Duration) {
        self.total.finish_and_clear();
        let took = self.began.elapsed();
        if took > worth_saying {
            let took = duration(took.as_secs_f64());
            say(&format!("{} in {took}", counted(self.ended, "cell")));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template of this file")
}
