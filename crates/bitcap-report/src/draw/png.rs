//! From SVG to PNG with the font that the binary carries: no fonts and no display are needed.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::svg::{BLACK, Svg, Type};
use crate::error::ReportError;

/// 300 dots an inch, as printers ask for: our SVG has 96 pixels an inch.
const SCALE: f32 = 300.0 / 96.0;

/// DejaVu Sans cut down to Latin, Greek, superscripts and mathematical signs; how is in fonts/README.md.
static FONT: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../fonts/DejaVuSans-subset.ttf").to_vec());
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});
const FAMILY: &str = "DejaVu Sans";

fn parse(svg: &str) -> Result<Tree, resvg::usvg::Error> {
    let options = Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::clone(&FONT),
        ..Options::default()
    };
    Tree::from_str(svg, &options)
}

/// The picture's bytes, the same for the same SVG.
pub(super) fn render(figure: &'static str, svg: &str) -> Result<Vec<u8>, ReportError> {
    let failed = |problem: String| ReportError::Draw { figure, problem };
    let tree = parse(svg).map_err(|error| failed(error.to_string()))?;
    let size = tree.size().to_int_size().scale_by(SCALE);
    let pixmap = size.and_then(|size| Pixmap::new(size.width(), size.height()));
    let mut pixmap = pixmap.ok_or_else(|| failed("it is too large".to_owned()))?;
    // A picture has whole pixels: scaled to them, no strip is left at its edges.
    let scale = Transform::from_scale(
        pixmap.width() as f32 / tree.size().width(),
        pixmap.height() as f32 / tree.size().height(),
    );
    resvg::render(&tree, scale, &mut pixmap.as_mut());
    pixmap
        .encode_png()
        .map_err(|error| failed(error.to_string()))
}

/// How wide a line of text is in the font of the PNG, in pixels.
pub(super) fn text_width(size: f64, text: &str) -> f64 {
    let mut line = Svg::default();
    line.text((0.0, 0.0), Type(size, "start", BLACK), text);
    // The first child is the white page, which does not cut the box of the second, however small.
    let tree = parse(&line.document(96.0, 96.0, "")).ok();
    let words = tree.as_ref().and_then(|tree| tree.root().children().get(1));
    words.map_or(0.0, |words| f64::from(words.abs_bounding_box().width()))
}

/// The text in lines that fit, broken between words; within them only where one word is wider than a line.
pub(super) fn wrapped(size: f64, text: &str, width: f64) -> Vec<String> {
    let fits = |line: &str| text_width(size, line) <= width;
    let mut lines: Vec<String> = Vec::new();
    for mut word in text.split(' ').filter(|word| !word.is_empty()) {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        if let Some(longer) = longer.filter(|longer| fits(longer)) {
            lines.pop();
            lines.push(longer);
            continue;
        }
        while !word.is_empty() {
            let ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
            let ends: Vec<usize> = ends.collect();
            // The most characters that fit, and one at the least.
            let end = match fits(word) {
                true => word.len(),
                false => ends[ends.partition_point(|&end| fits(&word[..end])).max(1) - 1],
            };
            lines.push(word[..end].to_owned());
            word = &word[end..];
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // DejaVu Sans: every figure is 1303 of 2048 units wide.
        let one = text_width(10.0, "0");
        assert!((text_width(10.0, "00000") / one - 5.0).abs() < 0.05);
        assert!((text_width(100.0, "0000") - 4.0 * 100.0 * 1303.0 / 2048.0).abs() < 0.5);
        assert!(text_width(10.0, "") == 0.0);
    }

    #[test]
    fn long_text_is_wrapped_and_nothing_is_lost() {
        assert_eq!(wrapped(10.0, "short", 100.0), ["short"]);
        assert!(wrapped(10.0, "", 100.0).is_empty());
        let words = "some words of several lengths ".repeat(9);
        let word = "0123456789".repeat(9);
        for (text, between) in [(&words, " "), (&word, "")] {
            let lines = wrapped(10.0, text, 100.0);
            assert!(lines.len() > 5);
            assert!(
                lines.iter().all(|line| text_width(10.0, line) <= 100.0),
                "{lines:?}"
            );
            assert_eq!(lines.join(between), text.trim());
        }
        // No line holds a character wider than itself, and none is left out.
        assert_eq!(wrapped(10.0, "ab", 0.1), ["a", "b"]);
    }
}
