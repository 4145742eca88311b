"""SA-FAS: domains are kept apart in the features, and the way from attacks to bona fide is the same in all.

Sun et al., "Rethinking Domain Generalization for Face Anti-Spoofing: Separability and Alignment", CVPR 2023,
arXiv 2303.13662, as its published code has it (github sunyiyou/SAFAS): a classifier for each domain, each
drawn after every step a little towards the one that is farthest from it (PG-IRM). Differences: one view of a
picture a step, not two; the drawing happens before the next step looks at its batch; no turning of faces by
any angle. Its ResNet-18 begins from ImageNet: --init torchvision:FILE.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.frames import IMAGENET, FrameNetwork
from unmask.models.baselines.resnet import OnResNet18, ResNet18Trunk
from unmask.models.output import Across, Output, unless_unseen


class DomainHeads(nn.Module):
    """Features (N, d) -> logits of bona fide by each domain's classifier (N, K)."""

    seen: Tensor

    def __init__(self, width: int, *, domains: int, alpha: float, align_after: int) -> None:
        super().__init__()
        self.alpha, self.align_after = alpha, align_after
        self.weight = nn.Parameter(torch.empty(domains, width))
        self.bias = nn.Parameter(torch.zeros(domains))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        nn.init.uniform_(self.weight, -(width**-0.5), width**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        if self.training:
            if int(self.seen) > self.align_after:
                self.align()
            self.seen += 1
        return F.linear(features, self.weight, self.bias)

    @torch.no_grad()
    def align(self) -> None:
        """Each direction becomes alpha of itself and 1 - alpha of the one farthest from it; lengths stay."""
        if len(self.weight) < 2:
            return
        lengths = self.weight.norm(dim=1, keepdim=True)
        units = self.weight / lengths.clamp_min(1e-10)
        cosines = units @ units.T
        cosines.fill_diagonal_(torch.inf)
        mixed = self.alpha * units + (1 - self.alpha) * units[cosines.argmin(dim=1)]
        self.weight.copy_(F.normalize(mixed, dim=1) * lengths)


class SaFas(OnResNet18, FrameNetwork):
    """Loss: own_domain 1, separate 0.1. Score: the mean probability of all domains' classifiers."""

    def __init__(self, *, width: int, domains: int, alpha: float, align_after: int) -> None:
        super().__init__(mean=IMAGENET[0], deviation=IMAGENET[1])
        self.domain_count = domains
        self.trunk = ResNet18Trunk(3, width=width)
        self.heads = DomainHeads(8 * width, domains=domains, alpha=alpha, align_after=align_after)

    def judge(self, clips: Tensor, mask: Tensor) -> Output:
        features = self.trunk(self.frames(clips)).unflatten(0, clips.shape[:2]).mean(dim=1)  # (B, 8w)
        heads = self.heads(features)  # (B, K)
        live = torch.sigmoid(heads).mean(dim=1)
        score = unless_unseen(live, mask)
        logit = torch.logit(live.float(), eps=1e-6)
        logits = torch.stack([logit, torch.zeros_like(logit)], dim=1)
        return Output(score, logits=logits, across=Across(features, heads=heads) if self.training else None)


def sa_fas(*, width: int = 64, domains: int = 3, alpha: float = 0.995, align_after: int = 1000) -> SaFas:
    """SA-FAS for clips of any side that 32 divides, 256x256 as published; `align_after` batches."""
    return SaFas(width=width, domains=domains, alpha=alpha, align_after=align_after)
