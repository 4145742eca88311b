"""Which tracks of video an MPEG transport stream holds, also those that begin long after its start.

FFmpeg learns of them as they come, and whoever reads by it sees only those of the start: a second recording
behind the first one, under numbers of its own, would pass unseen. Source: ISO/IEC 13818-1 (packets, PES).
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from unmask.types import SourceError

SYNC, PACKET = 0x47, 188
FORMS = ((188, 0), (192, 4), (204, 0))  # bytes from packet to packet, and before each
MOST_BREAKS = 2000  # in the step of the packets; to find each again takes a millisecond
PIECE, MOST_PIECES = 1 << 20, 256  # bytes that are looked at at once, and how often
VIDEO = (*range(0xE0, 0xF0), 0xFD)  # kinds of PES


def video_tracks(file: BinaryIO, *, name: str) -> frozenset[int]:
    """The numbers (PID) under which video begins anywhere in a seekable file, if it is such a stream."""
    found: set[int] = set()
    for packets in _runs(file, name=name):
        begins = packets[(packets[:, 1] & 0x40) != 0].astype(np.int64)
        payload = 4 + np.where(begins[:, 3] & 0x20, 1 + begins[:, 4], 0)
        begins, payload = begins[payload <= PACKET - 4], payload[payload <= PACKET - 4]
        head = np.take_along_axis(begins, payload[:, None] + np.arange(4), axis=1)
        is_video = (head[:, :3] == (0, 0, 1)).all(axis=1) & np.isin(head[:, 3], VIDEO)
        found.update(((begins[is_video, 1] & 0x1F) << 8 | begins[is_video, 2]).tolist())
    return frozenset(found)


def _runs(file: BinaryIO, *, name: str) -> Iterator[np.ndarray]:
    """Packets (N, 188) uint8 that follow each other, in order; what stands between runs is passed over."""
    file.seek(0)
    start = file.read(FORMS[-1][0] * 5)
    form = next((form for form in FORMS if _in_step(start, form)), None)
    if form is None:
        return
    step, before = form
    file.seek(before)
    rest, breaks = b"", 0
    for _ in range(MOST_PIECES):
        piece = file.read(PIECE)
        content = np.frombuffer(rest + piece, np.uint8)
        while len(content) >= step:
            count = len(content) // step
            packets = content[: count * step].reshape(count, step)
            out = np.flatnonzero(packets[:, 0] != SYNC)
            good = int(out[0]) if len(out) else count
            yield packets[:good, :PACKET]
            content = content[good * step :]
            if good == count:
                break
            breaks += 1
            if breaks > MOST_BREAKS:
                raise SourceError(f"{name} is broken in more than {MOST_BREAKS} places; convert it")
            again = np.flatnonzero((content[: -2 * step] == SYNC) & (content[step:-step] == SYNC))
            again = again[again > 0]
            if not len(again):
                content = content[max(1, len(content) - 2 * step) :]
                break
            content = content[int(again[0]) :]
        if not piece:
            return
        rest = content.tobytes()


def _in_step(start: bytes, form: tuple[int, int]) -> bool:
    step, before = form
    return len(start) > before + step and all(byte == SYNC for byte in start[before::step])
