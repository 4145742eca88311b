"""FAS-SGTD's multi-frame network on maps of the frozen encoder: what the encoder sees, over time.

Three of the encoder's maps, brought to 32x32 and narrowed, take the place of the published backbone's levels;
residual spatial gradient blocks, spatio-temporal blocks, ConvGRU and head are those of models.sgtd.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.contract import MAP_PX
from unmask.models.encoder import TAPS, FrozenEncoder, both_views, folded, merged
from unmask.models.output import Output
from unmask.models.sgtd.form import Form
from unmask.models.sgtd.network import SgtdMulti
from unmask.models.sgtd.rsgb import Rsgb

LEVELS = (1, 3, 4)  # of the encoder's TAPS: 28x28, 14x14 and 7x7 places of a picture of 224 px
ENCODED = Form(
    stem=0,  # the encoder is in its place
    levels=((24, 24, 24), (32, 32, 32), (48, 48, 48)),
    top=(64, 32),
    pools=(1, 1, 1),
    momentum=0.02,
    reduced=12,
    motion=48,
    hidden=32,
)


class EncodedLevels(nn.Module):
    """Frames in [0, 1] -> the features of three levels and one depth map a frame, as models.sgtd.Backbone."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.encoder = FrozenEncoder()
        self.narrow = nn.ModuleList(
            nn.Conv2d(TAPS[tap][1], level[0], 1) for tap, level in zip(LEVELS, form.levels, strict=True)
        )
        self.levels = nn.ModuleList(_block(level[1], level[2], form) for level in form.levels)
        joined = sum(level[2] for level in form.levels)
        self.top = nn.Sequential(_block(joined, form.top[0], form), _block(form.top[0], form.top[1], form))
        self.depth = nn.Conv2d(form.top[1], 1, 3, padding=1)

    def forward(self, frames: Tensor) -> tuple[list[Tensor], Tensor]:  # (N, 3, S, S)
        maps = self.encoder(frames)[0]
        taps = []
        for tap, narrow, level in zip(LEVELS, self.narrow, self.levels, strict=True):
            grown = F.interpolate(
                F.relu(narrow(maps[tap])), size=(MAP_PX, MAP_PX), mode="bilinear", align_corners=False
            )
            taps.append(level(grown))  # (N, C, 32, 32)
        return taps, F.relu(self.depth(self.top(torch.cat(taps, dim=1))))


class SgtdEncoded(SgtdMulti):
    """Clips of T frames, scored as FAS-SGTD scores them, the mean of a clip and its mirror image.

    In training only the clip itself is looked at.
    """

    backbone: EncodedLevels

    def __init__(self, form: Form, *, size_px: int) -> None:
        super().__init__(form, backbone=EncodedLevels(form))
        self.size_px = size_px

    def named(self, clips: Tensor, mask: Tensor | None = None) -> tuple[Output, dict[str, Tensor]]:
        """The output; a stream cannot cut a graph that looks at every frame twice."""
        if self.training:
            return super().named(clips, mask)[0], {}
        seen = (self.ellipse if mask is None else mask).expand(clips.shape[0], -1, -1)
        output, _ = super().named(both_views(clips), both_views(seen))
        assert output.depth is not None
        assert output.logits is not None
        return Output(merged(output.score), folded(output.depth), merged(output.logits)), {}

    def from_imagenet(self, published: Mapping[str, Tensor]) -> None:
        """Take the published weights of the encoder."""
        self.backbone.encoder.net.read(published)

    def freeze(self) -> None:
        """The encoder never moves; the blocks on it do."""


def _block(width_in: int, width_out: int, form: Form) -> Rsgb:
    return Rsgb(width_in, width_out, gradient=form.gradient, momentum=form.momentum)


def sgtd_e(*, size_px: int = 224, alpha: float = 0.6, recurrent: bool = True) -> SgtdEncoded:
    """FAS-SGTD on the frozen encoder, for clips of `size_px`; the switches are those of `Form`."""
    return SgtdEncoded(replace(ENCODED, alpha=alpha, recurrent=recurrent), size_px=size_px)
