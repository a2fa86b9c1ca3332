//! `status`, `collect` and `report`: what reads an experiment's folder.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use bitcap_report::{Accounting, ReportOptions};
use bitcap_sweep::{CellState, ExperimentFolder};

use super::print_json;
use crate::arguments::{AccountingName, Outputs, Report, Status};

pub(crate) fn status(arguments: &Status) -> anyhow::Result<ExitCode> {
    let (folder, plan) = ExperimentFolder::open(&arguments.outputs.folder)?;
    let status = bitcap_sweep::status(&folder, &plan);
    if arguments.json {
        print_json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::stdout().lock();
    for cell in &status.cells {
        let word = match cell.state {
            CellState::Done => "done",
            CellState::Running => "running",
            CellState::Failed => "failed",
            CellState::Missing => "missing",
        };
        let more = match (&cell.reason, cell.step) {
            (Some(reason), _) => format!("  {reason}"),
            (None, Some(step)) if cell.state != CellState::Done => {
                format!("  step {step} of {}", cell.steps)
            }
            _ => String::new(),
        };
        writeln!(out, "{word:<8} {}{more}", cell.cell)?;
    }
    writeln!(
        out,
        "{}: {} cells, {} done, {} running, {} failed, {} missing",
        status.experiment,
        status.cells.len(),
        status.done,
        status.running,
        status.failed,
        status.missing
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn collect(arguments: &Outputs) -> anyhow::Result<ExitCode> {
    let (folder, plan) = ExperimentFolder::open(&arguments.folder)?;
    let count = bitcap_sweep::collect(&folder, &plan)?;
    let root = folder.root().display();
    writeln!(
        io::stdout(),
        "{count} of {} cells in {root}/runs.csv and {root}/timings.csv",
        plan.cells.len()
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn report(arguments: &Report) -> anyhow::Result<ExitCode> {
    let (folder, plan) = ExperimentFolder::open(&arguments.outputs.folder)?;
    let options = ReportOptions {
        title: plan.name,
        accounting: match arguments.accounting {
            AccountingName::Strict => Accounting::Strict,
            AccountingName::Paper => Accounting::Paper,
        },
        reference: arguments.reference.clone(),
    };
    let table = made(folder.root(), &options)?;
    write!(io::stdout(), "{table}")?;
    Ok(ExitCode::SUCCESS)
}

/// Gathers what is done and makes tables and figures of it; returns the table for the terminal.
pub(crate) fn collect_and_report(root: &Path) -> anyhow::Result<String> {
    let (folder, plan) = ExperimentFolder::open(root)?;
    bitcap_sweep::collect(&folder, &plan)?;
    made(
        root,
        &ReportOptions {
            title: plan.name,
            ..ReportOptions::default()
        },
    )
}

fn made(root: &Path, options: &ReportOptions) -> anyhow::Result<String> {
    let report = bitcap_report::report(&root.join("runs.csv"), root, options)?;
    let named = |ending: &str| -> Vec<&str> {
        let files = report.files.iter().map(String::as_str);
        files.filter(|name| name.ends_with(ending)).collect()
    };
    let tables = [vec!["runs.csv"], named(".csv")].concat();
    let figures = [named(".svg"), named(".png")].concat();
    Ok(format!(
        "{}\ntables: {}/{}; figures: {}\n",
        report.table().trim_end(),
        root.display(),
        tables.join(", "),
        figures.join(", ")
    ))
}
