"""What an HTTP server gives is read from the place that was named, with the times at which it came."""

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unmask.media.encoding import write_video
from unmask.media.limits import Limits
from unmask.media.sources import open_source
from unmask.types import SourceError

Page = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextmanager
def site(pages: dict[str, Page]) -> Iterator[tuple[str, list[str]]]:
    """A server of these pages: its address, and what was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            pages[self.path](self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def page(content: bytes, kind: str, *, length: bool = True) -> Page:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        if length:
            request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def moved(address: str) -> Page:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", address)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def jpeg(value: int = 90) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((32, 48, 3), value, np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "length"), [("image/jpeg", True), ("image/jpeg", False), ("text/plain", True)]
)
def test_a_snapshot_is_a_picture(kind: str, length: bool) -> None:
    with site({"/snapshot.cgi": page(jpeg(), kind, length=length)}) as (root, _):
        source = open_source(f"{root}/snapshot.cgi")
        assert source.kind == "image"
        (frame,) = source.frames
        assert abs(int(frame.image[0, 0, 0]) - 90) < 3


def test_a_redirect_is_followed_on_the_same_server_alone() -> None:
    with site({"/x.jpg": page(jpeg(), "image/jpeg")}) as (other, asked):
        pages = {
            "/x.jpg": page(jpeg(), "image/jpeg"),
            "/near": moved("/x.jpg"),
            "/far": moved(f"{other}/x.jpg"),
        }
        with site(pages) as (root, _):
            assert open_source(f"{root}/near").kind == "image"
            with pytest.raises(
                SourceError, match="sends its readers on to another address, which is not followed"
            ):
                open_source(f"{root}/far")
        assert asked == []


def test_a_playlist_is_not_followed() -> None:
    with site({"/x.ts": page(b"", "video/mp2t")}) as (other, asked):
        content = f"#EXTM3U\n#EXTINF:2.5,\n{other}/x.ts\n#EXT-X-ENDLIST\n".encode()
        kinds = {"/a.m3u8": "application/vnd.apple.mpegurl", "/b": "video/mp4"}
        with site({name: page(content, kind) for name, kind in kinds.items()}) as (root, _):
            for name in kinds:
                with pytest.raises(SourceError, match=r"is a playlist|is not a video"):
                    open_source(f"{root}{name}")
        assert asked == []


def test_a_video_with_its_index_at_the_end_is_read_in_one_go(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [np.full((32, 48, 3), 90, np.uint8)] * 9, fps=30)
    with site({"/a": page((tmp_path / "a.mp4").read_bytes(), "video/mp4")}) as (root, asked):
        assert len(list(open_source(f"{root}/a").frames)) == 9
        assert asked == ["/a"]


def test_a_video_is_a_file_with_what_stands_behind_its_end(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [np.full((32, 48, 3), 90, np.uint8)] * 9, fps=30)
    content = (tmp_path / "a.mp4").read_bytes()
    pages = {"/a": content, "/twice": content + content, "/cut": content[:-40]}
    with site({name: page(body, "video/mp4") for name, body in pages.items()}) as (root, _):
        assert open_source(f"{root}/a").kind == "video"
        with pytest.raises(SourceError, match="holds another recording behind its first one"):
            open_source(f"{root}/twice")
        with pytest.raises(SourceError, match="is cut off before its end"):
            open_source(f"{root}/cut")


def test_an_answer_of_fewer_bytes_than_it_says_is_no_whole_recording(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)
    write_video(tmp_path / "a.webm", noise, fps=25, codec="libvpx-vp9")
    content = (tmp_path / "a.webm").read_bytes()

    def shorter(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) * 3 // 4])

    with (
        site({"/a": shorter}) as (root, _),
        pytest.raises(SourceError, match=rf"broke off after \d+ of {len(content)} bytes"),
    ):
        list(open_source(f"{root}/a").frames)


@pytest.mark.parametrize("dripping", ["head", "content"])
def test_a_server_that_gives_letter_by_letter_stalls(dripping: str) -> None:
    over = threading.Event()

    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        if dripping == "content":
            request.send_response(200)
            request.send_header("Content-Length", "1000000")
            request.end_headers()
        with suppress(OSError):
            while not over.wait(0.05):
                request.wfile.write(b"x")

    with site({"/a": drip}) as (root, _):
        begun_s = time.monotonic()
        try:
            with pytest.raises(SourceError, match=r"stalls: it gave nothing for 0\.3 s"):
                open_source(f"{root}/a", limits=Limits(timeout_s=0.3))
        finally:
            over.set()
        assert time.monotonic() - begun_s < 5


def test_a_camera_that_gives_hardly_a_picture_is_told() -> None:
    def camera(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        request.end_headers()
        for number in range(2):
            content = jpeg(20 * number)
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(content)
            request.wfile.write(head + content + b"\r\n")

    with (
        site({"/video": camera}) as (root, _),
        pytest.raises(SourceError, match=r"gave only [12] pictures, and a camera's first 3"),
    ):
        list(open_source(f"{root}/video").frames)


def test_pictures_of_a_camera_have_the_times_at_which_they_came() -> None:
    period_s, sent_s = 0.15, []

    def camera(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        request.end_headers()
        began_s = time.monotonic()
        for number in range(10):
            content = jpeg(20 * number)
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(content)
            request.wfile.write(head + content + b"\r\n")
            sent_s.append(time.monotonic() - began_s)
            time.sleep(max(0.0, began_s + (number + 1) * period_s - time.monotonic()))

    with site({"/video": camera}) as (root, _):
        source = open_source(f"{root}/video")
        assert source.kind == "stream"
        times_s = []
        for frame in source.frames:
            times_s.append(frame.time_s)
            time.sleep(0.2)  # whoever looks at them is slower than the camera
    assert len(times_s) >= 5  # the first three have no time to be relied on, and are passed over
    late_s = np.array(times_s) - (np.array(sent_s[3 : 3 + len(times_s)]) - sent_s[0])
    assert np.median(np.abs(late_s)) < period_s / 2


@pytest.mark.parametrize("asks", ["Bearer realm=x", "Negotiate", "Digest", "Digest realm=", 'Digest =,"'])
def test_a_log_in_that_is_not_known_is_told_as_such(asks: str) -> None:
    def closed(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(401)
        request.send_header("WWW-Authenticate", asks)
        request.send_header("Content-Length", "0")
        request.end_headers()

    with site({"/a": closed}) as (root, _):
        with pytest.raises(SourceError, match="asks for a log-in that unmask does not know") as caught:
            open_source(f"{root.replace('//', '//admin:S3cret@')}/a")
        assert "S3cret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_foresaw_while_an_address_is_asked_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ArithmeticError("nobody foresaw this")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", broken)
    with pytest.raises(SourceError, match="its answer is not understood"):
        open_source("http://127.0.0.1:9/a", limits=Limits(timeout_s=5))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_foresaw_while_a_camera_is_read_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def camera(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        request.end_headers()

    def broken(*_: object) -> bytes:
        raise ArithmeticError("nobody foresaw this")

    monkeypatch.setattr("http.client.HTTPResponse.read1", broken)
    with site({"/video": camera}) as (root, _), pytest.raises(SourceError, match="is not understood"):
        list(open_source(f"{root}/video", limits=Limits(timeout_s=5)).frames)
