//! Whether a cell can fit this machine at all: asked before anything is allocated, since systems
//! promise more memory than they have and end the process that takes it.

use crate::CellError;
use bitcap_plan::CellSettings;

/// Bytes a token that a training holds at once: the token in 2, as input and as target in 4 each.
const BYTES_A_TOKEN: u128 = 10;

/// Bytes a parameter: the weight, its gradient and at least one moment of the optimizer, in f32.
const BYTES_A_PARAMETER: u128 = 12;

/// Fails where a cell is sure not to fit: by its tokens and weights alone, without activations.
///
/// # Errors
/// [`CellError::Memory`]. None where the system does not say how much memory there is.
pub fn check_memory(settings: &CellSettings) -> Result<(), CellError> {
    let needed = least_bytes(settings);
    match machine_bytes() {
        Some(machine) if machine < needed => Err(CellError::Memory {
            cell: settings.name(),
            needed,
            machine,
        }),
        _ => Ok(()),
    }
}

fn least_bytes(settings: &CellSettings) -> u64 {
    let tokens = u128::from(settings.data.samples) * u128::from(settings.source.length());
    let parameters = u128::from(settings.parameters());
    let bytes = tokens * BYTES_A_TOKEN + parameters * BYTES_A_PARAMETER;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// All memory of the machine, where it runs Linux.
fn machine_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    total_of(&text)
}

/// From the line `MemTotal:       24605440 kB`, where a kB is 1024 bytes.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::total_of;

    #[test]
    fn total_memory_is_read_from_its_line() {
        let text = "MemTotal:       24605440 kB\nMemFree:         1000 kB\n";
        assert_eq!(total_of(text), Some(24_605_440 * 1024));
        assert_eq!(total_of("MemFree:         1000 kB\n"), None);
        assert_eq!(total_of("MemTotal: many kB\n"), None);
    }
}
