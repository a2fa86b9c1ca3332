//! A cell's metrics.csv as TensorBoard shows it.

use std::path::Path;
use std::time::SystemTime;

use crate::CellError;
use crate::tensorboard::EventFile;
use bitcap_base::since_1970;
use bitcap_plan::CellFolder;

/// What the columns of metrics.csv after step and tokens are called there.
const TAGS: [&str; 3] = ["loss", "memorized_bits", "learning_rate"];

/// The event file of a cell. It holds what metrics.csv holds; the wall time of a row is when the
/// row was written to it.
pub(crate) struct CellEvents {
    file: EventFile,
}

impl CellEvents {
    /// Begins a file in `folder` with what metrics.csv has so far, in place of an earlier one.
    pub(crate) fn begin(folder: &Path, metrics: &str) -> Result<Self, CellError> {
        let file = EventFile::create(folder, now()).map_err(CellError::io(folder))?;
        let mut events = Self { file };
        for row in metrics.lines() {
            events.row(row)?;
        }
        Ok(events)
    }

    /// Adds a row of metrics.csv; what is no row, as its first line, is left out.
    pub(crate) fn row(&mut self, row: &str) -> Result<(), CellError> {
        let mut fields = row.trim_end().split(',');
        let Some(Ok(step)) = fields.next().map(str::parse) else {
            return Ok(());
        };
        // The tokens have no tag, and an empty field, such as bits that nobody knows, no scalar.
        let scalars: Vec<(&str, f64)> = TAGS
            .into_iter()
            .zip(fields.skip(1))
            .filter_map(|(tag, field)| Some((tag, field.parse().ok()?)))
            .collect();
        let path = self.file.path().to_owned();
        self.file
            .scalars(now(), step, &scalars)
            .map_err(CellError::io(&path))
    }
}

/// Writes the event file of a cell whose training is over into a folder of its
/// name in `folder`.
///
/// # Errors
/// If metrics.csv cannot be read, or the event file not be written.
pub fn write_events(cell: &CellFolder, folder: &Path) -> Result<(), CellError> {
    let path = cell.path("metrics.csv");
    let metrics = std::fs::read_to_string(&path).map_err(CellError::io(&path))?;
    let name = cell.root().file_name().unwrap_or_default();
    CellEvents::begin(&folder.join(name), &metrics).map(drop)
}

fn now() -> f64 {
    since_1970(SystemTime::now()).as_secs_f64()
}
