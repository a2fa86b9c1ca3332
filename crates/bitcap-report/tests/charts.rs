//! What the figures show: their data, and the words around it.

mod common;

use std::collections::BTreeSet;

use bitcap_plan::Run;
use bitcap_report::chart::{Layer, Panel, Shape};
use bitcap_report::{Accounting, Chart, Report, ReportOptions, toy_figure};
use common::experiment::{self, POSITIONS, SEQUENCES, runs};
use common::{
    HEADER, ROUND, Synthetic, assert_says, by_paper, drawing, folder_with, model, read, read_of,
    runs_csv,
};
use serde_json::Value;

const FILES: [(&str, &str); 2] = [("sequences.csv", SEQUENCES), ("positions.csv", POSITIONS)];

/// What is made of these files; each of the charts can be drawn.
fn report(runs: &str, files: &[(&str, &str)], options: &ReportOptions) -> Report {
    let report = read(runs, files, options).unwrap();
    for chart in &report.charts {
        drawing::check(&chart.svg());
    }
    report
}

fn plain(runs: &str, files: &[(&str, &str)]) -> Vec<Chart> {
    report(runs, files, &ReportOptions::default()).charts
}

fn entitled(title: &str) -> ReportOptions {
    ReportOptions {
        title: title.to_owned(),
        ..ReportOptions::default()
    }
}

fn names(charts: &[Chart]) -> Vec<&str> {
    charts.iter().map(|chart| chart.name).collect()
}

/// Curve and capacity.
fn curves(runs: &str, options: &ReportOptions) -> [Chart; 2] {
    let mut charts = report(runs, &[], options).charts;
    charts.truncate(2);
    charts.try_into().unwrap()
}

fn plain_curves(runs: &str) -> [Chart; 2] {
    curves(runs, &ReportOptions::default())
}

/// The lines of a text as they are changed, the header among them.
fn each_line(text: &str, change: impl Fn(&str) -> String) -> String {
    text.lines().map(|line| change(line) + "\n").collect()
}

/// The first columns of a file, as it was before there were more.
fn columns(text: &str, count: usize) -> String {
    each_line(text, |line| {
        let fields: Vec<&str> = line.split(',').take(count).collect();
        fields.join(",")
    })
}

/// A file whose rows have nothing in some columns.
fn without(text: &str, columns: &[usize]) -> String {
    let header = text.lines().next().unwrap();
    each_line(text, |line| {
        let mut fields: Vec<&str> = line.split(',').collect();
        for column in columns.iter().filter(|_| line != header) {
            fields[*column] = "";
        }
        fields.join(",")
    })
}

fn first_row(text: &str) -> String {
    text.lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect()
}

fn named<'a>(charts: &'a [Chart], name: &str) -> &'a Chart {
    charts.iter().find(|chart| chart.name == name).unwrap()
}

/// All that is written around the data.
fn words(chart: &Chart) -> String {
    let mut words = vec![chart.title.clone(), chart.subtitle.clone()];
    for panel in chart.panels.iter().flatten() {
        words.extend([&panel.heading, &panel.x.label, &panel.y.label].map(Clone::clone));
    }
    words.extend(legend(chart));
    words.extend(chart.notes.clone());
    words.join("\n")
}

fn legend(chart: &Chart) -> Vec<String> {
    let blocks = chart.legend.iter();
    let entries = blocks.flat_map(|block| block.entries.iter().map(|entry| entry.text.clone()));
    entries.collect()
}

/// The layers of an only panel.
fn layers(chart: &Chart) -> &[Layer] {
    assert_eq!(chart.panels.len(), 1);
    &chart.panels[0][0].layers
}

/// The lines of text in a drawing.
fn drawn(chart: &Chart) -> Vec<String> {
    let words = drawing::words(&chart.svg()).into_iter();
    words.map(|(text, _)| text).collect()
}

/// The heights of a layer's points.
fn heights(layer: &Layer) -> Vec<f64> {
    layer.points.iter().map(|point| point.y).collect()
}

/// The layers of a panel that have marks.
fn marked(panel: &Panel) -> Vec<&Layer> {
    let layers = panel.layers.iter();
    layers.filter(|layer| layer.look.mark.is_some()).collect()
}

/// As JSON, but for sizes of marks and widths of lines, and shorter: a layer's points in one text, and its look in
/// another. Numbers are to six digits: the last ones may differ between machines' logarithms.
fn data(chart: &Chart) -> Value {
    fn number(value: &Value) -> String {
        let digits = format!("{:.5e}", value.as_f64().unwrap());
        digits.parse::<f64>().unwrap().to_string()
    }
    fn point(value: &Value) -> String {
        let place = format!("{}, {}", number(&value["x"]), number(&value["y"]));
        match value["bar"].as_array() {
            Some(ends) => format!("{place} [{}, {}]", number(&ends[0]), number(&ends[1])),
            None => place,
        }
    }
    fn look(value: &Value) -> String {
        let mut words = vec![value["colour"].as_str().unwrap().to_owned()];
        words.extend(value.get("fill").map(|_| "area".to_owned()));
        let line = value.get("line");
        words.extend(line.map(|line| format!("line {}", line["dash"])));
        words.extend(value.get("mark").map(|mark| {
            let filled = ["hollow", "filled"][usize::from(mark["filled"] == true)];
            let aside = ["", " aside"][usize::from(mark["aside"] != 0.0)];
            format!("{filled} {}{aside}", mark["shape"].as_str().unwrap())
        }));
        words.join(", ")
    }
    fn shorter(value: &mut Value) {
        match value {
            Value::Number(_) => *value = number(value).into(),
            Value::Array(values) => values.iter_mut().for_each(shorter),
            Value::Object(values) => {
                for (name, value) in values {
                    match &name[..] {
                        "look" => *value = look(value).into(),
                        "points" => {
                            let points = value.as_array().unwrap().iter().map(point);
                            *value = points.collect::<Vec<_>>().join("; ").into();
                        }
                        _ => shorter(value),
                    }
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::to_value(chart).unwrap();
    shorter(&mut value);
    value
}

#[test]
fn the_data_of_curves_and_capacities() {
    for chart in plain_curves(ROUND) {
        insta::assert_json_snapshot!(chart.name, data(&chart));
    }
}

#[test]
fn the_data_of_all_others() {
    let charts = report(&runs(), &FILES, &entitled("study")).charts;
    let all = "curve capacity sequences positions membership generalization exposure";
    assert_eq!(names(&charts).join(" "), all);
    for chart in &charts[2..] {
        insta::assert_json_snapshot!(chart.name, data(chart));
    }
}

/// A majority learner of a coin that falls on its side with 0.9: n = 1 and 3, to three decimals.
const TOY: &str = "\
samples,entropy_bits,source_bits,memorized_bits,unintended_bits,intended_bits,\
accuracy_on_data,accuracy_baseline,accuracy_best,accuracy_on_source
3,2.269,1.407,1,0.184,0.816,0.878,0.5,0.9,0.5
1,1,0.469,1,0.469,0.531,0.82,0.5,0.9,0.5
";

fn toy(text: &str) -> Result<Chart, String> {
    let (folder, path) = folder_with(&[("toy.csv", text)]);
    let folder = format!("{}/", folder.path().display());
    toy_figure(&path, "coin").map_err(|error| error.to_string().replace(&folder, ""))
}

#[test]
fn the_data_of_the_toy_case() {
    let chart = toy(TOY).unwrap();
    drawing::check(&chart.svg());
    insta::assert_json_snapshot!(chart.name, data(&chart));
    // One row is a figure too, and rows have an order of their own.
    let lines: Vec<&str> = TOY.lines().collect();
    drawing::check(&toy(&format!("{}\n{}\n", lines[0], lines[2])).unwrap().svg());
    let turned = toy(&format!("{}\n{}\n{}\n", lines[0], lines[2], lines[1])).unwrap();
    assert_eq!(turned, chart);
}

#[test]
fn what_is_wrong_in_a_toy_case_is_named() {
    let error = |text: &str| toy(text).unwrap_err();
    assert_eq!(
        error(&TOY.replace(",0.82,", ",82,")),
        "toy.csv line 3: `accuracy_on_data` is \"82\"; it must be a number from 0 to 1"
    );
    assert_eq!(
        error(&TOY.replace("intended_bits", "bits")),
        "toy.csv line 1: the column `unintended_bits` is there 0 times; it must be there once"
    );
    assert_eq!(
        error(TOY.lines().next().unwrap()),
        "toy.csv has no rows below its header; it must have at least one"
    );
}

fn three() -> Vec<Synthetic> {
    vec![
        model(8, 1_920, 2.05),
        model(16, 4_608, 2.21),
        model(24, 8_064, 2.32),
    ]
}

#[test]
fn a_sweep_is_labelled() {
    let charts = curves(&runs_csv(&three()), &entitled("quick"));
    let [curve, capacity] = charts.map(|chart| words(&chart));
    let parts = [
        "quick: bits memorized against dataset size",
        "strict = paper",
        "sequences of 16 tokens, vocabulary 64",
        "memorized (bits), mean over seeds",
        "width=16: 4,608 parameters, ≥ 2.2",
        "hollow: lower bound",
        "twice the steps",
        "ceiling for models of single sequences",
        "Means over 2 seeds",
    ];
    assert_says(&curve, &parts);
    assert!(!curve.contains("filled: plateau"));
    assert_says(&capacity, &["mean: 2.2", "fitted capacity"]);
    assert_says(
        &capacity,
        &["No error bars: an interval needs three seeds."],
    );
    assert!(!capacity.contains("Table 1"));
}

#[test]
fn bands_are_those_of_the_models_and_keep_clear_of_the_data() {
    let [curve, _] = plain_curves(&runs_csv(&three()));
    let bands = layers(&curve)
        .iter()
        .filter(|layer| !layer.label.is_empty());
    let bands: Vec<&Layer> = bands.collect();
    let labels: Vec<&str> = bands.iter().map(|layer| &layer.label[..]).collect();
    assert_eq!(
        labels,
        ["3.5–3.9 × 1,920", "3.5–3.9 × 4,608", "3.5–3.9 × 8,064"]
    );
    assert_eq!(heights(bands[1])[1..3], [3.5 * 4608.0, 3.9 * 4608.0]);
    let drawn = drawn(&curve);
    for label in labels {
        assert!(drawn.iter().any(|text| text == label), "{label}");
    }
}

#[test]
fn plateaus_are_filled_and_the_accounting_is_named() {
    // In ROUND group b is a plateau, group a is not.
    for chart in plain_curves(ROUND) {
        let words = words(&chart);
        assert_says(&words, &["filled: plateau shown", "hollow: lower bound"]);
        assert_says(
            &words,
            &["Accounting: strict (only predicted tokens count)"],
        );
        let filled = |i: usize| chart.legend[0].entries[i].look.mark.unwrap().filled;
        assert!(filled(0) && !filled(1));
        let models = marked(&chart.panels[0][0]).into_iter();
        let shapes = [Shape::Circle, Shape::Square];
        let filled: BTreeSet<_> = models
            .map(|layer| layer.look.mark.unwrap())
            .filter(|mark| shapes.contains(&mark.shape))
            .map(|mark| (format!("{:?}", mark.shape), mark.filled))
            .collect();
        let expected = [("Circle".to_owned(), true), ("Square".to_owned(), false)];
        assert_eq!(filled, BTreeSet::from(expected));
    }
    let [curve, capacity] = curves(ROUND, &by_paper());
    assert_says(&words(&curve), &["Accounting: paper"]);
    assert_says(&words(&capacity), &["95 % t interval"]);
    let bits = marked(&curve.panels[0][0]).into_iter().flat_map(heights);
    assert_eq!(bits.fold(0.0, f64::max), 905.0);
}

#[test]
fn the_papers_points_are_drawn_where_given() {
    let table =
        "n_layer,d_model,params,capacity_bits_fp32\n1,32,80352,3.39e5\n1,64,185280,7.27e5\n";
    let (_folder, reference) = folder_with(&[("table1.csv", table)]);
    let options = ReportOptions {
        reference: Some(reference),
        ..ReportOptions::default()
    };
    let [_, capacity] = curves(ROUND, &options);
    assert_says(&words(&capacity), &["Morris et al. 2025, Table 1, fp32"]);
    let points: Vec<Vec<f64>> = layers(&capacity).iter().map(heights).collect();
    assert!(points.contains(&vec![3.39e5, 7.27e5]), "{points:?}");
}

/// By the paper's accounting, and by number of parameters: the other model keeps its band.
#[test]
fn a_model_of_the_paper_has_the_papers_capacity_beside_its_curve() {
    let table = "n_layer,d_model,params,capacity_bits_fp32\n1,16,200,930\n1,64,185280,7.27e5\n";
    let (_folder, reference) = folder_with(&[("table1.csv", table)]);
    let options = |accounting| ReportOptions {
        reference: Some(reference.clone()),
        accounting,
        ..ReportOptions::default()
    };
    let level = |chart: &Chart| {
        let level = |layer: &&Layer| heights(layer) == [930.0, 930.0];
        layers(chart).iter().filter(level).count()
    };
    let [curve, _] = curves(ROUND, &options(Accounting::Paper));
    assert_eq!(level(&curve), 1);
    let paper = "capacity in Morris et al. 2025, Table 1, fp32";
    assert_says(&words(&curve), &[paper, "3.5–3.9 bits/parameter"]);
    let said: BTreeSet<&str> = layers(&curve)
        .iter()
        .map(|layer| &layer.label[..])
        .collect();
    assert_eq!(
        said,
        BTreeSet::from(["", "the paper, of 200", "3.5–3.9 × 100"])
    );
    let [curve, _] = curves(ROUND, &options(Accounting::Strict));
    assert_eq!(level(&curve), 0);
    assert!(!words(&curve).contains(paper));
}

#[test]
fn what_a_logarithmic_axis_cannot_show_is_counted() {
    let runs = ROUND
        .replace(",256,320,-4", ",-256,-320,-4")
        .replace(",240,300,-4", ",0,0,-4");
    let [curve, capacity] = plain_curves(&runs).map(|chart| words(&chart));
    assert_says(&curve, &["Not drawn: 2 means at or below zero bits"]);
    assert_says(
        &capacity,
        &["Not drawn: 1 model without a capacity above zero bits."],
    );
}

#[test]
fn edge_cases_of_curves_are_drawn() {
    let mut one = model(16, 4_608, 2.3);
    one.label = String::new();
    let [curve, capacity] = plain_curves(&runs_csv(&[one.clone()])).map(|chart| words(&chart));
    assert!(curve.contains("1×16") && !capacity.contains("mean:"));
    one.loads = vec![2.0];
    one.doubled = None;
    one.seeds = 1;
    let [curve, _] = plain_curves(&runs_csv(&[one]));
    assert_says(&words(&curve), &["One seed a point"]);

    let mut wide = three();
    for model in &mut wide {
        model.parameters *= 20;
        model.capacity *= 20.0;
        model.loads = vec![0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0];
    }
    let [curve, _] = plain_curves(&runs_csv(&wide));
    assert!(drawn(&curve).contains(&"10⁶".to_owned()));

    let mut shapes = three();
    shapes[1].vocabulary = 2;
    let [curve, _] = plain_curves(&runs_csv(&shapes));
    assert_says(&words(&curve), &["entropy of the dataset (bits)"]);
}

/// Models that differ in four settings, and whose labels are as a grid makes them.
fn grid(widths: u64) -> Vec<Synthetic> {
    let mut models = Vec::new();
    for width in 0..widths {
        for rate in ["0.0001", "0.0003", "0.001"] {
            for optimizer in ["adamw", "muon"] {
                for betas in ["[0.9, 0.99]", "[0.9, 0.999]"] {
                    let i = models.len() as u64;
                    models.push(Synthetic {
                        group: format!("{i:08x}"),
                        label: format!(
                            "width={}, learning_rate={rate}, schedule=warmup_stable_decay, optimizer={optimizer}, \
                             betas={betas}",
                            8 + 4 * width
                        ),
                        capacity: 1000.0 * (3.0 + i as f64),
                        loads: vec![0.5, 2.0],
                        ..model(8 + 4 * width, 1000 * (1 + width), 2.0)
                    });
                }
            }
        }
    }
    models
}

#[test]
fn thirty_six_curves_are_told_apart() {
    let models = grid(3);
    assert_eq!(models.len(), 36);
    for chart in plain_curves(&runs_csv(&models)) {
        let block = &chart.legend[0];
        assert_eq!(block.heading, "width, learning_rate, optimizer, betas:");
        assert_eq!(block.entries[5].text, "8, 0.0003, adamw, [0.9, 0.999]");
        let texts: BTreeSet<&String> = block.entries.iter().map(|entry| &entry.text).collect();
        assert_eq!(texts.len(), 36, "{texts:?}");
        let entries = block.entries.iter();
        let looks: BTreeSet<_> = entries.map(|entry| format!("{:?}", entry.look)).collect();
        assert_eq!(looks.len(), 36);
        assert_eq!(chart.notes[0], "All models: schedule=warmup_stable_decay.");
        // The drawing holds each of them whole, on one line.
        let drawn: BTreeSet<String> = drawn(&chart).into_iter().collect();
        for text in texts {
            assert!(drawn.contains(text), "{text}");
        }
    }
    let table = read_of(&runs_csv(&models)).unwrap().table();
    let name = "\nwidth=8, learning_rate=0.0003, optimizer=adamw, betas=[0.9, 0.999] ";
    assert_says(
        &table,
        &[name, "\nAll models: schedule=warmup_stable_decay.\n"],
    );
    // As many of one setting keep its name, and get bands at the ends alone.
    let many: Vec<Synthetic> = (0..30)
        .map(|i| model(8 + 4 * i, 1000 + 400 * i * i, 2.0))
        .collect();
    let [curve, _] = plain_curves(&runs_csv(&many));
    let names: Vec<String> = (0..30).map(|i| format!("width={}", 8 + 4 * i)).collect();
    assert_eq!(legend(&curve)[..30], names);
    let bands = layers(&curve)
        .iter()
        .filter(|layer| !layer.label.is_empty());
    assert_eq!(bands.count(), 2);
}

#[test]
fn more_curves_than_can_be_told_apart_are_said_to_be() {
    let models = grid(4);
    for chart in plain_curves(&runs_csv(&models)) {
        let said = "48 models, more than can be told apart";
        assert!(chart.notes.iter().any(|note| note.starts_with(said)));
        assert!(legend(&chart).len() < 8, "the key alone");
        let curves = marked(&chart.panels[0][0]).into_iter();
        let plain = curves.filter(|layer| layer.look.mark.unwrap().shape != Shape::Dash);
        assert!(plain.count() >= 48, "all are drawn");
    }
}

#[test]
fn few_curves_with_long_labels_are_named_in_full() {
    let path = "of/a/file/".repeat(20);
    let label = |i: u64| format!("path={path}{i}, width={}", 8 + i);
    let models = [0, 1, 2].map(|i| Synthetic {
        label: label(i),
        group: format!("g{i}"),
        ..model(8 + i, 1000 + i, 2.0)
    });
    for chart in plain_curves(&runs_csv(&models)) {
        let drawn = drawn(&chart).concat().replace(' ', "");
        for i in 0..3 {
            assert_says(&drawn, &[&label(i).replace(' ', "")]);
        }
        assert!(!drawn.contains('…'));
    }
}

#[test]
fn one_is_no_plural_and_nothing_is_negative_zero() {
    let mut one = model(16, 1, 2.3);
    (one.length, one.loads, one.doubled) = (1, vec![1.0], None);
    let [curve, capacity] = plain_curves(&runs_csv(&[one])).map(|chart| words(&chart));
    assert_says(&curve, &["sequences of 1 token,", ": 1 parameter,"]);
    assert_says(&capacity, &[": 1 parameter,"]);
    // Twice the steps take a little away, and that is no figure with a sign.
    let less = ROUND.replace(",320,400,-4", ",255.99,319.9875,-4");
    let table = read_of(&less).unwrap().table();
    assert_says(&table, &[" 0.0 % "]);
    assert!(!table.contains("-0.0"), "{table}");
    // A mean of fresh bits just below zero, of one sequence.
    let sequences = SEQUENCES
        .replace(",-12,-12,", ",-0.02,-0.02,")
        .replace(",-20,-20,", ",0,0,");
    let runs = first_row(&runs()).replace(",0,0,20,", ",0,0,1,");
    let charts = plain(&runs, &[("sequences.csv", &sequences)]);
    let words = words(named(&charts, "sequences"));
    assert_says(
        &words,
        &["load 0.25, 1 sequence; means: training 21.5, fresh 0.0 bits"],
    );
}

#[test]
fn membership_is_a_panel_a_measure() {
    let charts = plain(&runs(), &[]);
    let chart = named(&charts, "membership");
    let headings = chart.panels.iter().map(|row| {
        let headings: Vec<&str> = row.iter().map(|panel| &panel.heading[..]).collect();
        headings.join(" | ")
    });
    assert_eq!(
        headings.collect::<Vec<_>>(),
        [
            "membership: AUC | membership: balanced accuracy | membership: TPR at 1 % FPR",
            "extracted from 8 tokens | extracted from 16 tokens",
        ]
    );
    let [floor, first, second] = &chart.panels[0][0].layers[..] else {
        panic!("what guessing gives, and two models")
    };
    assert_eq!(heights(floor), [0.5, 0.5]);
    for layer in [first, second] {
        let [one, middle, low] = heights(layer)[..] else {
            panic!("three sizes")
        };
        assert!((one - 1.0).abs() + (middle - 0.8).abs() + (low - 0.6).abs() < 1e-12);
        let loads: Vec<f64> = layer.points.iter().map(|point| point.x).collect();
        assert_eq!(loads, [0.25, 1.0, 4.0]);
    }
}

#[test]
fn intended_bits_stand_beside_unintended_ones_and_below_their_limit() {
    let charts = plain(&runs(), &[]);
    let panel = &named(&charts, "generalization").panels[0][0];
    // The line at zero, then of each model limit, unintended and intended.
    let bits: Vec<Vec<f64>> = panel.layers.iter().map(heights).collect();
    let close = |found: &[f64], expected: [f64; 3]| {
        let off: f64 = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).sum();
        assert!(off < 1e-9, "{found:?}");
    };
    close(&bits[1], [40.0, 50.0, 60.0]);
    close(&bits[2], [164.0, 84.0, 160.0 / 3.0 + 4.0]);
    close(&bits[3], [0.0, 30.0, 60.0 - 40.0 / 3.0]);
    let excess = heights(&named(&charts, "generalization").panels[1][0].layers[1]);
    close(&excess, [4.05, 1.05, 4.0 / 9.0 + 0.05]);
}

#[test]
fn exposure_is_the_mean_over_strings_of_a_count() {
    let charts = plain(&runs(), &FILES);
    let lines = marked(&named(&charts, "exposure").panels[0][0]);
    assert_eq!(lines.len(), 2);
    // Copies 1, 2, 8: 10, 20 and 36 bits.
    let points = lines[0].points.iter().map(|point| (point.x, point.y));
    let points: Vec<(f64, f64)> = points.collect();
    assert_eq!(points, [(1.0, 10.0), (2.0, 20.0), (8.0, 36.0)]);
}

/// A source a column, and below it what was learned by rote; sources of unknown entropy too.
#[test]
fn what_is_learned_of_each_source_is_a_plot_of_its_own() {
    let mut rows = Vec::new();
    for (source, kind, samples, parameters) in [
        ("parity", "gpt2", 10, 90),
        ("parity", "gpt2", 40, 90),
        ("parity", "lstm", 10, 100),
        ("uniform", "gpt2", 10, 1100),
    ] {
        rows.push(Run {
            cell: format!("{source}-{kind}-{samples}"),
            group: format!("{source}-{kind}"),
            label: format!("source.kind={source}, model.kind={kind}"),
            source: source.to_owned(),
            vocabulary: 2,
            length: 10,
            start_token: true,
            samples,
            layers: 1,
            width: 8,
            parameters,
            // A bit of ten follows from the others; of uniform data none.
            fresh_samples: Some(100),
            fresh_source_bits: Some(if source == "parity" { 900.0 } else { 1000.0 }),
            fresh_excess_bits_per_token: Some(if samples == 10 { 0.15 } else { 0.02 }),
            unintended_bits: Some(samples as f64),
            membership_auc: Some(0.5),
            ..Run::default()
        });
    }
    let table = String::from_utf8(Run::table(&rows)).unwrap();
    let charts = plain(&table, &[]);
    let chart = named(&charts, "matrix");
    assert_eq!(
        legend(chart),
        ["gpt2: 90 to 1,100 parameters", "lstm: 100 parameters"]
    );
    let [upper, lower] = &chart.panels[..] else {
        panic!("two sources are beside each other");
    };
    let headings: Vec<&str> = upper.iter().map(|panel| &panel.heading[..]).collect();
    assert_eq!(headings, ["parity", "uniform"]);
    let points = |panel: &Panel| {
        let layers = marked(panel).into_iter();
        let points = layers.map(|layer| {
            let points = layer.points.iter();
            let points = points.map(|point| (point.x, (point.y * 1e9).round() / 1e9));
            points.collect::<Vec<_>>()
        });
        points.collect::<Vec<_>>()
    };
    let learned = [vec![(10.0, -0.5), (40.0, 0.8)], vec![(10.0, -0.5)]];
    assert_eq!(points(&upper[0]), learned);
    let by_rote = [(10.0, 0.111111111), (40.0, 0.444444444)];
    assert_eq!(points(&lower[0])[0], by_rote);
    assert_eq!(points(&upper[1]), Vec::<Vec<(f64, f64)>>::new());
    assert_eq!(points(&lower[1]), [[(10.0, 0.009090909)]]);
    let alone = String::from_utf8(Run::table(&rows[..3])).unwrap();
    assert!(!names(&plain(&alone, &[])).contains(&"matrix"));
}

/// Models trained for so many passes by a rate, each with its bits a parameter. What follows "optimizer=" is
/// put in their labels.
fn trained_for(budgets: &[(&str, u64, f64, f64)]) -> String {
    let mut text = format!("{HEADER}\n");
    for (i, (optimizer, passes, rate, alpha)) in budgets.iter().enumerate() {
        let model = Synthetic {
            group: format!("{i:08x}"),
            label: format!("steps={passes}, optimizer={optimizer}, learning_rate={rate}"),
            loads: vec![8.0],
            doubled: None,
            p: 64.0,
            noise: 0.0,
            ..model(16, 4_800, *alpha)
        };
        // 8 x 3.6 x 4,800 / 96 bits a sequence.
        let tokens = format!(",{},1000000", 1_440 * 16 * passes);
        let rows = runs_csv(&[model]).replace(",1000,1000000", &tokens);
        text += rows.split_once('\n').unwrap().1;
    }
    text
}

#[test]
fn a_longer_training_is_a_point_on_the_line_of_its_optimizer() {
    let budgets = [
        ("adam", 16, 0.01, 0.5),
        ("adam", 64, 0.01, 1.5),
        ("soap", 256, 0.03, 2.5),
        ("adam", 256, 0.01, 1.75),
        ("adam", 64, 0.1, 1.25),
        ("soap", 16, 0.03, 1.0),
    ];
    let charts = plain(&trained_for(&budgets), &[]);
    let chart = named(&charts, "budget");
    assert_eq!(legend(chart)[..2], ["optimizer=adam", "optimizer=soap"]);
    assert_says(&words(chart), &["Of each length the best learning rate"]);
    let points = |layer: &Layer| {
        let points = layer.points.iter();
        let points = points.map(|p| (p.x, (p.y * 100.0).round() / 100.0));
        points.collect::<Vec<_>>()
    };
    let lines: Vec<_> = marked(&chart.panels[0][0])
        .into_iter()
        .map(points)
        .collect();
    let adam = vec![(16.0, 0.5), (64.0, 1.5), (256.0, 1.75)];
    assert_eq!(lines, [adam, vec![(16.0, 1.0), (256.0, 2.5)]]);
    // Trainings with a polish are a line of their own, however the steps are shared out.
    let polished = budgets.map(|(optimizer, passes, rate, alpha)| match optimizer {
        "soap" => ("adam, polish_steps=0", passes, rate, alpha),
        _ => ("adam, polish_steps=7", passes, rate, alpha),
    });
    let charts = plain(&trained_for(&polished), &[]);
    let chart = named(&charts, "budget");
    let polished = ["optimizer=adam, with a polish", "optimizer=adam"];
    assert_eq!(legend(chart)[..2], polished);
    // Two lengths are no line, and neither are three rates.
    for few in [
        &budgets[..2],
        &[budgets[1], budgets[4], ("adam", 64, 0.3, 1.0)],
    ] {
        assert!(!names(&plain(&trained_for(few), &[])).contains(&"budget"));
    }
}

#[test]
fn what_is_not_there_is_not_drawn() {
    let charts = |runs: &str, files: &[(&str, &str)]| names(&plain(runs, files)[2..]).join(" ");
    let all = runs();
    // An experiment of before: none of the columns, none of the files.
    let before = columns(&all, 20);
    assert_eq!(charts(&before, &[]), "");
    assert_eq!(charts(&before, &FILES[1..]), "positions");
    let nameless = before.replacen("cell,", "host,", 1);
    assert_eq!(charts(&nameless, &FILES), "", "cells that have no names");
    // A sequences.csv of before has no counts.
    let old = columns(SEQUENCES, 6);
    assert_eq!(charts(&before, &[("sequences.csv", &old)]), "sequences");
    // Uniform data: its limit is 0, there is nothing to generalize to.
    let uniform = all
        .replace(",40,4", ",0,4")
        .replace(",50,1", ",0,1")
        .replace(",60,0", ",0,0");
    assert_eq!(charts(&uniform, &[]), "membership");
}

#[test]
fn a_source_with_parameters_is_judged_by_its_own_probabilities() {
    let structured = without(SEQUENCES, &[4, 5, 6, 7]);
    let charts = plain(&runs(), &[("sequences.csv", &structured)]);
    assert!(!names(&charts).contains(&"exposure"));
    let words = words(named(&charts, "sequences"));
    assert_says(&words, &["saved against the true source (bits a sequence)"]);
    // Model less source: 10, 18, 22, 36, and -12, -20.
    assert_says(&words, &["means: training 21.5, fresh −16.0 bits"]);
    // Of a user's file neither is known.
    let unknown = structured.replace(",-40,", ",,");
    let charts = plain(&runs(), &[("sequences.csv", &unknown)]);
    assert!(!names(&charts).contains(&"sequences"));
}

#[test]
fn where_no_entropy_is_known_the_rest_is_drawn_against_samples() {
    // As of a user's file: no entropy, and nothing that needs it.
    let columns = [6, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23];
    let runs = without(&runs(), &columns);
    let report = report(&runs, &FILES[1..], &ReportOptions::default());
    assert_eq!(names(&report.charts), ["positions", "membership"]);
    assert!(report.groups.is_empty() && report.slopes().is_none());
    assert_says(
        &report.table(),
        &["the entropy of its data is 0, or not known"],
    );
    let words = words(&report.charts[1]);
    assert_says(&words, &["\nsequences\n"]);
    assert!(!words.contains("load"), "{words}");
}

#[test]
fn the_accounting_is_named_where_it_matters() {
    let runs = runs().replace(",true,", ",false,");
    let sequences = SEQUENCES.replace(",36,36,", ",36,48,");
    let charts = report(&runs, &[("sequences.csv", &sequences)], &by_paper()).charts;
    for name in ["sequences", "exposure"] {
        assert_says(&named(&charts, name).subtitle, &["Accounting: paper"]);
    }
    // 10, 18, 22 and 48.
    assert_says(&words(named(&charts, "sequences")), &["training 24.5"]);
}

#[test]
fn same_rows_same_charts_whatever_their_order_within_a_group() {
    let text = runs();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..7].reverse();
    assert_eq!(plain(&text, &FILES), plain(&lines.join("\n"), &FILES));
}

#[test]
fn edge_cases_are_drawn() {
    let text = runs();
    // One cell, no fresh data, one position.
    let files = FILES.map(|(name, text)| (name, first_row(text)));
    let files = [0, 1].map(|i| (files[i].0, &files[i].1[..]));
    let charts = plain(&first_row(&text), &files);
    assert_eq!(charts.len(), 7);
    assert_says(&words(named(&charts, "membership")), &["One seed a point"]);
    assert_says(
        &words(named(&charts, "exposure")),
        &["load 0.25, 20 sequences"],
    );

    // All cells of twice the steps: none of a plain curve.
    let doubled = each_line(&text, |line| {
        let line = line.replacen(",0,0,", ",0,1,", 1);
        line.replacen(",1,0,", ",1,1,", 1)
    });
    assert_eq!(names(&plain(&doubled, &FILES)), ["curve", "capacity"]);

    // Thirty models, with names of all kinds.
    let mut many = format!("{}\n", experiment::COLUMNS);
    let row = text.lines().nth(1).unwrap();
    for i in 0..30 {
        let name = format!("{i}<&{}", "wide ".repeat(i));
        let row = row.replace(",g8,width=8,", &format!(",g{i},{name},"));
        many += &format!("{}\n", row.replacen("c8-1-0", &format!("c{i}"), 1));
    }
    assert_eq!(plain(&many, &FILES).len(), 7);
}

/// A cell of 200 steps is a cell of its own curve and the doubled one of the curve of 100 steps.
const TWO_CURVES: &str = "\
cell,group,label,seed,doubled,samples,load,vocabulary,length,layers,width,start_token,steps,parameters,entropy_bits,\
ceiling_bits_strict,ceiling_bits_paper,memorized_bits_strict,memorized_bits_paper,fresh_memorized_bits_strict,\
fresh_memorized_bits_paper,membership_auc
n10-t100,a,steps=100,0,0,10,0.5,4,5,1,8,true,100,100,180,180,180,178,178,,,1
n40-t100,a,steps=100,0,0,40,2,4,5,1,8,true,100,100,720,700,700,200,200,,,0.75
n80-t100,a,steps=100,0,0,80,4,4,5,1,8,true,100,100,1440,1400,1400,201,201,,,0.5
n40-t200,a,steps=100,0,1,40,2,4,5,1,8,true,200,100,720,700,700,250,250,,,1
n10-t200,b,steps=200,0,0,10,0.5,4,5,1,8,true,200,100,180,180,180,179,179,,,1
n40-t200,b,steps=200,0,0,40,2,4,5,1,8,true,200,100,720,700,700,250,250,,,1
n40-t400,b,steps=200,0,1,40,2,4,5,1,8,true,400,100,720,700,700,300,300,,,1
";

#[test]
fn one_training_may_belong_to_two_curves() {
    let report = report(TWO_CURVES, &FILES, &ReportOptions::default());
    let gain = |i: usize| report.groups[i].capacity.gain.as_ref().unwrap().mean;
    assert_eq!(report.groups.len(), 2);
    assert!((gain(0) - 0.25).abs() < 1e-12 && (gain(1) - 0.2).abs() < 1e-12);
    let points = |i: usize| report.groups[i].curve.points.len();
    assert_eq!((points(0), points(1)), (3, 2));
    assert!(report.groups[0].capacity.bracketed);
    // It is drawn as a mark of its own curve and as a triangle of the other.
    let curve = named(&report.charts, "curve");
    let at_250 = marked(&curve.panels[0][0]).into_iter();
    let at_250 = at_250.filter(|layer| heights(layer).contains(&250.0));
    let shapes: Vec<Shape> = at_250.map(|layer| layer.look.mark.unwrap().shape).collect();
    assert_eq!(shapes, [Shape::TriangleUp, Shape::Square]);
    // Where cells stand for themselves it is one of its own curve alone.
    let auc = &named(&report.charts, "membership").panels[0][0];
    assert_eq!(heights(marked(auc)[0]), [1.0, 0.75, 0.5]);
    assert_eq!(heights(marked(auc)[1]), [1.0, 1.0]);
}
