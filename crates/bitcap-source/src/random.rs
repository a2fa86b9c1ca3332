//! Random variates out of raw words, the same on every platform: integer arithmetic, IEEE
//! operations and the `libm` crate only.

use std::collections::BTreeSet;

use rand::Rng;
use rand::rngs::ChaCha8Rng;

/// Every event's probability is cut to a multiple of 2^-53 where it is drawn: less than any number
/// of draws could show.
pub(crate) const ONE: u64 = 1 << 53;

/// Uniform over 0 to [`ONE`] - 1: the upper 53 bits of a word.
pub(crate) fn fraction(words: &mut ChaCha8Rng) -> u64 {
    words.next_u64() >> 11
}

/// The threshold that a [`fraction`] is below with this probability, 0 to 1.
pub(crate) fn threshold(probability: f64) -> u64 {
    // Scaling by a power of two is exact, so only the cast cuts. A probability of 1 gives ONE,
    // which every fraction is below; 0 gives 0, which none is below.
    (probability * ONE as f64) as u64
}

/// Uniform over 0 to `count` - 1, exactly; `count` is at least 1. A word at or above the largest
/// multiple of `count` that fits 32 bits is thrown away.
#[inline]
pub(crate) fn below(words: &mut ChaCha8Rng, count: u32) -> u32 {
    // 2^32 modulo `count`.
    // Taken from 2^32 - 1, which fits a u32; the last remainder is for a `count` that divides 2^32.
    let excess = (u32::MAX % count + 1) % count;
    loop {
        let word = words.next_u32();
        if word <= u32::MAX - excess {
            return word % count;
        }
    }
}

/// `size` of the numbers below `of`, in their order, all such sets equally likely; `size` is at most
/// `of`. Floyd's algorithm (Bentley and Floyd 1987, "A sample of brilliance").
pub(crate) fn subset(words: &mut ChaCha8Rng, size: u32, of: u32) -> Vec<u32> {
    let mut chosen = BTreeSet::new();
    for last in of - size..of {
        let number = below(words, last + 1);
        if !chosen.insert(number) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

/// `row.len()` fair bits, from the highest place of each word down; the rest of the last word is
/// thrown away.
pub(crate) fn fair_bits(words: &mut ChaCha8Rng, row: &mut [u16]) {
    for bits in row.chunks_mut(64) {
        let word = words.next_u64();
        for (bit, place) in bits.iter_mut().zip((0..64).rev()) {
            *bit = (word >> place & 1) as u16;
        }
    }
}

/// Uniform over the middles of 2^52 equal parts of (0, 1): never 0, never 1.
fn unit(words: &mut ChaCha8Rng) -> f64 {
    // 52 bits and the half are 53, all that an f64 holds: nothing is rounded up to 1. 0 has to be
    // out, since logarithms are taken of these.
    ((words.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// Standard normal: Marsaglia's polar method, the second of the pair unused.
fn normal(words: &mut ChaCha8Rng) -> f64 {
    loop {
        // Keeping the second of the pair would take a state beside the stream of words.
        let x = 2.0 * unit(words) - 1.0;
        let y = 2.0 * unit(words) - 1.0;
        let square = x * x + y * y;
        if square < 1.0 && square > 0.0 {
            return x * libm::sqrt(-2.0 * libm::log(square) / square);
        }
    }
}

/// Natural logarithm of a Gamma variate of this shape, above 0, and scale 1. Marsaglia and Tsang,
/// "A simple method for generating gamma variables" (2000); below shape 1 by G(a) = G(a+1) U^(1/a).
/// In the log domain, as a small shape gives variates far below the smallest f64.
pub(crate) fn ln_gamma_variate(words: &mut ChaCha8Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        // The order in which words are taken is part of what a seed means: first the variate, then
        // U.
        let above = ln_gamma_variate(words, shape + 1.0);
        return above + libm::log(unit(words)) / shape;
    }
    // The names are those of the paper: with x standard normal, d (1 + c x)^3 is nearly Gamma.
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = normal(words);
        let root = 1.0 + c * x;
        // The logarithm of v is taken below, and a variate is above 0.
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        // The exact test alone. The paper's quick one before it accepts the same and saves only
        // time.
        if libm::log(unit(words)) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
            return libm::log(d) + libm::log(v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::digamma;
    use bitcap_base::stream;

    /// Mean and variance of ln G(a) are psi(a) and psi'(a); the mean of G(a) is a. Each held to
    /// 5 standard errors.
    #[test]
    fn gamma_variates_have_their_moments() {
        let draws = 40_000;
        for (i, shape) in [0.05, 0.5, 1.0, 2.5, 40.0].into_iter().enumerate() {
            let words = &mut stream(i as u64, "test");
            let logs: Vec<f64> = (0..draws).map(|_| ln_gamma_variate(words, shape)).collect();
            let n = f64::from(draws);
            let mean = logs.iter().sum::<f64>() / n;
            let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / n;
            let step = 1e-4 * shape;
            let trigamma = (digamma(shape + step) - digamma(shape - step)) / (2.0 * step);
            assert!((mean - digamma(shape)).abs() < 5.0 * (trigamma / n).sqrt());
            assert!((variance / trigamma - 1.0).abs() < 0.1, "{shape}");
            let mean = logs.iter().map(|l| l.exp()).sum::<f64>() / n;
            assert!((mean - shape).abs() < 5.0 * (shape / n).sqrt(), "{shape}");
        }
    }

    /// Exponential (shape 1) and chi-square with one degree (shape 1/2) against their distribution
    /// functions: Kolmogorov's statistic times the root of n is below 1.95 but once in 1,000.
    #[test]
    fn gamma_variates_have_their_distribution() {
        type Cdf = fn(f64) -> f64;
        let cases: [(f64, Cdf); 2] = [(1.0, |x| 1.0 - (-x).exp()), (0.5, |x| libm::erf(x.sqrt()))];
        for (shape, cdf) in cases {
            let words = &mut stream(3, "test");
            let mut draws: Vec<f64> = (0..20_000)
                .map(|_| ln_gamma_variate(words, shape).exp())
                .collect();
            draws.sort_by(f64::total_cmp);
            let n = draws.len() as f64;
            let distance = draws
                .iter()
                .enumerate()
                .map(|(i, &x)| (cdf(x) - (i as f64 + 0.5) / n).abs())
                .fold(0.0, f64::max);
            assert!(distance * n.sqrt() < 1.95, "{shape}: {distance}");
        }
    }

    #[test]
    fn all_subsets_are_equally_likely() {
        let words = &mut stream(1, "test");
        let mut counts = std::collections::HashMap::new();
        for _ in 0..10_000 {
            let chosen = subset(words, 2, 5);
            assert!(chosen[0] < chosen[1] && chosen[1] < 5);
            *counts.entry(chosen).or_insert(0_u32) += 1;
        }
        // 10 subsets, standard deviation 30.
        assert_eq!(counts.len(), 10);
        assert!(
            counts.values().all(|c| c.abs_diff(1000) < 150),
            "{counts:?}"
        );
        assert_eq!(subset(words, 3, 3), [0, 1, 2]);
    }

    #[test]
    fn integers_below_a_count_are_equally_likely() {
        let words = &mut stream(0, "test");
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(words, 7) as usize] += 1;
        }
        // Standard deviation 92.6.
        assert!(
            counts.iter().all(|c| c.abs_diff(10_000) < 470),
            "{counts:?}"
        );
        assert_eq!(below(words, 1), 0);
    }
}
