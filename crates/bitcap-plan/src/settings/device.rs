//! Devices as data: how experiment files and the command line name what a model runs on.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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
}

impl DeviceSpec {
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
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index)),
            None => (text, None),
        };
        let backend = Backend::ALL
            .into_iter()
            .find(|backend| backend.as_str() == name);
        let index = match index {
            None => Some(DeviceIndex::Default),
            Some("cpu") => Some(DeviceIndex::Cpu),
            // A sign or a blank is nothing that a number of ours has.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().map(DeviceIndex::Number)
            }
            Some(_) => None,
        };
        match (backend, index) {
            (Some(backend), Some(index))
                if index == DeviceIndex::Default
                    || !backend.is_cpu()
                        && (index != DeviceIndex::Cpu || backend != Backend::Cuda) =>
            {
                Ok(Self { backend, index })
            }
            _ => Err(format!("there is no device {text:?}; it must be {ALLOWED}")),
        }
    }
}

impl Serialize for DeviceSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = DeviceSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ALLOWED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DeviceSpec, E> {
                text.parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// The names that [`DeviceSpec`] is read from.
impl JsonSchema for DeviceSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeviceSpec".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(flex|ndarray|(wgpu|vulkan)(:(cpu|[0-9]+))?|cuda(:[0-9]+)?)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceSpec;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in [
            "flex",
            "ndarray",
            "wgpu",
            "wgpu:0",
            "wgpu:cpu",
            "vulkan:12",
            "vulkan:cpu",
            "cuda:1",
        ] {
            let device: DeviceSpec = name.parse().unwrap();
            assert_eq!(device.to_string(), name);
        }
        for name in [
            "",
            "gpu",
            "flex:0",
            "ndarray:cpu",
            "cuda:cpu",
            "cuda:",
            "cuda:-1",
            "cuda:+1",
            "cuda: 1",
            "cuda:99999999999",
            "wgpu:gpu",
            "Flex",
        ] {
            let error = name.parse::<DeviceSpec>().unwrap_err();
            assert!(error.contains(&format!("{name:?}")), "{error}");
        }
    }
}
