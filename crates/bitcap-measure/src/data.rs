//! What a model makes of a dataset: its training data, fresh data, or any other.

use serde::{Deserialize, Serialize};

use crate::{CodeLengths, DataEntropy, Extraction, MeasureError, Memorized, OracleBits, SplitBits};

/// A model's code of a dataset, and what is known of the dataset.
///
/// Of copies every string is coded and counted once; the loss alone is that of all copies.
#[derive(Debug, Clone, Copy)]
pub struct CodedData<'a> {
    /// N, the sequences of the dataset, copies among them.
    pub samples: usize,
    /// Mean cross-entropy over all of those, in nats a predicted token.
    pub loss: f64,
    /// Code lengths of the sequences that count.
    pub code: &'a CodeLengths,
    /// Entropy of the same.
    pub entropy: DataEntropy,
    /// Code lengths of the same by the oracle, where there is one.
    pub oracle: Option<OracleBits<'a>>,
    /// Extraction of the same; empty where it was not tried.
    pub extraction: &'a [Extraction],
}

impl<'a> CodedData<'a> {
    /// Of data without copies.
    pub fn new(code: &'a CodeLengths, entropy: DataEntropy) -> Self {
        Self {
            samples: code.shape().samples(),
            loss: code.mean_nats_per_token(),
            code,
            entropy,
            oracle: None,
            extraction: &[],
        }
    }

    /// What was memorized of it, where its entropy is known.
    pub fn memorized(&self) -> Option<Memorized> {
        self.entropy
            .memorized_by(self.code.total_bits(), self.code.shape())
    }

    pub(crate) fn check(&self) -> Result<(), MeasureError> {
        let shape = self.code.shape();
        if self.samples < shape.samples() {
            return Err(MeasureError::OtherSequences {
                of: "dataset",
                found: self.samples,
                expected: shape.samples(),
            });
        }
        self.entropy.check(shape)
    }
}

/// What a model makes of data that it was not trained on. Of fresh data this is the noise floor: bits memorized of
/// uniform data are 0 or less on average (see [`Memorized`]); of a source with structure they are what the model knows
/// of it, `unintended_bits` are about 0 and `excess_bits_per_token` says how far the model is from the source.
///
/// What a file of before did not hold yet is None.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataMeasurement {
    /// How many sequences.
    pub samples: usize,
    /// How many of them occur in the training data.
    pub in_training: usize,
    /// How many are coded and counted: all, or of copies every string once.
    pub counted: Option<usize>,
    /// Code length with the source's parameters unknown, where that is known.
    pub entropy_bits: Option<f64>,
    /// Code length with the source's parameters known, where that is known.
    pub source_bits: Option<f64>,
    /// Code length under the model, of the predicted tokens.
    pub code_bits: Option<f64>,
    /// Bits gained on them, strict accounting; None where the entropy is not known.
    pub memorized_bits_strict: Option<f64>,
    /// Bits gained on them, paper's accounting.
    pub memorized_bits_paper: Option<f64>,
    /// Rote and generalization.
    #[serde(flatten)]
    pub split: SplitBits,
    /// Mean cross-entropy in nats a predicted token.
    pub loss: f64,
    /// Code length above that of the true source, in bits a predicted token.
    pub excess_bits_per_token: Option<f64>,
    /// Sequences that come out of the model from their first tokens.
    #[serde(default)]
    pub extraction: Vec<Extraction>,
}

impl DataMeasurement {
    /// From the model's code and how many of the sequences occur in the training data.
    ///
    /// # Errors
    ///
    /// More are said to occur there than there are; entropies that data of this shape cannot have; or an oracle's code
    /// of other data.
    pub fn new(data: CodedData<'_>, in_training: usize) -> Result<Self, MeasureError> {
        data.check()?;
        let CodedData {
            samples,
            loss,
            code,
            entropy,
            oracle,
            extraction,
        } = data;
        if in_training > samples {
            return Err(MeasureError::InTraining {
                found: in_training,
                samples,
            });
        }
        let memorized = data.memorized();
        Ok(Self {
            samples,
            in_training,
            counted: Some(code.shape().samples()),
            entropy_bits: entropy.entropy_bits(),
            source_bits: entropy.source_bits(),
            code_bits: Some(code.total_bits()),
            memorized_bits_strict: memorized.map(|memorized| memorized.strict_bits),
            memorized_bits_paper: memorized.map(|memorized| memorized.paper_bits),
            split: SplitBits::of(entropy, code, oracle)?,
            loss,
            excess_bits_per_token: entropy.excess_bits_per_token(code),
            extraction: extraction.to_vec(),
        })
    }
}
