//! How batches are split.

use bitcap_model::{largest_pass, open, passes};
use bitcap_plan::DeviceSpec;
use bitcap_source::DataShape;
use proptest::prelude::*;

proptest! {
    #[test]
    fn passes_are_a_near_equal_partition(samples in 1usize..10_000, largest in 1usize..12_000) {
        let all: Vec<_> = passes(samples, largest).collect();
        prop_assert_eq!(all.len(), samples.div_ceil(largest));
        let mut end = 0;
        for pass in &all {
            prop_assert_eq!(pass.start, end);
            end = pass.end;
            prop_assert!((samples / all.len()..=samples.div_ceil(all.len())).contains(&pass.len()));
        }
        prop_assert_eq!(end, samples);
    }
}

/// Neither memory nor an overflow stands in the way of a batch beyond 2^32.
#[test]
fn a_huge_batch_is_split_without_listing_it() {
    let samples = 1 << 40;
    let mut all = passes(samples, 1);
    assert_eq!(all.len(), samples);
    assert_eq!(all.next(), Some(0..1));
    assert_eq!(all.next_back(), Some(samples - 1..samples));
    assert_eq!(
        passes(samples, usize::MAX).collect::<Vec<_>>(),
        std::slice::from_ref(&(0..samples))
    );
}

/// The sizes whose speed is in dev/LOG.md: on a processor they decide on the bits of a training.
#[test]
fn passes_on_a_processor_fit_its_cache() {
    let device = open(DeviceSpec::FLEX).unwrap();
    // V = 2,048 with a start token, S = 64; V = 64 with a start token, S = 16.
    let data = |vocabulary, length| DataShape {
        vocabulary,
        length,
        start_token: true,
    };
    assert_eq!(largest_pass(128, &data(2048, 64), &device), 4);
    assert_eq!(largest_pass(64, &data(64, 16), &device), 126);
}
