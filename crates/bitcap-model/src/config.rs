//! The keys of a config.json.

use bitcap_source::DataShape;
use serde_json::Value;

/// Reads keys, and says of one that is not what it must be what it must be.
pub(crate) struct Config<'a>(pub(crate) &'a Value);

impl Config<'_> {
    /// A positive whole number.
    pub(crate) fn number(&self, key: &str) -> Result<u32, String> {
        let number = self.0[key].as_u64().and_then(|n| u32::try_from(n).ok());
        number
            .filter(|&n| n > 0)
            .ok_or_else(|| format!("`{key}` must be a positive whole number"))
    }

    /// Any number.
    pub(crate) fn real(&self, key: &str) -> Result<f64, String> {
        let number = self.0[key].as_f64();
        number.ok_or_else(|| format!("`{key}` must be a number"))
    }

    /// A yes or no.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, String> {
        let flag = self.0[key].as_bool();
        flag.ok_or_else(|| format!("`{key}` must be true or false"))
    }

    /// The sequences that the model is made for, their length being under `length`.
    pub(crate) fn data(&self, length: &str) -> Result<DataShape, String> {
        // Not Hugging Face's, which keeps what it does not know: whether the last row of the
        // embedding is a start token cannot be told from the rest.
        let start_token = self.flag("bitcap_start_token")?;
        Ok(DataShape {
            vocabulary: self.number("vocab_size")? - u32::from(start_token),
            length: self.number(length)? as usize,
            start_token,
        })
    }
}
