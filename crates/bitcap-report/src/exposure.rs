//! Of copies: what was memorized of strings by how often they stand in the data.

use std::collections::BTreeMap;

use crate::cell_files::{self, Kind, Sequences};
use crate::cells::{Cell, Cells, Group, Mean};
use crate::chosen::{nearest_to_load_1, one_a_size};
use crate::statistics::{mean, spread};
use crate::{Accounting, ReportError};

/// With more counts than this, neighbours are pooled.
const MOST_COUNTS: usize = 20;
/// Then so many bins to a factor of ten.
const BINS: f64 = 8.0;
/// With one model, at most so many of its sizes.
const MOST_SIZES: usize = 7;

/// One line of the picture.
#[derive(Debug, PartialEq)]
pub(crate) struct Exposure {
    /// What it is called in the legend.
    pub(crate) name: String,
    /// By what lines are ranked: parameters or samples.
    pub(crate) rank: u64,
    pub(crate) kind: Kind,
    /// x is the count, y the bits of its strings.
    pub(crate) means: Vec<Mean>,
    /// Whether counts were pooled.
    pub(crate) pooled: bool,
}

/// A line a model at its load nearest to 1; of one model alone a line a size.
///
/// # Errors
/// Where a file of a cell is there and not as it must be.
pub(crate) fn exposures(
    cells: &Cells,
    accounting: Accounting,
) -> Result<Vec<Exposure>, ReportError> {
    let mut exposures = Vec::new();
    for group in &cells.groups {
        let sizes = one_a_size(group);
        let alone = cells.groups.len() == 1;
        let shown = if alone {
            spaced(&sizes)
        } else {
            sizes
                .get(nearest_to_load_1(&sizes))
                .copied()
                .into_iter()
                .collect()
        };
        for cell in shown {
            let (name, rank) = if alone {
                (cell.heading(), cell.samples)
            } else {
                (
                    format!("{}, {}", group.name, cell.heading()),
                    group.parameters,
                )
            };
            let Some((kind, strings)) = strings(cells, group, cell, accounting)? else {
                continue;
            };
            let (means, pooled) = by_count(strings);
            exposures.push(Exposure {
                name,
                rank,
                kind,
                means,
                pooled,
            });
        }
    }
    Ok(exposures)
}

/// At most [`MOST_SIZES`] of them, the first and the last among them.
fn spaced<'a>(sizes: &[&'a Cell]) -> Vec<&'a Cell> {
    let shown = sizes.len().min(MOST_SIZES);
    (0..shown)
        .map(|i| sizes[i * (sizes.len() - 1) / (shown.max(2) - 1)])
        .collect()
}

/// Count and bits of every string of all seeds of a size; `None` where a cell has no copies.
#[allow(clippy::type_complexity, reason = "named by the line above")]
fn strings(
    cells: &Cells,
    group: &Group,
    shown: &Cell,
    accounting: Accounting,
) -> Result<Option<(Kind, Vec<(u64, f64)>)>, ReportError> {
    let mut all = Vec::new();
    let mut found = None;
    for cell in group.cells.iter().filter(|c| c.samples == shown.samples) {
        let Some(Sequences { kind, training, .. }) = cell_files::sequences(cells, cell)? else {
            continue;
        };
        if *found.get_or_insert(kind) != kind {
            continue;
        }
        for string in training {
            if let Some(count) = string.count {
                all.push((count, string.bits.by(accounting)));
            }
        }
    }
    Ok(found.filter(|_| !all.is_empty()).map(|kind| (kind, all)))
}

/// Means by count, ascending, and whether counts were pooled.
fn by_count(strings: Vec<(u64, f64)>) -> (Vec<Mean>, bool) {
    let mut counts: Vec<u64> = strings.iter().map(|string| string.0).collect();
    counts.sort_unstable();
    counts.dedup();
    let pooled = counts.len() > MOST_COUNTS;
    let mut bins: BTreeMap<u64, Vec<(u64, f64)>> = BTreeMap::new();
    for (count, bits) in strings {
        let bin = match pooled {
            true => ((count as f64).log10() * BINS).round() as u64,
            false => count,
        };
        bins.entry(bin).or_default().push((count, bits));
    }
    let means = bins
        .into_values()
        .filter_map(|mut strings| {
            // Sums do not depend on the order of the rows.
            strings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let logs: Vec<f64> = strings.iter().map(|s| (s.0 as f64).ln()).collect();
            let bits: Vec<f64> = strings.iter().map(|s| s.1).collect();
            Some(Mean {
                x: mean(&logs)?.exp(),
                y: spread(&bits)?,
                seeds: strings.len(),
            })
        })
        .collect();
    (means, pooled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_one_count_are_averaged() {
        let (means, pooled) = by_count(vec![(5, 8.0), (1, 1.0), (1, 3.0), (5, 8.0), (9, 7.0)]);
        assert!(!pooled);
        let found: Vec<_> = means
            .iter()
            .map(|m| (m.x.round(), m.y.mean, m.seeds))
            .collect();
        assert_eq!(found, [(1.0, 2.0, 2), (5.0, 8.0, 2), (9.0, 7.0, 1)]);
        assert_eq!(means[0].y.deviation, Some(2.0_f64.sqrt()));
        assert_eq!(means[2].y.deviation, None);
    }

    #[test]
    fn many_counts_are_pooled_in_order() {
        let (means, pooled) = by_count((1..=1000).map(|count| (count, count as f64)).collect());
        assert!(pooled);
        // Three factors of ten with eight bins each, less those that hold no whole number, and one at the end.
        assert!((18..=25).contains(&means.len()), "{}", means.len());
        assert!(means.windows(2).all(|pair| pair[0].x < pair[1].x));
        assert_eq!(means.iter().map(|m| m.seeds).sum::<usize>(), 1000);
    }

    #[test]
    fn few_of_many_sizes_are_shown() {
        use crate::cells::tests::cell;
        let cells: Vec<Cell> = (0..20).map(|n| cell(n, 0, None, None)).collect();
        for count in 0..20 {
            let sizes: Vec<&Cell> = cells[..count].iter().collect();
            let shown = spaced(&sizes);
            assert_eq!(shown.len(), count.min(MOST_SIZES));
            assert_eq!(shown.first(), sizes.first());
            assert_eq!(shown.last(), sizes.last());
        }
    }
}
