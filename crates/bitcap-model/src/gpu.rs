//! Which GPUs there are, and Burn's devices for them.
//!
//! Each is opened once a process, by the adapter that was asked for and no other: Burn left alone takes
//! a software adapter where there is no GPU, and panics where there is neither.

use std::sync::{Mutex, PoisonError};

use bitcap_plan::{Backend, DeviceIndex, DeviceSpec};
use burn::tensor::{Device, DeviceType};

use crate::card;
use crate::device_facts::{DeviceError, DeviceFacts};

/// The devices that were opened, by the names that they were asked for by.
static OPEN: Mutex<Vec<(DeviceSpec, Device, DeviceFacts)>> = Mutex::new(Vec::new());

/// The devices of a backend, by their full names: GPUs by number, then the software adapter. Opens none.
pub(crate) fn list(backend: Backend) -> Vec<DeviceSpec> {
    let indices: Vec<DeviceIndex> = match backend {
        #[cfg(feature = "wgpu")]
        Backend::Wgpu | Backend::Vulkan => {
            let all = adapter::all(backend).into_iter();
            all.map(|(index, _)| index).collect()
        }
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            let gpus = 0..Device::enumerate(DeviceType::Cuda).len() as u32;
            gpus.map(DeviceIndex::Number).collect()
        }
        _ => Vec::new(),
    };
    let indices = indices.into_iter();
    indices.map(|index| DeviceSpec { backend, index }).collect()
}

/// Opens a GPU, or finds it open.
pub(crate) fn open(asked: DeviceSpec) -> Result<(Device, DeviceFacts), DeviceError> {
    // Held while a device is opened, so that no two threads open one twice. A push is the last
    // thing that is done to the list: it is whole even if a driver panicked under the lock.
    let mut all = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = all.iter().find(|(other, ..)| *other == asked);
    if let Some((_, device, facts)) = found {
        return Ok((device.clone(), facts.clone()));
    }
    let full = full_name(asked)?;
    // By its other name, perhaps: Burn opens none twice.
    let found = all.iter().find(|(.., facts)| facts.device == full);
    let (device, facts) = match (found, full.backend) {
        (Some((_, device, facts)), _) => (device.clone(), facts.clone()),
        #[cfg(feature = "wgpu")]
        (None, Backend::Wgpu | Backend::Vulkan) => adapter::open(full)?,
        #[cfg(feature = "cuda")]
        (None, Backend::Cuda) => cuda::open(full),
        _ => unreachable!("only devices of this build have a full name"),
    };
    all.push((asked, device.clone(), facts.clone()));
    Ok((device, facts))
}

/// `wgpu` is `wgpu:0`; fails where there is no such device.
fn full_name(device: DeviceSpec) -> Result<DeviceSpec, DeviceError> {
    let there = list(device.backend);
    let index = match device.index {
        DeviceIndex::Default => DeviceIndex::Number(0),
        index => index,
    };
    let full = DeviceSpec { index, ..device };
    if there.contains(&full) {
        return Ok(full);
    }
    let software = DeviceSpec {
        index: DeviceIndex::Cpu,
        ..device
    };
    let gpus: Vec<String> = there
        .iter()
        .filter(|other| **other != software)
        .map(ToString::to_string)
        .collect();
    // Software is never taken in place of a GPU that was asked for: it has to be named.
    Err(match (gpus.is_empty(), there.contains(&software)) {
        (true, true) if full != software => DeviceError::OnlySoftware { device, software },
        (false, _) if full != software => DeviceError::NoSuchNumber {
            device,
            there: gpus.join(", "),
        },
        _ => DeviceError::NoDevice {
            device,
            install: match device.backend {
                Backend::Cuda => {
                    "the NVIDIA driver (libcuda.so.1) finds none; `nvidia-smi` must list the card"
                }
                _ if full == software => {
                    "there is no software Vulkan driver; on Debian and Ubuntu it is in mesa-vulkan-drivers"
                }
                _ => {
                    "no Vulkan driver finds one; install the card's driver and the Vulkan loader (libvulkan.so.1, on Debian and Ubuntu in libvulkan1); AMD's and Intel's are in mesa-vulkan-drivers. `vulkaninfo --summary` must list the card"
                }
            },
        },
    })
}

/// GPUs by way of wgpu.
#[cfg(feature = "wgpu")]
mod adapter {
    use burn::tensor::DeviceKind;
    use burn::tensor::wgpu::WgpuBackend;
    use burn::tensor::wgpu::wgpu::DeviceType as AdapterType;

    use super::*;

    /// Whether the machine has an adapter of a kind.
    fn listed(backend: Backend) -> Box<dyn Fn(&DeviceKind) -> bool> {
        match backend {
            #[cfg(feature = "vulkan")]
            Backend::Vulkan => {
                let all = Device::enumerate(DeviceType::Vulkan);
                Box::new(move |kind| all.contains(&Device::vulkan(kind.clone())))
            }
            _ => {
                let all = Device::enumerate(DeviceType::Wgpu);
                Box::new(move |kind| all.contains(&Device::wgpu(kind.clone())))
            }
        }
    }

    /// The adapters in the order of their numbers: cards first, then what is in the processor, then what
    /// a virtual machine has; and software.
    pub(super) fn all(backend: Backend) -> Vec<(DeviceIndex, DeviceKind)> {
        let is_there = listed(backend);
        let kinds = [
            DeviceKind::DiscreteGpu,
            DeviceKind::IntegratedGpu,
            DeviceKind::VirtualGpu,
        ];
        // Burn numbers each kind from 0; our numbers run on from one kind to the next.
        let of_kind = |kind: fn(usize) -> DeviceKind| (0..).map(kind).take_while(&is_there);
        let gpus = kinds.into_iter().flat_map(of_kind);
        let numbers = (0..).map(DeviceIndex::Number);
        let software = Some((DeviceIndex::Cpu, DeviceKind::Cpu));
        numbers
            .zip(gpus)
            .chain(software.filter(|(_, kind)| is_there(kind)))
            .collect()
    }

    /// `device` is one of [`super::list`].
    pub(super) fn open(device: DeviceSpec) -> Result<(Device, DeviceFacts), DeviceError> {
        let mut all = all(device.backend).into_iter();
        let (_, kind) = all
            .find(|(index, _)| *index == device.index)
            .ok_or_else(|| DeviceError::Failed {
                what: format!("{device} is gone"),
            })?;
        let api = match device.backend {
            Backend::Vulkan => WgpuBackend::Vulkan,
            _ => WgpuBackend::Auto,
        };
        let options = Device::wgpu_options().device_kind(kind).graphics_api(api);
        let (opened, setup) = options
            .init_with_setup()
            .map_err(|error| DeviceError::failed(&error))?;
        let info = setup.adapter.get_info();
        // With the feature `vulkan` every adapter of Vulkan that can is given SPIR-V, by either name.
        let shaders = if cfg!(feature = "vulkan") {
            "SPIR-V"
        } else {
            "WGSL"
        };
        let card = card::find(&info.device_pci_bus_id);
        let facts = DeviceFacts {
            device,
            name: info.name,
            kind: match info.device_type {
                AdapterType::DiscreteGpu => "discrete GPU",
                AdapterType::IntegratedGpu => "integrated GPU",
                AdapterType::VirtualGpu => "virtual GPU",
                AdapterType::Cpu => "software",
                AdapterType::Other => "other",
            },
            memory_bytes: card.memory_bytes,
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .into(),
            interface: format!("{:?}, {shaders}", info.backend),
        };
        Ok((opened, facts))
    }
}

/// NVIDIA's GPUs by way of CUDA.
#[cfg(feature = "cuda")]
mod cuda {
    use super::*;

    /// `device` is one of [`super::list`].
    pub(super) fn open(device: DeviceSpec) -> (Device, DeviceFacts) {
        let number = match device.index {
            DeviceIndex::Number(number) => number as usize,
            _ => 0,
        };
        let opened = Device::cuda(number);
        let identity = opened.identity();
        let address = identity.as_ref().and_then(|identity| {
            let card = identity.physical.as_ref()?;
            Some(card.pci_address?.to_string())
        });
        let card = card::find(&address.unwrap_or_default());
        let (name, target) = identity.map_or_else(Default::default, |identity| {
            (identity.name, identity.fingerprint)
        });
        let facts = DeviceFacts {
            device,
            name,
            kind: "discrete GPU",
            memory_bytes: card.memory_bytes,
            driver: card.driver.unwrap_or_default(),
            interface: format!("CUDA, {target}"),
        };
        (opened, facts)
    }
}
