//! Writing SVG.

use std::fmt::Write as _;

/// Names first the font that the PNG is made with, then what other machines have in its place.
pub(crate) const FONTS: &str =
    "'DejaVu Sans', Verdana, 'Liberation Sans', Arial, Helvetica, sans-serif";

/// Where text is set from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Pixels to a hundredth: less than any device shows, and the same text on every machine.
pub(crate) fn number(x: f64) -> String {
    // Adding zero turns -0 into 0.
    let text = format!("{:.2}", (x * 100.0).round() / 100.0 + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text as XML allows it: markup escaped, characters that XML 1.0 cannot hold replaced.
pub(crate) fn escape(text: &str) -> String {
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
pub(crate) fn document(width: f64, height: f64, title: &str, body: &str) -> String {
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
pub(crate) fn text(
    (x, y): (f64, f64),
    size: f64,
    anchor: Anchor,
    colour: &str,
    text: &str,
) -> String {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    format!(
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>\n",
        number(x),
        number(y),
        number(size),
        escape(text)
    )
}

/// One line of text read upwards, its middle at the given place.
pub(crate) fn upright_text((x, y): (f64, f64), size: f64, text: &str) -> String {
    let (x, y) = (number(x), number(y));
    format!(
        "<text transform=\"translate({x} {y}) rotate(-90)\" font-size=\"{}\" text-anchor=\"middle\" \
         fill=\"#000000\">{}</text>\n",
        number(size),
        escape(text)
    )
}

/// A fragment moved to a place.
pub(crate) fn at((x, y): (f64, f64), fragment: &str) -> String {
    format!(
        "<g transform=\"translate({} {})\">\n{fragment}</g>\n",
        number(x),
        number(y)
    )
}

/// A path to be drawn one way or the other.
pub(crate) struct Path(String);

impl Path {
    pub(crate) fn polyline(points: &[(f64, f64)]) -> Self {
        let mut data = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            let _ = write!(data, "{command}{} {}", number(x), number(y));
        }
        Self(data)
    }

    pub(crate) fn polygon(points: &[(f64, f64)]) -> Self {
        let Self(mut data) = Self::polyline(points);
        data.push('Z');
        Self(data)
    }

    pub(crate) fn stroke(&self, colour: &str, width: f64, dash: &str) -> String {
        let dash = match dash {
            "" => String::new(),
            dash => format!(" stroke-dasharray=\"{dash}\""),
        };
        self.with(&format!(
            "fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{dash}",
            number(width)
        ))
    }

    pub(crate) fn with(&self, attributes: &str) -> String {
        format!("<path d=\"{}\" {attributes}/>\n", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(1.0), "1");
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(100.0), "100");
        assert_eq!(number(2.345), "2.35");
        assert_eq!(number(-12.5), "-12.5");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escape("a<b & \"c\">\u{0}\u{ffff}"),
            "a&lt;b &amp; &quot;c&quot;&gt;\u{fffd}\u{fffd}"
        );
    }
}
