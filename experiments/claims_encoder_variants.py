"""The variants that the claims on the encoder compare, and the claims themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from experiments.claims_encoder_seen import COUNTS, FRAMES, SHAPES
from unmask.claims.measures import CLAIMS, Claim
from unmask.models.encoded import ENCODED, LEVELS, EncodedLevels
from unmask.models.encoder import FEATURES, TAPS
from unmask.models.fghv.network import ENCODED as FGHV, Fghv
from unmask.models.network import TrainableNetwork
from unmask.models.off_gru import OffGru
from unmask.models.sgtd.form import Form
from unmask.models.sgtd.network import SgtdMulti, SgtdSingle, initialise

BATCH = {"single": 16, "multi": 4, "fghv": 32}  # clips a step, of each family


class Kept(nn.Module):
    """In the encoder's place: gives the maps and features that it is given, packed (N, numbers, 1)."""

    def forward(self, packed: Tensor) -> tuple[list[Tensor], Tensor]:
        numbers = packed.flatten(1)
        maps: list[Tensor] = [numbers.new_zeros(0)] * len(TAPS)
        start = 0
        if numbers.shape[1] > FEATURES:
            for tap, shape, count in zip(LEVELS, SHAPES, COUNTS, strict=True):
                maps[tap] = numbers[:, start : start + count].unflatten(1, shape)
                start += count
        return maps, numbers[:, start:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One training. `family`: "single", "multi", "fghv", or "linear", which is fitted. `changes` are over the
    settings of the family. `start`: the variant of its seed whose trained weights it begins from. `systems`:
    name -> what it is. `maps`: whether it looks at more than the features.
    """

    family: str
    systems: Mapping[str, str]
    build: Callable[[], TrainableNetwork]
    changes: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    maps: bool = True


def _single(**form: Any) -> Callable[[], TrainableNetwork]:
    def build() -> TrainableNetwork:
        network = SgtdSingle(replace(ENCODED, **form))
        return _on_kept(network, network.form)

    return build


def _multi(kind: type[SgtdMulti] = SgtdMulti, **form: Any) -> Callable[[], TrainableNetwork]:
    def build() -> TrainableNetwork:
        network = kind(replace(ENCODED, **form))
        return _on_kept(network, network.form)

    return build


def _on_kept(network: SgtdSingle | SgtdMulti, form: Form) -> TrainableNetwork:
    levels = EncodedLevels(form)
    levels.encoder = Kept()
    network.backbone = levels
    network.size_px = 224
    initialise(network)
    return network


def _fghv(**form: Any) -> Callable[[], TrainableNetwork]:
    def build() -> TrainableNetwork:
        network = Fghv(replace(FGHV, **form))
        network.backbone.encoder = Kept()
        return network

    return build


PLAIN = {"gradient": "none"}
CLASS_ALONE = {"loss.absolute": 0.0, "loss.contrast": 0.0, "loss.binary": 1.0}
VARIANTS: dict[str, Variant] = {
    "linear": Variant(
        family="linear",
        systems={
            "linear": "Linear head on the encoder's features, first frame",
            "linear-five": "The same, mean of the logits of five frames",
        },
        build=_single(),
    ),
    "fghv": Variant(
        family="fghv",
        systems={
            "fghv": "FGHV on the encoder, FHVM and GHVM combined as dev likes best",
            "fghv-fhvm": "FGHV on the encoder, FHVM alone",
            "fghv-ghvm": "FGHV on the encoder, GHVM alone",
        },
        build=_fghv(),
        maps=False,
    ),
    "fghv-backbone": Variant(
        family="fghv",
        systems={"fghv-backbone": "The same dense layer with a class head for FGHV's hypotheses"},
        build=_fghv(hypotheses="none"),
        changes=CLASS_ALONE,
        maps=False,
    ),
    **{
        f"fghv-no-{name}": Variant(
            family="fghv",
            systems={f"fghv-no-{name}": f"FGHV on the encoder without {words}, combined likewise"},
            build=_fghv(),
            changes={f"loss.{weight}": 0.0, "loss.collapse": 0.0},
            maps=False,
        )
        for name, weight, words in (
            ("rcc", "relative", "the relative correlation constraint"),
            ("var", "variance", "the variance constraint"),
            ("ddc", "distribution", "the distribution discrimination constraint"),
        )
    },
    "sgtd-single": Variant(family="single", systems={"sgtd-single": "Stage 1 on maps"}, build=_single()),
    "sgtd-multi": Variant(
        family="multi", systems={"sgtd-multi": "Stage 2 on maps"}, build=_multi(), start="sgtd-single"
    ),
    "sgtd-single-longer": Variant(
        family="single",
        systems={"sgtd-single-longer": "Stage 1 trained on for as many frames as stage 2"},
        build=_single(),
        start="sgtd-single",
    ),
    "sgtd-binary": Variant(
        family="single",
        systems={"sgtd-binary": "Stage 1 by binary cross entropy of its score, without depth"},
        build=_single(),
        changes=CLASS_ALONE,
    ),
    "sgtd-plain": Variant(
        family="single",
        systems={"sgtd-plain": "Stage 1, plain convolutions for RSGB"},
        build=_single(**PLAIN),
    ),
    "off-gru": Variant(
        family="multi",
        systems={"off-gru": "OFF + ConvGRU, on the same plain convolutions"},
        build=_multi(OffGru, **PLAIN, score="equation_11"),
        start="sgtd-plain",
    ),
    "sgtd-plain-multi": Variant(
        family="multi",
        systems={"sgtd-plain-multi": "Stage 2 on plain convolutions: STPM alone"},
        build=_multi(**PLAIN),
        start="sgtd-plain",
    ),
    "sgtd-multi-slip": Variant(
        family="multi",
        systems={"sgtd-multi-slip": "Stage 2 with the published slip: no recurrence"},
        build=_multi(recurrent=False),
        start="sgtd-single",
    ),
    "sgtd-no-contrast": Variant(
        family="single",
        systems={"sgtd-no-contrast": "Stage 1 without contrastive depth loss"},
        build=_single(),
        changes={"loss.contrast": 0.0},
    ),
    "sgtd-true-depth": Variant(
        family="single",
        systems={"sgtd-true-depth": "Stage 1, attacks pulled to their true depth"},
        build=_single(),
        changes={"loss.attack_depth": "true"},
    ),
    "fghv-depth": Variant(
        family="fghv",
        systems={"fghv-depth": "FGHV on the encoder with a depth head, combined likewise"},
        build=_fghv(depth_head=True),
        changes={"loss.absolute": 0.1},
    ),
}

LEFT_OUT = ("auxiliary", "cdcn")  # their own trunks are what they are
OURS = "no paper's"
CLAIMED: dict[str, Claim] = {
    **{name: claim for name, claim in CLAIMS.items() if name not in LEFT_OUT},
    "fghv-depth-head": Claim(
        words="FGHV is better with a depth head", better="fghv-depth", worse="fghv", paper=OURS
    ),
    "five-frames-linear": Claim(
        words="A linear head is better on five frames than on one",
        better="linear-five",
        worse="linear",
        paper=OURS,
    ),
    "depth-over-linear": Claim(
        words="Stage 1 of FAS-SGTD is better than a linear head",
        better="sgtd-single",
        worse="linear",
        paper=OURS,
    ),
    "clips-over-linear": Claim(
        words="FAS-SGTD is better than a linear head on the same five frames",
        better="sgtd-multi",
        worse="linear-five",
        paper=OURS,
    ),
    "fghv-over-linear": Claim(
        words="FGHV is better than a linear head", better="fghv", worse="linear", paper=OURS
    ),
}


def frames_a_step(variant: Variant) -> int:
    """Frames that a step of a training sees: clips have several, or one."""
    return BATCH[variant.family] * (FRAMES if variant.family == "multi" else 1)
