//! The toy case against the figures worked out by hand, against the definitions on the full joint, and against what
//! must hold of any learner.

use std::collections::HashMap;

use bitcap_measure::{Toy, ToyRow};
use proptest::prelude::*;

/// A coin with the given chance of 1 for tails and heads, and a learner's section.
fn coin(chances: [f64; 2], samples: &str, learner: &str) -> Toy {
    let [tails, heads] = chances;
    let text = format!(
        "data = [\"0\", \"1\"]\nsamples = {samples}\n\
         [[source]]\nname = \"tails\"\nprior = 0.5\ndata = [{}, {tails}]\n\
         [[source]]\nname = \"heads\"\nprior = 0.5\ndata = [{}, {heads}]\n\
         [learner]\n{learner}\n",
        1.0 - tails,
        1.0 - heads
    );
    Toy::from_toml(&text).unwrap()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
}

/// H of a coin, in bits.
fn h(p: f64) -> f64 {
    -p * p.log2() - (1.0 - p) * (1.0 - p).log2()
}

#[test]
fn the_case_worked_out_by_hand() {
    let text = include_str!("../../../experiments/toy-coin.toml");
    let rows = Toy::from_toml(text).unwrap().rows();
    assert_eq!(rows.len(), 1);
    let row = rows[0];
    assert_eq!(row.samples, 1);
    close(row.entropy_bits, 1.0);
    close(row.source_bits, h(0.1));
    close(row.memorized_bits, 1.0);
    close(row.unintended_bits, h(0.1));
    close(row.intended_bits, 1.0 - h(0.1));
    assert_eq!(format!("{:.3}", row.unintended_bits), "0.469");
    assert_eq!(format!("{:.3}", row.intended_bits), "0.531");
    close(row.accuracy_on_data, 0.82);
    close(row.accuracy_baseline, 0.5);
    close(row.accuracy_best, 0.9);
    close(row.accuracy_on_source, 0.5);
}

#[test]
fn copies_of_more_samples_against_the_binomial() {
    let rows = coin([0.1, 0.9], "[1, 2, 5, 12]", "kind = \"all\"").rows();
    for row in rows {
        let n = row.samples;
        // H(X) over counts: all sequences with k ones are equally probable.
        let entropy: f64 = (0..=n)
            .map(|k| {
                let p = f64::midpoint(
                    0.1f64.powi(k as i32) * 0.9f64.powi((n - k) as i32),
                    0.9f64.powi(k as i32) * 0.1f64.powi((n - k) as i32),
                );
                -choose(n, k) * p * p.log2()
            })
            .sum();
        close(row.entropy_bits, entropy);
        close(row.source_bits, f64::from(n) * h(0.1));
        // A copy holds all, and all that is not of the source is rote.
        close(row.memorized_bits, entropy);
        close(row.unintended_bits, row.source_bits);
    }
}

fn choose(n: u32, k: u32) -> f64 {
    (0..k).fold(1.0, |product, i| {
        product * f64::from(n - i) / f64::from(i + 1)
    })
}

#[test]
fn a_majority_gives_up_rote_for_the_source() {
    let text = include_str!("../../../experiments/toy-majority.toml");
    let rows = Toy::from_toml(text).unwrap().rows();
    assert_eq!(rows.len(), 12);
    let odd: Vec<&ToyRow> = rows.iter().filter(|row| row.samples % 2 == 1).collect();
    for pair in odd.windows(2) {
        assert!(pair[1].unintended_bits < pair[0].unintended_bits);
        assert!(pair[1].intended_bits > pair[0].intended_bits);
        assert!(pair[1].accuracy_on_data > pair[0].accuracy_on_data);
    }
    // Of an odd n the majority is a coin that errs as the binomial says, rote is its entropy given the source.
    for row in odd {
        let n = row.samples;
        let wrong: f64 = (n / 2 + 1..=n)
            .map(|k| choose(n, k) * 0.1f64.powi(k as i32) * 0.9f64.powi((n - k) as i32))
            .sum();
        close(row.memorized_bits, 1.0);
        close(row.unintended_bits, h(wrong));
        close(row.accuracy_on_data, (1.0 - wrong) * 0.9 + wrong * 0.1);
    }
    // Of a tie the first value is said: (0, 1) and (1, 0) as well as (0, 0), so "0" of heads' two samples in 0.19.
    let two = rows[1];
    close(two.unintended_bits, f64::midpoint(h(0.01), h(0.19)));
}

#[test]
fn a_count_says_all_there_is_of_the_source_with_less_rote() {
    for samples in ["[2]", "[7]"] {
        let all = coin([0.2, 0.7], samples, "kind = \"all\"").rows()[0];
        let count = coin([0.2, 0.7], samples, "kind = \"count\"").rows()[0];
        let majority = coin([0.2, 0.7], samples, "kind = \"majority\"").rows()[0];
        // The count is a sufficient statistic.
        close(count.intended_bits, all.intended_bits);
        close(count.accuracy_on_data, all.accuracy_on_data);
        assert!(count.unintended_bits < all.unintended_bits - 0.1);
        assert!(majority.intended_bits < count.intended_bits);
        assert!(majority.accuracy_on_data <= count.accuracy_on_data + 1e-12);
    }
}

#[test]
fn tables_are_learners_too() {
    let copy = "kind = \"table\"\noutputs = [\"0\", \"1\"]\ntable = [[1.0, 0.0], [0.0, 1.0]]";
    let all = coin([0.1, 0.9], "[1]", "kind = \"all\"").rows();
    assert_eq!(coin([0.1, 0.9], "[1]", copy).rows(), all);

    // Outputs with other names are answered by what they tell; here that undoes the swap, so only names differ.
    let swapped = "kind = \"table\"\noutputs = [\"a\", \"b\"]\ntable = [[0.0, 1.0], [1.0, 0.0]]";
    assert_eq!(
        coin([0.1, 0.9], "[1]", swapped).rows()[0].accuracy_on_data,
        all[0].accuracy_on_data
    );
    // And outputs that are data values are taken at their word.
    let wrong = "kind = \"table\"\noutputs = [\"0\", \"1\"]\ntable = [[0.0, 1.0], [1.0, 0.0]]";
    close(
        coin([0.1, 0.9], "[1]", wrong).rows()[0].accuracy_on_data,
        0.18,
    );

    // A learner that listens to nothing knows nothing.
    let deaf = "kind = \"table\"\noutputs = [\"0\", \"1\"]\ntable = [[0.3, 0.7], [0.3, 0.7]]";
    let row = coin([0.1, 0.9], "[1]", deaf).rows()[0];
    assert_eq!(
        (row.memorized_bits, row.unintended_bits, row.intended_bits),
        (0.0, 0.0, 0.0)
    );
    close(row.accuracy_on_data, 0.5);

    // And is as often right of another source. 1 is drawn in 0.35 of all cases here.
    let row = coin([0.1, 0.6], "[1]", deaf).rows()[0];
    close(row.accuracy_on_data, 0.3 * 0.65 + 0.7 * 0.35);
    close(row.accuracy_on_source, 0.3 * 0.65 + 0.7 * 0.35);
    // A copy is not: it is right where two samples agree, of the same source or of two.
    let row = coin([0.1, 0.6], "[1]", copy).rows()[0];
    close(
        row.accuracy_on_data,
        f64::midpoint(0.81 + 0.01, 0.36 + 0.16),
    );
    close(row.accuracy_on_source, 0.35 * 0.35 + 0.65 * 0.65);
    close(row.accuracy_best, f64::midpoint(0.9, 0.6));

    // A noisy copy is a binary symmetric channel: total 1 - h(e), rote h(0.1 * e) - h(e), with * the convolution.
    let noisy = "kind = \"table\"\noutputs = [\"0\", \"1\"]\ntable = [[0.8, 0.2], [0.2, 0.8]]";
    let row = coin([0.1, 0.9], "[1]", noisy).rows()[0];
    close(row.memorized_bits, 1.0 - h(0.2));
    close(row.unintended_bits, h(0.1 * 0.8 + 0.9 * 0.2) - h(0.2));
}

#[test]
fn a_source_without_choice_leaves_only_rote() {
    let row = coin([0.3, 0.3], "[4]", "kind = \"all\"").rows()[0];
    close(row.unintended_bits, 4.0 * h(0.3));
    assert_eq!(row.intended_bits, 0.0);
    // Certain samples leave nothing at all.
    let row = coin([0.0, 0.0], "[4]", "kind = \"count\"").rows()[0];
    assert_eq!(
        (row.entropy_bits, row.memorized_bits, row.accuracy_on_data),
        (0.0, 0.0, 1.0)
    );
}

#[test]
fn names_what_is_wrong() {
    let good = include_str!("../../../experiments/toy-coin.toml");
    let error = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Toy::from_toml(&good.replace(from, to))
            .unwrap_err()
            .to_string()
    };
    let cases = [
        (
            "samples = [1]",
            "samples = []",
            "`samples` is empty; it must be a list of numbers from 1",
        ),
        (
            "samples = [1]",
            "samples = [1, 0]",
            "`samples[1]` is 0; it must be 1 or more",
        ),
        (
            "samples = [1]",
            "samples = [21]",
            "`samples[0]` is 21; it must be smaller: 2 source values and 2 data values then have 4194304 terms to go \
             through, and the most is 2097152",
        ),
        (
            "samples = [1]",
            "samples = [4000000000]",
            "more than 10^19 terms",
        ),
        (
            "[0.1, 0.9]",
            "[0.1, 0.8]",
            "`source[1].data` is 0.9 in sum; it must be 1 in sum, to 1e-9",
        ),
        (
            "[0.1, 0.9]",
            "[0.1, 0.8, 0.1]",
            "`source[1].data` is 3 long; it must be 2, one a data value",
        ),
        (
            "[0.1, 0.9]",
            "[-0.1, 1.1]",
            "`source[1].data` is -0.1 in one place; it must be from 0 to 1",
        ),
        (
            "[0.1, 0.9]",
            "[nan, 1.0]",
            "`source[1].data` is NaN in one place",
        ),
        (
            "prior = 0.5\ndata = [0.1",
            "prior = 0.4\ndata = [0.1",
            "`source.prior` is 0.9 in sum",
        ),
        (
            "\"heads\"",
            "\"tails\"",
            "`source.name` is \"tails\" at 1; it must be a name that occurs only once",
        ),
        (
            "data = [\"0\", \"1\"]",
            "data = [\"0\"]",
            "`data` is 1 long; it must be 2 or more names",
        ),
        ("kind = \"all\"", "kind = \"most\"", "`most`"),
        ("kind = \"all\"", "kind = \"all\"\nseed = 1", "`seed`"),
        (
            "prior = 0.5\ndata = [0.1",
            "prior = 0.5\npriors = 1\ndata = [0.1",
            "`priors`",
        ),
        ("samples = [1]", "sample = [1]", "`sample`"),
        (
            "kind = \"all\"",
            "kind = \"table\"\noutputs = [\"0\"]\ntable = [[1.0]]",
            "`learner.table` is 1 rows long; it must be 2, one a data value",
        ),
        (
            "kind = \"all\"",
            "kind = \"table\"\noutputs = [\"0\", \"x\"]\ntable = [[1.0, 0.0], [0.5, 0.4]]",
            "`learner.table[1]` is 0.9 in sum",
        ),
    ];
    for (from, to, expected) in cases {
        let found = error(from, to);
        assert!(found.contains(expected), "{found}\n{expected}");
    }
    let table = good.replace("samples = [1]", "samples = [1, 2]").replace(
        "kind = \"all\"",
        "kind = \"table\"\noutputs = [\"0\", \"1\"]\ntable = [[1.0, 0.0], [0.0, 1.0]]",
    );
    let found = Toy::from_toml(&table).unwrap_err().to_string();
    assert!(
        found.starts_with("`samples[1]` is 2; it must be 1 where"),
        "{found}"
    );
}

/// A random case: prior, p(x|t), and r(t'|x).
#[derive(Debug, Clone)]
struct Case {
    prior: Vec<f64>,
    data: Vec<Vec<f64>>,
    table: Vec<Vec<f64>>,
}

/// Weights that are often 0.
fn row(length: usize) -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(prop_oneof![Just(0.0), 0.01..1.0f64], length)
        .prop_filter("all are 0", |row| row.iter().sum::<f64>() > 0.0)
        .prop_map(|row| {
            let sum: f64 = row.iter().sum();
            row.iter().map(|weight| weight / sum).collect()
        })
}

fn case() -> impl Strategy<Value = Case> {
    (1..4usize, 2..4usize, 1..4usize).prop_flat_map(|(sources, values, outputs)| {
        (
            row(sources),
            proptest::collection::vec(row(values), sources),
            proptest::collection::vec(row(outputs), values),
        )
            .prop_map(|(prior, data, table)| Case { prior, data, table })
    })
}

fn names(prefix: &str, many: usize) -> Vec<String> {
    (0..many).map(|i| format!("{prefix}{i}")).collect()
}

fn toy(case: &Case, samples: u32, learner: &str) -> ToyRow {
    let source: String = (case.prior.iter().zip(&case.data).enumerate())
        .map(|(i, (prior, data))| {
            format!("[[source]]\nname = \"t{i}\"\nprior = {prior:?}\ndata = {data:?}\n")
        })
        .collect();
    let values = names("x", case.data[0].len());
    let text = format!("data = {values:?}\nsamples = [{samples}]\n{source}[learner]\n{learner}\n");
    Toy::from_toml(&text).unwrap().rows()[0]
}

/// Entropy of the marginal of a joint over (t, x, y) that keeps the parts asked for.
fn entropy(joint: &[([usize; 3], f64)], keep: [bool; 3]) -> f64 {
    let mut marginal: HashMap<Vec<usize>, f64> = HashMap::new();
    for (parts, p) in joint {
        let key = (0..3).filter(|&i| keep[i]).map(|i| parts[i]).collect();
        *marginal.entry(key).or_default() += p;
    }
    marginal
        .values()
        .filter(|&&p| p > 0.0)
        .map(|p| -p * p.log2())
        .sum()
}

/// I(X;T'), I(X;T'|T), I(T;T') and I(T;T'|X) of a joint over (t, x, t'), all by entropies of its marginals.
fn informations(joint: &[([usize; 3], f64)]) -> [f64; 4] {
    let h = |t, x, y| entropy(joint, [t, x, y]);
    let (all, t, x, y) = (
        h(true, true, true),
        h(true, false, false),
        h(false, true, false),
        h(false, false, true),
    );
    let (tx, ty, xy) = (
        h(true, true, false),
        h(true, false, true),
        h(false, true, true),
    );
    [x + y - xy, tx + ty - t - all, t + y - ty, tx + xy - x - all]
}

proptest! {
    #[test]
    fn any_table_against_the_definitions(case in case()) {
        let outputs = names("y", case.table[0].len());
        let learner = format!("kind = \"table\"\noutputs = {outputs:?}\ntable = {:?}", case.table);
        let row = toy(&case, 1, &learner);
        let mut joint = Vec::new();
        for (t, prior) in case.prior.iter().enumerate() {
            for (x, p) in case.data[t].iter().enumerate() {
                for (y, r) in case.table[x].iter().enumerate() {
                    joint.push(([t, x, y], prior * p * r));
                }
            }
        }
        check(&row, &joint)?;
        // The answer to an output whose name is no data value is the best there is: Bayes' rate.
        let bayes: f64 = (0..outputs.len())
            .map(|y| {
                (0..case.data[0].len())
                    .map(|next| {
                        joint.iter().filter(|(parts, _)| parts[2] == y)
                            .map(|(parts, p)| p * case.data[parts[0]][next]).sum::<f64>()
                    })
                    .fold(0.0, f64::max)
            })
            .sum();
        prop_assert!((row.accuracy_on_data - bayes).abs() < 1e-9);
    }

    #[test]
    fn any_samples_against_the_definitions(case in case(), samples in 1..5u32, which in 0..3usize) {
        let values = case.data[0].len();
        let learner = ["all", "majority", "count"][which];
        let row = toy(&case, samples, &format!("kind = \"{learner}\""));
        let mut joint = Vec::new();
        for x in 0..values.pow(samples) {
            let mut rest = x;
            let digits: Vec<usize> = (0..samples).map(|_| { let d = rest % values; rest /= values; d }).collect();
            let counts: Vec<usize> = (0..values).map(|v| digits.iter().filter(|&&d| d == v).count()).collect();
            let y = match which {
                0 => x,
                // The first of the largest.
                1 => (0..values).rev().max_by_key(|&v| counts[v]).unwrap(),
                _ => counts.iter().fold(0, |number, count| number * 10 + count),
            };
            for (t, prior) in case.prior.iter().enumerate() {
                joint.push(([t, x, y], prior * digits.iter().map(|&d| case.data[t][d]).product::<f64>()));
            }
        }
        check(&row, &joint)?;
        if which == 1 {
            // Answer and new sample by the answer's and the sample's own distribution.
            let drawn = |value: usize| -> f64 {
                case.prior.iter().zip(&case.data).map(|(prior, data)| prior * data[value]).sum()
            };
            let source: f64 = joint.iter().map(|(parts, p)| p * drawn(parts[2])).sum();
            prop_assert!((row.accuracy_on_source - source).abs() < 1e-9);
            let data: f64 = joint.iter().map(|(parts, p)| p * case.data[parts[0]][parts[2]]).sum();
            prop_assert!((row.accuracy_on_data - data).abs() < 1e-9);
        }
    }
}

/// Figures against the definitions, intended the other way round too, and bounds.
fn check(row: &ToyRow, joint: &[([usize; 3], f64)]) -> Result<(), TestCaseError> {
    let near = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
    let [total, rote, source, source_given_data] = informations(joint);
    prop_assert!(near(row.memorized_bits, total));
    prop_assert!(near(row.unintended_bits, rote));
    prop_assert!(
        near(row.intended_bits, source - source_given_data),
        "{row:?} {source}"
    );
    let entropy_bits = entropy(joint, [false, true, false]);
    prop_assert!(near(row.entropy_bits, entropy_bits));
    let source_bits = entropy(joint, [true, true, false]) - entropy(joint, [true, false, false]);
    prop_assert!(near(row.source_bits, source_bits));

    prop_assert!(row.unintended_bits >= 0.0 && row.intended_bits >= 0.0);
    prop_assert!(row.memorized_bits <= row.entropy_bits + 1e-9);
    prop_assert!(row.unintended_bits <= row.source_bits + 1e-9);
    prop_assert!(row.intended_bits <= row.entropy_bits - row.source_bits + 1e-9);
    prop_assert!(row.accuracy_on_data <= row.accuracy_best + 1e-9);
    Ok(())
}
