//! Hidden Markov data: a chain of hidden states, each of which gives a token.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Split;
use crate::dirichlet::DirichletRows;
use crate::kind::{Kind, Parameters, Rows, Statistics, parameter_words};
use crate::math::{ln_rising_real, log2_sum};
use crate::random::below;
use bitcap_base::{CompensatedSum, InvalidSetting, in_range, stream};

/// Most states: a sequence takes K^2 S steps, and the emissions' K V numbers are then at most 2^24.
const MAX_STATES: u32 = 256;

/// Settings of the hidden Markov source. The first state of a sequence is uniform over the K.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HiddenMarkovSettings {
    /// Vocabulary V, 2 to 65,536.
    pub vocabulary: u32,
    /// Sequence length S, 1 to 4,096 tokens.
    pub length: u32,
    /// Number of hidden states K, 2 to 256.
    pub states: u32,
    /// Concentration of the Dirichlet prior of the transitions, for each next state, 0.001 to 1,000.
    /// 1 is the uniform prior over all distributions; smaller values favour distributions with few
    /// likely states.
    pub transition_concentration: f64,
    /// Concentration of the Dirichlet prior of the emissions, for each token, 0.001 to 1,000. 1 is
    /// the uniform prior over all distributions; smaller values favour distributions with few likely
    /// tokens.
    pub emission_concentration: f64,
    /// Seed that the distributions are drawn with.
    pub seed: u64,
}

impl Kind for HiddenMarkovSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 1, 4096)?;
        in_range("source.states", self.states, 2, MAX_STATES)?;
        for (key, concentration) in [
            ("transition", self.transition_concentration),
            ("emission", self.emission_concentration),
        ] {
            let key = format!("source.{key}_concentration");
            in_range(&key, concentration, 0.001, 1000.0)?;
        }
        Ok(())
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.vocabulary, self.length, self.seed)
    }

    /// The marginal is a sum over all K^(N S) chains of states.
    fn entropy_is_known(&self) -> bool {
        false
    }

    /// Of uniform data.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let token = libm::log2(f64::from(self.vocabulary));
        samples as f64 * f64::from(self.length) * token
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(self.chain()))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        let states = self.states as usize;
        Some(Box::new(ExpectedCounts {
            chain: self.chain(),
            transitions: vec![0.0; states * states],
            emissions: vec![0.0; states * self.vocabulary as usize],
            log2: CompensatedSum::default(),
        }))
    }
}

impl HiddenMarkovSettings {
    /// Draws the transitions, then the emissions.
    fn chain(&self) -> HiddenChain {
        let words = &mut parameter_words(self.seed);
        let states = self.states as usize;
        let symbols = self.vocabulary as usize;
        let transitions = DirichletRows::draw(words, states, states, self.transition_concentration);
        let emissions = DirichletRows::draw(words, states, symbols, self.emission_concentration);
        let rows = (0..states).flat_map(|from| transitions.row(from));
        HiddenChain {
            probabilities: rows.map(|&log2| libm::exp2(log2)).collect(),
            settings: self.clone(),
            transitions,
            emissions,
        }
    }
}

/// The parameters: K probabilities of the next state, and V of the token, for each state.
#[derive(Debug)]
struct HiddenChain {
    settings: HiddenMarkovSettings,
    transitions: DirichletRows,
    emissions: DirichletRows,
    /// The transitions once more, not as logarithms, row after row.
    probabilities: Vec<f64>,
}

/// Which way a chain is gone along.
#[derive(Clone, Copy)]
enum Direction {
    Forward,
    Backward,
}

impl HiddenChain {
    fn states(&self) -> usize {
        self.settings.states as usize
    }

    /// The forward algorithm: for each position and state, log2 of the probability of the tokens up
    /// to there and that state at the last of them, K to a position.
    fn forward(&self, sequence: &[u16]) -> Vec<f64> {
        let states = self.states();
        let mut all = Vec::with_capacity(sequence.len() * states);
        let mut before = vec![-libm::log2(states as f64); states];
        for (position, &token) in sequence.iter().enumerate() {
            if position > 0 {
                before = self.step(&before, Direction::Forward);
            }
            self.emit(&mut before, token);
            all.extend_from_slice(&before);
        }
        all
    }

    /// Adds log2 of each state's probability of this token.
    fn emit(&self, log2: &mut [f64], token: u16) {
        for (state, log2) in log2.iter_mut().enumerate() {
            *log2 += self.emissions.row(state)[usize::from(token)];
        }
    }

    /// For each state, log2 of the sum over the states before it (forward) or after it (backward) of
    /// 2^`log2` times the transition's probability. Summed as plain numbers, the largest taken out;
    /// where so little is left of that sum that some of it may have vanished, as logarithms.
    fn step(&self, log2: &[f64], direction: Direction) -> Vec<f64> {
        const LITTLE: f64 = 1e-200;
        let states = self.states();
        let largest = log2.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let plain: Vec<f64> = log2.iter().map(|l| libm::exp2(l - largest)).collect();
        let ends = |here: usize, other: usize| match direction {
            Direction::Forward => (other, here),
            Direction::Backward => (here, other),
        };
        let sum_at = |here: usize| {
            let term = |other: usize| {
                let (from, to) = ends(here, other);
                plain[other] * self.probabilities[from * states + to]
            };
            let sum: f64 = (0..states).map(term).sum();
            if sum > LITTLE {
                return largest + libm::log2(sum);
            }
            log2_sum((0..states).map(|other| {
                let (from, to) = ends(here, other);
                log2[other] + self.transitions.row(from)[to]
            }))
        };
        (0..states).map(sum_at).collect()
    }
}

impl Parameters for HiddenChain {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let all = self.forward(sequence);
        let last = &all[all.len() - self.states()..];
        Some(log2_sum(last.iter().copied()).min(0.0))
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        Box::new(move |tokens| {
            let mut state = 0;
            for (position, token) in tokens.iter_mut().enumerate() {
                state = if position == 0 {
                    below(&mut words, self.settings.states) as usize
                } else {
                    self.transitions.pick(state, &mut words)
                };
                *token = self.emissions.pick(state, &mut words) as u16;
            }
        })
    }
}

/// How often each transition and each emission is to be expected where only the tokens are seen, for
/// a lower bound of the marginal.
///
/// With Z the hidden states of all the data, q any distribution over them and H(q) its entropy,
/// ln p(X) >= E_q[ln p(X, Z)] + H(q) by Jensen's inequality. Given Z, the parameters' marginal is
/// known: with Dirichlet rows theta, p(X, Z) is the mean over the prior of the product of
/// theta_ij^n_ij, n the counts of Z, and by Jensen again, with Dirichlet rows of the expected counts
/// m = `E_q[n]` on top of the prior's as the distribution of theta, `E_q[ln p(X, Z)]` is at least what
/// [`ln_mean_likelihood`](crate::dirichlet::ln_mean_likelihood) would be of the counts m (MacKay 1997,
/// "Ensemble learning for hidden Markov models"). With the true parameters theta* and
/// q(Z) = p(Z | X, theta*), H(q) = ln p(X | theta*) - sum of m_ij ln theta*_ij, the uniform first
/// states left out on both sides. So log2 p(X) is at least log2 p(X | theta*), less the bits by which
/// counts m take more room without theta* than with it: about (log2 n)/2 for each parameter.
///
/// Much of what it lacks to p(X) is the log2 K! of how the states may be named; the rest is that q
/// takes states and parameters for independent.
struct ExpectedCounts {
    chain: HiddenChain,
    /// K x K and K x V.
    transitions: Vec<f64>,
    emissions: Vec<f64>,
    /// log2 p(X | theta*).
    log2: CompensatedSum,
}

impl Statistics for ExpectedCounts {
    /// The forward-backward algorithm.
    fn observe(&mut self, sequence: &[u16]) {
        let chain = &self.chain;
        let (states, symbols) = (chain.states(), chain.settings.vocabulary as usize);
        let all = chain.forward(sequence);
        let last = &all[all.len() - states..];
        let total = log2_sum(last.iter().copied());
        self.log2.add(total);
        // log2 of the probability of the tokens after this position given the state at it.
        let mut after = vec![0.0; states];
        for (position, &token) in sequence.iter().enumerate().rev() {
            let here = &all[position * states..][..states];
            for state in 0..states {
                let share = libm::exp2(here[state] + after[state] - total);
                self.emissions[state * symbols + usize::from(token)] += share;
            }
            if position == 0 {
                break;
            }
            chain.emit(&mut after, token);
            let before = &all[(position - 1) * states..][..states];
            for (from, before) in before.iter().enumerate() {
                for (to, log2) in chain.transitions.row(from).iter().enumerate() {
                    let share = libm::exp2(before + log2 + after[to] - total);
                    self.transitions[from * states + to] += share;
                }
            }
            after = chain.step(&after, Direction::Backward);
        }
    }

    fn log2_marginal(&self, _: u64) -> f64 {
        let settings = &self.chain.settings;
        let transitions = cost_of_unknown(
            &self.transitions,
            &self.chain.transitions,
            settings.states as usize,
            settings.transition_concentration,
        );
        let emissions = cost_of_unknown(
            &self.emissions,
            &self.chain.emissions,
            settings.vocabulary as usize,
            settings.emission_concentration,
        );
        (self.log2.value() - transitions - emissions).min(0.0)
    }
}

/// By how many bits counts are longer where the rows are not known.
fn cost_of_unknown(
    counts: &[f64],
    rows: &DirichletRows,
    symbols: usize,
    concentration: f64,
) -> f64 {
    let each = counts.chunks_exact(symbols).enumerate();
    each.map(|(row, counts)| {
        let known = counts.iter().zip(rows.row(row));
        let known: f64 = known.map(|(count, log2)| count * log2).sum();
        let urn = counts
            .iter()
            .map(|&count| ln_rising_real(concentration, count));
        let all = ln_rising_real(symbols as f64 * concentration, counts.iter().sum());
        known - (urn.sum::<f64>() - all) * std::f64::consts::LOG2_E
    })
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// log2 p(x) and the expected counts by all chains of states there are.
    fn by_all_chains(chain: &HiddenChain, sequence: &[u16]) -> (f64, Vec<f64>, Vec<f64>) {
        let (states, symbols) = (chain.states(), chain.settings.vocabulary as usize);
        let chains = states.pow(sequence.len() as u32);
        let (mut log2s, mut counted) = (Vec::new(), Vec::new());
        for mut number in 0..chains {
            let mut log2 = -libm::log2(states as f64);
            let (mut transitions, mut emissions) = (Vec::new(), Vec::new());
            let mut before = None;
            for &token in sequence {
                let state = number % states;
                number /= states;
                if let Some(before) = before {
                    log2 += chain.transitions.row(before)[state];
                    transitions.push(before * states + state);
                }
                log2 += chain.emissions.row(state)[usize::from(token)];
                emissions.push(state * symbols + usize::from(token));
                before = Some(state);
            }
            log2s.push(log2);
            counted.push((transitions, emissions));
        }
        let total = log2_sum(log2s.iter().copied());
        let mut transitions = vec![0.0; states * states];
        let mut emissions = vec![0.0; states * symbols];
        for (log2, counted) in log2s.iter().zip(counted) {
            let share = (log2 - total).exp2();
            counted
                .0
                .into_iter()
                .for_each(|at| transitions[at] += share);
            counted.1.into_iter().for_each(|at| emissions[at] += share);
        }
        (total, transitions, emissions)
    }

    proptest! {
        /// Small concentrations bring probabilities that no f64 holds.
        #[test]
        fn forward_and_backward_agree_with_all_chains(
            seed: u64,
            states in 2_u32..4,
            concentrations in prop::sample::select(vec![(1.0, 1.0), (0.001, 0.001), (0.001, 1.0), (0.3, 0.002)]),
            sequence in prop::collection::vec(0_u16..3, 1..7),
        ) {
            let settings = HiddenMarkovSettings {
                vocabulary: 3,
                length: sequence.len() as u32,
                states,
                transition_concentration: concentrations.0,
                emission_concentration: concentrations.1,
                seed,
            };
            let chain = settings.chain();
            let (total, transitions, emissions) = by_all_chains(&chain, &sequence);
            let found = chain.log2_probability(&sequence).unwrap();
            prop_assert!((found - total).abs() <= 1e-12 * total.abs().max(1.0), "{found} {total}");
            let mut counts = ExpectedCounts {
                chain,
                transitions: vec![0.0; transitions.len()],
                emissions: vec![0.0; emissions.len()],
                log2: CompensatedSum::default(),
            };
            counts.observe(&sequence);
            let pairs = counts.transitions.iter().zip(&transitions);
            for (found, right) in pairs.chain(counts.emissions.iter().zip(&emissions)) {
                // 2^(a difference of numbers of the size of the total).
                prop_assert!((found - right).abs() <= 1e-12 * total.abs().max(1.0));
            }
        }
    }
}
