//! Which sequences each step sees.

use bitcap_base::stream;
use rand::Rng;

use bitcap_plan::Batch;

/// The sequences of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sequences {
    /// The whole dataset in its own order.
    All,
    /// Those with these indices.
    These(Vec<usize>),
}

/// The order in which training sees the dataset.
///
/// Pass k over the data is a shuffle drawn from a stream of its own, keyed by (seed, k), and
/// batches run across the ends of passes so that each has its full size. The batch of a step
/// follows from the seed and the step alone: there is no state to save.
#[derive(Clone, Debug)]
pub struct Order {
    seed: u64,
    samples: usize,
    batch: usize,
    /// The shuffle last used, and the number of its pass.
    pass: Option<(u64, Vec<usize>)>,
}

impl Order {
    /// The order of `samples` sequences in batches of `batch`; a batch no smaller than the dataset
    /// is the whole dataset in its own order.
    #[must_use]
    pub fn new(seed: u64, samples: usize, batch: Batch) -> Self {
        Self {
            seed,
            samples,
            batch: batch.sequences(samples as u64) as usize,
            pass: None,
        }
    }

    /// Sequences a step.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The sequences of step `step` (the first is 0).
    pub fn step(&mut self, step: u64) -> Sequences {
        if self.batch == self.samples {
            return Sequences::All;
        }
        let samples = self.samples as u64;
        let first = step * self.batch as u64;
        let these = (first..first + self.batch as u64)
            .map(|i| self.shuffle(i / samples)[(i % samples) as usize]);
        Sequences::These(these.collect())
    }

    fn shuffle(&mut self, pass: u64) -> &[usize] {
        if self.pass.as_ref().is_none_or(|(last, _)| *last != pass) {
            let mut rng = stream(self.seed, &format!("batches {pass}"));
            let mut order: Vec<usize> = (0..self.samples).collect();
            // Fisher-Yates, from our own draws: a library's shuffle may change with its version.
            for i in (1..order.len()).rev() {
                order.swap(i, below(&mut rng, i as u64 + 1) as usize);
            }
            self.pass = Some((pass, order));
        }
        self.pass.as_ref().map_or(&[], |(_, order)| order)
    }
}

/// Uniform below `bound`, exactly, by rejection of the last incomplete run of 64-bit words.
fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let word = rng.next_u64();
        if word < limit {
            return word % bound;
        }
    }
}
