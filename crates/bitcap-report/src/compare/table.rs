//! A comparison as plain text.

use std::fmt::Write as _;

use bitcap_plan::aligned;

use super::comparison::{Comparison, Machine, Pair, PairedBy, SettingDifference, Sides, Summary};
use crate::text::{change, count, decimals, plain, seconds, thousands};

/// Beyond so many, machines are counted and not named.
const NAMED_MACHINES: usize = 3;

impl Comparison {
    /// Plain text for a terminal: a row a pair, then what all pairs come to, the settings that pairs by sizes differ
    /// in, and what has no partner.
    #[must_use]
    pub fn table(&self) -> String {
        let differing = differing_settings(&self.pairs);
        let mut out = String::new();
        if !self.pairs.is_empty() {
            let header = [
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
            let mut rows = vec![header.map(str::to_owned)];
            rows.extend(self.pairs.iter().map(|pair| row(pair, &differing)));
            out.push_str(&aligned(&rows, |column| (1..8).contains(&column)));
            out.push('\n');
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
    let note = match pair.paired_by {
        PairedBy::Name => None,
        PairedBy::Sizes => (1..)
            .zip(differing)
            .find(|(_, settings)| **settings == pair.differing_settings)
            .map(|(number, _): (usize, _)| format!("[{number}]")),
    };
    [
        names(&pair.cell),
        or_dash(pair.memorized_bits.a.map(thousands)),
        or_dash(pair.memorized_bits.b.map(thousands)),
        or_dash(pair.difference_bits.map(change)),
        or_dash(
            pair.difference_percent
                .map(|percent| format!("{} %", change(percent))),
        ),
        or_dash(pair.seconds.a.map(seconds)),
        or_dash(pair.seconds.b.map(seconds)),
        or_dash(pair.seconds_ratio.map(ratio)),
        note.unwrap_or_default(),
    ]
}

/// What pairs by sizes differ in, each once, in the order of the pairs; their numbers are from 1.
fn differing_settings(pairs: &[Pair]) -> Vec<&[SettingDifference]> {
    let mut differing: Vec<&[SettingDifference]> = Vec::new();
    for pair in pairs
        .iter()
        .filter(|pair| pair.paired_by == PairedBy::Sizes)
    {
        if !differing.contains(&&pair.differing_settings[..]) {
            differing.push(&pair.differing_settings);
        }
    }
    differing
}

fn words(settings: &[SettingDifference]) -> String {
    if settings.is_empty() {
        return "the difference is in a setting that runs.csv has no column for".to_owned();
    }
    let words: Vec<String> = settings
        .iter()
        .map(|it| format!("{}: {} | {}", it.setting, plain(&it.a), plain(&it.b)))
        .collect();
    words.join(", ")
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
    let _ = match all.bits_known {
        0 => writeln!(
            out,
            " The entropy of their data is not known, and so no bits."
        ),
        known => writeln!(
            out,
            " Bits the same to the last bit: {} of {known}.",
            all.same_bits
        ),
    };
    if let (Some(mean), Some(largest)) = (all.mean_difference_bits, &all.largest_difference)
        && all.same_bits < all.bits_known
    {
        let _ = writeln!(
            out,
            "B - A in bits: mean {}, largest {} ({}).",
            change(mean),
            change(largest.difference_bits),
            names(&largest.cell)
        );
    }
    out.push_str(&time(all));
    out
}

fn time(all: &Summary) -> String {
    let Some(sums) = all.seconds else {
        return "Seconds are known of no pair: those of a folder are in its timings.csv.\n"
            .to_owned();
    };
    let mut out = format!(
        "Seconds, where both are known ({} of {}): A {}, B {}",
        all.seconds_known,
        count(all.pairs, "pair"),
        seconds(sums.a),
        seconds(sums.b)
    );
    if let Some(of_sums) = all.seconds_ratio {
        let _ = write!(out, ", B / A {}", ratio(of_sums));
    }
    let _ = writeln!(
        out,
        ". A on {}; B on {}.",
        machines(&all.machines.a),
        machines(&all.machines.b)
    );
    out
}

fn machines(machines: &[Machine]) -> String {
    if machines.len() > NAMED_MACHINES {
        return format!("{} machines", machines.len());
    }
    let words: Vec<String> = machines
        .iter()
        .map(|machine| plain(&format!("{} ({})", machine.host, machine.device)))
        .collect();
    words.join(", ")
}

/// One name where they are the same.
fn names(cell: &Sides<String>) -> String {
    if cell.a == cell.b {
        return plain(&cell.a);
    }
    format!("{} | {}", plain(&cell.a), plain(&cell.b))
}

fn ratio(x: f64) -> String {
    if x == 0.0 || (0.01..1e4).contains(&x) {
        return decimals(x, 2);
    }
    format!("{x:.1e}")
}
