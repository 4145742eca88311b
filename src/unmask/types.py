"""The nouns of the house, in the order in which the pipeline makes them.

Presentation -> Frame -> Face -> FaceTrack -> Clip -> Score -> Decision. Pictures are RGB uint8 (H, W, 3),
boxes are xyxy in pixels of the original frame, times are seconds, and a higher score is more bona fide.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np

from unmask.errors import (
    AssetError as AssetError,
    DataError as DataError,
    ModelError as ModelError,
    OutputError as OutputError,
    SettingsError as SettingsError,
    SourceError as SourceError,
    UnmaskError as UnmaskError,
)
from unmask.frames import Frame as Frame
from unmask.presentations import (
    FREE_FIELDS as FREE_FIELDS,
    Label as Label,
    Presentation as Presentation,
    PresentationRecord as PresentationRecord,
    Score as Score,
    family_of as family_of,
)
from unmask.readable import ReadableDecision, ReadableFace
from unmask.verdicts import Reason as Reason, Verdict as Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face in one frame.

    `box` (4,) float32 xyxy: bounding box of the mesh. `mesh` (468, 3) float32: x, y in pixels of the frame, z
    in the same unit, smaller is nearer to the camera. `presence` in [0, 1]: the mesh model's belief that a
    face is there.
    """

    box: np.ndarray
    mesh: np.ndarray
    presence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A face at a moment of a track."""

    frame: Frame
    face: Face

    def still_shows(self, other: "Sighting") -> bool:
        """Whether it is the same face in the same picture, which is still shown."""
        return self.frame.again and self.face is other.face and self.frame.image is other.frame.image


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrack:
    """One face through time: `sightings` in order of time; `identity` is a number within its source."""

    identity: int
    sightings: tuple[Sighting, ...]


Border = Literal["repeat", "inside"]
Sampling = Literal["area", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView:
    """A further picture of a clip's frames: its fields as in a ClipSpec."""

    size_px: int
    box_scale: float
    border: Border = "inside"
    sampling: Sampling = "area"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSpec:
    """How clips are cut for a network: `frames` T, `stride_s` between them, `size_px` S, `box_scale` on the
    mesh's box; `views` are cut from the same frames for networks that look at more than one crop.

    `border` says what happens to a box that reaches beyond the picture: "repeat" repeats the pixels of the
    picture's edge, as FAS-SGTD was published; "inside" makes the box no larger than the picture's shorter
    side and shifts it into the picture, so that no pixel is invented. `sampling` says how a crop is made
    smaller: "area" averages, so that no moire arises; "linear" looks at four pixels for each new one, as some
    published networks were trained.
    """

    frames: int = 5
    stride_s: float = 0.1
    size_px: int = 256
    box_scale: float = 1.3
    border: Border = "repeat"
    sampling: Sampling = "area"
    views: tuple[ClipView, ...] = ()

    def __post_init__(self) -> None:
        for view in self.views:
            self.of_view(view)  # held to the same rules
        if self.border not in get_args(Border):
            raise SettingsError(
                f"a clip's border must be one of {', '.join(get_args(Border))}, not {self.border!r}"
            )
        if self.sampling not in get_args(Sampling):
            raise SettingsError(
                f"a clip's sampling must be one of {', '.join(get_args(Sampling))}, not {self.sampling!r}"
            )
        if not (self.frames >= 1 and self.stride_s > 0 and self.size_px >= 32 and self.box_scale >= 1):
            raise SettingsError(
                f"a clip needs frames >= 1, stride_s > 0, size_px >= 32 and box_scale >= 1, not {self}"
            )

    def of_view(self, view: ClipView) -> "ClipSpec":
        """How that view is cut by itself."""
        return replace(self, **asdict(view), views=())

    def written(self) -> dict[str, Any]:
        """The fields as files hold them: those that older files lack only where they say something else."""
        younger = {"border": "repeat", "sampling": "area", "views": ()}
        return {name: value for name, value in asdict(self).items() if (name, value) not in younger.items()}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "ClipSpec":
        """The spec that was `written`; TypeError or SettingsError where it is not one.

        >>> spec = ClipSpec(frames=1, views=(ClipView(size_px=80, box_scale=4.4),))
        >>> ClipSpec.read(spec.written()) == spec
        True
        """
        views = tuple(ClipView(**view) for view in written.get("views", ()))
        return cls(**{**written, "views": views})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """T frames of one face cut with one box.

    `pixels` (T, S, S, 3) uint8 RGB; `times_s` (T,); `box` (4,) xyxy, square, in pixels of the original frame
    (where the border is "repeat" it may reach beyond it: such parts are edge-padded); `meshes` (T, 468, 3)
    float32 in pixels of the clip, z in the same unit. `views` are the same frames as the spec's views show
    them.
    """

    pixels: np.ndarray
    times_s: np.ndarray
    box: np.ndarray
    meshes: np.ndarray
    views: tuple["Clip", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What in a clip made its score; worked out only when somebody asks to see it.

    `gradient` (M, M) float32 over the clip's first frame: strength of the spatial gradient of the network's
    features, NaN off the face; None where the network has no such features. `weights` (T,) float32: how much
    lower the clip scores with that frame replaced by its neighbour; None where they were not worked out.
    `frames` (T, S, S, 3) uint8 and `times_s` (T,) are the clip's.
    """

    gradient: np.ndarray | None
    weights: np.ndarray | None
    frames: np.ndarray
    times_s: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScore:
    """What the network said about one clip: `score` in [0, 1], calibrated once it is part of a decision;
    `depth` (S, 32, 32) float32 in [0, 1], near is 1.

    In a long recording only some clips, spread over it, keep more than time and score; the others hold None.
    For evidence alone: `mesh` (468, 3) of the first frame in pixels of `picture`, and `features` (C,) of an
    inner tensor.
    """

    time_s: float  # of the clip's last frame
    score: float
    depth: np.ndarray | None
    picture: np.ndarray | None  # (S, S, 3) uint8: the clip's first frame, as the network saw it
    explanation: Explanation | None = None
    mesh: np.ndarray | None = None
    features: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a source in which one face was seen without a break, judged by itself.

    `from_s` and `to_s` are the times of its first and last sighting; `score` is NaN when no clip was scored.
    """

    identity: int
    from_s: float
    to_s: float
    verdict: Verdict
    score: float
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it, NaN as None."""
        return {
            "identity": self.identity,
            "from_s": finite(self.from_s),
            "to_s": finite(self.to_s),
            "verdict": self.verdict.value,
            "score": finite(self.score),
            "reasons": [reason.value for reason in self.reasons],
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FaceDecision(ReadableFace):
    """The decision on one face of a source, its worst segment that counts; `score` is NaN when no clip was
    scored. `landmarks` (468, 3) are x, y of the latest sighting in pixels of the frame, and z.
    """

    identity: int
    verdict: Verdict
    score: float
    reasons: tuple[Reason, ...]
    clips: tuple[ClipScore, ...]
    boxes: tuple[tuple[float, np.ndarray], ...]  # (time_s, xyxy) of every sighting
    segments: tuple[Segment, ...] = ()
    landmarks: np.ndarray | None = None

    def to_dict(self) -> dict[str, Any]:
        """As docs/json.md describes it, NaN as None."""
        box = self.boxes[0][1] if self.boxes else None
        return {
            "identity": self.identity,
            "verdict": self.verdict.value,
            "score": finite(self.score),
            "reasons": [reason.value for reason in self.reasons],
            "box": None if box is None else [finite(edge, digits=1) for edge in box],
            "clips": [{"time_s": finite(clip.time_s), "score": finite(clip.score)} for clip in self.clips],
            "segments": [segment.to_dict() for segment in self.segments],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(ReadableDecision):
    """The decision on a whole source: that of its main face, or the worst with all faces.

    For a single picture `faces` are all that were found, the largest first; where a second one is more than
    half as large, the verdict is UNDECIDED and the score that of the largest.

    `timings_ms` maps decode, faces, clips, network and total to milliseconds; `notes` are sentences on what a
    reader must know, such as that only the beginning was judged. It has no truth value: ask `is_live`.
    """

    source: str
    verdict: Verdict
    score: float
    threshold: float
    operating_point: str
    reasons: tuple[Reason, ...]
    faces: tuple[FaceDecision, ...]
    model_name: str
    model_version: str
    model_sha256: str
    timings_ms: Mapping[str, float]
    notes: tuple[str, ...] = ()  # sentences on the source: damaged frames, tracks that were not looked at
    judge: Any = field(default=None, repr=False, compare=False)  # a detector.decision.Judge, for reports

    @property
    def is_live(self) -> bool:
        """True for LIVE alone."""
        return self.verdict is Verdict.LIVE

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Those of all faces, in order of time."""
        found = (segment for face in self.faces for segment in face.segments)
        return tuple(sorted(found, key=lambda segment: (segment.from_s, segment.identity)))

    def __bool__(self) -> bool:
        """Raises: an attack that were true would open doors."""
        raise TypeError(
            f"a decision is neither true nor false, this one is {self.verdict.value}; ask decision.is_live, "
            "or `decision is not None`"
        )

    def __repr__(self) -> str:
        why = f" {'|'.join(self.reasons)}" if self.reasons else ""
        return (
            f"<Decision {self.verdict.value}{why} score={self.score:.3f} threshold={self.threshold:.3f} "
            f"faces={len(self.faces)} segments={len(self.segments)} source={self.source!r}>"
        )

    def to_dict(self) -> dict[str, Any]:
        """What `unmask check --json` prints, see docs/json.md; NaN as None, so that any JSON writer takes
        it.
        """
        return {
            "source": self.source,
            "verdict": self.verdict.value,
            "score": finite(self.score),
            "threshold": finite(self.threshold),
            "operating_point": self.operating_point,
            "reasons": [reason.value for reason in self.reasons],
            "faces": [face.to_dict() for face in self.faces],
            "model": {
                "name": self.model_name,
                "version": self.model_version,
                "sha256": self.model_sha256,
            },
            "clips": sum(len(face.clips) for face in self.faces),
            "timings_ms": {part: finite(ms, digits=1) for part, ms in self.timings_ms.items()},
            "segments": [segment.to_dict() for segment in self.segments],
            "notes": list(self.notes),
        }


def finite(value: float, *, digits: int = 6) -> float | None:
    """A number as JSON may hold it: rounded, None where it is none.

    >>> finite(0.1234567), finite(float("nan"))
    (0.123457, None)
    """
    return round(float(value), digits) if math.isfinite(value) else None
