//! Which cell of one folder is held against which of the other.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::Cell;
use super::comparison::PairedBy;

/// A's places of the pairs, each with B's. By name first, then what is left over by sizes where one cell on either side
/// has them: of two, none can say which is meant.
pub(super) fn pair(a: &[Cell], b: &[Cell]) -> BTreeMap<usize, (usize, PairedBy)> {
    let names = b.iter().map(|cell| cell.run.cell.as_str());
    let names: BTreeMap<&str, usize> = names.zip(0..).collect();
    let by_name = (0..).zip(a).filter_map(|(in_a, cell)| {
        let in_b = names.get(cell.run.cell.as_str())?;
        Some((in_a, (*in_b, PairedBy::Name)))
    });
    let mut pairs: BTreeMap<_, _> = by_name.collect();
    let mut taken: BTreeSet<usize> = pairs.values().map(|(in_b, _)| *in_b).collect();
    let left_of_b = by_sizes(b, |place| !taken.contains(&place));
    for (sizes, in_a) in by_sizes(a, |place| !pairs.contains_key(&place)) {
        if let ([in_a], Some([in_b])) = (&in_a[..], left_of_b.get(&sizes).map(Vec::as_slice))
            // A cell of both plain and doubled steps may have a partner already.
            && !pairs.contains_key(in_a)
            && taken.insert(*in_b)
        {
            pairs.insert(*in_a, (*in_b, PairedBy::Sizes));
        }
    }
    pairs
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
        assert_eq!(sizes("l1-w8-s0-424e8913"), Some("l1-w8-s0"));
        for name in ["l1-w8-n14", "424e8913", "l1-424e891", "l1-424e891g", "l1-"] {
            assert_eq!(sizes(name), None, "{name}");
        }
    }
}
