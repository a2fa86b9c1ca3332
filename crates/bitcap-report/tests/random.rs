//! Whatever the numbers and the words, figures are drawn or the file is refused; nothing panics.

mod common;

use std::collections::BTreeSet;

use bitcap_report::{Report, ReportError, ReportOptions};
use common::experiment::{self, POSITIONS, SEQUENCES, runs};
use common::{ROUND, drawing, read_of};
use proptest::prelude::*;

/// A label as people and accidents make them.
fn label() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z.]{0,8}=[0-9.]{0,5}",
        "([a-z.]{1,8}=[0-9.,\\[\\]]{0,5}, ){0,5}",
        ".{0,40}",
        Just("wide ".repeat(60)),
        Just("\u{7}\u{1b}[2J<&\u{202e}\u{ffff}".to_owned()),
    ]
}

fn bits() -> impl Strategy<Value = f64> {
    prop_oneof![-1e3..1e6, Just(0.0), -1e30..1e30, 0.0..1e-300]
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0, Just(0.0), Just(1.0), 0.0..1e-12]
}

fn read(runs: &str, files: &[(&str, &str)]) -> Result<Report, ReportError> {
    common::read(runs, files, &ReportOptions::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_rows_are_drawn(
        labels in prop::collection::vec(label(), 1..14),
        rows in prop::collection::vec(
            (0_usize..14, 0_u64..3, any::<bool>(), prop_oneof![1_u64..200, 1..=u64::MAX], bits(), bits(), bits()),
            1..20,
        ),
        parameters in prop_oneof![1_u64..10_000, 1..=u64::MAX],
        start in any::<bool>(),
    ) {
        let header: Vec<&str> = ROUND.lines().next().unwrap().split(',').collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&header).unwrap();
        let mut seen = BTreeSet::new();
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
        for chart in read_of(&text).unwrap().charts {
            drawing::check(&chart.svg());
            let models = chart.legend[0].entries.iter().map(|entry| &entry.text);
            let names: BTreeSet<&String> = models.clone().collect();
            prop_assert_eq!(names.len(), models.count(), "{:?}", chart.legend[0]);
        }
    }

    #[test]
    fn random_measures_are_drawn(
        rows in prop::collection::vec(
            (0..3_u8, 0_u64..3, 1_u64..1000, 1e-30..1e30, prop::collection::vec(prop::option::of(bits()), 4), prop::collection::vec(prop::option::of(share()), 6)),
            1..12,
        ),
        sequences in prop::collection::vec((any::<bool>(), bits(), prop_oneof![1..50_u64, 1..=u64::MAX]), 1..40),
        positions in prop::collection::vec((any::<bool>(), 0_u64..65_536, bits()), 1..40),
    ) {
        let mut text = format!("{}\n", experiment::COLUMNS);
        let mut seen = BTreeSet::new();
        for (i, (group, seed, samples, load, bits, shares)) in rows.iter().enumerate() {
            if !seen.insert((group, seed, samples)) {
                continue;
            }
            let optional = bits.iter().chain(shares).map(|x| x.map_or(String::new(), |x| x.to_string()));
            let optional: Vec<String> = optional.collect();
            text += &format!(
                "c{i},g{group},,{seed},0,{samples},{load},4,5,1,8,true,10{group},7,6,6,5,5,,,{}\n",
                optional.join(",")
            );
        }
        let word = |training: &bool| if *training { "training" } else { "fresh" };
        let mut strings = SEQUENCES.lines().next().unwrap().to_owned() + "\n";
        for (i, (training, bits, count)) in sequences.iter().enumerate() {
            strings += &format!("{},{i},-1,-2,{bits},{bits},{i},{count}\n", word(training));
        }
        let mut places = POSITIONS.lines().next().unwrap().to_owned() + "\n";
        for (training, position, bits) in &positions {
            places += &format!("{},{position},0,,{}\n", word(training), bits.abs());
        }
        let report = read(&text, &[("sequences.csv", &strings), ("positions.csv", &places)]).unwrap();
        for chart in report.charts {
            drawing::check(&chart.svg());
        }
    }

    #[test]
    fn random_text_is_refused_or_drawn(text in ".{0,200}", place in 0_usize..180, value in ".{0,10}") {
        let _ = read_of(&text);
        let _ = read(&runs(), &[("sequences.csv", &text), ("positions.csv", &text)]);
        let broken = |whole: &str| {
            let mut fields: Vec<String> = whole.split(',').map(str::to_owned).collect();
            let count = fields.len();
            fields[place % count] = value.clone();
            fields.join(",")
        };
        let _ = read(&runs(), &[("sequences.csv", &broken(SEQUENCES)), ("positions.csv", &broken(POSITIONS))]);
        if let Ok(report) = read_of(&broken(ROUND)) {
            for chart in report.charts {
                drawing::check(&chart.svg());
            }
        }
    }
}
