//! sequences.csv: a row a sequence.

use bitcap_measure::{CodeLengths, DataEntropy, Memorized};

use crate::known_data::KnownData;

/// The rows of `sequences.csv`, training data first, fresh data after; of copies a row a string.
///
/// Columns: `data` ("training" or "fresh"), `sequence` (index in its dataset; of copies that of the
/// first), `log2_probability_model` and `log2_probability_source` (of the predicted tokens, bits; by
/// the exact source, empty where nobody knows it), `memorized_bits_strict`, `memorized_bits_paper`
/// (empty where the source has parameters: the entropy of the dataset is then no sum over
/// sequences), `string` and `count` (of copies: the string's number and how often it stands in the
/// dataset; empty otherwise).
pub(crate) struct SequenceRows {
    text: String,
}

impl SequenceRows {
    pub(crate) fn new() -> Self {
        Self {
            text: "data,sequence,log2_probability_model,log2_probability_source,\
                   memorized_bits_strict,memorized_bits_paper,string,count\n"
                .into(),
        }
    }

    pub(crate) fn add(&mut self, name: &str, data: &KnownData, code: &CodeLengths) {
        use std::fmt::Write;
        for (i, (bits, uniform)) in code
            .bits()
            .iter()
            .zip(Memorized::per_sequence(code))
            .enumerate()
        {
            let source = data.source_bits.as_ref().map(|bits| bits[i]);
            let memorized = match data.entropy {
                DataEntropy::Uniform { .. } => Some((uniform.strict_bits, uniform.paper_bits)),
                _ => None,
            };
            // Subtracted, for the negative of no bits would be "-0".
            let source = source.map_or(String::new(), |bits| (0.0 - bits).to_string());
            let (strict, paper) = memorized.map_or_else(Default::default, |(strict, paper)| {
                (strict.to_string(), paper.to_string())
            });
            let (string, count) = data.counts().map_or_else(Default::default, |counts| {
                (i.to_string(), counts[i].to_string())
            });
            writeln!(
                self.text,
                "{name},{},{},{source},{strict},{paper},{string},{count}",
                data.place(i),
                0.0 - bits
            )
            .expect("a String takes all");
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcap_source::{Source, SourceSettings, Split};

    /// A coin that always falls on one side, and a model that is sure of it.
    #[test]
    fn certainty_is_a_plain_zero() {
        let coin = r#"{"kind":"coin","length":3,"prior":[1.0],"probabilities":[1.0],"seed":0}"#;
        let settings: SourceSettings = serde_json::from_str(coin).unwrap();
        let source = Source::draw_parameters(&settings).unwrap();
        let dataset = source.draw(0, 2, Split::Training).unwrap();
        let data = KnownData::of(&settings, Some(&source), dataset, true);
        let code = CodeLengths::new(data.shape, &[0.0_f32; 2 * 3]).unwrap();
        let mut rows = SequenceRows::new();
        rows.add("training", &data, &code);
        let text = String::from_utf8(rows.into_bytes()).unwrap();
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows, ["training,0,0,0,,,,", "training,1,0,0,,,,"]);
    }
}
