"""Directions of torch.optim.LBFGS in float64 on a function that is no quadratic, written for
crates/bitcap-train/src/lbfgs.rs: of each iteration the point, its gradient and the direction.

One iteration a call, without a line search, so that the points do not depend on one. The history is
shorter than the iterations, so that it loses its oldest pairs.
"""

import json
import sys

import torch

SIZE, HISTORY, ITERATIONS, RATE = 12, 4, 11, 0.5


def main():
    torch.manual_seed(0)
    rows = torch.randn(30, SIZE, dtype=torch.float64)
    scale = torch.logspace(-1, 1, SIZE, dtype=torch.float64)
    function = lambda x: torch.nn.functional.softplus(rows @ x).sum() + 0.5 * (scale * x * x).sum()
    x = torch.nn.Parameter(2.0 * torch.randn(SIZE, dtype=torch.float64))
    optimizer = torch.optim.LBFGS([x], lr=RATE, max_iter=1, history_size=HISTORY, tolerance_grad=0, tolerance_change=0)

    def closure():
        optimizer.zero_grad()
        loss = function(x)
        loss.backward()
        return loss

    iterations = []
    for _ in range(ITERATIONS):
        point = x.detach().clone()
        optimizer.step(closure)
        state = optimizer.state[x]
        iterations.append(
            {
                "point": point.tolist(),
                "gradient": x.grad.tolist(),
                "direction": state["d"].tolist(),
            }
        )
    json.dump({"history": HISTORY, "iterations": iterations}, open(sys.argv[1], "w"))


main()
