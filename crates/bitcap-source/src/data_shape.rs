//! What a model must know of its data.

use std::fmt;

use bitcap_base::{InvalidSetting, in_range};

/// What single sequences are to a model: how long, out of how many tokens, and whether a start token comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataShape {
    /// Vocabulary V, 2 to 65,536: tokens go from 0 to V - 1.
    pub vocabulary: u32,
    /// Length S, 1 to 4,096 tokens a sequence; at least 2 without a start token.
    pub length: usize,
    /// Whether the model reads a start token first, whose id is V. It then predicts all S tokens, else all but the
    /// first.
    pub start_token: bool,
}

impl DataShape {
    /// Whether there are such data, and something of them to predict.
    ///
    /// # Errors
    /// The first value that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("length", self.length, 1, 4096)?;
        // Only now is the length known to be 1 or more, so that `predicted` does not go below 0.
        if self.predicted() == 0 {
            let allowed = "at least 2 without a start token: the first token is not predicted";
            return Err(InvalidSetting::new("length", self.length, allowed));
        }
        Ok(())
    }

    /// Rows of a model's embedding and logits a position: V, or V + 1 with a start token.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.vocabulary as usize + usize::from(self.start_token)
    }

    /// Tokens at the beginning of a sequence that are given, not predicted: 1, or 0 with a start token.
    #[must_use]
    pub fn given(&self) -> usize {
        usize::from(!self.start_token)
    }

    /// Predicted tokens a sequence: S - 1, or S with a start token.
    #[must_use]
    pub fn predicted(&self) -> usize {
        self.length - self.given()
    }

    /// Bits of the predicted tokens of `samples` sequences, were they uniform: N S_pred log2 V.
    #[must_use]
    pub fn predicted_bits(&self, samples: usize) -> f64 {
        (samples * self.predicted()) as f64 * f64::from(self.vocabulary).log2()
    }
}

impl fmt::Display for DataShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            vocabulary, length, ..
        } = self;
        let start = if self.start_token { "with" } else { "without" };
        write!(
            f,
            "sequences of {length} tokens out of {vocabulary}, {start} a start token"
        )
    }
}
