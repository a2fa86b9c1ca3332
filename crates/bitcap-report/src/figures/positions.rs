//! Bits by position in the sequence, training and fresh, of a few sizes of one model.

use std::path::Path;

use super::common::{Experiment, FRESH, TRAINING, model_text, size_of_data};
use crate::cell_files::{self, Position, Positions};
use crate::chart::{Axis, Block, Chart, Entry, GREY, Layer, Look, Panel, Scale, Shape};
use crate::error::ReportError;
use crate::runs::{Cell, Group, Runs};
use crate::text::{count, decimals};
use bitcap_plan::Run;

const HEIGHT: f64 = 105.0;
/// With more positions than this marks would run into each other.
const MOST_MARKS: usize = 64;

/// Which cells [`chosen`] takes, for the notes.
pub(super) const FEW: &str = "Shown are the lowest load of the largest model, the one nearest to 1 and the highest; \
                              of each the lowest seed.";

/// A panel a cell, all of one model; `None` where no cell has a file of positions.
///
/// # Errors
/// Where a file of a cell is there and not as it must be.
pub(crate) fn chart(of: &Experiment<'_>) -> Result<Option<Chart>, ReportError> {
    let Some((group, cells)) = chosen(of.runs, cell_files::positions)? else {
        return Ok(None);
    };
    let uniform = (group.model.vocabulary as f64).log2();
    let all = |positions: &Positions| [&positions.training[..], &positions.fresh].concat();
    let rows = cells.iter().flat_map(|(_, positions)| all(positions));
    let places = rows.map(|row| f64::from(row.position));
    let x = Axis::linear("position in the sequence", places).of_whole_numbers();
    let mut panels = Vec::new();
    for (cell, positions) in &cells {
        let bits = all(positions).into_iter().map(|row| row.code_bits);
        let most = bits.fold(uniform, f64::max);
        let ends = (-0.05 * most, 1.08 * most);
        let y = Axis::between("mean code length (bits a token)", Scale::Linear, ends);
        let layers = vec![
            Layer::across(&x, uniform, uniform_look()),
            layer(&positions.fresh, false),
            layer(&positions.training, true),
        ];
        let heading = size_of_data(cell);
        panels.push(vec![Panel::new(&heading, HEIGHT, x.clone(), y, layers)]);
    }
    let tokens = count(group.model.vocabulary, "token");
    let uniform = format!("{tokens} equally likely: {} bits", decimals(uniform, 2));
    let legend = vec![
        Entry::new(look(true), "training data"),
        Entry::new(look(false), "fresh data"),
        Entry::new(uniform_look(), uniform),
    ];
    Ok(Some(Chart {
        name: "positions",
        title: of.titled("bits by position"),
        subtitle: model_text(&group.model),
        panels,
        legend: vec![Block::of(legend)],
        notes: vec![format!(
            "Lower is better; of uniform data what is below the dotted line is memorized. Each panel has its own y axis. \
             {FEW}"
        )],
    }))
}

fn layer(rows: &[Position], training: bool) -> Layer {
    let points = rows
        .iter()
        .map(|row| (f64::from(row.position), row.code_bits));
    let mut look = look(training);
    look.mark = look.mark.filter(|_| rows.len() <= MOST_MARKS);
    Layer::new(points, look)
}

fn look(training: bool) -> Look {
    match training {
        true => Look::mark(TRAINING, Shape::Circle, 2.8, true).lined(1.5, "", 1.0),
        false => Look::mark(FRESH, Shape::Square, 2.6, false).lined(1.5, "5 3", 1.0),
    }
}

fn uniform_look() -> Look {
    Look::line(GREY, 1.2, "1.5 2.5")
}

/// The few cells that stand for a whole sweep where single sequences are shown, and what a file of them holds: of the
/// largest model (the first of them) the lowest load, the one nearest to 1 and the highest; of each size the lowest
/// seed. Where loads are not known, the smallest, the middle and the largest size. `None` where none has the file.
#[allow(
    clippy::type_complexity,
    reason = "a group and its cells, each with what was read"
)]
pub(super) fn chosen<T>(
    runs: &Runs,
    read: impl Fn(&Path, &Run) -> Result<Option<T>, ReportError>,
) -> Result<Option<(&Group, Vec<(&Cell, T)>)>, ReportError> {
    let groups = runs
        .groups
        .iter()
        .rev()
        .filter(|group| !group.plain.is_empty());
    let Some(group) = groups.max_by_key(|group| group.model.parameters) else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for cell in few(&one_a_size(group), super::means::has_loads(runs)) {
        if let Some(file) = read(&runs.root, &cell.run)? {
            found.push((cell, file));
        }
    }
    Ok((!found.is_empty()).then_some((group, found)))
}

/// The first, the last, and the one between them that stands nearest to load 1.
fn few<'a>(sizes: &[&'a Cell], loads: bool) -> Vec<&'a Cell> {
    let Some(last) = sizes.len().checked_sub(1) else {
        return Vec::new();
    };
    let middle = match loads {
        true => nearest_to_load_1(sizes),
        false => sizes.len() / 2,
    };
    let mut places = vec![0, middle, last];
    places.dedup();
    places.into_iter().map(|place| sizes[place]).collect()
}

/// Of each size the cell with the lowest seed, by size, ascending.
pub(super) fn one_a_size(group: &Group) -> Vec<&Cell> {
    let mut cells: Vec<&Cell> = group.plain.iter().collect();
    cells.sort_by_key(|cell| (cell.run.samples, cell.run.seed));
    cells.dedup_by_key(|cell| cell.run.samples);
    cells
}

/// The place of the cell whose load is nearest to 1, in ratio.
pub(super) fn nearest_to_load_1(cells: &[&Cell]) -> usize {
    let distance = |cell: &Cell| cell.run.load.map_or(f64::INFINITY, |load| load.ln().abs());
    let places = cells.iter().enumerate();
    let nearest = places.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
    nearest.map_or(0, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(loads: &[Option<f64>]) -> Vec<u64> {
        let cells = loads.iter().zip(1..).map(|(load, i)| Cell {
            run: Run {
                samples: 10 * i,
                load: *load,
                ..Run::default()
            },
            bits: None,
        });
        let cells: Vec<Cell> = cells.collect();
        let cells: Vec<&Cell> = cells.iter().collect();
        let known = loads.iter().all(Option::is_some);
        few(&cells, known)
            .iter()
            .map(|cell| cell.run.samples)
            .collect()
    }

    #[test]
    fn lowest_nearest_to_one_and_highest() {
        let known = |loads: &[f64]| sizes(&loads.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(known(&[0.25, 0.5, 1.1, 2.0, 4.0]), [10, 30, 50]);
        // In ratio, 0.6 is nearer to 1 than 2 is.
        assert_eq!(known(&[0.1, 0.6, 2.0, 4.0]), [10, 20, 40]);
        assert_eq!(known(&[2.0, 4.0]), [10, 20]);
        assert_eq!(known(&[0.2, 0.4]), [10, 20]);
        assert_eq!(known(&[7.0]), [10]);
        assert_eq!(sizes(&[None; 5]), [10, 30, 50]);
        assert!(sizes(&[]).is_empty());
    }
}
