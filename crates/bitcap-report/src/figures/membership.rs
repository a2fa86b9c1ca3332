//! Membership inference and extraction against load: a panel a measure, a line a model.

use super::means::{self, Measure};
use super::{Experiment, size_text};
use crate::chart::{Axis, Block, Chart, Entry, GREY, Layer, Look, Panel, Scale};

const HEIGHT: f64 = 150.0;

/// A panel: what it shows, its words, and what guessing gives.
type Shown = (Measure, &'static str, Option<f64>);

const ROWS: [[Shown; 3]; 2] = [
    [
        (|run| run.membership_auc, "membership: AUC", Some(0.5)),
        (
            |run| run.membership_balanced_accuracy,
            "membership: balanced accuracy",
            Some(0.5),
        ),
        (
            |run| run.membership_tpr_at_1_percent_fpr,
            "membership: TPR at 1 % FPR",
            Some(0.01),
        ),
    ],
    [
        (|run| run.extraction_8, "extracted from 8 tokens", None),
        (|run| run.extraction_16, "extracted from 16 tokens", None),
        (|run| run.extraction_32, "extracted from 32 tokens", None),
    ],
];

/// What was measured of it; `None` where nothing was.
pub(crate) fn chart(of: &Experiment<'_>) -> Option<Chart> {
    let groups = &of.runs.groups;
    let looks = of.looks();
    let floor_look = Look::line(GREY, 1.0, "4 3");
    let x = means::x_axis(of.runs, true);
    let (mut all, mut panels, mut guessed) = (Vec::new(), Vec::new(), false);
    for row in ROWS {
        let mut shown = Vec::new();
        for (measure, heading, floor) in row {
            if !groups.iter().any(|group| means::measured(group, measure)) {
                continue;
            }
            guessed |= floor.is_some();
            let floor = floor.map(|floor| Layer::across(&x, floor, &floor_look));
            let mut layers: Vec<Layer> = floor.into_iter().collect();
            for (group, look) in groups.iter().zip(&looks) {
                let means = means::means(of.runs, group, measure);
                layers.push(Layer::new(&means, look));
                all.extend(means);
            }
            // Rates of all panels on one axis, with room for marks at 0 and 1.
            let y = Axis::between("", Scale::Linear, (-0.05, 1.05));
            shown.push(Panel::new(heading, HEIGHT, x.clone(), y, layers));
        }
        panels.push(shown);
    }
    panels.retain(|row| !row.is_empty());
    if panels.is_empty() {
        return None;
    }
    let models = groups.iter().zip(looks).enumerate();
    let models = models.map(|(place, (group, look))| (place, look, size_text(group.model())));
    let (models, mut notes) = of.models(models.collect());
    let mut legend = vec![models];
    notes.extend(means::notes(of.runs, &all));
    notes.extend(means::load_note(of.runs));
    if guessed {
        let text = "what guessing gives: 0.5, 0.5 and 0.01";
        legend.push(Block::of(vec![Entry::new(&floor_look, text)]));
        notes.push(
            "Members (training data) are told from fresh data by code length. F1 is not drawn: with as many members \
             as non-members, calling all of them members already gives 2/3, so the best F1 is never below that."
                .to_owned(),
        );
    }
    Some(Chart {
        name: "membership",
        title: of.titled("membership inference and extraction"),
        subtitle: "From single code lengths; extraction: greedy continuation equal to the training sequence".to_owned(),
        panels,
        legend,
        notes,
    })
}
