//! All that is measured of one trained model: `measurement.json`.

use serde::{Deserialize, Serialize};

use crate::{
    Ceiling, CodedData, DataMeasurement, Extraction, MeasureError, Membership, Prediction,
    SplitBits,
};

/// The capacity to be expected of a GPT, in bits a parameter: "approximately 3.6", from the abstract of Morris et al.
/// (arXiv 2505.24832). A unit for the size of datasets only; nothing measured depends on it.
pub const EXPECTED_BITS_PER_PARAMETER: f64 = 3.6;

/// Probabilities in f32 are off by about 1e-6 of a token's bits; likelihoods above the ceiling by more than this share
/// of the predicted bits are a mistake (a model that sees the token it predicts, say), not a rounding.
const LIKELIHOOD_TOLERANCE: f64 = 1e-3;

/// The form of a measurement file. Fields are only ever added to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Schema {
    /// `bitcap-measurement/1`
    #[serde(rename = "bitcap-measurement/1")]
    V1,
}

/// What one trained model memorized of its training data, and what it makes of fresh data.
///
/// The names are those of the columns of `runs.csv`. Bits are of the whole dataset unless the name says otherwise; of
/// copies every string counts once in all of them. Bits that need an entropy are None where that is not known (a user's
/// file), and what a file of before did not hold yet is None too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The form of the file.
    pub schema: Schema,
    /// N, the number of training sequences.
    pub samples: usize,
    /// S, the tokens a sequence.
    pub length: usize,
    /// V, the tokens to choose from.
    pub vocabulary: u32,
    /// Whether all S tokens are predicted; otherwise S - 1.
    pub start_token: bool,
    /// How many different training sequences there are.
    pub distinct: usize,
    /// How many sequences are coded and counted: all, or of copies every string once.
    pub counted: Option<usize>,
    /// Code length of the training data with the source's parameters unknown; of uniform data N S log2 V.
    pub entropy_bits: Option<f64>,
    /// The same with them known; uniform data has none, so it is equal.
    pub source_bits: Option<f64>,
    /// Most that any model of single sequences could memorize, strict accounting. Of data with structure it is the
    /// entropy less the shortest code, and below 0 where even that is longer than the entropy.
    pub ceiling_bits_strict: Option<f64>,
    /// The same by the paper's accounting.
    pub ceiling_bits_paper: Option<f64>,
    /// Memorized bits, strict accounting.
    pub memorized_bits_strict: Option<f64>,
    /// Memorized bits, paper's accounting.
    pub memorized_bits_paper: Option<f64>,
    /// Memorized bits / ceiling, the same by either accounting. None where the ceiling is not above 0.
    pub fraction_of_ceiling: Option<f64>,
    /// Trained parameters of the model.
    pub parameters: u64,
    /// Memorized bits / parameters, strict accounting.
    pub bits_per_parameter_strict: Option<f64>,
    /// Memorized bits / parameters, paper's accounting.
    pub bits_per_parameter_paper: Option<f64>,
    /// Entropy / ([`EXPECTED_BITS_PER_PARAMETER`] x parameters).
    pub load: Option<f64>,
    /// Mean cross-entropy on the training data, in nats a predicted token, copies counted as often as they occur.
    pub training_loss: f64,
    /// What stood for the source where rote was told from generalization: "source", or what `measure.oracle` names.
    pub oracle: Option<String>,
    /// BLAKE3 of the oracle where that is a model.
    pub oracle_blake3: Option<String>,
    /// Rote and generalization.
    #[serde(flatten)]
    pub split: SplitBits,
    /// Membership inference, training data against fresh data; None where there are fewer than 2 of either.
    pub membership: Option<Membership>,
    /// Training sequences that come out of the model from their first tokens.
    #[serde(default)]
    pub extraction: Vec<Extraction>,
    /// Whether fresh data was asked for: a file may have none left.
    pub fresh_asked: Option<bool>,
    /// The same model on fresh data, where that was measured.
    pub fresh: Option<DataMeasurement>,
}

/// The pieces of a measurement that come from the training data and the trained model.
#[derive(Debug, Clone, Copy)]
pub struct Trained<'a> {
    /// The model's code of the training data.
    pub data: CodedData<'a>,
    /// The ceiling of the sequences that count.
    pub ceiling: &'a Ceiling,
    /// Trained parameters of the model.
    pub parameters: u64,
    /// Membership inference, where it was tried.
    pub membership: Option<Membership>,
}

impl Measurement {
    /// Puts a measurement together. What was asked for ([`Self::oracle`], [`Self::fresh_asked`]) is left open.
    ///
    /// # Errors
    ///
    /// The pieces are of different data; the entropies cannot be those of such data; there are no parameters; or the
    /// likelihoods memorize more than any model of single sequences can, so that they cannot be right.
    pub fn new(trained: Trained<'_>, fresh: Option<DataMeasurement>) -> Result<Self, MeasureError> {
        let Trained {
            data,
            ceiling,
            parameters,
            membership,
        } = trained;
        let CodedData { code, entropy, .. } = data;
        let shape = code.shape();
        if ceiling.shape != shape {
            return Err(MeasureError::ShapeMismatch {
                piece: "ceiling",
                found: ceiling.shape,
                expected: shape,
            });
        }
        data.check()?;
        if parameters == 0 {
            return Err(MeasureError::NoParameters);
        }
        // By uniform bits, which any data has.
        let saved = shape.predicted_bits() - code.total_bits();
        let highest = ceiling.ceiling_bits_strict;
        if saved > highest + LIKELIHOOD_TOLERANCE * shape.predicted_bits() {
            return Err(MeasureError::AboveCeiling {
                memorized: saved,
                ceiling: highest,
            });
        }
        let memorized = data.memorized();
        let strict = memorized.map(|memorized| memorized.strict_bits);
        let paper = memorized.map(|memorized| memorized.paper_bits);
        let highest = ceiling.bits(entropy);
        let per_parameter = |bits: f64| bits / parameters as f64;
        Ok(Self {
            schema: Schema::V1,
            samples: data.samples,
            length: shape.length(),
            vocabulary: shape.vocabulary(),
            start_token: shape.prediction() == Prediction::All,
            distinct: ceiling.distinct,
            counted: Some(shape.samples()),
            entropy_bits: entropy.entropy_bits(),
            source_bits: entropy.source_bits(),
            ceiling_bits_strict: highest.map(|bits| bits.strict_bits),
            ceiling_bits_paper: highest.map(|bits| bits.paper_bits),
            memorized_bits_strict: strict,
            memorized_bits_paper: paper,
            fraction_of_ceiling: highest
                .map(|bits| bits.strict_bits)
                .filter(|bits| *bits > 0.0)
                .zip(strict)
                .map(|(highest, strict)| strict / highest),
            parameters,
            bits_per_parameter_strict: strict.map(per_parameter),
            bits_per_parameter_paper: paper.map(per_parameter),
            load: entropy
                .entropy_bits()
                .map(|bits| bits / (EXPECTED_BITS_PER_PARAMETER * parameters as f64)),
            training_loss: data.loss,
            oracle: None,
            oracle_blake3: None,
            split: SplitBits::of(entropy, code, data.oracle)?,
            membership,
            extraction: data.extraction.to_vec(),
            fresh_asked: None,
            fresh,
        })
    }
}
