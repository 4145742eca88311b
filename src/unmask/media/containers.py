"""Whether a video file is all there, by the sizes that its container declares, before anything is decoded.

A cut file often decodes for a while; a verdict on its first half must not pass for one on the whole.
Sources: ISO/IEC 14496-12 (boxes), RFC 8794 and 9559 (EBML, Matroska), OpenDML AVI, GIF89a.
"""

import struct
from typing import BinaryIO

SEGMENT = 0x18538067
MOST_BOXES = 1 << 17  # ten minutes in fragments of a frame have half as many; no file may keep us counting


def is_cut_off(file: BinaryIO) -> bool:
    """True when a seekable file ends before its container does; False also where that does not tell."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(12)
    try:
        if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _boxes_end(file, size=size) > size
        if start.startswith(b"\x1a\x45\xdf\xa3"):
            return _segment_end(file) > size
        if start.startswith(b"RIFF") and start[8:] == b"AVI ":
            return _riff_end(file, size=size) > size + 1  # a last padding byte is often left out
        if start.startswith(b"GIF8"):
            return gif_frames(file) is None
    except (struct.error, IndexError):  # not even the sizes are there
        return True
    return False


def gif_frames(file: BinaryIO) -> int | None:
    """How many pictures a GIF holds; None when it breaks off inside a block."""
    file.seek(10)
    if not (flags := file.read(3)):
        return None
    file.seek(13 + _table_bytes(flags[0]))
    frames = 0
    while (block := file.read(1)) not in (b"", b";"):  # many writers forget the closing ";"
        if block == b",":
            head = file.read(9)
            if len(head) < 9:
                return None
            file.seek(_table_bytes(head[8]) + 1, 1)  # local colours, and the code size
            frames += 1
        elif block == b"!":
            file.seek(1, 1)
        else:  # rubbish after the last block
            break
        if not _skip_chain(file):
            return None
    return frames


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_chain(file: BinaryIO) -> bool:
    """Pass over a chain of counted blocks; False when the file ends before the chain does."""
    while (count := file.read(1)) != b"\0":
        if not count or len(file.read(count[0])) < count[0]:
            return False
    return True


def _boxes_end(file: BinaryIO, *, size: int) -> int:
    """Where the last of the outermost boxes ends."""
    at = 0
    for _ in range(MOST_BOXES):
        if at + 8 > size:
            return at
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        if length < 8 or not name.isascii():  # 0 runs to the end; anything else is rubbish behind them
            return size
        at += length
    return size


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


def _vint(file: BinaryIO) -> int | None:
    """An EBML number: one byte more than the first has leading zeros; None when all its bits are ones."""
    first = file.read(1)[0]
    more = 8 - first.bit_length()
    value = int.from_bytes(bytes([first & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _riff_end(file: BinaryIO, *, size: int) -> int:
    """Where the last RIFF chunk ends (large files have several); 0 when it was written live, without."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF" or length in (0, 0xFFFFFFFF):
            break
        at += 8 + length + length % 2
    return at
