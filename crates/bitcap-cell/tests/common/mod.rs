//! What tests of several kinds share.

use bitcap_base::Stop;
use bitcap_cell::RunOptions;

static NEVER: Stop = Stop::new();

/// A cell that nobody stops.
pub(crate) static OPTIONS: RunOptions<'static> = RunOptions {
    git_revision: "test",
    retry_failed: false,
    tensorboard: None,
    stop: &NEVER,
};
