//! Of copies: bits memorized of a string against how often it stands in the data.

use std::collections::{BTreeMap, BTreeSet};

use super::means::Mean;
use super::positions::{nearest_to_load_1, one_a_size};
use super::{Experiment, accounting_words, looks, size_of_data};
use crate::cell_files::{self, Kind};
use crate::chart::{Axis, Block, Chart, Entry, Layer, Look, PALE, Panel};
use crate::error::ReportError;
use crate::runs::Cell;
use crate::statistics::{mean, spread};

const HEIGHT: f64 = 296.0;
/// With more counts than this, neighbours are pooled.
const MOST_COUNTS: usize = 20;
/// Then so many bins to a factor of ten.
const BINS: f64 = 8.0;
/// With one model, at most so many of its sizes.
const MOST_SIZES: usize = 7;

/// One line.
struct Line<'a> {
    /// The place of its model among all.
    place: usize,
    /// The first of its cells.
    cell: &'a Cell,
    kind: Kind,
    /// x is the count, y the bits of its strings.
    means: Vec<Mean>,
    /// Whether counts were pooled.
    pooled: bool,
}

/// A line a model at its load nearest to 1; of one model alone a line a size. `None` where no cell has copies.
pub(crate) fn chart(of: &Experiment<'_>) -> Result<Option<Chart>, ReportError> {
    let alone = of.runs.plain().count() == 1;
    let mut lines = Vec::new();
    for (place, group) in of.runs.groups.iter().enumerate() {
        let sizes = one_a_size(group);
        let nearest = nearest_to_load_1(&sizes);
        let shown = match alone {
            true => spaced(&sizes),
            false => sizes.into_iter().skip(nearest).take(1).collect(),
        };
        for cell in shown {
            lines.extend(line(of, place, cell)?);
        }
    }
    // Where there are both kinds, the words are those for the second.
    let Some(kind) = lines.iter().map(|line| line.kind).max() else {
        return Ok(None);
    };
    let rank = |line: &Line<'_>| match alone {
        true => line.cell.run.samples,
        false => line.cell.run.parameters,
    };
    let looks = looks(lines.iter().map(rank));
    let means = || lines.iter().flat_map(|line| &line.means);
    let copies = means().map(|mean| mean.x);
    let x = Axis::log("copies of the string in the data", copies, 0.1);
    // Zero is always in it, as bits of either sign are read from there.
    let reach = means().flat_map(Mean::reach).chain([0.0]);
    let y = Axis::linear(&kind.label("string"), reach);
    let mut layers = vec![Layer::across(&x, 0.0, &Look::line(PALE, 1.0, ""))];
    let lines_and_looks = || lines.iter().zip(&looks);
    layers.extend(lines_and_looks().map(|(line, look)| Layer::new(&line.means, look)));
    let size = |line: &Line<'_>| size_of_data(line.cell);
    let (models, mut notes) = match alone {
        true => {
            let entries = lines_and_looks().map(|(line, look)| Entry::new(look, size(line)));
            (Block::of(entries.collect()), Vec::new())
        }
        false => {
            let model = |(line, look): (&Line<'_>, &Look)| {
                let after = format!(", {}", size(line));
                (line.place, look.clone(), after)
            };
            of.models(lines_and_looks().map(model).collect())
        }
    };
    notes.push(
        "Means over strings, of all seeds together; error bars: ± 1 sample standard deviation over strings.".to_owned(),
    );
    if lines.iter().any(|line| line.pooled) {
        let note = "Counts are pooled, eight bins to a factor of ten; x is their geometric mean.";
        notes.push(note.to_owned());
    }
    let predicted = of.runs.plain().all(|group| group.model().start_token);
    let subtitle = match kind == Kind::Memorized && !predicted {
        true => accounting_words(of.accounting),
        false => "Every string counted once, whatever its copies",
    };
    Ok(Some(Chart {
        name: "exposure",
        title: of.titled("bits memorized of a string against its copies"),
        subtitle: subtitle.to_owned(),
        panels: vec![vec![Panel::new("", HEIGHT, x, y, layers)]],
        legend: vec![models],
        notes,
    }))
}

/// At most [`MOST_SIZES`] of them, the first and the last among them.
fn spaced<'a>(sizes: &[&'a Cell]) -> Vec<&'a Cell> {
    let shown = sizes.len().min(MOST_SIZES);
    // Asked only where there are sizes; of one alone the divisor would be 0.
    let place = |i: usize| i * (sizes.len() - 1) / (shown.max(2) - 1);
    (0..shown).map(|i| sizes[place(i)]).collect()
}

/// Over every string of all seeds of a cell's size; `None` where there are no copies.
fn line<'a>(
    of: &Experiment<'_>,
    place: usize,
    cell: &'a Cell,
) -> Result<Option<Line<'a>>, ReportError> {
    let (mut strings, mut kind) = (Vec::new(), None);
    let seeds = of.runs.groups[place].plain.iter().map(|cell| &cell.run);
    for run in seeds.filter(|run| run.samples == cell.run.samples) {
        let file = cell_files::sequences(&of.runs.root, run)?;
        // The first file decides: bits of the other kind are of another quantity, and no mean is
        // over both.
        let file = file.filter(|file| *kind.get_or_insert(file.kind) == file.kind);
        let all = file.into_iter().flat_map(|file| file.training);
        strings.extend(all.filter_map(|own| Some((own.count?, own.bits.by(of.accounting)))));
    }
    let Some(kind) = kind.filter(|_| !strings.is_empty()) else {
        return Ok(None);
    };
    let (means, pooled) = by_count(strings);
    Ok(Some(Line {
        place,
        cell,
        kind,
        means,
        pooled,
    }))
}

/// A string's count and its bits.
type Strings = Vec<(u64, f64)>;

/// Means by count, ascending, and whether counts were pooled.
fn by_count(strings: Strings) -> (Vec<Mean>, bool) {
    let counts: BTreeSet<u64> = strings.iter().map(|string| string.0).collect();
    let pooled = counts.len() > MOST_COUNTS;
    let mut bins: BTreeMap<u64, Strings> = BTreeMap::new();
    for (count, bits) in strings {
        let bin = match pooled {
            true => ((count as f64).log10() * BINS).round() as u64,
            false => count,
        };
        bins.entry(bin).or_default().push((count, bits));
    }
    let means = bins.into_values().map(|mut strings| {
        // Sums do not depend on the order of the rows.
        strings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let logs = strings.iter().map(|(count, _)| (*count as f64).ln());
        Some(Mean {
            x: match pooled {
                true => mean(logs)?.exp(),
                false => strings[0].0 as f64,
            },
            y: spread(strings.iter().map(|(_, bits)| *bits))?,
            count: strings.len(),
        })
    });
    (means.flatten().collect(), pooled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcap_plan::Run;

    #[test]
    fn strings_of_one_count_are_averaged() {
        let (means, pooled) = by_count(vec![(5, 8.0), (1, 1.0), (1, 3.0), (5, 8.0), (9, 7.0)]);
        assert!(!pooled);
        let found: Vec<_> = means.iter().map(|m| (m.x, m.y.mean, m.count)).collect();
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
        assert_eq!(means.iter().map(|m| m.count).sum::<usize>(), 1000);
    }

    #[test]
    fn few_of_many_sizes_are_shown() {
        let run = |samples| Run {
            samples,
            ..Run::default()
        };
        let cells: Vec<Cell> = (0..20).map(|samples| run(samples).into()).collect();
        for count in 0..20 {
            let sizes: Vec<&Cell> = cells[..count].iter().collect();
            let shown: Vec<u64> = spaced(&sizes).iter().map(|cell| cell.run.samples).collect();
            assert_eq!(shown.len(), count.min(MOST_SIZES));
            assert!(shown.is_sorted());
            assert_eq!(shown.first().copied(), (count > 0).then_some(0));
            assert_eq!(shown.last().copied(), (count as u64).checked_sub(1));
        }
    }
}
