//! In what precision a device multiplies matrices: found out, not believed.

use bitcap_plan::{Backend, DeviceSpec, Precision};
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::device::{facts, open};
use crate::device_facts::DeviceError;

/// 1 + 2^-12: a 32-bit float holds it, TF32 with its 10 bits after the point makes 1 of it.
const TELLS_APART: f32 = 1.0 + 1.0 / 4096.0;

/// Rows, inner and columns of products: which kernel is taken follows from the sizes, so these are the
/// kinds that a training has, block, head and attention scores.
const SIZES: [[usize; 3]; 4] = [
    [512, 64, 256],
    [512, 64, 2048],
    [2048, 512, 64],
    [64, 16, 64],
];

/// Whether products of 32-bit floats come out rounded to TF32.
fn rounds(device: &Device) -> Result<bool, DeviceError> {
    let mut rounds = false;
    for [rows, inner, columns] in SIZES {
        let a = Tensor::<2>::full([rows, inner], TELLS_APART, device);
        // A one in each column: each number of the product is one of the left matrix.
        let mut ones = vec![0.0; inner * columns];
        for column in 0..columns {
            ones[column % inner * columns + column] = 1.0;
        }
        let b = Tensor::from_data(TensorData::new(ones, [inner, columns]), device);
        for value in a.matmul(b).try_into_vec_as::<f32>()? {
            if value == 1.0 {
                rounds = true;
            } else if value != TELLS_APART {
                let what = format!(
                    "a product of {rows}x{inner} by {inner}x{columns} has {value} where {TELLS_APART} is right"
                );
                return Err(DeviceError::Failed { what });
            }
        }
    }
    Ok(rounds)
}

/// The precisions that a device has, by a product that tells them apart. It is opened for it.
///
/// # Errors
/// If the device cannot be used, or multiplies wrongly.
pub fn precisions(device: DeviceSpec) -> Result<Vec<Precision>, DeviceError> {
    let opened = open(device)?;
    let of_f32 = if rounds(&opened)? {
        Precision::Tf32
    } else {
        Precision::F32
    };
    let mut all = vec![of_f32];
    if opened.supports_dtype(DType::BF16) {
        all.push(Precision::Bf16);
    }
    Ok(all)
}

/// Fails where a device does not have a precision.
///
/// # Errors
/// [`DeviceError::Precision`], or as [`precisions`].
pub fn check_precision(device: DeviceSpec, precision: Precision) -> Result<(), DeviceError> {
    // The usual case: no product is made to find out what is known of a processor.
    if device.backend.is_cpu() && precision == Precision::F32 {
        return Ok(());
    }
    let has = precisions(device)?;
    if has.contains(&precision) {
        return Ok(());
    }
    let has: Vec<String> = has
        .iter()
        .map(|has| format!("{:?}", has.as_str()))
        .collect();
    Err(DeviceError::Precision {
        device,
        precision: precision.as_str(),
        why: match precision {
            Precision::F32 => "it rounds the factors of products of 32-bit floats to TF32, 11 bits",
            Precision::Tf32 => "only GPUs of NVIDIA round to TF32, from Ampere on, by `cuda`",
            Precision::Bf16 => "it does not compute in bfloat16",
        },
        has: has.join(", "),
    })
}

/// Where a model that was trained on a device is measured: there, or on flex if its products of 32-bit
/// floats are not.
///
/// # Errors
/// As [`precisions`].
pub fn measuring_device(device: DeviceSpec) -> Result<DeviceSpec, DeviceError> {
    if device.backend.is_cpu() || !rounds(&open(device)?)? {
        return Ok(device);
    }
    Ok(DeviceSpec::FLEX)
}

/// What computes the matrix products of a training on a device, for manifest.json.
///
/// # Errors
/// If the device cannot be opened.
pub fn matrix_path(device: DeviceSpec, precision: Precision) -> Result<String, DeviceError> {
    let precision = precision.as_str();
    Ok(match device.backend {
        Backend::Flex => format!("gemm crate, {precision}, vector width chosen at run time"),
        Backend::Ndarray => format!("matrixmultiply crate, {precision}"),
        Backend::Wgpu | Backend::Vulkan | Backend::Cuda => {
            let facts = facts(device)?;
            let (name, interface, driver) = (facts.name, facts.interface, facts.driver);
            format!("cubek, {precision}, on {name} by {interface}, driver {driver}")
        }
    })
}
