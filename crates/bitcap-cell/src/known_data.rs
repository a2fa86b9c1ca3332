//! A dataset with all that its source says of it.

use bitcap_measure::DataEntropy;
use bitcap_source::{DataShape, Dataset, Source, SourceSettings};

/// A dataset and what is known of it. Of copies every string is measured once, whatever its count.
pub(crate) struct KnownData {
    /// All N sequences.
    pub(crate) dataset: Dataset,
    /// The strings, where the dataset is copies of them.
    strings: Option<Strings>,
    /// Of the sequences that count.
    pub(crate) entropy: DataEntropy,
    pub(crate) shape: DataShape,
    /// -log2 p of the predicted tokens of each sequence that counts, by the exact source; None
    /// where that is not known.
    pub(crate) source_bits: Option<Vec<f64>>,
}

struct Strings {
    dataset: Dataset,
    /// Where each string stands first.
    first: Vec<usize>,
    /// How often it stands in the dataset.
    count: Vec<usize>,
}

impl KnownData {
    /// `source` is that of the settings; it may be None where it knows no probabilities.
    pub(crate) fn of(
        settings: &SourceSettings,
        source: Option<&Source>,
        dataset: Dataset,
        start_token: bool,
    ) -> Self {
        let strings = settings.exposure(dataset.samples).map(|exposure| Strings {
            dataset: dataset.select(&exposure.first),
            first: exposure.first,
            count: exposure.count,
        });
        let counted = strings
            .as_ref()
            .map_or(&dataset, |strings| &strings.dataset);
        let shape = DataShape {
            vocabulary: dataset.vocabulary,
            length: dataset.length,
            start_token,
        };
        let whole = source.and_then(|source| source.source_bits(&dataset));
        let uniform = match settings {
            SourceSettings::Uniform(_) => true,
            // Each string counts once, so that nothing but uniform strings is left.
            SourceSettings::Copies(copies) => matches!(*copies.of, SourceSettings::Uniform(_)),
            _ => false,
        };
        let entropy = whole.and_then(|source_bits| {
            if let Some(entropy_bound_bits) = settings.entropy_bound(&dataset) {
                return Some(DataEntropy::Bounded {
                    entropy_bound_bits,
                    source_bits,
                });
            }
            let entropy_bits = settings.entropy(&dataset)?;
            Some(if uniform {
                DataEntropy::Uniform { bits: entropy_bits }
            } else {
                DataEntropy::Structured {
                    entropy_bits,
                    source_bits,
                }
            })
        });
        let source_bits = if uniform {
            // Without a start token the first one is given.
            Some(vec![shape.predicted_bits(1); counted.samples])
        } else {
            source.and_then(|source| {
                let each = counted.sequences().map(|row| source.log2_probability(row));
                // Not the negative, which would make bits of certain sequences -0.
                each.map(|log2| log2.map(|log2| 0.0 - log2)).collect()
            })
        };
        Self {
            strings,
            entropy: entropy.unwrap_or(DataEntropy::Unknown),
            shape,
            source_bits,
            dataset,
        }
    }

    /// The sequences that count.
    pub(crate) fn counted(&self) -> &Dataset {
        let strings = self.strings.as_ref();
        strings.map_or(&self.dataset, |strings| &strings.dataset)
    }

    /// How often each of those stands in the dataset, where it is copies.
    pub(crate) fn counts(&self) -> Option<&[usize]> {
        let strings = self.strings.as_ref();
        strings.map(|strings| strings.count.as_slice())
    }

    /// Where a sequence that counts stands first in the dataset.
    pub(crate) fn place(&self, counted: usize) -> usize {
        let strings = self.strings.as_ref();
        strings.map_or(counted, |strings| strings.first[counted])
    }

    /// Memorized bits by a mean loss in nats over all sequences, strict accounting; None where the
    /// entropy is not known, and for copies, whose loss weighs strings by their counts.
    pub(crate) fn memorized_by_loss(&self, loss: f64) -> Option<f64> {
        if self.strings.is_some() {
            return None;
        }
        let samples = self.dataset.samples;
        // -log2 p = nats / ln 2: what the code of the whole dataset would be by this loss.
        let tokens = (samples * self.shape.predicted()) as f64;
        let code = loss / std::f64::consts::LN_2 * tokens;
        let entropy = self.entropy.predicted_bits(self.shape, samples)?;
        Some(entropy - code)
    }
}
