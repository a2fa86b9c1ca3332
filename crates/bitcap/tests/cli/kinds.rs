//! Every kind of model, from the experiment file to its code.

use std::fs;

use serde_json::Value;

use crate::{Place, TINY, assert_says, stdout};

/// A cell of each kind without heads.
fn without_heads() -> String {
    kinds().replace(
        "[\"gpt2\", \"llama\", \"moe\"]",
        "[\"lstm\", \"gru\", \"mlp\", \"mamba\"]",
    )
}

/// A cell of each kind with heads, 2 of them by default.
fn kinds() -> String {
    TINY.replace(
        "\"model.width\" = [4]",
        "\"model.kind\" = [\"gpt2\", \"llama\", \"moe\"]",
    )
    .replace("heads = 2", "width = 4")
    .replace("[4, 9]", "[9]")
    .replace("\"seed\" = [0, 1]\n", "")
}

#[test]
fn a_grid_goes_through_kinds() {
    let place = Place::new(&kinds());
    place.sweep(&[]);
    let rows = place.rows("outputs/tiny/runs.csv");
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("model"), ["gpt2", "llama", "moe"]);
    assert_eq!(column("heads"), ["2", "2", "2"]);
    assert_eq!(column("mlp_ratio"), ["4", "", ""]);
    assert_eq!(column("mlp_width"), ["", "11", "11"]);
    assert_eq!(column("experts"), ["", "", "8"]);
    assert_eq!(column("experts_per_token"), ["", "", "2"]);
    assert_eq!(column("auxiliary_loss"), ["", "", "0.02"]);
    assert_eq!(column("label"), ["kind=gpt2", "kind=llama", "kind=moe"]);
    // V + 1 = 5 and d = 4: embedding, attention, norms; a SwiGLU, or a router and so many.
    let (rest, swiglu) = (5 * 4 + 4 * 16 + 3 * 4, 3 * 11 * 4);
    let of_moe = |experts| rest + 8 * 4 + experts * swiglu;
    let parameters = [rest + swiglu, of_moe(8)].map(|count: u32| count.to_string());
    assert_eq!(column("parameters")[1..], parameters);
    let active = ["", "", &of_moe(2).to_string()];
    assert_eq!(column("active_parameters"), active);
    assert_says(
        &stdout(&place.bitcap(&["status", "outputs/tiny"]).success()),
        &["3 cells, 3 done"],
    );
    place.bitcap(&["report", "outputs/tiny"]).success();
    // Again, nothing is trained or changed.
    let before = place.read("outputs/tiny/runs.csv");
    place.sweep(&[]);
    assert_eq!(place.read("outputs/tiny/runs.csv"), before);

    as_any_model(&place);
}

#[test]
fn some_kinds_have_no_heads() {
    let place = Place::new(&without_heads());
    place.sweep(&[]);
    let rows = place.rows("outputs/tiny/runs.csv");
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("model"), ["lstm", "gru", "mlp", "mamba"]);
    assert_eq!(column("heads"), ["", "", "", ""]);
    assert_eq!(column("mlp_ratio"), ["", "", "4", ""]);
    assert_eq!(column("state"), ["", "", "", "16"]);
    assert_eq!(column("expand"), ["", "", "", "2"]);
    assert_eq!(column("conv_kernel"), ["", "", "", "4"]);
    // V + 1 = 5 and d = 4: embedding, and for each gate two matrices with their biases.
    let parameters = [4, 3].map(|gates| (5 * 4 + gates * 2 * (16 + 4)).to_string());
    assert_eq!(column("parameters")[..2], parameters);
    // And of 8 channels with 16 numbers each: maps in and out, the convolution, Δ, B and C, Δ's map with
    // its bias, A and D, norms.
    let mixer = 3 * 8 * 4 + 8 * 5 + (1 + 32) * 8 + 8 * 2 + 8 * 17;
    let mamba = 5 * 4 + mixer + 2 * 4;
    assert_eq!(column("parameters")[3], mamba.to_string());
    as_any_model(&place);
}

/// Every command takes the cells as it takes those of a GPT-2.
fn as_any_model(place: &Place) {
    for cell in place.cells("outputs/tiny") {
        let kernels = place.json(&format!("{cell}/manifest.json"))["matrix_path"].clone();
        let by_kernels = kernels.as_str().unwrap().starts_with("bitcap-kernels");
        let is_gpt2 = cell.contains("cells/l1-");
        assert_eq!(by_kernels, is_gpt2, "{cell}: {kernels}");
        fs::remove_file(place.path(&format!("{cell}/measurement.json"))).unwrap();
        place.bitcap(&["measure", &cell]).success();
        place.bitcap(&["quantize", &cell]).success();
        let coded = place.bitcap(&["compress", &cell, "-o", "coded", "--json"]);
        let coded: Value = serde_json::from_str(&stdout(&coded.success())).unwrap();
        let model = format!("{cell}/model");
        place
            .bitcap(&["decompress", &model, "coded", "-o", "decoded"])
            .success();
        let decoded = place.bitcap(&["inspect", "decoded", "--json"]).success();
        let decoded: Value = serde_json::from_str(&stdout(&decoded)).unwrap();
        assert_eq!(decoded["tokens_blake3"], coded["tokens_blake3"]);
    }
}
