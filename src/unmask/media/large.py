"""How large a picture may be that is decoded whole, and how larger ones are decoded part by part.

One rule: with its file a picture may take MOST_MEMORY while it is decoded, so that a process with the models
stays below 1 GB. How many bytes each decoder takes was measured, see docs/reliability.md.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from unmask.media import bmp_strips, png_strips, tiff_strips, webp
from unmask.media.limits import Limits

MOST_MEMORY = 650_000_000
MOST_WHOLE_PIXELS = 80_000_000  # let through in all kinds of still pictures
MOST_BYTES = 1 << 28
MOST_PLAIN_BYTES = 3 * Limits().max_pixels + (1 << 20)  # of kinds that need not be coded
PLAIN_KINDS = ("TIFF", "BMP")
PILLOW = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}  # bytes a pixel by mode, else 4
BESIDE = {"WebP": 12, "AVIF": 6, "HEIF": 6}  # bytes a pixel of the decoder's own
Read = Callable[[bytes], Any]  # a file of the same kind -> a PIL picture
Parts = Callable[[Any, bytes, Read], Iterator[Any]]  # the opened picture, its file -> rows from top to bottom


class Way(NamedTuple):
    """How a still picture is decoded: part by part, each of a multiple of 8 rows, or None for whole; how many
    pixels it may have; and by what the sides of its parts are divided already.
    """

    parts: Parts | None
    most_pixels: int
    scale: int = 1


def way_of(kind: str, opened: Any, content: bytes) -> Way:
    """How a picture of that kind is decoded. May raise what Pillow does where the file is damaged."""
    room = MOST_MEMORY - len(content)
    whole = room // _bytes_a_pixel(kind, opened)
    if opened.width * opened.height <= min(whole, MOST_WHOLE_PIXELS):
        return Way(None, whole)
    if kind == "PNG" and png_strips.has_strips(content):
        return Way(png_strips.strips, Limits().max_pixels)
    if kind == "TIFF" and tiff_strips.has_strips(opened, content):
        return Way(tiff_strips.strips, Limits().max_pixels)
    if kind == "BMP" and bmp_strips.has_strips(content):
        return Way(bmp_strips.strips, Limits().max_pixels)
    if kind == "WebP" and (needed := webp.bytes_a_pixel(content)):
        most = max(MOST_WHOLE_PIXELS, room // needed)
        return Way(webp.halved, most, scale=2) if needed == webp.HALVED else Way(webp.strips, most)
    return Way(None, whole if len(content) > MOST_BYTES else max(MOST_WHOLE_PIXELS, whole))


def most_bytes(kind: str | None) -> int:
    """How large the file of a picture may be."""
    return MOST_PLAIN_BYTES if kind in PLAIN_KINDS else MOST_BYTES


def _bytes_a_pixel(kind: str, opened: Any) -> int:
    """That Pillow takes for the whole picture."""
    held = PILLOW.get(opened.mode, 4)
    return 2 * held if kind == "TIFF" else held + BESIDE.get(kind, 0)  # a strip of it may hold all
