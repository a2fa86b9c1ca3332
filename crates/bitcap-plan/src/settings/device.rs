//! Devices as data: how experiment files and the command line name what a model runs on.

use std::fmt;
use std::str::FromStr;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::settings::train::Precision;

/// What computes: a backend of Burn. Which of them a build has is decided by its cargo features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Burn's own CPU backend; one thread.
    #[default]
    Flex,
    /// Burn's ndarray backend on the CPU, to compare with.
    Ndarray,
    /// Any GPU, by shaders in WGSL.
    Wgpu,
    /// GPUs with a Vulkan driver, by shaders in SPIR-V.
    Vulkan,
    /// NVIDIA GPUs.
    Cuda,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Flex,
        Self::Ndarray,
        Self::Wgpu,
        Self::Vulkan,
        Self::Cuda,
    ];

    /// The name in experiment files and on the command line; that of the cargo feature too.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Cuda => "cuda",
        }
    }

    /// Whether it runs on the processor.
    #[must_use]
    pub fn is_cpu(self) -> bool {
        matches!(self, Self::Flex | Self::Ndarray)
    }
}

/// Which of a backend's devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceIndex {
    /// The one that the backend takes by itself.
    #[default]
    Default,
    /// The one of this number, from 0.
    Number(u32),
    /// A software adapter: the processor in the place of a GPU, for tests.
    Cpu,
}

/// A device by its name: `flex`, `wgpu`, `wgpu:1`, `cuda:0`, `wgpu:cpu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceSpec {
    /// What computes.
    pub backend: Backend,
    /// Which of its devices; processors have no number.
    pub index: DeviceIndex,
}

impl DeviceSpec {
    /// Burn's own CPU backend, the default and the reference.
    pub const FLEX: Self = Self {
        backend: Backend::Flex,
        index: DeviceIndex::Default,
    };

    /// Devices of one class compute alike, as far as can be told beforehand: `flex-f32`, `cuda-bf16`. A
    /// training may go on only within its class.
    #[must_use]
    pub fn numeric_class(self, precision: Precision) -> String {
        format!("{}-{}", self.backend.as_str(), precision.as_str())
    }
}

/// What a name may be, worded to follow "it must be".
const ALLOWED: &str = "\"flex\", \"ndarray\", or \"wgpu\", \"vulkan\" or \"cuda\", these with the number of a device where there is more than one, as in \"cuda:1\", or \"wgpu:cpu\" for a software adapter";

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.backend.as_str())?;
        match self.index {
            DeviceIndex::Default => Ok(()),
            DeviceIndex::Number(number) => write!(f, ":{number}"),
            DeviceIndex::Cpu => f.write_str(":cpu"),
        }
    }
}

impl FromStr for DeviceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, index) = text
            .split_once(':')
            .map_or((text, None), |(name, index)| (name, Some(index)));
        let mut backends = Backend::ALL.into_iter();
        let backend = backends.find(|backend| backend.as_str() == name);
        let index = match index {
            None => Some(DeviceIndex::Default),
            Some("cpu") => Some(DeviceIndex::Cpu),
            // A sign or a blank is nothing that a number of ours has.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().map(DeviceIndex::Number)
            }
            Some(_) => None,
        };
        // A processor is one device, and CUDA has no software adapter.
        let spec = backend.zip(index).filter(|&(backend, index)| match index {
            DeviceIndex::Default => true,
            DeviceIndex::Number(_) => !backend.is_cpu(),
            DeviceIndex::Cpu => !backend.is_cpu() && backend != Backend::Cuda,
        });
        spec.map(|(backend, index)| Self { backend, index })
            .ok_or_else(|| format!("there is no device {text:?}; it must be {ALLOWED}"))
    }
}

impl Serialize for DeviceSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What is no text is refused as the empty name is, with the names that there are.
        let text = String::deserialize(deserializer).unwrap_or_default();
        let wrong = |_| D::Error::invalid_value(Unexpected::Str(&text), &ALLOWED);
        text.parse().map_err(wrong)
    }
}

/// The names that [`DeviceSpec`] is read from.
pub(crate) fn device_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^(flex|ndarray|(wgpu|vulkan)(:(cpu|[0-9]+))?|cuda(:[0-9]+)?)$",
    })
}

#[cfg(test)]
mod tests {
    use super::DeviceSpec;

    #[test]
    fn names_are_read_and_written_alike() {
        let names = "flex ndarray wgpu wgpu:0 wgpu:cpu vulkan:12 vulkan:cpu cuda:1";
        for name in names.split(' ') {
            let device: DeviceSpec = name.parse().unwrap();
            assert_eq!(device.to_string(), name);
        }
        let wrong = "|gpu|flex:0|ndarray:cpu|cuda:cpu|cuda:|cuda:-1|cuda:+1|cuda: 1|\
            cuda:99999999999|wgpu:gpu|Flex";
        for name in wrong.split('|') {
            let error = name.parse::<DeviceSpec>().unwrap_err();
            assert!(error.contains(&format!("{name:?}")), "{error}");
        }
    }
}
