//! How activations lie in memory: several tokens side by side in the lanes of a vector.
//!
//! A *column* is as many tokens as a vector has lanes, and for each feature one vector that holds
//! the feature of all of them. Sums over features are then sums of vectors, lane by lane, and a
//! product with a weight matrix is a sum of vectors times single weights: nothing is shuffled
//! between lanes and no feature count leaves lanes empty.
//!
//! For whole sequences the lanes hold as many sequences, and the columns of a group of sequences
//! are their positions in order. So causal attention, too, is arithmetic lane by lane, and exact
//! at any length: nothing of it is spent on what is masked.

use crate::Cpu;

/// Floats of a cache line.
const LINE: usize = 16;

/// A cache line; what is made of these is aligned to one.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Floats on whole cache lines.
#[derive(Clone, Default)]
pub(crate) struct Floats(Vec<Line>);

impl Floats {
    pub(crate) fn zeros(len: usize) -> Self {
        Self(vec![Line::default(); len.div_ceil(LINE)])
    }

    /// At least as many as were asked for.
    pub(crate) fn all(&self) -> &[f32] {
        // SAFETY: a line is LINE floats without padding (repr(C), 64 bytes of alignment and size),
        // so n lines are LINE · n initialized floats in one allocation, borrowed as `self` is.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * LINE) }
    }

    pub(crate) fn all_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `all`; the borrow is exclusive, and any float is valid in a line.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * LINE) }
    }
}

/// Activations `[columns, features, lanes]`; see the module's page.
#[derive(Clone, Default)]
pub struct Interleaved {
    floats: Floats,
    features: usize,
    columns: usize,
    /// Floats from one column to the next: an odd number of cache lines, so that one feature of
    /// many columns does not fall into one set of the cache.
    stride: usize,
    lanes: usize,
}

impl Interleaved {
    /// Zeros for so many columns.
    #[must_use]
    pub fn zeros(cpu: Cpu, features: usize, columns: usize) -> Self {
        let lanes = cpu.lanes();
        let stride = ((features * lanes).div_ceil(LINE) | 1) * LINE;
        Self {
            floats: Floats::zeros(stride * columns),
            features,
            columns,
            stride,
            lanes,
        }
    }

    /// The sequences `[n, positions, features]`, row-major. Lanes that no sequence is left for
    /// hold zeros. With `positions` 1 these are plain rows.
    ///
    /// # Panics
    /// If `rows` is not a whole number of sequences.
    #[must_use]
    pub fn from_sequences(cpu: Cpu, rows: &[f32], positions: usize, features: usize) -> Self {
        assert!(
            rows.len().is_multiple_of(positions * features),
            "whole sequences"
        );
        let groups = (rows.len() / (positions * features)).div_ceil(cpu.lanes());
        let mut all = Self::zeros(cpu, features, groups * positions);
        all.set_sequences(rows, positions);
        all
    }

    /// Fills all columns with sequences, as [`Self::from_sequences`] does.
    ///
    /// # Panics
    /// If there are more sequences than lanes for them.
    pub fn set_sequences(&mut self, rows: &[f32], positions: usize) {
        // Lanes that no sequence is left for must not keep those of a call before.
        self.as_mut_slice().fill(0.0);
        for (row, values) in rows.chunks_exact(self.features).enumerate() {
            let at = self.first_of_row(row, positions);
            for (feature, &value) in values.iter().enumerate() {
                self.floats.all_mut()[at + feature * self.lanes] = value;
            }
        }
    }

    /// Copies out into `rows`, `[n, positions, features]` row-major.
    ///
    /// # Panics
    /// If `rows` holds more sequences than there are here.
    pub fn copy_sequences(&self, rows: &mut [f32], positions: usize) {
        for (row, values) in rows.chunks_exact_mut(self.features).enumerate() {
            let at = self.first_of_row(row, positions);
            for (feature, value) in values.iter_mut().enumerate() {
                *value = self.floats.all()[at + feature * self.lanes];
            }
        }
    }

    fn first_of_row(&self, row: usize, positions: usize) -> usize {
        // Sequences fill the lanes of a group, then those of the next, which begins `positions`
        // columns on.
        let (sequence, position) = (row / positions, row % positions);
        let column = sequence / self.lanes * positions + position;
        assert!(
            column < self.columns,
            "no more sequences than there are lanes for"
        );
        column * self.stride + sequence % self.lanes
    }

    /// Uses only so many columns from here on, at most what was asked for when this was made.
    pub(crate) fn set_columns(&mut self, columns: usize) {
        assert!(columns * self.stride <= self.floats.all().len());
        self.columns = columns;
    }

    /// Features of a token.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Columns: vectors' worth of tokens.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Floats from one column to the next.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn lanes(&self) -> usize {
        self.lanes
    }

    /// All columns, with what is between them.
    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.floats.all()[..self.columns * self.stride]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.floats.all_mut()[..self.columns * self.stride]
    }

    /// The features of one column, `[features, lanes]`.
    #[inline(always)]
    pub(crate) fn column(&self, column: usize) -> &[f32] {
        &self.floats.all()[column * self.stride..][..self.features * self.lanes]
    }

    #[inline(always)]
    pub(crate) fn column_mut(&mut self, column: usize) -> &mut [f32] {
        &mut self.floats.all_mut()[column * self.stride..][..self.features * self.lanes]
    }
}
