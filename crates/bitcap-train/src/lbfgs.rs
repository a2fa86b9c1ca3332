//! L-BFGS (Nocedal & Wright 2006, Numerical Optimization, algorithms 7.4 and 7.5) with a line search to
//! the weak Wolfe conditions: the polish after an optimizer's last step.
//!
//! Each point that is tried costs one loss and gradient of the whole dataset. What is kept from point to
//! point are f32 vectors; sums are f64, on the host.

use std::collections::VecDeque;

use bitcap_model::DeviceError;

use crate::optimizer::Scale;
use crate::state::{StateError, TrainState};

/// The loss must fall by at least this part of what the slope promises (c1 of Nocedal & Wright, section
/// 3.1, with the value they give).
const DECREASE: f64 = 1e-4;
/// At most this part of the slope may be left (their c2 for quasi-Newton methods).
const CURVATURE: f64 = 0.9;
/// Norm of the first move, when there is no curvature yet to tell how far to go. From here the search
/// doubles.
const FIRST_MOVE: f64 = 0.01;
/// Points that are tried along one direction. Halved so often it is two millionths of what it was, and an
/// f32 tells little apart there.
const MOST_TRIALS: u32 = 20;

/// Names in checkpoints.
const MOVED: &str = "lbfgs.moved";
const TURNED: &str = "lbfgs.turned";
const GRADIENT: &str = "lbfgs.gradient";
const LOSS: &str = "lbfgs.loss";
const LENGTH: &str = "lbfgs.length";
const LOW: &str = "lbfgs.low";
const HIGH: &str = "lbfgs.high";
const TRIALS: &str = "lbfgs.trials";

/// A minimization under way, at the last point that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Lbfgs {
    /// Most pairs that are kept.
    memory: usize,
    /// The inverse of the Hessian before any pair, but for a factor.
    scale: Scale,
    /// The newest last.
    pairs: VecDeque<Pair>,
    /// `[P]`.
    point: Vec<f32>,
    loss: f64,
    /// `[P]`.
    gradient: Vec<f32>,
    /// None until a state that is resumed is asked for a trial, and once there is none.
    direction: Option<Direction>,
    search: Search,
}

/// What one move taught of the curvature.
#[derive(Clone, Debug)]
struct Pair {
    /// Difference of two points, `[P]`.
    moved: Vec<f32>,
    /// Difference of their gradients, `[P]`.
    turned: Vec<f32>,
    /// The product of both, above 0.
    product: f64,
}

#[derive(Clone, Debug)]
struct Direction {
    /// `[P]`.
    vector: Vec<f64>,
    /// Of the loss along it at the point, below 0.
    slope: f64,
}

/// How far along the direction to go, as a part of its length.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Search {
    /// What is tried next.
    length: f64,
    /// The longest that was too short.
    low: f64,
    /// The shortest that was too long.
    high: Option<f64>,
    /// Points tried.
    trials: u32,
}

impl Search {
    const NEW: Self = Self {
        length: 1.0,
        low: 0.0,
        high: None,
        trials: 0,
    };
    /// None is left to be made.
    const OVER: Self = Self {
        trials: MOST_TRIALS,
        ..Self::NEW
    };
}

impl Lbfgs {
    /// Names of the vectors that [`Self::save`] adds to a state.
    pub(crate) const VECTORS: [&str; 3] = [MOVED, TURNED, GRADIENT];

    /// From a point `[P]` with its loss and gradient.
    ///
    /// # Errors
    /// If the device of `scale` fails.
    pub(crate) fn begin(
        memory: usize,
        scale: Scale,
        point: Vec<f32>,
        loss: f64,
        gradient: Vec<f32>,
    ) -> Result<Self, DeviceError> {
        let mut new = Self {
            memory,
            scale,
            pairs: VecDeque::new(),
            point,
            loss,
            gradient,
            direction: None,
            search: Search::NEW,
        };
        new.aim()?;
        Ok(new)
    }

    /// The last point that was taken, `[P]`: the lowest of them.
    pub(crate) fn point(&self) -> &[f32] {
        &self.point
    }

    /// Its loss.
    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

    /// Whether no point is found any more that the search takes, without any pairs either.
    pub(crate) fn has_converged(&self) -> bool {
        self.pairs.is_empty() && self.search == Search::OVER
    }

    /// The next point to try, `[P]`; that of before where it has converged.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn trial(&mut self) -> Result<Vec<f32>, DeviceError> {
        if self.direction.is_none() && !self.has_converged() {
            self.aim()?;
        }
        Ok(match &self.direction {
            None => self.point.clone(),
            Some(Direction { vector, .. }) => {
                let along = self.point.iter().zip(vector);
                let along = along.map(|(&x, d)| (f64::from(x) + self.search.length * d) as f32);
                along.collect()
            }
        })
    }

    /// Takes `trial`, or shortens or lengthens the next, by its loss and gradient `[P]`, which may be
    /// other than finite.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn judge(
        &mut self,
        trial: Vec<f32>,
        loss: f64,
        gradient: Vec<f32>,
    ) -> Result<(), DeviceError> {
        let Some(Direction { vector, slope }) = &self.direction else {
            return Ok(());
        };
        let search = &mut self.search;
        let left = dot(vector, &gradient);
        // False of a loss or slope that is no number: that was too far.
        let falls = loss <= self.loss + DECREASE * search.length * slope && left.is_finite();
        if falls && left >= CURVATURE * slope {
            self.remember(&trial, &gradient);
            (self.point, self.loss, self.gradient) = (trial, loss, gradient);
            self.search = Search::NEW;
            return self.aim();
        }
        search.trials += 1;
        if search.trials >= MOST_TRIALS {
            // The pairs may have gone stale; without any the gradient itself has failed.
            if self.pairs.is_empty() {
                *search = Search::OVER;
                self.direction = None;
                return Ok(());
            }
            self.pairs.clear();
            *search = Search::NEW;
            return self.aim();
        }
        if falls {
            search.low = search.length;
        } else {
            search.high = Some(search.length);
        }
        search.length = match search.high {
            Some(high) => f64::midpoint(search.low, high),
            None => 2.0 * search.low,
        };
        Ok(())
    }

    fn remember(&mut self, point: &[f32], gradient: &[f32]) {
        let pair = Pair::new(
            difference(point, &self.point),
            difference(gradient, &self.gradient),
        );
        // The search sees to it but for rounding.
        if pair.product > 0.0 {
            if self.pairs.len() == self.memory {
                self.pairs.pop_front();
            }
            self.pairs.push_back(pair);
        }
    }

    /// Finds the direction from the point, or that there is none.
    fn aim(&mut self) -> Result<(), DeviceError> {
        self.direction = self.direction()?;
        if self.direction.is_none() && !self.pairs.is_empty() {
            // Rounding has spoiled them.
            self.pairs.clear();
            self.direction = self.direction()?;
        }
        if self.direction.is_none() {
            self.search = Search::OVER;
        }
        Ok(())
    }

    /// The two-loop recursion: -H g, where H is what the pairs make of the scale. None where it does not
    /// lead down.
    fn direction(&self) -> Result<Option<Direction>, DeviceError> {
        let mut vector: Vec<f64> = self.gradient.iter().map(|&x| -f64::from(x)).collect();
        let mut factors = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let factor = dot(&vector, &pair.moved) / pair.product;
            add(&mut vector, -factor, &pair.turned);
            factors.push(factor);
        }
        let mut vector = self.scale.apply(&vector)?;
        let factor = match self.pairs.back() {
            None => FIRST_MOVE / norm(&vector),
            // As in their formula 7.20, of the scale and not of the identity: so that the newest pair's
            // curvature is right.
            Some(pair) => {
                let turned: Vec<f64> = pair.turned.iter().map(|&y| f64::from(y)).collect();
                pair.product / dot(&self.scale.apply(&turned)?, &pair.turned)
            }
        };
        vector.iter_mut().for_each(|x| *x *= factor);
        for (pair, factor) in self.pairs.iter().zip(factors.iter().rev()) {
            let back = dot(&vector, &pair.turned) / pair.product;
            add(&mut vector, factor - back, &pair.moved);
        }
        let slope = dot(&vector, &self.gradient);
        // No number where the gradient is 0.
        Ok((slope < 0.0).then_some(Direction { vector, slope }))
    }

    /// Adds what it keeps to a state, but for the point, which are the weights.
    pub(crate) fn save(&self, state: &mut TrainState) {
        let all = |part: fn(&Pair) -> &[f32]| self.pairs.iter().flat_map(part).copied().collect();
        let vectors = [
            (MOVED, all(|pair| &pair.moved)),
            (TURNED, all(|pair| &pair.turned)),
            (GRADIENT, self.gradient.clone()),
        ];
        let vectors = vectors.map(|(name, values)| (name.to_owned(), values));
        state.optimizer.extend(vectors);
        let search = self.search;
        let numbers = [
            (LOSS, Some(self.loss)),
            (LENGTH, Some(search.length)),
            (LOW, Some(search.low)),
            (HIGH, search.high),
            (TRIALS, Some(f64::from(search.trials))),
        ];
        let numbers = numbers.map(|(name, value)| Some((name.to_owned(), value?)));
        state.numbers.extend(numbers.into_iter().flatten());
    }

    /// What [`Self::save`] added, with P parameters; the sizes of the vectors are checked first.
    ///
    /// # Errors
    /// If something is missing or of another size.
    pub(crate) fn resume(
        state: &TrainState,
        memory: usize,
        scale: Scale,
    ) -> Result<Self, StateError> {
        let number = |name: &str| {
            let value = state.numbers.get(name).copied();
            value.ok_or_else(|| StateError::Content(format!("there is no number `{name}`")))
        };
        let parameters = state.weights.len();
        let vector = |name: &str| state.optimizer.get(name).map_or(&[][..], |values| values);
        let sized = |name: &str, expected: usize| {
            let (values, name) = (vector(name), name.to_owned());
            let found = values.len();
            if found == expected {
                return Ok(values);
            }
            Err(StateError::Size {
                name,
                found,
                expected,
            })
        };
        let pairs = (vector(MOVED).len() / parameters.max(1)).min(memory);
        let moved = sized(MOVED, pairs * parameters)?.chunks(parameters);
        let turned = sized(TURNED, pairs * parameters)?.chunks(parameters);
        let pairs = moved.zip(turned);
        let pairs = pairs.map(|(moved, turned)| Pair::new(moved.to_vec(), turned.to_vec()));
        let resumed = Self {
            memory,
            scale,
            pairs: pairs.collect(),
            point: state.weights.clone(),
            loss: number(LOSS)?,
            gradient: sized(GRADIENT, parameters)?.to_vec(),
            direction: None,
            search: Search {
                length: number(LENGTH)?,
                low: number(LOW)?,
                high: state.numbers.get(HIGH).copied(),
                trials: number(TRIALS)? as u32,
            },
        };
        match resumed.search.length > 0.0 {
            true => Ok(resumed),
            false => Err(StateError::Content(format!("`{LENGTH}` is not above 0"))),
        }
    }
}

impl Pair {
    fn new(moved: Vec<f32>, turned: Vec<f32>) -> Self {
        let wide: Vec<f64> = moved.iter().map(|&s| f64::from(s)).collect();
        Self {
            product: dot(&wide, &turned),
            moved,
            turned,
        }
    }
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Adds `factor` times `other`.
fn add(vector: &mut [f64], factor: f64, other: &[f32]) {
    for (x, &y) in vector.iter_mut().zip(other) {
        *x += factor * f64::from(y);
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// In eight sums side by side: one sum alone would wait for each addition before the next.
fn dot(a: &[f64], b: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * f64::from(b);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, &b)| a * f64::from(b));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use bitcap_model::open;
    use bitcap_plan::DeviceSpec;
    use burn::tensor::{Tensor, TensorData};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Fixture {
        history: usize,
        iterations: Vec<Iteration>,
    }

    #[derive(Deserialize)]
    struct Iteration {
        point: Vec<f64>,
        gradient: Vec<f64>,
        direction: Vec<f64>,
    }

    fn narrow(values: &[f64]) -> Vec<f32> {
        values.iter().map(|&x| x as f32).collect()
    }

    /// The direction from each of the fixture's points, but for the first, by `scale`; of points and
    /// gradients that are first multiplied and divided by `by`.
    fn directions(scale: &Scale, by: &[f64]) -> Vec<Vec<f64>> {
        let fixture = include_str!("../tests/fixtures/lbfgs.json");
        let Fixture {
            history,
            iterations,
        } = serde_json::from_str(fixture).unwrap();
        let point = |i: &Iteration| -> Vec<f32> {
            let both = i.point.iter().zip(by);
            both.map(|(x, by)| (x * by) as f32).collect()
        };
        let gradient = |i: &Iteration| -> Vec<f32> {
            let both = i.gradient.iter().zip(by);
            both.map(|(x, by)| (x / by) as f32).collect()
        };
        let first = &iterations[0];
        let mut lbfgs =
            Lbfgs::begin(history, scale.clone(), point(first), 0.0, gradient(first)).unwrap();
        let rest = iterations[1..].iter().map(|iteration| {
            let (point, gradient) = (point(iteration), gradient(iteration));
            lbfgs.remember(&point, &gradient);
            (lbfgs.point, lbfgs.gradient) = (point, gradient);
            lbfgs.direction().unwrap().unwrap().vector
        });
        rest.collect()
    }

    fn expected() -> Vec<Vec<f64>> {
        let fixture = include_str!("../tests/fixtures/lbfgs.json");
        let fixture: Fixture = serde_json::from_str(fixture).unwrap();
        let rest = fixture.iterations.into_iter().skip(1);
        rest.map(|iteration| iteration.direction).collect()
    }

    /// Largest distance of two vectors as a part of the second's norm.
    fn off(found: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
        assert_eq!(found.len(), expected.len());
        let apart = |(a, b): (&Vec<f64>, &Vec<f64>)| {
            let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
            norm(&difference) / norm(b)
        };
        found.iter().zip(expected).map(apart).fold(0.0, f64::max)
    }

    /// Points and gradients are f32 here, f64 there.
    #[test]
    fn the_directions_are_those_of_pytorch() {
        let by = [1.0; 12];
        let found = directions(&Scale::IDENTITY, &by);
        let off = off(&found, &expected());
        assert!(off < 1e-5, "{off:e}");
    }

    /// A scale is the same as other units for the parameters: d = √S d', d' being the direction without
    /// a scale where points are x / √S.
    #[test]
    fn a_scale_is_a_change_of_units() {
        let device = open(DeviceSpec::FLEX).unwrap();
        let scale: Vec<f32> = (0..12).map(|i| 1.5_f32.powi(i - 6)).collect();
        let root: Vec<f64> = scale.iter().map(|&s| f64::from(s).sqrt()).collect();
        let tensor = Tensor::from_data(TensorData::new(scale, [12]), &device);
        let found = directions(&Scale::of_each(tensor), &[1.0; 12]);
        let by: Vec<f64> = root.iter().map(|root| 1.0 / root).collect();
        let mut expected = directions(&Scale::IDENTITY, &by);
        for direction in &mut expected {
            direction.iter_mut().zip(&root).for_each(|(d, r)| *d *= r);
        }
        let off = off(&found, &expected);
        assert!(off < 1e-5, "{off:e}");
    }

    /// Minimizes until it has converged or has tried so many points; the points that were taken, with
    /// their losses.
    fn minimize(
        function: impl Fn(&[f64]) -> (f64, Vec<f64>),
        from: &[f64],
        most: usize,
    ) -> (Lbfgs, Vec<(Vec<f32>, f64)>, usize) {
        let at = |point: &[f32]| {
            let wide: Vec<f64> = point.iter().map(|&x| f64::from(x)).collect();
            let (loss, gradient) = function(&wide);
            (loss, narrow(&gradient))
        };
        let point = narrow(from);
        let (loss, gradient) = at(&point);
        let mut lbfgs = Lbfgs::begin(10, Scale::IDENTITY, point.clone(), loss, gradient).unwrap();
        let mut taken = vec![(point, loss)];
        let mut tried = 0;
        while !lbfgs.has_converged() && tried < most {
            let trial = lbfgs.trial().unwrap();
            let (loss, gradient) = at(&trial);
            lbfgs.judge(trial, loss, gradient).unwrap();
            tried += 1;
            if lbfgs.point() != taken.last().unwrap().0 {
                taken.push((lbfgs.point().to_vec(), lbfgs.loss()));
            }
        }
        (lbfgs, taken, tried)
    }

    /// Rosenbrock's valley, whose only minimum is 0 at (1, 1).
    fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        let gradient = vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b];
        (a * a + 100.0 * b * b, gradient)
    }

    #[test]
    fn it_comes_to_a_minimum_and_says_so() {
        let (lbfgs, taken, tried) = minimize(rosenbrock, &[-1.2, 1.0], 1000);
        assert!(lbfgs.has_converged());
        assert!(tried < 200, "{tried}");
        // The valley's curvature along it is 0.2 at least, and an f32 near 1 is 1e-7 apart.
        for x in lbfgs.point() {
            assert!((x - 1.0).abs() < 1e-3, "{x}");
        }
        assert!(taken.windows(2).all(|two| two[1].1 < two[0].1));
        // A converged one stays where it is.
        let mut lbfgs = lbfgs;
        let point = lbfgs.point().to_vec();
        assert_eq!(lbfgs.trial().unwrap(), point);
        lbfgs.judge(point.clone(), -1.0, vec![1.0, 1.0]).unwrap();
        assert_eq!(lbfgs.point(), point);
    }

    /// x - ln x has no value below 0 and its minimum at 1. From far out the first steps double, and one
    /// that falls off the edge is shortened.
    #[test]
    fn a_trial_without_a_value_was_too_far() {
        let function = |x: &[f64]| (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]]);
        for from in [1e-3, 0.3, 50.0] {
            let (lbfgs, _, _) = minimize(function, &[from], 500);
            let x = lbfgs.point()[0];
            assert!((x - 1.0).abs() < 1e-3, "{x} from {from}");
        }
    }

    /// Broken off after every trial, of directions that double, fall off the edge and are bisected.
    #[test]
    fn a_search_goes_on_from_its_state() {
        let function = |x: &[f32]| {
            let x = f64::from(x[0]);
            (x - x.ln(), vec![(1.0 - 1.0 / x) as f32])
        };
        let point = vec![50.0];
        let (loss, gradient) = function(&point);
        let begun = Lbfgs::begin(2, Scale::IDENTITY, point, loss, gradient).unwrap();
        let (mut whole, mut broken) = (begun.clone(), begun);
        let (mut bisected, mut tried) = (false, 0);
        while !whole.has_converged() {
            let mut state = TrainState {
                weights: broken.point().to_vec(),
                ..TrainState::default()
            };
            broken.save(&mut state);
            let (state, _) = TrainState::from_bytes(&state.to_bytes("")).unwrap();
            bisected |= state.numbers.contains_key(HIGH);
            broken = Lbfgs::resume(&state, 2, Scale::IDENTITY).unwrap();
            let trial = whole.trial().unwrap();
            assert_eq!(broken.trial().unwrap(), trial, "{tried}");
            for one in [&mut whole, &mut broken] {
                let (loss, gradient) = function(&trial);
                one.judge(trial.clone(), loss, gradient).unwrap();
            }
            assert_eq!((broken.search, broken.loss), (whole.search, whole.loss));
            tried += 1;
        }
        assert!(broken.has_converged());
        assert!(bisected && tried > 20, "{tried}");
    }

    #[test]
    fn where_there_is_no_slope_there_is_nothing_to_try() {
        let lbfgs = Lbfgs::begin(3, Scale::IDENTITY, vec![1.0; 2], 0.5, vec![0.0; 2]);
        assert!(lbfgs.unwrap().has_converged());
    }

    /// A quadratic of 40 dimensions whose curvatures are 10,000 apart: none of the steps that are taken
    /// fails the conditions of the search.
    #[test]
    fn steps_meet_the_weak_wolfe_conditions() {
        let curvature = |i: usize| 10f64.powf(4.0 * i as f64 / 39.0);
        let function = |x: &[f64]| {
            let both = x.iter().enumerate();
            let loss = both.clone().map(|(i, x)| 0.5 * curvature(i) * x * x).sum();
            (loss, both.map(|(i, x)| curvature(i) * x).collect())
        };
        let (lbfgs, taken, tried) = minimize(function, &[1.0; 40], 400);
        assert!(lbfgs.loss() < 1e-6 * taken[0].1, "{}", lbfgs.loss());
        // Nearly every trial is taken: that is what the conditions are loose for.
        assert!(taken.len() * 5 > tried * 4, "{} of {tried}", taken.len());
        for two in taken[..taken.len() / 2].windows(2) {
            let wide = |point: &[f32]| -> Vec<f64> { point.iter().map(|&x| x.into()).collect() };
            let (from, to) = (wide(&two[0].0), wide(&two[1].0));
            let ((loss, gradient), (lower, after)) = (function(&from), function(&to));
            let along = |gradient: &[f64]| -> f64 {
                let moved = to.iter().zip(&from).map(|(a, b)| a - b);
                moved.zip(gradient).map(|(s, g)| s * g).sum()
            };
            // A little more than the conditions say, for points that were rounded.
            assert!(lower <= loss + 0.9 * DECREASE * along(&gradient));
            assert!(along(&after) >= (CURVATURE + 1e-3) * along(&gradient));
        }
    }
}
