//! Sums by row, against adding one by one.

use bitcap_model::{RowSums, open};
use bitcap_plan::DeviceSpec;
use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;

fn check(indices: &[i32], rows: usize, width: usize) {
    let device = open(DeviceSpec::FLEX).unwrap();
    let value = |i: usize| ((i * 37 + 11) % 101) as f32 / 8.0 - 6.0;
    let values: Vec<f32> = (0..indices.len() * width).map(value).collect();
    let mut expected = vec![0.0; rows * width];
    for (place, &row) in indices.iter().enumerate() {
        for column in 0..width {
            // Eighths of small numbers: exact in whatever order they are added.
            expected[row as usize * width + column] += values[place * width + column];
        }
    }
    let values = Tensor::from_data(TensorData::new(values, [indices.len(), width]), &device);
    let sums = RowSums::new(indices, rows, &device).of(values);
    assert_eq!(sums.dims(), [rows, width]);
    assert_eq!(sums.try_into_vec_as::<f32>().unwrap(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn they_are_those_of_adding_one_by_one(
        rows in 1usize..40, width in 1usize..5, seed: u64, places in 1usize..700, few in 1usize..40,
    ) {
        // With `few` small, some rows are used again and again and others never.
        let index = |i: usize| (seed.wrapping_add(i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize;
        let indices: Vec<i32> = (0..places).map(|i| (index(i) % few.min(rows)) as i32).collect();
        check(&indices, rows, width);
    }
}

/// One row has them all, on four levels; the others none.
#[test]
fn one_row_may_have_all_places() {
    check(&[2; 5000], 4, 3);
}
