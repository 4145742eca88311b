"""Packets -> frames with their times: strictly, whatever a decoder would paint over what is damaged."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from typing import TypeAlias, cast

import numpy as np
from av.container import InputContainer
from av.error import ExitError, FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unmask.media.account import Account
from unmask.media.limits import Limits
from unmask.media.patience import Patient, stalled
from unmask.media.references import References
from unmask.media.shown import Display, display_of, luma_of
from unmask.media.vp9 import notices_missing
from unmask.types import Frame, SourceError

VideoPacket: TypeAlias = "Packet[VideoStream]"  # in quotes: only the stubs of PyAV know it as generic
WITHOUT_DELAY = frozenset({"mjpeg", "gif", "png", "rawvideo"})  # codecs that give a picture for each packet
DEFAULT_FPS = 30.0  # where a file does not say
# A camera without a clock: the first come out of its buffer at once, so that their times of arrival tell
# nothing, and its exposure has not settled.
UNSETTLED = 3
LIBVPX_VP9 = "libvpx-vp9"
# Codecs whose pictures rest on others without numbers by which a missing one would be missed; by the clock it
# is, if that was steady for so many pictures.
UNNUMBERED = frozenset(
    {"mpeg4", "msmpeg4v3", "mpeg2video", "mpeg1video", "vp8", "libvpx", "vp9", LIBVPX_VP9, "flv", "h263"}
    | {"theora", "wmv1", "wmv2", "av1", "libdav1d", "libaom-av1", "qtrle", "svq1"}
)
# Decoders that leave it to the packets to say which pictures are key frames.
MARKED_BY_PACKETS = frozenset({LIBVPX_VP9, "qtrle", "svq1"})
# Decoders that give no picture in which something is missing. Others may leave there, without a word, what
# another picture left in memory: their pixels are made at once, so that they are the same in each reading.
COMPLETE = frozenset({"h264", "vp9", LIBVPX_VP9, "libdav1d", "mjpeg"})
STEADY, TICK_S = 8, 0.0015  # a clock of milliseconds is off by up to one of them
LIVE_FAULTS = 60  # damaged packets in a row, some two seconds of them, that a live stream may have


def rate_of(stream: VideoStream) -> float:
    """The mean frames a second of a track by its header."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else DEFAULT_FPS


def track_that_begins_late(name: str) -> SourceError:
    """What is said of a file with a track of which its start does not tell."""
    return SourceError(
        f"{name} has a track that begins after the others, as of a second recording; save each alone"
    )


class Reader:
    """Decodes one track strictly; what is damaged is left out, to the next frame that rests on no other."""

    def __init__(
        self,
        stream: VideoStream,
        decoder: VideoCodecContext,
        *,
        account: Account,
        name: str,
        limits: Limits,
        live: bool,
        turns: int,
    ) -> None:
        self._stream, self._account, self._name = stream, account, name
        self._limits, self._live, self._turns = limits, live, turns
        self._patience = LIVE_FAULTS if live else limits.max_frames
        self._waiting = True  # for a key frame
        self._faults = 0  # in a row
        self._packets = 0  # since the last whole picture
        self._since_s: float | None = None  # when that was, or the first packet
        self._show: Display | None = None  # how the last picture was meant to be seen
        self._other_size = False
        self._decoder = decoder
        kind, extradata = decoder.codec.name, stream.codec_context.extradata
        self._marked = kind in MARKED_BY_PACKETS
        self._may_notice = kind == LIBVPX_VP9
        self._references = References(extradata) if kind == "h264" else None
        self._dts_s: float | None = None  # of the last packet
        self._steps_s: deque[float] | None = deque(maxlen=STEADY) if kind in UNNUMBERED else None
        self._notices = False  # the decoder itself, where a picture is missing

    def frames(
        self,
        container: InputContainer,
        patient: Patient | None,
        *,
        arrival_s: Callable[[int], float] | None,
    ) -> Generator[Frame, None, None]:
        """The frames with their times; `arrival_s` replaces the clock of a container that has none.

        Such a one's first `UNSETTLED` pictures are passed over; the times count from the first of them.
        """
        count, clock = 0, _Clock(fps=rate_of(self._stream))
        unsettled = 0 if arrival_s is None else UNSETTLED
        with container, closing(patient) if patient is not None else container:
            yield cast(Frame, None)  # from here on the file is closed however this ends
            try:
                for picture, packet in self._pictures(container, patient):
                    time_s = clock.time_s(picture.time if arrival_s is None else arrival_s(_end(packet)))
                    if self._live and self._is_enough(time_s, count):
                        return
                    if unsettled > 0:
                        unsettled -= 1
                    else:
                        yield self._frame(picture, time_s=time_s, count=count)
                        count += 1
                    if patient is not None:
                        patient.begin()  # what is done with a picture is not time of reading
            except ExitError as stalls:
                raise stalled(self._name, self._limits.timeout_s) from stalls
            except FFmpegError as broken:
                if patient is not None:
                    patient.check()
                raise SourceError(
                    f"{self._name} cannot be read on after {count} frames: its container is damaged; "
                    "copy it again"
                ) from broken
        if count == 0:
            damaged = f" of {self._account.damaged} damaged ones" if self._account.damaged else ""
            if unsettled < UNSETTLED and arrival_s is not None:
                raise SourceError(
                    f"{self._name} gave only {UNSETTLED - unsettled} pictures, and a camera's first "
                    f"{UNSETTLED} are passed over; check the camera"
                )
            raise SourceError(f"{self._name} holds no frame{damaged} that can be decoded; copy it again")

    def _frame(self, picture: VideoFrame, *, time_s: float, count: int) -> Frame:
        """The picture as it is meant to be seen, within the limits."""
        self._limits.check_duration(self._name, time_s)
        self._limits.check_frames(self._name, count + 1)
        self._show = self._display(picture, self._show, count=count)
        shown_s = float((picture.duration or 0) * (picture.time_base or 0))
        self._account.good(until_s=time_s + shown_s)
        frame = Frame.of_pixels_later(
            partial(self._shown, self._show, picture),
            self._show.shape,
            time_s=time_s,
            index=count,
            luma=partial(luma_of, picture),
        )
        if self._decoder.codec.name not in COMPLETE:
            frame.hold()
        return frame

    def _shown(self, display: Display, picture: VideoFrame) -> np.ndarray:
        try:
            return display.shown(picture)
        except FFmpegError as broken:
            raise SourceError(
                f"{self._name} has a frame that cannot be turned into RGB; convert it"
            ) from broken

    def _is_enough(self, time_s: float, count: int) -> bool:
        """Whether a live source ends here, at the limits."""
        return time_s > self._limits.max_duration_s or count == self._limits.max_frames

    def _pictures(
        self, container: InputContainer, patient: Patient | None
    ) -> Iterator[tuple[VideoFrame, VideoPacket]]:
        """Decoded pictures that are whole, with the packets that brought them."""
        begun_s = time.monotonic()
        immediate = self._decoder.codec.name in WITHOUT_DELAY
        for packet in self._of_track(container):
            if patient is not None:
                patient.check()
            if time.monotonic() - begun_s > self._limits.timeout_s:
                raise SourceError(
                    f"{self._name} gave no picture for {self._limits.timeout_s:g} s of decoding; convert it"
                )
            self._packets += bool(packet.size)
            self._miss(packet)
            if self._since_s is None and packet.pts is not None:
                self._since_s = float(packet.pts * packet.time_base) - self._account.period_s
            found = self._decoded(packet)
            for picture in found or ():
                if self._is_whole(picture, key=picture.key_frame or (self._marked and packet.is_keyframe)):
                    yield picture, packet
                    begun_s = time.monotonic()
            if immediate and found == [] and packet.size:
                self._lose()
            if self._faults > self._patience:
                raise SourceError(
                    f"{self._name} gives nothing but damaged pictures, {self._faults} in a row; check the "
                    "connection"
                )
        if (
            self._waiting
        ):  # in vain: what came since the last whole picture gave none, some of it without an error
            self._account.lost(max(0, self._packets - self._faults))

    def _of_track(self, container: InputContainer) -> Iterator[VideoPacket]:
        """The packets of the track; SourceError once another one begins, which was not to be chosen from."""
        packets = container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except IndexError as unknown:  # of the list of tracks, by a packet of one that is not in it
                raise track_that_begins_late(self._name) from unknown
            if packet is None:
                return
            yield packet

    def _miss(self, packet: VideoPacket) -> None:
        """Notice pictures that are not in the file, but on which others rest."""
        if self._may_notice and packet.is_keyframe:
            self._notices = notices_missing(bytes(packet))
        if self._references is None or not packet.size or packet.dts is None:
            return
        dts_s, before_s = float(packet.dts * packet.time_base), self._dts_s
        self._dts_s = dts_s
        lost = self._references.missing(bytes(packet))
        if lost and not self._waiting:
            self._waiting = True
            left_out = 1 if before_s is None else round((dts_s - before_s) / self._account.period_s) - 1
            self._account.lost(max(1, min(lost, left_out)))

    def _decoded(self, packet: VideoPacket) -> list[VideoFrame] | None:
        """The pictures that a packet completes, None where it is damaged."""
        try:
            return list(self._decoder.decode(packet))
        except ExitError:
            raise
        except FFmpegError:
            # Some decoders take nothing more until they have forgotten what they could not decode.
            self._decoder.flush_buffers()
            self._lose()
            return None

    def _is_whole(self, picture: VideoFrame, *, key: bool) -> bool:
        if missing := self._left_out(picture, key=key):
            self._account.lost(missing)
            self._waiting = True
        if picture.is_corrupt or (self._waiting and not key):
            self._lose()
            return False
        if self._waiting and picture.time is not None and self._since_s is not None:
            # Some decoders keep what they cannot decode to themselves: it is missed in the time.
            missed = round((picture.time - self._since_s) / self._account.period_s) - 1
            self._account.lost(max(0, min(missed, self._packets - 1) - self._faults))
        self._waiting, self._faults, self._packets = False, 0, 0
        self._since_s = picture.time
        return True

    def _left_out(self, picture: VideoFrame, *, key: bool) -> int:
        """How many pictures are missing before one that rests on others, by a clock that was steady."""
        if self._steps_s is None or self._waiting or self._since_s is None or picture.time is None:
            return 0
        if self._notices:  # what is not there then is what the encoder left out
            return 0
        step_s, steps = picture.time - self._since_s, list(self._steps_s)
        usual_s = sum(steps) / len(steps) if steps else 0.0
        off_s = max(TICK_S, 0.05 * usual_s)
        steady = len(steps) == STEADY and max(abs(step - usual_s) for step in steps) < off_s
        count = round(step_s / usual_s) if steady and usual_s > 0 else 0
        if count > 1 and abs(step_s - count * usual_s) < off_s and not key:
            return count - 1
        self._steps_s.append(step_s)
        return 0

    def _lose(self) -> None:
        self._waiting = True
        self._faults += 1
        self._account.lost()

    def _display(self, picture: VideoFrame, before: Display | None, *, count: int) -> Display:
        """How a picture is meant to be seen: as the ones before it, unless it has another size."""
        self._limits.check_video_size(self._name, width=picture.width, height=picture.height)
        if before is not None and (picture.width, picture.height) == (before.width, before.height):
            return before
        display = display_of(picture, self._stream, turns=self._turns)
        if before is None:
            self._account.notes += display.notes
        elif not self._other_size:
            self._other_size = True
            sizes = f"{before.width}x{before.height} to {display.width}x{display.height}"
            self._account.notes.append(f"its pictures change from {sizes} pixels after {count} frames")
        return display


def _end(packet: VideoPacket) -> int:
    """The offset behind a packet in its file."""
    return (packet.pos or 0) + packet.size


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
