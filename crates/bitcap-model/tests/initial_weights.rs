//! Initial weights: their moments, and that they depend on nothing but what they should.

use bitcap_model::initial_weights;
use bitcap_plan::{
    ArchitectureSettings, Gpt2Settings, GruSettings, Init, Initialization, Layout, LlamaSettings,
    MambaSettings, MlpSettings, MoeSettings,
};
use bitcap_source::DataShape;

const DATA: DataShape = DataShape {
    vocabulary: 512,
    length: 32,
    start_token: true,
};

fn layout(layers: u32, initialization: Initialization) -> Layout {
    let settings = Gpt2Settings {
        initialization,
        ..Gpt2Settings::new(layers, 48, 2)
    };
    settings.layout(&DATA)
}

fn moments(xs: &[f32]) -> (f64, f64) {
    let n = xs.len() as f64;
    let mean = xs.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = xs
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / n;
    (mean, square.sqrt())
}

/// Every tensor's mean is within 5 standard errors of 0, and its deviation of what is stated, by the
/// end of its name and its rows.
fn check(layout: &Layout, expected: impl Fn(&str, usize) -> f64) {
    let weights = initial_weights(layout, 7);
    for slot in layout.slots() {
        let (name, values) = (&slot.name, &weights[slot.range()]);
        let norm = name.contains("ln_") || name.contains("norm");
        if name.ends_with("bias") {
            assert!(values.iter().all(|&x| x == 0.0), "{name}");
        } else if norm {
            assert!(values.iter().all(|&x| x == 1.0), "{name}");
        } else {
            let deviation = expected(name, slot.dims[0]);
            let Init::Normal(_) = slot.init else {
                panic!("{name}")
            };
            let (mean, found) = moments(values);
            let n = values.len() as f64;
            assert!(
                mean.abs() < 5.0 * deviation / n.sqrt(),
                "{name}: mean {mean}"
            );
            // The relative standard error of a normal's deviation is 1 / sqrt(2 n).
            let off = (found / deviation - 1.0).abs();
            assert!(
                off < 5.0 / (2.0 * n).sqrt(),
                "{name}: {found} for {deviation}"
            );
        }
    }
}

#[test]
fn gpt2_initialization() {
    check(&layout(3, Initialization::Gpt2), |name, _| {
        if name.ends_with("wpe.weight") {
            0.01
        } else if name.ends_with("c_proj.weight") {
            0.02 / 6f64.sqrt()
        } else {
            0.02
        }
    });
}

#[test]
fn fan_in_initialization() {
    check(&layout(3, Initialization::FanIn), |name, rows| {
        if name.ends_with("wte.weight") || name.ends_with("wpe.weight") {
            1.0 / 48f64.sqrt()
        } else if name.ends_with("c_proj.weight") {
            1.0 / (6.0 * rows as f64).sqrt()
        } else {
            1.0 / (rows as f64).sqrt()
        }
    });
}

/// transformers' `initializer_range`, everywhere.
#[test]
fn llama_initialization() {
    let layout = LlamaSettings::new(3, 48, 2).layout(&DATA);
    check(&layout, |_, _| 0.02);
}

/// The same, routers too.
#[test]
fn moe_initialization() {
    let layout = MoeSettings::new(3, 48, 2).layout(&DATA);
    check(&layout, |_, _| 0.02);
}

/// GPT-2's.
#[test]
fn mlp_initialization() {
    let layout = MlpSettings::new(3, 48).layout(&DATA);
    check(&layout, |name, _| {
        match name.contains("mix.") || name.contains("contract") {
            true => 0.02 / 6_f64.sqrt(),
            false => 0.02,
        }
    });
}

/// torch.nn's for the layers, biases too, and PyTorch's example's for the tables: all uniform.
#[test]
fn recurrent_initialization() {
    let layout = GruSettings::new(2, 48).layout(&DATA);
    let weights = initial_weights(&layout, 7);
    for slot in layout.slots() {
        let (name, values) = (&slot.name, &weights[slot.range()]);
        let bound = match name.starts_with("rnn.") {
            true => 1.0 / 48_f64.sqrt(),
            false => 0.1,
        };
        let (mean, found) = moments(values);
        let (n, deviation) = (values.len() as f64, bound / 3_f64.sqrt());
        assert!(mean.abs() < 5.0 * deviation / n.sqrt(), "{name}: {mean}");
        // The relative standard error of a uniform's deviation is √(1/5 / n).
        let off = (found / deviation - 1.0).abs();
        assert!(off < 5.0 * (0.2 / n).sqrt(), "{name}: {found}");
        let largest = values.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        assert!(f64::from(largest) <= bound && f64::from(largest) > 0.9 * bound);
    }
}

/// The authors': S4D-Real, time steps log-uniform from 0.001 to 0.1, tables N(0, 0.02²), all else as
/// torch.nn, and what writes into the residual stream divided by √L.
#[test]
fn mamba_initialization() {
    let layout = MambaSettings::new(2, 48).layout(&DATA);
    let weights = initial_weights(&layout, 7);
    for slot in layout.slots() {
        let (name, values) = (&slot.name, &weights[slot.range()]);
        let n = values.len() as f64;
        // 96 channels of 16 numbers, kernels of 4, ⌈48 / 16⌉ = 3 numbers to a time step.
        let deviation = match name
            .rsplit_once("mixer.")
            .map_or(&name[..], |(_, part)| part)
        {
            "A_log" => {
                for (i, value) in values.iter().enumerate() {
                    let place = f64::from(value.exp());
                    assert!((place - (i % 16 + 1) as f64).abs() < 1e-5, "{i}: {place}");
                }
                continue;
            }
            "dt_proj.bias" => {
                let steps = values.iter().map(|&x| f64::from(x).exp().ln_1p());
                let steps: Vec<f32> = steps.map(|step| step.ln() as f32).collect();
                let (shortest, longest) = (0.001_f64.ln(), 0.1_f64.ln());
                let (mean, found) = moments(&steps);
                let deviation = (longest - shortest) / 12_f64.sqrt();
                let middle = f64::midpoint(shortest, longest);
                assert!((mean - middle).abs() < 5.0 * deviation / n.sqrt());
                assert!((found / deviation - 1.0).abs() < 5.0 * (0.2 / n).sqrt());
                let within = |&step: &f32| (shortest - 1e-4..longest + 1e-4).contains(&step.into());
                assert!(steps.iter().all(within));
                continue;
            }
            "D" => 0.0,
            norm if norm.contains("norm") => 0.0,
            table if table.ends_with("embeddings.weight") => 0.02,
            "in_proj.weight" => 1.0 / (3.0 * 48.0_f64).sqrt(),
            "conv1d.weight" | "conv1d.bias" => 1.0 / (3.0 * 4.0_f64).sqrt(),
            "x_proj.weight" => 1.0 / (3.0 * 96.0_f64).sqrt(),
            "dt_proj.weight" => 1.0 / (3.0 * 3.0_f64).sqrt(),
            "out_proj.weight" => 1.0 / (3.0 * 96.0 * 2.0_f64).sqrt(),
            other => panic!("{other}"),
        };
        let (mean, found) = moments(values);
        let middle = if deviation == 0.0 { 1.0 } else { 0.0 };
        assert!(
            (mean - middle).abs() <= 5.0 * deviation / n.sqrt(),
            "{name}"
        );
        // A normal's relative standard error is the larger one.
        let error = deviation / (2.0 * n).sqrt();
        assert!((found - deviation).abs() <= 5.0 * error, "{name}: {found}");
    }
}

#[test]
fn a_tensor_depends_on_seed_and_name_alone() {
    let (three, four) = (
        layout(3, Initialization::FanIn),
        layout(4, Initialization::FanIn),
    );
    let weights = initial_weights(&three, 7);
    assert_eq!(weights, initial_weights(&three, 7));
    assert_ne!(weights, initial_weights(&three, 8));
    let range = |layout: &Layout| {
        let id = layout.find("transformer.h.1.attn.c_attn.weight").unwrap();
        layout.slots()[id.index()].range()
    };
    let deeper = initial_weights(&four, 7);
    assert_eq!(weights[range(&three)], deeper[range(&four)]);
}

/// The first weights drawn, pinned: a platform or a library that changed them would show.
#[test]
fn known_weights() {
    for (initialization, expected) in [
        (Initialization::Gpt2, "ef74445ab1cdda46"),
        (Initialization::FanIn, "0be55fbfba3bcb43"),
    ] {
        let weights = initial_weights(&layout(3, initialization), 0);
        let bytes: Vec<u8> = weights.iter().flat_map(|x| x.to_le_bytes()).collect();
        let hash = blake3::hash(&bytes).to_hex().to_string();
        assert_eq!(&hash[..16], expected, "{initialization:?}");
    }
}
