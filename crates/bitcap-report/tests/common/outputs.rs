//! Outputs folders to compare.

use tempfile::TempDir;

use super::folder_with;

/// The columns of runs.csv that a comparison needs, and a few of those that are settings.
pub(crate) const RUNS: &str = "cell,doubled,optimizer,learning_rate,steps,parameters,memorized_bits_strict,\
    memorized_bits_paper,training_loss\n";

/// Those of timings.csv, and one that it does not need.
pub(crate) const TIMINGS: &str = "cell,host,device,started,seconds\n";

/// A folder with these files; timings.csv is there only if there is a text for it.
pub(crate) fn folder(runs: &str, timings: Option<&str>) -> TempDir {
    let timings = timings.map(|timings| ("timings.csv", timings));
    let files = [Some(("runs.csv", runs)), timings];
    folder_with(&files.into_iter().flatten().collect::<Vec<_>>()).0
}
