//! The records of an experiment's tables: a row of runs.csv and a row of timings.csv.
//!
//! They are written and read with the `csv` crate. Reading checks each value and takes files with fewer or further
//! columns: what a file does not have is at its default.

use std::path::{Component, Path};

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use crate::settings::ModelKind;

/// A row of runs.csv: one cell as a point of one curve, with nothing of the clock or the machine in it. A training
/// that belongs to two curves has a row in each.
///
/// Bits are base 2 and of the whole dataset; `_strict` and `_paper` are the two accountings. `None` (an empty field)
/// is what was not measured, or is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// The name of the cell's folder.
    #[serde(deserialize_with = "folder_name")]
    pub cell: String,
    /// Hash of the curve: of every setting but the dataset's size and the seeds.
    pub group: String,
    /// What tells the curve from the experiment's others, such as `width=16, optimizer=muon`; may be empty.
    pub label: String,
    /// The seed that the others follow from where they are not set by themselves.
    pub seed: u64,
    /// Whether the cell has twice the steps of its curve; 0 or 1 in the file.
    #[serde(serialize_with = "digit", deserialize_with = "zero_or_one")]
    pub doubled: bool,
    /// Kind of the source.
    pub source: String,
    /// V.
    #[serde(deserialize_with = "count")]
    pub vocabulary: u64,
    /// S, in tokens.
    #[serde(deserialize_with = "count")]
    pub length: u64,
    /// N, in sequences.
    #[serde(deserialize_with = "count")]
    pub samples: u64,
    /// How many of the sequences are different.
    pub distinct: u64,
    /// Entropy / (3.6 x parameters); 0 of data that are certain.
    #[serde(deserialize_with = "non_negative")]
    pub load: Option<f64>,
    /// Transformer blocks, or layers of another kind.
    #[serde(deserialize_with = "count")]
    pub layers: u64,
    /// Width of the residual stream.
    #[serde(deserialize_with = "count")]
    pub width: u64,
    /// Attention heads a block.
    #[serde(deserialize_with = "count")]
    pub heads: Option<u64>,
    /// Width of the MLP's hidden layer over `width`, where it is set so.
    #[serde(deserialize_with = "count")]
    pub mlp_ratio: Option<u64>,
    /// Whether the output layer is the embedding.
    pub tied_head: bool,
    /// Whether all S tokens are predicted, so that both accountings agree.
    pub start_token: bool,
    /// Law of the initial weights, where there is a choice.
    pub initialization: String,
    /// Trained parameters.
    #[serde(deserialize_with = "count")]
    pub parameters: u64,
    /// Name of the optimizer.
    pub optimizer: String,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Name of the learning rate's schedule.
    pub schedule: String,
    /// Optimizer steps.
    pub steps: u64,
    /// Sequences a step, or `full`.
    pub batch: String,
    /// Precision of the training.
    pub precision: String,
    /// Code length of the dataset with the source's parameters unknown.
    #[serde(deserialize_with = "non_negative")]
    pub entropy_bits: Option<f64>,
    /// The same with them known.
    pub source_bits: Option<f64>,
    /// The most that a model of single sequences can memorize; 0 or below where that is nothing.
    pub ceiling_bits_strict: Option<f64>,
    /// The same by the paper's accounting.
    pub ceiling_bits_paper: Option<f64>,
    /// Entropy less the model's code length.
    pub memorized_bits_strict: Option<f64>,
    /// The same by the paper's accounting.
    pub memorized_bits_paper: Option<f64>,
    /// Memorized / ceiling, the same by either accounting.
    pub fraction_of_ceiling: Option<f64>,
    /// Memorized / parameters.
    pub bits_per_parameter_strict: Option<f64>,
    /// The same by the paper's accounting.
    pub bits_per_parameter_paper: Option<f64>,
    /// Cross-entropy on the training data, in nats a predicted token; rounding may leave a perfect model's below 0.
    pub training_loss: f64,
    /// Fresh sequences.
    pub fresh_samples: Option<u64>,
    /// How many of them occur in the training data.
    pub fresh_in_training: Option<u64>,
    /// Entropy less code length of the fresh data: the noise floor.
    pub fresh_memorized_bits_strict: Option<f64>,
    /// The same by the paper's accounting.
    pub fresh_memorized_bits_paper: Option<f64>,
    /// Tokens predicted in training.
    pub training_tokens: u64,
    /// 6 x parameters x tokens.
    pub training_flops: f64,
    /// Sequences that are coded and counted: all, or of copies every string once.
    pub counted: Option<u64>,
    /// What stands for the source in the split: `source`, or a trained cell.
    pub oracle: Option<String>,
    /// The model's weight in the mixture with the oracle.
    pub mixture_weight: Option<f64>,
    /// Rote, by mixture.
    pub unintended_bits: Option<f64>,
    /// Rote, by the paper's maximum.
    pub unintended_bits_max: Option<f64>,
    /// Generalization, by mixture.
    pub intended_bits: Option<f64>,
    /// Generalization, by the paper's maximum.
    pub intended_bits_max: Option<f64>,
    /// What the data says of the source.
    pub intended_limit_bits: Option<f64>,
    /// Fresh sequences that are coded and counted.
    pub fresh_counted: Option<u64>,
    /// Code length of the fresh data with the source's parameters unknown.
    pub fresh_entropy_bits: Option<f64>,
    /// The same with them known.
    pub fresh_source_bits: Option<f64>,
    /// Cross-entropy on the fresh data, in nats a predicted token.
    pub fresh_loss: Option<f64>,
    /// Code length of the fresh data above the true source's, in bits a token.
    pub fresh_excess_bits_per_token: Option<f64>,
    /// The model's weight in the mixture on the fresh data.
    pub fresh_mixture_weight: Option<f64>,
    /// Rote found in the fresh data: the noise floor.
    pub fresh_unintended_bits: Option<f64>,
    /// The same by the paper's maximum.
    pub fresh_unintended_bits_max: Option<f64>,
    /// Generalization found in the fresh data.
    pub fresh_intended_bits: Option<f64>,
    /// The same by the paper's maximum.
    pub fresh_intended_bits_max: Option<f64>,
    /// What the fresh data says of the source.
    pub fresh_intended_limit_bits: Option<f64>,
    /// Area under the curve of membership inference by code length.
    #[serde(deserialize_with = "share")]
    pub membership_auc: Option<f64>,
    /// Its balanced accuracy.
    #[serde(deserialize_with = "share")]
    pub membership_balanced_accuracy: Option<f64>,
    /// Its F1.
    #[serde(deserialize_with = "share")]
    pub membership_f1: Option<f64>,
    /// Its true positive rate at a false positive rate of 1 %.
    #[serde(deserialize_with = "share")]
    pub membership_tpr_at_1_percent_fpr: Option<f64>,
    /// Share of sequences whose rest is every arg max after 8 tokens.
    #[serde(deserialize_with = "share")]
    pub extraction_8: Option<f64>,
    /// After 16.
    #[serde(deserialize_with = "share")]
    pub extraction_16: Option<f64>,
    /// After 32.
    #[serde(deserialize_with = "share")]
    pub extraction_32: Option<f64>,
    /// The same of fresh sequences, after 8 tokens.
    #[serde(deserialize_with = "share")]
    pub fresh_extraction_8: Option<f64>,
    /// After 16.
    #[serde(deserialize_with = "share")]
    pub fresh_extraction_16: Option<f64>,
    /// After 32.
    #[serde(deserialize_with = "share")]
    pub fresh_extraction_32: Option<f64>,
    /// At least the entropy, where that is not known and has a bound.
    #[serde(deserialize_with = "non_negative")]
    pub entropy_bound_bits: Option<f64>,
    /// At least the memorized bits, where the entropy has a bound.
    pub memorized_bound_bits: Option<f64>,
    /// The architecture; the first of the columns that a table of GPT-2s alone does not have.
    pub model: ModelKind,
    /// Width of the MLP's hidden layer, where it is no multiple of `width`.
    #[serde(deserialize_with = "count")]
    pub mlp_width: Option<u64>,
    /// Numbers of a channel's state in a Mamba; the first of the columns that a table without one does
    /// not have.
    #[serde(deserialize_with = "count")]
    pub state: Option<u64>,
    /// Its channels over `width`.
    #[serde(deserialize_with = "count")]
    pub expand: Option<u64>,
    /// Positions that its convolution sees.
    #[serde(deserialize_with = "count")]
    pub conv_kernel: Option<u64>,
    /// Experts a block; the first of the columns that a table without a mixture of experts does not have.
    #[serde(deserialize_with = "count")]
    pub experts: Option<u64>,
    /// Those of them that a token is routed to.
    #[serde(deserialize_with = "count")]
    pub experts_per_token: Option<u64>,
    /// Weight of the load balancing loss.
    #[serde(deserialize_with = "non_negative")]
    pub auxiliary_loss: Option<f64>,
    /// Parameters that take part in predicting one token, where some are chosen for each.
    #[serde(deserialize_with = "count")]
    pub active_parameters: Option<u64>,
    /// Steps of L-BFGS after the optimizer's; None where there are none. A table without any does not have the
    /// column.
    #[serde(deserialize_with = "count")]
    pub polish_steps: Option<u64>,
}

/// A row of timings.csv: what a cell took, and on what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// The name of the cell's folder.
    #[serde(deserialize_with = "folder_name")]
    pub cell: String,
    /// The host's name.
    pub host: String,
    /// The device's name on it, such as `flex`.
    pub device: String,
    /// When the training began, as RFC 3339.
    pub started: String,
    /// Seconds that the training took.
    #[serde(deserialize_with = "non_negative")]
    pub seconds: f64,
    /// Tokens predicted in training.
    pub training_tokens: u64,
    /// Their number a second.
    pub tokens_per_second: f64,
    /// Floating-point operations a second, approximate.
    pub flops_per_second: f64,
}

impl Run {
    /// runs.csv with these rows.
    ///
    /// It ends before columns that came later and that no row needs, those of bounds, of other
    /// architectures than GPT-2, of Mamba, of mixtures of experts and of a polish, and is to the byte what it was
    /// when there were none.
    #[must_use]
    pub fn table(rows: &[Self]) -> Vec<u8> {
        let bytes = csv(rows);
        let has = |kind: ModelKind| rows.iter().any(|run| run.model == kind);
        if rows.iter().any(|run| run.polish_steps.is_some()) {
            return bytes;
        }
        let first_left_out = if has(ModelKind::Moe) {
            "polish_steps"
        } else if has(ModelKind::Mamba) {
            "experts"
        } else if rows.iter().any(|run| run.model != ModelKind::Gpt2) {
            "state"
        } else if rows.iter().any(|run| run.entropy_bound_bits.is_some()) {
            "model"
        } else {
            "entropy_bound_bits"
        };
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).from_reader(&bytes[..]);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut kept = None;
        for record in reader.records() {
            let record = record.expect("a table that was just written");
            let columns = || record.iter().position(|name| name == first_left_out);
            let kept = *kept.get_or_insert_with(|| columns().unwrap_or(record.len()));
            let written = writer.write_record(record.iter().take(kept));
            written.expect("a Vec takes all");
        }
        writer.into_inner().expect("a Vec takes all")
    }

    /// The columns that are settings, and not results, names or what follows from other settings, with what is in
    /// them.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 27] {
        // Older tables have no column for it, and no polish.
        let polish_steps = self.polish_steps.unwrap_or(0).to_string();
        macro_rules! texts {
            ($($name:ident)*) => {
                [$((stringify!($name), self.$name.text()),)* ("polish_steps", polish_steps)]
            };
        }
        texts! {
            seed source vocabulary length samples layers width heads mlp_ratio tied_head start_token
            initialization optimizer learning_rate schedule steps batch precision model mlp_width
            state expand conv_kernel
            experts experts_per_token auxiliary_loss
        }
    }
}

/// A value as it stands in a table.
trait Field {
    fn text(&self) -> String;
}

macro_rules! fields {
    ($($type:ty)*) => { $(impl Field for $type {
        fn text(&self) -> String {
            self.to_string()
        }
    })* };
}

fields! { u64 f64 bool String ModelKind }

impl<T: Field> Field for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map_or_else(String::new, Field::text)
    }
}

/// Rows as they stand in a file, with their header.
pub(crate) fn csv(rows: &[impl Serialize]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let written = writer.serialize(row);
        written.expect("rows are flat records of plain data");
    }
    writer.into_inner().expect("a Vec takes all")
}

/// No dataset on Earth has as many bits.
const MOST: f64 = 1e30;

/// A value that can be read and `fits`; `allowed` says in words what would.
fn checked<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    allowed: &str,
    fits: impl Fn(&T) -> bool,
) -> Result<T, D::Error> {
    // The type's own words are dropped: `csv` adds the line, and `allowed` says more than they do.
    let read = T::deserialize(deserializer).ok().filter(fits);
    read.ok_or_else(|| D::Error::custom(format!("it must be {allowed}")))
}

/// A number, or an `Option` of one, which is `None` where the field is empty.
pub trait Maybe<'de, N>: Deserialize<'de> + Copy + Into<Option<N>> {}

impl<'de, N, T: Deserialize<'de> + Copy + Into<Option<N>>> Maybe<'de, N> for T {}

/// A whole number from 1.
///
/// # Errors
/// For any other value.
pub fn count<'de, D: Deserializer<'de>, T: Maybe<'de, u64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let fits = |&n: &T| n.into().is_none_or(|n| n >= 1);
    checked(deserializer, "a whole number from 1", fits)
}

/// A number above 0.
///
/// # Errors
/// For any other value.
pub fn positive<'de, D: Deserializer<'de>, T: Maybe<'de, f64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let fits = |&x: &T| x.into().is_none_or(|x| (1.0 / MOST..=MOST).contains(&x));
    checked(deserializer, "a number from 1e-30 to 1e30", fits)
}

/// A number from 0 to 1.
///
/// # Errors
/// For any other value.
pub fn share<'de, D: Deserializer<'de>, T: Maybe<'de, f64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let fits = |&x: &T| x.into().is_none_or(|x| (0.0..=1.0).contains(&x));
    checked(deserializer, "a number from 0 to 1", fits)
}

/// A number of at least 0.
///
/// # Errors
/// For any other value.
pub fn non_negative<'de, D: Deserializer<'de>, T: Maybe<'de, f64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let fits = |&x: &T| x.into().is_none_or(|x| (0.0..=MOST).contains(&x));
    checked(deserializer, "a number from 0 to 1e30", fits)
}

/// A name that leads nowhere else, or none.
fn folder_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    // The cell's files are found by this name, and tables are passed on: one with `..` or a root in
    // it must not lead out of the folder.
    let fits = |name: &String| {
        let mut parts = Path::new(name).components();
        name.is_empty()
            // The part is compared with the whole: `a/` has but one part too.
            || matches!(parts.next(), Some(Component::Normal(part)) if part == name.as_str())
                && parts.next().is_none()
    };
    checked(deserializer, "the name of a folder", fits)
}

fn zero_or_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    checked(deserializer, "0 or 1", |&n: &u8| n <= 1).map(|n| n == 1)
}

fn digit<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}
