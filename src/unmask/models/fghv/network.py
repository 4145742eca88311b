"""FGHV: feature generation and hypothesis verification.

Liu et al., "Feature Generation and Hypothesis Verification for Reliable Face Anti-Spoofing", AAAI 2022, arXiv
2112.14894. The authors' code was announced and never published; what follows is written from the figures, the
abstract and the sibling projects of the same framework. What is inferred is a setting of `FghvForm`, and
docs/fghv.md says which is which.

A backbone turns a face into one vector f. Two small networks turn K latent vectors z of a standard normal
into K features of real faces g and K of known attacks h; the same z feed both. Training pulls the g of a bona
fide presentation to its f and pushes the h away, and the other way round for attacks. The score is how much
nearer f is to the g than to the h, over all K: each pair (g_k, h_k) is a hypothesis of a cosine classifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.contract import MAP_PX
from unmask.models.baselines.resnet import ResNet18Trunk
from unmask.models.encoder import FEATURES, DepthDecoder, FrozenEncoder, both_views, folded, merged
from unmask.models.network import TrainableNetwork
from unmask.models.output import Draws, Output, unless_unseen
from unmask.types import ModelError, SettingsError

Hypotheses = Literal["both", "real", "attack", "none"]
Backbone = Literal["depthnet", "resnet18", "encoder"]
Block = tuple[int, int, int]
SLOPE = 0.2  # of LeakyReLU in the generation networks
LATENT_SEED = 1234  # of the latent vectors that a finished network compares with; the sibling projects' seed


@dataclass(frozen=True, slots=True, kw_only=True)
class FghvForm:
    """Widths and switches; the defaults are the paper's or, where it is silent, its siblings'.

    `backbone`: the papers' DepthNet, or a ResNet-18 whose features are as many, an eighth of them its width,
    or the frozen encoder of ordinary photographs (models.encoder) with one dense layer.
    `channels`: 3 for RGB, 6 for RGB and HSV. `fold`: squares of that side of pixels become one place of the
    first layer. `embedder`: the widths behind the joined levels, the last one that of the feature. `hidden`:
    of the generation networks. `draws` latent vectors of `latent` numbers; `tau` the temperature of a score.
    `hypotheses`: which generation networks there are; without one its features are zero vectors, at cosine 0
    of everything; with "none" a linear layer classifies the feature, and only the backbone is left of FGHV.
    `depth_head` adds the siblings' depth map as a further output; on an encoder it is that of models.encoder.
    """

    backbone: Backbone = "depthnet"
    channels: int = 6
    fold: int = 1
    stem: int = 64
    levels: tuple[Block, Block, Block] = ((128, 196, 128), (128, 196, 128), (128, 196, 128))
    embedder: Block = (128, 256, 512)
    hidden: int = 512
    draws: int = 50
    latent: int = 128
    tau: float = 0.1
    hypotheses: Hypotheses = "both"
    depth_head: bool = False

    def __post_init__(self) -> None:
        for holds, rule in (
            (self.channels in (3, 6), f"channels must be 3 (RGB) or 6 (RGB and HSV), not {self.channels}"),
            (self.draws >= 2, f"draws must be at least 2, or there is no variance, not {self.draws}"),
            (self.latent >= 1, f"latent must be at least 1, not {self.latent}"),
            (self.tau > 0, f"tau must be above 0, not {self.tau}"),
            (
                self.hypotheses in get_args(Hypotheses),
                f"hypotheses must be one of {list(get_args(Hypotheses))}, not {self.hypotheses!r}",
            ),
            (
                self.backbone in get_args(Backbone),
                f"backbone must be one of {list(get_args(Backbone))}, not {self.backbone!r}",
            ),
            (
                self.backbone != "resnet18" or not self.depth_head,
                "depth_head needs the levels of a depthnet or the maps of an encoder; leave it out",
            ),
        ):
            if not holds:
                raise SettingsError(f"FGHV: {rule}")


WIDE = FghvForm()
NARROW = FghvForm(  # 128 px clips, four pixels in one place
    fold=2,
    stem=16,
    levels=((16, 24, 24), (32, 48, 32), (48, 64, 48)),
    embedder=(64, 96, 128),
    hidden=128,
    latent=32,
)


ENCODED = FghvForm(backbone="encoder", channels=3, embedder=(128, 256, 128), hidden=128, latent=32)


class DepthBackbone(nn.Module):
    """The backbone: frames in [0, 1] -> one feature vector each, and the joined levels it was made from."""

    def __init__(self, form: FghvForm) -> None:
        super().__init__()
        self.channels, self.fold = form.channels, form.fold
        self.stem = _conv(form.channels * form.fold**2, form.stem)
        entries = (form.stem, form.levels[0][2], form.levels[1][2])
        self.levels = nn.ModuleList(
            nn.Sequential(_conv(entry, a), _conv(a, b), _conv(b, c), nn.MaxPool2d(2))
            for entry, (a, b, c) in zip(entries, form.levels, strict=True)
        )
        joined, (a, b, c) = sum(level[2] for level in form.levels), form.embedder
        self.embedder = nn.Sequential(
            _conv(joined, a), nn.MaxPool2d(2), _conv(a, b), nn.MaxPool2d(2), _conv(b, c)
        )

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:  # (N, 3, H, W)
        frames = coloured(frames, self.channels)
        x = self.stem(F.pixel_unshuffle(frames, self.fold) if self.fold > 1 else frames)
        pooled = []
        for level in self.levels:
            x = level(x)  # (N, C, H/2, W/2), H/4, H/8 of the folded side
            pooled.append(x)
        first, second, third = pooled
        joined = torch.cat([F.avg_pool2d(first, 4), F.avg_pool2d(second, 2), third], dim=1)
        return self.embedder(joined).mean(dim=(2, 3)), joined  # (N, d), (N, sum C, H/8, W/8)


class ResNetBackbone(nn.Module):
    """A ResNet-18 as the backbone; it has no levels to join."""

    def __init__(self, form: FghvForm) -> None:
        super().__init__()
        self.channels = form.channels
        self.trunk = ResNet18Trunk(form.channels, width=form.embedder[2] // 8)

    def forward(self, frames: Tensor) -> tuple[Tensor, None]:  # (N, 3, H, W) -> (N, d)
        return self.trunk(coloured(frames, self.channels)), None


class Encoded(nn.Module):
    """The frozen encoder as the backbone: its features, normed, through a dense layer.

    After training they are the mean of a frame's and its mirror image's, so that both score the same.
    """

    def __init__(self, form: FghvForm) -> None:
        super().__init__()
        self.encoder = FrozenEncoder()
        self.norm = nn.BatchNorm1d(FEATURES, affine=False)
        self.embed = nn.Linear(FEATURES, form.embedder[2])

    def forward(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:  # (N, 3, H, W) in [0, 1] -> (N, d)
        maps, raw = self.encoder(frames if self.training else both_views(frames))
        return self.embed(self.norm(raw if self.training else merged(raw))), maps


class Generator(nn.Module):
    """A feature generation network: latent vectors (n, d) -> features (n, D)."""

    def __init__(self, form: FghvForm) -> None:
        super().__init__()
        width = form.hidden
        self.layers = nn.Sequential(
            nn.Linear(form.latent, width),
            nn.BatchNorm1d(width),
            nn.LeakyReLU(SLOPE),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.LeakyReLU(SLOPE),
            nn.Linear(width, form.embedder[2]),
        )

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents)


class Fghv(TrainableNetwork):
    """Frames one by one: score = mean over K latent vectors of sigmoid((cos(f, g_k) - cos(f, h_k)) / tau)."""

    latents: Tensor

    def __init__(self, form: FghvForm = WIDE) -> None:
        super().__init__()
        self.form = form
        self.backbone = {"depthnet": DepthBackbone, "resnet18": ResNetBackbone, "encoder": Encoded}[
            form.backbone
        ](form)
        self.real = Generator(form) if form.hypotheses in ("both", "real") else None
        self.attack = Generator(form) if form.hypotheses in ("both", "attack") else None
        self.head = nn.Linear(form.embedder[2], 2) if form.hypotheses == "none" else None
        self.depth = _depth_head(form) if form.depth_head else None
        self.register_buffer("latents", fixed_latents(form.draws, form.latent))
        initialise(self)

    def forward(self, clips: Tensor, mask: Tensor | None = None) -> Output:
        """`clips` (B, T, 3, H, W) in [0, 1]; where `mask` (B, 32, 32) is empty the score is NaN, else it is
        not used.
        """
        return self.named(clips, mask)[0]

    def named(self, clips: Tensor, mask: Tensor | None = None) -> tuple[Output, dict[str, Tensor]]:
        """The output, and the inner tensors under the names that an exported graph keeps."""
        batch, frames = clips.shape[:2]
        feature, joined = self.backbone(clips.flatten(0, 1))  # (B*T, D), (B*T, C, h, w)
        feature = feature.float().unflatten(0, (batch, frames))
        depth = None if self.depth is None else self._map(joined).unflatten(0, (batch, frames))
        if self.head is not None:
            logits = self.head(feature).mean(dim=1)  # (B, 2)
            output = Output(logits.float().softmax(dim=1)[:, 0], depth, logits)
        else:
            draws = Draws(feature, *self.generate(self._latents()), self.form.tau)
            output = Output(
                likelihood(*correlations(draws), tau=draws.tau).mean(dim=(1, 2)), depth, None, draws
            )
        score = output.score if mask is None else unless_unseen(output.score, mask)
        return output._replace(score=score), {"feature": feature}

    def from_imagenet(self, published: Mapping[str, Tensor]) -> None:
        """Take the published weights of a frozen encoder."""
        if not isinstance(self.backbone, Encoded):
            raise ModelError(
                f"ImageNet's weights are an encoder's, and the backbone is a {self.form.backbone}; set "
                '[arguments] backbone = "encoder"'
            )
        self.backbone.encoder.net.read(published)

    def freeze(self) -> None:
        """A frozen encoder never moves; other backbones are trained with the rest."""
        if not isinstance(self.backbone, Encoded):
            raise SettingsError(
                f"[run] backbone is frozen, but a {self.form.backbone} is not; let it be trained"
            )

    def generate(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Latent vectors (n, d) -> features of real faces and of known attacks, both (n, D)."""
        if self.head is not None:
            raise ModelError("this FGHV has no generation networks (hypotheses none); train it with both")
        width = self.form.embedder[2]
        real, attack = (
            latents.new_zeros(len(latents), width) if network is None else network(latents).float()
            for network in (self.real, self.attack)
        )
        return real, attack

    def _latents(self) -> Tensor:
        """Drawn anew in training, fixed after it."""
        return torch.randn_like(self.latents) if self.training else self.latents

    def _map(self, joined: Tensor | list[Tensor]) -> Tensor:  # (N, C, h, w), or an encoder's -> (N, 32, 32)
        assert self.depth is not None
        if isinstance(joined, list):
            depth = self.depth(joined)
            return depth if self.training else folded(depth)
        grown = F.interpolate(self.depth(joined), size=(MAP_PX, MAP_PX), mode="bilinear", align_corners=False)
        return F.relu(grown[:, 0])


def correlations(draws: Draws) -> tuple[Tensor, Tensor]:
    """c_k = cos(f, g_k) and e_k = cos(f, h_k), both (B, T, K), in float32 whatever the precision around."""
    feature = F.normalize(draws.feature.float(), dim=-1)[..., None, :]  # (B, T, 1, D)
    real, attack = (F.normalize(made.float(), dim=-1) for made in (draws.real, draws.attack))
    return (feature * real).sum(dim=-1), (feature * attack).sum(dim=-1)  # no matmul: autocast would round it


def likelihood(real: Tensor, attack: Tensor, *, tau: float) -> Tensor:
    """p_k = exp(c_k / tau) / (exp(c_k / tau) + exp(e_k / tau)), elementwise."""
    return torch.sigmoid((real - attack) / tau)


def coloured(frames: Tensor, channels: int) -> Tensor:
    """RGB (N, 3, H, W) in [0, 1] -> RGB, and HSV behind it where there are 6 channels, in [-1, 1]."""
    return (torch.cat([frames, hsv(frames)], dim=1) if channels == 6 else frames) * 2 - 1


def hsv(rgb: Tensor) -> Tensor:
    """Hue, saturation and value (N, 3, H, W), all in [0, 1], of colours in [0, 1]; grey has hue 0."""
    red, green, blue = rgb.unbind(dim=1)
    value = rgb.amax(dim=1)
    spread = value - rgb.amin(dim=1)
    grey = spread == 0
    safe = torch.where(grey, torch.ones_like(spread), spread)
    sixth = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = torch.where(sixth < 0, sixth + 6, sixth) / 6
    saturation = spread / torch.where(value == 0, torch.ones_like(value), value)
    return torch.stack([torch.where(grey, torch.zeros_like(hue), hue), saturation, value], dim=1)


def fixed_latents(draws: int, latent: int, *, seed: int = LATENT_SEED) -> Tensor:
    """(K, d) of a standard normal, the same for the same seed."""
    return torch.randn(draws, latent, generator=torch.Generator().manual_seed(seed))


def initialise(network: nn.Module) -> None:
    """Kaiming's normal kernels for what follows, zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            slope = SLOPE if isinstance(module, nn.Linear) else 0.0
            nn.init.kaiming_normal_(module.weight, a=slope)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def fghv(
    form: FghvForm,
    /,
    *,
    backbone: Backbone = "depthnet",
    channels: int = 6,
    draws: int = 50,
    latent: int | None = None,
    tau: float = 0.1,
    hypotheses: Hypotheses = "both",
    depth_head: bool = False,
) -> Fghv:
    """FGHV with the widths of `form`; `latent` None is the form's own."""
    latent = form.latent if latent is None else latent
    form = replace(form, backbone=backbone, channels=channels, draws=draws, latent=latent, tau=tau)
    return Fghv(replace(form, hypotheses=hypotheses, depth_head=depth_head))


def _depth_head(form: FghvForm) -> nn.Module:
    if form.backbone == "encoder":
        return DepthDecoder(width=form.embedder[0] // 4)
    joined, width = sum(level[2] for level in form.levels), form.embedder[0]
    return nn.Sequential(_conv(joined, width), nn.Conv2d(width, 1, 3, padding=1))


def _conv(width_in: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, padding=1, bias=False), nn.BatchNorm2d(width_out), nn.ReLU()
    )
