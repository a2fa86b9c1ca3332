//! Where the files of a model are.

use std::path::{Path, PathBuf};

/// The folder of the model that `path` means: itself, or model/ in the folder of a cell.
pub(crate) fn model_folder(path: &Path) -> Option<PathBuf> {
    [path.to_owned(), path.join("model")]
        .into_iter()
        .find(|folder| folder.join("config.json").is_file())
}
