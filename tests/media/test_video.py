"""Videos come out upright, with their own times; what is not whole or too large is one sentence."""

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

from odd_videos import resized
from unmask.media.containers import gif_end, is_cut_off
from unmask.media.encoding import write_video
from unmask.media.limits import Limits
from unmask.media.shown import matrix_orientation
from unmask.media.video import open_video, read_video
from unmask.types import SourceError

HEIGHT, WIDTH = 32, 48
SUFFIXES = ["mp4", "mov", "mkv", "webm", "avi", "gif"]
CODECS = {"webm": "libvpx-vp9", "avi": "mpeg4"}


def corner_picture(brightness: int = 200) -> np.ndarray:
    """(32, 48, 3) uint8, dark but for its upper left quarter."""
    picture = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    picture[: HEIGHT // 2, : WIDTH // 2] = brightness
    return picture


def made(folder: Path, suffix: str, *, frames: int = 12) -> Path:
    """A video of noise, so that every part of the file holds some picture."""
    rng = np.random.default_rng(5)
    pictures = rng.integers(0, 256, (frames, HEIGHT, WIDTH, 3), dtype=np.uint8)
    path = folder / f"a.{suffix}"
    if suffix == "gif":
        first, *rest = (Image.fromarray(picture) for picture in pictures)
        first.save(path, save_all=True, append_images=rest, duration=40)
    else:
        write_video(path, pictures, fps=25, codec=CODECS.get(suffix, "libx264"))
    return path


def written_at(
    path: Path, ticks: list[int], *, time_base: Fraction, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Path:
    """A video whose frames have these times, in units of `time_base`."""
    with av.open(str(path), "w", container_options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = time_base
        for tick in ticks:
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 90, np.uint8), format="rgb24")
            frame.pts = tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_container_is_read_whole(tmp_path: Path, suffix: Any) -> None:
    video = open_video(made(tmp_path, suffix))
    frames = list(video.frames)
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(12) / 25, atol=1e-3)
    assert video.fps == pytest.approx(25, rel=0.01)
    assert video.frame_count in (12, None)
    assert frames[0].image.shape == (HEIGHT, WIDTH, 3)
    assert frames[0].image.dtype == np.uint8
    assert frames[0].image.flags.c_contiguous


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    ticks = [0, 33, 50, 400, 433, 1000]
    path = written_at(tmp_path / "a.mkv", ticks, time_base=Fraction(1, 1000))
    times_s = [frame.time_s for frame in read_video(path)]
    np.testing.assert_allclose(times_s, np.array(ticks) / 1000, atol=1e-6)


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    path = written_at(tmp_path / "a.mkv", [5000, 5040, 5080], time_base=Fraction(1, 1000))
    np.testing.assert_allclose([frame.time_s for frame in read_video(path)], [0, 0.04, 0.08], atol=1e-6)


@pytest.mark.parametrize(
    ("degrees", "corner"), [(0, "upper left"), (90, "lower left"), (180, "lower right"), (-90, "upper right")]
)
def test_rotation_is_applied(tmp_path: Path, degrees: int, corner: str) -> None:
    # A quarter turn counter-clockwise brings the upper left corner down to the lower left.
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.set_display_rotation(degrees)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(corner_picture(), format="rgb24")))
        container.mux(stream.encode(None))
    image = next(read_video(tmp_path / "a.mp4")).image
    assert image.shape == ((WIDTH, HEIGHT, 3) if degrees % 180 else (HEIGHT, WIDTH, 3))
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    quarters = {
        "upper left": image[:rows, :columns],
        "upper right": image[:rows, columns:],
        "lower left": image[rows:, :columns],
        "lower right": image[rows:, columns:],
    }
    assert max(quarters, key=lambda name: quarters[name].mean()) == corner


def test_every_display_matrix_has_the_orientation_that_its_points_say() -> None:
    one = 1 << 16
    for a, b, c, d in [
        *[(x * one, 0, 0, y * one) for x in (1, -1) for y in (1, -1)],
        *[(0, x * one, y * one, 0) for x in (1, -1) for y in (1, -1)],
    ]:
        orientation = matrix_orientation((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        # The stored row 0 lies above the centre: (0, -1) is shown at (-c, -d); column 0 likewise at (-a, -b).
        sides = {(0, -one): "top", (0, one): "bottom", (-one, 0): "left", (one, 0): "right"}
        words = f"{sides[-c, -d]} {sides[-a, -b]}"
        assert words == EXIF_WORDS[orientation]


# EXIF 2.3, tag 274: the side of the scene that the stored row 0 shows, then column 0.
EXIF_WORDS = {
    1: "top left",
    2: "top right",
    3: "bottom right",
    4: "bottom left",
    5: "left top",
    6: "right top",
    7: "right bottom",
    8: "left bottom",
}


def test_colours_come_back_by_the_matrix_that_the_file_names(tmp_path: Path) -> None:
    # ITU-T H.273: BT.709 and BT.601 differ in what luma weighs red and blue with.
    colour = np.array([200.0, 40.0, 60.0])
    for matrix, (red, blue) in {1: (0.2126, 0.0722), 6: (0.299, 0.114)}.items():
        luma = np.dot([red, 1 - red - blue, blue], colour / 255)
        b_y, r_y = (colour[2] / 255 - luma) / (2 - 2 * blue), (colour[0] / 255 - luma) / (2 - 2 * red)
        planes = np.empty((48, 32), np.uint8)
        planes[:32], planes[32:40], planes[40:] = np.rint([16 + 219 * luma, 128 + 224 * b_y, 128 + 224 * r_y])
        path = tmp_path / f"{matrix}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=30, options={"crf": "1"})
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 1
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
            container.mux(stream.encode(None))
        assert np.abs(next(read_video(path)).image.mean(axis=(0, 1)) - colour).max() < 4


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9, 0.99])
def test_a_video_that_is_cut_is_never_taken_as_whole(tmp_path: Path, suffix: Any, kept: float) -> None:
    path = made(tmp_path, suffix)
    stored = path.read_bytes()
    path.write_bytes(stored[: int(kept * len(stored))])
    with pytest.raises(SourceError, match="copy it again"):
        list(read_video(path))


def test_a_cut_video_with_its_index_in_front_is_refused_before_its_first_frame(tmp_path: Path) -> None:
    path = written_at(tmp_path / "a.mp4", list(range(90)), time_base=Fraction(1, 30))
    stored = path.read_bytes()
    assert stored.index(b"moov") < stored.index(b"mdat")
    path.write_bytes(stored[: len(stored) - 100])
    with pytest.raises(SourceError, match="is cut off before its end; copy it again"):
        open_video(path)


def spoilt(source: Path, target: Path, change: Callable[[int, bytes], bytes | None]) -> Path:
    """The video with other packets: `change(number, content)` gives new bytes, or None to lose a packet."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        track = new.add_stream_from_template(old.streams.video[0])
        number = 0
        for packet in old.demux(video=0):
            if packet.dts is None:
                continue
            content = change(number, bytes(packet))
            number += 1
            if content is not None:
                other = av.Packet(content)
                other.pts, other.dts, other.time_base = packet.pts, packet.dts, packet.time_base
                other.duration, other.is_keyframe, other.stream = packet.duration, packet.is_keyframe, track
                new.mux(other)
    return target


def moving(folder: Path, suffix: str, *, codec: str, frames: int = 60, gop: int = 15) -> Path:
    """A video of a picture that wanders, with a key frame every `gop` frames."""
    noise = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    still = cv2.GaussianBlur(noise, (0, 0), 2)
    path = folder / f"whole.{suffix}"
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=30))
        stream.width, stream.height = 64, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        if codec == "libx264":
            stream.codec_context.max_b_frames = 0
        for number in range(frames):
            picture = np.roll(still, number, axis=1).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


STREAMS = {"mp4": "libx264", "mkv": "mpeg4", "webm": "libvpx-vp9", "avi": "mjpeg"}
TOLD = "{} of 60 frames are damaged, or rest on damaged ones, and were left out"


@pytest.mark.parametrize("suffix", STREAMS)
def test_after_a_damaged_packet_a_video_goes_on_at_the_next_key_frame(tmp_path: Path, suffix: Any) -> None:
    whole = moving(tmp_path, suffix, codec=STREAMS[suffix])
    path = spoilt(whole, tmp_path / f"a.{suffix}", lambda n, b: bytes(len(b)) if n == 20 else b)
    video = open_video(path)
    times_s = [frame.time_s for frame in video.frames]
    lost = [20] if suffix == "avi" else range(20, 30)
    np.testing.assert_allclose(times_s, [n / 30 for n in range(60) if n not in lost], atol=2e-3)
    damaged = video.account.damaged
    assert damaged in (len(lost), len(lost) - 1)  # a parser may keep one to itself
    told = f"{damaged} of {50 + damaged if len(lost) > 1 else 60} frames are damaged, or rest on damaged ones"
    assert video.account.sentences() == (f"{told}, and were left out",)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_a_video_without_its_first_key_frame_begins_at_the_second(tmp_path: Path, suffix: str) -> None:
    whole = moving(tmp_path, suffix, codec=STREAMS[suffix])
    path = spoilt(whole, tmp_path / f"a.{suffix}", lambda n, b: None if n == 0 else b)
    video = open_video(path)
    assert len(list(video.frames)) == 45
    assert video.account.damaged >= 13  # of 14: one decoder keeps the first for itself
    assert video.account.too_damaged


def test_a_video_of_damaged_packets_alone_is_refused(tmp_path: Path) -> None:
    whole = moving(tmp_path, "mp4", codec="libx264", frames=20)
    path = spoilt(whole, tmp_path / "a.mp4", lambda n, b: bytes(len(b)))
    with pytest.raises(SourceError, match="holds no frame of 20 damaged ones that can be decoded"):
        list(read_video(path))


def test_torn_frames_and_what_rests_on_them_are_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    whole = moving(tmp_path, "avi", codec="mpeg4", gop=30)

    def tear(number: int, content: bytes) -> bytes:
        return content[:-40] + rng.bytes(40) if number == 40 else content

    video = open_video(spoilt(whole, tmp_path / "a.avi", tear))
    assert len(list(video.frames)) == 40
    assert video.account.sentences() == (TOLD.format(20),)


def test_what_is_done_with_a_picture_is_not_time_of_reading(tmp_path: Path) -> None:
    slow = []
    for frame in read_video(made(tmp_path, "mp4", frames=3), limits=Limits(timeout_s=0.5)):
        slow.append(frame.index)
        time.sleep(0.6)
    assert slow == [0, 1, 2]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rubbish_behind_the_end_harms_nothing(tmp_path: Path, suffix: Any) -> None:
    path = made(tmp_path, suffix)
    path.write_bytes(path.read_bytes() + b"\xff\xfe\xfd" * 5)
    with path.open("rb") as file:
        assert not is_cut_off(file)
    assert len(list(read_video(path))) == 12


def test_a_webm_written_live_has_no_size_and_is_whole(tmp_path: Path) -> None:
    stored = made(tmp_path, "webm").read_bytes()
    at = stored.index(b"\x18\x53\x80\x67") + 4
    (tmp_path / "live.webm").write_bytes(stored[:at] + b"\x01" + b"\xff" * 7 + stored[at + 8 :])
    assert len(list(read_video(tmp_path / "live.webm"))) == 12


def test_the_end_of_a_gif_is_told_by_its_blocks(tmp_path: Path) -> None:
    path = made(tmp_path, "gif", frames=7)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"GIF89a and more")
    with path.open("rb") as file:
        assert gif_end(file) == size


def sound_only(path: Path, *, cover: bool) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        picture = container.add_stream("mjpeg", rate=1) if cover else None
        if picture:
            picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
            picture.disposition = picture.disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(corner_picture(), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.mp4 holds only sound; give a video"):
        open_video(sound_only(tmp_path / "a.mp4", cover=False))


def test_the_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds only sound; give a video"):
        open_video(sound_only(tmp_path / "a.mp4", cover=True))


def test_other_files_are_no_videos(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("This is a text.\n" * 50)
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    (tmp_path / "list2.mp4").write_text("ffconcat version 1.0\nfile a.mp4\n")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    for name, rule in {
        "missing.mp4": "does not exist; check the path",
        "empty.mp4": "is empty; copy it again",
        "text.mp4": "is not a video, or a damaged one; give a video file",
        "list.mp4": "is not a video, or a damaged one",
        "list2.mp4": "is not a video, or a damaged one",
        "phone.heic": "save it as JPEG",
        ".": "not a plain file",
    }.items():
        with pytest.raises(SourceError, match=rule):
            read_video(tmp_path / name)


def test_a_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made(tmp_path, "mp4").rename(tmp_path / "http:a%20b.mp4")
    assert len(list(read_video("http:a%20b.mp4"))) == 12


def test_a_video_without_frames_is_told(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
    with pytest.raises(SourceError, match=r"a\.avi holds no frame that can be decoded"):
        list(read_video(tmp_path / "a.avi"))


@pytest.mark.parametrize(("codec", "pixels"), [("qtrle", "rgb24"), ("svq1", "yuv410p")])
def test_codecs_whose_decoders_mark_no_key_frame_are_read_and_damage_in_them_is_left_out(
    tmp_path: Path, codec: str, pixels: str
) -> None:
    path = tmp_path / "whole.mov"
    rng = np.random.default_rng(5)
    with av.open(str(path), "w") as container:
        track = cast(VideoStream, container.add_stream(codec, rate=30))
        track.width, track.height, track.pix_fmt, track.codec_context.gop_size = 64, 64, pixels, 10
        for _ in range(30):
            picture = cv2.blur(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (9, 9)).astype(np.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(track.encode(None))
    assert len(list(read_video(path))) == 30
    headless = spoilt(path, tmp_path / "headless.mov", lambda n, b: None if n == 0 else b)
    video = open_video(headless)
    assert len(list(video.frames)) == 20
    assert video.account.damaged == 9


def test_limits_are_held_by_the_header(tmp_path: Path) -> None:
    path = made(tmp_path, "mp4")
    for limits, rule in {
        Limits(max_pixels=WIDTH * HEIGHT - 1): "48x32 pixels and may have 1535 in all",
        Limits(max_side_px=47): "a side may have 47",
        Limits(max_frames=11): "has over 11 frames, which is the limit",
        Limits(max_duration_s=0.4): "lasts 0.5 s and may last 0.4 s",
    }.items():
        with pytest.raises(SourceError, match=rule):
            open_video(path, limits=limits)


def test_limits_are_held_while_decoding_where_the_header_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    written_at(path, list(range(0, 90 * 3000, 3000)), time_base=Fraction(1, 90_000))
    assert open_video(path).frame_count is None
    with pytest.raises(SourceError, match="has over 50 frames"):
        list(read_video(path, limits=Limits(max_frames=50)))


def test_a_giant_frame_that_the_header_hides_is_never_decoded(tmp_path: Path) -> None:
    # The container says 48x32; the picture inside says 9000x9000, 243 MB once decoded.
    Image.new("L", (9000, 9000)).save(tmp_path / "a.jpg")
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        container.start_encoding()
        packet = av.Packet((tmp_path / "a.jpg").read_bytes())
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 30)
        container.mux(packet)
    # Had it been decoded, its size would be known and named.
    with pytest.raises(SourceError, match="holds no frame of 1 damaged ones that can be decoded"):
        list(read_video(tmp_path / "a.avi"))


def test_frames_are_decoded_as_they_are_asked_for(tmp_path: Path) -> None:
    frames = read_video(made(tmp_path, "mp4", frames=30))
    assert next(frames).index == 0
    frames.close()
    assert next(frames, None) is None


def test_a_video_whose_pictures_change_their_size_is_read_on_and_says_so(tmp_path: Path) -> None:
    video = open_video(resized(tmp_path, sizes=[(48, 32), (64, 48)]))
    shapes = [frame.image.shape[:2] for frame in video.frames]
    assert shapes == [(32, 48)] * 10 + [(48, 64)] * 10
    assert video.account.sentences() == ("its pictures change from 48x32 to 64x48 pixels after 10 frames",)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_what_rests_on_a_lost_packet_of_h264_is_left_out(tmp_path: Path, suffix: str) -> None:
    whole = moving(tmp_path, suffix, codec="libx264")
    assert len(list(read_video(whole))) == 60
    path = spoilt(whole, tmp_path / f"a.{suffix}", lambda n, b: None if n == 20 else b)
    video = open_video(path)
    times_s = [frame.time_s for frame in video.frames]
    np.testing.assert_allclose(times_s, [n / 30 for n in range(60) if not 20 <= n < 30], atol=2e-3)
    assert video.account.sentences() == (TOLD.format(10),)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("avi", "mpeg4"), ("mkv", "mpeg4"), ("webm", "libvpx-vp9"), ("webm", "libvpx"), ("ts", "mpeg2video")],
)
def test_a_packet_lost_by_a_codec_without_numbers_is_missed_in_a_steady_clock(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    whole = moving(tmp_path, suffix, codec=codec)
    assert len(list(read_video(whole))) == 60
    path = spoilt(whole, tmp_path / f"a.{suffix}", lambda n, b: None if n in (20, 21, 50) else b)
    video = open_video(path)
    times_s = [frame.time_s for frame in video.frames]
    left = [n / 30 for n in range(60) if not (20 <= n < 30 or 50 <= n < 60)]
    np.testing.assert_allclose(times_s, left, atol=2e-3)
    assert video.account.sentences() == (TOLD.format(20),)


def of_vp9(path: Path, numbers: list[int], *, parallel: int) -> Path:
    """A video of the pictures with these numbers of a pattern that wanders, at their times."""
    rng = np.random.default_rng(7)
    pattern = cv2.GaussianBlur(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8), (0, 0), 2)
    with av.open(str(path), "w") as container:
        options = {"deadline": "realtime", "cpu-used": "8", "b": "1M", "frame-parallel": str(parallel)}
        track = container.add_stream("libvpx-vp9", rate=30, options=options)
        track.width, track.height, track.codec_context.gop_size = 128, 96, 15
        for number in numbers:
            moved = np.roll(pattern, 2 * number, axis=1).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(moved, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return path


def test_what_an_encoder_of_vp9_left_out_is_not_lost_where_its_decoder_would_notice(tmp_path: Path) -> None:
    numbers = [n for n in range(60) if n not in (20, 21, 50)]
    skipping = open_video(of_vp9(tmp_path / "skips.webm", numbers, parallel=0))
    times_s = [frame.time_s for frame in skipping.frames]
    np.testing.assert_allclose(times_s, [n / 30 for n in numbers], atol=2e-3)
    assert skipping.account.sentences() == ()

    whole = of_vp9(tmp_path / "whole.webm", list(range(60)), parallel=0)
    losing = open_video(spoilt(whole, tmp_path / "loses.webm", lambda n, b: None if n == 20 else b))
    times_s = [frame.time_s for frame in losing.frames]
    np.testing.assert_allclose(times_s, [n / 30 for n in range(60) if not 20 <= n < 30], atol=2e-3)
    assert losing.account.sentences() == (TOLD.format(9).replace("60", "59"),)  # of those that are there

    unsure = open_video(of_vp9(tmp_path / "parallel.webm", numbers, parallel=1))
    assert len(list(unsure.frames)) < len(numbers)  # the clock alone would tell of a loss


def test_a_clock_that_was_never_steady_tells_of_no_loss(tmp_path: Path) -> None:
    whole = moving(tmp_path, "webm", codec="libvpx-vp9")
    path = tmp_path / "a.webm"
    rng = np.random.default_rng(3)
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        track = new.add_stream_from_template(old.streams.video[0])
        clock = 0
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream, packet.pts, packet.dts = track, clock, clock
                clock += int(rng.choice([25, 33, 41, 66]))
                new.mux(packet)
    video = open_video(path)
    assert len(list(video.frames)) == 60
    assert video.account.sentences() == ()


def test_pictures_that_rest_on_later_ones_are_not_taken_for_lost(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    still = cv2.GaussianBlur(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (0, 0), 2)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        options = {"bf": "3", "x264-params": "b-pyramid=2:ref=4"}
        stream = container.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(50):
            picture = np.roll(still, number, axis=1).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    video = open_video(path)
    assert len(list(video.frames)) == 50
    assert video.account.sentences() == ()
