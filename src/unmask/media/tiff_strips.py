"""Large TIFFs part by part: a TIFF stores strips of rows, or tiles, each of which is coded by itself.

Some of them at a time are made a TIFF of their own, so that the same reader decodes large pictures and small
ones. A strip without compression may hold the whole picture, and is cut between its rows.
"""

import math
import struct
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from PIL import TiffTags

WIDTH, HEIGHT, BITS, COMPRESSION, OFFSETS, ROWS_A_STRIP, COUNTS = 256, 257, 258, 259, 273, 278, 279
SAMPLES, PLANES, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 277, 284, 322, 323, 324, 325
# And photometry, order of bits, predictor, palette, further samples and their form, tables of JPEG, chroma.
KEPT = (WIDTH, BITS, COMPRESSION, SAMPLES, TILE_WIDTH, 262, 266, 317, 320, 338, 339, 347, 529, 530, 531, 532)
ROWS = 64  # that are decoded at once, or more
SCALE = 8  # the largest, which their number has to be a multiple of
MOST_PIXELS = 1 << 24  # that are decoded at once
MOST_PIECES = 1 << 18  # strips or tiles
CHUNKY, PLAIN = 1, 1  # values together pixel by pixel; no compression


class _Pieces(NamedTuple):
    """Where the picture lies: `across` pieces of `rows` rows beside each other, offset and length of each."""

    across: int
    rows: int
    pieces: list[tuple[int, int]]


def has_strips(opened: Any, content: bytes) -> bool:
    """Whether a TIFF, opened by Pillow, can be decoded so; its pieces may not overlap."""
    layout = _layout(opened.tag_v2)
    return layout is not None and sum(size for _, size in layout.pieces) <= len(content)


def strips(opened: Any, content: bytes, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """PIL pictures of a multiple of `SCALE` rows, the last one of what is left; `read` opens a TIFF file.

    Raises EOFError where the file is cut off, and what Pillow does where it is damaged.
    """
    tags = opened.tag_v2
    layout = _layout(tags)
    assert layout is not None
    together = _together(layout.rows)
    for first in range(0, math.ceil(tags[HEIGHT] / layout.rows), together):
        rows = min(together * layout.rows, tags[HEIGHT] - first * layout.rows)
        chosen = layout.pieces[first * layout.across : (first + together) * layout.across]
        if any(at + size > len(content) for at, size in chosen):
            raise EOFError("truncated")
        picture = read(_tiff(tags, [content[at : at + size] for at, size in chosen], rows, layout.rows))
        picture.load()
        yield picture


def _layout(tags: Any) -> _Pieces | None:
    """None where it is told by other tags than these, or so that too much is decoded at once."""
    width, height, tiled = tags[WIDTH], tags[HEIGHT], TILE_OFFSETS in tags
    rows = tags.get(TILE_HEIGHT, 0) if tiled else min(tags.get(ROWS_A_STRIP, height), height)
    across = math.ceil(width / max(tags.get(TILE_WIDTH, 0), 1)) if tiled else 1
    offsets, counts = tags.get(TILE_OFFSETS if tiled else OFFSETS), tags.get(TILE_COUNTS if tiled else COUNTS)
    if not (offsets and counts and rows > 0) or tags.get(PLANES, CHUNKY) != CHUNKY:
        return None
    if not len(offsets) == len(counts) == across * math.ceil(height / rows) <= MOST_PIECES:
        return None
    layout = _Pieces(across, rows, list(zip(offsets, counts, strict=True)))
    if not tiled and tags.get(COMPRESSION, PLAIN) == PLAIN:
        layout = _cut(layout, tags)
    return layout if _together(layout.rows) * layout.rows * width <= MOST_PIXELS else None


def _cut(layout: _Pieces, tags: Any) -> _Pieces:
    """Strips without compression, cut into ones of `ROWS` rows or less where they have more."""
    rows = ROWS if len(layout.pieces) == 1 else math.gcd(layout.rows, ROWS)
    if layout.rows <= ROWS or rows % SCALE:
        return layout
    row_bytes = math.ceil(tags[WIDTH] * sum(tags.get(BITS, (1,))) / 8)
    pieces = []
    for number, (at, _) in enumerate(layout.pieces):
        held = min(layout.rows, tags[HEIGHT] - number * layout.rows)
        pieces += [(at + row * row_bytes, min(rows, held - row) * row_bytes) for row in range(0, held, rows)]
    return _Pieces(1, rows, pieces)


def _together(rows: int) -> int:
    """How many pieces of so many rows are decoded at once: `ROWS` at least, and a multiple of `SCALE`.

    >>> [_together(rows) for rows in (1, 8, 100, 256)]
    [64, 8, 2, 1]
    """
    step = SCALE // math.gcd(rows, SCALE)
    return step * math.ceil(ROWS / (step * rows))


def _tiff(tags: Any, pieces: list[bytes], rows: int, rows_a_piece: int) -> bytes:
    """A file of these pieces alone, of so many rows in all; values of 16 bits keep the order of theirs."""
    order = "<" if tags.prefix == b"II" else ">"
    tiled = TILE_WIDTH in tags
    *offsets, end = accumulate(map(len, pieces), initial=8)
    entries = {tag: _written(tags.tagtype[tag], tags[tag], order) for tag in KEPT if tag in tags}
    for tag, values in (
        (HEIGHT, (rows,)),
        (TILE_HEIGHT if tiled else ROWS_A_STRIP, (rows_a_piece,)),
        (TILE_OFFSETS if tiled else OFFSETS, tuple(offsets)),
        (TILE_COUNTS if tiled else COUNTS, tuple(map(len, pieces))),
    ):
        entries[tag] = _written(TiffTags.LONG, values, order)
    behind, directory = [bytes(end % 2)], []
    at = end + end % 2
    for tag, (kind, count, value) in sorted(entries.items()):
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack(f"{order}I", at)
            behind.append(value + bytes(len(value) % 2))
            at += len(behind[-1])
        directory.append(struct.pack(f"{order}HHI", tag, kind, count) + place)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at)
    length = struct.pack(f"{order}H", len(directory))
    return b"".join([head, *pieces, *behind, length, *directory, bytes(4)])


def _written(kind: int, value: Any, order: str) -> tuple[int, int, bytes]:
    """Kind, count and bytes of the values of a tag, as a TIFF has them."""
    if isinstance(value, bytes):
        return kind, len(value), value
    values = value if isinstance(value, tuple) else (value,)
    if kind == TiffTags.RATIONAL:
        halves = [half for one in values for half in (one.numerator, one.denominator)]
        return kind, len(values), struct.pack(f"{order}{len(halves)}I", *halves)
    form = "H" if kind == TiffTags.SHORT else "I"
    return kind, len(values), struct.pack(f"{order}{len(values)}{form}", *values)
