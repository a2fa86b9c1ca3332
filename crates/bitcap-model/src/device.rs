//! From a device's name to Burn's device.

use bitcap_plan::{Backend, DeviceSpec};
use burn::tensor::Device;

use crate::device_facts::{DeviceError, DeviceFacts};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use crate::gpu;

/// The backends of this build.
#[must_use]
pub fn backends() -> Vec<Backend> {
    Backend::ALL
        .into_iter()
        .filter(|&backend| is_built(backend))
        .collect()
}

fn is_built(backend: Backend) -> bool {
    match backend {
        Backend::Flex => true,
        Backend::Ndarray => cfg!(feature = "ndarray"),
        Backend::Wgpu => cfg!(feature = "wgpu"),
        Backend::Vulkan => cfg!(feature = "vulkan"),
        Backend::Cuda => cfg!(feature = "cuda"),
    }
}

/// The devices of a backend of this build, by their full names. Opens none.
#[must_use]
pub fn devices(backend: Backend) -> Vec<DeviceSpec> {
    match backend {
        backend if backend.is_cpu() => vec![DeviceSpec {
            backend,
            ..DeviceSpec::FLEX
        }],
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        backend => gpu::list(backend),
        #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
        _ => Vec::new(),
    }
}

/// Burn's device, without autodiff.
///
/// # Errors
/// If the build has no such backend, the machine no such device, or it cannot be opened; or if it is a
/// software adapter that was not asked for by name.
pub fn open(device: DeviceSpec) -> Result<Device, DeviceError> {
    Ok(open_with_facts(device)?.0)
}

/// What is known of a device, which is opened for it.
///
/// # Errors
/// As [`open`].
pub fn facts(device: DeviceSpec) -> Result<DeviceFacts, DeviceError> {
    Ok(open_with_facts(device)?.1)
}

fn open_with_facts(device: DeviceSpec) -> Result<(Device, DeviceFacts), DeviceError> {
    let processor = |name: &str| DeviceFacts {
        device,
        name: name.into(),
        kind: "processor",
        memory_bytes: None,
        driver: String::new(),
        interface: "one thread".into(),
    };
    match device.backend {
        Backend::Flex => Ok((
            Device::flex(),
            processor("Burn's own CPU backend, the default"),
        )),
        // Deprecated in Burn 0.22 in favour of flex, and gone in 0.23; kept as a second opinion.
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)]
        Backend::Ndarray => Ok((
            Device::ndarray(),
            processor("Burn's ndarray backend, a second opinion"),
        )),
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        backend if is_built(backend) => gpu::open(device),
        other => Err(DeviceError::NotInThisBuild {
            backend: other.as_str(),
        }),
    }
}
