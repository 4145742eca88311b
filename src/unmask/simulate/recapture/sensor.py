"""The cameras before which both classes come: exposure, noise, tone, sharpening, denoising, compression."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numba
import numpy as np

from unmask.media.images import after_jpeg
from unmask.simulate.recapture.takes import Take, log_uniform

BANK_PX = 1024  # a side of the picture of noise from which each picture takes a part
_STEPS = 4095  # of the tone's table, even steps of the square root of light


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """`noise` at a linear level of 1; `gamma` and `contrast` of the tone; `sharpen` at `halo_px`; JPEG
    `quality`; `clean`: "" or how it denoises. `smears`: whether noise is spread by the demosaicing.
    """

    noise: float
    contrast: float
    sharpen: float
    quality: float
    gamma: float
    halo_px: float
    smears: bool
    clean: str


def draw_sensor(
    rng: np.random.Generator,
    *,
    noise: tuple[float, float] = (0.003, 0.06),
    contrast: tuple[float, float] = (-0.2, 0.7),
    quality: tuple[float, float] = (40.0, 97.0),
    sharpens: float = 0.5,
) -> Sensor:
    """A camera with its numbers from these ranges; a share `sharpens` of them sharpen."""
    return Sensor(
        noise=log_uniform(rng, *noise),
        contrast=float(rng.uniform(*contrast)),
        sharpen=float(rng.uniform(0.3, 1.9)) if rng.random() < sharpens else 0.0,
        quality=float(rng.uniform(*quality)),
        gamma=float(rng.uniform(0.40, 0.52)),
        halo_px=float(rng.uniform(0.7, 2.0)),
        smears=bool(rng.random() < 0.6),
        clean=str(rng.choice(["", "median", "bilateral"], p=[0.8, 0.07, 0.13])),
    )


def shot(take: Take, sensor: Sensor, rng: np.random.Generator, *, level: float) -> np.ndarray:
    """The delivered picture (H, W, 3) uint8 RGB, the face exposed to a mean linear `level`."""
    gain = level / max(_face_mean(take), 1e-3)
    frame: np.ndarray = np.empty(take.light.shape, np.uint8)
    bank = _noise(smeared=sensor.smears)
    offsets = rng.integers(0, BANK_PX, (3, 2))
    table = _tone(sensor)
    light = np.ascontiguousarray(take.light, np.float32)
    _expose(light, np.float32(gain), np.float32(sensor.noise), bank, offsets, table, frame)
    if sensor.sharpen > 0:
        soft = cv2.GaussianBlur(frame, (0, 0), sensor.halo_px)
        frame = cv2.addWeighted(frame, 1 + sensor.sharpen, soft, -sensor.sharpen, 0)
    if sensor.clean == "median":
        frame = cv2.medianBlur(frame, 3)
    elif sensor.clean == "bilateral":
        frame = cv2.bilateralFilter(frame, 5, 18, 3)
    return compressed(frame, sensor.quality)


def compressed(frame: np.ndarray, quality: float) -> np.ndarray:
    """The frame (H, W, 3) uint8 after JPEG of that quality, 1 to 100."""
    return after_jpeg(frame, quality=int(quality))


def grain(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """White noise (h, w) float32 of deviation 1: a part of the bank, since to draw it anew is slow."""
    y, x = rng.integers(0, BANK_PX, 2)
    rows, columns = (np.arange(shape[0]) + y) % BANK_PX, (np.arange(shape[1]) + x) % BANK_PX
    return _noise(smeared=False)[rows[:, None], columns[None]]


def _face_mean(take: Take) -> float:
    x0, y0, x1, y1 = np.round(take.box).astype(int)
    face = take.light[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    return float((face if face.size else take.light)[::2, ::2].mean())


@lru_cache(maxsize=2)
def _noise(*, smeared: bool) -> np.ndarray:
    bank = np.random.default_rng(11).standard_normal((BANK_PX, BANK_PX), dtype=np.float32)
    return cv2.blur(bank, (3, 3)) * np.float32(2) if smeared else bank


def _tone(sensor: Sensor) -> np.ndarray:
    """Table (_STEPS + 1,) uint8 from the square root of linear light to the delivered value."""
    y = (np.arange(_STEPS + 1) / _STEPS) ** (2 * sensor.gamma)
    y = y + sensor.contrast * (y * y * (3 - 2 * y) - y)
    return np.clip(255 * y + 0.5, 0, 255).astype(np.uint8)


@numba.njit(cache=True, nogil=True)
def _expose(light, gain, noise, bank, offsets, table, frame):  # type: ignore[no-untyped-def]
    height, width = light.shape[:2]
    wrap = bank.shape[0] - 1
    last = np.float32(table.shape[0] - 1)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                v = light[y, x, c] * gain
                n = bank[(y + offsets[c, 0]) & wrap, (x + offsets[c, 1]) & wrap]
                v += n * noise * np.sqrt(max(v, np.float32(0)) + np.float32(0.01))
                v = min(max(v, np.float32(0)), np.float32(1))
                frame[y, x, c] = table[int(np.sqrt(v) * last + np.float32(0.5))]
