//! Atomic writes: a file is written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// How files begin and end that are being written aside.
// Files of such names are not sent from host to host (bitcap-plan, submit/parallel.rs): the two
// belong together.
const PREFIX: &str = ".bitcap-";
const SUFFIX: &str = ".partial";

/// Writes `bytes` to `path`: aside in the same folder, synced, then renamed over what was there.
/// A reader sees the old file or the new one, and a failure leaves the old one as it was.
///
/// # Errors
/// If the file system refuses.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    rename(write_aside(path, bytes)?, path)
}

/// Writes several files into `folder` by their names, each as [`write_atomic`] does. None is renamed
/// before all are on disk, so that a full disk leaves those of before as they were.
///
/// # Errors
/// If the file system refuses, with the name of the file.
pub fn write_all_atomic(
    folder: &Path,
    files: &[(String, Vec<u8>)],
) -> Result<(), (String, io::Error)> {
    // Files that wait here for their names remove themselves where a later one cannot be written.
    let mut written = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        let path = folder.join(name);
        let file = write_aside(&path, bytes).map_err(|error| (name.clone(), error))?;
        written.push((name, path, file));
    }
    // Renames one by one are not one operation: a process that is killed between two leaves files
    // of now beside files of before.
    for (name, path, file) in written {
        rename(file, &path).map_err(|error| (name.clone(), error))?;
    }
    Ok(())
}

fn write_aside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = create_aside(path)?;
    file.write_all(bytes)?;
    // Before the rename: after a loss of power the new name could else lead to an empty file.
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives a file that was written aside and synced its name, and has the folder remember it.
///
/// # Errors
/// If the file system refuses.
pub fn rename(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path)?;
    // A rename is on disk only when its folder is. Where a file system cannot sync a folder, its
    // own order of writes has to do.
    #[cfg(unix)]
    drop(File::open(folder_of(path)).and_then(|folder| folder.sync_all()));
    Ok(())
}

/// A file in the folder of `path`, to be renamed to it; gone when it is dropped before.
///
/// # Errors
/// If the file system refuses.
pub fn create_aside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // Temporary files are their owner's alone; ours are as readable as any other new file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // In the same folder, since no rename goes from one file system to another.
    builder.tempfile_in(folder_of(path))
}

fn folder_of(path: &Path) -> &Path {
    // Of a name alone the parent is the empty path, which is no folder to open.
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes what a process that was killed had written aside in `folder`: files last written longer
/// than `age` ago, so that those of a process that lives can be spared. A folder that is not there
/// has none.
///
/// # Errors
/// If the file system refuses.
pub fn remove_partial(folder: &Path, age: Duration) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let now = SystemTime::now();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            continue;
        }
        let written = match entry.metadata() {
            // Its own process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            there => there?.modified()?,
        };
        // What another machine with a clock that is ahead has written counts as new.
        if now.duration_since(written).unwrap_or_default() < age {
            continue;
        }
        // It may be gone: two processes clear up at once, or it has just been given its name.
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
