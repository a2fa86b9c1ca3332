//! The whole of `measurement.json`.

mod common;

use bitcap_measure::{
    Ceiling, CodeLengths, CodedData, DataEntropy, DataMeasurement, MeasureError, Measurement,
    Membership, OracleBits, Schema,
};
use bitcap_source::DataShape;
use common::{Predictor, shape};

const TOKENS: [u16; 12] = [0, 1, 2, 0, 1, 3, 3, 2, 1, 0, 1, 2];

fn data(start_token: bool) -> (DataShape, Ceiling) {
    let shape = shape(3, 4, start_token);
    (shape, Ceiling::of(&TOKENS, shape))
}

fn uniform(bits: f64) -> DataEntropy {
    DataEntropy::Uniform { bits }
}

fn measure(start_token: bool, smoothing: f64, fresh: Option<DataMeasurement>) -> Measurement {
    let (shape, ceiling) = data(start_token);
    let code = Predictor::empirical(&TOKENS, 3, 4, smoothing).code(&TOKENS, shape);
    let data = CodedData::new(&code, uniform(24.0));
    Measurement::new(data, &ceiling, 10, None, fresh).unwrap()
}

#[test]
fn the_best_model_reaches_the_whole_ceiling() {
    for start_token in [true, false] {
        let measured = measure(start_token, 0.0, None);
        assert!((measured.fraction_of_ceiling.unwrap() - 1.0).abs() < 1e-12);
        assert!(
            (measured.memorized_bits_paper.unwrap() - measured.ceiling_bits_paper.unwrap()).abs()
                < 1e-12
        );
        assert_eq!(measured.start_token, start_token);
        let half = measure(start_token, 0.5, None);
        assert!(half.memorized_bits_strict.unwrap() < measured.memorized_bits_strict.unwrap());
    }
}

#[test]
fn every_figure_follows_from_the_pieces() {
    // Four sequences of 3 tokens of 2 bits: three begin with 0 and are {012, 012, 013}, one begins with 3. Without a
    // start token 16 bits are predicted, and the best code is 2 log2(3/2) + log2(3) = 2.7548875 bits.
    let measured = measure(false, 0.0, None);
    let strict = 16.0 - 2.754_887_502_163_468;
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} against {b}");
    close(measured.ceiling_bits_strict.unwrap(), strict);
    close(measured.memorized_bits_strict.unwrap(), strict);
    close(measured.memorized_bits_paper.unwrap(), strict * 1.5);
    close(measured.bits_per_parameter_strict.unwrap(), strict / 10.0);
    close(measured.bits_per_parameter_paper.unwrap(), strict * 0.15);
    close(measured.load.unwrap(), 24.0 / 36.0);
    close(
        measured.training_loss,
        2.754_887_502_163_468 * std::f64::consts::LN_2 / 8.0,
    );
    assert_eq!(
        (measured.samples, measured.length, measured.vocabulary),
        (4, 3, 4)
    );
    assert_eq!((measured.distinct, measured.parameters), (3, 10));
    assert_eq!(measured.schema, Schema::V1);
}

#[test]
fn a_ceiling_of_zero_has_no_fraction() {
    let tokens = [0, 1, 2, 3];
    let shape = shape(1, 4, true);
    let ceiling = Ceiling::of(&tokens, shape);
    let code = CodeLengths::new(shape, &[0.25f64.ln(); 4]).unwrap();
    let data = CodedData::new(&code, uniform(8.0));
    let measured = Measurement::new(data, &ceiling, 1, None, None).unwrap();
    assert_eq!(measured.fraction_of_ceiling, None);
}

#[test]
fn json_gives_back_every_bit() {
    let (shape, _) = data(false);
    let code = CodeLengths::new(shape, &[-1.7f32; 8]).unwrap();
    let fresh = DataMeasurement::new(CodedData::new(&code, uniform(24.0)), 1).unwrap();
    assert!((fresh.loss - f64::from(1.7f32)).abs() < 1e-12);
    assert!(fresh.memorized_bits_strict.unwrap() < 0.0);
    for fresh in [None, Some(fresh.clone())] {
        let measured = measure(false, 0.3, fresh);
        let json = serde_json::to_string(&measured).unwrap();
        assert!(
            json.starts_with(r#"{"schema":"bitcap-measurement/1","#),
            "{json}"
        );
        assert_eq!(
            serde_json::from_str::<Measurement>(&json).unwrap(),
            measured
        );
        let other = json.replace("measurement/1", "measurement/2");
        let error = serde_json::from_str::<Measurement>(&other)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("bitcap-measurement/2") && error.contains("bitcap-measurement/1"),
            "{error}"
        );
    }
}

#[test]
fn likelihoods_that_no_model_has_are_refused() {
    let (shape, ceiling) = data(false);
    let measure = |log_probability: f32| {
        let code = CodeLengths::new(shape, &[log_probability; 8]).unwrap();
        Measurement::new(
            CodedData::new(&code, uniform(24.0)),
            &ceiling,
            10,
            None,
            None,
        )
    };
    assert!(measure(-1.0).is_ok());
    // Certain of everything: more than a model that cannot know the order of the sequences can be.
    let error = measure(0.0).unwrap_err().to_string();
    assert!(error.contains("no model of single sequences"), "{error}");
}

#[test]
fn pieces_of_other_data_are_a_mistake() {
    let (shape, ceiling) = data(false);
    let (_, with_start) = data(true);
    let code = CodeLengths::new(shape, &[-1.0f32; 8]).unwrap();
    let good = CodedData::new(&code, uniform(24.0));
    let panics = |data: CodedData<'_>, ceiling: &Ceiling, parameters: u64| {
        let measured =
            std::panic::catch_unwind(|| Measurement::new(data, ceiling, parameters, None, None));
        let message = measured.unwrap_err();
        match message.downcast_ref::<String>() {
            Some(message) => message.clone(),
            None => (*message.downcast_ref::<&str>().unwrap()).to_owned(),
        }
    };
    let other = panics(good, &with_start, 10);
    assert!(other.contains("the ceiling must be that of the training data"));
    let entropy = uniform(f64::NAN);
    assert_eq!(
        panics(CodedData { entropy, ..good }, &ceiling, 10),
        "4 uniform sequences of 3 tokens out of 4, without a start token have an entropy of 24 bits, not NaN"
    );
    assert!(panics(good, &ceiling, 0).contains("parameters"));
    assert!(panics(CodedData { samples: 3, ..good }, &ceiling, 10).contains("of the dataset"));
}

/// A coin of which heads were seen 11 times of 12: prior 1/2 on 0.1 and 0.9, as in the toy case.
fn coin() -> (DataShape, Vec<u16>, DataEntropy, f64) {
    let shape = shape(1, 2, true);
    let mut tokens = vec![1; 12];
    tokens[5] = 0;
    let likely = 0.9f64.powi(11) * 0.1;
    let unlikely = 0.1f64.powi(11) * 0.9;
    let entropy = DataEntropy::Structured {
        entropy_bits: -f64::midpoint(likely, unlikely).log2(),
        source_bits: -likely.log2(),
    };
    (shape, tokens, entropy, likely)
}

fn coin_code(shape: DataShape, tokens: &[u16], heads: f64) -> CodeLengths {
    let log_probabilities: Vec<f64> = (tokens.iter())
        .map(|&token| {
            if token == 1 {
                heads.ln()
            } else {
                (1.0 - heads).ln()
            }
        })
        .collect();
    CodeLengths::new(shape, &log_probabilities).unwrap()
}

#[test]
fn a_model_equal_to_the_source_has_no_rote_and_no_excess() {
    let (shape, tokens, entropy, _) = coin();
    let ceiling = Ceiling::of(&tokens, shape);
    let code = coin_code(shape, &tokens, 0.9);
    let data = CodedData {
        oracle: Some(OracleBits::Source(code.bits())),
        ..CodedData::new(&code, entropy)
    };
    let fresh = DataMeasurement::new(data, 12).unwrap();
    let measured = Measurement::new(data, &ceiling, 2, None, Some(fresh)).unwrap();
    let split = measured.decomposition;
    // All of the one bit that the data says of the coin, less what little is left open.
    let limit = split.intended_limit_bits.unwrap();
    assert!((0.999..1.0).contains(&limit), "{limit}");
    assert_eq!(split.unintended_bits, Some(0.0));
    assert_eq!(split.unintended_bits_max, Some(0.0));
    assert!((split.intended_bits.unwrap() - limit).abs() < 1e-12);
    assert!((measured.memorized_bits_strict.unwrap() - limit).abs() < 1e-12);
    let fresh = measured.fresh.unwrap();
    assert!(fresh.excess_bits_per_token.unwrap().abs() < 1e-12);
    assert_eq!(fresh.decomposition.unintended_bits, Some(0.0));
    // The best model says 11/12; the ceiling is its.
    let best = coin_code(shape, &tokens, 11.0 / 12.0);
    let highest = entropy.entropy_bits().unwrap() - best.total_bits();
    assert!((measured.ceiling_bits_strict.unwrap() - highest).abs() < 1e-12);
    let fraction = measured.fraction_of_ceiling.unwrap();
    assert!((fraction - limit / highest).abs() < 1e-12);
}

#[test]
fn of_uniform_data_all_is_rote() {
    for start_token in [true, false] {
        let (shape, ceiling) = data(start_token);
        let code = Predictor::empirical(&TOKENS, 3, 4, 0.5).code(&TOKENS, shape);
        let source = [shape.predicted_bits(1); 4];
        let data = CodedData {
            oracle: Some(OracleBits::Source(&source)),
            ..CodedData::new(&code, uniform(24.0))
        };
        let membership = Membership::infer(&[1.0, 2.0], &[3.0, 4.0]);
        let measured = Measurement::new(data, &ceiling, 10, Some(membership), None).unwrap();
        let split = measured.decomposition;
        assert_eq!(split.unintended_bits, measured.memorized_bits_strict);
        assert_eq!(split.intended_bits, Some(0.0));
        assert_eq!(split.intended_limit_bits, Some(0.0));
        assert_eq!(split.mixture_weight, None);
        assert!(split.unintended_bits_max.unwrap() >= split.unintended_bits.unwrap() - 1e-12);
        // Against another model the estimators are used as they are.
        let other = OracleBits::Model(code.bits());
        let data = CodedData {
            oracle: Some(other),
            ..data
        };
        let judged = Measurement::new(data, &ceiling, 10, Some(membership), None).unwrap();
        assert_eq!(judged.decomposition.unintended_bits, Some(0.0));
        assert_eq!(
            judged.decomposition.intended_bits,
            judged.memorized_bits_strict
        );
        let json = serde_json::to_string(&judged).unwrap();
        assert_eq!(serde_json::from_str::<Measurement>(&json).unwrap(), judged);
    }
}

#[test]
fn of_a_file_only_what_is_known_is_said() {
    let (shape, ceiling) = data(true);
    let code = Predictor::empirical(&TOKENS, 3, 4, 0.5).code(&TOKENS, shape);
    let oracle = Predictor::empirical(&TOKENS, 3, 4, 3.0).code(&TOKENS, shape);
    let measure = |oracle| {
        let data = CodedData {
            oracle,
            ..CodedData::new(&code, DataEntropy::Unknown)
        };
        Measurement::new(data, &ceiling, 10, None, None).unwrap()
    };
    let measured = measure(None);
    assert_eq!(measured.entropy_bits, None);
    assert_eq!(measured.memorized_bits_strict, None);
    assert_eq!(measured.ceiling_bits_strict, None);
    assert_eq!(measured.load, None);
    assert_eq!(measured.decomposition.unintended_bits, None);
    let judged = measure(Some(OracleBits::Model(oracle.bits())));
    assert!(judged.decomposition.unintended_bits.unwrap() > 0.0);
    assert_eq!(judged.decomposition.intended_bits, None);
}

/// What needs the source alone is exact; what needs the entropy is not there, and a bound of it is
/// under a name of its own.
#[test]
fn a_bound_is_not_given_for_the_entropy() {
    let (shape, ceiling) = data(true);
    let code = Predictor::empirical(&TOKENS, 3, 4, 0.5).code(&TOKENS, shape);
    let oracle = Predictor::empirical(&TOKENS, 3, 4, 3.0).code(&TOKENS, shape);
    let entropy = DataEntropy::Bounded {
        entropy_bound_bits: 25.0,
        source_bits: 19.0,
    };
    let data = CodedData {
        oracle: Some(OracleBits::Source(oracle.bits())),
        ..CodedData::new(&code, entropy)
    };
    let fresh = DataMeasurement::new(data, 0).unwrap();
    let excess = fresh.excess_bits_per_token.unwrap();
    let tokens = (code.samples() * shape.length) as f64;
    assert!((excess - (code.total_bits() - 19.0) / tokens).abs() < 1e-12);
    let measured = Measurement::new(data, &ceiling, 10, None, Some(fresh)).unwrap();
    let Measurement {
        entropy_bits,
        memorized_bits_strict,
        ceiling_bits_strict,
        fraction_of_ceiling,
        load,
        ..
    } = measured;
    let counted = [
        entropy_bits,
        memorized_bits_strict,
        ceiling_bits_strict,
        fraction_of_ceiling,
        load,
        measured.bits_per_parameter_strict,
        measured.decomposition.intended_bits,
        measured.decomposition.intended_limit_bits,
    ];
    assert_eq!(counted, [None; 8]);
    assert_eq!(measured.source_bits, Some(19.0));
    assert!(measured.decomposition.unintended_bits.unwrap() > 0.0);
    assert_eq!(measured.entropy_bound_bits, Some(25.0));
    let most = 25.0 - code.total_bits();
    assert_eq!(measured.memorized_bound_bits, Some(most));
    let json = serde_json::to_string(&measured).unwrap();
    assert_eq!(
        serde_json::from_str::<Measurement>(&json).unwrap(),
        measured
    );
}

#[test]
fn structure_needs_a_start_token() {
    let (shape, _) = data(false);
    let code = CodeLengths::new(shape, &[-1.0f32; 8]).unwrap();
    let structured = DataEntropy::Structured {
        entropy_bits: 20.0,
        source_bits: 19.0,
    };
    let bounded = DataEntropy::Bounded {
        entropy_bound_bits: 20.0,
        source_bits: 19.0,
    };
    for entropy in [structured, bounded] {
        assert_eq!(
            DataMeasurement::new(CodedData::new(&code, entropy), 0),
            Err(MeasureError::FirstTokenNotPredicted)
        );
    }
}

/// A measurement as it has been written since there are oracles: no name, order or spelling may change.
#[test]
fn the_file_is_written_as_ever() {
    let written = include_str!("reference/measurement.json").trim_end();
    let measured: Measurement = serde_json::from_str(written).unwrap();
    assert!(measured.decomposition.mixture_weight.is_some());
    assert!(measured.membership.is_some() && measured.fresh.is_some());
    assert_eq!(serde_json::to_string(&measured).unwrap(), written);
}

/// As the versions before structured sources wrote them.
#[test]
fn measurements_of_before_are_read() {
    let json = r#"{"schema":"bitcap-measurement/1","samples":4,"length":3,"vocabulary":4,
        "start_token":true,"distinct":3,"entropy_bits":24.0,"source_bits":24.0,
        "ceiling_bits_strict":18.0,"ceiling_bits_paper":18.0,"memorized_bits_strict":17.5,
        "memorized_bits_paper":17.5,"fraction_of_ceiling":0.97,"parameters":10,
        "bits_per_parameter_strict":1.75,"bits_per_parameter_paper":1.75,"load":0.6,
        "training_loss":0.5,"fresh":{"samples":4,"in_training":0,"memorized_bits_strict":-3.0,
        "memorized_bits_paper":-3.0,"loss":1.5}}"#;
    let measured: Measurement = serde_json::from_str(json).unwrap();
    assert_eq!(measured.memorized_bits_strict, Some(17.5));
    assert_eq!(measured.decomposition.unintended_bits, None);
    assert_eq!(measured.oracle, None);
    let fresh = measured.fresh.unwrap();
    assert_eq!(fresh.memorized_bits_strict, Some(-3.0));
    assert_eq!(fresh.excess_bits_per_token, None);
}
