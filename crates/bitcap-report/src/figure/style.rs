//! What tells models apart, by colour and without it.

use super::svg::{Path, number};

/// Okabe and Ito's palette for the colour-blind (2008), less its yellow, which white paper swallows.
const PALETTE: [&str; 7] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
];
/// Beyond the palette: viridis without its pale end; its lightness rises evenly, for the colour-blind and in grey.
const RAMP: [(f64, f64, f64); 4] = [
    (68.0, 1.0, 84.0),
    (59.0, 82.0, 139.0),
    (33.0, 145.0, 140.0),
    (94.0, 201.0, 98.0),
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
const DASHES: [&str; 5] = ["", "7 3", "2 2.5", "9 3 2 3", "5 2 1.5 2 1.5 2"];

/// Grey of axes and of all that is not ours.
pub(crate) const GREY: &str = "#666666";
/// Grey of lines behind the data.
pub(crate) const PALE: &str = "#999999";

/// How one model is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) colour: String,
    pub(crate) dash: &'static str,
    shape: Shape,
    radius: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Diamond,
    TriangleDown,
    Pentagon,
    Star,
    TriangleLeft,
    TriangleRight,
    TriangleUp,
}

/// One style a model; beyond the palette, colours follow the rank of the models' parameters.
pub(crate) fn styles(parameters: &[u64]) -> Vec<Style> {
    let count = parameters.len();
    let mut by_size: Vec<usize> = (0..count).collect();
    by_size.sort_by_key(|&i| parameters[i]);
    let mut rank = vec![0; count];
    for (place, &i) in by_size.iter().enumerate() {
        rank[i] = place;
    }
    (0..count)
        .map(|i| Style {
            colour: match PALETTE.get(i) {
                Some(colour) if count <= PALETTE.len() => (*colour).to_owned(),
                _ => ramp(rank[i] as f64 / (count - 1).max(1) as f64),
            },
            dash: DASHES[i % DASHES.len()],
            shape: SHAPES[i % SHAPES.len()],
            // Many models lie close together.
            radius: if count <= PALETTE.len() { 4.2 } else { 3.2 },
        })
        .collect()
}

fn ramp(at: f64) -> String {
    let place = at.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let i = (place as usize).min(RAMP.len() - 2);
    let t = place - i as f64;
    let mix = |a: f64, b: f64| (a + (b - a) * t).round() as u8;
    let (a, b) = (RAMP[i], RAMP[i + 1]);
    format!(
        "#{:02X}{:02X}{:02X}",
        mix(a.0, b.0),
        mix(a.1, b.1),
        mix(a.2, b.2)
    )
}

impl Style {
    /// What stands for every model in a legend.
    pub(crate) fn grey() -> Self {
        Self {
            colour: GREY.to_owned(),
            dash: "",
            shape: Shape::Circle,
            radius: 4.2,
        }
    }

    /// The model's mark: filled where a plateau is shown, hollow for a lower bound.
    pub(crate) fn mark(&self, x: f64, y: f64, filled: bool) -> String {
        mark(self.shape, x, y, self.radius, &self.colour, filled)
    }

    /// The mark of cells trained with twice the steps: never shown to be a plateau, so hollow.
    pub(crate) fn doubled_mark(&self, x: f64, y: f64) -> String {
        mark(
            Shape::TriangleUp,
            x,
            y,
            0.8 * self.radius,
            &self.colour,
            false,
        )
    }

    /// The model's line through the points.
    pub(crate) fn line(&self, points: &[(f64, f64)]) -> String {
        Path::polyline(points).stroke(&self.colour, 1.5, self.dash)
    }
}

/// A mark of about the same area whatever its shape; hollow ones are white inside, so that lines end at them.
pub(crate) fn mark(
    shape: Shape,
    x: f64,
    y: f64,
    radius: f64,
    colour: &str,
    filled: bool,
) -> String {
    let fill = if filled { colour } else { "#FFFFFF" };
    let attributes = format!("fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.3\"");
    let regular = |corners: usize, scale: f64, turn: f64| {
        (0..corners)
            .map(|i| {
                let angle = (turn + 360.0 * i as f64 / corners as f64).to_radians();
                (
                    x + scale * radius * angle.sin(),
                    y - scale * radius * angle.cos(),
                )
            })
            .collect::<Vec<_>>()
    };
    let corners = match shape {
        Shape::Circle => {
            let (x, y, r) = (number(x), number(y), number(radius));
            return format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {attributes}/>\n");
        }
        Shape::Square => regular(4, 1.25, 45.0),
        Shape::Diamond => regular(4, 1.3, 0.0),
        Shape::TriangleUp => regular(3, 1.35, 0.0),
        Shape::TriangleDown => regular(3, 1.35, 180.0),
        Shape::TriangleLeft => regular(3, 1.35, 270.0),
        Shape::TriangleRight => regular(3, 1.35, 90.0),
        Shape::Pentagon => regular(5, 1.15, 0.0),
        Shape::Star => regular(10, 1.0, 0.0)
            .into_iter()
            .enumerate()
            .map(|(i, (px, py))| {
                let reach = if i % 2 == 0 { 1.5 } else { 0.65 };
                (x + (px - x) * reach, y + (py - y) * reach)
            })
            .collect(),
    };
    Path::polygon(&corners).with(&attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn models_differ_without_colour_too() {
        for count in [1, 3, 7, 30] {
            let styles = styles(&(1..=count).collect::<Vec<_>>());
            let looks: BTreeSet<String> = styles
                .iter()
                .map(|s| format!("{:?} {}", s.shape, s.dash))
                .collect();
            // 8 shapes by 5 dashes: 40 looks before any repeats.
            assert_eq!(looks.len(), count as usize);
            let colours: BTreeSet<&String> = styles.iter().map(|s| &s.colour).collect();
            assert_eq!(colours.len(), count as usize);
        }
    }
}
