//! Memorized bits against dataset size.

use std::collections::BTreeMap;

use super::capacity::{accounting_line, alpha_text, band_entry, model_look, plateau_key};
use super::common::{Experiment, PAPER_BAND, entry};
use crate::capacity::GroupReport;
use crate::chart::{
    Axis, Block, Chart, GREY, Layer, Look, Mark, NOTHING, PALE, Panel, Point, Shape,
};
use crate::curve;
use crate::statistics::mean;
use crate::text::{count, thousands};

const HEIGHT: f64 = 296.0;
/// With more models than this only the smallest and the largest get a band.
const MOST_BANDS: usize = 4;
/// What memorized less than this part of the most is not drawn: it would stretch the axis over nothing.
const LEAST_SHOWN: f64 = 1e-9;
/// Doubled cells are set off to the right, or their marks would cover the plain ones.
const ASIDE: f64 = 10.0;
/// A ceiling closer than this to the entropy cannot be told from it on a page.
const CEILING_SHOWS: f64 = 0.97;

/// The curves of all groups that have one; there must be at least one.
pub(crate) fn chart(of: &Experiment<'_>, groups: &[GroupReport]) -> Chart {
    let figure = Figure::new(of, groups);
    let (models, mut notes) = of.models(figure.models());
    notes.extend(figure.notes());
    Chart {
        name: "curve",
        title: of.titled("bits memorized against dataset size"),
        subtitle: accounting_line(groups, of.accounting),
        legend: vec![models, figure.key()],
        notes,
        panels: vec![vec![figure.panel()]],
    }
}

struct Figure<'a> {
    of: &'a Experiment<'a>,
    groups: &'a [GroupReport],
    /// One a group.
    looks: Vec<Look>,
    x: Axis,
    y: Axis,
    /// x is the number of samples, which all groups read alike; otherwise the data's entropy.
    in_samples: bool,
    /// Means below this are not drawn.
    floor: f64,
}

impl<'a> Figure<'a> {
    fn new(of: &'a Experiment<'a>, groups: &'a [GroupReport]) -> Self {
        let shape = |group: &GroupReport| (group.curve.model.vocabulary, group.curve.model.length);
        let in_samples = groups.iter().all(|group| shape(group) == shape(&groups[0]));
        let points = || groups.iter().flat_map(all_points);
        let spread = |point: &curve::Point| point.memorized_bits.by(of.accounting);
        let most = points().map(|p| spread(p).mean).fold(0.0, f64::max);
        let floor = (most * LEAST_SHOWN).max(NOTHING);
        let heights = points().filter(|p| spread(p).mean > floor).flat_map(|p| {
            let (mean, deviation) = (spread(p).mean, spread(p).deviation.unwrap_or(0.0));
            // A bar that reaches towards zero is cut off, or it would stretch the axis.
            [mean, mean + deviation, (mean - deviation).max(mean / 2.0)]
        });
        let mut heights: Vec<f64> = heights.collect();
        if heights.is_empty() {
            heights.extend(points().map(|p| p.entropy_bits));
        }
        let banded = banded(groups).into_iter();
        heights.extend(banded.map(|i| PAPER_BAND.1 * groups[i].curve.model.parameters as f64));
        let x_label = match &groups[0].curve.model {
            model if in_samples => format!(
                "dataset size (sequences of {}, vocabulary {})",
                count(model.length, "token"),
                model.vocabulary
            ),
            _ => "entropy of the dataset (bits)".to_owned(),
        };
        let all_looks = of.looks();
        Self {
            of,
            groups,
            looks: groups
                .iter()
                .map(|group| all_looks[group.place].clone())
                .collect(),
            x: Axis::log(&x_label, points().map(|p| place(p, in_samples)), 0.08),
            y: Axis::log("memorized (bits), mean over seeds", heights, 0.1),
            in_samples,
            floor,
        }
    }

    fn panel(&self) -> Panel {
        let mut layers = self.bands();
        layers.push(Layer::new(self.diagonal(), diagonal_look()));
        let ceilings = self.ceilings().into_iter();
        layers.extend(ceilings.map(|line| Layer::new(line, ceiling_look())));
        for (group, look) in self.groups.iter().zip(&self.looks) {
            layers.push(self.layer(&group.curve.points, model_look(group, look)));
            if !group.curve.doubled.is_empty() {
                layers.push(self.layer(&group.curve.doubled, doubled_look(look)));
            }
        }
        Panel {
            heading: String::new(),
            height: HEIGHT,
            x: self.x.clone(),
            y: self.y.clone(),
            layers,
        }
    }

    fn bands(&self) -> Vec<Layer> {
        let band = |i: usize| {
            let size = self.groups[i].curve.model.parameters;
            let mut alike = self.groups.iter().enumerate();
            // A band that several models share is none of theirs.
            let shared = alike.any(|(j, group)| j != i && group.curve.model.parameters == size);
            let colour = if shared { GREY } else { &self.looks[i].colour };
            let (low, high) = (PAPER_BAND.0 * size as f64, PAPER_BAND.1 * size as f64);
            let (left, right) = (self.x.low, self.x.high);
            let corners = [(left, low), (right, low), (right, high), (left, high)];
            Layer {
                label: format!("3.5–3.9 × {}", thousands(size as f64)),
                ..Layer::new(corners, Look::area(colour, 0.2))
            }
        };
        banded(self.groups).into_iter().map(band).collect()
    }

    /// The means that can be shown.
    fn layer(&self, points: &[curve::Point], look: Look) -> Layer {
        let shown = points
            .iter()
            .filter(|point| self.shown(point))
            .map(|point| {
                let spread = point.memorized_bits.by(self.of.accounting);
                let bar = |deviation| (spread.mean - deviation, spread.mean + deviation);
                Point {
                    x: place(point, self.in_samples),
                    y: spread.mean,
                    bar: spread.deviation.map(bar),
                }
            });
        Layer::of(shown, look)
    }

    fn shown(&self, point: &curve::Point) -> bool {
        point.memorized_bits.by(self.of.accounting).mean > self.floor
    }

    /// The data's entropy over x; beyond the data it goes on in proportion, to the edges.
    fn diagonal(&self) -> Vec<(f64, f64)> {
        let mut line = self.line_over_x(|point| point.entropy_bits, |_| true);
        if let (Some(&first), Some(&last)) = (line.first(), line.last()) {
            line.insert(0, (self.x.low, first.1 * self.x.low / first.0));
            line.push((self.x.high, last.1 * self.x.high / last.0));
        }
        line
    }

    /// One line a kind of data and of start token, where it can be told from the entropy.
    fn ceilings(&self) -> Vec<Vec<(f64, f64)>> {
        let ceiling = |point: &curve::Point| point.ceiling_bits.by(self.of.accounting);
        let kind = |group: &GroupReport| {
            let model = &group.curve.model;
            (model.vocabulary, model.length, model.start_token)
        };
        let mut kinds: Vec<_> = self.groups.iter().map(kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let shows = |point: &curve::Point| ceiling(point) < CEILING_SHOWS * point.entropy_bits;
        kinds.retain(|k| {
            let mut groups = self.groups.iter().filter(|group| kind(group) == *k);
            groups.any(|group| all_points(group).any(shows))
        });
        let lines = kinds
            .into_iter()
            .map(|k| self.line_over_x(ceiling, |group| kind(group) == k));
        lines.filter(|line| line.len() >= 2).collect()
    }

    /// Means over groups of a property of the data at each x, ascending.
    fn line_over_x(
        &self,
        property: impl Fn(&curve::Point) -> f64,
        counts: impl Fn(&GroupReport) -> bool,
    ) -> Vec<(f64, f64)> {
        // Positive floats sort like their bits.
        let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        let groups = self.groups.iter().filter(|group| counts(group));
        for point in groups.flat_map(all_points) {
            let x = place(point, self.in_samples);
            at.entry(x.to_bits()).or_default().push(property(point));
        }
        let line = at
            .into_iter()
            .filter_map(|(x, values)| Some((f64::from_bits(x), mean(&values)?)));
        line.filter(|&(_, y)| y > NOTHING).collect()
    }

    fn models(&self) -> Vec<(usize, Look, String)> {
        let models = self.groups.iter().zip(&self.looks).map(|(group, look)| {
            let after = alpha_text(group, self.of.accounting);
            (group.place, model_look(group, look), after)
        });
        models.collect()
    }

    fn key(&self) -> Block {
        let mut entries = plateau_key(self.groups);
        let mut doubled = self.groups.iter().flat_map(|group| &group.curve.doubled);
        if doubled.any(|point| self.shown(point)) {
            let look = Look::mark(GREY, Shape::TriangleUp, 3.4, false);
            entries.push(entry(look, "twice the steps (set to the right)"));
        }
        entries.push(entry(diagonal_look(), "entropy of the data"));
        if !self.ceilings().is_empty() {
            entries.push(entry(
                ceiling_look(),
                "ceiling for models of single sequences",
            ));
        }
        if !banded(self.groups).is_empty() {
            entries.push(band_entry());
        }
        Block {
            heading: String::new(),
            entries,
        }
    }

    fn notes(&self) -> Vec<String> {
        let all = || self.groups.iter().flat_map(all_points);
        let seeds = || all().map(|point| point.seeds);
        let bars = match (seeds().min().unwrap_or(0), seeds().max().unwrap_or(0)) {
            (_, 1) => "One seed a point: no error bars.".to_owned(),
            (a, b) if a == b => {
                format!(
                    "Error bars: ± 1 sample standard deviation over {}.",
                    count(a, "seed")
                )
            }
            (a, b) => format!(
                "Error bars: ± 1 sample standard deviation over seeds ({a} to {b} a point; none where there is one)."
            ),
        };
        let hidden = all().filter(|point| !self.shown(point)).count();
        let hidden = (hidden > 0).then(|| {
            format!(
                "Not drawn: {} at or below zero bits (or a billionth of the largest), which the axis cannot show.",
                count(hidden, "mean")
            )
        });
        std::iter::once(bars).chain(hidden).collect()
    }
}

/// Plain and doubled cells alike.
fn all_points(group: &GroupReport) -> impl Iterator<Item = &curve::Point> {
    group.curve.points.iter().chain(&group.curve.doubled)
}

fn place(point: &curve::Point, in_samples: bool) -> f64 {
    match in_samples {
        true => point.samples as f64,
        false => point.entropy_bits,
    }
}

/// Which groups get a band: all of a few, else the first of the smallest and the first of the largest models.
fn banded(groups: &[GroupReport]) -> Vec<usize> {
    let size = |&i: &usize| groups[i].curve.model.parameters;
    if groups.len() <= MOST_BANDS {
        // Models of one size share a band.
        let first = |i: &usize| (0..*i).all(|j| size(&j) != size(i));
        return (0..groups.len()).filter(first).collect();
    }
    let smallest = (0..groups.len()).min_by_key(size);
    let largest = (0..groups.len()).rev().max_by_key(size);
    let largest = largest.filter(|i| Some(size(i)) != smallest.as_ref().map(size));
    smallest.into_iter().chain(largest).collect()
}

/// The mark of cells trained with twice the steps: never shown to be a plateau, so hollow.
fn doubled_look(look: &Look) -> Look {
    Look {
        line: None,
        mark: look.mark.map(|mark| Mark {
            shape: Shape::TriangleUp,
            radius: 0.8 * mark.radius,
            filled: false,
            aside: ASIDE,
        }),
        ..look.clone()
    }
}

fn diagonal_look() -> Look {
    Look::line(PALE, 1.0, "")
}

fn ceiling_look() -> Look {
    Look::line(GREY, 1.0, "4 3")
}
