//! sequences.csv: a row a sequence.

use bitcap_measure::{CodeLengths, Memorized};

/// The rows of `sequences.csv`, training data first, fresh data after.
///
/// Columns: `data` ("training" or "fresh"), `sequence` (index in its dataset),
/// `log2_probability_model` and `log2_probability_source` (of the predicted tokens, bits),
/// `memorized_bits_strict`, `memorized_bits_paper`.
pub(crate) struct SequenceRows {
    text: String,
}

impl SequenceRows {
    pub(crate) fn new() -> Self {
        Self {
            text: "data,sequence,log2_probability_model,log2_probability_source,\
                   memorized_bits_strict,memorized_bits_paper\n"
                .into(),
        }
    }

    pub(crate) fn add(&mut self, data: &str, code: &CodeLengths) {
        use std::fmt::Write;
        let source = -code.shape().predicted_bits_per_sequence();
        for (i, (bits, memorized)) in code
            .bits()
            .iter()
            .zip(Memorized::per_sequence(code))
            .enumerate()
        {
            let Memorized {
                strict_bits,
                paper_bits,
            } = memorized;
            writeln!(
                self.text,
                "{data},{i},{},{source},{strict_bits},{paper_bits}",
                -bits
            )
            .expect("a String takes all");
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}
