//! What the settings of an architecture must say. Each kind is a file beside this one, and a line in
//! `model.rs`.

use bitcap_base::InvalidSetting;
use bitcap_source::DataShape;

use crate::layout::Layout;

/// An architecture by its settings; [`ModelSettings`](crate::ModelSettings) is one, of any kind.
pub trait ArchitectureSettings {
    /// Writes out the defaults that depend on other settings, so that leaving them out and writing them
    /// down is the same model.
    fn fill_defaults(&mut self) {}

    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    fn validate(&self) -> Result<(), InvalidSetting>;

    /// What every architecture is set by.
    fn common(&self) -> CommonSettings;

    /// The model's tensors on such data.
    fn layout(&self, data: &DataShape) -> Layout;

    /// Parameters that take part in predicting one token: all, but where some are chosen for each.
    fn active_parameters(&self, data: &DataShape) -> u64 {
        self.layout(data).len() as u64
    }

    /// Products with weights in the forward pass of a predicted token: one an active parameter, but where
    /// a weight is used for fewer or more.
    fn multiply_adds_a_token(&self, data: &DataShape) -> f64 {
        self.active_parameters(data) as f64
    }

    /// Numbers a predicted token in the widest activation before the head.
    fn widest_activation(&self, data: &DataShape) -> usize;
}

/// What every architecture is set by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommonSettings {
    /// Layers one on another, L.
    pub layers: u32,
    /// Width d of what goes from one to the next.
    pub width: u32,
    /// Whether the output head shares the weights of the token embedding.
    pub tied_head: bool,
    /// Whether a start token precedes every sequence.
    pub start_token: bool,
}
