"""Large BMPs strip by strip: rows of one length without compression, the lowest first as a rule."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

ROWS = 64  # of a strip: as many as the largest scale divides
LEAST_HEADER = 40  # bytes; older ones tell less
PLAIN = (0, 3, 6)  # compressions that are none: colours, and colours by masks
MOST_HEAD = 1 << 16  # bytes before the pixels: a palette, a profile


def has_strips(content: bytes) -> bool:
    """Whether the BMP, whose header was read, can be decoded so."""
    pixels, header, compression = struct.unpack("<II12xI", content[10:34])
    return header >= LEAST_HEADER and compression in PLAIN and pixels <= MOST_HEAD


def strips(opened: Any, content: bytes, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """PIL pictures of `ROWS` rows from the top, the last one of what is left; `read` opens a BMP file.

    Raises EOFError where the file is cut off.
    """
    (pixels,) = struct.unpack("<I", content[10:14])
    width, signed, bits = struct.unpack("<ii2xH", content[18:30])
    stored, height = (width * bits + 31) // 32 * 4, abs(signed)
    for first in range(0, height, ROWS):
        rows = min(ROWS, height - first)
        at = pixels + stored * (first if signed < 0 else height - first - rows)
        values = content[at : at + stored * rows]
        if len(values) < stored * rows:
            raise EOFError("truncated")
        head = struct.pack("<i", -rows if signed < 0 else rows)
        picture = read(content[:22] + head + content[26:pixels] + values)
        picture.load()
        yield picture
