"""Which sightings become clips, and what a face's account says when no verdict came about."""

import math

import numpy as np
import pytest

from unmask.media.clips import choose
from unmask.runtime.decision import Rule
from unmask.runtime.evidence import Evidence, Window
from unmask.types import ClipScore, ClipSpec, Face, Frame, Reason, Sighting, Verdict

SPEC = ClipSpec(frames=5, stride_s=0.1, size_px=32)
RULE = Rule(name="default", threshold=0.5, margin=0.1, correlation=0.0)
FACE = Face(box=np.array([0, 0, 9, 9], np.float32), mesh=np.zeros((468, 3), np.float32), presence=1.0)


def _sighting(time_s: float) -> Sighting:
    return Sighting(frame=Frame(np.zeros((2, 2, 3), np.uint8), time_s, 0), face=FACE)


def _clips(times: list[float], spec: ClipSpec = SPEC, **settings) -> list[list[float]]:
    window = Window(spec, **settings)
    found = [window.add(_sighting(t)) for t in times]
    found.append(window.end())
    return [[round(s.frame.time_s, 4) for s in clip] for clip in found if clip]


def test_clips_of_a_30_frames_camera_share_no_frame():
    assert _clips([i / 30 for i in range(46)]) == [
        [0.0, 0.1, 0.2, 0.3, 0.4],
        [0.5, 0.6, 0.7, 0.8, 0.9],
        [1.0, 1.1, 1.2, 1.3, 1.4],
    ]


@pytest.mark.parametrize("fps", [10, 12, 15, 24, 25, 29.97, 30, 50, 59.94, 60, 120, 240])
def test_the_window_picks_what_choose_picks_from_all_frames(fps):
    times = [i / fps for i in range(int(3 * fps))]
    clips = _clips(times)
    assert len(clips) >= 5
    start = 0
    for clip in clips:
        chosen = choose(times, spec=SPEC, start=start)
        assert clip == [round(times[i], 4) for i in chosen]
        after = max(times[chosen[0]] + 0.5, times[chosen[-1]] + 1e-5)
        start = next((i for i, t in enumerate(times) if t > after - 2e-6), len(times))


def test_jittered_times_too():
    rng = np.random.default_rng(3)
    times = sorted(np.arange(0, 5, 1 / 30) + rng.uniform(-0.01, 0.01, 150))
    first = _clips(times)[0]
    assert first == [round(times[i], 4) for i in choose(times, spec=SPEC, start=0)]


def test_no_clip_reaches_over_a_gap():
    times = [i / 30 for i in range(10)] + [2 + i / 30 for i in range(20)]
    assert _clips(times) == [[2.0, 2.1, 2.2, 2.3, 2.4]]


def test_three_sightings_make_no_clip():
    assert _clips([0, 1 / 30, 2 / 30]) == []


def test_a_slow_camera_is_waited_for():
    assert _clips([0, 0.14, 0.28, 0.42, 0.56]) == [[0, 0.14, 0.28, 0.42, 0.56]]
    assert _clips([0, 0.2, 0.4, 0.6, 0.8, 1.0]) == []


def test_every_s_lets_clips_overlap():
    starts = [clip[0] for clip in _clips([i / 30 for i in range(31)], every_s=0.2)]
    assert starts == [0.0, 0.2, 0.4, 0.6]


def test_single_frames_come_one_a_stride():
    spec = ClipSpec(frames=1, stride_s=0.1, size_px=32)
    assert _clips([i / 30 for i in range(10)], spec) == [[0.0], [0.1], [0.2], [0.3]]


def test_a_fast_camera_does_not_fill_the_memory():
    window = Window(SPEC)
    most = 0
    for i in range(2000):
        window.add(_sighting(i / 1000))
        most = max(most, len(window._sightings))
    assert most <= 2 * SPEC.frames + 2


def test_another_face_starts_anew():
    window = Window(SPEC)
    for i in range(10):
        window.add(_sighting(i / 30))
    window.clear()
    clips = [window.add(_sighting(i / 30)) for i in range(10, 24)]
    assert [clip[0].frame.time_s for clip in clips if clip] == pytest.approx([10 / 30])


def _evidence(scores=(), *, seen_s: float = 2.0, refused: tuple = (), overlap: int = 1) -> Evidence:
    evidence = Evidence(identity=0, rule=RULE, spec=SPEC, overlap=overlap)
    for time_s in np.linspace(0, seen_s, 20):
        evidence.saw(_sighting(float(time_s)), refused)
    for score in scores:
        evidence.clips.append(ClipScore(time_s=0, score=score, depth=None, picture=np.zeros((1, 1, 3))))
    return evidence


def test_the_reason_for_no_verdict_is_what_held_for_many_sightings():
    assert _evidence(refused=(Reason.BLURRED,)).decision().reasons == (Reason.BLURRED,)
    assert _evidence(seen_s=0.1).decision().reasons == (Reason.TOO_SHORT,)
    both = _evidence(seen_s=0.1, refused=(Reason.TOO_DARK,)).decision().reasons
    assert both == (Reason.TOO_SHORT, Reason.TOO_DARK)
    assert _evidence().decision().reasons == (Reason.TOO_SHORT,)  # say, a frame a second


def test_a_reason_that_held_now_and_then_is_not_named():
    evidence = _evidence()
    evidence.saw(_sighting(2.1), (Reason.BLURRED,))
    assert evidence.decision().reasons == (Reason.TOO_SHORT,)


def test_weak_evidence_says_so_and_a_verdict_needs_no_reason():
    assert _evidence([0.5]).decision().reasons == (Reason.EVIDENCE_WEAK,)
    live = _evidence([0.9], refused=(Reason.BLURRED,)).decision()
    assert (live.verdict, live.reasons) == (Verdict.LIVE, ())
    assert len(live.boxes) == 20


def test_time_that_ran_out_is_never_live():
    decision = _evidence([0.99] * 8).decision(timed_out=True)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.TIMED_OUT,))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_network_without_a_number_ends_the_account(bad):
    evidence = _evidence([0.99, bad])
    assert evidence.decided()
    assert evidence.decision().verdict is Verdict.UNDECIDED
    assert evidence.decision().reasons == (Reason.NOT_FINITE,)
    assert evidence.decision(timed_out=True).verdict is Verdict.UNDECIDED


def test_clips_that_share_frames_weigh_less():
    narrow, wide = _evidence([0.57] * 3), _evidence([0.57] * 3, overlap=5)
    assert narrow.reading().verdict is Verdict.LIVE
    assert wide.reading().verdict is Verdict.UNDECIDED
