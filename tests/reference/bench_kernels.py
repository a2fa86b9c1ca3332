"""Times training steps of bitcap's kernels and of PyTorch in turns, one thread each.

    cargo build --release -p bitcap-kernels --example bench
    python tests/reference/bench_kernels.py target/release/examples/bench

A step is forward, backward and Adam in float32; PyTorch runs it in eager mode and compiled (forward
and loss by torch.compile, the optimizer as it is), with torch's fused attention. Of each shape
`--rounds` rounds of `--seconds` are timed in turns, and the fastest step of all is kept. Times are of the processor: what other
programs take of it does not count. Prints
CSV: tokens a second, the ratio to each of PyTorch's, and the multiply-add peak of one core of this
machine as the kernels' program measures it. Needs torch and a C++ compiler, nothing else.
"""

import argparse
import csv
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

SHAPES = [  # vocabulary, length, layers, width, heads, batch
    (64, 16, 1, 16, 2, 173),
    (64, 16, 1, 32, 4, 256),
    (2048, 64, 1, 32, 2, 64),
    (2048, 64, 2, 64, 2, 64),
    (2, 64, 2, 16, 2, 256),
    (2048, 64, 1, 32, 2, 512),
    (2048, 64, 4, 128, 4, 128),
]


class Gpt2(nn.Module):
    """GPT-2 with a tied head and a start token, no more operations than it has."""

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


def torch_step(shape, compiled):
    vocabulary, length, layers, width, heads, batch = shape
    torch.manual_seed(0)
    model = Gpt2(vocabulary, length, layers, width, heads)
    forward = torch.compile(model) if compiled else model
    targets = torch.randint(vocabulary, (batch, length))
    start = torch.full((batch, 1), vocabulary)
    inputs = torch.cat([start, targets[:, :-1]], dim=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99))

    def step():
        optimizer.zero_grad()
        forward(inputs, targets).backward()
        optimizer.step()

    for _ in range(3):
        step()
    return step


def fastest(step, seconds):
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time()
        step()
        best = min(best, time.process_time() - start)
    return best


def kernels(program, shape, seconds):
    command = [program, "--shape", ",".join(map(str, shape)), "--seconds", str(seconds)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    row = next(csv.DictReader(output.splitlines()))
    return float(row["milliseconds"]) / 1e3, float(row["tokens_a_second"]) / float(row["gflops"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the built example `bench` of bitcap-kernels")
    parser.add_argument("--shape", action="append", help="V,S,L,d,heads,batch (all of the table)")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    peak = float(subprocess.run([args.program, "--peak"], check=True, capture_output=True, text=True).stdout)
    shapes = [tuple(map(int, s.split(","))) for s in args.shape or []] or SHAPES
    out = csv.writer(sys.stdout)
    out.writerow(
        "vocabulary length layers width heads batch kernels eager compiled over_eager over_compiled "
        "gflops of_peak".split()
    )
    for shape in shapes:
        eager, compiled = torch_step(shape, False), torch_step(shape, True)
        times = {"kernels": [], "eager": [], "compiled": []}
        for _ in range(args.rounds):
            time_of_kernels, tokens_a_gflop = kernels(args.program, shape, args.seconds)
            times["kernels"].append(time_of_kernels)
            times["eager"].append(fastest(eager, args.seconds))
            times["compiled"].append(fastest(compiled, args.seconds))
        tokens = shape[1] * shape[5]
        speeds = [tokens / min(times[name]) for name in times]
        gflops = speeds[0] / tokens_a_gflop
        ratios = [f"{speeds[0] / speeds[1]:.2f}", f"{speeds[0] / speeds[2]:.2f}"]
        speeds = [f"{speed:.0f}" for speed in speeds]
        out.writerow([*shape, *speeds, *ratios, f"{gflops:.1f}", f"{gflops / peak:.2f}"])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
