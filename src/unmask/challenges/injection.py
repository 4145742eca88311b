"""Hints that frames were put in the camera's place: a layer of its own, never part of the score.

A hint is no verdict: each is set off by some honest devices too (docs/challenges.md has the rates).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

# Names under which software cameras present themselves to browsers.
SOFTWARE_CAMERAS = (
    "obs", "virtual", "manycam", "v4l2loopback", "dummy", "snap camera", "xsplit", "splitcam", "droidcam",
    "epoccam", "iriun", "ivcam", "e2esoft", "vcam", "fake", "mmhmm", "ndi", "unity", "youcam", "sparkocam",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionHint:
    """One sign of frames that no camera took: `code` names it, `value` was measured, `limit` is where the
    hint begins.
    """

    code: str
    value: float | str
    limit: float | str

    def to_dict(self) -> dict[str, Any]:
        """The hint as JSON has it."""
        return asdict(self)


def injection_hints(
    times_s: Sequence[float],
    client: Mapping[str, Any] | None = None,
    *,
    frames: Sequence[np.ndarray] = (),
) -> list[InjectionHint]:
    """The hints of a session.

    `times_s` are the client's times of all frames; `client` what the page reports of the camera: `label`, and
    `capabilities` and `settings` of its track. `frames`: some of the pictures (H, W, 3) uint8, in order.
    """
    label = str((client or {}).get("label", "")).lower()
    named = [name for name in SOFTWARE_CAMERAS if name in label]
    return [InjectionHint(code="VIRTUAL_CAMERA_NAME", value=label[:80], limit=named[0])] if named else []
