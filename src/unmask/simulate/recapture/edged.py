"""The picture on a device or a sheet whose edges are seen, in a room."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.simulate.recapture.display import glazed
from unmask.simulate.recapture.grids import moire
from unmask.simulate.recapture.lamps import blurred, sloped
from unmask.simulate.recapture.living import Shown
from unmask.simulate.recapture.paper import pale
from unmask.simulate.recapture.rooms import room
from unmask.simulate.recapture.sensor import draw_sensor, shot
from unmask.simulate.recapture.takes import Base, Take, log_uniform, sized, taken


def edged(base: Base, rng: np.random.Generator, rooms: Sequence[Path], *, replay: bool) -> Shown:
    """`replay`: a device with its bezel, else a sheet with its margin."""
    poor = rng.random() < 0.5
    take = taken(sized(base, face_px=log_uniform(rng, 60, 200 if poor else 320)))
    light = glazed(take.light, rng, rooms) if replay else pale(take.light, rng)
    held = _hold(take.lit(light), rng, rooms, replay=replay)
    out = sloped(held.take.light, rng, amount=0.15 if replay else 0.3)
    if replay and rng.random() < 0.25:
        out = out * (1 + held.cover * (moire(out.shape[:2], rng) - 1))
    out = blurred(out, take.side * (rng.uniform(0.002, 0.02) if poor else rng.uniform(0, 0.008)))
    sensor = draw_sensor(rng, quality=(25 if poor else 50, 94))
    u = rng.random()
    level = (
        rng.uniform(0.12, 0.38)
        if u < 0.55
        else rng.uniform(0.38, 0.8)
        if u < 0.85
        else rng.uniform(0.04, 0.12)
    )
    image = shot(held.take.lit(out), sensor, rng, level=float(level))
    return Shown(image=image, mesh=held.take.mesh, model="edged")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """`take` of the whole view; `cover` (H, W, 1) float32 where the device or sheet is."""

    take: Take
    cover: np.ndarray


def _hold(take: Take, rng: np.random.Generator, rooms: Sequence[Path], *, replay: bool) -> _Held:
    """The picture with its border, turned a little, before a room of its own brightness."""
    height, width = take.light.shape[:2]
    size = np.array([width, height]) * rng.uniform(1.05, 1.7)
    wide, tall = int(size[0]), int(size[1])
    behind = blurred(room(rng, rooms=rooms, size=(tall, wide)), take.side * rng.uniform(0.002, 0.03))
    behind *= np.float32(take.light.mean() * log_uniform(rng, 0.12, 1.6))
    margins, sheet = _bordered(take.light, rng, replay=replay, around=float(behind.mean()))
    extent = np.array(sheet.shape[1::-1], float)
    middle = size / 2 + rng.uniform(-0.5, 0.5, 2) * np.maximum(0, size - extent)
    turn = cv2.getRotationMatrix2D((extent[0] / 2, extent[1] / 2), float(rng.normal(0, 5)), 1.0)
    turn[:, 2] += middle - extent / 2
    cover = cv2.warpAffine(np.ones(sheet.shape[:2], np.float32), turn, (wide, tall))[..., None]
    seen = cv2.warpAffine(sheet, turn, (wide, tall), flags=cv2.INTER_LINEAR)
    mesh = take.mesh.copy()
    mesh[:, :2] = (mesh[:, :2] + margins) @ turn[:, :2].T + turn[:, 2]
    return _Held(take=Take(light=behind * (1 - cover) + seen, mesh=mesh.astype(np.float32)), cover=cover)


def _bordered(
    light: np.ndarray, rng: np.random.Generator, *, replay: bool, around: float
) -> tuple[np.ndarray, np.ndarray]:
    """Left and top margin (2,) px, and the light with its border: a dark or white bezel, or paper."""
    thick = max(1, round(min(light.shape[:2]) * rng.uniform(0.0, 0.07)))
    if replay:
        edge = float(rng.choice([0.01, 0.015, 0.03, 0.5], p=[0.4, 0.3, 0.2, 0.1])) * around
    else:
        edge = float(rng.uniform(0.6, 0.95))
    top, bottom, left, right = (int(thick * rng.choice([0.3, 1, 1, 2])) for _ in range(4))
    sheet = cv2.copyMakeBorder(light, top, bottom, left, right, cv2.BORDER_CONSTANT, value=[edge] * 3)
    return np.array([left, top], float), sheet
