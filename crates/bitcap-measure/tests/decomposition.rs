//! Rote and generalization: bounds for any model, the two ends, and what is seen where there is nothing.

use bitcap_measure::{CodeLengths, CodedData, DataEntropy, DataMeasurement, Decomposition};
use bitcap_source::DataShape;
use proptest::prelude::*;

/// What there is without an entropy.
fn rote(model_bits: &[f64], oracle_bits: &[f64]) -> (f64, f64, f64) {
    let split = Decomposition::of(model_bits, oracle_bits, None);
    assert_eq!(split.intended_bits, None);
    assert_eq!(split.intended_bits_max, None);
    assert_eq!(split.intended_limit_bits, None);
    (
        split.unintended_bits.unwrap(),
        split.unintended_bits_max.unwrap(),
        split.mixture_weight.unwrap(),
    )
}

fn sum(bits: &[f64]) -> f64 {
    bits.iter().sum()
}

fn bits(probabilities: &[f64]) -> Vec<f64> {
    probabilities.iter().map(|p| -p.log2()).collect()
}

proptest! {
    #[test]
    fn bounds_of_any_model(
        pairs in proptest::collection::vec((0.0..5000.0f64, 0.0..5000.0f64), 1..60),
        entropy in 0.0..1e6f64,
    ) {
        let (model, oracle): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let split = Decomposition::of(&model, &oracle, Some(entropy));
        let (source, model) = (sum(&oracle), sum(&model));
        let slack = 1e-9 * (entropy + source + model);
        let (unintended, unintended_max) =
            (split.unintended_bits.unwrap(), split.unintended_bits_max.unwrap());
        let (intended, intended_max) =
            (split.intended_bits.unwrap(), split.intended_bits_max.unwrap());
        let limit = split.intended_limit_bits.unwrap();
        prop_assert!((limit - (entropy - source)).abs() <= slack);
        prop_assert!(unintended >= 0.0);
        prop_assert!(unintended <= unintended_max + slack);
        prop_assert!(intended <= limit + slack);
        prop_assert!(intended_max <= intended + slack);
        // The two parts are the whole.
        prop_assert!((unintended + intended - (entropy - model)).abs() <= slack);
        prop_assert!((unintended_max + intended_max - (entropy - model)).abs() <= slack);
        // Rote is what the data holds beside the source, at most.
        prop_assert!(unintended <= source + slack);
    }
}

#[test]
fn a_model_that_is_the_source_has_no_rote() {
    let oracle: Vec<f64> = (0..1000).map(|at| 10.0 + f64::from(at % 17)).collect();
    let split = Decomposition::of(&oracle, &oracle, Some(20_000.0));
    assert_eq!(split.unintended_bits, Some(0.0));
    assert_eq!(split.unintended_bits_max, Some(0.0));
    assert_eq!(split.mixture_weight, Some(0.0));
    // And all that the data says of the source.
    assert_eq!(split.intended_bits, split.intended_limit_bits);
}

#[test]
fn a_model_that_is_the_training_set_has_all_of_both() {
    // N different sequences of 60 or more bits each under the source: N log2 N bits tell which they are.
    let samples = 256;
    let oracle: Vec<f64> = (0..samples).map(|at| 60.0 + f64::from(at % 5)).collect();
    let model = vec![f64::from(samples).log2(); samples as usize];
    let source = sum(&oracle);
    let split = Decomposition::of(&model, &oracle, Some(source + 40.0));
    let least = f64::from(samples) * f64::from(samples).log2();
    assert_eq!(split.unintended_bits, Some(source - least));
    assert_eq!(split.unintended_bits_max, Some(source - least));
    assert_eq!(split.intended_bits, Some(40.0));
    assert_eq!(split.intended_limit_bits, Some(40.0));
    assert_eq!(split.mixture_weight, Some(1.0));
}

#[test]
fn of_uniform_data_all_is_rote() {
    // The oracle knows nothing, every sequence was gained on: mem_U = mem, and nothing is there to generalize.
    let oracle = vec![64.0; 100];
    let model: Vec<f64> = (0..100).map(|at| 20.0 + f64::from(at) / 10.0).collect();
    let split = Decomposition::of(&model, &oracle, Some(6400.0));
    assert!((split.unintended_bits.unwrap() - (6400.0 - sum(&model))).abs() < 1e-9);
    assert_eq!(split.unintended_bits, split.unintended_bits_max);
    assert_eq!(split.intended_bits, Some(0.0));
}

#[test]
fn without_an_entropy_no_total_is_invented() {
    assert_eq!(rote(&[3.0, 9.0], &[5.0, 4.0]).1, 2.0);
}

/// Every dataset of `samples` strings from `source`, with its probability, the rote of `model` on it, and how many bits
/// a token it is behind the source.
fn all_datasets(source: &[f64], model: &[f64], samples: u32) -> Vec<(f64, f64, f64)> {
    let shape = DataShape {
        vocabulary: source.len() as u32,
        length: 1,
        start_token: true,
    };
    let strings = source.len();
    (0..strings.pow(samples))
        .map(|number| {
            let chosen: Vec<usize> = (0..samples)
                .map(|at| number / strings.pow(at) % strings)
                .collect();
            let of = |p: &[f64]| chosen.iter().map(|&string| p[string]).collect::<Vec<f64>>();
            let probability = of(source).iter().product();
            let ln: Vec<f64> = of(model).iter().map(|p| p.ln()).collect();
            let code = CodeLengths::new(shape, &ln).unwrap();
            let source_bits = bits(&of(source));
            let (unintended, ..) = rote(code.bits(), &source_bits);
            let entropy = DataEntropy::Structured {
                entropy_bits: 0.0,
                source_bits: sum(&source_bits),
            };
            let measured = DataMeasurement::new(CodedData::new(&code, entropy), 0).unwrap();
            let excess = measured.excess_bits_per_token.unwrap();
            (probability, unintended, excess)
        })
        .collect()
}

fn distribution(size: usize) -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(0.001..1.0f64, size).prop_map(|weights| {
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn rote_is_hardly_ever_seen_where_there_is_none(
        source in distribution(4),
        model in distribution(4),
        samples in 1..6u32,
    ) {
        // Exactly, over all there is: P(rote >= b) <= 3 2^-b, and at most 3.1 bits on average.
        let all = all_datasets(&source, &model, samples);
        let total: f64 = all.iter().map(|(p, ..)| p).sum();
        prop_assert!((total - 1.0).abs() < 1e-9);
        for b in 1..12 {
            let seen: f64 = all
                .iter()
                .filter(|(_, unintended, _)| *unintended >= f64::from(b))
                .map(|(p, ..)| p)
                .sum();
            prop_assert!(seen <= 3.0 * 0.5f64.powi(b), "{b} bits: {seen}");
        }
        let mean: f64 = all.iter().map(|(p, unintended, _)| p * unintended).sum();
        prop_assert!(mean <= 3.1, "{mean}");
        // On average the model is behind the source, by its Kullback-Leibler divergence.
        let excess: f64 = all.iter().map(|(p, _, excess)| p * excess).sum();
        let divergence: f64 = source.iter().zip(&model).map(|(p, q)| p * (p / q).log2()).sum();
        prop_assert!((excess - divergence).abs() < 1e-9);
    }
}

#[test]
fn the_papers_max_takes_noise_for_rote_and_the_mixture_does_not() {
    // 1,000 sequences, all equally likely in truth; to half of them the model gives half a bit more than that by chance,
    // to half 0.9 bits less. It knows nothing of any of them, and loses on the whole.
    let oracle = vec![10.0; 1000];
    let model: Vec<f64> = (0..1000)
        .map(|at| if at % 2 == 0 { 9.5 } else { 10.9 })
        .collect();
    let split = Decomposition::of(&model, &oracle, Some(10_001.0));
    assert_eq!(split.unintended_bits_max, Some(250.0));
    assert_eq!(split.unintended_bits, Some(0.0));
    // So the max leaves less than nothing for the one bit there was to generalize.
    assert!(split.intended_bits_max.unwrap() < -440.0);
    assert!((split.intended_bits.unwrap() - -199.0).abs() < 1e-9);
}

#[test]
fn rote_of_a_few_sequences_is_seen_among_many() {
    // A model that knows 30 of 3,000 sequences by heart, and nothing else.
    let oracle = vec![50.0; 3000];
    let model: Vec<f64> = (0..3000)
        .map(|at| if at % 100 == 0 { 1.0 } else { 90.0 })
        .collect();
    let (unintended, unintended_max, weight) = rote(&model, &oracle);
    let truth = 30.0 * 49.0;
    assert_eq!(unintended_max, truth);
    // To say which they are costs 3000 h(0.01) = 242.4 bits, and 5.8 for w.
    assert!((truth - unintended - 248.2).abs() < 0.1, "{unintended}");
    assert!((weight - 0.01).abs() < 1e-6, "{weight}");
}

#[test]
#[should_panic(expected = "code lengths must be finite and at least 0")]
fn no_code_lengths() {
    Decomposition::of(&[1.0, 1.0], &[1.0, -1.0], None);
}

#[test]
#[should_panic(expected = "the same sequences")]
fn other_sequences() {
    Decomposition::of(&[1.0], &[1.0, 2.0], None);
}
