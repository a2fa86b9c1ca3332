//! What curves are called beside each other: by what tells them apart, and by all of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::runs::Group;

/// With more curves than this names are shortened to what stands in the place of each setting, and legends say nothing
/// more of them.
pub(crate) const MOST_LONG: usize = 8;

/// The names of an experiment's curves, no two the same.
#[derive(Debug)]
pub(crate) struct Names {
    /// The label of each, less what all labels say; or `layers×width`, as in the paper's Table 1.
    pub(crate) long: Vec<String>,
    /// Of many curves whose labels are of the same settings, these and the values in their order.
    pub(crate) values: Option<(String, Vec<String>)>,
    /// What all labels say, such as `optimizer=muon`; empty where that is nothing.
    pub(crate) common: String,
}

impl Names {
    pub(crate) fn of(groups: &[Group]) -> Self {
        let labels = groups.iter().map(|group| parts(&group.model().label));
        let mut labels: Vec<Vec<&str>> = labels.collect();
        let mut common = Vec::new();
        // Of two at least: one label alone has everything in common with all labels, and would lose
        // it.
        if let [first, _, ..] = &labels[..] {
            common.clone_from(first);
            common.retain(|part| labels.iter().all(|label| label.contains(part)));
        }
        let mut long = Vec::new();
        for (label, group) in labels.iter_mut().zip(groups) {
            label.retain(|part| !common.contains(part));
            long.push(match label.is_empty() {
                true => format!("{}×{}", group.model().layers, group.model().width),
                false => label.join(", "),
            });
        }
        tell_apart(groups, &mut long);
        Self {
            long,
            values: values(&labels),
            common: common.join(", "),
        }
    }
}

/// The parts of a label, `setting=value` each; a value may hold commas, in brackets or before what is no setting.
pub(crate) fn parts(label: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (at, c) in label.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            // Not only at 0: a closing bracket too many in some value would keep the rest in one
            // part.
            ',' if depth <= 0 => {
                let next = label[at + 1..].strip_prefix(' ');
                if next.is_some_and(|next| setting(next).is_some()) {
                    parts.push(&label[start..at]);
                    start = at + 2;
                }
            }
            _ => {}
        }
    }
    parts.push(&label[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// The setting and the value of a part that has both.
pub(crate) fn setting(part: &str) -> Option<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    let (name, value) = part.split_once('=')?;
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, value))
}

/// Of many labels that are of the same settings, two or more, these and the values, if no two of those are the same.
fn values(labels: &[Vec<&str>]) -> Option<(String, Vec<String>)> {
    // Values alone can be read only if they stand for the same settings in the same order, hence
    // the set of all heads, of which there must be one.
    let (mut settings, mut values) = (BTreeSet::new(), Vec::new());
    for label in labels {
        let pairs = label.iter().map(|part| setting(part));
        let pairs: Vec<(&str, &str)> = pairs.collect::<Option<_>>()?;
        let (names, own): (Vec<&str>, Vec<&str>) = pairs.into_iter().unzip();
        settings.insert(names.join(", "));
        values.push(own.join(", "));
    }
    let several = labels.iter().all(|label| label.len() > 1);
    let distinct = values.iter().collect::<BTreeSet<_>>().len() == values.len();
    let many = labels.len() > MOST_LONG && settings.len() == 1;
    Some((settings.pop_first()?, values)).filter(|_| many && several && distinct)
}

/// Adds to names that are the same the settings that their curves differ in; or, where runs.csv has no column for
/// these, their groups.
fn tell_apart(groups: &[Group], names: &mut [String]) {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        places.entry(name.clone()).or_default().push(i);
    }
    for alike in places.into_values().filter(|alike| alike.len() > 1) {
        let settings = alike.iter().map(|&i| groups[i].model().settings());
        let settings: Vec<_> = settings.collect();
        // What all have alike tells nothing, and cells of one curve differ in samples and seed.
        let first = &settings[0];
        let told = settings.iter().map(|all| {
            let mut told = String::new();
            for (at, (name, value)) in all.iter().enumerate() {
                let differs = settings.iter().any(|other| other[at] != first[at]);
                if differs && !["seed", "samples"].contains(name) {
                    told += &format!(", {name}={value}");
                }
            }
            told
        });
        let told: Vec<String> = told.collect();
        let distinct = told.iter().collect::<BTreeSet<_>>().len() == told.len();
        for (&i, told) in alike.iter().zip(told) {
            names[i] += &match distinct {
                true => told,
                false => format!(", group {}", groups[i].model().group),
            };
        }
    }
    // What was added may have made a name that another label already was.
    let mut seen = BTreeSet::new();
    for (name, group) in names.iter_mut().zip(groups) {
        if !seen.insert(name.clone()) {
            *name += &format!(", group {}", group.model().group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcap_plan::Run;

    fn group(i: u64, label: &str, steps: u64) -> Group {
        let run = Run {
            group: format!("g{i}"),
            label: label.to_owned(),
            layers: 1,
            width: 16,
            steps,
            seed: i,
            samples: i,
            ..Run::default()
        };
        Group {
            plain: vec![run.into()],
            ..Group::default()
        }
    }

    fn names(labels: &[impl AsRef<str>]) -> Names {
        let groups = (0..).zip(labels);
        let groups = groups.map(|(i, label)| group(i, label.as_ref(), 9));
        Names::of(&groups.collect::<Vec<_>>())
    }

    #[test]
    fn a_label_is_cut_between_settings_alone() {
        for (label, expected) in [
            ("width=16", &["width=16"][..]),
            ("", &[]),
            ("width=16, tied", &["width=16, tied"]),
            ("betas=[0.9, 0.99], a.b=8", &["betas=[0.9, 0.99]", "a.b=8"]),
            ("path=a, b, width=8", &["path=a, b", "width=8"]),
            ("a=], b=1", &["a=]", "b=1"]),
        ] {
            assert_eq!(parts(label), expected, "{label}");
        }
    }

    #[test]
    fn what_is_the_same_in_all_is_said_once() {
        let found = names(&["width=8, optimizer=muon", "width=16, optimizer=muon"]);
        assert_eq!(found.long, ["width=8", "width=16"]);
        assert_eq!((&found.common[..], found.values), ("optimizer=muon", None));
        // One curve alone has nothing in common with others.
        let found = names(&["optimizer=muon"]);
        assert_eq!(
            (&found.long[0][..], &found.common[..]),
            ("optimizer=muon", "")
        );
        assert_eq!(names(&[""]).long, ["1×16"]);
    }

    #[test]
    fn curves_with_one_label_are_told_apart() {
        let steps = [(0, "width=8", 5), (1, "width=8", 4000), (2, "width=9", 5)];
        let steps = steps.map(|(i, label, steps)| group(i, label, steps));
        let expected = ["width=8, steps=5", "width=8, steps=4000", "width=9"];
        assert_eq!(Names::of(&steps).long, expected);
        let found = names(&["", ""]);
        assert_eq!(found.long, ["1×16, group g0", "1×16, group g1"]);
        // The label of the third is what the first is called beside the second.
        let labels = [
            (0, "width=8", 5),
            (1, "width=8", 9),
            (2, "width=8, steps=5", 5),
            (3, "width=9", 5),
        ];
        let groups = labels.map(|(i, label, steps)| group(i, label, steps));
        let expected = [
            "width=8, steps=5",
            "width=8, steps=9",
            "width=8, steps=5, group g2",
            "width=9",
        ];
        assert_eq!(Names::of(&groups).long, expected);
    }

    #[test]
    fn of_many_curves_the_values_are_enough() {
        let label = |i| format!("width={i}, optimizer=adam, betas=[0.9, {i}]");
        let mut labels: Vec<String> = (0..9).map(label).collect();
        let found = names(&labels);
        assert_eq!(found.common, "optimizer=adam");
        let (settings, values) = found.values.unwrap();
        assert_eq!(
            (&settings[..], &values[3][..]),
            ("width, betas", "3, [0.9, 3]")
        );
        assert_eq!(found.long[3], "width=3, betas=[0.9, 3]");
        assert_eq!(names(&labels[..8]).values, None);
        // Not where one has other settings, or one setting alone, which is short with its name.
        labels.push("width=3".to_owned());
        assert_eq!(names(&labels).values, None);
        let one: Vec<String> = (0..9).map(|i| format!("width={i}")).collect();
        assert_eq!(names(&one).values, None);
    }
}
