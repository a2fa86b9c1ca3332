//! The head, a product with the vocabulary's rows, in one with softmax and cross-entropy.
//!
//! Logits do not leave the first cache: a panel of rows' become exponentials there. The exponentials
//! of a block of tokens are kept, and the gradients come from them once their sums are known.
//!
//! The target's exponential e is kept apart from the sum s of the others. So the loss is
//! ln(1 + s / e), the logits' gradient of the target is -s / (s + e), and neither loses digits
//! where a token is memorized and s is but a small part of e, until s is below e⁻⁵⁰ and
//! may count as 0.
//!
//! Exponentials are taken relative to a reference of each token: the greatest logit of the first
//! panel. Should another logit be greater by more than [`LIMIT`], the block is done once more with
//! the greatest of all as reference.

use pulp::{Simd, WithSimd};

use crate::interleaved::Floats;
use crate::tile::{Packed, Steps, for_height, for_vectors, height, of_floats};
use crate::vector::{exp, vectors, vectors_mut};
use crate::{Cpu, Interleaved};

/// How far a logit may be above the reference: sums of e⁴⁰ over a million rows, and the reciprocals
/// of such sums times a small scale, are far inside f32's range.
const LIMIT: f32 = 40.0;

/// Columns of tokens whose exponentials are kept: the depth, in vectors, of the product that gives
/// the rows' gradient.
const BLOCK: usize = 8;

/// Rows whose exponentials and weights pass through the first cache together.
const PANEL: usize = 48;

/// No token, or none whose loss counts.
pub(crate) const NO_TARGET: u32 = u32::MAX;

/// The head's weights, packed, and what it works with, allocated once.
#[derive(Clone, Default)]
pub struct Head {
    rows: usize,
    width: usize,
    lanes: usize,
    weights: Packed,
    /// Exponentials of a block, `[rows, tokens]`.
    exponentials: Floats,
    /// Of each token of the block: the reference, how far the others' greatest logit is above it,
    /// the sum of their exponentials, the target's logit and exponential, and what makes
    /// exponentials the gradient.
    references: Floats,
    tops: Floats,
    sums: Floats,
    chosen_logits: Floats,
    chosen: Floats,
    factors: Floats,
    /// Hidden states of the block's tokens times their factors, `[tokens, width]`, each row on
    /// whole vectors.
    hidden: Floats,
    /// For callers with rows: hidden states of a block, their gradient, and targets.
    block: [Interleaved; 2],
    block_targets: Vec<u32>,
}

impl Head {
    /// A head of so many rows (the vocabulary) of so many weights (the model's width).
    #[must_use]
    pub fn new(cpu: Cpu, rows: usize, width: usize) -> Self {
        let lanes = cpu.lanes();
        let tokens = BLOCK * lanes;
        Self {
            rows,
            width,
            lanes,
            weights: Packed::zeros(rows, width),
            exponentials: Floats::zeros(rows * tokens),
            references: Floats::zeros(tokens),
            tops: Floats::zeros(tokens),
            sums: Floats::zeros(tokens),
            chosen_logits: Floats::zeros(tokens),
            chosen: Floats::zeros(tokens),
            factors: Floats::zeros(tokens),
            hidden: Floats::zeros(tokens * width.next_multiple_of(lanes)),
            block: [0, 1].map(|_| Interleaved::zeros(cpu, width, BLOCK)),
            block_targets: vec![NO_TARGET; tokens],
        }
    }

    /// Takes over the weights, `[rows, width]` row-major: before a pass, whenever they changed.
    ///
    /// # Panics
    /// If `weights` has another number of elements.
    pub fn pack(&mut self, weights: &[f32]) {
        assert_eq!(weights.len(), self.rows * self.width);
        let steps = Steps {
            of_row: self.width,
            of_step: 1,
        };
        self.weights.pack(weights, steps);
    }

    /// Σ -ln p(target) in nats over the tokens, and the gradients of `scale` times that sum.
    ///
    /// `hidden`: `[tokens, width]`; `weights`: `[rows, width]`, the same that were packed;
    /// `targets`: `[tokens]`. Overwrites `d_hidden`, `[tokens, width]`, and adds to `d_weights`,
    /// `[rows, width]`; all row-major.
    ///
    /// # Panics
    /// If a slice has another shape, or a target is no row.
    #[expect(
        clippy::too_many_arguments,
        reason = "inputs and outputs of both passes"
    )]
    pub fn cross_entropy(
        &mut self,
        cpu: Cpu,
        hidden: &[f32],
        weights: &[f32],
        targets: &[i32],
        scale: f32,
        d_hidden: &mut [f32],
        d_weights: &mut [f32],
    ) -> f64 {
        assert_eq!(hidden.len(), targets.len() * self.width);
        assert_eq!(d_hidden.len(), hidden.len());
        // Taken out for the while, since `gradients` borrows the whole head.
        let [mut x, mut dx] = std::mem::take(&mut self.block);
        let mut block_targets = std::mem::take(&mut self.block_targets);
        let at_once = BLOCK * self.lanes;
        let mut loss = 0.0;
        for ((hidden, targets), d_hidden) in hidden
            .chunks(at_once * self.width)
            .zip(targets.chunks(at_once))
            .zip(d_hidden.chunks_mut(at_once * self.width))
        {
            // The last block may have fewer tokens than there is room for: the others are zeros,
            // without a target.
            x.set_sequences(hidden, 1);
            block_targets.fill(NO_TARGET);
            for (to, &target) in block_targets.iter_mut().zip(targets) {
                // As a u32, -1 would be the token whose loss does not count.
                assert!(target >= 0, "targets are rows of the head");
                *to = target as u32;
            }
            let to = Gradients {
                scale,
                d_hidden: &mut dx,
                d_weights,
            };
            loss += self.gradients(cpu, &x, weights, &block_targets, to);
            dx.copy_sequences(d_hidden, 1);
        }
        self.block = [x, dx];
        self.block_targets = block_targets;
        loss
    }

    /// The same of interleaved hidden states; `targets` are `[columns, lanes]`.
    pub(crate) fn gradients(
        &mut self,
        cpu: Cpu,
        hidden: &Interleaved,
        weights: &[f32],
        targets: &[u32],
        to: Gradients<'_>,
    ) -> f64 {
        let len = self.rows * self.width;
        assert_eq!((weights.len(), to.d_weights.len()), (len, len));
        self.check(hidden, targets);
        cpu.run(CrossEntropy {
            head: self,
            hidden,
            weights,
            targets,
            to,
        })
    }

    /// ln p(target) of every token, `[columns, lanes]`, and whether the target is the most
    /// probable one (of several the first). Where there is no target neither is written.
    pub(crate) fn log_probabilities(
        &mut self,
        cpu: Cpu,
        hidden: &Interleaved,
        targets: &[u32],
        log_probabilities: &mut [f32],
        right: &mut [bool],
    ) {
        self.check(hidden, targets);
        assert!(log_probabilities.len() >= targets.len() && right.len() >= targets.len());
        cpu.run(LogProbabilities {
            head: self,
            hidden,
            targets,
            log_probabilities,
            right,
        });
    }

    fn check(&self, hidden: &Interleaved, targets: &[u32]) {
        assert_eq!(
            (hidden.features(), hidden.lanes()),
            (self.width, self.lanes)
        );
        assert_eq!(targets.len(), hidden.columns() * self.lanes);
        let rows = self.rows;
        assert!(
            targets
                .iter()
                .all(|&t| t == NO_TARGET || (t as usize) < rows),
            "targets are rows of the head"
        );
    }
}

/// Where the head's gradients go.
pub(crate) struct Gradients<'a> {
    /// What the summed loss is multiplied with.
    pub(crate) scale: f32,
    /// Overwritten.
    pub(crate) d_hidden: &'a mut Interleaved,
    /// Added to.
    pub(crate) d_weights: &'a mut [f32],
}

struct CrossEntropy<'a> {
    head: &'a mut Head,
    hidden: &'a Interleaved,
    weights: &'a [f32],
    targets: &'a [u32],
    to: Gradients<'a>,
}

impl WithSimd for CrossEntropy<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self {
            head,
            hidden,
            weights,
            targets,
            mut to,
        } = self;
        let mut loss = 0.0;
        for first in (0..hidden.columns()).step_by(BLOCK) {
            let block = Block::new(hidden, targets, first);
            // A gradient needs the sums over all rows, so a block's exponentials are gone through
            // twice, and kept in between.
            head.exponentials(simd, &block);
            loss += head.factors(&block, to.scale);
            head.times_factors(simd, &block);
            head.backward(simd, &block, weights, &mut to);
        }
        loss
    }
}

struct LogProbabilities<'a> {
    head: &'a mut Head,
    hidden: &'a Interleaved,
    targets: &'a [u32],
    log_probabilities: &'a mut [f32],
    right: &'a mut [bool],
}

impl WithSimd for LogProbabilities<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            head,
            hidden,
            targets,
            log_probabilities,
            right,
        } = self;
        for first in (0..hidden.columns()).step_by(BLOCK) {
            let block = Block::new(hidden, targets, first);
            head.exponentials(simd, &block);
            for token in 0..block.tokens() {
                if block.targets[token] != NO_TARGET {
                    let at = first * head.lanes + token;
                    log_probabilities[at] = -head.loss(token) as f32;
                    right[at] = head.is_greatest(&block, token);
                }
            }
        }
    }
}

/// Some columns of the hidden states.
struct Block<'a> {
    hidden: &'a Interleaved,
    /// `[columns, lanes]`, of these columns.
    targets: &'a [u32],
    first: usize,
    columns: usize,
}

impl<'a> Block<'a> {
    fn new(hidden: &'a Interleaved, targets: &'a [u32], first: usize) -> Self {
        let columns = BLOCK.min(hidden.columns() - first);
        let lanes = hidden.lanes();
        Self {
            hidden,
            targets: &targets[first * lanes..][..columns * lanes],
            first,
            columns,
        }
    }

    fn tokens(&self) -> usize {
        self.targets.len()
    }
}

impl Head {
    /// Exponentials of all rows, with 0 in the target's place, the target's apart, and the sums of
    /// the others.
    #[inline(always)]
    fn exponentials<S: Simd>(&mut self, simd: S, block: &Block<'_>) {
        self.sweep(simd, block, true);
        let tokens = block.tokens();
        // Where a logit is far above the first panel's, a sum of exponentials may leave f32's
        // range. By now the greatest logit is known, and a second sweep of the block has it as
        // reference.
        let mut again = false;
        let references = self.references.all_mut().iter_mut();
        for (reference, &top) in references.zip(&self.tops.all()[..tokens]) {
            if top > LIMIT {
                *reference += top;
                again = true;
            }
        }
        if again {
            self.sweep(simd, block, false);
        }
        // The targets' only now: the references may just have moved.
        let references = vectors::<S>(self.references.all());
        let logits = vectors::<S>(self.chosen_logits.all());
        let chosen = vectors_mut::<S>(self.chosen.all_mut());
        for column in 0..block.columns {
            chosen[column] = exp(simd, simd.sub_f32s(logits[column], references[column]));
        }
    }

    #[inline(always)]
    fn sweep<S: Simd>(&mut self, simd: S, block: &Block<'_>, choose_references: bool) {
        let (rows, tokens) = (self.rows, block.tokens());
        let zero = simd.splat_f32s(0.0);
        let mut lost = [zero; BLOCK];
        vectors_mut::<S>(self.sums.all_mut()).fill(zero);
        vectors_mut::<S>(self.tops.all_mut()).fill(zero);
        let mut start = 0;
        while start < rows {
            let end = self.logits(simd, block, start);
            let panel = &mut self.exponentials.all_mut()[start * tokens..end * tokens];
            let references = vectors_mut::<S>(self.references.all_mut());
            // Targets are still in their places here: the exponential of one in this panel is at
            // most 1.
            if start == 0 && choose_references {
                let panel = vectors::<S>(panel);
                references[..block.columns].copy_from_slice(&panel[..block.columns]);
                for logits in panel.chunks_exact(block.columns) {
                    for (reference, &logit) in references.iter_mut().zip(logits) {
                        *reference = simd.max_f32s(*reference, logit);
                    }
                }
            }
            // Targets go apart. e^-∞ is 0, so that their places count in neither sum nor top.
            // NO_TARGET is no row; what a block before left in `chosen` then stays, and its factor
            // will be 0.
            let chosen = self.chosen_logits.all_mut();
            for (token, &target) in block.targets.iter().enumerate() {
                let target = target as usize;
                if (start..end).contains(&target) {
                    let place = &mut panel[(target - start) * tokens + token];
                    chosen[token] = std::mem::replace(place, f32::NEG_INFINITY);
                }
            }
            let panel = vectors_mut::<S>(panel);
            let tops = vectors_mut::<S>(self.tops.all_mut());
            let sums = vectors_mut::<S>(self.sums.all_mut());
            for column in 0..block.columns {
                // Down the panel's rows in one column, so that top and sum stay in registers.
                let (reference, mut top) = (references[column], tops[column]);
                let mut part = zero;
                for logit in panel[column..].iter_mut().step_by(block.columns) {
                    let above = simd.sub_f32s(*logit, reference);
                    top = simd.max_f32s(top, above);
                    *logit = exp(simd, above);
                    part = simd.add_f32s(part, *logit);
                }
                tops[column] = top;
                // Kahan's summation: a large vocabulary has hundreds of panels.
                let part = simd.sub_f32s(part, lost[column]);
                let total = simd.add_f32s(sums[column], part);
                lost[column] = simd.sub_f32s(simd.sub_f32s(total, sums[column]), part);
                sums[column] = total;
            }
            start = end;
        }
    }

    /// Logits of the panel of rows from `start` on, in the place of their exponentials; returns
    /// where the panel ends.
    #[inline(always)]
    fn logits<S: Simd>(&mut self, simd: S, block: &Block<'_>, start: usize) -> usize {
        let (rows, width, tokens) = (self.rows, self.width, block.tokens());
        let stride = block.hidden.stride();
        let hidden = &block.hidden.as_slice()[block.first * stride..];
        let b_steps = Steps {
            of_row: stride,
            of_step: S::F32_LANES,
        };
        let logits = &mut self.exponentials.all_mut()[..rows * tokens];
        let mut end = start;
        // Each group of columns goes over the same tiles and ends at the same row. With eight lanes
        // a full panel of a block is 12 KiB of logits, with sixteen 24.
        for_vectors!(S, block.columns, |column, N| {
            let b = &hidden[column * stride..][..N * stride];
            end = start;
            while end < rows && end - start < PANEL {
                let tile = height(rows - end);
                let a = self.weights.tile(end, tile);
                let to = &mut logits[end * tokens..][..tile * tokens];
                for_height!(tile, R => {
                    let a_steps = Steps { of_row: 1, of_step: R };
                    let sums = of_floats::<S, R, N>(simd, width, a, a_steps, b, b_steps);
                    for (i, sums) in sums.iter().enumerate() {
                        let to = &mut to[i * tokens + column * S::F32_LANES..];
                        vectors_mut::<S>(to)[..N].copy_from_slice(sums);
                    }
                });
                end += tile;
            }
        });
        end
    }

    /// -ln p(target) of a token that has one.
    fn loss(&self, token: usize) -> f64 {
        let others = f64::from(self.sums.all()[token]);
        let chosen = f64::from(self.chosen.all()[token]);
        if chosen == 0.0 {
            // Too improbable for an f32: from the logit itself.
            let logit = f64::from(self.chosen_logits.all()[token]);
            return others.ln() + f64::from(self.references.all()[token]) - logit;
        }
        (others / chosen).ln_1p()
    }

    /// Whether no other row's logit is greater than the target's, nor one before it as great.
    fn is_greatest(&self, block: &Block<'_>, token: usize) -> bool {
        let chosen = self.chosen.all()[token];
        // The target's own place holds 0.
        let others = self.exponentials.all()[token..]
            .iter()
            .step_by(block.tokens());
        others.take(self.rows).enumerate().all(|(row, &other)| {
            other < chosen || (other == chosen && row >= block.targets[token] as usize)
        })
    }

    /// What the exponentials of each token are to be multiplied with, and the summed loss. With
    /// the target's place at minus the sum of the others, the exponentials are then the gradient.
    fn factors(&mut self, block: &Block<'_>, scale: f32) -> f64 {
        let mut loss = 0.0;
        let tokens = block.tokens();
        for token in 0..tokens {
            let target = block.targets[token];
            // Without a target there is no gradient, whatever the logits.
            let mut factor = 0.0;
            if target != NO_TARGET {
                loss += self.loss(token);
                let others = self.sums.all()[token];
                // With e of the target and s of the others, p of another is its exponential by
                // s + e, and of the target p - 1 is -s / (s + e), with every digit of s.
                factor = scale / (others + self.chosen.all()[token]);
                self.exponentials.all_mut()[target as usize * tokens + token] = -others;
            }
            self.factors.all_mut()[token] = factor;
        }
        loss
    }

    /// Lays out hidden states times factors row by row.
    #[inline(always)]
    fn times_factors<S: Simd>(&mut self, simd: S, block: &Block<'_>) {
        let lanes = S::F32_LANES;
        let row = self.width.next_multiple_of(lanes);
        for column in 0..block.columns {
            // The rows' gradient is a sum over tokens of exponential · factor · hidden. The factor
            // goes to hidden, which has `width` numbers a token where there are `rows`
            // exponentials.
            let factors = vectors::<S>(self.factors.all())[column];
            let to = &mut self.hidden.all_mut()[column * lanes * row..][..lanes * row];
            let from = vectors::<S>(block.hidden.column(block.first + column));
            for (feature, &value) in from.iter().enumerate() {
                let value = simd.mul_f32s(value, factors);
                // A token's lane becomes a row, over which vectors can run. Nothing is ever written
                // behind the width: there the zeros of the beginning stay.
                let lanes: &[f32] = pulp::bytemuck::cast_slice(std::slice::from_ref(&value));
                for (lane, &value) in lanes.iter().enumerate() {
                    to[lane * row + feature] = value;
                }
            }
        }
    }

    #[inline(always)]
    fn backward<S: Simd>(
        &self,
        simd: S,
        block: &Block<'_>,
        weights: &[f32],
        to: &mut Gradients<'_>,
    ) {
        let (rows, width, tokens) = (self.rows, self.width, block.tokens());
        let exponentials = &self.exponentials.all()[..rows * tokens];
        let factors = vectors::<S>(self.factors.all());
        let mut end = 0;
        while end < rows {
            let start = end;
            // Both gradients take the panel's exponentials while these are in the first cache.
            while end < rows && end - start < PANEL {
                let tile = height(rows - end);
                self.backward_of_rows(simd, exponentials, tokens, end, tile, to.d_weights);
                end += tile;
            }
            for_vectors!(S, block.columns, |column, N| {
                let b = &exponentials[start * tokens + column * S::F32_LANES..end * tokens];
                let b_steps = Steps {
                    of_row: S::F32_LANES,
                    of_step: tokens,
                };
                let mut feature = 0;
                while feature < width {
                    let tile = height(width - feature);
                    // d_hidden = Eᵀ W, a sum over rows of W. Row-major, each has the features of a
                    // tile side by side, as packing would lay them.
                    let a = &weights[start * width + feature..end * width];
                    let a_steps = Steps {
                        of_row: 1,
                        of_step: width,
                    };
                    for_height!(tile, R => {
                        let sums = of_floats::<S, R, N>(simd, end - start, a, a_steps, b, b_steps);
                        for j in 0..N {
                            let to = to.d_hidden.column_mut(block.first + column + j);
                            let to = &mut vectors_mut::<S>(to)[feature..][..R];
                            for i in 0..R {
                                // Panels add up; the first overwrites what was there.
                                let before = if start == 0 { simd.splat_f32s(0.0) } else { to[i] };
                                to[i] = simd.add_f32s(before, sums[i][j]);
                            }
                        }
                    });
                    feature += tile;
                }
            });
        }
        for column in 0..block.columns {
            // The factor is the token's: here it is taken once a feature, not once a panel.
            let to = vectors_mut::<S>(to.d_hidden.column_mut(block.first + column));
            for to in to {
                *to = simd.mul_f32s(*to, factors[column]);
            }
        }
    }

    /// The gradient of a tile's rows.
    #[inline(always)]
    fn backward_of_rows<S: Simd>(
        &self,
        simd: S,
        exponentials: &[f32],
        tokens: usize,
        first: usize,
        tile: usize,
        d_weights: &mut [f32],
    ) {
        let width = self.width;
        let row = width.next_multiple_of(S::F32_LANES);
        // A tile's rows are the head's rows, its vectors run over features, its sum over tokens.
        let a = &exponentials[first * tokens..];
        let a_steps = Steps {
            of_row: tokens,
            of_step: 1,
        };
        for_height!(tile, R => for_vectors!(S, row / S::F32_LANES, |vector, N| {
            let feature = vector * S::F32_LANES;
            let b = &self.hidden.all()[feature..];
            let b_steps = Steps { of_row: S::F32_LANES, of_step: row };
            let sums = of_floats::<S, R, N>(simd, tokens, a, a_steps, b, b_steps);
            // The last vector may reach into the next row's gradient: of it only what is this row's
            // is added.
            let features = (N * S::F32_LANES).min(width - feature);
            for (i, sums) in sums.iter().enumerate() {
                let to = &mut d_weights[(first + i) * width + feature..][..features];
                if features == N * S::F32_LANES {
                    let to = vectors_mut::<S>(to);
                    for j in 0..N {
                        to[j] = simd.add_f32s(to[j], sums[j]);
                    }
                } else {
                    let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
                    for (to, &sum) in to.iter_mut().zip(sums) {
                        *to += sum;
                    }
                }
            }
        }));
    }
}
