"""Whether a face moves of itself: a still picture that is shown as a video, or for a part of one, does not.

How much of what changes is noise, neighbouring frames say. Measured over 2.5 s by `differences.difference`
(experiments/stillness.py, five people): stills that are shaken and noisy 0.04 to 0.15, half of them below
0.06, tilted by 10 degrees as well; living heads 0.08 to 0.9, half of them above 0.24, real recordings 0.19 to
1.1.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from unmask.media.differences import Look, difference, look_at
from unmask.media.repeats import Repeats
from unmask.types import Sighting

LEAST_CHANGE = 0.09  # a living face changes by more within seconds
NOISE, MOST_NOISE = 2.0, 0.25  # times the change between neighbouring frames is noise, up to a limit
LOOK_EVERY_S = 0.33
ANCHOR_S = 2.0  # so long one look is compared with later ones
SETTLED, SETTLED_S = 3, 0.2  # sightings, or seconds, after which the mesh of a new face has settled
NEIGHBOUR_S = 0.15  # what changes between frames further apart may be motion
LOOKS_OF_NOISE = 6  # the calmest of so many tells the noise
STILL_S = 5.0  # where nothing moves for so long there is a still picture, whatever moves before and after


class Neighbours:
    """Two looks, one after the other; what changed between them is found once somebody asks."""

    def __init__(self, look: Look, following: Look) -> None:
        self._looks = look, following

    @cached_property
    def noise(self) -> float:
        """The difference between them."""
        return difference(*self._looks)


@dataclass(slots=True, kw_only=True)
class _HeldLook:
    """A look of a part that may stand still, with the latest neighbours before it, which tell the noise.

    `alike` looks just before it are known to be like it.
    """

    look: Look
    neighbours: Sequence[Neighbours] = field(repr=False)
    alike: int = 0

    def differs(self, earlier: Look) -> bool:
        """Whether it shows more than noise explains that `earlier` did not."""
        changed = difference(earlier, self.look)
        if changed <= LEAST_CHANGE or changed > MOST_NOISE:  # whatever the noise
            return changed > LEAST_CHANGE
        return changed > explained(min((pair.noise for pair in self.neighbours), default=0.0))


class StillPart:
    """Fed with looks in order: whether a part of `STILL_S` ended in which each look was like each other one.

    Looks are compared once somebody asks, and no more of them than the answer takes: those of the first such
    part, and of a next one once that is forgotten. Where a part could have ended, the latest are compared
    first: one that moved rules out all parts that began before. The answer is the same as if each look were
    compared with all before it as it comes.
    """

    def __init__(self) -> None:
        self._end_s = self._since_s = -math.inf  # of the latest part found, and after which one counts
        self._coming: deque[_HeldLook] = deque()  # that nobody asked about
        self._held: deque[_HeldLook] = deque()  # from the first that a part may begin with

    def add(self, look: Look, neighbours: Sequence[Neighbours]) -> None:
        """Take one more look, and what tells the noise there."""
        self._coming.append(_HeldLook(look=look, neighbours=neighbours))

    def forget(self, before_s: float) -> None:
        """Parts that ended earlier no longer count."""
        self._since_s = before_s
        for looks in (self._held, self._coming):
            while len(looks) > 1 and looks[1].look.time_s <= before_s - STILL_S:
                looks.popleft()  # a part that counts may as well begin with the next one

    def found(self) -> bool:
        """Whether there is such a part."""
        while not self._counts() and self._coming:
            self._take(self._coming.popleft())
        return self._counts()

    def _counts(self) -> bool:
        return self._end_s > -math.inf and self._end_s >= self._since_s

    def _take(self, latest: _HeldLook) -> None:
        self._held.append(latest)
        while latest.look.time_s - self._held[0].look.time_s >= STILL_S - 1e-6:
            differing = self._differing()
            if differing is None:
                self._end_s = latest.look.time_s
                self._held.popleft()
                return
            for _ in range(differing + 1):
                self._held.popleft()

    def _differing(self) -> int | None:
        """The place of a look that a later one differs from, None where there is none."""
        for place in reversed(range(len(self._held))):
            held = self._held[place]
            while held.alike < place:
                earlier = place - 1 - held.alike
                if held.differs(self._held[earlier].look):
                    return earlier
                held.alike += 1
        return None


class Stillness:
    """Fed with the sightings of one face in order."""

    def __init__(self) -> None:
        self._repeats = Repeats()
        self._moved = False  # once, at any time
        self._seen = 0
        self._settled_s = math.inf  # when it has, at the latest
        self._anchor: Look | None = None  # until it moved
        self._waiting: Look | None = None  # for the next frame, which shows the noise
        self._neighbours: deque[Neighbours] = deque(maxlen=LOOKS_OF_NOISE)  # at the latest looks
        self._noise = math.inf  # until it moved
        self._largest = 0.0
        self._due_s = -math.inf
        self._still = StillPart()

    @property
    def moved(self) -> bool:
        """Whether the face moved, and there is no part in which it stood still or was held."""
        return self._moved and not self._repeats.held and not self._still.found()

    @property
    def repeated(self) -> list[tuple[float, float]]:
        """From when to when, the first excluded, pictures were shown that had been shown before."""
        return self._repeats.spans

    @property
    def waits(self) -> bool:
        """Whether the next sighting should be that of the next frame."""
        return not self._moved and (self._seen < SETTLED or self._waiting is not None)

    def forget(self, before_s: float) -> None:
        """Let go of parts that ended earlier."""
        self._repeats.forget(before_s)
        self._still.forget(before_s)

    def add(self, sighting: Sighting) -> None:
        """Compare one more sighting with those before."""
        self._repeats.add(sighting)
        now_s = sighting.frame.time_s
        is_due = now_s >= self._due_s - 1e-6
        self._seen += 1
        self._settled_s = min(self._settled_s, now_s + SETTLED_S)
        settled = self._seen >= SETTLED or now_s >= self._settled_s
        if not settled or not (is_due or self._waiting):
            return
        look = look_at(sighting)
        if self._waiting is not None:
            self._hear(self._waiting, look)
            self._waiting = None
        if is_due:
            if not self._moved:
                self._compare(look)
            self._still.add(look, tuple(self._neighbours))
            self._due_s = now_s + LOOK_EVERY_S
            self._waiting = look
        self._moved = self._moved or self._largest > explained(self._noise)

    def _hear(self, look: Look, following: Look) -> None:
        """The noise, by two frames that follow each other."""
        pair = Neighbours(look, following)
        if not self._moved:
            self._noise = min(self._noise, pair.noise)
        if following.time_s - look.time_s <= NEIGHBOUR_S:
            self._neighbours.append(pair)

    def _compare(self, look: Look) -> None:
        if self._anchor is not None:
            self._largest = max(self._largest, difference(self._anchor, look))
        if self._anchor is None or look.time_s - self._anchor.time_s >= ANCHOR_S:
            self._anchor = look


def explained(noise: float) -> float:
    """How large a difference noise explains, by that of neighbouring frames."""
    return max(LEAST_CHANGE, min(NOISE * noise, MOST_NOISE))
