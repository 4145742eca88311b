"""A discriminator of domains behind a reversed gradient: what it learns to tell, the features unlearn.

Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation", ICML 2015, arXiv 1409.7495.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, features: Tensor, strength: float) -> Tensor:
        context.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(context: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        return -context.strength * slopes[0], None


class Discriminator(nn.Module):
    """Features (N, d) -> logits of K domains (N, K); -`strength` of its gradient goes on to the features.

    The strength rises from 0 to 1 over the first `steps` batches: 2 / (1 + exp(-10 n / steps)) - 1.
    """

    seen: Tensor

    def __init__(self, width: int, *, domains: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.layers = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, domains)
        )

    def forward(self, features: Tensor) -> Tensor:
        self.seen += 1
        strength = 2 / (1 + math.exp(-10 * min(1.0, float(self.seen) / self.steps))) - 1
        return self.layers(_Reversed.apply(features, strength))  # type: ignore[no-untyped-call]
