//! Membership inference against scikit-learn (tests/reference/membership.py), closed forms, and what holds always.

use bitcap_measure::{Membership, roc};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    members: Vec<f64>,
    non_members: Vec<f64>,
    thresholds: Vec<f64>,
    false_positive_rates: Vec<f64>,
    true_positive_rates: Vec<f64>,
    auc: f64,
    threshold_bits: Option<f64>,
    balanced_accuracy: f64,
    f1: f64,
    tpr_at_1_percent_fpr: f64,
}

#[test]
fn agrees_with_scikit_learn() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("reference/membership.json")).unwrap();
    assert_eq!(cases.len(), 6);
    let near = |name: &str, found: f64, expected: f64| {
        assert!(
            (found - expected).abs() < 1e-12,
            "{name}: {found} for {expected}"
        );
    };
    for case in cases {
        let found = Membership::infer(&case.members, &case.non_members);
        let name = &case.name;
        near(name, found.auc, case.auc);
        assert_eq!(found.threshold_bits, case.threshold_bits, "{name}");
        near(name, found.balanced_accuracy, case.balanced_accuracy);
        near(name, found.f1, case.f1);
        near(name, found.tpr_at_1_percent_fpr, case.tpr_at_1_percent_fpr);
        let points = roc(&case.members, &case.non_members);
        assert_eq!(points.len(), case.false_positive_rates.len());
        for (index, point) in points.iter().enumerate() {
            near(
                name,
                point.false_positive_rate,
                case.false_positive_rates[index],
            );
            near(
                name,
                point.true_positive_rate,
                case.true_positive_rates[index],
            );
            if index > 0 {
                assert_eq!(point.threshold_bits, case.thresholds[index - 1]);
            }
        }
    }
}

#[test]
fn closed_forms() {
    // Apart: perfect in everything.
    let members: Vec<f64> = (0..100).map(f64::from).collect();
    let non_members: Vec<f64> = (200..300).map(f64::from).collect();
    let apart = Membership::infer(&members, &non_members);
    assert_eq!(
        (
            apart.auc,
            apart.balanced_accuracy,
            apart.f1,
            apart.tpr_at_1_percent_fpr
        ),
        (1.0, 1.0, 1.0, 1.0)
    );
    // The longest even member is 98, the shortest even non-member 200.
    assert_eq!(apart.threshold_bits, Some(149.0));

    // All the same: nothing to tell, no threshold better than calling none a member.
    let same = Membership::infer(&[7.0; 50], &[7.0; 80]);
    assert_eq!((same.auc, same.balanced_accuracy, same.f1), (0.5, 0.5, 0.0));
    assert_eq!(
        (same.threshold_bits, same.tpr_at_1_percent_fpr),
        (None, 0.0)
    );

    // The wrong way round: none are called members.
    let wrong = Membership::infer(&non_members, &members);
    assert_eq!(
        (wrong.auc, wrong.balanced_accuracy, wrong.threshold_bits),
        (0.0, 0.5, None)
    );

    // Uniform on [0, 1) against uniform on [0.5, 1.5), in steps: AUC 7/8, TPR at 1 % FPR 0.51.
    let steps = |from: f64| {
        (0..1000)
            .map(|step| from + f64::from(step) / 1000.0)
            .collect::<Vec<f64>>()
    };
    let uniform = Membership::infer(&steps(0.0), &steps(0.5004));
    assert!((uniform.auc - 0.875).abs() < 1e-3, "{uniform:?}");
    assert!(
        (uniform.tpr_at_1_percent_fpr - 0.511).abs() < 2e-3,
        "{uniform:?}"
    );
    assert!(
        (uniform.balanced_accuracy - 0.75).abs() < 2e-3,
        "{uniform:?}"
    );
}

#[test]
fn one_percent_of_few_is_none() {
    // 99 non-members, the shortest of them shorter than all but one of the members.
    let members = [1.0, 3.0, 4.0, 5.0];
    let mut non_members = vec![9.0; 99];
    non_members[50] = 2.0;
    let found = Membership::infer(&members, &non_members);
    assert_eq!(found.tpr_at_1_percent_fpr, 0.25);
    // Of 100, one may be wrong.
    non_members.push(9.0);
    let found = Membership::infer(&members, &non_members);
    assert_eq!(found.tpr_at_1_percent_fpr, 1.0);
}

#[test]
fn the_half_that_chooses_does_not_score() {
    // Even members are short, odd ones long: a threshold that is perfect on the even half calls no odd one a member.
    let members: Vec<f64> = (0..20)
        .map(|at| if at % 2 == 0 { 1.0 } else { 9.0 })
        .collect();
    let found = Membership::infer(&members, &[5.0; 20]);
    assert_eq!(found.threshold_bits, Some(3.0));
    assert_eq!((found.balanced_accuracy, found.f1), (0.5, 0.0));
}

proptest! {
    #[test]
    fn auc_is_the_share_of_pairs(
        members in proptest::collection::vec((0..30u8).prop_map(f64::from), 2..40),
        non_members in proptest::collection::vec((0..30u8).prop_map(f64::from), 2..40),
    ) {
        let found = Membership::infer(&members, &non_members);
        let pairs: f64 = members
            .iter()
            .flat_map(|member| non_members.iter().map(move |other| {
                if member < other { 1.0 } else if member == other { 0.5 } else { 0.0 }
            }))
            .sum();
        let expected = pairs / (members.len() * non_members.len()) as f64;
        prop_assert!((found.auc - expected).abs() < 1e-12);
        // Turned round, the area is the rest.
        let turned = Membership::infer(&non_members, &members);
        prop_assert!((found.auc + turned.auc - 1.0).abs() < 1e-12);
        for rate in [found.balanced_accuracy, found.f1, found.tpr_at_1_percent_fpr] {
            prop_assert!((0.0..=1.0).contains(&rate));
        }
    }
}

#[test]
#[should_panic(expected = "one half chooses the threshold, the other is scored")]
fn too_few() {
    Membership::infer(&[1.0], &[1.0, 2.0]);
}

#[test]
#[should_panic(expected = "code lengths must be finite")]
fn no_code_lengths() {
    roc(&[1.0, f64::NAN], &[1.0, 2.0]);
}
