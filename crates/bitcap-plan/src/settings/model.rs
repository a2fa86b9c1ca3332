//! The `[model]` section of an experiment, and the shape that follows from it and the data.

use bitcap_base::InvalidSetting;
use serde::{Deserialize, Serialize};

/// How the initial weights are drawn; see [`crate::init`] for the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialization {
    /// GPT-2's: embeddings and matrices N(0, 0.02²), positions N(0, 0.01²), projections into the
    /// residual stream divided by √(2 L).
    Gpt2,
    /// Every matrix N(0, 1/fan_in), projections into the residual stream divided by √(2 L);
    /// embeddings and head N(0, 1/d).
    FanIn,
}

/// The `[model]` section: a GPT-2 less what the data decides (vocabulary and length).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Transformer blocks, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 1 to 65,536; a multiple of `heads`.
    pub width: u32,
    /// Attention heads.
    pub heads: u32,
    /// Width of the MLP's hidden layer in units of d.
    #[serde(default = "default_mlp_ratio")]
    pub mlp_ratio: u32,
    /// Whether the output head is the token embedding (as in the paper).
    #[serde(default = "default_tied_head")]
    pub tied_head: bool,
    /// Whether a start token precedes every sequence, so that all S tokens are predicted.
    #[serde(default)]
    pub start_token: bool,
    /// How the initial weights are drawn.
    #[serde(default = "default_initialization")]
    pub initialization: Initialization,
}

fn default_mlp_ratio() -> u32 {
    4
}

fn default_tied_head() -> bool {
    true
}

/// GPT-2's memorizes more at small widths (dev/LOG.md): at width 16, load 2 and 400 steps of Muon at
/// the best rate of each, 9,728 bits against 8,442; of Adam, 9,515 against 8,218.
fn default_initialization() -> Initialization {
    Initialization::Gpt2
}

impl ModelSettings {
    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers, 1, 1024)?;
        in_range("model.width", self.width, 1, 65_536)?;
        in_range("model.heads", self.heads, 1, self.width)?;
        in_range("model.mlp_ratio", self.mlp_ratio, 1, 64)?;
        if !self.width.is_multiple_of(self.heads) {
            return Err(InvalidSetting {
                key: "model.heads".into(),
                found: self.heads.to_string(),
                allowed: format!("a divisor of model.width, which is {}", self.width),
            });
        }
        Ok(())
    }
}

fn in_range(key: &str, found: u32, low: u32, high: u32) -> Result<(), InvalidSetting> {
    if (low..=high).contains(&found) {
        return Ok(());
    }
    Err(InvalidSetting {
        key: key.into(),
        found: found.to_string(),
        allowed: format!("from {low} to {high}"),
    })
}

/// All that fixes the shapes of a GPT-2's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpt2Shape {
    /// Vocabulary V of the data; the start token, where there is one, is not counted.
    pub vocabulary: usize,
    /// Tokens S of a sequence; also the number of learned positions.
    pub length: usize,
    /// Transformer blocks L.
    pub layers: usize,
    /// Width d of the residual stream.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the MLP's hidden layer in units of d.
    pub mlp_ratio: usize,
    /// Whether the output head is the token embedding.
    pub tied_head: bool,
    /// Whether there is a start token: one more row of the embedding, with id V.
    pub start_token: bool,
}

impl Gpt2Shape {
    /// The shape that `settings` have on sequences of `length` tokens out of `vocabulary`.
    #[must_use]
    pub fn new(settings: &ModelSettings, vocabulary: u32, length: u32) -> Self {
        Self {
            vocabulary: vocabulary as usize,
            length: length as usize,
            layers: settings.layers as usize,
            width: settings.width as usize,
            heads: settings.heads as usize,
            mlp_ratio: settings.mlp_ratio as usize,
            tied_head: settings.tied_head,
            start_token: settings.start_token,
        }
    }

    /// Rows of the token embedding and width of the logits: V, and one more with a start token.
    #[must_use]
    pub fn embedding_rows(&self) -> usize {
        self.vocabulary + usize::from(self.start_token)
    }

    /// Tokens predicted in each sequence: S with a start token, S - 1 without.
    #[must_use]
    pub fn predicted(&self) -> usize {
        self.length - usize::from(!self.start_token)
    }

    /// Parameters by group, in closed form.
    #[must_use]
    pub fn parameter_counts(&self) -> ParameterCounts {
        let (d, m) = (self.width as u64, self.mlp_ratio as u64);
        let embedding = self.embedding_rows() as u64 * d;
        ParameterCounts {
            token_embedding: embedding,
            position_embedding: self.length as u64 * d,
            // qkv 3d²+3d and projection d²+d; with m = 4 the block has 12 d² + 13 d in all.
            attention: self.layers as u64 * (4 * d * d + 4 * d),
            mlp: self.layers as u64 * (2 * m * d * d + m * d + d),
            layer_norm: self.layers as u64 * 4 * d + 2 * d,
            head: if self.tied_head { 0 } else { embedding },
        }
    }

    /// All trained parameters. Tied, without a start token and with `mlp_ratio` 4 this is the
    /// paper's V d + S d + L (12 d² + 13 d) + 2 d (Table 1).
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.parameter_counts().total()
    }
}

/// Parameters by group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterCounts {
    /// Token embedding, the start token's row included.
    pub token_embedding: u64,
    /// Learned positions.
    pub position_embedding: u64,
    /// Attention matrices and biases of all blocks.
    pub attention: u64,
    /// MLP matrices and biases of all blocks.
    pub mlp: u64,
    /// Gains and biases of all layer norms.
    pub layer_norm: u64,
    /// The output head where it is not tied.
    pub head: u64,
}

impl ParameterCounts {
    /// The sum over the groups.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.token_embedding
            + self.position_embedding
            + self.attention
            + self.mlp
            + self.layer_norm
            + self.head
    }
}
