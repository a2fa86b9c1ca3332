//! Which architecture each kind of model is.

use std::sync::Arc;

use bitcap_plan::ModelSettings;
use bitcap_source::DataShape;
use burn::tensor::Device;

use crate::architecture::Architecture;
use crate::gpt2::Gpt2;
use crate::llama::Llama;
use crate::mamba::Mamba;
use crate::mlp::Mlp;
use crate::moe::Moe;
use crate::recurrent::{Cell, Recurrent};

/// The architecture that `settings` ask for, on `device` (without autodiff).
#[must_use]
pub fn architecture(
    settings: &ModelSettings,
    data: DataShape,
    device: &Device,
) -> Arc<dyn Architecture> {
    match settings {
        ModelSettings::Gpt2(settings) => Arc::new(Gpt2::new(settings, data, device)),
        ModelSettings::Llama(settings) => Arc::new(Llama::new(settings, data, device)),
        ModelSettings::Mlp(settings) => Arc::new(Mlp::new(settings, data, device)),
        ModelSettings::Moe(settings) => Arc::new(Moe::new(settings, data, device)),
        ModelSettings::Lstm(_) => {
            Arc::new(Recurrent::new(Cell::Lstm, settings.clone(), data, device))
        }
        ModelSettings::Gru(_) => {
            Arc::new(Recurrent::new(Cell::Gru, settings.clone(), data, device))
        }
        ModelSettings::Mamba(settings) => Arc::new(Mamba::new(settings, data, device)),
    }
}
