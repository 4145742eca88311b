"""SSDG: bona fide faces of all domains are made alike, attacks of each domain are kept apart.

Jia et al., "Single-Side Domain Generalization for Face Anti-Spoofing", CVPR 2020, arXiv 2004.14043. As its
published code has it (github taylover-pei/SSDG-CVPR2020, the ResNet-18 form, SSDG-R), but for these: weights
of the classifier are normalised at each use, gradient included, not overwritten; the rate falls as a cosine
where theirs drops once; faces are not aligned. Its ResNet-18 begins from ImageNet: --init torchvision:FILE.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.frames import IMAGENET, FrameNetwork
from unmask.models.baselines.resnet import OnResNet18, ResNet18Trunk
from unmask.models.baselines.reversal import Discriminator
from unmask.models.output import Across, Output, unless_unseen


class Embedder(nn.Module):
    """Features -> dense layer, ReLU, dropout -> (N, o), over the root of twice their length."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width_in, width_out)
        nn.init.normal_(self.dense.weight, std=0.005)
        nn.init.constant_(self.dense.bias, 0.1)

    def forward(self, features: Tensor) -> Tensor:  # (N, i) -> (N, o)
        x = F.dropout(F.relu(self.dense(features)), 0.5, self.training)
        length = x.square().sum(dim=1, keepdim=True).clamp_min(1e-12).sqrt()
        return x / (2 * length).sqrt()


class UnitClassifier(nn.Module):
    """Features (N, d) -> logits (N, 2) = (live, spoof); the pair of weights of each feature has length 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, width))
        self.bias = nn.Parameter(torch.zeros(2))
        nn.init.normal_(self.weight, std=0.01)

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(features, F.normalize(self.weight, dim=0), self.bias)


class Ssdg(OnResNet18, FrameNetwork):
    """Loss: binary 1, triplet 2, adversarial 0.1 of bona fide. Score: the live output of the softmax."""

    def __init__(self, *, width: int, domains: int, reversal_steps: int) -> None:
        super().__init__(mean=IMAGENET[0], deviation=IMAGENET[1])
        self.domain_count = domains
        self.trunk = ResNet18Trunk(3, width=width)
        self.embedder = Embedder(8 * width, 8 * width)
        self.classifier = UnitClassifier(8 * width)
        self.discriminator = Discriminator(8 * width, domains=domains, steps=reversal_steps)

    def judge(self, clips: Tensor, mask: Tensor) -> Output:
        features = self.embedder(self.trunk(self.frames(clips)))  # (B*T, 8w)
        logits = self.classifier(features).unflatten(0, clips.shape[:2]).mean(dim=1)  # (B, 2)
        score = unless_unseen(logits.softmax(dim=1)[:, 0], mask)
        if not self.training:
            return Output(score, logits=logits)
        feature = features.unflatten(0, clips.shape[:2]).mean(dim=1)
        return Output(score, logits=logits, across=Across(feature, domains=self.discriminator(feature)))


def ssdg(*, width: int = 64, domains: int = 3, reversal_steps: int = 4000) -> Ssdg:
    """SSDG-R for clips of any side that 32 divides, 256x256 as published, of up to `domains` domains."""
    return Ssdg(width=width, domains=domains, reversal_steps=reversal_steps)
