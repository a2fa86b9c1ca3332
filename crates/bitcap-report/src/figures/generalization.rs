//! Rote and generalization against load, and below it how far the model is from the source on fresh data.

use super::common::{Experiment, dashed, entry, hollow, looks, size_text};
use super::means::{self, Mean, Measure};
use crate::chart::{Axis, Block, Chart, GREY, Layer, Line, Look, PALE, Panel};
use crate::runs::Group;

const HEIGHTS: (f64, f64) = (210.0, 130.0);
/// Means that differ by more than this factor are drawn on a logarithmic axis.
const WIDE: f64 = 20.0;

/// A model that is drawn: its place among all, itself, and its look with a line without dashes.
type Drawn<'a> = (usize, &'a Group, Look);

/// Models of structured sources; `None` where there are none.
pub(crate) fn chart(of: &Experiment<'_>) -> Option<Chart> {
    let groups = of.runs.groups.iter().zip(of.looks()).enumerate();
    let structured = groups.filter(|(_, (group, _))| structured(group));
    let drawn: Vec<Drawn<'_>> = structured
        .map(|(place, (group, look))| (place, group, dashed(&look, "")))
        .collect();
    if drawn.is_empty() {
        return None;
    }
    let means = |measure: Measure| -> Vec<Vec<Mean>> {
        let groups = drawn.iter();
        groups
            .map(|(_, group, _)| means::means(of.runs, group, measure))
            .collect()
    };
    let unintended = means(|run| run.unintended_bits);
    let intended = means(|run| run.intended_bits);
    let limit = means(|run| run.intended_limit_bits);
    let excess = means(|run| run.fresh_excess_bits_per_token);

    let bits = [&unintended, &intended, &limit].into_iter().flatten();
    let bits = bits.flat_map(|line| means::reach(line)).chain([0.0]);
    let x = means::x_axis(of.runs, false);
    let mut layers = vec![Layer::across(&x, 0.0, Look::line(PALE, 1.0, ""))];
    for (i, (_, _, look)) in drawn.iter().enumerate() {
        let points = limit[i].iter().map(|mean| (mean.x, mean.y.mean));
        layers.push(Layer::new(points, limit_look(&look.colour)));
        layers.push(means::layer(&unintended[i], look));
        layers.push(means::layer(&intended[i], &intended_look(look)));
    }
    let mut panels = vec![vec![Panel {
        heading: "training data: bits of the whole dataset".to_owned(),
        height: HEIGHTS.0,
        x,
        y: Axis::linear("bits", bits),
        layers,
    }]];
    if excess.iter().any(|line| !line.is_empty()) {
        panels.push(vec![excess_panel(of, &excess, &drawn)]);
    }

    let models = drawn.iter();
    let models = models.map(|(place, group, look)| (*place, look.clone(), size_text(&group.model)));
    let (models, mut notes) = of.models(models.collect());
    let grey = dashed(&looks(&[1])[0], "");
    let grey = Look {
        colour: GREY.to_owned(),
        ..grey
    };
    let key = vec![
        entry(grey.clone(), "unintended (rote)"),
        entry(intended_look(&grey), "intended (generalization)"),
        entry(limit_look(GREY), "limit of intended"),
    ];
    let key = Block {
        heading: String::new(),
        entries: key,
    };
    notes.extend(means::notes(of.runs, unintended.iter()));
    notes.push(
        "Unintended: what a code that may mix model and oracle saves against the oracle alone, which is the exact source \
         unless runs.csv names a model. Intended: memorized bits less that; its limit: entropy less the oracle's code."
            .to_owned(),
    );
    Some(Chart {
        name: "generalization",
        title: of.titled("rote and generalization"),
        subtitle: "Unintended memorization, intended memorization, and how far the model is from the source".to_owned(),
        panels,
        legend: vec![models, key],
        notes,
    })
}

/// Whether there is a source to generalize to.
fn structured(group: &Group) -> bool {
    let limits = group
        .plain
        .iter()
        .filter_map(|cell| cell.run.intended_limit_bits);
    means::measured(group, |run| run.unintended_bits)
        && limits.into_iter().any(|limit| limit != 0.0)
}

fn excess_panel(of: &Experiment<'_>, excess: &[Vec<Mean>], drawn: &[Drawn<'_>]) -> Panel {
    let heights = || excess.iter().flatten().map(|mean| mean.y.mean);
    let least = heights().fold(f64::INFINITY, f64::min);
    let most = heights().fold(0.0, f64::max);
    let x = means::x_axis(of.runs, false);
    let label = "excess (bits/token)";
    let mut layers = Vec::new();
    let y = if least > 0.0 && most > WIDE * least {
        Axis::log(label, heights(), 0.1)
    } else {
        layers.push(Layer::across(&x, 0.0, Look::line(PALE, 1.0, "")));
        let reach = excess.iter().flat_map(|line| means::reach(line));
        Axis::linear(label, reach.chain([0.0]))
    };
    let lines = excess.iter().zip(drawn);
    layers.extend(lines.map(|(line, (_, _, look))| means::layer(line, look)));
    Panel {
        heading: "fresh data: code length above that of the true source".to_owned(),
        height: HEIGHTS.1,
        x,
        y,
        layers,
    }
}

fn intended_look(look: &Look) -> Look {
    dashed(&hollow(look), "5 3")
}

/// Wide: intended bits often lie on their limit, and show so.
fn limit_look(colour: &str) -> Look {
    Look {
        line: Some(Line {
            width: 5.0,
            dash: "",
            opacity: 0.3,
        }),
        ..Look::line(colour, 5.0, "")
    }
}
