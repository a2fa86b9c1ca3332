//! From SVG to PNG with the font that the binary carries: no fonts and no display are needed.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::svg::{self, Anchor};
use crate::ReportError;

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
pub(crate) fn render(figure: &'static str, svg: &str) -> Result<Vec<u8>, ReportError> {
    let failed = |problem: String| ReportError::Draw { figure, problem };
    let tree = parse(svg).map_err(|error| failed(error.to_string()))?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .ok_or_else(|| failed("it has no size".to_owned()))?;
    let mut pixmap = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| failed("it is too large".to_owned()))?;
    let scale = Transform::from_scale(
        size.width() as f32 / tree.size().width(),
        size.height() as f32 / tree.size().height(),
    );
    resvg::render(&tree, scale, &mut pixmap.as_mut());
    pixmap
        .encode_png()
        .map_err(|error| failed(error.to_string()))
}

/// How wide a line of text is in the font of the PNG, in pixels.
pub(crate) fn text_width(size: f64, text: &str) -> f64 {
    let line = svg::text((0.0, 0.0), size, Anchor::Start, "#000000", text);
    parse(&svg::document(96.0, 96.0, "", &line))
        .ok()
        .and_then(|tree| {
            let node = tree.root().children().get(1)?;
            Some(f64::from(node.abs_bounding_box().width()))
        })
        .unwrap_or(0.0)
}

/// The text, cut with an ellipsis where it is wider than `width`.
pub(crate) fn fit_text(size: f64, text: &str, width: f64) -> String {
    // No character is narrower than a tenth of its height: what is longer than that is cut before it is measured.
    let most = (width / size * 10.0) as usize;
    let kept: Vec<char> = text.chars().take(most + 1).collect();
    let whole: String = kept.iter().collect();
    if kept.len() <= most && text_width(size, &whole) <= width {
        return whole;
    }
    let cut = |count: usize| kept[..count].iter().chain(&['…']).collect::<String>();
    let (mut fits, mut too_many) = (0, kept.len());
    while too_many - fits > 1 {
        let middle = usize::midpoint(fits, too_many);
        if text_width(size, &cut(middle)) <= width {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    cut(fits)
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
    fn long_text_is_cut_to_its_place() {
        assert_eq!(fit_text(10.0, "short", 100.0), "short");
        let cut = fit_text(10.0, &"wide ".repeat(1000), 100.0);
        assert!(
            cut.ends_with('…') && text_width(10.0, &cut) <= 100.0,
            "{cut}"
        );
        assert!(cut.chars().count() > 10);
    }
}
