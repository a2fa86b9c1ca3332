//! A sum of many f64 that loses nothing worth mentioning.

/// Neumaier's compensated sum (ZAMM 54, 1974), in the order the terms come. Its error is about one rounding of the
/// result as long as terms do not cancel; a plain sum's grows with the number of terms.
#[derive(Debug, Clone, Copy, Default)]
pub struct CompensatedSum {
    sum: f64,
    lost: f64,
}

impl CompensatedSum {
    /// Adds a term.
    pub fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        // What the addition rounded away, exactly. The larger of the two comes first, since it is
        // the smaller one whose digits are lost.
        self.lost += if self.sum.abs() >= term.abs() {
            (self.sum - sum) + term
        } else {
            (term - sum) + self.sum
        };
        self.sum = sum;
    }

    /// The sum so far.
    #[must_use]
    pub fn value(self) -> f64 {
        self.sum + self.lost
    }
}

impl FromIterator<f64> for CompensatedSum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::CompensatedSum;

    #[test]
    fn keeps_what_a_plain_sum_rounds_away() {
        let terms = [1.0, 1e100, 1.0, -1e100];
        assert_eq!(terms.iter().sum::<f64>(), 0.0);
        assert_eq!(CompensatedSum::from_iter(terms).value(), 2.0);
    }

    #[test]
    fn sums_a_million_tenths_to_the_last_bit() {
        // 0.1 as an f64 is 3602879701896397 / 2^55, so the exact sum is known in integers.
        let exact = (3_602_879_701_896_397_i128 * 1_000_000) as f64 / 2f64.powi(55);
        let terms = || std::iter::repeat_n(0.1, 1_000_000);
        assert_ne!(terms().sum::<f64>(), exact);
        assert_eq!(terms().collect::<CompensatedSum>().value(), exact);
    }
}
