"""Video of a high dynamic range -> the colours of a usual screen.

Sources: ITU-R BT.2100 (PQ and HLG), BT.2408 (the white of both), BT.2087 (primaries), BT.709 (SDR).
"""

from functools import lru_cache

import cv2
import numpy as np

TRANSFERS = {16: "PQ", 18: "HLG"}  # transfer characteristics as in ITU-T H.273
WHITE_NITS = 203.0  # of PQ, BT.2408
WHITE_HLG = 0.265  # scene light of HLG's white, a signal of 75 %
KNEE = 0.7  # of white: what is brighter is pressed together
LEVELS = 1 << 16
# Linear light of BT.2020 primaries -> that of BT.709.
TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def to_sdr(picture: np.ndarray, *, transfer: str) -> np.ndarray:
    """(H, W, 3) uint16 RGB of BT.2020 and "PQ" or "HLG" -> (H, W, 3) uint8 RGB of BT.709."""
    light = cv2.transform(_to_light(transfer)[picture], TO_709)
    levels = np.clip(light * (LEVELS - 1), 0, LEVELS - 1).astype(np.uint16)
    return _to_signal()[levels]


@lru_cache(maxsize=2)
def _to_light(transfer: str) -> np.ndarray:
    """(65536,) float32: the light of a signal, white at KNEE's scale, pressed into 0 to 1."""
    signal = np.linspace(0, 1, LEVELS)
    if transfer == "PQ":
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        power = signal ** (1 / m2)
        light = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) / WHITE_NITS
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12) / WHITE_HLG
    pressed = np.where(light <= KNEE, light, KNEE + (1 - KNEE) * (1 - np.exp(-(light - KNEE) / (1 - KNEE))))
    return pressed.astype(np.float32)


@lru_cache(maxsize=1)
def _to_signal() -> np.ndarray:
    """(65536,) uint8: BT.709's signal of linear light."""
    light = np.linspace(0, 1, LEVELS)
    signal = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)
    return np.rint(255 * signal).astype(np.uint8)
