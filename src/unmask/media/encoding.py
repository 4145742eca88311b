"""RGB pictures -> coded video, on one thread, so that the same pictures give the same bytes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from unmask.files import atomic_path
from unmask.types import OutputError, SettingsError

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".avi": "avi", ".webm": "webm"}
DECODERS = {"libx264": "h264", "mjpeg": "mjpeg", "mpeg4": "mpeg4", "libvpx-vp9": "vp9"}
BY_QUANTISER = frozenset({"mjpeg", "mpeg4"})  # their constant quality is a fixed quantiser scale
# Without cpu-independent, x264's macroblock tree gives other bytes in every third run or so.
OPTIONS = {
    "libx264": {"preset": "veryfast", "x264-params": "cpu-independent=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
TICKS_PER_S = 90_000  # the clock of a video whose times are given
SMPTE170M, STUDIO_RANGE, FULL_RANGE = 6, 1, 2  # as in ITU-T H.273 and FFmpeg


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How pictures are coded, `fps` of them a second.

    `crf` is constant quality, smaller is better: 0 to 51 for libx264, 0 to 63 for libvpx-vp9, 1 to 31 for
    mjpeg and mpeg4. `bitrate`, in bits a second, replaces it.
    """

    codec: str = "libx264"
    crf: float = 18.0
    bitrate: int | None = None
    fps: float = 30.0

    def __post_init__(self) -> None:
        if self.codec not in DECODERS:
            raise SettingsError(f"codec must be one of {', '.join(DECODERS)}, not {self.codec}")
        if not 0 < self.fps <= 1000:
            raise SettingsError(f"fps must be above 0 and at most 1000, not {self.fps}")

    @property
    def rate(self) -> Fraction:
        """`fps` as video knows it: 29.97 and its kin are whole numbers over 1001."""
        return Fraction(self.fps).limit_denominator(1001)


class VideoWriter:
    """A video being written: its file is there, whole, once the `with` block ended well, and never otherwise.

    An odd side is padded by repeating its last row or column: 4:2:0 coding needs even ones.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float,
        codec: str = "libx264",
        crf: float = 18.0,
        bitrate: int | None = None,
    ) -> None:
        self._coding = Coding(codec=codec, crf=crf, bitrate=bitrate, fps=fps)
        self._path = path
        self._opened = _opened(path)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._last_pts = -1

    def __enter__(self) -> "VideoWriter":
        self._container = self._opened.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._opened.__exit__(kind, error, trace)

    def write(self, image: np.ndarray, *, time_s: float | None = None) -> None:
        """Append (H, W, 3) uint8 RGB, of one size; times rise and are given for all or for none."""
        if self._container is None:
            raise OutputError(f"cannot write {self._path}: a VideoWriter writes inside its `with` block")
        if self._stream is None:
            self._stream = self._add_stream(self._container, image, ticking=time_s is not None)
        context = self._stream.codec_context
        frame = _coded_frame(image, context)
        frame.pts = self._last_pts + 1 if time_s is None else round(time_s / context.time_base)
        if frame.pts <= self._last_pts:
            raise OutputError(f"cannot write {self._path}: time {time_s} s does not rise; give rising times")
        self._last_pts = frame.pts
        self._container.mux(self._stream.encode(frame))

    def _add_stream(self, container: OutputContainer, image: np.ndarray, *, ticking: bool) -> VideoStream:
        if ticking and container.format.name == "avi":
            raise OutputError(f"cannot write {self._path}: avi holds no times of frames; name it .mp4")
        stream = cast(VideoStream, container.add_stream(self._coding.codec, rate=self._coding.rate))
        _configure(stream.codec_context, self._coding, image=image)
        if ticking:
            stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        return stream


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    fps: float,
    codec: str = "libx264",
    crf: float = 18.0,
    bitrate: int | None = None,
) -> None:
    """Write pictures (H, W, 3) uint8 RGB of one size, 1 / `fps` apart; see VideoWriter and Coding."""
    with VideoWriter(path, fps=fps, codec=codec, crf=crf, bitrate=bitrate) as writer:
        for frame in frames:
            writer.write(frame)


def encode_decode(
    frames: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    crf: float = 23.0,
    bitrate: int | None = None,
    fps: float = 30.0,
) -> list[np.ndarray]:
    """What a codec leaves of pictures (H, W, 3) uint8 RGB of one size: as many, of that size, in memory."""
    if not len(frames):
        return []
    height, width = frames[0].shape[:2]
    coding = Coding(codec=codec, crf=crf, bitrate=bitrate, fps=fps)
    encoder = cast(VideoCodecContext, av.CodecContext.create(codec, "w"))
    decoder = cast(VideoCodecContext, av.CodecContext.create(DECODERS[codec], "r"))
    _configure(encoder, coding, image=frames[0])
    decoder.thread_count = 1
    decoded: list[VideoFrame] = []
    for pts, image in enumerate(frames):
        frame = _coded_frame(image, encoder)
        frame.pts = pts
        decoded += [picture for packet in encoder.encode(frame) for picture in decoder.decode(packet)]
    decoded += [picture for packet in encoder.encode(None) for picture in decoder.decode(packet)]
    decoded += decoder.decode(None)
    return [np.ascontiguousarray(picture.to_ndarray(format="rgb24")[:height, :width]) for picture in decoded]


@contextmanager
def _opened(path: str | Path) -> Iterator[OutputContainer]:
    """A container beside `path` that takes its place when the block ends well."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise OutputError(f"cannot write {path}: a video ends in {', '.join(FORMATS)}; name it so")
    with atomic_path(path) as part:
        # bitexact leaves out random identifiers; "file:" keeps a name with a colon from being a protocol.
        bitexact = {"fflags": "+bitexact"}
        container = av.open(f"file:{part}", "w", format=FORMATS[suffix], container_options=bitexact)
        try:
            yield container
            if not container.streams.video:
                raise OutputError(f"cannot write {path}: there is no picture; give at least one")
            container.mux(container.streams.video[0].encode(None))  # what the encoder held back
        finally:
            container.close()


def _configure(context: VideoCodecContext, coding: Coding, *, image: np.ndarray) -> None:
    """Make an encoder for pictures like `image`."""
    full_range = coding.codec == "mjpeg"
    context.height, context.width = (side + side % 2 for side in image.shape[:2])
    context.framerate, context.time_base = coding.rate, 1 / coding.rate
    context.pix_fmt = "yuvj420p" if full_range else "yuv420p"
    context.thread_count = 1  # how threads share the work would change the bytes
    # Said in the file, so that every reader goes back to RGB by the matrix that we came with.
    context.colorspace, context.color_range = SMPTE170M, FULL_RANGE if full_range else STUDIO_RANGE
    options = dict(OPTIONS.get(coding.codec, {}))
    if coding.bitrate is not None:
        context.bit_rate = coding.bitrate
    elif coding.codec in BY_QUANTISER:
        options["qmin"] = options["qmax"] = str(round(coding.crf))
    else:
        context.bit_rate = 0
        options["crf"] = f"{coding.crf:g}"
    context.options = options


def _coded_frame(image: np.ndarray, context: VideoCodecContext) -> VideoFrame:
    """The picture in the context's size and pixel format."""
    down, right = context.height - image.shape[0], context.width - image.shape[1]
    if not (0 <= down <= 1 and 0 <= right <= 1):
        raise OutputError(f"a picture has shape {image.shape}, the first another; keep one size in a video")
    if down or right:
        image = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REPLICATE)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    return frame.reformat(
        format=context.pix_fmt,
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=context.color_range,
        threads=1,
    )
