"""Twenty steps of torch's own optimizers on the whole dataset as one batch."""

import inspect

import torch
from torch.optim import _muon
from transformers import get_cosine_schedule_with_warmup

import reference_model as ref

STEPS = 20
BETAS, EPSILON = (0.9, 0.99), 1e-8
ADAM_RATE = 0.01
MOMENTUM = 0.95
BFLOAT16_CAST = "grad.to(dtype=torch.bfloat16, copy=True)"


def newton_schulz_without_cast():
    """torch's Newton-Schulz function, its source unchanged but for the cast to bfloat16, so that
    it works in the dtype of the gradient."""
    source = inspect.getsource(_muon._zeropower_via_newtonschulz)
    assert source.count(BFLOAT16_CAST) == 1, "torch.optim._muon has changed: read it again"
    scope = dict(vars(_muon))
    exec(source.replace(BFLOAT16_CAST, "grad.clone()"), scope)
    return scope["_zeropower_via_newtonschulz"]


NEWTON_SCHULZ = {
    "bfloat16": _muon._zeropower_via_newtonschulz,
    "gradient": newton_schulz_without_cast(),
}


def adam(model, weight_decay=0.0):
    return [torch.optim.Adam(model.parameters(), ADAM_RATE, BETAS, EPSILON, weight_decay)]


def adamw(model, weight_decay):
    """One group, so that every tensor decays: biases, layer norms and embeddings too."""
    return [torch.optim.AdamW(model.parameters(), ADAM_RATE, BETAS, EPSILON, weight_decay)]


def muon(model, rate, weight_decay=0.0):
    """Muon for the blocks' matrices; AdamW (Adam, where nothing decays) for everything else."""
    matrices = [p for n, p in model.named_parameters() if ref.is_block_matrix(n, p)]
    others = [p for n, p in model.named_parameters() if not ref.is_block_matrix(n, p)]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=weight_decay, momentum=MOMENTUM),
        torch.optim.AdamW(others, ADAM_RATE, BETAS, EPSILON, weight_decay),
    ]


def train(cfg, weights, tokens, optimizers, dtype, *, linear=False, newton_schulz="bfloat16",
          clip_norm=None, warmup_steps=None):
    """Runs STEPS steps; returns losses before each step and after the last (from float64 sums over
    the logits), the rates and gradient norms of each step where they matter, and the final weights."""
    _muon._zeropower_via_newtonschulz = NEWTON_SCHULZ[newton_schulz]
    model = ref.build(cfg, weights, dtype)
    if linear:
        ref.use_linear(model)
    chain = optimizers(model)
    schedules = []
    if warmup_steps is not None:
        schedules = [get_cosine_schedule_with_warmup(o, warmup_steps, STEPS) for o in chain]
    inputs, targets = ref.inputs_and_targets(cfg, tokens)
    losses, rates, norms = [], [], []
    for step in range(STEPS + 1):
        logit = ref.logits(model, inputs)
        losses.append(-ref.log_probabilities(logit, targets).mean().item())
        if step == STEPS:
            break
        for optimizer in chain:
            optimizer.zero_grad()
        ref.mean_loss(logit, targets).backward()
        if clip_norm is not None:
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm).item())
        rates.append(chain[0].param_groups[0]["lr"])
        for part in chain + schedules:
            part.step()
    return {"losses": losses, "rates": rates, "norms": norms, "weights": ref.state(model)}
