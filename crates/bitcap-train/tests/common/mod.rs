//! A small model and dataset to train.

use bitcap_model::{Model, PredictionTask, architecture, initial_weights, open};
use bitcap_plan::{DeviceSpec, Gpt2Settings, Initialization, ModelSettings};
use bitcap_source::DataShape;
use bitcap_source::{SourceSettings, Split, UniformSettings, draw};

/// A model of one block with two heads and a start token, in its first state.
pub(crate) fn model(
    data: DataShape,
    width: u32,
    initialization: Initialization,
    seed: u64,
    device: DeviceSpec,
) -> Model {
    let device = open(device).unwrap();
    let settings = ModelSettings::Gpt2(Gpt2Settings {
        start_token: data.start_token,
        initialization,
        ..Gpt2Settings::new(1, width, 2)
    });
    let architecture = architecture(&settings, data, &device);
    let weights = initial_weights(architecture.layout(), seed);
    Model::new(architecture, weights, &device)
}

/// So many uniform sequences.
pub(crate) fn task(data: &DataShape, samples: u64) -> PredictionTask {
    let source = SourceSettings::Uniform(UniformSettings {
        vocabulary: data.vocabulary,
        length: data.length as u32,
        seed: 0,
    });
    let dataset = draw(&source, 0, samples, Split::Training).unwrap();
    PredictionTask::new(data, &dataset.tokens)
}
