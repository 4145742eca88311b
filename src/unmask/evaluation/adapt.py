"""A model with a linear head and a user's own captures -> the same model with a head that knows them.

The head is the graph's initializers "head.weight" (D,) and "head.bias" (1,), which read its inner tensor
"features" (B, D); the score is the sigmoid of what they say. In the new file the score is calibrated by the
head itself, so that it needs no map, and 0.5 is the threshold of the default point.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from scipy.special import expit

from unmask import metrics
from unmask.contract import (
    Contract,
    GoldenClip,
    OperatingPoint,
    ScoreMap,
    TrainingData,
    ellipse_mask,
    golden_views,
    seal_onnx,
)
from unmask.detector.decision import rule_of
from unmask.detector.model_file import read_file
from unmask.detector.network import Network
from unmask.detector.odds import log_odds, margin, width
from unmask.evaluation.calibration import supported
from unmask.evaluation.heads import (
    CaptureSample,
    OddsHead,
    capture_scores,
    chosen_strength,
    fitted,
    left_out,
)
from unmask.files import write_bytes
from unmask.types import DataError, Label, ModelError, PresentationRecord

WEIGHT, BIAS = "head.weight", "head.bias"
FEWEST = 3  # captures of a class: below, nothing is left to fit to once some are left out
AGREES = 0.02  # how far a score may be from what the head says of its features
DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(PresentationRecord):
    """What was seen in one capture: `features` (n, D) and `scores` (n,) of its clips, as the model gave them.

    `group` is the subject or recording that is left out as a whole.
    """

    group: str
    features: np.ndarray
    scores: np.ndarray

    @property
    def bona_fide(self) -> bool:
        """Its truth as labels of a fit have it."""
        return self.label is Label.BONA_FIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutFigures:
    """At the default threshold: `apcer` of all attacks, `bpcer`, `auc`."""

    apcer: float
    bpcer: float
    auc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """The new head with its contract (its golden clips and hash are those of the old file until it is
    written), the strength of the prior, infinite where only the calibration moved, and figures `before`, of
    the model as it is, and `after`, of heads that had not seen the capture.
    """

    head: OddsHead
    contract: Contract
    strength: float
    before: LeftOutFigures
    after: LeftOutFigures

    @property
    def better(self) -> bool:
        """Whether what is left out is judged better: errors fall or AUC rises, and the other is no worse."""
        fewer = self.before.apcer + self.before.bpcer - self.after.apcer - self.after.bpcer
        higher = self.after.auc - self.before.auc
        return min(fewer, higher) >= 0 and max(fewer, higher) > 0


def read_head(model: str | Path) -> tuple[OddsHead, Contract]:
    """The head and contract of a file; ModelError where it has no such head."""
    graph, contract = read_file(model)
    loaded = onnx.load_model_from_string(graph)
    tensors = {t.name: t for t in loaded.graph.initializer if t.name in (WEIGHT, BIAS)}
    inner = {value.name for value in loaded.graph.value_info} | {
        name for node in loaded.graph.node for name in node.output
    }
    if set(tensors) != {WEIGHT, BIAS} or "features" not in inner:
        raise ModelError(
            f"model {contract.name} has no linear head that could be adapted; name one that has, such as the "
            "encoder, or fit its thresholds by `unmask calibrate`"
        )
    weight, bias = (onnx.numpy_helper.to_array(tensors[name]).astype(np.float64) for name in (WEIGHT, BIAS))
    return OddsHead(weight=weight.ravel(), bias=float(bias.reshape(()))), contract


def check_counts(bona_fide: int, attacks: int) -> None:
    """DataError where a class has too few captures to be adapted to."""
    for count, name in ((bona_fide, "bona fide"), (attacks, "attack")):
        if count < FEWEST:
            raise DataError(
                f"adapting needs {FEWEST} captures of each class or more, and {count or 'none'} of these "
                f"{'is' if count < 2 else 'are'} {name}; capture {FEWEST - count} more"
            )


def adapt(
    head: OddsHead,
    contract: Contract,
    captures: Sequence[Capture],
    *,
    precision: str,
    source: str,
    day: str,
    progress: Callable[[int, int], None] | None = None,
) -> Adapted:
    """The head fitted to the captures, and the contract that says so; `source` names them, `day` is a date,
    and `progress` gets fits done and in all: one for each fold that is left out, and one to all captures.

    DataError where a class is short; ModelError where scores are not what the head says of the features.
    """
    bona_fide = sum(capture.bona_fide for capture in captures)
    check_counts(bona_fide, len(captures) - bona_fide)
    _check_scores(head, captures, name=contract.name)
    prior = calibrated_head(head, contract, precision=precision)
    sample = sample_of(captures)
    said = left_out(prior, sample, progress=progress)
    strength = chosen_strength(prior, sample)
    weights = "weights kept" if np.isinf(strength) else f"strength of the prior {strength:g}"
    after = capture_scores(said, sample)[1]
    before = capture_scores(prior(sample.features), sample)[1]
    truths = np.array([capture.bona_fide for capture in captures])
    new_head = fitted(prior, sample, strength=strength)
    subjects = len({capture.group for capture in captures})
    held = f"each left out with its group, of which there are {subjects}"
    measured_on = (
        f"own captures {source} ({bona_fide} bona fide, {len(captures) - bona_fide} attacks), {day}; {held}"
    )
    row = TrainingData(
        name=f"own captures {source}",
        licence="the user's own",
        items=len(captures),
        note=f"adapted head, {day}: {bona_fide} bona fide, {len(captures) - bona_fide} attacks in {subjects} "
        f"groups, {weights}",
    )
    new = replace(
        contract,
        operating_points=_points(contract, captures, after, precision=precision, measured_on=measured_on),
        training_data=(*contract.training_data, row),
        command="unmask adapt",
        score_map=None,
    )
    return Adapted(
        head=new_head,
        contract=replace(new, version=_version(new, new_head)),
        strength=strength,
        before=_figures(before, truths),
        after=_figures(after, truths),
    )


def sample_of(captures: Sequence[Capture]) -> CaptureSample:
    """The clips of all captures, numbered in their order."""
    counts = [len(capture.features) for capture in captures]
    names = {name: number for number, name in enumerate(dict.fromkeys(c.group for c in captures))}
    return CaptureSample(
        features=np.concatenate([capture.features for capture in captures]).astype(np.float64),
        labels=np.repeat([capture.bona_fide for capture in captures], counts),
        capture=np.repeat(np.arange(len(captures)), counts),
        group=np.repeat([names[capture.group] for capture in captures], counts),
    )


def calibrated_head(head: OddsHead, contract: Contract, *, precision: str) -> OddsHead:
    """The head whose own sigmoid is the calibrated score with 0.5 at the default threshold, as nearly as a
    straight line of log-odds can follow the contract's map.
    """
    threshold = rule_of(contract, point=DEFAULT, precision=precision).threshold
    slope, offset = (1.0, 0.0) if contract.score_map is None else map_line(contract.score_map)
    return head.stretched(slope, offset - log_odds(threshold))


def map_line(score_map: ScoreMap) -> tuple[float, float]:
    """Slope and offset of the map in log-odds, where most scores lie, by least squares.

    >>> raw = tuple(np.linspace(0, 1, 201))
    >>> same = ScoreMap(method="platt", raw=raw, calibrated=raw)
    >>> [round(value, 3) for value in map_line(same)]
    [1.0, 0.0]
    """
    raw = np.linspace(0.02, 0.98, 49)
    x = np.array([log_odds(score) for score in raw])
    y = np.array([log_odds(score_map(score)) for score in raw])
    slope, offset = np.polyfit(x, y, 1)
    return float(slope), float(offset)


def write_adapted(model: str | Path, adapted: Adapted, out: str | Path) -> Contract:
    """The file of `model` with the new head and contract, golden clips scored anew; whole or not at all."""
    graph, _ = read_file(model)
    loaded = onnx.load_model_from_string(graph)
    del loaded.metadata_props[:]
    values = {WEIGHT: adapted.head.weight, BIAS: np.array([adapted.head.bias])}
    for tensor in loaded.graph.initializer:
        if tensor.name in values:
            made = onnx.numpy_helper.from_array(
                values[tensor.name].astype(np.float32).reshape(tuple(tensor.dims)), tensor.name
            )
            tensor.CopyFrom(made)
    contract = replace(adapted.contract, golden=_golden(loaded, adapted.contract))
    contract, content = seal_onnx(loaded, contract)
    write_bytes(out, content)
    return contract


def _golden(loaded: onnx.ModelProto, contract: Contract) -> tuple[GoldenClip, ...]:
    network = Network(loaded.SerializeToString(), contract, origin=contract.name, precision="f32", threads=1)
    clips = []
    for golden in contract.golden:
        pixels, *views = golden_views(golden.seed, contract.clip)
        score = network.run(pixels[None], ellipse_mask()[None], *(view[None] for view in views))[0][0]
        clips.append(replace(golden, score=float(score)))
    return tuple(clips)


def _check_scores(head: OddsHead, captures: Sequence[Capture], *, name: str) -> None:
    said = np.concatenate([expit(head(capture.features)) for capture in captures])
    given = np.concatenate([capture.scores for capture in captures])
    if not np.abs(said - given).max() <= AGREES:
        raise ModelError(
            f"model {name} scores {float(given[np.argmax(np.abs(said - given))]):.3f} where its head says "
            f"{float(said[np.argmax(np.abs(said - given))]):.3f}: more than a linear head decides there, so "
            "it cannot be adapted; fit its thresholds by `unmask calibrate`"
        )


def _points(
    contract: Contract, captures: Sequence[Capture], scores: np.ndarray, *, precision: str, measured_on: str
) -> tuple[OperatingPoint, ...]:
    """The old points of that precision as far from the default one in log-odds as they were."""
    bona_fide = np.array([s for c, s in zip(captures, scores, strict=True) if c.bona_fide])
    attacks: dict[str, np.ndarray] = {}
    for name in sorted({c.instrument or "attack" for c in captures if not c.bona_fide}):
        attacks[name] = np.array(
            [
                s
                for c, s in zip(captures, scores, strict=True)
                if not c.bona_fide and (c.instrument or "attack") == name
            ]
        )
    base = log_odds(rule_of(contract, point=DEFAULT, precision=precision).threshold)
    return tuple(
        _point(point, log_odds(point.threshold) - base, bona_fide, attacks, measured_on=measured_on)
        for point in contract.operating_points
        if point.precision == precision
    )


def _point(
    old: OperatingPoint,
    middle: float,
    bona_fide: np.ndarray,
    attacks: Mapping[str, np.ndarray],
    *,
    measured_on: str,
) -> OperatingPoint:
    threshold = float(expit(middle))
    accepted = metrics.apcer(attacks, threshold)
    worst = max(accepted, key=lambda instrument: accepted[instrument])
    return replace(
        old,
        threshold=threshold,
        margin=margin(middle, width=width(old)),
        apcer=accepted[worst],
        worst_instrument=worst,
        bpcer=metrics.bpcer(bona_fide, threshold),
        attacks=sum(len(found) for found in attacks.values()),
        bona_fide=len(bona_fide),
        measured_on=f"{measured_on}; {supported(threshold, bona_fide, attacks)}",
    )


def _figures(scores: np.ndarray, truths: np.ndarray) -> LeftOutFigures:
    bona_fide, attacks = scores[truths], scores[~truths]
    return LeftOutFigures(
        apcer=metrics.apcer({"all": attacks}, 0.5)["all"],
        bpcer=metrics.bpcer(bona_fide, 0.5),
        auc=metrics.auc(bona_fide, attacks),
    )


def _version(new: Contract, head: OddsHead) -> str:
    digest = hashlib.sha256(head.weight.astype(np.float32).tobytes() + repr(new.operating_points).encode())
    return f"{new.version.partition('+')[0]}+adapted.{digest.hexdigest()[:8]}"
