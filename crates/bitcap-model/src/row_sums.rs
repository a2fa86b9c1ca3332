//! The gradient of looking up rows of a table: sums over the places where each row was used.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Places that are added up at once. The sums of a hundred thousand places are four of these deep.
const FAN: usize = 16;

/// Sums of values by row, in an order that is fixed beforehand: always the same bits, and no place
/// waits for another. Burn's own gradient of `select` goes through the places one after another on a
/// GPU, 131,072 of them in a step of 2,048 sequences.
///
/// The places of a row are added up by sixteens, their sums by sixteens again, until there is one a row.
#[derive(Clone, Debug)]
pub struct RowSums {
    levels: Vec<Level>,
    rows: usize,
}

#[derive(Clone, Debug)]
struct Level {
    /// The values of each sum, by the order in which they lie: `[sums · fan]`.
    values: Tensor<1, Int>,
    /// 0 where a sum has fewer than `fan` values, else 1: `[sums · fan, 1]`.
    counted: Tensor<2>,
    fan: usize,
}

impl RowSums {
    /// For a table of `rows` rows, looked up at places that read `indices`, each below `rows`.
    #[must_use]
    pub fn new(indices: &[i32], rows: usize, device: &Device) -> Self {
        // Places by row, each row's in their order.
        let mut counts = vec![0; rows];
        for &index in indices {
            counts[index as usize] += 1;
        }
        // A counting sort: where the places of each row begin, which moves on as they are put down.
        let mut next: Vec<usize> = counts
            .iter()
            .scan(0, |end, &count| Some(std::mem::replace(end, *end + count)))
            .collect();
        let mut sorted = vec![0; indices.len()];
        for (place, &index) in indices.iter().enumerate() {
            let at = &mut next[index as usize];
            sorted[*at] = place as i32;
            *at += 1;
        }
        // `sorted` are the values of the next level, `counts` how many of them each row has: first
        // places, then sums of them, sums of those, and so on.
        let mut levels = Vec::new();
        loop {
            let largest = counts.iter().copied().max().unwrap_or(0);
            // The last level has one sum a row, of rows that were never used too.
            let last = largest <= FAN;
            let fan = if last { largest.max(1) } else { FAN };
            let sums = |count: usize| {
                if last { 1 } else { count.div_ceil(fan) }
            };
            let length = counts.iter().map(|&n| sums(n)).sum::<usize>() * fan;
            let mut values = Vec::with_capacity(length);
            let mut counted = Vec::with_capacity(length);
            let mut begin = 0;
            for count in &mut counts {
                values.extend_from_slice(&sorted[begin..begin + *count]);
                counted.resize(values.len(), 1.0_f32);
                begin += *count;
                let padded = values.len() - *count + sums(*count) * fan;
                // Any place will do.
                values.resize(padded, 0);
                counted.resize(padded, 0.0);
                *count = sums(*count);
            }
            levels.push(Level {
                values: Tensor::from_data(TensorData::new(values, [length]), device),
                counted: Tensor::from_data(TensorData::new(counted, [length, 1]), device),
                fan,
            });
            if last {
                return Self { levels, rows };
            }
            // Sums come out row by row, as the next level wants its values.
            sorted = (0..(length / fan) as i32).collect();
        }
    }

    /// `values`: `[places, d]`, to their sums `[rows, d]`.
    #[must_use]
    pub fn of(&self, values: Tensor<2>) -> Tensor<2> {
        let [_, width] = values.dims();
        let sums = self.levels.iter().fold(values, |values, level| {
            let chosen = values.select(0, level.values.clone());
            let sums = chosen.dims()[0] / level.fan;
            (chosen * level.counted.clone())
                .reshape([sums, level.fan, width])
                .sum_dim(1)
                .reshape([sums, width])
        });
        debug_assert_eq!(sums.dims(), [self.rows, width]);
        sums
    }
}
