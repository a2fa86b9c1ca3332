//! Which sequences a step sees.

use bitcap_plan::Batch;
use bitcap_train::{Order, Sequences};
use proptest::prelude::*;

/// The indices of a step that does not see all.
fn these(order: &mut Order, step: u64) -> Vec<usize> {
    match order.step(step) {
        Sequences::These(these) => these,
        Sequences::All => (0..order.batch()).collect(),
    }
}

proptest! {
    /// Over k passes each sequence is seen k times, however the batches fall.
    #[test]
    fn each_pass_sees_each_sequence_once(seed: u64, samples in 1usize..50, batch in 1u64..60) {
        let mut order = Order::new(seed, samples, Batch::Sequences(batch));
        let expected = samples.min(batch as usize);
        let batch = order.batch();
        prop_assert_eq!(batch, expected);
        // As many steps as sequences: a whole number of passes.
        let seen: Vec<usize> = (0..samples as u64).flat_map(|step| these(&mut order, step)).collect();
        prop_assert_eq!(seen.len(), samples * batch);
        for pass in seen.chunks(samples) {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            prop_assert!(sorted.iter().copied().eq(0..samples));
        }
    }

    /// A step's batch follows from seed and step alone: a resumed training sees the same.
    #[test]
    fn a_step_does_not_depend_on_those_before(seed: u64, samples in 2usize..50, step in 0u64..200) {
        let batch = Batch::Sequences(samples as u64 / 2);
        let mut through = Order::new(seed, samples, batch);
        for before in 0..step {
            through.step(before);
        }
        prop_assert_eq!(through.step(step), Order::new(seed, samples, batch).step(step));
    }
}

#[test]
fn passes_and_seeds_differ() {
    let pass = |seed, step| these(&mut Order::new(seed, 100, Batch::Sequences(50)), step);
    assert_ne!(pass(0, 0), pass(0, 2));
    assert_ne!(pass(0, 0), pass(1, 0));
    let natural: Vec<usize> = (0..50).collect();
    assert_ne!(pass(0, 0), natural);
}

#[test]
fn the_whole_dataset_is_in_its_own_order() {
    for batch in [Batch::Full, Batch::Sequences(10), Batch::Sequences(1000)] {
        let mut order = Order::new(3, 10, batch);
        assert_eq!((order.step(7), order.batch()), (Sequences::All, 10));
    }
}
