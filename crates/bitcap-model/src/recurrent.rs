//! LSTM and GRU in Burn, by the equations of torch.nn: one step of the sequence after another.

use bitcap_plan::{Layout, ModelKind, ModelSettings, RecurrentSettings, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor, activation};
use serde_json::{Value, json};

use crate::architecture::{Architecture, Hidden};
use crate::config::Config;
use crate::head::Head;
use crate::weights::Weights;

/// A recurrent network less its weights.
pub(crate) struct Recurrent {
    settings: ModelSettings,
    data: DataShape,
    layout: Layout,
    cell: Cell,
    embedding: SlotId,
    layers: Vec<Layer>,
    head: Head,
}

/// What a layer does in a step.
#[derive(Clone, Copy)]
pub(crate) enum Cell {
    Lstm,
    Gru,
}

impl Cell {
    /// Its name in `model_type`, as in `model.kind`.
    fn name(self) -> &'static str {
        match self {
            Self::Lstm => ModelKind::Lstm.as_str(),
            Self::Gru => ModelKind::Gru.as_str(),
        }
    }
}

/// The weights of a layer, matrices `[gates · d, d]` and biases `[gates · d]`.
struct Layer {
    of_input: [SlotId; 2],
    of_state: [SlotId; 2],
}

impl Recurrent {
    /// On `device`, without autodiff.
    pub(crate) fn new(
        cell: Cell,
        settings: ModelSettings,
        data: DataShape,
        device: &Device,
    ) -> Self {
        let layout = settings.layout(&data);
        let slot = |name: &str| {
            let id = layout.find(name);
            id.expect("the layout of these settings holds every tensor of the forward pass")
        };
        let layer = |layer| {
            let part = |part: &str| slot(&format!("rnn.{part}_l{layer}"));
            Layer {
                of_input: [part("weight_ih"), part("bias_ih")],
                of_state: [part("weight_hh"), part("bias_hh")],
            }
        };
        let common = settings.common();
        let embedding = slot("embedding.weight");
        let head = if common.tied_head {
            embedding
        } else {
            slot("lm_head.weight")
        };
        Self {
            cell,
            embedding,
            layers: (0..common.layers).map(layer).collect(),
            head: Head::new(head, data.rows(), device),
            settings,
            data,
            layout,
        }
    }

    /// What a config.json says that [`Architecture::config`] made.
    pub(crate) fn of_config(
        cell: Cell,
        config: &Config,
    ) -> Result<(ModelSettings, DataShape), String> {
        fn settings<const GATES: usize>(
            config: &Config,
            data: DataShape,
        ) -> Result<RecurrentSettings<GATES>, String> {
            Ok(RecurrentSettings {
                tied_head: config.flag("tie_word_embeddings")?,
                start_token: data.start_token,
                layers: config.number("num_hidden_layers")?,
                width: config.number("hidden_size")?,
            })
        }
        let data = config.data("max_position_embeddings")?;
        let settings = match cell {
            Cell::Lstm => ModelSettings::Lstm(settings(config, data)?),
            Cell::Gru => ModelSettings::Gru(settings(config, data)?),
        };
        Ok((settings, data))
    }

    /// One layer over a whole pass: `[s · n, d]`, the sequences of each step beside each other, to the
    /// states after each step in the same order.
    fn layer(
        &self,
        weights: &Weights,
        layer: &Layer,
        x: Tensor<2>,
        [n, s]: [usize; 2],
    ) -> Tensor<2> {
        let [matrix, bias] = layer.of_input;
        let bias = weights.tensor::<1>(bias).unsqueeze::<2>();
        let of_input = weights.linear(x, matrix) + bias;
        let [matrix, bias] = layer.of_state;
        let matrix = weights.tensor::<2>(matrix).transpose();
        let bias = weights.tensor::<1>(bias).unsqueeze::<2>();
        let d = matrix.dims()[0];
        let part = |gates: &Tensor<2>, i: usize| gates.clone().slice([0..n, i * d..(i + 1) * d]);
        let mut hidden = of_input.clone().slice([0..n, 0..d]).zeros_like();
        let mut memory = hidden.clone();
        let mut states = Vec::with_capacity(s);
        for of_input in steps(of_input, n) {
            let of_state = weights.product(hidden.clone(), matrix.clone()) + bias.clone();
            hidden = match self.cell {
                Cell::Lstm => {
                    let gates = of_input + of_state;
                    let gate = |i| activation::sigmoid(part(&gates, i));
                    let (input, forget, output) = (gate(0), gate(1), gate(3));
                    memory = forget * memory + input * part(&gates, 2).tanh();
                    output * memory.clone().tanh()
                }
                Cell::Gru => {
                    let gate = |i| activation::sigmoid(part(&of_input, i) + part(&of_state, i));
                    let (reset, update) = (gate(0), gate(1));
                    let new = (part(&of_input, 2) + reset * part(&of_state, 2)).tanh();
                    // (1 - z) n + z h
                    new.clone() + update * (hidden - new)
                }
            };
            states.push(hidden.clone());
        }
        Tensor::cat(states, 0)
    }
}

/// The steps of `[s · n, w]`, each `[n, w]`. By halves: the gradient of a part is as large as what it
/// was cut from, so that s parts of the whole would make the backward pass quadratic in s.
fn steps(x: Tensor<2>, n: usize) -> Vec<Tensor<2>> {
    let [rows, width] = x.dims();
    if rows == n {
        return vec![x];
    }
    let middle = rows / n / 2 * n;
    let before = steps(x.clone().slice([0..middle, 0..width]), n);
    let after = steps(x.slice([middle..rows, 0..width]), n);
    [before, after].concat()
}

impl Architecture for Recurrent {
    fn data(&self) -> &DataShape {
        &self.data
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn widest_activation(&self) -> usize {
        self.settings.widest_activation(&self.data)
    }

    fn hidden(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Hidden {
        let places @ [n, s] = tokens.dims();
        let x = weights.rows(self.embedding, tokens.reshape([n * s]));
        let [_, d] = x.dims();
        let mut x = x.reshape([n, s, d]).swap_dims(0, 1).reshape([s * n, d]);
        for layer in &self.layers {
            x = self.layer(weights, layer, x, places);
        }
        Hidden {
            values: x.reshape([s, n, d]).swap_dims(0, 1).reshape([n * s, d]),
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.head.logits(weights, hidden)
    }

    /// By Hugging Face's names of such keys; transformers has no such class.
    fn config(&self) -> Value {
        let (common, data) = (self.settings.common(), &self.data);
        json!({
            "model_type": self.cell.name(),
            "vocab_size": data.rows(),
            "max_position_embeddings": data.length,
            "hidden_size": common.width,
            "num_hidden_layers": common.layers,
            "tie_word_embeddings": common.tied_head,
            "bos_token_id": data.start_token.then_some(data.vocabulary),
            "torch_dtype": "float32",
            "bitcap_start_token": data.start_token,
        })
    }
}
