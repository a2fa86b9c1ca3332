//! Boxes on the page, and whether something lies in them.

use super::svg::Pixel;

/// A box: left, top, right, bottom, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area(
    pub(super) f64,
    pub(super) f64,
    pub(super) f64,
    pub(super) f64,
);

impl Area {
    /// Larger by a margin on every side.
    pub(super) fn with_margin(self, margin: f64) -> Self {
        let Self(left, top, right, bottom) = self;
        Self(left - margin, top - margin, right + margin, bottom + margin)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 < other.2 && other.0 < self.2 && self.1 < other.3 && other.1 < self.3
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        self.0 >= other.0 && self.1 >= other.1 && self.2 <= other.2 && self.3 <= other.3
    }

    /// Whether a straight line between two places goes through.
    pub(super) fn is_crossed(self, from: Pixel, to: Pixel) -> bool {
        let Self(left, top, right, bottom) = self;
        let (from, to) = if from.0 <= to.0 {
            (from, to)
        } else {
            (to, from)
        };
        if from.0 > right || to.0 < left {
            return false;
        }
        let height = |x: f64| from.1 + (to.1 - from.1) * (x - from.0) / (to.0 - from.0);
        let (a, b) = match from.0 < to.0 {
            true => (height(from.0.max(left)), height(to.0.min(right))),
            false => (from.1, to.1),
        };
        a.min(b) <= bottom && a.max(b) >= top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_box() {
        let area = Area(20.0, 50.0, 40.0, 60.0);
        for (crossed, from, to) in [
            (true, (0.0, 0.0), (100.0, 180.0)),
            (true, (30.0, 0.0), (30.0, 100.0)),
            (true, (100.0, 55.0), (25.0, 55.0)),
            (false, (0.0, 55.0), (10.0, 55.0)),
            (false, (0.0, 70.0), (100.0, 70.0)),
            (false, (0.0, 0.0), (100.0, 100.0)),
            (false, (30.0, 0.0), (30.0, 40.0)),
        ] {
            assert_eq!(area.is_crossed(from, to), crossed, "{from:?} {to:?}");
        }
        assert!(area.meets(Area(39.0, 59.0, 90.0, 90.0)));
        assert!(!area.meets(Area(40.0, 50.0, 60.0, 60.0)));
        assert!(area.is_within(area) && !area.with_margin(1.0).is_within(area));
    }
}
