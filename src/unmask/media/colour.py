"""Whether a picture has colours: grey and infrared ones look like faces to a network that never saw any."""

import cv2
import numpy as np


def colourfulness(square: np.ndarray) -> float:
    """How much the colours of (S, S, 3) uint8 RGB differ beyond one tint: 0 for grey, in units of a* and b*.

    A tint goes with the light: sepia prints and the violet of cameras without a filter are grey by this.
    Photographs of faces have 2.5 and more, grey ones less than 0.1 after compression.

    >>> grey = np.arange(96 * 96 * 3, dtype=np.uint8).reshape(96, 96, 3)[..., :1].repeat(3, -1)
    >>> round(colourfulness(grey), 1)
    0.0
    """
    lab = cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 1.5)  # noise is not colour
    level, *colours = (plane.ravel().astype(np.float64) for plane in cv2.split(lab))
    level = level / 50 - 1  # about -1 to 1, so that the sums below keep their digits
    terms = np.stack([np.ones_like(level), level, level**2, *colours])
    # By sums of products alone: a decomposition of all pixels takes several times as long.
    sums = terms @ terms.T / level.size
    light, both, colour = sums[:3, :3], sums[:3, 3:], sums[3:, 3:]
    tint = np.linalg.lstsq(light, both, rcond=None)[0]
    left = colour - tint.T @ both - both.T @ tint + tint.T @ light @ tint  # of the colours less their tint
    return float(np.sqrt(max(0.0, np.trace(left))))
