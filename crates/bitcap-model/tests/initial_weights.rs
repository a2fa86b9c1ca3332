//! Initial weights: their moments, and that they depend on nothing but what they should.

use bitcap_model::initial_weights;
use bitcap_plan::{Gpt2Shape, Initialization, Layout, Role};

const SHAPE: Gpt2Shape = Gpt2Shape {
    vocabulary: 512,
    length: 32,
    layers: 3,
    width: 48,
    heads: 2,
    mlp_ratio: 4,
    tied_head: true,
    start_token: true,
};

fn moments(xs: &[f32]) -> (f64, f64) {
    let n = xs.len() as f64;
    let mean = xs.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = xs
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / n;
    (mean, square.sqrt())
}

/// Every tensor's mean is within 5 standard errors of 0, and its deviation of what is stated.
fn check(initialization: Initialization, expected: impl Fn(Role, &[usize]) -> f64) {
    let weights = initial_weights(&SHAPE, initialization, 7);
    for slot in Layout::gpt2(&SHAPE).slots() {
        let values = &weights[slot.range()];
        match slot.role {
            Role::Gain => assert!(values.iter().all(|&x| x == 1.0), "{}", slot.name),
            Role::Bias => assert!(values.iter().all(|&x| x == 0.0), "{}", slot.name),
            role => {
                let deviation = expected(role, &slot.shape);
                let (mean, found) = moments(values);
                let n = values.len() as f64;
                assert!(
                    mean.abs() < 5.0 * deviation / n.sqrt(),
                    "{}: mean {mean}",
                    slot.name
                );
                // The relative standard error of a normal's deviation is 1 / sqrt(2 n).
                let off = (found / deviation - 1.0).abs();
                assert!(
                    off < 5.0 / (2.0 * n).sqrt(),
                    "{}: {found} for {deviation}",
                    slot.name
                );
            }
        }
    }
}

#[test]
fn gpt2_initialization() {
    check(Initialization::Gpt2, |role, _| match role {
        Role::PositionEmbedding => 0.01,
        Role::ResidualMatrix => 0.02 / 6f64.sqrt(),
        _ => 0.02,
    });
}

#[test]
fn fan_in_initialization() {
    check(Initialization::FanIn, |role, shape| match role {
        Role::TokenEmbedding | Role::PositionEmbedding => 1.0 / 48f64.sqrt(),
        Role::ResidualMatrix => 1.0 / (6.0 * shape[0] as f64).sqrt(),
        _ => 1.0 / (shape[0] as f64).sqrt(),
    });
}

#[test]
fn a_tensor_depends_on_seed_and_name_alone() {
    let of = |shape: &Gpt2Shape, seed| initial_weights(shape, Initialization::FanIn, seed);
    let weights = of(&SHAPE, 7);
    assert_eq!(weights, of(&SHAPE, 7));
    assert_ne!(weights, of(&SHAPE, 8));
    let deeper = Gpt2Shape { layers: 4, ..SHAPE };
    let layout = Layout::gpt2(&SHAPE);
    let slot = layout.find("transformer.h.1.attn.c_attn.weight").unwrap();
    let there = Layout::gpt2(&deeper);
    let same = there.find(&slot.name).unwrap();
    assert_eq!(weights[slot.range()], of(&deeper, 7)[same.range()]);
}

/// The first weights drawn, pinned: a platform or a library that changed them would show.
#[test]
fn known_weights() {
    let weights = initial_weights(&SHAPE, Initialization::Gpt2, 0);
    let hash = blake3::hash(little_endian(&weights).as_slice())
        .to_hex()
        .to_string();
    assert_eq!(&hash[..16], "ef74445ab1cdda46");
}

fn little_endian(weights: &[f32]) -> Vec<u8> {
    weights.iter().flat_map(|x| x.to_le_bytes()).collect()
}
