//! Each function against its f64 reference.

mod common;

use bitcap_kernels::{
    Adam, Cpu, Head, Heads, Interleaved, NormGradient, Normalized, Normalizers, Scratch, Weights,
    attention, attention_backward, embedding, embedding_backward, layer_norm, layer_norm_backward,
    linear, linear_gelu, linear_input_gradient, linear_input_gradient_through, linear_residual,
    linear_weight_gradient,
};
use common::{cpus, distance, generator, normal, reference, tokens, wide};
use proptest::prelude::*;
use rand::RngExt;

/// Interleaves `[n, positions, features]`.
fn lanes(cpu: Cpu, rows: &[f32], positions: usize, features: usize) -> Interleaved {
    Interleaved::from_sequences(cpu, rows, positions, features)
}

fn rows(of: &Interleaved, len: usize, positions: usize) -> Vec<f32> {
    let mut rows = vec![f32::NAN; len];
    of.copy_sequences(&mut rows, positions);
    rows
}

fn assert_near(found: &[f32], expected: &[f64], what: &str) {
    let apart = distance(found, expected);
    assert!(apart < 1e-5, "{what} off by {apart} of its norm");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn sequences_come_out_as_they_went_in(n in 1..40usize, positions in 1..9usize, features in 1..9usize) {
        for cpu in cpus() {
            let x: Vec<f32> = (0..n * positions * features).map(|x| x as f32).collect();
            prop_assert_eq!(&rows(&lanes(cpu, &x, positions, features), x.len(), positions), &x);
        }
    }

    #[test]
    fn linear_maps(n in 1..70usize, inputs in 1..50usize, outputs in 1..150usize, seed in any::<u64>()) {
        let mut random = generator(seed);
        let x = normal(&mut random, n * inputs, 1.0);
        let w = normal(&mut random, inputs * outputs, 1.0);
        let b = normal(&mut random, outputs, 1.0);
        let dy = normal(&mut random, n * outputs, 1.0);
        let before = normal(&mut random, n * outputs, 1.0);
        let y = reference::linear(&wide(&x), &wide(&w), &wide(&b), inputs);
        let (mut dw, mut db) = (vec![1.0; w.len()], vec![1.0; outputs]);
        let dx = reference::linear_backward(&wide(&x), &wide(&w), &wide(&dy), &mut dw, &mut db);
        for cpu in cpus() {
            let mut weights = Weights::new(inputs, outputs);
            weights.pack(&w);
            let x_lanes = lanes(cpu, &x, 1, inputs);
            let dy_lanes = lanes(cpu, &dy, 1, outputs);
            let mut y_lanes = lanes(cpu, &before, 1, outputs);
            linear_residual(cpu, &weights, &b, &x_lanes, &mut y_lanes);
            let sum: Vec<f64> = y.iter().zip(&before).map(|(y, &x)| y + f64::from(x)).collect();
            assert_near(&rows(&y_lanes, y.len(), 1), &sum, "y added");
            linear(cpu, &weights, &b, &x_lanes, &mut y_lanes);
            assert_near(&rows(&y_lanes, y.len(), 1), &y, "y");

            let mut slope_lanes = y_lanes.clone();
            linear_gelu(cpu, &weights, &b, &x_lanes, &mut y_lanes, &mut slope_lanes);
            let (value, slope): (Vec<f64>, Vec<f64>) = y.iter().map(|&y| reference::gelu(y)).unzip();
            assert_near(&rows(&y_lanes, y.len(), 1), &value, "GELU");
            assert_near(&rows(&slope_lanes, y.len(), 1), &slope, "GELU's derivative");

            let mut dx_lanes = x_lanes.clone();
            linear_input_gradient(cpu, &weights, &dy_lanes, &mut dx_lanes);
            assert_near(&rows(&dx_lanes, x.len(), 1), &dx, "dx");
            linear_input_gradient_through(cpu, &weights, &dy_lanes, &x_lanes, &mut dx_lanes);
            let through: Vec<f64> = dx.iter().zip(&x).map(|(dx, &x)| dx * f64::from(x)).collect();
            assert_near(&rows(&dx_lanes, x.len(), 1), &through, "dx through a derivative");

            let (mut dw_found, mut db_found) = (vec![1.0; w.len()], vec![1.0; outputs]);
            linear_weight_gradient(cpu, &x_lanes, &dy_lanes, &mut dw_found, &mut db_found);
            assert_near(&dw_found, &dw, "dW");
            assert_near(&db_found, &db, "db");
        }
    }

    #[test]
    fn layer_norms(n in 1..40usize, features in 4..80usize, offset in -3.0..3.0f32, seed in any::<u64>()) {
        let mut random = generator(seed);
        let mut x = normal(&mut random, n * features, 1.0);
        x.iter_mut().for_each(|x| *x += offset);
        let (gain, bias) = (normal(&mut random, features, 1.0), normal(&mut random, features, 1.0));
        let dy = normal(&mut random, n * features, 1.0);
        let y = reference::layer_norm(&wide(&x), &wide(&gain), &wide(&bias));
        let (mut d_gain, mut d_bias) = (vec![1.0; features], vec![1.0; features]);
        let dx = reference::layer_norm_backward(&wide(&x), &wide(&gain), &wide(&dy), &mut d_gain, &mut d_bias);
        for cpu in cpus() {
            let x_lanes = lanes(cpu, &x, 1, features);
            let mut y_lanes = x_lanes.clone();
            let mut normalized = Normalized::zeros(cpu, features, x_lanes.columns());
            layer_norm(cpu, &x_lanes, &gain, &bias, &mut normalized, &mut y_lanes);
            assert_near(&rows(&y_lanes, x.len(), 1), &y, "y");
            let mut gradient = NormGradient::zeros(cpu, features);
            let mut dx_lanes = lanes(cpu, &vec![0.0; x.len()], 1, features);
            layer_norm_backward(cpu, &lanes(cpu, &dy, 1, features), &normalized, &gain, &mut gradient, &mut dx_lanes);
            assert_near(&rows(&dx_lanes, x.len(), 1), &dx, "dx");
            let (mut d_gain_found, mut d_bias_found) = (vec![1.0; features], vec![1.0; features]);
            gradient.add_to(&mut d_gain_found, &mut d_bias_found);
            assert_near(&d_gain_found, &d_gain, "d gain");
            assert_near(&d_bias_found, &d_bias, "d bias");
        }
    }

    #[test]
    fn attention_of_any_heads(
        n in 1..12usize,
        s in prop_oneof![1..=40usize, Just(64), Just(128)],
        heads in 1..6usize,
        width in 1..12usize,
        deviation in prop_oneof![Just(0.5f32), Just(2.0)],
        seed in any::<u64>(),
    ) {
        let d = heads * width;
        let mut random = generator(seed);
        let qkv = normal(&mut random, n * s * 3 * d, deviation);
        let dy = normal(&mut random, n * s * d, 1.0);
        let (mut y, mut d_qkv) = (Vec::new(), Vec::new());
        for (qkv, dy) in wide(&qkv).chunks(s * 3 * d).zip(wide(&dy).chunks(s * d)) {
            y.extend(reference::attention(qkv, s, heads).1);
            d_qkv.extend(reference::attention_backward(qkv, s, heads, dy));
        }
        let heads = Heads { positions: s, heads, width };
        for cpu in cpus() {
            let qkv_lanes = lanes(cpu, &qkv, s, 3 * d);
            let mut y_lanes = lanes(cpu, &dy, s, d);
            let mut scratch = Scratch::new(cpu, heads);
            let mut normalizers = Normalizers::zeros(cpu, heads, qkv_lanes.columns());
            attention(cpu, heads, &qkv_lanes, &mut scratch, &mut normalizers, &mut y_lanes);
            assert_near(&rows(&y_lanes, y.len(), s), &y, "y");
            let mut d_lanes = qkv_lanes.clone();
            let dy_lanes = lanes(cpu, &dy, s, d);
            attention_backward(
                cpu, heads, &qkv_lanes, &y_lanes, &normalizers, &dy_lanes, &mut scratch, &mut d_lanes,
            );
            assert_near(&rows(&d_lanes, qkv.len(), s), &d_qkv, "d qkv");
        }
    }

    #[test]
    fn embeddings(n in 1..20usize, s in 1..9usize, features in 1..20usize, rows_of in 1..50usize, seed in any::<u64>()) {
        let mut random = generator(seed);
        let table = normal(&mut random, rows_of * features, 1.0);
        let positions = normal(&mut random, (s + 1) * features, 1.0);
        let inputs = tokens(&mut random, n * s, rows_of);
        let dx = normal(&mut random, n * s * features, 1.0);
        let (mut x, mut d_table, mut d_positions) =
            (Vec::new(), vec![1.0f64; table.len()], vec![1.0f64; positions.len()]);
        for (i, &token) in inputs.iter().enumerate() {
            for c in 0..features {
                let (from, at) = (token as usize * features + c, i % s * features + c);
                x.push(f64::from(table[from]) + f64::from(positions[at]));
                d_table[from] += f64::from(dx[i * features + c]);
                d_positions[at] += f64::from(dx[i * features + c]);
            }
        }
        for cpu in cpus() {
            let dx_lanes = lanes(cpu, &dx, s, features);
            let mut x_lanes = dx_lanes.clone();
            embedding(cpu, &inputs, s, &table, &positions, &mut x_lanes);
            assert_near(&rows(&x_lanes, x.len(), s), &x, "x");
            let (mut d_table_found, mut d_positions_found) = (vec![1.0; table.len()], vec![1.0; positions.len()]);
            embedding_backward(cpu, &inputs, s, &dx_lanes, &mut d_table_found, &mut d_positions_found);
            assert_near(&d_table_found, &d_table, "d tokens");
            assert_near(&d_positions_found, &d_positions, "d positions");
        }
    }

    #[test]
    fn heads_of_any_shape(
        n in 1..200usize,
        rows_of in prop_oneof![1..10usize, 1..400usize, Just(20_000), Just(65_536)],
        width in 1..40usize,
        seed in any::<u64>(),
    ) {
        let n = if rows_of >= 20_000 { n.div_ceil(40) } else { n };
        let mut random = generator(seed);
        let hidden = normal(&mut random, n * width, 1.0);
        let weights = normal(&mut random, rows_of * width, 0.5);
        let targets = tokens(&mut random, n, rows_of);
        check_head(&hidden, &weights, &targets, width, 1e-5);
    }
}

/// The head against the reference, all within `tolerance` of the norm.
fn check_head(hidden: &[f32], weights: &[f32], targets: &[i32], width: usize, tolerance: f64) {
    let scale = 1.0 / targets.len() as f32;
    let mut d_weights = vec![0.0; weights.len()];
    let expected = reference::head(
        &wide(hidden),
        &wide(weights),
        targets,
        width,
        f64::from(scale),
        &mut d_weights,
    );
    let loss: f64 = -expected.log_probabilities.iter().sum::<f64>();
    for cpu in cpus() {
        let mut head = Head::new(cpu, weights.len() / width, width);
        head.pack(weights);
        let (mut dx, mut dw) = (vec![f32::NAN; hidden.len()], vec![0.0; weights.len()]);
        let found = head.cross_entropy(cpu, hidden, weights, targets, scale, &mut dx, &mut dw);
        let wrong = if loss == 0.0 {
            found.abs()
        } else {
            (found - loss).abs() / loss
        };
        assert!(wrong < tolerance, "loss {found}, not {loss}");
        let wrong = distance(&dx, &expected.d_hidden);
        assert!(
            wrong < tolerance,
            "d hidden off by {wrong}, logits to {}",
            expected.greatest
        );
        let wrong = distance(&dw, &d_weights);
        assert!(
            wrong < tolerance,
            "d weights off by {wrong}, logits to {}",
            expected.greatest
        );
    }
}

/// As an unsigned number -1 is the mark of a token without a target.
#[test]
fn targets_that_are_no_row_are_refused() {
    for target in [-1, i32::MIN, 2, i32::MAX] {
        let refused = std::panic::catch_unwind(|| {
            let cpu = cpus()[0];
            let mut head = Head::new(cpu, 2, 1);
            head.pack(&[1.0, -1.0]);
            let (mut dx, mut dw) = ([0.0], [0.0; 2]);
            head.cross_entropy(cpu, &[1.0], &[1.0, -1.0], &[target], 1.0, &mut dx, &mut dw)
        });
        assert!(refused.is_err(), "{target}");
    }
}

/// Logits that are exact in f32 and so large that the naive softmax overflows or underflows.
#[test]
fn heads_with_extreme_logits() {
    let mut random = generator(2);
    for size in [30.0f32, 80.0, 87.0, 100.0, 1000.0, 1e30] {
        for rows_of in [2usize, 7, 64, 1000] {
            // Hidden states of one 1, weights of ±size, 0 and a half of it.
            let width = 5;
            let n = 40;
            let mut hidden = vec![0.0; n * width];
            for row in hidden.chunks_mut(width) {
                row[random.random_range(0..width)] = 1.0;
            }
            let pick = [-size, size, 0.0, size / 2.0, 1.0];
            let weights: Vec<f32> = (0..rows_of * width)
                .map(|_| pick[random.random_range(0..pick.len())])
                .collect();
            let targets = tokens(&mut random, n, rows_of);
            check_head(&hidden, &weights, &targets, width, 1e-5);
        }
    }
}

/// A logit far above the rest, wherever it stands, also as the target: then the loss is next to
/// nothing, and neither it nor its gradient may be lost in rounding.
#[test]
fn heads_with_one_logit_far_above() {
    for rows_of in [3usize, 50, 65_536] {
        for above in [10.0f32, 20.0, 35.0, 60.0, 80.0] {
            for row in [0, rows_of / 2, rows_of - 1] {
                for target in [0, row, rows_of - 1] {
                    let mut weights = vec![0.0; rows_of * 2];
                    weights[row * 2] = above;
                    weights[1] = 0.5;
                    let target = target as i32;
                    // Of a memorized target the others may count as 0 then, as the next test has it.
                    if above < 50.0 || target as usize != row {
                        check_head(&[1.0, 0.25], &weights, &[target], 2, 1e-5);
                    }
                }
            }
        }
    }
}

#[test]
fn a_token_known_beyond_e_to_50_has_no_gradient() {
    for cpu in cpus() {
        let weights = [0.0, 60.0, 1.0, 80.0, -3.0];
        // Four times 20 above the next, and 20 below the first.
        for (target, known) in [(3, true), (1, false)] {
            let mut head = Head::new(cpu, 5, 1);
            head.pack(&weights);
            let (mut dx, mut dw) = ([f32::NAN], [0.0; 5]);
            let hidden = if known { [4.0] } else { [1.0] };
            let loss = head.cross_entropy(cpu, &hidden, &weights, &[target], 1.0, &mut dx, &mut dw);
            if known {
                assert_eq!((loss, dx, dw), (0.0, [0.0], [0.0; 5]));
            } else {
                assert!((loss - 20.0).abs() < 1e-5, "{loss}");
                assert!(
                    (dw[3] - 1.0).abs() < 1e-5 && (dw[1] + 1.0).abs() < 1e-5,
                    "{dw:?}"
                );
            }
        }
    }
}

/// torch.optim's formulas in f64.
#[test]
fn adam_is_torchs() {
    let mut random = generator(4);
    let len = 1003;
    for (decay, decoupled) in [(0.0, false), (0.1, false), (0.1, true)] {
        let start = normal(&mut random, len, 1.0);
        let (beta1, beta2, rate, epsilon) = (0.9, 0.99, 0.01, 1e-8);
        let (mut w, mut m, mut v) = (wide(&start), vec![0.0; len], vec![0.0; len]);
        let mut found: Vec<_> = cpus()
            .into_iter()
            .map(|cpu| (cpu, start.clone(), vec![0.0; len], vec![0.0; len]))
            .collect();
        for step in 1..=20 {
            let gradient = normal(&mut random, len, 0.1);
            for i in 0..len {
                let mut g = 0.5 * f64::from(gradient[i]);
                if decoupled {
                    w[i] *= 1.0 - rate * decay;
                } else {
                    g += decay * w[i];
                }
                m[i] = beta1 * m[i] + (1.0 - beta1) * g;
                v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
                let (mean, square) = (
                    m[i] / (1.0 - beta1.powi(step)),
                    v[i] / (1.0 - beta2.powi(step)),
                );
                w[i] -= rate * mean / (square.sqrt() + epsilon);
            }
            for (cpu, weights, first, second) in &mut found {
                let adam = Adam {
                    rate,
                    betas: [beta1, beta2],
                    epsilon,
                    weight_decay: decay,
                    decoupled,
                    gradient_scale: 0.5,
                    step: step as u64,
                };
                adam.apply(*cpu, weights, &gradient, first, second);
            }
        }
        for (_, weights, first, second) in &found {
            assert_near(weights, &w, "weights");
            assert_near(first, &m, "first moment");
            assert_near(second, &v, "second moment");
        }
    }
}
