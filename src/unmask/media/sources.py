"""Whatever can be checked -> frames: a picture, a video, a folder of pictures, a camera, a stream."""

import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import cv2

from unmask.media.containers import gif_frames
from unmask.media.hdf5 import is_hdf5, open_hdf5
from unmask.media.headers import DamagedError, read_header
from unmask.media.images import SUFFIXES, probe_image, read_image
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.media.video import Video, open_stream, open_video
from unmask.plain import address_shown
from unmask.types import DataError, Frame, Presentation, SettingsError, SourceError

Kind = Literal["image", "video", "folder", "camera", "stream"]
SCHEMES = ("rtsp", "rtsps", "http", "https")
CAMERA = "camera:"
MAX_FRAMES = "max_frames"  # column of a presentation: a protocol that takes only the first frames fills it
MOTION_JPEG = (".mjpeg", ".mjpg")  # pictures end to end: the content alone looks like one picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened source: `frames` come once, decoded as they are asked for.

    `frame_count` and `fps` (the mean rate) are None where nothing tells; true times are in the frames.
    """

    name: str
    kind: Kind
    frames: Generator[Frame, None, None]
    frame_count: int | None
    fps: float | None

    def close(self) -> None:
        """Let go of the file, camera or connection before the frames ended; harmless after."""
        self.frames.close()


def open_source(
    source: str | Path, *, fps: float = 30.0, limits: Limits = DEFAULT_LIMITS, turns: int = 0
) -> Source:
    """Open what `source` names; SourceError at once for all that can be told without decoding.

    "camera:0" is a camera; rtsp:// and http(s):// are streams; a folder gives its pictures in natural order,
    `fps` of them a second; a file is a picture or a video by its content, whatever its suffix. `turns`
    quarter turns clockwise bring files upright that do not say themselves how they are to be turned.
    """
    if not 0 < fps <= 1000:
        raise SettingsError(f"fps must be above 0 and at most 1000, not {fps}")
    name = str(source)
    if not name:
        raise SourceError("an empty name is no source; give a file, folder, camera:0 or an address")
    if name.startswith(CAMERA):
        return _open_camera(name, limits=limits)
    if "://" in name:
        if name.split("://")[0].lower() not in SCHEMES:
            raise SourceError(
                f"{address_shown(name)} is no address that can be opened; use {', '.join(SCHEMES)} or a path"
            )
        video = open_stream(name, limits=limits)
        return _of_video(video, name=address_shown(name), kind="stream")
    if Path(name).is_dir():
        return _open_folder(Path(name), fps=fps, limits=limits, turns=turns)
    if _is_picture(Path(name)):
        probe_image(name, limits=limits)
        frames = _frames([Path(name)], fps=fps, limits=limits, turns=turns)
        return Source(name=name, kind="image", frames=frames, frame_count=1, fps=None)
    if is_hdf5(Path(name)):
        recorded, count = open_hdf5(Path(name), fps=fps, limits=limits)
        return Source(name=name, kind="video", frames=recorded, frame_count=count, fps=fps)
    still = _is_still_gif(Path(name))
    video = open_video(name, limits=limits, turns=turns)
    return _of_video(video, name=name, kind="image" if still else "video")


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


def _of_video(video: Video, *, name: str, kind: Kind) -> Source:
    return Source(name=name, kind=kind, frames=video.frames, frame_count=video.frame_count, fps=video.fps)


def _is_picture(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() in MOTION_JPEG:
        return False
    try:
        with path.open("rb") as file:
            return read_header(file) is not None
    except DamagedError:
        return True  # it began as one; reading it says what is wrong
    except OSError:
        return False


def _is_still_gif(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"GIF8" and gif_frames(file) == 1


def _open_folder(folder: Path, *, fps: float, limits: Limits, turns: int) -> Source:
    """The pictures of one folder as a video; other files, hidden ones and folders inside are passed over."""
    paths = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not paths:
        raise SourceError(f"{folder} holds no picture; give a folder of {', '.join(sorted(SUFFIXES))}")
    limits.check_frames(str(folder), len(paths))
    limits.check_duration(str(folder), len(paths) / fps)
    paths.sort(key=lambda path: natural_key(path.name))
    first = _size(paths[0], limits=limits)
    for path in paths[1:]:
        if (size := _size(path, limits=limits)) != first:
            raise SourceError(
                f"{path} is {size[0]}x{size[1]} pixels, {paths[0].name} {first[0]}x{first[1]}; "
                "a folder of frames is of one size"
            )
    frames = _frames(paths, fps=fps, limits=limits, turns=turns)
    return Source(name=str(folder), kind="folder", frames=frames, frame_count=len(paths), fps=fps)


def _size(path: Path, *, limits: Limits) -> tuple[int, int]:
    """Width and height once upright, from the header alone."""
    header = probe_image(path, limits=limits)
    return (header.height, header.width) if header.orientation >= 5 else (header.width, header.height)


def _frames(paths: Sequence[Path], *, fps: float, limits: Limits, turns: int) -> Generator[Frame, None, None]:
    for index, path in enumerate(paths):
        image = read_image(path, limits=limits, turns=turns)
        yield Frame(image=image, time_s=index / fps, index=index)


def _open_camera(name: str, *, limits: Limits) -> Source:
    number = name.removeprefix(CAMERA)
    if not number.isdecimal():
        raise SourceError(f"{name} is no camera; number it from camera:0")
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
