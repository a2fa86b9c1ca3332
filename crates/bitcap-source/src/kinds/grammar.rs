//! A random probabilistic context-free grammar of bounded depth: the random hierarchy model (Cagnetta
//! et al. 2024, "How Deep Neural Networks Learn Compositional Data: The Random Hierarchy Model"), with
//! rules that are not equally likely.
//!
//! There are v symbols on each level. One on level L, the root, is uniform; each on level l becomes c
//! on level l - 1 by one of its r rules, and those on level 0 are the tokens. No two rules of a level
//! make the same c symbols, so that a sequence has one derivation at most.

use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Split;
use crate::dirichlet::{DirichletRows, ln_mean_likelihood};
use crate::kind::{Kind, Parameters, Rows, Statistics, parameter_words};
use crate::math::log2_falling;
use crate::random::{below, subset};
use bitcap_base::{InvalidSetting, check_setting, in_range, stream};

/// Most rules on all levels: the grammar takes some hundred megabytes then, and is held twice, to draw
/// and to count.
const MAX_RULES: u64 = 1 << 22;

/// Settings of the random grammar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrammarSettings {
    /// Vocabulary V, 2 to 65,535: the symbols of each level, v.
    pub vocabulary: u32,
    /// Levels L of rules, at least 1; S, which is c^L, is at most 4,096 tokens.
    pub depth: u32,
    /// Symbols c that each rule makes of one, at least 2; v^c is below 2^32.
    pub children: u32,
    /// Rules r of each symbol, at least 1; v r is at most v^c, and L v r at most 2^22. All sets of
    /// rules in which no two of a level make the same are equally likely.
    pub rules: u32,
    /// Concentration of the Dirichlet prior of a symbol's rules, for each rule, 0.001 to 1,000. 1 is
    /// the uniform prior over all distributions; larger values favour rules that are equally likely.
    pub concentration: f64,
    /// Seed that the rules and their probabilities are drawn with.
    pub seed: u64,
}

impl GrammarSettings {
    /// How many strings of c symbols there are; 0 where they are 2^32 or more.
    fn strings(&self) -> u32 {
        self.vocabulary.checked_pow(self.children).unwrap_or(0)
    }

    /// The number of a string of c symbols, the first the highest digit.
    fn number(&self, string: &[u16]) -> u32 {
        let digits = string.iter();
        digits.fold(0, |number, &symbol| {
            number * self.vocabulary + u32::from(symbol)
        })
    }

    /// The rules of a level.
    fn level(&self, words: &mut ChaCha8Rng) -> Level {
        let count = self.vocabulary * self.rules;
        let strings = subset(words, count, self.strings());
        // Which rule makes which: all orders are equally likely (Fisher and Yates).
        let mut rules: Vec<u32> = (0..count).collect();
        for last in (1..count).rev() {
            rules.swap(last as usize, below(words, last + 1) as usize);
        }
        let mut makes = vec![0; rules.len()];
        for (&rule, &string) in rules.iter().zip(&strings) {
            makes[rule as usize] = string;
        }
        let [symbols, each] = [self.vocabulary, self.rules].map(|count| count as usize);
        Level {
            strings,
            rules,
            makes,
            probabilities: DirichletRows::draw(words, symbols, each, self.concentration),
        }
    }

    fn grammar(&self) -> Grammar {
        let words = &mut parameter_words(self.seed);
        Grammar {
            levels: (0..self.depth).map(|_| self.level(words)).collect(),
            settings: self.clone(),
        }
    }
}

impl Kind for GrammarSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_535)?;
        let most = u32::MAX.ilog(self.vocabulary);
        let allowed =
            format!("from 2 to {most}: there must be less than 2^32 strings of so many symbols");
        let fits = (2..=most).contains(&self.children);
        check_setting(fits, "source.children", self.children, allowed)?;
        in_range("source.depth", self.depth, 1, 4096_u32.ilog(self.children))?;
        let most = self.strings() / self.vocabulary;
        in_range("source.rules", self.rules, 1, most)?;
        in_range("source.concentration", self.concentration, 0.001, 1000.0)?;
        let rules = [self.depth, self.vocabulary, self.rules].map(u64::from);
        let allowed = "fewer: the rules of all levels are limited to 2^22";
        let fits = rules.into_iter().product::<u64>() <= MAX_RULES;
        check_setting(fits, "source.rules", self.rules, allowed)
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.vocabulary, self.children.pow(self.depth), self.seed)
    }

    /// The marginal is a sum over all grammars.
    fn entropy_is_known(&self) -> bool {
        false
    }

    /// Of uniform data.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let token = libm::log2(f64::from(self.vocabulary));
        samples as f64 * f64::from(self.length()) * token
    }

    /// Draws level after level, the tokens' first: the strings that its rules make, which rule makes
    /// which, and the rules' probabilities.
    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(self.grammar()))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        let rules = (self.vocabulary * self.rules) as usize;
        Some(Box::new(Uses {
            grammar: self.grammar(),
            uses: vec![vec![0; rules]; self.depth as usize],
            underivable: false,
        }))
    }
}

/// The rules by which symbols of one level become strings of the level below. Rule s r + i is the i-th
/// of symbol s.
#[derive(Debug)]
struct Level {
    /// The strings that rules make, by their numbers, in their order.
    strings: Vec<u32>,
    /// The rule that makes each of those.
    rules: Vec<u32>,
    /// What each rule makes.
    makes: Vec<u32>,
    /// r for each symbol.
    probabilities: DirichletRows,
}

#[derive(Debug)]
struct Grammar {
    settings: GrammarSettings,
    /// That of the tokens first.
    levels: Vec<Level>,
}

impl Grammar {
    /// The inside algorithm where there is one derivation at most: from the tokens up, calls `each`
    /// with the level and the rule of every symbol above them. False where there is none.
    fn derive(&self, sequence: &[u16], mut each: impl FnMut(usize, usize)) -> bool {
        let mut below = sequence.to_vec();
        for (at, level) in self.levels.iter().enumerate() {
            let mut symbols = Vec::with_capacity(below.len());
            for string in below.chunks_exact(self.settings.children as usize) {
                let string = self.settings.number(string);
                let Ok(found) = level.strings.binary_search(&string) else {
                    return false;
                };
                let rule = level.rules[found];
                each(at, rule as usize);
                symbols.push((rule / self.settings.rules) as u16);
            }
            below = symbols;
        }
        true
    }
}

impl Parameters for Grammar {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let rules = self.settings.rules as usize;
        let mut log2 = 0.0 - libm::log2(f64::from(self.settings.vocabulary));
        let derived = self.derive(sequence, |level, rule| {
            log2 += self.levels[level].probabilities.row(rule / rules)[rule % rules];
        });
        Some(if derived { log2 } else { f64::NEG_INFINITY })
    }

    /// Takes the root off the stream, then level after level down the rule of each symbol.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        Box::new(move |row| {
            let [vocabulary, children, rules] = [
                self.settings.vocabulary,
                self.settings.children,
                self.settings.rules,
            ];
            let mut symbols = vec![below(&mut words, vocabulary)];
            for level in self.levels.iter().rev() {
                let made = symbols.iter().flat_map(|&symbol| {
                    let rule = level.probabilities.pick(symbol as usize, &mut words);
                    let string = level.makes[symbol as usize * rules as usize + rule];
                    let digits = (0..children).rev();
                    digits.map(move |digit| string / vocabulary.pow(digit) % vocabulary)
                });
                symbols = made.collect();
            }
            for (token, symbol) in row.iter_mut().zip(symbols) {
                *token = symbol as u16;
            }
        })
    }
}

/// How often each rule of the grammar was used, for a lower bound of the marginal.
///
/// p(X) is a sum over all grammars; it is at least the part of those in which X has the derivation of
/// the true grammar but for the names of the symbols. With the names given, the probability that the k
/// rules of a level that were used are in a grammar is by symbols with k_s used rules the product of
/// r (r - 1) ... (r - k_s + 1), over M (M - 1) ... (M - k + 1), M the number of strings: the rules of
/// a level are v r places that are filled with different strings. Given these, the uses of a symbol's
/// rules have the marginal of Polya's urn. The names of the n symbols of a level that occur may be any
/// of v (v - 1) ... (v - n + 1), all with the same probability; no two of them are the same grammar,
/// as a string is made by one symbol only.
///
/// What it lacks to p(X) is the grammars that derive X otherwise: with one rule a symbol, nothing.
struct Uses {
    grammar: Grammar,
    /// By level, that of the tokens first.
    uses: Vec<Vec<u64>>,
    /// Whether a sequence came that the grammar cannot give: nothing is known of such data.
    underivable: bool,
}

impl Statistics for Uses {
    fn observe(&mut self, sequence: &[u16]) {
        let uses = &mut self.uses;
        let derived = self
            .grammar
            .derive(sequence, |level, rule| uses[level][rule] += 1);
        self.underivable |= !derived;
    }

    fn log2_marginal(&self, sequences: u64) -> f64 {
        if self.underivable {
            return f64::NEG_INFINITY;
        }
        let settings = &self.grammar.settings;
        let [vocabulary, rules] = [settings.vocabulary, settings.rules].map(u64::from);
        let of_level = |uses: &Vec<u64>| {
            let (mut log2, mut occur, mut used) = (0.0, 0, 0);
            for uses in uses.chunks_exact(settings.rules as usize) {
                let count = uses.iter().filter(|&&count| count > 0).count() as u64;
                let ln = ln_mean_likelihood(settings.concentration, uses);
                log2 += log2_falling(rules, count) + ln * std::f64::consts::LOG2_E;
                occur += u64::from(count > 0);
                used += count;
            }
            let names = log2_falling(vocabulary, occur);
            log2 + names - log2_falling(settings.strings().into(), used)
        };
        let roots = sequences as f64 * libm::log2(f64::from(settings.vocabulary));
        let log2 = self.uses.iter().map(of_level).sum::<f64>() - roots;
        log2.min(0.0)
    }
}
