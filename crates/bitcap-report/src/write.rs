//! Outputs: all made in memory, then written aside, then renamed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::ReportError;

/// Writes every file whole or not at all. Nothing is renamed before all are on disk, so a full disk leaves the
/// outputs of before as they were.
pub(crate) fn write_all(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), ReportError> {
    let failed = |path: PathBuf| move |source: io::Error| ReportError::Write { path, source };
    let mut aside = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        let file = write_aside(folder, bytes).map_err(failed(path.clone()))?;
        aside.push((file, path));
    }
    for (file, path) in aside {
        file.persist(&path)
            .map_err(|error| failed(path)(error.error))?;
    }
    Ok(())
}

fn write_aside(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; a report is as readable as the user's other files (less the umask).
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}
