"""Times training steps in PyTorch: what bench.py runs beside bitcap, one process a mode.

    python tests/reference/bench_torch.py eager 64,16,1,16,2,173 1

The modes: `eager`; `compile`, where forward and loss are torch.compile's and the optimizer is as it
is; `matrix`, products of two square float32 matrices, without a shape. The step is forward,
backward and Adam on the whole batch in float32, of a GPT-2 with a tied head and a start token, by
torch's fused attention and no more operations than it has. Then the number of threads.

The mode `train` takes cells on standard input instead, a line a cell, V,S,layers,width,heads,N,steps,
trains each in eager mode (Muon for the blocks' matrices, Adam for the rest, cosine, full batch), and
prints nothing.

In the others, for each line on standard input, a number of seconds, steps are made for so long and their times
printed as JSON, in seconds: `fastest` and `median`; with `memory_bytes`, the most this process has
held so far, and `start_bytes`, what it held before it made anything.
"""

import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

MATRIX = 1536


class Gpt2(nn.Module):
    """The function of GPT2LMHeadModel with a tied head: loss of the targets [N, S], given inputs [N, S]."""

    def __init__(self, vocabulary, length, layers, width, heads):
        super().__init__()
        self.heads = heads
        self.wte = nn.Embedding(vocabulary + 1, width)
        self.wpe = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "ln_1": nn.LayerNorm(width),
                    "qkv": nn.Linear(width, 3 * width),
                    "projection": nn.Linear(width, width),
                    "ln_2": nn.LayerNorm(width),
                    "up": nn.Linear(width, 4 * width),
                    "down": nn.Linear(4 * width, width),
                }
            )
            for _ in range(layers)
        )
        self.ln_f = nn.LayerNorm(width)

    def forward(self, inputs, targets):
        n, t = inputs.shape
        x = self.wte(inputs) + self.wpe.weight[:t]
        for block in self.blocks:
            qkv = block["qkv"](block["ln_1"](x)).view(n, t, 3, self.heads, -1)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + block["projection"](mixed.transpose(1, 2).reshape(n, t, -1))
            x = x + block["down"](F.gelu(block["up"](block["ln_2"](x)), approximate="tanh"))
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def data(vocabulary, length, batch):
    targets = torch.randint(vocabulary, (batch, length))
    start = torch.full((batch, 1), vocabulary)
    return torch.cat([start, targets[:, :-1]], dim=1), targets


def training_step(shape, compiled):
    vocabulary, length, layers, width, heads, batch = shape
    model = Gpt2(vocabulary, length, layers, width, heads)
    forward = torch.compile(model) if compiled else model
    inputs, targets = data(vocabulary, length, batch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99))

    def step():
        optimizer.zero_grad()
        forward(inputs, targets).backward()
        optimizer.step()

    return step


def train(cell):
    vocabulary, length, layers, width, heads, samples, steps = cell
    model = Gpt2(vocabulary, length, layers, width, heads)
    inputs, targets = data(vocabulary, length, samples)
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if all(p is not matrix for matrix in matrices)]
    optimizers = [
        torch.optim.Muon(matrices, lr=0.06, weight_decay=0.0),
        torch.optim.Adam(others, lr=0.03, betas=(0.9, 0.99)),
    ]
    schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, steps) for o in optimizers]
    for _ in range(steps):
        model.zero_grad()
        model(inputs, targets).backward()
        for each in optimizers + schedules:
            each.step()


def matrix_product():
    a, b = torch.randn(2, MATRIX, MATRIX)
    out = torch.empty(MATRIX, MATRIX)
    return lambda: torch.mm(a, b, out=out)


def memory(key):
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(key))
    return 1024 * int(line.split()[1])


def main():
    mode, shape, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    if mode == "train":
        for cell in sys.stdin:
            train([int(size) for size in cell.split(",")])
        return
    start = memory("VmRSS")
    if mode == "matrix":
        step = matrix_product()
    else:
        step = training_step([int(size) for size in shape.split(",")], mode == "compile")
    for _ in range(3):
        step()
    print(json.dumps({"torch": torch.__version__, "matrix": MATRIX}), flush=True)
    for seconds in sys.stdin:
        times, end = [], time.perf_counter() + float(seconds)
        while not times or time.perf_counter() < end:
            before = time.perf_counter()
            step()
            times.append(time.perf_counter() - before)
        figures = {
            "fastest": min(times),
            "median": statistics.median(times),
            "memory_bytes": memory("VmHWM"),
            "start_bytes": start,
        }
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
