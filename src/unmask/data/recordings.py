"""Where recordings come from: simulated clips with their truth, or the tracked faces of a labelled folder."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from unmask.data.prepare import Recording
from unmask.media.sources import open_presentation
from unmask.types import Face, Frame, Label, Presentation, Sighting

READ_S = 10.0  # of a real video: more clips of one presentation teach little and fill the memory


class SimulatedClip(Protocol):
    """What is read of a simulated clip (simulate.make.Simulated), which data may not import."""

    @property
    def frames(self) -> Sequence[np.ndarray]: ...  # (H, W, 3) uint8 RGB
    @property
    def times_s(self) -> np.ndarray: ...
    @property
    def depths(self) -> np.ndarray: ...  # (T, H, W) float32 metres
    @property
    def meshes(self) -> np.ndarray: ...  # (T, 468, 3) float32 px
    @property
    def label(self) -> Label: ...
    @property
    def instrument(self) -> str | None: ...
    @property
    def subject(self) -> str: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulations:
    """The n-th clip of a series (simulate.make.Series) as a recording with its true meshes."""

    series: Callable[[int], SimulatedClip]

    def __call__(self, index: int) -> Recording:
        return from_simulated(self.series(index))


def from_simulated(simulated: SimulatedClip) -> Recording:
    """The recording of a simulated clip, with its true meshes."""
    sightings = [
        Sighting(frame=Frame(image, float(time_s), index), face=_face(mesh))
        for index, (image, time_s, mesh) in enumerate(
            zip(simulated.frames, simulated.times_s, simulated.meshes, strict=True)
        )
    ]
    return Recording(
        name=f"simulated-{simulated.seed}",
        sightings=sightings,
        label=simulated.label,
        instrument=simulated.instrument or "",
        subject=simulated.subject,
        source="simulated",
        depths=simulated.depths,
    )


def _face(mesh: np.ndarray) -> Face:
    mesh = np.asarray(mesh, dtype=np.float32)
    corners = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
    return Face(box=corners, mesh=mesh, presence=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedFolder:
    """The n-th presentation of a labelled folder as a recording of its longest track.

    Rows with a column `subject` keep it; without, each presentation is a subject of its own. Frames are kept
    no denser than `stride_s` needs. `load_finder` gives a media.faces.FaceFinder: called once in each
    process.
    """

    presentations: Sequence[Presentation]
    load_finder: Callable[[], Any]
    stride_s: float

    def __call__(self, index: int) -> Recording | None:
        if index >= len(self.presentations):  # the last shard is rounded up
            return None
        presentation = self.presentations[index]
        sightings = self._longest_track(presentation)
        if not sightings:
            return None
        return Recording(
            name=presentation.path,
            sightings=sightings,
            label=presentation.label,
            instrument=presentation.instrument,
            subject=presentation.subject or presentation.path,
            source=presentation.columns.get("source", ""),
        )

    def _longest_track(self, presentation: Presentation) -> list[Sighting]:
        from unmask.media.tracks import (
            Tracker,
        )  # only here: it needs OpenVINO, which a training machine may lack

        tracker = Tracker(_finder(self.load_finder))
        tracks: dict[int, list[Sighting]] = defaultdict(list)
        wanted_s = 0.0
        for frame in open_presentation(presentation).frames:
            if frame.time_s > READ_S:
                break
            faces = tracker.update(frame)
            if frame.time_s < wanted_s - self.stride_s / 4:
                continue
            wanted_s = (np.floor(frame.time_s / self.stride_s + 0.25) + 1) * self.stride_s
            for identity, face in faces:
                tracks[identity].append(Sighting(frame=frame, face=face))
        return max(tracks.values(), key=len, default=[])


@cache  # one for each process, since loading takes longer than a picture
def _finder(load: Callable[[], Any]) -> Any:
    return load()
