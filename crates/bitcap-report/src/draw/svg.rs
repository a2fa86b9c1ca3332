//! Writing SVG.

use std::fmt::Write as _;

/// Names first the font that the PNG is made with, then what other machines have in its place.
const FONTS: &str = "'DejaVu Sans', Verdana, 'Liberation Sans', Arial, Helvetica, sans-serif";
pub(super) const BLACK: &str = "#000000";
/// Type size of headings, numbers and the legend.
pub(super) const SMALL: f64 = 9.5;

/// A place on the page, in pixels of 1/96 inch from its upper left corner.
pub(super) type Pixel = (f64, f64);

/// How a line of text is set: its size, its end that stands at a place (`start`, `middle` or `end`), and its colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type<'a>(pub(super) f64, pub(super) &'static str, pub(super) &'a str);

/// Elements, one after another.
#[derive(Default)]
pub(super) struct Svg(String);

impl Svg {
    /// The whole picture, on white.
    pub(super) fn document(&self, width: f64, height: f64, title: &str) -> String {
        let (inches_wide, inches_high) = (number(width / 96.0), number(height / 96.0));
        let (width, height) = (number(width), number(height));
        format!(
            // The size is in inches, so that no program has to guess how many pixels make one.
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{inches_wide}in\" height=\"{inches_high}in\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\">\n\
             <title>{}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{}</svg>\n",
            escape(title),
            self.0
        )
    }

    /// Markup as it is.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
        self.0.push('\n');
    }

    /// One line of text.
    pub(super) fn text(&mut self, (x, y): Pixel, Type(size, anchor, colour): Type<'_>, text: &str) {
        let (x, y, size, text) = (number(x), number(y), number(size), escape(text));
        let style = format!("font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{colour}\"");
        self.raw(&format!("<text x=\"{x}\" y=\"{y}\" {style}>{text}</text>"));
    }

    /// A line through the points; `more` are further attributes.
    pub(super) fn line(&mut self, points: &[Pixel], colour: &str, width: f64, more: &str) {
        let width = number(width);
        let style = format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{more}");
        self.path(points, "", &style);
    }

    /// The area that the points go around.
    pub(super) fn polygon(&mut self, points: &[Pixel], attributes: &str) {
        self.path(points, "Z", attributes);
    }

    fn path(&mut self, points: &[Pixel], end: &str, attributes: &str) {
        let mut data = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            let _ = write!(data, "{command}{} {}", number(x), number(y));
        }
        self.raw(&format!("<path d=\"{data}{end}\" {attributes}/>"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [1.0, -0.001, 100.0, 2.345, -12.5].map(number);
        assert_eq!(numbers, ["1", "0", "100", "2.35", "-12.5"]);
    }

    #[test]
    fn markup_is_text() {
        let escaped = escape("a<b & \"c\">\u{0}\u{ffff}");
        assert_eq!(escaped, "a&lt;b &amp; &quot;c&quot;&gt;\u{fffd}\u{fffd}");
    }
}
