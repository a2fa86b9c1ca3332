//! Counting sequences, against counting by comparing each with each.

use bitcap_source::Dataset;
use proptest::prelude::*;

fn dataset(length: usize) -> impl Strategy<Value = Dataset> {
    prop::collection::vec(0_u16..3, 0..60).prop_map(move |mut tokens| {
        let samples = tokens.len() / length;
        tokens.truncate(samples * length);
        Dataset {
            tokens,
            samples,
            length,
            vocabulary: 3,
        }
    })
}

proptest! {
    #[test]
    fn counts_agree_with_comparing_each_with_each(a in dataset(3), b in dataset(3)) {
        let occurs = |sequence: &&[u16]| b.sequences().any(|other| other == *sequence);
        let occurring = a.sequences().filter(occurs).count();
        prop_assert_eq!(a.occurring_in(&b), occurring);
        prop_assert_eq!(a.occurring_in(&a), a.samples);
    }
}

#[test]
fn sequences_of_another_length_do_not_occur() {
    let of_length = |length| Dataset {
        tokens: vec![0; 12],
        samples: 12 / length,
        length,
        vocabulary: 2,
    };
    assert_eq!(of_length(3).occurring_in(&of_length(4)), 0);
}
