"""A second generation of wear: what a chat, an upload or another screen grab does to a recording, for every
class.

An attack's picture has gone through two cameras. A bona fide recording gets the same range of wear here, so
that softness, flat tones and codec traces are no sign of an attack.
"""

import cv2
import numpy as np

from unmask.simulate.camera import jpeg


def wear(frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The frames (h, w, 3) uint8 after one more blur, scaling, tone and JPEG, the same for all of them."""
    height, width = frames[0].shape[:2]
    scale = float(np.exp(rng.uniform(np.log(0.5), 0)))
    blur = float(rng.choice([0.0, rng.uniform(0.4, 1.5)]))
    quality = rng.uniform(55, 95)
    table = _table(rng)
    worn = []
    for frame in frames:
        small = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        seen = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        if blur:
            seen = cv2.GaussianBlur(seen, (0, 0), blur)
        seen = cv2.LUT(seen, table)
        worn.append(jpeg(seen, quality=quality))
    return worn


def _table(rng: np.random.Generator) -> np.ndarray:
    """A tone and a cast: (1, 256, 3) uint8."""
    x = np.arange(256)[:, None] / 255
    power = rng.uniform(0.75, 1.35)
    low, high = rng.uniform(0, 0.14), rng.uniform(0.82, 1.0)
    cast = 1 + rng.uniform(-0.06, 0.06, 3)
    return np.clip(255 * (low + (high - low) * x**power) * cast + 0.5, 0, 255).astype(np.uint8)[None]
