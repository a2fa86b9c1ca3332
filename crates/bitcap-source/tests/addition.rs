//! Addition: every sum is right, and all pairs of numbers are equally likely.

mod common;

use bitcap_source::Split;
use common::*;
use proptest::prelude::*;

/// The number with these digits, the least significant first.
fn number(digits: &[u16], base: u128) -> u128 {
    let digits = digits.iter().rev();
    digits.fold(0, |number, &digit| number * base + u128::from(digit))
}

proptest! {
    #[test]
    fn the_sum_is_that_of_whole_numbers(
        base in prop_oneof![2_u32..12, 65_000_u32..=65_536], digits in 1_u32..8, seed: u64,
    ) {
        let settings = addition(base, digits, seed);
        let source = source(&settings);
        let data = source.draw(seed, 20, Split::Training).unwrap();
        let (n, base) = (digits as usize, u128::from(base));
        for sequence in data.sequences() {
            let [one, other] = [&sequence[..n], &sequence[n..2 * n]].map(|digits| number(digits, base));
            prop_assert_eq!(number(&sequence[2 * n..], base), one + other);
        }
        let right = 40.0 * f64::from(digits) * (base as f64).log2();
        let bits = settings.entropy(&data).unwrap();
        close_to(bits, right, 1e-13);
        prop_assert_eq!(source.source_bits(&data), Some(bits));
        prop_assert_eq!(settings.expected_entropy_bits(20), bits);
    }
}

#[test]
fn a_sum_that_is_wrong_is_impossible() {
    let settings = addition(10, 2, 0);
    let source = source(&settings);
    // 99 + 1 = 100.
    let right = [9, 9, 1, 0, 0, 0, 1];
    close(
        source.log2_probability(&right).unwrap(),
        -4.0 * 10_f64.log2(),
    );
    for place in 0..7 {
        let mut wrong = right;
        wrong[place] = (wrong[place] + 1) % 10;
        assert_eq!(source.log2_probability(&wrong), Some(f64::NEG_INFINITY));
        let data = dataset(&settings, &[right.to_vec(), wrong.to_vec()]);
        assert_eq!(settings.entropy(&data), Some(f64::INFINITY));
        assert_eq!(source.source_bits(&data), Some(f64::INFINITY));
    }
}

/// Of a base that is a power of two the bits are whole.
#[test]
fn entropy_is_that_of_two_numbers() {
    assert_eq!(addition(2, 20, 0).expected_entropy_bits(1000), 40_000.0);
    assert_eq!(addition(16, 8, 0).expected_entropy_bits(1), 64.0);
}
