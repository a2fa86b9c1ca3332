//! Memorization of a finite source, by exact enumeration: what the definitions come to where everything can be
//! written out.
//!
//! A source T is drawn from a prior, then n samples X = (X_1, ..., X_n), independent given T, and the learner makes its
//! output T' of the samples alone. Every (T, X, T') is gone through, so each figure is exact up to f64 rounding.
//! Definitions: Morris et al. (arXiv 2505.24832), section 2.

mod answer;
mod enumerate;
mod error;
mod file;
mod learner;
mod row;

pub use error::ToyError;
pub use file::{Learner, LearnerTable, SourceValue, Toy};
pub use row::ToyRow;
