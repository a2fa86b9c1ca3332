//! What the data sets as limits: its entropy, and the ceilings below it.

use std::collections::BTreeMap;

use super::curve::{Figure, all_points, place};
use super::scale::NOTHING;
use crate::GroupReport;
use crate::curve::Point;
use crate::statistics::mean;

/// A ceiling closer than this to the entropy cannot be told from it on a page.
const CEILING_SHOWS: f64 = 0.97;

impl Figure<'_> {
    /// The data's entropy over x; beyond the data it goes on in proportion, to the edges.
    pub(super) fn diagonal(&self) -> Vec<(f64, f64)> {
        let mut line = self.line_over_x(|p| p.entropy_bits, |_| true);
        if let (Some(&first), Some(&last)) = (line.first(), line.last()) {
            let (low, high) = self.x.ends();
            line.insert(0, (low, first.1 * low / first.0));
            line.push((high, last.1 * high / last.0));
        }
        line
    }

    /// One line a kind of data and of start token, where it can be told from the entropy.
    pub(super) fn ceilings(&self) -> Vec<Vec<(f64, f64)>> {
        let accounting = self.report.accounting;
        let kind = |group: &GroupReport| {
            let model = &group.curve.model;
            (model.vocabulary, model.length, model.start_token)
        };
        let mut kinds: Vec<_> = self.report.groups.iter().map(kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
            .into_iter()
            .filter(|&k| {
                let shows =
                    |p: &Point| p.ceiling_bits.by(accounting) < CEILING_SHOWS * p.entropy_bits;
                self.report
                    .groups
                    .iter()
                    .filter(|group| kind(group) == k)
                    .any(|group| all_points(group).any(shows))
            })
            .map(|k| self.line_over_x(|p| p.ceiling_bits.by(accounting), |group| kind(group) == k))
            .filter(|line| line.len() >= 2)
            .collect()
    }

    /// Means over groups of a property of the data at each x, ascending.
    fn line_over_x(
        &self,
        property: impl Fn(&Point) -> f64,
        counts: impl Fn(&GroupReport) -> bool,
    ) -> Vec<(f64, f64)> {
        // Positive floats sort like their bits.
        let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for point in self
            .report
            .groups
            .iter()
            .filter(|g| counts(g))
            .flat_map(all_points)
        {
            let x = place(point, self.in_samples);
            at.entry(x.to_bits()).or_default().push(property(point));
        }
        at.into_iter()
            .filter_map(|(x, values)| Some((f64::from_bits(x), mean(&values)?)))
            .filter(|&(_, y)| y > NOTHING)
            .collect()
    }
}
