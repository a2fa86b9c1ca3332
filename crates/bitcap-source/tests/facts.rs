//! Facts: the exact marginal against enumerating all tables, and bits of knowledge against the closed
//! form of "Physics of Language Models: Part 3.3".

mod common;

use bitcap_source::{Dataset, FactsSettings, SourceSettings, Split};
use common::*;

/// All sets of `size` numbers below `of`.
fn sets(of: u32, size: u32) -> Vec<Vec<u32>> {
    let all = (0..1_u32 << of).filter(|set| set.count_ones() == size);
    all.map(|set| (0..of).filter(|i| set >> i & 1 == 1).collect())
        .collect()
}

/// The number of a string, by its digits.
fn spelled(string: &[u16], symbols: u32) -> u32 {
    let digits = string.iter();
    digits.fold(0, |number, &token| number * symbols + u32::from(token))
}

/// p(X) by all names, all diversity sets and all values there are, of two attributes.
fn all_tables(data: &Dataset, of: &FactsSettings) -> f64 {
    let names = sets(of.symbols.pow(of.name_length), of.names);
    let chunks = sets(of.symbols.pow(of.chunk_length), of.diversity);
    let cells = of.names * of.attributes * of.chunks;
    let values = of.diversity.pow(cells);
    let (mut sum, mut tables) = (0.0, 0.0);
    for names in &names {
        for both in chunks
            .iter()
            .flat_map(|a| chunks.iter().map(move |b| [a, b]))
        {
            for value in 0..values {
                tables += 1.0;
                let states = |sequence: &[u16]| {
                    let (name, rest) = sequence.split_at(of.name_length as usize);
                    let name = spelled(name, of.symbols);
                    let name = names.iter().position(|&n| n == name);
                    let attribute = u32::from(rest[0]).checked_sub(of.symbols);
                    let (Some(name), Some(attribute)) = (name, attribute) else {
                        return false;
                    };
                    let found = rest[1..].chunks_exact(of.chunk_length as usize);
                    found.enumerate().all(|(i, chunk)| {
                        let cell = (name as u32 * 2 + attribute) * of.chunks + i as u32;
                        let chosen = value / of.diversity.pow(cell) % of.diversity;
                        let right = both[attribute as usize][chosen as usize];
                        chunk.iter().all(|&t| u32::from(t) < of.symbols)
                            && spelled(chunk, of.symbols) == right
                    })
                };
                if data.sequences().all(states) {
                    let each = 1.0 / f64::from(of.names * of.attributes);
                    sum += each.powi(data.samples as i32);
                }
            }
        }
    }
    sum / tables
}

#[test]
fn every_dataset_agrees_with_the_sum_over_all_tables() {
    // Names, name length, attributes, chunks, chunk length, diversity, symbols.
    for (numbers, samples) in [
        ([2, 1, 2, 1, 1, 2, 3], 2),
        ([1, 2, 2, 1, 1, 1, 2], 2),
        ([2, 2, 2, 2, 1, 2, 2], 1),
        ([2, 1, 2, 1, 2, 3, 2], 1),
    ] {
        let settings = facts(numbers, 0);
        let SourceSettings::Facts(of) = &settings else {
            panic!("{settings:?}");
        };
        for number in 0..how_many(&settings, samples) {
            let data = numbered(&settings, samples, number);
            let found = probability(&settings, &data);
            // Most datasets are no facts at all.
            let no_fact = |row: &[u16]| {
                let at = of.name_length as usize;
                row.iter()
                    .enumerate()
                    .any(|(i, &t)| (u32::from(t) >= of.symbols) != (i == at))
            };
            if data.sequences().any(no_fact) {
                assert_eq!(found, 0.0);
            } else {
                close_to(found, all_tables(&data, of), 1e-11);
            }
        }
    }
}

/// Many facts, each stated often: all is known then, and what the data say of the table is the whole
/// table, log2 of the number of tables.
#[test]
fn knowledge_is_the_whole_table_once_all_was_stated() {
    let settings = facts([20, 3, 4, 2, 2, 5, 7], 3);
    let source = source(&settings);
    let data = source.draw(1, 3000, Split::Training).unwrap();
    let known = limit_bits(&settings, &source, &data);
    let choose = |of: f64, size: u32| -> f64 {
        let each = (0..size).map(|i| ((of - f64::from(i)) / f64::from(i + 1)).log2());
        each.sum()
    };
    // 343 strings of names, 49 of chunks.
    let sets = choose(343.0, 20) + 4.0 * choose(49.0, 5);
    close_to(known, sets + 160.0 * 5_f64.log2(), 1e-10);
    close(source.source_bits(&data).unwrap(), 3000.0 * 80_f64.log2());
}

/// A fact costs its value when it is stated first, and nothing when it is stated again.
#[test]
fn a_repeated_fact_costs_nothing_but_its_choice() {
    // All names and chunks there are: their sets are no secret.
    let settings = facts([5, 1, 3, 2, 1, 5, 5], 1);
    let source = source(&settings);
    let data = source.draw(1, 400, Split::Training).unwrap();
    let mut stated = std::collections::HashSet::new();
    let mut right = 0.0;
    for sequence in data.sequences() {
        right += 15_f64.log2();
        if stated.insert(sequence[..2].to_vec()) {
            right += 2.0 * 5_f64.log2();
        }
        assert_eq!(sequence.len(), 4);
    }
    assert_eq!(stated.len(), 15);
    close(settings.entropy(&data).unwrap(), right);
}

#[test]
fn what_contradicts_the_table_is_impossible() {
    let settings = facts([3, 2, 2, 1, 1, 2, 4], 5);
    let source = source(&settings);
    let data = source.draw(0, 30, Split::Training).unwrap();
    assert!(settings.entropy(&data).unwrap().is_finite());
    // Another value for a fact that was stated.
    let mut other = data.clone();
    let last = other.tokens.len() - 1;
    let fact = data.sequence(29);
    let before = data.sequences().take(29).any(|row| row == fact);
    assert!(before);
    other.tokens[last] = (other.tokens[last] + 1) % 4;
    assert_eq!(settings.entropy(&other), Some(f64::INFINITY));
    assert_eq!(source.source_bits(&other), Some(f64::INFINITY));
    // A fourth name; a third chunk of one attribute.
    let rows = |rows: &[[u16; 4]]| {
        let rows: Vec<Vec<u16>> = rows.iter().map(|row| row.to_vec()).collect();
        settings.entropy(&dataset(&settings, &rows)).unwrap()
    };
    let names = [[0, 0, 4, 1], [0, 1, 4, 1], [1, 0, 4, 1], [1, 1, 4, 1]];
    assert!(rows(&names[..3]).is_finite());
    assert_eq!(rows(&names), f64::INFINITY);
    let chunks = [[0, 0, 4, 1], [0, 1, 4, 2], [1, 0, 4, 3]];
    assert!(rows(&chunks[..2]).is_finite());
    assert_eq!(rows(&chunks), f64::INFINITY);
}
