"""A stream decides as its frames come, by the same code as a file, and keeps watching where asked to."""

import asyncio
import math
import threading
import time
from typing import Any

import numpy as np
import pytest
from test_detector import LIVE, PRINT, Judge, Moving, _detector, _picture, _video

from present import present
from unmask.detector import evidence, watch
from unmask.detector.stream import Stream
from unmask.media.sources import Source
from unmask.types import Decision, Frame, Reason, SettingsError, SourceError, Verdict


@pytest.fixture(autouse=True)
def _all_is_sharp_and_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "judge", lambda sighting: ())
    monkeypatch.setattr(evidence, "Stillness", Moving)


def _stream(frames: int = 5, score: float | None = None, **settings: Any) -> Stream:
    network = Judge(frames) if score is None else Judge(frames, lambda light: score)
    return _detector(network, **settings).stream(name="door")


def _until_decided(stream: Stream, light: int = LIVE, *, start_s: float = 0.0) -> tuple[Decision, int]:
    for i in range(3000):
        decision = stream.push(_picture((60 + i % 3, 40, 80, light)), start_s + i / 30)
        if decision is not None:
            return decision, i
    raise AssertionError("never decided")


@pytest.mark.parametrize("frames", [1, 5])
def test_live_takes_a_second_and_an_attack_half_a_second(frames: int) -> None:
    decision, count = _until_decided(_stream(frames), start_s=1e6)  # any clock will do
    assert (decision.verdict, decision.source) == (Verdict.LIVE, "door")
    assert 30 <= count <= 33  # up to 0.1 s later, where no face was looked at between
    assert set(decision.timings_ms) == {"decode", "faces", "clips", "network", "total"}
    decision, count = _until_decided(_stream(frames), PRINT)
    assert decision.verdict is Verdict.ATTACK
    assert 14 <= count <= 17


def test_less_than_half_a_second_decides_nothing() -> None:
    for light in (LIVE, PRINT):
        stream = _stream(1)
        assert all(stream.push(_picture((60 + i % 3, 40, 80, light)), i / 30) is None for i in range(14))
        decision = stream.finish()
        assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.TOO_SHORT,))
        assert decision.score == pytest.approx(light / 255)


def test_only_frames_that_were_judged_count_towards_the_half_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        watch, "judge", lambda sighting: (Reason.BLURRED,) if sighting.frame.index % 2 else ()
    )
    decision, count = _until_decided(_stream(1), PRINT)
    assert decision.verdict is Verdict.ATTACK
    assert count >= 20


@pytest.mark.parametrize("frames", [1, 5])
def test_camera_file_and_stream_give_the_same_score_for_the_same_frames(frames: int) -> None:
    video = np.concatenate([_video(light, 12) for light in (200, 230, 210, 190)])
    detector = _detector(Judge(frames))
    whole = detector.check(video)
    stream = detector.stream()
    for i, picture in enumerate(video):
        stream.watch(picture, 7 + i / 30)
    streamed = stream.finish()
    frames_of = [Frame(image=picture, time_s=i / 30, index=i) for i, picture in enumerate(video)]
    camera = Source(name="camera:0", kind="camera", frames=(f for f in frames_of), frame_count=None, fps=30.0)
    filmed = detector.check(camera)
    same = [clip for clip in whole.faces[0].clips if clip.time_s <= filmed.faces[0].clips[-1].time_s]
    assert [clip.score for clip in filmed.faces[0].clips] == [clip.score for clip in same]
    times = [clip.time_s for clip in whole.faces[0].clips]
    assert [clip.time_s for clip in streamed.faces[0].clips] == pytest.approx(times)
    assert streamed.score == pytest.approx(whole.score, abs=1e-9)
    assert [s.verdict for s in streamed.segments] == [s.verdict for s in whole.segments]


def test_a_person_is_told_how_much_of_the_time_that_a_verdict_needs_has_passed() -> None:
    stream = _stream(1)
    begun = stream.progress()
    assert (begun.face, begun.share, begun.depth) == (None, 0.0, None)
    assert math.isnan(begun.score)
    shares = []
    for i in range(32):
        stream.push(_picture((60 + i % 3, 40, 80, LIVE)), i / 30)
        shares.append(stream.progress().share)
    assert shares == sorted(shares)
    assert shares[9] == pytest.approx(9 / 30, abs=0.11)  # of a second, and up to 0.1 s between looks
    assert shares[-1] == 1.0
    found = stream.progress()
    assert present(found.face).reasons == ()
    assert found.score == pytest.approx(LIVE / 255)
    assert present(found.depth).shape == (32, 32)


def test_of_two_faces_the_worse_score_and_the_shorter_time_are_told() -> None:
    stream = _stream(1, all_faces=True)
    for i in range(24):
        light, late = (60 + i % 3, 40, 80, LIVE), (10, 10, 40, PRINT)
        stream.watch(_picture(light) if i < 12 else _picture(light, late), i / 30)
    found = stream.progress()
    assert found.score == pytest.approx(PRINT / 255)
    assert found.share == pytest.approx((24 - 12) / 30, abs=0.11)
    assert present(found.face).face.box[0] == pytest.approx(60, abs=3)  # the largest


def test_with_all_faces_one_that_left_long_ago_is_forgotten() -> None:
    stream = _stream(1, seconds=3.0, all_faces=True)
    for i in range(200):
        light, early = (60 + i % 3, 40, 80, LIVE), (10, 10, 40, PRINT)
        found = stream.watch(_picture(light, early) if i < 10 else _picture(light), i / 30)
    assert len(present(found).faces) == 1
    assert present(found).is_live


def test_a_decision_stays() -> None:
    stream = _stream()
    decision, _ = _until_decided(stream)
    assert stream.push(_picture(), 99.0) is decision


@pytest.mark.parametrize("frames", [1, 5])
def test_a_stream_that_is_watched_on_turns_from_live_to_attack_and_stays_so(frames: int) -> None:
    stream = _stream(frames)
    found = []
    lights = [LIVE] * 120 + [PRINT] * 60 + [LIVE] * 120
    for i, light in enumerate(lights):
        decision = stream.watch(_picture((60 + i % 3, 40, 80, light)), i / 30)
        found.append(None if decision is None else decision.verdict)
    assert found[29] is None
    assert found[31] is found[119] is Verdict.LIVE
    turned = next(i for i, verdict in enumerate(found) if verdict is Verdict.ATTACK)
    assert 120 < turned < 120 + 2 * 30
    assert set(found[turned:]) == {Verdict.ATTACK}
    assert stream.finish().verdict is Verdict.ATTACK
    assert present(decision).segments[-1].to_s == pytest.approx(turned / 30)


def test_a_watched_stream_keeps_no_more_than_the_latest_seconds() -> None:
    stream = _stream(1, seconds=3.0)
    for i in range(300):
        found = stream.watch(_picture((60 + i % 3, 40, 80, LIVE)), i / 30)
    decision = present(found)
    assert len(decision.faces[0].boxes) <= 92
    assert len(decision.faces[0].clips) <= 17
    assert decision.is_live


def test_another_person_is_not_live_by_what_the_first_one_showed() -> None:
    stream = _stream(5)
    _picture_of = [_picture((60, 40, 80, LIVE))] * 60 + [_picture((150, 70, 80, PRINT))] * 60
    found = [stream.watch(picture, i / 30) for i, picture in enumerate(_picture_of)]
    assert present(found[59]).is_live
    last = present(found[-1])
    assert last.verdict is Verdict.ATTACK
    assert [s.verdict for s in last.segments] == [Verdict.LIVE, Verdict.ATTACK]
    assert last.segments[1].score == pytest.approx(PRINT / 255)


def test_a_gap_and_another_size_begin_new_segments() -> None:
    stream = _stream(5)
    times = [i / 30 for i in range(45)] + [5 + i / 30 for i in range(45)] + [6.5 + i / 30 for i in range(45)]
    for i, time_s in enumerate(times):
        picture = _picture((60 + i % 3, 40, 80, LIVE))
        stream.watch(picture[:150] if i >= 90 else picture, time_s)
    segments = stream.finish().segments
    starts = [segment.from_s for segment in segments]
    assert starts == pytest.approx([0.0, 5.0, 6.5])
    assert {segment.verdict for segment in segments} == {Verdict.LIVE}


def test_a_stream_without_a_face_ends_undecided() -> None:
    stream = _stream(score=1.0)
    assert all(stream.push(_picture(), i / 30) is None for i in range(30))
    decision = stream.finish()
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NO_FACE,))
    assert _stream().finish().reasons == (Reason.NO_FACE,)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_stream_of_no_numbers_is_never_live(bad: float) -> None:
    decision, _ = _until_decided(_stream(score=bad))
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NOT_FINITE,))


def test_weak_evidence_ends_when_the_time_is_up() -> None:
    decision, frames = _until_decided(_stream(score=0.5, live_s=2.0))
    assert decision.verdict is Verdict.UNDECIDED
    assert decision.reasons[0] is Reason.TIMED_OUT
    assert frames == 61


def test_a_still_picture_is_never_live_in_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(watch, "judge", lambda sighting: ())
    decision, _ = _until_decided(_stream(live_s=2.0))
    assert decision.verdict is Verdict.UNDECIDED
    assert Reason.STILL_PICTURE in decision.reasons


def test_frames_that_are_none_and_times_that_do_not_rise_are_refused_and_change_nothing() -> None:
    stream, other = _stream(), _stream()
    wrong: Any
    late: Any
    for wrong in (None, _picture()[None].repeat(2, axis=0), "picture"):
        with pytest.raises(SourceError, match=r"a frame is a picture"):
            stream.push(wrong, 0.0)
    video = _video(LIVE, 40)
    found = []
    for i, picture in enumerate(video):
        found.append((stream.push(picture, 1 + i / 30), other.push(picture, 1 + i / 30)))
        if i == 10:
            for late in (1 + i / 30, 0.5):
                with pytest.raises(SourceError, match="times must rise"):
                    stream.push(picture, late)
            for wrong in (math.nan, 10**400, 1.7e12, "9", None, True):
                with pytest.raises(SourceError, match="a time must be a number of seconds below 1e"):
                    stream.push(picture, wrong)
    assert [one is None for one, _ in found] == [two is None for _, two in found]
    assert present(found[-1][0]).score == present(found[-1][1]).score


def test_the_first_time_that_is_none_is_refused_without_another_one_beside_it() -> None:
    with pytest.raises(SourceError, match=r"a number of seconds below 1e\+12, not nan; give that of"):
        _stream().push(_picture(), math.nan)


@pytest.mark.parametrize("name", [None, 5, b"door"])
def test_a_name_of_a_stream_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(SettingsError, match=r"the name of a stream must be a text, not (None|5|b'door')"):
        _detector(Judge(5)).stream(name=name)


@pytest.mark.parametrize("value", [0, -1.0, math.nan, "3", None, True])
@pytest.mark.parametrize("name", ["seconds", "timeout_s", "live_s"])
def test_what_is_no_time_is_no_setting(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be a number of seconds above 0, not"):
        watch.WatchSettings(**{name: value})


def test_streams_in_four_threads_do_not_mix() -> None:
    found: dict[int, float] = {}
    lights = [150, 180, 210, 240]
    shared = _detector(Judge(5))

    def work(i: int) -> None:
        found[i] = _until_decided(shared.stream(), lights[i])[0].score

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == pytest.approx([light / 255 for light in lights], abs=1e-3)


def test_the_credentials_of_a_streams_address_are_told_nowhere() -> None:
    stream = _detector(Judge(1)).stream(name="rtsp://admin:S3cret@10.0.0.7/live?token=abc")
    picture = _picture((60, 40, 80, LIVE))
    stream.push(picture, 1.0)
    with pytest.raises(SourceError, match=r"rtsp://\*\*\*@10\.0\.0\.7/live\?token=\*\*\*: times must rise"):
        stream.push(picture, 1.0)
    assert stream.finish().source == "rtsp://***@10.0.0.7/live?token=***"


def test_awaited_frames_are_looked_at_in_their_order_and_the_event_loop_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = _stream(1)
    plain, order = stream.push, []

    def slow(image: Any, time_s: Any) -> Any:
        time.sleep(0.01)
        order.append(time_s)
        return plain(image, time_s)

    monkeypatch.setattr(stream, "push", slow)

    async def all_at_once() -> Any:
        pictures = [_picture((60 + i % 3, 40, 80, LIVE)) for i in range(40)]
        frames = [asyncio.create_task(stream.push_async(p, i / 30)) for i, p in enumerate(pictures)]
        ticks = 0
        while not all(frame.done() for frame in frames):
            await asyncio.sleep(0.01)
            ticks += 1
        return [frame.result() for frame in frames], ticks, await stream.finish_async()

    decisions, ticks, last = asyncio.run(all_at_once())
    assert order == sorted(order)
    assert decisions[25] is None
    assert last.verdict is Verdict.LIVE
    assert last == decisions[-1]
    assert ticks > 5


def test_an_awaited_frame_that_is_given_up_leaves_the_stream_whole() -> None:
    stream = _stream(1)

    async def one_is_given_up() -> Any:
        for i in range(40):
            task = asyncio.create_task(stream.watch_async(_picture((60 + i % 3, 40, 80, LIVE)), i / 30))
            if i == 20:
                await asyncio.sleep(0)
                task.cancel()
                continue
            decision = await task
        with pytest.raises(SourceError, match="times must rise"):
            await stream.watch_async(_picture((60, 40, 80, LIVE)), 0.5)
        return decision

    assert asyncio.run(one_is_given_up()).verdict is Verdict.LIVE
