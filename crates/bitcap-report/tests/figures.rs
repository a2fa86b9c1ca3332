//! The pictures parse, decode, show something, and say what they must.

mod common;

use bitcap_report::{Accounting, ReportOptions};
use common::{ROUND, Synthetic, model, report_of, runs_csv};
use proptest::prelude::*;
use resvg::{tiny_skia::Pixmap, usvg};

/// Checks both pictures and returns their SVG.
fn figures(runs: &str, options: &ReportOptions) -> (String, String) {
    let (folder, report) = report_of(runs, options);
    report.unwrap();
    let svg = |name: &str| {
        let text = std::fs::read_to_string(folder.path().join(format!("{name}.svg"))).unwrap();
        for word in ["NaN", "inf\"", "inf "] {
            assert!(!text.contains(word), "{name}.svg holds {word}");
        }
        let tree = usvg::Tree::from_str(&text, &usvg::Options::default()).unwrap();
        assert!((tree.size().width() - 672.0).abs() < 0.01, "7 inches");
        let png = std::fs::read(folder.path().join(format!("{name}.png"))).unwrap();
        let pixels = Pixmap::decode_png(&png).unwrap();
        assert_eq!(pixels.width(), 2100, "7 inches at 300 dots");
        let dark = pixels
            .pixels()
            .iter()
            .filter(|p| u16::from(p.red()) + u16::from(p.green()) + u16::from(p.blue()) < 200)
            .count();
        // Without the font only lines would be left.
        assert!(dark > 10_000, "{name}.png has {dark} dark pixels");
        text
    };
    (svg("curve"), svg("capacity"))
}

fn plain(runs: &str) -> (String, String) {
    figures(runs, &ReportOptions::default())
}

fn three() -> Vec<Synthetic> {
    vec![
        model(8, 1_920, 2.05),
        model(16, 4_608, 2.21),
        model(24, 8_064, 2.32),
    ]
}

#[test]
fn a_sweep_is_drawn_and_labelled() {
    let options = ReportOptions {
        title: "quick & <small>".to_owned(),
        ..ReportOptions::default()
    };
    let (curve, capacity) = figures(&runs_csv(&three()), &options);
    for words in [
        "quick &amp; &lt;small&gt;: bits memorized against dataset size",
        "strict = paper",
        "sequences of 16 tokens, vocabulary 64",
        "memorized (bits), mean over seeds",
        "width=16: 4,608 parameters, ≥ 2.2",
        "hollow: lower bound",
        "twice the steps",
        "ceiling for models of single sequences",
        "3.5–3.9 × 8,064",
        "standard deviation over 2 seeds",
    ] {
        assert!(curve.contains(words), "{words}");
    }
    assert!(!curve.contains("filled: plateau"));
    for words in [
        "fitted slope: 2.2",
        "fitted capacity",
        "No error bars: an interval needs three seeds.",
    ] {
        assert!(capacity.contains(words), "{words}");
    }
    assert!(!capacity.contains("Table 1"));
}

#[test]
fn plateaus_are_filled_and_the_accounting_is_named() {
    // In ROUND group b is a plateau, group a is not.
    let (curve, capacity) = plain(ROUND);
    for svg in [&curve, &capacity] {
        assert!(svg.contains("filled: plateau shown") && svg.contains("hollow: lower bound"));
        assert!(svg.contains("Accounting: strict (only predicted tokens count)"));
    }
    assert!(capacity.contains("95 % t interval"));
    let options = ReportOptions {
        accounting: Accounting::Paper,
        ..ReportOptions::default()
    };
    assert!(figures(ROUND, &options).0.contains("Accounting: paper"));
}

#[test]
fn the_papers_points_are_drawn_where_given() {
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("table1.csv");
    std::fs::write(
        &reference,
        "n_layer,d_model,params,capacity_bits_fp32\n1,32,80352,3.39e5\n1,64,185280,7.27e5\n",
    )
    .unwrap();
    let options = ReportOptions {
        reference: Some(reference),
        ..ReportOptions::default()
    };
    let (_, capacity) = figures(ROUND, &options);
    assert!(capacity.contains("Morris et al. 2025, Table 1, fp32"));
    // Two points and the legend's sample.
    assert_eq!(capacity.matches("r=\"1.8\"").count(), 3);
}

#[test]
fn edge_cases_are_drawn() {
    let mut one = model(16, 4_608, 2.3);
    one.label = String::new();
    let (curve, capacity) = plain(&runs_csv(&[one.clone()]));
    assert!(curve.contains("1×16") && !capacity.contains("fitted slope"));
    one.loads = vec![2.0];
    one.doubled = None;
    one.seeds = 1;
    assert!(plain(&runs_csv(&[one])).0.contains("One seed a point"));

    let thirty: Vec<Synthetic> = (0..30)
        .map(|i| model(8 + 4 * i, 1000 + 400 * i * i, 2.0))
        .collect();
    let (curve, _) = plain(&runs_csv(&thirty));
    assert!((0..30).all(|i| curve.contains(&format!(">width={}<", 8 + 4 * i))));
    assert_eq!(curve.matches("3.5–3.9 × ").count(), 2);

    let mut wide = three();
    for model in &mut wide {
        model.parameters *= 20;
        model.capacity *= 20.0;
        model.loads = vec![0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0];
    }
    assert!(plain(&runs_csv(&wide)).0.contains("10⁶"));

    let mut shapes = three();
    shapes[1].vocabulary = 2;
    assert!(
        plain(&runs_csv(&shapes))
            .0
            .contains("entropy of the dataset (bits)")
    );
}

#[test]
fn what_a_logarithmic_axis_cannot_show_is_counted() {
    let runs = ROUND
        .replace(",256,320,-4", ",-256,-320,-4")
        .replace(",240,300,-4", ",0,0,-4");
    let (curve, capacity) = plain(&runs);
    assert!(curve.contains("Not drawn: 2 means at or below zero bits"));
    assert!(capacity.contains("Not drawn: 1 model without a capacity above zero bits."));
}

/// A label as people and accidents make them.
fn label() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z.]{0,8}=[0-9.]{0,5}",
        ".{0,40}",
        Just("wide ".repeat(60)),
        Just("\u{7}\u{1b}[2J<&\u{202e}\u{ffff}".to_owned()),
    ]
}

fn bits() -> impl Strategy<Value = f64> {
    prop_oneof![-1e3..1e6, Just(0.0), -1e30..1e30, 0.0..1e-300]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_rows_never_panic(
        labels in prop::collection::vec(label(), 1..4),
        rows in prop::collection::vec(
            (0_usize..3, 0_u64..3, any::<bool>(), prop_oneof![1_u64..200, 1..=u64::MAX], bits(), bits(), bits()),
            1..20,
        ),
        parameters in prop_oneof![1_u64..10_000, 1..=u64::MAX],
        start in any::<bool>(),
    ) {
        let header: Vec<&str> = ROUND.lines().next().unwrap().split(',').collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&header).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for (group, seed, doubled, samples, entropy, ceiling, memorized) in rows {
            let group = group % labels.len();
            if !seen.insert((group, seed, doubled, samples)) {
                continue;
            }
            writer.write_record(&[
                "host".to_owned(), seed.to_string(), format!("g{group}"), labels[group].clone(),
                u8::from(doubled).to_string(), samples.to_string(), "0.5".to_owned(), "4".to_owned(),
                "5".to_owned(), "1".to_owned(), "8".to_owned(), start.to_string(), parameters.to_string(),
                entropy.abs().max(1e-30).to_string(), ceiling.abs().to_string(), ceiling.abs().to_string(),
                memorized.to_string(), memorized.to_string(), String::new(), String::new(),
            ]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let (curve, capacity) = plain(&text);
        prop_assert!(curve.starts_with("<svg") && capacity.starts_with("<svg"));
    }

    #[test]
    fn random_text_never_panics(text in ".{0,200}", column in 0_usize..20, value in ".{0,10}") {
        let _ = report_of(&text, &ReportOptions::default());
        let row = ROUND.lines().nth(16).unwrap();
        let mut fields: Vec<&str> = row.split(',').collect();
        fields[column] = &value;
        let _ = report_of(&ROUND.replace(row, &fields.join(",")), &ReportOptions::default());
    }
}
