//! Which cell of one folder is held against which of the other.

use std::collections::BTreeMap;

use super::cells::Cell;
use super::comparison::{PairedBy, Sides};

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
    let names = b.iter().map(|cell| cell.run.cell.as_str());
    let names: BTreeMap<&str, usize> = names.zip(0..).collect();
    for (partner, cell) in partners.iter_mut().zip(a) {
        if let Some(&place) = names.get(cell.run.cell.as_str()) {
            *partner = Some((place, PairedBy::Name));
            taken[place] = true;
        }
    }
    let left_of_a = by_sizes(a, |place| partners[place].is_none());
    let left_of_b = by_sizes(b, |place| !taken[place]);
    for (sizes, in_a) in &left_of_a {
        if let ([in_a], Some([in_b])) = (&in_a[..], left_of_b.get(sizes).map(Vec::as_slice))
            // A cell of both plain and doubled steps may have a partner already.
            && partners[*in_a].is_none()
            && !taken[*in_b]
        {
            partners[*in_a] = Some((*in_b, PairedBy::Sizes));
            taken[*in_b] = true;
        }
    }
    let pairs = (0..).zip(&partners);
    let pairs = pairs.filter_map(|(in_a, partner)| partner.map(|(in_b, by)| (in_a, in_b, by)));
    Paired {
        pairs: pairs.collect(),
        alone: Sides {
            a: (0..a.len())
                .filter(|&place| partners[place].is_none())
                .collect(),
            b: (0..b.len()).filter(|&place| !taken[place]).collect(),
        },
    }
}

/// The places of those cells that are `left` and whose names say their sizes; plain and doubled ones apart.
fn by_sizes(cells: &[Cell], left: impl Fn(usize) -> bool) -> BTreeMap<(&str, bool), Vec<usize>> {
    let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, cell) in cells.iter().enumerate().filter(|(place, _)| left(*place)) {
        for (doubled, is) in [(false, cell.plain), (true, cell.doubled)] {
            if let Some(sizes) = sizes(&cell.run.cell).filter(|_| is) {
                places.entry((sizes, doubled)).or_default().push(place);
            }
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
