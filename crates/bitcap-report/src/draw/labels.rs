//! Finding a place for a word where it covers nothing.

/// A box of the page: left, top, right, bottom, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    /// The same less a margin.
    pub(super) fn inner(&self, margin: f64) -> Self {
        Self {
            left: self.left + margin,
            top: self.top + margin,
            right: self.right - margin,
            bottom: self.bottom - margin,
        }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn inside(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.right <= other.right
            && self.top >= other.top
            && self.bottom <= other.bottom
    }

    /// Whether a straight line between two places goes through (Liang and Barsky's clipping).
    fn crossed_by(&self, (from, to): ((f64, f64), (f64, f64))) -> bool {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (along, room) in [
            (-dx, from.0 - self.left),
            (dx, self.right - from.0),
            (-dy, from.1 - self.top),
            (dy, self.bottom - from.1),
        ] {
            if along == 0.0 {
                if room < 0.0 {
                    return false;
                }
            } else if along < 0.0 {
                enter = enter.max(room / along);
            } else {
                leave = leave.min(room / along);
            }
        }
        enter <= leave
    }
}

/// What words must not cover.
#[derive(Debug, Default)]
pub(super) struct Taken {
    areas: Vec<Area>,
    lines: Vec<Vec<(f64, f64)>>,
}

impl Taken {
    pub(super) fn area(&mut self, area: Area) {
        self.areas.push(area);
    }

    /// The square around a mark.
    pub(super) fn mark(&mut self, (x, y): (f64, f64)) {
        let reach = 7.0;
        self.area(Area {
            left: x - reach,
            top: y - reach,
            right: x + reach,
            bottom: y + reach,
        });
    }

    pub(super) fn line(&mut self, line: Vec<(f64, f64)>) {
        self.lines.push(line);
    }

    /// The first of the places that lies on the page and covers nothing; it is taken from now on.
    pub(super) fn place(
        &mut self,
        page: &Area,
        places: impl IntoIterator<Item = Area>,
    ) -> Option<Area> {
        let free = |area: &Area| {
            area.inside(page)
                && !self.areas.iter().any(|taken| area.meets(taken))
                && !self
                    .lines
                    .iter()
                    .flat_map(|line| line.windows(2))
                    .any(|ends| area.crossed_by((ends[0], ends[1])))
        };
        let found = places.into_iter().find(free)?;
        self.area(found);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Area = Area {
        left: 0.0,
        top: 0.0,
        right: 100.0,
        bottom: 100.0,
    };

    fn area(left: f64, top: f64) -> Area {
        Area {
            left,
            top,
            right: left + 20.0,
            bottom: top + 10.0,
        }
    }

    #[test]
    fn the_first_free_place_is_taken_once() {
        let mut taken = Taken::default();
        let places = [
            area(-5.0, 0.0),
            area(10.0, 10.0),
            area(10.0, 15.0),
            area(10.0, 30.0),
        ];
        assert_eq!(taken.place(&PAGE, places), Some(places[1]));
        assert_eq!(taken.place(&PAGE, places), Some(places[3]));
        assert_eq!(taken.place(&PAGE, places), None);
    }

    #[test]
    fn lines_and_marks_are_kept_clear() {
        let mut taken = Taken::default();
        taken.line(vec![(0.0, 0.0), (100.0, 100.0)]);
        taken.mark((80.0, 10.0));
        assert_eq!(
            taken.place(&PAGE, [area(30.0, 35.0), area(70.0, 5.0)]),
            None
        );
        assert!(taken.place(&PAGE, [area(0.0, 50.0)]).is_some());
        // A line that ends before the box does not cross it.
        let short = ((0.0, 55.0), (10.0, 55.0));
        assert!(!area(20.0, 50.0).crossed_by(short) && area(5.0, 50.0).crossed_by(short));
        // Nor does one beside it that runs along.
        assert!(!area(20.0, 50.0).crossed_by(((0.0, 70.0), (100.0, 70.0))));
    }
}
