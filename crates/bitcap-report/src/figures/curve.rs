//! Memorized bits against dataset size.

use std::collections::{BTreeMap, BTreeSet};

use super::capacity::{accounting_line, alpha_text, band_entry, plateau_key};
use super::common::{Experiment, PAPER_BAND, bars_note};
use crate::accounting::Accounting;
use crate::capacity::GroupReport;
use crate::chart::{Axis, Block, Chart, Entry, GREY, Layer, Look, NOTHING, PALE, Panel, Point};
use crate::chart::{Mark, Shape};
use crate::curve;
use crate::statistics::mean;
use crate::text::{count, thousands};

const HEIGHT: f64 = 296.0;
/// With more sizes of models than this only the smallest and the largest get a band.
const MOST_BANDS: usize = 4;
/// What memorized less than this part of the most is not drawn: it would stretch the axis over nothing.
const LEAST_SHOWN: f64 = 1e-9;
/// Doubled cells are set off to the right, or their marks would cover the plain ones.
const ASIDE: f64 = 10.0;
/// A ceiling closer than this to the entropy cannot be told from it on a page.
const CEILING_SHOWS: f64 = 0.97;

/// The curves of all groups that have one; there must be at least one.
pub(crate) fn chart(of: &Experiment<'_>, groups: &[GroupReport]) -> Chart {
    let spread = |point: &curve::Point| point.memorized_bits.by(of.accounting);
    let points = || groups.iter().flat_map(all_points);
    let most = points().map(|p| spread(p).mean).fold(0.0, f64::max);
    let floor = (most * LEAST_SHOWN).max(NOTHING);
    let shown = |point: &&curve::Point| spread(point).mean > floor;
    let bands = banded_sizes(groups);
    let mut heights: Vec<f64> = Vec::new();
    for point in points().filter(shown) {
        let (mean, deviation) = (spread(point).mean, spread(point).deviation.unwrap_or(0.0));
        // A bar that reaches towards zero is cut off, or it would stretch the axis.
        heights.extend([mean, mean + deviation, (mean - deviation).max(mean / 2.0)]);
    }
    if heights.is_empty() {
        heights.extend(points().map(|point| point.entropy_bits));
    }
    heights.extend(bands.iter().map(|&size| PAPER_BAND.1 * size as f64));
    let data = Data::of(groups);
    let x = Axis::log(&data.label(), points().map(|p| data.place(p)), 0.08);
    let y = Axis::log("memorized (bits), mean over seeds", heights, 0.1);

    let all_looks = of.looks();
    let mut layers: Vec<Layer> = Vec::new();
    for &size in &bands {
        // A band that several models share is none of theirs.
        let mut owners = groups
            .iter()
            .filter(|group| group.curve.model.parameters == size);
        let colour = match (owners.next(), owners.next()) {
            (Some(owner), None) => &all_looks[owner.place].colour,
            _ => GREY,
        };
        layers.push(band(&x, size as f64, colour));
    }
    layers.push(Layer::new(data.diagonal(&x), diagonal_look()));
    let ceilings = data.ceilings(of.accounting);
    let mut key = plateau_key(groups);
    let mut models = Vec::new();
    for line in &ceilings {
        layers.push(Layer::new(line.iter().copied(), ceiling_look()));
    }
    let layer = |points: &[curve::Point], look: &Look| {
        let shown = points.iter().filter(shown);
        let points = shown.map(|p| Point::mean(data.place(p), spread(p)));
        Layer::of(points, look.clone())
    };
    for group in groups {
        let look = all_looks[group.place]
            .clone()
            .filled(group.capacity.plateau);
        let (plain, doubled) = (&group.curve.points, &group.curve.doubled);
        layers.push(layer(plain, &look));
        if !doubled.is_empty() {
            layers.push(layer(doubled, &doubled_look(&look)));
        }
        models.push((group.place, look, alpha_text(group, of.accounting)));
    }
    let mut doubled = groups.iter().flat_map(|group| &group.curve.doubled);
    if doubled.any(|point| shown(&point)) {
        let look = Look::mark(GREY, Shape::TriangleUp, 3.4, false);
        key.push(Entry::new(look, "twice the steps (set to the right)"));
    }
    key.push(Entry::new(diagonal_look(), "entropy of the data"));
    if !ceilings.is_empty() {
        let text = "ceiling for models of single sequences";
        key.push(Entry::new(ceiling_look(), text));
    }
    key.push(band_entry());

    let (models, mut notes) = of.models(models);
    notes.push(bars_note(points().map(|point| point.seeds)));
    let hidden = points().filter(|point| !shown(point)).count();
    if hidden > 0 {
        notes.push(format!(
            "Not drawn: {} at or below zero bits (or a billionth of the largest), which the axis cannot show.",
            count(hidden, "mean")
        ));
    }
    Chart {
        name: "curve",
        title: of.titled("bits memorized against dataset size"),
        subtitle: accounting_line(groups, of.accounting),
        panels: vec![vec![Panel::new("", HEIGHT, x, y, layers)]],
        legend: vec![models, Block::of(key)],
        notes,
    }
}

/// What the data sets as limits, and where it stands.
struct Data<'a> {
    groups: &'a [GroupReport],
    /// x is the number of samples, which all groups read alike; otherwise the data's entropy.
    in_samples: bool,
}

impl<'a> Data<'a> {
    fn of(groups: &'a [GroupReport]) -> Self {
        let shape = |group: &GroupReport| (group.curve.model.vocabulary, group.curve.model.length);
        let in_samples = groups.iter().all(|group| shape(group) == shape(&groups[0]));
        Self { groups, in_samples }
    }

    fn label(&self) -> String {
        let model = &self.groups[0].curve.model;
        let (tokens, vocabulary) = (count(model.length, "token"), model.vocabulary);
        match self.in_samples {
            true => format!("dataset size (sequences of {tokens}, vocabulary {vocabulary})"),
            false => "entropy of the dataset (bits)".to_owned(),
        }
    }

    fn place(&self, point: &curve::Point) -> f64 {
        match self.in_samples {
            true => point.samples as f64,
            false => point.entropy_bits,
        }
    }

    /// The data's entropy over x; beyond the data it goes on in proportion, to the edges.
    fn diagonal(&self, x: &Axis) -> Vec<(f64, f64)> {
        let points = self.groups.iter().flat_map(all_points);
        let mut line = self.means(points, |point| point.entropy_bits);
        if let (Some(&first), Some(&last)) = (line.first(), line.last()) {
            line.insert(0, (x.low, first.1 * x.low / first.0));
            line.push((x.high, last.1 * x.high / last.0));
        }
        line
    }

    /// One line a kind of data and of start token, where it can be told from the entropy.
    fn ceilings(&self, accounting: Accounting) -> Vec<Vec<(f64, f64)>> {
        let mut kinds: BTreeMap<_, Vec<&curve::Point>> = BTreeMap::new();
        for group in self.groups {
            let model = &group.curve.model;
            let kind = (model.vocabulary, model.length, model.start_token);
            kinds.entry(kind).or_default().extend(all_points(group));
        }
        let ceiling = |point: &curve::Point| point.ceiling_bits.by(accounting);
        let shows = |point: &&curve::Point| ceiling(point) < CEILING_SHOWS * point.entropy_bits;
        kinds.retain(|_, points| points.iter().any(shows));
        let lines = kinds
            .into_values()
            .map(|points| self.means(points, ceiling));
        lines.filter(|line| line.len() >= 2).collect()
    }

    /// Means of a property of the data at each x, ascending.
    fn means<'p>(
        &self,
        points: impl IntoIterator<Item = &'p curve::Point>,
        property: impl Fn(&curve::Point) -> f64,
    ) -> Vec<(f64, f64)> {
        // Positive floats sort like their bits.
        let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for point in points {
            let x = self.place(point).to_bits();
            at.entry(x).or_default().push(property(point));
        }
        let line = at.into_iter();
        let line = line.filter_map(|(x, values)| Some((f64::from_bits(x), mean(&values)?)));
        line.filter(|&(_, y)| y > NOTHING).collect()
    }
}

/// Plain and doubled cells alike.
fn all_points(group: &GroupReport) -> impl Iterator<Item = &curve::Point> {
    group.curve.points.iter().chain(&group.curve.doubled)
}

/// Parameters of the models that get a band: all of a few sizes, else the smallest and the largest.
fn banded_sizes(groups: &[GroupReport]) -> Vec<u64> {
    let sizes = groups.iter().map(|group| group.curve.model.parameters);
    let sizes: BTreeSet<u64> = sizes.collect();
    match (sizes.first(), sizes.last()) {
        (Some(&first), Some(&last)) if sizes.len() > MOST_BANDS => vec![first, last],
        _ => sizes.into_iter().collect(),
    }
}

/// The paper's capacity of a model of this size.
fn band(x: &Axis, size: f64, colour: &str) -> Layer {
    let (low, high) = (PAPER_BAND.0 * size, PAPER_BAND.1 * size);
    let corners = [(x.low, low), (x.high, low), (x.high, high), (x.low, high)];
    Layer {
        label: format!("3.5–3.9 × {}", thousands(size)),
        ..Layer::new(corners, Look::area(colour, 0.2))
    }
}

/// The mark of cells trained with twice the steps: never shown to be a plateau, so hollow.
fn doubled_look(look: &Look) -> Look {
    let mark = look.mark.map(|mark| Mark {
        shape: Shape::TriangleUp,
        radius: 0.8 * mark.radius,
        filled: false,
        aside: ASIDE,
    });
    let look = look.clone().unlined();
    Look { mark, ..look }
}

fn diagonal_look() -> Look {
    Look::line(PALE, 1.0, "")
}

fn ceiling_look() -> Look {
    Look::line(GREY, 1.0, "4 3")
}
