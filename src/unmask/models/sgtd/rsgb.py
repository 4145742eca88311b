"""The single-frame half of FAS-SGTD: residual spatial gradient blocks (RSGB) and the backbone of them.

Layers are slim's: batch norm without a gamma, shrinking by plain striding. See `sgtd` for the paper.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.sgtd.edges import FusedStrength, compiled_strength
from unmask.models.sgtd.form import Form, Gradient

EPSILON = 1.0001e-8  # the code's 1e-8, a hair more: ONNX optimisers take an added 1e-8 for zero and drop it


class BetaNorm(nn.BatchNorm2d):
    """slim.batch_norm's defaults: no gamma, epsilon 1e-3, decay 0.999 (momentum 0.001)."""

    def __init__(self, channels: int, momentum: float = 0.001) -> None:
        super().__init__(channels, eps=1e-3, momentum=momentum)
        del self.weight
        self.register_buffer("weight", torch.ones(channels), persistent=False)


class Sobel(nn.Module):
    """Depthwise Sobel in x and in y with zero padding; y points up, as the published STSTB weights expect."""

    kernel_x: Tensor
    kernel_y: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        x = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
        self.register_buffer("kernel_x", x.repeat(channels, 1, 1, 1), persistent=False)
        self.register_buffer("kernel_y", -x.T.repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # (N, C, H, W) -> twice (N, C, H, W)
        kernel_x, kernel_y = self.kernel_x.to(x.dtype), self.kernel_y.to(x.dtype)
        channels = x.shape[1]
        return (
            F.conv2d(x, kernel_x, padding=1, groups=channels),
            F.conv2d(x, kernel_y, padding=1, groups=channels),
        )


class Rsgb(nn.Module):
    """Residual spatial gradient block: relu(norm(conv3x3(x) + norm(gradient branch of x)))."""

    def __init__(self, width_in: int, width_out: int, *, gradient: Gradient, momentum: float) -> None:
        super().__init__()
        self.gradient = gradient
        self.conv = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.norm = BetaNorm(width_out, momentum)
        if gradient != "none":
            self.point = nn.Conv2d(width_in, width_out, 1)
            self.point_norm = BetaNorm(width_out, momentum)
            self.sobel = Sobel(width_out if gradient == "paper" else width_in)

    def forward(self, x: Tensor) -> Tensor:  # (N, i, H, W) -> (N, o, H, W)
        plain = self.conv(x)
        if self.gradient == "none":
            return F.relu(self.norm(plain))
        return F.relu(self.norm(plain + self.point_norm(self.edges(x))))

    def edges(self, x: Tensor) -> Tensor:
        """Strength of the spatial gradient, o channels, before its norm."""
        if self.gradient == "paper":
            return _squared(*self.sobel(self.point(x)))
        if self.gradient == "code" and x.dtype == torch.bfloat16 and x.device.type == "cpu":
            return self.point(FusedStrength.apply(x, EPSILON))  # type: ignore[no-untyped-call]
        if self.gradient == "code" and x.device.type == "cuda" and x.dtype == torch.bfloat16:
            return self.point(compiled_strength()(x, EPSILON))
        squared = _squared(*self.sobel(x))
        return self.point(squared if self.gradient == "squared" else torch.sqrt(squared + EPSILON))


class Backbone(nn.Module):
    """FaceMapNet: frames -> the features of three levels (before their pool) and one depth map a frame."""

    mean: Tensor

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.pools, self.fold, self.shrink, self.grow = form.pools, form.fold, form.shrink, form.grow

        def block(width_in: int, width_out: int) -> Rsgb:
            return Rsgb(width_in, width_out, gradient=form.gradient, momentum=form.momentum)

        self.stem = block(3 * form.fold**2, form.stem)
        entries = (form.stem, form.levels[0][2], form.levels[1][2])
        self.levels = nn.ModuleList(
            nn.Sequential(block(entry, a), block(a, b), block(b, c))
            for entry, (a, b, c) in zip(entries, form.levels, strict=True)
        )
        self.top = nn.Sequential(
            block(sum(level[2] for level in form.levels), form.top[0]), block(form.top[0], form.top[1])
        )
        self.depth = nn.Conv2d(form.top[1], 1, 3, padding=1)
        self.register_buffer("mean", torch.tensor(0.5), persistent=False)  # (x - 127.5) / 255

    def forward(self, frames: Tensor) -> tuple[list[Tensor], Tensor]:  # (N, 3, H, W) in [0, 1]
        if self.shrink > 1:
            frames = F.avg_pool2d(frames, self.shrink)
        frames = frames - self.mean
        x = self.stem(F.pixel_unshuffle(frames, self.fold) if self.fold > 1 else frames)
        taps, pooled = [], []
        for level, factor in zip(self.levels, self.pools, strict=True):
            taps.append(level(x))  # (N, C, H, W), then H/p1, then H/(p1 p2)
            x = pool(taps[-1], factor)
            pooled.append(x)
        first, second, third = pooled
        pyramid = [shrink(first, self.pools[1] * self.pools[2]), shrink(second, self.pools[2]), third]
        single = F.relu(self.depth(self.top(torch.cat(pyramid, dim=1))))
        return taps, grow(single, self.grow)  # (N, 1, 32, 32)


def grow(x: Tensor, factor: int) -> Tensor:
    """Bilinear, (N, C, H, W) -> (N, C, factor H, factor W)."""
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def shrink(x: Tensor, factor: int) -> Tensor:
    """tf.image.resize_bilinear of TF1 by a whole factor is plain striding."""
    return x if factor == 1 else x[..., ::factor, ::factor]


def pool(x: Tensor, factor: int) -> Tensor:
    """Max pool, (N, C, H, W) -> (N, C, H / factor, W / factor)."""
    return x if factor == 1 else F.max_pool2d(x, factor)


def _squared(x: Tensor, y: Tensor) -> Tensor:
    return x * x + y * y
