//! The paper's Table 1, to draw ours beside it.

use std::path::Path;

use crate::ReportError;
use crate::input::Input;

/// One row of Morris et al. (2025), Table 1 (V = 2048, S = 64; the paper's accounting).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ReferencePoint {
    pub(crate) parameters: f64,
    /// Capacity in fp32, in bits.
    pub(crate) capacity_bits: f64,
}

pub(crate) fn read(path: &Path) -> Result<Vec<ReferencePoint>, ReportError> {
    let input = Input::read(path)?;
    let parameters = input.column("params")?;
    let capacity = input.column("capacity_bits_fp32")?;
    input
        .rows()?
        .map(|row| {
            Ok(ReferencePoint {
                parameters: row.positive(parameters)?,
                capacity_bits: row.positive(capacity)?,
            })
        })
        .collect()
}
