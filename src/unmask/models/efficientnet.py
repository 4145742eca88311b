"""EfficientNet-Lite0: what classifies ImageNet's million photographs, to be looked through and not trained.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, arXiv
1905.11946; the Lite form is that of github tensorflow/tpu: ReLU6 for swish, no squeeze-and-excitation, stem
and head of fixed width. Padding is TensorFlow's "SAME", which at stride 2 has more room right and below.
"""

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.types import ModelError

STEM, HEAD = 32, 1280
STAGES = (  # width, how often, stride of the first, kernel, times the depthwise convolution is wider
    (16, 1, 1, 3, 1),
    (24, 2, 2, 3, 6),
    (40, 2, 2, 5, 6),
    (80, 3, 2, 3, 6),
    (112, 3, 1, 5, 6),
    (192, 4, 2, 5, 6),
    (320, 1, 1, 3, 6),
)
SHRINK = 32  # a place of the last map, in pixels
NAMES = (  # of the published files, and here
    (r"^_conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^_conv_head\.", "head.conv."),
    (r"^_bn1\.", "head.norm."),
    (r"^_blocks\.(\d+)\._(expand|depthwise|project)_conv\.", r"blocks.\1.\2.conv."),
    (r"^_blocks\.(\d+)\._bn0\.", r"blocks.\1.expand.norm."),
    (r"^_blocks\.(\d+)\._bn1\.", r"blocks.\1.depthwise.norm."),
    (r"^_blocks\.(\d+)\._bn2\.", r"blocks.\1.project.norm."),
)


class Convolution(nn.Module):
    """conv -> norm -> ReLU6 where `bounded`; (N, i, H, W) -> (N, o, H / stride, W / stride), H and W even."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        self.bounded = bounded
        before = (kernel - stride) // 2
        self.room = (before, kernel - stride - before) * 2 if stride > 1 else None  # left, right, top, bottom
        padding = 0 if stride > 1 else kernel // 2
        self.conv = nn.Conv2d(width_in, width_out, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(width_out, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(F.pad(x, self.room) if self.room else x))
        return F.relu6(x) if self.bounded else x


class Block(nn.Module):
    """An inverted bottleneck: 1x1 to `wider` times the width, depthwise, 1x1 back; added to x where it
    fits.
    """

    def __init__(self, width_in: int, width_out: int, *, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        middle = wider * width_in
        self.adds = stride == 1 and width_in == width_out
        self.expand: nn.Module = Convolution(width_in, middle) if wider > 1 else nn.Identity()
        self.depthwise = Convolution(middle, middle, kernel=kernel, stride=stride, groups=middle)
        self.project = Convolution(middle, width_out, bounded=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.project(self.depthwise(self.expand(x)))
        return x + inner if self.adds else inner


class EfficientNetLite0(nn.Module):
    """Frames (N, 3, H, W), (x - 127) / 128 of 0 to 255 and 32 dividing H and W -> maps of all 16 blocks.

    3,371,008 parameters, and 1,281,000 of a classifier that is left out here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, kernel=3, stride=2)
        blocks, now = [], STEM
        for width, count, stride, kernel, wider in STAGES:
            for number in range(count):
                first = stride if number == 0 else 1
                blocks.append(Block(now, width, kernel=kernel, stride=first, wider=wider))
                now = width
        self.blocks = nn.ModuleList(blocks)
        self.head = Convolution(now, HEAD)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, frames: Tensor) -> tuple[list[Tensor], Tensor]:
        """The map of each block, and that of the head (N, 1280, H / 32, W / 32)."""
        maps = self.maps(frames, last=len(self.blocks) - 1)
        return maps, self.head(maps[-1])

    def maps(self, frames: Tensor, *, last: int) -> list[Tensor]:
        """The maps of the blocks up to number `last`."""
        x = self.stem(frames)
        found = []
        for block in self.blocks[: last + 1]:
            x = block(x)
            found.append(x)
        return found

    @torch.no_grad()
    def read(self, published: Mapping[str, Tensor]) -> None:
        """Take the published weights, kernels rounded to half precision, as exported files keep them.

        ModelError where they are of another network.
        """
        given = {
            _renamed(name): tensor.half().float() if tensor.ndim > 1 else tensor
            for name, tensor in published.items()
            if not name.startswith("_fc.")
        }
        try:
            self.load_state_dict(given)
        except RuntimeError as unfit:
            raise ModelError(
                f"these are not weights of EfficientNet-Lite0 ({str(unfit).splitlines()[-1].strip()}); take "
                "the published file"
            ) from unfit


def _renamed(name: str) -> str:
    """
    >>> _renamed("_blocks.3._bn0.bias"), _renamed("_conv_stem.weight")
    ('blocks.3.expand.norm.bias', 'stem.conv.weight')
    """
    for published, ours in NAMES:
        name, found = re.subn(published, ours, name)
        if found:
            break
    return name
