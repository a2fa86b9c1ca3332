//! Which vector instructions the kernels run on, chosen at run time.

use pulp::{Simd, WithSimd};

/// A set of vector instructions that this processor has.
///
/// The kernels are written once, over the number of lanes. On one set of instructions the same
/// numbers give the same bytes; between two sets they differ by rounding, since sums run over the
/// lanes in another order.
#[derive(Clone, Copy, Debug)]
pub struct Cpu(Set);

#[derive(Clone, Copy, Debug)]
enum Set {
    Detected(pulp::Arch),
    Plain,
    #[cfg(all(feature = "sixteen-lanes", target_arch = "x86_64"))]
    Sixteen(pulp::x86::V3),
}

impl Cpu {
    /// The widest set this processor has: AVX-512, AVX2 with FMA, NEON, else plain code.
    #[must_use]
    pub fn detect() -> Self {
        Self(Set::Detected(pulp::Arch::new()))
    }

    /// No vector instructions beyond what the compiler takes for granted; one lane.
    #[must_use]
    pub fn plain() -> Self {
        Self(Set::Plain)
    }

    /// Sixteen lanes out of AVX2's instructions, if the processor has those: for tests.
    #[cfg(all(feature = "sixteen-lanes", target_arch = "x86_64"))]
    #[must_use]
    pub fn sixteen_lanes() -> Option<Self> {
        pulp::x86::V3::try_new().map(|simd| Self(Set::Sixteen(simd)))
    }

    /// Numbers of 32 bits in a vector.
    #[must_use]
    pub fn lanes(self) -> usize {
        self.run(Lanes)
    }

    /// Runs `kernel` compiled for these instructions.
    #[inline]
    pub(crate) fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        match self.0 {
            Set::Detected(arch) => arch.dispatch(kernel),
            Set::Plain => kernel.with_simd(plain_simd()),
            #[cfg(all(feature = "sixteen-lanes", target_arch = "x86_64"))]
            Set::Sixteen(simd) => simd.vectorize(Sixteen { simd, kernel }),
        }
    }
}

#[cfg(not(target_arch = "aarch64"))]
fn plain_simd() -> pulp::Scalar {
    pulp::Scalar
}

#[cfg(target_arch = "aarch64")]
fn plain_simd() -> pulp::Scalar {
    pulp::Scalar::new()
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

#[cfg(all(feature = "sixteen-lanes", target_arch = "x86_64"))]
struct Sixteen<K> {
    simd: pulp::x86::V3,
    kernel: K,
}

#[cfg(all(feature = "sixteen-lanes", target_arch = "x86_64"))]
impl<K: WithSimd> pulp::NullaryFnOnce for Sixteen<K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.kernel.with_simd(pulp::x86::V3_512b(self.simd))
    }
}
