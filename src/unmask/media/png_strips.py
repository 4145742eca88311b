"""Large PNGs strip by strip, since no reader of them decodes at a smaller scale.

Each strip is made a PNG of its own, so that the same reader decodes large pictures and small ones. The rows
of a PNG are stored as differences from the row before, byte by byte: a strip begins with the last row of the
one before it, and of values of 16 bits the higher bytes are a PNG of 8 bits.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type
ROWS = 64  # of a strip: as many as the largest scale divides
MOST_PARTS = 1 << 18  # most writers put 8 KB or more into each
PIECE = 1 << 16  # bytes that are inflated at once: what is left of them is copied each time
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = (b"PLTE", b"tRNS")  # parts that say what the values mean


def has_strips(content: bytes) -> bool:
    """Whether the PNG, whose header was read, can be decoded so: its rows in order.

    Not with 16 bits where a colour may be marked as clear, which takes all of its bits.
    """
    in_order = content[12:16] == b"IHDR" and content[25] in CHANNELS and content[28] == 0
    return in_order and not (content[24] == 16 and any(_name(part) == b"tRNS" for part in _parts(content)))


def _exif_of(content: bytes) -> bytes:
    """The EXIF block of a PNG, b"" without one."""
    return next((bytes(part[8:-4]) for part in _parts(content) if _name(part) == b"eXIf"), b"")


def strips(opened: Any, content: bytes, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """PIL pictures of `ROWS` rows, the last one of what is left; `read` opens a PNG file.

    `opened` gets the EXIF block, for which Pillow would decode the whole picture.

    Raises zlib.error, ValueError or EOFError where it is damaged or cut off.
    """
    opened.info.setdefault("exif", _exif_of(content))
    width, height, bits, colour = struct.unpack(">IIBB", content[16:26])
    stored, step = (width * CHANNELS[colour] * bits + 7) // 8, max(bits // 8, 1)  # bytes of a row, of a value
    kept = [part for part in _parts(content) if _name(part) in KEPT]
    rows, last = _Inflated(content), b""
    for first in range(0, height, ROWS):
        count = min(ROWS, height - first)
        filtered = last + _higher(rows.read(count * (1 + stored)), count, step)
        lines = count + (1 if last else 0)
        kind = bytes([min(bits, 8), colour]) + content[26:29]
        picture = read(_png(filtered, struct.pack(">II", width, lines) + kind, kept))
        picture.load()
        yield picture.crop((0, lines - count, width, lines))
        if bits < 8:  # as bytes of several values
            grey = struct.pack(">II", stored, lines) + bytes([8, 0]) + content[26:29]
            picture = read(_png(filtered, grey, []))
        last = b"\0" + picture.crop((0, lines - 1, picture.width, lines)).tobytes()


def _higher(filtered: bytes, lines: int, step: int) -> bytes:
    """The first byte of each value of `step` bytes, behind the byte of each line that says how."""
    if step == 1:
        return filtered
    table = np.frombuffer(filtered, np.uint8).reshape(lines, -1)
    return np.hstack([table[:, :1], table[:, 1::step]]).tobytes()


def _png(filtered: bytes, header: bytes, kept: list[memoryview]) -> bytes:
    values = _part(b"IDAT", zlib.compress(filtered, 0))  # inflated already: packing them takes longer
    return b"".join([SIGNATURE, _part(b"IHDR", header), *kept, values, _part(b"IEND", b"")])


class _Inflated:
    """The rows of a PNG as they are stored, with a byte before each that says how."""

    def __init__(self, content: bytes) -> None:
        self._pieces = _inflated(content)
        self._left = b""

    def read(self, count: int) -> bytes:
        found, size = [self._left], len(self._left)
        while size < count:
            piece = next(self._pieces, None)
            if piece is None:
                raise EOFError("truncated")
            found.append(piece)
            size += len(piece)
        joined = b"".join(found)
        self._left = joined[count:]
        return joined[:count]


def _inflated(content: bytes) -> Iterator[bytes]:
    stream = zlib.decompressobj()
    for part in _parts(content):
        if _name(part) != b"IDAT":
            continue
        for start in range(8, len(part) - 4, PIECE):
            left = bytes(part[start : min(start + PIECE, len(part) - 4)])
            while left and not stream.eof:
                yield stream.decompress(left, 16 * PIECE)
                left = stream.unconsumed_tail
    yield stream.flush()


def _parts(content: bytes) -> Iterator[memoryview]:
    """The chunks of a PNG, with their length and sum, up to its end; ValueError for one that is damaged."""
    view, at, count = memoryview(content), len(SIGNATURE), 0
    while at + 12 <= len(content):
        count += 1
        if count > MOST_PARTS:
            raise ValueError("the PNG has far more parts than its picture needs")
        (size,) = struct.unpack(">I", view[at : at + 4])
        part = view[at : at + 12 + size]
        if len(part) < 12 + size:
            raise EOFError("truncated")
        if zlib.crc32(part[4 : 8 + size]) != int.from_bytes(part[8 + size :], "big"):
            raise ValueError("a part of the PNG does not have its sum")
        yield part
        at += 12 + size
        if _name(part) == b"IEND":
            return


def _name(part: memoryview) -> bytes:
    return bytes(part[4:8])


def _part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
