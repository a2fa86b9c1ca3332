//! Whatever the numbers, pictures are drawn or the file is refused; nothing panics.

#[path = "common/experiment.rs"]
#[allow(dead_code, reason = "another test's folder")]
mod experiment;

use bitcap_report::ReportOptions;
use experiment::{POSITIONS, SEQUENCES, report, runs, write};
use proptest::prelude::*;

fn bits() -> impl Strategy<Value = f64> {
    prop_oneof![-1e3..1e6, Just(0.0), -1e30..1e30, 0.0..1e-300]
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0, Just(0.0), Just(1.0), 0.0..1e-12]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_numbers_are_drawn(
        rows in prop::collection::vec(
            (0..3_u8, 0_u64..3, 1_u64..1000, 1e-30..1e30, prop::collection::vec(prop::option::of(bits()), 4), prop::collection::vec(prop::option::of(share()), 6)),
            1..12,
        ),
        sequences in prop::collection::vec((any::<bool>(), bits(), prop_oneof![1..50_u64, 1..=u64::MAX]), 1..40),
        positions in prop::collection::vec((any::<bool>(), 0_u64..65_536, bits()), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = format!("{}\n", experiment::COLUMNS);
        let mut seen = std::collections::BTreeSet::new();
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
        write(folder.path(), &text, &[("sequences.csv", &strings), ("positions.csv", &places)]);
        let report = report(folder.path(), &ReportOptions::default()).unwrap();
        for name in report.files.iter().filter(|name| name.ends_with(".svg")) {
            let svg = std::fs::read_to_string(folder.path().join(name)).unwrap();
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("inf "), "{}", name);
        }
    }

    #[test]
    fn random_text_is_refused_or_drawn(text in ".{0,200}", place in 0_usize..180, value in ".{0,6}") {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &runs(), &[("sequences.csv", &text), ("positions.csv", &text)]);
        let _ = report(folder.path(), &ReportOptions::default());
        let mut broken: Vec<String> = SEQUENCES.split(',').map(str::to_owned).collect();
        let count = broken.len();
        broken[place % count] = value;
        write(folder.path(), &runs(), &[("sequences.csv", &broken.join(",")), ("positions.csv", POSITIONS)]);
        let _ = report(folder.path(), &ReportOptions::default());
    }
}
