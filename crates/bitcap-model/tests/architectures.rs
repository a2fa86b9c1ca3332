//! What every architecture must do.

use std::sync::Arc;

use bitcap_model::{Architecture, Hidden, Model, Weights, architecture, initial_weights, open};
use bitcap_plan::{
    DeviceSpec, Gpt2Settings, Group, GruSettings, Init, Initialization, Layout, LlamaSettings,
    LstmSettings, MambaSettings, MlpSettings, ModelSettings, MoeSettings, Rule, Slot,
};
use bitcap_source::DataShape;
use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Initial weights, those that are drawn made larger, so that each token matters in every kind.
fn large_weights(layout: &Layout) -> Vec<f32> {
    let mut weights = initial_weights(layout, 5);
    for slot in layout.slots() {
        let deviation = match slot.init {
            Init::Normal(deviation) => Some(deviation),
            Init::Uniform(bound) => Some(bound / 3_f64.sqrt()),
            Init::Zeros | Init::Ones => None,
            Init::LogOfPlace | Init::SoftplusLogUniform { .. } => None,
        };
        if let Some(deviation) = deviation {
            let factor = (0.3 / deviation).max(1.0) as f32;
            weights[slot.range()].iter_mut().for_each(|w| *w *= factor);
        }
    }
    weights
}

/// The largest change of a logit before place `at`, and that from it on, when the token read there
/// becomes another.
fn changes(architecture: &Arc<dyn Architecture>, tokens: &[i32], at: usize) -> (f64, f64) {
    let data = architecture.data();
    let device = open(DeviceSpec::FLEX).unwrap();
    let model = Model::new(
        architecture.clone(),
        large_weights(architecture.layout()),
        &device,
    );
    let weights = Weights::new(architecture.layout(), model.flat(), FloatDType::F32);
    let logits = |tokens: &[i32]| {
        let inputs = TensorData::new(tokens.to_vec(), [1, tokens.len()]);
        let inputs: Tensor<2, Int> = Tensor::from_data(inputs, &device);
        let hidden = architecture.hidden(&weights, inputs).values;
        let logits = architecture.head(&weights, hidden);
        assert_eq!(logits.dims(), [tokens.len(), data.rows()]);
        logits.try_into_vec_as::<f64>().unwrap()
    };
    let mut other = tokens.to_vec();
    other[at] = (tokens[at] + 1) % data.rows() as i32;
    let (before, after) = (logits(tokens), logits(&other));
    let changed: Vec<f64> = before
        .iter()
        .zip(&after)
        .map(|(a, b)| (a - b).abs())
        .collect();
    let (earlier, later) = changed.split_at(at * data.rows());
    let largest = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
    (largest(earlier), largest(later))
}

const DATA: DataShape = DataShape {
    vocabulary: 7,
    length: 9,
    start_token: true,
};

/// Every kind of model there is.
fn kinds() -> Vec<ModelSettings> {
    let gpt2 = |layers, tied_head| {
        ModelSettings::Gpt2(Gpt2Settings {
            tied_head,
            start_token: true,
            initialization: Initialization::FanIn,
            ..Gpt2Settings::new(layers, 12, 3)
        })
    };
    let llama = |layers, tied_head| {
        ModelSettings::Llama(LlamaSettings {
            tied_head,
            start_token: true,
            ..LlamaSettings::new(layers, 12, 3)
        })
    };
    vec![
        gpt2(1, true),
        gpt2(3, false),
        llama(1, true),
        llama(3, false),
        ModelSettings::Lstm(LstmSettings {
            start_token: true,
            ..LstmSettings::new(2, 12)
        }),
        ModelSettings::Gru(GruSettings {
            tied_head: false,
            start_token: true,
            ..GruSettings::new(2, 12)
        }),
        ModelSettings::Mlp(MlpSettings {
            start_token: true,
            ..MlpSettings::new(2, 12)
        }),
        ModelSettings::Mamba(MambaSettings {
            start_token: true,
            ..MambaSettings::new(2, 12)
        }),
        ModelSettings::Moe(MoeSettings {
            experts: 4,
            start_token: true,
            ..MoeSettings::new(2, 12, 3)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// To the last bit: what is not predicted yet must not have any part in what is.
    #[test]
    fn no_prediction_sees_what_comes_after(
        kind in prop::sample::select(kinds()),
        tokens in prop::collection::vec(0i32..8, DATA.predicted()),
        at in 0..DATA.predicted(),
    ) {
        let device = open(DeviceSpec::FLEX).unwrap();
        let architecture = architecture(&kind, DATA, &device);
        let (earlier, later) = changes(&architecture, &tokens, at);
        prop_assert_eq!(earlier, 0.0);
        prop_assert!(later > 1e-3, "the token itself counts");
    }
}

/// Predicts from the mean over the whole sequence.
struct Mean {
    data: DataShape,
    layout: Layout,
}

impl Architecture for Mean {
    fn data(&self) -> &DataShape {
        &self.data
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn widest_activation(&self) -> usize {
        self.data.rows()
    }

    fn hidden(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Hidden {
        let [n, s] = tokens.dims();
        let table = weights.tensor::<2>(self.layout.find("table").unwrap());
        let [_, d] = table.dims();
        let rows = table.select(0, tokens.reshape([n * s])).reshape([n, s, d]);
        let means = rows.mean_dim(1).expand([n, s, d]).reshape([n * s, d]);
        Hidden {
            values: means,
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        let table = weights.tensor::<2>(self.layout.find("table").unwrap());
        hidden.matmul(table.transpose())
    }

    fn config(&self) -> Value {
        json!({})
    }

    fn identity(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// What makes the test above able to fail.
#[test]
fn a_model_that_looks_ahead_is_caught() {
    let dims = [DATA.rows(), 4];
    let table = Slot::new(
        "table",
        &dims,
        Init::Normal(1.0),
        Rule::Other,
        Group::TokenEmbedding,
    );
    let mean: Arc<dyn Architecture> = Arc::new(Mean {
        data: DATA,
        layout: Layout::new(vec![table]),
    });
    let (earlier, _) = changes(&mean, &[0, 1, 2, 3, 4, 5, 6, 7, 0], 5);
    assert!(earlier > 1e-3, "{earlier}");
}
