"""Adapters: small trained layers between the frozen blocks of the pretrained encoder, and a linear head.

Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", ICML 2019, arXiv 1902.00751; for convolutions
Rebuffi, Bilen and Vedaldi, "Efficient parametrization of multi-domain deep neural networks", CVPR 2018, arXiv
1803.10082; for face anti-spoofing Huang et al., "Adaptive Transformers for Robust Few-shot Cross-domain Face
Anti-spoofing", ECCV 2022, arXiv 2203.12175, whose encoder is a ViT. Here it is EfficientNet-Lite0, and an
adapter x + up(relu6(down(x))) of 1x1 convolutions stands behind each block that the encoder's features read.
"""

from collections.abc import Mapping

import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.frames import Classifier
from unmask.models.efficientnet import EfficientNetLite0
from unmask.models.encoder import FEATURES, TAPS, summed_up

SMALL = 1e-3  # deviation of the last kernel: at first an adapter changes next to nothing


class Adapter(nn.Module):
    """x + up(relu6(down(x))), (N, C, H, W)."""

    def __init__(self, channels: int, *, narrow: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, narrow, 1)
        self.up = nn.Conv2d(narrow, channels, 1)
        nn.init.normal_(self.up.weight, std=SMALL)
        nn.init.zeros_(self.up.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(F.relu6(self.down(x)))


class FrozenTrunk(nn.Module):
    """The encoder's network, which stays as it is, batch statistics too."""

    def __init__(self) -> None:
        super().__init__()
        self.net = EfficientNetLite0()
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "FrozenTrunk":
        return super().train(False)


class Adapters(Classifier):
    """Loss: binary 1. Score: the live output of the softmax over the mean logits of the frames."""

    def __init__(self, *, size_px: int, narrow: int) -> None:
        super().__init__(mean=(127 / 255,) * 3, deviation=(128 / 255,) * 3)  # as the encoder was trained
        self.size_px = size_px
        self.backbone = FrozenTrunk()
        self.adapters = nn.ModuleList(Adapter(channels, narrow=narrow) for _, channels in TAPS)
        self.norm = nn.BatchNorm1d(FEATURES, affine=False)
        self.head = nn.Linear(FEATURES, 2)

    def classify(self, frames: Tensor) -> Tensor:
        net, places = self.backbone.net, {block: place for place, (block, _) in enumerate(TAPS)}
        x, taps = net.stem(frames), []
        for number, block in enumerate(net.blocks):
            x = block(x)
            if number in places:
                x = self.adapters[places[number]](x)
                taps.append(x)
        return self.head(self.norm(summed_up(taps, net.head(x))))

    def from_imagenet(self, published: Mapping[str, Tensor]) -> None:
        """Take the published weights of the encoder."""
        self.backbone.net.read(published)

    def freeze(self) -> None:
        """The encoder never moves; the adapters and the head do."""


def adapters(*, size_px: int = 224, narrow: int = 16) -> Adapters:
    """Adapters `narrow` channels wide, for clips of `size_px`, a multiple of 32 from 64 on. No depth map."""
    return Adapters(size_px=size_px, narrow=narrow)
