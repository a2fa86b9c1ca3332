//! An experiment's folder in round numbers: runs.csv with all that was measured, and the cells' own files.

use std::fmt::Write as _;
use std::path::Path;

/// Two models of a structured source, three sizes, two seeds.
pub(crate) const COLUMNS: &str = "cell,group,label,seed,doubled,samples,load,vocabulary,length,layers,width,start_token,\
    parameters,entropy_bits,ceiling_bits_strict,ceiling_bits_paper,memorized_bits_strict,memorized_bits_paper,\
    fresh_memorized_bits_strict,fresh_memorized_bits_paper,unintended_bits,intended_bits,intended_limit_bits,\
    fresh_excess_bits_per_token,membership_auc,membership_balanced_accuracy,membership_tpr_at_1_percent_fpr,\
    extraction_8,extraction_16,extraction_32";

pub(crate) fn runs() -> String {
    let mut out = format!("{COLUMNS}\n");
    for (width, parameters) in [(8, 100), (16, 200)] {
        for (size, load) in [(1, 0.25), (2, 1.0), (3, 4.0)] {
            for seed in [0, 1] {
                let s = f64::from(seed);
                let (n, entropy) = (parameters / 20 * 4_u32.pow(size), 900.0 * load);
                let unintended = 160.0 / f64::from(size) + 8.0 * s;
                let limit = 30.0 + 10.0 * f64::from(size);
                let intended = limit - 40.0 / f64::from(size);
                let memorized = unintended + intended;
                let excess = 4.0 / f64::from(size * size) + 0.1 * s;
                let auc = 1.0 - 0.2 * f64::from(size - 1);
                writeln!(
                    out,
                    "c{width}-{size}-{seed},g{width},width={width},{seed},0,{n},{load},4,20,1,{width},true,{parameters},\
                     {entropy},{entropy},{entropy},{memorized},{memorized},-8,-8,{unintended},{intended},{limit},\
                     {excess},{auc},{auc},{tpr},{e8},{e16},",
                    tpr = (auc - 0.6) / 0.4,
                    e8 = 0.5 / f64::from(size),
                    e16 = 0.8 / f64::from(size),
                )
                .unwrap();
            }
        }
    }
    out
}

/// sequences.csv of copies: four strings, of 1, 2, 2 and 8 copies, and two fresh ones.
pub(crate) const SEQUENCES: &str = "\
data,sequence,log2_probability_model,log2_probability_source,memorized_bits_strict,memorized_bits_paper,string,count
training,0,-30,-40,10,10,0,1
training,1,-22,-40,18,18,1,2
training,3,-18,-40,22,22,2,2
training,5,-4,-40,36,36,3,8
fresh,0,-52,-40,-12,-12,0,1
fresh,1,-60,-40,-20,-20,1,1
";

/// positions.csv of three tokens out of four.
pub(crate) const POSITIONS: &str = "\
data,position,saved_bits_mean,saved_bits_sd,code_bits_mean
training,0,0,0.5,2
training,1,1,0.5,1
training,2,1.75,,0.25
fresh,0,-1,0.5,3
fresh,1,-3,0.5,5
fresh,2,-2,,4
";

/// Writes runs.csv and, into the folder of every cell that it names, the given files.
pub(crate) fn write(root: &Path, runs: &str, files: &[(&str, &str)]) {
    std::fs::write(root.join("runs.csv"), runs).unwrap();
    let rows = runs.lines().skip(1).filter(|_| !files.is_empty());
    for row in rows {
        let cell = root.join("cells").join(row.split(',').next().unwrap());
        std::fs::create_dir_all(&cell).unwrap();
        for (name, text) in files {
            std::fs::write(cell.join(name), text).unwrap();
        }
    }
}
