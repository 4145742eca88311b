"""Auxiliary: a plain convolutional network supervised by depth.

Liu, Jourabloo and Liu, "Learning Deep Models for Face Anti-Spoofing: Binary or Auxiliary Supervision", CVPR
2018, arXiv 1803.11097: the CNN of the depth branch; the recurrent rPPG branch, whose labels need long steady
videos, is left out, as in the papers that compare with "Auxiliary (Depth)".
"""

import torch
from torch import Tensor, nn

from unmask.models.baselines.depthnet import DepthNet
from unmask.models.baselines.frames import DepthReader


class Auxiliary(DepthReader):
    """RGB and HSV of each frame -> a depth map; trained by EDL (loss: absolute 1, contrast 0, binary 0)."""

    def __init__(self, *, width: int, shrink: int) -> None:
        super().__init__(mean=[0.0] * 3, deviation=[1.0] * 3)

        def block(width_in: int, width_out: int) -> nn.Module:
            convolution = nn.Conv2d(width_in, width_out, 3, padding=1)
            return nn.Sequential(convolution, nn.ELU(), nn.BatchNorm2d(width_out))

        def last(width_in: int, width_out: int) -> nn.Module:
            return nn.Conv2d(width_in, width_out, 3, padding=1)

        self.net = DepthNet(6, width=width, shrink=shrink, block=block, last=last)

    @property
    def map_layer(self) -> nn.Conv2d:
        """The last convolution before the map."""
        assert isinstance(self.net.map, nn.Conv2d)
        return self.net.map

    def maps(self, frames: Tensor) -> Tensor:
        return self.net(torch.cat([frames, hsv(frames)], dim=1) - 0.5)

    def height(self, depth: Tensor) -> Tensor:
        return depth.square()  # the paper's score is the squared norm of the map


def hsv(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> hue, saturation and value, each in [0, 1]; hue 0 where there is none."""
    red, green, blue = rgb.unbind(dim=1)
    value, least = rgb.amax(dim=1), rgb.amin(dim=1)
    chroma = value - least
    safe = torch.where(chroma > 0, chroma, 1.0)
    sector = torch.where(
        value == red,
        ((green - blue) / safe) % 6,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = torch.where(chroma > 0, sector / 6, 0.0)
    saturation = chroma / torch.where(value > 0, value, 1.0)
    return torch.stack([hue, saturation, value], dim=1)


def auxiliary(*, width: int = 64, shrink: int = 1) -> Auxiliary:
    """Auxiliary (depth); clips of 256x256.

    2,248,357 parameters at `width` 64; the paper states none. It brings the three levels to 64x64 before its
    last convolutions; here they are 32x32, as in DepthNet of the later papers (CDCN, FGHV).
    """
    return Auxiliary(width=width, shrink=shrink)
