"""A binary ResNet-18: the classifier that every paper on face anti-spoofing compares with.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv 1512.03385.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.frames import IMAGENET, Classifier
from unmask.types import ModelError

NAMES = {
    "conv1": "first",
    "bn1": "first_norm",
    "conv2": "second",
    "bn2": "second_norm",
    "downsample": "shortcut",
}


class BasicBlock(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))); a strided 1x1 convolution where the shape changes."""

    def __init__(self, width_in: int, width_out: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width_in, width_out, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width_out)
        self.second = nn.Conv2d(width_out, width_out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or width_in != width_out:
            point = nn.Conv2d(width_in, width_out, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(point, nn.BatchNorm2d(width_out))

    def forward(self, x: Tensor) -> Tensor:  # (N, i, H, W) -> (N, o, H / stride, W / stride)
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.shortcut(x) + self.second_norm(self.second(inner)))


class ResNet18Trunk(nn.Module):
    """Normalised frames -> one vector of 8 * `width` features each, where all four `levels` are there."""

    def __init__(self, channels: int, *, width: int, levels: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.levels = nn.Sequential(
            *(
                nn.Sequential(BasicBlock(a, b, stride=1 if a == b else 2), BasicBlock(b, b, stride=1))
                for a, b in pairwise(widths[: levels + 1])
            )
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, frames: Tensor) -> Tensor:  # (N, C, H, W) -> (N, 8w)
        return self.maps(frames)[-1].mean(dim=(2, 3))

    def maps(self, frames: Tensor) -> list[Tensor]:
        """The map of each level: (N, w, H / 4, W / 4), ..., (N, 8w, H / 32, W / 32)."""
        x = F.relu(self.stem_norm(self.stem(frames)))  # (N, w, H / 2, W / 2)
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found

    @torch.no_grad()
    def from_torchvision(self, published: Mapping[str, Tensor]) -> None:
        """Take torchvision's weights of a ResNet-18; ModelError where they are of another network."""
        known = self.state_dict()
        given = {_renamed(name): tensor for name, tensor in published.items() if not name.startswith("fc.")}
        fitting = {name: given[name] for name in known if name in given}
        if fitting.keys() != known.keys() or any(known[n].shape != t.shape for n, t in fitting.items()):
            raise ModelError(
                "these are not weights of torchvision's ResNet-18, or the widths here are others; take "
                "resnet18-*.pth and leave [arguments] width at 64"
            )
        self.load_state_dict(fitting)


def _renamed(name: str) -> str:
    """
    >>> _renamed("layer2.0.bn1.weight"), _renamed("conv1.weight"), _renamed("layer3.0.downsample.1.bias")
    ('levels.1.0.first_norm.weight', 'stem.weight', 'levels.2.0.shortcut.1.bias')
    """
    if not name.startswith("layer"):
        return name.replace("conv1", "stem").replace("bn1", "stem_norm")
    level, _, rest = name.removeprefix("layer").partition(".")
    for theirs, ours in NAMES.items():
        rest = rest.replace(theirs, ours)
    return f"levels.{int(level) - 1}.{rest}"


class OnResNet18:
    """A network whose `trunk` is a ResNet-18, and may start from torchvision's weights."""

    trunk: ResNet18Trunk

    def from_torchvision(self, published: Mapping[str, Tensor]) -> None:
        """Take torchvision's weights of a ResNet-18; ModelError where they are of another network."""
        self.trunk.from_torchvision(published)


class ResNet18(OnResNet18, Classifier):
    """Trained by cross entropy (loss: binary 1; it has no map for the other terms)."""

    def __init__(self, *, width: int) -> None:
        super().__init__(mean=IMAGENET[0], deviation=IMAGENET[1])
        self.trunk = ResNet18Trunk(3, width=width)
        self.head = nn.Linear(8 * width, 2)

    def classify(self, frames: Tensor) -> Tensor:
        return self.head(self.trunk(frames))


def resnet18(*, width: int = 64) -> ResNet18:
    """Binary ResNet-18; clips of any side that 32 divides, 224x224 as published. No depth map.

    11,177,538 parameters at `width` 64: the published 11.69 M (11,689,512) have 1,000 classes where this has
    2, the "11.18 M" of face anti-spoofing papers.
    """
    return ResNet18(width=width)
