//! Memorized bits against dataset size.

use std::collections::BTreeMap;

use super::capacity::{ReferencePoint, accounting_line, alpha_text, band_entry, plateau_key};
use super::{Experiment, PAPER_BAND, bars_note};
use crate::accounting::Accounting;
use crate::capacity::GroupReport;
use crate::chart::{
    Axis, Block, Chart, Entry, GREY, Layer, Look, Mark, NOTHING, PALE, Panel, Point, Shape,
};
use crate::curve;
use crate::statistics::{Spread, mean};
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

/// The curves of all groups that have one; there must be at least one. Of the models that get a band, one
/// whose number of parameters a row of the reference has gets that row's capacity as a line instead.
pub(crate) fn chart(
    of: &Experiment<'_>,
    groups: &[GroupReport],
    reference: &[ReferencePoint],
) -> Chart {
    let spread = |point: &curve::Point| point.memorized_bits.by(of.accounting);
    let points = || groups.iter().flat_map(all_points);
    let most = points().map(|p| spread(p).mean).fold(0.0, f64::max);
    // The axis is one of logarithms: means at or below zero have no place on it, and are counted in
    // the notes instead.
    let floor = (most * LEAST_SHOWN).max(NOTHING);
    let shown = |point: &&curve::Point| spread(point).mean > floor;
    // The reference counts as the paper does.
    let paper = |size: &f64| {
        let rows = reference
            .iter()
            .filter(|_| of.accounting == Accounting::Paper);
        let mut rows = rows.filter(|row| row.parameters == *size);
        rows.next().map(|row| row.capacity_bits)
    };
    let (with_paper, bands): (Vec<f64>, Vec<f64>) = banded_sizes(groups)
        .into_iter()
        .partition(|size| paper(size).is_some());
    let mut heights: Vec<f64> = Vec::new();
    for point in points().filter(shown) {
        let Spread { mean, deviation } = spread(point);
        let deviation = deviation.unwrap_or(0.0);
        // A bar that reaches towards zero is cut off, or it would stretch the axis.
        heights.extend([mean, mean + deviation, (mean - deviation).max(mean / 2.0)]);
    }
    // Nothing to draw but the diagonal, which then sets the axis.
    if heights.is_empty() {
        heights.extend(points().map(|point| point.entropy_bits));
    }
    // A band far above the points is the very thing to be seen: they did not get there.
    heights.extend(bands.iter().map(|size| PAPER_BAND.1 * size));
    heights.extend(with_paper.iter().filter_map(paper));
    let data = Data::of(groups);
    let x = Axis::log(&data.label(), points().map(|p| data.place(p)), 0.08);
    let y = Axis::log("memorized (bits), mean over seeds", heights, 0.1);

    let looks = of.looks();
    let colour = |size: f64| {
        // What several models share is none of theirs.
        let mut owners = groups.iter().filter(|group| group.parameters() == size);
        match (owners.next(), owners.next()) {
            (Some(owner), None) => &looks[owner.place].colour,
            _ => GREY,
        }
    };
    let band = |&size: &f64| {
        let [least, most] = [PAPER_BAND.0, PAPER_BAND.1].map(|alpha| alpha * size);
        Layer {
            label: format!("3.5–3.9 × {}", thousands(size)),
            ..Layer::band(
                &x,
                (least, least),
                (most, most),
                &Look::area(colour(size), 0.2),
            )
        }
    };
    let paper_look = |colour: &str| Look::line(colour, 1.2, "1.5 2.5");
    let paper_line = |size: &f64| {
        let bits = paper(size)?;
        Some(Layer {
            label: format!("the paper, of {}", thousands(*size)),
            ..Layer::across(&x, bits, &paper_look(colour(*size)))
        })
    };
    // Later layers cover earlier ones: areas, then what the data sets as limits, then the models.
    let mut layers: Vec<Layer> = bands.iter().map(band).collect();
    layers.extend(with_paper.iter().filter_map(paper_line));
    let diagonal_look = Look::line(PALE, 1.0, "");
    layers.push(Layer::new(data.diagonal(&x), &diagonal_look));
    let ceiling_look = Look::line(GREY, 1.0, "4 3");
    let ceilings = data.ceilings(of.accounting);
    let any_ceiling = !ceilings.is_empty();
    let ceilings = ceilings.into_iter();
    layers.extend(ceilings.map(|line| Layer::new(line, &ceiling_look)));
    let layer = |points: &[curve::Point], look: &Look| {
        let shown = points.iter().filter(shown);
        Layer::new(shown.map(|p| Point::mean(data.place(p), spread(p))), look)
    };
    let (mut models, mut any_doubled) = (Vec::new(), false);
    for group in groups {
        let look = looks[group.place].clone().filled(group.capacity.plateau);
        layers.push(layer(&group.curve.points, &look));
        if !group.curve.doubled.is_empty() {
            let doubled = layer(&group.curve.doubled, &doubled_look(&look));
            any_doubled |= !doubled.points.is_empty();
            layers.push(doubled);
        }
        models.push((group.place, look, alpha_text(group, of.accounting)));
    }

    let mut key = plateau_key(groups);
    if any_doubled {
        let look = Look::mark(GREY, Shape::TriangleUp, 3.4, false);
        key.push(Entry::new(&look, "twice the steps (set to the right)"));
    }
    key.push(Entry::new(&diagonal_look, "entropy of the data"));
    if any_ceiling {
        key.push(Entry::new(
            &ceiling_look,
            "ceiling for models of single sequences",
        ));
    }
    if !bands.is_empty() {
        key.push(band_entry());
    }
    if !with_paper.is_empty() {
        let text = "capacity in Morris et al. 2025, Table 1, fp32";
        key.push(Entry::new(&paper_look(GREY), text));
    }
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
        subtitle: accounting_line(groups, of.accounting).to_owned(),
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
        // As many sequences of another length or vocabulary are other data; bits can be compared.
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
        // A line that is nowhere lower would cover the diagonal.
        kinds.retain(|_, points| points.iter().any(shows));
        let lines = kinds.into_values();
        let lines = lines.map(|points| self.means(points, ceiling));
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
        let line = line.filter_map(|(x, values)| Some((f64::from_bits(x), mean(values)?)));
        line.filter(|&(_, y)| y > NOTHING).collect()
    }
}

/// Plain and doubled cells alike.
fn all_points(group: &GroupReport) -> impl Iterator<Item = &curve::Point> {
    group.curve.points.iter().chain(&group.curve.doubled)
}

/// Parameters of the models that get a band: all of a few sizes, else the smallest and the largest.
fn banded_sizes(groups: &[GroupReport]) -> Vec<f64> {
    let mut sizes: Vec<f64> = groups.iter().map(GroupReport::parameters).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    if sizes.len() > MOST_BANDS {
        sizes.drain(1..sizes.len() - 1);
    }
    sizes
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
