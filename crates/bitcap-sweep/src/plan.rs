//! The plan of an experiment: every cell that is to be trained, with the figures that follow from
//! its settings alone.

use crate::settings::CellSettings;

/// Every cell of an experiment, in the order of the grid, the doubled ones last.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the experiment.
    pub name: String,
    /// The cells; no two have the same name.
    pub cells: Vec<PlannedCell>,
}

/// One cell of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCell {
    /// Position in the plan, from 0.
    pub index: usize,
    /// Name of the cell's folder, [`CellSettings::name`].
    pub name: String,
    /// Every setting, resolved.
    pub settings: CellSettings,
    /// Hash of the curve that the cell belongs to, [`CellSettings::group`] before doubling.
    pub group: String,
    /// What tells the group from the others, such as `width=16`; empty where there is only one.
    pub label: String,
    /// Whether the steps are twice those of the curve (`sweep.doubled_at_load`).
    pub doubled: bool,
    /// Parameters of the model.
    pub parameters: u64,
    /// Entropy of the dataset in bits.
    pub entropy_bits: f64,
    /// Entropy / (3.6 x parameters).
    pub load: f64,
    /// Tokens predicted over the whole training.
    pub training_tokens: u64,
    /// Approximate floating-point operations of the training: 6 a parameter and predicted token.
    pub training_flops: f64,
}
