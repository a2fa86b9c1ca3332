//! Whether a sequence was trained on, told from its code length alone.

use serde::{Deserialize, Serialize};

use crate::code_length::assert_code_lengths;

/// The false-positive rate at which the true-positive rate is reported (Carlini et al., 2022, "Membership inference
/// attacks from first principles": an attack is as good as it is where it hardly errs).
const LOW_RATE: f64 = 0.01;

/// Advantages nearer than this are equal, and differ by rounding: rates are whole numbers over at most some 10^6.
const TIE: f64 = 1e-13;

/// Membership inference by loss threshold: a sequence with a code length of at most the threshold is said to be a
/// member, that is, trained on (Yeom et al., 2018).
///
/// Positives are members. Where members and non-members cannot be told apart, `auc` and `balanced_accuracy` are 0.5,
/// the true-positive rate is 0.01, and F1 has no floor worth the name: with as many members as non-members 2 u /
/// (1 + 2 u) where the threshold calls a share of u of each members, from 0 to 2/3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// Members given.
    pub members: usize,
    /// Non-members given.
    pub non_members: usize,
    /// Area under the ROC curve: the probability that a member has a shorter code than a non-member, a tie counted half
    /// (the statistic of Mann and Whitney over the product of the numbers).
    pub auc: f64,
    /// Threshold in bits, chosen on the members and non-members with even index for the highest balanced accuracy: half
    /// way between the two code lengths that it parts, the lowest such if there are several. None where calling all of
    /// them members, or none, is best.
    pub threshold_bits: Option<f64>,
    /// Mean of true-positive and true-negative rate of that threshold, on those with odd index.
    pub balanced_accuracy: f64,
    /// F1 of that threshold, on those with odd index: 2 TP / (2 TP + FP + FN).
    pub f1: f64,
    /// The highest true-positive rate of any threshold that calls at most 1 % of the non-members members. Nothing is
    /// interpolated. With fewer than 100 non-members that is none of them.
    pub tpr_at_1_percent_fpr: f64,
}

/// A point of a ROC curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// Code length in bits up to which sequences are called members; minus infinity at the first point.
    pub threshold_bits: f64,
    /// Share of the non-members that are called members.
    pub false_positive_rate: f64,
    /// Share of the members that are.
    pub true_positive_rate: f64,
}

impl Membership {
    /// From the code lengths of members and of non-members, in bits, each in the order of its dataset.
    ///
    /// # Panics
    ///
    /// If there are fewer than 2 of either, so that a half is empty, or a code length is negative, infinite or NaN.
    pub fn infer(members: &[f64], non_members: &[f64]) -> Self {
        assert!(
            members.len() >= 2 && non_members.len() >= 2,
            "one half chooses the threshold, the other is scored"
        );
        // The curve of all of them, for what is read off the curve itself. A threshold that is
        // chosen by how well it does must be scored on others, or it looks better than it is: hence
        // two halves, taken in turns so that an order in the data falls on both.
        let points = roc(members, non_members);
        let half = |bits: &[f64], from| -> Vec<f64> {
            bits.iter().copied().skip(from).step_by(2).collect()
        };
        let threshold = best_threshold(&roc(&half(members, 0), &half(non_members, 0)));
        // How many are scored, and how many of those are called members.
        let score = |bits: &[f64]| {
            let scored = half(bits, 1);
            let called = scored.iter().filter(|bits| **bits <= threshold).count();
            (scored.len() as f64, called as f64)
        };
        let (positives, true_positives) = score(members);
        let (negatives, false_positives) = score(non_members);
        Self {
            members: members.len(),
            non_members: non_members.len(),
            auc: area(&points),
            threshold_bits: threshold.is_finite().then_some(threshold),
            balanced_accuracy: f64::midpoint(
                true_positives / positives,
                1.0 - false_positives / negatives,
            ),
            // 2 TP + FP + FN, and FN = P - TP; there are positives, so it is not 0.
            f1: 2.0 * true_positives / (true_positives + false_positives + positives),
            tpr_at_1_percent_fpr: points
                .iter()
                .filter(|point| point.false_positive_rate <= LOW_RATE)
                .map(|point| point.true_positive_rate)
                .fold(0.0, f64::max),
        }
    }
}

/// The ROC curve of the code lengths, in bits, of members and non-members: a point for calling none a member, then one
/// for each different code length, from the shortest to the longest.
///
/// # Panics
///
/// If there are no members or no non-members, or a code length is negative, infinite or NaN.
pub fn roc(members: &[f64], non_members: &[f64]) -> Vec<RocPoint> {
    assert_code_lengths(members);
    assert_code_lengths(non_members);
    let mut all: Vec<(f64, bool)> = members.iter().map(|&bits| (bits, true)).collect();
    all.extend(non_members.iter().map(|&bits| (bits, false)));
    // Numbers all, so total order is the usual one.
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut points = vec![RocPoint {
        threshold_bits: f64::NEG_INFINITY,
        false_positive_rate: 0.0,
        true_positive_rate: 0.0,
    }];
    let (mut of_members, mut of_non_members) = (0usize, 0usize);
    // No threshold can part what is tied, so it is one step of the curve.
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let called = tied.iter().filter(|(_, member)| *member).count();
        of_members += called;
        of_non_members += tied.len() - called;
        points.push(RocPoint {
            threshold_bits: tied[0].0,
            false_positive_rate: of_non_members as f64 / non_members.len() as f64,
            true_positive_rate: of_members as f64 / members.len() as f64,
        });
    }
    points
}

/// By trapezoids, which count ties half.
fn area(points: &[RocPoint]) -> f64 {
    points
        .windows(2)
        .map(|pair| {
            let width = pair[1].false_positive_rate - pair[0].false_positive_rate;
            width * f64::midpoint(pair[0].true_positive_rate, pair[1].true_positive_rate)
        })
        .sum()
}

/// The threshold of the highest balanced accuracy, half way to the next code length; infinite where all or none are
/// called members.
fn best_threshold(points: &[RocPoint]) -> f64 {
    // Balanced accuracy is a half and half of this, so the best by one is the best by the other.
    let advantage = |point: &RocPoint| point.true_positive_rate - point.false_positive_rate;
    let mut best = 0;
    for (index, point) in points.iter().enumerate() {
        // Only what is better by more than a rounding, so that the lowest of equals stays.
        if advantage(point) > advantage(&points[best]) + TIE {
            best = index;
        }
    }
    // Between two code lengths any threshold does the same here; the middle favours neither side of
    // those it is scored on.
    match (best, points.get(best + 1)) {
        (0, _) => f64::NEG_INFINITY,
        (_, None) => f64::INFINITY,
        (_, Some(next)) => f64::midpoint(points[best].threshold_bits, next.threshold_bits),
    }
}
