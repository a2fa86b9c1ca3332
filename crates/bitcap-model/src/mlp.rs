//! A causal ResMLP in Burn (Touvron et al. 2021, arXiv 2105.03404; made causal). A block is
//!
//! ```text
//! x ← x + M LN(x) + b,    M lower triangular over the positions, the same for every feature
//! x ← x + W₂ gelu(W₁ LN(x) + b₁) + b₂
//! ```
//!
//! with GPT-2's layer norm and GELU. Nothing else knows of positions, and nothing else mixes them.

use bitcap_plan::{ArchitectureSettings, Layout, MlpSettings, ModelSettings, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::{Value, json};

use crate::architecture::{Architecture, Hidden};
use crate::config::Config;
use crate::functions::gelu;
use crate::head::Head;
use crate::layer_norm::LayerNorm;
use crate::weights::Weights;

/// A causal ResMLP less its weights.
pub(crate) struct Mlp {
    settings: MlpSettings,
    data: DataShape,
    layout: Layout,
    embedding: SlotId,
    blocks: Vec<Block>,
    final_norm: LayerNorm,
    head: Head,
    /// `[S_pred · S_pred]`: where each number of a mixing matrix is in its triangle, one past the end
    /// of which there is a zero.
    places: Tensor<1, Int>,
}

/// A map is its matrix and its bias.
struct Block {
    mix_norm: LayerNorm,
    mix: [SlotId; 2],
    mlp_norm: LayerNorm,
    expand: [SlotId; 2],
    contract: [SlotId; 2],
}

impl Mlp {
    /// On `device`, without autodiff.
    pub(crate) fn new(settings: &MlpSettings, data: DataShape, device: &Device) -> Self {
        let layout = settings.layout(&data);
        let slot = |name: &str| {
            let id = layout.find(name);
            id.expect("the layout of these settings holds every tensor of the forward pass")
        };
        let map = |name: &str| ["weight", "bias"].map(|part| slot(&format!("{name}.{part}")));
        let norm = |name: &str| {
            let [gain, bias] = map(name);
            LayerNorm { gain, bias }
        };
        let block = |layer| {
            let name = |part: &str| format!("blocks.{layer}.{part}");
            Block {
                mix_norm: norm(&name("mix_norm")),
                mix: map(&name("mix")),
                mlp_norm: norm(&name("mlp_norm")),
                expand: map(&name("expand")),
                contract: map(&name("contract")),
            }
        };
        let embedding = slot("embedding.weight");
        let head = if settings.tied_head {
            embedding
        } else {
            slot("lm_head.weight")
        };
        Self {
            embedding,
            blocks: (0..settings.layers).map(block).collect(),
            final_norm: norm("norm"),
            head: Head::new(head, data.rows(), device),
            places: places(data.predicted(), device),
            settings: settings.clone(),
            data,
            layout,
        }
    }

    /// What a config.json says that [`Architecture::config`] made.
    pub(crate) fn of_config(config: &Config) -> Result<(ModelSettings, DataShape), String> {
        let data = config.data("max_position_embeddings")?;
        let width = config.number("hidden_size")?;
        let settings = MlpSettings {
            layers: config.number("num_hidden_layers")?,
            width,
            mlp_ratio: config.number("intermediate_size")? / width,
            tied_head: config.flag("tie_word_embeddings")?,
            start_token: data.start_token,
        };
        Ok((ModelSettings::Mlp(settings), data))
    }

    /// M x + b over the positions of each sequence, of `x`: `[n · s, d]`, to the same shape.
    fn mix(
        &self,
        weights: &Weights,
        [triangle, bias]: [SlotId; 2],
        x: Tensor<2>,
        [n, s]: [usize; 2],
    ) -> Tensor<2> {
        let [_, d] = x.dims();
        let triangle = weights.tensor::<1>(triangle);
        let places = match triangle.is_autodiff() {
            true => Tensor::from_inner(self.places.clone()),
            false => self.places.clone(),
        };
        let zero = triangle.clone().slice(0..1).zeros_like();
        let all = Tensor::cat(vec![triangle, zero], 0);
        let matrix = all.select(0, places).reshape([s, s]);
        // One product for all sequences.
        let by_place = |x: Tensor<3>| x.swap_dims(0, 1);
        let x = by_place(x.reshape([n, s, d])).reshape([s, n * d]);
        let bias = weights.tensor::<1>(bias).reshape([s, 1]);
        let mixed = weights.product(matrix, x) + bias;
        by_place(mixed.reshape([s, n, d])).reshape([n * s, d])
    }
}

/// Of a matrix `[s, s]`, row by row.
fn places(s: usize, device: &Device) -> Tensor<1, Int> {
    let size = s * (s + 1) / 2;
    let place = |i: usize| {
        let (row, column) = (i / s, i % s);
        if column > row {
            size
        } else {
            row * (row + 1) / 2 + column
        }
    };
    let places: Vec<i32> = (0..s * s).map(|i| place(i) as i32).collect();
    Tensor::from_data(TensorData::new(places, [s * s]), device)
}

impl Architecture for Mlp {
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
        let map = |x: Tensor<2>, [matrix, bias]: [SlotId; 2]| {
            let bias = weights.tensor::<1>(bias).unsqueeze::<2>();
            weights.linear(x, matrix) + bias
        };
        let mut x = weights.rows(self.embedding, tokens.reshape([n * s]));
        for block in &self.blocks {
            let normed = block.mix_norm.of(weights, x.clone());
            x = x + self.mix(weights, block.mix, normed, places);
            let normed = block.mlp_norm.of(weights, x.clone());
            x = x + map(gelu(map(normed, block.expand)), block.contract);
        }
        Hidden {
            values: self.final_norm.of(weights, x),
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.head.logits(weights, hidden)
    }

    /// By Hugging Face's names of such keys; transformers has no such class.
    fn config(&self) -> Value {
        let Self { settings, data, .. } = self;
        json!({
            "model_type": "mlp",
            "vocab_size": data.rows(),
            "max_position_embeddings": data.length,
            "hidden_size": settings.width,
            "num_hidden_layers": settings.layers,
            "intermediate_size": settings.mlp_ratio * settings.width,
            "tie_word_embeddings": settings.tied_head,
            "bos_token_id": data.start_token.then_some(data.vocabulary),
            "torch_dtype": "float32",
            "bitcap_start_token": data.start_token,
        })
    }
}
