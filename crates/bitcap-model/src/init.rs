//! Initial weights, drawn on the host: the same on every platform and backend.

use bitcap_base::stream;
use rand::Rng;

use bitcap_plan::{Gpt2Shape, Initialization, Layout, Role, Slot};

/// GPT-2's standard deviation of matrices and token embeddings (its released code).
const GPT2_STD: f64 = 0.02;

/// Draws the initial weights, one flat vector in the order of [`Layout::gpt2`].
///
/// Each tensor has a stream of its own, keyed by the seed and the tensor's name, so that a weight
/// does not depend on what other tensors there are. Gains are 1, biases 0.
///
/// - [`Initialization::Gpt2`]: token embeddings and matrices N(0, 0.02²), positions N(0, 0.01²),
///   matrices that write into the residual stream divided by √(2 L).
/// - [`Initialization::FanIn`]: matrices N(0, 1/fan_in), those into the residual stream divided by
///   √(2 L); token embeddings, positions and head N(0, 1/d), so that logits have about unit variance
///   whatever the width.
#[must_use]
pub fn initial_weights(shape: &Gpt2Shape, initialization: Initialization, seed: u64) -> Vec<f32> {
    let layout = Layout::gpt2(shape);
    let mut weights = vec![0.0; layout.len()];
    for slot in layout.slots() {
        let values = &mut weights[slot.range()];
        match slot.role {
            Role::Gain => values.fill(1.0),
            Role::Bias => {}
            _ => {
                let deviation = deviation(shape, initialization, slot);
                let mut rng = stream(seed, &format!("weights {}", slot.name));
                fill_normal(&mut rng, deviation, values);
            }
        }
    }
    weights
}

fn deviation(shape: &Gpt2Shape, initialization: Initialization, slot: &Slot) -> f64 {
    let fan_in = slot.shape[0] as f64;
    let into_residual = 1.0 / (2.0 * shape.layers as f64).sqrt();
    match (initialization, slot.role) {
        (Initialization::Gpt2, Role::PositionEmbedding) => GPT2_STD / 2.0,
        (Initialization::Gpt2, Role::ResidualMatrix) => GPT2_STD * into_residual,
        (Initialization::Gpt2, _) => GPT2_STD,
        (Initialization::FanIn, Role::ResidualMatrix) => into_residual / fan_in.sqrt(),
        (Initialization::FanIn, Role::Matrix) => 1.0 / fan_in.sqrt(),
        (Initialization::FanIn, _) => 1.0 / (shape.width as f64).sqrt(),
    }
}

/// Fills `values` with N(0, deviation²) by the Box-Muller transform.
///
/// The `libm` crate's logarithm and cosine are the same machine code path everywhere, unlike the
/// platform's.
fn fill_normal(rng: &mut impl Rng, deviation: f64, values: &mut [f32]) {
    for pair in values.chunks_mut(2) {
        // In (0, 1]: the logarithm stays finite.
        let radius = (-2.0 * libm::log(1.0 - unit(rng))).sqrt() * deviation;
        let angle = std::f64::consts::TAU * unit(rng);
        pair[0] = (radius * libm::cos(angle)) as f32;
        if let Some(second) = pair.get_mut(1) {
            *second = (radius * libm::sin(angle)) as f32;
        }
    }
}

/// Uniform in [0, 1): the 53 high bits of a word.
fn unit(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
