//! The whole of `measurement.json`.

mod common;

use bitcap_measure::{
    Ceiling, CodeLengths, FreshMeasurement, MeasureError, Measurement, Prediction, Schema, Shape,
    Trained,
};
use common::Predictor;

const TOKENS: [u16; 12] = [0, 1, 2, 0, 1, 3, 3, 2, 1, 0, 1, 2];

fn data(prediction: Prediction) -> (Shape, Ceiling) {
    let shape = Shape::new(4, 3, 4, prediction).unwrap();
    (shape, Ceiling::of(&TOKENS, shape).unwrap())
}

fn measure(prediction: Prediction, smoothing: f64, fresh: Option<FreshMeasurement>) -> Measurement {
    let (shape, ceiling) = data(prediction);
    let code = Predictor::empirical(&TOKENS, 3, 4, smoothing).code(&TOKENS, shape);
    let trained = Trained {
        entropy_bits: 24.0,
        source_bits: 24.0,
        ceiling: &ceiling,
        code: &code,
        parameters: 10,
    };
    Measurement::new(trained, fresh).unwrap()
}

#[test]
fn the_best_model_reaches_the_whole_ceiling() {
    for prediction in [Prediction::All, Prediction::AfterFirst] {
        let measured = measure(prediction, 0.0, None);
        assert!((measured.fraction_of_ceiling.unwrap() - 1.0).abs() < 1e-12);
        assert!((measured.memorized_bits_paper - measured.ceiling_bits_paper).abs() < 1e-12);
        assert_eq!(measured.start_token, prediction == Prediction::All);
        let half = measure(prediction, 0.5, None);
        assert!(half.memorized_bits_strict < measured.memorized_bits_strict);
    }
}

#[test]
fn every_figure_follows_from_the_pieces() {
    // Four sequences of 3 tokens of 2 bits: three begin with 0 and are {012, 012, 013}, one begins with 3. Without a
    // start token 16 bits are predicted, and the best code is 2 log2(3/2) + log2(3) = 2.7548875 bits.
    let measured = measure(Prediction::AfterFirst, 0.0, None);
    let strict = 16.0 - 2.754_887_502_163_468;
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} against {b}");
    close(measured.ceiling_bits_strict, strict);
    close(measured.memorized_bits_strict, strict);
    close(measured.memorized_bits_paper, strict * 1.5);
    close(measured.bits_per_parameter_strict, strict / 10.0);
    close(measured.bits_per_parameter_paper, strict * 0.15);
    close(measured.load, 24.0 / 36.0);
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
    let shape = Shape::new(4, 1, 4, Prediction::All).unwrap();
    let ceiling = Ceiling::of(&tokens, shape).unwrap();
    let code = CodeLengths::new(shape, &[0.25f64.ln(); 4]).unwrap();
    let trained = Trained {
        entropy_bits: 8.0,
        source_bits: 8.0,
        ceiling: &ceiling,
        code: &code,
        parameters: 1,
    };
    assert_eq!(
        Measurement::new(trained, None).unwrap().fraction_of_ceiling,
        None
    );
}

#[test]
fn json_gives_back_every_bit() {
    let (shape, _) = data(Prediction::AfterFirst);
    let code = CodeLengths::new(shape, &[-1.7f32; 8]).unwrap();
    let fresh = FreshMeasurement::new(&code, 1).unwrap();
    assert!((fresh.loss - f64::from(1.7f32)).abs() < 1e-12);
    assert!(fresh.memorized_bits_strict < 0.0);
    for fresh in [None, Some(fresh)] {
        let measured = measure(Prediction::AfterFirst, 0.3, fresh);
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
fn pieces_that_do_not_fit_are_refused() {
    let (shape, ceiling) = data(Prediction::AfterFirst);
    let code = CodeLengths::new(shape, &[-1.0f32; 8]).unwrap();
    let good = Trained {
        entropy_bits: 24.0,
        source_bits: 24.0,
        ceiling: &ceiling,
        code: &code,
        parameters: 10,
    };
    assert!(Measurement::new(good, None).is_ok());
    let refused = |trained| Measurement::new(trained, None).unwrap_err().to_string();

    let (_, with_start) = data(Prediction::All);
    assert_eq!(
        refused(Trained {
            ceiling: &with_start,
            ..good
        }),
        "the ceiling is of 4 sequences of 3 tokens out of 4 with a start token; \
         the training data is 4 sequences of 3 tokens out of 4 without a start token"
    );
    for entropy in [23.0, f64::NAN, f64::INFINITY] {
        assert!(
            refused(Trained {
                entropy_bits: entropy,
                ..good
            })
            .starts_with("`entropy_bits` is ")
        );
        assert!(
            refused(Trained {
                source_bits: entropy,
                ..good
            })
            .starts_with("`source_bits` is ")
        );
    }
    assert!(
        refused(Trained {
            parameters: 0,
            ..good
        })
        .contains("0 parameters")
    );

    // Certain of everything: more than a model that cannot know the order of the sequences can be.
    let certain = CodeLengths::new(shape, &[0.0f32; 8]).unwrap();
    assert!(
        refused(Trained {
            code: &certain,
            ..good
        })
        .contains("no model of single sequences")
    );

    let error = FreshMeasurement::new(&code, 5).unwrap_err();
    assert_eq!(
        error,
        MeasureError::InTraining {
            found: 5,
            samples: 4
        }
    );
}
