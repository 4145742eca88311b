"""CDCN: DepthNet with central difference convolutions.

Yu et al., "Searching Central Difference Convolutional Networks for Face Anti-Spoofing", CVPR 2020, arXiv
2003.04092; the plain CDCN, not the searched CDCN++. Layers and normalisation are those of the authors' code
(github ZitongYu/CDCN).
"""

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.depthnet import DepthNet
from unmask.models.baselines.frames import DepthReader


class CentralDifference(nn.Conv2d):
    """sum w_n x(p + n) - theta x(p) sum w_n: a 3x3 convolution less theta times the centre.

    Both are linear, so that one kernel does both: theta times the sum of its weights is taken from its
    centre.
    """

    centre: Tensor

    def __init__(self, width_in: int, width_out: int, *, theta: float) -> None:
        super().__init__(width_in, width_out, 3, padding=1, bias=False)
        self.theta = theta
        centre = torch.zeros(3, 3)
        centre[1, 1] = 1
        self.register_buffer("centre", centre, persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # (N, i, H, W) -> (N, o, H, W)
        kernel = self.weight - self.theta * self.weight.sum(dim=(2, 3), keepdim=True) * self.centre
        return F.conv2d(x, kernel, padding=1)


class Cdcn(DepthReader):
    """The depth map of each frame; trained by EDL + CDL (loss: absolute 1, contrast 1, binary 0).

    The contrast of its loss has no padding: contrast_padding "none".
    """

    def __init__(self, *, width: int, theta: float, shrink: int) -> None:
        super().__init__(mean=[0.5] * 3, deviation=[0.5] * 3)

        def block(width_in: int, width_out: int) -> nn.Module:
            convolution = CentralDifference(width_in, width_out, theta=theta)
            return nn.Sequential(convolution, nn.BatchNorm2d(width_out), nn.ReLU())

        def last(width_in: int, width_out: int) -> nn.Module:
            return nn.Sequential(CentralDifference(width_in, width_out, theta=theta), nn.ReLU())

        self.net = DepthNet(3, width=width, shrink=shrink, block=block, last=last)
        # it has no bias, and what comes in is positive: a kernel of a negative sum is a dead ReLU everywhere
        self.map_layer.weight.data.abs_()

    @property
    def map_layer(self) -> nn.Conv2d:
        """The last convolution before the map; it has no bias."""
        layer = self.net.map.get_submodule("0")
        assert isinstance(layer, nn.Conv2d)
        return layer

    def maps(self, frames: Tensor) -> Tensor:
        return self.net(frames)


def cdcn(*, width: int = 64, theta: float = 0.7, shrink: int = 1) -> Cdcn:
    """CDCN; clips of 256x256. `theta` 0 is the plain DepthNet.

    2,245,016 parameters at `width` 64, as many as without central differences, which have no weights of their
    own; so counts the authors' code too, the paper states none. The published score is the mean map, clipped;
    ours rises with it.
    """
    return Cdcn(width=width, theta=theta, shrink=shrink)
