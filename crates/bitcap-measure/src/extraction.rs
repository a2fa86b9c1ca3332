//! Which sequences come out of the model when it is given their beginning.

use bitcap_source::DataShape;
use serde::{Deserialize, Serialize};

use crate::rows::rows;

/// Tokens of the prefixes that extraction is tried from (Morris et al., section 5).
const EXTRACTION_PREFIXES: [usize; 3] = [8, 16, 32];

/// How many sequences greedy decoding continues without an error from a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    /// Tokens given.
    pub prefix: usize,
    /// Sequences of which every other token came out.
    pub extracted: usize,
    /// Their share of all sequences.
    pub rate: f64,
}

impl Extraction {
    /// From each of the prefixes of 8, 16 and 32 tokens that is shorter than the sequences. `right` says of each
    /// predicted token, row-major [N, S_pred], whether it is the most probable one, given the true tokens before it.
    ///
    /// Greedy decoding gives a sequence back exactly if that holds of all its tokens after the prefix: up to the first
    /// error it reads the true tokens. So one pass tells.
    ///
    /// # Panics
    ///
    /// If there are no predictions, or they do not make whole sequences.
    pub fn of(right: &[bool], shape: DataShape) -> Vec<Self> {
        let rows = rows(right, shape.predicted());
        let of_prefix = |prefix: usize| {
            // Tokens that are not predicted are given; every prefix holds them.
            let rest = prefix - shape.given();
            let all_right = |row: &&[bool]| row[rest..].iter().all(|right| *right);
            let extracted = rows.clone().filter(all_right).count();
            Self {
                prefix,
                extracted,
                rate: extracted as f64 / rows.len() as f64,
            }
        };
        let prefixes = EXTRACTION_PREFIXES.into_iter();
        prefixes
            // A prefix of a whole sequence leaves nothing to get wrong, and would extract
            // everything.
            .filter(|prefix| *prefix < shape.length)
            .map(of_prefix)
            .collect()
    }
}
