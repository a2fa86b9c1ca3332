//! GPT-2's training step on slices, written by hand: loss and gradient by flat weights, forward
//! and backward, without autodiff and without tensors.
//!
//! [`Gpt2`] is the whole step as one operation; [`Adam`] is the update after it. The functions it
//! is made of can be used one by one: [`layer_norm()`], [`attention()`], [`linear()`] and its kin,
//! [`embedding()`], and [`Head`], the product with the vocabulary in one with softmax and
//! cross-entropy, which serves any architecture. Activations are [`Interleaved`].
//!
//! The same source runs on AVX-512, AVX2, NEON or plain code, chosen when a [`Cpu`] is detected.
//! One thread's results are the same bytes each time.

mod adam;
mod attention;
mod cpu;
mod embedding;
mod gpt2;
mod head;
mod interleaved;
mod layer_norm;
mod linear;
mod peak;
mod step;
mod threads;
mod tile;
mod vector;

pub use adam::Adam;
pub use attention::{Heads, Normalizers, Scratch, attention, attention_backward};
pub use cpu::Cpu;
pub use embedding::{embedding, embedding_backward};
pub use gpt2::{LayerAt, LinearAt, NormAt, Offsets, Sizes, SizesError};
pub use head::Head;
pub use interleaved::Interleaved;
pub use layer_norm::{
    LAYER_NORM_EPSILON, NormGradient, Normalized, layer_norm, layer_norm_backward,
};
pub use linear::{
    Weights, linear, linear_gelu, linear_input_gradient, linear_input_gradient_through,
    linear_residual, linear_weight_gradient,
};
pub use peak::peak_gflops;
pub use step::Gpt2;
pub use threads::Threads;
