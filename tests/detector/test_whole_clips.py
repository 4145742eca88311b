"""Clips are scored one after the other, or beside what is looked at next, with the same scores."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from conftest import random_contract
from unmask.detector.stopwatch import Stopwatch
from unmask.detector.whole_clips import WholeClips
from unmask.types import Clip, ClipScore, Face, Frame, ModelError, Sighting

FACE = Face(box=np.array([8, 8, 56, 56], np.float32), mesh=np.full((468, 3), 32, np.float32), presence=1.0)
TIMES_S = [0.4 * place for place in range(5)]  # each of them becomes a clip of one frame


class Times:
    """A network whose score of a clip is its time; stands for Network."""

    contract = random_contract("sgtd_s_single", frames=1)

    def __init__(self, goes_on: threading.Event | None = None) -> None:
        self._goes_on = goes_on

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        """Once it may go on; a clip of 1.2 s fails."""
        assert self._goes_on is None or self._goes_on.wait(timeout=30)
        if any(round(clip.times_s[0], 1) == 1.2 for clip in clips):
            raise ModelError("the network gives no number at 1.2 s")
        times_s = [float(clip.times_s[0]) for clip in clips]
        return [ClipScore(time_s=at, score=at, depth=None, picture=None) for at in times_s]


def sighting(time_s: float) -> Sighting:
    return Sighting(frame=Frame(np.zeros((64, 64, 3), np.uint8), time_s, 0), face=FACE)


def rounded(scored: Sequence[ClipScore]) -> list[float]:
    return [round(clip.score, 1) for clip in scored]


def test_without_a_second_thread_each_score_comes_with_its_clip() -> None:
    scorer = WholeClips(Times(), clock=Stopwatch())
    assert [rounded(scorer.add(sighting(time_s))) for time_s in TIMES_S[:3]] == [[0.0], [0.4], [0.8]]
    assert scorer.end() == []


def test_beside_the_looking_each_score_comes_with_the_next_clip_and_the_last_at_the_end() -> None:
    with ThreadPoolExecutor(1) as beside:
        scorer = WholeClips(Times(), clock=Stopwatch(), beside=beside)
        assert [rounded(scorer.add(sighting(time_s))) for time_s in TIMES_S[:3]] == [[], [0.0], [0.4]]
        assert rounded(scorer.end()) == [0.8]
        assert scorer.end() == []


def test_frames_are_taken_while_a_clip_is_in_the_network() -> None:
    goes_on = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        scorer = WholeClips(Times(goes_on), clock=Stopwatch(), beside=beside)
        assert scorer.add(sighting(0.0)) == []  # it would wait for ever if it were scored first
        assert scorer.add(sighting(0.05)) == []
        goes_on.set()
        assert rounded(scorer.end()) == [0.0]


def test_a_network_that_fails_beside_is_not_passed_over() -> None:
    with ThreadPoolExecutor(1) as beside:
        scorer = WholeClips(Times(), clock=Stopwatch(), beside=beside)
        for time_s in TIMES_S[:4]:
            scorer.add(sighting(time_s))
        with pytest.raises(ModelError, match="no number"):
            scorer.add(sighting(TIMES_S[4]))


POINTS = np.random.default_rng(1).uniform(8, 24, (468, 3)).astype(np.float32)


class Counting:
    """A network whose scores count its calls."""

    def __init__(self, frames: int) -> None:
        self.contract = random_contract("sgtd_s_multi", frames=frames)
        self.calls = 0

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        self.calls += 1
        return [ClipScore(time_s=0.0, score=self.calls / 100, depth=None, picture=None) for _ in clips]


def a_face() -> Face:
    return Face(box=np.array([8, 8, 24, 24], np.float32), mesh=POINTS, presence=1.0)


def shown_for(seconds: float, *, faces: Sequence[Face]) -> list[Sighting]:
    """One picture that is shown for so many seconds, with these faces by turns in it."""
    frame = Frame(np.zeros((32, 32, 3), np.uint8), 0.0, 0)
    again = [frame.again_at(count / 10) for count in range(1, round(10 * seconds))]
    return [Sighting(frame=one, face=faces[count % len(faces)]) for count, one in enumerate([frame, *again])]


def scored(sightings: Sequence[Sighting], network: Counting, *, beside: bool = False) -> list[ClipScore]:
    with ThreadPoolExecutor(1) as pool:
        clips = WholeClips(network, clock=Stopwatch(), beside=pool if beside else None)
        found = [score for seen in sightings for score in clips.add(seen)]
        return [*found, *clips.end()]


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("frames", [1, 5])
def test_a_picture_that_is_still_shown_is_scored_once_and_counts_at_each_time(
    frames: int, beside: bool
) -> None:
    network = Counting(frames)
    found = scored(shown_for(10, faces=[a_face()]), network, beside=beside)
    assert network.calls == 1
    assert len(found) >= 15
    assert {clip.score for clip in found} == {0.01}
    times_s = [clip.time_s for clip in found]
    assert times_s == sorted(set(times_s))


@pytest.mark.parametrize("frames", [1, 5])
def test_another_picture_or_another_face_in_it_is_scored_anew(frames: int) -> None:
    network = Counting(frames)
    pictures = [sighting for _ in range(20) for sighting in shown_for(0.1, faces=[a_face()])]
    moments = [
        Sighting(frame=Frame(one.frame.image.copy(), count / 10, count), face=one.face)
        for count, one in enumerate(pictures)
    ]
    found = scored(moments, network)
    assert network.calls == len(found) > 2
    network = Counting(frames)
    found = scored(shown_for(2, faces=[a_face() for _ in range(20)]), network)
    assert network.calls == len(found) > 2
