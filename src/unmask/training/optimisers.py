"""What moves the weights, and how far at each step."""

import math

import torch
from torch import nn

from unmask.training.networks import trained_groups
from unmask.training.settings import Settings


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of `step` (from 0): warm-up, then constant, or a line or half a cosine down to 0."""
    optimiser, steps = settings.optimiser, settings.run.steps
    if step < optimiser.warmup:
        return optimiser.rate * (step + 1) / optimiser.warmup
    part = (step - optimiser.warmup) / max(1, steps - optimiser.warmup)
    falls = {"constant": 1.0, "linear": 1 - part, "cosine": (1 + math.cos(math.pi * part)) / 2}
    return optimiser.rate * falls[optimiser.schedule]


def optimiser_of(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """An optimiser of the parameters that move; its rate is set anew at each step."""
    groups = trained_groups(network, decay=settings.optimiser.decay)
    if settings.optimiser.kind == "adam":
        return torch.optim.Adam(groups, lr=settings.optimiser.rate)
    if settings.optimiser.kind == "sgd":
        return torch.optim.SGD(groups, lr=settings.optimiser.rate, momentum=settings.optimiser.momentum)
    return torch.optim.Adadelta(groups, lr=settings.optimiser.rate, rho=0.95, eps=1e-8)  # TensorFlow's own
