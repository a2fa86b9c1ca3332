//! `collect`, `report` and `compare`: what reads an experiment's folder.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use bitcap_plan::ExperimentFolder;
use bitcap_report::ReportOptions;

use super::print_json;
use crate::arguments::{Compare, Outputs, Report};

pub(crate) fn collect(arguments: &Outputs) -> anyhow::Result<ExitCode> {
    let (folder, plan) = ExperimentFolder::open(&arguments.folder)?;
    let count = bitcap_plan::collect(&folder, &plan)?;
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
        accounting: arguments.accounting.into(),
        reference: arguments.reference.clone(),
    };
    let made = made(folder.root(), &options)?;
    write!(io::stdout(), "{}", made.text)?;
    Ok(ExitCode::SUCCESS)
}

/// Tables and figures that were made.
pub(crate) struct Made {
    /// The table for the terminal, and what lies where.
    pub(crate) text: String,
    /// Names of the files, runs.csv first.
    pub(crate) files: Vec<String>,
}

/// Gathers what is done and makes tables and figures of it.
pub(crate) fn collect_and_report(root: &Path) -> anyhow::Result<Made> {
    let (folder, plan) = ExperimentFolder::open(root)?;
    bitcap_plan::collect(&folder, &plan)?;
    made(
        root,
        &ReportOptions {
            title: plan.name,
            ..ReportOptions::default()
        },
    )
}

fn made(root: &Path, options: &ReportOptions) -> anyhow::Result<Made> {
    let report = bitcap_report::report(&root.join("runs.csv"), root, options)?;
    let files = [vec!["runs.csv".to_owned()], report.files.clone()].concat();
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
    Ok(Made { text, files })
}

pub(crate) fn compare(arguments: &Compare) -> anyhow::Result<ExitCode> {
    let (a, b) = (&arguments.a, &arguments.b);
    let comparison = bitcap_report::compare(a, b, arguments.accounting.into())?;
    if arguments.json {
        print_json(&comparison)?;
    } else {
        write!(io::stdout(), "{}", comparison.table())?;
    }
    Ok(ExitCode::SUCCESS)
}
