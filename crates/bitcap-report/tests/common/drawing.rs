//! A drawing as others see it: its elements, and where its words stand.

use std::sync::Arc;

use resvg::usvg::{self, Node, fontdb};

/// Left, top, right, bottom, in pixels of 1/96 inch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area(pub(crate) [f32; 4]);

impl Area {
    fn of(area: usvg::Rect) -> Self {
        Self([area.left(), area.top(), area.right(), area.bottom()])
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        let ([l, t, r, b], [left, top, right, bottom]) = (self.0, other.0);
        l < right && left < r && t < bottom && top < b
    }

    pub(crate) fn within(&self, other: &Self) -> bool {
        let ([l, t, r, b], [left, top, right, bottom]) = (self.0, other.0);
        l >= left && t >= top && r <= right && b <= bottom
    }
}

/// All lines of text and their places, as the font of the PNG sets them.
pub(crate) fn words(svg: &str) -> Vec<(String, Area)> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../fonts/DejaVuSans-subset.ttf").to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        font_family: "DejaVu Sans".to_owned(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).unwrap();
    let mut found = Vec::new();
    let mut groups = vec![tree.root()];
    while let Some(group) = groups.pop() {
        for node in group.children() {
            match node {
                Node::Group(group) => groups.push(group),
                Node::Text(text) => {
                    let chunks = text.chunks().iter();
                    let words = chunks.map(usvg::TextChunk::text).collect();
                    found.push((words, Area::of(text.abs_bounding_box())));
                }
                _ => {}
            }
        }
    }
    found
}

/// Fails where a drawing is no XML, holds what is no number, or has words that lie over each other or off the page.
pub(crate) fn check(svg: &str) {
    for word in ["NaN", "inf\"", "inf "] {
        assert!(!svg.contains(word), "holds {word}");
    }
    let document = usvg::roxmltree::Document::parse(svg).unwrap();
    let page: Vec<f32> = document
        .root_element()
        .attribute("viewBox")
        .unwrap()
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let page = Area([page[0], page[1], page[2], page[3]]);
    let words = words(svg);
    for (i, (text, area)) in words.iter().enumerate() {
        assert!(area.within(&page), "{text:?} is off the page");
        for (other, taken) in &words[..i] {
            assert!(!area.meets(taken), "{text:?} lies over {other:?}");
        }
    }
}
