//! All that is measured of one trained model: `measurement.json`.

use serde::{Deserialize, Serialize};

use crate::{Ceiling, CodeLengths, MeasureError, Memorized, Prediction, Shape};

/// The capacity to be expected of a GPT, in bits a parameter: "approximately 3.6", from the abstract of Morris et al.
/// (arXiv 2505.24832). A unit for the size of datasets only; nothing measured depends on it.
pub const EXPECTED_BITS_PER_PARAMETER: f64 = 3.6;

/// Probabilities in f32 are off by about 1e-6 of a token's bits; likelihoods above the ceiling by more than this share
/// of the predicted bits are a mistake (a model that sees the token it predicts, say), not a rounding.
const LIKELIHOOD_TOLERANCE: f64 = 1e-3;

/// How far an entropy that was worked out elsewhere may be from N S log2 V, relative: roundings, nothing else.
const ENTROPY_TOLERANCE: f64 = 1e-9;

/// The form of a measurement file. Fields are only ever added to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Schema {
    /// `bitcap-measurement/1`
    #[serde(rename = "bitcap-measurement/1")]
    V1,
}

/// What one trained model memorized of its training data, and of fresh data. Uniform data only.
///
/// The names are those of the columns of `runs.csv`. Bits are of the whole dataset unless the name says otherwise.
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
    /// Code length of the training data with the source's parameters unknown: N S log2 V bits.
    pub entropy_bits: f64,
    /// The same with them known; uniform data has none, so it is equal.
    pub source_bits: f64,
    /// Most that any model of single sequences could memorize, strict accounting.
    pub ceiling_bits_strict: f64,
    /// The same by the paper's accounting.
    pub ceiling_bits_paper: f64,
    /// Memorized bits, strict accounting.
    pub memorized_bits_strict: f64,
    /// Memorized bits, paper's accounting.
    pub memorized_bits_paper: f64,
    /// Memorized bits / ceiling, the same by either accounting. None where the ceiling is 0.
    pub fraction_of_ceiling: Option<f64>,
    /// Trained parameters of the model.
    pub parameters: u64,
    /// Memorized bits / parameters, strict accounting.
    pub bits_per_parameter_strict: f64,
    /// Memorized bits / parameters, paper's accounting.
    pub bits_per_parameter_paper: f64,
    /// Entropy / ([`EXPECTED_BITS_PER_PARAMETER`] x parameters).
    pub load: f64,
    /// Mean cross-entropy on the training data, in nats a predicted token.
    pub training_loss: f64,
    /// The same model on fresh data, where that was measured.
    pub fresh: Option<FreshMeasurement>,
}

/// What a model seems to have memorized of data it never saw: the noise floor, 0 or less on average (see
/// [`Memorized`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FreshMeasurement {
    /// How many fresh sequences.
    pub samples: usize,
    /// How many of them occur in the training data.
    pub in_training: usize,
    /// Bits gained on them, strict accounting.
    pub memorized_bits_strict: f64,
    /// Bits gained on them, paper's accounting.
    pub memorized_bits_paper: f64,
    /// Mean cross-entropy in nats a predicted token.
    pub loss: f64,
}

/// The pieces of a measurement that come from the training data and the trained model.
#[derive(Debug, Clone, Copy)]
pub struct Trained<'a> {
    /// The exact entropy of the training data in bits, as its source states it.
    pub entropy_bits: f64,
    /// The same given the source's parameters.
    pub source_bits: f64,
    /// The ceiling of the training data.
    pub ceiling: &'a Ceiling,
    /// The model's code of the training data.
    pub code: &'a CodeLengths,
    /// Trained parameters of the model.
    pub parameters: u64,
}

impl Measurement {
    /// Puts a measurement together.
    ///
    /// # Errors
    ///
    /// The pieces are of different data; the entropies are not those of uniform data; there are no parameters; or the
    /// likelihoods memorize more than any model of single sequences can, so that they cannot be right.
    pub fn new(
        trained: Trained<'_>,
        fresh: Option<FreshMeasurement>,
    ) -> Result<Self, MeasureError> {
        let Trained {
            entropy_bits,
            source_bits,
            ceiling,
            code,
            parameters,
        } = trained;
        let shape = code.shape();
        if ceiling.shape != shape {
            return Err(MeasureError::ShapeMismatch {
                piece: "ceiling",
                found: ceiling.shape,
                expected: shape,
            });
        }
        check_uniform("entropy_bits", entropy_bits, shape)?;
        check_uniform("source_bits", source_bits, shape)?;
        if parameters == 0 {
            return Err(MeasureError::NoParameters);
        }
        let memorized = Memorized::in_total(code);
        let (strict, highest) = (memorized.strict_bits, ceiling.ceiling_bits_strict);
        if strict > highest + LIKELIHOOD_TOLERANCE * shape.predicted_bits() {
            return Err(MeasureError::AboveCeiling {
                memorized: strict,
                ceiling: highest,
            });
        }
        Ok(Self {
            schema: Schema::V1,
            samples: shape.samples(),
            length: shape.length(),
            vocabulary: shape.vocabulary(),
            start_token: shape.prediction() == Prediction::All,
            distinct: ceiling.distinct,
            entropy_bits,
            source_bits,
            ceiling_bits_strict: highest,
            ceiling_bits_paper: ceiling.ceiling_bits_paper,
            memorized_bits_strict: strict,
            memorized_bits_paper: memorized.paper_bits,
            fraction_of_ceiling: (highest > 0.0).then(|| strict / highest),
            parameters,
            bits_per_parameter_strict: strict / parameters as f64,
            bits_per_parameter_paper: memorized.paper_bits / parameters as f64,
            load: entropy_bits / (EXPECTED_BITS_PER_PARAMETER * parameters as f64),
            training_loss: code.mean_nats_per_token(),
            fresh,
        })
    }
}

impl FreshMeasurement {
    /// From the model's code of fresh data and how many of its sequences occur in the training data
    /// ([`count_in_training`](crate::count_in_training)).
    ///
    /// # Errors
    ///
    /// More are said to occur there than there are.
    pub fn new(code: &CodeLengths, in_training: usize) -> Result<Self, MeasureError> {
        let samples = code.shape().samples();
        if in_training > samples {
            return Err(MeasureError::InTraining {
                found: in_training,
                samples,
            });
        }
        let memorized = Memorized::in_total(code);
        Ok(Self {
            samples,
            in_training,
            memorized_bits_strict: memorized.strict_bits,
            memorized_bits_paper: memorized.paper_bits,
            loss: code.mean_nats_per_token(),
        })
    }
}

fn check_uniform(name: &'static str, found: f64, shape: Shape) -> Result<(), MeasureError> {
    let expected = shape.uniform_bits();
    // Written so that NaN fails too.
    if (found - expected).abs() <= ENTROPY_TOLERANCE * expected {
        Ok(())
    } else {
        Err(MeasureError::Entropy {
            name,
            found,
            expected,
        })
    }
}
