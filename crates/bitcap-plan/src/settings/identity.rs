//! What a cell is called: a name out of its main sizes and a hash of what its training is.

use serde_json::Value;

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
        let (model, hash) = (self.model.summary(), self.hash8());
        let (samples, steps, seed) = (self.data.samples, self.train.steps, self.seed);
        format!("{model}-n{samples}-t{steps}-s{seed}-{hash}")
    }

    /// BLAKE3 over every setting that changes the trained weights: source, data, model and
    /// training with their seeds, and nothing of the measure, the engine or the experiment.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        self.hash_of("cell", &[])
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
        self.hash_of("group", &WITHIN_A_CURVE).to_hex()[..8].to_owned()
    }

    /// Every setting that the training may depend on, by its dotted key.
    pub(crate) fn training_settings(&self) -> Vec<(String, Value)> {
        let mut value = serde_json::to_value(self).expect("structs of numbers, texts and lists");
        let mut settings = Vec::new();
        for section in TRAINING_SECTIONS {
            flatten(section.to_owned(), value[section].take(), &mut settings);
        }
        settings
    }

    /// The hash of those that are not in `without`. They are sorted, so that neither the order of the
    /// file nor that of the structs' fields changes it.
    fn hash_of(&self, kind: &str, without: &[&str]) -> blake3::Hash {
        let mut settings = self.training_settings();
        settings.retain(|(key, _)| !FOUND.contains(&&**key) && !without.contains(&&**key));
        settings.sort_by(|(a, _), (b, _)| a.cmp(b));
        // How serde_json writes a value is part of every name (`no_published_cell_is_renamed`).
        let lines = settings
            .iter()
            .map(|(key, value)| format!("{key} = {value}\n"));
        // `kind` keeps the hashes of cells and of curves apart; 1 is the version of this form.
        blake3::hash((format!("bitcap {kind} 1\n") + &lines.collect::<String>()).as_bytes())
    }
}

fn flatten(key: String, value: Value, into: &mut Vec<(String, Value)>) {
    if let Value::Object(members) = value {
        for (member, value) in members {
            flatten(format!("{key}.{member}"), value, into);
        }
    } else {
        into.push((key, value));
    }
}
