//! The two files of a cell that grow while it trains: metrics.csv and log.txt.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bitcap_train::Progress;

use crate::FolderError;

/// metrics.csv: a row every so many steps, there as soon as it is made.
pub(crate) struct Metrics {
    file: File,
    path: PathBuf,
}

impl Metrics {
    pub(crate) fn create(path: &Path) -> Result<Self, FolderError> {
        let file = File::create(path).map_err(FolderError::io(path))?;
        let mut metrics = Self {
            file,
            path: path.to_owned(),
        };
        metrics.write("step,tokens,loss,memorized_bits,learning_rate\n")?;
        Ok(metrics)
    }

    pub(crate) fn row(
        &mut self,
        progress: &Progress,
        memorized_bits: Option<f64>,
    ) -> Result<(), FolderError> {
        let Progress {
            step,
            tokens,
            loss,
            rate,
        } = progress;
        let memorized_bits = memorized_bits.map_or(String::new(), |bits| bits.to_string());
        self.write(&format!("{step},{tokens},{loss},{memorized_bits},{rate}\n"))
    }

    fn write(&mut self, text: &str) -> Result<(), FolderError> {
        self.file
            .write_all(text.as_bytes())
            .map_err(FolderError::io(&self.path))
    }
}

/// log.txt: what happened when, in seconds since the cell's process began it.
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    began: Instant,
}

impl Log {
    pub(crate) fn create(path: &Path) -> Result<Self, FolderError> {
        let file = File::create(path).map_err(FolderError::io(path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            began: Instant::now(),
        })
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), FolderError> {
        let seconds = self.began.elapsed().as_secs_f64();
        writeln!(self.file, "{seconds:9.2} s  {text}").map_err(FolderError::io(&self.path))
    }
}
