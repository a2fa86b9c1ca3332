//! Whether a file may be written: an output that is an input of anything is refused before a byte of
//! it is written.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bitcap_base::write_atomic;
use bitcap_report::{Chart, ReportError};

/// A table that a command writes, and its picture beside it: the same name ending in .svg and .png.
pub(crate) struct TableFile(PathBuf);

impl TableFile {
    /// Fails where one of the three files may not be written ([`check`]), or `csv` does not end in .csv.
    pub(crate) fn new(csv: &Path, inputs: &[&Path]) -> anyhow::Result<Self> {
        // All three before any is written: where a picture is refused, the table of before stays
        // too.
        check(csv, inputs)?;
        if csv.extension().is_none_or(|ending| ending != "csv") {
            bail!(
                "{}: it must end in .csv; the picture is made beside it, as .svg and .png",
                csv.display()
            );
        }
        for picture in ["svg", "png"] {
            check(&csv.with_extension(picture), inputs)?;
        }
        Ok(Self(csv.to_owned()))
    }

    /// Writes the table, and the chart that is made of the file.
    pub(crate) fn write(
        &self,
        table: &[u8],
        chart: impl FnOnce(&Path) -> Result<Chart, ReportError>,
    ) -> anyhow::Result<()> {
        let Self(csv) = self;
        let write = |path: &Path, bytes: &[u8]| {
            write_atomic(path, bytes).with_context(|| path.display().to_string())
        };
        write(csv, table)?;
        // Of the file and not of the rows: the picture shows what the table says to any reader.
        let chart = chart(csv)?;
        write(&csv.with_extension("svg"), chart.svg().as_bytes())?;
        write(&csv.with_extension("png"), &chart.png()?)
    }
}

/// Fails where `output` is no regular file, is one of `inputs` or lies in one that is a folder, or
/// is a file of a cell or of an experiment; by whatever path or link it is named.
pub(crate) fn check(output: &Path, inputs: &[&Path]) -> anyhow::Result<()> {
    let shown = output.display();
    // A rename would put our file in the place of a device such as /dev/null.
    if output.metadata().is_ok_and(|there| !there.is_file()) {
        bail!("{shown}: not a regular file");
    }
    let whole = whole_path(output);
    for input in inputs {
        let Ok(input) = input.canonicalize() else {
            // Who reads it says what is wrong with it.
            continue;
        };
        // The file itself comes before its path, by which a hard link cannot be told.
        if is_same_file(output, &input) {
            bail!("{shown} is what is to be read; write to another file");
        }
        // Both paths are without links and `..`, which could lead into the folder from anywhere.
        if whole.starts_with(&input) {
            bail!(
                "{shown} is in {}, which is to be read; write elsewhere",
                input.display()
            );
        }
    }
    // A cell's folder has files whose being there means something; of an experiment's only those
    // that are there are at risk.
    for folder in whole.ancestors().skip(1) {
        if folder.join("cell.toml").is_file() {
            bail!(
                "{shown} is in the folder of a cell, {}; write elsewhere",
                folder.display()
            );
        }
        if folder.join("plan.json").is_file() && output.exists() {
            bail!(
                "{shown} is a file of the experiment in {}; write elsewhere",
                folder.display()
            );
        }
    }
    Ok(())
}

/// The path without links; where there is no such file yet, its folder's with its name.
fn whole_path(path: &Path) -> PathBuf {
    let through_folder = || {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize()
        .ok()
        .or_else(through_folder)
        // Not even the folder is there: writing fails, and says so.
        .unwrap_or_else(|| path.to_owned())
}

/// Whether two paths lead to one file that is there, through whatever links.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}
