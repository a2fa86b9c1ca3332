//! Functions of vectors that the kernels share.

use pulp::Simd;

/// The whole vectors of a slice.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(floats: &[f32]) -> &[S::f32s] {
    S::as_simd_f32s(floats).0
}

#[inline(always)]
pub(crate) fn vectors_mut<S: Simd>(floats: &mut [f32]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(floats).0
}

/// Below this an exponential is 0. Beside the 1 that every softmax has among its exponentials, e⁻⁵⁰
/// is far under f32's last place. But products with such numbers soon fall below 2⁻¹²⁶, where each
/// operation of x86 takes a hundred cycles: in long trainings, whose logits lie far apart, a step
/// took five times as long.
const LOWEST: f32 = -50.0;
/// e⁸⁸ is the last whole power in f32's range.
const HIGHEST: f32 = 88.0;

/// ln 2 in two parts; the first has nine bits, so that up to 127 times it is exact.
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// 1.5 · 2²³: what is added to this is rounded to an integer, which stands in the low bits.
/// With the exponent's bias added, those are the exponent's bits of a power of two.
const ROUND: f32 = 12_582_912.0 + 127.0;

/// (e^r - 1 - r) / r² on |r| ≤ ln 2 / 2, lowest power first: minimax in relative error, 3e-9.
const EXP: [f32; 5] = [
    0.499_999_94,
    0.166_665_21,
    0.041_668_39,
    0.008_368_724,
    0.001_381_458_4,
];

/// e^x, of x clamped to 88; 0 below -50.
///
/// Wrong by no more than 1.1 units in the last place (tested over the whole range), where the
/// processor has fused multiply-add. Not a number stays so with AVX2, AVX-512 and NEON.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Not a number is not below it.
    let vanishes = simd.less_than_f32s(x, simd.splat_f32s(LOWEST));
    // x86's min gives the second operand where one is not a number.
    let x = simd.min_f32s(simd.splat_f32s(HIGHEST), x);
    let round = simd.splat_f32s(ROUND);
    // e^x = 2^n e^r. Of x log2 e the sum with ROUND has only room for the whole number n next to
    // it; r = x - n ln 2 is then within ln 2 / 2.
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    // n times the high part is exact, and so is what it leaves of x: only the low part rounds.
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_LOW), r);
    // Horner's rule; the two ones are those of 1 + r.
    let mut p = simd.splat_f32s(EXP[4]);
    for c in [EXP[3], EXP[2], EXP[1], EXP[0], 1.0, 1.0] {
        p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(c));
    }
    // The shift leaves of the sum its lowest nine bits, 127 + n: the exponent of 2^n.
    let bits = simd.transmute_u32s_f32s(shifted);
    let power = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let power = simd.mul_f32s(p, simd.transmute_f32s_u32s(power));
    simd.select_f32s(vanishes, simd.splat_f32s(0.0), power)
}

/// GPT-2's GELU, x σ(2u) with u = √(2/π) (x + 0.044715 x³), and its derivative. Both are 0 where σ is
/// below e⁻⁵⁰, x being -8.05 or less, as an exponential is.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    // -2u = x (A + B x²)
    const A: f32 = -1.595_769;
    const B: f32 = A * 0.044_715;
    let one = simd.splat_f32s(1.0);
    let square = simd.mul_f32s(x, x);
    let inner = simd.mul_add_e_f32s(square, simd.splat_f32s(B), simd.splat_f32s(A));
    let exponent = simd.mul_f32s(x, inner);
    // Clamped, e stays finite: e σ is a number, however far below 0 x is.
    let e = exp(simd, exponent);
    let sigma = simd.div_f32s(one, simd.add_f32s(one, e));
    let vanishes = simd.less_than_f32s(simd.splat_f32s(-LOWEST), exponent);
    let sigma = simd.select_f32s(vanishes, simd.splat_f32s(0.0), sigma);
    let value = simd.mul_f32s(x, sigma);
    // σ + x σ (1 - σ) (2u)', and 1 - σ = e σ
    let slope = simd.mul_add_e_f32s(square, simd.splat_f32s(-3.0 * B), simd.splat_f32s(-A));
    // Not as 1 - σ, which has no digits left where σ is near 1.
    let other = simd.mul_f32s(e, sigma);
    let derivative = simd.mul_add_e_f32s(simd.mul_f32s(value, other), slope, sigma);
    (value, derivative)
}

/// Σ of `value(0)` to `value(count - 1)`, in four sums, so that an addition does not wait for the
/// one before.
#[inline(always)]
pub(crate) fn sum<S: Simd>(simd: S, count: usize, value: impl Fn(usize) -> S::f32s) -> S::f32s {
    let mut sums = [simd.splat_f32s(0.0); 4];
    let mut i = 0;
    while i + 4 <= count {
        for (j, sum) in sums.iter_mut().enumerate() {
            *sum = simd.add_f32s(*sum, value(i + j));
        }
        i += 4;
    }
    while i < count {
        sums[0] = simd.add_f32s(sums[0], value(i));
        i += 1;
    }
    simd.add_f32s(
        simd.add_f32s(sums[0], sums[1]),
        simd.add_f32s(sums[2], sums[3]),
    )
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;
    use crate::Cpu;

    struct Of<'a> {
        x: &'a [f32],
        y: &'a mut [f32],
        slope: &'a mut [f32],
        gelu: bool,
    }

    impl WithSimd for Of<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (y, slope) = (vectors_mut::<S>(self.y), vectors_mut::<S>(self.slope));
            for ((&x, y), slope) in vectors::<S>(self.x).iter().zip(y).zip(slope) {
                (*y, *slope) = if self.gelu {
                    gelu(simd, x)
                } else {
                    (exp(simd, x), simd.splat_f32s(0.0))
                };
            }
        }
    }

    fn of(cpu: Cpu, x: &[f32], gelu: bool) -> (Vec<f32>, Vec<f32>) {
        let (mut y, mut slope) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
        let (y_to, slope_to) = (&mut y[..], &mut slope[..]);
        cpu.run(Of {
            x,
            y: y_to,
            slope: slope_to,
            gelu,
        });
        (y, slope)
    }

    /// Every thousandth float from 2⁻³⁰ to `end`, of both signs, a whole number of vectors.
    fn floats(end: f32) -> Vec<f32> {
        let bits = (2.0f32.powi(-30).to_bits()..=end.to_bits()).step_by(997);
        let mut all: Vec<f32> = bits
            .flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)])
            .collect();
        all.extend([0.0, -0.0, end, -end]);
        all.resize(all.len().next_multiple_of(16), 0.0);
        all
    }

    #[test]
    fn exponentials_are_within_their_bound() {
        // Multiply and add without fusing round twice.
        for (cpu, bound) in [(Cpu::detect(), 1.1), (Cpu::plain(), 1.6)] {
            let x = floats(88.0);
            let (y, _) = of(cpu, &x, false);
            let mut worst = (0.0, 0.0);
            for (&x, &y) in x.iter().zip(&y) {
                let exact = f64::from(x).exp();
                if x < LOWEST {
                    assert_eq!(y, 0.0, "e^{x}");
                    continue;
                }
                let unit = f64::from(f32::from_bits((exact as f32).to_bits() + 1))
                    - f64::from(exact as f32);
                let wrong = (f64::from(y) - exact).abs() / unit;
                if wrong > worst.0 {
                    worst = (wrong, x);
                }
            }
            assert!(worst.0 < bound, "{cpu:?}: {} units at {}", worst.0, worst.1);
        }
    }

    #[test]
    fn exponentials_at_the_ends() {
        let cpu = Cpu::detect();
        let x = [
            f32::NEG_INFINITY,
            -1e30,
            -50.001,
            89.0,
            1e30,
            f32::INFINITY,
            f32::NAN,
            0.0,
        ];
        let mut x = x.to_vec();
        x.resize(16, 0.0);
        let (y, _) = of(cpu, &x, false);
        assert_eq!(y[..3], [0.0; 3]);
        assert!(
            y[3..6].iter().all(|&y| y.is_finite() && y > 1.6e38),
            "{y:?}"
        );
        assert!(y[6].is_nan());
        assert_eq!(y[7], 1.0);
    }

    #[test]
    fn nothing_is_left_that_products_make_subnormal() {
        // What gradients multiply these with may be as small as 1e-15 before 2^-126 (1.2e-38) is near.
        let least = 1e-23;
        for cpu in [Cpu::detect(), Cpu::plain()] {
            let x = floats(88.0);
            let below: Vec<f32> = x.iter().map(|x| -x.abs()).collect();
            let exponentials = of(cpu, &below, false).0;
            let (values, slopes) = of(cpu, &x, true);
            for (&x, y) in below.iter().zip(exponentials) {
                assert!(y == 0.0 || y > least, "e^{x} is {y}");
            }
            for ((&x, value), slope) in x.iter().zip(values).zip(slopes) {
                assert!(value.abs() > least || value == 0.0, "GELU({x}) is {value}");
                assert!(slope.abs() > least || slope == 0.0, "GELU'({x}) is {slope}");
            }
        }
    }

    #[test]
    fn gelu_is_gpt2s() {
        for cpu in [Cpu::detect(), Cpu::plain()] {
            let x = floats(60.0);
            let (y, slope) = of(cpu, &x, true);
            let root = (2.0 / std::f64::consts::PI).sqrt();
            for ((&x, y), slope) in x.iter().zip(y).zip(slope) {
                let x = f64::from(x);
                let t = (root * (x + 0.044715 * x.powi(3))).tanh();
                let value = 0.5 * x * (1.0 + t);
                let inner = root * (1.0 + 3.0 * 0.044715 * x * x);
                let derivative = 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner;
                assert!(
                    (f64::from(y) - value).abs() < 1e-6 * (1.0 + x.abs()),
                    "GELU({x}) is not {y}"
                );
                assert!(
                    (f64::from(slope) - derivative).abs() < 2e-6,
                    "GELU'({x}) is not {slope}"
                );
            }
        }
    }
}
