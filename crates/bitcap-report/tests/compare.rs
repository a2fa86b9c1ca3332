//! Two outputs folders side by side, in numbers that are worked out by hand.

mod common;

use bitcap_report::{
    Accounting, Comparison, LargestDifference, Machine, Pair, PairedBy, SettingDifference, Sides,
    compare,
};
use common::assert_says;
use common::outputs::{RUNS, TIMINGS, folder};
use tempfile::TempDir;

/// Sequences of four tokens, so that the paper's bits are 4/3 of the strict ones.
const A: &str = "\
l1-w8-n10-t100-s0-00000001,0,adam,0.01,100,200,600,800,0.5
l1-w8-n10-t100-s1-00000002,0,adam,0.01,100,200,300,400,0.75
l1-w8-n20-t100-s0-00000003,0,adam,0.01,100,200,480,640,1.5
l1-w8-n20-t200-s0-00000004,1,adam,0.01,200,200,510,680,1.25
l1-w8-n40-t100-s0-00000005,0,adam,0.01,100,200,500,600,2
l1-w8-n40-t100-s0-00000006,0,adamw,0.01,100,200,500,600,2
l1-w8-n80-t100-s0-00000007,0,adam,0.01,100,200,,,3
";

/// In another order: one that is trained with Muon, one less than in A, one the same, three that A lacks (of the
/// sizes of one that is of doubled steps, of two, and of none), and one of unknown entropy.
const B: &str = "\
l1-w8-n20-t100-s0-0000000b,0,muon,0.06,100,200,600,800,1
l1-w8-n10-t100-s0-00000001,0,adam,0.01,100,200,570,760,0.625
l1-w8-n10-t100-s1-00000002,0,adam,0.01,100,200,300,400,0.75
l1-w8-n20-t200-s0-0000000c,0,muon,0.06,200,200,510,680,1.25
l1-w8-n40-t100-s0-0000000d,0,muon,0.06,100,200,500,600,2
l2-w8-n40-t100-s0-0000000e,0,muon,0.06,100,300,500,600,2
l1-w8-n80-t100-s0-00000007,0,adam,0.01,100,200,,,2
";

const A_TIMINGS: &str = "\
l1-w8-n10-t100-s0-00000001,alpha,flex,now,10
l1-w8-n10-t100-s1-00000002,alpha,flex,now,20
l1-w8-n20-t100-s0-00000003,alpha,flex,now,5
l1-w8-n80-t100-s0-00000007,alpha,flex,now,1000
of-a-cell-that-is-gone,gamma,flex,now,7
";

const B_TIMINGS: &str = "\
l1-w8-n10-t100-s0-00000001,beta,ndarray,now,5
l1-w8-n10-t100-s1-00000002,beta,flex,now,8
l1-w8-n20-t100-s0-0000000b,beta,flex,now,15
";

fn runs(rows: &str) -> String {
    format!("{RUNS}{rows}")
}

fn timings(rows: &str) -> String {
    format!("{TIMINGS}{rows}")
}

/// A folder with these rows in runs.csv, and one with these in timings.csv too.
fn of(rows: &str) -> TempDir {
    folder(&runs(rows), None)
}

fn timed(rows: &str, times: &str) -> TempDir {
    folder(&runs(rows), Some(&timings(times)))
}

fn both() -> (TempDir, TempDir) {
    (timed(A, A_TIMINGS), timed(B, B_TIMINGS))
}

fn strict(a: &TempDir, b: &TempDir) -> Comparison {
    compare(a.path(), b.path(), Accounting::Strict).unwrap()
}

/// The message, with A or B for the folders' names.
fn message(a: &TempDir, b: &TempDir) -> String {
    let error = compare(a.path(), b.path(), Accounting::Strict).unwrap_err();
    named(&error.to_string(), a, b)
}

fn named(text: &str, a: &TempDir, b: &TempDir) -> String {
    text.replace(&a.path().display().to_string(), "A")
        .replace(&b.path().display().to_string(), "B")
}

fn names(comparison: &Comparison) -> Vec<(&str, &str)> {
    let pairs = comparison.pairs.iter();
    pairs
        .map(|pair| (&pair.cell.a[..], &pair.cell.b[..]))
        .collect()
}

fn sides<T>(a: T, b: T) -> Sides<T> {
    Sides { a, b }
}

fn cells(a: &str, b: &str) -> Sides<String> {
    sides(a.to_owned(), b.to_owned())
}

fn machine(host: &str, device: &str) -> Machine {
    Machine {
        host: host.to_owned(),
        device: device.to_owned(),
    }
}

#[test]
fn pairs_are_by_name_and_what_is_left_by_sizes() {
    let (a, b) = both();
    let comparison = strict(&a, &b);
    assert_eq!(
        names(&comparison),
        [
            ("l1-w8-n10-t100-s0-00000001", "l1-w8-n10-t100-s0-00000001"),
            ("l1-w8-n10-t100-s1-00000002", "l1-w8-n10-t100-s1-00000002"),
            ("l1-w8-n20-t100-s0-00000003", "l1-w8-n20-t100-s0-0000000b"),
            ("l1-w8-n80-t100-s0-00000007", "l1-w8-n80-t100-s0-00000007"),
        ]
    );
    assert_eq!(
        comparison.only_in.a,
        [
            "l1-w8-n20-t200-s0-00000004",
            "l1-w8-n40-t100-s0-00000005",
            "l1-w8-n40-t100-s0-00000006",
        ]
    );
    assert_eq!(
        comparison.only_in.b,
        [
            "l1-w8-n20-t200-s0-0000000c",
            "l1-w8-n40-t100-s0-0000000d",
            "l2-w8-n40-t100-s0-0000000e",
        ]
    );
}

#[test]
fn a_pair_in_full() {
    let (a, b) = both();
    let comparison = strict(&a, &b);
    assert_eq!(
        comparison.pairs[0],
        Pair {
            cell: cells("l1-w8-n10-t100-s0-00000001", "l1-w8-n10-t100-s0-00000001"),
            paired_by: PairedBy::Name,
            differing_settings: Vec::new(),
            memorized_bits: sides(Some(600.0), Some(570.0)),
            difference_bits: Some(-30.0),
            difference_percent: Some(-5.0),
            bits_per_parameter: sides(Some(3.0), Some(2.85)),
            training_loss: sides(0.5, 0.625),
            seconds: sides(Some(10.0), Some(5.0)),
            seconds_ratio: Some(0.5),
            machine: sides(
                Some(machine("alpha", "flex")),
                Some(machine("beta", "ndarray"))
            ),
        }
    );
    let by_sizes = &comparison.pairs[2];
    assert_eq!(by_sizes.paired_by, PairedBy::Sizes);
    assert_eq!(by_sizes.difference_bits, Some(120.0));
    assert_eq!(by_sizes.difference_percent, Some(25.0));
    assert_eq!(by_sizes.seconds_ratio, Some(3.0));
    let setting = |setting, a: &str, b: &str| SettingDifference {
        setting,
        a: a.to_owned(),
        b: b.to_owned(),
    };
    assert_eq!(
        by_sizes.differing_settings,
        [
            setting("optimizer", "adam", "muon"),
            setting("learning_rate", "0.01", "0.06"),
        ]
    );
    // No entropy, and no row in B's timings.csv: unknown, and not 0.
    let unknown = &comparison.pairs[3];
    assert_eq!(unknown.memorized_bits, sides(None, None));
    assert_eq!(unknown.bits_per_parameter, sides(None, None));
    assert_eq!(unknown.difference_bits, None);
    assert_eq!(unknown.difference_percent, None);
    assert_eq!(unknown.training_loss, sides(3.0, 2.0));
    assert_eq!(unknown.seconds, sides(Some(1000.0), None));
    assert_eq!(unknown.seconds_ratio, None);
}

#[test]
fn the_summary_is_over_what_is_known_of_both() {
    let (a, b) = both();
    let all = strict(&a, &b).summary;
    assert_eq!((all.pairs, all.paired_by_name), (4, 3));
    assert_eq!((all.bits_known, all.same_bits), (3, 1));
    // (-30 + 0 + 120) / 3.
    assert_eq!(all.mean_difference_bits, Some(30.0));
    assert_eq!(
        all.largest_difference,
        Some(LargestDifference {
            cell: cells("l1-w8-n20-t100-s0-00000003", "l1-w8-n20-t100-s0-0000000b"),
            difference_bits: 120.0,
        })
    );
    // 10 + 20 + 5, and 5 + 8 + 15.
    assert_eq!(all.seconds_known, 3);
    assert_eq!(all.seconds, Some(sides(35.0, 28.0)));
    assert_eq!(all.seconds_ratio, Some(0.8));
    assert_eq!(all.machines.a, [machine("alpha", "flex")]);
    assert_eq!(
        all.machines.b,
        [machine("beta", "flex"), machine("beta", "ndarray")]
    );
}

#[test]
fn by_the_papers_accounting() {
    let (a, b) = both();
    let comparison = compare(a.path(), b.path(), Accounting::Paper).unwrap();
    assert_eq!(
        comparison.pairs[0].memorized_bits,
        sides(Some(800.0), Some(760.0))
    );
    assert_eq!(comparison.pairs[0].difference_bits, Some(-40.0));
    // (-40 + 0 + 160) / 3.
    assert_eq!(comparison.summary.mean_difference_bits, Some(40.0));
    assert_says(&comparison.table(), &["by the paper accounting"]);
}

#[test]
fn table() {
    let (a, b) = both();
    insta::assert_snapshot!(named(&strict(&a, &b).table(), &a, &b));
}

#[test]
fn the_same_folder_twice_is_all_the_same() {
    let (a, _) = both();
    let comparison = strict(&a, &a);
    let all = &comparison.summary;
    assert_eq!((all.pairs, all.paired_by_name), (7, 7));
    assert_eq!((all.bits_known, all.same_bits), (6, 6));
    assert_eq!(all.mean_difference_bits, Some(0.0));
    assert_eq!(all.seconds_ratio, Some(1.0));
    assert_eq!(comparison.only_in, sides(Vec::new(), Vec::new()));
    let table = comparison.table();
    assert_says(&table, &["Bits the same to the last bit: 6 of 6."]);
    assert!(!table.contains("largest") && !table.contains("Only in"));
}

#[test]
fn a_difference_in_the_last_bit_is_one() {
    let b = A.replacen(",600,800,", ",600.0000000000001,800,", 1);
    let (a, b) = (of(A), of(&b));
    let comparison = strict(&a, &b);
    assert_eq!(comparison.summary.same_bits, 5);
    let bits = comparison.pairs[0].difference_bits.unwrap();
    assert!(bits > 0.0 && bits < 1e-12, "{bits}");
    assert_says(&comparison.table(), &["+1.1e-13"]);
}

#[test]
fn nothing_in_common() {
    let lines: Vec<&str> = A.lines().collect();
    let (a, b) = (of(lines[0]), of(lines[4]));
    let comparison = strict(&a, &b);
    assert_eq!(comparison.summary.pairs, 0);
    assert_eq!(comparison.summary.mean_difference_bits, None);
    assert_eq!(comparison.summary.largest_difference, None);
    assert_eq!(comparison.summary.seconds, None);
    assert_eq!(
        named(&comparison.table(), &a, &b),
        "A: A\nB: B\nNo pairs: no cell of A has the name of one of B, and none is the only one of its sizes in both.\n\
         \nOnly in A (1):\n  l1-w8-n10-t100-s0-00000001\n\nOnly in B (1):\n  l1-w8-n40-t100-s0-00000005\n"
    );
}

#[test]
fn without_timings_seconds_are_unknown() {
    let (a, b) = (timed(A, A_TIMINGS), of(A));
    let comparison = strict(&a, &b);
    assert_eq!(comparison.pairs[0].seconds, sides(Some(10.0), None));
    assert_eq!(comparison.summary.seconds_known, 0);
    assert_eq!(comparison.summary.seconds, None);
    let table = comparison.table();
    assert_says(&table, &["Seconds are known of no pair"]);
}

#[test]
fn a_difference_that_runs_csv_does_not_show_is_said_to_be_one() {
    let row = A.lines().next().unwrap();
    let other = row.replace("00000001", "0000000f");
    let (a, b) = (of(row), of(&other));
    let comparison = strict(&a, &b);
    assert_eq!(comparison.pairs[0].paired_by, PairedBy::Sizes);
    assert_eq!(comparison.pairs[0].differing_settings, []);
    let table = comparison.table();
    assert_says(
        &table,
        &["[1] the difference is in a setting that runs.csv has no column for\n"],
    );
    // Without a column there is no polish, and so it is known to differ.
    let polished = runs(&other.replace(",adam,", ",adam,500,"));
    let polished = polished.replacen("optimizer,", "optimizer,polish_steps,", 1);
    let comparison = strict(&a, &folder(&polished, None));
    assert_says(&comparison.table(), &["[1] polish_steps: 0 | 500\n"]);
    // Any other setting that one file has no column for may differ or not.
    let without = runs(&other.replace(",adam,", ",")).replacen("optimizer,", "", 1);
    let comparison = strict(&a, &folder(&without, None));
    assert_eq!(comparison.pairs[0].differing_settings, []);
}

/// A training that belongs to two curves has a row in each, and is one cell.
#[test]
fn a_cell_of_two_curves_is_compared_once() {
    let plain = "l1-w8-n20-t200-s0-00000004,0,adam,0.01,200,200,510,680,1.25\n";
    let doubled = plain.replacen(",0,adam", ",1,adam", 1);
    let time = "l1-w8-n20-t200-s0-00000004,alpha,flex,now,4\n";
    let both = timed(&format!("{plain}{doubled}"), time);
    let one = timed(plain, time);
    for (a, b) in [(&both, &both), (&both, &one), (&one, &both)] {
        let comparison = strict(a, b);
        assert_eq!(comparison.summary.pairs, 1);
        assert_eq!(comparison.pairs[0].paired_by, PairedBy::Name);
        assert_eq!(comparison.pairs[0].seconds, sides(Some(4.0), Some(4.0)));
        assert_eq!(comparison.only_in, sides(Vec::new(), Vec::new()));
    }
    // By sizes it is held against a cell that is either, and against one alone.
    let named = |row: &str, hash: &str| row.replace("00000004", hash).replace("adam", "muon");
    for row in [plain, &doubled] {
        let other = of(&named(row, "0000000a"));
        assert_eq!(strict(&both, &other).pairs[0].paired_by, PairedBy::Sizes);
        assert_eq!(strict(&other, &both).pairs[0].paired_by, PairedBy::Sizes);
    }
    let apart = of(&(named(plain, "0000000a") + &named(&doubled, "0000000b")));
    let comparison = strict(&both, &apart);
    assert_eq!(
        names(&comparison),
        [("l1-w8-n20-t200-s0-00000004", "l1-w8-n20-t200-s0-0000000a")]
    );
    assert_eq!(comparison.only_in.b, ["l1-w8-n20-t200-s0-0000000b"]);
    let other_values = of(&format!("{plain}{}", doubled.replace(",510,", ",511,")));
    assert_eq!(
        message(&other_values, &one),
        "A/runs.csv line 3: the cell \"l1-w8-n20-t200-s0-00000004\" is in line 2 with other values; rows of one cell \
         must be the same but for group, label and doubled"
    );
}

#[test]
fn what_nothing_can_be_held_against_is_no_number() {
    let zero = A.replacen(",600,800,", ",0,0,", 1);
    let less = A.replacen(",600,800,", ",-50,-60,", 1);
    let time = |seconds: u8| format!("l1-w8-n10-t100-s0-00000001,x,flex,now,{seconds}\n");
    let (a, b) = (timed(&zero, &time(0)), timed(&less, &time(2)));
    let comparison = strict(&a, &b);
    assert_eq!(comparison.pairs[0].difference_bits, Some(-50.0));
    assert_eq!(comparison.pairs[0].difference_percent, None);
    assert_eq!(comparison.pairs[0].seconds_ratio, None);
    assert_eq!(comparison.summary.seconds_ratio, None);
    // More than less than nothing is more.
    let c = of(&A.replacen(",600,800,", ",-25,-30,", 1));
    assert_eq!(strict(&b, &c).pairs[0].difference_percent, Some(50.0));
}

#[test]
fn folders_that_cannot_be_compared() {
    let (a, b) = both();
    let not_collected = tempfile::tempdir().unwrap();
    assert_eq!(
        message(&a, &not_collected),
        "B has no runs.csv; `bitcap collect B` makes it from the cells that are done"
    );
    let error = |folder: &str| {
        let error = compare(&a.path().join(folder), b.path(), Accounting::Strict).unwrap_err();
        named(&error.to_string(), &a, &b)
    };
    assert!(error("absent").starts_with("A/absent is not a folder; "));
    assert_eq!(
        error("runs.csv"),
        "A/runs.csv is not a folder; it must be an experiment's outputs folder, which holds runs.csv"
    );
    // The other way round too.
    let error = compare(b.path(), &a.path().join("runs.csv"), Accounting::Strict).unwrap_err();
    assert_says(
        &named(&error.to_string(), &a, &b),
        &["A/runs.csv is not a folder; "],
    );
}

#[test]
fn files_that_are_not_as_they_must_be() {
    let (good, _) = both();
    let first = A.lines().next().unwrap();
    for (text, expected) in [
        (
            String::new(),
            "line 1: the column `cell` is there 0 times; it must be there once",
        ),
        (
            runs(""),
            " has no rows below its header; it must have at least one",
        ),
        (
            runs(&format!("{A}{first}\n")),
            "line 9: the cell \"l1-w8-n10-t100-s0-00000001\" is in line 2 already; each cell must be on a curve once",
        ),
        (
            runs(&A.replacen(",600,800,", ",600,,", 1)),
            "line 2: `memorized_bits_paper` is \"\"; it must be a number from -1e30 to 1e30",
        ),
        (
            runs(&A.replacen(",1,adam", ",2,adam", 1)),
            "line 5: `doubled` is \"2\"; it must be 0 or 1",
        ),
        (
            runs(&A.replacen(",200,600", ",0,600", 1)),
            "line 2: `parameters` is \"0\"; it must be a whole number from 1",
        ),
        (
            runs(&A.replacen("l1-w8-n10-t100-s0-00000001", "..", 1)),
            "line 2: `cell` is \"..\"; it must be the name of a folder",
        ),
        (
            runs(A).replacen("training_loss", "loss", 1),
            "line 1: the column `training_loss` is there 0 times; it must be there once",
        ),
        (
            runs(A).replacen("learning_rate", "optimizer", 1),
            "line 1: the column `optimizer` is there 2 times; it must be there once",
        ),
    ] {
        let bad = folder(&text, None);
        let expected = format!("B/runs.csv{}{expected}", space(expected));
        assert_eq!(message(&good, &bad), expected);
        assert_eq!(
            message(&bad, &good),
            expected.replacen("B/runs.csv", "A/runs.csv", 1)
        );
    }
    let row = A_TIMINGS.lines().next().unwrap();
    for (text, expected) in [
        (
            timings(""),
            " has no rows below its header; it must have at least one",
        ),
        (
            timings(&format!("{A_TIMINGS}{row}\n")),
            "line 7: the cell \"l1-w8-n10-t100-s0-00000001\" is in line 2 already; it must be there once",
        ),
        (
            timings(&A_TIMINGS.replacen(",10\n", ",-10\n", 1)),
            "line 2: `seconds` is \"-10\"; it must be a number from 0 to 1e30",
        ),
        (
            timings(A_TIMINGS).replacen("host", "machine", 1),
            "line 1: the column `host` is there 0 times; it must be there once",
        ),
    ] {
        let bad = folder(&runs(A), Some(&text));
        assert_eq!(
            message(&good, &bad),
            format!("B/timings.csv{}{expected}", space(expected))
        );
    }
}

/// Between the file's name and the rest of a message that does not begin with one.
fn space(rest: &str) -> &'static str {
    if rest.starts_with(' ') { "" } else { " " }
}

#[test]
fn nothing_from_a_file_moves_the_cursor() {
    let rows = A
        .replace("00000001", "00000001\u{1b}[2J")
        .replace("adamw", "\u{7}");
    let b = rows
        .replace("-00000006", "-0000000a")
        .replacen('\u{7}', "muon", 1)
        .replace("l1-w8-n40-t100-s0-00000005", "x\u{8}");
    let time = "l1-w8-n10-t100-s1-00000002,\u{1b}[1m,flex,now,1\n";
    let table = strict(&timed(&rows, time), &timed(&b, time)).table();
    assert_says(&table, &["00000001\u{fffd}[2J"]);
    assert_says(&table, &["  x\u{fffd}"]);
    assert_says(&table, &["\u{fffd}[1m (flex)"]);
    assert!(
        table.lines().all(|line| !line.contains(char::is_control)),
        "{table}"
    );
}
