"""DepthNet: the skeleton of Auxiliary and of CDCN, whose convolutions differ.

Frames -> stem -> three levels of three convolutions and a pool; the levels are brought to 32x32, put side by
side, and three convolutions make one map of them.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.contract import MAP_PX

Convolution = Callable[[int, int], nn.Module]  # channels in and out -> a 3x3 convolution that keeps the size


class DepthNet(nn.Module):
    """`width` 64 gives the published 64, three times (128, 196, 128), 128, 64, 1.

    `block` makes a convolution with what follows it, `last` the one that makes the map. `shrink`: frames are
    averaged over squares of that side first, for CPUs. Frames may have any side that 8 * shrink divides.
    """

    def __init__(
        self, channels: int, *, width: int, shrink: int, block: Convolution, last: Convolution
    ) -> None:
        super().__init__()
        self.shrink = shrink
        out, middle = 2 * width, width * 49 // 16  # 128 and 196
        self.stem = block(channels, width)
        self.levels = nn.ModuleList(
            nn.Sequential(block(entry, out), block(out, middle), block(middle, out))
            for entry in (width, out, out)
        )
        self.top = nn.Sequential(block(3 * out, out), block(out, width))
        self.map = last(width, 1)

    def forward(self, frames: Tensor) -> Tensor:  # (N, C, H, W) -> (N, 1, 32, 32)
        x = self.stem(F.avg_pool2d(frames, self.shrink) if self.shrink > 1 else frames)
        pyramid = []
        for level in self.levels:
            x = F.max_pool2d(level(x), 3, stride=2, padding=1)
            pyramid.append(to_map(x))
        return self.map(self.top(torch.cat(pyramid, dim=1)))


def to_map(x: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, 32, 32), bilinear."""
    if x.shape[-1] == MAP_PX:
        return x
    return F.interpolate(x, size=(MAP_PX, MAP_PX), mode="bilinear", align_corners=False)
