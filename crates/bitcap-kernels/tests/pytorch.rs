//! The whole step against PyTorch's gradients and log-probabilities of transformers' GPT-2.

mod common;

use std::path::Path;

use bitcap_kernels::{Cpu, Gpt2, Offsets, Sizes};
use common::layout::offsets;
use common::{distance, wide};
use safetensors::SafeTensors;

/// What tests/reference/README.md says of the fixtures.
const SIZES: Sizes = Sizes {
    rows: 33,
    length: 8,
    layers: 2,
    width: 16,
    heads: 2,
    hidden: 64,
};

struct Fixture(Vec<u8>);

impl Fixture {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bitcap-model/tests/fixtures");
        Self(std::fs::read(folder.join(name)).unwrap())
    }

    fn numbers<const N: usize, T>(&self, name: &str, from: fn([u8; N]) -> T) -> Vec<T> {
        let all = SafeTensors::deserialize(&self.0).unwrap();
        let bytes = all.tensor(name).unwrap().data().to_vec();
        bytes
            .chunks_exact(N)
            .map(|bytes| from(bytes.try_into().unwrap()))
            .collect()
    }

    /// One flat vector out of the tensors `<prefix>.<transformers' name>`.
    fn flat(&self, prefix: &str, at: &Offsets, tied: bool) -> Vec<f32> {
        let mut flat = vec![0.0; at.len];
        let mut put = |name: String, offset: usize| {
            let values = self.numbers(&format!("{prefix}.{name}"), f32::from_le_bytes);
            flat[offset..offset + values.len()].copy_from_slice(&values);
        };
        put("transformer.wte.weight".into(), at.token_embedding);
        put("transformer.wpe.weight".into(), at.position_embedding);
        for (i, layer) in at.layers.iter().enumerate() {
            let mut put = |name: &str, weight, bias| {
                put(format!("transformer.h.{i}.{name}.weight"), weight);
                put(format!("transformer.h.{i}.{name}.bias"), bias);
            };
            put("ln_1", layer.attention_norm.gain, layer.attention_norm.bias);
            put("attn.c_attn", layer.qkv.matrix, layer.qkv.bias);
            put(
                "attn.c_proj",
                layer.projection.matrix,
                layer.projection.bias,
            );
            put("ln_2", layer.mlp_norm.gain, layer.mlp_norm.bias);
            put("mlp.c_fc", layer.expand.matrix, layer.expand.bias);
            put("mlp.c_proj", layer.contract.matrix, layer.contract.bias);
        }
        put("transformer.ln_f.weight".into(), at.final_norm.gain);
        put("transformer.ln_f.bias".into(), at.final_norm.bias);
        if !tied {
            put("lm_head.weight".into(), at.head);
        }
        flat
    }
}

fn check(name: &str, tied: bool, start_token: bool) {
    let fixture = Fixture::read(name);
    let tokens = fixture.numbers("tokens", i32::from_le_bytes);
    let whole = SIZES.length;
    let sizes = if start_token {
        SIZES
    } else {
        Sizes {
            rows: 32,
            length: whole - 1,
            ..SIZES
        }
    };
    // Without a start token the last position's embedding is there, but not used.
    let at = offsets(
        &Sizes {
            length: whole,
            ..sizes
        },
        tied,
    );
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for sequence in tokens.chunks(whole) {
        if start_token {
            inputs.push(32);
            targets.extend_from_slice(sequence);
        } else {
            targets.extend_from_slice(&sequence[1..]);
        }
        inputs.extend_from_slice(&sequence[..whole - 1]);
    }
    let weights = fixture.flat("weight", &at, tied);
    let expected = fixture.flat("grad", &at, tied);
    let mut model = Gpt2::new(Cpu::detect(), sizes, at).unwrap();
    let mut gradient = vec![f32::NAN; weights.len()];
    let n = targets.len();
    let loss = model.loss_and_gradient(&weights, &inputs, &targets, 1.0 / n as f32, &mut gradient);
    let expected_loss = fixture.numbers("loss_f64", f64::from_le_bytes)[0];
    assert!(
        (loss / n as f64 / expected_loss - 1.0).abs() < 1e-6,
        "{loss}, not {expected_loss}"
    );
    let wrong = distance(&gradient, &wide(&expected));
    assert!(wrong < 1e-5, "gradient off by {wrong} of its norm");

    let (mut log_probabilities, mut right) = (vec![0.0; n], vec![false; n]);
    model.log_probabilities(
        &weights,
        &inputs,
        &targets,
        &mut log_probabilities,
        &mut right,
    );
    let wrong = distance(
        &log_probabilities,
        &fixture.numbers("logprobs", f64::from_le_bytes),
    );
    assert!(wrong < 1e-6, "log-probabilities off by {wrong}");
    let logits = fixture.numbers("logits", f32::from_le_bytes);
    for ((logits, &target), &right) in logits.chunks(sizes.rows).zip(&targets).zip(&right) {
        let first_greatest = logits.iter().all(|&z| z <= logits[target as usize]);
        assert_eq!(right, first_greatest);
    }
}

#[test]
fn tied_without_start_token() {
    check("gpt2_a.safetensors", true, false);
}

#[test]
fn tied_with_start_token() {
    check("gpt2_b.safetensors", true, true);
}

#[test]
fn untied_with_start_token() {
    check("gpt2_c.safetensors", false, true);
}
