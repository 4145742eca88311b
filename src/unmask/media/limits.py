"""What a source may cost: the bounds that a bomb of a file runs into before it fills the memory."""

import math
from dataclasses import dataclass, fields

from unmask.types import SettingsError, SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what is read; a source beyond one of them is refused, if its header tells then before decoding.

    The defaults let pass what phones and webcams make: 50 megapixels, ten minutes at 60 frames a second.
    """

    max_pixels: int = 50_000_000  # of one picture
    max_side_px: int = 16_384  # of one picture: what H.264 can hold
    max_duration_s: float = 600.0  # a live source ends there, a file that is longer is refused
    max_frames: int = 36_000
    timeout_s: float = 10.0  # a stream or camera that gives nothing for so long has stalled

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not (math.isfinite(value) and value > 0):
                raise SettingsError(f"limit {limit.name} must be a finite number above 0, not {value}")

    def check_size(self, name: str, *, width: int, height: int) -> None:
        """Refuse a picture that is empty, too wide, too high or too large, by the size that its header declares."""
        if width < 1 or height < 1:
            raise SourceError(f"{name} declares a picture of {width}x{height} pixels; it is damaged")
        if max(width, height) > self.max_side_px:
            raise SourceError(
                f"{name} is {width}x{height} pixels and a side may have {self.max_side_px}; make it smaller first"
            )
        if width * height > self.max_pixels:
            raise SourceError(
                f"{name} is {width}x{height} pixels, more than the {self.max_pixels} allowed; make it smaller first"
            )

    def check_duration(self, name: str, duration_s: float) -> None:
        """Refuse a recording that is too long."""
        if duration_s > self.max_duration_s:
            raise SourceError(
                f"{name} lasts {duration_s:.0f} s, more than the {self.max_duration_s:.0f} s allowed; cut it first"
            )

    def check_frames(self, name: str, frames: int) -> None:
        """Refuse a recording of too many frames."""
        if frames > self.max_frames:
            raise SourceError(
                f"{name} has {frames} frames, more than the {self.max_frames} allowed; cut it first"
            )
