"""Recorded and streamed video -> upright RGB frames with their true times."""

import struct
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import ArgumentError, ExitError, FFmpegError, InvalidDataError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unmask.media.containers import is_cut_off
from unmask.media.encoding import VideoWriter, encode_decode, write_video
from unmask.media.images import turned, upright
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.plain import address_shown
from unmask.types import Frame, SourceError

# The whole of video, read and written, is reached by this one name.
__all__ = [
    "Limits",
    "Video",
    "VideoWriter",
    "encode_decode",
    "open_stream",
    "open_video",
    "read_video",
    "write_video",
]

# A playlist, subtitle or text file must neither pass for a video nor make us open other files.
FILE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,"
    "flv,asf,ogg,h264,hevc,m4v,mjpeg,ivf,yuv4mpegpipe"
)
STREAM_FORMATS = f"{FILE_FORMATS},rtsp,rtp,sdp,hls,mpjpeg"
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"})
DEFAULT_FPS = 30.0  # where a file does not say
LIVE_FAULTS = 60  # damaged packets in a row, some two seconds of them, that a live stream may have
CLOCKWISE_TO_ORIENTATION = {90: 6, 180: 3, 270: 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """An opened video: `frames` come once, decoded as asked for; `frame_count` if the header tells."""

    frames: Generator[Frame, None, None]
    frame_count: int | None
    fps: float  # the mean rate; the times of the frames are the true ones


def read_video(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Frame]:
    """The frames of a file, decoded lazily; what its header tells is checked at once."""
    return open_video(path, limits=limits).frames


def open_video(path: str | Path, *, limits: Limits = DEFAULT_LIMITS, turns: int = 0) -> Video:
    """A file that is whole by its own account and within the limits; SourceError otherwise.

    `turns` quarter turns clockwise bring it upright if it does not say itself how it is to be turned.
    """
    _check_file(Path(path))
    try:
        # "file:" keeps names with a colon from being taken for a protocol.
        container = av.open(f"file:{path}", options=_options(limits, FILE_FORMATS), metadata_errors="replace")
    except (InvalidDataError, ArgumentError) as broken:  # the latter for a format that is not on the list
        raise SourceError(f"{path} is no video, or a damaged one; give a video file such as mp4") from broken
    except FFmpegError as broken:
        raise SourceError(f"{path} cannot be opened: {broken.strerror}; check the file") from broken
    return _video(container, name=str(path), limits=limits, live=False, turns=turns)


def open_stream(url: str, *, limits: Limits = DEFAULT_LIMITS) -> Video:
    """A stream over the network; it ends quietly at the limits of duration and count, and may not stall.

    Errors name the address without its credentials; FFmpeg's own, which hold them, are not chained to ours.
    """
    name, refused = address_shown(url), None
    options = {
        **_options(limits, STREAM_FORMATS),
        "rtsp_transport": "tcp",
    }  # over UDP lost packets tear pictures
    start_s = time.monotonic()
    try:
        container = av.open(url, options=options, metadata_errors="replace", timeout=limits.timeout_s)
    except FFmpegError as error:
        refused = error.strerror or type(error).__name__
    if refused is not None:
        if time.monotonic() - start_s >= limits.timeout_s:  # not every protocol says that it was interrupted
            raise SourceError(_stalled(name, limits))
        raise SourceError(f"{name} cannot be opened: {refused}; check the address")
    return _video(container, name=name, limits=limits, live=container.duration is None)


def matrix_orientation(matrix: tuple[int, ...]) -> int:
    """The EXIF orientation nearest to a display matrix (a, b, u, c, d, v, x, y, w) of ISO/IEC 14496-12.

    A stored point (x, y) is shown at (a x + c y, b x + d y).

    >>> matrix_orientation((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30))  # a quarter turn clockwise
    6
    """
    a, b, _, c, d = matrix[:5]
    across = abs(b) + abs(c) > abs(a) + abs(d)
    flips = (c < 0, b < 0) if across else (a < 0, d < 0)  # left to right, top to bottom
    return {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}[flips] + 4 * across


def _check_file(path: Path) -> None:
    if not path.exists():
        raise SourceError(f"{path} does not exist; check the path")
    if not path.is_file():
        raise SourceError(f"{path} is not a plain file; give a video file")
    try:
        with path.open("rb") as file:
            start = file.read(12)
            if not start:
                raise SourceError(f"{path} is empty; copy it again")
            if start[4:8] == b"ftyp" and start[8:] in HEIF_BRANDS:  # FFmpeg would show one of its tiles
                raise SourceError(f"{path} is a HEIF or AVIF picture, which is not read; save it as JPEG")
            if is_cut_off(file):
                raise SourceError(f"{path} is cut off before its end; copy it again")
    except OSError as refused:
        raise SourceError(f"{path} cannot be read: {refused.strerror}; check its rights") from refused


def _options(limits: Limits, formats: str) -> dict[str, str]:
    # max_pixels also bounds what FFmpeg decodes while it looks for the format of the pictures.
    return {"format_whitelist": formats, "max_pixels": str(limits.max_pixels)}


def _video(container: InputContainer, *, name: str, limits: Limits, live: bool, turns: int = 0) -> Video:
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        holds = "only sound" if container.streams.audio else "no pictures"
        raise SourceError(f"{name} holds {holds}; give a video")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise SourceError(f"{name} is coded in a way that is not known here; convert it to H.264")
    if context.width and context.height:
        limits.check_size(name, width=context.width, height=context.height)
    if not live:
        limits.check_frames(name, stream.frames)
        limits.check_duration(name, (container.duration or 0) / av.time_base)
    context.thread_type = "SLICE" if live else "AUTO"  # threads over frames would hold live ones back
    context.options = {"max_pixels": str(limits.max_pixels)}
    frames = _frames(container, stream, name=name, limits=limits, live=live, turns=turns)
    return Video(frames=frames, frame_count=stream.frames or None, fps=_fps(stream))


def _fps(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else DEFAULT_FPS


def _frames(
    container: InputContainer, stream: VideoStream, *, name: str, limits: Limits, live: bool, turns: int
) -> Generator[Frame, None, None]:
    clock = _Clock(fps=_fps(stream))
    first: VideoFrame | None = None
    orientation, count = 1, 0
    with container:
        try:
            for picture in _pictures(container, stream, patience=LIVE_FAULTS if live else 0):
                time_s = clock.time_s(picture.time)
                if live and (time_s > limits.max_duration_s or count == limits.max_frames):
                    return
                limits.check_duration(name, time_s)
                limits.check_frames(name, count + 1)
                if first is None:
                    first, orientation = picture, _orientation(picture, stream, turns=turns)
                _check_picture(picture, first, name=name, limits=limits)
                image = upright(picture.to_ndarray(format="rgb24"), orientation)
                yield Frame(image=image, time_s=time_s, index=count)
                count += 1
        except ExitError as stalled:
            raise SourceError(_stalled(name, limits)) from stalled
        except FFmpegError as broken:
            raise SourceError(f"{name} breaks off after {count} frames; copy it again") from broken
    if count == 0:
        raise SourceError(f"{name} holds no frame that can be decoded; copy it again")


def _pictures(container: InputContainer, stream: VideoStream, *, patience: int) -> Iterator[VideoFrame]:
    """Decoded pictures but for those known to be torn; `patience` with damaged packets in a row."""
    faults = 0
    for packet in container.demux(stream):
        try:
            for picture in packet.decode():
                if not picture.is_corrupt:
                    yield picture
        except InvalidDataError:
            faults += 1
            if faults > patience:
                raise
        else:
            faults = 0


def _check_picture(picture: VideoFrame, first: VideoFrame, *, name: str, limits: Limits) -> None:
    limits.check_size(name, width=picture.width, height=picture.height)
    if (picture.width, picture.height) != (first.width, first.height):
        raise SourceError(
            f"{name} changes from {first.width}x{first.height} to {picture.width}x{picture.height} pixels; "
            "convert it to one size"
        )


def _stalled(name: str, limits: Limits) -> str:
    return f"{name} stalls: it gave nothing for {limits.timeout_s:g} s; check the connection"


def _orientation(picture: VideoFrame, stream: VideoStream, *, turns: int) -> int:
    """EXIF orientation 1 to 8: of the display matrix, else of the tag "rotate" that older phones wrote; of
    `turns` where neither turns anything.
    """
    matrix: Any = picture.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        own = matrix_orientation(struct.unpack("=9i", bytes(matrix)[:36]))
    else:
        degrees = stream.metadata.get("rotate", "0")
        own = CLOCKWISE_TO_ORIENTATION.get(int(degrees) % 360, 1) if degrees.lstrip("-").isdecimal() else 1
    return own if own != 1 else turned(turns)


class _Clock:
    """Times since the first frame, rising: a missing or backward stamp becomes one nominal period more."""

    def __init__(self, *, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._start_s: float | None = None
        self._last_s = -self._period_s

    def time_s(self, stamp_s: float | None) -> float:
        if self._start_s is None:
            self._start_s = stamp_s or 0.0
        next_s = self._last_s + self._period_s
        now_s = next_s if stamp_s is None else stamp_s - self._start_s
        self._last_s = now_s if now_s > self._last_s else next_s
        return self._last_s
