"""Depth maps in colour, and pictures as text that fits into a page."""

import base64

import cv2
import numpy as np

# Viridis at nine even steps (Smith and van der Walt, 2015, CC0): even in lightness, so that it survives a
# grey printer and colour-blind eyes. Dark is far, yellow is near.
_VIRIDIS = np.array(
    [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ],
    dtype=np.float64,
)


def colour_map(depth: np.ndarray) -> np.ndarray:
    """Depth (h, w) in [0, 1], near is 1, as a picture (h, w, 3) uint8 RGB; what is not finite becomes grey.

    >>> colour_map(np.array([[0.0, 1.0, np.nan]])).tolist()
    [[[68, 1, 84], [253, 231, 37], [128, 128, 128]]]
    """
    known = np.isfinite(depth)
    level = np.clip(np.where(known, depth, 0.0), 0.0, 1.0)
    steps = np.linspace(0.0, 1.0, len(_VIRIDIS))
    colours = np.stack([np.interp(level, steps, _VIRIDIS[:, c]) for c in range(3)], axis=-1)
    return np.where(known[..., None], colours.round(), 128).astype(np.uint8)


def legend(*, height: int, width: int) -> np.ndarray:
    """The colour map as a strip (height, width, 3) uint8 RGB, near at the top."""
    return colour_map(np.repeat(np.linspace(1.0, 0.0, height)[:, None], width, axis=1))


def jpeg_uri(picture: np.ndarray, *, quality: int = 85) -> str:
    """A picture (H, W, 3) uint8 RGB as a data URI."""
    return _uri(picture, ".jpg", "image/jpeg", [cv2.IMWRITE_JPEG_QUALITY, quality])


def png_uri(picture: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 RGB as a data URI, without loss."""
    return _uri(picture, ".png", "image/png", [])


def _uri(picture: np.ndarray, suffix: str, kind: str, options: list[int]) -> str:
    bgr = np.ascontiguousarray(picture[..., ::-1])  # cv2 writes BGR
    _, encoded = cv2.imencode(suffix, bgr, options)
    return f"data:{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"
