"""How far torch.optim.Muon's bfloat16 Newton-Schulz moves the loss, by learning rate.

Prints, for each rate, the largest relative difference in loss over 20 steps between (i) torch's
Muon as it is, (ii) the same without the cast to bfloat16, in float32, and (iii) all in float64.

    python tests/reference/muon_precision.py
"""

import functools

import torch

import make_fixtures
import optimizers as opt


def worst(a, b):
    return max(abs(x - y) / abs(y) for x, y in zip(a["losses"], b["losses"], strict=True))


def main():
    torch.set_num_threads(1)
    cfg, weights, tokens = make_fixtures.training_case()
    print("rate      (i)-(ii)   (i)-(iii)  (ii)-(iii)  last loss (iii)")
    for rate in [0.1, 0.05, 0.02, 0.01, 0.005, 0.004, 0.003, 0.002, 0.001, 1e-4, 1e-5]:
        run = functools.partial(
            opt.train, cfg, weights, tokens, functools.partial(opt.muon, rate=rate), linear=True
        )
        i = run(torch.float32)
        ii = run(torch.float32, newton_schulz="gradient")
        iii = run(torch.float64, newton_schulz="gradient")
        print(
            f"{rate:<8g}  {worst(i, ii):.2e}   {worst(i, iii):.2e}   {worst(ii, iii):.2e}"
            f"    {iii['losses'][-1]:.6f}"
        )


if __name__ == "__main__":
    main()
