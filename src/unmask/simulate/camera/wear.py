"""A second generation of wear: what a chat, an upload or another screen grab does to a recording, for every
class.

An attack's picture has gone through two cameras. A bona fide recording gets the same range of wear here, so
that softness, flat tones, borders and codec traces are no sign of an attack.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.media.video import encode_decode
from unmask.simulate.camera.exposure import jpeg

FACE_MOST = 0.85  # of the frame's shorter side that a face's box may take after a crop
FACE_LEAST = 0.25  # and that it keeps inside borders


def wear(frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The frames (h, w, 3) uint8 after one more scaling, blur, haze, tone and codec, the same for all of
    them.
    """
    height, width = frames[0].shape[:2]
    scale = float(np.exp(rng.uniform(np.log(0.4), 0))) if rng.random() < 0.7 else 1.0
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    down = int(rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR]))
    up = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.5, 0.4, 0.1]))
    blur = float(rng.uniform(0.4, 1.6)) if rng.random() < 0.4 else 0.0
    veil = float(rng.uniform(0.03, 0.18)) if rng.random() < 0.25 else 0.0
    table = _table(rng)
    worn = []
    for frame in frames:
        seen = frame
        if size != (width, height):
            seen = cv2.resize(seen, size, interpolation=down)
        if blur:
            seen = cv2.GaussianBlur(seen, (0, 0), blur * max(0.5, scale))
        if veil:
            seen = _veiled(seen, veil)
        worn.append(cv2.LUT(seen, table))
    if rng.random() < 0.5:  # sent in its small size, and made large again where it is shown
        worn = _encoded(worn, rng)
        worn = [_sized(frame, (width, height), up) for frame in worn]
    else:
        worn = [_sized(frame, (width, height), up) for frame in worn]
        worn = _encoded(worn, rng)
    return worn


def _sized(frame: np.ndarray, size: tuple[int, int], kind: int) -> np.ndarray:
    if frame.shape[1::-1] == size:
        return frame
    return np.asarray(cv2.resize(frame, size, interpolation=kind))


def _veiled(frame: np.ndarray, share: float) -> np.ndarray:
    """Stray light: a part of every pixel is the mean of what is round it, half of the whole picture."""
    small = cv2.resize(frame, (16, 16), interpolation=cv2.INTER_AREA)
    small = cv2.addWeighted(cv2.blur(small, (7, 7)), 0.5, np.full_like(small, int(small.mean())), 0.5, 0)
    haze = cv2.resize(small, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(frame, 1 - share, haze, share, 0))


def _table(rng: np.random.Generator) -> np.ndarray:
    """A tone and a cast: (1, 256, 3) uint8."""
    x = np.arange(256)[:, None] / 255
    power = rng.uniform(0.75, 1.35)
    low, high = rng.uniform(0, 0.1), rng.uniform(0.85, 1.0)
    if rng.random() < 0.4:  # a filter that hardens
        low, high = -rng.uniform(0, 0.08), 1 + rng.uniform(0, 0.12)
    cast = 1 + rng.uniform(-0.06, 0.06, 3)
    return np.clip(255 * (low + (high - low) * x**power) * cast + 0.5, 0, 255).astype(np.uint8)[None]


def _encoded(frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Once or twice through a codec that uploads and chats use."""
    for _ in range(1 + int(rng.random() < 0.25)):
        kind = str(rng.choice(["jpeg", "h264", "mpeg4", "vp9"], p=[0.35, 0.45, 0.12, 0.08]))
        if kind == "jpeg":
            quality = rng.uniform(45, 95)
            frames = [jpeg(frame, quality=quality) for frame in frames]
        elif kind == "h264":
            frames = encode_decode(frames, codec="libx264", crf=float(rng.uniform(20, 36)))
        elif kind == "mpeg4":
            frames = encode_decode(frames, codec="mpeg4", crf=float(rng.uniform(2, 9)))
        else:
            frames = encode_decode(frames, codec="libvpx-vp9", crf=float(rng.uniform(25, 48)))
    return frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """A recording with its truth in another frame: `frames` T of (H, W, 3) uint8, `depths` (T, H, W) metres,
    `meshes` (T, 468, 3) px.
    """

    frames: list[np.ndarray]
    depths: np.ndarray
    meshes: np.ndarray


def reframed(
    frames: Sequence[np.ndarray], rng: np.random.Generator, *, depths: np.ndarray, meshes: np.ndarray
) -> Framed:
    """The recording cropped to what is round the face, or shown smaller with borders; its size stays.

    `depths` (T, H, W) and `meshes` (T, 468, 3) go with the frames (H, W, 3). Beyond the picture, in the
    borders, depth is the largest in it.
    """
    height, width = frames[0].shape[:2]
    low, high = _face(meshes, (height, width))
    side = float((high - low).max()) / min(height, width)
    if rng.random() < 0.6:
        scale = rng.uniform(1.05, max(1.05, min(2.0, FACE_MOST / side)))
        window = np.array([width, height]) / scale
        first, last = np.maximum(high - window, 0), np.minimum(low, np.array([width, height]) - window)
        corner = rng.uniform(np.minimum(first, last), np.maximum(first, last))
        ground = None
    else:
        scale = rng.uniform(min(1.0, max(0.6, FACE_LEAST / side)), 1.0)
        free = np.array([width, height]) * (1 - scale)
        corner = -free * rng.choice([0.5, 0.5, rng.uniform()]) / scale
        ground = _ground(rng)
    warp = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
    warp[:, 2] += (scale - 1) / 2  # the middle of the first pixel is 0, before and after

    def moved(image: np.ndarray, kind: int, beyond: int, colour: Sequence[float] = (0,)) -> np.ndarray:
        return np.asarray(cv2.warpAffine(image, warp, (width, height), None, kind, beyond, tuple(colour)))

    if ground is None:
        taken = [moved(frame, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE) for frame in frames]
    else:
        taken = [_bordered(frame, moved, ground=ground) for frame in frames]
    farthest = [float(depth.max()) for depth in depths]
    seen = [
        moved(depth, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT, (far,))
        for depth, far in zip(depths, farthest, strict=True)
    ]
    found = meshes.astype(np.float64).copy()
    found[..., :2] = found[..., :2] * scale + warp[:, 2]
    found[..., 2] *= scale
    return Framed(frames=taken, depths=np.stack(seen), meshes=found.astype(np.float32))


def _face(meshes: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right (2,) of where the face is in any of the frames, as far as it is in them."""
    limits = np.array([size[1], size[0]], float)
    points = meshes[..., :2].reshape(-1, 2)
    return np.clip(points.min(axis=0), 0, limits), np.clip(points.max(axis=0), 0, limits)


def _ground(rng: np.random.Generator) -> str | tuple[int, ...]:
    """What borders show: black, white, a colour, or the picture's own blur."""
    kind = str(rng.choice(["black", "white", "colour", "blur"], p=[0.4, 0.15, 0.2, 0.25]))
    if kind == "blur":
        return kind
    levels = {"black": (0, 0, 0), "white": (255, 255, 255)}
    return levels.get(kind) or tuple(int(v) for v in rng.integers(0, 256, 3))


def _bordered(
    frame: np.ndarray, moved: Callable[..., np.ndarray], *, ground: str | tuple[int, ...]
) -> np.ndarray:
    if ground != "blur":
        return moved(frame, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT, ground)
    wide = cv2.resize(frame, (24, 24), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cv2.blur(wide, (5, 5)), frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    inside = moved(np.full(frame.shape[:2], 255, np.uint8), cv2.INTER_LINEAR, cv2.BORDER_CONSTANT) > 127
    return np.where(inside[..., None], moved(frame, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE), wide)
