//! Initial weights, drawn on the host: the same on every platform and backend.

use bitcap_base::stream;
use bitcap_plan::{Init, Layout};
use rand::Rng;

/// Draws the initial weights as the slots say, one flat vector in the order of the layout.
///
/// Each tensor has a stream of its own, keyed by the seed and the tensor's name, so that a weight
/// does not depend on what other tensors there are.
#[must_use]
pub fn initial_weights(layout: &Layout, seed: u64) -> Vec<f32> {
    let mut weights = vec![0.0; layout.len()];
    for slot in layout.slots() {
        let values = &mut weights[slot.range()];
        match slot.init {
            Init::Zeros => {}
            Init::Ones => values.fill(1.0),
            Init::Uniform(bound) => {
                let mut rng = stream(seed, &format!("weights {}", slot.name));
                for value in values {
                    *value = (bound * (2.0 * unit(&mut rng) - 1.0)) as f32;
                }
            }
            Init::LogOfPlace => {
                for row in values.chunks_mut(slot.dims[slot.dims.len() - 1]) {
                    for (place, value) in row.iter_mut().enumerate() {
                        *value = libm::log((place + 1) as f64) as f32;
                    }
                }
            }
            Init::SoftplusLogUniform { shortest, longest } => {
                let mut rng = stream(seed, &format!("weights {}", slot.name));
                let range = libm::log(longest / shortest);
                for value in values {
                    let step = shortest * libm::exp(range * unit(&mut rng));
                    // The inverse of softplus, log(e^step - 1), where e^step is close to 1.
                    *value = (step + libm::log(-libm::expm1(-step))) as f32;
                }
            }
            Init::Normal(deviation) => {
                let mut rng = stream(seed, &format!("weights {}", slot.name));
                fill_normal(&mut rng, deviation, values);
            }
        }
    }
    weights
}

/// Fills `values` with N(0, deviation²) by the Box-Muller transform.
///
/// The `libm` crate's logarithm and cosine are the same machine code path everywhere, unlike the
/// platform's.
fn fill_normal(rng: &mut impl Rng, deviation: f64, values: &mut [f32]) {
    for pair in values.chunks_mut(2) {
        // In (0, 1]: the logarithm stays finite.
        let radius = (-2.0 * libm::log(1.0 - unit(rng))).sqrt() * deviation;
        // Cosine and sine of one angle are independent: two words give two weights.
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
