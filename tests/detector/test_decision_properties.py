"""The whole decision against a model of it in plain Python, over random switches of faces and quality."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from statistics import NormalDist
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from conftest import random_contract
from face_meshes import face_mesh
from unmask.detector import evidence, watch
from unmask.detector.decision import Rule
from unmask.detector.stopwatch import Stopwatch
from unmask.detector.watch import Watch, WatchSettings
from unmask.media.tracks import Tracker
from unmask.types import ClipScore, ClipSpec, Face, Frame, Reason, Verdict

RULE = Rule(name="default", threshold=0.5, margin=0.05, correlation=0.5)
FPS, EVERY = 10, 2  # every second frame of ten a second is scored
MESH = face_mesh(x=32, y=32, width=40, height=40)
FACE = Face(box=np.array([12, 12, 52, 52], np.float32), mesh=MESH, presence=1.0)
PICTURE = np.full((64, 64, 3), 90, np.uint8)
Spans = Sequence[tuple[float, float]]
SECONDS = st.floats(0, 12)


@dataclass(frozen=True)
class Run:
    """So many frames alike: who is seen (None: nobody), how it scores, and whether it is refused."""

    who: int | None
    score: float
    refused: bool
    frames: int


RUNS = st.lists(
    st.builds(
        Run,
        who=st.sampled_from([0, 0, 0, 1, None]),
        score=st.sampled_from([0.05, 0.3, 0.47, 0.52, 0.7, 0.9, 0.95]),
        refused=st.sampled_from([False, False, False, True]),
        frames=st.integers(1, 40),
    ),
    min_size=1,
    max_size=7,
)


def oracle(frames: list[Run], *, moves: bool, repeated: Spans = (), live: bool = False) -> tuple[str, float]:
    """The verdict and score of one source with one face at a time, by docs/decision.md."""
    segments: list[dict[str, Any]] = []
    last, since = None, None
    for n, run in enumerate(frames):
        if run.who is None:
            continue
        step = 1 / 30 if n == 0 else 1 / FPS
        away = 0 if since is None else (n - since) / FPS - step
        if last != run.who or away + step > 0.3 + 1e-6:
            segments.append({"scores": [], "seen": 0.0, "lost": 0.0, "judged": 0.0, "from": n / FPS})
        last, since, segment = run.who, n, segments[-1]
        unseen = min(max(away, 0), 0.3)
        segment["seen"] += step + unseen
        segment["to"] = n / FPS
        stale = any(from_s < n / FPS <= to_s for from_s, to_s in repeated)
        segment["judged"] += 0 if run.refused else step
        segment["lost"] += step if run.refused or stale else 0
        segment["lost"] += unseen
        if not run.refused and n % EVERY == 0:
            segment["scores"].append((n / FPS, run.score))
    for segment in segments:
        segment["verdict"], segment["score"] = judged(segment["scores"], moves=moves)
        segment["short"] = segment["seen"] < 0.9 - 1e-6
    scored = [s for s in segments if s["scores"]]
    flashes = [s for s in scored if s["short"] and s["verdict"] == "ATTACK"]
    counted = [s for s in scored if not s["short"] or s["verdict"] == "LIVE"]
    if sum(s["seen"] for s in flashes) >= 0.9 - 1e-6:
        counted += flashes
    counted = counted or scored
    if not counted:
        return "UNDECIDED", math.nan
    order = ["ATTACK", "UNDECIDED", "LIVE"]
    worst = min(counted, key=lambda s: (order.index(s["verdict"]), s["score"]))
    verdict = worst["verdict"]
    lost = sum(s["lost"] if s in counted else s["seen"] for s in segments)
    if verdict == "LIVE" and lost > 0.25 * sum(s["seen"] for s in segments) + 1e-6:
        verdict = "UNDECIDED"
    doubts: list[list[tuple[float, bool]]] = [[]]  # in succession: how long, and whether as an attack
    for segment in segments:
        if segment in counted:
            doubts[-1].append(low_end(segment["scores"], segment["from"], segment["to"]))
            doubts.append([low_end(segment["scores"][::-1], segment["to"], segment["from"])])
        else:
            doubts[-1].append((segment["seen"], segment["verdict"] == "ATTACK"))
    long = any(sum(s for s, _ in some) >= 0.9 - 1e-6 and any(a for _, a in some) for some in doubts)
    if verdict == "LIVE" and long:
        verdict = "UNDECIDED"
    if live and sum(s["judged"] for s in segments) < 0.5 - 1e-6:
        verdict = "UNDECIDED"  # before half a second of frames was judged nothing is decided
    steps = [1 / 30 if n == 0 else 1 / FPS for n in range(len(frames))]
    there = [n for n, run in enumerate(frames) if run.who is not None]
    found = sum(steps[n] for n in there)
    between = sum(steps[there[0] : there[-1] + 1])
    if verdict == "LIVE" and not live and (found < 0.5 * sum(steps) - 1e-6 or found < 0.75 * between - 1e-6):
        verdict = "UNDECIDED"  # most of a file, or much between two sightings, shows nobody
    return verdict, worst["score"]


def low_end(scores: list[tuple[float, float]], begin: float, end: float) -> tuple[float, bool]:
    """How long the scores that come first lie below the threshold, and whether as those of an attack."""
    low = list(takewhile(lambda one: one[1] < 0.5, scores))
    after = scores[len(low)][0] if len(low) < len(scores) else end
    seconds = abs((low[-1][0] + after) / 2 - begin) if low else 0.0
    count = max(len(low), 1)
    band = 0.05 * (1 + (count - 1) * 0.5) / count
    return seconds, bool(low) and sum(score for _, score in low) / count < 0.5 - band


def judged(scores: list[tuple[float, float]], *, moves: bool) -> tuple[str, float]:
    """One segment: the mean by Wald's test, the worst second by the scan, the median, and motion."""
    if not scores:
        return "UNDECIDED", math.nan
    values = sorted(score for _, score in scores)
    mean = sum(values) / len(values)
    band = 0.05 * (1 + (len(values) - 1) * 0.5) / len(values)
    if mean < 0.5 - band:
        return "ATTACK", mean

    def at(share: float) -> float:
        place = share * (len(values) - 1)
        low = math.floor(place)
        return values[low] + (place - low) * (values[min(low + 1, len(values) - 1)] - values[low])

    quantile = NormalDist().inv_cdf
    wide, narrow = (at(0.9) - at(0.5)) / quantile(0.9), (at(0.75) - at(0.5)) / quantile(0.75)
    spread = max(0.05, min(wide, narrow, 0.1))
    level = at(0.75) - quantile(0.75) * spread
    gaps = sorted(b - a for (a, _), (b, _) in pairwise(scores))
    usual = (gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]) / 2 if gaps else 1
    count = min(len(values), max(1, round(1 / usual)))
    stretches = [sorted(s for t, s in scores if start <= t < start + 3 - 1e-6) for start, _ in scores]
    lows = [sum(some[:count]) / count for some in stretches if len(some) >= count]
    worst = min(lows, default=sum(values[:count]) / count)
    allowed = (2.5 + 0.4 * math.log(max(scores[-1][0] - scores[0][0], 5) / 5)) * spread
    if worst < 0.5 and worst < level - allowed:
        band = 0.05 * (1 + (count - 1) * 0.5) / count
        return ("ATTACK" if worst < 0.5 - band else "UNDECIDED"), worst
    live = mean >= 0.5 + band and at(0.5) >= 0.5 and moves
    return ("LIVE" if live else "UNDECIDED"), mean


def watched(
    frames: list[Run],
    *,
    moves: bool = True,
    repeats: Spans = (),
    all_faces: bool = False,
    early: bool = False,
) -> Watch:
    """A `Watch` that saw the frames; with `early` only until it is done. Pictures came again in `repeats`."""

    class Told:
        def restart(self) -> None: ...

        def update(self, frame: Frame) -> list[tuple[int, Face]]:
            who = frames[frame.index].who
            return [] if who is None else [(who, FACE)]

    class Scores:
        def add(self, sighting: Any) -> Any:
            run, n = frames[sighting.frame.index], sighting.frame.index
            if n % EVERY:
                return []
            return [ClipScore(time_s=n / FPS, score=run.score, depth=None, picture=PICTURE)]

        def wants(self, time_s: Any, *, step_s: Any) -> Any:
            return True

        def end(self) -> Any:
            return []

    class Moves:
        moved = moves
        waits = False
        repeated = repeats

        def add(self, sighting: Any) -> None: ...

        def forget(self, before_s: Any) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "judge", lambda s: (Reason.BLURRED,) if frames[s.frame.index].refused else ())
        patch.setattr(evidence, "Stillness", Moves)
        watching = Watch(
            Scores,
            rule=RULE,
            spec=ClipSpec(frames=1, size_px=32),
            tracker=cast(Tracker, Told()),
            settings=WatchSettings(all_faces=all_faces),
            clock=Stopwatch(),
        )
        for n in range(len(frames)):
            watching.see(Frame(PICTURE, n / FPS, n))
            if early and watching.done():
                break
        watching.end()
        return watching


def decided(frames: list[Run], *, moves: bool = True, all_faces: bool = False, early: bool = False) -> Any:
    """What `Watch` says of each face."""
    return watched(frames, moves=moves, all_faces=all_faces, early=early).decisions()


@pytest.mark.parametrize(("away", "verdict"), [(9, Verdict.LIVE), (11, Verdict.UNDECIDED)])
def test_a_file_whose_face_is_away_for_more_than_a_quarter_of_its_middle_is_not_live(
    away: int, verdict: Any
) -> None:
    frames = flat([Run(0, 0.9, False, 15), Run(None, 0.0, False, away), Run(0, 0.9, False, 15)])
    contract = random_contract("model", frames=1)
    seen = watched(frames)
    found = watch.decided("it", seen, contract=contract, rule=RULE, timed_out=False)
    assert (found.verdict, Reason.NO_FACE in found.reasons) == (verdict, verdict is Verdict.UNDECIDED)
    live = watch.decided("it", seen, contract=contract, rule=RULE, timed_out=False, live=True)
    assert live.verdict is Verdict.LIVE


def flat(runs: list[Run]) -> list[Run]:
    return [run for run in runs for _ in range(run.frames)]


COMMON = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@COMMON
@given(
    runs=RUNS,
    moves=st.sampled_from([True, True, True, False]),
    repeats=st.lists(st.builds(lambda at, long: (at, at + long), SECONDS, st.floats(0.5, 3)), max_size=2),
    live=st.booleans(),
)
def test_the_decision_is_that_of_the_model(runs: Any, moves: Any, repeats: Any, live: Any) -> None:
    frames = flat(runs)
    contract = random_contract("model", frames=1)
    seen = watched(frames, moves=moves, repeats=repeats)
    assume(seen.decisions())
    found = watch.decided("it", seen, contract=contract, rule=RULE, timed_out=False, live=live)
    verdict, score = oracle(frames, moves=moves, repeated=repeats, live=live)
    assert found.verdict == verdict
    assert found.score == pytest.approx(score, abs=1e-6, nan_ok=True)
    assert found.verdict is Verdict.LIVE or found.reasons or found.verdict is Verdict.ATTACK


@COMMON
@given(
    away=st.integers(1, 60),
    there=st.integers(11, 40),
    live=st.booleans(),
    score=st.sampled_from([0.7, 0.9]),
)
def test_a_face_in_less_than_half_of_a_file_is_not_live_and_a_camera_may_wait_for_it(
    away: Any, there: Any, live: Any, score: Any
) -> None:
    frames = flat([Run(None, 0.0, False, away), Run(0, score, False, there)])
    seen = watched(frames)
    contract = random_contract("model", frames=1)
    found = watch.decided("it", seen, contract=contract, rule=RULE, timed_out=False, live=live)
    assert (found.verdict is Verdict.LIVE) == (live or there >= away)
    assert found.verdict is Verdict.LIVE or Reason.NO_FACE in found.reasons


@COMMON
@given(count=st.integers(1, 12), refused=st.integers(0, 3), score=st.sampled_from([0.05, 0.9]))
def test_no_stream_is_decided_before_half_a_second_was_judged(count: Any, refused: Any, score: Any) -> None:
    frames = flat([Run(0, score, True, refused), Run(0, score, False, count)])
    contract = random_contract("model", frames=1)
    seen = watched(frames)
    found = watch.decided("it", seen, contract=contract, rule=RULE, timed_out=False, live=True)
    judged_s = count / FPS if refused else (count - 1) / FPS + 1 / 30
    assert found.verdict is Verdict.UNDECIDED or judged_s >= 0.5 - 1e-6
    if judged_s < 0.5 - 1e-6:
        assert found.reasons


@COMMON
@given(before=RUNS, after=RUNS, who=st.integers(0, 2), score=st.sampled_from([0.02, 0.1, 0.2]))
def test_an_attack_of_a_second_is_never_outvoted(before: Any, after: Any, who: Any, score: Any) -> None:
    attack = Run(who=who, score=score, refused=False, frames=FPS)
    frames = flat([*before, attack, *after])
    for all_faces in (False, True):
        faces = decided(frames, all_faces=all_faces)
        assert any(face.verdict is not Verdict.LIVE for face in faces)


@COMMON
@given(before=RUNS, every=st.integers(2, 3), seconds=st.integers(2, 12), phase=st.integers(0, 5))
def test_an_attack_in_each_second_or_third_frame_is_never_live(
    before: Any, every: Any, seconds: Any, phase: Any
) -> None:
    mixed = [
        Run(who=0, score=0.1 if (n // EVERY + phase) % every == 0 else 0.9, refused=False, frames=1)
        for n in range(seconds * FPS)
    ]
    assert decided([*flat(before), *mixed])[0].verdict is not Verdict.LIVE


@COMMON
@given(
    seconds=st.integers(1, 29),
    score=st.sampled_from([0.6, 0.8, 0.95]),
    early=st.booleans(),
    late=st.booleans(),
)
def test_a_living_person_is_live_for_however_long_and_however_few_frames_are_refused(
    seconds: Any, score: Any, early: Any, late: Any
) -> None:
    frames = [Run(who=0, score=score, refused=False, frames=1)] * (seconds * FPS + 1)
    if late:
        frames[1::6] = [Run(who=0, score=score, refused=True, frames=1)] * len(frames[1::6])
    assert decided(frames, early=early)[0].verdict is Verdict.LIVE
    assert decided(frames, moves=False)[0].reasons[0] is Reason.STILL_PICTURE


@COMMON
@given(runs=RUNS)
def test_a_face_is_judged_alike_alone_and_with_all_faces(runs: Any) -> None:
    frames = [run for run in flat(runs) if run.who != 1]
    alone, among = decided(frames), decided(frames, all_faces=True)
    assert [(f.verdict, f.reasons, len(f.segments)) for f in alone] == [
        (f.verdict, f.reasons, len(f.segments)) for f in among
    ]
