"""Still pictures: files -> (H, W, 3) uint8 RGB, upright."""

from pathlib import Path

import cv2
import numpy as np

from unmask.media.files import write_bytes
from unmask.media.headers import DamagedError, PictureHeader, read_header
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.types import OutputError, SourceError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
KINDS = "JPEG, PNG, WebP or BMP"


def read_image(path: str | Path, *, limits: Limits = DEFAULT_LIMITS, turns: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright: EXIF orientation applied, 16 bits rounded to 8, alpha put on white.

    The size is checked in the header, before anything is decoded. Colour profiles are not applied. A file
    without an orientation of its own gets `turns` quarter turns clockwise.
    """
    header = probe_image(path, limits=limits)
    encoded = np.fromfile(path, np.uint8)
    try:
        stored = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)  # BGR(A) or grey, 8 or 16 bits, not yet turned
    except cv2.error as broken:
        raise SourceError(
            f"{path} is damaged: its {header.kind} cannot be decoded; copy it again"
        ) from broken
    if stored is None:
        raise SourceError(f"{path} is damaged: its {header.kind} cannot be decoded; copy it again")
    orientation = header.orientation if header.orientation != 1 else turned(turns)
    return upright(_rgb(str(path), stored), orientation)


def probe_image(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> PictureHeader:
    """The header of a picture within the limits; SourceError for anything else, before a pixel is decoded."""
    try:
        with open(path, "rb") as file:
            header = read_header(file)
            size = file.seek(0, 2)
    except FileNotFoundError as missing:
        raise SourceError(f"{path} does not exist; check the path") from missing
    except OSError as refused:
        raise SourceError(
            f"{path} cannot be read: {refused.strerror}; check the path and its rights"
        ) from refused
    except DamagedError as broken:
        raise SourceError(f"{path} is damaged: {broken}; copy it again") from broken
    if size == 0:
        raise SourceError(f"{path} is empty; copy it again")
    if header is None:
        raise SourceError(f"{path} is no picture that unmask reads; give {KINDS}")
    limits.check_size(str(path), width=header.width, height=header.height)
    if not header.complete:
        raise SourceError(f"{path} is cut off: its end is missing; copy it again")
    # No encoder writes more than 16 bits of 4 channels; a file beyond that carries something else.
    if size > 8 * limits.max_pixels + (1 << 24):
        raise SourceError(f"{path} has {size} bytes, more than any picture within the limits; save it again")
    return header


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB whole or not at all, in the format that the suffix names."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"cannot write {path}: pictures are {', '.join(sorted(SUFFIXES))}; name it so")
    encoded = cv2.imencode(suffix, image[..., ::-1])[1]  # cv2 writes BGR
    write_bytes(path, encoded.tobytes())


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


def _rgb(name: str, stored: np.ndarray) -> np.ndarray:
    """BGR(A) or grey of 8 or 16 bits -> (H, W, 3) uint8 RGB."""
    if stored.dtype == np.uint16:
        stored = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 -> 255, to the nearest
    if stored.dtype != np.uint8:
        raise SourceError(
            f"{name} holds {stored.dtype} values, which have no known white; save it with 8 or 16 bits"
        )
    if stored.ndim == 2:
        return cv2.cvtColor(stored, cv2.COLOR_GRAY2RGB)
    if stored.shape[2] == 4:
        alpha = stored[..., 3:].astype(np.uint32)
        on_white = stored[..., :3] * alpha + 255 * (255 - alpha)
        stored = ((on_white + 127) // 255).astype(np.uint8)
    return cv2.cvtColor(stored[..., :3], cv2.COLOR_BGR2RGB)
