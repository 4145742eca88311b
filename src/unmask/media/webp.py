"""Large WebPs without loss of detail in a third of the memory: three bytes a pixel, and no second picture.

Pillow reads every WebP as an animation, in three pictures of four bytes a pixel. OpenCV hands the file to the
same library and holds one of three. Only pictures that are coded with loss: without, the library itself needs
four more.
"""

import cv2
import numpy as np

HALF = cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION  # the mean of two by two pixels
ALPHA, ANIMATION = 0x10, 0x02  # flags of a file with more than a picture in it
MOST_PARTS = 100  # before the picture: files have a few, and millions of empty ones would take minutes


def can_be_halved(content: bytes) -> bool:
    """Whether a WebP is a single picture, coded with loss and without alpha, after `MOST_PARTS` at most."""
    if content[12:16] == b"VP8 ":
        return True
    if content[12:16] != b"VP8X" or int.from_bytes(content[20:21]) & (ALPHA | ANIMATION):
        return False
    at = 12
    for _ in range(MOST_PARTS):
        if content[at : at + 4] in (b"VP8 ", b"VP8L"):
            return content[at : at + 4] == b"VP8 "
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return False


def halved(content: bytes, *, width: int, height: int) -> np.ndarray:
    """(H / 2, W / 2, 3) uint8 RGB of a WebP of so many pixels; ValueError where it is damaged or another."""
    try:
        half = cv2.imdecode(np.frombuffer(content, np.uint8), HALF)
    except cv2.error as broken:
        raise ValueError("its picture cannot be decoded") from broken
    if half is None or half.shape[:2] != (height // 2, width // 2):
        raise ValueError("its picture is not the one that its header tells of")
    return np.asarray(cv2.cvtColor(half, cv2.COLOR_BGR2RGB))
