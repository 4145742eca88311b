"""A model and scores of a user's own captures -> a contract with a score map and points that they support."""

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from unmask import metrics
from unmask.contract import LONGEST_NAME, Contract, ScoreMap, seal_onnx
from unmask.detector.model_file import read_file
from unmask.files import write_bytes
from unmask.metrics.bounds import captures_needed, errors_allowed, upper_bound
from unmask.metrics.calibration import METHODS
from unmask.metrics.points import measured_point
from unmask.metrics.ranked import Ranked, ranked, threshold_up_to
from unmask.types import DataError, Label, ModelError, Presentation, Score, SettingsError, family_of

OVER = ("instrument", "family", "all")  # what an APCER that is asked for must hold for, each or together
FORM = "a point is written NAME:apcer=0.05 or NAME:bpcer=0.05"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An operating point that is asked for: `rate` is "apcer" or "bpcer", at most `target` of them."""

    name: str
    rate: str
    target: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The new contract, and the sentence on what the sample supports for each of its points, by name."""

    contract: Contract
    supports: Mapping[str, str]


def read_point(text: str) -> Wanted:
    """The point that `text` asks for; SettingsError where it is not one.

    >>> read_point("door:apcer=0.05")
    Wanted(name='door', rate='apcer', target=0.05)
    """
    found = re.fullmatch(rf"([A-Za-z0-9_-]{{1,{LONGEST_NAME}}}):(apcer|bpcer)=([0-9.eE+-]+)", text.strip())
    try:
        target = float(found.group(3)) if found else math.nan
    except ValueError:
        target = math.nan
    if not found or not 0 < target < 1:
        raise SettingsError(f"{FORM}, with a rate between 0 and 1, not {text!r}")
    return Wanted(name=found.group(1), rate=found.group(2), target=target)


def first_point(contract: Contract, *, precision: str) -> str:
    """The name of a point measured at that precision; ModelError where there is none."""
    names = [point.name for point in contract.operating_points if point.precision == precision]
    if not names:
        raise ModelError(
            f"model {contract.name} has no operating point in {precision}; calibrate it in another precision"
        )
    return names[0]


def raw_scores(scores: Sequence[Score], contract: Contract) -> list[Score]:
    """The scores that a model gave, without the map that it may hold."""
    if contract.score_map is None:
        return list(scores)
    back = contract.score_map.inverse
    return [replace(score, score=back(score.score)) for score in scores]  # NaN stays NaN


def refuse_impossible(wanted: Sequence[Wanted], presentations: Sequence[Presentation], *, over: str) -> None:
    """DataError where the captures could not carry what is wanted even if the network never erred: said
    before they are scored.
    """
    perfect = [Score(presentation=p, score=float(p.label is Label.BONA_FIDE)) for p in presentations]
    bona_fide, _ = _classes(perfect)
    for one in wanted:
        threshold(one, bona_fide, grouped(perfect, over=over))


def calibrate(
    contract: Contract,
    scores: Sequence[Score],
    *,
    method: str,
    wanted: Sequence[Wanted] = (),
    over: str = "instrument",
    precision: str = "f32",
    measured_on: str,
) -> Calibrated:
    """The contract with a map fitted to raw `scores`, its points measured on them, and those `wanted` added.

    The old points of that precision accept and refuse what they did: their thresholds go through the map.
    Raises DataError where a class is missing or where the sample cannot carry a point that is wanted.
    """
    bona_fide, attacks = _classes(scores)
    groups = grouped(scores, over=over)
    thresholds = _old_thresholds(contract, precision=precision)
    thresholds |= {one.name: threshold(one, bona_fide, groups) for one in wanted}
    known = [score for score in scores if math.isfinite(score.score)]
    truths = np.array([score.label == "bona_fide" for score in known])
    raw, calibrated = METHODS[method](np.array([score.score for score in known]), truths)
    score_map = ScoreMap(method=method, raw=tuple(raw.tolist()), calibrated=tuple(calibrated.tolist()))
    points, supports = [], {}
    for name, value in thresholds.items():
        sentence = supported(value, bona_fide, attacks)
        supports[name] = sentence
        point = measured_point(
            name,
            value,
            bona_fide=bona_fide,
            attacks=attacks,
            margin=_margin(name, value, old=contract, score_map=score_map, precision=precision),
            precision=precision,
            measured_on=f"{measured_on}; {sentence}",
        )
        points.append(replace(point, threshold=score_map(value)))
    made = replace(contract, operating_points=tuple(points), score_map=score_map)
    return Calibrated(contract=replace(made, version=_version(made)), supports=supports)


def grouped(scores: Sequence[Score], *, over: str) -> dict[str, np.ndarray]:
    """Attacks' scores (n,) by what a rate must hold for: each instrument, each family, or all of them."""
    names: dict[str, Callable[[str], str]] = {
        "instrument": lambda name: name,
        "family": family_of,
        "all": lambda _: "all",
    }
    found: dict[str, list[float]] = {}
    for score in scores:
        if score.label == "attack":
            found.setdefault(names[over](score.instrument or "attack"), []).append(score.score)
    return {name: np.array(found[name]) for name in sorted(found)}


def threshold(wanted: Wanted, bona_fide: np.ndarray, groups: Mapping[str, np.ndarray]) -> float:
    """The threshold at which the one-sided 95 % bound of the wanted rate is at most its target.

    It is the lowest such threshold for APCER, over the scored attacks of each group, and the highest for
    BPCER, whose errors include non-responses. DataError says what the sample lacks.
    """
    parts = [ranked(bona_fide, "bona fide"), *(ranked(found, name) for name, found in groups.items())]
    if wanted.rate == "bpcer":
        return _at_bpcer(wanted, parts)
    allowed = {name: errors_allowed(_scored(found), wanted.target) for name, found in groups.items()}
    if short := [name for name, errors in allowed.items() if errors is None]:
        raise DataError(_short_of_attacks(wanted, groups, short))
    limit = -math.inf  # the highest score that must be refused
    for name, found in groups.items():
        finite = np.sort(found[np.isfinite(found)])
        place = len(finite) - 1 - (allowed[name] or 0)
        limit = max(limit, float(finite[place]) if place >= 0 else -math.inf)
    return threshold_up_to(parts, _above(parts, limit))


def supported(value: float, bona_fide: np.ndarray, attacks: Mapping[str, np.ndarray]) -> str:
    """What the sample says at a raw threshold: the worst instrument and BPCER with one-sided 95 % bounds."""
    bounds = {
        name: (int((found >= value).sum()), _scored(found))
        for name, found in attacks.items()
        if _scored(found)
    }
    refused = int((~(bona_fide >= value)).sum())
    words = [_bound("BPCER", refused, len(bona_fide), "refused")]
    if bounds:
        worst = max(bounds, key=lambda name: upper_bound(*bounds[name]))
        words.insert(0, f"{_bound(f'APCER of {worst}', *bounds[worst], 'accepted')}")
        passed, count = (sum(column) for column in zip(*bounds.values(), strict=True))
        words.insert(1, _bound("of all attacks", passed, count, "accepted"))
    return f"{', '.join(words)} (95 % one-sided)"


def write_calibrated(model: str | Path, contract: Contract, out: str | Path) -> Contract:
    """The file of `model` with that contract in place of its own, sealed; whole or not at all."""
    graph, _ = read_file(model)
    loaded = onnx.load_model_from_string(graph)
    contract, content = seal_onnx(loaded, contract)
    write_bytes(out, content)
    return contract


def _version(made: Contract) -> str:
    """The network's version and a mark of the calibration: the hash of the graph is the same as before it."""
    told = repr((made.score_map, made.operating_points)).encode()
    method = made.score_map.method if made.score_map else "none"
    return f"{made.version.partition('+')[0]}+{method}.{hashlib.sha256(told).hexdigest()[:8]}"


def _classes(scores: Sequence[Score]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    table = metrics.columns(scores)
    for kind, silent in (("bona fide", ~table.bona_fide), ("attack", table.bona_fide)):
        if silent.all():
            raise DataError(
                f"a calibration needs captures of both classes, and none of these {len(scores)} is {kind}; "
                "capture some and list them in labels.csv"
            )
    return table.bona_fide_scores(), table.attacks()


def _old_thresholds(contract: Contract, *, precision: str) -> dict[str, float]:
    """The thresholds of the contract's points, in units of the network's own score."""
    back = contract.score_map.inverse if contract.score_map else float
    return {p.name: back(p.threshold) for p in contract.operating_points if p.precision == precision}


def _at_bpcer(wanted: Wanted, parts: Sequence[Ranked]) -> float:
    bona_fide = parts[0]
    allowed = errors_allowed(bona_fide.count, wanted.target)
    needed = captures_needed(wanted.target)
    if allowed is None:
        raise DataError(
            f"{wanted.name}: BPCER <= {100 * wanted.target:g} % (95 % one-sided) needs {needed} bona fide "
            f"captures of which none is refused, and there are {bona_fide.count}, which carry "
            f"{_percent(upper_bound(0, bona_fide.count))} at best; capture {needed - bona_fide.count} more"
        )
    place = allowed - bona_fide.silent  # silent ones are refused at every threshold
    if place < 0:
        raise DataError(
            f"{wanted.name}: BPCER <= {100 * wanted.target:g} % allows {allowed} of {bona_fide.count} bona "
            f"fide captures to fail, and {bona_fide.silent} have no score; look at why, or capture more"
        )
    return threshold_up_to(parts, float(bona_fide.finite[place]))


def _above(parts: Sequence[Ranked], limit: float) -> float:
    """The lowest score of any group above `limit`; inf where there is none."""
    higher = [float(part.finite[part.finite > limit][0]) for part in parts if (part.finite > limit).any()]
    return min(higher, default=math.inf)


def _short_of_attacks(wanted: Wanted, groups: Mapping[str, np.ndarray], short: Sequence[str]) -> str:
    needed = captures_needed(wanted.target)
    have = {name: _scored(groups[name]) for name in short}
    each = ", ".join(
        f"{needed - count} more of {name} ({count} scored, which carry "
        f"{_percent(upper_bound(0, count))} at best)"
        for name, count in have.items()
    )
    return (
        f"{wanted.name}: APCER <= {100 * wanted.target:g} % (95 % one-sided) needs {needed} scored captures "
        f"of each kind of attack of which none is accepted; capture {each}, or ask for less, or with --over "
        "family or all"
    )


def _margin(name: str, value: float, *, old: Contract, score_map: ScoreMap, precision: str) -> float:
    """The old point's band (of a new name: the first's), as wide as the map makes it on its wider side.

    How far single clips scatter was measured on a dev set of hundreds; a user's sample is too small for it.
    """
    points = [p for p in old.operating_points if p.precision == precision]
    point = next((p for p in points if p.name == name), points[0])
    half = point.margin
    if old.score_map:
        back = old.score_map.inverse
        half = max(
            back(point.threshold + half) - back(point.threshold),
            back(point.threshold) - back(point.threshold - half),
        )
    middle = score_map(value)
    return max(score_map(value + half) - middle, middle - score_map(value - half))


def _scored(found: np.ndarray) -> int:
    return int(np.isfinite(found).sum())


def _bound(name: str, errors: int, count: int, word: str) -> str:
    return f"{name} <= {_percent(upper_bound(errors, count))} ({errors} of {count} {word})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
