"""A frozen encoder of ordinary photographs with one linear head, and a small decoder that shows depth.

What tells a bona fide face from its recapture was learnt here from little data, so that no feature may be:
they are those of EfficientNet-Lite0 (models.efficientnet) as ImageNet left them, mean and deviation of five
blocks and the head's means. The head is fitted in closed form (training.head) with strong regularisation. A
picture is turned so that its brighter half is on the left before anything else, so that it and its mirror
image have the same features and the same score, at the price of one look.

With `detail` the encoder looks a second time, at a copy of half the resolution, which lacks the detail in
which recaptures differ and shows the same person, room and light: statistics of the picture's blocks minus
those of the copy's say what the detail adds, and little about who is seen. They stand in the place of the
picture's own statistics, beside the head's means.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.contract import MAP_PX, ellipse_mask
from unmask.models.efficientnet import HEAD, SHRINK, EfficientNetLite0
from unmask.models.network import TrainableNetwork
from unmask.models.output import Output, unless_unseen
from unmask.types import SettingsError

TAPS = ((2, 24), (4, 40), (7, 80), (10, 112), (15, 320))  # blocks, the last of each width, and their channels
FEATURES = 2 * sum(channels for _, channels in TAPS) + HEAD  # 2,432
DETAILED = TAPS[:4]  # what the second look goes through
DETAIL = 2 * sum(channels for _, channels in DETAILED)  # 512
TWICE = HEAD + DETAIL  # 1,792
DECODED = (1, 3, 4)  # of TAPS: what the depth decoder sees
FIRST_DEPTH = -1.4  # before the sigmoid of an untrained decoder: a depth of 0.2


class LinearHead(nn.Module):
    """Standardised features (N, D) -> logits of bona fide (N,).

    A vector and not a matrix, so that exported files keep it in full precision and `adapt` finds it there.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features) / features**0.5)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        return (features * self.weight).sum(dim=-1) + self.bias


class DepthDecoder(nn.Module):
    """Three maps of the encoder -> one depth map (N, 32, 32); some 43,000 parameters."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        channels = [TAPS[tap][1] for tap in DECODED]
        self.narrow = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.fuse = nn.Conv2d(width * len(channels), width, 3, padding=1)
        self.depth = nn.Conv2d(width, 1, 3, padding=1)
        nn.init.constant_(self.depth.bias, FIRST_DEPTH)  # type: ignore[arg-type]

    def forward(self, taps: list[Tensor]) -> Tensor:
        grown = [
            F.interpolate(
                F.relu(narrow(taps[tap])), size=(MAP_PX, MAP_PX), mode="bilinear", align_corners=False
            )
            for tap, narrow in zip(DECODED, self.narrow, strict=True)
        ]
        # Behind a ReLU all maps end at zero: most cells are background, and attacks are flat.
        return torch.sigmoid(self.depth(F.relu(self.fuse(torch.cat(grown, dim=1)))))[:, 0]


class FrozenEncoder(nn.Module):
    """Frames (N, 3, S, S) in [0, 1] -> the maps of TAPS and raw features (N, D); nothing in it ever moves."""

    def __init__(self) -> None:
        super().__init__()
        self.net = EfficientNetLite0()
        self.requires_grad_(False)
        self.eval()

    def forward(self, frames: Tensor) -> tuple[list[Tensor], Tensor]:
        blocks, head = self.net(_scaled(frames))
        taps = [blocks[number] for number, _ in TAPS]
        return taps, summed_up(taps, head)

    def detail(self, frames: Tensor, taps: list[Tensor]) -> Tensor:
        """What the finest detail of the frames adds to the statistics of their TAPS, (N, DETAIL)."""
        blocks = self.net.maps(_scaled(halved(frames)), last=DETAILED[-1][0])
        return statistics(taps[: len(DETAILED)]) - statistics([blocks[number] for number, _ in DETAILED])

    def train(self, mode: bool = True) -> "FrozenEncoder":
        """Batch statistics stay as they are, too."""
        return super().train(False)


def summed_up(taps: list[Tensor], head: Tensor) -> Tensor:
    """The statistics of TAPS and the head's means, (N, FEATURES)."""
    return torch.cat([statistics(taps), head.mean(dim=(2, 3))], dim=1)


def statistics(taps: list[Tensor]) -> Tensor:
    """Mean and deviation of each channel of the maps, one map after the other (N, 2 C)."""
    found = []
    for tap in taps:
        mean = tap.mean(dim=(2, 3), keepdim=True)
        found += [mean.flatten(1), (tap - mean).square().mean(dim=(2, 3)).sqrt()]
    return torch.cat(found, dim=1)


def _scaled(frames: Tensor) -> Tensor:
    """Frames in [0, 1] as the published weights want them."""
    return (frames * 255 - 127) / 128


class Encoder(TrainableNetwork):
    """Score: sigmoid of the head's logit, mean over frames; the depth map has no part in it.

    In training pictures are looked at as they come: clips are flipped there by chance.
    """

    adaptable = ("head.weight", "head.bias")  # keep these names in an exported graph
    ellipse: Tensor
    feature_mean: Tensor
    feature_scale: Tensor
    framing_weight: Tensor
    framing_bias: Tensor
    framing_gain: Tensor
    framing_shift: Tensor

    def __init__(self, *, size_px: int, decoder: int, detail: bool = False) -> None:
        super().__init__()
        if size_px % SHRINK or size_px < 2 * SHRINK:
            raise SettingsError(
                f"an encoder takes pictures of a multiple of {SHRINK} px from {2 * SHRINK} on, not {size_px}"
            )
        self.size_px, self.detail = size_px, detail
        self.backbone = FrozenEncoder()
        features = TWICE if detail else FEATURES
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_scale", torch.ones(features))
        self.register_buffer("framing_weight", torch.zeros(features))
        self.register_buffer("framing_bias", torch.zeros(1))
        self.register_buffer("framing_gain", torch.zeros(1))
        self.register_buffer("framing_shift", torch.zeros(features))
        self.head = LinearHead(features)
        self.decoder = DepthDecoder(width=decoder)
        self.register_buffer("ellipse", torch.from_numpy(ellipse_mask()), persistent=False)

    def forward(self, clips: Tensor, mask: Tensor | None = None) -> Output:
        """`clips` (B, T, 3, S, S) in [0, 1]; where `mask` (B, 32, 32) is empty the score is NaN, else it is
        not used.
        """
        return self.named(clips, mask)[0]

    def named(self, clips: Tensor, mask: Tensor | None = None) -> tuple[Output, dict[str, Tensor]]:
        """The output, and under "features" (B, D) what the head reads: standardised, the mean over frames."""
        frames = clips.flatten(0, 1)
        if self.training:
            taps, raw = self._look(frames)
            depth = self.decoder(taps)
        else:
            facing, turned = one_way(frames)
            taps, raw = self._look(facing)
            depth = self.decoder(taps)
            depth = torch.where(turned[:, None, None], mirrored(depth), depth)
        features = self.standardised(raw).unflatten(0, clips.shape[:2]).mean(dim=1)
        logit = self.head(features)  # (B,)
        score = unless_unseen(torch.sigmoid(logit), self.ellipse if mask is None else mask)
        logits = torch.stack([logit, torch.zeros_like(logit)], dim=1)
        return Output(score, depth.unflatten(0, clips.shape[:2]), logits), {"features": features}

    def standardised(self, raw: Tensor) -> Tensor:
        """Raw features (..., D) as the head reads them: standardised, in tight pictures larger and moved."""
        units = (raw - self.feature_mean) / self.feature_scale
        tight = torch.sigmoid((units * self.framing_weight).sum(dim=-1, keepdim=True) + self.framing_bias)
        return units * (1 + self.framing_gain * tight) + self.framing_shift * tight

    def raw_features(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, S, S) in [0, 1] -> features (N, D), the same of mirror images."""
        return self._look(one_way(frames)[0])[1]

    def _look(self, frames: Tensor) -> tuple[list[Tensor], Tensor]:
        """The maps of TAPS of frames (N, 3, S, S) as they come, and their features (N, D)."""
        taps, raw = self.backbone(frames)
        if not self.detail:
            return taps, raw
        return taps, torch.cat([raw[:, -HEAD:], self.backbone.detail(frames, taps)], dim=1)

    def score_features(self, raw: Tensor) -> Tensor:
        """Raw features (N, D) of single frames -> scores (N,)."""
        return torch.sigmoid(self.head(self.standardised(raw)))

    @torch.no_grad()
    def set_head(self, *, mean: Tensor, scale: Tensor, weight: Tensor, bias: float) -> None:
        """Take a fitted head (D,) and leave it as it is from now on."""
        self.feature_mean.copy_(mean)
        self.feature_scale.copy_(scale)
        self.head.weight.copy_(weight)
        self.head.bias.fill_(bias)
        self.head.requires_grad_(False)

    @torch.no_grad()
    def set_framing(self, *, weight: Tensor, bias: float, gain: float, shift: Tensor) -> None:
        """What tells tight pictures (D,) in standardised features, how much more these count and where they
        are moved (D,).
        """
        self.framing_weight.copy_(weight)
        self.framing_bias.fill_(bias)
        self.framing_gain.fill_(gain)
        self.framing_shift.copy_(shift)

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *further: Any, **named: Any
    ) -> None:
        """Files made before tight pictures were moved hold no `framing_shift`: there it is zero."""
        state_dict.setdefault(f"{prefix}framing_shift", torch.zeros_like(self.framing_shift))
        super()._load_from_state_dict(state_dict, prefix, *further, **named)

    def from_imagenet(self, published: Mapping[str, Tensor]) -> None:
        """Take the published weights of the backbone."""
        self.backbone.net.read(published)

    def freeze(self) -> None:
        """The backbone never moves; nothing is left to do."""

    @property
    def map_layer(self) -> nn.Conv2d:
        """The last convolution before the map."""
        return self.decoder.depth


def one_way(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Frames (N, C, H, W) with their brighter half on the left, and which (N,) were turned for that.

    What the left half is brighter by is exactly the negative of that of the mirror image, rounding and all.
    """
    other = mirrored(frames)
    surplus = (frames - other)[..., : frames.shape[-1] // 2].sum(dim=(1, 2, 3))
    turned = surplus < 0
    return torch.where(turned[:, None, None, None], other, frames), turned


def halved(frames: Tensor) -> Tensor:
    """Frames (N, C, S, S), S even, as a camera of half the resolution would have seen them, in their own
    size.
    """
    return F.interpolate(F.avg_pool2d(frames, 2), scale_factor=2, mode="bilinear", align_corners=False)


def mirrored(frames: Tensor) -> Tensor:
    """(..., W) with its columns in the other order."""
    order = torch.arange(frames.shape[-1] - 1, -1, -1, device=frames.device)
    return frames.index_select(-1, order)  # a flip takes OpenVINO three times as long


def both_views(frames: Tensor) -> Tensor:
    """(N, ..., W) -> (2N, ..., W): the frames, then their mirror images."""
    return torch.cat([frames, mirrored(frames)])


def merged(both: Tensor) -> Tensor:
    """(2N, ...) of both views -> their mean (N, ...)."""
    plain, mirrored = both.unflatten(0, (2, -1)).unbind()
    return (plain + mirrored) / 2


def folded(both: Tensor) -> Tensor:
    """Maps (2N, ..., W) of both views -> (N, ..., W), the mirror image's turned back before the mean."""
    plain, mirrored = both.unflatten(0, (2, -1)).unbind()
    return (plain + mirrored.flip(-1)) / 2


def encoder(*, size_px: int = 224, decoder: int = 32, detail: bool = False) -> Encoder:
    """The frozen encoder for pictures of `size_px`, with a depth decoder `decoder` channels wide; with
    `detail` it looks twice.
    """
    return Encoder(size_px=size_px, decoder=decoder, detail=detail)
