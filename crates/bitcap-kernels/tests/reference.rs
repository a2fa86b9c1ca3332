//! The f64 reference itself, against finite differences.

mod common;

use bitcap_kernels::{Offsets, Sizes};
use common::layout::offsets;
use common::reference::gpt2;
use common::{generator, normal, tokens, wide};

fn check(sizes: Sizes, tied: bool) {
    let mut random = generator(7);
    let at: Offsets = offsets(&sizes, tied);
    let weights = wide(&normal(&mut random, at.len, 0.4));
    let inputs = tokens(&mut random, 3 * sizes.length, sizes.rows);
    let targets = tokens(&mut random, 3 * sizes.length, sizes.rows);
    let scale = 0.25;
    let run = |weights: &[f64]| gpt2(&sizes, &at, weights, &inputs, &targets, scale);
    let gradient = run(&weights).gradient;
    let size = common::norm(&gradient) / (gradient.len() as f64).sqrt();
    for i in 0..weights.len() {
        let step = 1e-5;
        let loss_at = |by: f64| {
            let mut moved = weights.clone();
            moved[i] += by;
            scale * run(&moved).loss()
        };
        // Exact to the fourth order: what is left of the error is rounding.
        let slope = (8.0 * (loss_at(step) - loss_at(-step))
            - (loss_at(2.0 * step) - loss_at(-2.0 * step)))
            / (12.0 * step);
        let wrong = (slope - gradient[i]).abs() / size;
        assert!(
            wrong < 1e-7,
            "weight {i}: {slope} by differences, {} by hand",
            gradient[i]
        );
    }
}

#[test]
fn gradient_is_that_of_finite_differences() {
    let sizes = Sizes {
        rows: 5,
        length: 4,
        layers: 2,
        width: 6,
        heads: 3,
        hidden: 7,
    };
    check(sizes, true);
    check(sizes, false);
}

#[test]
fn gradient_of_one_token_is_that_of_finite_differences() {
    check(
        Sizes {
            rows: 2,
            length: 1,
            layers: 1,
            width: 2,
            heads: 1,
            hidden: 8,
        },
        true,
    );
}
