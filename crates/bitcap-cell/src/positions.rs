//! positions.csv: a row a position of the sequences.

use bitcap_measure::PositionBits;

/// The rows of `positions.csv`, training data first, fresh data after.
///
/// Columns: `data` ("training" or "fresh"), `position` (from 0; without a start token from 1),
/// `saved_bits_mean` (log2 V less the mean code length of a token there: of uniform data the bits
/// memorized), `saved_bits_sd` (deviation over sequences; empty of one), `code_bits_mean`. Of copies
/// every string counts once.
pub(crate) struct PositionRows {
    text: String,
}

impl PositionRows {
    pub(crate) fn new() -> Self {
        Self {
            text: "data,position,saved_bits_mean,saved_bits_sd,code_bits_mean\n".into(),
        }
    }

    pub(crate) fn add(&mut self, data: &str, positions: &[PositionBits]) {
        use std::fmt::Write;
        for row in positions {
            let PositionBits {
                position,
                code_bits_mean,
                code_bits_sd,
                saved_bits_mean,
            } = row;
            let deviation = code_bits_sd.map_or(String::new(), |sd| sd.to_string());
            writeln!(
                self.text,
                "{data},{position},{saved_bits_mean},{deviation},{code_bits_mean}"
            )
            .expect("a String takes all");
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}
