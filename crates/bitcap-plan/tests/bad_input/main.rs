//! Every way an experiment can be wrong: one clear error that names the key, the place, what was
//! found and what would be allowed.

mod files;
mod grids;
mod keys;
mod values;

use bitcap_plan::Experiment;

const GOOD: &str = r#"name = "good"

[source]
kind = "uniform"
vocabulary = 64
length = 16

[model]
layers = 1
width = 8
heads = 2

[train]
learning_rate = 0.01
steps = 100

[data]
samples = 10
"#;

fn plan_error(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    match Experiment::parse(text, "e.toml", &overrides).and_then(|experiment| experiment.plan()) {
        Ok(plan) => panic!(
            "accepted as {} cells: {text}\n{overrides:?}",
            plan.cells.len()
        ),
        Err(error) => error.to_string(),
    }
}

/// The good file with one thing replaced gives this error.
#[track_caller]
fn expect(from: &str, to: &str, error: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    assert_eq!(plan_error(&GOOD.replace(from, to), &[]), error);
}

#[track_caller]
fn expect_grid(grid: &str, error: &str) {
    let text = GOOD.replace("width = 8\n", "") + "[grid]\n" + grid + "\n";
    assert_eq!(plan_error(&text, &[]), error);
}

#[track_caller]
fn expect_set(text: &str, error: &str) {
    assert_eq!(plan_error(GOOD, &[text]), error);
}
