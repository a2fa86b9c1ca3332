//! Outputs folders to compare.

use tempfile::TempDir;

/// The columns of runs.csv that a comparison needs, and a few of those that are settings.
pub(crate) const RUNS: &str = "cell,doubled,optimizer,learning_rate,steps,parameters,memorized_bits_strict,\
    memorized_bits_paper,training_loss\n";

/// Those of timings.csv, and one that it does not need.
pub(crate) const TIMINGS: &str = "cell,host,device,started,seconds\n";

/// A folder with these files; timings.csv is there only if there is a text for it.
pub(crate) fn folder(runs: &str, timings: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("runs.csv"), runs).unwrap();
    if let Some(timings) = timings {
        std::fs::write(folder.path().join("timings.csv"), timings).unwrap();
    }
    folder
}
