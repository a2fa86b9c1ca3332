//! Charts drawn: what is in the SVG, and where.

#[path = "common/drawing.rs"]
mod drawing;

use bitcap_report::chart::{
    Axis, Block, Chart, Entry, Layer, Line, Look, Mark, Panel, Point, Scale, Shape,
};
use drawing::{Area, check, words};
use resvg::tiny_skia::Pixmap;
use resvg::usvg::roxmltree::{Document, Node};

fn axis(label: &str, scale: Scale, low: f64, high: f64) -> Axis {
    Axis {
        label: label.to_owned(),
        scale,
        low,
        high,
    }
}

fn look(line: bool, mark: Option<Shape>) -> Look {
    Look {
        colour: "#123456".to_owned(),
        line: line.then_some(Line {
            width: 2.0,
            dash: "3 1",
            opacity: 0.5,
        }),
        mark: mark.map(|shape| Mark {
            shape,
            radius: 4.0,
            filled: true,
            aside: 0.0,
        }),
        fill: None,
    }
}

fn layer(points: &[(f64, f64)], look: Look) -> Layer {
    let points = points.iter().map(|&(x, y)| Point { x, y, bar: None });
    Layer {
        points: points.collect(),
        look,
        label: String::new(),
    }
}

/// Both axes from 1 to 100, x by its logarithm.
fn panel(layers: Vec<Layer>) -> Panel {
    Panel {
        heading: String::new(),
        height: 200.0,
        x: axis("right", Scale::Log, 1.0, 100.0),
        y: axis("up", Scale::Linear, 1.0, 100.0),
        layers,
    }
}

fn chart(panels: Vec<Vec<Panel>>) -> Chart {
    Chart {
        name: "name",
        title: "title".to_owned(),
        subtitle: "subtitle".to_owned(),
        panels,
        legend: Vec::new(),
        notes: Vec::new(),
    }
}

fn elements<'a>(document: &'a Document<'a>, name: &'a str) -> Vec<Node<'a, 'a>> {
    let elements = document
        .descendants()
        .filter(|node| node.has_tag_name(name));
    elements.collect()
}

fn number(node: &Node<'_, '_>, attribute: &str) -> f32 {
    node.attribute(attribute).unwrap().parse().unwrap()
}

/// The frames of all panels.
fn frames(document: &Document<'_>) -> Vec<Area> {
    let frames = elements(document, "rect").into_iter();
    let frames = frames.filter(|node| node.attribute("class") == Some("frame"));
    let area = |node: Node<'_, '_>| {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| number(&node, name));
        Area([x, y, x + width, y + height])
    };
    frames.map(area).collect()
}

fn circles(document: &Document<'_>) -> Vec<(f32, f32)> {
    let circles = elements(document, "circle").into_iter();
    circles
        .map(|node| (number(&node, "cx"), number(&node, "cy")))
        .collect()
}

/// The numbers of a path.
fn path(node: &Node<'_, '_>) -> Vec<f32> {
    let data = node.attribute("d").unwrap();
    let numbers = data
        .split([' ', 'M', 'L', 'Z'])
        .filter(|number| !number.is_empty());
    numbers.map(|number| number.parse().unwrap()).collect()
}

fn text_of(svg: &str) -> Vec<String> {
    words(svg).into_iter().map(|(text, _)| text).collect()
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 0.02
}

#[test]
fn marks_stand_in_the_frame_in_proportion_and_by_logarithms() {
    let points = [(1.0, 1.0), (10.0, 50.5), (100.0, 100.0)];
    let beyond = [(1000.0, 50.0), (10.0, -3.0)];
    let svg = chart(vec![vec![panel(vec![
        layer(&points, look(false, Some(Shape::Circle))),
        layer(&beyond, look(false, Some(Shape::Circle))),
    ])]])
    .svg();
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let Area([left, top, right, bottom]) = frames(&document)[0];
    let found = circles(&document);
    let expected = [
        (left, bottom),
        (f32::midpoint(left, right), f32::midpoint(top, bottom)),
        (right, top),
    ];
    assert_eq!(found.len(), 3, "what is beyond the axes has no mark");
    for ((x, y), expected) in found.iter().zip(expected) {
        assert!(near(*x, expected.0) && near(*y, expected.1), "{found:?}");
    }
}

#[test]
fn every_shape_is_about_its_point_and_as_large_as_the_others() {
    let shapes = [
        Shape::Square,
        Shape::Diamond,
        Shape::TriangleDown,
        Shape::Pentagon,
        Shape::Star,
        Shape::TriangleLeft,
        Shape::TriangleRight,
        Shape::TriangleUp,
    ];
    for shape in shapes {
        let svg = chart(vec![vec![panel(vec![layer(
            &[(10.0, 50.5)],
            look(false, Some(shape)),
        )])]])
        .svg();
        let document = Document::parse(&svg).unwrap();
        let Area([left, top, right, bottom]) = frames(&document)[0];
        let marks = elements(&document, "g").into_iter();
        let marks = marks.filter(|node| node.attribute("class") == Some("marks"));
        let mark = marks
            .flat_map(|node| node.children())
            .find(Node::is_element)
            .unwrap();
        let corners = path(&mark);
        let (x, y) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        let corners: Vec<(f32, f32)> = corners.chunks(2).map(|at| (at[0] - x, at[1] - y)).collect();
        // The area that the corners go around.
        let next = corners.iter().cycle().skip(1);
        let twice: f32 = corners
            .iter()
            .zip(next)
            .map(|(a, b)| a.0 * b.1 - a.1 * b.0)
            .sum();
        let circle = std::f32::consts::PI * 16.0;
        assert!(
            (0.55..1.1).contains(&(twice.abs() / 2.0 / circle)),
            "{shape:?}: {}",
            twice / 2.0
        );
        let sum = |of: fn(&(f32, f32)) -> f32| corners.iter().map(of).sum::<f32>();
        assert!(
            sum(|at| at.0).abs() < 0.2 && sum(|at| at.1).abs() < 0.2,
            "{shape:?}"
        );
    }
}

#[test]
fn lines_areas_and_bars_are_cut_off_at_the_frame() {
    let mut area = look(false, None);
    area.fill = Some(0.25);
    let mut barred = layer(&[(10.0, 50.0)], look(false, Some(Shape::Circle)));
    barred.points[0].bar = Some((-500.0, 75.25));
    let mut aside = barred.clone();
    aside.look.mark.as_mut().unwrap().aside = 10.0;
    let svg = chart(vec![vec![panel(vec![
        layer(&[(1.0, 1.0), (1e9, 1e9)], look(true, None)),
        layer(&[(1.0, 10.0), (100.0, 10.0), (100.0, 20.0)], area),
        barred,
        aside,
    ])]])
    .svg();
    let document = Document::parse(&svg).unwrap();
    let Area([left, top, right, bottom]) = frames(&document)[0];
    let cut = elements(&document, "g").into_iter();
    let cut: Vec<_> = cut
        .filter(|node| node.attribute("class") == Some("lines"))
        .collect();
    let clip = cut[0].attribute("clip-path").unwrap();
    let clip = clip.trim_start_matches("url(#").trim_end_matches(')');
    let shape = document
        .descendants()
        .find(|node| node.attribute("id") == Some(clip))
        .unwrap();
    let rect = shape.first_element_child().unwrap();
    assert_eq!(number(&rect, "x"), left);
    assert_eq!(number(&rect, "width"), right - left);
    let paths: Vec<_> = cut[0].children().filter(Node::is_element).collect();
    assert_eq!(paths.len(), 2 + 3 + 3);
    let (line, area) = (paths[0], paths[1]);
    assert_eq!(line.attribute("stroke-dasharray"), Some("3 1"));
    assert_eq!(line.attribute("stroke-opacity"), Some("0.5"));
    assert_eq!(line.attribute("fill"), Some("none"));
    assert_eq!(area.attribute("fill-opacity"), Some("0.25"));
    assert!(area.attribute("d").unwrap().ends_with('Z'));
    // The bar's upper end is at three quarters of the axis, its lower end at the frame.
    let bar = path(&paths[2]);
    assert!(
        near(bar[1], top + 0.25 * (bottom - top)) && near(bar[3], bottom),
        "{bar:?}"
    );
    let aside = path(&paths[5]);
    assert!(near(aside[0], bar[0] + 10.0));
    let marks = circles(&document);
    assert!(near(marks[1].0, marks[0].0 + 10.0) && near(marks[1].1, marks[0].1));
}

#[test]
fn panels_share_their_axes_where_these_are_the_same() {
    let mut other = panel(Vec::new());
    other.x.high = 1000.0;
    let numbers = |svg: &str, text: &str| text_of(svg).iter().filter(|word| *word == text).count();
    // Above each other: one row of numbers and one name of x, two of y's numbers and one name beside both.
    let svg = chart(vec![vec![panel(Vec::new())], vec![panel(Vec::new())]]).svg();
    check(&svg);
    assert_eq!((numbers(&svg, "2"), numbers(&svg, "right")), (1, 1));
    assert_eq!((numbers(&svg, "40"), numbers(&svg, "up")), (2, 1));
    let document = Document::parse(&svg).unwrap();
    let [Area([.., first]), Area([_, second, ..])] = frames(&document)[..] else {
        panic!("two frames");
    };
    let up = words(&svg)
        .into_iter()
        .find(|(text, _)| text == "up")
        .unwrap()
        .1
        .0;
    let middle = f32::midpoint(up[1], up[3]);
    assert!(
        (middle - f32::midpoint(first, second)).abs() < 12.0,
        "between both"
    );
    // Another range has its own numbers, and the name once.
    let svg = chart(vec![vec![panel(Vec::new())], vec![other.clone()]]).svg();
    check(&svg);
    assert_eq!((numbers(&svg, "10"), numbers(&svg, "right")), (2, 1));
    // Beside each other: y's numbers once.
    let svg = chart(vec![
        vec![panel(Vec::new()), other],
        vec![panel(Vec::new())],
    ])
    .svg();
    check(&svg);
    assert_eq!(numbers(&svg, "40"), 2);
    assert_eq!(
        numbers(&svg, "10"),
        3,
        "the upper row has a panel with nothing below it"
    );
    let document = Document::parse(&svg).unwrap();
    let frames = frames(&document);
    assert_eq!(frames.len(), 3);
    for (i, frame) in frames.iter().enumerate() {
        assert!(frames[..i].iter().all(|other| !frame.meets(other)));
    }
}

#[test]
fn words_are_text_and_none_are_cut_away() {
    let long = "a name with <markup> & \"quotes\" of which nothing may be cut away ".repeat(6);
    let word = "0123456789".repeat(40);
    let mut chart = chart(vec![vec![panel(Vec::new())]]);
    chart.title = long.clone();
    chart.subtitle = word.clone();
    chart.notes = vec![long.clone(), "\u{7}\u{1b}[2J\u{ffff}".to_owned()];
    let entry = |text: &str| Entry {
        look: look(true, Some(Shape::Circle)),
        text: text.to_owned(),
    };
    chart.legend = vec![
        Block {
            heading: "heading:".to_owned(),
            entries: vec![entry(&long), entry(&word), entry("short")],
        },
        Block {
            heading: String::new(),
            entries: (0..30).map(|i| entry(&format!("entry {i}"))).collect(),
        },
    ];
    let svg = chart.svg();
    check(&svg);
    let all = text_of(&svg).concat();
    let squeezed = |text: &str| text.replace(' ', "");
    let (all, long) = (squeezed(&all), squeezed(&long));
    assert_eq!(
        all.matches(&long).count() + all.matches(&word).count(),
        3 + 2,
        "{all}"
    );
    let columns = words(&svg)
        .into_iter()
        .filter(|(text, _)| text.starts_with("entry "));
    let lefts: std::collections::BTreeSet<i32> =
        columns.map(|(_, area)| area.0[0] as i32).collect();
    assert!(lefts.len() > 4, "short entries stand in columns: {lefts:?}");
    assert!(all.contains("\u{fffd}[2J\u{fffd}"));
}

#[test]
fn words_beside_areas_cover_nothing() {
    let band = |y: f64| {
        let mut look = look(false, None);
        look.fill = Some(0.2);
        let corners = [(1.0, y), (100.0, y), (100.0, y + 5.0), (1.0, y + 5.0)];
        Layer {
            label: format!("band at {y}"),
            ..layer(&corners, look)
        }
    };
    // A line along the upper edge of the lower band, and marks along the lower edge of the upper one's left end.
    let line = layer(&[(1.0, 27.0), (100.0, 27.0)], look(true, None));
    let marks = layer(
        &[(1.2, 68.0), (1.6, 77.0), (1.2, 77.0)],
        look(false, Some(Shape::Circle)),
    );
    let svg = chart(vec![vec![panel(vec![band(20.0), band(70.0), line, marks])]]).svg();
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let frame = frames(&document)[0];
    let places = words(&svg)
        .into_iter()
        .filter(|(text, _)| text.starts_with("band"));
    let places: Vec<(String, Area)> = places.collect();
    assert_eq!(places.len(), 2);
    for (text, area) in &places {
        assert!(area.within(&frame), "{text}");
        for (x, y) in circles(&document) {
            let mark = Area([x - 4.0, y - 4.0, x + 4.0, y + 4.0]);
            assert!(!area.meets(&mark), "{text}");
        }
    }
    // Where there is no room they are left out.
    let crowd: Vec<(f64, f64)> = (0..40)
        .map(|i| (10_f64.powf(f64::from(i) / 20.0), 22.0))
        .collect();
    let full = layer(&crowd, look(false, Some(Shape::Circle)));
    let mut low = chart(vec![vec![panel(vec![band(20.0), full])]]);
    low.panels[0][0].height = 60.0;
    assert!(
        !text_of(&low.svg())
            .iter()
            .any(|text| text.starts_with("band"))
    );
}

#[test]
fn a_picture_has_300_dots_an_inch_and_shows_words() {
    let chart = chart(vec![vec![panel(Vec::new())]]);
    let pixels = Pixmap::decode_png(&chart.png().unwrap()).unwrap();
    assert_eq!(pixels.width(), 2100, "7 inches");
    let dark = |pixmap: &Pixmap| {
        let pixels = pixmap.pixels().iter();
        let sum = |p: &resvg::tiny_skia::PremultipliedColorU8| {
            u16::from(p.red()) + u16::from(p.green()) + u16::from(p.blue())
        };
        pixels.filter(|p| sum(p) < 200).count()
    };
    let mut wordless = chart.clone();
    (wordless.title, wordless.subtitle) = (String::new(), String::new());
    let without = Pixmap::decode_png(&wordless.png().unwrap()).unwrap();
    // Without the font there would be no words at all.
    assert!(dark(&pixels) > dark(&without) + 300);
    assert_eq!(chart.png().unwrap(), chart.png().unwrap());
}
