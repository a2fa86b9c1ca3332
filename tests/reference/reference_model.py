"""The small GPT-2s the fixtures come from: transformers' model with weights drawn by torch.

With a start token the embedding has V + 1 rows, the last row is the start token, its logit stays
in the softmax, the input is [start, x_1 .. x_{S-1}] and all S tokens are predicted at positions
0 .. S-1. Without one the input is x_1 .. x_{S-1} and the S - 1 tokens x_2 .. x_S are predicted.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.pytorch_utils import Conv1D

SAMPLES, LENGTH, VOCABULARY = 24, 8, 32
WIDTH, LAYERS, HEADS, MLP_RATIO = 16, 2, 2, 4


def config(
    *,
    tied,
    start_token,
    vocabulary=VOCABULARY,
    length=LENGTH,
    width=WIDTH,
    layers=LAYERS,
    heads=HEADS,
    mlp_ratio=MLP_RATIO,
):
    return GPT2Config(
        vocab_size=vocabulary + start_token,
        n_positions=length,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        n_inner=mlp_ratio * width,
        activation_function="gelu_new",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        layer_norm_epsilon=1e-5,
        tie_word_embeddings=tied,
        bos_token_id=vocabulary if start_token else None,
        eos_token_id=None,
        attn_implementation="eager",
    )


def draw_tokens(seed, *, samples=SAMPLES, length=LENGTH, vocabulary=VOCABULARY):
    generator = torch.Generator().manual_seed(seed)
    shape = (samples, length)
    return torch.randint(vocabulary, shape, generator=generator, dtype=torch.int32)


def draw_weights(cfg, seed):
    """State dict in float32, in which no tensor is zero or one throughout, as GPT-2's own start is:
    matrices N(0, 0.2²), biases N(0, 0.1²), layer-norm scales 1 + N(0, 0.1²)."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, parameter in GPT2LMHeadModel(cfg).named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 2:
            weights[name] = 0.2 * noise
        elif name.endswith("bias"):
            weights[name] = 0.1 * noise
        else:
            weights[name] = 1 + 0.1 * noise
    return weights


def build(cfg, weights, dtype):
    model = GPT2LMHeadModel(cfg)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    tied = ["lm_head.weight"] if cfg.tie_word_embeddings else []
    assert missing == tied and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model.to(dtype).eval()


def use_linear(model):
    """Puts an nn.Linear in the place of every Conv1D: the same function, with the weight stored
    [out, in], which is the shape Muon's learning-rate adjustment is defined for."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Conv1D):
                inputs, outputs = child.weight.shape
                linear = nn.Linear(inputs, outputs, dtype=child.weight.dtype)
                with torch.no_grad():
                    linear.weight.copy_(child.weight.T)
                    linear.bias.copy_(child.bias)
                setattr(module, name, linear)
    return model


def is_block_matrix(name, parameter):
    return name.startswith("transformer.h.") and parameter.ndim == 2


def state(model):
    """Trained tensors under the names and in the shapes of transformers' state dict ([in, out])."""
    linear = {f"{name}.weight" for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    linear.discard("lm_head.weight")
    return {
        name: (p.detach().T if name in linear else p.detach()).clone().contiguous()
        for name, p in model.named_parameters()
    }


def inputs_and_targets(cfg, tokens):
    tokens = tokens.long()
    if cfg.bos_token_id is None:
        return tokens[:, :-1], tokens[:, 1:]
    start = torch.full((len(tokens), 1), cfg.bos_token_id)
    return torch.cat([start, tokens[:, :-1]], dim=1), tokens


def logits(model, inputs):
    return model(input_ids=inputs, use_cache=False).logits


def mean_loss(logit, targets):
    """Mean cross-entropy in nats a predicted token, in the dtype of the logits."""
    return F.cross_entropy(logit.flatten(0, 1), targets.flatten())


def log_probabilities(logit, targets):
    """Natural-log probability of each target, [N, S_pred], float64 from logits of any dtype."""
    log_softmax = F.log_softmax(logit.detach().double(), dim=-1)
    return log_softmax.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
