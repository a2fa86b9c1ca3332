//! Code lengths with the source's parameters unknown but their prior known.

use crate::kind::Statistics;
use crate::{Dataset, SourceSettings};

/// The marginal probability p(X) of the sequences observed so far, in order: the mean of
/// p(X | parameters) over the prior of the source's parameters. It is exact, or where nobody knows it
/// ([`Kind::entropy_is_known`](crate::Kind::entropy_is_known)) a bound, told apart.
///
/// Only sufficient statistics are kept, so that memory does not grow with N: two counts for `coin`,
/// V^(k+1) for `unigram` and `markov`, K (K + V) for `hidden_markov`, L v r for `grammar`, for `linear` at most k
/// equations, or m 2^k counts where outputs are flipped, for `parity` a count for each subset. `facts` keep every fact once. `copies` by Zipf's law also keep every string
/// once, at most 2^24 S tokens. The figure is the same on every platform.
pub struct Marginal {
    source: SourceSettings,
    statistics: Option<Box<dyn Statistics>>,
    sequences: u64,
    /// Whether a sequence came that no parameters could give.
    impossible: bool,
}

impl Marginal {
    /// Nothing observed. `source` must be valid ([`Kind::validate`](crate::Kind::validate)).
    #[must_use]
    pub fn new(source: &SourceSettings) -> Self {
        Self {
            source: source.clone(),
            statistics: source.statistics(),
            sequences: 0,
            impossible: false,
        }
    }

    /// Takes the next sequence in. One of another length than S, or with a token that is not below
    /// V, is impossible.
    pub fn observe(&mut self, sequence: &[u16]) {
        if !self.source.is_possible(sequence) {
            // Not counted and not observed: whatever else comes, the whole has probability 0.
            self.impossible = true;
        } else if let Some(statistics) = &mut self.statistics {
            statistics.observe(sequence);
            self.sequences += 1;
        }
    }

    /// log2 p(X) of what was observed; minus infinity where the source cannot give it, None where it
    /// is not known.
    #[must_use]
    pub fn log2_probability(&self) -> Option<f64> {
        let known = self.source.entropy_is_known();
        self.log2().filter(|_| known)
    }

    /// -log2 p(X) of what was observed, in bits: infinite where the source cannot give it, None where
    /// it is not known.
    #[must_use]
    pub fn entropy(&self) -> Option<f64> {
        // Not the negative, which would make a certain dataset's bits -0.
        self.log2_probability().map(|log2| 0.0 - log2)
    }

    /// An upper bound of -log2 p(X) of what was observed, in bits, where the exact figure is not known
    /// and there is one.
    #[must_use]
    pub fn entropy_bound(&self) -> Option<f64> {
        let bounded = self.source.entropy_is_bounded();
        self.log2().filter(|_| bounded).map(|log2| 0.0 - log2)
    }

    /// What the statistics say.
    fn log2(&self) -> Option<f64> {
        let statistics = self.statistics.as_ref()?;
        Some(if self.impossible {
            f64::NEG_INFINITY
        } else {
            statistics.log2_marginal(self.sequences)
        })
    }
}

impl SourceSettings {
    /// The entropy of a dataset: the exact marginal code length -log2 p(X), in bits, with the
    /// source's parameters unknown but their prior known. Infinite where the source cannot give the
    /// dataset; None where it is not known. The settings must be valid.
    #[must_use]
    pub fn entropy(&self, dataset: &Dataset) -> Option<f64> {
        let known = self.entropy_is_known();
        known.then(|| self.marginal(dataset).entropy())?
    }

    /// An upper bound of the entropy of a dataset, in bits, where the exact figure is not known and
    /// there is one. The settings must be valid.
    #[must_use]
    pub fn entropy_bound(&self, dataset: &Dataset) -> Option<f64> {
        let bounded = self.entropy_is_bounded();
        bounded.then(|| self.marginal(dataset).entropy_bound())?
    }

    fn marginal(&self, dataset: &Dataset) -> Marginal {
        let mut marginal = Marginal::new(self);
        dataset.sequences().for_each(|row| marginal.observe(row));
        marginal
    }
}
