"""SSAN: content and style of a face apart, styles shuffled among faces, and contrast between both.

Wang et al., "Domain Generalization via Shuffled Style Assembly for Face Anti-Spoofing", CVPR 2022, arXiv
2203.05340; the ResNet-18 form, SSAN-R, of its published code (github wangzhuo2019/SSAN). There the blocks of
adaptive instance norm read their own input at each line, so that their convolutions are without effect; here
they are as the paper draws them, and `published_blocks` skips them. Its ResNet-18 begins from ImageNet:
--init torchvision:FILE.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.frames import IMAGENET, FrameNetwork
from unmask.models.baselines.resnet import OnResNet18, ResNet18Trunk
from unmask.models.baselines.reversal import Discriminator
from unmask.models.output import Across, Output, unless_unseen

EPSILON = 1e-5
Style = tuple[Tensor, Tensor]  # gamma and beta, (N, C) each


def instance_normed(x: Tensor) -> Tensor:
    """Each channel of each picture to mean 0 and deviation 1, (N, C, H, W); written out, to be exported."""
    centred = x - x.mean(dim=(2, 3), keepdim=True)
    return centred / (centred.square().mean(dim=(2, 3), keepdim=True) + EPSILON).sqrt()


def restyled(x: Tensor, style: Style) -> Tensor:
    """Adaptive instance norm of (N, C, H, W)."""
    gamma, beta = (part[:, :, None, None] for part in style)
    return instance_normed(x) * gamma + beta


class StyleBlock(nn.Module):
    """x + adain(conv(relu(adain(conv(x)))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor, style: Style) -> Tensor:  # (N, C, H, W) -> (N, C, H, W)
        inner = F.relu(restyled(self.first(x), style))
        return x + restyled(self.second(inner), style)


class PublishedBlock(nn.Module):
    """x + adain(x), which is what the published lines come to."""

    def forward(self, x: Tensor, style: Style) -> Tensor:
        return x + restyled(x, style)


class StyleReader(nn.Module):
    """Maps of three levels of the trunk -> gamma and beta, (N, 4w) each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            nn.Conv2d(a * width, b * width, 3, stride=2, padding=1, bias=False)
            for a, b in ((1, 2), (2, 4), (4, 4))
        )
        self.dense, self.gamma, self.beta = (nn.Linear(4 * width, 4 * width, bias=False) for _ in range(3))

    def forward(self, maps: list[Tensor]) -> Style:
        first, second, third = self.steps
        x = F.relu(instance_normed(first(maps[0]))) + maps[1]
        x = F.relu(instance_normed(second(x))) + maps[2]
        read = F.relu(self.dense(instance_normed(third(x)).amax(dim=(2, 3))))
        return self.gamma(read), self.beta(read)


class Ssan(OnResNet18, FrameNetwork):
    """Loss: binary 1, assembly 1, adversarial 1 of both classes. Score: the live output of the softmax."""

    def __init__(self, *, width: int, domains: int, reversal_steps: int, published_blocks: bool) -> None:
        super().__init__(mean=IMAGENET[0], deviation=IMAGENET[1])
        self.domain_count = domains
        self.trunk = ResNet18Trunk(3, width=width, levels=3)
        self.content = nn.Sequential(
            nn.Conv2d(4 * width, 4 * width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
        )
        self.style = StyleReader(width)
        self.blocks = nn.ModuleList(
            PublishedBlock() if published_blocks else StyleBlock(4 * width) for _ in range(2)
        )
        self.last = nn.Sequential(
            nn.Conv2d(4 * width, 8 * width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8 * width)
        )
        self.head = nn.Linear(8 * width, 2)
        self.discriminator = Discriminator(4 * width, domains=domains, steps=reversal_steps)

    def judge(self, clips: Tensor, mask: Tensor) -> Output:
        maps = self.trunk.maps(self.frames(clips))[:3]
        content, style = self.content(maps[-1]), self.style(maps)
        features = self._assembled(content, style)  # (B*T, 8w)
        logits = self.head(features).unflatten(0, clips.shape[:2]).mean(dim=1)
        score = unless_unseen(logits.softmax(dim=1)[:, 0], mask)
        if not self.training:
            return Output(score, logits=logits)
        partner = torch.randperm(clips.shape[0], device=clips.device)
        lent = tuple(part.unflatten(0, clips.shape[:2])[partner].flatten(0, 1) for part in style)
        feature, reassembled, plain = (
            part.unflatten(0, clips.shape[:2]).mean(dim=1)
            for part in (features, self._assembled(content, (lent[0], lent[1])), content.mean(dim=(2, 3)))
        )
        return Output(
            score,
            logits=logits,
            across=Across(feature, self.discriminator(plain), reassembled=reassembled, partner=partner),
        )

    def _assembled(self, content: Tensor, style: Style) -> Tensor:  # (N, 4w, h, w) -> (N, 8w)
        for block in self.blocks:
            content = block(content, style)
        return self.last(content).mean(dim=(2, 3))


def ssan(
    *, width: int = 64, domains: int = 3, reversal_steps: int = 4000, published_blocks: bool = False
) -> Ssan:
    """SSAN-R for clips of any side that 32 divides from 64 on, 256x256 as published."""
    return Ssan(
        width=width, domains=domains, reversal_steps=reversal_steps, published_blocks=published_blocks
    )
