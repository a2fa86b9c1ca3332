//! Writing SVG.

use std::fmt::Write as _;

/// Names first the font that the PNG is made with, then what other machines have in its place.
const FONTS: &str = "'DejaVu Sans', Verdana, 'Liberation Sans', Arial, Helvetica, sans-serif";

pub(super) const BLACK: &str = "#000000";
/// Type size of headings, numbers and the legend.
pub(super) const SMALL: f64 = 9.5;

/// Where text is set from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Pixels to a hundredth: less than any device shows, and the same text on every machine.
pub(super) fn number(x: f64) -> String {
    // Adding zero turns -0 into 0.
    let text = format!("{:.2}", (x * 100.0).round() / 100.0 + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text as XML allows it: markup escaped, characters that XML 1.0 cannot hold replaced.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A whole picture, in pixels of 1/96 inch, on white.
pub(super) fn document(width: f64, height: f64, title: &str, body: &str) -> String {
    let (inches_wide, inches_high) = (number(width / 96.0), number(height / 96.0));
    let (width, height) = (number(width), number(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{inches_wide}in\" height=\"{inches_high}in\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\">\n\
         <title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{body}</svg>\n",
        escape(title)
    )
}

/// One line of text.
pub(super) fn text(
    (x, y): (f64, f64),
    size: f64,
    anchor: Anchor,
    colour: &str,
    text: &str,
) -> String {
    let place = format!("x=\"{}\" y=\"{}\"", number(x), number(y));
    any_text(&place, size, anchor, colour, text)
}

/// One line of text read upwards, its middle at the given place.
pub(super) fn upright_text((x, y): (f64, f64), size: f64, text: &str) -> String {
    let place = format!(
        "transform=\"translate({} {}) rotate(-90)\"",
        number(x),
        number(y)
    );
    any_text(&place, size, Anchor::Middle, "#000000", text)
}

fn any_text(place: &str, size: f64, anchor: Anchor, colour: &str, text: &str) -> String {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    format!(
        "<text {place} font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>\n",
        number(size),
        escape(text)
    )
}

/// A line through the points.
pub(super) fn line(
    points: &[(f64, f64)],
    colour: &str,
    width: f64,
    dash: &str,
    opacity: f64,
) -> String {
    let mut attributes = format!(
        "fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"",
        number(width)
    );
    if !dash.is_empty() {
        let _ = write!(attributes, " stroke-dasharray=\"{dash}\"");
    }
    if opacity < 1.0 {
        let _ = write!(attributes, " stroke-opacity=\"{}\"", number(opacity));
    }
    path(points, "", &attributes)
}

/// The area that the points go around.
pub(super) fn polygon(points: &[(f64, f64)], attributes: &str) -> String {
    path(points, "Z", attributes)
}

fn path(points: &[(f64, f64)], end: &str, attributes: &str) -> String {
    let mut out = "<path d=\"".to_owned();
    for (i, &(x, y)) in points.iter().enumerate() {
        let command = if i == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{command}{} {}", number(x), number(y));
    }
    let _ = writeln!(out, "{end}\" {attributes}/>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (x, text) in [
            (1.0, "1"),
            (-0.001, "0"),
            (100.0, "100"),
            (2.345, "2.35"),
            (-12.5, "-12.5"),
        ] {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escape("a<b & \"c\">\u{0}\u{ffff}"),
            "a&lt;b &amp; &quot;c&quot;&gt;\u{fffd}\u{fffd}"
        );
    }
}
