"""The small models beside GPT-2 that fixtures come from: the classes of transformers and of torch.nn
themselves, with weights drawn by torch.

A case has the settings as an experiment file has them (`model`), the sizes of the data, and a seed.
`build` gives a module that takes tokens [N, S] to logits [N, S, V'], `on_disk` its parameters, or what else
there is one of for each, by the names they have in a model folder.
"""

import re
import types
from unittest import mock

import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM
from transformers import MixtralConfig, MixtralForCausalLM

CASES = {
    "moe_a": {
        "model": {
            "kind": "moe",
            "layers": 2,
            "width": 8,
            "heads": 2,
            "experts": 4,
            "auxiliary_loss": 0.0,
        },
        "data": {"vocabulary": 32, "length": 8, "samples": 24},
        "seed": 61,
    },
    # A load balancing loss large enough that its gradient is seen beside that of the predictions.
    "moe_b": {
        "model": {
            "kind": "moe",
            "layers": 3,
            "width": 12,
            "heads": 3,
            "mlp_width": 7,
            "experts": 5,
            "experts_per_token": 3,
            "auxiliary_loss": 0.3,
            "tied_head": False,
            "start_token": True,
        },
        "data": {"vocabulary": 37, "length": 9, "samples": 11},
        "seed": 62,
    },
    "mlp_a": {
        "model": {"kind": "mlp", "layers": 2, "width": 16},
        "data": {"vocabulary": 32, "length": 8, "samples": 24},
        "seed": 41,
    },
    "mlp_b": {
        "model": {
            "kind": "mlp",
            "layers": 3,
            "width": 11,
            "mlp_ratio": 2,
            "tied_head": False,
            "start_token": True,
        },
        "data": {"vocabulary": 37, "length": 13, "samples": 7},
        "seed": 42,
    },
    **{
        f"{kind}_a": {
            "model": {"kind": kind, "layers": 2, "width": 16},
            "data": {"vocabulary": 32, "length": 8, "samples": 24},
            "seed": seed,
        }
        for kind, seed in [("lstm", 31), ("gru", 33)]
    },
    **{
        f"{kind}_b": {
            "model": {"kind": kind, "layers": 3, "width": 11, "tied_head": False, "start_token": True},
            "data": {"vocabulary": 37, "length": 13, "samples": 7},
            "seed": seed,
        }
        for kind, seed in [("lstm", 32), ("gru", 34)]
    },
    "llama_a": {
        "model": {"kind": "llama", "layers": 2, "width": 16, "heads": 2},
        "data": {"vocabulary": 32, "length": 8, "samples": 24},
        "seed": 21,
    },
    # Nothing a power of two, and all that is not the default.
    "llama_b": {
        "model": {
            "kind": "llama",
            "layers": 3,
            "width": 12,
            "heads": 3,
            "mlp_width": 20,
            "tied_head": False,
            "start_token": True,
        },
        "data": {"vocabulary": 37, "length": 11, "samples": 13},
        "seed": 22,
    },
    "mamba_a": {
        "model": {"kind": "mamba", "layers": 2, "width": 8},
        "data": {"vocabulary": 32, "length": 8, "samples": 24},
        "seed": 51,
    },
    # A time-step rank of 2.
    "mamba_b": {
        "model": {
            "kind": "mamba",
            "layers": 2,
            "width": 17,
            "state": 5,
            "expand": 3,
            "conv_kernel": 3,
            "tied_head": False,
            "start_token": True,
        },
        "data": {"vocabulary": 37, "length": 13, "samples": 7},
        "seed": 52,
    },
}


def rows(case):
    """V', the rows of the embedding: with a start token one more."""
    return case["data"]["vocabulary"] + case["model"].get("start_token", False)


def in_its_dtype(model):
    """transformers' Llama or Mixtral without its casts to float32, in norms, angles and routers, so that
    float64 is that throughout. In float32 they do nothing."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__ in ("LlamaRMSNorm", "MixtralRMSNorm"):
                norm = nn.RMSNorm(child.weight.shape, eps=child.variance_epsilon)
                setattr(module, name, norm)
            if type(child).__name__ == "MixtralTopKRouter":
                # Of the module as it is, so that its logits are still recorded.
                child.forward = types.MethodType(route, child)
    model.model.rotary_emb = Rotation(model.config)
    return model


def route(router, x):
    router_logits = F.linear(x.reshape(-1, router.hidden_dim), router.weight)
    probabilities = router_logits.softmax(dim=-1)
    top, indices = probabilities.topk(router.top_k, dim=-1)
    return router_logits, top / top.sum(dim=-1, keepdim=True), indices


class Rotation(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.width = config.hidden_size // config.num_attention_heads

    def forward(self, x, position_ids):
        exponents = torch.arange(0, self.width, 2, dtype=torch.float64) / self.width
        angles = position_ids[..., None].double() * 10_000.0**-exponents
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos().to(x.dtype), angles.sin().to(x.dtype)


def sizes(case, dtype):
    """What transformers' Llama and Mixtral are configured by alike."""
    model = case["model"]
    width = model["width"]
    return dict(
        vocab_size=rows(case),
        max_position_embeddings=case["data"]["length"],
        hidden_size=width,
        num_hidden_layers=model["layers"],
        num_attention_heads=model["heads"],
        num_key_value_heads=model["heads"],
        intermediate_size=model.get("mlp_width", -(-8 * width // 3)),
        rms_norm_eps=1e-6,
        rope_theta=10_000.0,
        tie_word_embeddings=model.get("tied_head", True),
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="eager" if dtype == torch.float32 else "sdpa",
    )


def llama(case, dtype):
    model = LlamaForCausalLM(LlamaConfig(**sizes(case, dtype)))
    return model if dtype == torch.float32 else in_its_dtype(model)


def mixtral(case, dtype):
    model = case["model"]
    config = MixtralConfig(
        num_local_experts=model["experts"],
        num_experts_per_tok=model.get("experts_per_token", 2),
        router_aux_loss_coef=model["auxiliary_loss"],
        **sizes(case, dtype),
    )
    # One expert after another, in whatever dtype.
    config._experts_implementation = "eager"
    model = MixtralForCausalLM(config)
    return model if dtype == torch.float32 else in_its_dtype(model)


def auxiliary(model, inputs):
    """The weighted loss that a model adds to that of its predictions in training, where it has one."""
    weight = getattr(model, "router_aux_loss_coef", None)
    return weight and weight * model(inputs, output_router_logits=True).aux_loss


# transformers has the experts of a layer in one tensor, and gate and hidden layer of each in one matrix.
FUSED = re.compile(r"(model\.layers\.\d+)\.mlp\.experts\.(gate_up_proj|down_proj)$")
ON_DISK = re.compile(r"(model\.layers\.\d+)\.block_sparse_moe\.experts\.\d+\.w[123]\.weight$")
ROUTER = [".mlp.gate.", ".block_sparse_moe.gate."]


def on_disk(tensors):
    """Tensors by the names in a model folder, of tensors by the names in a module."""
    split = {}
    for name, tensor in tensors.items():
        fused = FUSED.match(name)
        if not fused:
            split[name.replace(*ROUTER)] = tensor
            continue
        layer, maps = fused.groups()
        for expert, matrix in enumerate(tensor):
            parts = {"w2": matrix} if maps == "down_proj" else dict(zip(("w1", "w3"), matrix.chunk(2)))
            for part, values in parts.items():
                split[f"{layer}.block_sparse_moe.experts.{expert}.{part}.weight"] = values.contiguous()
    return split


def in_memory(tensors):
    """The inverse of `on_disk`."""
    whole = {
        name.replace(*reversed(ROUTER)): tensor
        for name, tensor in tensors.items()
        if not ON_DISK.match(name)
    }
    for layer in {match[1] for match in map(ON_DISK.match, tensors) if match}:

        def experts(part):
            names = (f"{layer}.block_sparse_moe.experts.{i}.{part}.weight" for i in range(len(tensors)))
            return torch.stack([tensors[name] for name in names if name in tensors])

        whole[f"{layer}.mlp.experts.gate_up_proj"] = torch.cat([experts("w1"), experts("w3")], dim=1)
        whole[f"{layer}.mlp.experts.down_proj"] = experts("w2")
    return whole


class MambaInItsDtype(MambaForCausalLM):
    """transformers' class without its casts to float32, as above."""

    def __init__(self, config):
        super().__init__(config)
        for block in self.backbone.layers:
            block.norm = nn.RMSNorm(config.hidden_size, eps=config.layer_norm_epsilon)
        self.backbone.norm_f = nn.RMSNorm(config.hidden_size, eps=config.layer_norm_epsilon)

    def forward(self, *args, **kwargs):
        with mock.patch.object(torch.Tensor, "float", lambda tensor: tensor):
            return super().forward(*args, **kwargs)


def mamba(case, dtype):
    model = case["model"]
    config = MambaConfig(
        vocab_size=rows(case),
        hidden_size=model["width"],
        num_hidden_layers=model["layers"],
        state_size=model.get("state", 16),
        expand=model.get("expand", 2),
        conv_kernel=model.get("conv_kernel", 4),
        residual_in_fp32=dtype == torch.float32,
        tie_word_embeddings=model.get("tied_head", True),
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        use_cache=False,
    )
    return (MambaForCausalLM if dtype == torch.float32 else MambaInItsDtype)(config)


class Recurrent(nn.Module):
    """torch.nn.LSTM or GRU between an embedding and a head."""

    def __init__(self, case, layers):
        super().__init__()
        width = case["model"]["width"]
        self.embedding = nn.Embedding(rows(case), width)
        self.rnn = layers(width, width, case["model"]["layers"], batch_first=True)
        if not case["model"].get("tied_head", True):
            self.lm_head = nn.Linear(width, rows(case), bias=False)

    def forward(self, tokens):
        states, _ = self.rnn(self.embedding(tokens))
        head = self.lm_head if hasattr(self, "lm_head") else self.embedding
        return states @ head.weight.T


class Mix(nn.Module):
    """torch.nn.Linear over the positions, of which only the lower triangle is there."""

    def __init__(self, length):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(length * (length + 1) // 2))
        self.bias = nn.Parameter(torch.zeros(length))

    def forward(self, x):
        length = len(self.bias)
        rows_, columns = torch.tril_indices(length, length)
        matrix = torch.zeros(length, length, dtype=x.dtype).index_put((rows_, columns), self.weight)
        return F.linear(x.transpose(1, 2), matrix, self.bias).transpose(1, 2)


class MlpBlock(nn.Module):
    def __init__(self, width, hidden, length):
        super().__init__()
        self.mix_norm = nn.LayerNorm(width, eps=1e-5)
        self.mix = Mix(length)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-5)
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, x):
        x = x + self.mix(self.mix_norm(x))
        hidden = F.gelu(self.expand(self.mlp_norm(x)), approximate="tanh")
        return x + self.contract(hidden)


class Mlp(nn.Module):
    """ResMLP's blocks, made causal, of torch.nn's layers."""

    def __init__(self, case):
        super().__init__()
        model = case["model"]
        width, tied = model["width"], model.get("tied_head", True)
        length = case["data"]["length"] - (not model.get("start_token", False))
        hidden = model.get("mlp_ratio", 4) * width
        self.embedding = nn.Embedding(rows(case), width)
        self.blocks = nn.ModuleList(MlpBlock(width, hidden, length) for _ in range(model["layers"]))
        self.norm = nn.LayerNorm(width, eps=1e-5)
        if not tied:
            self.lm_head = nn.Linear(width, rows(case), bias=False)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        head = self.lm_head if hasattr(self, "lm_head") else self.embedding
        return self.norm(x) @ head.weight.T


KINDS = {
    "mlp": lambda case, dtype: Mlp(case),
    "moe": mixtral,
    "llama": llama,
    "mamba": mamba,
    "lstm": lambda case, dtype: Recurrent(case, nn.LSTM),
    "gru": lambda case, dtype: Recurrent(case, nn.GRU),
}


def build(case, weights, dtype):
    model = KINDS[case["model"]["kind"]](case, dtype)
    missing, unexpected = model.load_state_dict(in_memory(weights), strict=False)
    tied = ["lm_head.weight"] if case["model"].get("tied_head", True) else []
    assert missing in ([], tied) and not unexpected, (missing, unexpected)
    if hasattr(model, "tie_weights"):
        model.tie_weights()
    return model.to(dtype).eval()


def draw_weights(case):
    """State dict in float32 in which no tensor is zero or one throughout, as in a model's first state:
    matrices N(0, 0.2²), biases N(0, 0.1²), scales 1 + N(0, 0.1²)."""
    generator = torch.Generator().manual_seed(case["seed"])
    weights = {}
    parameters = dict(KINDS[case["model"]["kind"]](case, torch.float32).named_parameters())
    for name, parameter in on_disk(parameters).items():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim >= 2 or name.endswith("mix.weight"):
            weights[name] = 0.2 * noise
        elif "bias" in name:
            weights[name] = 0.1 * noise
        else:
            weights[name] = 1 + 0.1 * noise
    return weights


def logits(model, inputs):
    out = model(inputs)
    return out.logits if hasattr(out, "logits") else out
