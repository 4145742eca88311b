"""Where recordings come from: simulated clips with their truth, or the tracked faces of a labelled folder."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unmask.data.prepare.preparation import Recording
from unmask.data.prepare.true_depth import Depth, DepthTwin, NoDepthError, open_twin
from unmask.files import name_below
from unmask.media.clips import LONGEST_GAP
from unmask.media.sources import open_presentation
from unmask.types import Face, Frame, Presentation, Reason, Sighting, SourceError

if TYPE_CHECKING:
    from unmask.media.quality import QualityLimits

READ_S = 10.0  # of a real video: more clips of one presentation teach little and fill the memory
FOLLOWED_S = 0.1  # the longest that a face is not looked at, however few frames are kept
UNREADABLE = "UNREADABLE"  # beside the reasons of unmask.types: nothing was there to look at
NO_DEPTH = "NO_DEPTH"  # likewise: the label was to be real depth, and there is none that fits


class SimulatedClip(Protocol):
    """What is read of a simulated clip (simulate.studio.Simulated), which data may not import."""

    @property
    def frames(self) -> Sequence[np.ndarray]: ...  # (H, W, 3) uint8 RGB
    @property
    def times_s(self) -> np.ndarray: ...
    @property
    def depths(self) -> np.ndarray: ...  # (T, H, W) float32 metres
    @property
    def meshes(self) -> np.ndarray: ...  # (T, 468, 3) float32 px
    @property
    def presentation(self) -> Presentation: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulations:
    """The n-th clip of a series (simulate.series.Series) as a recording with its true meshes."""

    series: Callable[[int], SimulatedClip]

    def __call__(self, index: int) -> Recording:
        return from_simulated(self.series(index))


def named_below(presentation: Presentation, root: str) -> Presentation:
    """The presentation as a set tells of it: its path and that of a twin below `root`, a person of its own
    where none is named, and without the column `source`, which records have as a field.
    """
    name = name_below(root, presentation.path)
    columns = {k: cell for k, cell in presentation.columns.items() if k != "source"}
    if root:
        columns = {k: name_below(root, cell) for k, cell in columns.items()}
    return replace(presentation, path=name, subject=presentation.subject or name, columns=columns)


def from_simulated(simulated: SimulatedClip) -> Recording:
    """The recording of a simulated clip, with its true meshes."""
    sightings = [
        Sighting(frame=Frame(image, float(time_s), index), face=_face(mesh))
        for index, (image, time_s, mesh) in enumerate(
            zip(simulated.frames, simulated.times_s, simulated.meshes, strict=True)
        )
    ]
    return Recording(
        presentation=simulated.presentation,
        sightings=sightings,
        source=simulated.source,
        depths=simulated.depths,
    )


def _face(mesh: np.ndarray) -> Face:
    mesh = np.asarray(mesh, dtype=np.float32)
    corners = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
    return Face(box=corners, mesh=mesh, presence=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedFolder:
    """The n-th presentation of a labelled folder as a recording of its longest track.

    Recordings are named by their path below `root`, and a presentation without a subject is one of its own.
    Frames are kept no denser than `stride_s` needs, up to `seconds` of a video, and only where the face may
    be scored. With the `depth` "real" frames are kept where they have a depth map of their own, which becomes
    the label; a presentation without is none. `load_finder` gives a media.faces.FaceFinder: called once in
    each process.
    """

    presentations: Sequence[Presentation]
    load_finder: Callable[[], Any]
    stride_s: float
    root: str = ""
    seconds: float = READ_S
    depth: Depth = "mesh"
    limits: "QualityLimits | None" = None  # those of the run time, if none are given

    def __call__(self, index: int) -> Recording | None:
        if index >= len(self.presentations):  # the last shard is rounded up
            return None
        presentation = self.presentations[index]
        name = name_below(self.root, presentation.path)
        found = self._found(presentation)
        detail = found.detail.replace(presentation.path, name)
        return Recording(
            presentation=named_below(presentation, self.root),
            sightings=found.sightings,
            depths=found.depths,
            real=self.depth == "real",
            source=presentation.columns.get("source", "") or presentation.dataset,
            reason=found.reason,
            detail=detail.replace(f"{self.root.rstrip('/')}/", "") if self.root else detail,
        )

    def _found(self, presentation: Presentation) -> "_Found":
        try:
            twin = open_twin(presentation) if self.depth == "real" else None
            seen = self._look(presentation, twin)
            if twin is None:
                return _Found(sightings=seen.longest(), reason=seen.reason())
            return _with_depth(seen, twin, stride_s=self.stride_s)
        except NoDepthError as missing:
            return _Found(reason=NO_DEPTH, detail=str(missing))
        except SourceError as unreadable:  # in its middle too: what cannot be read to its end is not trusted
            return _Found(reason=UNREADABLE, detail=str(unreadable))

    def _look(self, presentation: Presentation, twin: DepthTwin | None) -> "_SeenFaces":
        # Only here: they need OpenVINO, which a training machine may lack.
        from unmask.media.quality import DEFAULT_LIMITS, judge
        from unmask.media.tracks import Tracker

        tracker, limits, wanted_s = Tracker(_finder(self.load_finder)), self.limits or DEFAULT_LIMITS, 0.0
        seen, source, followed_s = _SeenFaces(), open_presentation(presentation), -np.inf
        with closing(source):
            for frame in source.frames:
                if frame.time_s > self.seconds:
                    seen.frames = source.frame_count
                    break
                seen.frames = frame.index + 1
                is_wanted = frame.time_s >= wanted_s - self.stride_s / 4 and (not twin or twin.has(frame))
                if not is_wanted and frame.time_s < followed_s + FOLLOWED_S - 1e-6:
                    continue  # never turned into RGB
                faces, followed_s = tracker.update(frame), frame.time_s
                if not is_wanted:
                    continue
                wanted_s = (np.floor(frame.time_s / self.stride_s + 0.25) + 1) * self.stride_s
                for identity, face in faces:
                    sighting = Sighting(frame=frame, face=face)
                    seen.take(identity, sighting, refused=judge(sighting, limits=limits))
        return seen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a recording is cut from, or why it is not; `depths` as there."""

    sightings: Sequence[Sighting] = ()
    depths: list[np.ndarray] | None = None
    reason: str
    detail: str = ""


@dataclass(slots=True)
class _SeenFaces:
    """The faces of one presentation: those that may be scored, and why the others may not.

    `frames`: how many the presentation has, None where it was not read to its end and does not say.
    """

    tracks: dict[int, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[Reason] = field(default_factory=Counter)
    count: int = 0
    frames: int | None = 0

    def take(self, identity: int, sighting: Sighting, *, refused: Sequence[Reason]) -> None:
        self.count += 1
        self.refusals.update(refused)
        if not refused:
            self.tracks[identity].append(sighting)

    def longest(self) -> list[Sighting]:
        return max(self.tracks.values(), key=len, default=[])

    def reason(self) -> str:
        """Why no clip comes of it, should none come: no face, what most of its faces lack, or time."""
        if not self.count:
            return Reason.NO_FACE
        (common, times), *_ = self.refusals.most_common(1) or [(Reason.TOO_SHORT, 0)]
        return common if times > self.count / 4 else Reason.TOO_SHORT


def _with_depth(seen: _SeenFaces, twin: DepthTwin, *, stride_s: float) -> _Found:
    """The longest track where its depth was measured."""
    if seen.frames is not None:
        twin.check_length(seen.frames)
    track = seen.longest()
    kept = twin.measured(track)
    sightings, depths = [sighting for sighting, _ in kept], [depth for _, depth in kept]
    times_s = [sighting.frame.time_s for sighting in track]
    gap_s = min((after - before for before, after in pairwise(times_s)), default=0.0)
    if twin.every > 1 and gap_s > LONGEST_GAP * stride_s + 1e-6:
        detail = (
            f"{twin.path} has the depth of one frame in {twin.every}, {gap_s:.2g} s apart, too far for clips "
            f"of a frame each {stride_s:g} s; take --clip-stride {gap_s:.2g}"
        )
        return _Found(reason=NO_DEPTH, detail=detail)
    if len(track) - len(kept) <= len(track) / 4:
        return _Found(sightings=sightings, depths=depths, reason=seen.reason())
    detail = (
        f"{twin.path} knows the depth of the face in {len(kept)} of {len(track)} frames, too few for a clip"
    )
    return _Found(sightings=sightings, depths=depths, reason=NO_DEPTH, detail=detail)


@cache  # one for each process, since loading takes longer than a picture
def _finder(load: Callable[[], Any]) -> Any:
    return load()
