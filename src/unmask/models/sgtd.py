"""FAS-SGTD, single frame and multi frame.

Wang et al., "Deep Spatial Gradient and Temporal Depth Learning for Face Anti-spoofing", CVPR 2020, arXiv
2003.08061.

The depth of a face is read from five frames: a backbone of residual spatial gradient blocks (RSGB) gives one
depth map a frame; its features of two neighbouring frames meet in a spatio-temporal block (STSTB), a ConvGRU
runs over the pairs, and its maps correct those of the single frames. Where paper and published code differ,
this file is the code, but with the paper's recurrence over time, a single softmax and no ReLU before it. Each
choice is a switch of `Form`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.contract import MAP_PX, ellipse_mask
from unmask.models.edges import FusedStrength, compiled_strength
from unmask.models.form import PAPER, Form, Gradient
from unmask.models.output import Output, masked_mean, unless_unseen
from unmask.models.tensorflow import BACKBONE, TEMPORAL, Variables, read
from unmask.types import SettingsError

BETA = 0.8  # of the class in loss and score
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
            return self.point(FusedStrength.apply(x, EPSILON))
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
        for level, pool in zip(self.levels, self.pools, strict=True):
            taps.append(level(x))  # (N, C, H, W), then H/p1, then H/(p1 p2)
            x = _pool(taps[-1], pool)
            pooled.append(x)
        first, second, third = pooled
        pyramid = [shrink(first, self.pools[1] * self.pools[2]), shrink(second, self.pools[2]), third]
        single = F.relu(self.depth(self.top(torch.cat(pyramid, dim=1))))
        return taps, grow(single, self.grow)  # (N, 1, 32, 32)


class SgtdSingle(nn.Module):
    """Frames one by one: score = sigmoid(2 d - 1), d the mean depth under the mask."""

    multi_frame = False
    ellipse: Tensor

    def __init__(self, form: Form = PAPER) -> None:
        super().__init__()
        self.form = form
        self.backbone = Backbone(form)
        self.register_buffer("ellipse", torch.from_numpy(ellipse_mask()), persistent=False)
        initialise(self)

    def forward(self, clips: Tensor, mask: Tensor | None = None) -> Output:
        """`clips` (B, T, 3, H, W) in [0, 1]; `mask` (B, 32, 32) in [0, 1], a fixed ellipse when None."""
        return self.named(clips, mask)[0]

    def named(self, clips: Tensor, mask: Tensor | None = None) -> tuple[Output, dict[str, Tensor]]:
        """The output, and the inner tensors under the names that an exported graph keeps."""
        taps, single = self.backbone(clips.flatten(0, 1))  # (B*T, ...)
        depth = single[:, 0].unflatten(0, clips.shape[:2])  # (B, T, 32, 32)
        mean = masked_mean(depth, self.ellipse if mask is None else mask)
        return Output(torch.sigmoid(2 * mean - 1), depth), {**_numbered("tap", taps), "single": single}

    @property
    def map_layer(self) -> nn.Module:
        """The last convolution before the map."""
        return self.backbone.depth

    @property
    def size_px(self) -> int:
        """The side of the frames."""
        return self.form.size_px


class Motion(nn.Module):
    """STSTB at three levels and their cascade (OFFNet): features at t and t+1 -> (N, motion, 32, 32).

    Without `ahead`, the spatial gradient at t+1 is left out: the OFF block that STSTB grew from.
    """

    def __init__(self, form: Form, *, ahead: bool = True) -> None:
        super().__init__()
        self.ahead = ahead
        self.pools, self.grow, reduced, width = form.pools, form.grow, form.reduced, form.motion
        parts = 5 if ahead else 3
        channels = [level[2] for level in form.levels]
        self.reduce = nn.ModuleList(nn.Conv2d(c, reduced, 1) for c in channels)
        self.reduce_norm = nn.ModuleList(BetaNorm(reduced, form.momentum) for _ in channels)
        self.mix = nn.ModuleList(nn.Conv2d(c + parts * reduced, width, 3, padding=1) for c in channels)
        self.cascade = nn.ModuleList(nn.Conv2d(n * width, width, 3, padding=1) for n in (2, 2, 1))
        self.cascade_norm = nn.ModuleList(BetaNorm(width, form.momentum) for _ in range(3))
        self.sobel = Sobel(reduced)

    def forward(
        self, now: Sequence[Tensor], later: Sequence[Tensor]
    ) -> Tensor:  # three levels (N, C, H, W) each
        first, second, third = (self.pair(level, now[level], later[level]) for level in range(3))
        x = self.fold(0, torch.cat([shrink(first, self.pools[1]), second], dim=1))
        x = self.fold(1, torch.cat([shrink(x, self.pools[2]), third], dim=1))
        return grow(self.fold(2, x), self.grow)

    def pair(self, level: int, now: Tensor, later: Tensor) -> Tensor:
        """The block: full features now, spatial gradients now and later, the difference in time."""
        reduce, norm = self.reduce[level], self.reduce_norm[level]
        r_now, r_later = norm(F.relu(reduce(now))), norm(F.relu(reduce(later)))
        ahead = self.sobel(r_later) if self.ahead else ()
        parts = [now, *self.sobel(r_now), *ahead, r_now - r_later]
        return _pool(F.relu(self.mix[level](torch.cat(parts, dim=1))), self.pools[level])

    def fold(self, step: int, x: Tensor) -> Tensor:
        """conv3x3 -> ReLU -> norm, in that order, as published."""
        return self.cascade_norm[step](F.relu(self.cascade[step](x)))


class ConvGru(nn.Module):
    """One cell: r, u = sigmoid(conv[x, h]); h = u h + (1 - u) tanh(conv[x, r h])."""

    def __init__(self, width_in: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(width_in + hidden, 2 * hidden, 3, padding=1)
        self.candidate = nn.Conv2d(width_in + hidden, hidden, 3, padding=1)

    def forward(
        self, x: Tensor, state: Tensor
    ) -> Tensor:  # (B, C, H, W), (B, hidden, H, W) -> (B, hidden, H, W)
        reset, update = torch.sigmoid(self.gates(torch.cat([x, state], dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([x, reset * state], dim=1)))
        return update * state + (1 - update) * candidate


class Recurrence(nn.Module):
    """Two stacked cells over time: (B, S, C, 32, 32) -> (B, S, 32, 32) in (-1, 1)."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.recurrent, self.widths = form.recurrent, (form.hidden, 1)
        self.cells = nn.ModuleList([ConvGru(form.motion, form.hidden), ConvGru(form.hidden, 1)])

    def forward(self, motion: Tensor) -> Tensor:
        blank = torch.zeros_like(motion[:, 0, :1])
        zeros = [blank.expand(-1, width, -1, -1) for width in self.widths]
        states, maps = zeros, []
        for step in range(motion.shape[1]):
            start = states if self.recurrent else zeros
            lower = self.cells[0](motion[:, step], start[0])
            states = [lower, self.cells[1](lower, start[1])]
            maps.append(states[1])
        return torch.cat(maps, dim=1)


class SgtdMulti(nn.Module):
    """Clips of T frames: score = sigmoid(1.2 d + 0.8 p - 1), d the mean refined depth, p the live output.

    `Form.score` chooses equation 11 instead.
    """

    multi_frame = True
    ellipse: Tensor

    def __init__(self, form: Form = PAPER, *, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.form = form
        self.backbone = Backbone(form) if backbone is None else backbone
        self.motion = Motion(form)
        self.recurrence = Recurrence(form)
        self.head = nn.ModuleList([nn.Linear(MAP_PX * MAP_PX, 64), nn.Linear(64, 2)])
        self.register_buffer("ellipse", torch.from_numpy(ellipse_mask()), persistent=False)
        self.backbone_frozen = False
        initialise(self)

    def forward(self, clips: Tensor, mask: Tensor | None = None) -> Output:
        """`clips` (B, T, 3, H, W) in [0, 1], T > 1; `mask` (B, 32, 32) in [0, 1], an ellipse when None."""
        return self.named(clips, mask)[0]

    def named(self, clips: Tensor, mask: Tensor | None = None) -> tuple[Output, dict[str, Tensor]]:
        """The output, and the inner tensors under the names that an exported graph keeps."""
        batch, frames = clips.shape[:2]
        taps, single = self.backbone(clips.flatten(0, 1))  # (B*T, ...)
        in_time = [tap.unflatten(0, (batch, frames)) for tap in taps]
        now = [tap[:, :-1].flatten(0, 1) for tap in in_time]  # (B*(T-1), C, H, W)
        later = [tap[:, 1:].flatten(0, 1) for tap in in_time]
        motion = self.motion(now, later)  # (B*(T-1), C, 32, 32)
        corrections = self.recurrence(motion.unflatten(0, (batch, frames - 1)))  # (B, T-1, 32, 32)
        first = single[:, 0].unflatten(0, (batch, frames))[:, :-1]
        depth = (1 - self.form.alpha) * first + self.form.alpha * corrections
        output = self.judge(depth, mask)
        inner = {**_numbered("tap", taps), **_numbered("now", now), **_numbered("next", later)}
        return output, {**inner, "single": single, "motion": motion}

    def judge(self, depth: Tensor, mask: Tensor | None) -> Output:
        """Refined maps (B, T-1, 32, 32) -> the output."""
        logits = self.head[1](F.relu(self.head[0](self.flat(depth))))  # (B, 2)
        if self.form.published_head:
            logits = F.relu(logits)
        seen = self.ellipse if mask is None else mask
        if self.form.score == "equation_11":
            score = unless_unseen(_equation_11(depth, logits, seen, beta=BETA).clamp(max=1), seen)
            return Output(score, depth, logits)
        live = logits.softmax(dim=1)[:, 0]
        return Output(torch.sigmoid(1.2 * masked_mean(depth, seen) + 0.8 * live - 1), depth, logits)

    def flat(self, depth: Tensor) -> Tensor:
        """Refined maps (B, T-1, 32, 32) -> what the head reads (B, 1024): their mean."""
        return depth.mean(dim=1).flatten(1)

    @property
    def map_layer(self) -> nn.Module:
        """The last convolution before the map of a single frame."""
        return cast(nn.Module, self.backbone.depth)

    @property
    def size_px(self) -> int:
        """The side of the frames."""
        return self.form.size_px

    def freeze(self) -> None:
        """Leave the backbone as it is from now on: stage 2."""
        self.backbone.requires_grad_(False)
        self.backbone_frozen = True

    def train(self, mode: bool = True) -> "SgtdMulti":
        """As usual, but a frozen backbone keeps its batch statistics."""
        super().train(mode)
        if self.backbone_frozen:
            self.backbone.eval()
        return self


def multi_from_single(single: SgtdSingle) -> SgtdMulti:
    """Stage 2: a multi-frame network of the same form around a copy of the trained backbone, frozen."""
    multi = SgtdMulti(single.form)
    multi.backbone.load_state_dict(single.backbone.state_dict())
    multi.freeze()
    return multi.train(multi.training)


def equation_11(output: Output, mask: Tensor, *, beta: float = BETA) -> Tensor:
    """The paper's score (B,): beta p + (1 - beta) mean over time and mask of |depth|; p the live output.

    The paper sums over pixels; the mean keeps both terms on one scale. It ranks unlike the code's score.
    """
    if output.logits is None or output.depth is None:
        raise SettingsError("equation 11 needs class logits, this output has none; use a multi-frame network")
    return _equation_11(output.depth, output.logits, mask, beta=beta)


def _equation_11(depth: Tensor, logits: Tensor, mask: Tensor, *, beta: float) -> Tensor:
    return beta * logits.softmax(dim=1)[:, 0] + (1 - beta) * masked_mean(depth.abs(), mask)


def grow(x: Tensor, factor: int) -> Tensor:
    """Bilinear, (N, C, H, W) -> (N, C, factor H, factor W)."""
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def shrink(x: Tensor, factor: int) -> Tensor:
    """tf.image.resize_bilinear of TF1 by a whole factor is plain striding."""
    return x if factor == 1 else x[..., ::factor, ::factor]


def initialise(network: nn.Module) -> None:
    """Glorot uniform kernels, zero biases, and 1 for the gates of a GRU, as TF1 and slim do."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, ConvGru) and module.gates.bias is not None:
            nn.init.ones_(module.gates.bias)


def from_tensorflow(variables: Variables, *, frames: int, recurrent: bool = True) -> SgtdSingle | SgtdMulti:
    """The published network with the authors' variables: `frames` 1 or 5, alpha 0.6, ReLU before the softmax.

    Names and shapes are those of github clks-wzz/FAS-SGTD; its released weights were trained with
    `recurrent=False`.
    """
    if frames not in (1, 5):
        raise SettingsError(f"frames must be 1 or 5, as in the published graphs, not {frames}")
    form = replace(PAPER, recurrent=recurrent, published_head=True)
    network = SgtdSingle(form) if frames == 1 else SgtdMulti(form)
    read(variables, into=network.backbone, table=BACKBONE)
    if isinstance(network, SgtdMulti):
        read(variables, into=network, table=TEMPORAL)
    return network.eval()


def _pool(x: Tensor, factor: int) -> Tensor:
    return x if factor == 1 else F.max_pool2d(x, factor)


def _squared(x: Tensor, y: Tensor) -> Tensor:
    return x * x + y * y


def _numbered(name: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    return {f"{name}{number}": tensor for number, tensor in enumerate(tensors, start=1)}
