//! A lock on a file: who works on what the file stands for, and that nobody else does.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a lock cannot be had, or is lost.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file system does not lock files.
    #[error(
        "{path}: cannot be locked ({source}); cells are shared by locks, which a network file system must be mounted with (docs/cluster.md, \"Shared file systems\"): use another --outputs"
    )]
    Unsupported {
        /// The lock.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder of a cell is not there any more while the cell is worked on.
    #[error(
        "{path}: this folder was removed or replaced while the cell was worked on; nothing more is written to it: start again"
    )]
    Lost {
        /// The folder.
        path: PathBuf,
    },
}

impl LockError {
    fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + use<'_> {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// Shared by all processes that work in a folder, for as long as they do.
#[derive(Debug)]
pub struct SharedLock {
    /// Held open: the lock ends with it.
    _file: File,
    alone: bool,
}

impl SharedLock {
    /// Takes a share of the lock at `path`, whose folder must be there.
    ///
    /// # Errors
    /// If the file system refuses, or has no locks.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        // A file that can be opened and not locked lies on a file system without locks, which calls
        // for other advice than a file that cannot be opened.
        let unsupported = |source| LockError::Unsupported {
            path: path.to_owned(),
            source,
        };
        // Open for both, though nothing is read or written: over NFS a share takes a file that is
        // open for reading, and the whole lock one that is open for writing.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(LockError::io(path))?;
        // The whole lock is to be had only where nobody has a share. Another may come between the
        // end of that and the share that is taken below, so that callers take turns by a lock of
        // their own: else two could each find themselves alone.
        let alone = match file.try_lock() {
            Ok(()) => {
                file.unlock().map_err(unsupported)?;
                true
            }
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(source)) => return Err(unsupported(source)),
        };
        file.lock_shared().map_err(unsupported)?;
        Ok(Self { _file: file, alone })
    }

    /// Whether no other process had a share when this one was taken.
    #[must_use]
    pub fn was_alone(&self) -> bool {
        self.alone
    }
}

/// Name of the machine, "unknown" where it does not say.
#[must_use]
pub fn host() -> String {
    // The variable comes second: bash sets it for itself and does not export it.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    name.map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "unknown".into())
}

/// How long to wait for those who only ask: far longer than they take.
const MOMENT: Duration = Duration::from_millis(10);
// With this, 50 ms go by before a cell counts as busy.
const MOMENTS: u32 = 5;

/// Held by the process that works on a cell or uses a GPU; a process that is dead holds nothing.
///
/// It is the system's lock on a whole file (flock), which a network file system must carry to all
/// machines if cells are to be shared between them.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock at `path`, whose folder must be there; `None` where another process holds it.
    ///
    /// # Errors
    /// If the file system refuses, or has no locks.
    pub fn take(path: &Path) -> Result<Option<Self>, LockError> {
        let mut tries = 0;
        loop {
            // Not cut: it says who holds it, if somebody does.
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = options.open(path).map_err(LockError::io(path))?;
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
                    return Err(LockError::Unsupported {
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
                // The lock on the file that is gone ends with `lock`; the next turn opens the file
                // that is there now.
                Err(_) if tries < MOMENTS => tries += 1,
                Err(lost) => return Err(lost),
                Ok(()) => {
                    lock.sign();
                    return Ok(Some(lock));
                }
            }
        }
    }

    /// Takes the lock at `path` as soon as it is free. For what takes moments: nobody is told that it
    /// waits.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn wait(path: &Path) -> Result<Self, LockError> {
        loop {
            if let Some(lock) = Self::take(path)? {
                return Ok(lock);
            }
            std::thread::sleep(MOMENT);
        }
    }

    /// Fails where the file at the lock's path is no longer the one that is locked: the folder was
    /// removed or replaced, and another process may work in the new one.
    ///
    /// # Errors
    /// [`LockError::Lost`].
    pub fn check(&self) -> Result<(), LockError> {
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
///
/// # Errors
/// [`LockError::Lost`].
pub fn check_in_place(file: &File, path: &Path) -> Result<(), LockError> {
    if is_in_place(file, path) {
        return Ok(());
    }
    Err(LockError::Lost {
        path: path.parent().unwrap_or(path).to_owned(),
    })
}

#[cfg(unix)]
fn is_in_place(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    // Device and number are the file, whatever its path. What cannot be asked counts as gone: to
    // stop is the lesser harm.
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_in_place(_: &File, path: &Path) -> bool {
    // There is no number of a file to compare here: that a file is there has to do.
    path.is_file()
}

/// Whether a live process holds the lock at `path`.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    // Opened for reading: asking needs no right to write.
    // By a share, which all who ask at once can have. It ends as the file is closed, right here.
    File::open(path)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Who holds the lock at `path` or held it last, such as "process 12 on node3".
#[must_use]
pub fn lock_holder(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
