"""Whatever can be checked gives frames; whatever cannot gives one sentence, soon."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from unmask.media import sources
from unmask.media.encoding import write_video
from unmask.media.images import read_image, write_image
from unmask.media.limits import Limits
from unmask.media.sources import natural_key, open_source
from unmask.types import SettingsError, SourceError


def grey(value: int, *, height: int = 16, width: int = 24) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def folder_of(folder: Path, names: list[str]) -> Path:
    """A folder in which the picture of position n in `names` has brightness 10 n."""
    folder.mkdir()
    for position, name in enumerate(names):
        write_image(folder / name, grey(10 * position))
    return folder


def brightness(source: sources.Source) -> list[int]:
    return [int(frame.image[0, 0, 0]) for frame in source.frames]


def test_a_picture_is_a_source_of_one_frame(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", grey(70))
    source = open_source(str(tmp_path / "a.png"))
    assert (source.kind, source.frame_count, source.fps) == ("image", 1, None)
    (frame,) = source.frames
    assert (frame.time_s, frame.index) == (0.0, 0)
    np.testing.assert_array_equal(frame.image, grey(70))


def test_the_content_says_what_a_file_is(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", grey(70))
    (tmp_path / "a.png").rename(tmp_path / "picture.mp4")
    write_video(tmp_path / "a.mp4", [grey(70)] * 3, fps=30)
    (tmp_path / "a.mp4").rename(tmp_path / "video.jpg")
    assert open_source(tmp_path / "picture.mp4").kind == "image"
    video = open_source(tmp_path / "video.jpg")
    assert (video.kind, video.frame_count, video.fps) == ("video", 3, 30)
    assert len(list(video.frames)) == 3


def test_a_gif_of_one_picture_is_a_picture_and_of_two_a_video(tmp_path: Path) -> None:
    first, second = Image.fromarray(grey(50)), Image.fromarray(grey(90))
    first.save(tmp_path / "one.gif")
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second], duration=100)
    assert open_source(tmp_path / "one.gif").kind == "image"
    assert brightness(open_source(tmp_path / "one.gif")) == [50]
    assert open_source(tmp_path / "two.gif").kind == "video"
    assert len(list(open_source(tmp_path / "two.gif").frames)) == 2


def test_motion_jpeg_is_a_video(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", grey(70))
    (tmp_path / "a.mjpeg").write_bytes((tmp_path / "a.jpg").read_bytes() * 4)
    assert open_source(tmp_path / "a.mjpeg").kind == "video"
    assert len(list(open_source(tmp_path / "a.mjpeg").frames)) == 4


def test_a_folder_is_read_in_natural_order_by_the_given_clock(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", ["f1.png", "f2.PNG", "f10.bmp"])
    source = open_source(str(folder), fps=10)
    assert (source.kind, source.frame_count, source.fps) == ("folder", 3, 10)
    frames = list(source.frames)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 10, 20]
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.1, 0.2])


def test_natural_order_counts_and_ignores_case() -> None:
    names = ["b1", "a10", "A2", "a2b10", "a2b9", "10", "9", "²"]
    assert sorted(names, key=natural_key) == ["9", "10", "A2", "a2b9", "a2b10", "a10", "b1", "²"]


def test_other_files_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", ["1.png", "2.png"])
    (folder / "labels.csv").write_text("path,label\n")
    (folder / "Thumbs.db").write_bytes(b"\0")
    (folder / "._1.png").write_bytes(b"what macOS leaves on foreign disks")
    folder_of(folder / "inside", ["3.png"])
    assert brightness(open_source(folder)) == [0, 10]


def test_a_folder_is_of_one_size_and_of_whole_pictures(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", ["1.png", "2.png"])
    write_image(folder / "3.png", grey(0, width=20))
    with pytest.raises(
        SourceError, match=r"3\.png is 20x16 pixels, 1\.png 24x16; a folder of frames is of one size"
    ):
        open_source(folder)
    (folder / "3.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"3\.png is empty; copy it again"):
        open_source(folder)


def test_sizes_in_a_folder_are_compared_upright(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", ["1.png"])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(grey(90, height=24, width=16)).save(folder / "2.png", exif=exif)
    assert [frame.image.shape for frame in open_source(folder).frames] == [(16, 24, 3)] * 2


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("")
    with pytest.raises(SourceError, match="holds no picture; give a folder of"):
        open_source(tmp_path)


def test_a_folder_is_held_to_the_limits(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", ["1.png", "2.png", "3.png"])
    with pytest.raises(SourceError, match="has over 2 frames"):
        open_source(folder, limits=Limits(max_frames=2))
    with pytest.raises(SourceError, match=r"lasts 3\.0 s and may last 2 s"):
        open_source(folder, fps=1, limits=Limits(max_duration_s=2))
    with pytest.raises(SettingsError, match="fps must be a number above 0 and at most 1000, not 0"):
        open_source(folder, fps=0)


@pytest.mark.parametrize(
    "name", ["missing.mp4", "missing", "", "ftp://host/a.mp4", "camera:", "camera:one", "camera:-1"]
)
def test_what_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"^[^;]+; [^;.]+$"):
        open_source(name)


def test_a_camera_that_is_not_there_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="camera:97 is not there or in use; plug it in"):
        open_source("camera:97")
    assert capfd.readouterr().err == ""


class Camera:
    """Stands in for cv2.VideoCapture: gives `pictures` in BGR, then nothing."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self.pictures, self.released = list(pictures), False

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, _: int) -> float:
        return 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(0.01)
        return (True, self.pictures.pop(0)) if self.pictures else (False, None)

    def release(self) -> None:
        self.released = True


def test_a_camera_gives_rgb_by_the_clock_until_it_is_unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera([np.full((4, 6, 3), (1, 2, 3), np.uint8)] * 3)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
    source = open_source("camera:0")
    assert (source.kind, source.frame_count, source.fps) == ("camera", None, None)
    frames = [next(source.frames) for _ in range(3)]
    assert frames[0].image[0, 0].tolist() == [3, 2, 1]
    assert frames[0].time_s == 0
    assert all(b.time_s - a.time_s >= 0.01 for a, b in pairwise(frames))
    with pytest.raises(SourceError, match="camera:0 gives no picture after 3 frames"):
        next(source.frames)
    assert camera.released


def test_a_camera_ends_at_the_limits_and_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera([grey(0)] * 9)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
    assert len(list(open_source("camera:0", limits=Limits(max_frames=4)).frames)) == 4
    assert camera.released
    camera = Camera([grey(0)] * 9)
    source = open_source("camera:0")
    next(source.frames)
    source.close()
    assert camera.released


@contextmanager
def serving(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on this machine that hands every connection to `handle`; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        ended = threading.Event()

        def serve() -> None:
            held = []
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                held.append(connection)
                connection.settimeout(5)
                handle(connection)
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def test_a_video_is_read_over_http(tmp_path: Path) -> None:
    write_video(tmp_path / "a.webm", [grey(90)] * 10, fps=25, codec="libvpx-vp9")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=tmp_path)

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            source = open_source(f"{address}/a.webm")
            assert source.kind == "video"
            assert len(list(source.frames)) == 10
            with pytest.raises(SourceError, match=r"missing\.webm cannot be opened: .*; check the address"):
                open_source(f"{address}/missing.webm")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_stream_that_never_answers_stalls(scheme: str) -> None:
    with serving(lambda connection: None) as address:
        start_s = time.monotonic()
        with pytest.raises(SourceError, match=r"stalls: it gave nothing for 0\.3 s; check the connection"):
            open_source(f"{scheme}://{address}/a.mp4", limits=Limits(timeout_s=0.3))
        assert time.monotonic() - start_s < 5


def test_a_stream_that_stops_midway_stalls(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 64, 64, 3), dtype=np.uint8)
    write_video(tmp_path / "a.webm", noise, fps=25, codec="libvpx-vp9")
    content = (tmp_path / "a.webm").read_bytes()

    def half(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode())
        connection.sendall(content[: len(content) // 2])

    with serving(half) as address:
        source = open_source(f"http://{address}/a.webm", limits=Limits(timeout_s=0.3))
        assert next(source.frames).index == 0
        with pytest.raises(SourceError, match=r"stalls: it gave nothing for 0\.3 s"):
            list(source.frames)


def test_a_stream_that_nobody_serves_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.mp4"
    with pytest.raises(SourceError, match=r"cannot be opened: Connection refused; check the address"):
        open_source(address)


def test_the_picture_of_a_source_is_that_of_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (9, 7, 4), dtype=np.uint8)).save(tmp_path / "a.png")
    (frame,) = open_source(tmp_path / "a.png").frames
    np.testing.assert_array_equal(frame.image, read_image(tmp_path / "a.png"))
