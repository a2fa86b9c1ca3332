//! The multiply-add peak of a core, which speeds are compared with.

use std::hint::black_box;
use std::time::Instant;

use pulp::{Simd, WithSimd};

use crate::Cpu;

/// Multiply-adds that do not wait for one another: more than any core has under way.
const SUMS: usize = 12;

/// Billions of multiplications and additions a second of one core of this machine, all operands in
/// registers: the fastest of several rounds, half a second in all.
#[must_use]
pub fn peak_gflops(cpu: Cpu) -> f64 {
    let times = 1_000_000;
    let operations = (2 * times * SUMS * cpu.lanes()) as f64;
    let start = Instant::now();
    let mut best = 0.0f64;
    while start.elapsed().as_secs_f64() < 0.5 {
        let round = Instant::now();
        black_box(cpu.run(MultiplyAdds { times }));
        best = best.max(operations / round.elapsed().as_secs_f64() / 1e9);
    }
    best
}

struct MultiplyAdds {
    times: usize,
}

impl WithSimd for MultiplyAdds {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        // Hidden from the compiler, which could work the sums out beforehand. They tend to 2, far
        // from infinity and from the slow numbers near 0.
        let (factor, term) = black_box((simd.splat_f32s(0.5), simd.splat_f32s(1.0)));
        let mut sums = [simd.splat_f32s(0.0); SUMS];
        for _ in 0..self.times {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(factor, *sum, term);
            }
        }
        sums.iter().map(|&sum| simd.reduce_sum_f32s(sum)).sum()
    }
}
