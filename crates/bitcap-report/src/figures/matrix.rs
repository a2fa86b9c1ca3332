//! What each model learns of each source: a small plot a source of the share that was learned, and below it one of what
//! was learned by rote.

use std::collections::BTreeMap;

use bitcap_plan::Run;

use super::means::{self, Measure};
use super::{Experiment, looks};
use crate::chart::{Axis, Block, Chart, Entry, Layer, Look, PALE, Panel, Scale};
use crate::names::{parts, setting};
use crate::runs::Group;

/// Of the plots of what was learned, and of rote.
const HEIGHTS: (f64, f64) = (96.0, 74.0);
/// Sources beside each other.
const COLUMNS: usize = 3;
/// What is learned less than this, a model that memorizes and is wrong on all else, is not told further.
const LEAST_LEARNED: f64 = -0.5;
/// Sources of less than this many bits a token below uniform have nothing to be learned.
const NOTHING_TO_LEARN: f64 = 1e-6;

/// A curve of the experiment by what it is of.
struct Curve<'a> {
    group: &'a Group,
    /// What is left of its label.
    model: String,
}

/// `None` unless there are curves of two sources or more, measured on fresh data.
pub(crate) fn chart(of: &Experiment<'_>) -> Option<Chart> {
    let mut sources: Vec<(String, Vec<Curve<'_>>)> = Vec::new();
    // With the fewest and the most parameters: embeddings take as many as a source has symbols.
    let mut models: Vec<(String, u64, u64)> = Vec::new();
    for group in of.runs.plain() {
        if !means::measured(group, |run| run.fresh_excess_bits_per_token) {
            continue;
        }
        let (source, model) = source_and_model(group.model());
        let parameters = group.model().parameters;
        match models.iter_mut().find(|(name, ..)| *name == model) {
            Some((_, fewest, most)) => {
                *fewest = parameters.min(*fewest);
                *most = parameters.max(*most);
            }
            None => models.push((model.clone(), parameters, parameters)),
        }
        let curve = Curve { group, model };
        match sources.iter_mut().find(|(name, _)| *name == source) {
            Some((_, curves)) => curves.push(curve),
            None => sources.push((source, vec![curve])),
        }
    }
    if sources.len() < 2 {
        return None;
    }
    let looks = looks(models.iter().map(|(_, fewest, _)| *fewest));
    // Small plots: what is drawn in them is smaller too.
    let looks = looks.into_iter().map(|mut look| {
        if let Some(mark) = &mut look.mark {
            mark.radius = 2.4;
        }
        look
    });
    let looks: BTreeMap<&str, Look> = models
        .iter()
        .map(|(name, ..)| name.as_str())
        .zip(looks)
        .collect();
    let x = means::x_axis(of.runs, true);
    let y_learned = Axis::between("learned", Scale::Linear, (LEAST_LEARNED - 0.05, 1.1));
    let mut drawn = Vec::new();
    let mut layers = |curves: &[Curve<'_>], measure: Measure| {
        let layer = |curve: &Curve<'_>| {
            let means = means::means(of.runs, curve.group, measure);
            drawn.extend(means.iter().copied());
            Layer::new(&means, &looks[curve.model.as_str()])
        };
        let mut layers: Vec<Layer> = curves.iter().map(layer).collect();
        // As of uniform data, of which there is nothing to learn.
        layers.retain(|layer| !layer.points.is_empty());
        layers
    };
    let both = sources.iter().map(|(_, curves)| {
        let learned = layers(curves, learned);
        (learned, layers(curves, rote_per_parameter))
    });
    let both: Vec<_> = both.collect();
    let of_rote = both.iter().flat_map(|(_, rote)| rote);
    let reach = of_rote.flat_map(|layer| layer.points.iter().map(|point| point.y));
    let y_rote = Axis::linear("rote", reach.chain([0.0]));
    let across = |y: f64| Layer::across(&x, y, &Look::line(PALE, 1.0, ""));
    let mut panels = Vec::new();
    for row in sources.iter().zip(both).collect::<Vec<_>>().chunks(COLUMNS) {
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        for ((source, _), (learned, rote)) in row {
            let mut all = vec![across(0.0), across(1.0)];
            all.extend(learned.iter().cloned());
            let (x, y) = (x.clone(), y_learned.clone());
            upper.push(Panel::new(source, HEIGHTS.0, x.clone(), y, all));
            let mut all = vec![across(0.0)];
            all.extend(rote.iter().cloned());
            lower.push(Panel::new("", HEIGHTS.1, x, y_rote.clone(), all));
        }
        panels.extend([upper, lower]);
    }
    let entries = models.iter().map(|(name, fewest, most)| {
        let size = match fewest == most {
            true => crate::text::count(*most, "parameter"),
            false => {
                let fewest = crate::text::thousands(*fewest as f64);
                format!("{fewest} to {}", crate::text::count(*most, "parameter"))
            }
        };
        Entry::new(&looks[name.as_str()], format!("{name}: {size}"))
    });
    let mut notes = means::notes(of.runs, &drawn);
    notes.push(
        "Learned: on fresh data, how far the model has come from a uniform guess (0) to the true source (1), in bits of code \
         length; below 0 it is worse than a guess, and what is below the axis is not drawn. Rote: unintended memorization \
         of the training data, of uniform data all memorization."
            .to_owned(),
    );
    notes.extend(means::load_note(of.runs));
    Some(Chart {
        name: "matrix",
        title: of.titled("what is learned of which source"),
        subtitle: "Above, the share that was learned; below, rote in bits a parameter".to_owned(),
        panels,
        legend: vec![Block::of(entries.collect())],
        notes,
    })
}

/// Which source a curve is of, and what else its label says.
fn source_and_model(run: &Run) -> (String, String) {
    let label = parts(&run.label).into_iter();
    let (of_source, of_model): (Vec<&str>, Vec<&str>) = label.partition(|part| {
        // Where models are of one kind, that of the source needs no word before it.
        setting(part).is_some_and(|(name, value)| {
            name.starts_with("source.") || name == "kind" && value == run.source
        })
    });
    let mut source = run.source.clone();
    for part in of_source {
        let part = part.strip_prefix("source.").unwrap_or(part);
        if setting(part).is_some_and(|(name, _)| name != "kind") {
            source += &format!(", {part}");
        }
    }
    let short = |part: &&str| {
        let part = part.strip_prefix("model.").unwrap_or(part);
        part.strip_prefix("kind=").unwrap_or(part).to_owned()
    };
    let model: Vec<String> = of_model.iter().map(short).collect();
    let model = match model.is_empty() {
        true => format!("{}×{}", run.layers, run.width),
        false => model.join(", "),
    };
    (source, model)
}

/// How far the code length of the fresh data has come from that of a uniform guess to that of the true source.
fn learned(run: &Run) -> Option<f64> {
    let excess = run.fresh_excess_bits_per_token?;
    let sequences = run.fresh_counted.or(run.fresh_samples)? as f64;
    let predicted = run.length as f64 - f64::from(u8::from(!run.start_token));
    let source = run.fresh_source_bits? / (sequences * predicted);
    let to_learn = (run.vocabulary as f64).log2() - source;
    let learned = 1.0 - excess / to_learn;
    (to_learn > NOTHING_TO_LEARN && learned.is_finite()).then_some(learned)
}

fn rote_per_parameter(run: &Run) -> Option<f64> {
    let bits = run.unintended_bits.or(run.memorized_bits_strict)?;
    Some(bits / run.parameters as f64).filter(|bits| bits.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(label: &str, source: &str) -> Run {
        Run {
            label: label.to_owned(),
            source: source.to_owned(),
            layers: 1,
            width: 16,
            ..Run::default()
        }
    }

    #[test]
    fn labels_are_parted_into_source_and_model() {
        let parted = |label, source| source_and_model(&run(label, source));
        let both = parted("source.kind=parity, model.kind=lstm", "parity");
        assert_eq!(both, ("parity".to_owned(), "lstm".to_owned()));
        let sizes = parted("source.inputs=9, model.kind=lstm, width=4", "parity");
        assert_eq!(
            sizes,
            ("parity, inputs=9".to_owned(), "lstm, width=4".to_owned())
        );
        assert_eq!(
            parted("kind=parity", "parity"),
            ("parity".to_owned(), "1×16".to_owned())
        );
        assert_eq!(
            parted("kind=lstm", "parity"),
            ("parity".to_owned(), "lstm".to_owned())
        );
    }

    #[test]
    fn learned_is_0_for_a_guess_and_1_for_the_source() {
        let run = |excess, source_bits| Run {
            vocabulary: 4,
            length: 5,
            start_token: true,
            fresh_samples: Some(10),
            fresh_source_bits: Some(source_bits),
            fresh_excess_bits_per_token: Some(excess),
            ..Run::default()
        };
        // Two bits a token by a guess, half a bit by the source: 25 bits of 50 tokens.
        assert_eq!(learned(&run(1.5, 25.0)), Some(0.0));
        assert_eq!(learned(&run(0.0, 25.0)), Some(1.0));
        assert_eq!(learned(&run(3.0, 25.0)), Some(-1.0));
        // Of uniform data there is nothing to learn.
        assert_eq!(learned(&run(0.1, 100.0)), None);
    }
}
