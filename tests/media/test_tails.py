"""What stands behind the end of a recording is refused where it is another one, and else said."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

from unmask.media import tails
from unmask.media.sources import open_content, open_source
from unmask.types import SourceError

SIDE, PICTURES = 64, 12
LONG = 100  # pictures


@dataclass(frozen=True, kw_only=True)
class Container:
    """How a recording is written; `options` are those of the container."""

    form: str
    codec: str
    options: tuple[tuple[str, str], ...] = ()


CONTAINERS = {
    "mp4": Container(form="mp4", codec="libx264"),
    "mp4 in fragments": Container(
        form="mp4", codec="libx264", options=(("movflags", "frag_keyframe+empty_moov"),)
    ),
    "mov": Container(form="mov", codec="libx264"),
    "3gp": Container(form="3gp", codec="mpeg4"),
    "mkv": Container(form="matroska", codec="libx264"),
    "webm written live": Container(form="webm", codec="libvpx", options=(("live", "1"),)),
    "avi": Container(form="avi", codec="mpeg4"),
    "flv": Container(form="flv", codec="flv"),
    "wmv": Container(form="asf", codec="wmv2"),
    "ivf": Container(form="ivf", codec="libvpx"),
}
# These tell no end: what follows in their own form is read on.
STREAMS = {
    "ts": Container(form="mpegts", codec="libx264"),
    "mpg": Container(form="mpeg", codec="mpeg2video"),
    "h264": Container(form="h264", codec="libx264"),
    "mjpeg": Container(form="mjpeg", codec="mjpeg"),
}


def _written(path: Path, how: Container, *, seed: int = 5, pictures: int = PICTURES, **options: str) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (pictures, SIDE, SIDE, 3), dtype=np.uint8)
    with av.open(str(path), "w", format=how.form, options=dict(how.options) | options) as container:
        stream = cast(VideoStream, container.add_stream(how.codec, rate=25))
        stream.width, stream.height = SIDE, SIDE
        stream.pix_fmt = "yuvj420p" if how.codec == "mjpeg" else "yuv420p"
        for picture in noise:
            smooth = cv2.GaussianBlur(picture, (0, 0), 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(smooth, format="rgb24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


def _notes(path: Path) -> list[str]:
    source = open_source(path)
    assert len(list(source.frames)) == PICTURES
    return list(source.account.sentences())


@pytest.mark.parametrize("behind", ["its like", "an mp4", "a webm", "a stream"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_second_recording_behind_the_first_is_refused(tmp_path: Path, name: Any, behind: str) -> None:
    first = _written(tmp_path / "first", CONTAINERS[name])
    other = {"an mp4": "mp4", "a webm": "webm written live"}.get(behind, name)
    how = STREAMS["ts"] if behind == "a stream" else CONTAINERS[other]
    path = tmp_path / f"a.{name.split()[0]}"
    path.write_bytes(first)
    assert _notes(path) == []
    path.write_bytes(first + _written(tmp_path / "second", how, seed=6))
    with pytest.raises(SourceError, match="holds another recording behind its first one"):
        open_source(path)


@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_read_on_into_their_like_and_refused_with_another_kind_behind(
    tmp_path: Path, name: Any
) -> None:
    path = tmp_path / f"a.{name}"
    first = _written(path, STREAMS[name])
    path.write_bytes(first + _written(tmp_path / "second", STREAMS[name], seed=6))
    assert len(list(open_source(path).frames)) >= 2 * PICTURES - 1
    path.write_bytes(first + _written(tmp_path / "second", CONTAINERS["mp4"], seed=6))
    with pytest.raises(SourceError, match="holds another recording behind its first one"):
        open_source(path)


def test_a_track_that_begins_after_the_others_is_refused_when_it_comes(tmp_path: Path) -> None:
    path, how = tmp_path / "a.ts", STREAMS["ts"]
    elsewhere = {"mpegts_start_pid": "0x300", "mpegts_pmt_start_pid": "0x1234", "mpegts_service_id": "9"}
    second = _written(tmp_path / "second", how, seed=6, pictures=LONG, **elsewhere)
    path.write_bytes(_written(tmp_path / "first", how, pictures=LONG) + second)
    with pytest.raises(SourceError, match="has a track that begins after the others"):
        open_source(path)
    path.write_bytes(_written(tmp_path / "first", how, pictures=LONG) + b"what is not a packet" * 99 + second)
    with pytest.raises(SourceError, match="has a track that begins after the others"):
        open_source(path)


@pytest.mark.parametrize("name", CONTAINERS)
def test_other_bytes_behind_a_recording_are_said_and_padding_is_not(
    tmp_path: Path, name: Any, rng: np.random.Generator
) -> None:
    path = tmp_path / f"a.{name.split()[0]}"
    first = _written(path, CONTAINERS[name])
    path.write_bytes(first + bytes(5000))
    assert _notes(path) == []
    path.write_bytes(first + b"what a camera tells of itself " * 200)
    assert _notes(path)[0] == (
        "6000 bytes behind the end of the recording, which hold no other one, were not judged"
    )


def test_more_behind_a_recording_than_is_looked_through_is_refused_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "PIECE", 2000)
    monkeypatch.setattr(tails, "MOST_PIECES", 2)
    path = tmp_path / "a.mp4"
    first = _written(path, CONTAINERS["mp4"])
    path.write_bytes(first + b"x" * 5000)
    with pytest.raises(
        SourceError, match="has 5000 bytes behind the end of its recording, and no more than 4000"
    ):
        open_source(path)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("behind", ["its like", "an mp4"])
def test_an_animation_with_a_recording_behind_it_is_refused(
    tmp_path: Path, kind: str, behind: str, rng: np.random.Generator
) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    first, *rest = (Image.fromarray(p) for p in rng.integers(0, 256, (PICTURES, 16, 16, 3), dtype=np.uint8))
    first.save(path, save_all=True, append_images=rest, duration=100)
    assert _notes(path) == []
    mp4 = _written(tmp_path / "second", CONTAINERS["mp4"])
    path.write_bytes(path.read_bytes() + (path.read_bytes() if behind == "its like" else mp4))
    with pytest.raises(SourceError, match="goes on as something else"):
        open_source(path)


def test_the_short_video_that_phones_hang_behind_a_photograph_is_said(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.full((48, 48, 3), 90, np.uint8)).save(path, "JPEG")
    alone = path.read_bytes()
    video = _written(tmp_path / "second", CONTAINERS["mp4"])
    path.write_bytes(alone + video)
    source = open_source(path)
    assert source.kind == "image"
    shown = f"a recording stands behind the picture, in {len(video)} bytes that no viewer shows"
    assert source.account.sentences() == (shown,)
    with pytest.raises(SourceError, match="goes on as something else"):
        open_content(alone + video)
    path.write_bytes(alone)
    assert open_source(path).account.sentences() == ()


def test_a_small_picture_in_the_head_of_a_jpeg_is_not_its_end(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    small = tmp_path / "small.jpg"
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(small, "JPEG")
    exif = Image.Exif()
    exif[0x9286] = small.read_bytes()  # a comment that holds a whole picture
    path = tmp_path / "a.jpg"
    Image.fromarray(rng.integers(0, 256, (90, 90, 3), dtype=np.uint8)).save(path, "JPEG", exif=exif)
    video = _written(tmp_path / "second", CONTAINERS["mp4"])
    path.write_bytes(path.read_bytes() + video)
    assert f"in {len(video)} bytes" in open_source(path).account.sentences()[0]
