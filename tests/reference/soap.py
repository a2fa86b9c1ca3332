"""SOAP as its paper writes it (Vyas et al. 2024, arXiv 2409.11321, algorithms 3 and 4), in float64:
twenty steps on gradients that are drawn, written for crates/bitcap-train/tests/soap.rs.

Square matrices, and a tall one whose long side has no preconditioner: elsewhere the first bases are
not determined by the first gradient, and any two implementations differ. As in the authors' code the first
step makes the first bases, the eigenvectors of the first gradient's preconditioners, and moves nothing.
"""

import json
import sys

import torch

SHAPES = [(6, 6), (20, 5), (7,), (4, 4)]
LARGEST, RATE, BETAS, EPSILON, BETA, EVERY, DECAY, STEPS = 8, 0.03, (0.8, 0.99), 1e-8, 0.95, 5, 0.1, 20


class Soap:
    def __init__(self, shape):
        self.sizes = [n if len(shape) == 2 and n <= LARGEST else None for n in shape]
        if len(shape) == 1:
            self.sizes = [None, None]
        self.preconditioners = [None, None]
        self.bases = [None, None]
        self.momentum = torch.zeros(shape, dtype=torch.float64)
        self.square = torch.zeros(shape, dtype=torch.float64)

    def observe(self, gradient):
        squares = [lambda: gradient @ gradient.T, lambda: gradient.T @ gradient]
        for i in range(2):
            if self.sizes[i]:
                before = self.preconditioners[i]
                before = torch.zeros(self.sizes[i], self.sizes[i], dtype=torch.float64) if before is None else before
                self.preconditioners[i] = BETA * before + (1 - BETA) * squares[i]()

    def rotate(self, x, back=False):
        left, right = self.bases
        if left is not None:
            x = (left if back else left.T) @ x
        if right is not None:
            x = x @ (right.T if back else right)
        return x

    def step(self, weights, gradient, t):
        if t == 1:
            self.observe(gradient)
            for i in range(2):
                if self.sizes[i]:
                    self.bases[i] = torch.linalg.eigh(self.preconditioners[i])[1].flip(1)
            return weights
        t -= 1
        turned = self.rotate(gradient)
        # The momentum is kept as it is, not in the bases, as in algorithm 3.
        self.momentum = BETAS[0] * self.momentum + (1 - BETAS[0]) * gradient
        self.square = BETAS[1] * self.square + (1 - BETAS[1]) * turned**2
        first = self.rotate(self.momentum) / (1 - BETAS[0] ** t)
        second = self.square / (1 - BETAS[1] ** t)
        update = self.rotate(first / (second.sqrt() + EPSILON), back=True)
        weights = weights * (1 - RATE * DECAY) - RATE * update
        self.observe(gradient)
        if t % EVERY == 0:
            for i in range(2):
                if self.sizes[i]:
                    self.bases[i] = torch.linalg.qr(self.preconditioners[i] @ self.bases[i])[0]
        return weights


def main():
    torch.manual_seed(0)
    draw = lambda shape: torch.randn(shape, dtype=torch.float32)
    start = [draw(shape) for shape in SHAPES]
    # A direction that stays, and noise of different size along it.
    mean = [draw(shape) for shape in SHAPES]
    scale = [torch.exp(0.5 * draw(shape)) for shape in SHAPES]
    gradients = [[m + s * draw(m.shape) for m, s in zip(mean, scale)] for _ in range(STEPS)]
    weights = [w.double() for w in start]
    soaps = [Soap(shape) for shape in SHAPES]
    for t in range(1, STEPS + 1):
        given = gradients[t - 1]
        weights = [s.step(w, g.double(), t) for s, w, g in zip(soaps, weights, given)]
    flat = lambda tensors: [x for tensor in tensors for x in tensor.flatten().tolist()]
    json.dump(
        {
            "shapes": SHAPES,
            "weights": flat(start),
            "gradients": [flat(g) for g in gradients],
            "expected": flat(weights),
        },
        open(sys.argv[1], "w"),
    )


main()
