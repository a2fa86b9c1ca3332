//! What a lower bound costs to raise: bits a parameter against passes over the data.

use std::collections::BTreeSet;

use super::{
    Experiment, PAPER_BAND, bars_note, capacity::accounting_line, capacity::band_entry, looks,
};
use crate::capacity::GroupReport;
use crate::chart::{Axis, Block, Chart, Entry, GREY, Layer, Look, Panel, Point};
use crate::names::{parts, setting};
use crate::statistics::Spread;

const HEIGHT: f64 = 296.0;
/// Fewer budgets than this are no line.
const LEAST_BUDGETS: usize = 3;
/// What a training of another length has of its own: lines join models that differ in these alone, and of which
/// all or none have a polish.
const OF_THE_LENGTH: [&str; 4] = ["steps", "polish_steps", "learning_rate", "warmup_steps"];

/// Models that differ in how long they were trained, and in the rate and the polish that suit that length.
struct Line {
    /// What is left of their labels.
    name: String,
    parameters: u64,
    /// By passes ascending, the best rate of each.
    budgets: Vec<Budget>,
}

/// Bits a parameter after a number of passes over the data.
#[derive(Debug, Clone, Copy)]
struct Budget {
    passes: f64,
    bits_per_parameter: Spread,
    seeds: usize,
}

/// `None` unless some models were trained for three lengths or more.
pub(crate) fn chart(of: &Experiment<'_>, groups: &[GroupReport]) -> Option<Chart> {
    let lines = lines(of, groups);
    if !lines.iter().any(|line| line.budgets.len() >= LEAST_BUDGETS) {
        return None;
    }
    let budgets = || lines.iter().flat_map(|line| &line.budgets);
    let points = |line: &Line| {
        let points = line.budgets.iter();
        let points = points.map(|budget| Point::mean(budget.passes, budget.bits_per_parameter));
        points.collect::<Vec<_>>()
    };
    let x = Axis::log(
        "passes over the dataset",
        budgets().map(|budget| budget.passes),
        0.1,
    );
    let reach = lines.iter().flat_map(points);
    let reach = reach.flat_map(|point| [point.y, point.bar.map_or(0.0, |bar| bar.1)]);
    let y = Axis::linear(
        "memorized bits / parameter",
        reach.chain([0.0, PAPER_BAND.1]),
    );
    let band = Look::area(GREY, 0.2);
    let (least, most) = PAPER_BAND;
    let mut layers = vec![Layer::band(&x, (least, least), (most, most), &band)];
    let looks = looks(lines.iter().map(|line| line.parameters));
    let mut entries = Vec::new();
    for (line, look) in lines.iter().zip(&looks) {
        layers.push(Layer::new(points(line), look));
        entries.push(Entry::new(look, &line.name));
    }
    let mut notes = vec![bars_note(budgets().map(|budget| budget.seeds))];
    if lines.iter().map(|line| line.budgets.len()).sum::<usize>() < groups.len() {
        notes.push("Of each length the best learning rate is drawn.".to_owned());
    }
    notes.push(
        "Each point is a training of its own, whose learning rate ended with it: no curve here is one training."
            .to_owned(),
    );
    Some(Chart {
        name: "budget",
        title: of.titled("bits a parameter against the length of the training"),
        subtitle: accounting_line(groups, of.accounting).to_owned(),
        panels: vec![vec![Panel::new("", HEIGHT, x, y, layers)]],
        legend: vec![Block::of(entries), Block::of(vec![band_entry()])],
        notes,
    })
}

/// In the order of the first model of each.
fn lines(of: &Experiment<'_>, groups: &[GroupReport]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for group in groups {
        let Some(budget) = budget(of, group) else {
            continue;
        };
        let model = &group.curve.model;
        let mut left = parts(&model.label);
        let has_polish = left.iter().filter_map(|part| setting(part));
        let has_polish = has_polish.filter(|&(name, steps)| name == "polish_steps" && steps != "0");
        let has_polish = has_polish.count() > 0;
        left.retain(|part| setting(part).is_none_or(|(name, _)| !OF_THE_LENGTH.contains(&name)));
        if has_polish {
            left.push("with a polish");
        }
        let name = match left.is_empty() {
            true => format!("{}×{}", model.layers, model.width),
            false => left.join(", "),
        };
        // Two models of one label are of different sizes.
        let same = |line: &Line| line.name == name && line.parameters == model.parameters;
        match lines.iter_mut().find(|line| same(line)) {
            Some(line) => line.budgets.push(budget),
            None => lines.push(Line {
                name,
                parameters: model.parameters,
                budgets: vec![budget],
            }),
        }
    }
    for line in &mut lines {
        // Of equal passes the most bits first, which is then the one that is kept.
        let best_first = |a: &Budget, b: &Budget| {
            let bits = |budget: &Budget| budget.bits_per_parameter.mean;
            a.passes
                .total_cmp(&b.passes)
                .then(bits(b).total_cmp(&bits(a)))
        };
        line.budgets.sort_by(best_first);
        let mut seen = BTreeSet::new();
        line.budgets
            .retain(|budget| seen.insert(budget.passes.to_bits()));
    }
    lines
}

/// At the size with the largest mean; `None` of a model that has no cells of its plain number of steps.
fn budget(of: &Experiment<'_>, group: &GroupReport) -> Option<Budget> {
    let peak = group.capacity.peak.as_ref()?;
    let cells = &of.runs.groups[group.place].plain;
    // With a batch of so many sequences, steps are more passes over a smaller dataset.
    let run = &cells
        .iter()
        .find(|cell| cell.run.samples == peak.samples)?
        .run;
    let predicted = run.length as f64 - f64::from(u8::from(!run.start_token));
    let tokens = run.samples as f64 * predicted;
    let per_parameter = |bits: f64| group.curve.per_parameter(bits);
    let bits = peak.memorized_bits.by(of.accounting);
    let budget = Budget {
        passes: run.training_tokens as f64 / tokens,
        bits_per_parameter: Spread {
            mean: per_parameter(bits.mean),
            deviation: bits.deviation.map(per_parameter),
        },
        seeds: peak.seeds,
    };
    (budget.passes.is_finite() && budget.passes > 0.0).then_some(budget)
}
