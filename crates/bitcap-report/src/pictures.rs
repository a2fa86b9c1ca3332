//! The further pictures, each made where the files hold what it needs.

use std::path::Path;

use crate::cell_files::{self, Kind, Sequences};
use crate::cells::{self, Cell, Cells};
use crate::chosen::{Chosen, chosen};
use crate::{Accounting, ReportError, exposure, figure};

/// A picture in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What its files are called, less `.svg` and `.png`.
    pub name: &'static str,
    /// SVG, for the page and for print.
    pub svg: String,
    /// PNG, 300 dots an inch.
    pub png: Vec<u8>,
}

impl Picture {
    /// Renders a drawing.
    pub(crate) fn new(name: &'static str, svg: String) -> Result<Self, ReportError> {
        let png = figure::png::render(name, &svg)?;
        Ok(Self { name, svg, png })
    }
}

/// Draws what runs.csv and the cells' own files hold beside curves; what is not there is not drawn.
///
/// # Errors
/// Where a file or a column is there and not as it must be.
pub(crate) fn pictures(
    runs_csv: &Path,
    accounting: Accounting,
    title: &str,
) -> Result<Vec<Picture>, ReportError> {
    let cells = cells::read(runs_csv)?;
    let drawings = [
        ("sequences", sequences(&cells, accounting, title)?),
        ("positions", positions(&cells, title)?),
        ("membership", figure::membership::svg(&cells, title)),
        ("generalization", figure::generalization::svg(&cells, title)),
        ("exposure", exposure(&cells, accounting, title)?),
    ];
    drawings
        .into_iter()
        .filter_map(|(name, svg)| Some(Picture::new(name, svg?)))
        .collect()
}

fn sequences(
    cells: &Cells,
    accounting: Accounting,
    title: &str,
) -> Result<Option<String>, ReportError> {
    let Some((group, mut read)) = of_chosen(cells, cell_files::sequences)? else {
        return Ok(None);
    };
    let kind = |(_, sequences): &(&Cell, Sequences)| sequences.kind;
    // Cells of one group have one source, so this leaves out none.
    let first: Option<Kind> = read.first().map(kind);
    read.retain(|cell| Some(kind(cell)) == first);
    Ok(Some(figure::sequences::svg(
        group, &read, accounting, title,
    )))
}

fn positions(cells: &Cells, title: &str) -> Result<Option<String>, ReportError> {
    let read = of_chosen(cells, cell_files::positions)?;
    Ok(read.map(|(group, read)| figure::positions::svg(group, &read, title)))
}

/// What a file of the chosen cells holds, of those that have it; `None` where none has.
#[allow(
    clippy::type_complexity,
    reason = "a group and its cells, each with what was read"
)]
fn of_chosen<T>(
    cells: &Cells,
    read: impl Fn(&Cells, &Cell) -> Result<Option<T>, ReportError>,
) -> Result<Option<(&cells::Group, Vec<(&Cell, T)>)>, ReportError> {
    let Some(Chosen { group, cells: few }) = chosen(cells) else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for cell in few {
        if let Some(file) = read(cells, cell)? {
            found.push((cell, file));
        }
    }
    Ok((!found.is_empty()).then_some((group, found)))
}

fn exposure(
    cells: &Cells,
    accounting: Accounting,
    title: &str,
) -> Result<Option<String>, ReportError> {
    let exposures = exposure::exposures(cells, accounting)?;
    let start_token = cells.groups.iter().all(|group| group.start_token);
    Ok((!exposures.is_empty())
        .then(|| figure::exposure::svg(&exposures, start_token, accounting, title)))
}
