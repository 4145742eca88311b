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
from unmask.models.network import TrainableNetwork
from unmask.models.output import Output, masked_mean, unless_unseen
from unmask.models.sgtd.form import PAPER, Form
from unmask.models.sgtd.motion import ConvGru, Motion, Recurrence
from unmask.models.sgtd.rsgb import Backbone
from unmask.models.sgtd.tensorflow import BACKBONE, TEMPORAL, Variables, read
from unmask.types import SettingsError

BETA = 0.8  # of the class in loss and score


class SgtdSingle(TrainableNetwork):
    """Frames one by one: score = sigmoid(2 d - 1), d the mean depth under the mask."""

    ellipse: Tensor

    def __init__(self, form: Form = PAPER) -> None:
        super().__init__()
        self.form, self.size_px = form, form.size_px
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
    def map_layer(self) -> nn.Conv2d:
        """The last convolution before the map."""
        return self.backbone.depth


class SgtdMulti(TrainableNetwork):
    """Clips of T frames: score = sigmoid(1.2 d + 0.8 p - 1), d the mean refined depth, p the live output.

    `Form.score` chooses equation 11 instead.
    """

    multi_frame = True
    ellipse: Tensor

    def __init__(self, form: Form = PAPER, *, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.form, self.size_px = form, form.size_px
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
        taps = self.motion.describe(taps)  # all frames at once
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
    def map_layer(self) -> nn.Conv2d:
        """The last convolution before the map of a single frame."""
        return cast(nn.Conv2d, self.backbone.depth)

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


def _numbered(name: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    return {f"{name}{number}": tensor for number, tensor in enumerate(tensors, start=1)}
