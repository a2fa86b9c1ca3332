//! Times training steps: loss, gradient and Adam. `--shape V,S,L,d,heads,batch` (several times;
//! default all shapes of the table), `--seconds` a shape (2), `--threads` (1); `--peak` for the
//! multiply-add peak alone, `--lanes` for the numbers in a vector. Prints CSV; times are the
//! fastest step's and the median step's. Memory is the most that this process has held so far.

#[path = "../tests/common/layout.rs"]
#[expect(unreachable_pub, reason = "shared with the tests")]
mod layout;

use std::time::{Duration, Instant};

use bitcap_kernels::{Adam, Cpu, Sizes, Threads};

/// V, S, layers, width, heads, batch.
type Shape = [usize; 6];

const SHAPES: [Shape; 7] = [
    [64, 16, 1, 16, 2, 173],
    [64, 16, 1, 32, 4, 256],
    [2048, 64, 1, 32, 2, 64],
    [2048, 64, 2, 64, 2, 64],
    [2, 64, 2, 16, 2, 256],
    [2048, 64, 1, 32, 2, 512],
    [2048, 64, 4, 128, 4, 128],
];

fn main() {
    let mut shapes = Vec::new();
    let mut seconds = 2.0;
    let mut threads = 1;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--peak" {
            println!("{:.1}", bitcap_kernels::peak_gflops(Cpu::detect()));
            return;
        }
        if name == "--lanes" {
            println!("{}", Cpu::detect().lanes());
            return;
        }
        let value = arguments.next().expect("each option has a value");
        match name.as_str() {
            "--shape" => {
                let sizes = value.split(',').map(|size| size.parse().expect("a size"));
                let sizes: Vec<usize> = sizes.collect();
                shapes.push(Shape::try_from(sizes).expect("six sizes"));
            }
            "--threads" => threads = value.parse().expect("a number of threads"),
            "--seconds" => seconds = value.parse().expect("seconds"),
            _ => panic!("no option {name}"),
        }
    }
    if shapes.is_empty() {
        shapes = SHAPES.to_vec();
    }
    println!(
        "vocabulary,length,layers,width,heads,batch,milliseconds,median_milliseconds,tokens_a_second,gflops,megabytes"
    );
    for shape in &shapes {
        let times = times(shape, seconds, threads);
        let (time, median) = (times[0], times[times.len() / 2]);
        let [vocabulary, length, layers, width, heads, batch] = *shape;
        let tokens = (batch * length) as f64;
        let flops = tokens * flops_a_token(vocabulary + 1, length, layers, width);
        println!(
            "{vocabulary},{length},{layers},{width},{heads},{batch},{:.3},{:.3},{:.0},{:.1},{:.1}",
            time * 1e3,
            median * 1e3,
            tokens / time,
            flops / time / 1e9,
            megabytes()
        );
    }
}

/// Multiplications and additions of forward and backward that no implementation can leave out:
/// six for each weight of a matrix, and of attention what is not masked.
fn flops_a_token(rows: usize, length: usize, layers: usize, width: usize) -> f64 {
    let matrices = layers * 12 * width * width + rows * width;
    let seen = (length + 1) as f64 / 2.0;
    6.0 * matrices as f64 + (layers * width) as f64 * seen * 12.0
}

/// Seconds of each step, the fastest first.
fn times(shape: &Shape, seconds: f64, threads: usize) -> Vec<f64> {
    let [vocabulary, length, layers, width, heads, batch] = *shape;
    let sizes = Sizes {
        rows: vocabulary + 1,
        length,
        layers,
        width,
        heads,
        hidden: 4 * width,
    };
    let offsets = layout::offsets(&sizes, true);
    let mut random = Random(1);
    let mut weights: Vec<f32> = (0..offsets.len).map(|_| 0.1 * random.normal()).collect();
    let tokens: Vec<i32> = (0..batch * length)
        .map(|_| (random.next() % vocabulary as u64) as i32)
        .collect();
    let inputs: Vec<i32> = tokens
        .chunks(length)
        .flat_map(|s| std::iter::once(vocabulary as i32).chain(s[..s.len() - 1].iter().copied()))
        .collect();
    let cpu = Cpu::detect();
    let mut model = Threads::new(cpu, sizes, &offsets, threads).expect("a model of these sizes");
    let mut gradient = vec![0.0; weights.len()];
    let (mut first, mut second) = (gradient.clone(), gradient.clone());
    let scale = 1.0 / tokens.len() as f32;
    let mut times: Vec<Duration> = Vec::new();
    let start = Instant::now();
    for step in 1.. {
        let before = Instant::now();
        let loss = model.loss_and_gradient(&weights, &inputs, &tokens, scale, &mut gradient);
        let adam = Adam {
            rate: 1e-3,
            betas: [0.9, 0.99],
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            gradient_scale: 1.0,
            step,
        };
        adam.apply(cpu, &mut weights, &gradient, &mut first, &mut second);
        times.push(before.elapsed());
        assert!(loss.is_finite());
        if start.elapsed().as_secs_f64() > seconds {
            eprintln!("step {step}: {} nats a token", loss * f64::from(scale));
            break;
        }
    }
    times.sort();
    times.iter().map(Duration::as_secs_f64).collect()
}

/// The most memory this process has held, where Linux tells.
fn megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1024.0)
}

/// xorshift64*: data to train on need not be good.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33
    }

    /// Of variance 1, near enough.
    fn normal(&mut self) -> f32 {
        let sum: f32 = (0..12)
            .map(|_| self.next() as f32 / (1u64 << 31) as f32)
            .sum();
        sum - 6.0
    }
}
