//! The mixture of oracle and model that makes a dataset shortest.

use bitcap_base::CompensatedSum;

/// Halvings of the interval of w. The last is 2^-60 long, far below what any dataset can tell.
const HALVINGS: usize = 60;

/// What one sequence says of w. With d the bits that the model saves on it and q = 2^-|d|, at most 1, its saving under
/// the mixture is log2((1 - w) + w 2^d), without overflow
///
/// d + log2(w + (1 - w) q) where d > 0, and log2((1 - w) + w q) where not.
#[derive(Clone, Copy)]
struct Term {
    saved: f64,
    ratio: f64,
}

impl Term {
    fn new(saved: f64) -> Self {
        Self {
            saved,
            ratio: (-saved.abs()).exp2(),
        }
    }

    /// The mixture's probability over the larger of the two.
    fn mixed(self, weight: f64) -> f64 {
        if self.saved > 0.0 {
            weight + (1.0 - weight) * self.ratio
        } else {
            (1.0 - weight) + weight * self.ratio
        }
    }

    fn gain(self, weight: f64) -> f64 {
        self.saved.max(0.0) + self.mixed(weight).log2()
    }

    /// Derivative of the gain by w, in nats.
    fn slope(self, weight: f64) -> f64 {
        // `mixed` is linear in w: it rises by 1 - q where the model is the better of the two, and
        // falls by it where not.
        (1.0 - self.ratio).copysign(self.saved) / self.mixed(weight)
    }
}

/// The share w of the model and the bits saved against the oracle alone, of the best of: the oracle alone (w = 0, 0
/// bits), the model alone (w = 1), and the fitted mixture less (log2 N) / 2. `saved` is what the model saves on each
/// sequence.
pub(super) fn shortest(saved: &[f64]) -> (f64, f64) {
    let terms: Vec<Term> = saved.iter().copied().map(Term::new).collect();
    let weight = fit(&terms);
    let gains = terms.iter().map(|term| term.gain(weight));
    // Only the fitted weight is paid for: 0 and 1 are no parameters of a code that has one of the
    // two. So what is saved is never below 0, nor below what the model alone saves.
    let mixture = CompensatedSum::from_iter(gains).value() - cost(terms.len());
    let model = CompensatedSum::from_iter(saved.iter().copied()).value();
    // The simpler of equals first; a comparison with NaN would not be taken, and there is none.
    let mut best = (0.0, 0.0);
    for candidate in [(1.0, model), (weight, mixture)] {
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    best
}

/// Bits for stating one parameter as exactly as N observations tell it (Rissanen 1978).
fn cost(samples: usize) -> f64 {
    (samples as f64).log2() / 2.0
}

/// The w within (0, 1) of the largest gain. The gain is concave in w, so its slope changes sign once and halving finds
/// where; at an end where it does not, w goes there as far as halvings go.
fn fit(terms: &[Term]) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        let slope: f64 = terms.iter().map(|term| term.slope(middle)).sum();
        // Only its sign counts, so a plain sum does: a rounding turns it only near the top.
        if slope > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::{Term, cost, fit, shortest};
    use proptest::prelude::*;

    fn gain(saved: &[f64], weight: f64) -> f64 {
        saved
            .iter()
            .map(|&saved| Term::new(saved).gain(weight))
            .sum()
    }

    proptest! {
        #[test]
        fn no_weight_of_a_grid_is_better(saved in proptest::collection::vec(-30.0..30.0f64, 1..50)) {
            let terms: Vec<Term> = saved.iter().copied().map(Term::new).collect();
            let best = gain(&saved, fit(&terms));
            for step in 0..=1000 {
                let weight = f64::from(step) / 1000.0;
                // The definition, with no care for overflow.
                let direct: f64 = saved
                    .iter()
                    .map(|saved| ((1.0 - weight) + weight * saved.exp2()).log2())
                    .sum();
                prop_assert!((direct - gain(&saved, weight)).abs() < 1e-9);
                prop_assert!(direct <= best + 1e-9, "{direct} {best}");
            }
        }

        #[test]
        fn the_shortest_of_three(saved in proptest::collection::vec(-3e4..3e4f64, 1..50)) {
            let (weight, bits) = shortest(&saved);
            let model: f64 = saved.iter().sum();
            let most: f64 = saved.iter().map(|bits| bits.max(0.0)).sum();
            prop_assert!((0.0..=1.0).contains(&weight));
            prop_assert!(bits >= 0.0 && bits >= model - 1e-9 * model.abs());
            prop_assert!(bits <= most * (1.0 + 1e-12));
            // Never worse than half and half, at its cost.
            prop_assert!(bits >= gain(&saved, 0.5) - cost(saved.len()) - 1e-6);
        }
    }

    #[test]
    fn closed_forms() {
        // d = 1 in share a of the sequences and -inf-like in the others: log2(1 + w) a + log2(1 - w) (1 - a) has its
        // top at w = 2 a - 1.
        let saved: Vec<f64> = (0..1000)
            .map(|at| if at < 800 { 1.0 } else { -2000.0 })
            .collect();
        let (weight, bits) = shortest(&saved);
        assert!((weight - 0.6).abs() < 1e-12, "{weight}");
        let expected = 800.0 * 1.6f64.log2() + 200.0 * 0.4f64.log2() - 1000f64.log2() / 2.0;
        assert!((bits - expected).abs() < 1e-9, "{bits} {expected}");

        // All to gain, nothing to lose: the model alone, without a cost.
        assert_eq!(shortest(&[5.0; 64]), (1.0, 320.0));
        // Nothing to gain: the oracle alone.
        assert_eq!(shortest(&[-5.0; 64]), (0.0, 0.0));
        assert_eq!(shortest(&[0.0; 64]), (0.0, 0.0));
        // One sequence in a thousand known by heart: w = 1 / 1000, nearly all of it gained.
        let mut saved = vec![-60.0; 1000];
        saved[7] = 60.0;
        let (weight, bits) = shortest(&saved);
        assert!((weight - 1e-3).abs() < 1e-9);
        let expected = 60.0 + 1e-3f64.log2() + 999.0 * 0.999f64.log2() - 1000f64.log2() / 2.0;
        assert!((bits - expected).abs() < 1e-6, "{bits} {expected}");
    }
}
