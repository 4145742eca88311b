"""The picture on a device or a sheet whose edges are seen, in a room, perhaps held by fingers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.simulate.recapture.bona_fide import TakenPicture, photographed
from unmask.simulate.recapture.display import glazed
from unmask.simulate.recapture.fingers import fingered
from unmask.simulate.recapture.grids import moire
from unmask.simulate.recapture.lamps import blurred, sloped
from unmask.simulate.recapture.paper import creased, pale, sheen
from unmask.simulate.recapture.rooms import room
from unmask.simulate.recapture.sensor import draw_sensor, shot
from unmask.simulate.recapture.takes import MOST_PX, Base, Take, log_uniform, seen, taken

AS_BONA_FIDE = 0.4  # how often the camera and the lamps are those of bona fide faces, too
FINGERS = 0.4


def edged(base: Base, rng: np.random.Generator, rooms: Sequence[Path], *, replay: bool) -> TakenPicture:
    """`replay`: a device with its bezel, else a sheet with its margin."""
    if rng.random() < AS_BONA_FIDE:
        return photographed(base, rng, dress=lambda take: _presented(take, rng, rooms, replay=replay))
    poor = rng.random() < 0.5
    take = _presented(taken(seen(base, rng, face_px=(60, 200 if poor else 320))), rng, rooms, replay=replay)
    light = blurred(take.light, take.side * (rng.uniform(0.002, 0.02) if poor else rng.uniform(0, 0.008)))
    sensor = draw_sensor(rng, quality=(25 if poor else 50, 94))
    u = rng.random()
    level = (
        rng.uniform(0.12, 0.38)
        if u < 0.55
        else rng.uniform(0.38, 0.8)
        if u < 0.85
        else rng.uniform(0.04, 0.12)
    )
    return TakenPicture(
        image=shot(take.lit(light), sensor, rng, level=float(level)), mesh=take.mesh, model="edged"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldPicture:
    """`take` of the whole view; `cover` (H, W, 1) float32 where the device or sheet is."""

    take: Take
    cover: np.ndarray


def _presented(take: Take, rng: np.random.Generator, rooms: Sequence[Path], *, replay: bool) -> Take:
    if replay:
        light = glazed(take.light, rng, rooms)
    else:
        light = pale(take.light, rng) * (creased(take.light.shape[:2], rng) if rng.random() < 0.25 else 1)
    held = _hold(take.lit(light), rng, rooms, replay=replay)
    out = sloped(held.take.light, rng, amount=0.15 if replay else 0.3)
    if replay and rng.random() < 0.25:
        out = out * (1 + held.cover * (moire(out.shape[:2], rng) - 1))
    elif not replay and rng.random() < 0.3:
        out = out + held.cover * sheen(out.shape, rng, strength=(0.03, 0.5)) * np.float32(out.mean())
    return held.take.lit(out)


def _hold(take: Take, rng: np.random.Generator, rooms: Sequence[Path], *, replay: bool) -> _HeldPicture:
    """The picture with its border, turned and tilted a little, before a room of its own brightness."""
    margins, sheet = _bordered(take.light, rng, replay=replay)
    extent = np.array(sheet.shape[1::-1], float)
    size = extent * (rng.uniform(1.02, 1.6) if rng.random() < 0.8 else rng.uniform(1.6, 2.6))
    factor = min(1.0, MOST_PX / float(size.max()))
    size, wide, tall = size * factor, int(size[0] * factor), int(size[1] * factor)
    side = take.side * factor
    behind = blurred(room(rng, rooms=rooms, size=(tall, wide)), side * rng.uniform(0.002, 0.03))
    if rng.random() < 0.2:  # a wall in one colour
        behind = np.full_like(behind, 1) * (0.3 + rng.random(3)).astype(np.float32)
        behind = sloped(behind / behind.mean(), rng, amount=0.2)
    behind *= np.float32(take.light.mean() * log_uniform(rng, 0.12, 1.6))
    middle = size / 2 + rng.uniform(-0.5, 0.5, 2) * np.maximum(0, size - extent * factor)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * extent
    angle = float(np.deg2rad(rng.normal(0, 5)))
    turn = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = (corners - extent / 2) @ turn.T + middle + rng.normal(0, 0.015, (4, 2)) * extent * factor
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
    cover = cv2.warpPerspective(np.ones(sheet.shape[:2], np.float32), matrix, (wide, tall))[..., None]
    shown = cv2.warpPerspective(sheet, matrix, (wide, tall), flags=cv2.INTER_AREA)
    if rng.random() < 0.6:  # its shadow on what is behind
        behind = behind * (
            1 - np.float32(rng.uniform(0.1, 0.6)) * blurred(cover[..., 0], side * 0.06)[..., None]
        )
    light = behind * (1 - cover) + shown
    if rng.random() < FINGERS:
        light = fingered(light, seen, rng, side=side, level=float(take.light.mean()))
    points = (take.mesh[:, :2] + margins)[None].astype(np.float32)
    mesh = take.mesh * np.float32(factor)
    mesh[:, :2] = cv2.perspectiveTransform(points, matrix)[0]
    return _HeldPicture(take=Take(light=light, mesh=mesh), cover=cover)


def _bordered(light: np.ndarray, rng: np.random.Generator, *, replay: bool) -> tuple[np.ndarray, np.ndarray]:
    """Left and top margin (2,) px, and the light with its border: a dark or white bezel, or paper; a bar of
    a programme above or below the picture now and then.
    """
    thick = max(1, round(min(light.shape[:2]) * rng.uniform(0.0, 0.07)))
    above = below = 0
    if replay and rng.random() < 0.4:  # above and below the picture, as phones show it
        above, below = (int(v) for v in min(light.shape[:2]) * rng.uniform(0, 0.35, 2))
        colour = float(rng.choice([0.003, 0.01, 0.8])) * float(light.mean()) * 2
        light = cv2.copyMakeBorder(light, above, below, 0, 0, cv2.BORDER_CONSTANT, value=[colour] * 3)
    if replay:
        edge = float(rng.choice([0.01, 0.015, 0.03, 0.5], p=[0.4, 0.3, 0.2, 0.1])) * float(light.mean())
    else:
        edge = float(rng.uniform(0.6, 0.95))
    top, bottom, left, right = (int(thick * rng.choice([0.3, 1, 1, 2])) for _ in range(4))
    if not replay and rng.random() < 0.15:  # a small picture on a large page
        room_px = (min(light.shape[:2]) * rng.uniform(0.1, 0.8, 4)).astype(int)
        top, bottom, left, right = (int(v) for v in room_px)
    sheet = cv2.copyMakeBorder(light, top, bottom, left, right, cv2.BORDER_CONSTANT, value=[edge] * 3)
    return np.array([left, top + above], float), sheet
