"""Membership inference as scikit-learn works it out: python membership.py > membership.json

Needs numpy and scikit-learn (the fixture: numpy 2.4.6, scikit-learn 1.9.1). Scores are minus the code lengths.
"""

import json

import numpy as np
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score, roc_curve


def labels_and_bits(members, non_members):
    labels = np.concatenate([np.ones(len(members), int), np.zeros(len(non_members), int)])
    return labels, np.concatenate([members, non_members])


def curve(members, non_members):
    labels, bits = labels_and_bits(members, non_members)
    return roc_curve(labels, -bits, drop_intermediate=False)


def case(name, members, non_members):
    labels, bits = labels_and_bits(members, non_members)
    false, true, scores = curve(members, non_members)

    # The threshold is ours to choose: the first of the highest TPR - FPR on the even half, half way to the next.
    half_false, half_true, half_scores = curve(members[::2], non_members[::2])
    best = int(np.argmax(np.round(half_true - half_false, 12)))
    thresholds = -half_scores
    if best == 0:
        threshold = -np.inf
    elif best + 1 == len(thresholds):
        threshold = np.inf
    else:
        threshold = (thresholds[best] + thresholds[best + 1]) / 2
    odd_labels, odd_bits = labels_and_bits(members[1::2], non_members[1::2])
    called = (odd_bits <= threshold).astype(int)
    return {
        "name": name,
        "members": members.tolist(),
        "non_members": non_members.tolist(),
        "thresholds": (-scores[1:]).tolist(),
        "false_positive_rates": false.tolist(),
        "true_positive_rates": true.tolist(),
        "auc": float(roc_auc_score(labels, -bits)),
        "threshold_bits": float(threshold) if np.isfinite(threshold) else None,
        "balanced_accuracy": float(balanced_accuracy_score(odd_labels, called)),
        "f1": float(f1_score(odd_labels, called, zero_division=0)),
        "tpr_at_1_percent_fpr": float(true[false <= 0.01].max()),
    }


random = np.random.default_rng(20261)
cases = [
    case("apart", random.uniform(5, 20, 40), random.uniform(25, 60, 30)),
    case("overlapping", random.normal(50, 8, 301), random.normal(60, 8, 250)),
    case("same", random.normal(50, 8, 200), random.normal(50, 8, 200)),
    case("ties", random.integers(3, 9, 80).astype(float), random.integers(5, 12, 120).astype(float)),
    case("the wrong way round", random.normal(60, 3, 60), random.normal(40, 3, 50)),
    case("few", np.array([3.0, 1.0, 4.0]), np.array([1.5, 9.0])),
]
print(json.dumps(cases, indent=1))
