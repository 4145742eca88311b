"""What the tables of an MP4 or MOV file declare, looked through before a decoder makes room for it.

A file of a kilobyte may say that it holds a hundred million samples of one byte, and FFmpeg keeps a record of
each: gigabytes. The boxes that count without a byte for each are looked for wherever they stand, since FFmpeg
reads them out of place, too. Source: ISO/IEC 14496-12 (stsz, stz2, trun, iinf, iloc), QuickTime (cmov).
"""

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from unmask.types import SourceError

MOST_SAMPLES = 1 << 20  # of all tracks: ten minutes of video have 36,000, with sound and data some 100,000
MOST_ITEMS = 1 << 16
LARGEST_INDEX = 1 << 26  # bytes of a box that is not of pictures and sound
MOST_BOXES = 1 << 17  # ten minutes in fragments of a frame have half as many
# What FFmpeg looks for others in, and what counts by itself.
HOLDERS = frozenset([b"moov", b"moof", b"meta", b"udta", b"trak", b"mdia", b"minf", b"stbl", b"traf"]) | (
    frozenset([b"trun", b"mvex", b"edts", b"dinf", b"wave", b"sinf", b"schi", b"iprp"])
)
COUNTING = re.compile(rb"stsz|stz2|trun|iinf|iloc|cmov")
# Sound without compression has a sample for each moment, of which FFmpeg makes one of many.
EACH_A_MOMENT = re.compile(rb"stts\x00...\x00\x00\x00\x01....\x00\x00\x00\x01", re.DOTALL)  # all of one tick


def check_declared(file: BinaryIO, *, name: str) -> None:
    """SourceError where a seekable file declares more than a recording has; files of other kinds pass."""
    samples = 0
    for box in _indexes(file, name=name):
        for found in COUNTING.finditer(box):
            kind, at = found[0], found.start()
            if at < 4 or not 12 <= int.from_bytes(box[at - 4 : at], "big") <= LARGEST_INDEX:
                continue  # by chance
            if kind == b"cmov":
                raise SourceError(f"{name} has a compressed index, as no camera writes today; convert it")
            count = _count(box, kind, at)
            if kind in (b"iinf", b"iloc"):
                samples += count if count > MOST_ITEMS else 0
            elif not (kind == b"stsz" and _is_plain_sound(box, at)):
                samples += count
            if samples > MOST_SAMPLES:
                raise SourceError(
                    f"{name} declares {samples} samples and may have {MOST_SAMPLES}; convert it"
                )


def _indexes(file: BinaryIO, *, name: str) -> Iterator[bytes]:
    """The outermost boxes that may count, whole; the file is gone through as FFmpeg does, rubbish or not."""
    size, at = file.seek(0, 2), 0
    for _ in range(MOST_BOXES):
        if at + 8 > size:
            return
        file.seek(at)
        head = file.read(16)
        length, kind = struct.unpack_from(">I4s", head)
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
        end = min(at + length, size) if length else size
        if end < at + 8:
            return
        if kind in HOLDERS and end - at > LARGEST_INDEX:
            raise SourceError(
                f"{name} has an index of {end - at} bytes and may have {LARGEST_INDEX}; convert it"
            )
        if kind in HOLDERS:
            file.seek(at)
            yield file.read(end - at)
        at = end
    raise SourceError(f"{name} is made of more than {MOST_BOXES} boxes; convert it")


def _count(box: bytes, kind: bytes, at: int) -> int:
    """What the box whose name stands at that place counts."""
    version = box[at + 4 : at + 5] or b"\0"
    place, width = {
        b"stsz": (12, 4),
        b"stz2": (12, 4),
        b"trun": (8, 4),
        b"iinf": (8, 4 if version[0] else 2),
        b"iloc": (10, 4 if version[0] >= 2 else 2),
    }[kind]
    return int.from_bytes(box[at + place : at + place + width], "big")


def _is_plain_sound(box: bytes, at: int) -> bool:
    """Whether the samples of a track are moments of sound that was not compressed."""
    begin, end = box.rfind(b"trak", 0, at), box.find(b"trak", at)
    track = box[max(begin, 0) : end if end > 0 else len(box)]
    is_sound = b"soun" in track and b"vide" not in track and track.count(b"stts") == 1
    return is_sound and EACH_A_MOMENT.search(track) is not None
