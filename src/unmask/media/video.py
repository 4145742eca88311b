"""Recorded and streamed video -> upright RGB frames with their true times."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
from av.codec import codecs_available
from av.codec.context import CodecContext
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError, InvalidDataError
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from unmask.media.account import Account
from unmask.media.containers import is_cut_off
from unmask.media.declared import check_declared
from unmask.media.decoding import LIBVPX_VP9, Reader, rate_of, track_that_begins_late
from unmask.media.encoding import VideoWriter, encode_decode, write_video
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.media.patience import Patient, Readable, stalled
from unmask.media.pictures import HEAD_BYTES, kind_of
from unmask.media.regular import open_regular
from unmask.media.tails import behind_video
from unmask.media.transport import video_tracks
from unmask.media.video_tracks import chosen
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
# Formats without a head, which are guessed: by one of these starts: an archive of pictures is not a video.
BARE = {"mjpeg": b"\xff\xd8", **dict.fromkeys(("h264", "hevc", "m4v", "mpegvideo"), b"\0\0")}
WEB_FORMATS = f"{FILE_FORMATS},mpjpeg"
STREAM_FORMATS = "rtsp,rtp,sdp"
STREAM_PROTOCOLS = "rtsp,rtp,tcp,tls,udp,srtp"
NO_PROTOCOL = "none"  # what is read through us opens nothing else
CLOCKLESS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "mpegvideo"})  # formats without times
# Decoders would paint over what is damaged, each in its own way; with these they say so.
STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
WHOLE = {
    "ignore_editlist": "1"
}  # all that was recorded counts; a list of a thousand cuts costs a thousand seeks
LATE_S = 1.0  # a first frame later than that does not begin the clock
BUFFER_BYTES = 1 << 16
LIVE_BUFFER_BYTES = 1 << 12  # a live picture must not wait until a larger buffer is full


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """An opened video: `frames` come once, decoded as asked for; `frame_count` if the header tells.

    `account` is filled while they are read.
    """

    frames: Generator[Frame, None, None]
    frame_count: int | None
    fps: float  # the mean rate; the times of the frames are the true ones
    account: Account


def read_video(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> Generator[Frame, None, None]:
    """The frames of a file, decoded lazily; what its header tells is checked at once."""
    return open_video(path, limits=limits).frames


def open_video(path: str | Path, *, limits: Limits = DEFAULT_LIMITS, turns: int = 0) -> Video:
    """A file that is whole by its own account and within the limits; SourceError otherwise.

    `turns` quarter turns clockwise bring it upright if it does not say itself how it is to be turned.
    """
    with ExitStack() as until_opened:
        file = until_opened.enter_context(open_regular(path))
        video = open_file(file, name=str(path), limits=limits, turns=turns)
        until_opened.pop_all()  # the video closes it
    return video


def open_file(file: BinaryIO, *, name: str, limits: Limits = DEFAULT_LIMITS, turns: int = 0) -> Video:
    """As `open_video`, of an open file that can be read in any order, which is closed with the video."""
    notes = _checked(file, name)
    file.seek(0)
    start = file.read(HEAD_BYTES)
    file.seek(0)
    formats = ",".join(form for form in FILE_FORMATS.split(",") if start.startswith(BARE.get(form, b"")))
    tracks = video_tracks(file, name=name)
    file.seek(0)
    video = open_readable(file, name=name, limits=limits, turns=turns, formats=formats, tracks=tracks)
    video.account.notes += notes
    return video


def open_readable(
    file: Readable,
    *,
    name: str,
    limits: Limits,
    turns: int = 0,
    formats: str = WEB_FORMATS,
    arrival_s: Callable[[int], float] | None = None,
    tracks: frozenset[int] = frozenset(),
) -> Video:
    """A container that is read from `file`; `arrival_s` says when a byte of a live one came.

    SourceError where it does not name one of `tracks` from its start on.
    """
    patient = Patient(file, name=name, timeout_s=limits.timeout_s)
    options = _options(limits, formats, protocols=NO_PROTOCOL) | WHOLE
    size = BUFFER_BYTES if arrival_s is None else LIVE_BUFFER_BYTES
    try:
        container = _av_open(patient, options=options, buffer_size=size)
    except FFmpegError as broken:
        patient.check()
        if isinstance(broken, InvalidDataError | ArgumentError):  # the latter of a format not on the list
            raise SourceError(
                f"{name} is not a video, or a damaged one; give a video file such as mp4"
            ) from broken
        raise SourceError(f"{name} cannot be opened: {broken.strerror}; check the file") from broken
    with ExitStack() as until_opened:
        until_opened.enter_context(container)
        if tracks - {stream.id for stream in container.streams}:
            raise track_that_begins_late(name)
        video = _video(
            container,
            patient,
            name=name,
            limits=limits,
            live=arrival_s is not None,
            turns=turns,
            arrival_s=arrival_s,
        )
        until_opened.pop_all()
    return video


def open_stream(url: str, *, limits: Limits = DEFAULT_LIMITS) -> Video:
    """A stream by RTSP; it ends quietly at the limits of duration and count, and may not stall.

    Errors name the address without its credentials; FFmpeg's own, which hold them, are not chained to ours.
    """
    name, refused = address_shown(url), None
    options = {
        **_options(limits, STREAM_FORMATS, protocols=STREAM_PROTOCOLS),
        "rtsp_transport": "tcp",  # over UDP lost packets tear pictures
    }
    start_s = time.monotonic()
    try:
        container = _av_open(url, options=options, timeout=limits.timeout_s)
    except FFmpegError as error:
        refused = error.strerror or type(error).__name__
    if refused is not None:
        if time.monotonic() - start_s >= limits.timeout_s:  # not every protocol says that it was interrupted
            raise stalled(name, limits.timeout_s)
        raise SourceError(f"{name} cannot be opened: {refused}; check the address")
    return _video(container, None, name=name, limits=limits, live=container.duration is None, turns=0)


def _av_open(file: Any, **settings: Any) -> InputContainer:
    """av.open that bears metadata which are not UTF-8, in the words of whatever PyAV is installed."""
    try:
        return av.open(file, metadata_errors="replace", **settings)
    except TypeError as unknown:
        if "metadata_errors" not in str(unknown):
            raise
        return av.open(file, **settings)  # versions that took the word back replace by themselves


def _checked(file: BinaryIO, name: str) -> list[str]:
    """What is to be said of the file before it is opened; SourceError for one that is not to be."""
    try:
        file.seek(0)
        start = file.read(HEAD_BYTES)
        if not start:
            raise SourceError(f"{name} is empty; copy it again")
        kind = kind_of(start)
        if kind in ("HEIF", "AVIF"):  # FFmpeg would show one of its tiles
            raise SourceError(
                f"{name} is a {kind} picture, not a video; give it as a picture, or save it as JPEG"
            )
        check_declared(file, name=name)
        if is_cut_off(file):
            raise SourceError(f"{name} is cut off before its end; copy it again")
        return behind_video(file, name=name)
    except OSError as refused:
        raise SourceError(f"{name} cannot be read: {refused.strerror}; check its rights") from refused


def _options(limits: Limits, formats: str, *, protocols: str) -> dict[str, str]:
    # max_pixels also bounds what FFmpeg decodes while it looks for the format of the pictures.
    return {
        "format_whitelist": formats,
        "protocol_whitelist": protocols,
        "max_pixels": str(limits.max_video_pixels),
    }


def _video(
    container: InputContainer,
    patient: Patient | None,
    *,
    name: str,
    limits: Limits,
    live: bool,
    turns: int,
    arrival_s: Callable[[int], float] | None = None,
) -> Video:
    stream, notes = chosen(container, name=name)
    context = stream.codec_context
    if context.width and context.height:
        limits.check_video_size(name, width=context.width, height=context.height)
    if not live:
        limits.check_frames(name, stream.frames)
        start_s = (container.start_time or 0) / av.time_base
        late_s = start_s if start_s > LATE_S else 0.0  # Matroska counts what is before the first frame
        limits.check_duration(name, (container.duration or 0) / av.time_base - late_s)
    account = Account(period_s=1 / rate_of(stream), notes=notes)
    clockless = arrival_s if container.format.name in CLOCKLESS else None
    decoder = _strict_decoder(stream, limits)
    reader = Reader(stream, decoder, account=account, name=name, limits=limits, live=live, turns=turns)
    frames = reader.frames(container, patient, arrival_s=clockless)
    next(frames)  # into its block, so that the file is closed also if no frame is ever asked for
    return Video(frames=frames, frame_count=stream.frames or None, fps=rate_of(stream), account=account)


def _strict_decoder(stream: VideoStream, limits: Limits) -> VideoCodecContext:
    """What decodes a track, with an error for whatever it finds damaged.

    On one thread: threads over frames tell of damage late, and hold live frames back; with threads over
    slices the decoder of H.264 says nothing of what is missing from a picture. That of VP8 says nothing
    without. libvpx notices more damage in VP9 than FFmpeg's own decoder does, but is often built for 8 bits a
    channel alone.
    """
    decoder = stream.codec_context
    has_8_bits = decoder.format is not None and decoder.format.components[0].bits == 8
    if decoder.codec.name == "vp9" and has_8_bits and LIBVPX_VP9 in codecs_available:
        decoder = cast(VideoCodecContext, CodecContext.create(LIBVPX_VP9, "r"))
    decoder.thread_type, decoder.thread_count = "SLICE", 2 if decoder.codec.name == "vp8" else 1
    decoder.options = {"max_pixels": str(limits.max_video_pixels)} | STRICT
    return decoder
