//! The rows of a source, drawn from their prior.

use rand::rngs::ChaCha8Rng;

use super::Chain;
use crate::random::{ONE, below, fraction, ln_gamma_variate, threshold};

/// The parameters: V probabilities a context.
#[derive(Debug)]
pub(crate) struct Rows {
    chain: Chain,
    /// log2 of each probability, row after row. Never minus infinity.
    log2: Vec<f64>,
    /// The cumulative probabilities of each row in units of 2^-53; the last is 2^53.
    thresholds: Vec<u64>,
}

impl Rows {
    /// Draws row after row, each as V Gamma variates over their sum.
    pub(crate) fn draw(chain: Chain, words: &mut ChaCha8Rng) -> Self {
        let symbols = chain.vocabulary as usize;
        let entries = chain.rows() * symbols;
        let mut log2 = Vec::with_capacity(entries);
        let mut thresholds = Vec::with_capacity(entries);
        let mut logs = vec![0.0; symbols];
        for _ in 0..chain.rows() {
            logs.fill_with(|| ln_gamma_variate(words, chain.concentration));
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logs.iter().map(|log| libm::exp(log - largest)).sum();
            let ln_sum = largest + libm::log(sum);
            // What is too unlikely to be drawn at all must not be drawn by rounding either.
            let last = logs
                .iter()
                .rposition(|log| threshold(libm::exp(log - ln_sum)) > 0)
                .unwrap_or(0);
            let mut cumulative = 0.0;
            for (token, log) in logs.iter().enumerate() {
                log2.push((log - ln_sum) * std::f64::consts::LOG2_E);
                cumulative += libm::exp(log - ln_sum);
                thresholds.push(if token < last {
                    threshold(cumulative).min(ONE)
                } else {
                    ONE
                });
            }
        }
        Self {
            chain,
            log2,
            thresholds,
        }
    }

    /// `sequence` has the source's length and vocabulary.
    pub(crate) fn log2_probability(&self, sequence: &[u16]) -> f64 {
        let symbols = self.chain.vocabulary as usize;
        let first = f64::from(self.chain.order) * libm::log2(symbols as f64);
        let mut drawn = 0.0;
        self.chain.walk(sequence, |row, token| {
            drawn += self.log2[row * symbols + usize::from(token)];
        });
        drawn - first
    }

    pub(crate) fn sequence(&self, words: &mut ChaCha8Rng, tokens: &mut [u16]) {
        let symbols = self.chain.vocabulary as usize;
        let mut context = 0;
        for (position, token) in tokens.iter_mut().enumerate() {
            *token = if position < self.chain.order as usize {
                below(words, self.chain.vocabulary) as u16
            } else {
                let row = &self.thresholds[context * symbols..][..symbols];
                let point = fraction(words);
                row.partition_point(|&threshold| threshold <= point) as u16
            };
            context = self.chain.next(context, *token);
        }
    }
}
