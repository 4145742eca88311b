"""The head challenge: turns in a random order, and depth that shows while the head turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.challenges.draws import Chooser, chooser, draw_walk
from unmask.challenges.parallax import Moved, Parallax, PointTracker, parallax
from unmask.challenges.result import ChallengeResult
from unmask.media.quality import FacePose, pose_of
from unmask.types import Face, Frame, Reason, SettingsError, Verdict

TURNS = ("left", "right", "up")  # as the person sees it: their own left
STEPS = 4
TURNED = {"left": 14.0, "right": 14.0, "up": 10.0}  # degrees from the middle at which a turn counts
WRONG = 1.4  # times as far a turn goes that was not asked for: people sway
MIDDLE_DEG = 7.0  # within this of the middle the head looks straight
REACTION_S = 0.15  # nobody turns sooner after a prompt
PATIENCE_S = 6.0  # nor is waited for longer
LEAST_TURNS = 2  # with points enough to measure parallax
DEPTH_LEAST, SURE_LEAST = 0.08, 5.0  # parallax of a head over all turns: see docs/challenges.md
FLAT_MOST = 4.0  # less than this is what a sheet gives


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadChallenge:
    """Turns of the head in that `order`, names of TURNS; between two the head comes back to the middle."""

    order: tuple[str, ...]

    @classmethod
    def draw(cls, rng: Chooser | np.random.Generator | None = None, *, steps: int = STEPS) -> "HeadChallenge":
        """`steps` turns, no two neighbours alike; from the system's secrets without `rng`."""
        walk = draw_walk(chooser(rng), choices=len(TURNS), steps=steps)
        return cls(order=tuple(TURNS[index] for index in walk))

    @property
    def guessed(self) -> float:
        """The chance that turns made without knowing the order are in that order.

        >>> round(1 / HeadChallenge(order=("left", "up", "right", "up")).guessed)
        24
        """
        return float(1 / (len(TURNS) * (len(TURNS) - 1) ** (len(self.order) - 1)))

    def to_dict(self) -> dict[str, Any]:
        """What the page is told."""
        return {"order": list(self.order)}


class HeadJudge:
    """Follows the head through the frames; times of frames and prompts are of one clock."""

    def __init__(self, challenge: HeadChallenge) -> None:
        self.challenge = challenge
        self._shown_s: dict[int, float] = {}
        self._first: list[FacePose] = []
        self._made: list[float] = []
        self._wrong: str | None = None
        self._late = False
        self._straight = False  # whether the head has come back to the middle since the last turn
        self._points: PointTracker | None = None
        self._farthest = 0.0
        self._pending: Moved | None = None  # of the turn that is being made
        self._parallaxes: list[Parallax] = []

    @property
    def done(self) -> int:
        """How many of the turns have been made so far: the page goes on to the next."""
        return len(self._made)

    @property
    def failed(self) -> bool:
        """Whether no further frame can lead to LIVE: a wrong turn, or none for too long."""
        return self._wrong is not None or self._late

    def shown(self, index: int, time_ms: float) -> None:
        """The prompt for turn `index` appeared at that time."""
        if not 0 <= index < len(self.challenge.order):
            raise SettingsError(f"the challenge has turns 0 to {len(self.challenge.order) - 1}, not {index}")
        self._shown_s.setdefault(index, float(time_ms) / 1000)

    def push(self, frame: Frame, face: Face | None) -> None:
        """The next frame with the face that is being checked, None where none was found."""
        if face is None:
            self._points = None
            return
        pose = pose_of(face.mesh)
        if 0 not in self._shown_s or frame.time_s < self._shown_s[0] + REACTION_S:
            self._first = [*self._first[-15:], pose]
        turns = self._turns(pose)
        farthest = max(turns.values())
        self._follow(frame, face, farthest=farthest)
        if farthest < MIDDLE_DEG:
            self._straight = True
        self._count(turns, frame.time_s)

    def decide(self) -> ChallengeResult:
        """The result of what was seen; UNDECIDED while turns are missing, and cheap until then."""
        found = list(self._parallaxes)
        if self._pending is not None and self.done == len(self.challenge.order):
            found.append(parallax(self._pending))
        evidence: dict[str, Any] = {
            "order": list(self.challenge.order),
            "turns_made": self.done,
            "guessed": self.challenge.guessed,
            "seconds": [round(made - self._shown_s[k], 3) for k, made in enumerate(self._made)],
            "wrong_turn": self._wrong,
            "parallax": [
                {
                    "plane": round(one.plane, 5),
                    "sheet": round(one.sheet, 5),
                    "depth": round(one.depth, 4),
                    "sure": round(one.sure, 2),
                    "points": one.points,
                }
                for one in found
            ],
        }
        verdict, reasons = self._decided(found)
        return ChallengeResult(verdict=verdict, reasons=reasons, evidence=evidence)

    def _decided(self, found: list[Parallax]) -> tuple[Verdict, tuple[Reason, ...]]:
        if self._wrong is not None:
            return Verdict.UNDECIDED, (Reason.WRONG_TURNS,)  # people take left for right; tries are few
        if self._late or self.done < len(self.challenge.order):
            return Verdict.UNDECIDED, (Reason.TOO_SHORT,)
        if len(found) < LEAST_TURNS:
            return Verdict.UNDECIDED, (Reason.EVIDENCE_WEAK,)
        return read(found)

    def _turns(self, pose: FacePose) -> dict[str, float]:
        """Degrees that the head is turned from where it was at first, in each direction."""
        yaw = float(np.median([one.yaw for one in self._first])) if self._first else 0.0
        pitch = float(np.median([one.pitch for one in self._first])) if self._first else 0.0
        # A pose's yaw goes to the picture's right, which is the person's own left.
        return {"left": pose.yaw - yaw, "right": yaw - pose.yaw, "up": 1.5 * (pitch - pose.pitch)}

    def _count(self, turns: dict[str, float], time_s: float) -> None:
        shown_s = self._shown_s.get(self.done)
        if shown_s is None or self._wrong or time_s < shown_s + REACTION_S or not self._straight:
            return
        if time_s > shown_s + PATIENCE_S:
            self._late = True
            return
        wanted = self.challenge.order[self.done]
        far = {name: turns[name] / TURNED[name] for name in TURNS}
        leading = max(far, key=lambda name: far[name])
        if far[wanted] >= 1 and leading == wanted:
            self._made.append(time_s)
        elif far[leading] >= WRONG and far[wanted] < 1:
            self._wrong = leading
        else:
            return
        self._straight = False

    def _follow(self, frame: Frame, face: Face, *, farthest: float) -> None:
        """Points are followed from the middle to the farthest of each turn; there parallax is measured."""
        if farthest < MIDDLE_DEG and (self._points is None or self._pending is not None):
            self._points, self._farthest = PointTracker(frame.image, face), 0.0
            if self._pending is not None:
                self._parallaxes.append(parallax(self._pending))
                self._pending = None
            return
        if self._points is None:
            return
        self._points.follow(frame.image)
        if farthest > max(self._farthest, 10.0):
            self._farthest = farthest
            self._pending = self._points.moved() or self._pending


def read(found: Sequence[Parallax]) -> tuple[Verdict, tuple[Reason, ...]]:
    """The verdict on the parallax of turns that were made as asked: their evidence is added up.

    >>> sheet = Parallax(plane=0.01, sheet=0.01, depth=0.02, sure=1.0, points=100)
    >>> read([sheet] * 4)[0]
    <Verdict.ATTACK: 'ATTACK'>
    """
    depth = float(np.median([one.depth for one in found]))
    sure = float(np.sqrt(sum(one.sure**2 for one in found)))
    if depth >= DEPTH_LEAST and sure >= SURE_LEAST:
        return Verdict.LIVE, ()
    if depth < DEPTH_LEAST and sure < FLAT_MOST:
        return Verdict.ATTACK, (Reason.NO_PARALLAX,)
    return Verdict.UNDECIDED, (Reason.EVIDENCE_WEAK,)
