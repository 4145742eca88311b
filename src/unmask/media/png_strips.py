"""Large PNGs strip by strip, since no reader of them decodes at a smaller scale.

Each strip is made a PNG of its own, so that the same reader decodes large pictures and small ones. The rows
of a PNG are stored as differences from the row before: a strip begins with the last row of the one before it.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type
ROWS = 64  # of a strip: as many as the largest scale divides
MOST_PARTS = 1 << 18  # most writers put 8 KB or more into each
PIECE = 1 << 16  # bytes that are inflated at once: what is left of them is copied each time
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = (b"PLTE", b"tRNS")  # parts that say what the values mean


def has_strips(content: bytes) -> bool:
    """Whether the PNG, whose header was read, can be decoded so: 8 bits a channel, its rows in order."""
    return content[12:16] == b"IHDR" and content[24] == 8 and content[25] in CHANNELS and content[28] == 0


def exif_of(content: bytes) -> bytes:
    """The EXIF block of a PNG, b"" without one; raises as `strips` does."""
    return next((bytes(part[8:-4]) for part in _parts(content) if _name(part) == b"eXIf"), b"")


def strips(content: bytes, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """PIL pictures of `ROWS` rows, the last one of what is left; `read` opens a PNG file.

    Raises zlib.error, ValueError or EOFError where it is damaged or cut off.
    """
    width, height, _, colour = struct.unpack(">IIBB", content[16:26])
    stored = width * CHANNELS[colour]
    kept = [part for part in _parts(content) if _name(part) in KEPT]
    rows, last = _Inflated(content), b""
    for first in range(0, height, ROWS):
        count = min(ROWS, height - first)
        filtered = last + rows.read(count * (1 + stored))
        lines = count + (1 if last else 0)
        header = struct.pack(">II", width, lines) + content[24:29]
        values = _part(b"IDAT", zlib.compress(filtered, 0))  # inflated already: packing them takes longer
        picture = read(b"".join([SIGNATURE, _part(b"IHDR", header), *kept, values, _part(b"IEND", b"")]))
        picture.load()
        yield picture.crop((0, lines - count, width, lines))
        last = b"\0" + picture.crop((0, lines - 1, width, lines)).tobytes()


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
