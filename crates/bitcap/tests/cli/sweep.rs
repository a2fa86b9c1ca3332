//! A sweep from its file to its figures.

use std::collections::{BTreeMap, HashMap};

use crate::{Place, TINY, assert_says, stdout};

/// Two models, three loads, two seeds, and twice the steps at one load.
fn grid() -> String {
    TINY.replace("[4]", "[4, 8]").replace(
        "\"data.samples\" = [4, 9]",
        "\"data.load\" = [0.05, 0.1, 0.2]",
    ) + "\n[sweep]\ndoubled_at_load = 0.1\n"
}

const RUNS: &str = "cell,group,label,seed,doubled,source,vocabulary,length,samples,distinct,load,\
    layers,width,heads,mlp_ratio,tied_head,start_token,initialization,parameters,optimizer,\
    learning_rate,schedule,steps,batch,precision,entropy_bits,source_bits,ceiling_bits_strict,\
    ceiling_bits_paper,memorized_bits_strict,memorized_bits_paper,fraction_of_ceiling,\
    bits_per_parameter_strict,bits_per_parameter_paper,training_loss,fresh_samples,\
    fresh_in_training,fresh_memorized_bits_strict,fresh_memorized_bits_paper,training_tokens,\
    training_flops,counted,oracle,mixture_weight,unintended_bits,unintended_bits_max,\
    intended_bits,intended_bits_max,intended_limit_bits,fresh_counted,fresh_entropy_bits,\
    fresh_source_bits,fresh_loss,fresh_excess_bits_per_token,fresh_mixture_weight,\
    fresh_unintended_bits,fresh_unintended_bits_max,fresh_intended_bits,fresh_intended_bits_max,\
    fresh_intended_limit_bits,membership_auc,membership_balanced_accuracy,membership_f1,\
    membership_tpr_at_1_percent_fpr,extraction_8,extraction_16,extraction_32,fresh_extraction_8,\
    fresh_extraction_16,fresh_extraction_32";

const CURVE: &str = "group,label,doubled,samples,load,parameters,seeds,entropy_bits,\
    ceiling_bits_strict,ceiling_bits_paper,memorized_bits_strict_mean,memorized_bits_strict_sd,\
    memorized_bits_paper_mean,memorized_bits_paper_sd,fraction_of_ceiling_mean,\
    bits_per_parameter_strict_mean,bits_per_parameter_paper_mean,\
    fresh_memorized_bits_strict_mean,fresh_memorized_bits_strict_sd";

const CAPACITY: &str = "group,label,parameters,layers,width,seeds,capacity_bits_strict,\
    capacity_bits_paper,at_samples,at_load,capacity_bits_strict_low,capacity_bits_strict_high,\
    capacity_bits_paper_low,capacity_bits_paper_high,fit,fitted_capacity_bits_strict,\
    fitted_capacity_bits_paper,fit_residual,alpha_strict,alpha_paper,fitted_alpha_strict,\
    fitted_alpha_paper,gain_per_doubling,gain_per_doubling_low,gain_per_doubling_high,gain_seeds,\
    bracketed,plateau";

#[test]
fn leaves_a_table_and_every_file() {
    let place = Place::new(&grid());
    let run = place.sweep(&[]);
    assert_says(
        &stdout(&run),
        &["width=4", "width=8", "lower bound", "outputs/tiny/runs.csv"],
    );

    let made = [
        "capacity.csv",
        "capacity.png",
        "capacity.svg",
        "cells",
        "curve.csv",
        "curve.png",
        "curve.svg",
        "membership.png",
        "membership.svg",
        "plan.json",
        "positions.png",
        "positions.svg",
        "runs.csv",
        "sequences.png",
        "sequences.svg",
        "timings.csv",
    ];
    assert_eq!(place.names("outputs/tiny"), made);
    for picture in ["curve", "capacity", "membership", "positions", "sequences"] {
        let png = place.read(&format!("outputs/tiny/{picture}.png"));
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert!(
            place
                .text(&format!("outputs/tiny/{picture}.svg"))
                .starts_with("<svg")
        );
    }
    let cells = place.cells("outputs/tiny");
    assert_eq!(cells.len(), 2 * 3 * 2 + 2 * 2);
    assert_eq!(place.names("outputs/tiny/cells").len(), cells.len());
    for cell in &cells {
        let files = [
            "cell.toml",
            "lock",
            "log.txt",
            "manifest.json",
            "measurement.json",
            "metrics.csv",
            "model",
            "positions.csv",
            "roc.csv",
            "sequences.csv",
        ];
        let roc = place.text(&format!("{cell}/roc.csv"));
        // From none called a member to all of them.
        assert!(
            roc.contains("\n-inf,0,0\n") && roc.ends_with(",1,1\n"),
            "{roc}"
        );
        assert_eq!(place.names(cell), files);
        assert_eq!(
            place.names(&format!("{cell}/model")),
            ["config.json", "model.safetensors"]
        );
    }

    let header = |name: &str| place.text(name).lines().next().unwrap().to_owned();
    assert_eq!(header("outputs/tiny/runs.csv"), RUNS);
    assert!(header("outputs/tiny/curve.csv").starts_with(CURVE));
    assert!(header("outputs/tiny/capacity.csv").starts_with(CAPACITY));

    let rows = place.rows("outputs/tiny/runs.csv");
    assert_eq!(rows.len(), cells.len());
    let doubled: Vec<_> = rows.iter().filter(|row| row["doubled"] == "1").collect();
    assert_eq!(doubled.len(), 4);
    for row in doubled {
        assert_eq!(row["steps"], "12");
        let plain = |other: &&BTreeMap<String, String>| {
            let same = ["group", "samples", "seed"]
                .iter()
                .all(|&key| other[key] == row[key]);
            same && other["doubled"] == "0" && other["steps"] == "6"
        };
        assert_eq!(rows.iter().filter(plain).count(), 1);
    }
    means_are_those_of_the_runs(&place, &rows);
}

fn means_are_those_of_the_runs(place: &Place, rows: &[BTreeMap<String, String>]) {
    let curve = place.rows("outputs/tiny/curve.csv");
    assert_eq!(curve.len(), rows.len() / 2);
    for point in curve {
        let same = |row: &&BTreeMap<String, String>| {
            ["group", "doubled", "samples"]
                .iter()
                .all(|&key| row[key] == point[key])
        };
        let bits: Vec<f64> = rows
            .iter()
            .filter(same)
            .map(|row| number(row, "memorized_bits_strict"))
            .collect();
        assert_eq!(bits.len(), 2);
        let (mean, half) = ((bits[0] + bits[1]) / 2.0, (bits[0] - bits[1]).abs() / 2.0);
        close(number(&point, "memorized_bits_strict_mean"), mean, 1e-12);
        close(
            number(&point, "memorized_bits_strict_sd"),
            half * 2_f64.sqrt(),
            1e-9,
        );
    }
}

/// The figures of each cell against those worked out here from its settings and its tokens.
fn figures_agree(experiment: &str) {
    let place = Place::new(experiment);
    place.sweep(&[]);
    for row in place.rows("outputs/tiny/runs.csv") {
        let cell = format!("outputs/tiny/cells/{}", row["cell"]);
        let [v, s, n, d] =
            ["vocabulary", "length", "samples", "width"].map(|key| number(&row, key));
        let start = row["start_token"] == "true";
        let predicted = if start { s } else { s - 1.0 };
        let parameters =
            (v + f64::from(u8::from(start)) + s) * d + 12.0 * d * d + 13.0 * d + 2.0 * d;
        assert_eq!(number(&row, "parameters"), parameters);
        close(number(&row, "entropy_bits"), n * s * v.log2(), 1e-12);
        close(number(&row, "source_bits"), n * s * v.log2(), 1e-12);
        close(
            number(&row, "load"),
            n * s * v.log2() / (3.6 * parameters),
            1e-12,
        );

        let (tokens, blake3) = generated(&place, &row);
        assert_eq!(
            place.json(&format!("{cell}/manifest.json"))["tokens_blake3"],
            blake3.as_str()
        );
        let (distinct, ceiling) = ceiling(&tokens, s as usize, v, start);
        assert_eq!(number(&row, "distinct"), distinct as f64);
        close(number(&row, "ceiling_bits_strict"), ceiling, 1e-12);
        close(
            number(&row, "ceiling_bits_paper"),
            ceiling * s / predicted,
            1e-12,
        );

        let strict = number(&row, "memorized_bits_strict");
        let paper = number(&row, "memorized_bits_paper");
        assert!(strict <= ceiling, "{strict} of {ceiling} bits");
        close(paper, strict * s / predicted, 1e-12);
        close(number(&row, "fraction_of_ceiling"), strict / ceiling, 1e-12);
        close(
            number(&row, "bits_per_parameter_strict"),
            strict / parameters,
            1e-12,
        );
        close(
            number(&row, "bits_per_parameter_paper"),
            paper / parameters,
            1e-12,
        );
        let code = number(&row, "training_loss") / std::f64::consts::LN_2;
        close(strict, n * predicted * (v.log2() - code), 1e-9);
        let tokens_seen = number(&row, "steps") * n * predicted;
        assert_eq!(number(&row, "training_tokens"), tokens_seen);
        close(
            number(&row, "training_flops"),
            6.0 * parameters * tokens_seen,
            1e-12,
        );

        let sequences = place.rows(&format!("{cell}/sequences.csv"));
        for (data, column) in [
            ("training", "memorized_bits"),
            ("fresh", "fresh_memorized_bits"),
        ] {
            let of: Vec<_> = sequences.iter().filter(|row| row["data"] == data).collect();
            assert_eq!(of.len(), n as usize);
            for accounting in ["strict", "paper"] {
                let key = format!("memorized_bits_{accounting}");
                let sum: f64 = of.iter().map(|row| number(row, &key)).sum();
                close(number(&row, &format!("{column}_{accounting}")), sum, 1e-9);
            }
        }
        let measurement = place.json(&format!("{cell}/measurement.json"));
        assert_eq!(measurement["memorized_bits_strict"].as_f64(), Some(strict));
        let last = place.rows(&format!("{cell}/metrics.csv")).pop().unwrap();
        assert_eq!(last["step"], row["steps"]);
        close(number(&last, "memorized_bits"), strict, 1e-9);
    }
}

#[test]
fn figures_agree_with_a_start_token() {
    figures_agree(&grid());
}

#[test]
fn figures_agree_without_a_start_token() {
    figures_agree(&grid().replace("start_token = true", "start_token = false"));
}

/// What a model of a few hundred parameters can hold it does hold, of data that it was trained on only.
#[test]
fn a_model_memorizes_what_it_is_trained_on() {
    let place = Place::new(TINY);
    place.sweep(&[
        "--set",
        "grid.\"data.samples\"=[4]",
        "--set",
        "grid.\"model.width\"=[8]",
        "--set",
        "train.steps=200",
        "--set",
        "train.learning_rate=0.03",
    ]);
    for row in place.rows("outputs/tiny/runs.csv") {
        let fraction = number(&row, "fraction_of_ceiling");
        assert!((0.95..=1.0 + 1e-6).contains(&fraction), "{fraction}");
        assert!(number(&row, "fresh_memorized_bits_strict") < 0.0);
    }
}

/// The tokens that `generate` gives for a cell's dataset, and their hash.
fn generated(place: &Place, row: &BTreeMap<String, String>) -> (Vec<u16>, String) {
    place
        .bitcap(&[
            "generate",
            "d.safetensors",
            "-v",
            &row["vocabulary"],
            "-s",
            &row["length"],
            "-n",
            &row["samples"],
            "--seed",
            &row["seed"],
        ])
        .success();
    let shown = place
        .bitcap(&["inspect", "d.safetensors", "--json"])
        .success();
    let info: serde_json::Value = serde_json::from_str(&stdout(&shown)).unwrap();
    let bytes = place.read("d.safetensors");
    // 8 bytes of length, a header of that length, the tokens.
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let tokens = bytes[8 + header..]
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    (tokens, info["tokens_blake3"].as_str().unwrap().to_owned())
}

/// Distinct sequences, and the most bits that a model of single sequences can save: with a start
/// token it gives each its share of the dataset, without one its share of those that begin as it does.
fn ceiling(tokens: &[u16], length: usize, vocabulary: f64, start: bool) -> (usize, f64) {
    let mut counts: HashMap<&[u16], f64> = HashMap::new();
    let mut beginnings: HashMap<u16, f64> = HashMap::new();
    for sequence in tokens.chunks(length) {
        *counts.entry(sequence).or_default() += 1.0;
        *beginnings.entry(sequence[0]).or_default() += 1.0;
    }
    let samples = (tokens.len() / length) as f64;
    let predicted = if start { length } else { length - 1 };
    let bits = tokens.chunks(length).map(|sequence| {
        let among = if start {
            samples
        } else {
            beginnings[&sequence[0]]
        };
        predicted as f64 * vocabulary.log2() - (among / counts[sequence]).log2()
    });
    (counts.len(), bits.sum())
}

fn number(row: &BTreeMap<String, String>, key: &str) -> f64 {
    row[key]
        .parse()
        .unwrap_or_else(|_| panic!("{key} is {:?}", row[key]))
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    let off = (found - expected).abs() / expected.abs().max(1.0);
    assert!(off <= tolerance, "{found}, not {expected}");
}
