//! What is measured: how many sequences, how long, out of how many tokens, and which of them are predicted.

use std::fmt;

use crate::MeasureError;

/// Which tokens of a sequence the model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// All S: the model reads a start token first.
    All,
    /// S - 1, each but the first: there is no start token.
    AfterFirst,
}

impl Prediction {
    /// The prediction of a model with (`true`) or without a start token.
    pub fn with_start_token(start_token: bool) -> Self {
        if start_token {
            Self::All
        } else {
            Self::AfterFirst
        }
    }

    /// Tokens at the beginning of a sequence that are given, not predicted: 0 or 1.
    pub(crate) fn given(self) -> usize {
        match self {
            Self::All => 0,
            Self::AfterFirst => 1,
        }
    }
}

/// N sequences of S tokens out of a vocabulary of V, and which of the tokens are predicted. Always valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    samples: usize,
    length: usize,
    vocabulary: u32,
    prediction: Prediction,
}

impl Shape {
    /// # Errors
    ///
    /// No sequences, no tokens, a vocabulary outside 2 to 65536, more tokens than can be addressed, or sequences of one
    /// token with [`Prediction::AfterFirst`], where nothing would be predicted.
    pub fn new(
        samples: usize,
        length: usize,
        vocabulary: u32,
        prediction: Prediction,
    ) -> Result<Self, MeasureError> {
        if samples == 0 {
            return Err(MeasureError::NoSamples);
        }
        if length == 0 {
            return Err(MeasureError::EmptySequences);
        }
        if !(2..=65536).contains(&vocabulary) {
            return Err(MeasureError::Vocabulary { found: vocabulary });
        }
        if length <= prediction.given() {
            return Err(MeasureError::NothingPredicted);
        }
        if samples.checked_mul(length).is_none() {
            return Err(MeasureError::TooLarge { samples, length });
        }
        Ok(Self {
            samples,
            length,
            vocabulary,
            prediction,
        })
    }

    /// N, the number of sequences.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// S, the tokens a sequence.
    pub fn length(&self) -> usize {
        self.length
    }

    /// V, the tokens to choose from.
    pub fn vocabulary(&self) -> u32 {
        self.vocabulary
    }

    /// Which tokens are predicted.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// Predicted tokens a sequence: S, or S - 1 without a start token.
    pub fn predicted(&self) -> usize {
        self.length - self.prediction.given()
    }

    /// Predicted tokens of the whole dataset.
    pub fn predicted_tokens(&self) -> usize {
        self.samples * self.predicted()
    }

    /// Bits of one sequence's predicted tokens when they are uniform: S_pred log2 V.
    pub fn predicted_bits_per_sequence(&self) -> f64 {
        self.predicted() as f64 * f64::from(self.vocabulary).log2()
    }

    /// Bits of all predicted tokens when they are uniform: N S_pred log2 V.
    pub fn predicted_bits(&self) -> f64 {
        self.predicted_tokens() as f64 * f64::from(self.vocabulary).log2()
    }

    /// Bits of all tokens when they are uniform: N S log2 V.
    pub(crate) fn uniform_bits(&self) -> f64 {
        (self.samples * self.length) as f64 * f64::from(self.vocabulary).log2()
    }

    /// What strict bits come to by the paper's accounting: S / S_pred times as many.
    pub fn paper_bits(&self, strict: f64) -> f64 {
        strict * self.length as f64 / self.predicted() as f64
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            samples,
            length,
            vocabulary,
            prediction,
        } = self;
        let start = match prediction {
            Prediction::All => "with",
            Prediction::AfterFirst => "without",
        };
        write!(
            f,
            "{samples} sequences of {length} tokens out of {vocabulary} {start} a start token"
        )
    }
}

/// Refuses tokens that are not row-major [N, S], or that the vocabulary does not have.
pub(crate) fn check_tokens(tokens: &[u16], shape: Shape) -> Result<(), MeasureError> {
    let (samples, length, vocabulary) = (shape.samples(), shape.length(), shape.vocabulary());
    if tokens.len() != samples * length {
        return Err(MeasureError::TokenCount {
            found: tokens.len(),
            samples,
            length,
        });
    }
    match tokens
        .iter()
        .position(|&token| u32::from(token) >= vocabulary)
    {
        Some(at) => Err(MeasureError::TokenOutOfRange {
            sequence: at / length,
            position: at % length,
            token: tokens[at],
            vocabulary,
        }),
        None => Ok(()),
    }
}
