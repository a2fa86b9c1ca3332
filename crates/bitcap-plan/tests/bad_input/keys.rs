//! Keys that are unknown or missing, and values of the wrong type.

use bitcap_plan::Experiment;

use crate::{GOOD, expect, expect_grid, expect_set, plan_error};

#[test]
fn unknown_keys() {
    expect(
        "width = 8",
        "widht = 8",
        "e.toml:10:1: unknown key `model.widht` (did you mean `model.width`?); allowed: \
         model.kind, model.layers, model.width, model.heads, model.mlp_ratio, model.tied_head, \
         model.start_token, model.initialization",
    );
    expect(
        "vocabulary = 64",
        "vocabulary = 64\nvocabulry = 3",
        "e.toml:6:1: unknown key `source.vocabulry` (did you mean `source.vocabulary`?); allowed: \
         source.kind, source.vocabulary, source.length, source.seed",
    );
    expect(
        "[data]",
        "[dataset]",
        "e.toml:17:2: unknown key `dataset`; allowed: name, seed, source, data, model, train, \
         measure, engine, sweep, grid",
    );
    expect(
        "samples = 10",
        "samples = 10\nsizes = 3",
        "e.toml:19:1: unknown key `data.sizes`; allowed: data.seed, data.samples, data.load",
    );
    expect_grid(
        "\"model.widths\" = [8]",
        "e.toml:19:1: unknown key `model.widths` (did you mean `model.width`?); allowed: \
         model.kind, model.layers, model.width, model.heads, model.mlp_ratio, model.tied_head, \
         model.start_token, model.initialization",
    );
    for key in [
        "name",
        "measure.fresh",
        "engine.jobs",
        "sweep.doubled_at_load",
        "data",
        "x.y",
    ] {
        expect_grid(
            &format!("\"{key}\" = [1]"),
            &format!(
                "e.toml:19:1: unknown key `grid.{key}`; allowed: grid.seed, grid.source, grid.source.*, \
                 grid.data.*, grid.model, grid.model.*, grid.train, grid.train.*"
            ),
        );
    }
}

#[test]
fn wrong_types() {
    let integer = "it must be an integer from 0 to 2^63 - 1";
    expect(
        "steps = 100",
        "steps = \"many\"",
        &format!("e.toml:15:9: `train.steps` is \"many\"; {integer}"),
    );
    expect(
        "steps = 100",
        "steps = 1.5",
        &format!("e.toml:15:9: `train.steps` is 1.5; {integer}"),
    );
    expect(
        "width = 8",
        "width = -8",
        "e.toml:10:9: `model.width` is -8; it must be an integer from 0 to 4294967295",
    );
    expect(
        "length = 16",
        "length = true",
        "e.toml:6:10: `source.length` is true; it must be an integer from 0 to 4294967295",
    );
    expect(
        "steps = 100",
        "steps = 100\nbetas = [0.9]",
        "e.toml:16:9: `train.betas` is [0.9]; it must be a list of length 2",
    );
    expect(
        "steps = 100",
        "steps = 100\nbetas = [0.9, 0.99, 0.999]",
        "e.toml:16:9: `train.betas` is [0.9, 0.99, 0.999]; it must be a list of length 2",
    );
    expect(
        "steps = 100",
        "steps = 100\nbetas = [0.9, \"x\"]",
        "e.toml:16:15: `train.betas[1]` is \"x\"; it must be a number",
    );
    expect(
        "steps = 100",
        "steps = 100\noptimizer = \"sgd\"",
        "e.toml:16:13: `train.optimizer` is \"sgd\"; it must be one of \"adam\", \"adamw\", \"muon\", \"soap\"",
    );
    expect(
        "\"uniform\"",
        "\"coin toss\"",
        "e.toml:4:8: `source.kind` is \"coin toss\"; it must be one of \"uniform\", \"coin\", \
         \"unigram\", \"markov\", \"hidden_markov\", \"linear\", \"parity\", \"addition\", \"copying\", \"facts\", \"grammar\", \"copies\", \"file\"",
    );
    expect(
        "width = 8",
        "width = 8\nkind = \"gpt3\"",
        "e.toml:11:8: `model.kind` is \"gpt3\"; it must be one of \"gpt2\", \"llama\", \"lstm\", \"gru\", \"mlp\", \"mamba\", \"moe\"",
    );
    expect(
        "width = 8",
        "width = 8\nkind = 2",
        "e.toml:11:8: `model.kind` is 2; it must be one of \"gpt2\", \"llama\", \"lstm\", \"gru\", \"mlp\", \"mamba\", \"moe\"",
    );
    expect_set(
        "train.optimizer=3",
        "in --set train.optimizer=3: `train.optimizer` is 3; it must be one of \"adam\", \"adamw\", \
         \"muon\", \"soap\"",
    );
    expect_set(
        "source.kind=3",
        "in --set source.kind=3: `source.kind` is 3; it must be one of \"uniform\", \"coin\", \
         \"unigram\", \"markov\", \"hidden_markov\", \"linear\", \"parity\", \"addition\", \"copying\", \"facts\", \"grammar\", \"copies\", \"file\"",
    );
    expect_set(
        "train.batch=-1",
        "in --set train.batch=-1: `train.batch` is -1; it must be \"full\", a number of sequences, at \
         least 1, or a share of the dataset such as \"1/8\"",
    );
    expect_set(
        "engine.device=3",
        "in --set engine.device=3: `engine.device` is 3; it must be \"flex\", \"ndarray\", or \"wgpu\", \
         \"vulkan\" or \"cuda\", these with the number of a device where there is more than one, as in \
         \"cuda:1\", or \"wgpu:cpu\" for a software adapter",
    );
    expect(
        "steps = 100",
        "steps = 1979-05-27",
        &format!("e.toml:15:9: `train.steps` is the date 1979-05-27; {integer}"),
    );
    expect(
        "name = \"good\"",
        "name = 3",
        "e.toml:1:8: `name` is 3; it must be text in quotes",
    );
    expect_set(
        "model=3",
        "in --set model=3: `model` is 3; it must be a section",
    );
    expect_set(
        "model=[1, 8, 2]",
        "in --set model=[1, 8, 2]: `model` is [1, 8, 2]; it must be a section",
    );
    expect_set(
        "source=[]",
        "in --set source=[]: `source` is []; it must be a section",
    );
    let list = GOOD.replace("[model]", "[[model]]");
    assert!(plan_error(&list, &[]).contains("`model` is [a section]; it must be a section"));
}

#[test]
fn missing_keys_and_sections() {
    expect(
        "layers = 1\n",
        "",
        "e.toml:8:1: `model.layers` is missing; it has no default",
    );
    expect(
        "kind = \"uniform\"\n",
        "",
        "e.toml:3:1: `source.kind` is missing; it has no default",
    );
    expect(
        "name = \"good\"\n",
        "",
        "e.toml: `name` is missing; it has no default",
    );
    assert_eq!(
        plan_error("", &[]),
        "e.toml: `name` is missing; it has no default"
    );
    assert_eq!(
        plan_error("name = \"x\"", &[]),
        "e.toml: `source.kind` is missing; it has no default"
    );
    let source = GOOD.split("[model]").next().unwrap();
    assert_eq!(
        plan_error(source, &["data.samples=1"]),
        "e.toml: `model.layers` is missing; it has no default"
    );
}

/// The same keys in every kind mean the same; those of another kind are unknown.
#[test]
fn models_of_other_kinds() {
    let model = |section: &str| {
        let gpt2 = "layers = 1\nwidth = 8\nheads = 2\n";
        assert!(GOOD.contains(gpt2));
        plan_error(&GOOD.replace(gpt2, section), &[])
    };
    let allowed = "allowed: model.kind, model.layers, model.width, model.heads, model.mlp_width, \
        model.tied_head, model.start_token";
    assert_eq!(
        model("kind = \"llama\"\nlayers = 1\nwidth = 8\nheads = 2\nmlp_ratio = 4\n"),
        format!("e.toml:13:1: unknown key `model.mlp_ratio`; {allowed}")
    );
    assert_eq!(
        model("kind = \"lstm\"\nlayers = 1\nwidth = 8\nheads = 2\n"),
        "e.toml:12:1: unknown key `model.heads`; allowed: model.kind, model.layers, model.width, \
         model.tied_head, model.start_token"
    );
    assert_eq!(
        model("layers = 1\nwidth = 6\nheads = 2\nkind = \"llama\"\n"),
        "e.toml:11:9: `model.heads` is 2; it must be a divisor of half of model.width, which is 6: \
         rotary positions turn the numbers of a head in pairs"
    );
    assert_eq!(
        model("kind = \"llama\"\nlayers = 1\nwidth = 8\nheads = 2\nmlp_width = 0\n"),
        "e.toml:13:13: `model.mlp_width` is 0; it must be from 1 to 4194304"
    );
    assert_eq!(
        model("kind = \"mamba\"\nlayers = 1\nwidth = 8\nheads = 2\n"),
        "e.toml:12:1: unknown key `model.heads`; allowed: model.kind, model.layers, model.width, \
         model.state, model.expand, model.conv_kernel, model.tied_head, model.start_token"
    );
    for (key, most) in [("state", 1024), ("expand", 64), ("conv_kernel", 64)] {
        let column = key.len() + 4;
        assert_eq!(
            model(&format!(
                "kind = \"mamba\"\nlayers = 1\nwidth = 8\n{key} = 0\n"
            )),
            format!("e.toml:12:{column}: `model.{key}` is 0; it must be from 1 to {most}")
        );
    }
    assert_eq!(
        model("kind = \"llama\"\nlayers = 1\nwidth = 7\n"),
        "e.toml:11:9: `model.width` is 7; it must be even: rotary positions turn the numbers of a head \
         in pairs"
    );
    for (key, value, column, allowed) in [
        ("experts", "257", 11, "from 1 to 256"),
        ("experts_per_token", "0", 21, "from 1 to 8"),
        ("experts_per_token", "9", 21, "from 1 to 8"),
        (
            "auxiliary_loss",
            "-0.5",
            18,
            "a number of at least 0 that a 32-bit float holds",
        ),
        (
            "auxiliary_loss",
            "1e39",
            18,
            "a number of at least 0 that a 32-bit float holds",
        ),
    ] {
        assert_eq!(
            model(&format!(
                "kind = \"moe\"\nlayers = 1\nwidth = 8\n{key} = {value}\n"
            )),
            format!("e.toml:12:{column}: `model.{key}` is {value}; it must be {allowed}")
        );
    }
}

/// L-BFGS compares losses, and the loss that balances experts is not among what it is told.
#[test]
fn a_mixture_with_an_auxiliary_loss_is_not_polished() {
    let (text, polish) = (
        GOOD.replace("[model]", "[model]\nkind = \"moe\""),
        "train.polish_steps=3",
    );
    assert_eq!(
        plan_error(&text, &[polish]),
        "in --set train.polish_steps=3: `train.polish_steps` is 3; it must be 0 where \
         model.auxiliary_loss is not: L-BFGS must be told the loss that it minimizes, and is told that \
         of the tokens"
    );
    let without = [polish, "model.auxiliary_loss=0"].map(ToString::to_string);
    let plan = Experiment::parse(&text, "e.toml", &without).unwrap().plan();
    assert_eq!(plan.unwrap().cells.len(), 1);
}

/// The kind decides which keys there are; places are kept all the same, whatever the order.
#[test]
fn sources_of_other_kinds() {
    let linear = |section: &str| {
        let uniform = "kind = \"uniform\"\nvocabulary = 64\nlength = 16\n";
        plan_error(&GOOD.replace(uniform, section), &[])
    };
    let sound = "length = 8\ninputs = 3\noutputs = 2\nkind = \"linear\"\n";
    assert_eq!(
        linear(sound),
        "e.toml:9:2: `model.start_token` is false; it must be true where source.kind is \"linear\": \
         the first token has a distribution to be learned, and must be predicted to be measured"
    );
    assert_eq!(
        linear(&sound.replace("inputs = 3", "inputs = true")),
        "e.toml:5:10: `source.inputs` is true; it must be an integer from 0 to 4294967295"
    );
    assert_eq!(
        linear(&sound.replace("outputs", "output")),
        "e.toml:6:1: unknown key `source.output` (did you mean `source.outputs`?); allowed: \
         source.kind, source.length, source.inputs, source.outputs, source.flip, source.seed"
    );
    assert_eq!(
        linear(&sound.replace("inputs = 3\n", "")),
        "e.toml:3:1: `source.inputs` is missing; it has no default"
    );
    assert_eq!(
        linear(&sound.replace("inputs = 3", "inputs = 9")),
        "e.toml:5:10: `source.inputs` is 9; it must be from 1 to 7"
    );
    let copies = "kind = \"copies\"\nlaw = \"constant\"\ncount = 2\n\
        of = { kind = \"linear\", length = 8, inputs = true, outputs = 2 }\n";
    let error = linear(copies);
    assert!(
        error.starts_with("e.toml:3:1: `source` cannot be read: of: invalid type: boolean `true`"),
        "{error}"
    );
}
