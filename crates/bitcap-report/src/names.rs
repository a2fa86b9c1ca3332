//! What curves are called beside each other: by what tells them apart, and by all of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::runs::Group;

/// With more curves than this names are shortened to what stands in the place of each setting.
const MOST_LONG: usize = 8;

/// The names of an experiment's curves, no two the same.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The label of each, less what all labels say; or `layers×width`, as in the paper's Table 1.
    pub(crate) long: Vec<String>,
    /// Of many curves the values alone, where all labels are of the same settings; else `None`.
    pub(crate) values: Option<Vec<String>>,
    /// Those settings, in the order of the values.
    pub(crate) settings: String,
    /// What all labels say, such as `optimizer=muon`; empty where that is nothing.
    pub(crate) common: String,
}

impl Names {
    pub(crate) fn of(groups: &[Group]) -> Self {
        let labels: Vec<Vec<&str>> = groups
            .iter()
            .map(|group| parts(&group.model.label))
            .collect();
        let (common, labels) = match labels.as_slice() {
            [first, _, ..] => {
                let in_all = |part: &&&str| labels.iter().all(|label| label.contains(*part));
                let common: Vec<&str> = first.iter().filter(in_all).copied().collect();
                let mut rest = labels.clone();
                for label in &mut rest {
                    label.retain(|part| !common.contains(part));
                }
                (common.join(", "), rest)
            }
            _ => (String::new(), labels),
        };
        let named = groups
            .iter()
            .zip(&labels)
            .map(|(group, parts)| match parts.is_empty() {
                true => format!("{}×{}", group.model.layers, group.model.width),
                false => parts.join(", "),
            });
        let (settings, values) = values(&labels);
        Self {
            long: told_apart(groups, named.collect()),
            values,
            settings,
            common,
        }
    }
}

/// The parts of a label, `setting=value` each; a value may hold commas, in brackets or before what is no setting.
fn parts(label: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (at, c) in label.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
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
fn setting(part: &str) -> Option<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    let (name, value) = part.split_once('=')?;
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, value))
}

/// Of many labels that are of the same settings, two or more, these and the values; no two of which are the same.
fn values(labels: &[Vec<&str>]) -> (String, Option<Vec<String>>) {
    let joined = |label: &Vec<&str>, of: fn((&str, &str)) -> String| -> Option<String> {
        let parts: Option<Vec<String>> = label.iter().map(|part| setting(part).map(of)).collect();
        Some(parts?.join(", "))
    };
    let settings: BTreeSet<Option<String>> = labels
        .iter()
        .map(|label| joined(label, |(name, _)| name.to_owned()))
        .collect();
    let values: Option<Vec<String>> = labels
        .iter()
        .map(|label| joined(label, |(_, value)| value.to_owned()))
        .collect();
    let several = |label: &Vec<&str>| label.len() > 1;
    match (settings.first(), values) {
        (Some(Some(names)), Some(values))
            if labels.len() > MOST_LONG
                && settings.len() == 1
                && labels.iter().all(several)
                && values.iter().collect::<BTreeSet<_>>().len() == values.len() =>
        {
            (names.clone(), Some(values))
        }
        _ => (String::new(), None),
    }
}

/// Those names that are the same, with the settings that their curves differ in; or, where runs.csv has no column for
/// these, with their groups.
fn told_apart(groups: &[Group], mut names: Vec<String>) -> Vec<String> {
    let by_settings = |alike: &[usize], i: usize| -> String {
        let settings = |i: usize| {
            let rows = groups[i].plain.iter().chain(&groups[i].doubled);
            rows.take(1)
                .flat_map(|cell| cell.run.settings())
                .collect::<Vec<_>>()
        };
        let own = settings(i).into_iter().filter(|(name, value)| {
            let seeds_and_sizes = ["seed", "samples"].contains(name);
            let other = |(n, v): &(&str, String)| n == name && v != value;
            !seeds_and_sizes && alike.iter().any(|&j| settings(j).iter().any(other))
        });
        own.map(|(name, value)| format!(", {name}={value}"))
            .collect()
    };
    let by_group = |_: &[usize], i: usize| format!(", group {}", groups[i].group);
    let by: [&dyn Fn(&[usize], usize) -> String; 2] = [&by_settings, &by_group];
    for telling in by {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, name) in names.iter().enumerate() {
            places.entry(name).or_default().push(i);
        }
        let alike: Vec<Vec<usize>> = places
            .into_values()
            .filter(|alike| alike.len() > 1)
            .collect();
        for alike in alike {
            for &i in &alike {
                let more = telling(&alike, i);
                names[i].push_str(&more);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::runs::{Cell, Model};

    fn group(i: usize, label: &str, steps: u64) -> Group {
        let run = Run {
            steps,
            seed: i as u64,
            samples: i as u64,
            ..Run::default()
        };
        Group {
            group: format!("g{i}"),
            model: Model {
                label: label.to_owned(),
                vocabulary: 2,
                length: 4,
                layers: 1,
                width: 16,
                parameters: 100,
                start_token: true,
            },
            plain: vec![Cell { run, bits: None }],
            doubled: Vec::new(),
        }
    }

    fn names(labels: &[&str]) -> Names {
        let groups: Vec<Group> = labels
            .iter()
            .zip(0..)
            .map(|(label, i)| group(i, label, 9))
            .collect();
        Names::of(&groups)
    }

    #[test]
    fn a_label_is_cut_between_settings_alone() {
        for (label, expected) in [
            ("", vec![]),
            ("width=16", vec!["width=16"]),
            ("width=16, tied", vec!["width=16, tied"]),
            (
                "betas=[0.9, 0.99], model.width=8",
                vec!["betas=[0.9, 0.99]", "model.width=8"],
            ),
            ("path=a, b, width=8", vec!["path=a, b", "width=8"]),
            ("a=], b=1", vec!["a=]", "b=1"]),
        ] {
            assert_eq!(parts(label), expected, "{label}");
        }
    }

    #[test]
    fn what_is_the_same_in_all_is_said_once() {
        let found = names(&["width=8, optimizer=muon", "width=16, optimizer=muon"]);
        assert_eq!(found.long, ["width=8", "width=16"]);
        assert_eq!(found.common, "optimizer=muon");
        assert_eq!(found.values, None);
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
        let steps = [
            group(0, "width=8", 5),
            group(1, "width=8", 4000),
            group(2, "width=9", 5),
        ];
        assert_eq!(
            Names::of(&steps).long,
            ["width=8, steps=5", "width=8, steps=4000", "width=9"]
        );
        let found = names(&["", ""]);
        assert_eq!(found.long, ["1×16, group g0", "1×16, group g1"]);
    }

    #[test]
    fn of_many_curves_the_values_are_enough() {
        let labels: Vec<String> = (0..9)
            .map(|i| format!("width={i}, optimizer=adam, betas=[0.9, {i}]"))
            .collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let found = names(&labels);
        assert_eq!(
            (&found.settings[..], &found.common[..]),
            ("width, betas", "optimizer=adam")
        );
        assert_eq!(found.values.unwrap()[3], "3, [0.9, 3]");
        assert_eq!(found.long[3], "width=3, betas=[0.9, 3]");
        assert_eq!(names(&labels[..8]).values, None);
        // Not where one has other settings, or one setting alone, which is short with its name.
        assert_eq!(names(&[&labels[..], &["width=3"]].concat()).values, None);
        let one: Vec<String> = (0..9).map(|i| format!("width={i}")).collect();
        let one: Vec<&str> = one.iter().map(String::as_str).collect();
        assert_eq!(names(&one).values, None);
    }
}
