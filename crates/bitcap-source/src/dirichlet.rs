//! Rows of probabilities out of a symmetric Dirichlet prior, and what counts say of such rows.

use rand::rngs::ChaCha8Rng;

use crate::math::ln_rising;
use crate::random::{ONE, fraction, ln_gamma_variate, threshold};

/// Rows of as many probabilities each, drawn from the symmetric Dirichlet prior.
#[derive(Debug)]
pub(crate) struct DirichletRows {
    symbols: usize,
    /// log2 of each probability, row after row. Never minus infinity.
    log2: Vec<f64>,
    /// The cumulative probabilities of each row in units of 2^-53; the last is 2^53.
    thresholds: Vec<u64>,
}

impl DirichletRows {
    /// Draws row after row, each as Gamma variates over their sum.
    pub(crate) fn draw(
        words: &mut ChaCha8Rng,
        rows: usize,
        symbols: usize,
        concentration: f64,
    ) -> Self {
        let (mut log2, mut thresholds) = (Vec::new(), Vec::new());
        let mut logs = vec![0.0; symbols];
        for _ in 0..rows {
            logs.fill_with(|| ln_gamma_variate(words, concentration));
            // A small concentration gives variates too small for an f64; with the largest taken out,
            // the sum is at least 1 and what underflows is nothing beside it.
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logs.iter().map(|log| libm::exp(log - largest)).sum();
            let ln_sum = largest + libm::log(sum);
            // What is too unlikely to be drawn at all must not be drawn by rounding either.
            let likely = |log: &f64| threshold(libm::exp(log - ln_sum)) > 0;
            let last = logs.iter().rposition(likely).unwrap_or(0);
            let mut cumulative = 0.0;
            for (symbol, log) in logs.iter().enumerate() {
                log2.push((log - ln_sum) * std::f64::consts::LOG2_E);
                cumulative += libm::exp(log - ln_sum);
                let drawn = threshold(cumulative).min(ONE);
                // The whole sum is 1 but for roundings. The last symbol that can be drawn takes the
                // difference, and those after it stand at the end of the range, where no fraction
                // falls to them.
                thresholds.push(if symbol < last { drawn } else { ONE });
            }
        }
        Self {
            symbols,
            log2,
            thresholds,
        }
    }

    /// log2 of the probabilities of one row.
    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.log2[row * self.symbols..][..self.symbols]
    }

    /// A symbol, by a row's probabilities.
    pub(crate) fn pick(&self, row: usize, words: &mut ChaCha8Rng) -> usize {
        let point = fraction(words);
        let row = &self.thresholds[row * self.symbols..][..self.symbols];
        // The first symbol whose cumulative probability is above the point; the last is ONE, so there
        // is always one.
        row.partition_point(|&threshold| threshold <= point)
    }
}

/// Natural logarithm of the mean over the prior of the probability that symbols come as often as in
/// these counts, one row's, in any one order: the Polya urn.
///
/// Given a row p with concentration a, counts c_v, n in all, have probability product of p_v^c_v. Its
/// mean over the prior is Gamma(V a) / Gamma(V a + n) x product over v of Gamma(a + c_v) / Gamma(a).
pub(crate) fn ln_mean_likelihood(concentration: f64, counts: &[u64]) -> f64 {
    // Gamma(a) / Gamma(a) is 1: a symbol that never came says nothing.
    let seen = counts.iter().filter(|&&count| count > 0);
    let seen: f64 = seen.map(|&count| ln_rising(concentration, count)).sum();
    seen - ln_rising(counts.len() as f64 * concentration, counts.iter().sum())
}
