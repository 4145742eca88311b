"""The nouns of the house, in the order in which the pipeline makes them.

Presentation -> Frame -> Face -> FaceTrack -> Clip -> Score -> Decision. Pictures are RGB uint8 (H, W, 3),
boxes are xyxy in pixels of the original frame, times are seconds, and a higher score is more bona fide.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Literal, get_args

import numpy as np

from unmask.plain import sentence


class Label(StrEnum):
    """The truth of a presentation."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"


class Verdict(StrEnum):
    """What a decision says of a presentation."""

    LIVE = "LIVE"
    ATTACK = "ATTACK"
    UNDECIDED = "UNDECIDED"


class Reason(StrEnum):
    """Why a decision is what it is; quality is reported apart from the verdict."""

    NO_FACE = "NO_FACE"
    FACE_TOO_SMALL = "FACE_TOO_SMALL"
    FACE_CUT = "FACE_CUT"  # the face touches the border of the picture
    FACE_TURNED = "FACE_TURNED"
    BLURRED = "BLURRED"
    TOO_DARK = "TOO_DARK"
    TOO_BRIGHT = "TOO_BRIGHT"
    SEVERAL_FACES = "SEVERAL_FACES"
    TOO_SHORT = "TOO_SHORT"
    TIMED_OUT = "TIMED_OUT"
    NOT_FINITE = "NOT_FINITE"  # the network gave NaN or infinity
    EVIDENCE_WEAK = "EVIDENCE_WEAK"


class UnmaskError(Exception):
    """Base of the errors a user can cause; the message is one sentence: rule, value, remedy.

    It never holds the credentials of an address, nor control characters of a name: see unmask.plain.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(sentence(text))


class SourceError(UnmaskError):
    """A video, image, folder, camera or stream that cannot be read."""


class OutputError(UnmaskError):
    """A file that cannot be written: a full disk, a folder that is read-only or missing."""


class ModelError(UnmaskError):
    """A model file that is missing, damaged, or without a contract."""


class AssetError(UnmaskError):
    """The face models could not be found or fetched."""


class DataError(UnmaskError):
    """A labels file, manifest or data folder that breaks its format."""


class SettingsError(UnmaskError):
    """A setting that is unknown or out of range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """One recording of one face with its truth: a row of a manifest.

    `instrument` is family/species, e.g. "print/a4-matt"; "" when bona fide. The others are "" where a data
    set does not say: `dataset` is a key of DATASETS, `split` the part in which the data set itself ships it,
    `subject`, `session`, `camera`, `place`, `instrument_model` and `domain` what protocols ask after. `turns`
    quarter turns clockwise bring its frames upright, where the file does not say so itself. `columns` keeps
    free columns as they came.
    """

    path: str
    label: Label
    instrument: str = ""
    dataset: str = ""
    split: str = ""
    subject: str = ""
    session: str = ""
    camera: str = ""
    place: str = ""
    instrument_model: str = ""
    domain: str = ""
    licence: str = ""
    turns: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)

    def cells(self) -> dict[str, str]:
        """What is known beyond path, label and instrument, by column: the filled fields, then `columns`."""
        known = {name: str(getattr(self, name)) for name in FREE_FIELDS}
        return {name: cell for name, cell in known.items() if cell not in ("", "0")} | dict(self.columns)


FREE_FIELDS = tuple(
    f.name for f in fields(Presentation) if f.name not in ("path", "label", "instrument", "columns")
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source: `image` (H, W, 3) uint8 RGB, upright; `time_s` since the first frame; `index`
    from 0.
    """

    image: np.ndarray
    time_s: float
    index: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrack:
    """One face through time: `sightings` in order of time; `identity` is a number within its source."""

    identity: int
    sightings: tuple[Sighting, ...]


Border = Literal["repeat", "inside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSpec:
    """How clips are cut for a network: `frames` T, `stride_s` between them, `size_px` S, `box_scale` on the
    mesh's box.

    `border` says what happens to a box that reaches beyond the picture: "repeat" repeats the pixels of the
    picture's edge, as FAS-SGTD was published; "inside" makes the box no larger than the picture's shorter
    side and shifts it into the picture, so that no pixel is invented.
    """

    frames: int = 5
    stride_s: float = 0.1
    size_px: int = 256
    box_scale: float = 1.3
    border: Border = "repeat"

    def __post_init__(self) -> None:
        if self.border not in get_args(Border):
            raise SettingsError(
                f"a clip's border must be one of {', '.join(get_args(Border))}, not {self.border!r}"
            )
        if self.frames < 1 or self.stride_s <= 0 or self.size_px < 32 or self.box_scale < 1:
            raise SettingsError(
                f"a clip needs frames >= 1, stride_s > 0, size_px >= 32 and box_scale >= 1, not {self}"
            )

    def written(self) -> dict[str, Any]:
        """The fields as files hold them; files older than `border` know no other than "repeat"."""
        known = asdict(self)
        if self.border == "repeat":
            del known["border"]
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """T frames of one face cut with one box.

    `pixels` (T, S, S, 3) uint8 RGB; `times_s` (T,); `box` (4,) xyxy, square, in pixels of the original frame
    (where the border is "repeat" it may reach beyond it: such parts are edge-padded); `meshes` (T, 468, 3)
    float32 in pixels of the clip, z in the same unit.
    """

    pixels: np.ndarray
    times_s: np.ndarray
    box: np.ndarray
    meshes: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One row of the score table: what a model said about one presentation; NaN is a failure to acquire."""

    presentation: str
    label: Label
    instrument: str
    score: float
    subject: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


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

    For evidence alone: `mesh` (468, 3) of the first frame in pixels of `picture`, and `features` (C,) of an
    inner tensor.
    """

    time_s: float  # of the clip's last frame
    score: float
    depth: np.ndarray | None
    picture: np.ndarray  # (S, S, 3) uint8: the clip's first frame, as the network saw it
    explanation: Explanation | None = None
    mesh: np.ndarray | None = None
    features: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceDecision:
    """The decision on one face of a source; `score` is NaN when no clip was scored."""

    identity: int
    verdict: Verdict
    score: float
    reasons: tuple[Reason, ...]
    clips: tuple[ClipScore, ...]
    boxes: tuple[tuple[float, np.ndarray], ...]  # (time_s, xyxy) of every sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision on a whole source: that of its main face, or the worst with all faces.

    `timings_ms` maps decode, faces, clips, network and total to milliseconds.
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
