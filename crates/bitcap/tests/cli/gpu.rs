//! GPUs, by the software adapter `wgpu:cpu`: right, not fast. Needs a software Vulkan driver.

use predicates::prelude::*;

use super::{Place, TINY};

/// Points the loaders of Vulkan and of OpenGL, which has a software adapter as well, at drivers that are not there.
const NO_DRIVER: &str =
    "export VK_DRIVER_FILES=/none VK_ICD_FILENAMES=/none __EGL_VENDOR_LIBRARY_FILENAMES=/none";

/// Sweeps keep what they find out of a device in a cache of their own; the driver its shaders where it
/// always does.
fn own_cache(place: &Place) -> String {
    format!(
        "export MESA_SHADER_CACHE_DIR=${{XDG_CACHE_HOME:-$HOME/.cache}} XDG_CACHE_HOME={}",
        place.path("cache").display()
    )
}

/// The figures of a sweep on the software adapter are those of flex, to what rounding explains after six
/// steps; the device is checked once, and remembered.
#[test]
fn a_sweep_there_gives_the_figures_of_flex() {
    let place = Place::new(TINY);
    let on_gpu = ["--device", "wgpu:cpu", "--outputs", "gpu"];
    // Two cells: each compiles its shaders anew.
    let sweep = [&["sweep", "e.toml", "--only", "seed=0"], &on_gpu[..]].concat();
    place
        .bitcap_after(&own_cache(&place), &sweep)
        .success()
        .stderr(predicate::str::contains("note: first use of llvmpipe").count(1))
        .stderr(predicate::str::contains("it agrees with flex"));
    place.sweep(&["--only", "seed=0", "--outputs", "flex"]);
    let (gpu, flex) = (
        place.rows("gpu/tiny/runs.csv"),
        place.rows("flex/tiny/runs.csv"),
    );
    assert_eq!((gpu.len(), flex.len()), (2, 2));
    for (gpu, flex) in gpu.iter().zip(&flex) {
        assert_eq!(
            gpu["cell"], flex["cell"],
            "a device is not in a cell's name"
        );
        let bits = |row: &std::collections::BTreeMap<String, String>| {
            row["memorized_bits_strict"].parse::<f64>().unwrap()
        };
        let (gpu, flex) = (bits(gpu), bits(flex));
        assert!(
            (gpu - flex).abs() < 1e-3 * flex.abs().max(1.0),
            "{gpu} {flex}"
        );
    }
    let cell = &place.cells("gpu/tiny")[0];
    let manifest = place.json(&format!("{cell}/manifest.json"));
    assert_eq!(manifest["device"], "wgpu:cpu");
    let path = manifest["matrix_path"].as_str().unwrap();
    assert!(
        path.contains("f32, on llvmpipe") && path.contains("WGSL"),
        "{path}"
    );

    // Remembered.
    let another = [&["run", "e.toml", "--cell", "1"], &on_gpu[..]].concat();
    place
        .bitcap_after(&own_cache(&place), &another)
        .success()
        .stderr(predicate::str::contains("first use").not());
    // What is only measured there is preceded by the check too: here, by one that was not passed.
    let mut remembered = std::fs::read_dir(place.path("cache/bitcap/devices")).unwrap();
    let remembered = remembered.next().unwrap().unwrap().path();
    let text = std::fs::read(&remembered).unwrap();
    let mut check: serde_json::Value = serde_json::from_slice(&text).unwrap();
    check["check"]["gradient"] = 1.0.into();
    std::fs::write(&remembered, check.to_string()).unwrap();
    place
        .bitcap_after(&own_cache(&place), &["measure", cell])
        .failure()
        .stderr(predicate::str::contains("`wgpu:cpu` is not trusted"));
    place
        .bitcap_after(&own_cache(&place), &["measure", cell, "--trust-device"])
        .success()
        .stdout(predicate::str::contains("memorized_bits_strict"));
    // Nothing is timed on a GPU before its cells run.
    place
        .bitcap(&[&["sweep", "e.toml", "--dry-run"], &on_gpu[..]].concat())
        .success()
        .stderr(predicate::str::contains("note: no times"));
    // Rounded weights are the processor's, and so is a code, whatever trained the model.
    place.bitcap(&["quantize", cell]).success();
    place.bitcap(&["compress", cell, "-o", "coded"]).success();
    place
        .bitcap(&["decompress", cell, "coded", "-o", "back.safetensors"])
        .success();
    place
        .bitcap(&[
            "decompress",
            cell,
            "coded",
            "-o",
            "no",
            "--device",
            "wgpu:cpu",
        ])
        .failure()
        .stderr(predicate::str::contains("processor's arithmetic"));
}

#[test]
fn the_software_adapter_is_listed_and_agrees_with_flex() {
    let place = Place::new(TINY);
    let devices = place.bitcap(&["devices", "--check", "--json"]).success();
    let devices: serde_json::Value = serde_json::from_slice(&devices.get_output().stdout).unwrap();
    let software = devices.as_array().unwrap().iter();
    let software = software
        .filter(|device| device["device"] == "wgpu:cpu")
        .collect::<Vec<_>>();
    assert_eq!(software.len(), 1, "{devices}");
    assert_eq!(software[0]["kind"], "software");
    assert!(software[0]["driver"].as_str().unwrap().contains("Mesa"));
    assert_eq!(software[0]["precisions"], serde_json::json!(["f32"]));
    assert_eq!(software[0]["checks"][0]["agrees"], true);
}

/// What cannot be had is said in one line, with what to do.
#[test]
fn what_is_not_there_is_said() {
    let place = Place::new(TINY);
    let refused = |shell: &str, more: &[&str], word: &str| {
        let asked = [&["run", "e.toml", "--cell", "0"], more].concat();
        // Without it libwayland prints a line of its own.
        let shell = format!("export XDG_RUNTIME_DIR=/tmp; {shell}");
        place
            .bitcap_after(&shell, &asked)
            .failure()
            .stderr(predicate::str::starts_with("error: "))
            .stderr(predicate::str::contains(word))
            .stderr(predicate::function(|said: &str| said.lines().count() == 1));
    };
    refused(":", &["--device", "cuda"], "--features cuda");
    refused(":", &["--device", "wgpu:7"], "wgpu");
    refused(NO_DRIVER, &["--device", "wgpu"], "docs/gpu.md");
    refused(
        ":",
        &["--device", "wgpu:cpu", "--set", "train.precision=tf32"],
        "only GPUs of NVIDIA",
    );
    refused(
        ":",
        &["--device", "wgpu:cpu", "--set", "train.precision=bf16"],
        "does not compute in bfloat16",
    );
    refused(
        ":",
        &["--set", "train.precision=tf32"],
        "what it has is \"f32\", \"bf16\"",
    );
    // Listed all the same, with why.
    place
        .bitcap_after(NO_DRIVER, &["devices"])
        .success()
        .stdout(predicate::str::contains("wgpu cannot be used: "));
}

/// Where there is no GPU, its stand-in is not taken for one.
#[test]
fn software_is_not_taken_by_itself() {
    let place = Place::new(TINY);
    let only_software = "export VK_DRIVER_FILES=$(echo /usr/share/vulkan/icd.d/lvp_icd*) VK_ICD_FILENAMES=$(echo /usr/share/vulkan/icd.d/lvp_icd*)";
    place
        .bitcap_after(
            only_software,
            &["run", "e.toml", "--cell", "0", "--device", "wgpu"],
        )
        .failure()
        .stderr(predicate::str::contains("or name the software `wgpu:cpu`"));
}

/// Cells shared out over devices are those of one.
#[test]
fn devices_share_the_cells_of_a_sweep() {
    let place = Place::new(TINY);
    place
        .bitcap(&["sweep", "e.toml", "--devices", "flex,flex", "--jobs", "1"])
        .success();
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
    place
        .bitcap(&["sweep", "e.toml", "--devices", "flex,cuda:0"])
        .failure()
        .stderr(predicate::str::contains("one backend"));
}

/// A precision is part of what a cell is.
#[test]
fn a_cell_in_bf16_is_another_cell() {
    let place = Place::new(TINY);
    place.sweep(&["--outputs", "f32"]);
    place.sweep(&["--outputs", "bf16", "--set", "train.precision=bf16"]);
    let (f32, bf16) = (
        place.rows("f32/tiny/runs.csv"),
        place.rows("bf16/tiny/runs.csv"),
    );
    for (f32, bf16) in f32.iter().zip(&bf16) {
        assert_ne!(f32["cell"], bf16["cell"]);
        assert_eq!(bf16["precision"], "bf16");
        assert_ne!(f32["memorized_bits_strict"], bf16["memorized_bits_strict"]);
    }
}
