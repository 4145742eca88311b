"""Recorded video: files -> upright RGB frames with their true times."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import ExitError, FFmpegError, InvalidDataError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unmask.media.encoding import VideoWriter, encode_decode, write_video
from unmask.media.images import upright
from unmask.media.limits import Limits
from unmask.types import Frame, SourceError

__all__ = ["Limits", "Video", "VideoWriter", "encode_decode", "open_video", "read_video", "write_video"]

# Containers of video only: a playlist, subtitle or text file must not pass for a video, nor make us open other files.
FILE_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,asf,ogg,h264,hevc,m4v,mjpeg,ivf,yuv4mpegpipe"
DEFAULT_FPS = 30.0  # where a file does not say
DEGREES_TO_ORIENTATION = {90: 6, 180: 3, 270: 8}  # clockwise, as phones wrote it before display matrices


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """An opened video: `frames` are decoded as they are asked for; `frame_count` only if the header tells."""

    frames: Iterator[Frame]
    frame_count: int | None
    fps: float


def read_video(path: str | Path, *, limits: Limits = Limits()) -> Iterator[Frame]:
    """The frames of a file, decoded lazily; the header is checked at once."""
    return open_video(path, limits=limits).frames


def open_video(path: str | Path, *, limits: Limits = Limits()) -> Video:
    """A file whose header was read and found within the limits; SourceError otherwise."""
    _check_file(Path(path))
    try:
        # "file:" keeps names with a colon from being taken for a protocol.
        container = av.open(f"file:{path}", options=_options(limits, FILE_FORMATS), metadata_errors="replace")
    except InvalidDataError as broken:
        raise SourceError(
            f"{path} is no video that can be read, or is cut off before its index; copy it again"
        ) from broken
    except FFmpegError as broken:
        raise SourceError(f"{path} cannot be opened as a video: {broken.strerror}; copy it again") from broken
    return video_of(container, name=str(path), limits=limits)


def video_of(container: InputContainer, *, name: str, limits: Limits, live: bool = False) -> Video:
    """The first true video stream of an opened container; `live` ends quietly at the limits instead of failing."""
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        holds = "only sound" if container.streams.audio else "no stream of pictures"
        raise SourceError(f"{name} holds {holds}; give a video with a picture")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise SourceError(f"{name} is coded in a way that no decoder here reads; convert it to H.264")
    if context.width and context.height:
        limits.check_size(name, width=context.width, height=context.height)
    if not live:
        limits.check_frames(name, stream.frames)
        limits.check_duration(name, (container.duration or 0) / av.time_base)
    context.thread_type = "SLICE" if live else "AUTO"  # threads over frames would hold live ones back
    context.options = {"max_pixels": str(limits.max_pixels)}
    frames = _frames(container, stream, name=name, limits=limits, live=live)
    return Video(frames=frames, frame_count=stream.frames or None, fps=_fps(stream))


def _check_file(path: Path) -> None:
    if not path.exists():
        raise SourceError(f"{path} does not exist; check the path")
    if not path.is_file():
        raise SourceError(f"{path} is not a plain file; give a video file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty; copy it again")


def _options(limits: Limits, formats: str) -> dict[str, str]:
    # max_pixels also bounds the frame that FFmpeg may decode while it looks at the header.
    return {"format_whitelist": formats, "max_pixels": str(limits.max_pixels)}


def _fps(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else DEFAULT_FPS


def _frames(
    container: InputContainer, stream: VideoStream, *, name: str, limits: Limits, live: bool
) -> Iterator[Frame]:
    clock = _Clock(fps=_fps(stream))
    size: tuple[int, int] | None = None
    count = 0
    with container:
        try:
            for picture in container.decode(stream):
                if picture.is_corrupt:
                    continue
                time_s = clock.time_s(picture.time)
                if live and (time_s > limits.max_duration_s or count >= limits.max_frames):
                    return
                limits.check_duration(name, time_s)
                limits.check_frames(name, count + 1)
                limits.check_size(name, width=picture.width, height=picture.height)
                if size not in (None, (picture.width, picture.height)):
                    raise SourceError(
                        f"{name} changes its size from {size} to {(picture.width, picture.height)} at frame {count}; "
                        "convert it to one size"
                    )
                size = (picture.width, picture.height)
                image = upright(picture.to_ndarray(format="rgb24"), _orientation(picture, stream.metadata))
                yield Frame(image=image, time_s=time_s, index=count)
                count += 1
        except ExitError as stalled:
            raise SourceError(
                f"{name} gave nothing for {limits.timeout_s:g} s; check the connection"
            ) from stalled
        except FFmpegError as broken:
            raise SourceError(f"{name} breaks off after {count} frames; copy it again") from broken
    if count == 0:
        raise SourceError(f"{name} holds no frame that can be decoded; copy it again")


class _Clock:
    """Times since the first frame, rising: a missing or backward timestamp is replaced by one nominal period more."""

    def __init__(self, *, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._start_s: float | None = None
        self._last_s = -self._period_s

    def time_s(self, stamp_s: float | None) -> float:
        if self._start_s is None:
            self._start_s = stamp_s or 0.0
        now_s = self._last_s + self._period_s if stamp_s is None else stamp_s - self._start_s
        self._last_s = now_s if now_s > self._last_s else self._last_s + self._period_s
        return self._last_s


def _orientation(picture: VideoFrame, metadata: dict[str, str]) -> int:
    """EXIF orientation 1 to 8 of a frame: of its display matrix, else of the tag "rotate"."""
    matrix: Any = picture.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        return matrix_orientation(struct.unpack("=9i", bytes(matrix)[:36]))
    degrees = metadata.get("rotate", "0")
    return DEGREES_TO_ORIENTATION.get(int(degrees) % 360, 1) if degrees.lstrip("-").isdigit() else 1


def matrix_orientation(matrix: tuple[int, ...]) -> int:
    """The EXIF orientation nearest to a display matrix (a, b, u, c, d, v, x, y, w), as ISO/IEC 14496-12 stores it.

    A stored point (x, y) is shown at (a x + c y, b x + d y).

    >>> matrix_orientation((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30))  # a phone held upright: a quarter turn clockwise
    6
    """
    a, b, _, c, d = matrix[:5]
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    right_to_left, upside_down = (c < 0, b < 0) if turned else (a < 0, d < 0)
    mirrored = {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}
    return mirrored[right_to_left, upside_down] + (4 if turned else 0)
