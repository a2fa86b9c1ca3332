//! The two files of a cell that grow while it trains: metrics.csv and log.txt. A training that goes
//! on from a checkpoint cuts them back to what they were there.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bitcap_train::Progress;

use crate::CellError;
use crate::event_file::CellEvents;
use bitcap_base::check_in_place;

const HEADER: &str = "step,tokens,loss,memorized_bits,learning_rate\n";

/// metrics.csv: a row every so many steps, there as soon as it is made; the same to TensorBoard,
/// where that is asked for.
pub(crate) struct Metrics {
    file: File,
    path: PathBuf,
    bytes: u64,
    hasher: blake3::Hasher,
    events: Option<CellEvents>,
}

impl Metrics {
    /// Begins the file.
    pub(crate) fn create(path: &Path, events: Option<&Path>) -> Result<Self, CellError> {
        let file = File::create(path).map_err(CellError::io(path))?;
        let mut metrics = Self {
            file,
            path: path.to_owned(),
            bytes: 0,
            hasher: blake3::Hasher::new(),
            events: None,
        };
        metrics.write(HEADER)?;
        metrics.events = begin_events(events, HEADER)?;
        Ok(metrics)
    }

    /// What there is up to a checkpoint, to go on from there; the inner error says what is wrong
    /// where the file has not what the checkpoint says.
    pub(crate) fn kept(
        path: &Path,
        bytes: u64,
        blake3: &str,
    ) -> Result<Result<String, String>, CellError> {
        let mut text = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            there => there.map_err(CellError::io(path))?,
        };
        // Rows after the checkpoint will be made again.
        text.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        let same = blake3::hash(&text).to_hex().as_str() == blake3;
        let text = String::from_utf8(text).ok().filter(|_| same);
        Ok(text.ok_or_else(|| {
            "metrics.csv is not what it was at this step: cut short or altered".into()
        }))
    }

    /// Cuts the file back to what was kept and goes on from there.
    pub(crate) fn resume(
        path: &Path,
        kept: &str,
        events: Option<&Path>,
    ) -> Result<Self, CellError> {
        Ok(Self {
            file: cut(path, kept.len() as u64).map_err(CellError::io(path))?,
            path: path.to_owned(),
            bytes: kept.len() as u64,
            hasher: blake3::Hasher::new().update(kept.as_bytes()).clone(),
            events: begin_events(events, kept)?,
        })
    }

    pub(crate) fn row(
        &mut self,
        progress: &Progress,
        memorized_bits: Option<f64>,
    ) -> Result<(), CellError> {
        let Progress {
            step,
            tokens,
            loss,
            rate,
        } = progress;
        let memorized_bits = memorized_bits.map_or(String::new(), |bits| bits.to_string());
        let rate = rate.map_or(String::new(), |rate| rate.to_string());
        let row = format!("{step},{tokens},{loss},{memorized_bits},{rate}\n");
        self.write(&row)?;
        match &mut self.events {
            Some(events) => events.row(&row),
            None => Ok(()),
        }
    }

    /// Has all of it on disk; returns how many bytes that are, and their hash.
    pub(crate) fn sync(&mut self) -> Result<(u64, String), CellError> {
        // In a folder that was removed and made anew this would be another process's file.
        check_in_place(&self.file, &self.path)?;
        self.file.sync_data().map_err(CellError::io(&self.path))?;
        Ok((self.bytes, self.hasher.finalize().to_hex().to_string()))
    }

    fn write(&mut self, text: &str) -> Result<(), CellError> {
        self.file
            .write_all(text.as_bytes())
            .map_err(CellError::io(&self.path))?;
        self.bytes += text.len() as u64;
        self.hasher.update(text.as_bytes());
        Ok(())
    }
}

fn begin_events(folder: Option<&Path>, rows: &str) -> Result<Option<CellEvents>, CellError> {
    folder
        .map(|folder| CellEvents::begin(folder, rows))
        .transpose()
}

/// log.txt: what happened when, in seconds of work on the cell.
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    began: Instant,
    /// Seconds of earlier processes.
    before: f64,
}

impl Log {
    pub(crate) fn create(path: &Path) -> Result<Self, CellError> {
        Self::resume(path, 0, 0.0)
    }

    /// Cuts the file back to so many bytes and goes on from there, `before` seconds after its
    /// beginning.
    pub(crate) fn resume(path: &Path, bytes: u64, before: f64) -> Result<Self, CellError> {
        Ok(Self {
            file: cut(path, bytes).map_err(CellError::io(path))?,
            path: path.to_owned(),
            began: Instant::now(),
            before,
        })
    }

    /// Seconds of work so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), CellError> {
        let seconds = self.seconds();
        writeln!(self.file, "{seconds:9.2} s  {text}").map_err(CellError::io(&self.path))
    }

    /// Has all of it on disk; returns how many bytes that are.
    pub(crate) fn sync(&mut self) -> Result<u64, CellError> {
        let failed = CellError::io(&self.path);
        self.file.sync_data().map_err(&failed)?;
        self.file.stream_position().map_err(&failed)
    }
}

/// Opens a file, cut back to at most so many bytes, to be written on from there.
fn cut(path: &Path, bytes: u64) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let mut file = options.open(path)?;
    // `set_len` would also make a shorter file longer, by zeros.
    if file.metadata()?.len() > bytes {
        file.set_len(bytes)?;
    }
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}
