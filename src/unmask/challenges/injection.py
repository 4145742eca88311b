"""Hints that frames were put in the camera's place: a layer of its own, never part of the score.

A hint is not a verdict: each is set off by some honest devices too, and an attacker who knows of one can
avoid it (docs/challenges.md has the rates on clean recordings).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

# Names under which software cameras present themselves to browsers.
SOFTWARE_CAMERAS = (
    "obs", "virtual", "manycam", "v4l2loopback", "dummy", "snap camera", "xsplit", "splitcam", "droidcam",
    "epoccam", "iriun", "ivcam", "e2esoft", "vcam", "fake", "mmhmm", "ndi", "unity", "youcam", "sparkocam",
)  # fmt: skip
# What nearly every camera's track has for a browser; software cameras mostly have none of them.
OPTICAL = ("exposureMode", "whiteBalanceMode", "focusMode", "brightness", "iso", "torch", "zoom", "contrast")
LEAST_FRAMES = 20
JITTER = 0.004  # deviation of the time between frames over its median: cameras and browsers jitter more
DOUBLED = 0.2  # share of frames equal to the one before: dim rooms make cameras repeat some
NOISE = 0.05  # grey values of noise that differ from frame to frame
BLOCKS = 1.35  # how much steeper grey values are at 8 pixel borders than between them


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
    light_found: bool | None = None,
) -> list[InjectionHint]:
    """The hints of a session.

    `times_s` are the client's times of all frames; `client` what the page reports of the camera: `label`, and
    `capabilities` of its track (`getCapabilities()`), None where the browser has no such function. `frames`:
    neighbouring pictures (H, W, 3) uint8 of one size, in order, as they came. `light_found`: whether a light
    challenge came back from the face, None where there was none.
    """
    found = [*_of_client(client or {}), *_of_times(times_s), *_of_frames(frames)]
    if light_found is False:
        found.append(InjectionHint(code="LIGHT_CODE_ABSENT", value="absent", limit="present"))
    return found


def _of_client(client: Mapping[str, Any]) -> list[InjectionHint]:
    found = []
    given = str(client.get("label") or "").lower()[:80]
    label = "".join(letter for letter in given if letter.isprintable())  # half a surrogate pair is not text
    words = label.replace("(", " ").replace(")", " ").replace("-", " ").split()
    named = [name for name in SOFTWARE_CAMERAS if name in words or (" " in name and name in label)]
    if named:
        found.append(InjectionHint(code="VIRTUAL_CAMERA_NAME", value=label, limit=named[0]))
    capabilities = client.get("capabilities")
    if isinstance(capabilities, Mapping) and capabilities:
        optical = [name for name in OPTICAL if name in capabilities]
        if not optical:
            found.append(InjectionHint(code="NO_CAMERA_CONTROLS", value=0.0, limit=1.0))
    return found


def _of_times(times_s: Sequence[float]) -> list[InjectionHint]:
    gaps = np.diff(np.asarray(times_s, np.float64))
    if len(gaps) + 1 < LEAST_FRAMES or not np.isfinite(gaps).all() or np.median(gaps) <= 0:
        return []
    jitter = float(np.std(gaps) / np.median(gaps))
    if jitter >= JITTER:
        return []
    return [InjectionHint(code="TIMES_TOO_REGULAR", value=round(jitter, 5), limit=JITTER)]


def _of_frames(frames: Sequence[np.ndarray]) -> list[InjectionHint]:
    found = []
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    if len(greys) >= LEAST_FRAMES:
        doubled = float(np.mean([np.array_equal(a, b) for a, b in pairwise(greys)]))
        if doubled > DOUBLED:
            found.append(InjectionHint(code="DOUBLED_FRAMES", value=round(doubled, 3), limit=DOUBLED))
    if len(greys) >= 3:
        noise = temporal_noise(greys)
        if noise is not None and noise < NOISE:
            found.append(InjectionHint(code="NO_SENSOR_NOISE", value=round(noise, 4), limit=NOISE))
    if greys:
        blocks = float(np.median([blockiness(grey) for grey in greys[:8]]))
        if blocks > BLOCKS:
            found.append(InjectionHint(code="COMPRESSED_BEFORE", value=round(blocks, 3), limit=BLOCKS))
    return found


def temporal_noise(greys: Sequence[np.ndarray]) -> float | None:
    """Grey values by which three neighbouring pictures differ from a straight course.

    A sensor's noise is new in every frame; a picture that is shown again, or drawn, has none. The median over
    blocks of 16 pixels counts, since codecs leave out what hardly changes; None where all are black or burnt
    out.
    """
    deviations = []
    for before, now, after in zip(greys, greys[1:], greys[2:], strict=False):
        if np.array_equal(before, now) or np.array_equal(now, after):
            continue
        off = now.astype(np.float32) - 0.5 * (before.astype(np.float32) + after.astype(np.float32))
        level, spread = _blocks(now.astype(np.float32)), _blocks(off * off)
        usable = (level > 20) & (level < 235)
        if usable.any():
            deviations.append(float(np.sqrt(np.median(spread[usable]) / 1.5)))
    return float(np.median(deviations)) if deviations else None


def blockiness(grey: np.ndarray) -> float:
    """How much steeper a picture (H, W) is on the borders of a grid of 8 pixels than beside them: above 1
    where it was compressed in blocks, at the steepest of the 8 places that the grid may have.

    The grid at 0 is that of the JPEG in which the page sends frames, so it does not count.
    """
    steps = np.abs(np.diff(grey.astype(np.float32), axis=1)).mean(axis=0)
    ways = [float(steps[start::8].mean()) for start in range(8)]
    elsewhere = [way for start, way in enumerate(ways) if start != 7]
    return max(elsewhere) / max(float(np.median(elsewhere)), 1e-3)


def _blocks(values: np.ndarray) -> np.ndarray:
    rows, columns = (max(1, side // 16) for side in values.shape)
    cut = values[: rows * 16, : columns * 16] if min(values.shape) >= 16 else values
    return np.asarray(cut.reshape(rows, cut.shape[0] // rows, columns, cut.shape[1] // columns).mean((1, 3)))
