"""One picture of a source; of a video its pixels are made when they are first asked for.

A face is looked at some ten times a second, and most frames of a video are only passed over: turning each
into RGB would cost about as much as decoding it.
"""

from collections.abc import Callable

import numpy as np


class Frame:
    """One picture of a source: `image` (H, W, 3) uint8 RGB, upright; `time_s` since the first frame; `index`
    from 0. `again`: it is shown on, and not a new picture. Used by one thread.

    >>> frame = Frame.of_pixels_later(lambda: np.zeros((2, 3, 3), np.uint8), (2, 3, 3), time_s=0.0, index=0)
    >>> frame.shape, frame.image.shape
    ((2, 3, 3), (2, 3, 3))
    """

    __slots__ = ("_image", "_later", "_luma", "again", "index", "shape", "time_s")

    def __init__(self, image: np.ndarray, time_s: float, index: int) -> None:
        self._image: np.ndarray | None = image
        self._later: Callable[[], np.ndarray] | None = None
        self._luma: Callable[[], np.ndarray | None] | None = None
        self.shape: tuple[int, ...] = image.shape
        self.time_s = time_s
        self.index = index
        self.again = False

    @classmethod
    def of_pixels_later(
        cls,
        image: Callable[[], np.ndarray],
        shape: tuple[int, ...],
        *,
        time_s: float,
        index: int,
        luma: Callable[[], np.ndarray | None] | None = None,
    ) -> "Frame":
        """A frame whose `image`, of that shape, is called for once, if at all."""
        frame = cls.__new__(cls)
        frame._image, frame._later, frame._luma = None, image, luma
        frame.shape, frame.time_s, frame.index, frame.again = shape, time_s, index, False
        return frame

    def again_at(self, time_s: float) -> "Frame":
        """The same picture, which is still shown at a later time."""
        frame = Frame(image=self.image, time_s=time_s, index=self.index)
        frame.again = True
        return frame

    @property
    def image(self) -> np.ndarray:
        """The pixels (H, W, 3) uint8 RGB, upright."""
        if self._image is None:
            assert self._later is not None
            self._image = self._later()
            self._later = self._luma = None  # lets go of what the decoder holds
        return self._image

    def luma(self) -> np.ndarray | None:
        """The grey values (h, w) uint8 of the picture as stored, perhaps not upright; None where they are
        not at hand without `image`.
        """
        return None if self._luma is None else self._luma()

    def hold(self) -> None:
        """Makes the pixels and keeps the grey values, and lets go of the decoder's own picture."""
        luma = self.luma()
        kept = None if luma is None else luma.copy()
        _ = self.image
        self._luma = None if kept is None else lambda: kept

    def __repr__(self) -> str:
        return f"Frame({self.shape}, time_s={self.time_s}, index={self.index})"
