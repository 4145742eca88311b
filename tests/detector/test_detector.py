"""From a source to a decision with faces and networks that do as they are told: above all, it fails closed.

A face is a bright square on black: its place is found from the pixels, its brightness says who it is.
"""

import math
import threading
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from conftest import random_contract
from face_meshes import face_mesh
from unmask.contract import Contract
from unmask.detector import detector as detector_module, evidence, watch
from unmask.detector.detector import Detector
from unmask.detector.watch import WatchSettings
from unmask.media.account import Account
from unmask.media.sources import Kind, Source
from unmask.types import (
    Clip,
    ClipScore,
    Decision,
    Face,
    Frame,
    Reason,
    SettingsError,
    Sighting,
    SourceError,
    Verdict,
)

LIVE, PRINT = 220, 60  # the brightness of a living face and of an attack


class Squares:
    """Finds squares as faces, largest first; stands for FaceFinder."""

    def find(self, image: np.ndarray, *, known: Sequence[Face] = (), thorough: bool = True) -> list[Face]:
        """Those that are not known already."""
        return [f for f in self._all(image) if not any(np.abs(f.box - k.box).max() < 40 for k in known)]

    def _all(self, image: np.ndarray) -> list[Face]:
        faces = []
        for value in np.unique(image[..., 0][image[..., 0] > 0]):
            y, x = np.nonzero(image[..., 0] == value)
            faces.append(_face(x.min(), y.min(), x.max() - x.min()))
        return sorted(faces, key=lambda face: -float(face.box[2] - face.box[0]))

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        near = [f for f in self._all(image) if np.abs(f.box - face.box).max() < 40]
        return near[0] if near else None


def _face(x: float, y: float, side: float) -> Face:
    mesh = face_mesh(x=x + side / 2, y=y + side / 2, width=side, height=side)
    box = np.array([x, y, x + side, y + side], np.float32)
    return Face(box=box, mesh=mesh, presence=1.0)


class Judge:
    """A network whose score is a function of the clip's brightness; stands for Network."""

    precision = "f32"
    threads = 1
    graph = b""

    def __init__(self, frames: int = 5, score: Callable[[float], float] | None = None) -> None:
        self.contract = _contract("sgtd_s_single" if frames == 1 else "sgtd_s_multi", frames)
        self.seen: list[Clip] = []
        self._score = score or (lambda light: light / 255)

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        self.seen += clips
        return [
            ClipScore(
                time_s=float(clip.times_s[-1]),
                score=self._score(float(np.median(clip.pixels[:, 40:90, 40:90]))),
                depth=np.zeros((4, 32, 32), np.float32),
                picture=clip.pixels[0],
            )
            for clip in clips
        ]


def _contract(name: str, frames: int) -> Contract:
    return replace(random_contract(name, frames=frames, margin=0.1), payload_sha256=name)


class Moving:
    """Stands for Stillness: squares have no eyes to blink with."""

    moved = True
    waits = False
    repeated: tuple[tuple[float, float], ...] = ()

    def add(self, sighting: Sighting) -> None:
        pass

    def forget(self, before_s: float) -> None:
        pass


@pytest.fixture(autouse=True)
def _squares_are_sharp_and_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "judge", lambda sighting: ())
    monkeypatch.setattr(evidence, "Stillness", Moving)


def _picture(*faces: tuple[int, int, int, int]) -> np.ndarray:
    """A black picture (160, 240, 3) with squares (x, y, side, brightness)."""
    image = np.zeros((160, 240, 3), np.uint8)
    for x, y, side, light in faces:
        image[y : y + side, x : x + side] = light
    return image


def _video(light: int, count: int = 60) -> np.ndarray:
    return np.stack([_picture((60 + i % 3, 40, 80, light)) for i in range(count)])


def _detector(*networks: Judge, **settings: Any) -> Detector:
    return Detector(
        networks or (Judge(),), finder=Squares(), point="default", settings=WatchSettings(**settings)
    )


def _source(frames: Iterator[Frame], kind: Kind = "video") -> Source:
    def handed_on() -> Generator[Frame, None, None]:
        yield from frames  # and closes them with itself

    return Source(name="given", kind=kind, frames=handed_on(), frame_count=None, fps=30.0)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Checks whatever frames a test gives, under the name of a file."""

    def check(frames: Iterator[Frame], detector: Detector, *, kind: Kind = "video") -> Decision:
        monkeypatch.setattr(detector_module, "open_given", lambda source, **_: _source(frames, kind))
        return detector.check("given")

    return check


def test_a_living_face_is_live_and_a_print_is_an_attack() -> None:
    live, attack = _detector().check(_video(LIVE)), _detector().check(_video(PRINT))
    assert (live.verdict, live.reasons) == (Verdict.LIVE, ())
    assert live.score == pytest.approx(LIVE / 255)
    assert attack.verdict is Verdict.ATTACK
    assert attack.score == pytest.approx(PRINT / 255)
    assert (live.threshold, live.operating_point, live.model_name) == (0.5, "default", "sgtd_s_multi")
    assert live.model_sha256 == "sgtd_s_multi"
    assert set(live.timings_ms) == {"decode", "faces", "clips", "network", "total"}
    assert live.timings_ms["total"] >= sum(v for k, v in live.timings_ms.items() if k != "total")


def test_a_network_that_always_says_one_is_not_believed_without_a_face() -> None:
    yes = Judge(score=lambda light: 1.0)
    decision = _detector(yes).check(np.zeros((60, 160, 240, 3), np.uint8))
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NO_FACE,))
    assert math.isnan(decision.score)
    assert decision.faces == ()
    assert _detector(yes).check(np.zeros((160, 240, 3), np.uint8)).reasons == (Reason.NO_FACE,)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_network_that_gives_no_number_is_never_live(bad: float) -> None:
    for video in (_video(LIVE), _video(LIVE)[0]):
        decision = _detector(Judge(score=lambda light: bad), Judge(1, lambda light: bad)).check(video)
        assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NOT_FINITE,))
        assert math.isnan(decision.score)


def test_a_number_that_is_missing_later_undoes_what_was_there() -> None:
    answers = iter([0.55, math.nan, 1.0, 1.0, 1.0, 1.0, 1.0])
    decision = _detector(Judge(score=lambda light: next(answers))).check(_video(LIVE, 120))
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NOT_FINITE,))


@pytest.mark.parametrize("broken_after", [0, 1, 13, 14, 40, 59])
def test_a_source_that_breaks_off_is_never_live(given: Any, broken_after: int) -> None:
    def frames() -> Iterator[Frame]:
        for i, image in enumerate(_video(LIVE)[:broken_after]):
            yield Frame(image=image, time_s=i / 30, index=i)
        raise SourceError("given breaks off; copy it again")

    with pytest.raises(SourceError, match="breaks off"):
        given(frames(), _detector())


@pytest.mark.parametrize("frames", [1, 5])
def test_most_frames_of_a_video_are_passed_over_and_none_of_a_clip(given: Any, frames: int) -> None:
    pixels, asked = _video(LIVE, 300), []

    def later(i: int) -> np.ndarray:
        asked.append(i)
        return pixels[i]

    def source() -> Iterator[Frame]:
        for i in range(300):
            image, grey = partial(later, i), partial(np.zeros, (160, 240), np.uint8)
            yield Frame.of_pixels_later(image, pixels[i].shape, time_s=i / 30, index=i, luma=grey)

    whole = _detector(Judge(frames)).check(pixels)
    passed = given(source(), _detector(Judge(frames)))
    assert [c.time_s for c in passed.faces[0].clips] == [c.time_s for c in whole.faces[0].clips]
    assert passed.verdict is Verdict.LIVE
    assert passed.score == pytest.approx(whole.score)
    assert 100 <= len(asked) <= 170
    assert asked[-1] == 299


def test_a_face_for_three_frames_only_is_too_short() -> None:
    video = np.zeros((60, 160, 240, 3), np.uint8)
    video[20:23] = _video(LIVE, 3)
    decision = _detector().check(video)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.TOO_SHORT,))
    assert 2 <= len(decision.faces[0].boxes) <= 3  # a frame may be passed over


def test_a_picture_goes_through_the_single_frame_network_and_a_video_through_the_other() -> None:
    single, multi = Judge(1), Judge(5)
    both = _detector(multi, single)
    assert both.check(_video(LIVE)[0]).verdict is Verdict.LIVE
    assert (len(single.seen), len(multi.seen)) == (1, 0)
    assert both.check(_video(LIVE)).model_name == "sgtd_s_multi"
    assert (len(single.seen), len(multi.seen)) == (1, 3)
    assert multi.seen[0].pixels.shape == (5, 128, 128, 3)


def test_a_single_frame_network_scores_a_video_at_most_five_times_a_second() -> None:
    network = Judge(1)
    assert _detector(network).check(_video(LIVE, 150)).verdict is Verdict.LIVE
    assert 23 <= len(network.seen) <= 26


def test_a_picture_is_too_short_for_a_multi_frame_network() -> None:
    decision = _detector(Judge(5)).check(_video(LIVE)[0])
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.TOO_SHORT,))


def test_a_single_frame_network_alone_takes_video_too() -> None:
    assert _detector(Judge(1)).check(_video(LIVE)).verdict is Verdict.LIVE


def test_two_large_faces_are_one_too_many_unless_all_are_wanted() -> None:
    video = np.stack([_picture((10, 40, 80, LIVE), (140, 40, 60, PRINT))] * 30)
    decision = _detector().check(video)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.SEVERAL_FACES,))
    assert decision.score == pytest.approx(LIVE / 255)  # the largest face's
    prints = np.stack([_picture((10, 40, 80, PRINT), (140, 40, 60, LIVE))] * 30)
    reversed_ = _detector().check(prints)
    assert (reversed_.verdict, reversed_.reasons) == (Verdict.UNDECIDED, (Reason.SEVERAL_FACES,))
    assert reversed_.score == pytest.approx(PRINT / 255)
    every = _detector(all_faces=True).check(video)
    assert every.verdict is Verdict.ATTACK
    assert every.score == pytest.approx(PRINT / 255)
    assert sorted(face.verdict.value for face in every.faces) == ["ATTACK", "LIVE"]


def test_a_small_second_face_is_passed_over() -> None:
    video = np.stack([_picture((10, 40, 80, LIVE), (140, 40, 36, PRINT))] * 30)
    assert _detector().check(video).verdict is Verdict.LIVE
    assert _detector(all_faces=True).check(video).verdict is Verdict.ATTACK


def test_with_all_faces_an_undecided_one_is_not_outvoted() -> None:
    video = np.stack([_picture((10, 40, 80, LIVE))] * 60)
    video[44:59, 40:80, 140:180] = PRINT  # half a second: newcomers are looked for so often
    decision = _detector(all_faces=True).check(video)
    assert decision.verdict is Verdict.UNDECIDED
    assert decision.reasons == (Reason.TOO_SHORT,)


@pytest.mark.parametrize("early_stop", [False, True])
def test_with_all_faces_a_print_that_joins_late_counts_like_one_from_the_start(early_stop: bool) -> None:
    video = np.stack([_picture((10, 40, 80, LIVE))] * 120)
    video[36:, 40:80, 140:180] = PRINT
    decision = _detector(all_faces=True).check(video)
    assert decision.verdict is Verdict.ATTACK
    assert decision.score == pytest.approx(PRINT / 255)
    assert [face.verdict for face in decision.faces] == [Verdict.LIVE, Verdict.ATTACK]


def test_a_second_large_face_that_joins_late_is_several_faces() -> None:
    video = np.stack([_picture((10, 40, 80, LIVE))] * 120)
    video[60:90, 40:100, 140:200] = PRINT
    decision = _detector().check(video)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.SEVERAL_FACES,))


def test_a_file_that_shows_a_face_in_less_than_half_is_not_live_by_the_rest() -> None:
    video = np.stack([_picture((10, 40, 80, LIVE))] * 120)
    video[:75] = 0
    decision = _detector(Judge(1)).check(video)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NO_FACE,))
    assert decision.faces[0].verdict is Verdict.LIVE
    assert _detector(Judge(1)).check(video[30:]).verdict is Verdict.LIVE


def test_each_face_of_a_picture_is_listed() -> None:
    picture = _picture((10, 40, 80, LIVE), (140, 40, 36, PRINT))
    decision = _detector(Judge(1), all_faces=True).check(picture)
    assert [face.verdict for face in decision.faces] == [Verdict.LIVE, Verdict.ATTACK]
    assert decision.verdict is Verdict.ATTACK
    rivals = _picture((10, 40, 80, LIVE), (140, 40, 60, LIVE - 9))
    several = _detector(Judge(1)).check(rivals)
    assert (several.verdict, several.reasons) == (Verdict.UNDECIDED, (Reason.SEVERAL_FACES,))
    assert several.score == pytest.approx(LIVE / 255)  # the largest face's, to rank it by
    assert [face.verdict for face in several.faces] == [Verdict.LIVE, Verdict.LIVE]
    small = _detector(Judge(1)).check(picture)
    assert small.verdict is Verdict.LIVE
    assert small.score == pytest.approx(LIVE / 255)
    assert [(face.verdict, round(255 * face.score)) for face in small.faces] == [
        (Verdict.LIVE, LIVE),
        (Verdict.ATTACK, PRINT),
    ]
    boxes = [face.boxes[0][1].tolist() for face in small.faces]
    assert boxes == [[10, 40, 89, 119], [140, 40, 175, 75]]


def test_clips_do_not_reach_over_frames_without_the_face() -> None:
    network = Judge(score=lambda light: 0.5)
    video = _video(LIVE, 90)
    video[10:35] = 0
    decision = _detector(network).check(video)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.EVIDENCE_WEAK,))
    assert network.seen[0].times_s[0] >= 35 / 30
    assert all(np.diff(clip.times_s).max() < 0.15 for clip in network.seen)


@pytest.mark.parametrize(("second", "verdict"), [(LIVE, Verdict.LIVE), (PRINT, Verdict.ATTACK)])
def test_a_face_that_was_lost_and_found_has_evidence_of_its_own(second: Any, verdict: Any) -> None:
    video = np.concatenate([_video(200, 45), 0 * _video(1, 28), _video(second, 45)])
    decision = _detector().check(video)
    assert len(decision.faces) == 1
    scores = [segment.score for segment in decision.segments]
    assert scores == pytest.approx([200 / 255, second / 255])  # nothing is averaged across
    assert decision.verdict is verdict
    assert decision.score == pytest.approx(min(200, second) / 255)
    assert [round(s.to_s - s.from_s, 2) for s in decision.segments] == [1.47, 1.47]


def test_with_the_early_stop_no_more_is_read_of_an_attack_than_is_needed(given: Any) -> None:
    read = []

    def frames() -> Iterator[Frame]:
        for i in range(300):
            read.append(i)
            yield Frame(image=_video(PRINT, 1)[0], time_s=i / 30, index=i)

    assert given(frames(), _detector(early_stop=True)).verdict is Verdict.ATTACK
    assert len(read) == 15  # half a second


@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize(
    "parts",
    [
        [(LIVE, 1.2), (PRINT, 9)],
        [(LIVE, 0.6), (PRINT, 9)],
        [(PRINT, 1.2), (LIVE, 9)],
        [(LIVE, 14), (PRINT, 1.2), (LIVE, 14)],
        [(LIVE, 1), (PRINT, 1), (LIVE, 1), (PRINT, 1)],
    ],
)
def test_a_file_that_shows_an_attack_for_a_second_is_an_attack_wherever_it_stands(
    parts: Any, frames: int
) -> None:
    video = np.concatenate([_video(light, round(30 * seconds)) for light, seconds in parts])
    decision = _detector(Judge(frames)).check(video)
    assert (decision.verdict, decision.reasons) == (Verdict.ATTACK, (Reason.SCORE_DROPPED,)) or (
        decision.verdict is Verdict.ATTACK and decision.reasons == ()
    )
    assert decision.score < 0.4


@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("every", [2, 3, 6])
def test_living_frames_among_those_of_an_attack_do_not_make_it_live(every: int, frames: int) -> None:
    bona_fide, attack = _video(LIVE, 150), _video(PRINT, 150)
    attack[::every] = bona_fide[::every]
    assert _detector(Judge(frames)).check(attack).verdict is not Verdict.LIVE


def test_a_file_is_judged_for_so_many_seconds_and_says_so() -> None:
    video = np.concatenate([_video(LIVE, 60), _video(PRINT, 60)])
    cut = _detector(seconds=1.5).check(video)
    assert (cut.verdict, cut.notes) == (Verdict.LIVE, ("only the first 1.5 s were judged",))
    assert cut.segments[-1].to_s == pytest.approx(1.5)
    whole = _detector().check(video)
    assert (whole.verdict, whole.notes) == (Verdict.ATTACK, ())


@pytest.mark.parametrize(
    "order", [("attack", "living"), ("living", "attack", "living"), ("living", "attack")]
)
@pytest.mark.parametrize("frames", [1, 5])
def test_an_attack_that_is_stored_as_one_picture_counts_for_as_long_as_it_is_shown(
    order: Any, frames: int
) -> None:
    parts = {"living": (list(_video(LIVE)), 1 / 30), "attack": ([_picture((60, 40, 80, PRINT))], 3.0)}
    shown = [(picture, parts[part][1]) for part in order for picture in parts[part][0]]
    starts_s = np.cumsum([0.0, *(seconds for _, seconds in shown)])
    recording = (Frame(picture, float(starts_s[i]), i) for i, (picture, _) in enumerate(shown))
    source = replace(_source(recording), account=Account(ends_s=float(starts_s[-1])))
    assert _detector(Judge(frames)).check(source).verdict is Verdict.ATTACK


@pytest.mark.parametrize(("fps", "frames"), [(5, 5), (6, 5), (1, 5), (1, 1)])
def test_a_frame_rate_that_is_too_low_is_named_with_what_is_needed(fps: int, frames: int) -> None:
    decision = _detector(Judge(frames)).check(_video(LIVE, 10 * fps), fps=fps)
    assert (decision.verdict, decision.reasons[0]) == (Verdict.UNDECIDED, Reason.TOO_FEW_FRAMES)
    assert decision.notes[0].startswith(f"the source has {fps:.1f} frames/s")


@pytest.mark.parametrize("fps", [3, 5, 6])
def test_single_frames_are_judged_at_low_rates_too(fps: int) -> None:
    assert _detector(Judge(1)).check(_video(LIVE, 10 * fps), fps=fps).verdict is Verdict.LIVE


def test_another_size_of_the_picture_begins_a_new_segment(given: Any) -> None:
    def frames() -> Iterator[Frame]:
        for i, image in enumerate([*_video(LIVE, 45), *_video(PRINT, 45)[:, :150]]):
            yield Frame(image=image, time_s=i / 30, index=i)

    decision = given(frames(), _detector())
    assert [segment.verdict for segment in decision.segments] == [Verdict.LIVE, Verdict.ATTACK]
    assert decision.verdict is Verdict.ATTACK


def test_a_scene_cut_begins_a_new_segment_and_cuts_in_every_frame_are_no_face() -> None:
    one = _video(LIVE, 60)
    other = np.stack([_picture((150 + i % 3, 70, 80, LIVE)) for i in range(60)])
    once = _detector().check(np.concatenate([one, other]))
    assert len(once.segments) == 2
    assert once.verdict is Verdict.LIVE
    turns = np.stack([one[i] if i % 2 else other[i] for i in range(60)])
    for network in (Judge(1), Judge(5)):
        decision = _detector(network).check(turns)
        assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NOT_CONTINUOUS,))


def test_what_was_refused_for_long_is_not_outvoted_by_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        watch, "judge", lambda sighting: (Reason.TOO_DARK,) if sighting.frame.time_s < 1.2 else ()
    )
    decision = _detector().check(_video(LIVE, 120))
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.TOO_DARK,))
    monkeypatch.setattr(
        watch, "judge", lambda sighting: (Reason.TOO_DARK,) if sighting.frame.time_s < 0.5 else ()
    )
    assert _detector().check(_video(LIVE, 120)).verdict is Verdict.LIVE


def test_refused_sightings_are_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "judge", lambda sighting: (Reason.BLURRED, Reason.TOO_DARK))
    yes = Judge(score=lambda light: 1.0)
    decision = _detector(yes).check(_video(LIVE))
    assert decision.verdict is Verdict.UNDECIDED
    assert set(decision.reasons) == {Reason.BLURRED, Reason.TOO_DARK}
    assert yes.seen == []
    assert math.isnan(decision.score)


def test_time_that_runs_out_is_never_live() -> None:
    decision = _detector(Judge(score=lambda light: 1.0), timeout_s=1e-9).check(_video(LIVE))
    assert decision.verdict is Verdict.UNDECIDED
    assert Reason.TIMED_OUT in decision.reasons


def test_a_camera_is_watched_for_so_long_and_let_go(given: Any) -> None:
    closed = []

    def frames() -> Iterator[Frame]:
        try:
            for i in range(10_000):
                yield Frame(image=_video(LIVE, 1)[0], time_s=i / 30, index=i)
        finally:
            closed.append(i)

    weak = Judge(score=lambda light: 0.5)
    decision = given(frames(), _detector(weak, live_s=1.0), kind="camera")
    assert decision.verdict is Verdict.UNDECIDED
    assert Reason.TIMED_OUT in decision.reasons
    assert closed == [31]
    decision = given(frames(), _detector(Judge()), kind="camera")
    assert decision.verdict is Verdict.LIVE
    assert 30 <= closed[1] <= 33  # no end is read to; LIVE takes a second, and up to 0.1 s between looks


def test_a_long_video_does_not_stay_in_memory(given: Any) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def frames() -> Iterator[Frame]:
        nonlocal most
        for i in range(200):
            image = _picture((60, 40, 80, LIVE))
            alive.append(weakref.ref(image))
            yield Frame(image=image, time_s=i / 60, index=i)
            del image
            most = max(most, sum(ref() is not None for ref in alive))

    given(frames(), _detector(Judge(score=lambda light: 0.5)))
    assert 5 <= most <= 14


def test_progress_counts_frames() -> None:
    told = []
    _detector().check(_video(PRINT), progress=lambda done, total: told.append((done, total)))
    assert told[:2] == [(1, 60), (2, 60)]


def test_four_threads_get_the_decision_of_one() -> None:
    shared = _detector(Judge(1), Judge(5))
    videos = [_video(light) for light in (LIVE, PRINT, 140, 200)]
    expected = [shared.check(video) for video in videos]
    found: dict[int, list[Decision]] = {}

    def work(i: int) -> None:
        found[i] = [shared.check(videos[i]) for _ in range(3)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, decision in enumerate(expected):
        assert [d.score for d in found[i]] == [decision.score] * 3
        assert {d.verdict for d in found[i]} == {decision.verdict}


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 4, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array: Any) -> None:
    with pytest.raises(SourceError, match="is not a picture"):
        _detector().check(array)


def test_two_models_of_one_kind_are_refused() -> None:
    with pytest.raises(SettingsError, match="one single-frame and one multi-frame"):
        _detector(Judge(5), Judge(5))
    with pytest.raises(SettingsError, match="not none"):
        Detector([], finder=Squares(), point="default", settings=WatchSettings())


def test_an_unknown_point_names_the_known() -> None:
    with pytest.raises(SettingsError, match=r"no operating point strict \(f32\); it has default"):
        Detector([Judge()], finder=Squares(), point="strict", settings=WatchSettings())


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"timeout_s": -1.0}, {"live_s": math.nan}])
def test_settings_that_mean_nothing_are_refused(wrong: Any) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        WatchSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"model": 5}, "a model is a file, or a list of files"),
        ({"model": [None]}, "a model is a file, or a list of files"),
        ({"threads": -1}, "threads must be a whole number"),
        ({"threads": "2"}, "threads must be a whole number"),
    ],
)
def test_what_names_no_model_and_is_no_number_of_threads_is_refused(wrong: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Detector.load(**wrong)
