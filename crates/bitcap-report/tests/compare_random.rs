//! Whatever cells two folders hold: each is somewhere once, and the other way round is the same with its signs turned.

mod common;

use std::collections::BTreeMap;

use bitcap_report::{Accounting, Comparison, Pair, PairedBy, compare};
use common::outputs::{RUNS, TIMINGS, folder};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Row {
    /// A row for each: of plain steps, of doubled ones, or of both.
    doubled: &'static [u8],
    bits: Option<f64>,
    seconds: Option<f64>,
}

fn row() -> impl Strategy<Value = Row> {
    let bits = prop_oneof![-1e3..1e6, Just(0.0), Just(600.0), -1e30..1e30, 0.0..1e-300];
    let seconds = prop_oneof![0.0..1e5, Just(0.0), 0.0..1e30];
    let doubled = prop::sample::select(vec![&[0][..], &[1], &[0, 1], &[1, 0]]);
    let row = (doubled, prop::option::of(bits), prop::option::of(seconds));
    row.prop_map(|(doubled, bits, seconds)| Row {
        doubled,
        bits,
        seconds,
    })
}

/// Cells by name: few sizes and hashes, so that names and sizes are often met again; the hash `x` is none.
fn cells() -> impl Strategy<Value = BTreeMap<String, Row>> {
    let name = ("[a-c]", prop_oneof!["0000000[0-3]", Just("x".to_owned())])
        .prop_map(|(sizes, hash)| format!("{sizes}-{hash}"));
    prop::collection::btree_map(name, row(), 1..8)
}

fn write(cells: &BTreeMap<String, Row>) -> tempfile::TempDir {
    let (mut runs, mut timings) = (RUNS.to_owned(), TIMINGS.to_owned());
    for (name, row) in cells {
        let bits = row.bits.map_or(String::new(), |bits| bits.to_string());
        for doubled in row.doubled {
            runs += &format!("{name},{doubled},adam,0.01,100,200,{bits},{bits},1\n");
        }
        if let Some(seconds) = row.seconds {
            timings += &format!("{name},x,flex,now,{seconds}\n");
        }
    }
    let any = cells.values().any(|row| row.seconds.is_some());
    folder(&runs, any.then_some(&timings))
}

/// What each cell is looked for by when its name is not in the other folder.
fn sizes(name: &str, row: &Row) -> Vec<(char, u8)> {
    let sizes = name.chars().next().filter(|_| !name.ends_with('x'));
    let of = |sizes| row.doubled.iter().map(move |&doubled| (sizes, doubled));
    sizes.into_iter().flat_map(of).collect()
}

/// How many cells of these sizes have no partner by name.
fn left_over(
    cells: &BTreeMap<String, Row>,
    others: &BTreeMap<String, Row>,
    sought: (char, u8),
) -> usize {
    let left = cells.iter().filter(|(name, _)| !others.contains_key(*name));
    left.filter(|(name, row)| sizes(name, row).contains(&sought))
        .count()
}

/// What the other way round is the same of a pair, and its difference with the other sign.
fn seen(pair: &Pair, from_b: bool) -> (&str, &str, Option<f64>, PairedBy) {
    let (a, b, bits) = (&pair.cell.a, &pair.cell.b, pair.difference_bits);
    match from_b {
        true => (b, a, bits.map(|bits| -bits), pair.paired_by),
        false => (a, b, bits, pair.paired_by),
    }
}

fn largest(comparison: &Comparison) -> Option<f64> {
    let largest = comparison.summary.largest_difference.as_ref();
    largest.map(|largest| largest.difference_bits.abs())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mirrored(a in cells(), b in cells()) {
        let folders = (write(&a), write(&b));
        let there = compare(folders.0.path(), folders.1.path(), Accounting::Strict).unwrap();
        let back = compare(folders.1.path(), folders.0.path(), Accounting::Strict).unwrap();
        let mut expected: Vec<_> = back.pairs.iter().map(|pair| seen(pair, true)).collect();
        expected.sort_by_key(|pair| pair.0);
        // The folders' rows, and so the pairs, are sorted by name.
        let found: Vec<_> = there.pairs.iter().map(|pair| seen(pair, false)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(&there.only_in.a, &back.only_in.b);
        prop_assert_eq!(&there.only_in.b, &back.only_in.a);
        prop_assert_eq!(there.summary.same_bits, back.summary.same_bits);
        prop_assert_eq!(largest(&there), largest(&back));
        prop_assert_eq!(there.summary.seconds_known, back.summary.seconds_known);
        // Sums over the same pairs, in another order.
        let near = |x: f64, y: f64, scale: f64| (x - y).abs() <= 1e-12 * scale;
        if let (Some(x), Some(y)) = (there.summary.seconds, back.summary.seconds) {
            prop_assert!(near(x.a, y.b, x.a) && near(x.b, y.a, x.b));
        }
        let (x, y) = (there.summary.mean_difference_bits, back.summary.mean_difference_bits);
        prop_assert_eq!(x.is_some(), y.is_some());
        prop_assert!(near(x.unwrap_or(0.0), -y.unwrap_or(0.0), largest(&there).unwrap_or(0.0)));
        let table = there.table();
        // Less the names of the folders, which may hold these letters.
        let mut said = table.lines().filter(|line| !line.starts_with("A: ") && !line.starts_with("B: "));
        prop_assert!(!said.any(|line| line.contains("NaN") || line.contains("inf")), "{}", table);
    }

    #[test]
    fn every_cell_is_somewhere_once_and_rightly(a in cells(), b in cells()) {
        let folders = (write(&a), write(&b));
        let found = compare(folders.0.path(), folders.1.path(), Accounting::Strict).unwrap();
        let paired = |side: fn(&Pair) -> &String| found.pairs.iter().map(side);
        let mut in_a: Vec<&String> = paired(|pair| &pair.cell.a).chain(&found.only_in.a).collect();
        let mut in_b: Vec<&String> = paired(|pair| &pair.cell.b).chain(&found.only_in.b).collect();
        in_a.sort();
        in_b.sort();
        prop_assert_eq!(in_a, a.keys().collect::<Vec<_>>());
        prop_assert_eq!(in_b, b.keys().collect::<Vec<_>>());
        for pair in &found.pairs {
            let (name_a, name_b) = (&pair.cell.a, &pair.cell.b);
            match pair.paired_by {
                PairedBy::Name => prop_assert_eq!(name_a, name_b),
                PairedBy::Sizes => {
                    let (of_a, of_b) = (sizes(name_a, &a[name_a]), sizes(name_b, &b[name_b]));
                    let mut common = of_a.iter().filter(|sought| of_b.contains(sought));
                    let alone = |&sought: &(char, u8)| {
                        (left_over(&a, &b, sought), left_over(&b, &a, sought)) == (1, 1)
                    };
                    prop_assert!(common.any(alone));
                }
            }
        }
        for name in &found.only_in.a {
            prop_assert!(!b.contains_key(name));
            for sought in sizes(name, &a[name]) {
                // The only one of its sizes in both has a partner, unless that has another by its other curve.
                if (left_over(&a, &b, sought), left_over(&b, &a, sought)) == (1, 1) {
                    let other = b.iter().find(|(other, row)| !a.contains_key(*other) && sizes(other, row).contains(&sought));
                    let (other, row) = other.unwrap();
                    prop_assert!(row.doubled.len() == 2 && !found.only_in.b.contains(other));
                }
            }
        }
    }

    #[test]
    fn random_text_is_refused_or_compared(text in ".{0,200}", place in 0_usize..9, value in ".{0,6}") {
        let good = format!("{RUNS}a-00000000,0,adam,0.01,100,200,1,1,1\n");
        let mut fields: Vec<&str> = "a-00000000,0,adam,0.01,100,200,1,1,1".split(',').collect();
        fields[place] = &value;
        let broken = format!("{RUNS}{}\n", fields.join(","));
        let good = folder(&good, None);
        for bad in [folder(&text, None), folder(&broken, Some(&text)), folder(&broken, None)] {
            if let Ok(comparison) = compare(good.path(), bad.path(), Accounting::Strict) {
                prop_assert!(comparison.table().lines().all(|line| !line.contains(char::is_control)));
            }
        }
    }
}
