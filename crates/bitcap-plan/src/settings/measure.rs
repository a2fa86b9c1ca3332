//! The `[measure]` section, and `[sweep]`: what is asked of trained models and of a sweep. Nothing here
//! changes the weights of a cell.

use bitcap_base::{InvalidSetting, check_setting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `measure.oracle` where the exact source itself is the oracle.
pub const EXACT_SOURCE: &str = "source";

/// The `[measure]` section: what is measured on a trained model. Nothing here changes the weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeasureSettings {
    /// Whether fresh data is measured too: as many sequences as the training data has.
    pub fresh: bool,
    /// Steps between two rows of metrics.csv, at least 1.
    pub metrics_every: u64,
    /// The reference that separates rote from generalization: `"source"` for the exact source, or a
    /// trained model, by the name of a cell of this experiment or the path of a cell's folder.
    pub oracle: String,
}

impl Default for MeasureSettings {
    fn default() -> Self {
        Self {
            fresh: true,
            metrics_every: 50,
            oracle: EXACT_SOURCE.into(),
        }
    }
}

impl MeasureSettings {
    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let every = self.metrics_every;
        check_setting(every > 0, "measure.metrics_every", every, "at least 1")?;
        let allowed = "\"source\", the name of a cell of this experiment, or the folder of one";
        check_setting(!self.oracle.is_empty(), "measure.oracle", "empty", allowed)
    }
}

/// The `[sweep]` section: what is trained beside the grid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepSettings {
    /// The load, above 0, at which each model and seed is trained with twice the steps too, to see
    /// whether the capacity is a plateau. By default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubled_at_load: Option<f64>,
}

impl SweepSettings {
    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        // None is as good as any number that fits.
        let load = self.doubled_at_load.unwrap_or(1.0);
        let (fits, found) = (load.is_finite() && load > 0.0, format!("{load:?}"));
        check_setting(fits, "sweep.doubled_at_load", found, "a number above 0")
    }
}
