//! What a model must know of its data.

use std::fmt;

use bitcap_base::InvalidSetting;

/// What single sequences are to a model: how long, out of how many tokens, and whether a start token
/// comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataShape {
    /// Vocabulary V, 2 to 65,536: tokens go from 0 to V - 1.
    pub vocabulary: u32,
    /// Length S, 1 to 4,096 tokens a sequence; at least 2 without a start token.
    pub length: usize,
    /// Whether the model reads a start token first, whose id is V. It then predicts all S tokens,
    /// else all but the first.
    pub start_token: bool,
}

impl DataShape {
    /// Whether there are such data, and something of them to predict.
    ///
    /// # Errors
    /// The first value that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let Self {
            vocabulary, length, ..
        } = self;
        let (key, found, allowed) = if !(2..=65_536).contains(vocabulary) {
            ("vocabulary", vocabulary.to_string(), "from 2 to 65536")
        } else if !(1..=4096).contains(length) {
            ("length", length.to_string(), "from 1 to 4096")
        } else if self.predicted() == 0 {
            let allowed = "at least 2 without a start token: the first token is not predicted";
            ("length", length.to_string(), allowed)
        } else {
            return Ok(());
        };
        Err(InvalidSetting::new(key, found, allowed))
    }

    /// Rows of a model's embedding and logits a position: V, or V + 1 with a start token.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.vocabulary as usize + usize::from(self.start_token)
    }

    /// Predicted tokens a sequence: S - 1, or S with a start token.
    #[must_use]
    pub fn predicted(&self) -> usize {
        self.length - usize::from(!self.start_token)
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
