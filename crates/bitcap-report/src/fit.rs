//! A capacity fitted to the whole curve.
//!
//! Model: mem = (ceiling^-p + C^-p)^(-1/p), the smooth minimum (p-norm of the reciprocals) of what the data has to
//! give and of what the model can hold. Derivation: below the knee mem = ceiling, above it mem = C, both exactly,
//! are the two limits, and the one-parameter family of means that joins them, symmetric in its arguments and
//! homogeneous of degree one (bits may be read in any unit), is the power mean's; p says how sharp the knee is
//! (p -> infinity is min(ceiling, C), and at ceiling = C the curve lies 2^(-1/p) below both).
//!
//! C and p minimize the sum of squared relative residuals (model - mean)/mean over the sizes, equally weighted.
//!
//! Limits: it describes one training budget. A tail that falls for want of steps is not in the model and pulls C
//! down (the residual shows it); what more steps would add is the gain per doubling, not this. It is called
//! determined only with at least four sizes, all means above zero, a largest ceiling at least a quarter above C
//! (some size beyond the knee), and C and p above the lower ends of the ranges searched; otherwise C would be an
//! extrapolation. A p at the upper end is a knee too sharp to be told from a sharper one.

use crate::statistics::range;

/// The name written to capacity.csv.
pub(crate) const NAME: &str = "smooth minimum, p-norm";

/// Fewer sizes than this do not determine two numbers and leave something to judge them by.
const SIZES: usize = 4;
/// How far the largest ceiling must lie above C, as a factor.
const BEYOND: f64 = 1.25;
/// p below 1 bends over more than the decade or two that a grid spans; above 64 the knee is sharper than 1.1 %.
const P_RANGE: (f64, f64) = (1.0, 64.0);
/// Steps of the scan that precedes each golden section, so that a local minimum is not taken for the best.
const SCAN: usize = 48;

/// A determined fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// C, in bits, to six significant digits.
    pub capacity_bits: f64,
    /// p, the sharpness of the knee, to six significant digits.
    pub p: f64,
    /// Root mean square of the relative residuals, to six significant digits.
    pub residual: f64,
}

/// Fits (ceiling, mean memorized) pairs, both in bits; `None` where they do not determine C.
pub(crate) fn fit(means: &[(f64, f64)]) -> Option<Fit> {
    if means.len() < SIZES || means.iter().any(|&(c, m)| c <= 0.0 || m <= 0.0) {
        return None;
    }
    let logs: Vec<(f64, f64)> = means.iter().map(|(c, m)| (c.ln(), m.ln())).collect();
    let (least, most) = range(logs.iter().flat_map(|&(c, m)| [c, m]))?;
    // A knee far outside the data cannot be told from none: one factor e^2 on either side is enough to see that.
    let range_c = (least - 2.0, most + 2.0);
    // The best C for a p, and of these the best p: two searches of one variable each, which need no
    // derivatives and no start.
    let best_c = |ln_p: f64| minimize(range_c, |ln_c| loss(&logs, ln_c, ln_p.exp()));
    let ln_p = minimize((P_RANGE.0.ln(), P_RANGE.1.ln()), |ln_p| {
        loss(&logs, best_c(ln_p), ln_p.exp())
    });
    let ln_c = best_c(ln_p);
    let beyond = logs.iter().any(|pair| pair.0 - ln_c >= BEYOND.ln());
    // Only the lower ends: a p at its upper one is a knee as sharp as there can be, and C is far
    // from its own where a ceiling lies beyond it.
    let inside = ln_p > P_RANGE.0.ln() + 1e-6 && ln_c > range_c.0 + 1e-6;
    if !(beyond && inside) {
        return None;
    }
    let p = ln_p.exp();
    Some(Fit {
        capacity_bits: six_digits(ln_c.exp()),
        p: six_digits(p),
        residual: six_digits((loss(&logs, ln_c, p) / logs.len() as f64).sqrt()),
    })
}

/// Sum of squared relative residuals.
fn loss(logs: &[(f64, f64)], ln_c: f64, p: f64) -> f64 {
    let residual = |(ceiling, memorized)| ln_model(ceiling, ln_c, p) - memorized;
    // exp(ln model - ln mean) - 1 = (model - mean) / mean, with all its digits where it is small.
    let squares = logs.iter().map(|&pair| residual(pair).exp_m1().powi(2));
    squares.sum()
}

/// ln of the smooth minimum: min - ln(1 + exp(-p |ln ceiling - ln C|)) / p, which cannot overflow.
fn ln_model(ln_ceiling: f64, ln_c: f64, p: f64) -> f64 {
    let distance = (ln_ceiling - ln_c).abs();
    ln_ceiling.min(ln_c) - (-p * distance).exp().ln_1p() / p
}

/// The best of an even scan, refined by golden section between its neighbours (to 1e-9 of the range; closer than
/// about 1e-8 a minimum cannot be told in f64).
fn minimize((low, high): (f64, f64), f: impl Fn(f64) -> f64) -> f64 {
    let at = |i: usize| low + (high - low) * i as f64 / SCAN as f64;
    let values: Vec<f64> = (0..=SCAN).map(|i| f(at(i))).collect();
    let least = (0..=SCAN).min_by(|&i, &j| values[i].total_cmp(&values[j]));
    let best = least.unwrap_or(0);
    let (mut a, mut b) = (at(best.saturating_sub(1)), at((best + 1).min(SCAN)));
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    // Cut so that one of the two inner points is an inner point of what is left too: a step costs
    // one value. It takes for granted that between the neighbours of the best there is one minimum.
    let (mut x, mut y) = (b - golden * (b - a), a + golden * (b - a));
    let (mut fx, mut fy) = (f(x), f(y));
    while b - a > 1e-9 * (high - low) {
        if fx <= fy {
            (b, y, fy) = (y, x, fx);
            x = b - golden * (b - a);
            fx = f(x);
        } else {
            (a, x, fx) = (x, y, fy);
            y = a + golden * (b - a);
            fy = f(y);
        }
    }
    f64::midpoint(a, b)
}

/// More digits than a minimum has would only tell one machine's logarithm from another's.
fn six_digits(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILINGS: [f64; 6] = [3e3, 6e3, 12e3, 18e3, 24e3, 48e3];

    /// Written as in the definition, not as in `ln_model`.
    fn curve(c: f64, p: f64) -> Vec<(f64, f64)> {
        each(|x| (x.powf(-p) + c.powf(-p)).powf(-1.0 / p))
    }

    fn each(memorized: impl FnMut(f64) -> f64) -> Vec<(f64, f64)> {
        CEILINGS.into_iter().zip(CEILINGS.map(memorized)).collect()
    }

    #[track_caller]
    fn check(means: &[(f64, f64)], capacity: f64, within: f64) -> Fit {
        let fit = fit(means).unwrap();
        let off = fit.capacity_bits / capacity - 1.0;
        assert!(off.abs() < within, "{capacity} {fit:?}");
        fit
    }

    #[test]
    fn a_known_curve_is_recovered() {
        for c in [5e3, 9_876.5, 2e4, 3e4] {
            for p in [1.5, 4.0, 10.0, 30.0] {
                assert!(check(&curve(c, p), c, 1e-3).residual < 1e-4, "{c} {p}");
            }
        }
        let Fit { p, .. } = fit(&curve(1e4, 6.0)).unwrap();
        assert!((p / 6.0 - 1.0).abs() < 1e-3, "{p}");
        // As sharp as can be.
        check(&each(|x| x.min(9e3)), 9e3, 0.01);
    }

    #[test]
    fn noise_moves_it_little() {
        let noise = [0.004, -0.006, 0.008, -0.005, 0.007, -0.008];
        let mut means = curve(1e4, 5.0);
        for ((_, mean), noise) in means.iter_mut().zip(noise) {
            *mean *= 1.0 + noise;
        }
        let fit = check(&means, 1e4, 0.01);
        assert!((0.001..0.01).contains(&fit.residual), "{fit:?}");
    }

    #[test]
    fn a_curve_that_never_bends_determines_nothing() {
        let wobble = [1.0, 0.999, 0.998, 0.999, 0.997, 0.995];
        for factors in [[1.0; 6], [0.99; 6], wobble] {
            let mut factor = factors.into_iter();
            let means = each(|x| x * factor.next().unwrap());
            assert_eq!(fit(&means), None, "{factors:?}");
        }
    }

    #[test]
    fn too_few_sizes_or_nothing_memorized_determine_nothing() {
        assert_eq!(fit(&curve(9e3, 5.0)[2..5]), None);
        assert!(fit(&curve(9e3, 5.0)[1..5]).is_some());
        let mut means = curve(9e3, 5.0);
        means[3].1 = -10.0;
        assert_eq!(fit(&means), None);
        assert_eq!(fit(&[]), None);
    }

    #[test]
    fn the_unit_does_not_matter() {
        let a = fit(&curve(9e3, 5.0)).unwrap();
        let scaled = curve(9e3, 5.0).into_iter();
        let scaled: Vec<_> = scaled.map(|(x, m)| (x * 64.0, m * 64.0)).collect();
        check(&scaled, 64.0 * a.capacity_bits, 1e-5);
    }
}
