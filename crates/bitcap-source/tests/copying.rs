//! Copying: probabilities against products token by token.

mod common;

use bitcap_source::Split;
use common::*;

#[test]
fn every_sequence_has_the_product_of_its_tokens() {
    for noise in [0.0, 0.1, 0.75, 1.0] {
        let settings = copying(4, 2, noise, 0);
        let source = source(&settings);
        for number in 0..how_many(&settings, 1) {
            let tokens = numbered(&settings, 1, number).tokens;
            let separated = tokens
                .iter()
                .enumerate()
                .all(|(i, &t)| (t == 3) == (i == 2));
            let mut right = if separated { 1.0 / 9.0 } else { 0.0 };
            for (token, copy) in tokens[..2].iter().zip(&tokens[3..]) {
                right *= noise / 3.0 + if token == copy { 1.0 - noise } else { 0.0 };
            }
            close(source.log2_probability(&tokens).unwrap().exp2(), right);
        }
    }
}

/// There are no parameters: the code length is the same whether the source is known or not.
#[test]
fn nothing_is_unknown() {
    for (noise, seed) in [(0.0, 1), (0.3, 2), (1.0, 3)] {
        let settings = copying(11, 20, noise, seed);
        let source = source(&settings);
        let data = source.draw(seed, 50, Split::Training).unwrap();
        let bits = settings.entropy(&data).unwrap();
        assert_eq!(source.source_bits(&data), Some(bits));
        let each = data
            .sequences()
            .map(|row| source.log2_probability(row).unwrap());
        close(bits, -each.sum::<f64>());
        let same = data.sequences().all(|row| row[..20] == row[21..]);
        assert_eq!(same, noise == 0.0);
    }
    // Certain copies: the string alone. Tokens replaced for sure: two strings.
    close(copying(9, 5, 0.0, 0).expected_entropy_bits(3), 45.0);
    close(copying(9, 5, 1.0, 0).expected_entropy_bits(3), 90.0);
}
