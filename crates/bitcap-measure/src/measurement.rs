//! All that is measured of one trained model: `measurement.json`.

use serde::{Deserialize, Serialize};

use crate::decomposition::{Decomposition, OracleBits};
use crate::{Ceiling, CodeLengths, DataEntropy, Extraction, MeasureError, Membership};

/// Probabilities in f32 are off by about 1e-6 of a token's bits; likelihoods above the ceiling by more than this share
/// of the predicted bits are a mistake (a model that sees the token it predicts, say), not a rounding.
const LIKELIHOOD_TOLERANCE: f64 = 1e-3;

/// The capacity to be expected of a GPT, in bits: "approximately 3.6" bits a parameter, from the abstract of Morris et
/// al. (arXiv 2505.24832). The unit of load, the size of a dataset; nothing measured depends on it.
#[must_use]
pub fn expected_capacity_bits(parameters: u64) -> f64 {
    3.6 * parameters as f64
}

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
            samples: code.samples(),
            loss: code.mean_nats_per_token(),
            code,
            entropy,
            oracle: None,
            extraction: &[],
        }
    }

    fn check(&self) -> Result<(), MeasureError> {
        assert!(
            self.samples >= self.code.samples(),
            "sequences that count are of the dataset"
        );
        self.entropy.check(self.code.shape(), self.code.samples())
    }

    fn decomposition(&self) -> Decomposition {
        match self.oracle {
            Some(oracle) => Decomposition::of_data(self.entropy, self.code, oracle),
            None => Decomposition::default(),
        }
    }
}

/// What a model makes of data that it was not trained on. Of fresh data this is the noise floor: bits memorized of
/// uniform data are 0 or less on average (see [`Memorized`](crate::Memorized)); of a source with structure they are what the model knows
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
    pub decomposition: Decomposition,
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
    /// [`MeasureError::FirstTokenNotPredicted`].
    ///
    /// # Panics
    ///
    /// If more are said to occur there than there are, or the pieces cannot be of the same data.
    pub fn new(data: CodedData<'_>, in_training: usize) -> Result<Self, MeasureError> {
        data.check()?;
        let CodedData { code, entropy, .. } = data;
        assert!(
            in_training <= data.samples,
            "occurring in the training data"
        );
        let memorized = entropy.memorized(code);
        Ok(Self {
            samples: data.samples,
            in_training,
            counted: Some(code.samples()),
            entropy_bits: entropy.entropy_bits(),
            source_bits: entropy.source_bits(),
            code_bits: Some(code.total_bits()),
            memorized_bits_strict: memorized.map(|memorized| memorized.strict_bits),
            memorized_bits_paper: memorized.map(|memorized| memorized.paper_bits),
            decomposition: data.decomposition(),
            loss: data.loss,
            excess_bits_per_token: entropy.excess_bits_per_token(code),
            extraction: data.extraction.to_vec(),
        })
    }
}

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
    /// Entropy / [`expected_capacity_bits`].
    pub load: Option<f64>,
    /// Mean cross-entropy on the training data, in nats a predicted token, copies counted as often as they occur.
    pub training_loss: f64,
    /// What stood for the source where rote was told from generalization: "source", or what `measure.oracle` names.
    pub oracle: Option<String>,
    /// BLAKE3 of the oracle where that is a model.
    pub oracle_blake3: Option<String>,
    /// Rote and generalization.
    #[serde(flatten)]
    pub decomposition: Decomposition,
    /// Membership inference, training data against fresh data; None where there are fewer than 2 of either.
    pub membership: Option<Membership>,
    /// Training sequences that come out of the model from their first tokens.
    #[serde(default)]
    pub extraction: Vec<Extraction>,
    /// At least the entropy of the training data, where that is not known and has a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy_bound_bits: Option<f64>,
    /// At least the memorized bits: that bound less the model's code length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memorized_bound_bits: Option<f64>,
    /// Whether fresh data was asked for: a file may have none left.
    pub fresh_asked: Option<bool>,
    /// The same model on fresh data, where that was measured.
    pub fresh: Option<DataMeasurement>,
}

impl Measurement {
    /// Puts a measurement of a model with so many trained parameters together: its code of the training data, the
    /// ceiling of the sequences that count, and what else was tried. What was asked for ([`Self::oracle`],
    /// [`Self::fresh_asked`]) is left open.
    ///
    /// # Errors
    ///
    /// [`MeasureError::FirstTokenNotPredicted`]; [`MeasureError::AboveCeiling`], where the likelihoods cannot be right.
    ///
    /// # Panics
    ///
    /// If the pieces cannot be of the same data, or there are no parameters.
    pub fn new(
        data: CodedData<'_>,
        ceiling: &Ceiling,
        parameters: u64,
        membership: Option<Membership>,
        fresh: Option<DataMeasurement>,
    ) -> Result<Self, MeasureError> {
        let CodedData { code, entropy, .. } = data;
        let shape = code.shape();
        assert_eq!(
            (ceiling.shape, ceiling.samples),
            (shape, code.samples()),
            "the ceiling must be that of the training data"
        );
        assert!(parameters > 0, "a model has parameters");
        data.check()?;
        // By uniform bits, which any data has.
        let uniform = shape.predicted_bits(code.samples());
        // The same is taken from both sides: what is checked is that the code is not shorter than
        // the shortest there is, whatever the entropy.
        let saved = uniform - code.total_bits();
        let highest = ceiling.ceiling_bits_strict;
        if saved > highest + LIKELIHOOD_TOLERANCE * uniform {
            return Err(MeasureError::AboveCeiling {
                memorized: saved,
                ceiling: highest,
            });
        }
        let memorized = entropy.memorized(code);
        let strict = memorized.map(|memorized| memorized.strict_bits);
        let paper = memorized.map(|memorized| memorized.paper_bits);
        let highest = ceiling.bits(entropy);
        let highest_strict = highest.map(|bits| bits.strict_bits);
        let share = |(bits, highest): (f64, f64)| (highest > 0.0).then(|| bits / highest);
        let per_parameter = |bits: f64| bits / parameters as f64;
        let entropy_bound_bits = entropy.entropy_bound_bits();
        let load = |bits: f64| bits / expected_capacity_bits(parameters);
        Ok(Self {
            schema: Schema::V1,
            samples: data.samples,
            length: shape.length,
            vocabulary: shape.vocabulary,
            start_token: shape.start_token,
            distinct: ceiling.distinct,
            counted: Some(code.samples()),
            entropy_bits: entropy.entropy_bits(),
            source_bits: entropy.source_bits(),
            ceiling_bits_strict: highest_strict,
            ceiling_bits_paper: highest.map(|bits| bits.paper_bits),
            memorized_bits_strict: strict,
            memorized_bits_paper: paper,
            fraction_of_ceiling: strict.zip(highest_strict).and_then(share),
            parameters,
            bits_per_parameter_strict: strict.map(per_parameter),
            bits_per_parameter_paper: paper.map(per_parameter),
            load: entropy.entropy_bits().map(load),
            training_loss: data.loss,
            oracle: None,
            oracle_blake3: None,
            decomposition: data.decomposition(),
            membership,
            extraction: data.extraction.to_vec(),
            entropy_bound_bits,
            memorized_bound_bits: entropy_bound_bits.map(|bits| bits - code.total_bits()),
            fresh_asked: None,
            fresh,
        })
    }
}
