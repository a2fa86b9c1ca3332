//! An experiment file with its overrides, read and checked.

mod cell_file;
pub(crate) mod deserialize;
pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod grid;
pub(crate) mod overrides;
pub(crate) mod resolve;
mod schema;
mod sections;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bitcap_base::InvalidSetting;
use bitcap_source::SourceSettings;

use document::{Entry, Lines, join, parse};
pub use error::{ExperimentError, Place};
pub use grid::MAX_POINTS;
pub use schema::experiment_schema;

use crate::settings::{EngineSettings, MeasureSettings, SweepSettings};
use grid::Grid;
use sections::Document;

/// Most bytes that an experiment file may have: 1 MiB, a thousand times what people write.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// What may stand at the top level of an experiment file.
const TOP_LEVEL: [&str; 10] = [
    "name", "seed", "source", "data", "model", "train", "measure", "engine", "sweep", "grid",
];

/// An experiment: its file with all overrides applied. [`Experiment::plan`] gives its cells.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name of the experiment's folder: letters, digits, `-`, `_` and `.`, not `.` first.
    pub name: String,
    /// The `[measure]` section.
    pub measure: MeasureSettings,
    /// The `[engine]` section.
    pub engine: EngineSettings,
    /// The `[sweep]` section.
    pub sweep: SweepSettings,
    /// The grid, checked.
    pub(crate) grid: Grid,
    /// All else, as it stands in the file.
    pub(crate) document: Document,
    /// The folder that relative paths begin at.
    pub(crate) base: PathBuf,
}

impl Experiment {
    /// Reads an experiment file and applies `overrides`, each `key=value`, in their order.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place: in the file or its overrides. Settings that
    /// only a point of the grid makes impossible are found by [`Experiment::plan`].
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ExperimentError> {
        let text = read_text(path)?;
        let experiment = Self::parse(&text, &path.display().to_string(), overrides)?;
        // What comes through a pipe lies nowhere: paths in it begin where the program runs.
        let is_file = path.is_file();
        let begin = if is_file { path } else { Path::new("here") };
        let base = std::path::absolute(begin).map(|whole| whole.with_file_name(""));
        Ok(Self {
            base: base.map_err(ExperimentError::io(path))?,
            ..experiment
        })
    }

    /// Reads an experiment from its text; `file` names it in errors. Relative paths begin at the
    /// working directory.
    ///
    /// # Errors
    /// As [`Experiment::read`].
    pub fn parse(text: &str, file: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        let mut document = Document::parse(text, file)?;
        // Apart from the sections from here on: an override may move a key from one to the other.
        let mut lists = grid::take(&mut document.root)?;
        for text in overrides {
            overrides::apply(text, &mut document.root, &mut lists)?;
        }
        document.only(&TOP_LEVEL)?;
        let at = |setting: InvalidSetting| document.error(setting);
        let Some(name) = document.value::<String>("name")? else {
            return Err(ExperimentError::missing(&document.file, "name"));
        };
        check_name(&name).map_err(at)?;
        let measure: MeasureSettings = document.section("measure")?;
        measure.validate().map_err(at)?;
        let engine: EngineSettings = document.section("engine")?;
        engine.validate().map_err(at)?;
        let sweep: SweepSettings = document.section("sweep")?;
        sweep.validate().map_err(at)?;
        // Last: the lists are held against the sections as the overrides left them.
        let grid = Grid::new(lists, &document.root)?;
        Ok(Self {
            name,
            measure,
            engine,
            sweep,
            grid,
            document,
            base: PathBuf::new(),
        })
    }
}

/// The name is that of a folder, on any system and in any shell.
fn check_name(name: &str) -> Result<(), InvalidSetting> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    // File systems hold 255 bytes a name; some room is left for what others add to it.
    if (1..=100).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(());
    }
    let found = format!("{:?}", name.chars().take(60).collect::<String>());
    let allowed = "1 to 100 letters (a to z), digits, -, _ and ., not beginning with .";
    Err(InvalidSetting::new("name", found, allowed))
}

/// Reads the body of a `[source]` section written on one line, as in
/// `kind = "coin", length = 16, ...`, or with bare words as an override takes them, as in
/// `kind=coin, length=16`. Where it gives no seed, that is `seed`.
///
/// # Errors
/// The first thing that is wrong; `origin` says where the text is from.
pub fn read_source(text: &str, seed: u64, origin: &str) -> Result<SourceSettings, ExperimentError> {
    let file = Place::whole(origin);
    if i64::try_from(seed).is_err() {
        // TOML's integers end at 2^63 - 1.
        let setting = InvalidSetting::new("seed", seed, "below 2^63");
        return Err(ExperimentError::invalid(&file, setting));
    }
    // `data` and `train` get the seed too; nobody reads them.
    let whole = format!("seed = {seed}\nsource = {{ {text} }}");
    // As TOML first, so that quotes mean what they do in a file; pair by pair where it is none.
    let root = parse(&whole, &|_| file.clone()).or_else(|error| {
        let mut root = parse(&format!("seed = {seed}"), &|_| file.clone())?;
        for pair in overrides::pairs(text) {
            // What is not even a key and a value is told as the TOML that it was meant to be.
            let Ok(entries) = overrides::key_values(pair, &file) else {
                return Err(error);
            };
            for entry in entries {
                let key = join("source", &entry.key);
                root.set("", Entry { key, ..entry })?;
            }
        }
        Ok(root)
    })?;
    let mut document = Document { root, file };
    // Before the seeds, with which `data` and `train` come in.
    document.only(&["seed", "source"])?;
    document.inject_seeds()?;
    let source = document.source()?;
    let valid = source.validate();
    valid.map_err(|setting| document.error(setting))?;
    Ok(source)
}

/// The text of a file that is small and UTF-8.
///
/// # Errors
/// The file cannot be read, is larger than [`MAX_FILE_BYTES`], or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, ExperimentError> {
    let failed = ExperimentError::io(path);
    let file = std::fs::File::open(path).map_err(&failed)?;
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, even one without an end.
    let mut part = file.take(MAX_FILE_BYTES + 1);
    part.read_to_end(&mut bytes).map_err(&failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = format!(
            "is larger than {MAX_FILE_BYTES} bytes; an experiment file is a few lines of TOML"
        );
        return Err(ExperimentError::other(&Place::whole(name), message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let message = "not UTF-8; an experiment file is TOML, which is text in UTF-8";
        ExperimentError::other(&Lines::new(&name, &before).place(valid), message)
    })
}
