//! The lock of a cell: who works on it, and that nobody else does.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::FolderError;
use crate::manifest::host;

/// How long to wait for those who only ask: far longer than they take.
const MOMENT: Duration = Duration::from_millis(10);
const MOMENTS: u32 = 5;

/// Held by the process that works on a cell; a process that is dead holds nothing.
///
/// It is the system's lock on a whole file (flock), which a network file system must carry to all
/// machines if cells are to be shared between them.
#[derive(Debug)]
pub struct CellLock {
    file: File,
    path: PathBuf,
}

impl CellLock {
    /// Takes the lock at `path`, whose folder must be there; `None` where another process holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, FolderError> {
        let mut tries = 0;
        loop {
            // Not cut: it says who holds it, if somebody does.
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = options.open(path).map_err(FolderError::io(path))?;
            match file.try_lock() {
                Ok(()) => {}
                // Who only asks whether it is held holds a share of it for a moment.
                Err(TryLockError::WouldBlock) if tries < MOMENTS => {
                    tries += 1;
                    std::thread::sleep(MOMENT);
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => {
                    return Err(FolderError::NoLocks {
                        path: path.to_owned(),
                        source,
                    });
                }
            }
            let mut lock = Self {
                file,
                path: path.to_owned(),
            };
            // The folder may have been taken away and made again before we had the lock.
            match lock.check() {
                Err(_) if tries < MOMENTS => tries += 1,
                Err(lost) => return Err(lost),
                Ok(()) => {
                    lock.sign();
                    return Ok(Some(lock));
                }
            }
        }
    }

    /// Fails where the file at the lock's path is no longer the one that is locked: the folder was
    /// removed or replaced, and another process may work in the new one.
    ///
    /// # Errors
    /// [`FolderError::Lost`].
    pub fn check(&self) -> Result<(), FolderError> {
        check_in_place(&self.file, &self.path)
    }

    /// Says in the file who holds it. Only people read that; where it cannot be written, they do not.
    fn sign(&mut self) {
        let holder = format!("process {} on {}\n", std::process::id(), host());
        drop(
            self.file
                .set_len(0)
                .and_then(|()| self.file.write_all(holder.as_bytes())),
        );
    }
}

/// Fails where the file at `path` is no longer the one that is open.
pub(crate) fn check_in_place(file: &File, path: &Path) -> Result<(), FolderError> {
    if is_in_place(file, path) {
        return Ok(());
    }
    Err(FolderError::Lost {
        path: path.parent().unwrap_or(path).to_owned(),
    })
}

#[cfg(unix)]
fn is_in_place(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_in_place(_: &File, path: &Path) -> bool {
    path.is_file()
}

/// Whether a live process holds the lock at `path`.
pub(crate) fn is_held(path: &Path) -> bool {
    // Opened for reading: asking needs no right to write.
    File::open(path)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Who holds the lock at `path` or held it last, such as "process 12 on node3".
pub(crate) fn holder(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
