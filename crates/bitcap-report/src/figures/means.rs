//! Means over seeds against load, as several figures draw them.

use super::bars_note;
use crate::chart::{Axis, Point};
use crate::runs::{Group, Runs};
use crate::statistics::{Spread, mean, spread};
use bitcap_plan::Run;

/// What may be shown of a cell.
pub(super) type Measure = fn(&Run) -> Option<f64>;

/// A mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mean {
    pub(super) x: f64,
    pub(super) y: Spread,
    /// How many values it is of.
    pub(super) count: usize,
}

/// Whether every load is known and above 0, so that figures are drawn against its logarithm.
pub(super) fn has_loads(runs: &Runs) -> bool {
    let mut cells = runs.groups.iter().flat_map(|group| &group.plain);
    cells.all(|cell| cell.run.load.is_some_and(|load| load > 0.0))
}

/// Where a cell stands: at its load, or its number of sequences.
fn place(run: &Run, loads: bool) -> f64 {
    run.load.filter(|_| loads).unwrap_or(run.samples as f64)
}

/// The axis of load or of the number of sequences; `short` for narrow panels, where [`load_note`] says what it is.
pub(super) fn x_axis(runs: &Runs, short: bool) -> Axis {
    let loads = has_loads(runs);
    let cells = runs.groups.iter().flat_map(|group| &group.plain);
    let label = match (loads, short) {
        (true, false) => "load: entropy / (3.6 × parameters)",
        (true, true) => "load",
        (false, false) => "dataset size (sequences)",
        (false, true) => "sequences",
    };
    Axis::log(label, cells.map(|cell| place(&cell.run, loads)), 0.08)
}

pub(super) fn load_note(runs: &Runs) -> Option<String> {
    has_loads(runs).then(|| "Load: entropy / (3.6 × parameters).".to_owned())
}

/// Whether a cell of the group has the measure.
pub(super) fn measured(group: &Group, measure: impl Fn(&Run) -> Option<f64>) -> bool {
    group.plain.iter().any(|cell| measure(&cell.run).is_some())
}

/// Means over seeds by size, ascending; of sizes where no cell has the measure there is none.
pub(super) fn means(runs: &Runs, group: &Group, measure: Measure) -> Vec<Mean> {
    let loads = has_loads(runs);
    let cells = group.plain.iter().map(|cell| &cell.run);
    let measured = cells.filter_map(|run| Some((run, measure(run)?)));
    let measured: Vec<(&Run, f64)> = measured.collect();
    let sizes = measured.chunk_by(|a, b| a.0.samples == b.0.samples);
    let means = sizes.map(|seeds| {
        Some(Mean {
            // The entropy of structured data differs from seed to seed, and with it the load of one
            // size.
            x: mean(seeds.iter().map(|(run, _)| place(run, loads)))?,
            y: spread(seeds.iter().map(|(_, value)| *value))?,
            count: seeds.len(),
        })
    });
    means.flatten().collect()
}

impl Mean {
    /// The values that a linear axis must hold: the ends of its bar.
    pub(super) fn reach(&self) -> [f64; 2] {
        let deviation = self.y.deviation.unwrap_or(0.0);
        [self.y.mean - deviation, self.y.mean + deviation]
    }
}

impl From<&Mean> for Point {
    fn from(mean: &Mean) -> Self {
        Self::mean(mean.x, mean.y)
    }
}

/// What bars mean, of all means that are drawn, and that doubled cells are not.
pub(super) fn notes(runs: &Runs, means: &[Mean]) -> Vec<String> {
    let mut notes = vec![bars_note(means.iter().map(|mean| mean.count))];
    if runs.groups.iter().any(|group| !group.doubled.is_empty()) {
        notes.push("Cells of twice the steps are not drawn.".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn runs(cells: &[(u64, u64, Option<f64>, Option<f64>)]) -> Runs {
        let run = |&(samples, seed, load, membership_auc): &_| Run {
            samples,
            seed,
            load,
            membership_auc,
            ..Run::default()
        };
        let group = Group {
            plain: cells.iter().map(|cell| run(cell).into()).collect(),
            ..Group::default()
        };
        Runs {
            groups: vec![group],
            root: PathBuf::new(),
        }
    }

    #[test]
    fn means_are_over_the_seeds_that_have_the_measure() {
        let runs = runs(&[
            (20, 1, Some(1.2), Some(0.7)),
            (20, 0, Some(1.0), Some(0.9)),
            (10, 0, Some(0.5), None),
            (40, 0, Some(2.0), Some(0.5)),
        ]);
        let found = means(&runs, &runs.groups[0], |run| run.membership_auc);
        assert_eq!(found.len(), 2);
        let Mean { x, y, count } = found[0];
        assert!((x - 1.1).abs() < 1e-12 && (y.mean - 0.8).abs() < 1e-12);
        assert!((y.deviation.unwrap() - 0.02_f64.sqrt()).abs() < 1e-12);
        assert_eq!((count, found[1].y.deviation), (2, None));
        assert_eq!(means(&runs, &runs.groups[0], |run| run.extraction_8), []);
    }

    #[test]
    fn without_every_load_samples_are_the_axis() {
        let runs = runs(&[(20, 0, Some(1.0), Some(0.9)), (40, 0, None, Some(0.5))]);
        let found = means(&runs, &runs.groups[0], |run| run.membership_auc);
        assert_eq!((found[0].x, found[1].x), (20.0, 40.0));
        assert_eq!(x_axis(&runs, true).label, "sequences");
    }
}
