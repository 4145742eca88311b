"""Large WebPs in half of the memory or less.

Pillow reads every WebP as an animation, in four pictures of four bytes a pixel. OpenCV hands the file to the
same library and holds one of three, or four with alpha; the library itself holds four more of a picture
without loss, and of one with alpha. What has neither comes at half of its sides, for which OpenCV holds half
as much.
"""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from PIL import Image

HALF = cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION  # the mean of two by two pixels
ROWS = 64  # of a strip: as many as the largest scale divides
ALPHA, ANIMATION = 0x10, 0x02  # flags of a file with more than a picture in it
LOSSLESS_ALPHA = 0x10  # in the fifth byte of a picture without loss
HALVED = 4  # bytes a pixel of what comes at half of its sides
MOST_PARTS = 100  # before the picture: files have a few, and millions of empty ones would take minutes


def bytes_a_pixel(content: bytes) -> int:
    """How many it takes to read a WebP so; 0 for an animation, and where no picture is among the first
    `MOST_PARTS`.
    """
    flags = int.from_bytes(content[20:21]) if content[12:16] == b"VP8X" else 0
    if flags & ANIMATION:
        return 0
    at = 12
    for _ in range(MOST_PARTS):
        name = content[at : at + 4]
        if name == b"VP8 ":
            return 8 if flags & ALPHA else HALVED
        if name == b"VP8L":
            return 8 if int.from_bytes(content[at + 12 : at + 13]) & LOSSLESS_ALPHA else 7
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return 0


def strips(opened: Any, content: bytes, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """PIL pictures of `ROWS` rows, the last one of what is left; ValueError where it is damaged."""
    yield from _strips(content, cv2.IMREAD_UNCHANGED, size=(opened.height, opened.width))


def halved(opened: Any, content: bytes, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """The same at half of its sides."""
    yield from _strips(content, HALF, size=(opened.height // 2, opened.width // 2))


def _strips(content: bytes, flags: int, *, size: tuple[int, int]) -> Iterator[Any]:
    try:
        whole = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as broken:
        raise ValueError("its picture cannot be decoded") from broken
    if whole is None or whole.shape[:2] != size:
        raise ValueError("its picture is not the one that its header tells of")
    for top in range(0, len(whole), ROWS):
        rows = whole[top : top + ROWS]
        yield Image.fromarray(np.ascontiguousarray(rows[..., [2, 1, 0, 3][: rows.shape[-1]]]))  # of BGR
