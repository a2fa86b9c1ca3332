//! Log-probabilities in, bits out: ceilings and accountings. No tensors.
//!
//! A model of single sequences gives each predicted token a probability; what it gives a whole sequence is the
//! product, and minus the base-2 logarithm of that is the sequence's *code length*. A model memorized as many bits of
//! a dataset as its code is shorter than the data's entropy (Morris et al., arXiv 2505.24832, section 3).
//!
//! # Two accountings
//!
//! A model without a start token predicts S - 1 of the S tokens, so there are two ways to count:
//!
//! - *strict*: the entropy of the predicted tokens less their code length, N (S - 1) log2 V - code;
//! - *paper*: the one that fits the published table, N S (log2 V - mean loss in bits a predicted token). It credits the
//!   first token as if it were known as well as the others, and is S / (S - 1) times the strict figure.
//!
//! With a start token all S tokens are predicted and the two are equal. Both are always given.
//!
//! # The path
//!
//! [`DataShape`](bitcap_source::DataShape) says what is measured, [`Ceiling`] what the best model could memorize of it,
//! [`CodeLengths`] turns log-probabilities into bits, [`Memorized`] takes those from the entropy ([`DataEntropy`]), and
//! [`Measurement`] puts all together, with a [`DataMeasurement`] of data that the model never saw.
//! Beyond the total: [`Decomposition`] parts rote from generalization, [`Membership`], [`Extraction`] and
//! [`PositionBits`] say what memorizing means for single sequences, [`coder`] proves a code length by coding (beside
//! [`BaselineBits`]), and [`Toy`] works the definitions out where everything can be enumerated.
//! Bits are base 2, and every sum is a compensated one in f64.
//!
//! Shapes are valid ([`DataShape::validate`](bitcap_source::DataShape::validate)), and pieces of one measurement are of
//! the same data: what breaks that is a mistake of the program, and panics. What a model's files or a toy case can cause
//! is an error.

mod baselines;
mod ceiling;
mod code_length;
pub mod coder;
mod decomposition;
mod error;
mod extraction;
mod measurement;
mod membership;
mod memorized;
mod positions;
mod rows;
mod sum;
mod toy;

pub use baselines::{BaselineBits, BaselineError};
pub use ceiling::Ceiling;
pub use code_length::CodeLengths;
pub use decomposition::{Decomposition, OracleBits};
pub use error::MeasureError;
pub use extraction::Extraction;
pub use measurement::{CodedData, DataMeasurement, Measurement, Schema, expected_capacity_bits};
pub use membership::{Membership, RocPoint, roc};
pub use memorized::{DataEntropy, Memorized};
pub use positions::PositionBits;
pub use toy::{Toy, ToyError, ToyRow};
