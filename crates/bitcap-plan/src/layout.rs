//! Where each weight tensor stands in the one flat vector that holds them all.
//!
//! A model's weights are one vector of P floats; so are their gradient and the moments of an
//! optimizer. Norms, updates, checkpoints and copies between host and device are then one
//! operation each, whatever the architecture. All that is decided for each tensor by itself is said
//! in its slot.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How the initial values of a tensor are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// Normal around 0 with this standard deviation.
    Normal(f64),
    /// Uniform around 0 up to this bound.
    Uniform(f64),
    /// The logarithms of 1, 2, 3 and so on along the last dimension: minus their exponentials are the
    /// diagonal of S4D-Real (Gu et al. 2022, arXiv 2206.11893).
    LogOfPlace,
    /// What softplus makes log-uniform numbers of, between these two.
    SoftplusLogUniform {
        /// The least, above 0.
        shortest: f64,
        /// The greatest.
        longest: f64,
    },
}

/// Which tensors an optimizer may treat apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A matrix between hidden layers, `[in, out]`: what Muon is for.
    Matrix,
    /// The same stored `[out, in]`, as torch.nn.Linear has it.
    TransposedMatrix,
    /// All else: embeddings, heads, biases, gains.
    Other,
}

impl Rule {
    /// Whether it is that of a matrix, in either form.
    #[must_use]
    pub fn is_matrix(self) -> bool {
        self != Self::Other
    }
}

/// Parts of a model whose parameters are counted together, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Token embedding, the start token's row included.
    TokenEmbedding,
    /// Learned positions.
    PositionEmbedding,
    /// Matrices and biases of attention.
    Attention,
    /// Matrices and biases of the MLPs.
    Mlp,
    /// Matrices that choose among experts.
    Router,
    /// Weights of what mixes positions, where that is neither attention nor a recurrent layer of torch.nn.
    Mixing,
    /// Matrices and biases of recurrent layers.
    Recurrent,
    /// Gains and biases of the layer norms, of whatever form.
    LayerNorm,
    /// The output head where it is not tied.
    Head,
}

/// One weight tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Its name in model files, for example `transformer.h.0.attn.c_attn.weight`.
    pub name: String,
    /// Its dimensions, one to three.
    pub dims: Vec<usize>,
    /// Its initial values.
    pub init: Init,
    /// Its optimizer.
    pub rule: Rule,
    /// Where its parameters are counted.
    pub group: Group,
    /// Where it begins in the flat vector.
    pub offset: usize,
}

impl Slot {
    /// A tensor, not yet in its place.
    #[must_use]
    pub fn new(name: &str, dims: &[usize], init: Init, rule: Rule, group: Group) -> Self {
        Self {
            name: name.into(),
            dims: dims.into(),
            init,
            rule,
            group,
            offset: 0,
        }
    }

    /// Number of elements.
    fn size(&self) -> usize {
        self.dims.iter().product()
    }

    /// Its place in the flat vector.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.size()
    }
}

/// Which tensor of a layout, found by its name once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(usize);

impl SlotId {
    /// Its place among [`Layout::slots`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// All weight tensors in the order of the flat vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    slots: Vec<Slot>,
    /// Which of the slots has a name: a model may have hundreds of thousands of tensors.
    places: HashMap<String, usize>,
    matrices_start: usize,
    len: usize,
}

impl Layout {
    /// Puts tensors one after another, matrices last, so that an optimizer with a rule of its own
    /// for them splits the vector once; else in the order given.
    ///
    /// # Panics
    /// If a name stands twice, or a tensor has no dimension, more than three, or, as a matrix, any
    /// but two.
    #[must_use]
    pub fn new(mut slots: Vec<Slot>) -> Self {
        slots.sort_by_key(|slot| slot.rule.is_matrix()); // stable: the order within stays
        let mut places = HashMap::new();
        let (mut len, mut matrices_start) = (0, 0);
        for (place, slot) in slots.iter_mut().enumerate() {
            // Defects of an architecture: no setting that is valid leads here.
            let twice = places.insert(slot.name.clone(), place).is_some();
            assert!(!twice, "{} twice", slot.name);
            let (rank, is_matrix) = (slot.dims.len(), slot.rule.is_matrix());
            let fits = if is_matrix {
                rank == 2
            } else {
                (1..=3).contains(&rank)
            };
            assert!(fits, "the rank of {}", slot.name);
            slot.offset = len;
            len += slot.size();
            if !is_matrix {
                // Moves on to the end of the last tensor that is no matrix.
                matrices_start = len;
            }
        }
        Self {
            slots,
            places,
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
    pub fn find(&self, name: &str) -> Option<SlotId> {
        self.places.get(name).copied().map(SlotId)
    }

    /// Where the matrices begin; they reach to the end.
    #[must_use]
    pub fn matrices_start(&self) -> usize {
        self.matrices_start
    }

    /// The tensors whose rule is that of a matrix.
    pub fn matrices(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.rule.is_matrix())
    }

    /// Elements in all: the number of parameters P.
    #[expect(clippy::len_without_is_empty, reason = "no model is empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Parameters by group; groups without any are left out.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<Group, u64> {
        let mut counts = BTreeMap::new();
        for slot in &self.slots {
            *counts.entry(slot.group).or_default() += slot.size() as u64;
        }
        counts
    }
}
