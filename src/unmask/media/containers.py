"""Where the recording of a video file ends, by the sizes that its container declares.

A cut file often decodes for a while; a verdict on its first half must not pass for one on the whole. And what
stands behind it is shown by no player (`media.tails`).
Sources: ISO/IEC 14496-12 (boxes), RFC 8794 and 9559 (EBML, Matroska), OpenDML AVI, GIF89a, ASF, FLV, IVF.
"""

import struct
from collections.abc import Iterator
from itertools import repeat
from typing import BinaryIO

BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # that a file of ISO boxes begins with
# Boxes that stand in no other: where one runs beyond the end of its file, it is cut off; others are rubbish.
OUTERMOST = frozenset(BOXES) | {b"moof", b"mfra", b"sidx", b"styp", b"uuid", b"meta", b"pnot", b"emsg"}
EBML = b"\x1a\x45\xdf\xa3"
SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
# What stands in a segment and in a cluster.
ELEMENTS = frozenset([SEGMENT, CLUSTER, 0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0xAF, 0x5854]) | frozenset(
    [0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0xEC, 0xBF]
)
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
FLV_TAGS = (8, 9, 18)  # sound, picture, script
MOST_BOXES = 1 << 17  # ten minutes in fragments of a frame have half as many; no file may keep us counting


def is_cut_off(file: BinaryIO) -> bool:
    """True when a seekable file ends before its container does; False also where that does not tell."""
    size = file.seek(0, 2)
    start = _start(file)
    try:
        if start[4:8] in BOXES:
            return max((end for _, end, _ in _boxes(file, size=size)), default=0) > size
        if start.startswith(EBML):
            return _segment_end(file) > size
        if start.startswith(b"RIFF") and start[8:12] == b"AVI ":
            return _riff_end(file, size=size) > size + 1  # a last padding byte is often left out
        if start.startswith(b"GIF8"):
            return gif_end(file) is None
    except (struct.error, IndexError):  # not even the sizes are there
        return True
    except _UncountedError:
        return False
    return False


def end_of(file: BinaryIO) -> int | None:
    """Where the first recording of a seekable file ends; None where its container does not tell."""
    size = file.seek(0, 2)
    start = _start(file)
    try:
        if start[4:8] in BOXES:
            return _boxes_end(file, size=size)
        if start.startswith(EBML):
            return _segment_end(file) or _open_segment_end(file)
        if start.startswith(b"RIFF") and start[8:12] == b"AVI ":
            return _riff_end(file, size=size) or None
        if start.startswith(ASF):
            return _asf_end(file, size=size)
        if start.startswith(b"FLV\1"):
            return _flv_end(file, size=size)
        if start.startswith(b"DKIF"):
            return _ivf_end(file, size=size)
    except (struct.error, IndexError, _UncountedError):
        return None
    return None


class _UncountedError(Exception):
    """A container of more than `MOST_BOXES` parts."""


def _parts() -> Iterator[None]:
    yield from repeat(None, MOST_BOXES)
    raise _UncountedError


def _start(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(16)


def gif_end(file: BinaryIO) -> int | None:
    """Where the last block of a GIF ends; None when it breaks off inside one."""
    file.seek(10)
    if not (flags := file.read(3)):
        return None
    file.seek(13 + _table_bytes(flags[0]))
    while (block := file.read(1)) not in (b"", b";"):  # many writers forget the closing ";"
        if block == b",":
            head = file.read(9)
            if len(head) < 9:
                return None
            file.seek(_table_bytes(head[8]) + 1, 1)  # local colours, and the code size
        elif block == b"!":
            file.seek(1, 1)
        else:  # rubbish after the last block
            return file.tell() - 1
        if not _skip_chain(file):
            return None
    return file.tell()


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_chain(file: BinaryIO) -> bool:
    """Pass over a chain of counted blocks; False when the file ends before the chain does."""
    while (count := file.read(1)) != b"\0":
        if not count or len(file.read(count[0])) < count[0]:
            return False
    return True


def _boxes(file: BinaryIO, *, size: int) -> Iterator[tuple[int, int, bytes]]:
    """The outermost boxes: where each begins and says that it ends, and its name; rubbish ends them."""
    at = 0
    for _ in _parts():
        if at + 8 > size:
            return
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        if not name.isascii() or (length < 8 and length != 0):
            return
        end = at + length if length else size  # 0 runs to the end
        if end > size and name not in OUTERMOST:
            return
        yield at, end, name
        at = end


def _boxes_end(file: BinaryIO, *, size: int) -> int:
    """Where the boxes of the first recording end: a second head or index begins another one."""
    end, seen = 0, set()
    for at, box_end, name in _boxes(file, size=size):
        if name in (b"ftyp", b"moov") and name in seen:
            return at
        seen.add(name)
        end = box_end
    return end


def _segment_end(file: BinaryIO) -> int:
    """Where the Matroska segment ends; 0 when it was written live and says no size."""
    file.seek(4)
    header = _vint(file)
    file.seek(header or 0, 1)
    (name,) = struct.unpack(">I", file.read(4))
    if name != SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


def _open_segment_end(file: BinaryIO) -> int:
    """Where a Matroska segment that says no size ends: at the head of another one, or at rubbish."""
    file.seek(4)
    file.seek(_vint(file) or 0, 1)
    for _ in _parts():
        at = file.tell()
        head = file.read(1)
        name = int.from_bytes(head + file.read(8 - head[0].bit_length()), "big") if head else 0
        if name not in ELEMENTS:
            break
        length = _vint(file)
        if length is None and name not in (SEGMENT, CLUSTER):  # only these may be open
            break
        file.seek(length or 0, 1)
    return at


def _vint(file: BinaryIO) -> int | None:
    """An EBML number: one byte more than the first has leading zeros; None when all its bits are ones."""
    first = file.read(1)[0]
    more = 8 - first.bit_length()
    value = int.from_bytes(bytes([first & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _riff_end(file: BinaryIO, *, size: int) -> int:
    """Where the last RIFF chunk ends (large files go on in others); 0 when it was written live, without."""
    at = 0
    while at + 12 <= size:
        file.seek(at)
        name, length, form = struct.unpack("<4sI4s", file.read(12))
        if name != b"RIFF" or length in (0, 0xFFFFFFFF) or (at > 0 and form != b"AVIX"):
            break
        at += 8 + length + length % 2
    return at


def _asf_end(file: BinaryIO, *, size: int) -> int:
    """Where the outermost objects of an ASF file end; a second header begins another recording."""
    at = 0
    for _ in _parts():
        file.seek(at)
        name, length = struct.unpack("<16sQ", file.read(24)) if at + 24 <= size else (b"", 0)
        if not 24 <= length <= size - at or (name == ASF and at > 0):
            break
        at += length
    return at


def _flv_end(file: BinaryIO, *, size: int) -> int:
    """Where the last tag of an FLV file ends, with the count behind it."""
    file.seek(5)
    (at,) = struct.unpack(">I", file.read(4))
    at += 4
    for _ in _parts():
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] & 0x1F not in FLV_TAGS:
            break
        at += 11 + int.from_bytes(head[1:], "big") + 4
    return min(at, size)


def _ivf_end(file: BinaryIO, *, size: int) -> int:
    """Where the last frame of an IVF file ends."""
    file.seek(6)
    (at,) = struct.unpack("<H", file.read(2))
    for _ in _parts():
        file.seek(at)
        head = file.read(12)
        length = int.from_bytes(head[:4], "little")
        if len(head) < 12 or at + 12 + length > size:
            break
        at += 12 + length
    return at
