"""What scores the sightings of one face: clips cut one after the other, each by the whole network."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Protocol

from unmask.contract import Contract
from unmask.detector.evidence import Window
from unmask.detector.stopwatch import Stopwatch
from unmask.media.clips import IN_PLACE, BoxMove, box_in, cut, moved_box
from unmask.types import Clip, ClipScore, Sighting


class Scorer(Protocol):
    """Usable sightings of one face, in order of time -> clip scores as they become possible."""

    def add(self, sighting: Sighting) -> list[ClipScore]: ...

    def wants(self, time_s: float, *, step_s: float) -> bool:
        """Whether a frame of that time, so long after the one before, may be part of a clip."""
        ...

    def end(self) -> list[ClipScore]:
        """Those of a last clip; what comes next is another segment."""
        ...


class ClipNetwork(Protocol):
    """Clips of its contract -> a score each, in their order."""

    contract: Contract

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]: ...


class WholeClips:
    """Cuts clips one after the other, their boxes moved by `move`, and scores each by the whole network.

    With `beside`, a clip is scored there while the next frames are looked at: its score comes with the next
    clip, or at the end. So what is given when depends on the frames alone, not on who is quicker.

    A clip of the same pictures and faces as the one before, of a picture that is still shown, has its score.
    """

    def __init__(
        self,
        network: ClipNetwork,
        *,
        clock: Stopwatch,
        move: BoxMove = IN_PLACE,
        beside: Executor | None = None,
    ) -> None:
        self._network = network
        self._clock = clock
        self._move = move
        self._beside = beside
        self._latest: Future[list[ClipScore]] | None = None  # of the last clip
        self._shown: Sequence[Sighting] = ()  # in the last clip
        self._under_way: Future[list[ClipScore]] | None = None  # the same, as long as nobody was given it
        self._window = Window(network.contract.clip)

    def add(self, sighting: Sighting) -> list[ClipScore]:
        return self._scored(self._window.add(sighting))

    def wants(self, time_s: float, *, step_s: float) -> bool:
        return self._window.wants(time_s, step_s=step_s)

    def end(self) -> list[ClipScore]:
        scored = self._scored(self._window.end())
        self._window.clear()
        return [*scored, *self._awaited()]

    def _scored(self, sightings: Sequence[Sighting] | None) -> list[ClipScore]:
        if sightings is None:
            return []
        before = self._awaited()
        is_new = not self._shown or not all(map(Sighting.still_shows, sightings, self._shown))
        if self._latest is None or is_new:
            self._latest = self._asked(sightings)
        self._shown, self._under_way = sightings, self._latest
        return self._awaited() if self._beside is None else before

    def _asked(self, sightings: Sequence[Sighting]) -> "Future[list[ClipScore]]":
        """The score of a clip of these, which is there at once where nothing runs beside."""
        spec = self._network.contract.clip
        with self._clock.lap("clips"):
            box = box_in(sightings[0], spec=spec)
            clip = cut(sightings, spec=spec, box=moved_box(box, self._move))
        if self._beside is not None:
            return self._beside.submit(self._network.score, [clip])
        scored: Future[list[ClipScore]] = Future()
        with self._clock.lap("network"):
            scored.set_result(self._network.score([clip]))
        return scored

    def _awaited(self) -> list[ClipScore]:
        """The score that is under way, if there is one."""
        before, self._under_way = self._under_way, None
        if before is None:
            return []
        with self._clock.lap("network"):
            scored = before.result()
        return [replace(one, time_s=self._shown[-1].frame.time_s) for one in scored]
