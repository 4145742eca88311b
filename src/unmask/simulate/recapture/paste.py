"""Laying one picture's face over another's, and the scissors that cut it out."""

from collections.abc import Sequence

import cv2
import numpy as np

from unmask.media.topology import OUTLINE
from unmask.simulate.recapture.takes import Take, side_of
from unmask.simulate.rendering.cutting import filled

CANDIDATES = 6  # of whom the one who looks most nearly the same way is chosen


def turned_aside(mesh: np.ndarray) -> float:
    """How far the nose's tip is off the middle between the eyes, in halves of their distance."""
    axis = (mesh[263] - mesh[33])[:2]
    nose = (mesh[1] - (mesh[263] + mesh[33]) / 2)[:2]
    return 2 * float(nose @ axis) / max(1e-6, float(axis @ axis))


def nearest_in_pose(meshes: Sequence[np.ndarray], mesh: np.ndarray) -> int:
    """Which of the meshes looks most nearly the same way."""
    own = turned_aside(mesh)
    return int(np.argmin([abs(turned_aside(other) - own) for other in meshes]))


def laid(
    source: Take, target: Take, rng: np.random.Generator, *, wider: tuple[float, float], loose: float
) -> Take:
    """The source's light moved so that its face lies over the target's, `wider` times as large, off by
    `loose` faces and turned as loosely; in a picture of the target's size, black where there is none.
    """
    across, angle = float(rng.uniform(*wider)), float(rng.normal(0, 1.5 * loose))
    move = _similarity(source.mesh[:, :2], target.mesh[:, :2])
    turn = across * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (target.box[:2] + target.box[2:]) / 2
    offset = rng.normal(0, loose, 2) * target.side
    linear = turn @ move[:, :2]
    shift = turn @ (move[:, 2] - middle) + middle + offset
    matrix = np.column_stack([linear, shift])
    height, width = target.light.shape[:2]
    shrinks = float(np.sqrt(abs(np.linalg.det(linear)))) < 0.6
    light = cv2.warpAffine(
        source.light, matrix, (width, height), flags=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    mesh = source.mesh.copy()
    mesh[:, :2] = mesh[:, :2] @ linear.T + shift
    return Take(light=light, mesh=mesh.astype(np.float32))


def scissored(
    mesh: np.ndarray,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    rim: tuple[float, float],
    hair: float = 0.0,
) -> np.ndarray:
    """What scissors leave of a face (h, w, 1) float32: its oval `rim` times as wide, cut by an unsteady hand,
    with `hair` faces of what is above it.
    """
    outline = mesh[list(OUTLINE), :2]
    middle = outline.mean(axis=0)
    turn = np.linspace(0, 2 * np.pi, len(outline), endpoint=False)
    unsteady = sum(rng.normal(0, 0.02 / k) * np.cos(k * turn + rng.uniform(0, 6.28)) for k in range(1, 6))
    away = (outline - middle) * (rng.uniform(*rim) * (1 + np.asarray(unsteady)))[:, None]
    up = mesh[10, :2] - mesh[152, :2]
    up = up / max(1e-6, float(np.linalg.norm(up)))
    above = np.clip(away @ up / side_of(mesh) + 0.15, 0, 1)
    away = away + np.outer(above * hair * side_of(mesh), up) + (away * (0.5 * hair * (above > 0))[:, None])
    if rng.random() < 0.4:  # straight cuts
        away = away[:: int(rng.integers(2, 5))]
    return filled(middle + away, shape)[..., None]


def mean_within(light: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Mean colour (3,) of the light where `cover` (h, w, 1) is."""
    small_cover = np.ascontiguousarray(cover[::2, ::2])
    total = float(small_cover.sum()) + 1e-3
    return np.asarray((light[::2, ::2] * small_cover).sum(axis=(0, 1)) / total + 1e-4)


def _similarity(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The turn, scale and shift (2, 3) that bring `points` (n, 2) nearest to `goal` (Umeyama 1991)."""
    a, b = points - points.mean(axis=0), goal - goal.mean(axis=0)
    spread = float((a * a).sum())
    cos = float((a * b).sum()) / spread
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, goal.mean(axis=0) - linear @ points.mean(axis=0)])
