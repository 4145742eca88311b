"""A stream decides as its frames come, and its kept features score as whole clips do."""

import math
import threading

import numpy as np
import pytest

from unmask.contract import Contract, OperatingPoint, ellipse_mask
from unmask.media.clips import clip_box, cut
from unmask.runtime import watch
from unmask.runtime.decision import Rule
from unmask.runtime.stopwatch import Stopwatch
from unmask.runtime.stream import KeptFeatures, Stream
from unmask.runtime.watch import Settings, Watch
from unmask.types import ClipSpec, Decision, Face, Frame, Reason, Sighting, SourceError, Verdict

SPEC = ClipSpec(frames=5, stride_s=0.1, size_px=64)
RULE = Rule(name="default", threshold=0.5, margin=0.1, correlation=0.0)
ANGLE = np.linspace(0, 2 * np.pi, 468, endpoint=False)
CONTRACT = Contract(
    name="m",
    version="0",
    network="m",
    arguments={},
    clip=SPEC,
    operating_points=(
        OperatingPoint(
            name="default",
            threshold=0.5,
            margin=0.1,
            precision="f32",
            apcer=0.0,
            worst_instrument="",
            bpcer=0.0,
            attacks=0,
            bona_fide=0,
            measured_on="",
        ),
    ),
    training_data=(),
    golden=(),
    command="",
    seed=0,
    commit="",
)


class Pushed:
    """Stands for StreamNetwork: notes the pictures of each clip and scores it by their mean light."""

    def __init__(self, score: float | None = None) -> None:
        self.contract = CONTRACT
        self.clips: list[list[np.ndarray]] = []
        self.score = score

    def start(self) -> "PushedFeatures":
        return PushedFeatures(self)


class PushedFeatures:
    def __init__(self, network: Pushed) -> None:
        self.network = network
        self.pictures: list[np.ndarray] = []

    def push(self, picture: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray] | None:
        assert mask.shape == (32, 32)
        self.pictures = [*self.pictures, picture][-5:]
        if len(self.pictures) < 5:
            return None
        self.network.clips.append(self.pictures)
        given = self.network.score
        score = float(np.mean(self.pictures)) / 255 if given is None else given
        return score, np.zeros((4, 32, 32), np.float32)


def _sighting(time_s: float, *, x: float = 100, side: float = 80, light: int = 200) -> Sighting:
    image = np.full((200, 300, 3), light, np.uint8)
    image[:, :, 0] = np.arange(300) % 256  # so that a picture tells where it was cut
    mesh = np.stack([x + side / 2 * np.cos(ANGLE), 100 + side / 2 * np.sin(ANGLE), 0 * ANGLE], axis=1).astype(
        np.float32
    )
    box = np.concatenate([mesh[:, :2].min(0), mesh[:, :2].max(0)])
    face = Face(box=box, mesh=mesh, presence=1.0)
    return Sighting(frame=Frame(image, time_s, round(time_s * 30)), face=face)


def _scores(sightings: list[Sighting], network: Pushed | None = None) -> list[float]:
    """The times at which a clip was complete."""
    kept = KeptFeatures(network or Pushed(), clock=Stopwatch())
    return [round(clip.time_s, 3) for s in sightings for clip in kept.add(s)]


def test_after_the_first_clip_each_stride_gives_one_more():
    assert _scores([_sighting(i / 30) for i in range(22)]) == [0.4, 0.5, 0.6, 0.7]


@pytest.mark.parametrize("fps", [24, 25, 29.97, 50, 60])
def test_the_stride_is_kept_without_drift(fps):
    times = _scores([_sighting(i / fps) for i in range(int(5 * fps))])
    assert len(times) == pytest.approx(46, abs=1)
    moments = 0.4 + 0.1 * np.arange(len(times))
    assert np.abs(np.array(times) - moments).max() <= 0.5 / fps + 1e-3


def test_a_slow_camera_gives_a_clip_for_each_frame():
    assert _scores([_sighting(0.14 * i) for i in range(7)]) == [0.56, 0.7, 0.84]
    assert _scores([_sighting(0.2 * i) for i in range(20)]) == []


def test_a_gap_starts_a_new_clip():
    times = [i / 30 for i in range(10)] + [1 + i / 30 for i in range(14)]
    assert _scores([_sighting(t) for t in times]) == [1.4]


def test_the_box_stays_while_the_face_stays_well_inside_and_one_clip_has_one_box():
    network = Pushed()
    still = [_sighting(i / 10, x=100 + i % 2) for i in range(8)]
    assert len(_scores(still, network)) == 4
    for clip in network.clips:
        assert len({picture.tobytes() for picture in clip}) == 1
    gone = [_sighting(i / 10, x=100 if i < 3 else 140) for i in range(8)]
    assert _scores(gone) == [0.7]  # five frames in the second box


def test_the_pictures_are_those_that_a_whole_clip_would_have():
    network = Pushed()
    sightings = [_sighting(i / 10, x=100 + i % 2, light=40 * i) for i in range(5)]
    _scores(sightings, network)
    whole = cut(sightings, spec=SPEC)
    np.testing.assert_array_equal(np.stack(network.clips[0]), whole.pixels)
    np.testing.assert_array_equal(whole.box, clip_box(sightings[0].face.mesh, scale=SPEC.box_scale))


class OneFace:
    """Stands for Tracker: the same face in every picture that is not black."""

    def update(self, frame: Frame) -> list[tuple[int, Face]]:
        return [(0, _sighting(0).face)] if frame.image.any() else []


@pytest.fixture(autouse=True)
def _all_is_sharp(monkeypatch):
    monkeypatch.setattr(watch, "judge", lambda sighting: ())


def _stream(score: float | None = None, **settings) -> Stream:
    clock = Stopwatch()
    network = Pushed(score)
    seen = Watch(
        lambda: KeptFeatures(network, clock=clock),
        rule=RULE,
        spec=SPEC,
        tracker=OneFace(),
        settings=Settings(**settings),
        clock=clock,
    )
    return Stream(seen, name="door", contract=CONTRACT, rule=RULE, clock=clock)


PICTURE = np.full((200, 300, 3), 200, np.uint8)


def _until_decided(
    stream: Stream, picture: np.ndarray = PICTURE, *, start_s: float = 0.0
) -> tuple[Decision, int]:
    for i in range(3000):
        if decision := stream.push(picture, start_s + i / 30):
            return decision, i
    raise AssertionError("never decided")


def test_a_stream_decides_with_its_first_clip_when_that_is_clear():
    decision, frames = _until_decided(_stream(), start_s=1e6)  # any clock will do
    assert (decision.verdict, decision.source, frames) == (Verdict.LIVE, "door", 12)
    assert decision.faces[0].clips[0].time_s == pytest.approx(0.4)
    assert set(decision.timings_ms) == {"decode", "faces", "clips", "network", "total"}
    assert _until_decided(_stream(0.1))[0].verdict is Verdict.ATTACK


def test_a_decision_stays():
    stream = _stream()
    decision, _ = _until_decided(stream)
    assert stream.push(np.zeros_like(PICTURE), 99.0) is decision
    assert stream.finish() is decision


def test_a_stream_without_a_face_ends_undecided():
    stream = _stream(1.0)
    assert all(stream.push(np.zeros_like(PICTURE), i / 30) is None for i in range(30))
    decision = stream.finish()
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NO_FACE,))
    assert _stream().finish().reasons == (Reason.NO_FACE,)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_stream_of_no_numbers_is_never_live(bad):
    decision, _ = _until_decided(_stream(bad))
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NOT_FINITE,))


def test_weak_evidence_ends_when_the_time_is_up():
    decision, frames = _until_decided(_stream(0.5, live_s=2.0, max_clips=100))
    assert decision.verdict is Verdict.UNDECIDED
    assert Reason.TIMED_OUT in decision.reasons
    assert frames == 61
    assert _until_decided(_stream(0.5, max_clips=1))[0].reasons == (Reason.EVIDENCE_WEAK,)


def test_clips_that_overlap_do_not_decide_as_if_they_were_apart():
    # One clip at 0.57 is within 0.5 +- 0.1; two clips apart would decide, and those are 0.9 s of frames.
    _, frames = _until_decided(_stream(0.57))
    assert 0.6 < frames / 30 < 0.9


def test_frames_that_are_none_are_refused():
    stream = _stream()
    with pytest.raises(SourceError, match="uint8"):
        stream.push(PICTURE.astype(np.float32), 0.0)
    stream.push(PICTURE, 1.0)
    for time_s in (1.0, 0.5, math.nan):
        with pytest.raises(SourceError, match="times must rise"):
            stream.push(PICTURE, time_s)


def test_the_ellipse_of_the_mask_is_where_the_face_is():
    masks = []

    class Looking(PushedFeatures):
        def push(self, picture, mask):
            masks.append(mask)

    network = Pushed()
    network.start = lambda: Looking(network)
    _scores([_sighting(0.0)], network)
    expected = ellipse_mask()
    assert abs(masks[0].mean() - np.pi / 4 / 1.3**2) < 0.05  # a circle that fills the box but for the margin
    assert (masks[0] * expected).sum() / expected.sum() > 0.9


def test_streams_in_four_threads_do_not_mix():
    found: dict[int, float] = {}
    lights = [150, 180, 210, 240]

    def work(i: int) -> None:
        found[i] = _until_decided(_stream(), np.full((200, 300, 3), lights[i], np.uint8))[0].score

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == pytest.approx([light / 255 for light in lights], abs=1e-3)
