//! Where each weight tensor stands in the one flat vector that holds them all.
//!
//! A model's weights are one vector of P floats; so are their gradient and the moments of an
//! optimizer. Norms, updates, checkpoints and copies between host and device are then one
//! operation each, whatever the architecture. The matrices of the blocks come last, so that an
//! optimizer with a rule of its own for them (Muon) splits the vector once.

use crate::Gpt2Shape;

/// What a tensor is for, as far as initialization and optimizers tell tensors apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Token embedding, or the untied head of the same shape.
    TokenEmbedding,
    /// Learned positions.
    PositionEmbedding,
    /// Gain of a layer norm.
    Gain,
    /// Bias of a layer norm or of a linear map.
    Bias,
    /// Matrix of a block, `[in, out]`.
    Matrix,
    /// Matrix of a block that writes into the residual stream, `[in, out]`.
    ResidualMatrix,
}

impl Role {
    /// Whether this is a matrix of a block.
    #[must_use]
    pub fn is_matrix(self) -> bool {
        matches!(self, Self::Matrix | Self::ResidualMatrix)
    }
}

/// One weight tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Hugging Face's name of it, for example `transformer.h.0.attn.c_attn.weight`.
    pub name: String,
    /// Its shape; of rank 1 or 2.
    pub shape: Vec<usize>,
    /// Where it begins in the flat vector.
    pub offset: usize,
    /// What it is for.
    pub role: Role,
}

impl Slot {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements; never so for a valid shape.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the flat vector.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// All weight tensors in the order of the flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    slots: Vec<Slot>,
    matrices_start: usize,
    len: usize,
}

impl Layout {
    /// The layout of a GPT-2.
    #[must_use]
    pub fn gpt2(shape: &Gpt2Shape) -> Self {
        let (d, rows) = (shape.width, shape.embedding_rows());
        let hidden = shape.mlp_ratio * d;
        let mut slots = vec![
            slot("transformer.wte.weight", &[rows, d], Role::TokenEmbedding),
            slot(
                "transformer.wpe.weight",
                &[shape.length, d],
                Role::PositionEmbedding,
            ),
        ];
        for layer in 0..shape.layers {
            let mut push = |name: &str, dims: &[usize], role| {
                slots.push(slot(&format!("transformer.h.{layer}.{name}"), dims, role));
            };
            push("ln_1.weight", &[d], Role::Gain);
            push("ln_1.bias", &[d], Role::Bias);
            push("attn.c_attn.weight", &[d, 3 * d], Role::Matrix);
            push("attn.c_attn.bias", &[3 * d], Role::Bias);
            push("attn.c_proj.weight", &[d, d], Role::ResidualMatrix);
            push("attn.c_proj.bias", &[d], Role::Bias);
            push("ln_2.weight", &[d], Role::Gain);
            push("ln_2.bias", &[d], Role::Bias);
            push("mlp.c_fc.weight", &[d, hidden], Role::Matrix);
            push("mlp.c_fc.bias", &[hidden], Role::Bias);
            push("mlp.c_proj.weight", &[hidden, d], Role::ResidualMatrix);
            push("mlp.c_proj.bias", &[d], Role::Bias);
        }
        slots.push(slot("transformer.ln_f.weight", &[d], Role::Gain));
        slots.push(slot("transformer.ln_f.bias", &[d], Role::Bias));
        if !shape.tied_head {
            slots.push(slot("lm_head.weight", &[rows, d], Role::TokenEmbedding));
        }
        Self::in_order(slots)
    }

    fn in_order(mut slots: Vec<Slot>) -> Self {
        slots.sort_by_key(|slot| slot.role.is_matrix()); // stable: the order within stays
        let mut len = 0;
        let mut matrices_start = 0;
        for slot in &mut slots {
            slot.offset = len;
            len += slot.len();
            if !slot.role.is_matrix() {
                matrices_start = len;
            }
        }
        Self {
            slots,
            matrices_start,
            len,
        }
    }

    /// The tensors in order.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The tensor of this name, if there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }

    /// Where the matrices of the blocks begin; they reach to the end.
    #[must_use]
    pub fn matrices_start(&self) -> usize {
        self.matrices_start
    }

    /// The matrices of the blocks.
    pub fn matrices(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.role.is_matrix())
    }

    /// Elements in all: the number of parameters P.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no parameters; never so for a valid shape.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

fn slot(name: &str, shape: &[usize], role: Role) -> Slot {
    Slot {
        name: name.into(),
        shape: shape.into(),
        offset: 0,
        role,
    }
}
