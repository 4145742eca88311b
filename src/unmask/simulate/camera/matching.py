"""Picture quality that says nothing of the class: how bright, contrasty, sharp and colourful a face comes out
is drawn for every recording from one distribution, and the recording is developed to that.

An attack's picture has passed two cameras and a medium; left alone it is softer, flatter and paler on
average, and a network learns that instead of the attack. What is done here any camera does: a tone curve,
white balance, saturation, softening or sharpening, the same for the whole picture and clip. It is measured
on the square round the face at the size of a network's input, since there it would be learnt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numba import njit

FACE_PX = 91  # longer side of a face at network size: 256 px over a box 2.8 times the face's
SIGMAS = (0.8, 1.6, 4.0, 10.0)  # px at network size: detail finer than the first, and between neighbours
GAINS = (0.5, 1.6)  # of a band of detail in a round; beyond, there is nothing to sharpen
SLOPES = (0.55, 1.6)  # of the tone curve and of the chroma's scale, in a round: beyond, pictures look etched
SHIFTS = (25.0, 6.0)  # levels of luma and of chroma in a round: more is a cast over the whole room
ROUNDS = 3  # sharpening moves contrast a little, and clipping all


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceLook:
    """A face's picture quality at network size, in levels of 255.

    `luma` its mean, `contrast` its standard deviation; `fine`, `middle`, `coarse` and `broad` the standard
    deviations of four bands of detail over that contrast; `blue` and `red` the mean chroma Cb and Cr (0 is
    grey), `variety` the standard deviation of both over the mean's magnitude (plus 5: in grey pictures it is
    noise).
    """

    luma: float
    contrast: float
    fine: float
    middle: float
    coarse: float
    broad: float
    blue: float
    red: float
    variety: float


def draw_look(rng: np.random.Generator) -> FaceLook:
    """From poor webcams, flat and nearly grey, to phones that polish: the same for all classes.

    Detail lies about that of portraits (medians 0.12, 0.13, 0.25 and 0.33), as real webcam pictures have it.
    """
    colour = float(rng.uniform(0.2, 1.8))
    return FaceLook(
        luma=float(np.clip(rng.normal(108, 30), 42, 195)),
        contrast=float(np.exp(rng.normal(np.log(42), 0.33))),
        fine=float(np.exp(rng.normal(np.log(0.105), 0.32))),
        middle=float(np.exp(rng.normal(np.log(0.122), 0.2))),
        coarse=float(np.exp(rng.normal(np.log(0.25), 0.13))),
        broad=float(np.exp(rng.normal(np.log(0.335), 0.09))),
        blue=float(-12 * colour + rng.normal(0, 2.5)),
        red=float(13.5 * colour + rng.normal(0, 2.5)),
        variety=float(np.exp(rng.normal(np.log(0.36), 0.25))),
    )


def look_of(frame: np.ndarray, mesh: np.ndarray) -> FaceLook:
    """The look of the square round the face of `mesh` (468, 3) px in `frame` (H, W, 3) uint8."""
    luma, chroma = _face(frame, mesh)
    contrast = float(luma.std()) + 1e-3
    blue, red = chroma.mean(axis=(0, 1))
    levels = [luma, *(cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in SIGMAS)]
    fine, middle, coarse, broad = (float((a - b).std()) / contrast for a, b in pairwise(levels))
    return FaceLook(
        luma=float(luma.mean()),
        contrast=contrast,
        fine=fine,
        middle=middle,
        coarse=coarse,
        broad=broad,
        blue=float(blue),
        red=float(red),
        variety=float(chroma.std(axis=(0, 1)).mean()) / (float(np.hypot(blue, red)) + 5),
    )


def matched(frames: Sequence[np.ndarray], meshes: Sequence[np.ndarray], look: FaceLook) -> list[np.ndarray]:
    """The frames (H, W, 3) uint8 developed so that the first one's face has that look, as far as it can.

    One development for the whole clip: what moves or flickers goes on to. A face outside the picture leaves
    the frames as they are.
    """
    mesh = meshes[0]
    for _ in range(ROUNDS):
        if not _face(frames[0], mesh)[0].size:
            return list(frames)
        now = look_of(frames[0], mesh)
        size = float(np.ptp(mesh[:, :2], axis=0).max()) / FACE_PX
        frames = [_developed(frame, now, look, px=size) for frame in frames]
    return list(frames)


def _developed(frame: np.ndarray, now: FaceLook, look: FaceLook, *, px: float) -> np.ndarray:
    """`px` native pixels make one at network size."""
    value, red, blue = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    luma = value.astype(np.float32)
    levels = [luma, *(_wide_blur(luma, sigma * px) for sigma in SIGMAS)]
    wanted = (
        (look.fine, now.fine),
        (look.middle, now.middle),
        (look.coarse, now.coarse),
        (look.broad, now.broad),
    )
    gains = [float(np.clip(aim / (found + 1e-3), *GAINS)) for aim, found in wanted]
    slope = float(np.clip(look.contrast / now.contrast, *SLOPES))
    shift = float(np.clip(look.luma - now.luma, -SHIFTS[0], SHIFTS[0]))
    value = _toned(levels, gains, now.luma, slope=slope, shift=shift)
    spread = float(np.clip(_chroma_deviation(look) / (_chroma_deviation(now) + 0.1), *SLOPES))
    red, blue = (
        cv2.LUT(channel, _chroma_table(spread, float(np.clip(aim - spread * was, -SHIFTS[1], SHIFTS[1]))))
        for channel, was, aim in ((red, now.red, look.red), (blue, now.blue, look.blue))
    )
    return np.asarray(cv2.cvtColor(cv2.merge([value, red, blue]), cv2.COLOR_YCrCb2RGB))


def _chroma_table(spread: float, shift: float) -> np.ndarray:
    """What becomes of each level (256,) uint8 of a chroma."""
    chroma = 128 + shift + spread * (np.arange(256, dtype=np.float32) - 128)
    return np.clip(chroma + 0.5, 0, 255).astype(np.uint8)


def _chroma_deviation(look: FaceLook) -> float:
    return look.variety * (float(np.hypot(look.blue, look.red)) + 5)


def _wide_blur(luma: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian, on a smaller picture where it is wide."""
    step = int(sigma // 2)
    if step < 2:
        return np.asarray(cv2.GaussianBlur(luma, (0, 0), sigma))
    height, width = luma.shape
    small = cv2.resize(luma, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _toned(
    levels: Sequence[np.ndarray], gains: Sequence[float], mean: float, *, slope: float, shift: float
) -> np.ndarray:
    """The luma (h, w) uint8 of its bands weighed by `gains`, stretched about its mean and moved.

    `levels` are float32, from sharp to soft. Levels below 30 and above 200 are pressed together instead of
    cut.
    """
    numbers = np.array([*gains, mean, slope, mean + shift], np.float32)
    out = np.empty(levels[0].shape, np.uint8)
    value, pressed = np.empty(out.shape, np.float32), np.empty(out.size, np.float32)
    sharp, fine, middle, coarse, broad = levels
    count = _stretch(sharp, fine, middle, coarse, broad, numbers, value, pressed, out)
    # numpy's own exponential, so that every pixel is what it was when all of this was numpy's.
    _press(np.exp(pressed[:count]), value, out)
    return out


_DARK, _BRIGHT = np.float32(30), np.float32(200)
_ABOVE = np.float32(255) - _BRIGHT
_HALF, _LEAST, _MOST = np.float32(0.5), np.float32(0), np.float32(255)


@njit(cache=True, nogil=True)
def _stretch(sharp, fine, middle, coarse, broad, numbers, value, pressed, out):  # type: ignore[no-untyped-def]
    """Fills `value`, `out` between the shoulders, and `pressed` with exponents of what is beyond them; their
    number.
    """
    height, width = sharp.shape
    a, b, c, d, mean, slope, level = numbers
    count = 0
    for y in range(height):
        for x in range(width):
            luma = broad[y, x] + a * (sharp[y, x] - fine[y, x])
            luma = luma + b * (fine[y, x] - middle[y, x])
            luma = luma + c * (middle[y, x] - coarse[y, x])
            luma = luma + d * (coarse[y, x] - broad[y, x])
            value[y, x] = level + slope * (luma - mean)
            out[y, x] = np.uint8(min(max(value[y, x] + _HALF, _LEAST), _MOST))
        for x in range(width):
            luma = value[y, x]
            if luma < _DARK:
                pressed[count] = (luma - _DARK) / _DARK
                count += 1
            elif luma > _BRIGHT:
                pressed[count] = (_BRIGHT - luma) / _ABOVE
                count += 1
    return count


@njit(cache=True, nogil=True)
def _press(exponentials, value, out):  # type: ignore[no-untyped-def]
    height, width = value.shape
    count = 0
    for y in range(height):
        for x in range(width):
            if value[y, x] < _DARK:
                luma = _DARK * exponentials[count]
            elif value[y, x] > _BRIGHT:
                luma = _MOST - _ABOVE * exponentials[count]
            else:
                continue
            count += 1
            out[y, x] = np.uint8(min(max(luma + _HALF, _LEAST), _MOST))


def _face(frame: np.ndarray, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma (h, w) and chroma Cb and Cr (h, w, 2) about 0 at network size, of the square round the face.

    The square and not the face alone: hair and what stands beside it is part of what quality is read from.
    """
    middle = (mesh[:, :2].min(axis=0) + mesh[:, :2].max(axis=0)) / 2
    side = float(np.ptp(mesh[:, :2], axis=0).max())
    low = np.maximum(np.floor(middle - side / 2).astype(int), 0)
    high = np.minimum(np.ceil(middle + side / 2).astype(int) + 1, frame.shape[1::-1])
    if (high - low < 8).any():
        return np.zeros((0, 0), np.float32), np.zeros((0, 0, 2), np.float32)
    part = np.ascontiguousarray(frame[low[1] : high[1], low[0] : high[0]])
    scale = min(1.0, FACE_PX / side)
    size = (max(8, round(part.shape[1] * scale)), max(8, round(part.shape[0] * scale)))
    ycc = cv2.cvtColor(cv2.resize(part, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2YCrCb)
    ycc = ycc.astype(np.float32)
    return ycc[..., 0], ycc[..., (2, 1)] - 128
