"""Writes every fixture that the Rust tests compare bitcap with, from PyTorch and transformers.

    python -m venv .venv && .venv/bin/pip install -r tests/reference/requirements.txt
    .venv/bin/python tests/reference/make_fixtures.py

Nothing of bitcap's own code is used. README.md beside this file says what each fixture holds.
Everything is drawn from fixed seeds and computed on one thread.
"""

import functools
import json
import pathlib
import types

import safetensors.torch
import torch
import transformers

import architectures as arch
import optimizers as opt
import reference_model as ref

CRATES = pathlib.Path(__file__).resolve().parents[2] / "crates"
MODEL_FIXTURES = CRATES / "bitcap-model/tests/fixtures"
TRAIN_FIXTURES = CRATES / "bitcap-train/tests/fixtures"

TOKENS_SEED = 1
CASES = {  # name: (tied head, start token, seed of the weights, sequences and sizes that are not the usual)
    "a": (True, False, 11, {}, {}),
    "b": (True, True, 12, {}, {}),
    "c": (False, True, 13, {}, {}),
    # Larger, and nothing a power of two.
    "d": (
        False,
        True,
        14,
        {"samples": 11, "length": 17, "vocabulary": 101},
        {"width": 24, "heads": 3, "layers": 2, "mlp_ratio": 3},
    ),
}
WEIGHT_DECAY = 0.1
CLIP_NORM = 0.5  # amid the run's gradient norms, so that some steps are clipped and some are not
WARMUP_STEPS = 5
DECAY_STEPS = 4  # of warm-up, stable, decay: a fifth of the steps
MUON_RATE = 0.02
# The largest rate, to one digit, at which bfloat16 moves the loss by less than 3e-5 over 20 steps;
# muon_precision.py prints the table.
MUON_SMALL_RATE = 0.004


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.set_verbosity_error()
    for folder in (MODEL_FIXTURES, TRAIN_FIXTURES):
        folder.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        write_model(name)
    for name in arch.CASES:
        write_architecture(name)
    write_training()
    write_schedules()


def case(name):
    tied, start_token, seed, data, sizes = CASES[name]
    of_data = {key: data[key] for key in ("length", "vocabulary") if key in data}
    cfg = ref.config(tied=tied, start_token=start_token, **of_data, **sizes)
    return cfg, ref.draw_weights(cfg, seed), ref.draw_tokens(TOKENS_SEED, **data)


def training_case():
    return case("b")


def metadata(about):
    """One entry: safetensors writes several in no fixed order, and the same work must give the
    same bytes."""
    return {"reference": json.dumps({**about, **versions()}, sort_keys=True)}


def versions():
    return {"torch": torch.__version__, "transformers": transformers.__version__}


def write_model(name):
    cfg, weights, tokens = case(name)
    inputs, targets = ref.inputs_and_targets(cfg, tokens)
    tensors = outputs(lambda dtype: ref.build(cfg, weights, dtype), ref.logits, weights, inputs, targets)
    save(MODEL_FIXTURES / f"gpt2_{name}.safetensors", {**tensors, "tokens": tokens}, {"config": cfg.to_dict()})


def write_architecture(name):
    case = arch.CASES[name]
    weights = arch.draw_weights(case)
    tokens = ref.draw_tokens(TOKENS_SEED, **case["data"])
    start_token = case["data"]["vocabulary"] if case["model"].get("start_token") else None
    inputs, targets = ref.inputs_and_targets(types.SimpleNamespace(bos_token_id=start_token), tokens)
    tensors = outputs(
        lambda dtype: arch.build(case, weights, dtype),
        arch.logits,
        weights,
        inputs,
        targets,
        arch.auxiliary,
    )
    save(MODEL_FIXTURES / f"{name}.safetensors", {**tensors, "tokens": tokens}, case)


def outputs(build, logits, weights, inputs, targets, auxiliary=lambda model, inputs: None):
    single = logits(build(torch.float32), inputs).detach()
    double_model = build(torch.float64)
    double = logits(double_model, inputs)
    # The same function in both.
    torch.testing.assert_close(single.double(), double.detach(), rtol=1e-5, atol=1e-5)
    loss = ref.mean_loss(double, targets)
    tensors = {f"weight.{key}": value for key, value in weights.items()}
    trained, more = loss, auxiliary(double_model, inputs)
    if more is not None:
        trained = loss + more
        tensors["auxiliary"] = torch.as_tensor(more, dtype=torch.float64).detach().reshape(1)
    trained.backward()
    gradients = {key: parameter.grad for key, parameter in double_model.named_parameters()}
    for key, gradient in arch.on_disk(gradients).items():
        tensors[f"grad.{key}"] = gradient.float().contiguous()
    tensors["logits"] = single.contiguous()
    tensors["loss"] = -ref.log_probabilities(single, targets).mean().reshape(1)
    tensors["loss_f64"] = loss.detach().reshape(1)
    tensors["logprobs"] = ref.log_probabilities(double, targets).contiguous()
    return tensors


def write_training():
    cfg, weights, tokens = training_case()
    run = functools.partial(opt.train, cfg, weights, tokens)
    adam = {"optimizer": "adam", "learning_rate": opt.ADAM_RATE, "betas": opt.BETAS, "epsilon": opt.EPSILON}
    decay = {"weight_decay": WEIGHT_DECAY}

    for name, settings, optimizers, options in [
        ("adam", {}, opt.adam, {}),
        ("adam_weight_decay", decay, functools.partial(opt.adam, **decay), {}),
        ("adamw", {"optimizer": "adamw", **decay}, functools.partial(opt.adamw, **decay), {}),
        (
            "adam_clipped_cosine",
            {"clip_norm": CLIP_NORM, "schedule": "cosine", "warmup_steps": WARMUP_STEPS},
            opt.adam,
            {"clip_norm": CLIP_NORM, "warmup_steps": WARMUP_STEPS},
        ),
    ]:
        runs = {
            "f64": run(optimizers, torch.float64, **options),
            "f32": run(optimizers, torch.float32, **options),
        }
        write_run(name, cfg, {**adam, **settings}, runs)

    for name, rate, settings in [
        ("muon", MUON_RATE, {}),
        ("muon_weight_decay", MUON_RATE, decay),
        ("muon_small_rate", MUON_SMALL_RATE, {}),
    ]:
        optimizers = functools.partial(opt.muon, rate=rate, **settings)
        settings = {
            **adam,
            "optimizer": "muon",
            "learning_rate": rate,
            "adam_learning_rate": opt.ADAM_RATE,
            "momentum": opt.MOMENTUM,
            **settings,
        }
        muon = functools.partial(run, optimizers, linear=True)
        runs = {
            "f64": muon(torch.float64, newton_schulz="gradient"),
            "f32": muon(torch.float32, newton_schulz="gradient"),
            "f32_bfloat16": muon(torch.float32, newton_schulz="bfloat16"),
        }
        write_run(name, cfg, settings, runs)


def write_run(name, cfg, settings, runs):
    """Losses of every run as JSON; the float64 run's final weights, as f32, as safetensors."""
    best = runs["f64"]
    record = {"steps": opt.STEPS, **settings, "learning_rates": best["rates"]}
    if best["norms"]:
        record["gradient_norms_f64"] = best["norms"]
    for kind, result in runs.items():
        record[f"losses_{kind}"] = result["losses"]
    write_json(TRAIN_FIXTURES / f"{name}.json", record)
    final = {f"weight.{key}": value.float() for key, value in best["weights"].items()}
    save(TRAIN_FIXTURES / f"{name}.safetensors", final, {"config": cfg.to_dict()})


def write_schedules():
    """Factors of the peak rate at steps 0 .. STEPS - 1, by transformers' schedules."""
    schedules = {
        "cosine": functools.partial(
            transformers.get_cosine_schedule_with_warmup, num_training_steps=opt.STEPS
        ),
        "warmup_stable_decay": functools.partial(
            transformers.get_wsd_schedule,
            num_training_steps=opt.STEPS,
            num_decay_steps=DECAY_STEPS,
            decay_type="linear",
        ),
        "constant": transformers.get_constant_schedule_with_warmup,
    }
    record = {"steps": opt.STEPS, "decay_steps": DECAY_STEPS}
    for name, schedule in schedules.items():
        for warmup_steps in (0, WARMUP_STEPS):
            optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
            scheduler = schedule(optimizer, num_warmup_steps=warmup_steps)
            factors = []
            for _ in range(opt.STEPS):
                factors.append(scheduler.get_last_lr()[0])
                optimizer.step()
                scheduler.step()
            record[f"{name}_warmup_{warmup_steps}"] = factors
    write_json(TRAIN_FIXTURES / "schedule.json", record)


def write_json(path, record):
    path.write_text(json.dumps({**record, "versions": versions()}, indent=1) + "\n")


def save(path, tensors, about):
    path.write_bytes(safetensors.torch.save(tensors, metadata(about)))


if __name__ == "__main__":
    main()
