//! Charts drawn: what is in the SVG, and where.

mod common;

use std::collections::BTreeSet;

use bitcap_report::chart::{
    Axis, Block, Chart, Entry, Layer, Line, Look, Mark, Panel, Point, Scale, Shape,
};
use common::drawing::{Area, check, words};
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

/// The drawing of an only panel.
fn svg_of(layers: Vec<Layer>) -> String {
    chart(vec![vec![panel(layers)]]).svg()
}

fn elements<'a>(document: &'a Document<'a>, name: &'a str) -> Vec<Node<'a, 'a>> {
    let elements = document.descendants();
    elements.filter(|node| node.has_tag_name(name)).collect()
}

fn number(node: &Node<'_, '_>, attribute: &str) -> f32 {
    node.attribute(attribute).unwrap().parse().unwrap()
}

/// Those elements that have this class.
fn of_class<'a>(document: &'a Document<'a>, class: &str) -> Vec<Node<'a, 'a>> {
    let elements = document.descendants();
    elements
        .filter(|node| node.attribute("class") == Some(class))
        .collect()
}

/// The frames of all panels.
fn frames(document: &Document<'_>) -> Vec<Area> {
    let area = |node: Node<'_, '_>| {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| number(&node, name));
        Area([x, y, x + width, y + height])
    };
    of_class(document, "frame").into_iter().map(area).collect()
}

fn circles(document: &Document<'_>) -> Vec<(f32, f32)> {
    let place = |node| (number(&node, "cx"), number(&node, "cy"));
    elements(document, "circle")
        .into_iter()
        .map(place)
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
    let svg = svg_of(vec![
        layer(&points, look(false, Some(Shape::Circle))),
        layer(&beyond, look(false, Some(Shape::Circle))),
    ]);
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
        let svg = svg_of(vec![layer(&[(10.0, 50.5)], look(false, Some(shape)))]);
        let document = Document::parse(&svg).unwrap();
        let Area([left, top, right, bottom]) = frames(&document)[0];
        let marks = of_class(&document, "marks")[0];
        let mark = marks.first_element_child().unwrap();
        let corners = path(&mark);
        let (x, y) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        let corners: Vec<(f32, f32)> = corners.chunks(2).map(|at| (at[0] - x, at[1] - y)).collect();
        // The area that the corners go around.
        let next = corners.iter().cycle().skip(1);
        let pairs = corners.iter().zip(next);
        let twice: f32 = pairs.map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum();
        let of_circle = twice.abs() / 2.0 / (std::f32::consts::PI * 16.0);
        assert!((0.55..1.1).contains(&of_circle), "{shape:?}: {of_circle}");
        let sum = |of: fn(&(f32, f32)) -> f32| corners.iter().map(of).sum::<f32>();
        let off = sum(|at| at.0).abs().max(sum(|at| at.1).abs());
        assert!(off < 0.2, "{shape:?}: {off}");
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
    let svg = svg_of(vec![
        layer(&[(1.0, 1.0), (1e9, 1e9)], look(true, None)),
        layer(&[(1.0, 10.0), (100.0, 10.0), (100.0, 20.0)], area),
        barred,
        aside,
    ]);
    let document = Document::parse(&svg).unwrap();
    let Area([left, top, right, bottom]) = frames(&document)[0];
    let cut = of_class(&document, "lines")[0];
    let clip = cut.attribute("clip-path").unwrap();
    let clip = clip.trim_start_matches("url(#").trim_end_matches(')');
    let mut shapes = document.descendants();
    let shape = shapes
        .find(|node| node.attribute("id") == Some(clip))
        .unwrap();
    let rect = shape.first_element_child().unwrap();
    assert_eq!(number(&rect, "x"), left);
    assert_eq!(number(&rect, "width"), right - left);
    let paths: Vec<_> = cut.children().filter(Node::is_element).collect();
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
    let words = words(&svg);
    let (_, Area([_, top, _, bottom])) = words.iter().find(|(text, _)| text == "up").unwrap();
    let off = f32::midpoint(*top, *bottom) - f32::midpoint(first, second);
    assert!(off.abs() < 12.0, "between both");
    // Another range has its own numbers, and the name once.
    let svg = chart(vec![vec![panel(Vec::new())], vec![other.clone()]]).svg();
    check(&svg);
    assert_eq!((numbers(&svg, "10"), numbers(&svg, "right")), (2, 1));
    // Beside each other: y's numbers once.
    let above = vec![panel(Vec::new()), other];
    let svg = chart(vec![above, vec![panel(Vec::new())]]).svg();
    check(&svg);
    assert_eq!(numbers(&svg, "40"), 2);
    // The upper row has a panel with nothing below it.
    assert_eq!(numbers(&svg, "10"), 3);
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
    let found = (all.matches(&long).count(), all.matches(&word).count());
    assert_eq!(found, (3, 2), "{all}");
    let columns = words(&svg)
        .into_iter()
        .filter(|(text, _)| text.starts_with("entry "));
    let lefts: BTreeSet<i32> = columns.map(|(_, area)| area.0[0] as i32).collect();
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
    let svg = svg_of(vec![band(20.0), band(70.0), line, marks]);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let frame = frames(&document)[0];
    let mut places = words(&svg);
    places.retain(|(text, _)| text.starts_with("band"));
    assert_eq!(places.len(), 2);
    for (text, area) in &places {
        assert!(area.within(&frame), "{text}");
        for (x, y) in circles(&document) {
            let mark = Area([x - 4.0, y - 4.0, x + 4.0, y + 4.0]);
            assert!(!area.meets(&mark), "{text}");
        }
    }
    // Where there is no room they are left out.
    let crowd = (0..40).map(|i| (10_f64.powf(f64::from(i) / 20.0), 22.0));
    let crowd: Vec<(f64, f64)> = crowd.collect();
    let full = layer(&crowd, look(false, Some(Shape::Circle)));
    let mut low = chart(vec![vec![panel(vec![band(20.0), full])]]);
    low.panels[0][0].height = 60.0;
    let words = text_of(&low.svg());
    assert!(!words.iter().any(|text| text.starts_with("band")));
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
