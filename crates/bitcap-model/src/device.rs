//! From a device's name to Burn's device.

use bitcap_plan::{Backend, DeviceSpec};
use burn::tensor::{Device, TensorReadError};

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use crate::gpu;

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
    /// The machine has no such device at all.
    #[error("there is no device for `{device}`: {install} (docs/gpu.md)")]
    NoDevice {
        /// What was asked for.
        device: DeviceSpec,
        /// What is missing.
        install: &'static str,
    },
    /// The machine has some, and none of this number.
    #[error(
        "there is no device `{device}`: this machine has {there}; `bitcap devices` says what they are"
    )]
    NoSuchNumber {
        /// What was asked for.
        device: DeviceSpec,
        /// The names of those there are.
        there: String,
    },
    /// The only adapter is a program on the processor, slower there than flex.
    #[error(
        "there is no GPU for `{device}`, only software that stands in for one on the processor, slower than `flex`; install the driver of the card (docs/gpu.md), or name the software `{software}`"
    )]
    OnlySoftware {
        /// What was asked for.
        device: DeviceSpec,
        /// The name of the software adapter.
        software: DeviceSpec,
    },
    /// It does not compute as the training is to.
    #[error(
        "`{device}` cannot train with train.precision = \"{precision}\": {why}; what it has is {has}"
    )]
    Precision {
        /// The device.
        device: DeviceSpec,
        /// What was asked for.
        precision: &'static str,
        /// What it does instead.
        why: &'static str,
        /// The precisions it has.
        has: String,
    },
    /// It refused or failed at something, as when its memory is full.
    #[error("the device failed: {what}")]
    Failed {
        /// What it said, in one line.
        what: String,
    },
}

impl DeviceError {
    /// What a device said, in one line.
    pub(crate) fn failed(error: &dyn std::error::Error) -> Self {
        let what = error.to_string();
        let words: Vec<&str> = what.split_whitespace().collect();
        Self::Failed {
            what: words.join(" "),
        }
    }
}

impl From<TensorReadError> for DeviceError {
    fn from(error: TensorReadError) -> Self {
        Self::failed(&error)
    }
}

/// What is known of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Its full name: with the number, where it has one.
    pub device: DeviceSpec,
    /// What it calls itself.
    pub name: String,
    /// "processor", "discrete GPU", "integrated GPU", "virtual GPU" or "software".
    pub kind: &'static str,
    /// Memory of its own in bytes, where the system says.
    pub memory_bytes: Option<u64>,
    /// Its driver, with the version; empty for the processor.
    pub driver: String,
    /// By what it is programmed: "Vulkan, WGSL".
    pub interface: String,
}

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
