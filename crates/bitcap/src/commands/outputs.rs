//! `collect`, `report` and `compare`: what reads an experiment's folder.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use bitcap_base::FileLock;
use bitcap_plan::ExperimentFolder;
use bitcap_report::{Comparison, ReportError, ReportOptions, remove_report};

use super::counted;
use crate::arguments::{Compare, Outputs, Report};
use crate::output::{Output, print};
use crate::{output_file, say};

pub(crate) fn collect(arguments: &Outputs) -> anyhow::Result<ExitCode> {
    let (folder, plan) = ExperimentFolder::open(&arguments.folder)?;
    let collected = bitcap_plan::collect(&folder, &plan, &folder.lock()?)?;
    let root = folder.root().display();
    // Cells that are done and cannot be read are another error, told below.
    if collected.cells == 0 && collected.unreadable.is_empty() {
        bail!("{root}: no cell is done yet");
    }
    writeln!(
        io::stdout(),
        "{} of {} in {root}/runs.csv and {root}/timings.csv",
        collected.cells,
        counted(plan.names().count(), "cell")
    )?;
    Ok(if said_unreadable(&collected.unreadable) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Names the cells that are not in the tables; whether there are any.
fn said_unreadable(unreadable: &[(String, String)]) -> bool {
    if !unreadable.is_empty() {
        let cells = counted(unreadable.len(), "cell");
        say(&format!(
            "error: {cells} cannot be read, and the tables are made without:"
        ));
    }
    for (cell, why) in unreadable {
        say(&format!("  {cell}: {why}"));
    }
    !unreadable.is_empty()
}

pub(crate) fn report(arguments: &Report) -> anyhow::Result<ExitCode> {
    let root = &arguments.outputs.folder;
    let (folder, plan) = ExperimentFolder::open(root)?;
    let options = ReportOptions {
        title: plan.name,
        accounting: arguments.accounting.into(),
        reference: arguments.reference.clone(),
    };
    // Before anything is made, and by the file rather than its name: a link to a table is one too.
    if let Some(reference) = &arguments.reference {
        for table in bitcap_report::TABLES {
            if output_file::is_same_file(&root.join(table), reference) {
                bail!(
                    "{} is a table that report writes, and no reference",
                    reference.display()
                );
            }
        }
    }
    // To the end of the function: two that draw at once would mix their files.
    let _tables = folder.lock()?;
    let made = made(root, &options, None)?;
    write!(io::stdout(), "{}", made.text)?;
    Ok(ExitCode::SUCCESS)
}

/// Tables and figures that were made.
pub(crate) struct Made {
    /// The table for the terminal, and what lies where.
    pub(crate) text: String,
    /// Names of the files, runs.csv first.
    pub(crate) files: Vec<String>,
    /// Cells that are not in them although they are done, and why.
    pub(crate) unreadable: Vec<(String, String)>,
}

/// Gathers what is done and makes tables and figures of it; the text is of the curves of `own`, or of
/// all.
pub(crate) fn collect_and_report(
    folder: &ExperimentFolder,
    own: Option<&HashSet<&str>>,
    tables: &FileLock,
) -> anyhow::Result<Made> {
    // As it is on disk: other sweeps may have joined their plans meanwhile.
    let (_, plan) = ExperimentFolder::open(folder.root())?;
    let collected = bitcap_plan::collect(folder, &plan, tables)?;
    said_unreadable(&collected.unreadable);
    let mut made = if collected.cells == 0 {
        if collected.unreadable.is_empty() {
            // What was made before is not the result of what is there now.
            remove_report(folder.root())?;
        }
        Made {
            text: String::new(),
            files: Vec::new(),
            unreadable: Vec::new(),
        }
    } else {
        let options = ReportOptions {
            title: plan.name,
            ..ReportOptions::default()
        };
        made(folder.root(), &options, own)?
    };
    made.unreadable = collected.unreadable;
    Ok(made)
}

fn made(root: &Path, options: &ReportOptions, own: Option<&HashSet<&str>>) -> anyhow::Result<Made> {
    let mut report = match bitcap_report::report(&root.join("runs.csv"), root, options) {
        // Nothing went wrong: of such data there is no curve.
        Err(error @ ReportError::EntropyUnknown { .. }) => {
            return Ok(Made {
                text: format!("{error}\n"),
                files: vec!["runs.csv".to_owned()],
                unreadable: Vec::new(),
            });
        }
        report => report?,
    };
    let files = [vec!["runs.csv".to_owned()], report.files.clone()].concat();
    // The files are of all curves; only the text is narrowed down to those of one sweep.
    let all = report.groups.len();
    if let Some(own) = own {
        report
            .groups
            .retain(|group| own.contains(group.curve.model.group.as_str()));
    }
    // None of its curves has a cell that is done: there is no table to show.
    if all > 0 && report.groups.is_empty() {
        return Ok(Made {
            text: String::new(),
            files,
            unreadable: Vec::new(),
        });
    }
    let named = |ending: &str| -> Vec<&str> {
        let files = files.iter().map(String::as_str);
        files.filter(|name| name.ends_with(ending)).collect()
    };
    let figures = [named(".svg"), named(".png")].concat();
    let text = format!(
        "{}\ntables: {}/{}; figures: {}\n",
        report.table().trim_end(),
        root.display(),
        named(".csv").join(", "),
        figures.join(", ")
    );
    Ok(Made {
        text,
        files,
        unreadable: Vec::new(),
    })
}

pub(crate) fn compare(arguments: &Compare) -> anyhow::Result<ExitCode> {
    let (a, b) = (&arguments.a, &arguments.b);
    let comparison = bitcap_report::compare(a, b, arguments.accounting.into())?;
    print(&comparison, arguments.json)
}

impl Output for Comparison {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", self.table())
    }
}
