//! The devices a model can run on.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// A device by its name in experiment files and on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceName {
    /// Burn's own CPU backend; one thread.
    #[default]
    Flex,
    /// Burn's ndarray backend, to compare with.
    Ndarray,
}

impl DeviceName {
    /// Every device of this build.
    pub const ALL: [Self; 2] = [Self::Flex, Self::Ndarray];

    /// The name in experiment files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Flex => "CPU, Burn's own backend, one thread (default)",
            Self::Ndarray => "CPU, Burn's ndarray backend, one thread: a second opinion",
        }
    }

    /// Burn's device, without autodiff.
    #[must_use]
    pub fn open(self) -> Device {
        match self {
            Self::Flex => Device::flex(),
            // Deprecated in Burn 0.22 in favour of flex, and gone in 0.23; kept as a second opinion.
            #[allow(deprecated)]
            Self::Ndarray => Device::ndarray(),
        }
    }
}

impl std::fmt::Display for DeviceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::as_str).join(", ");
                format!("there is no device `{text}`; this build has {names}")
            })
    }
}
