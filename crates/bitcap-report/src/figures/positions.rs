//! Bits by position in the sequence, training and fresh, of a few sizes of one model.

use std::path::Path;

use super::{Experiment, FRESH, TRAINING, model_text, size_of_data};
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
pub(crate) fn chart(of: &Experiment<'_>) -> Result<Option<Chart>, ReportError> {
    let cells = chosen(of.runs, cell_files::positions)?;
    let Some((Cell { run: model, .. }, _)) = cells.first() else {
        return Ok(None);
    };
    let uniform = (model.vocabulary as f64).log2();
    let uniform_look = Look::line(GREY, 1.2, "1.5 2.5");
    let all = |positions: &Positions| [&positions.training[..], &positions.fresh].concat();
    let rows = cells.iter().flat_map(|(_, positions)| all(positions));
    let places = rows.map(|row| f64::from(row.position));
    let x = Axis::linear("position in the sequence", places).of_whole_numbers();
    let panel = |(cell, positions): &(&Cell, Positions)| {
        let bits = all(positions).into_iter().map(|row| row.code_bits);
        let most = bits.fold(uniform, f64::max);
        // From zero, so that heights can be compared; a token that is known for certain costs
        // nothing.
        let ends = (-0.05 * most, 1.08 * most);
        let y = Axis::between("mean code length (bits a token)", Scale::Linear, ends);
        let layers = vec![
            Layer::across(&x, uniform, &uniform_look),
            layer(&positions.fresh, fresh_look()),
            layer(&positions.training, training_look()),
        ];
        let heading = size_of_data(cell);
        vec![Panel::new(&heading, HEIGHT, x.clone(), y, layers)]
    };
    let tokens = count(model.vocabulary, "token");
    let level = format!("{tokens} equally likely: {} bits", decimals(uniform, 2));
    let legend = vec![
        Entry::new(&training_look(), "training data"),
        Entry::new(&fresh_look(), "fresh data"),
        Entry::new(&uniform_look, level),
    ];
    Ok(Some(Chart {
        name: "positions",
        title: of.titled("bits by position"),
        subtitle: model_text(model),
        panels: cells.iter().map(panel).collect(),
        legend: vec![Block::of(legend)],
        notes: vec![format!(
            "Lower is better; of uniform data what is below the dotted line is memorized. Each panel has its own y axis. \
             {FEW}"
        )],
    }))
}

fn layer(rows: &[Position], mut look: Look) -> Layer {
    let point = |row: &Position| (f64::from(row.position), row.code_bits);
    look.mark = look.mark.filter(|_| rows.len() <= MOST_MARKS);
    Layer::new(rows.iter().map(point), &look)
}

fn training_look() -> Look {
    Look::mark(TRAINING, Shape::Circle, 2.8, true).lined(1.5, "", 1.0)
}

fn fresh_look() -> Look {
    Look::mark(FRESH, Shape::Square, 2.6, false).lined(1.5, "5 3", 1.0)
}

/// The few cells that stand for a whole sweep where single sequences are shown, each with what a file of it holds, where
/// it has the file: of the largest model (the first of them) the lowest load, the one nearest to 1 and the highest; of
/// each size the lowest seed. Where loads are not known, the smallest, the middle and the largest size.
pub(super) fn chosen<T>(
    runs: &Runs,
    read: impl Fn(&Path, &Run) -> Result<Option<T>, ReportError>,
) -> Result<Vec<(&Cell, T)>, ReportError> {
    let largest = runs
        .plain()
        // `max_by_key` keeps the last of equals; reversed, that is the first.
        .rev()
        .max_by_key(|group| group.model().parameters);
    let sizes = largest.map_or(Vec::new(), one_a_size);
    let mut found = Vec::new();
    for cell in few(&sizes, super::means::has_loads(runs)) {
        found.extend(read(&runs.root, &cell.run)?.map(|file| (cell, file)));
    }
    Ok(found)
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
    // Ascending already, so equal ones stand together.
    places.dedup();
    places.into_iter().map(|place| sizes[place]).collect()
}

/// Of each size the cell with the lowest seed, by size, ascending.
pub(super) fn one_a_size(group: &Group) -> Vec<&Cell> {
    let mut cells: Vec<&Cell> = group.plain.iter().collect();
    // Cells are sorted by size and then by seed, so the first of each size has the lowest.
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
        let runs = loads.iter().zip(1..).map(|(&load, i)| Run {
            samples: 10 * i,
            load,
            ..Run::default()
        });
        let cells: Vec<Cell> = runs.map(Cell::from).collect();
        let cells: Vec<&Cell> = cells.iter().collect();
        let shown = few(&cells, loads.iter().all(Option::is_some)).into_iter();
        shown.map(|cell| cell.run.samples).collect()
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
