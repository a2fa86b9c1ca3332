//! curve.csv and capacity.csv.

use crate::capacity::Capacity;
use crate::curve::{Curve, Point};
use crate::statistics::Spread;
use crate::{Accounted, GroupReport, fit};

/// A row a group, doubling and dataset size.
pub(crate) fn curve_csv(groups: &[GroupReport]) -> Vec<u8> {
    let header = [
        "group",
        "label",
        "doubled",
        "samples",
        "load",
        "parameters",
        "seeds",
        "entropy_bits",
        "ceiling_bits_strict",
        "ceiling_bits_paper",
        "memorized_bits_strict_mean",
        "memorized_bits_strict_sd",
        "memorized_bits_paper_mean",
        "memorized_bits_paper_sd",
        "fraction_of_ceiling_mean",
        "bits_per_parameter_strict_mean",
        "bits_per_parameter_paper_mean",
        "fresh_memorized_bits_strict_mean",
        "fresh_memorized_bits_strict_sd",
    ];
    let rows = groups.iter().flat_map(|group| {
        let curve = &group.curve;
        let plain = curve
            .points
            .iter()
            .map(|point| curve_row(curve, "0", point));
        let doubled = curve
            .doubled
            .iter()
            .map(|point| curve_row(curve, "1", point));
        plain.chain(doubled)
    });
    csv(&header, rows)
}

fn curve_row(curve: &Curve, doubled: &str, point: &Point) -> Vec<String> {
    let memorized = point.memorized_bits;
    let fresh: Option<Spread> = point.fresh_memorized_bits.map(|fresh| fresh.strict);
    vec![
        curve.group.clone(),
        curve.model.label.clone(),
        doubled.to_owned(),
        point.samples.to_string(),
        number(point.load),
        curve.model.parameters.to_string(),
        point.seeds.to_string(),
        number(point.entropy_bits),
        number(point.ceiling_bits.strict),
        number(point.ceiling_bits.paper),
        number(memorized.strict.mean),
        number(memorized.strict.deviation),
        number(memorized.paper.mean),
        number(memorized.paper.deviation),
        number(point.fraction_of_ceiling),
        number(curve.per_parameter(memorized.strict.mean)),
        number(curve.per_parameter(memorized.paper.mean)),
        number(fresh.map(|fresh| fresh.mean)),
        number(fresh.and_then(|fresh| fresh.deviation)),
    ]
}

/// A row a group.
pub(crate) fn capacity_csv(groups: &[GroupReport]) -> Vec<u8> {
    let header = [
        "group",
        "label",
        "parameters",
        "layers",
        "width",
        "seeds",
        "capacity_bits_strict",
        "capacity_bits_paper",
        "at_samples",
        "at_load",
        "capacity_bits_strict_low",
        "capacity_bits_strict_high",
        "capacity_bits_paper_low",
        "capacity_bits_paper_high",
        "fit",
        "fitted_capacity_bits_strict",
        "fitted_capacity_bits_paper",
        "fit_residual",
        "alpha_strict",
        "alpha_paper",
        "fitted_alpha_strict",
        "fitted_alpha_paper",
        "gain_per_doubling",
        "gain_per_doubling_low",
        "gain_per_doubling_high",
        "gain_seeds",
        "bracketed",
        "plateau",
        "fit_p",
    ];
    let rows = groups
        .iter()
        .map(|group| capacity_row(&group.curve, &group.capacity));
    csv(&header, rows)
}

fn capacity_row(curve: &Curve, capacity: &Capacity) -> Vec<String> {
    let peak = capacity.peak.as_ref();
    let bits: Accounted<Option<f64>> = Accounted {
        strict: peak.map(|peak| peak.bits.strict),
        paper: peak.map(|peak| peak.bits.paper),
    };
    let interval = peak.and_then(|peak| peak.interval);
    let fitted: Accounted<Option<f64>> = Accounted {
        strict: capacity.fit.map(|fit| fit.strict.capacity_bits),
        paper: capacity.fit.map(|fit| fit.paper.capacity_bits),
    };
    let alpha = |bits: Option<f64>| number(bits.map(|bits| curve.per_parameter(bits)));
    let gain = capacity.gain.as_ref();
    let gain_interval = gain.and_then(|gain| gain.interval);
    vec![
        curve.group.clone(),
        curve.model.label.clone(),
        curve.model.parameters.to_string(),
        curve.model.layers.to_string(),
        curve.model.width.to_string(),
        count(peak.map(|peak| peak.seeds)),
        number(bits.strict),
        number(bits.paper),
        peak.map(|peak| peak.samples.to_string())
            .unwrap_or_default(),
        number(peak.map(|peak| peak.load)),
        number(interval.map(|i| i.strict.low)),
        number(interval.map(|i| i.strict.high)),
        number(interval.map(|i| i.paper.low)),
        number(interval.map(|i| i.paper.high)),
        fit::NAME.to_owned(),
        number(fitted.strict),
        number(fitted.paper),
        number(capacity.fit.map(|fit| fit.strict.residual)),
        alpha(bits.strict),
        alpha(bits.paper),
        alpha(fitted.strict),
        alpha(fitted.paper),
        number(gain.map(|gain| gain.mean)),
        number(gain_interval.map(|i| i.low)),
        number(gain_interval.map(|i| i.high)),
        count(gain.map(|gain| gain.seeds)),
        capacity.bracketed.to_string(),
        capacity.plateau.to_string(),
        number(capacity.fit.map(|fit| fit.strict.p)),
    ]
}

/// Rust's shortest form that reads back the same; empty for what is not there or not a number.
fn number(value: impl Into<Option<f64>>) -> String {
    value
        .into()
        .filter(|x| x.is_finite())
        .map(|x| x.to_string())
        .unwrap_or_default()
}

fn count(value: Option<usize>) -> String {
    value.map(|n| n.to_string()).unwrap_or_default()
}

fn csv(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(header)
        .expect("writing to memory does not fail");
    for row in rows {
        writer
            .write_record(row)
            .expect("every row is as long as the header");
    }
    writer
        .into_inner()
        .expect("writing to memory does not fail")
}
