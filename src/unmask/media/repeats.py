"""Whether a recording is held: the very same picture again and again, but for what a codec makes of it.

Measured from one look to the next, 0.07 to 0.1 s later, the largest change of 64 cells of the face in grey
values. Held, in twelve codings: most below 0.6, with a key frame now and then above. Living people: 1.2 and
more, compressed so far that little is left of them 0.6 and more, but for single looks. A key frame that
codes a held picture anew changes it by up to 4.4, the next picture of a slow camera that is held in a hand
by 8 to 18.
"""

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np

from unmask.media.clips import clip_box
from unmask.media.differences import CELL, SIDE, Look, difference, grey_in, look_at
from unmask.types import Sighting

SAME = 0.75  # grey values
SAME_LOOK, SAME_PLACE = 0.09, 8.0  # what key frames may change: by `difference`, and in grey values
LEAST_SHARE = 0.7  # of a run that must be repeats: a camera of 5 frames/s, stored as 30, has 0.58
STEP_S = 0.06  # pictures that follow sooner are not compared: those of a fast camera are nearly alike
DOUBLED_S = (
    0.5  # repeats up to here are what slow cameras and networks make; longer ones show as little as a gap
)
HELD_S = 0.8  # a second, less a look at either end


@dataclass(slots=True, kw_only=True)
class _Repeat:
    """Repeats from `from_s` to `to_s`, all like its first look, a picture of grey values in a box."""

    first: Look
    box: np.ndarray = field(repr=False)
    grey: np.ndarray = field(repr=False)
    from_s: float
    to_s: float
    repeated_s: float

    @property
    def seconds(self) -> float:
        return self.to_s - self.from_s


class Repeats:
    """Fed with the sightings of one face in order."""

    def __init__(self) -> None:
        self._runs: deque[_Repeat] = deque()  # longer than `DOUBLED_S`
        self._run: _Repeat | None = None  # which may go on
        self._latest: Sighting | None = None

    @property
    def held(self) -> bool:
        """Whether one picture was shown for a second or more."""
        return any(run.seconds >= HELD_S - 1e-6 for run in self._long())

    @property
    def spans(self) -> list[tuple[float, float]]:
        """From when to when, the first excluded, pictures were shown that tell nothing more."""
        return [(run.from_s, run.to_s) for run in self._long()]

    def forget(self, before_s: float) -> None:
        """Let go of what ended earlier."""
        while self._runs and self._runs[0].to_s < before_s:
            self._runs.popleft()

    def add(self, sighting: Sighting) -> None:
        """Compare one more sighting with the one before."""
        latest, now_s = self._latest, sighting.frame.time_s
        if latest is not None and now_s - latest.frame.time_s < STEP_S:
            return
        self._latest = sighting
        if latest is None:
            return
        step_s = now_s - latest.frame.time_s
        same = change(latest, sighting) <= SAME
        if self._run is not None and same:
            self._run.to_s = now_s
            self._run.repeated_s += step_s
        elif same:
            self._run = _begun(latest, to_s=now_s)
        elif self._run is not None and not self._goes_on(self._run, sighting):
            if self._run.seconds > DOUBLED_S:
                self._runs.append(self._run)
            self._run = None

    def _goes_on(self, run: _Repeat, sighting: Sighting) -> bool:
        """Whether another picture may be a key frame of the one that is repeated."""
        if run.repeated_s < LEAST_SHARE * (sighting.frame.time_s - run.from_s):
            return False
        if _most(run.grey, grey_in(sighting, run.box)) > SAME_PLACE:
            return False
        return difference(run.first, look_at(sighting)) <= SAME_LOOK

    def _long(self) -> list[_Repeat]:
        last = [self._run] if self._run is not None and self._run.seconds > DOUBLED_S else []
        return [*self._runs, *last]


def change(before: Sighting, after: Sighting) -> float:
    """How far the grey values of a face changed in its place, in the cell where they changed most."""
    box = clip_box(before.face.mesh, scale=1.0)
    return _most(grey_in(before, box), grey_in(after, box))


def _begun(first: Sighting, *, to_s: float) -> _Repeat:
    """The run of a picture that was shown again once."""
    box, from_s = clip_box(first.face.mesh, scale=1.0), first.frame.time_s
    return _Repeat(
        first=look_at(first),
        box=box,
        grey=grey_in(first, box),
        from_s=from_s,
        to_s=to_s,
        repeated_s=to_s - from_s,
    )


def _most(before: np.ndarray, after: np.ndarray) -> float:
    """The change of grey values (SIDE, SIDE) in the cell where it is largest."""
    cells = SIDE // CELL
    changed = cv2.absdiff(before, after).reshape(cells, CELL, cells, CELL)
    return float(np.mean(changed, axis=(1, 3)).max())
