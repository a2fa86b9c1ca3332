//! Values that no experiment can have.

use bitcap_plan::Experiment;

use crate::{GOOD, expect, expect_set, plan_error};

const POSITIVE: &str = "a positive number that a 32-bit float holds, from 1.2e-38 to 3.4e38";
const WEIGHT_DECAY: &str =
    "0, or a positive number that a 32-bit float holds, from 1.2e-38 to 3.4e38";
const BELOW_ONE: &str = "at least 0 and below 1, as a 32-bit float too: at most 0.9999999";

#[test]
fn the_good_file_is_good() {
    let plan = Experiment::parse(GOOD, "e.toml", &[])
        .unwrap()
        .plan()
        .unwrap();
    assert_eq!(plan.cells.len(), 1);
}

#[test]
fn impossible_values() {
    expect(
        "= 64",
        "= 1",
        "e.toml:5:14: `source.vocabulary` is 1; it must be from 2 to 65536",
    );
    expect(
        "= 64",
        "= 65537",
        "e.toml:5:14: `source.vocabulary` is 65537; it must be from 2 to 65536",
    );
    expect(
        "= 16",
        "= 0",
        "e.toml:6:10: `source.length` is 0; it must be from 1 to 4096",
    );
    expect(
        "= 16",
        "= 1",
        "e.toml:6:10: `source.length` is 1; it must be at least 2, or 1 with model.start_token = \
         true: without a start token the first token of a sequence is not predicted",
    );
    expect(
        "heads = 2",
        "heads = 0",
        "e.toml:11:9: `model.heads` is 0; it must be from 1 to 8",
    );
    expect(
        "heads = 2",
        "heads = 3",
        "e.toml:11:9: `model.heads` is 3; it must be a divisor of model.width, which is 8",
    );
    expect(
        "samples = 10",
        "samples = 0",
        "e.toml:18:11: `data.samples` is 0; it must be from 1 to 68719476736: a dataset of \
         sequences of 16 has at most 2^40 tokens",
    );
    expect(
        "samples = 10",
        "samples = 68719476737",
        "e.toml:18:11: `data.samples` is 68719476737; it must be from 1 to 68719476736: a dataset \
         of sequences of 16 has at most 2^40 tokens",
    );
    expect(
        "steps = 100",
        "steps = 0",
        "e.toml:15:9: `train.steps` is 0; it must be from 1 to 1000000000",
    );
    expect(
        "name = \"good\"",
        "name = \"good\"\nseed = -1",
        "e.toml:2:8: `seed` is -1; it must be an integer from 0 to 2^63 - 1",
    );
    expect(
        "samples = 10",
        "samples = 10\nseed = -1",
        "e.toml:19:8: `data.seed` is -1; it must be an integer from 0 to 2^63 - 1",
    );
    expect(
        "samples = 10",
        "samples = 9223372036854775808",
        "e.toml:18:11: `data.samples` is 9223372036854775808; it must be between -2^63 and 2^63 - 1",
    );
    for number in ["nan", "inf", "-inf", "1e999"] {
        expect(
            "0.01",
            number,
            &format!("e.toml:14:17: `train.learning_rate` is {number}; it must be a finite number"),
        );
    }
    // Numbers that a 32-bit float does not hold, as it would round them to 0, 1 or infinity.
    for (key, values, allowed) in [
        ("learning_rate", &["0", "-1", "1e-50", "1e39"][..], POSITIVE),
        ("epsilon", &["0", "1e-39", "1e39"], POSITIVE),
        ("clip_norm", &["0", "1e-50", "1e39"], POSITIVE),
        ("weight_decay", &["-1", "1e-50", "1e39"], WEIGHT_DECAY),
        ("momentum", &["-0.1", "1", "0.99999999"], BELOW_ONE),
    ] {
        for value in values {
            let shown = format!("{:?}", value.parse::<f64>().unwrap());
            expect_set(
                &format!("train.{key}={value}"),
                &format!(
                    "in --set train.{key}={value}: `train.{key}` is {shown}; it must be {allowed}"
                ),
            );
        }
    }
    expect(
        "steps = 100",
        "steps = 100\noptimizer = \"muon\"\nadam_learning_rate = 1e-50",
        &format!("e.toml:17:22: `train.adam_learning_rate` is 1e-50; it must be {POSITIVE}"),
    );
    for (key, value) in [
        ("preconditioner_beta", "0.9"),
        ("preconditioner_every", "5"),
        ("preconditioner_size", "64"),
    ] {
        expect_set(
            &format!("train.{key}={value}"),
            &format!(
                "in --set train.{key}={value}: `train.{key}` is {value}; it must be given with train.optimizer = \"soap\" only"
            ),
        );
    }
    for (factors, key, found, allowed) in [
        ("wte=0", "wte", "0.0", POSITIVE),
        ("\"h.0\"=2.0", "h", "a section", "a number"),
        (
            "\"a b\"=2.0",
            "a b",
            "2.0",
            "named by letters, digits, _ and -",
        ),
        (
            "te=3.0, wte=2.0",
            "wte",
            "2.0",
            "left out: transformer.wte.weight has a factor by another part of its name",
        ),
    ] {
        let set = format!("train.rate_factors={{{factors}}}");
        let expected =
            format!("in --set {set}: `train.rate_factors.{key}` is {found}; it must be {allowed}");
        expect_set(&set, &expected);
    }
    // Of three blocks the first one's tensors are told.
    let error = plan_error(GOOD, &["model.layers=3", "train.rate_factors.wtx=2"]);
    let told = "`train.rate_factors.wtx` is 2.0; it must be left out: no tensor has wtx in its name; \
        those of the first block and beside blocks are transformer.wte.weight, ";
    assert!(
        error.contains(told) && error.contains("h.0.attn.c_attn.weight"),
        "{error}"
    );
    assert!(!error.contains("h.1."), "{error}");
    expect_set(
        "train.polish_steps=1000000001",
        "in --set train.polish_steps=1000000001: `train.polish_steps` is 1000000001; it must be from 0 to 1000000000",
    );
    assert_eq!(
        plan_error(GOOD, &["train.polish_steps=1", "train.polish_memory=0"]),
        "in --set train.polish_memory=0: `train.polish_memory` is 0; it must be at least 1"
    );
    for share in ["1/0", "2/8", "1/x", "half"] {
        expect_set(
            &format!("train.batch={share}"),
            &format!(
                "in --set train.batch={share}: `train.batch` is {share:?}; it must be \"full\", a number of sequences, at least 1, or a share of the dataset such as \"1/8\""
            ),
        );
    }
    expect(
        "steps = 100",
        "steps = 100\nbetas = [0.9, 0.99999999]",
        &format!("e.toml:16:9: `train.betas` is 0.99999999; it must be {BELOW_ONE}"),
    );
    for (section, key) in [
        ("measure", "metrics_every"),
        ("engine", "jobs"),
        ("engine", "cells_per_task"),
        ("engine", "throttle"),
    ] {
        expect_set(
            &format!("{section}.{key}=0"),
            &format!("in --set {section}.{key}=0: `{section}.{key}` is 0; it must be at least 1"),
        );
    }
    expect_set(
        "sweep.doubled_at_load=0",
        "in --set sweep.doubled_at_load=0: `sweep.doubled_at_load` is 0.0; it must be a number above 0",
    );
    let engine = [
        ("checkpoint_seconds=-1", "-1.0", "a number of at least 0"),
        ("partition='a b'", "\"a b\"", "the name of a partition"),
        ("partition=''", "\"\"", "the name of a partition"),
        (
            "time_limit=1h",
            "\"1h\"",
            "minutes, hours:minutes:seconds or days-hours:minutes, such as \"2-12:00\"",
        ),
        (
            "sbatch=['account=x']",
            "\"account=x\"",
            "options of sbatch, such as \"--account=physics\"",
        ),
        (
            "sbatch=[\"--x\\ny\"]",
            "\"--x\\ny\"",
            "options of sbatch, such as \"--account=physics\"",
        ),
        (
            "hosts=['2/gpu1', '']",
            "\"\"",
            "slots/host, such as \"2/gpu1\" or \"1/anna@ws2\"",
        ),
    ];
    for (text, found, allowed) in engine {
        let key = text.split('=').next().unwrap();
        expect_set(
            &format!("engine.{text}"),
            &format!("in --set engine.{text}: `engine.{key}` is {found}; it must be {allowed}"),
        );
    }
    for name in ["", ".", "..", ".hidden", "a/b", "a b", "ü", "../up"] {
        let error = plan_error(&GOOD.replace("good", name), &[]);
        assert!(
            error.starts_with(&format!("e.toml:1:8: `name` is {name:?}; it must be")),
            "{error}"
        );
    }
    plan_error(&GOOD.replace("good", &"x".repeat(101)), &[]);
}

/// 10^9 steps of 2^36 sequences of 15 predicted tokens are more than 2^64.
#[test]
fn trainings_beyond_counting() {
    let text = GOOD
        .replace("samples = 10", "samples = 68719476736")
        .replace("= 100", "= 1000000000");
    let error = plan_error(&text, &[]);
    assert!(
        error.starts_with("e.toml:15:9: `train.steps` is 1000000000; it must be fewer"),
        "{error}"
    );
    let polish = ["train.steps=1", "train.polish_steps=1000000000"];
    let error = plan_error(&text, &polish);
    assert!(
        error.contains("`train.polish_steps` is 1000000000; it must be fewer"),
        "{error}"
    );
}

#[test]
fn impossible_loads() {
    expect(
        "samples = 10",
        "load = 0",
        "e.toml:18:8: `data.load` is 0.0; it must be a number above 0",
    );
    let error = plan_error(&GOOD.replace("samples = 10", "load = 1e-6"), &[]);
    assert!(
        error.starts_with("e.toml:18:8: `data.load` is 1e-6; it must be larger"),
        "{error}"
    );
    let error = plan_error(&GOOD.replace("samples = 10", "load = 1e300"), &[]);
    assert!(
        error.starts_with("e.toml:18:8: `data.load` is 1e300; it must be smaller"),
        "{error}"
    );
    expect(
        "samples = 10",
        "samples = 10\nload = 1.0",
        "e.toml:19:8: `data.load` is 1.0; it must be left out where data.samples is given: one of \
         the two is the size",
    );
    expect(
        "samples = 10",
        "",
        "e.toml:17:2: neither `data.samples` nor `data.load` is given; give one of them, in [data] \
         or in [grid]",
    );
}

#[test]
fn doubling_at_a_load_that_is_not_there() {
    let text = GOOD.replace("samples = 10", "load = 1.0") + "[sweep]\ndoubled_at_load = 2.0\n";
    assert_eq!(
        plan_error(&text, &[]),
        "e.toml:20:19: `sweep.doubled_at_load` is 2.0; it must be one of the loads in the plan: 1.0"
    );
    let error = plan_error(GOOD, &["sweep.doubled_at_load=1", "train.steps=600000000"]);
    assert!(
        error.starts_with(
            "in --set train.steps=600000000: `train.steps` is 1200000000 once doubled for \
             sweep.doubled_at_load; it must be from 1 to 1000000000"
        ),
        "{error}"
    );
}
