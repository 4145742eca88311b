"""Several networks on the same clips -> one score: the weighted mean of their calibrated log-odds.

Each network's log-odds count from those of its own threshold, so that 0.5 is the threshold of the fused
default point whatever the networks' own are. Whether the errors of two networks go together is not known:
margins are added up as if they did, and a point's rates are the higher ones of the two, as its `measured_on`
says.

A second opinion counts less where it sees less than it was made for: in a picture that is cut tight to a face
its crop is kept inside the picture, and shows less about the face than any picture in its training.
"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

import numpy as np

from unmask.contract import Contract, OperatingPoint
from unmask.detector.decision import Rule, rule_of
from unmask.detector.network import LoadedNetwork
from unmask.detector.odds import from_log_odds, log_odds, margin, width
from unmask.types import Clip, ClipScore, ClipView, SettingsError

Judge = TypeVar("Judge")  # a network, or its contract alone

BASE = "default"  # the point whose threshold is 0.5 of the fused score


class FusedNetwork:
    """Networks of as many frames as one another, as one `LoadedNetwork`; their further views follow the first
    one's picture.

    `weights` are shares of the log-odds and add up to 1; from the contracts if not given (`fusion_weights`).
    """

    def __init__(self, networks: Sequence[LoadedNetwork], *, weights: Sequence[float] | None = None) -> None:
        """SettingsError where the networks or weights do not fit; ModelError without a common point."""
        first = networks[0]
        self._networks = list(networks)
        contracts = [network.contract for network in networks]
        self.weights = fusion_weights(contracts) if weights is None else tuple(weights)
        _check(networks, self.weights)
        self.precision, self.threads, self.graph = first.precision, first.threads, first.graph
        self._rules = [rule_of(c, point=BASE, precision=first.precision) for c in contracts]
        self.contract = fused_contract(contracts, weights=self.weights, precision=first.precision)

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        """One score a clip, in their order, with all else that the first network says; NaN where any is."""
        parts = [split(clip, self._networks) for clip in clips]
        scored = [
            network.score([each[place] for each in parts]) for place, network in enumerate(self._networks)
        ]
        contracts = [network.contract for network in self._networks]
        return [
            replace(each[0], score=self._fused([one.score for one in each], weights=weights))
            for each, weights in zip(
                zip(*scored, strict=True),
                (weights_of_clip(self.weights, contracts, part) for part in parts),
                strict=True,
            )
        ]

    def _fused(self, scores: Sequence[float], *, weights: Sequence[float]) -> float:
        total = sum(
            weight * (log_odds(rule.calibrated(score)) - log_odds(rule.threshold))
            for weight, rule, score in zip(weights, self._rules, scores, strict=True)
        )
        return from_log_odds(total)  # of NaN: NaN


def fused(networks: Sequence[LoadedNetwork]) -> list[LoadedNetwork]:
    """The networks by their count of frames, in order of it: those of the same count as one."""
    groups = _grouped(networks, frames=lambda network: network.contract.clip.frames)
    return [FusedNetwork(same) if len(same) > 1 else same[0] for same in groups]


def fused_contracts(contracts: Sequence[Contract], *, precision: str) -> list[Contract]:
    """The contracts of the networks that `fused` would give, known without loading one."""
    groups = _grouped(contracts, frames=lambda contract: contract.clip.frames)
    return [
        fused_contract(same, weights=fusion_weights(same), precision=precision) if len(same) > 1 else same[0]
        for same in groups
    ]


def _grouped(judges: Sequence[Judge], *, frames: Callable[[Judge], int]) -> list[list[Judge]]:
    """Those that judge clips of as many frames together, the shortest clips first."""
    return [list(same) for _, same in groupby(sorted(judges, key=frames), key=frames)]


def fusion_weights(contracts: Sequence[Contract]) -> tuple[float, ...]:
    """A contract's own share as a second opinion, where it names one; the others share the rest evenly.

    All alike where every contract names one, or none.
    """
    named = [contract.second_opinion or 0.0 for contract in contracts]
    others = named.count(0.0)
    if others in (0, len(named)) or not sum(named) < 1:
        return (1 / len(named),) * len(named)
    rest = (1 - sum(named)) / others
    return tuple(share or rest for share in named)


def weights_of_clip(
    weights: Sequence[float], contracts: Sequence[Contract], parts: Sequence[Clip]
) -> tuple[float, ...]:
    """The weights for one clip, of which `parts` are cut for each network: a second opinion has as much of
    its own as it sees of the crop that it was made for (`seen_share`), and the others share what it leaves.

    Where all are second opinions, or none is, the weights stay as they are.
    """
    second = [contract.second_opinion is not None for contract in contracts]
    if all(second) or not any(second):
        return tuple(weights)
    kept = [
        weight * seen_share(part, contract) if is_second else weight
        for weight, contract, part, is_second in zip(weights, contracts, parts, second, strict=True)
    ]
    first = sum(weight for weight, is_second in zip(weights, second, strict=True) if not is_second)
    grown = 1 + (sum(weights) - sum(kept)) / first
    return tuple(
        weight if is_second else weight * grown for weight, is_second in zip(kept, second, strict=True)
    )


def seen_share(clip: Clip, contract: Contract) -> float:
    """How much of the side of the crop that the contract asks for lies in the picture, 0 to 1, by the first
    frame's mesh; the mean over its views.
    """
    scales = (contract.clip.box_scale, *(view.box_scale for view in contract.clip.views))
    shares = []
    for picture, scale in zip((clip, *clip.views), scales, strict=True):
        face = float(np.ptp(picture.meshes[0][:, :2], axis=0).max())
        shares.append(min(1.0, picture.pixels.shape[1] / max(face, 1.0) / scale))
    return float(np.mean(shares))


def split(clip: Clip, networks: Sequence[LoadedNetwork]) -> list[Clip]:
    """The clip of a fused network -> one for each network, as `fused_contract` joined their specs."""
    pictures = [replace(clip, views=()), *clip.views]
    parts = []
    for network in networks:
        count = 1 + len(network.contract.clip.views)
        parts.append(replace(pictures[0], views=tuple(pictures[1:count])))
        pictures = pictures[count:]
    return parts


def fused_contract(contracts: Sequence[Contract], *, weights: Sequence[float], precision: str) -> Contract:
    """What a reader has to know of networks that are fused; made when they are loaded, it is in no file."""
    first = contracts[0]
    members = [
        {"name": c.name, "version": c.version, "sha256": c.payload_sha256, "weight": weight}
        for c, weight in zip(contracts, weights, strict=True)
    ]
    views = [
        view
        for number, c in enumerate(contracts)
        for view in ((_as_view(c),) if number else ()) + c.clip.views
    ]
    bases = [rule_of(c, point=BASE, precision=precision) for c in contracts]
    names = [p.name for p in first.operating_points if p.precision == precision]
    common = [n for n in names if all(_has(c, n, precision=precision) for c in contracts)]
    return replace(
        first,
        name=" + ".join(c.name for c in contracts),
        version=" + ".join(c.version for c in contracts),
        network="fusion",
        arguments={"members": members},
        clip=replace(first.clip, views=tuple(views)),
        operating_points=tuple(
            _point(n, contracts, bases, weights=weights, precision=precision) for n in common
        ),
        training_data=tuple(dict.fromkeys(row for c in contracts for row in c.training_data)),
        golden=(),
        payload_sha256=hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest(),
        evidence_correlation=max(c.evidence_correlation for c in contracts),
        score_map=None,
        second_opinion=None,
    )


def _check(networks: Sequence[LoadedNetwork], weights: Sequence[float]) -> None:
    names = " and ".join(network.contract.name for network in networks)
    if len({(n.contract.clip.frames, n.contract.clip.stride_s, n.precision) for n in networks}) > 1:
        raise SettingsError(
            f"networks that are fused take as many frames at the same stride and precision, and {names} do "
            "not; give models that do"
        )
    digests = [network.contract.payload_sha256 for network in networks]
    if len(set(digests)) < len(digests):
        raise SettingsError(f"a model is not a second opinion on itself, and {names} are one; name it once")
    if len(weights) != len(networks) or not all(w > 0 for w in weights) or abs(sum(weights) - 1) > 1e-6:
        raise SettingsError(
            f"weights of a fusion are above 0, one for each model, and add up to 1, not {tuple(weights)}"
        )


def _as_view(contract: Contract) -> ClipView:
    clip = contract.clip
    return ClipView(
        size_px=clip.size_px, box_scale=clip.box_scale, border=clip.border, sampling=clip.sampling
    )


def _has(contract: Contract, name: str, *, precision: str) -> bool:
    return any(p.name == name and p.precision == precision for p in contract.operating_points)


def _point(
    name: str,
    contracts: Sequence[Contract],
    bases: Sequence[Rule],
    *,
    weights: Sequence[float],
    precision: str,
) -> OperatingPoint:
    points = [c.point(name, precision=precision) for c in contracts]
    middle = math.fsum(
        weight * (log_odds(point.threshold) - log_odds(base.threshold))
        for weight, point, base in zip(weights, points, bases, strict=True)
    )
    wide = math.fsum(weight * width(point) for weight, point in zip(weights, points, strict=True))
    worst = max(points, key=lambda point: point.apcer)
    return replace(
        worst,
        threshold=from_log_odds(middle),
        margin=margin(middle, width=wide),
        bpcer=max(point.bpcer for point in points),
        measured_on="fused, not measured together: the higher rates of "
        + " and ".join(f"{c.name} ({p.measured_on})" for c, p in zip(contracts, points, strict=True)),
    )
