"""Times one training step in PyTorch, on one thread, so that bitcap's figures can be had as ratios.

    python tests/reference/bench_torch.py --batch 259 --batch 691

The step is forward, backward and Adam on the whole batch, in float32, eager mode (no torch.compile):
tiny model of V 64, S 16, width 16, one block of two heads, tied head, start token. The model is
written here with torch's fused attention and no more operations than GPT-2 has; `--transformers`
times transformers' GPT2LMHeadModel instead, which does more around each operation. Prints the
median over the rounds of the mean step of a round, and the fastest round. Run it on a quiet machine.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

import reference_model as ref

STEPS_PER_ROUND = 20
ROUNDS = 10


class Gpt2(nn.Module):
    """The function of GPT2LMHeadModel with a tied head: input ids [N, T] to logits [N, T, V + 1]."""

    def __init__(self, cfg):
        super().__init__()
        d = cfg.n_embd
        self.heads = cfg.n_head
        self.wte = nn.Embedding(cfg.vocab_size, d)
        self.wpe = nn.Embedding(cfg.n_positions, d)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "ln_1": nn.LayerNorm(d),
                    "qkv": nn.Linear(d, 3 * d),
                    "projection": nn.Linear(d, d),
                    "ln_2": nn.LayerNorm(d),
                    "up": nn.Linear(d, cfg.n_inner),
                    "down": nn.Linear(cfg.n_inner, d),
                }
            )
            for _ in range(cfg.n_layer)
        )
        self.ln_f = nn.LayerNorm(d)

    def forward(self, inputs):
        n, t = inputs.shape
        x = self.wte(inputs) + self.wpe.weight[:t]
        for block in self.blocks:
            qkv = block["qkv"](block["ln_1"](x)).view(n, t, 3, self.heads, -1)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + block["projection"](mixed.transpose(1, 2).reshape(n, t, -1))
            hidden = F.gelu(block["up"](block["ln_2"](x)), approximate="tanh")
            x = x + block["down"](hidden)
        return F.linear(self.ln_f(x), self.wte.weight)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, action="append", help="sequences a step (259)")
    parser.add_argument("--vocabulary", type=int, default=64)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--transformers", action="store_true", help="time GPT2LMHeadModel")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for batch in args.batch or [259]:
        bench(args, batch)


def bench(args, batch):
    torch.manual_seed(0)
    cfg = ref.config(
        tied=True,
        start_token=True,
        vocabulary=args.vocabulary,
        length=args.length,
        width=args.width,
        layers=args.layers,
        heads=args.heads,
    )
    tokens = torch.randint(args.vocabulary, (batch, args.length))
    inputs, targets = ref.inputs_and_targets(cfg, tokens)
    if args.transformers:
        model = ref.build(cfg, ref.draw_weights(cfg, 0), torch.float32)
        forward = lambda: ref.logits(model, inputs)
    else:
        model = Gpt2(cfg)
        forward = lambda: model(inputs)
    parameters = sum(p.numel() for p in model.parameters())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99))

    def step():
        optimizer.zero_grad()
        ref.mean_loss(forward(), targets).backward()
        optimizer.step()

    for _ in range(STEPS_PER_ROUND):
        step()
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(STEPS_PER_ROUND):
            step()
        rounds.append((time.perf_counter() - start) / STEPS_PER_ROUND)
    trained = batch * args.length
    median, fastest = statistics.median(rounds), min(rounds)
    print(
        f"batch {batch}, {parameters} parameters: {median * 1e3:.2f} ms a step, "
        f"{trained / median:.0f} tokens a second, "
        f"{6 * parameters * trained / median / 1e9:.2f} GFLOP/s (fastest {fastest * 1e3:.2f} ms)",
        flush=True,
    )


if __name__ == "__main__":
    main()
