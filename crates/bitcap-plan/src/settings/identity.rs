//! What a cell is called: a name out of its main sizes and a hash of what its training is.

use std::collections::BTreeMap;

use crate::settings::cell::CellSettings;

/// Sections whose settings change the trained weights. `seed` at the top level does so only
/// through the seeds in these.
const TRAINING_SECTIONS: [&str; 4] = ["source", "data", "model", "train"];

/// Settings that say where a file of the user's was found and what was in it. A cell keeps them, and
/// is refused where they do not hold any more; its name is by the path as it is written.
const FOUND: [&str; 4] = [
    "source.resolved",
    "source.blake3",
    "source.of.resolved",
    "source.of.blake3",
];

/// Settings in which the cells of one curve differ.
const WITHIN_A_CURVE: [&str; 5] = [
    "data.samples",
    "data.seed",
    "source.seed",
    "source.of.seed",
    "train.seed",
];

impl CellSettings {
    /// The name of the cell's folder: the model's main sizes, samples, steps, seed, and [`Self::hash8`], as
    /// in `l1-w16-n346-t2000-s0-0f3a9c21`. Letters, digits and dashes only.
    #[must_use]
    pub fn name(&self) -> String {
        format!(
            "{}-n{}-t{}-s{}-{}",
            self.model.summary(),
            self.data.samples,
            self.train.steps,
            self.seed,
            self.hash8()
        )
    }

    /// BLAKE3 over every setting that changes the trained weights: source, data, model and
    /// training with their seeds, and nothing of the measure, the engine or the experiment.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        hash_of("cell", &self.training_settings())
    }

    /// The first eight hexadecimal digits of [`Self::hash`].
    #[must_use]
    pub fn hash8(&self) -> String {
        self.hash().to_hex()[..8].to_owned()
    }

    /// Eight digits that are the same for all cells of one curve: of every setting but the size of
    /// the dataset and the seeds. For a cell trained with twice the steps, ask the cell that it is
    /// compared with.
    #[must_use]
    pub fn group(&self) -> String {
        let mut settings = self.training_settings();
        settings.retain(|key, _| !WITHIN_A_CURVE.contains(&key.as_str()));
        hash_of("group", &settings).to_hex()[..8].to_owned()
    }

    /// Dotted keys and values in JSON, sorted by key, so that neither the order of the file nor
    /// that of the structs' fields changes a hash.
    fn training_settings(&self) -> BTreeMap<String, String> {
        let value = serde_json::to_value(self).expect("structs of numbers, texts and lists");
        let mut settings = BTreeMap::new();
        for section in TRAINING_SECTIONS {
            flatten(section, &value[section], &mut settings);
        }
        settings.retain(|key, _| !FOUND.contains(&key.as_str()));
        settings
    }
}

fn flatten(key: &str, value: &serde_json::Value, into: &mut BTreeMap<String, String>) {
    if let serde_json::Value::Object(members) = value {
        for (member, value) in members {
            flatten(&format!("{key}.{member}"), value, into);
        }
    } else {
        into.insert(key.to_owned(), value.to_string());
    }
}

fn hash_of(kind: &str, settings: &BTreeMap<String, String>) -> blake3::Hash {
    let mut text = format!("bitcap {kind} 1\n");
    for (key, value) in settings {
        text.push_str(&format!("{key} = {value}\n"));
    }
    blake3::hash(text.as_bytes())
}
