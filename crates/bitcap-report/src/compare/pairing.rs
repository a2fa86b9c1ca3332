//! Which cell of one folder is held against which of the other.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Sides;
use super::folder::Cell;

/// Why two cells are a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PairedBy {
    /// Their names are the same, and with them every setting that changes the weights.
    Name,
    /// Layers, width, samples, steps and seed are the same, and whether they are of doubled steps; another setting is
    /// not.
    Sizes,
}

/// Places in both lists of cells.
pub(super) struct Paired {
    /// A's place, B's place; by A's.
    pub(super) pairs: Vec<(usize, usize, PairedBy)>,
    /// Those without a partner.
    pub(super) alone: Sides<Vec<usize>>,
}

/// By name first, then what is left over by sizes where one cell on either side has them: of two, none can say which
/// is meant.
pub(super) fn pair(a: &[Cell], b: &[Cell]) -> Paired {
    let mut partners: Vec<Option<(usize, PairedBy)>> = vec![None; a.len()];
    let mut taken = vec![false; b.len()];
    let names: BTreeMap<&str, usize> = b.iter().map(|cell| cell.name.as_str()).zip(0..).collect();
    for (partner, cell) in partners.iter_mut().zip(a) {
        if let Some(&place) = names.get(cell.name.as_str()) {
            *partner = Some((place, PairedBy::Name));
            taken[place] = true;
        }
    }
    let left_of_a = by_sizes(a, |place| partners[place].is_none());
    let left_of_b = by_sizes(b, |place| !taken[place]);
    for (sizes, places) in &left_of_a {
        if let ([in_a], Some([in_b])) =
            (&places[..], left_of_b.get(sizes).map(|places| &places[..]))
        {
            partners[*in_a] = Some((*in_b, PairedBy::Sizes));
            taken[*in_b] = true;
        }
    }
    Paired {
        pairs: (0..)
            .zip(&partners)
            .filter_map(|(in_a, partner)| partner.map(|(in_b, by)| (in_a, in_b, by)))
            .collect(),
        alone: Sides {
            a: places_of(partners.iter().map(Option::is_none)),
            b: places_of(taken.iter().map(|taken| !taken)),
        },
    }
}

/// The places of those cells that are `left` and whose names say their sizes.
fn by_sizes(cells: &[Cell], left: impl Fn(usize) -> bool) -> BTreeMap<(&str, bool), Vec<usize>> {
    let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, cell) in cells.iter().enumerate() {
        if let Some(sizes) = sizes(&cell.name).filter(|_| left(place)) {
            places.entry((sizes, cell.doubled)).or_default().push(place);
        }
    }
    places
}

/// A cell's name without the hash that it ends in; `None` if it does not.
fn sizes(name: &str) -> Option<&str> {
    let (sizes, hash) = name.rsplit_once('-')?;
    let is_hash = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(sizes)
}

fn places_of(flags: impl Iterator<Item = bool>) -> Vec<usize> {
    (0..)
        .zip(flags)
        .filter_map(|(place, flag)| flag.then_some(place))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn sizes_are_the_name_without_its_hash() {
        assert_eq!(
            sizes("l1-w8-n14-t600-s0-424e8913"),
            Some("l1-w8-n14-t600-s0")
        );
        for name in ["l1-w8-n14", "424e8913", "l1-424e891", "l1-424e891g", "l1-"] {
            assert_eq!(sizes(name), None, "{name}");
        }
    }
}
