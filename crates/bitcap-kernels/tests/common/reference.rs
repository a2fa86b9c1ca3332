//! GPT-2's loss and gradient in f64, one number after another: what the kernels are held against.
//! Nothing here knows of lanes, tiles or blocks.

use bitcap_kernels::{LinearAt, NormAt, Offsets, Sizes};

const EPSILON: f64 = 1e-5;

/// y = x W + b; x `[n, inputs]`, W `[inputs, outputs]`.
pub fn linear(x: &[f64], w: &[f64], b: &[f64], inputs: usize) -> Vec<f64> {
    let outputs = b.len();
    let mut y = Vec::with_capacity(x.len() / inputs * outputs);
    for x in x.chunks(inputs) {
        for o in 0..outputs {
            y.push(b[o] + (0..inputs).map(|i| x[i] * w[i * outputs + o]).sum::<f64>());
        }
    }
    y
}

/// dx, and what dW and db grow by.
pub fn linear_backward(
    x: &[f64],
    w: &[f64],
    dy: &[f64],
    dw: &mut [f64],
    db: &mut [f64],
) -> Vec<f64> {
    let outputs = db.len();
    let inputs = w.len() / outputs;
    let mut dx = vec![0.0; x.len()];
    for ((x, dx), dy) in x
        .chunks(inputs)
        .zip(dx.chunks_mut(inputs))
        .zip(dy.chunks(outputs))
    {
        for o in 0..outputs {
            db[o] += dy[o];
            for i in 0..inputs {
                dx[i] += dy[o] * w[i * outputs + o];
                dw[i * outputs + o] += dy[o] * x[i];
            }
        }
    }
    dx
}

/// Layer norm of rows of as many features as `gain` has.
pub fn layer_norm(x: &[f64], gain: &[f64], bias: &[f64]) -> Vec<f64> {
    let mut y = Vec::with_capacity(x.len());
    for x in x.chunks(gain.len()) {
        let (mean, deviation) = moments(x);
        y.extend((0..x.len()).map(|i| (x[i] - mean) / deviation * gain[i] + bias[i]));
    }
    y
}

fn moments(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
    (mean, (variance + EPSILON).sqrt())
}

/// dx, and what the gradients of gain and bias grow by.
pub fn layer_norm_backward(
    x: &[f64],
    gain: &[f64],
    dy: &[f64],
    d_gain: &mut [f64],
    d_bias: &mut [f64],
) -> Vec<f64> {
    let d = gain.len();
    let mut dx = Vec::with_capacity(x.len());
    for (x, dy) in x.chunks(d).zip(dy.chunks(d)) {
        let (mean, deviation) = moments(x);
        let normal: Vec<f64> = x.iter().map(|x| (x - mean) / deviation).collect();
        let inner: Vec<f64> = (0..d).map(|i| dy[i] * gain[i]).collect();
        let plain = inner.iter().sum::<f64>() / d as f64;
        let along = inner.iter().zip(&normal).map(|(a, b)| a * b).sum::<f64>() / d as f64;
        for i in 0..d {
            d_gain[i] += dy[i] * normal[i];
            d_bias[i] += dy[i];
            dx.push((inner[i] - plain - normal[i] * along) / deviation);
        }
    }
    dx
}

/// GPT-2's GELU by its definition with tanh, and its derivative.
pub fn gelu(x: f64) -> (f64, f64) {
    let root = (2.0 / std::f64::consts::PI).sqrt();
    let t = (root * (x + 0.044715 * x.powi(3))).tanh();
    let inner = root * (1.0 + 3.0 * 0.044715 * x * x);
    (
        0.5 * x * (1.0 + t),
        0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner,
    )
}

/// Causal attention of one sequence; qkv `[s, 3 d]`. Returns the probabilities, `[heads, s, s]`,
/// and what is mixed, `[s, d]`.
pub fn attention(qkv: &[f64], s: usize, heads: usize) -> (Vec<f64>, Vec<f64>) {
    let d = qkv.len() / s / 3;
    let width = d / heads;
    let at =
        |t: usize, part: usize, head: usize, c: usize| qkv[t * 3 * d + part * d + head * width + c];
    let mut all = vec![0.0; heads * s * s];
    let mut mixed = vec![0.0; s * d];
    for h in 0..heads {
        for t in 0..s {
            let scores: Vec<f64> = (0..=t)
                .map(|u| {
                    let dot: f64 = (0..width).map(|c| at(t, 0, h, c) * at(u, 1, h, c)).sum();
                    dot / (width as f64).sqrt()
                })
                .collect();
            let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|x| (x - greatest).exp()).sum();
            for (u, score) in scores.iter().enumerate() {
                let p = (score - greatest).exp() / sum;
                all[(h * s + t) * s + u] = p;
                for c in 0..width {
                    mixed[t * d + h * width + c] += p * at(u, 2, h, c);
                }
            }
        }
    }
    (all, mixed)
}

pub fn attention_backward(qkv: &[f64], s: usize, heads: usize, dy: &[f64]) -> Vec<f64> {
    let d = dy.len() / s;
    let width = d / heads;
    let (all, _) = attention(qkv, s, heads);
    let place = |t: usize, part: usize, h: usize, c: usize| t * 3 * d + part * d + h * width + c;
    let mut out = vec![0.0; qkv.len()];
    for h in 0..heads {
        for t in 0..s {
            let p = &all[(h * s + t) * s..][..=t];
            let dp: Vec<f64> = (0..=t)
                .map(|u| {
                    (0..width)
                        .map(|c| dy[t * d + h * width + c] * qkv[place(u, 2, h, c)])
                        .sum()
                })
                .collect();
            let dot: f64 = p.iter().zip(&dp).map(|(a, b)| a * b).sum();
            for u in 0..=t {
                let ds = p[u] * (dp[u] - dot) / (width as f64).sqrt();
                for c in 0..width {
                    out[place(t, 0, h, c)] += ds * qkv[place(u, 1, h, c)];
                    out[place(u, 1, h, c)] += ds * qkv[place(t, 0, h, c)];
                    out[place(u, 2, h, c)] += p[u] * dy[t * d + h * width + c];
                }
            }
        }
    }
    out
}

/// What the head says of each token.
pub struct HeadOutput {
    pub log_probabilities: Vec<f64>,
    pub right: Vec<bool>,
    /// Of `scale` times the sum of -ln p.
    pub d_hidden: Vec<f64>,
    /// The greatest |logit|: what rounding of logits is in proportion to.
    pub greatest: f64,
}

/// Adds the gradient of the head's weights, `[rows, d]`, to `dw`.
pub fn head(
    hidden: &[f64],
    w: &[f64],
    targets: &[i32],
    d: usize,
    scale: f64,
    dw: &mut [f64],
) -> HeadOutput {
    let mut out = HeadOutput {
        log_probabilities: Vec::new(),
        right: Vec::new(),
        d_hidden: Vec::new(),
        greatest: 0.0,
    };
    for (x, &target) in hidden.chunks(d).zip(targets) {
        let target = target as usize;
        let logits: Vec<f64> = w
            .chunks(d)
            .map(|w| w.iter().zip(x).map(|(a, b)| a * b).sum())
            .collect();
        let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = logits.iter().copied().fold(f64::INFINITY, f64::min);
        out.greatest = out.greatest.max(greatest.abs()).max(least.abs());
        // Of the others alone, so that nothing is lost where they hardly count.
        let others = |v: usize| {
            if v == target {
                0.0
            } else {
                (logits[v] - logits[target]).exp()
            }
        };
        let sum: f64 = (0..logits.len()).map(others).sum();
        let of_target = if sum.is_finite() {
            -sum.ln_1p()
        } else {
            let sum: f64 = logits.iter().map(|z| (z - greatest).exp()).sum();
            logits[target] - greatest - sum.ln()
        };
        out.log_probabilities.push(of_target);
        out.right
            .push(logits.iter().position(|&z| z == greatest) == Some(target));
        let total: f64 = logits.iter().map(|z| (z - greatest).exp()).sum();
        let mut dx = vec![0.0; d];
        for (v, logit) in logits.iter().enumerate() {
            let slope = if v == target {
                of_target.exp_m1()
            } else {
                (logit - greatest).exp() / total
            };
            for i in 0..d {
                dx[i] += scale * slope * w[v * d + i];
                dw[v * d + i] += scale * slope * x[i];
            }
        }
        out.d_hidden.extend(dx);
    }
    out
}

/// What the whole model says of each token, and the gradient of `scale` times the sum of -ln p.
pub struct Output {
    pub log_probabilities: Vec<f64>,
    pub right: Vec<bool>,
    pub gradient: Vec<f64>,
    pub greatest: f64,
}

impl Output {
    pub fn loss(&self) -> f64 {
        -self.log_probabilities.iter().sum::<f64>()
    }
}

pub fn gpt2(
    sizes: &Sizes,
    at: &Offsets,
    weights: &[f64],
    inputs: &[i32],
    targets: &[i32],
    scale: f64,
) -> Output {
    let Sizes {
        rows,
        length: s,
        width: d,
        heads,
        hidden,
        ..
    } = *sizes;
    let of = |first: usize, len: usize| &weights[first..first + len];
    let norm = |at: NormAt, x: &[f64]| layer_norm(x, of(at.gain, d), of(at.bias, d));
    let map = |at: LinearAt, x: &[f64], inputs: usize, outputs: usize| {
        linear(
            x,
            of(at.matrix, inputs * outputs),
            of(at.bias, outputs),
            inputs,
        )
    };
    let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f64>>();
    let of_sequences = |x: &[f64], features: usize, f: &dyn Fn(&[f64]) -> Vec<f64>| {
        x.chunks(s * features).flat_map(f).collect::<Vec<f64>>()
    };

    let mut x: Vec<f64> = Vec::new();
    for (i, &token) in inputs.iter().enumerate() {
        let token = of(at.token_embedding + token as usize * d, d);
        x.extend(add(token, of(at.position_embedding + i % s * d, d)));
    }
    let mut kept = Vec::new();
    for layer in &at.layers {
        let before = x.clone();
        let normal = norm(layer.attention_norm, &x);
        let qkv = map(layer.qkv, &normal, d, 3 * d);
        let mixed = of_sequences(&qkv, 3 * d, &|qkv| attention(qkv, s, heads).1);
        x = add(&x, &map(layer.projection, &mixed, d, d));
        let between = x.clone();
        let mlp_normal = norm(layer.mlp_norm, &x);
        let expanded = map(layer.expand, &mlp_normal, d, hidden);
        let active: Vec<f64> = expanded.iter().map(|&x| gelu(x).0).collect();
        x = add(&x, &map(layer.contract, &active, hidden, d));
        kept.push((
            before, normal, qkv, mixed, between, mlp_normal, expanded, active,
        ));
    }
    let last = norm(at.final_norm, &x);

    let mut gradient = vec![0.0; at.len];
    let out = head(
        &last,
        of(at.head, rows * d),
        targets,
        d,
        scale,
        &mut gradient[at.head..][..rows * d],
    );

    let norm_back = |at: NormAt, x: &[f64], dy: &[f64], gradient: &mut [f64]| {
        let (mut gain, mut bias) = (vec![0.0; d], vec![0.0; d]);
        let dx = layer_norm_backward(x, of(at.gain, d), dy, &mut gain, &mut bias);
        gradient[at.gain..][..d].copy_from_slice(&gain);
        gradient[at.bias..][..d].copy_from_slice(&bias);
        dx
    };
    let map_back = |at: LinearAt, x: &[f64], dy: &[f64], outputs: usize, gradient: &mut [f64]| {
        let inputs = x.len() / (dy.len() / outputs);
        let (mut dw, mut db) = (vec![0.0; inputs * outputs], vec![0.0; outputs]);
        let dx = linear_backward(x, of(at.matrix, inputs * outputs), dy, &mut dw, &mut db);
        gradient[at.matrix..][..inputs * outputs].copy_from_slice(&dw);
        gradient[at.bias..][..outputs].copy_from_slice(&db);
        dx
    };
    let mut dx = norm_back(at.final_norm, &x, &out.d_hidden, &mut gradient);
    for (layer, kept) in at.layers.iter().zip(&kept).rev() {
        let (before, normal, qkv, mixed, between, mlp_normal, expanded, active) = kept;
        let d_active = map_back(layer.contract, active, &dx, d, &mut gradient);
        let d_expanded: Vec<f64> = d_active
            .iter()
            .zip(expanded)
            .map(|(dy, &x)| dy * gelu(x).1)
            .collect();
        let d_normal = map_back(layer.expand, mlp_normal, &d_expanded, hidden, &mut gradient);
        dx = add(
            &dx,
            &norm_back(layer.mlp_norm, between, &d_normal, &mut gradient),
        );
        let d_mixed = map_back(layer.projection, mixed, &dx, d, &mut gradient);
        let d_qkv: Vec<f64> = qkv
            .chunks(s * 3 * d)
            .zip(d_mixed.chunks(s * d))
            .flat_map(|(qkv, dy)| attention_backward(qkv, s, heads, dy))
            .collect();
        let d_normal = map_back(layer.qkv, normal, &d_qkv, 3 * d, &mut gradient);
        dx = add(
            &dx,
            &norm_back(layer.attention_norm, before, &d_normal, &mut gradient),
        );
    }
    for (i, dx) in dx.chunks(d).enumerate() {
        for (c, dx) in dx.iter().enumerate() {
            gradient[at.token_embedding + inputs[i] as usize * d + c] += dx;
            gradient[at.position_embedding + i % s * d + c] += dx;
        }
    }
    let HeadOutput {
        log_probabilities,
        right,
        greatest,
        ..
    } = out;
    Output {
        log_probabilities,
        right,
        gradient,
        greatest,
    }
}
