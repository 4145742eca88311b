"""GHVM, FGHV's second module: is the face one of those the networks would draw? Its form is inferred.

The networks stand still. For each face K latent vectors are drawn from the prior N(0, I) and moved for a few
steps so that the relative correlation constraint calls the face bona fide. A Gaussian is fitted to where they
end, and its divergence from the prior, less that of where they began, is the answer: small where the prior
already explained the face.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor

from unmask.models.fghv.network import Fghv
from unmask.types import SettingsError

SMALLEST_VARIANCE = 1e-12  # of a dimension: its logarithm stays finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How latent vectors are moved: `steps` of Adam or of plain gradient descent at `rate`.

    Adam divides by the size of the gradient, so that the first steps are about `rate` long for every face;
    with "descent" a face that is already explained moves its latent vectors less.
    """

    steps: int = 10
    rate: float = 0.05
    kind: Literal["adam", "descent"] = "adam"

    def __post_init__(self) -> None:
        if self.steps < 0 or self.rate <= 0:
            raise SettingsError(
                f"a search takes steps >= 0 at a rate above 0, not {self.steps} at {self.rate}; correct them"
            )


def shift(network: Fghv, feature: Tensor, *, search: Search | None = None) -> Tensor:
    """Delta-KL (N,) of faces by their features (N, D): exactly 0 after 0 steps, no weight is touched.

    A face's own is the same in any batch. The search begins at the network's own latent vectors.
    """
    start = network.latents.expand(len(feature), -1, -1)
    return divergence(searched(network, feature, search=search)) - divergence(start)


def searched(network: Fghv, feature: Tensor, *, search: Search | None = None) -> Tensor:
    """The latent vectors (N, K, d) of each face (N, D) after the search."""
    search = search or Search()
    was_training = network.training
    network.eval()
    latents = network.latents.expand(len(feature), -1, -1).clone().requires_grad_()
    optimiser = (torch.optim.Adam if search.kind == "adam" else torch.optim.SGD)([latents], lr=search.rate)
    with torch.enable_grad():
        for _ in range(search.steps):
            (latents.grad,) = torch.autograd.grad(_unlikely(network, feature, latents), [latents])
            optimiser.step()
    network.train(was_training)
    return latents.detach()


def divergence(latents: Tensor) -> Tensor:
    """KL(N(mu, s^2) || N(0, 1)), mean over dimensions, of Gaussians fitted to latent vectors.

    (..., K, d) -> (...): 0.5 (s^2 + mu^2 - 1 - ln s^2) of each dimension; s^2 is the maximum likelihood's.

    >>> round(divergence(torch.tensor([[1.0], [3.0]])).item(), 6)  # mean 2, variance 1
    2.0
    """
    variance, mean = torch.var_mean(latents, dim=-2, correction=0)
    variance = variance.clamp(min=SMALLEST_VARIANCE)
    return 0.5 * (variance + mean.square() - 1 - variance.log()).mean(dim=-1)


def _unlikely(network: Fghv, feature: Tensor, latents: Tensor) -> Tensor:
    """RCC with every face taken for bona fide; a sum, so that each latent vector goes its own way."""
    draws = latents.shape[1]
    real, attack = network.generate(latents.flatten(0, 1))  # (N*K, D)
    unit = F.normalize(feature, dim=-1).repeat_interleave(draws, dim=0)  # (N*K, D)
    lead = (unit * (F.normalize(real, dim=-1) - F.normalize(attack, dim=-1))).sum(dim=-1)
    return F.softplus(-lead / network.form.tau).sum()
