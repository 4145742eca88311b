"""One source being watched: frames -> faces -> clips -> evidence on each face that counts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from unmask.contract import Contract
from unmask.media.clips import IN_PLACE, BoxMove, clip_box, cut, moved_box
from unmask.media.quality import judge
from unmask.media.tracks import Tracker
from unmask.runtime.decision import GRAVITY, Rule
from unmask.runtime.evidence import Evidence, Window
from unmask.runtime.stopwatch import Stopwatch
from unmask.types import (
    Clip,
    ClipScore,
    ClipSpec,
    Decision,
    Face,
    FaceDecision,
    Frame,
    Reason,
    SettingsError,
    Sighting,
    Verdict,
)

RIVAL = 0.5  # a second face with more than this share of the first one's side is SEVERAL_FACES


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a source is watched.

    `every_s`: from one clip's start to the next, None for clips that share no frame. `max_clips` of each
    face. `early_stop`: stop as soon as the verdict is certain. `timeout_s`: of the clock on the wall, for
    one check. `live_s`: how much of a camera or stream is looked at. `explain`: say of each clip what made
    its score (`check` only; the scores stay the same, the network runs up to T + 1 times as often).
    """

    every_s: float | None = None
    max_clips: int = 8
    early_stop: bool = True
    all_faces: bool = False
    timeout_s: float = 300.0
    live_s: float = 20.0
    explain: bool = False

    def __post_init__(self) -> None:
        positive = (self.max_clips, self.timeout_s, self.live_s, 1 if self.every_s is None else self.every_s)
        if not all(value > 0 for value in positive):
            raise SettingsError(f"every_s, max_clips, timeout_s and live_s must be above 0, not {self}")


DEFAULT_SETTINGS = Settings()


class Scorer(Protocol):
    """Usable sightings of one face, in order of time -> clip scores as they become possible."""

    overlap: int  # how many clips a frame is part of

    def add(self, sighting: Sighting) -> list[ClipScore]: ...

    def end(self) -> list[ClipScore]: ...

    def clear(self) -> None: ...


class ClipNetwork(Protocol):
    """Clips of its contract -> a score each, in their order."""

    contract: Contract

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]: ...


class WholeClips:
    """Cuts clips one after the other, their boxes moved by `move`, and scores each by the whole network."""

    overlap = 1

    def __init__(
        self, network: ClipNetwork, *, every_s: float | None, clock: Stopwatch, move: BoxMove = IN_PLACE
    ) -> None:
        self._network = network
        self._clock = clock
        self._move = move
        self._window = Window(network.contract.clip, every_s=every_s)

    def add(self, sighting: Sighting) -> list[ClipScore]:
        return self._scored(self._window.add(sighting))

    def end(self) -> list[ClipScore]:
        return self._scored(self._window.end())

    def clear(self) -> None:
        self._window.clear()

    def _scored(self, sightings: Sequence[Sighting] | None) -> list[ClipScore]:
        if sightings is None:
            return []
        spec = self._network.contract.clip
        with self._clock.lap("clips"):
            box = clip_box(sightings[0].face.mesh, scale=spec.box_scale)
            clip = cut(sightings, spec=spec, box=moved_box(box, self._move))
        with self._clock.lap("network"):
            return self._network.score([clip])


@dataclass(slots=True, kw_only=True)
class _Account:
    """A face's evidence with the scorer that feeds it; `identity` is the track it was last fed from."""

    evidence: Evidence
    scorer: Scorer
    identity: int


class Watch:
    """Takes the frames of one source in order; used by one thread.

    Only the largest face of a frame counts and its tracks are one account, since a face that was lost gets
    a new identity when it is found again; with `all_faces` each identity is an account of its own.
    """

    def __init__(
        self,
        scorer: Callable[[], Scorer],
        *,
        rule: Rule,
        spec: ClipSpec,
        tracker: Tracker,
        settings: Settings,
        clock: Stopwatch,
    ) -> None:
        self._new_scorer = scorer
        self._rule = rule
        self._spec = spec
        self._tracker = tracker
        self.settings = settings
        self._clock = clock
        self._accounts: dict[int, _Account] = {}

    def see(self, frame: Frame) -> None:
        """Look at one more frame."""
        with self._clock.lap("faces"):
            found = sorted(self._tracker.update(frame), key=lambda pair: -side_px(pair[1]))
        sides = [side_px(face) for _, face in found]
        rival = len(found) > 1 and sides[1] > RIVAL * sides[0]
        if self.settings.all_faces:
            for identity, face in found:
                self._look(Sighting(frame=frame, face=face), identity, account=identity, refused=())
        elif found:
            refused = (Reason.SEVERAL_FACES,) if rival else ()
            self._look(Sighting(frame=frame, face=found[0][1]), found[0][0], account=0, refused=refused)

    def end(self) -> None:
        """Nothing more will come: score the clips that are just complete."""
        for account in self._accounts.values():
            if not self._full(account):
                account.evidence.clips += account.scorer.end()

    def done(self) -> bool:
        """Whether no further frame could change the decision on the faces seen so far."""
        return bool(self._accounts) and all(self._full(account) for account in self._accounts.values())

    def lives(self) -> bool:
        """Whether the decision on any face would now be LIVE."""
        return any(a.evidence.reading().verdict is Verdict.LIVE for a in self._accounts.values())

    def decisions(self, *, timed_out: bool = False) -> list[FaceDecision]:
        """On each account, in the order in which the faces came."""
        return [account.evidence.decision(timed_out=timed_out) for account in self._accounts.values()]

    def _look(self, sighting: Sighting, identity: int, *, account: int, refused: tuple[Reason, ...]) -> None:
        seen = self._accounts.get(account) or self._open(account, identity)
        if seen.identity != identity:
            seen.identity = identity
            seen.scorer.clear()
        with self._clock.lap("faces"):
            refused = (*judge(sighting), *refused)
        seen.evidence.saw(sighting, refused)
        if not refused and not self._full(seen):
            seen.evidence.clips += seen.scorer.add(sighting)

    def _open(self, account: int, identity: int) -> _Account:
        scorer = self._new_scorer()
        evidence = Evidence(identity=identity, rule=self._rule, spec=self._spec, overlap=scorer.overlap)
        self._accounts[account] = _Account(evidence=evidence, scorer=scorer, identity=identity)
        return self._accounts[account]

    def _full(self, account: _Account) -> bool:
        evidence = account.evidence
        if len(evidence.clips) >= self.settings.max_clips * evidence.overlap:
            return True
        return self.settings.early_stop and evidence.decided()


def side_px(face: Face) -> float:
    """The longer side of a face's box."""
    return float(np.max(face.box[2:] - face.box[:2]))


def decided(
    source: str,
    faces: Sequence[FaceDecision],
    *,
    contract: Contract,
    rule: Rule,
    timed_out: bool,
) -> Decision:
    """The decision on a source, that of its worst face (of several the lowest score), without timings."""
    worst = max(
        faces, key=lambda face: (GRAVITY[face.verdict], -np.nan_to_num(face.score, nan=2.0)), default=None
    )
    silent = (Reason.NO_FACE, Reason.TIMED_OUT) if timed_out else (Reason.NO_FACE,)
    return Decision(
        source=source,
        verdict=worst.verdict if worst else Verdict.UNDECIDED,
        score=worst.score if worst else math.nan,
        threshold=rule.threshold,
        operating_point=rule.name,
        reasons=worst.reasons if worst else silent,
        faces=tuple(faces),
        model_name=contract.name,
        model_version=contract.version,
        model_sha256=contract.payload_sha256,
        timings_ms={},
    )
