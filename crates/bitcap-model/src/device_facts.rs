//! What is known of a device, and why one cannot be used.

use bitcap_plan::DeviceSpec;
use burn::tensor::TensorReadError;

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
