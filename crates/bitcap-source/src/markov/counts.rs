//! The marginal of a dataset with the rows unknown: the Polya form.
//!
//! Given a row p out of the symmetric Dirichlet prior with concentration a, tokens with counts c_v,
//! n in all, have probability product of p_v^c_v. Its mean over the prior is
//! Gamma(V a) / Gamma(V a + n) x product over v of Gamma(a + c_v) / Gamma(a); rows are independent,
//! and the counts are all that matters.

use super::Chain;
use crate::math::ln_rising;

/// How often each token followed each context.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    chain: Chain,
    sequences: u64,
    counts: Vec<u64>,
}

impl Counts {
    pub(crate) fn new(chain: Chain) -> Self {
        let counts = vec![0; chain.rows() * chain.vocabulary as usize];
        Self {
            chain,
            sequences: 0,
            counts,
        }
    }

    /// `sequence` has the source's length and vocabulary.
    pub(crate) fn observe(&mut self, sequence: &[u16]) {
        self.sequences += 1;
        let symbols = self.chain.vocabulary as usize;
        let counts = &mut self.counts;
        self.chain.walk(sequence, |row, token| {
            counts[row * symbols + usize::from(token)] += 1;
        });
    }

    pub(crate) fn log2_marginal(&self) -> f64 {
        let concentration = self.chain.concentration;
        let symbols = f64::from(self.chain.vocabulary);
        let rows = self.counts.chunks_exact(self.chain.vocabulary as usize);
        let ln: f64 = rows
            .map(|row| {
                let tokens = row.iter().filter(|&&count| count > 0);
                let tokens: f64 = tokens.map(|&count| ln_rising(concentration, count)).sum();
                tokens - ln_rising(symbols * concentration, row.iter().sum())
            })
            .sum();
        let first = self.sequences as f64 * f64::from(self.chain.order) * libm::log2(symbols);
        ln * std::f64::consts::LOG2_E - first
    }
}
