"""What travels with weights, so that a score can be read without asking those who trained them.

The contract is JSON: in the metadata of a safetensors file, or of the ONNX file made from it (key
`CONTRACT_KEY`). It says how clips are cut, what the score means, where the thresholds came from and what the
weights were trained on. A file without it is refused; so is one whose tensors or contract differ by a byte
from what was sealed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from unmask.plain import escaped
from unmask.types import ClipSpec, ModelError, SettingsError

CONTRACT_KEY = "unmask.contract"
FORMAT = 1
MAPPED_FORMAT = 2  # with a score map, which readers of the first format would pass over
LONGEST_NAME, LONGEST_TEXT = 200, 10_000  # letters: tables and errors show names whole
MOST = {"operating_points": 1000, "golden": 1000, "training_data": 100_000}
PRECISIONS = ("f32", "bf16", "int8")  # of inference; int8 is a graph of its own, see models.quantisation
YOUNGER = ("score_map", "second_opinion")  # fields that older files lack, and that are written only if set
MAP_PX = 32  # depth maps and masks are 32x32, whatever the size of the clip


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A named threshold with the error rates measured there.

    A presentation's score is the mean of its clip scores, through the contract's `score_map` where it has
    one; it is accepted when score >= `threshold`. `margin` is the half-width of the band in which one clip
    alone is weak evidence, in units of that score; n clips narrow it (see detector.decision). `precision` is
    that of the inference that the rates were measured with.
    """

    name: str
    threshold: float
    margin: float
    precision: str  # one of PRECISIONS
    apcer: float  # of the worst instrument
    worst_instrument: str
    bpcer: float
    attacks: int  # presentations measured
    bona_fide: int
    measured_on: str  # e.g. "simulated dev, seed 7"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """One source of training material with its licence."""

    name: str
    licence: str
    items: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenClip:
    """A clip that anyone can draw again (`golden_pixels`) and the score that the sealed network gave it, in
    f32, or in int8 where the graph is.
    """

    seed: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMap:
    """Mean clip score -> calibrated score: straight lines between knots, `raw` from 0 to 1.

    Both rise strictly, so that a score is at or above a threshold after the map exactly where it was before;
    a map that does not is a SettingsError.
    """

    method: str  # "isotonic" or "platt"
    raw: tuple[float, ...]
    calibrated: tuple[float, ...]

    def __post_init__(self) -> None:
        raw, calibrated = np.asarray(self.raw, np.float64), np.asarray(self.calibrated, np.float64)
        if not (
            len(raw) == len(calibrated) >= 2
            and (raw[0], raw[-1]) == (0.0, 1.0)
            and calibrated[0] >= 0
            and calibrated[-1] <= 1
            and np.all(np.diff(raw) > 0)
            and np.all(np.diff(calibrated) > 0)
        ):
            raise SettingsError(
                "a score map needs two or more knots that rise strictly, raw from 0 to 1 and calibrated in "
                f"[0, 1], not {self.raw} and {self.calibrated}; calibrate again"
            )

    def __call__(self, score: float) -> float:
        """The calibrated score; NaN stays NaN.

        >>> ScoreMap(method="platt", raw=(0, 0.5, 1), calibrated=(0, 0.9, 1))(0.25)
        0.45
        """
        return float(np.interp(score, self.raw, self.calibrated))

    def inverse(self, score: float) -> float:
        """The raw score that gives this one.

        >>> ScoreMap(method="platt", raw=(0, 0.5, 1), calibrated=(0, 0.9, 1)).inverse(0.45)
        0.25
        """
        return float(np.interp(score, self.calibrated, self.raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Everything a reader of a weights file has to know; see the module."""

    name: str
    version: str
    network: str  # a key of models.MODELS
    arguments: Mapping[str, Any]
    clip: ClipSpec
    operating_points: tuple[OperatingPoint, ...]
    training_data: tuple[TrainingData, ...]
    golden: tuple[GoldenClip, ...]
    command: str
    seed: int
    commit: str
    payload_sha256: str = ""  # of the tensors (safetensors) or of the graph (ONNX)
    evidence_correlation: float = 0.5  # between clips of one presentation, measured on dev
    score_map: ScoreMap | None = None  # made by `calibrate`
    second_opinion: float | None = None  # its share of the log-odds when it is fused with another model

    def point(self, name: str, *, precision: str) -> OperatingPoint:
        """The operating point of that name, measured at that precision; SettingsError where there is none."""
        for point in self.operating_points:
            if point.name == name and point.precision == precision:
                return point
        known = sorted({f"{p.name} ({p.precision})" for p in self.operating_points})
        other = {p.precision for p in self.operating_points if p.name == name}
        remedy = f"; give --precision {min(other, key=PRECISIONS.index)}" if other else ""
        raise SettingsError(
            f"model {self.name} has no operating point {name} ({precision}); it has "
            f"{', '.join(known) or 'none; calibrate it'}{remedy}"
        )


def golden_pixels(seed: int, spec: ClipSpec) -> np.ndarray:
    """A clip (T, S, S, 3) uint8 of smooth shapes and noise that depends on `seed` and the spec alone.

    >>> golden_pixels(1, ClipSpec(frames=2, size_px=32)).shape
    (2, 32, 32, 3)
    """
    rng = np.random.default_rng([seed, spec.frames, spec.size_px])
    y, x = np.mgrid[0 : 1 : spec.size_px * 1j, 0 : 1 : spec.size_px * 1j]
    picture = np.zeros((spec.frames, spec.size_px, spec.size_px, 3))
    for t in range(spec.frames):
        for channel in range(3):
            fx, fy, phase = rng.uniform(-3, 3), rng.uniform(-3, 3), rng.uniform(0, 6.28)
            picture[t, ..., channel] = 128 + 70 * np.sin(6.28 * (fx * x + fy * y) + phase + 0.2 * t)
    picture += rng.normal(0, 8, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def golden_views(seed: int, spec: ClipSpec) -> list[np.ndarray]:
    """The golden clip of the spec and those of its views, in their order."""
    return [golden_pixels(seed, one) for one in (spec, *(spec.of_view(view) for view in spec.views))]


def view_names(spec: ClipSpec) -> list[str]:
    """The names of a graph's inputs for the spec's views.

    >>> from unmask.types import ClipView
    >>> view_names(ClipSpec(views=(ClipView(size_px=80, box_scale=4.4),)))
    ['view1']
    """
    return [f"view{number}" for number, _ in enumerate(spec.views, start=1)]


def ellipse_mask(size: int = MAP_PX) -> np.ndarray:
    """Where a face is expected in a clip when no mesh says so: (size, size) float32, 1 inside, 0 outside.

    An upright ellipse in the centre, 0.60 wide and 0.76 high: a face of aspect 0.8 in a clip 1.3 times as
    large.

    >>> round(float(ellipse_mask().mean()), 2)
    0.36
    """
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size - 0.5
    return ((x / 0.30) ** 2 + (y / 0.38) ** 2 <= 1).astype(np.float32)


def tensors_sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """One hash of all names, shapes, kinds and bytes, whatever the order of the mapping."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}|{tensor.dtype}|{tensor.shape}|".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def onnx_sha256(model: Any) -> str:
    """One hash of an `onnx.ModelProto`: of all that is in it except the contract, which holds the hash."""
    return hashlib.sha256(without_contract(model).SerializeToString(deterministic=True)).hexdigest()


def without_contract(model: Any) -> Any:
    """A copy of an `onnx.ModelProto` that keeps its other metadata."""
    bare = type(model)()
    bare.CopyFrom(model)
    for place in reversed(range(len(bare.metadata_props))):
        if bare.metadata_props[place].key == CONTRACT_KEY:
            del bare.metadata_props[place]
    return bare


def seal_onnx(model: Any, contract: Contract) -> tuple[Contract, bytes]:
    """`contract` sealed for the graph of an `onnx.ModelProto`, and the whole file; other metadata stay."""
    contract = sealed(contract, onnx_sha256(model))
    kept = {entry.key: entry.value for entry in model.metadata_props if entry.key != CONTRACT_KEY}
    del model.metadata_props[:]
    for key, value in {**kept, CONTRACT_KEY: to_json(contract)}.items():
        model.metadata_props.add(key=key, value=value)
    return contract, model.SerializeToString(deterministic=True)


def to_json(contract: Contract) -> str:
    """The sealed form: canonical JSON of the fields, with the SHA-256 of itself beside it."""
    body = {**asdict(contract), "clip": contract.clip.written()}
    form = MAPPED_FORMAT
    if contract.score_map is None:
        del body["score_map"]  # as files were sealed before there were maps
        form = FORMAT
    if contract.second_opinion is None:
        del body["second_opinion"]  # as files were sealed before there was fusion
    return json.dumps({"format": form, "contract": body, "contract_sha256": _hash(body)}, sort_keys=True)


def from_json(text: str | None, *, origin: str) -> Contract:
    """The contract in `text`; `origin` names the file in errors. ModelError when missing or altered."""
    if not text:
        raise ModelError(
            f"{origin} carries no contract; export it with `unmask train` or take a released file"
        )
    try:
        sealed = json.loads(text, parse_constant=_no_number)
        body = sealed["contract"]
        if sealed["format"] not in (FORMAT, MAPPED_FORMAT):
            raise ModelError(
                f"{origin} has a contract of format {sealed['format']}; this version reads {FORMAT} and "
                f"{MAPPED_FORMAT}"
            )
        if sealed["contract_sha256"] != _hash(body):
            raise ModelError(
                f"{origin} was altered: its contract does not match its own hash; fetch the file again"
            )
        contract = Contract(
            **{
                **{f.name: body[f.name] for f in fields(Contract) if f.name not in YOUNGER},
                "clip": ClipSpec.read(body["clip"]),
                "operating_points": tuple(OperatingPoint(**point) for point in body["operating_points"]),
                "training_data": tuple(TrainingData(**row) for row in body["training_data"]),
                "golden": tuple(GoldenClip(**row) for row in body["golden"]),
                "score_map": _score_map(body.get("score_map")),
                "second_opinion": body.get("second_opinion"),
            }
        )
    except (
        SettingsError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,  # a text where fields should be
        OverflowError,
        RecursionError,  # lists in lists without end
    ) as broken:  # ValueError: no JSON, or bytes that are not text
        raise ModelError(
            f"{origin} has a contract that cannot be read ({str(broken)[:200]}); fetch the file again"
        ) from broken
    refuse_impossible(contract, origin=origin)
    return contract


def refuse_impossible(contract: Contract, *, origin: str) -> None:
    """ModelError names the first thing in a contract that cannot be true, however it was sealed."""
    for what, value, rule, holds in _rules(contract):
        if not holds:
            raise ModelError(
                f"{origin} has an impossible contract: {what} is {str(value)[:80]!r}, but must be {rule}; "
                "export it again, or take a released file"
            )


def _rules(contract: Contract) -> Iterator[tuple[str, Any, str, bool]]:
    """(what, its value, the rule, whether it holds)."""
    for name in ("name", "version", "network", "commit", "payload_sha256"):
        yield _text(name, getattr(contract, name))
    yield _text("command", contract.command, most=LONGEST_TEXT)
    for name, most in MOST.items():
        count = len(getattr(contract, name))
        yield f"the number of {name}", count, f"at most {most}", count <= most
    yield "arguments", contract.arguments, "a mapping", isinstance(contract.arguments, Mapping)
    yield "seed", contract.seed, "a whole number", _whole(contract.seed)
    clip = contract.clip
    for name, most in (("frames", 1000), ("size_px", 4096)):
        value = getattr(clip, name)
        yield f"clip.{name}", value, f"a whole number up to {most}", _whole(value) and 1 <= value <= most
    yield "clip.stride_s", clip.stride_s, "above 0 s and at most 60", _within(clip.stride_s, 1e-6, 60)
    yield "clip.box_scale", clip.box_scale, "in [1, 10]", _within(clip.box_scale, 1, 10)
    value = contract.evidence_correlation
    yield "evidence_correlation", value, "in [0, 1]", _within(value, 0, 1)
    for golden in contract.golden:
        yield "golden seed", golden.seed, "a whole number from 0", _whole(golden.seed) and golden.seed >= 0
        yield "golden score", golden.score, "in [0, 1]", _within(golden.score, 0, 1)
    for row in contract.training_data:
        for name in ("name", "licence", "note"):
            yield _text(f"training_data.{name}", getattr(row, name), most=LONGEST_TEXT)
        yield "training_data.items", row.items, "a whole number from 0", _whole(row.items) and row.items >= 0
    for point in contract.operating_points:
        yield from _rules_of_point(point)
    yield from _order(contract.operating_points)


def _rules_of_point(point: OperatingPoint) -> Iterator[tuple[str, Any, str, bool]]:
    yield _text("the name of an operating point", point.name)
    where = f"operating point {point.name}"
    yield _text(f"{where}: worst_instrument", point.worst_instrument)
    yield _text(f"{where}: measured_on", point.measured_on, most=LONGEST_TEXT)
    known = f"one of {', '.join(PRECISIONS)}"
    yield f"{where}: precision", point.precision, known, point.precision in PRECISIONS
    # At a threshold of 0 or less every presentation is accepted, whatever its score.
    threshold = point.threshold
    yield f"{where}: threshold", threshold, "above 0 and at most 1", _within(threshold, 1e-12, 1)
    for name in ("margin", "apcer", "bpcer"):
        value = getattr(point, name)
        yield f"{where}: {name}", value, "in [0, 1]", _within(value, 0, 1)
    for name in ("attacks", "bona_fide"):
        value = getattr(point, name)
        yield f"{where}: {name}", value, "a whole number from 0", _whole(value) and value >= 0


def _order(points: Sequence[OperatingPoint]) -> Iterator[tuple[str, Any, str, bool]]:
    """Names are unique at each precision; of two points measured on the same presentations the one with the
    higher threshold accepts no more attacks, and no more bona fide.
    """
    keys = [(point.name, point.precision) for point in points]
    yield "operating points", keys, "of one name once at each precision", len(set(keys)) == len(keys)
    same: dict[tuple[object, ...], list[OperatingPoint]] = {}
    for point in points:
        key = (point.precision, point.measured_on, point.attacks, point.bona_fide)
        same.setdefault(key, []).append(point)
    for group in same.values():
        ordered = sorted(group, key=lambda point: (point.threshold, -point.apcer, point.bpcer))
        for low, high in pairwise(ordered):
            rule = (
                f"in order with those of {low.name}: fewer attacks and fewer bona fide at a higher threshold"
            )
            holds = high.apcer <= low.apcer + 1e-9 and high.bpcer >= low.bpcer - 1e-9
            yield f"operating point {high.name}: rates", (high.apcer, high.bpcer), rule, holds


def _text(what: str, value: Any, *, most: int = LONGEST_NAME) -> tuple[str, Any, str, bool]:
    holds = isinstance(value, str) and len(value) <= most and escaped(value) == value
    return what, value, f"a text of at most {most} letters without control characters", holds


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(value: Any, low: float, high: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and low <= value <= high  # not of NaN


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not a number")


def _score_map(body: Any) -> ScoreMap | None:
    if body is None:
        return None
    knots = {name: tuple(body[name]) for name in ("raw", "calibrated")}
    return ScoreMap(method=body["method"], **knots)


def sealed(contract: Contract, payload_sha256: str) -> Contract:
    """The same contract for a payload with that hash; ModelError where nobody could read it again."""
    made = replace(contract, payload_sha256=payload_sha256)
    refuse_impossible(made, origin="the model to be written")
    return made


def _hash(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
