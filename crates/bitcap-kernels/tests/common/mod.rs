//! What the tests share.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

pub mod layout;
pub mod reference;

use bitcap_kernels::Cpu;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};

/// Every kind of instructions this machine can run.
pub fn cpus() -> Vec<Cpu> {
    let mut cpus = vec![Cpu::detect(), Cpu::plain()];
    #[cfg(target_arch = "x86_64")]
    cpus.extend(Cpu::sixteen_lanes());
    cpus
}

pub fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Numbers with mean 0 and this deviation, by the sum of twelve uniform ones.
pub fn normal(random: &mut impl Rng, len: usize, deviation: f32) -> Vec<f32> {
    let one = |random: &mut _| {
        let sum: f32 = (0..12).map(|_| RngExt::random::<f32>(random)).sum();
        deviation * (sum - 6.0)
    };
    (0..len).map(|_| one(random)).collect()
}

pub fn tokens(random: &mut impl Rng, len: usize, rows: usize) -> Vec<i32> {
    (0..len)
        .map(|_| random.random_range(0..rows as i32))
        .collect()
}

pub fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// |found - expected| / |expected|, of whole vectors; 0 where both are 0.
pub fn distance(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let apart: Vec<f64> = found
        .iter()
        .zip(expected)
        .map(|(&a, b)| f64::from(a) - b)
        .collect();
    let apart = norm(&apart);
    if apart == 0.0 {
        0.0
    } else {
        apart / norm(expected)
    }
}
