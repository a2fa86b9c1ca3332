//! The few functions that probabilities need, on top of `libm`: Rust code whose results are the same
//! on every platform, so that drawn data and figures in files are.

use std::f64::consts::LN_2;

use bitcap_base::CompensatedSum;

/// `count` log2 `probability`, with nothing lost on an event that never happened: 0 log2 0 = 0.
pub(crate) fn times_log2(count: u64, probability: f64) -> f64 {
    if count == 0 {
        0.0
    } else {
        count as f64 * libm::log2(probability)
    }
}

/// log2 of the sum of 2^term; minus infinity where there is nothing to sum. The largest term is
/// taken out first, so that nothing overflows and what underflows is below 2^-1000 of the sum.
pub(crate) fn log2_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    // Minus infinity less itself would be NaN.
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = terms.map(|term| libm::exp2(term - largest)).sum();
    largest + libm::log2(sum)
}

/// The first number from `low` on that `holds`, as do all after it; `high` where none below that does.
pub(crate) fn first_that(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    // None below `low` holds; all from `high` on do, but for the end itself, which is never asked.
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Natural logarithm of the rising factorial a (a + 1) ... (a + n - 1) = Gamma(a + n) / Gamma(a),
/// for a > 0.
pub(crate) fn ln_rising(a: f64, n: u64) -> f64 {
    // Below this the product is as quick, and exact where the difference of the two log-gammas
    // cancels.
    const FEW: u64 = 32;
    if n <= FEW {
        return (0..n).map(|i| libm::log(a + i as f64)).sum();
    }
    libm::lgamma(a + n as f64) - libm::lgamma(a)
}

/// The same of any n that is not negative, as expected counts are: Gamma(a + n) / Gamma(a).
pub(crate) fn ln_rising_real(a: f64, n: f64) -> f64 {
    libm::lgamma(a + n) - libm::lgamma(a)
}

/// log2 of the falling factorial m (m - 1) ... (m - n + 1), n at most m.
pub(crate) fn log2_falling(m: u64, n: u64) -> f64 {
    let factors = (0..n).map(|i| libm::log2((m - i) as f64));
    CompensatedSum::from_iter(factors).value()
}

/// The derivative of the natural logarithm of Gamma, for x > 0.
pub(crate) fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    // psi(x + 1) = psi(x) + 1/x, up to where the series' first term left out is below 1e-16.
    while x < 10.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    // Abramowitz and Stegun 6.3.18: ln x - 1/(2x) - sum of B_2n / (2n x^2n).
    let s = 1.0 / (x * x);
    let series = s
        * (1.0 / 12.0
            - s * (1.0 / 120.0
                - s * (1.0 / 252.0
                    - s * (1.0 / 240.0 - s * (1.0 / 132.0 - s * (691.0 / 32_760.0 - s / 12.0))))));
    libm::log(x) - 0.5 / x - series - below
}

/// Entropy of one bit that is set with this probability, in bits.
pub(crate) fn binary_entropy(probability: f64) -> f64 {
    let term = |p: f64| if p > 0.0 { -p * libm::log2(p) } else { 0.0 };
    term(probability) + term(1.0 - probability)
}

/// Mean entropy, in bits, of a distribution over `symbols` drawn from the symmetric Dirichlet prior
/// with this concentration a symbol: psi(V a + 1) - psi(a + 1) nats.
pub(crate) fn mean_dirichlet_entropy(symbols: u32, concentration: f64) -> f64 {
    // By linearity V times the mean of -p ln p of one symbol, whose p is Beta(a, (V - 1) a). For a
    // Beta the mean of p ln p is the mean of p, here 1/V, times psi(a + 1) - psi(V a + 1).
    let total = f64::from(symbols) * concentration;
    (digamma(total + 1.0) - digamma(concentration + 1.0)) / LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{a} {b}");
    }

    #[test]
    fn digamma_has_its_known_values() {
        let euler = 0.577_215_664_901_532_9;
        close(digamma(1.0), -euler);
        close(digamma(0.5), -euler - 2.0 * LN_2);
        close(digamma(4.0), 11.0 / 6.0 - euler);
        // psi(1/4), psi(100): mpmath 1.3.
        close(digamma(0.25), -4.227_453_533_376_265_4);
        close(digamma(100.0), 4.600_161_852_738_087);
    }

    #[test]
    fn a_rising_factorial_is_the_same_by_product_and_by_gamma() {
        for a in [1e-3, 0.5, 1.0, 7.25, 1e3, 6.5e7] {
            for n in [0_u64, 1, 31, 32, 33, 1000] {
                let product: f64 = (0..n).map(|i| (a + i as f64).ln()).sum();
                let found = ln_rising(a, n);
                // Above 32 the error is that of lgamma(a), 1e9 for the largest a here.
                let scale = 1.0 + libm::lgamma(a).abs() + product.abs();
                assert!((found - product).abs() < 4e-16 * scale * 10.0, "{a} {n}");
            }
        }
        for (a, n) in [(0.5, 2.0), (1.0, 4.0), (7.25, 0.0), (3.0, 60.0)] {
            close(ln_rising_real(a, n), ln_rising(a, n as u64));
        }
        // Gamma(1) / Gamma(1/2) = 1 / sqrt(pi).
        close(ln_rising_real(0.5, 0.5), -0.5 * std::f64::consts::PI.ln());
        assert_eq!((log2_falling(8, 0), log2_falling(8, 1)), (0.0, 3.0));
        close(log2_falling(7, 3), 210_f64.log2());
        // 50! by Python's exact integers.
        close(ln_rising(1.0, 50), 148.477_766_951_773_02);
    }

    #[test]
    fn sums_in_the_log_domain_neither_overflow_nor_vanish() {
        close(log2_sum([-5000.0, -5000.0].into_iter()), -4999.0);
        close(log2_sum([3.0, f64::NEG_INFINITY].into_iter()), 3.0);
        assert_eq!(log2_sum([].into_iter()), f64::NEG_INFINITY);
        assert_eq!(times_log2(0, 0.0), 0.0);
        assert_eq!(times_log2(2, 0.0), f64::NEG_INFINITY);
    }

    #[test]
    fn mean_entropies_agree_with_the_uniform_prior_on_a_coin() {
        // Integral of the binary entropy over [0, 1]: 1 / (2 ln 2).
        close(mean_dirichlet_entropy(2, 1.0), 0.5 / LN_2);
        close(binary_entropy(0.5), 1.0);
        close(binary_entropy(0.1), 0.468_995_593_589_281_2);
        assert_eq!((binary_entropy(0.0), binary_entropy(1.0)), (0.0, 0.0));
    }
}
