"""What a source may cost: the bounds that a bomb of a file runs into before it fills the memory."""

import math
import numbers
from dataclasses import dataclass, fields

from unmask.types import SettingsError, SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what is read; a source beyond one is refused, before decoding where its header tells.

    The defaults let pass what phones and webcams make: 200 megapixels, ten minutes at 60 frames a second.
    """

    max_pixels: int = 200_000_000  # of one picture
    max_video_pixels: int = 36_000_000  # of a frame of video, of which decoders hold many
    max_side_px: int = 16_384  # of one picture: the widest that H.264 holds
    max_duration_s: float = 600.0  # a live source ends there, a file that is longer is refused
    max_frames: int = 36_000
    timeout_s: float = 10.0  # a stream that gives nothing for so long has stalled

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not (isinstance(value, numbers.Real) and 0 < float(value) < math.inf):
                raise SettingsError(f"limit {limit.name} must be a finite number above 0, not {value!r:.40}")

    def check_size(self, name: str, *, width: int, height: int) -> None:
        """Refuse a picture that is empty, too wide, too high or of too many pixels."""
        if width < 1 or height < 1:
            raise SourceError(f"{name} is damaged: it says {width}x{height} pixels; copy it again")
        size = f"{name} is {width}x{height} pixels"
        if max(width, height) > self.max_side_px:
            raise SourceError(f"{size} and a side may have {self.max_side_px}; make it smaller first")
        if width * height > self.max_pixels:
            raise SourceError(f"{size} and may have {self.max_pixels} in all; make it smaller first")

    def check_video_size(self, name: str, *, width: int, height: int) -> None:
        """The same for a frame of video."""
        self.check_size(name, width=width, height=height)
        if width * height > self.max_video_pixels:
            raise SourceError(
                f"{name} is {width}x{height} pixels and a video may have {self.max_video_pixels} in all; "
                "make it smaller first"
            )

    def check_duration(self, name: str, duration_s: float) -> None:
        """Refuse a recording that is too long."""
        if duration_s > self.max_duration_s:
            raise SourceError(
                f"{name} lasts {duration_s:.1f} s and may last {self.max_duration_s:g} s; cut it first"
            )

    def check_frames(self, name: str, frames: int) -> None:
        """Refuse a recording of too many frames."""
        if frames > self.max_frames:
            raise SourceError(f"{name} has over {self.max_frames} frames, which is the limit; cut it first")


DEFAULT_LIMITS = Limits()
