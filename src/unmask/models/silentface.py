"""The two published networks of Silent-Face-Anti-Spoofing in one, read from the files of their makers.

Minivision, "Silent-Face-Anti-Spoofing", 2020, github minivision-ai/Silent-Face-Anti-Spoofing (Apache-2.0):
MiniFASNetV2 looks at 2.7 boxes of a face, MiniFASNetV1SE at 4. Each has three classes, of which the second is
bona fide; the published score is the mean of both softmaxes. Features are what stands before dropout and the
three logits, 128 of each network.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn

from unmask.contract import Contract, OperatingPoint, ScoreMap, TrainingData, ellipse_mask
from unmask.media.regular import refuse_special
from unmask.models.baselines.minifasnet import STAGES, Bottleneck, convolution
from unmask.models.network import TrainableNetwork
from unmask.models.output import Output, unless_unseen
from unmask.types import ClipSpec, ClipView, ModelError

SIDE = 80  # pixels of a crop
BONA_FIDE = 1  # of the three classes; 0 and 2 are attacks
EMBEDDING = 128
LARGEST_FILE = 16 * 2**20
REPOSITORY = "github.com/minivision-ai/Silent-Face-Anti-Spoofing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """One of the files: `scale` of its crop in boxes, widths inside the residual blocks of the three stages,
    and whether the last block of each weighs its channels (squeeze and excitation).
    """

    name: str
    sha256: str
    scale: float
    middles: tuple[tuple[int, ...], ...]
    squeezed: bool


FILES = (
    PublishedFile(
        name="2.7_80x80_MiniFASNetV2.pth",
        sha256="a5eb02e1843f19b5386b953cc4c9f011c3f985d0ee2bb9819eea9a142099bec0",
        scale=2.7,
        middles=tuple(middles for _, _, middles in STAGES),
        squeezed=False,
    ),
    PublishedFile(
        name="4_0_0_80x80_MiniFASNetV1SE.pth",
        sha256="84ee1d37d96894d5e82de5a57df044ef80a58be2b218b5ed7cdfd875ec2f5990",
        scale=4.0,
        middles=((13, 26, 13, 52), (154, 52, 26, 52, 26, 26), (26, 26)),
        squeezed=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRates:
    """How the published score was read on the open real items: calibrated log-odds are `slope` times those of
    the score, plus `offset`; `errors` of each point by family, attacks accepted and bona fide refused.
    """

    slope: float
    offset: float
    errors: Mapping[str, Mapping[str, int]]


BOX = 1.1  # the makers' detector draws boxes so much larger than the mesh is
SHARE = 0.5  # of the log-odds, as a second opinion on a face that is seen with all that its crops want
THRESHOLDS = {"default": 0.5, "strict": 0.731, "lenient": 0.269}  # log-odds of 0, 1 and -1
MARGIN = 0.1  # leaves 85 % of the items decided at once
KNOTS, KNOTS_REACH = 161, 12.0  # of the score map, even in log-odds
ITEMS = {"print": 24, "replay": 46, "mask": 2, "bona_fide": 156}


def _errors(print_: int, replay: int, mask: int, bona_fide: int) -> dict[str, int]:
    return {"print": print_, "replay": replay, "mask": mask, "bona_fide": bona_fide}


# By the scales of the files. Both classes count alike within whole and within tight pictures; errors are of
# maps fitted without the source of the item (18 repositories), slope and offset of one fitted to all.
MEASURED = {
    (2.7, 4.0): PublishedRates(
        slope=0.511,
        offset=0.010,
        errors={
            "default": _errors(7, 10, 2, 34),
            "strict": _errors(1, 1, 1, 65),
            "lenient": _errors(14, 14, 2, 12),
        },
    ),
    (2.7,): PublishedRates(
        slope=0.414,
        offset=0.140,
        errors={
            "default": _errors(4, 9, 2, 31),
            "strict": _errors(1, 4, 1, 59),
            "lenient": _errors(12, 18, 2, 16),
        },
    ),
    (4.0,): PublishedRates(
        slope=0.424,
        offset=-0.117,
        errors={
            "default": _errors(10, 5, 2, 42),
            "strict": _errors(4, 0, 1, 61),
            "lenient": _errors(14, 15, 2, 14),
        },
    ),
}


class Squeeze(nn.Module):
    """Squeeze and excitation (Hu et al. 2018) with norms, a quarter as wide in the middle."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, width // 4, 1, bias=False),
            nn.BatchNorm2d(width // 4),
            nn.ReLU(),
            nn.Conv2d(width // 4, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weigh(x)


class SqueezedBottleneck(Bottleneck):
    """A residual block whose branch weighs its channels before it is added."""

    def __init__(self, width: int, middle: int) -> None:
        super().__init__(width, middle, width, stride=1)
        self.inner.append(Squeeze(width))


class PublishedNetwork(nn.Module):
    """BGR pictures (N, 3, 80, 80), 0 to 255 -> features (N, 128) and three logits (N, 3)."""

    def __init__(self, published: PublishedFile) -> None:
        super().__init__()
        blocks: list[nn.Module] = [
            convolution(3, 32, kernel=3, stride=2),
            convolution(32, 32, kernel=3, groups=32),
        ]
        now = 32
        for (entry, out, _), middles in zip(STAGES, published.middles, strict=True):
            blocks.append(Bottleneck(now, entry, out, stride=2))
            blocks += [Bottleneck(out, middle, out, stride=1) for middle in middles]
            if published.squeezed:
                blocks[-1] = SqueezedBottleneck(out, middles[-1])
            now = out
        self.blocks = nn.Sequential(*blocks, convolution(now, 512))
        self.gather = nn.Sequential(
            nn.Conv2d(512, 512, SIDE // 16, groups=512, bias=False), nn.BatchNorm2d(512), nn.Flatten()
        )
        self.embed = nn.Sequential(nn.Linear(512, EMBEDDING, bias=False), nn.BatchNorm1d(EMBEDDING))
        self.head = nn.Linear(EMBEDDING, 3, bias=False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.embed(self.gather(self.blocks(pictures)))
        return features, self.head(features)

    def read(self, state: dict[str, Tensor]) -> None:
        """Take a published state: the same tensors in the same order under other names."""
        own = self.state_dict()
        given = list(state.values())
        if [tuple(t.shape) for t in given] != [tuple(t.shape) for t in own.values()]:
            raise ModelError(
                f"the file holds other tensors than the published network; take it from {REPOSITORY}"
            )
        self.load_state_dict(dict(zip(own, given, strict=True)))


class SilentFace(TrainableNetwork):
    """Score: the mean over networks of the softmax's bona fide part; there is no depth map."""

    ellipse: Tensor

    def __init__(self, files: Sequence[PublishedFile] = FILES) -> None:
        super().__init__()
        self.networks = nn.ModuleList(PublishedNetwork(published) for published in files)
        self.register_buffer("ellipse", torch.from_numpy(ellipse_mask()), persistent=False)
        self.register_buffer("bgr", torch.tensor([2, 1, 0]), persistent=False)

    def forward(self, clips: Tensor, mask: Tensor | None = None, *views: Tensor) -> Output:
        """`clips` (B, T, 3, 80, 80) RGB in [0, 1] for the first network, a further view for each other."""
        return self.named(clips, mask, *views)[0]

    def named(
        self, clips: Tensor, mask: Tensor | None = None, *views: Tensor
    ) -> tuple[Output, dict[str, Tensor]]:
        """The output, and under "features" (B, 256) what all networks' logits are read from, the mean over
        frames: the score is read from that very tensor, so that a graph cannot lose it.
        """
        found = []
        for network, view in zip(self.networks, (clips, *views), strict=True):
            pictures = view.flatten(0, 1).index_select(1, self.bgr) * 255  # type: ignore[arg-type]
            found.append(network(pictures)[0].unflatten(0, view.shape[:2]).mean(dim=1))
        features = torch.cat(found, dim=1)
        shares = [
            torch.softmax(network.head(part), dim=1)[:, BONA_FIDE]  # type: ignore[operator]
            for network, part in zip(self.networks, features.split(EMBEDDING, dim=1), strict=True)
        ]
        score = torch.stack(shares).mean(dim=0)
        score = unless_unseen(score, self.ellipse if mask is None else mask)
        return Output(score, None, None), {"features": features}


def read_published(paths: Sequence[str | Path]) -> tuple[SilentFace, tuple[PublishedFile, ...]]:
    """The networks of these files, in the order of FILES, ready to be exported.

    Only the published files are read, told by their SHA-256, and nothing in them is run. ModelError
    otherwise.
    """
    found: dict[str, bytes] = {}
    for path in paths:
        content = _content(Path(path))
        digest = hashlib.sha256(content).hexdigest()
        if digest not in {published.sha256 for published in FILES}:
            raise ModelError(
                f"{path} is not one of the published files ({' or '.join(p.name for p in FILES)}): its "
                f"SHA-256 is {digest[:12]}...; take them from {REPOSITORY}, resources/anti_spoof_models"
            )
        if digest in found:
            raise ModelError(f"{path} is the same file as another one that was named; name each once")
        found[digest] = content
    if not found:
        raise ModelError("an import needs one or two published files; name them")
    files = tuple(published for published in FILES if published.sha256 in found)
    network = SilentFace(files)
    for part, published in zip(network.networks, files, strict=True):
        held = io.BytesIO(found[published.sha256])
        part.read(torch.load(held, map_location="cpu", weights_only=True))  # type: ignore[operator]
    return network.eval(), files


def published_contract(files: Sequence[PublishedFile]) -> Contract:
    """The contract of these files, in the order of FILES."""
    first, *others = files
    measured = MEASURED[tuple(published.scale for published in files)]
    short = "" if others else f" {first.scale:g}"
    return Contract(
        name=f"minifasnet{short}",
        version="-".join(published.sha256[:8] for published in files),
        network="silentface",
        arguments={"files": [published.name for published in files]},
        clip=ClipSpec(
            frames=1,
            size_px=SIDE,
            box_scale=round(first.scale * BOX, 3),
            border="inside",
            sampling="linear",
            views=tuple(
                ClipView(size_px=SIDE, box_scale=round(other.scale * BOX, 3), sampling="linear")
                for other in others
            ),
        ),
        operating_points=tuple(_point(name, measured) for name in THRESHOLDS),
        training_data=(
            TrainingData(
                name="Silent-Face-Anti-Spoofing",
                licence="Apache-2.0",
                items=0,
                note=f"weights published by Minivision, {REPOSITORY}; its training data are not published: "
                + ", ".join(f"{published.name} (SHA-256 {published.sha256})" for published in files),
            ),
        ),
        golden=(),
        command="unmask import minifasnet",
        seed=0,
        commit="",
        score_map=_score_map(measured),
        second_opinion=SHARE,
    )


def _score_map(measured: PublishedRates) -> ScoreMap:
    odds = np.linspace(-KNOTS_REACH, KNOTS_REACH, KNOTS)
    raw = np.concatenate([[0.0], expit(odds), [1.0]])
    step = np.array([-1.0, 1.0]) * (KNOTS_REACH + 1)
    calibrated = expit(measured.slope * np.concatenate([step[:1], odds, step[1:]]) + measured.offset)
    return ScoreMap(method="platt", raw=tuple(raw.tolist()), calibrated=tuple(calibrated.tolist()))


def _point(name: str, measured: PublishedRates) -> OperatingPoint:
    errors = measured.errors[name]
    rates = {family: errors[family] / ITEMS[family] for family in ITEMS if family != "bona_fide"}
    worst = max(rates, key=lambda family: rates[family])
    return OperatingPoint(
        name=name,
        threshold=THRESHOLDS[name],
        margin=MARGIN,
        precision="f32",
        apcer=rates[worst],
        worst_instrument=worst,
        bpcer=errors["bona_fide"] / ITEMS["bona_fide"],
        attacks=sum(count for family, count in ITEMS.items() if family != "bona_fide"),
        bona_fide=ITEMS["bona_fide"],
        measured_on="114 open real items of 18 sources, each whole and cut tight, map fitted without the "
        f"item's source: {errors['print']} of {ITEMS['print']} prints, {errors['replay']} of "
        f"{ITEMS['replay']} replays and {errors['mask']} of {ITEMS['mask']} masks (one scene) accepted, "
        f"{errors['bona_fide']} of {ITEMS['bona_fide']} bona fide refused",
    )


def _content(path: Path) -> bytes:
    refuse_special(path, error=ModelError)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(
                f"{path} is larger than {LARGEST_FILE} bytes, which no published file is; name another file"
            )
        return path.read_bytes()
    except OSError as missing:
        raise ModelError(f"{path} cannot be read ({missing.strerror}); name a .pth file") from missing
