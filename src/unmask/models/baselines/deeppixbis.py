"""DeepPixBiS: deep pixel-wise binary supervision.

George and Marcel, "Deep Pixel-wise Binary Supervision for Face Presentation Attack Detection", ICB 2019,
arXiv 1907.04047: the first two dense blocks of DenseNet-161 (Huang et al., CVPR 2017), a 1x1 convolution that
marks each of 14x14 places as bona fide or not, and a dense layer over the marks.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.depthnet import to_map
from unmask.models.baselines.frames import IMAGENET, FrameNetwork
from unmask.models.output import Output, unless_unseen


class DenseLayer(nn.Module):
    """x -> x and `growth` new channels: norm, relu, conv1x1 to 4 growth, norm, relu, conv3x3."""

    def __init__(self, width_in: int, *, growth: int) -> None:
        super().__init__()
        self.point_norm = nn.BatchNorm2d(width_in)
        self.point = nn.Conv2d(width_in, 4 * growth, 1, bias=False)
        self.norm = nn.BatchNorm2d(4 * growth)
        self.conv = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (N, i, H, W) -> (N, i + growth, H, W)
        new = self.conv(F.relu(self.norm(self.point(F.relu(self.point_norm(x))))))
        return torch.cat([x, new], dim=1)


class Transition(nn.Module):
    """norm, relu, conv1x1 to half the channels, and the mean of 2x2 places."""

    def __init__(self, width_in: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width_in)
        self.point = nn.Conv2d(width_in, width_in // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (N, i, H, W) -> (N, i / 2, H / 2, W / 2)
        return F.avg_pool2d(self.point(F.relu(self.norm(x))), 2)


class DeepPixBiS(FrameNetwork):
    """Score: the mean mark, as published. Trained by cross entropy of the marks and of the dense layer.

    The published weights are loss: absolute 0, contrast 0, pixels 0.5, binary 0.5.
    """

    def __init__(self, *, size_px: int, growth: int, layers: Sequence[int]) -> None:
        super().__init__(mean=IMAGENET[0], deviation=IMAGENET[1])
        self.size_px = size_px
        width = 2 * growth
        self.stem = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        blocks: list[nn.Module] = []
        for count in layers:
            blocks += [DenseLayer(width + k * growth, growth=growth) for k in range(count)]
            width += count * growth
            blocks.append(Transition(width))
            width //= 2
        self.blocks = nn.Sequential(*blocks)
        self.mark = nn.Conv2d(width, 1, 1)
        self.head = nn.Linear((size_px // (4 * 2 ** len(layers))) ** 2, 1)

    def judge(self, clips: Tensor, mask: Tensor) -> Output:
        marks = self.marks(self.frames(clips))  # (B*T, 1, 14, 14), before the sigmoid
        places = marks.sigmoid()
        live = self.head(places.flatten(1)).unflatten(0, clips.shape[:2]).mean(dim=1)  # (B, 1)
        pixels = marks[:, 0].unflatten(0, clips.shape[:2])  # (B, T, 14, 14)
        return Output(
            unless_unseen(pixels.sigmoid().mean(dim=(1, 2, 3)), mask),
            depth=to_map(places)[:, 0].unflatten(0, clips.shape[:2]),
            # one sigmoid is a softmax against 0
            logits=torch.cat([live, torch.zeros_like(live)], dim=1),
            pixels=pixels,
        )

    def marks(self, frames: Tensor) -> Tensor:
        """Normalised frames -> logits of bona fide of each place (N, 1, H / 16, W / 16)."""
        x = F.relu(self.stem_norm(self.stem(frames)))
        return self.mark(self.blocks(F.max_pool2d(x, 3, stride=2, padding=1)))


def deeppixbis(*, size_px: int = 224, growth: int = 48, layers: Sequence[int] = (6, 12)) -> DeepPixBiS:
    """DeepPixBiS; clips of `size_px`, a multiple of 16. Its map is the 14x14 marks, grown to 32x32.

    3,198,726 parameters, 582 of them of the head; the paper states none.
    """
    return DeepPixBiS(size_px=size_px, growth=growth, layers=layers)
