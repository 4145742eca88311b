"""Whatever can be checked -> frames: a picture, a video, a folder of pictures, a camera, a stream."""

import numbers
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

import cv2
import numpy as np

from unmask.media.account import Account
from unmask.media.hdf5 import MAGIC as HDF5, open_hdf5
from unmask.media.images import READ_SUFFIXES, probe_image, read_image, shown, turned, upright
from unmask.media.large import MOST_BYTES
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.media.pictures import HEAD_BYTES, Picture, kind_of, open_picture
from unmask.media.regular import open_regular
from unmask.media.tails import behind_picture
from unmask.media.video import Video, open_file, open_readable, open_stream, open_video
from unmask.plain import address_shown
from unmask.types import DataError, Frame, Presentation, SettingsError, SourceError

if TYPE_CHECKING:
    from unmask.media.http import Answer

Kind = Literal["image", "video", "folder", "camera", "stream"]
SCHEMES = ("rtsp", "rtsps", "http", "https")
CAMERA = "camera:"
MAX_FRAMES = "max_frames"  # column of a presentation: a protocol that takes only the first frames fills it
PLAYLISTS = (
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "application/dash+xml",
)
MOTION_JPEG = (".mjpeg", ".mjpg")  # pictures end to end: the content alone looks like one picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened source: `frames` come once, decoded as they are asked for.

    `frame_count` and `fps` (the mean rate) are None where nothing tells; true times are in the frames.
    `account` says what became of the frames so far. `waits`: the next frame may be long in coming, as from a
    camera or a server; files never wait.
    """

    name: str
    kind: Kind
    frames: Generator[Frame, None, None]
    frame_count: int | None
    fps: float | None
    account: Account = field(default_factory=Account)
    waits: bool = True

    @property
    def is_live(self) -> bool:
        """Whether it goes on until nobody wants more: a camera or stream, of which no part can be missing."""
        return self.kind in ("camera", "stream")

    def close(self) -> None:
        """Let go of the file, camera or connection before the frames ended; harmless after."""
        self.frames.close()


def open_source(
    source: str | Path, *, fps: float = 30.0, limits: Limits = DEFAULT_LIMITS, turns: int = 0
) -> Source:
    """Open what `source` names; SourceError at once for all that can be told without decoding.

    "camera:0" is a camera; rtsp:// and http(s):// are streams, or pictures by the server's word; a folder
    gives its pictures in natural order, `fps` of them a second; a file is a picture, an animation or a video
    by its content, whatever its suffix. `turns` quarter turns clockwise bring files upright that do not say
    themselves how they are to be turned. Only regular files are opened, and no server but the one named.
    """
    check_fps(fps)
    name = str(source)
    if not name:
        raise SourceError("an empty name is not a source; give a file, folder, camera:0 or an address")
    if name.startswith(CAMERA):
        return _open_camera(name, limits=limits)
    if "://" in name:
        return _open_address(name, limits=limits)
    if (hidden := address_shown(name)) != name:
        raise SourceError(f"{hidden} is not an address or a path; write an address as rtsp://host/path")
    if Path(name).is_dir():
        return open_files(_pictures_in(Path(name)), name=name, fps=fps, limits=limits, turns=turns)
    with open_regular(name) as file:
        head = file.read(HEAD_BYTES)
    if _is_picture(head, name):
        return _of_picture(probe_image(name, limits=limits), limits=limits, turns=turns)
    if head.startswith(HDF5):
        recorded, count = open_hdf5(Path(name), fps=fps, limits=limits)
        return Source(name=name, kind="video", frames=recorded, frame_count=count, fps=fps)
    video = open_video(name, limits=limits, turns=turns)
    return _of_video(video, name=name, kind="video", waits=False)


def open_content(content: bytes, *, name: str = "bytes", limits: Limits = DEFAULT_LIMITS) -> Source:
    """A picture or a video whose file is in memory."""
    if kind_of(content[:HEAD_BYTES]) is None:
        video = open_file(BytesIO(content), name=name, limits=limits)
        return _of_video(video, name=name, kind="video", waits=False)
    picture = open_picture(content, name=name, limits=limits)
    notes = behind_picture(content, picture.kind, name=name, frames=picture.frames, named=False)
    return _of_picture(replace(picture, notes=tuple(notes)), limits=limits, turns=0)


def check_fps(fps: float) -> None:
    """SettingsError for what is not a frame rate."""
    if isinstance(fps, bool) or not isinstance(fps, numbers.Real) or not 0 < fps <= 1000:
        raise SettingsError(f"fps must be a number above 0 and at most 1000, not {fps!r:.40}")


def open_presentation(
    presentation: Presentation, *, fps: float = 30.0, limits: Limits = DEFAULT_LIMITS
) -> Source:
    """The source of a presentation as its row says: upright, and no longer than the column `max_frames`.

    Training, scoring and whatever else reads presentations opens them here.
    """
    source = open_source(presentation.path, fps=fps, limits=limits, turns=presentation.turns)
    wanted = presentation.columns.get(MAX_FRAMES, "")
    if not wanted:
        return source
    if not re.fullmatch("[0-9]{1,9}", wanted) or int(wanted) < 1:
        raise DataError(
            f"{presentation.path}: {MAX_FRAMES} is {wanted[:80]!r}; it must be 1 or more, or empty"
        )
    count = int(wanted) if source.frame_count is None else min(int(wanted), source.frame_count)
    return replace(source, frames=_first(source.frames, int(wanted)), frame_count=count)


def natural_key(name: str) -> list[str | int]:
    """Sorts names as people count.

    >>> sorted(["f10.png", "f9.png", "F1.png"], key=natural_key)
    ['F1.png', 'f9.png', 'f10.png']
    """
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", name)]


def _first(frames: Generator[Frame, None, None], count: int) -> Generator[Frame, None, None]:
    try:
        yield from islice(frames, count)
    finally:
        frames.close()


def _of_video(video: Video, *, name: str, kind: Kind, waits: bool = True) -> Source:
    return Source(
        name=name,
        kind=kind,
        frames=video.frames,
        frame_count=video.frame_count,
        fps=video.fps,
        account=video.account,
        waits=waits,
    )


def _is_picture(head: bytes, name: str) -> bool:
    """By its first bytes; a name that says motion JPEG is believed, since that begins like one picture."""
    return kind_of(head) is not None and Path(name).suffix.lower() not in MOTION_JPEG


def _of_picture(picture: Picture, *, limits: Limits, turns: int) -> Source:
    """A still picture, or an animation as the video that it is."""
    account = Account(notes=list(picture.notes))
    if picture.frames == 1:
        still = _frame(partial(shown, picture, turns=turns), account=account)
        return Source(name=picture.name, kind="image", frames=still, frame_count=1, fps=None, account=account)
    limits.check_frames(picture.name, picture.frames)
    moving = _animation(picture, account=account, limits=limits, turns=turns)
    return Source(
        name=picture.name, kind="video", frames=moving, frame_count=picture.frames, fps=None, account=account
    )


def _frame(decode: Callable[[], np.ndarray], *, account: Account) -> Generator[Frame, None, None]:
    image = decode()
    account.good()
    yield Frame(image=image, time_s=0.0, index=0)


def _animation(
    picture: Picture, *, account: Account, limits: Limits, turns: int
) -> Generator[Frame, None, None]:
    for index, (stored, time_s, until_s) in enumerate(picture.animation()):
        limits.check_duration(picture.name, time_s)
        account.good(until_s=until_s)
        yield Frame(image=upright(stored, turned(turns)), time_s=time_s, index=index)


def _pictures_in(folder: Path) -> list[Path]:
    """The pictures of one folder in order; other files, hidden ones and folders inside are passed over."""
    paths = [p for p in folder.iterdir() if p.suffix.lower() in READ_SUFFIXES and not p.name.startswith(".")]
    if not paths:
        raise SourceError(f"{folder} holds no picture; give a folder of {', '.join(sorted(READ_SUFFIXES))}")
    return sorted(paths, key=lambda path: natural_key(path.name))


def open_files(
    paths: Sequence[Path], *, name: str, fps: float, limits: Limits = DEFAULT_LIMITS, turns: int = 0
) -> Source:
    """Picture files of one size as a video of `fps` pictures a second."""
    check_fps(fps)
    limits.check_frames(name, len(paths))
    limits.check_duration(name, len(paths) / fps)
    first = _size(paths[0], limits=limits)
    for path in paths[1:]:
        if (size := _size(path, limits=limits)) != first:
            raise SourceError(
                f"{path} is {size[0]}x{size[1]} pixels, {paths[0].name} {first[0]}x{first[1]}; "
                "a folder of frames is of one size"
            )
    account = Account(period_s=1 / fps)
    frames = _frames(paths, fps=fps, limits=limits, turns=turns, account=account)
    return Source(
        name=name,
        kind="folder",
        frames=frames,
        frame_count=len(paths),
        fps=fps,
        account=account,
        waits=False,
    )


def _size(path: Path, *, limits: Limits) -> tuple[int, int]:
    """Width and height once upright, from the header alone."""
    picture = probe_image(path, limits=limits)
    if picture.frames > 1:
        raise SourceError(f"{path} is an animation among single pictures; give it alone, or its pictures")
    across = picture.orientation >= 5
    return (picture.height, picture.width) if across else (picture.width, picture.height)


def _frames(
    paths: Sequence[Path], *, fps: float, limits: Limits, turns: int, account: Account
) -> Generator[Frame, None, None]:
    for index, path in enumerate(paths):
        image = read_image(path, limits=limits, turns=turns)
        account.good()
        yield Frame(image=image, time_s=index / fps, index=index)


def _open_address(url: str, *, limits: Limits) -> Source:
    scheme, name = url.split("://")[0].lower(), address_shown(url)
    if scheme not in SCHEMES:
        raise SourceError(f"{name} is not an address that can be opened; use {', '.join(SCHEMES)} or a path")
    if scheme in ("rtsp", "rtsps"):
        return _of_video(open_stream(url, limits=limits), name=name, kind="stream")
    from unmask.media.http import Answer  # TLS and all: files are opened without it

    with ExitStack() as until_opened:
        answer = until_opened.enter_context(closing(Answer(url, timeout_s=limits.timeout_s)))
        source = _of_answer(answer, name=name, limits=limits)
        until_opened.pop_all()  # the source closes it
    return source


def _of_answer(answer: "Answer", *, name: str, limits: Limits) -> Source:
    """A picture, a video or the stream of a camera, by what the server says that it is."""
    from unmask.media.http import LARGEST_KEPT, Kept, Live

    if answer.kind.startswith("image/") and (answer.length or 0) <= MOST_BYTES:
        content = answer.whole(MOST_BYTES)
        answer.close()
        return open_content(content, name=name, limits=limits)
    if answer.kind in PLAYLISTS:
        raise SourceError(
            f"{name} is a playlist, which is not followed; give the address of the stream itself"
        )
    if answer.length is None or answer.length > LARGEST_KEPT or answer.kind.startswith("multipart/"):
        live = Live(answer)
        arrival_s = None if answer.length and answer.length > LARGEST_KEPT else live.arrival_s
        video = open_readable(live, name=name, limits=limits, arrival_s=arrival_s)
        return _of_video(video, name=name, kind="stream")
    with ExitStack() as until_opened:
        kept = until_opened.enter_context(closing(Kept(answer, longest_s=limits.max_duration_s)))
        is_picture = kind_of(kept.read(HEAD_BYTES)) is not None and answer.length <= MOST_BYTES
        kept.seek(0)
        if is_picture:
            return open_content(kept.read(), name=name, limits=limits)
        video = open_file(cast(BinaryIO, kept), name=name, limits=limits)  # as one on a disk
        until_opened.pop_all()  # the video closes it
    return _of_video(video, name=name, kind="video")


def _open_camera(name: str, *, limits: Limits) -> Source:
    number = name.removeprefix(CAMERA)
    if not re.fullmatch("[0-9]{1,4}", number):
        raise SourceError(f"{name:.40} is not a camera; number it from camera:0")
    with _quiet_opencv():
        capture = cv2.VideoCapture(int(number))
    if not capture.isOpened():
        raise SourceError(
            f"{name} is not there or in use; plug it in, close other programs, or try another number"
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    frames = _camera_frames(capture, name=name, limits=limits)
    return Source(name=name, kind="camera", frames=frames, frame_count=None, fps=rate if rate > 0 else None)


def _camera_frames(capture: cv2.VideoCapture, *, name: str, limits: Limits) -> Generator[Frame, None, None]:
    """Pictures as the camera gives them, timed by this machine's clock; ends quietly at the limits."""
    start_s: float | None = None
    try:
        for index in range(limits.max_frames):
            with _quiet_opencv():
                there, picture = capture.read()
            now_s = time.monotonic()
            if not there:
                raise SourceError(f"{name} gives no picture after {index} frames; check the camera")
            start_s = now_s if start_s is None else start_s
            if now_s - start_s > limits.max_duration_s:
                return
            limits.check_size(name, width=picture.shape[1], height=picture.shape[0])
            image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            yield Frame(image=image, time_s=now_s - start_s, index=index)
    finally:
        capture.release()


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV tells the terminal what goes wrong; our error tells it once."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
