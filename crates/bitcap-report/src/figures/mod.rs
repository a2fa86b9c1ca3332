//! The figures: each maps what was measured to a chart. Here is what they have in common: what they are made of, and how
//! models look and are named.

pub(crate) mod budget;
pub(crate) mod capacity;
pub(crate) mod curve;
pub(crate) mod exposure;
pub(crate) mod generalization;
pub(crate) mod matrix;
mod means;
pub(crate) mod membership;
pub(crate) mod positions;
pub(crate) mod quantize;
pub(crate) mod sequences;
pub(crate) mod toy;

use std::collections::BTreeSet;

use crate::accounting::Accounting;
use crate::chart::{Block, Entry, Look, Shape};
use crate::names::{MOST_LONG, Names};
use crate::runs::{Cell, Runs};
use crate::text::{count, two_digits};
use bitcap_plan::Run;

/// What figures are made of.
pub(crate) struct Experiment<'a> {
    /// Its name; empty for none.
    pub(crate) title: &'a str,
    pub(crate) accounting: Accounting,
    pub(crate) runs: &'a Runs,
    pub(crate) names: &'a Names,
}

/// The paper's bits per parameter: Table 1 has 3.51 in bf16 and 3.83 in fp32 on average, a little more at its best
/// sizes.
const PAPER_BAND: (f64, f64) = (3.5, 3.9);
/// More models than this cannot be told apart by their marks and lines.
const MOST_NAMED: usize = 40;

/// Okabe and Ito's palette for the colour-blind (2008), less its yellow, which white paper swallows.
const PALETTE: [&str; 7] = [
    TRAINING, FRESH, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
];
/// Of training and of fresh data.
const TRAINING: &str = "#0072B2";
const FRESH: &str = "#D55E00";
/// Beyond the palette: viridis without its pale end; its lightness rises evenly, for the colour-blind and in grey.
const RAMP: [[f64; 3]; 4] = [
    [68.0, 1.0, 84.0],
    [59.0, 82.0, 139.0],
    [33.0, 145.0, 140.0],
    [94.0, 201.0, 98.0],
];
/// Told apart by their outline alone. The triangle that points up is kept for doubled cells.
const SHAPES: [Shape; 8] = [
    Shape::Circle,
    Shape::Square,
    Shape::Diamond,
    Shape::TriangleDown,
    Shape::Pentagon,
    Shape::Star,
    Shape::TriangleLeft,
    Shape::TriangleRight,
];
/// With eight shapes forty looks before any repeats.
const DASHES: [&str; 5] = ["", "7 3", "2 2.5", "9 3 2 3", "5 2 1.5 2 1.5 2"];

/// A line with filled marks for each model, told apart by colour and without it; beyond the palette, colours follow
/// the rank of the models' parameters.
fn looks(parameters: impl IntoIterator<Item = u64>) -> Vec<Look> {
    let parameters: Vec<u64> = parameters.into_iter().collect();
    let few = parameters.len() <= PALETTE.len();
    // Many models lie close together.
    let radius = if few { 4.2 } else { 3.2 };
    let look = |(i, own): (usize, &u64)| {
        let colour = match few {
            true => PALETTE[i].to_owned(),
            false => {
                // Of models of one size those that come first are below.
                let below = |(place, other): &(usize, &u64)| (*other, *place) < (own, i);
                // By rank and not by size: sizes of models often lie close together, and so would
                // their colours.
                let rank = parameters.iter().enumerate().filter(below).count();
                ramp(rank as f64 / (parameters.len() - 1) as f64)
            }
        };
        // Both go around, and as 8 and 5 have no common factor a pair comes back after 40.
        let (shape, dash) = (SHAPES[i % SHAPES.len()], DASHES[i % DASHES.len()]);
        Look::mark(&colour, shape, radius, true).lined(1.5, dash, 1.0)
    };
    parameters.iter().enumerate().map(look).collect()
}

/// The colour at a place of the ramp from 0 to 1.
fn ramp(at: f64) -> String {
    let place = at * (RAMP.len() - 1) as f64;
    let i = (place as usize).min(RAMP.len() - 2);
    let mix = |(a, b): (&f64, &f64)| (a + (b - a) * (place - i as f64)).round() as u8;
    let hex = RAMP[i].iter().zip(&RAMP[i + 1]).map(mix);
    hex.fold("#".to_owned(), |hex, part| format!("{hex}{part:02X}"))
}

impl Experiment<'_> {
    /// A look for each group.
    fn looks(&self) -> Vec<Look> {
        let groups = self.runs.groups.iter();
        looks(groups.map(|group| group.model().parameters))
    }

    /// A figure's title: the experiment's name, if it has one, and what is shown.
    fn titled(&self, what: &str) -> String {
        titled(self.title, what)
    }

    /// The models of a legend, each by its group's place, its look, and what follows its name; and what has to be said
    /// of them in the notes.
    fn models(&self, models: Vec<(usize, Look, String)>) -> (Block, Vec<String>) {
        let mut notes = Vec::new();
        if !self.names.common.is_empty() {
            notes.push(format!("All models: {}.", self.names.common));
        }
        let (many, drawn) = (models.len() > MOST_LONG, models.len());
        if drawn > MOST_NAMED {
            notes.push(format!(
                "{drawn} models, more than can be told apart: dark to light is from few parameters to many, and runs.csv \
                 has the rows of each."
            ));
            return (Block::default(), notes);
        }
        let values = self.names.values.as_ref().filter(|_| many);
        let names = values.map_or(&self.names.long, |(_, values)| values);
        let entry = |(place, look, after): (usize, Look, String)| match many {
            true => Entry::new(&look, &names[place]),
            false => Entry::new(&look, format!("{}{after}", names[place])),
        };
        let mut block = Block::of(models.into_iter().map(entry).collect());
        block.heading = values.map_or(String::new(), |(settings, _)| format!("{settings}:"));
        (block, notes)
    }
}

/// What error bars are, of points that are each a mean over so many seeds.
fn bars_note(seeds: impl Iterator<Item = usize>) -> String {
    let seeds: BTreeSet<usize> = seeds.collect();
    match (seeds.first(), seeds.last()) {
        (None, _) | (_, Some(0 | 1)) => "One seed a point: no error bars.".to_owned(),
        (Some(least), Some(most)) if least == most => {
            format!("Means over {most} seeds; error bars: ± 1 sample standard deviation.")
        }
        (Some(least), most) => format!(
            "Means over {least} to {} seeds; error bars: ± 1 sample standard deviation, where there are two or more.",
            most.unwrap_or(least)
        ),
    }
}

/// A model's size, after its name.
fn size_text(model: &Run) -> String {
    format!(": {}", count(model.parameters, "parameter"))
}

/// Whose data a panel shows.
fn model_text(model: &Run) -> String {
    let name = match model.label.trim() {
        "" => format!("{}×{}", model.layers, model.width),
        label => label.to_owned(),
    };
    name + &size_text(model)
}

/// A cell's size, for headings and legends.
fn size_of_data(cell: &Cell) -> String {
    let samples = count(cell.run.samples, "sequence");
    match cell.run.load {
        Some(load) => format!("load {}, {samples}", two_digits(load)),
        None => samples,
    }
}

/// A figure's title: the name, if there is one, and what is shown.
fn titled(name: &str, what: &str) -> String {
    match name.trim() {
        "" => {
            let mut letters = what.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string());
            first.unwrap_or_default() + letters.as_str()
        }
        name => format!("{name}: {what}"),
    }
}

/// Which accounting a figure shows, in a sentence below its title.
fn accounting_words(accounting: Accounting) -> &'static str {
    match accounting {
        Accounting::Strict => "Accounting: strict (only predicted tokens count)",
        Accounting::Paper => {
            "Accounting: paper (a first token that is not predicted is credited like the others)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_differ_without_colour_too() {
        for count in [1, 3, 7, MOST_NAMED as u64] {
            let looks = looks(1..=count);
            let outlines = looks.iter().map(|look| {
                let (mark, line) = (look.mark.unwrap(), look.line.unwrap());
                format!("{:?} {:?}", mark.shape, line.dash)
            });
            assert_eq!(outlines.collect::<BTreeSet<_>>().len(), count as usize);
            let colours: BTreeSet<&String> = looks.iter().map(|look| &look.colour).collect();
            assert_eq!(colours.len(), count as usize);
        }
    }
}
