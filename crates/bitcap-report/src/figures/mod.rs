//! The figures: each maps what was measured to a chart.

pub(crate) mod capacity;
pub(crate) mod common;
pub(crate) mod curve;
pub(crate) mod exposure;
pub(crate) mod generalization;
mod means;
pub(crate) mod membership;
pub(crate) mod positions;
pub(crate) mod quantize;
pub(crate) mod sequences;
pub(crate) mod toy;
