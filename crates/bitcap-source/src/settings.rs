//! The `[source]` section of an experiment: which distribution the sequences come from.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::kind::{AnyKind, Exposure, FileFacts, Kind};
use crate::kinds::coin::CoinSettings;
use crate::kinds::copies::CopiesSettings;
use crate::kinds::file::FileSettings;
use crate::kinds::linear::LinearSettings;
use crate::kinds::markov::{MarkovSettings, UnigramSettings};
use crate::kinds::uniform::UniformSettings;
use crate::range::invalid;
use bitcap_base::InvalidSetting;

/// The kinds of sources: the name in `kind`, the variant and the settings of each. Nowhere else are
/// they told apart.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal: $variant:ident($settings:ty),)*) => {
        /// The `[source]` section: the distribution that the data is drawn from. `kind` says which
        /// one, and with it which other keys there are.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind")]
        pub enum SourceSettings {
            $($(#[$doc])* #[serde(rename = $name)] $variant($settings),)*
        }

        impl AnyKind for SourceSettings {
            fn as_kind(&self) -> &dyn Kind {
                match self { $(Self::$variant(settings) => settings,)* }
            }

            fn as_kind_mut(&mut self) -> &mut dyn Kind {
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
    /// Bits (V = 2): the last m of a sequence are a linear map over GF(2) of the first k, the same
    /// for all sequences and drawn from all such maps. All other bits are uniform.
    "linear": Linear(LinearSettings),
    /// Sequences of another source, each repeated, so that exposure varies. Each is measured once,
    /// however often it is repeated.
    "copies": Copies(CopiesSettings<Self>),
    /// Your own bytes or tokens, whose entropy is not known. Training data is read from the beginning
    /// of the file, fresh data from its end.
    "file": File(FileSettings),
}

impl SourceSettings {
    /// Whether every setting is in its range. Reads no file.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        self.as_kind().validate()
    }

    /// Vocabulary V: tokens go from 0 to V - 1.
    #[must_use]
    pub fn vocabulary(&self) -> u32 {
        self.as_kind().common().vocabulary
    }

    /// Length S: tokens a sequence.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.as_kind().common().length
    }

    /// The seed that the parameters are drawn with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.as_kind().common().seed
    }

    /// Whether a model of this source needs a start token: all but uniform data do, as there the
    /// first token has a distribution to be learned, which must be predicted to be measured.
    #[must_use]
    pub fn needs_start_token(&self) -> bool {
        self.as_kind().needs_start_token()
    }

    /// Whether the exact entropy of a dataset is known; it is not where the source is a file.
    #[must_use]
    pub fn entropy_is_known(&self) -> bool {
        self.as_kind().entropy_is_known()
    }

    /// Bits to plan a sequence by, before there is any data: how much N grows the entropy. None for
    /// copies by Zipf's law, whose entropy is not proportional to N.
    ///
    /// It is the mean over the prior of H(X | source) / N, the same for every seed. For uniform data
    /// that is the entropy. For the others, what the data say of the parameters comes on top of it
    /// in the entropy of a dataset: about (log2 N)/2 bits for each of them, which is not proportional
    /// to N. For files, whose entropy is not known, it is the bound S log2 V: for planning, never a
    /// measure.
    #[must_use]
    pub fn expected_entropy_bits_per_sequence(&self) -> Option<f64> {
        self.as_kind().expected_entropy_bits_per_sequence()
    }

    /// Bits to plan a dataset of `samples` sequences by: those of
    /// [`Self::expected_entropy_bits_per_sequence`] for each, of copies for each string. For uniform
    /// data it is the exact entropy, N S log2 V, rounded to f64 where it is no whole number below
    /// 2^53.
    #[must_use]
    pub fn expected_entropy_bits(&self, samples: u64) -> f64 {
        self.as_kind().expected_entropy_bits(samples)
    }

    /// Which string each of `samples` sequences is a copy of, and how many copies each has; None
    /// where the source is not copies. It follows from the settings alone. They must be valid.
    #[must_use]
    pub fn exposure(&self, samples: usize) -> Option<Exposure> {
        self.as_kind().exposure(samples)
    }

    /// The file that is read, where the source is one or copies of one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.as_kind().file()
    }

    /// Has the path of a source that is a file, or copies of one, begin at `base` where it is
    /// relative: from then on it means the same wherever a program runs.
    pub fn resolve_paths(&mut self, base: &Path) {
        self.as_kind_mut().resolve_paths(base);
    }

    /// What the file holds, where the source is a file or copies of one: all that is wrong with it
    /// is found, in one pass that keeps nothing of it. The settings must be valid.
    ///
    /// # Errors
    /// The file is missing, a folder or a device, shorter than a sequence, has a token that is not
    /// in the vocabulary, or not the hash that the settings name.
    pub fn inspect_file(&self) -> Result<Option<FileFacts>, InvalidSetting> {
        self.as_kind().inspect_file()
    }

    /// The hash that the file must have, where it is settled.
    #[must_use]
    pub fn file_blake3(&self) -> Option<&str> {
        self.as_kind().file_blake3()
    }

    /// Has a source that is a file, or copies of one, be of this very content
    /// ([`FileFacts::blake3`]).
    pub fn set_file_blake3(&mut self, blake3: &str) {
        self.as_kind_mut().set_file_blake3(blake3);
    }

    /// That a file has as many sequences as `samples` take.
    ///
    /// # Errors
    /// It has fewer.
    pub fn check_samples(&self, file: &FileFacts, samples: u64) -> Result<(), InvalidSetting> {
        let strings = self.as_kind().strings(samples);
        if strings <= file.sequences {
            return Ok(());
        }
        let mut found = samples.to_string();
        if strings != samples {
            found += &format!(" (copies of {strings} strings)");
        }
        let (sequences, length) = (file.sequences, self.length());
        let allowed =
            format!("smaller: the file has {sequences} whole sequences of {length} tokens");
        Err(invalid("data.samples", found, allowed))
    }
}
