//! The output head: logits by the products with a table of rows, one a token.

use bitcap_plan::SlotId;
use burn::tensor::{Device, Tensor};

use crate::constant::Constant;
use crate::passes::is_processor;
use crate::weights::Weights;

/// What the logits of a token that does not exist are: far below any in f32, and finite, so that no
/// backend meets an infinity.
const NO_TOKEN: f64 = -1e9;

/// A head on a table `[V', d]`, tied or its own.
pub(crate) struct Head {
    table: SlotId,
    /// [1, padded]: 0 where there is a token, [`NO_TOKEN`] where the logits are padded; None where they
    /// are not.
    padding: Option<Constant<2>>,
}

impl Head {
    /// On the table of that slot, of so many rows.
    pub(crate) fn new(table: SlotId, rows: usize, device: &Device) -> Self {
        let padding = padding(rows, device);
        Self { table, padding }
    }

    /// Which table it is.
    pub(crate) fn table(&self) -> SlotId {
        self.table
    }

    /// The logits of `hidden`: `[rows, d]` to `[rows, V']`, or on a GPU to a few columns more.
    pub(crate) fn logits(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        let head = weights.tensor::<2>(self.table);
        match &self.padding {
            None => weights.product(hidden, head.transpose()),
            Some(padding) => {
                // Rows of zeros have logits of 0, from which the mask takes all probability.
                let [rows, width] = head.dims();
                let [_, padded] = padding.dims();
                let zeros = Tensor::zeros([padded - rows, width], &head.device());
                let head = Tensor::cat(vec![head, zeros], 0);
                let logits = weights.product(hidden, head.transpose());
                logits.clone() + padding.beside(&logits)
            }
        }
    }
}

/// On a GPU a row of logits begins where 16 bytes begin: without that its kernels read number by number,
/// and some break. A vocabulary with its start token hardly ever has such a length.
fn padding(rows: usize, device: &Device) -> Option<Constant<2>> {
    let padded = rows.next_multiple_of(if rows < 64 { 4 } else { 64 });
    if padded == rows || is_processor(device) {
        return None;
    }
    let values = (0..padded).map(|i| if i < rows { 0.0 } else { NO_TOKEN });
    Some(Constant::new(values.collect(), [1, padded], device))
}
