"""Still pictures: files -> (H, W, 3) uint8 RGB, upright."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from unmask.files import write_bytes
from unmask.media.large import most_bytes
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.media.pictures import HEAD_BYTES, Picture, kind_of, open_picture
from unmask.media.regular import open_regular, read_regular
from unmask.media.tails import behind_picture
from unmask.types import OutputError, SourceError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})  # that are written
READ_SUFFIXES = SUFFIXES | {
    ".gif",
    ".tif",
    ".tiff",
    ".jp2",
    ".j2k",
    ".avif",
    ".heic",
    ".heif",
    ".jfif",
    ".mpo",
}


def read_image(path: str | Path, *, limits: Limits = DEFAULT_LIMITS, turns: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright: EXIF orientation applied, 16 bits rounded to 8, alpha put on white.

    The size is checked in the header, before anything is decoded; pictures above 25 megapixels come at half
    of their sides or less. Colour profiles are not applied. A file without an orientation of its own gets
    `turns` quarter turns clockwise.
    """
    return shown(probe_image(path, limits=limits), turns=turns)


def probe_image(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """The picture of a file within the limits; SourceError for anything else, before a pixel is decoded."""
    with open_regular(path) as file:
        kind = kind_of(file.read(HEAD_BYTES))
    content = read_regular(path, most_bytes=most_bytes(kind))
    if not content:
        raise SourceError(f"{path} is empty; copy it again")
    picture = open_picture(content, name=str(path), limits=limits)
    notes = behind_picture(content, picture.kind, name=str(path), frames=picture.frames)
    return replace(picture, notes=tuple(notes))


def shown(picture: Picture, *, turns: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an opened picture as it was meant to be seen."""
    stored = picture.decode()
    orientation = picture.orientation  # after decoding: TIFF and HEIF are turned by their decoder
    return upright(stored, orientation if orientation != 1 else turned(turns))


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB whole or not at all, in the format that the suffix names."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"cannot write {path}: pictures are {', '.join(sorted(SUFFIXES))}; name it so")
    encoded = cv2.imencode(suffix, image[..., ::-1])[1]  # cv2 writes BGR
    write_bytes(path, encoded.tobytes())


def after_jpeg(image: np.ndarray, *, quality: int) -> np.ndarray:
    """A picture (H, W, 3) uint8 RGB after JPEG (4:2:0) at that quality, 0 to 100."""
    bgr = np.ascontiguousarray(image[..., ::-1])
    coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1])


def encode_png(image: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as PNG, without loss; quick rather than small."""
    encoded = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]  # cv2 writes BGR
    return encoded.tobytes()


def decode_png(content: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB of the bytes (n,) uint8 that `encode_png` gave; SourceError where damaged."""
    stored = cv2.imdecode(content, cv2.IMREAD_COLOR)
    if stored is None:
        raise SourceError("a stored picture is damaged: its PNG cannot be decoded; prepare it again")
    return cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """A stored picture as it was meant to be seen; `orientation` 1 to 8 as in EXIF.

    >>> upright(np.array([[1, 2], [3, 4]]), 6)  # the camera was held so that the left column is the top row
    array([[3, 1],
           [4, 2]])
    """
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def turned(turns: int) -> int:
    """The EXIF orientation of a picture that `turns` quarter turns clockwise bring upright.

    >>> [turned(turns) for turns in (0, 1, 2, 3, 4)]
    [1, 6, 3, 8, 1]
    """
    return (1, 6, 3, 8)[turns % 4]
