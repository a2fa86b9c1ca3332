//! A comparison as plain text.

use std::fmt::Write as _;

use super::cells::PairedBy;
use super::comparison::{Comparison, Machine, Pair, SettingDifference, Sides, Summary};
use crate::text::{change, count, decimals, plain, seconds, thousands};
use bitcap_plan::text_table;

/// Beyond so many, machines are counted and not named.
const NAMED_MACHINES: usize = 3;

const HEADINGS: [&str; 9] = [
    "cell",
    "bits A",
    "bits B",
    "B - A",
    "of A",
    "seconds A",
    "seconds B",
    "B / A",
    "",
];

impl Comparison {
    /// Plain text for a terminal: a row a pair, then what all pairs come to, the settings that pairs by sizes differ
    /// in, and what has no partner.
    #[must_use]
    pub fn table(&self) -> String {
        let differing = differing_settings(&self.pairs);
        let mut out = String::new();
        if !self.pairs.is_empty() {
            let rows = self.pairs.iter().map(|pair| row(pair, &differing));
            out = text_table(&HEADINGS, &rows.collect::<Vec<_>>()) + "\n";
        }
        let _ = writeln!(out, "A: {}", plain(&self.folders.a));
        let _ = writeln!(out, "B: {}", plain(&self.folders.b));
        out.push_str(&summary(self));
        for (number, settings) in (1..).zip(&differing) {
            let _ = writeln!(out, "[{number}] {}", words(settings));
        }
        for (side, names) in [("A", &self.only_in.a), ("B", &self.only_in.b)] {
            if !names.is_empty() {
                let _ = writeln!(out, "\nOnly in {side} ({}):", names.len());
            }
            for name in names {
                let _ = writeln!(out, "  {}", plain(name));
            }
        }
        out
    }
}

fn row(pair: &Pair, differing: &[&[SettingDifference]]) -> [String; 9] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let number = |(number, settings): (usize, &&[SettingDifference])| {
        (**settings == pair.differing_settings).then(|| format!("[{number}]"))
    };
    let note = match pair.paired_by {
        PairedBy::Name => None,
        PairedBy::Sizes => (1..).zip(differing).find_map(number),
    };
    let percent = pair.difference_percent.map(change);
    [
        names(&pair.cell),
        or_dash(pair.memorized_bits.a.map(thousands)),
        or_dash(pair.memorized_bits.b.map(thousands)),
        or_dash(pair.difference_bits.map(change)),
        or_dash(percent.map(|percent| percent + " %")),
        or_dash(pair.seconds.a.map(seconds)),
        or_dash(pair.seconds.b.map(seconds)),
        or_dash(pair.seconds_ratio.map(ratio)),
        note.unwrap_or_default(),
    ]
}

/// What pairs by sizes differ in, each once, in the order of the pairs; their numbers are from 1.
fn differing_settings(pairs: &[Pair]) -> Vec<&[SettingDifference]> {
    let mut differing: Vec<&[SettingDifference]> = Vec::new();
    for pair in pairs {
        let settings = &pair.differing_settings[..];
        if pair.paired_by == PairedBy::Sizes && !differing.contains(&settings) {
            differing.push(settings);
        }
    }
    differing
}

fn words(settings: &[SettingDifference]) -> String {
    if settings.is_empty() {
        return "the difference is in a setting that runs.csv has no column for".to_owned();
    }
    let words = settings.iter();
    let words = words.map(|it| format!("{}: {} | {}", it.setting, plain(&it.a), plain(&it.b)));
    words.collect::<Vec<_>>().join(", ")
}

fn summary(comparison: &Comparison) -> String {
    let all = &comparison.summary;
    if all.pairs == 0 {
        return "No pairs: no cell of A has the name of one of B, and none is the only one of its sizes in both.\n"
            .to_owned();
    }
    let mut out = format!(
        "Memorized bits by the {} accounting.\n\nPairs: {}, of the same name {}, of the same sizes {}.",
        comparison.accounting.name(),
        all.pairs,
        all.paired_by_name,
        all.pairs - all.paired_by_name,
    );
    let (same, known) = (all.same_bits, all.bits_known);
    out += &match known {
        0 => " The entropy of their data is not known, and so no bits.\n".to_owned(),
        _ => format!(" Bits the same to the last bit: {same} of {known}.\n"),
    };
    if let (Some(mean), Some(largest)) = (all.mean_difference_bits, &all.largest_difference)
        // Where all are the same the line before has said so.
        && same < known
    {
        let (mean, most) = (change(mean), change(largest.difference_bits));
        let of = names(&largest.cell);
        let _ = writeln!(out, "B - A in bits: mean {mean}, largest {most} ({of}).");
    }
    out + &time(all)
}

fn time(all: &Summary) -> String {
    let Some(sums) = all.seconds else {
        return "Seconds are known of no pair: those of a folder are in its timings.csv.\n"
            .to_owned();
    };
    let (known, pairs) = (all.seconds_known, count(all.pairs, "pair"));
    let [a, b] = [sums.a, sums.b].map(seconds);
    let ratio = all.seconds_ratio.map(ratio);
    let ratio = ratio.map_or(String::new(), |ratio| format!(", B / A {ratio}"));
    let [on_a, on_b] = [&all.machines.a, &all.machines.b].map(|all| machines(all));
    format!(
        "Seconds, where both are known ({known} of {pairs}): A {a}, B {b}{ratio}. A on {on_a}; B on {on_b}.\n"
    )
}

fn machines(machines: &[Machine]) -> String {
    if machines.len() > NAMED_MACHINES {
        return format!("{} machines", machines.len());
    }
    let word = |on: &Machine| plain(&format!("{} ({})", on.host, on.device));
    machines.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// One name where they are the same.
fn names(cell: &Sides<String>) -> String {
    match cell.a == cell.b {
        true => plain(&cell.a),
        false => format!("{} | {}", plain(&cell.a), plain(&cell.b)),
    }
}

fn ratio(x: f64) -> String {
    match x == 0.0 || (0.01..1e4).contains(&x) {
        true => decimals(x, 2),
        false => format!("{x:.1e}"),
    }
}
