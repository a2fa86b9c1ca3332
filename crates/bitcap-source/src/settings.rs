//! The `[source]` section of an experiment: which distribution the sequences come from.

use std::ops::Deref;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::kind::{FileFacts, Kind};
use crate::kinds::addition::AdditionSettings;
use crate::kinds::coin::CoinSettings;
use crate::kinds::copies::{CopiesSettings, of_strings};
use crate::kinds::copying::CopyingSettings;
use crate::kinds::facts::FactsSettings;
use crate::kinds::file::FileSettings;
use crate::kinds::grammar::GrammarSettings;
use crate::kinds::hidden_markov::HiddenMarkovSettings;
use crate::kinds::linear::LinearSettings;
use crate::kinds::markov::{MarkovSettings, UnigramSettings};
use crate::kinds::parity::ParitySettings;
use crate::kinds::uniform::UniformSettings;
use bitcap_base::InvalidSetting;

/// The kinds of sources: the name in `kind`, the variant and the settings of each.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal: $variant:ident($settings:ty),)*) => {
        /// The `[source]` section: the distribution that the data is drawn from. `kind` says which
        /// one, and with it which other keys there are.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind")]
        pub enum SourceSettings {
            $($(#[$doc])* #[serde(rename = $name)] $variant($settings),)*
        }

        // What every kind can do is called through this, so that it takes no match over the kinds.
        impl Deref for SourceSettings {
            type Target = dyn Kind;

            fn deref(&self) -> &Self::Target {
                match self { $(Self::$variant(settings) => settings,)* }
            }
        }

        impl SourceSettings {
            /// The names in `kind`.
            pub const KINDS: &[&str] = &[$($name),*];

            /// Reads the settings of a kind where the kind itself is known already.
            ///
            /// # Errors
            /// The kind is none, or these are not its settings.
            pub fn of_kind<'de, D: Deserializer<'de>>(
                kind: &str,
                settings: D,
            ) -> Result<Self, D::Error> {
                match kind {
                    $($name => <$settings>::deserialize(settings).map(Self::$variant),)*
                    _ => Err(D::Error::unknown_variant(kind, Self::KINDS)),
                }
            }

            /// The name of the source, as in `kind`.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }
        }
    };
}

kinds! {
    /// Tokens that are uniform over the vocabulary and independent: there is nothing to generalize,
    /// and all that is learned of them is memorized.
    "uniform": Uniform(UniformSettings),
    /// Independent bits (V = 2) that are 1 with one probability, drawn from a finite prior.
    "coin": Coin(CoinSettings),
    /// Independent tokens, whose distribution is drawn from a symmetric Dirichlet prior.
    "unigram": Unigram(UnigramSettings),
    /// A Markov chain of order k: for each k tokens, the distribution of the next is drawn from a
    /// symmetric Dirichlet prior. The first k tokens of a sequence are uniform.
    "markov": Markov(MarkovSettings),
    /// A hidden Markov model: a Markov chain of hidden states, each of which gives a token. The
    /// distributions of the next state and of the token are drawn from symmetric Dirichlet priors.
    /// The entropy of its datasets is not known, only a bound of it; their code length given the
    /// source is exact.
    "hidden_markov": HiddenMarkov(HiddenMarkovSettings),
    /// Bits (V = 2): the last m of a sequence are a linear map over GF(2) of the first k, the same
    /// for all sequences and drawn from all such maps. All other bits are uniform.
    "linear": Linear(LinearSettings),
    /// Sparse parity: bits (V = 2), the last of which is the parity of k of the others, the same k in
    /// all sequences, drawn from all subsets of that size. All other bits are uniform. (The parity of
    /// a subset of any size is `linear` with one output.)
    "parity": Parity(ParitySettings),
    /// Two uniform numbers and their sum, digits least significant first: the sum follows from the
    /// numbers, and there is nothing else to learn.
    "addition": Addition(AdditionSettings),
    /// A uniform string, a separator, and the string again, of which each token may be replaced by a
    /// uniform one: what can be learned is to copy.
    "copying": Copying(CopyingSettings),
    /// Facts out of a table that is drawn once: each sequence states the value that a name has for an
    /// attribute. The entropy less the bits of the source (`intended_limit_bits`) is what the data say
    /// of the table, bits of knowledge as in "Physics of Language Models: Part 3.3".
    "facts": Facts(FactsSettings),
    /// A random probabilistic context-free grammar of bounded depth, the random hierarchy model with
    /// rules that are not equally likely: each of v symbols of a level becomes c of the level below by
    /// one of its r rules. The entropy of its datasets is not known, only a bound of it; their code
    /// length given the source is exact.
    "grammar": Grammar(GrammarSettings),
    /// Sequences of another source, each repeated, so that exposure varies. Each is measured once,
    /// however often it is repeated.
    "copies": Copies(CopiesSettings<Self>),
    /// Your own bytes or tokens, whose entropy is not known. Training data is read from the beginning
    /// of the file, fresh data from its end.
    "file": File(FileSettings),
}

/// Sources that are a file, or copies of one.
impl SourceSettings {
    fn file_settings(&self) -> Option<&FileSettings> {
        match self {
            Self::File(file) => Some(file),
            Self::Copies(copies) => copies.of.file_settings(),
            _ => None,
        }
    }

    fn file_settings_mut(&mut self) -> Option<&mut FileSettings> {
        match self {
            Self::File(file) => Some(file),
            Self::Copies(copies) => copies.of.file_settings_mut(),
            _ => None,
        }
    }

    /// Whether the entropy of a dataset is not known and has a bound: where the source's
    /// probabilities are known, but not their mean over the prior of its parameters.
    #[must_use]
    pub fn entropy_is_bounded(&self) -> bool {
        !self.entropy_is_known() && self.file().is_none()
    }

    /// The file that is read, where the source is one or copies of one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file_settings().map(FileSettings::found)
    }

    /// Has the path of a source that is a file, or copies of one, begin at `base` where it is
    /// relative: from then on it means the same wherever a program runs.
    pub fn resolve_paths(&mut self, base: &Path) {
        if let Some(file) = self.file_settings_mut() {
            // A path that is absolute already takes the place of `base` when joined.
            file.resolved = Some(base.join(&file.path));
        }
    }

    /// What the file holds, where the source is a file or copies of one: all that is wrong with it
    /// is found, in one pass that keeps nothing of it. The settings must be valid.
    ///
    /// # Errors
    /// The file is missing, a folder or a device, shorter than a sequence, has a token that is not
    /// in the vocabulary, or not the hash that the settings name.
    pub fn inspect_file(&self) -> Result<Option<FileFacts>, InvalidSetting> {
        match self {
            Self::File(file) => file.inspect().map(Some),
            Self::Copies(copies) => copies.of.inspect_file().map_err(of_strings),
            _ => Ok(None),
        }
    }

    /// The hash that the file must have, where it is settled.
    #[must_use]
    pub fn file_blake3(&self) -> Option<&str> {
        self.file_settings()?.blake3.as_deref()
    }

    /// Has a source that is a file, or copies of one, be of this very content
    /// ([`FileFacts::blake3`]).
    pub fn set_file_blake3(&mut self, blake3: &str) {
        if let Some(file) = self.file_settings_mut() {
            file.blake3 = Some(blake3.into());
        }
    }

    /// That a file has as many sequences as `samples` take.
    ///
    /// # Errors
    /// It has fewer.
    pub fn check_samples(&self, file: &FileFacts, samples: u64) -> Result<(), InvalidSetting> {
        let strings = self.strings(samples);
        if strings <= file.sequences {
            return Ok(());
        }
        let mut found = samples.to_string();
        // N counts copies and the file holds strings: without both numbers the error would seem
        // wrong.
        if strings != samples {
            found += &format!(" (copies of {strings} strings)");
        }
        let (sequences, length) = (file.sequences, self.length());
        let plural = if sequences == 1 { "" } else { "s" };
        let allowed =
            format!("smaller: the file has {sequences} whole sequence{plural} of {length} tokens");
        Err(InvalidSetting::new("data.samples", found, allowed))
    }
}
