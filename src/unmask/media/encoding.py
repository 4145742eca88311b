"""RGB pictures -> coded video, on one thread, so that the same pictures give the same bytes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from unmask.media.files import atomic_path
from unmask.types import OutputError, SettingsError

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".avi": "avi", ".webm": "webm"}
DECODERS = {"libx264": "h264", "mjpeg": "mjpeg", "mpeg4": "mpeg4", "libvpx-vp9": "vp9"}
BY_QUANTISER = frozenset({"mjpeg", "mpeg4"})  # their constant quality is a fixed quantiser scale
TICKS_PER_S = 90_000  # the clock of a video whose times are given
SMPTE170M, STUDIO_RANGE, FULL_RANGE = 6, 1, 2  # as in ITU-T H.273 and FFmpeg


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How pictures are coded, `fps` of them a second.

    `crf` is constant quality, smaller is better: 0 to 51 for libx264, 0 to 63 for libvpx-vp9, 1 to 31 for mjpeg and
    mpeg4. `bitrate`, in bits a second, replaces it.
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
        self._opened = _opened(path)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._count = 0

    def __enter__(self) -> "VideoWriter":
        self._container = self._opened.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._opened.__exit__(kind, error, trace)

    def write(self, image: np.ndarray, *, time_s: float | None = None) -> None:
        """Append a picture (H, W, 3) uint8 RGB; all are of one size. Give times, rising from 0, for all or for none."""
        if self._container is None:
            raise OutputError("a VideoWriter writes inside its `with` block only")
        height, width = (side + side % 2 for side in image.shape[:2])
        if self._stream is None:
            self._stream = self._container.add_stream(self._coding.codec, rate=_rate(self._coding.fps))
            ticks = None if time_s is None else Fraction(1, TICKS_PER_S)
            _configure(self._stream.codec_context, self._coding, width=width, height=height, time_base=ticks)
        context = self._stream.codec_context
        if (width, height) != (context.width, context.height):
            raise OutputError(
                f"a picture is {width}x{height}, the video {context.width}x{context.height}; keep one size"
            )
        frame = _coded_frame(image, context)
        frame.pts = self._count if time_s is None else round(time_s * TICKS_PER_S)
        self._container.mux(self._stream.encode(frame))
        self._count += 1


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
    """What a codec leaves of pictures (H, W, 3) uint8 RGB of one size: as many pictures of that size, in memory."""
    if not len(frames):
        return []
    height, width = frames[0].shape[:2]
    encoder = VideoCodecContext.create(codec, "w")
    coding = Coding(codec=codec, crf=crf, bitrate=bitrate, fps=fps)
    _configure(encoder, coding, width=width + width % 2, height=height + height % 2, time_base=None)
    decoder = VideoCodecContext.create(DECODERS[codec], "r")
    decoder.thread_count = 1
    decoded: list[VideoFrame] = []
    for count, image in enumerate(frames):
        frame = _coded_frame(image, encoder)
        frame.pts = count
        for packet in encoder.encode(frame):
            decoded += decoder.decode(packet)
    for packet in encoder.encode(None):
        decoded += decoder.decode(packet)
    decoded += decoder.decode(None)
    return [np.ascontiguousarray(frame.to_ndarray(format="rgb24")[:height, :width]) for frame in decoded]


@contextmanager
def _opened(path: str | Path) -> Iterator[OutputContainer]:
    """A container beside `path` that takes its place when the block ends well."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise OutputError(f"cannot write {path}: a video ends in {', '.join(FORMATS)}; name it so")
    with atomic_path(path) as part:
        # bitexact leaves out random identifiers; "file:" keeps names with a colon from being taken for a protocol.
        container = av.open(
            f"file:{part}", "w", format=FORMATS[suffix], container_options={"fflags": "+bitexact"}
        )
        try:
            yield container
            if not container.streams.video:
                raise OutputError(f"cannot write {path}: there is no picture to write; give at least one")
            container.mux(container.streams.video[0].encode(None))  # what the encoder held back
        finally:
            container.close()


def _rate(fps: float) -> Fraction:
    return Fraction(fps).limit_denominator(1001)  # 29.97 and its kin are whole numbers over 1001


def _configure(
    context: VideoCodecContext, coding: Coding, *, width: int, height: int, time_base: Fraction | None
) -> None:
    context.width, context.height = width, height
    context.framerate = _rate(coding.fps)
    context.time_base = time_base or 1 / context.framerate
    context.pix_fmt = "yuvj420p" if coding.codec == "mjpeg" else "yuv420p"
    context.thread_count = 1  # how threads share the work would change the bytes
    # Said in the file, so that every reader goes back to RGB with the matrix that we came with.
    context.colorspace = SMPTE170M
    context.color_range = FULL_RANGE if coding.codec == "mjpeg" else STUDIO_RANGE
    options = {"libx264": {"preset": "veryfast"}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}
    context.options = options.get(coding.codec, {})
    if coding.bitrate is not None:
        context.bit_rate = coding.bitrate
    elif coding.codec in BY_QUANTISER:
        context.qscale = True
        context.global_quality = round(coding.crf * 118)  # FF_QP2LAMBDA
    else:
        context.options = {**context.options, "crf": f"{coding.crf:g}"}
        context.bit_rate = 0


def _coded_frame(image: np.ndarray, context: VideoCodecContext) -> VideoFrame:
    """The picture in the context's size and pixel format."""
    down, right = context.height - image.shape[0], context.width - image.shape[1]
    if down or right:
        image = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REPLICATE)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    return frame.reformat(
        format=context.pix_fmt, dst_colorspace=Colorspace.ITU601, dst_color_range=context.color_range
    )
