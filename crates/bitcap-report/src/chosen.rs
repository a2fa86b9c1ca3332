//! Which few cells stand for a whole sweep where single sequences are shown.

use std::cmp::Ordering;

use crate::cells::{Cell, Cells, Group};

/// A few cells of one model.
pub(crate) struct Chosen<'a> {
    pub(crate) group: &'a Group,
    /// By size, ascending.
    pub(crate) cells: Vec<&'a Cell>,
}

/// Of the largest model (the first of them) the lowest load, the one nearest to 1 and the highest; of each size the
/// lowest seed. Where loads are not known, the smallest, the middle and the largest size.
pub(crate) fn chosen(cells: &Cells) -> Option<Chosen<'_>> {
    let group = cells
        .groups
        .iter()
        .rev()
        .max_by_key(|group| group.parameters)?;
    let sizes = one_a_size(group);
    let last = sizes.len().checked_sub(1)?;
    let middle = if cells.has_loads() {
        nearest_to_load_1(&sizes)
    } else {
        sizes.len() / 2
    };
    let mut places = vec![0, middle, last];
    places.dedup();
    Some(Chosen {
        group,
        cells: places.into_iter().map(|place| sizes[place]).collect(),
    })
}

/// Of each size the cell with the lowest seed, by size, ascending.
pub(crate) fn one_a_size(group: &Group) -> Vec<&Cell> {
    let mut cells: Vec<&Cell> = group.cells.iter().collect();
    cells.sort_by_key(|cell| (cell.samples, cell.seed));
    cells.dedup_by_key(|cell| cell.samples);
    cells
}

/// The place of the cell whose load is nearest to 1, in ratio.
pub(crate) fn nearest_to_load_1(cells: &[&Cell]) -> usize {
    let distance = |cell: &Cell| cell.load.map_or(f64::INFINITY, |load| load.ln().abs());
    let nearer = |a: &(usize, &&Cell), b: &(usize, &&Cell)| -> Ordering {
        distance(a.1).total_cmp(&distance(b.1))
    };
    cells
        .iter()
        .enumerate()
        .min_by(nearer)
        .map_or(0, |(place, _)| place)
}

impl Cell {
    /// Its size and seed, for headings and legends.
    pub(crate) fn heading(&self) -> String {
        let samples = crate::figure::format::thousands(self.samples as f64);
        match self.load {
            Some(load) => format!("load {load:.2}, {samples} sequences"),
            None => format!("{samples} sequences"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::{all, cell, group};

    fn sizes(loads: &[Option<f64>]) -> Vec<u64> {
        let mut cells = vec![];
        for (i, load) in loads.iter().enumerate().rev() {
            for seed in [3, 1, 2] {
                cells.push(cell(10 * (i as u64 + 1), seed, *load, None));
            }
        }
        let small = group(5, vec![cell(1, 0, Some(1.0), None)]);
        let cells = all(vec![small, group(9, cells)]);
        let found = chosen(&cells).unwrap();
        assert!(
            found
                .cells
                .iter()
                .all(|cell| cell.seed == 1 && found.group.parameters == 9)
        );
        found.cells.iter().map(|cell| cell.samples).collect()
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
    }

    #[test]
    fn nothing_of_nothing() {
        assert!(chosen(&all(vec![])).is_none());
        assert!(chosen(&all(vec![group(9, vec![])])).is_none());
    }
}
