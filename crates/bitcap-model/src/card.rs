//! What the system says of a graphics card.

use std::path::Path;
use std::process::Command;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Card {
    pub(crate) memory_bytes: Option<u64>,
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    pub(crate) driver: Option<String>,
}

/// By its address on the PCI bus, such as `0000:01:00.0`: Linux says how much memory AMD's cards
/// have, `nvidia-smi` how much NVIDIA's. No graphics API says it alike for all.
pub(crate) fn find(address: &str) -> Card {
    if address.is_empty() {
        return Card::default();
    }
    let file = Path::new("/sys/bus/pci/devices")
        .join(address)
        .join("mem_info_vram_total");
    if let Some(bytes) = std::fs::read_to_string(file)
        .ok()
        .and_then(|text| text.trim().parse().ok())
    {
        return Card {
            memory_bytes: Some(bytes),
            driver: None,
        };
    }
    // Whatever fails from here on: memory that is not known is no reason to refuse a card.
    let asked = Command::new("nvidia-smi")
        .args([
            "--query-gpu=memory.total,driver_version",
            "--format=csv,noheader,nounits",
        ])
        .args(["-i", address])
        .output();
    asked.map_or_else(
        |_| Card::default(),
        |said| of_nvidia_smi(&String::from_utf8_lossy(&said.stdout)),
    )
}

/// Of a line such as `24564, 560.35.03`: MiB and the driver's version.
fn of_nvidia_smi(said: &str) -> Card {
    let Some((memory, driver)) = said.lines().next().and_then(|line| line.split_once(", ")) else {
        return Card::default();
    };
    let mebibytes: Option<u64> = memory.trim().parse().ok();
    Card {
        memory_bytes: mebibytes.map(|n| n << 20),
        driver: Some(format!("NVIDIA {}", driver.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Card, find, of_nvidia_smi};

    #[test]
    fn what_nvidia_smi_says_is_read() {
        let card = of_nvidia_smi("24564, 560.35.03\n");
        assert_eq!(card.memory_bytes, Some(24564 << 20));
        assert_eq!(card.driver.as_deref(), Some("NVIDIA 560.35.03"));
        assert_eq!(of_nvidia_smi("No devices were found\n"), Card::default());
        assert_eq!(find(""), Card::default());
    }
}
