//! Memorization proven by compression: a dataset as the arithmetic code that a model gives it.
//!
//! Claimed code lengths are sums of logarithms; a code is bytes from which the data comes back. The coder is
//! constriction's range coder, the distributions are rounded to multiples of 2^-32, and the model is asked for exactly
//! the same distributions in the same batches when coding and when decoding.
//!
//! # How near the code is to the claim
//!
//! Of 2^32 shares every one of the V (or V + 1) symbols gets one, the others go by probability, rounded down to whole
//! shares at the ends of each symbol's interval. So a symbol of probability p has more than p (2^32 - V) and at most
//! p 2^32 + 2 shares: a token costs at most V / 2^32 / ln 2 bits more than -log2 p (2.2e-5 bits for V = 65536), and
//! less than that where p is near 2^-32 or below. The state of 128 bits loses less than 2^-63 bits a token, and the
//! end costs at most 64 bits: the last two words of 32. One sequence's f32 probabilities do not sum to 1 exactly
//! either; rounding shares of their sum takes that out of the code, not out of the claim: about 1e-6 of a bit a token.

mod error;
mod file;
mod header;
mod predictor;
mod range;
mod shares;

pub use error::{CodeError, CodedFileError, DistributionError};
pub use file::{CodedBits, CodedFile};
pub use header::{CodeFormat, CodeHeader};
pub use predictor::{Coded, Predictor, Prefixes, decode, encode};
