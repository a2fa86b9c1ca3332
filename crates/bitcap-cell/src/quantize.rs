//! Precision after training: what a model still knows of its data when its weights are rounded.

use bitcap_measure::CodeLengths;
use bitcap_model::{DeviceError, Model, PredictionTask};
use bitcap_plan::{Layout, Slot};
use serde::Serialize;

use crate::proof::code_of;
use crate::{CellError, TrainedCell};

/// Bits a weight that are tried, all of its 32 first.
const WEIGHT_BITS: [u32; 7] = [32, 16, 8, 6, 4, 3, 2];

/// Share of the memorized bits that the level has to keep at which the code is made.
const KEPT: f64 = 0.99;

/// Weights that share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scales {
    /// All of a tensor.
    Tensor,
    /// A row of a tensor, along its first dimension; a vector is one row.
    Row,
}

/// What is left at so many bits a weight.
///
/// A weight becomes the nearest multiple of its scale, from -(2^(b-1) - 1) to 2^(b-1) - 1 times it,
/// with the scale such that the greatest weight is kept (round to nearest, absolute maximum).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuantizedRow {
    /// b; 32 are the weights as they were trained.
    pub weight_bits: u32,
    /// What shares a scale.
    pub scales: Scales,
    /// Bits of all weights, and 32 of each scale.
    pub stored_bits: u64,
    /// Entropy of the training data less its code length under the rounded weights (strict).
    pub memorized_bits_strict: f64,
    /// `memorized_bits_strict` of what it is with all 32 bits.
    pub kept: f64,
    /// Memorized bits a bit stored.
    pub memorized_a_stored_bit: f64,
    /// Entropy less the length of the code really made, at the fewest bits with 0.99 or more kept
    /// (by rows); nothing elsewhere.
    pub proven_bits: Option<f64>,
}

/// Rounds the weights of a trained cell to fewer and fewer bits, and measures its training data at
/// each; `progress` is told how many sequences are measured. A code is made too, so that the cell must be one
/// that was opened on the processor.
///
/// # Errors
/// If the entropy of the training data is not known, or the device fails.
pub fn quantize(
    cell: &TrainedCell,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<QuantizedRow>, CellError> {
    let (dataset, entropy) = cell.data(None)?;
    let entropy = entropy.ok_or(CellError::EntropyUnknown)?;
    let architecture = cell.model.architecture();
    let layout = architecture.layout();
    let weights = cell.model.flat().try_to_vec_as::<f32>();
    let weights = weights.map_err(DeviceError::from)?;
    let data = cell.model.data();
    let first_tokens = (dataset.samples * data.given()) as f64 * f64::from(data.vocabulary).log2();
    let task = PredictionTask::new(data, &dataset.tokens);
    let device = cell.model.flat().device();
    let rounded = |weight_bits, scales| {
        let mut weights = weights.clone();
        round(&mut weights, layout, weight_bits, scales);
        Model::new(architecture.clone(), weights, &device)
    };
    let levels = [Scales::Tensor, Scales::Row].map(|scales| WEIGHT_BITS.map(|bits| (bits, scales)));
    let levels = levels.concat();
    let mut rows: Vec<QuantizedRow> = Vec::new();
    for (done, &(weight_bits, scales)) in levels.iter().enumerate() {
        progress((done * dataset.samples) as u64);
        let said = rounded(weight_bits, scales).predictions(&task)?;
        let code = CodeLengths::new(*data, &said.log_probabilities)?;
        let memorized = entropy - code.total_bits() - first_tokens;
        let stored_bits = stored_bits(layout, weight_bits, scales);
        rows.push(QuantizedRow {
            weight_bits,
            scales,
            stored_bits,
            memorized_bits_strict: memorized,
            kept: memorized
                / rows
                    .first()
                    .map_or(memorized, |all| all.memorized_bits_strict),
            memorized_a_stored_bit: memorized / stored_bits as f64,
            proven_bits: None,
        });
    }
    let enough = |row: &&mut QuantizedRow| row.scales == Scales::Row && row.kept >= KEPT;
    // Levels go down in bits: the last of those that keep enough has the fewest.
    if let Some(row) = rows.iter_mut().filter(enough).last() {
        let model = rounded(row.weight_bits, row.scales);
        let code = code_of(&model, &dataset, &mut |_| {})?;
        row.proven_bits = Some(entropy - code.file.bits().payload as f64);
    }
    Ok(rows)
}

/// How many weights share each scale of a tensor.
fn shared(slot: &Slot, scales: Scales) -> usize {
    match (scales, &slot.dims[..]) {
        (Scales::Tensor, _) | (_, [_]) => slot.range().len(),
        (Scales::Row, dims) => dims[1..].iter().product(),
    }
}

fn stored_bits(layout: &Layout, weight_bits: u32, scales: Scales) -> u64 {
    let weights = layout.len() as u64 * u64::from(weight_bits);
    if weight_bits == 32 {
        return weights;
    }
    let slots = layout.slots().iter();
    let count = slots.map(|slot| slot.range().len() / shared(slot, scales));
    weights + 32 * count.sum::<usize>() as u64
}

fn round(weights: &mut [f32], layout: &Layout, weight_bits: u32, scales: Scales) {
    if weight_bits == 32 {
        return;
    }
    // As many steps below 0 as above: of the 2^b patterns one is not used.
    let greatest_multiple = ((1_u32 << (weight_bits - 1)) - 1) as f32;
    for slot in layout.slots() {
        for values in weights[slot.range()].chunks_mut(shared(slot, scales)) {
            let greatest = values.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
            let scale = greatest / greatest_multiple;
            // Zeros alone stay as they are; divided by their scale they would not be numbers.
            if scale > 0.0 {
                for value in values {
                    *value = (*value / scale).round() * scale;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcap_plan::{Group, Init, Rule};

    fn layout() -> Layout {
        let slot = |name, dims: &[usize]| {
            Slot::new(name, dims, Init::Zeros, Rule::Other, Group::TokenEmbedding)
        };
        Layout::new(vec![slot("a", &[2, 3]), slot("b", &[2])])
    }

    #[test]
    fn three_levels_at_two_bits() {
        let mut weights = vec![0.1, -0.4, 0.6, 6.0, 2.9, -3.1, 0.0, -0.5];
        round(&mut weights, &layout(), 2, Scales::Row);
        assert_eq!(weights, [0.0, -0.6, 0.6, 6.0, 0.0, -6.0, 0.0, -0.5]);
        assert_eq!(stored_bits(&layout(), 2, Scales::Row), 8 * 2 + 3 * 32);
    }

    #[test]
    fn a_scale_a_tensor() {
        let mut weights = vec![0.1, -0.4, 0.6, 6.0, 2.9, -3.1, 0.0, -0.5];
        round(&mut weights, &layout(), 2, Scales::Tensor);
        assert_eq!(weights, [0.0, 0.0, 0.0, 6.0, 0.0, -6.0, 0.0, -0.5]);
        assert_eq!(stored_bits(&layout(), 2, Scales::Tensor), 8 * 2 + 2 * 32);
    }

    #[test]
    fn no_weight_moves_by_more_than_half_a_step() {
        let before: Vec<f32> = (0..8).map(|i| (i as f32 * 1.7).sin()).collect();
        for bits in [16, 8, 6, 4, 3, 2] {
            let mut after = before.clone();
            round(&mut after, &layout(), bits, Scales::Tensor);
            let step = 1.0 / ((1 << (bits - 1)) - 1) as f32;
            for (a, b) in after.iter().zip(&before) {
                assert!((a - b).abs() <= 0.51 * step, "{bits} bits: {b} became {a}");
            }
        }
    }
}
