"""One source being watched: frames -> faces -> segments and clips -> evidence on each face that counts."""

import math
import numbers
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask.contract import Contract
from unmask.detector.decision import ROUNDING, SEVERITY, SUSTAINED_S, UNJUDGED_SHARE, Rule, judge_of
from unmask.detector.evidence import GOLDEN, Evidence
from unmask.detector.measured import Measured, measure
from unmask.detector.stopwatch import Stopwatch
from unmask.detector.whole_clips import Scorer
from unmask.media.clips import LONGEST_GAP
from unmask.media.continuity import FACE_CHANGE, is_cut, jumps, scene, structure_change
from unmask.media.quality import judge
from unmask.media.tracks import Tracker
from unmask.media.upright import quarter_turns
from unmask.types import (
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

SECOND_FACE_RATIO = 0.5  # a second face with more than this share of the first one's side is SEVERAL_FACES
GAP_S = 0.5  # between two frames: longer ones do not show whether it is the same face
LOST_S = 0.3  # so long a face may be out of sight and go on as the same
FIRST_FRAME_S = 1 / 30  # what the first frame stands for, whose time nothing tells
FACE_SHARE = 0.5  # of a file a face must be found in, or it is not LIVE by the rest
LOOK_S = (
    0.067,
    0.1,
)  # between two looks, drawn evenly from this range: 12 a second of a video of 30 frames/s
JUDGED_S = 0.5  # of frames that were judged, before a stream, or a file with an early stop, ends


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """How a source is watched.

    `seconds` of a file are judged, from its start; a stream that goes on is judged on the latest ones.
    `early_stop`: judge no more of a file once the verdict is there; cameras and streams always stop then.
    `timeout_s`: of the clock on the wall, for one check. `live_s`: how long a camera or stream without a
    verdict is looked at. `explain`: say of each clip what made its score (`check` only; the scores stay the
    same, the network runs up to T + 1 times as often).
    """

    seconds: float = 30.0
    early_stop: bool = False
    all_faces: bool = False
    timeout_s: float = 300.0
    live_s: float = 20.0
    explain: bool = False

    def __post_init__(self) -> None:
        for name in ("seconds", "timeout_s", "live_s"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers.Real) or not float(value) > 0:
                raise SettingsError(f"{name} must be a number of seconds above 0, not {value!r:.40}")


DEFAULT_SETTINGS = WatchSettings()


@dataclass(slots=True, kw_only=True)
class _Account:
    """A face's evidence with the scorer that feeds it, and its latest sighting, of the track `identity`."""

    evidence: Evidence
    scorer: Scorer
    identity: int = -1
    shot: int = -1
    measured: Measured | None = None
    wrong: tuple[Reason, ...] = ()  # with that sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Glance:
    """What is seen of every frame, looked at or passed over."""

    shape: tuple[int, ...]
    time_s: float
    scene: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """A face in one frame, and why this frame of it is not used, if it is not."""

    face: Face
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamProgress:
    """How far the watching of a stream has come: for people, never for a decision.

    `face` is the largest one of the latest frame; `score` that of the worst face so far, NaN without any;
    `share` in [0, 1] of the time that a verdict needs at least; `depth` (32, 32) of the latest clip, where
    near is 1.
    """

    face: Glimpse | None
    score: float
    share: float
    depth: np.ndarray | None


class Watch:
    """Takes the frames of one source in order; used by one thread.

    Only the largest face of a frame counts and its tracks are one account; with `all_faces`, and in a single
    picture (`still`), each identity is an account of its own, the largest face first.
    """

    def __init__(
        self,
        scorer: Callable[[], Scorer],
        *,
        rule: Rule,
        spec: ClipSpec,
        tracker: Tracker,
        settings: WatchSettings,
        clock: Stopwatch,
        still: bool = False,
    ) -> None:
        self._new_scorer = scorer
        self._rule = rule
        self._spec = spec
        self._tracker = tracker
        self.settings = settings
        self._clock = clock
        self._still = still
        self._accounts: dict[int, _Account] = {}
        self._before: _Glance | None = None  # at the last frame
        self._passed: Frame | None = None  # the last frame, if nobody looked at it
        self._looked_s = -math.inf  # when somebody looked at one
        self._looked_shot = -1
        self._looks = 0
        self._new_s = 0.0  # when the last picture came that was a new one
        self._step_s = FIRST_FRAME_S  # between the last two frames
        self._steps_s: deque[float] = deque(maxlen=300)  # between new pictures
        self._shot = 0
        self._watched_s = self._found_s = 0.0  # of frames, and of those with a face
        self._away_s = self._since_s = 0.0  # without a face: between two sightings, and since the last one
        self.rival = False  # whether the latest frame held a second large face
        self.latest: Glimpse | None = None  # the largest face of the latest frame, None where there was none

    def see(self, frame: Frame) -> None:
        """Take one more frame. All are compared with the one before; the faces are looked at in those that a
        clip may take, in some between them, and in those around a cut.
        """
        step_s = self._go_on(frame)
        if self._is_due(frame.time_s, step_s):
            self._look_at(frame)
        else:
            self._passed = frame

    def end(self) -> None:
        """Nothing more will come: look at the last frame, and score the clips that are just complete."""
        self._look_back()
        for account in self._accounts.values():
            account.evidence.scored(account.scorer.end())

    def _is_due(self, time_s: float, step_s: float) -> bool:
        """Whether the frame is to be looked at, rather than passed over."""
        least_s, most_s = LOOK_S
        wait_s = least_s + (most_s - least_s) * (self._looks * GOLDEN % 1)  # keeps no beat, as clips do not
        if time_s + step_s / 2 >= self._looked_s + wait_s or self._shot != self._looked_shot:
            return True
        accounts = self._accounts.values()
        return any(a.evidence.waits() or a.scorer.wants(time_s, step_s=step_s) for a in accounts)

    def _look_back(self) -> None:
        """Look at the frame that was passed over last, so that no time is missing at an end."""
        if self._passed is not None:
            self._look_at(self._passed)

    def _look_at(self, frame: Frame) -> None:
        step_s = FIRST_FRAME_S if self._looks == 0 else min(frame.time_s - self._looked_s, GAP_S)
        self._passed, self._looked_s, self._looked_shot = None, frame.time_s, self._shot
        self._looks += 1
        with self._clock.lap("faces"):
            found = sorted(self._tracker.update(frame), key=lambda pair: -side_px(pair[1]))
        self._watched_s += step_s
        if found:
            self._found_s += step_s
            self._away_s, self._since_s = self._away_s + self._since_s, 0.0
        elif self._found_s > 0:
            self._since_s += step_s
        self.latest = None
        sides = [side_px(face) for _, face in found]
        self.rival = len(found) > 1 and sides[1] > SECOND_FACE_RATIO * sides[0]
        if self.settings.all_faces or self._still:
            for identity, face in found:
                seen = self._look(Sighting(frame=frame, face=face), identity, account=identity, step_s=step_s)
                self.latest = self.latest or seen
        elif found:
            refused = (Reason.SEVERAL_FACES,) if self.rival else ()
            sighting = Sighting(frame=frame, face=found[0][1])
            self.latest = self._look(sighting, found[0][0], account=0, step_s=step_s, refused=refused)
        self._forget(frame.time_s - self.settings.seconds)

    def done(self) -> bool:
        """Whether the verdict on the faces seen so far is there: any ATTACK, or all LIVE, for long enough."""
        found = [(a.evidence.judged().reading, a.evidence.judged_s()) for a in self._accounts.values()]
        readings = [reading for reading, _ in found]
        if any(Reason.NOT_FINITE in reading.reasons for reading in readings):
            return True
        if any(r.verdict is Verdict.ATTACK and _suffices(judged_s) for r, judged_s in found):
            return True
        seen_s = max((a.evidence.watched_s() for a in self._accounts.values()), default=0.0)
        lives = bool(readings) and all(reading.verdict is Verdict.LIVE for reading in readings)
        lives = lives and all(_suffices(judged_s) for _, judged_s in found)
        return lives and seen_s >= SUSTAINED_S - 1e-6

    def lives(self) -> bool:
        """Whether the decision on any face would now be LIVE."""
        return any(a.evidence.judged().reading.verdict is Verdict.LIVE for a in self._accounts.values())

    def progress(self) -> StreamProgress:
        """How far it has come."""
        evidence = [account.evidence for account in self._accounts.values()]
        scores = [one.judged().reading.score for one in evidence]
        shares = [min(one.watched_s() / SUSTAINED_S, one.judged_s() / JUDGED_S) for one in evidence]
        known = [score for score in scores if not math.isnan(score)]
        return StreamProgress(
            face=self.latest,
            score=min(known, default=math.nan),
            share=min(1.0, *shares) if shares else 0.0,
            depth=next((depth for one in evidence if (depth := one.depth()) is not None), None),
        )

    def decisions(self, *, timed_out: bool = False, live: bool = False) -> list[FaceDecision]:
        """On each account, in the order in which the faces came; of a source that is `live` none is decided
        on less than `JUDGED_S`.
        """
        slow = self.too_slow() is not None
        least_s = JUDGED_S if live else 0.0
        return [
            account.evidence.decision(timed_out=timed_out, slow=slow, least_s=least_s)
            for account in self._accounts.values()
        ]

    def often_empty(self) -> bool:
        """Whether no face was found in most of the frames, or in many of those between two sightings."""
        between_s = self._found_s + self._away_s
        rare = self._found_s < FACE_SHARE * self._watched_s - ROUNDING
        return rare or self._away_s > UNJUDGED_SHARE * between_s + ROUNDING

    def main(self, faces: Sequence[FaceDecision]) -> FaceDecision | None:
        """The one of `decisions` that is the source's: the worst, and among several such the lowest score.

        For a picture, unless all faces are asked for, the largest face's; with a second large one it is
        UNDECIDED, for nothing tells whom the picture is about.
        """
        if not self._still or self.settings.all_faces:
            order = {face.identity: np.nan_to_num(face.score, nan=2.0) for face in faces}
            return max(faces, key=lambda f: (SEVERITY[f.verdict], -order[f.identity]), default=None)
        if not self.rival:
            return faces[0] if faces else None
        why = (Reason.SEVERAL_FACES, *faces[0].reasons)
        return replace(faces[0], verdict=Verdict.UNDECIDED, reasons=why)

    def too_slow(self) -> tuple[float, float] | None:
        """The frames a second of the source and those that the model needs, if it has fewer."""
        longest_s = GAP_S if self._spec.frames == 1 else LONGEST_GAP * self._spec.stride_s
        usual_s = float(np.median(self._steps_s)) if self._steps_s else 0.0
        return (1 / usual_s, 1 / longest_s) if usual_s > longest_s + 1e-6 else None

    def _go_on(self, frame: Frame) -> float:
        """The seconds since the last frame; a cut, a gap or another size of the picture begins a new shot."""
        before = self._before
        with self._clock.lap("faces"):
            seen = before.scene if before is not None and frame.again else scene(frame)
        now = self._before = _Glance(shape=frame.shape, time_s=frame.time_s, scene=seen)
        since_s = now.time_s - self._new_s
        if not frame.again:
            self._new_s = now.time_s
        if before is None:
            return FIRST_FRAME_S
        self._step_s = now.time_s - before.time_s
        is_other = now.shape != before.shape or is_cut(before.scene, now.scene)
        if is_other or (since_s > GAP_S + 1e-6 and not frame.again):
            self._look_back()
            self._shot += 1
        if is_other:
            self._tracker.restart()
        if not frame.again:
            self._steps_s.append(since_s)
        return min(self._step_s, GAP_S)

    def _look(
        self,
        sighting: Sighting,
        identity: int,
        *,
        account: int,
        step_s: float,
        refused: tuple[Reason, ...] = (),
    ) -> Glimpse:
        seen = self._accounts.get(account) or self._open(account, identity)
        with self._clock.lap("faces"):
            turns = quarter_turns(sighting.face, seen.measured.turns if seen.measured else 0)
            measured = measure(sighting, turns, before=seen.measured)
            is_known = seen.measured is not None and measured.look is seen.measured.look
            seen.wrong = seen.wrong if is_known else judge(measured.upright)
            refused = (*seen.wrong, *refused)
            broken = self._breaks(seen, measured, identity=identity)
        unseen_s = 0.0
        if seen.measured is not None:
            away_s = sighting.frame.time_s - seen.measured.found.frame.time_s - step_s
            unseen_s = min(away_s, LOST_S) if away_s > 1e-6 else 0.0
        if broken:
            seen.evidence.scored(seen.scorer.end())
            seen.evidence.begin(identity)
        seen.identity, seen.shot, seen.measured = identity, self._shot, measured
        with self._clock.lap("faces"):
            seen.evidence.saw(sighting, refused, seconds=step_s, unseen_s=unseen_s)
        if not set(refused) - {Reason.SEVERAL_FACES}:  # scored beside others, too, though never LIVE by it
            seen.evidence.scored(seen.scorer.add(measured.upright))
        return Glimpse(face=sighting.face, reasons=refused)

    def _breaks(self, seen: _Account, measured: Measured, *, identity: int) -> bool:
        """Whether this sighting begins a new segment."""
        before = seen.measured
        if before is None:
            return False
        if (seen.shot, seen.identity, before.turns) != (self._shot, identity, measured.turns):
            return True
        seconds = measured.found.frame.time_s - before.found.frame.time_s
        lost = seconds > max(LOST_S, self._step_s) + 1e-6
        changed = structure_change(before.look, measured.look) > FACE_CHANGE
        return lost or changed or jumps(before.found.face, measured.found.face, seconds=seconds)

    def _open(self, account: int, identity: int) -> _Account:
        evidence = Evidence(identity=identity, rule=self._rule, still=self._still)
        self._accounts[account] = _Account(evidence=evidence, scorer=self._new_scorer())
        return self._accounts[account]

    def _forget(self, before_s: float) -> None:
        for identity, account in list(self._accounts.items()):
            account.evidence.forget(before_s)
            if not account.evidence.parts:
                del self._accounts[identity]


def side_px(face: Face) -> float:
    """The longer side of a face's box."""
    return float(np.max(face.box[2:] - face.box[:2]))


def _suffices(judged_s: float) -> bool:
    return judged_s >= JUDGED_S - 1e-6


def decided(
    source: str, watch: Watch, *, contract: Contract, rule: Rule, timed_out: bool, live: bool = False
) -> Decision:
    """The decision on a source, that of its main face, without timings; `live`: it is a camera or stream."""
    faces = watch.decisions(timed_out=timed_out, live=live)
    main = watch.main(faces)
    slow = watch.too_slow()
    if main and main.verdict is Verdict.LIVE and not live and (watch.often_empty() or slow):
        why = Reason.NO_FACE if watch.often_empty() else Reason.TOO_FEW_FRAMES
        main = replace(main, verdict=Verdict.UNDECIDED, reasons=(why,))
    silent = (Reason.NO_FACE, Reason.TIMED_OUT) if timed_out else (Reason.NO_FACE,)
    rates = "" if slow is None else f"{slow[0]:.1f} frames/s, and the model needs {slow[1]:.1f}"
    return Decision(
        source=source,
        verdict=main.verdict if main else Verdict.UNDECIDED,
        score=main.score if main else math.nan,
        threshold=rule.threshold,
        operating_point=rule.name,
        reasons=main.reasons if main else silent,
        faces=tuple(faces),
        model_name=contract.name,
        model_version=contract.version,
        model_sha256=contract.payload_sha256,
        timings_ms={},
        notes=(f"the source has {rates}",) if rates else (),
        judge=judge_of(contract, rule, faces),
    )
