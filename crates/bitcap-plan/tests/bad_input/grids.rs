//! Grids that cannot be crossed.

use crate::{GOOD, expect_grid, plan_error};

#[test]
fn impossible_grids() {
    let list = "it must be a list of at least one value";
    expect_grid(
        "\"model.width\" = []",
        &format!("e.toml:19:17: `grid.model.width` is []; {list}"),
    );
    expect_grid(
        "\"model.width\" = 8",
        &format!("e.toml:19:17: `grid.model.width` is 8; {list}"),
    );
    expect_grid(
        "\"model.width\" = [8, 16, 8]",
        "e.toml:19:25: `grid.model.width` is 8; it must be in the list once",
    );
    expect_grid(
        "\"train.weight_decay\" = [0, 0.0]",
        "e.toml:19:28: `grid.train.weight_decay` is 0.0; it must be in the list once",
    );
    expect_grid(
        "\"model.width\" = [8, \"16\"]",
        "e.toml:19:21: `model.width` is \"16\"; it must be an integer from 0 to 4294967295",
    );
    expect_grid(
        "\"model.width\" = [8, 9]\n\"seed\" = [4, 5]",
        "e.toml:10:9: `model.heads` is 2; it must be a divisor of model.width, which is 9 (at the \
         grid point model.width = 9)",
    );
    expect_grid(
        "\"model.width\" = [8, 16]\n\"data.load\" = [1.0, 1e-3]",
        "e.toml:20:21: `data.load` is 0.001; it must be larger: this is less than half a sequence; \
         one sequence is a load of 1.75e-2 for this model (at the grid point model.width = 8, \
         data.load = 0.001)",
    );
    expect_grid(
        "\"model.heads\" = [1, 2]",
        "e.toml:19:1: `model.heads` is given twice, first at e.toml:10:1; give it once",
    );
    expect_grid(
        "\"model.width\" = [8]\nmodel.width = [16]",
        "e.toml:20:7: `model.width` is given twice, first at e.toml:19:1; give it once",
    );
    expect_grid(
        "\"model.width\" = [8]\n\"model.width\" = [16]",
        "e.toml:20:1: not valid TOML: duplicate key",
    );
    expect_grid(
        "\"data.load\" = [1.0]\n\"data.samples\" = [1]",
        "e.toml:20:1: `data.samples` is [1]; it must be left out where the grid has data.load",
    );
    assert_eq!(
        plan_error(&format!("grid = 3\n{GOOD}"), &[]),
        "e.toml:1:8: `grid` is 3; it must be a section"
    );
}

/// A section that is varied as a whole, its settings together.
#[test]
fn impossible_lists_of_sections() {
    expect_grid(
        "model = [{width = 8}, 16]",
        "e.toml:19:23: `grid.model` is 16; it must be a list of sections, as {width = 8} is one",
    );
    expect_grid(
        "data = [{samples = 8}]",
        "e.toml:19:1: unknown key `grid.data`; allowed: grid.seed, grid.source, grid.source.*, grid.data.*, \
         grid.model, grid.model.*, grid.train, grid.train.*",
    );
    expect_grid(
        "model = [{width = 8}, {width = 8.0}]",
        "e.toml:19:23: `grid.model` is a section; it must be in the list once",
    );
    expect_grid(
        "model = [{width = 8, heads = 1}]",
        "e.toml:19:22: `model.heads` is given twice, first at e.toml:10:1; give it once",
    );
    expect_grid(
        "\"model.width\" = [8]\n\"model\" = [{width = 16}]",
        "e.toml:20:13: `model.width` is given twice, first at e.toml:19:1; give it once",
    );
    expect_grid(
        "model = [{width = 8, depth = 2}]",
        "e.toml:19:22: unknown key `model.depth`; allowed: model.kind, model.layers, model.width, \
         model.heads, model.mlp_ratio, model.tied_head, model.start_token, model.initialization",
    );
    expect_grid(
        "model = [{width = 8}, {width = 9}]",
        "e.toml:10:9: `model.heads` is 2; it must be a divisor of model.width, which is 9 (at the grid point \
         model.width = 9)",
    );
}

/// The count stops at the limit, so that no product overflows and nothing is expanded.
#[test]
fn grids_of_a_million_cells() {
    let thousand = (1..=1000)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    expect_grid(
        &format!("\"data.samples\" = [{thousand}]\n\"seed\" = [{thousand}]"),
        "e.toml:20:1: the grid has more than 100000 cells (1000 x 1000); take values out of its lists",
    );
    let seeds = [
        "\"seed\"",
        "\"data.seed\"",
        "\"train.seed\"",
        "\"source.seed\"",
        "\"data.samples\"",
        "\"train.steps\"",
        "\"model.width\"",
    ];
    let grid: Vec<String> = seeds
        .iter()
        .map(|key| format!("{key} = [{thousand}]"))
        .collect();
    let error = plan_error(&(GOOD.to_owned() + "[grid]\n" + &grid.join("\n")), &[]);
    assert!(
        error.contains("the grid has more than 100000 cells (1000 x 1000)"),
        "{error}"
    );
    let many = (0..100_001)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let error = plan_error(&(GOOD.to_owned() + "[grid]\nseed = [" + &many + "]"), &[]);
    assert_eq!(
        error,
        "e.toml:20:1: the grid has more than 100000 cells (100001); take values out of its lists"
    );
}
