//! curve.csv, capacity.csv, and the table that a sweep ends with.

use std::fmt::Write as _;

use crate::accounting::Accounted;
use crate::accounting::Accounting::{self, Paper, Strict};
use crate::capacity::{Capacity, GroupReport, accountings_agree};
use crate::curve::{Curve, Point};
use crate::fit;
use crate::slope::Slopes;
use crate::statistics::{Interval, Spread};
use crate::text::{count, decimals, plain, signed, thousands, two_digits};
use bitcap_plan::text_table;

/// Names of columns and what stands in them.
type Row = Vec<(&'static str, String)>;

/// A row a group, doubling and dataset size.
pub(crate) fn curve_csv(groups: &[GroupReport]) -> Vec<u8> {
    let mut rows = Vec::new();
    for GroupReport { curve, .. } in groups {
        for (doubled, points) in [("0", &curve.points), ("1", &curve.doubled)] {
            rows.extend(points.iter().map(|point| curve_row(curve, doubled, point)));
        }
    }
    csv(&rows)
}

fn curve_row(curve: &Curve, doubled: &str, point: &Point) -> Row {
    let Accounted { strict, paper } = point.memorized_bits;
    let alpha = |spread: Spread| number(curve.per_parameter(spread.mean));
    let fresh = point.fresh_memorized_bits.map(|fresh| fresh.strict);
    let (fresh_mean, fresh_sd) = (fresh.map(|f| f.mean), fresh.and_then(|f| f.deviation));
    let fraction = number(point.fraction_of_ceiling);
    vec![
        ("group", curve.model.group.clone()),
        ("label", curve.model.label.clone()),
        ("doubled", doubled.to_owned()),
        ("samples", point.samples.to_string()),
        ("load", number(point.load)),
        ("parameters", curve.model.parameters.to_string()),
        ("seeds", point.seeds.to_string()),
        ("entropy_bits", number(point.entropy_bits)),
        ("ceiling_bits_strict", number(point.ceiling_bits.strict)),
        ("ceiling_bits_paper", number(point.ceiling_bits.paper)),
        ("memorized_bits_strict_mean", number(strict.mean)),
        ("memorized_bits_strict_sd", number(strict.deviation)),
        ("memorized_bits_paper_mean", number(paper.mean)),
        ("memorized_bits_paper_sd", number(paper.deviation)),
        ("fraction_of_ceiling_mean", fraction),
        ("bits_per_parameter_strict_mean", alpha(strict)),
        ("bits_per_parameter_paper_mean", alpha(paper)),
        ("fresh_memorized_bits_strict_mean", number(fresh_mean)),
        ("fresh_memorized_bits_strict_sd", number(fresh_sd)),
    ]
}

/// A row a group.
pub(crate) fn capacity_csv(groups: &[GroupReport]) -> Vec<u8> {
    let row = |group: &GroupReport| capacity_row(&group.curve, &group.capacity);
    csv(&groups.iter().map(row).collect::<Vec<_>>())
}

fn capacity_row(curve: &Curve, capacity: &Capacity) -> Row {
    let (peak, gain) = (capacity.peak.as_ref(), capacity.gain.as_ref());
    let bits = |of: Accounting| capacity.bits(of);
    let fit = |of: Accounting| capacity.fit.map(|fit| fit.by(of));
    let fitted = |of: Accounting| fit(of).map(|fit| fit.capacity_bits);
    let interval = |of: Accounting| capacity.interval.map(|interval| interval.by(of));
    let of_gain = gain.and_then(|gain| gain.interval);
    let low = |interval: Option<Interval>| number(interval.map(|interval| interval.low));
    let high = |interval: Option<Interval>| number(interval.map(|interval| interval.high));
    let alpha = |bits: Option<f64>| number(bits.map(|bits| curve.per_parameter(bits)));
    let residual = number(fit(Strict).map(|fit| fit.residual));
    vec![
        ("group", curve.model.group.clone()),
        ("label", curve.model.label.clone()),
        ("parameters", curve.model.parameters.to_string()),
        ("layers", curve.model.layers.to_string()),
        ("width", curve.model.width.to_string()),
        ("seeds", whole(peak.map(|peak| peak.seeds))),
        ("capacity_bits_strict", number(bits(Strict))),
        ("capacity_bits_paper", number(bits(Paper))),
        ("at_samples", whole(peak.map(|peak| peak.samples))),
        ("at_load", number(peak.map(|peak| peak.load))),
        ("capacity_bits_strict_low", low(interval(Strict))),
        ("capacity_bits_strict_high", high(interval(Strict))),
        ("capacity_bits_paper_low", low(interval(Paper))),
        ("capacity_bits_paper_high", high(interval(Paper))),
        ("fit", fit::NAME.to_owned()),
        ("fitted_capacity_bits_strict", number(fitted(Strict))),
        ("fitted_capacity_bits_paper", number(fitted(Paper))),
        ("fit_residual", residual),
        ("alpha_strict", alpha(bits(Strict))),
        ("alpha_paper", alpha(bits(Paper))),
        ("fitted_alpha_strict", alpha(fitted(Strict))),
        ("fitted_alpha_paper", alpha(fitted(Paper))),
        ("gain_per_doubling", number(gain.map(|gain| gain.mean))),
        ("gain_per_doubling_low", low(of_gain)),
        ("gain_per_doubling_high", high(of_gain)),
        ("gain_seeds", whole(gain.map(|gain| gain.seeds))),
        ("bracketed", capacity.bracketed.to_string()),
        ("plateau", capacity.plateau.to_string()),
        ("fit_p", number(fit(Strict).map(|fit| fit.p))),
    ]
}

/// Rust's shortest form that reads back the same; empty for what is not there or not a number.
fn number(value: impl Into<Option<f64>>) -> String {
    let value = value.into().filter(|x| x.is_finite());
    // Adding zero turns -0 into 0.
    value.map(|x| (x + 0.0).to_string()).unwrap_or_default()
}

fn whole(value: Option<impl ToString>) -> String {
    value.map(|n| n.to_string()).unwrap_or_default()
}

fn csv(rows: &[Row]) -> Vec<u8> {
    const MEMORY: &str = "writing to memory does not fail";
    let mut writer = csv::Writer::from_writer(Vec::new());
    // All rows are made by one function, so the names of the first are those of all.
    let names = rows.first().into_iter().flatten().map(|(name, _)| *name);
    writer.write_record(names).expect(MEMORY);
    for row in rows {
        let values = row.iter().map(|(_, value)| value);
        writer.write_record(values).expect(MEMORY);
    }
    writer.into_inner().expect(MEMORY)
}

/// What stands above the columns of [`table`].
const HEADINGS: [&str; 8] = [
    "model",
    "parameters",
    "capacity (bits)",
    "at load",
    "bits/parameter",
    "twice the steps add",
    "bracketed",
    "shown as",
];

/// A row a model, columns aligned, numbers to the right, and what the words in it mean below; plain text without
/// colours. `common` is what all models share and their names leave out, `slopes` are ours and the reference's.
pub(crate) fn table(
    groups: &[GroupReport],
    accounting: Accounting,
    common: &str,
    slopes: [Option<Slopes>; 2],
) -> String {
    if groups.is_empty() {
        return "No capacities: the entropy of its data is 0, or not known (a file of your own, hidden_markov, grammar), so runs.csv has no memorized \
                bits.\n"
            .to_owned();
    }
    let rows = groups.iter().map(|group| table_row(group, accounting));
    let rows: Vec<_> = rows.collect();
    text_table(&HEADINGS, &rows) + &table_notes(groups, accounting, common, slopes)
}

fn table_row(group: &GroupReport, accounting: Accounting) -> [String; 8] {
    let GroupReport {
        name,
        curve,
        capacity,
        ..
    } = group;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let peak = capacity.peak.as_ref();
    let bits = capacity.bits(accounting);
    let percent = |x: f64| signed(x * 100.0, 1);
    let gain = capacity.gain.as_ref().map(|gain| {
        let interval = gain
            .interval
            .map(|i| [i.low, i.high].map(percent).join(", "));
        let interval = interval.map_or(String::new(), |ends| format!(" [{ends}]"));
        format!("{} %{interval}", percent(gain.mean))
    });
    let words = [
        if capacity.bracketed { "yes" } else { "no" },
        if capacity.plateau {
            "plateau"
        } else {
            "lower bound"
        },
    ];
    let [bracketed, shown] = words.map(str::to_owned);
    [
        plain(name),
        thousands(curve.model.parameters as f64),
        or_dash(bits.map(thousands)),
        or_dash(peak.map(|peak| two_digits(peak.load))),
        or_dash(bits.map(|bits| decimals(curve.per_parameter(bits), 2))),
        or_dash(gain),
        bracketed,
        shown,
    ]
}

fn table_notes(
    groups: &[GroupReport],
    accounting: Accounting,
    common: &str,
    [ours, reference]: [Option<Slopes>; 2],
) -> String {
    let mut out = String::from("\n");
    if !common.is_empty() {
        let _ = writeln!(out, "All models: {}.", plain(common));
    }
    let _ = write!(out, "Bits by the {} accounting", accounting.name());
    out.push_str(match accountings_agree(groups) {
        true => " (strict = paper: every token is predicted).",
        false => ".",
    });
    out.push_str(" A lower bound is a capacity not shown to be a plateau: a longer training or another grid may \
                  show more.\nPlateau: bracketed, and the upper end of what twice the steps add is below 2 %.\n");
    if let Some(slopes) = ours {
        let models = count(slopes.models, "model");
        let _ = writeln!(
            out,
            "Bits per parameter over {models}, with 95 % intervals: {}.",
            slopes.words()
        );
        if let Some(slopes) = reference {
            let models = count(slopes.models, "model");
            let _ = writeln!(out, "The reference's {models}: {}.", slopes.words());
        }
    }
    out
}
