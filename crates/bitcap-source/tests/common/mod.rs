//! What the tests of the sources share.
#![allow(dead_code)] // Each test file uses some of it.

use bitcap_source::{
    AdditionSettings, CoinSettings, CopiesLaw, CopiesSettings, CopyingSettings, Dataset,
    FactsSettings, GrammarSettings, HiddenMarkovSettings, LinearSettings, MarkovSettings,
    ParitySettings, Source, SourceSettings, UniformSettings, UnigramSettings,
};

pub(crate) fn uniform(vocabulary: u32, length: u32) -> SourceSettings {
    SourceSettings::Uniform(UniformSettings {
        vocabulary,
        length,
        seed: 0,
    })
}

pub(crate) fn coin(length: u32, prior: &[f64], probabilities: &[f64], seed: u64) -> SourceSettings {
    SourceSettings::Coin(CoinSettings {
        length,
        prior: prior.to_vec(),
        probabilities: probabilities.to_vec(),
        seed,
    })
}

pub(crate) fn toy(length: u32, seed: u64) -> SourceSettings {
    coin(length, &[0.5, 0.5], &[0.1, 0.9], seed)
}

pub(crate) fn unigram(
    vocabulary: u32,
    length: u32,
    concentration: f64,
    seed: u64,
) -> SourceSettings {
    SourceSettings::Unigram(UnigramSettings {
        vocabulary,
        length,
        concentration,
        seed,
    })
}

pub(crate) fn markov(
    vocabulary: u32,
    length: u32,
    order: u32,
    concentration: f64,
    seed: u64,
) -> SourceSettings {
    SourceSettings::Markov(MarkovSettings {
        vocabulary,
        length,
        order,
        concentration,
        seed,
    })
}

pub(crate) fn hidden_markov(
    vocabulary: u32,
    length: u32,
    states: u32,
    transition_concentration: f64,
    emission_concentration: f64,
    seed: u64,
) -> SourceSettings {
    SourceSettings::HiddenMarkov(HiddenMarkovSettings {
        vocabulary,
        length,
        states,
        transition_concentration,
        emission_concentration,
        seed,
    })
}

pub(crate) fn linear(
    length: u32,
    inputs: u32,
    outputs: u32,
    flip: f64,
    seed: u64,
) -> SourceSettings {
    SourceSettings::Linear(LinearSettings {
        length,
        inputs,
        outputs,
        flip,
        seed,
    })
}

pub(crate) fn parity_of(inputs: u32, subset: u32, flip: f64, seed: u64) -> SourceSettings {
    SourceSettings::Parity(ParitySettings {
        inputs,
        subset,
        flip,
        seed,
    })
}

pub(crate) fn addition(base: u32, digits: u32, seed: u64) -> SourceSettings {
    SourceSettings::Addition(AdditionSettings { base, digits, seed })
}

pub(crate) fn copying(
    vocabulary: u32,
    string_length: u32,
    noise: f64,
    seed: u64,
) -> SourceSettings {
    SourceSettings::Copying(CopyingSettings {
        vocabulary,
        string_length,
        noise,
        seed,
    })
}

/// Names, name length, attributes, chunks, chunk length, diversity, symbols.
pub(crate) fn facts(numbers: [u32; 7], seed: u64) -> SourceSettings {
    let [
        names,
        name_length,
        attributes,
        chunks,
        chunk_length,
        diversity,
        symbols,
    ] = numbers;
    SourceSettings::Facts(FactsSettings {
        names,
        name_length,
        attributes,
        chunks,
        chunk_length,
        diversity,
        symbols,
        seed,
    })
}

pub(crate) fn grammar(
    vocabulary: u32,
    depth: u32,
    children: u32,
    rules: u32,
    concentration: f64,
    seed: u64,
) -> SourceSettings {
    SourceSettings::Grammar(GrammarSettings {
        vocabulary,
        depth,
        children,
        rules,
        concentration,
        seed,
    })
}

pub(crate) fn constant(of: SourceSettings, count: u64) -> SourceSettings {
    SourceSettings::Copies(CopiesSettings {
        seed: of.seed(),
        of: Box::new(of),
        law: CopiesLaw::Constant,
        count: Some(count),
        exponent: None,
        distinct: None,
    })
}

pub(crate) fn zipf(of: SourceSettings, exponent: f64, distinct: u64) -> SourceSettings {
    SourceSettings::Copies(CopiesSettings {
        seed: of.seed(),
        of: Box::new(of),
        law: CopiesLaw::Zipf,
        count: None,
        exponent: Some(exponent),
        distinct: Some(distinct),
    })
}

/// Every kind of source but files, small, with this seed for its parameters.
pub(crate) fn all_kinds(seed: u64) -> Vec<SourceSettings> {
    vec![
        SourceSettings::Uniform(UniformSettings {
            vocabulary: 3,
            length: 4,
            seed,
        }),
        toy(4, seed),
        coin(3, &[0.2, 0.3, 0.5], &[0.0, 1.0, 0.3], seed),
        unigram(3, 3, 0.5, seed),
        markov(2, 5, 2, 1.0, seed),
        markov(3, 4, 1, 2.5, seed),
        hidden_markov(3, 4, 2, 0.5, 0.7, seed),
        hidden_markov(2, 6, 3, 1.0, 1.0, seed),
        linear(5, 2, 2, 0.0, seed),
        linear(6, 2, 2, 0.2, seed),
        parity_of(4, 2, 0.0, seed),
        parity_of(5, 3, 0.1, seed),
        addition(3, 1, seed),
        addition(2, 2, seed),
        copying(3, 2, 0.0, seed),
        copying(4, 1, 0.3, seed),
        facts([2, 1, 2, 1, 1, 2, 3], seed),
        facts([3, 2, 1, 1, 1, 2, 2], seed),
        grammar(2, 2, 2, 2, 0.7, seed),
        grammar(3, 1, 3, 2, 1.0, seed),
        constant(toy(4, seed), 3),
        zipf(unigram(3, 3, 1.0, seed), 1.0, 4),
        constant(hidden_markov(2, 4, 2, 0.5, 0.5, seed), 2),
    ]
}

/// Those whose entropy is known exactly.
pub(crate) fn exact_kinds(seed: u64) -> Vec<SourceSettings> {
    let mut kinds = all_kinds(seed);
    kinds.retain(|settings| settings.entropy_is_known());
    kinds
}

/// Whether there are parameters to draw.
pub(crate) fn has_parameters(settings: &SourceSettings) -> bool {
    !["uniform", "addition", "copying"].contains(&settings.kind())
}

pub(crate) fn source(settings: &SourceSettings) -> Source {
    Source::draw_parameters(settings).unwrap()
}

/// The sequences as a dataset.
pub(crate) fn dataset(settings: &SourceSettings, sequences: &[Vec<u16>]) -> Dataset {
    Dataset {
        tokens: sequences.concat(),
        samples: sequences.len(),
        length: settings.length() as usize,
        vocabulary: settings.vocabulary(),
    }
}

/// The dataset's tokens, counted up: `number` written in base V.
pub(crate) fn numbered(settings: &SourceSettings, samples: usize, mut number: u64) -> Dataset {
    let vocabulary = u64::from(settings.vocabulary());
    let length = settings.length() as usize;
    let tokens = (0..samples * length)
        .map(|_| {
            let token = number % vocabulary;
            number /= vocabulary;
            token as u16
        })
        .collect();
    Dataset {
        tokens,
        samples,
        length,
        vocabulary: settings.vocabulary(),
    }
}

/// How many datasets of so many sequences there are.
pub(crate) fn how_many(settings: &SourceSettings, samples: usize) -> u64 {
    u64::from(settings.vocabulary()).pow(settings.length() * samples as u32)
}

/// p(X) by the code length.
pub(crate) fn probability(settings: &SourceSettings, dataset: &Dataset) -> f64 {
    (-settings.entropy(dataset).unwrap()).exp2()
}

/// What the dataset says of the source, in bits: log2 p(X | source) - log2 p(X).
pub(crate) fn limit_bits(settings: &SourceSettings, source: &Source, dataset: &Dataset) -> f64 {
    settings.entropy(dataset).unwrap() - source.source_bits(dataset).unwrap()
}

#[track_caller]
pub(crate) fn close(found: f64, right: f64) {
    close_to(found, right, 1e-12);
}

#[track_caller]
pub(crate) fn close_to(found: f64, right: f64, relative: f64) {
    let scale = right.abs().max(1e-300);
    assert!(
        found == right || (found - right).abs() <= relative * scale,
        "found {found}, right {right}"
    );
}

/// Mean and its standard error.
pub(crate) fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (square / n).sqrt())
}
