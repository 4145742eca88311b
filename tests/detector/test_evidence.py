"""Which sightings become clips, and what a face's account says when no verdict came about."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from present import present
from unmask.detector.decision import Rule
from unmask.detector.evidence import Evidence, Window
from unmask.media.clips import choose
from unmask.types import ClipScore, ClipSpec, Face, Frame, Reason, Sighting, Verdict

SPEC = ClipSpec(frames=5, stride_s=0.1, size_px=32)
RULE = Rule(name="default", threshold=0.5, margin=0.1, correlation=0.0)
FACE = Face(box=np.array([0, 0, 9, 9], np.float32), mesh=np.zeros((468, 3), np.float32), presence=1.0)


def _sighting(time_s: float) -> Sighting:
    return Sighting(frame=Frame(np.zeros((2, 2, 3), np.uint8), time_s, 0), face=FACE)


def _clips(times: list[float], spec: ClipSpec = SPEC) -> list[list[float]]:
    window = Window(spec)
    found = [window.add(_sighting(t)) for t in times]
    found.append(window.end())
    return [[round(s.frame.time_s, 4) for s in clip] for clip in found if clip]


def test_clips_of_a_30_frames_camera_share_no_frame_and_follow_closely() -> None:
    clips = _clips([i / 30 for i in range(90)])
    assert clips[0] == [0.0, 0.1, 0.2, 0.3, 0.4]
    for before, after in pairwise(clips):
        assert 0.1 - 1e-3 <= after[0] - before[-1] <= 0.2 + 1 / 30
    assert len(clips) == 5


@pytest.mark.parametrize("every", [2, 3, 5, 6])
@pytest.mark.parametrize("frames", [1, 5])
def test_frames_that_are_shown_by_turns_cannot_keep_out_of_the_clips(every: int, frames: int) -> None:
    """Each so many frames another picture: it is in many clips, and so are the others."""
    clips = _clips([i / 30 for i in range(300)], ClipSpec(frames=frames, size_px=32))
    hit = [any(round(t * 30) % every == 0 for t in clip) for clip in clips]
    missed = [any(round(t * 30) % every for t in clip) for clip in clips]
    assert sum(hit) >= 0.5 * len(clips) / every
    assert sum(missed) >= 0.3 * len(clips)


@pytest.mark.parametrize("fps", [10, 12, 15, 24, 25, 29.97, 30, 50, 59.94, 60, 120, 240])
def test_the_window_picks_what_choose_picks_from_all_frames(fps: float) -> None:
    times = [i / fps for i in range(int(3 * fps))]
    clips = _clips(times)
    assert len(clips) >= 4
    for clip in clips:
        start = next(i for i, t in enumerate(times) if round(t, 4) == clip[0])
        assert clip == [round(times[i], 4) for i in present(choose(times, spec=SPEC, start=start))]


@pytest.mark.parametrize("fps", [10, 12, 15, 25, 29.97, 30, 50, 60, 120])
@pytest.mark.parametrize("frames", [1, 5])
def test_the_frames_that_a_window_wants_are_all_that_it_takes(fps: float, frames: int) -> None:
    times, window = [i / fps for i in range(int(4 * fps))], Window(ClipSpec(frames=frames, size_px=32))
    taken, wanted = [], 0
    for time_s in times:
        if window.wants(time_s, step_s=1 / fps):
            wanted += 1
            taken.append(window.add(_sighting(time_s)))
    taken.append(window.end())
    clips = [[round(s.frame.time_s, 4) for s in clip] for clip in taken if clip]
    assert clips == _clips(times, ClipSpec(frames=frames, size_px=32))
    assert wanted <= 13 * 4  # looks, however many frames there are


def test_jittered_times_too() -> None:
    rng = np.random.default_rng(3)
    times = sorted(np.arange(0, 5, 1 / 30) + rng.uniform(-0.01, 0.01, 150))
    first = _clips(times)[0]
    assert first == [round(times[i], 4) for i in present(choose(times, spec=SPEC, start=0))]


def test_no_clip_reaches_over_a_gap() -> None:
    times = [i / 30 for i in range(10)] + [2 + i / 30 for i in range(20)]
    assert _clips(times) == [[2.0, 2.1, 2.2, 2.3, 2.4]]


def test_three_sightings_make_no_clip() -> None:
    assert _clips([0, 1 / 30, 2 / 30]) == []


def test_a_slow_camera_is_waited_for() -> None:
    assert _clips([0, 0.14, 0.28, 0.42, 0.56]) == [[0, 0.14, 0.28, 0.42, 0.56]]
    assert _clips([0, 0.2, 0.4, 0.6, 0.8, 1.0]) == []


def test_single_frames_come_five_a_second_and_in_no_beat() -> None:
    spec = ClipSpec(frames=1, stride_s=0.1, size_px=32)
    times = [clip[0] for clip in _clips([i / 60 for i in range(60 * 20)], spec)]
    steps = np.diff(times)
    assert len(times) == pytest.approx(100, abs=6)
    assert steps.min() >= 0.13
    assert steps.max() <= 0.29
    assert len(set(np.round(steps * 60))) >= 6


def test_a_fast_camera_does_not_fill_the_memory() -> None:
    window = Window(SPEC)
    most = 0
    for i in range(2000):
        window.add(_sighting(i / 1000))
        most = max(most, len(window._sightings))
    assert most <= 2 * SPEC.frames + 2


def test_another_face_starts_anew() -> None:
    window = Window(SPEC)
    for i in range(10):
        window.add(_sighting(i / 30))
    window.clear()
    clips = [window.add(_sighting(i / 30)) for i in range(10, 24)]
    assert [clip[0].frame.time_s for clip in clips if clip] == pytest.approx([10 / 30])


def _evidence(scores: Any = (), *, seen_s: float = 2.0, refused: tuple[Any, ...] = ()) -> Evidence:
    """Twenty sightings of a picture: whether anything moved is another matter."""
    evidence = Evidence(identity=0, rule=RULE, still=True)
    for time_s in np.linspace(0, seen_s, 20):
        evidence.saw(_sighting(float(time_s)), refused, seconds=seen_s / 20)
    picture = np.zeros((1, 1, 3), np.uint8)
    evidence.scored(
        [ClipScore(time_s=0.5 * n, score=s, depth=None, picture=picture) for n, s in enumerate(scores)]
    )
    return evidence


def test_the_reason_for_no_verdict_is_what_held_for_long() -> None:
    assert _evidence(refused=(Reason.BLURRED,)).decision().reasons == (Reason.BLURRED,)
    assert _evidence(seen_s=0.1).decision().reasons == (Reason.TOO_SHORT,)
    assert _evidence(seen_s=0.1, refused=(Reason.TOO_DARK,)).decision().reasons == (Reason.TOO_DARK,)


def test_a_source_with_too_few_frames_says_so_where_no_clip_came_about() -> None:
    assert _evidence().decision(slow=True).reasons == (Reason.TOO_FEW_FRAMES,)
    both = _evidence(refused=(Reason.BLURRED,)).decision(slow=True)
    assert both.reasons == (Reason.BLURRED,)
    assert _evidence([0.9]).decision(slow=True).verdict is Verdict.LIVE


def test_a_reason_that_held_now_and_then_is_not_named() -> None:
    evidence = _evidence()
    evidence.saw(_sighting(2.1), (Reason.BLURRED,), seconds=0.1)
    assert evidence.decision().reasons == (Reason.TOO_SHORT,)


def test_weak_evidence_says_so_and_a_verdict_needs_no_reason() -> None:
    assert _evidence([0.5]).decision().reasons == (Reason.EVIDENCE_WEAK,)
    live = _evidence([0.9]).decision()
    assert (live.verdict, live.reasons) == (Verdict.LIVE, ())
    assert len(live.boxes) == 20
    (segment,) = live.segments
    assert (segment.from_s, segment.to_s, segment.verdict, segment.score) == (0.0, 2.0, Verdict.LIVE, 0.9)


def test_a_rest_of_what_was_refused_is_not_enough() -> None:
    evidence = _evidence([0.9])
    for time_s in np.linspace(2.1, 3.0, 10):
        evidence.saw(_sighting(float(time_s)), (Reason.TOO_DARK,), seconds=0.1)
    decision = evidence.decision()
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.TOO_DARK,))
    assert decision.segments[0].verdict is Verdict.LIVE


def test_segments_have_evidence_of_their_own() -> None:
    evidence = _evidence([0.9] * 3)
    evidence.begin(7)
    for time_s in np.linspace(2.1, 4.0, 20):
        evidence.saw(_sighting(float(time_s)), (), seconds=0.1)
    picture = np.zeros((1, 1, 3), np.uint8)
    evidence.scored([ClipScore(time_s=3.0, score=0.1, depth=None, picture=picture)])
    decision = evidence.decision()
    assert (decision.verdict, decision.score) == (Verdict.ATTACK, 0.1)
    assert [(s.identity, s.verdict, s.score) for s in decision.segments] == [
        (0, Verdict.LIVE, pytest.approx(0.9)),
        (7, Verdict.ATTACK, 0.1),
    ]


def test_what_is_old_is_let_go() -> None:
    evidence = _evidence([0.1] * 4)
    evidence.begin(1)
    evidence.saw(_sighting(10.0), (), seconds=0.1)
    evidence.forget(1.0)
    assert [len(part.clips) for part in evidence.parts] == [2, 0]
    evidence.forget(5.0)
    assert [part.identity for part in evidence.parts] == [1]
    assert [time_s for time_s, _ in evidence.boxes] == [10.0]


def test_time_that_ran_out_is_never_live() -> None:
    decision = _evidence([0.99] * 8).decision(timed_out=True)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.TIMED_OUT,))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_network_without_a_number_ends_the_account(bad: Any) -> None:
    evidence = _evidence([0.99, bad])
    assert evidence.decision().verdict is Verdict.UNDECIDED
    assert evidence.decision().reasons == (Reason.NOT_FINITE,)
    assert evidence.decision(timed_out=True).verdict is Verdict.UNDECIDED


def test_pictures_of_a_long_recording_are_thinned_and_scores_are_not() -> None:
    evidence = Evidence(identity=0, rule=RULE)
    held = []
    for n in range(1000):
        evidence.saw(_sighting(n / 5), (), seconds=0.2)
        score = 0.1 if n == 333 else 0.9
        picture = np.zeros((2, 2, 3), np.uint8)
        evidence.scored([ClipScore(time_s=n / 5, score=score, depth=picture, picture=picture)])
        held.append(sum(c.picture is not None for part in evidence.parts for c in part.clips))
    assert max(held) == 64
    clips = evidence.decision().clips
    assert len(clips) == 1000
    kept = [clip.time_s for clip in clips if clip.picture is not None]
    assert 20 <= len(kept) <= 64
    assert kept[0] == 0.0
    assert 333 / 5 in kept  # the worst one
    assert max(b - a for a, b in pairwise(kept)) <= 15  # spread over the 200 s
    assert all((clip.depth is None) == (clip.picture is None) for clip in clips)
