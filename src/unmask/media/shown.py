"""How a decoded frame is meant to be seen: upright, with square pixels, in the colours of a usual screen."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unmask.media.hdr import TRANSFERS, to_sdr
from unmask.media.images import turned, upright

CLOCKWISE_TO_ORIENTATION = {90: 6, 180: 3, 270: 8}
# For pixels that are not square: bilinear would take away detail that was stored, by which faces are scored.
SAMPLING = "LANCZOS"
NARROWEST_ASPECT, WIDEST_ASPECT = Fraction(1, 4), Fraction(4)  # of a pixel; beyond it the file says nonsense


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """What the first frame says: `width` and `height` as stored, `aspect` of a pixel, EXIF `orientation`.

    `transfer` is "PQ" or "HLG" where the frames have a high dynamic range, else "".
    """

    width: int
    height: int
    aspect: Fraction
    orientation: int
    transfer: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of what `shown` gives."""
        width = self.width if self.aspect == 1 else max(1, round(self.width * self.aspect))
        return (width, self.height, 3) if self.orientation >= 5 else (self.height, width, 3)

    @property
    def notes(self) -> list[str]:
        """What is to be said of the recording."""
        return (
            [f"its {self.transfer} colours were mapped to those of a usual screen"] if self.transfer else []
        )

    def shown(self, picture: VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 RGB as it was meant to be seen."""
        size: dict[str, Any] = {}
        if self.aspect != 1:
            size = {"width": max(1, round(self.width * self.aspect)), "interpolation": SAMPLING}
        if self.transfer:
            stored = to_sdr(picture.reformat(format="rgb48le", **size).to_ndarray(), transfer=self.transfer)
        elif size:
            stored = picture.reformat(format="rgb24", **size).to_ndarray()
        else:
            stored = picture.to_ndarray(format="rgb24")
        return upright(stored, self.orientation)


def luma_of(picture: VideoFrame) -> np.ndarray | None:
    """The grey values (h, w) uint8 of a decoded frame as it is stored, without a copy; None where it has no
    such plane.
    """
    form = picture.format
    if form.is_rgb or form.has_palette or not (form.is_planar or form.name.startswith("gray")):
        return None
    if form.components[0].bits != 8:
        return None
    plane = picture.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8)
    return lines[: plane.line_size * plane.height].reshape(plane.height, plane.line_size)[:, : plane.width]


def display_of(picture: VideoFrame, stream: VideoStream, *, turns: int) -> Display:
    """How the first frame is shown; `turns` quarter turns clockwise where the file turns nothing itself."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return Display(
        width=picture.width,
        height=picture.height,
        aspect=aspect if NARROWEST_ASPECT <= aspect <= WIDEST_ASPECT else Fraction(1),
        orientation=_orientation(picture, stream, turns=turns),
        transfer=TRANSFERS.get(int(picture.color_trc), ""),
    )


def matrix_orientation(matrix: tuple[int, ...]) -> int:
    """The EXIF orientation nearest to a display matrix (a, b, u, c, d, v, x, y, w) of ISO/IEC 14496-12.

    A stored point (x, y) is shown at (a x + c y, b x + d y).

    >>> matrix_orientation((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30))  # a quarter turn clockwise
    6
    """
    a, b, _, c, d = matrix[:5]
    across = abs(b) + abs(c) > abs(a) + abs(d)
    flips = (c < 0, b < 0) if across else (a < 0, d < 0)  # left to right, top to bottom
    return {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}[flips] + 4 * across


def _orientation(picture: VideoFrame, stream: VideoStream, *, turns: int) -> int:
    """EXIF orientation 1 to 8: of the display matrix, else of the tag "rotate" that older phones wrote; of
    `turns` where neither turns anything.
    """
    matrix: Any = picture.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        own = matrix_orientation(struct.unpack("=9i", bytes(matrix)[:36]))
    else:
        degrees = stream.metadata.get("rotate", "0")
        own = CLOCKWISE_TO_ORIENTATION.get(int(degrees) % 360, 1) if degrees.lstrip("-").isdecimal() else 1
    return own if own != 1 else turned(turns)
