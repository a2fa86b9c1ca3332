//! Synthetic runs.csv files whose capacities are known, and what a report makes of files.

#![allow(dead_code, missing_docs, reason = "each test file uses a part")]

pub(crate) mod drawing;
pub(crate) mod experiment;
pub(crate) mod outputs;

use std::fmt::Write as _;
use std::path::PathBuf;

use bitcap_report::{Accounting, Report, ReportError, ReportOptions};
use tempfile::TempDir;

pub(crate) const HEADER: &str = "cell,group,label,seed,doubled,source,vocabulary,length,samples,distinct,load,\
    layers,width,heads,mlp_ratio,tied_head,start_token,initialization,parameters,\
    optimizer,learning_rate,schedule,steps,batch,precision,entropy_bits,source_bits,\
    ceiling_bits_strict,ceiling_bits_paper,memorized_bits_strict,memorized_bits_paper,fraction_of_ceiling,\
    bits_per_parameter_strict,bits_per_parameter_paper,training_loss,fresh_samples,fresh_in_training,\
    fresh_memorized_bits_strict,fresh_memorized_bits_paper,training_tokens,training_flops";

/// One model and the curve it follows: the smooth minimum of ceiling and `capacity`, with exponent `p`.
#[derive(Clone)]
pub(crate) struct Synthetic {
    pub(crate) group: String,
    pub(crate) label: String,
    pub(crate) vocabulary: u64,
    pub(crate) length: u64,
    pub(crate) width: u64,
    pub(crate) parameters: u64,
    pub(crate) start_token: bool,
    pub(crate) capacity: f64,
    pub(crate) p: f64,
    /// Relative noise over seeds, at most.
    pub(crate) noise: f64,
    pub(crate) loads: Vec<f64>,
    pub(crate) seeds: u64,
    /// Load and relative gain of the doubled cells.
    pub(crate) doubled: Option<(f64, f64)>,
}

pub(crate) fn model(width: u64, parameters: u64, alpha: f64) -> Synthetic {
    Synthetic {
        group: format!("{:08x}", 0x5eed_0000 + width),
        label: format!("width={width}"),
        vocabulary: 64,
        length: 16,
        width,
        parameters,
        start_token: true,
        capacity: alpha * parameters as f64,
        p: 8.0,
        noise: 0.01,
        loads: vec![0.25, 0.5, 1.0, 1.5, 2.0, 4.0],
        seeds: 2,
        doubled: Some((2.0, 0.06)),
    }
}

/// The file's text.
pub(crate) fn runs_csv(models: &[Synthetic]) -> String {
    let mut out = format!("{HEADER}\n");
    for model in models {
        for &load in &model.loads {
            for seed in 0..model.seeds {
                row(&mut out, model, load, seed, None);
            }
        }
        if let Some((load, gain)) = model.doubled {
            for seed in 0..model.seeds {
                row(&mut out, model, load, seed, Some(gain));
            }
        }
    }
    out
}

fn row(out: &mut String, m: &Synthetic, load: f64, seed: u64, doubled: Option<f64>) {
    let bits = (m.vocabulary as f64).log2();
    let per_sequence = m.length as f64 * bits;
    let samples = (load * 3.6 * m.parameters as f64 / per_sequence)
        .round()
        .max(1.0);
    let entropy = samples * per_sequence;
    let (strict_ceiling, credit) = if m.start_token {
        (entropy - samples * samples.log2(), 1.0)
    } else {
        let shared = (samples / m.vocabulary as f64).max(1.0);
        let predicted = (m.length - 1) as f64;
        (
            samples * predicted * bits - samples * shared.log2(),
            (predicted + 1.0) / predicted,
        )
    };
    let strict_capacity = m.capacity / credit;
    let memorized = (strict_ceiling.powf(-m.p) + strict_capacity.powf(-m.p)).powf(-1.0 / m.p);
    // A fixed wobble in place of noise: the same file every time.
    let wobble = ((seed as f64 * 2.7 + samples * 0.37 + m.width as f64).sin()) * m.noise;
    let gain = doubled.map_or(1.0, |gain| 1.0 + gain * (1.0 + 0.1 * seed as f64));
    let memorized = memorized * (1.0 + wobble) * gain;
    let memorized = memorized.min(strict_ceiling);
    let (group, label, width, parameters) = (&m.group, &m.label, m.width, m.parameters);
    let label = if label.contains([',', '"']) {
        format!("\"{}\"", label.replace('"', "\"\""))
    } else {
        label.clone()
    };
    let steps = if doubled.is_some() { 1600 } else { 800 };
    let _ = writeln!(
        out,
        "{group}-n{samples}-s{seed}-d{d},{group},{label},{seed},{d},uniform,{v},{s},{samples},{samples},{real_load},\
         1,{width},2,4,true,{start},fan_in,{parameters},adam,0.03,cosine,{steps},full,f32,{entropy},{entropy},\
         {strict_ceiling},{paper_ceiling},{memorized},{paper_memorized},{fraction},{bpp},{bpp_paper},2.5,{samples},0,\
         {fresh},{fresh_paper},1000,1000000",
        d = u8::from(doubled.is_some()),
        v = m.vocabulary,
        s = m.length,
        start = m.start_token,
        real_load = entropy / (3.6 * parameters as f64),
        paper_ceiling = strict_ceiling * credit,
        paper_memorized = memorized * credit,
        fraction = memorized / strict_ceiling,
        bpp = memorized / parameters as f64,
        bpp_paper = memorized * credit / parameters as f64,
        fresh = -0.5 * entropy,
        fresh_paper = -0.5 * entropy * credit,
    );
}

/// What is found in a folder that holds this runs.csv and, in the folder of every cell that it names, these files;
/// nothing is written.
pub(crate) fn read(
    runs: &str,
    files: &[(&str, &str)],
    options: &ReportOptions,
) -> Result<Report, ReportError> {
    let folder = tempfile::tempdir().unwrap();
    experiment::write(folder.path(), runs, files);
    Report::read(&folder.path().join("runs.csv"), options)
}

/// The same of this runs.csv alone, and a report as it is by default.
pub(crate) fn read_of(runs: &str) -> Result<Report, ReportError> {
    read(runs, &[], &ReportOptions::default())
}

/// By the paper's accounting.
pub(crate) fn by_paper() -> ReportOptions {
    ReportOptions {
        accounting: Accounting::Paper,
        ..ReportOptions::default()
    }
}

/// A folder with these files, and where the first of them is.
pub(crate) fn folder_with(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let first = folder.path().join(files[0].0);
    (folder, first)
}

/// Runs the report in a folder of its own that holds this runs.csv.
pub(crate) fn report_of(runs: &str) -> (TempDir, Result<Report, ReportError>) {
    let (folder, path) = folder_with(&[("runs.csv", runs)]);
    let report = bitcap_report::report(&path, folder.path(), &ReportOptions::default());
    (folder, report)
}

/// Fails where one of the parts is not in a text.
#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

/// A small file in round numbers: only the columns that are needed, in another order, and one further column.
pub(crate) const ROUND: &str = "\
host,seed,group,label,doubled,samples,load,vocabulary,length,layers,width,start_token,parameters,entropy_bits,\
ceiling_bits_strict,ceiling_bits_paper,memorized_bits_strict,memorized_bits_paper,\
fresh_memorized_bits_strict,fresh_memorized_bits_paper
x,0,b,\"width=16, tied\",0,50,0.25,4,5,1,16,false,200,500,400,500,396,495,-8,-10
x,1,b,\"width=16, tied\",0,50,0.25,4,5,1,16,false,200,500,400,500,392,490,-16,-20
x,2,b,\"width=16, tied\",0,50,0.25,4,5,1,16,false,200,500,400,500,394,492.5,-12,-15
x,0,b,\"width=16, tied\",0,100,0.5,4,5,1,16,false,200,1000,800,1000,640,800,,
x,1,b,\"width=16, tied\",0,100,0.5,4,5,1,16,false,200,1000,800,1000,660,825,,
x,2,b,\"width=16, tied\",0,100,0.5,4,5,1,16,false,200,1000,800,1000,650,812.5,,
x,0,b,\"width=16, tied\",0,200,1,4,5,1,16,false,200,2000,1600,2000,720,900,,
x,1,b,\"width=16, tied\",0,200,1,4,5,1,16,false,200,2000,1600,2000,728,910,,
x,2,b,\"width=16, tied\",0,200,1,4,5,1,16,false,200,2000,1600,2000,724,905,,
x,0,b,\"width=16, tied\",0,400,2,4,5,1,16,false,200,4000,3200,4000,720,900,,
x,1,b,\"width=16, tied\",0,400,2,4,5,1,16,false,200,4000,3200,4000,712,890,,
x,2,b,\"width=16, tied\",0,400,2,4,5,1,16,false,200,4000,3200,4000,716,895,,
x,0,b,\"width=16, tied\",1,400,2,4,5,1,16,false,200,4000,3200,4000,723.6,904.5,,
x,1,b,\"width=16, tied\",1,400,2,4,5,1,16,false,200,4000,3200,4000,718.408,898.01,,
x,2,b,\"width=16, tied\",1,400,2,4,5,1,16,false,200,4000,3200,4000,719.58,899.475,,
x,0,a,width=8,0,400,4,4,5,1,8,false,100,4000,3200,4000,256,320,-4,-5
x,0,a,width=8,0,100,1,4,5,1,8,false,100,1000,800,1000,240,300,-4,-5
x,0,a,width=8,1,400,4,4,5,1,8,false,100,4000,3200,4000,320,400,-4,-5
";
