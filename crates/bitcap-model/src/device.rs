//! From a device's name to Burn's device.

use bitcap_plan::{Backend, DeviceSpec};
use burn::tensor::{Device, TensorReadError};

/// Why a device cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The build has no such backend.
    #[error(
        "this build of bitcap has no `{backend}`: build it with `cargo install --path crates/bitcap --features {backend}`, or take another device"
    )]
    NotInThisBuild {
        /// Its name, which is that of the cargo feature.
        backend: &'static str,
    },
    /// It refused or failed at something, as when its memory is full.
    #[error("the device failed: {what}")]
    Failed {
        /// What it said, in one line.
        what: String,
    },
}

impl From<TensorReadError> for DeviceError {
    fn from(error: TensorReadError) -> Self {
        let what = error.to_string();
        let words: Vec<&str> = what.split_whitespace().collect();
        Self::Failed {
            what: words.join(" "),
        }
    }
}

/// What a backend is, in a few words.
#[must_use]
pub fn about(backend: Backend) -> &'static str {
    match backend {
        Backend::Flex => "CPU, Burn's own backend, one thread (default)",
        Backend::Ndarray => "CPU, Burn's ndarray backend, one thread: a second opinion",
        Backend::Wgpu => "any GPU, by shaders in WGSL",
        Backend::Vulkan => "GPUs with a Vulkan driver, by shaders in SPIR-V",
        Backend::Cuda => "NVIDIA GPUs",
    }
}

/// The backends of this build.
#[must_use]
pub fn backends() -> Vec<Backend> {
    let built = |backend: &Backend| match backend {
        Backend::Flex => true,
        Backend::Ndarray => cfg!(feature = "ndarray"),
        Backend::Wgpu | Backend::Vulkan | Backend::Cuda => false,
    };
    Backend::ALL.into_iter().filter(built).collect()
}

/// What computes the matrix products on a device, for manifest.json.
#[must_use]
pub fn matrix_path(device: DeviceSpec) -> &'static str {
    match device.backend {
        Backend::Flex => "gemm crate, f32, vector width chosen at run time",
        Backend::Ndarray => "matrixmultiply crate, f32",
        Backend::Wgpu | Backend::Vulkan | Backend::Cuda => "cubek, f32",
    }
}

/// Burn's device, without autodiff.
///
/// # Errors
/// If the build has no such backend.
pub fn open(device: DeviceSpec) -> Result<Device, DeviceError> {
    match device.backend {
        Backend::Flex => Ok(Device::flex()),
        // Deprecated in Burn 0.22 in favour of flex, and gone in 0.23; kept as a second opinion.
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)]
        Backend::Ndarray => Ok(Device::ndarray()),
        other => Err(DeviceError::NotInThisBuild {
            backend: other.as_str(),
        }),
    }
}
