//! Rote and generalization against load, and below it how far the model is from the source on fresh data.

use super::means::{self, Mean, Measure};
use super::{Experiment, size_text};
use crate::chart::{Axis, Block, Chart, Entry, GREY, Layer, Look, PALE, Panel, Shape};
use crate::runs::Group;
use crate::statistics::range;

const HEIGHTS: (f64, f64) = (210.0, 130.0);
/// Means that differ by more than this factor are drawn on a logarithmic axis.
const WIDE: f64 = 20.0;

/// Models of structured sources; `None` where there are none.
pub(crate) fn chart(of: &Experiment<'_>) -> Option<Chart> {
    let groups = of.runs.groups.iter().zip(of.looks()).enumerate();
    let drawn: Vec<(usize, (&Group, Look))> = groups.filter(|(_, (g, _))| structured(g)).collect();
    if drawn.is_empty() {
        return None;
    }
    let x = means::x_axis(of.runs, false);
    let zero = Layer::across(&x, 0.0, &Look::line(PALE, 1.0, ""));
    let (mut bits, mut lower) = (vec![zero.clone()], Vec::new());
    let (mut of_unintended, mut of_excess, mut reach) = (Vec::new(), Vec::new(), vec![0.0]);
    let mut models = Vec::new();
    for (place, (group, look)) in drawn {
        let means = |measure: Measure| means::means(of.runs, group, measure);
        let look = look.lined(1.5, "", 1.0);
        let limit = means(|run| run.intended_limit_bits);
        let unintended = means(|run| run.unintended_bits);
        let intended = means(|run| run.intended_bits);
        let excess = means(|run| run.fresh_excess_bits_per_token);
        let points = limit.iter().map(|mean| (mean.x, mean.y.mean));
        bits.push(Layer::new(points, &limit_look(&look.colour)));
        bits.push(Layer::new(&unintended, &look));
        bits.push(Layer::new(&intended, &intended_look(&look)));
        lower.push(Layer::new(&excess, &look));
        let all = limit.iter().chain(&unintended).chain(&intended);
        reach.extend(all.flat_map(Mean::reach));
        of_unintended.extend(unintended);
        of_excess.extend(excess);
        models.push((place, look, size_text(group.model())));
    }
    let y = Axis::linear("bits", reach);
    let heading = "training data: bits of the whole dataset";
    let mut panels = vec![vec![Panel::new(heading, HEIGHTS.0, x.clone(), y, bits)]];
    if !of_excess.is_empty() {
        let y = excess_axis(&of_excess);
        // An axis of logarithms has no zero to draw a line at.
        if y.low <= 0.0 {
            lower.insert(0, zero);
        }
        let heading = "fresh data: code length above that of the true source";
        panels.push(vec![Panel::new(heading, HEIGHTS.1, x, y, lower)]);
    }
    let grey = Look::mark(GREY, Shape::Circle, 4.2, true).lined(1.5, "", 1.0);
    let key = vec![
        Entry::new(&grey, "unintended (rote)"),
        Entry::new(&intended_look(&grey), "intended (generalization)"),
        Entry::new(&limit_look(GREY), "limit of intended"),
    ];
    let (models, mut notes) = of.models(models);
    notes.extend(means::notes(of.runs, &of_unintended));
    notes.push(
        "Unintended: what a code that may mix model and oracle saves against the oracle alone, which is the exact source \
         unless runs.csv names a model. Intended: memorized bits less that; its limit: entropy less the oracle's code."
            .to_owned(),
    );
    let subtitle =
        "Unintended memorization, intended memorization, and how far the model is from the source";
    Some(Chart {
        name: "generalization",
        title: of.titled("rote and generalization"),
        subtitle: subtitle.to_owned(),
        panels,
        legend: vec![models, Block::of(key)],
        notes,
    })
}

/// Whether there is a source to generalize to.
fn structured(group: &Group) -> bool {
    // Of uniform data the limit is 0 exactly: nothing is there to generalize.
    let limit = |run: &bitcap_plan::Run| run.intended_limit_bits.filter(|limit| *limit != 0.0);
    means::measured(group, |run| run.unintended_bits) && means::measured(group, limit)
}

fn excess_axis(excess: &[Mean]) -> Axis {
    let heights = || excess.iter().map(|mean| mean.y.mean);
    let label = "excess (bits/token)";
    match range(heights()) {
        Some((least, most)) if least > 0.0 && most > WIDE * least => {
            Axis::log(label, heights(), 0.1)
        }
        _ => Axis::linear(label, excess.iter().flat_map(Mean::reach).chain([0.0])),
    }
}

fn intended_look(look: &Look) -> Look {
    look.clone().filled(false).lined(1.5, "5 3", 1.0)
}

/// Wide: intended bits often lie on their limit, and show so.
fn limit_look(colour: &str) -> Look {
    Look::line(colour, 5.0, "").lined(5.0, "", 0.3)
}
