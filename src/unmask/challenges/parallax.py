"""Depth that shows while a head turns: do points of the picture move as no plane and no bent sheet could?

Points are followed on the picture itself, since a face mesh imagines depth on a photograph too. Between a
frontal view and a turned one, a plane moves by a homography, and a quadric surface seen from far away by
polynomials of the second degree with 12 numbers (as retinal images are registered, Can et al. 2002); a sheet
bent round any axis, also round a head, adds a free curve along one direction. A nose between two eye sockets
is none of these: what is left over moves with the relief of a face.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.media.clips import clip_box, cut_picture, mesh_in_clip
from unmask.media.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    MOUTH_LOWER,
    MOUTH_UPPER,
    OUTLINE,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.types import Face

SIDE = 320  # pixels of the square in which points are followed; the face takes half of it
SCALE = 2.0
MOST_POINTS = 240
LEAST_POINTS = 45
TRIMMED = 0.12  # share of the points that may go astray: they do not count
DEGREE = 6  # of the curve along which a sheet may be bent
DIRECTIONS = 18
WINDOW, LEVELS = (17, 17), 3
PRECISE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01)
_MOVING = (
    (*RIGHT_EYE_UPPER, *RIGHT_EYE_LOWER),
    (*LEFT_EYE_UPPER, *LEFT_EYE_LOWER),
    (*MOUTH_UPPER, *MOUTH_LOWER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Points of a face in two views, `first` and `last` (n, 2), and the depth `relief` (n,) that a face has
    there, smaller is nearer; all in heights of the face.
    """

    first: np.ndarray
    last: np.ndarray
    relief: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallax:
    """How a face moved beyond planes and sheets.

    `plane`, `sheet`: what a homography, and what quadrics and bent sheets leave over, in heights of the face;
    noise is in it. `depth`: by how much the rest moves with the relief of a face: about the sine of the turn
    for a head, 0 for any sheet; `sure` is that over its standard error. `points` were followed.
    """

    plane: float
    sheet: float
    depth: float
    sure: float
    points: int


class PointTracker:
    """Follows points of one face from a frontal view on; a new one for each turn."""

    def __init__(self, image: np.ndarray, face: Face) -> None:
        self._box = clip_box(face.mesh, scale=SCALE)
        self._grey = self._cut(image)
        mesh = mesh_in_clip(face.mesh, self._box, size_px=SIDE)[:, :2]
        self._tall = float(np.ptp(mesh[:, 1]))
        self._mesh, self._relief = mesh, face.mesh[:, 2] / float(np.ptp(face.mesh[:, 1]))
        found = cv2.goodFeaturesToTrack(
            self._grey, MOST_POINTS, 0.004, 0.02 * self._tall, mask=_rigid(mesh), blockSize=5
        )
        points = np.zeros((0, 1, 2), np.float32) if found is None else found.astype(np.float32)
        self._first = self._now = points

    def follow(self, image: np.ndarray) -> None:
        """The next frame."""
        if not len(self._now):
            return
        grey = self._cut(image)
        there, found = _flow(self._grey, grey, self._now)
        back, found_back = _flow(grey, self._grey, there)
        off = np.linalg.norm((back - self._now)[:, 0], axis=1)
        kept = found & found_back & (off < 0.015 * self._tall)
        self._first, self._now = self._first[kept], there[kept]
        self._grey = grey

    def moved(self) -> Moved | None:
        """The points that are still there, now and at first; None where they are too few."""
        if len(self._now) < LEAST_POINTS:
            return None
        first = self._first[:, 0]
        apart = np.linalg.norm(first[:, None] - self._mesh[None], axis=2)
        near = np.argsort(apart, axis=1)[:, :4]
        weight = 1 / (np.take_along_axis(apart, near, axis=1) + 0.01 * self._tall)
        relief = (weight * self._relief[near]).sum(axis=1) / weight.sum(axis=1)
        return Moved(
            first=(first - SIDE / 2) / self._tall,
            last=(self._now[:, 0] - SIDE / 2) / self._tall,
            relief=relief,
        )

    def _cut(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.cvtColor(cut_picture(image, self._box, size_px=SIDE), cv2.COLOR_RGB2GRAY))


def parallax(moved: Moved) -> Parallax:
    """What planes and sheets leave over of the motion, and how much of that a face's relief explains.

    A sheet may be bent in any direction; the one counts that leaves the least to the relief.
    """
    fits = [_Sheet(moved, angle) for angle in _angles()]
    best = min(fits, key=lambda fit: fit.sure)
    return Parallax(
        plane=_trimmed(_beyond_plane(moved)),
        sheet=min(_trimmed(fit.residual) for fit in fits),
        depth=best.depth,
        sure=best.sure,
        points=len(moved.first),
    )


def _flow(grey: np.ndarray, other: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points (n, 1, 2) of one picture are in the other, and which were found (n,)."""
    there = np.empty_like(points)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        grey, other, points, there, winSize=WINDOW, maxLevel=LEVELS, criteria=PRECISE
    )
    return np.asarray(there, np.float32), np.asarray(found)[:, 0] == 1


def _rigid(mesh: np.ndarray) -> np.ndarray:
    """Where (SIDE, SIDE) uint8 points may be taken: the face without eyes and mouth, which move by
    themselves.
    """
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [np.rint(mesh[list(OUTLINE)]).astype(np.int32)], 1)
    mask = np.asarray(cv2.erode(mask, np.ones((7, 7), np.uint8)), np.uint8)
    hole = np.zeros_like(mask)
    for points in _MOVING:
        cv2.fillConvexPoly(hole, cv2.convexHull(np.rint(mesh[list(points)]).astype(np.int32)), 1)
    grown = max(3, round(0.05 * float(np.ptp(mesh[:, 1]))))
    return np.asarray(mask * (1 - cv2.dilate(hole, np.ones((grown, grown), np.uint8))))


def _angles() -> Sequence[float]:
    return [float(angle) for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS]


def _beyond_plane(moved: Moved) -> np.ndarray:
    homography, _ = cv2.findHomography(moved.first, moved.last, cv2.LMEDS)
    if homography is None:
        return np.zeros_like(moved.first)
    there = cv2.perspectiveTransform(moved.first[:, None].astype(np.float64), homography)[:, 0]
    return np.asarray(moved.last - there)


class _Sheet:
    """A quadric and a curve along one direction, fitted to the motion; outliers are trimmed as it goes."""

    def __init__(self, moved: Moved, angle: float) -> None:
        x, y = moved.first.astype(np.float64).T * 2  # about -1 to 1
        along = x * np.cos(angle) + y * np.sin(angle)
        columns = [np.ones_like(x), x, y, x * x, x * y, y * y]
        columns += [np.polynomial.chebyshev.chebval(along, one) for one in np.eye(DEGREE + 1)[3:]]
        basis = np.stack(columns, axis=1)
        kept = np.ones(len(x), bool)
        for _ in range(3):
            found = np.linalg.lstsq(basis[kept], moved.last[kept], rcond=None)[0]
            self.residual = moved.last - basis @ found
            size = np.linalg.norm(self.residual, axis=1)
            kept = size <= np.quantile(size, 1 - TRIMMED)
        self._explain(basis[kept], moved.last[kept].astype(np.float64), moved.relief[kept])

    def _explain(self, basis: np.ndarray, last: np.ndarray, relief: np.ndarray) -> None:
        """How the rest of the motion goes with the rest of the relief: `depth`, and `sure` of it."""
        whole = np.linalg.qr(basis)[0]
        left, relief = last - whole @ (whole.T @ last), relief - whole @ (whole.T @ relief)
        power = max(float(relief @ relief), 1e-12)
        slope = relief @ left / power  # (2,)
        rest = left - np.outer(relief, slope)
        variance = float((rest**2).sum()) / max(2 * (len(last) - basis.shape[1] - 1), 1)
        self.depth = float(np.linalg.norm(slope))
        self.sure = self.depth / float(np.sqrt(2 * variance / power) + 1e-12)


def _trimmed(residual: np.ndarray) -> float:
    """Root mean square of the residuals (n, 2) without the largest."""
    size = np.sort(np.linalg.norm(residual, axis=1))[: int(np.ceil((1 - TRIMMED) * len(residual)))]
    return float(np.sqrt((size**2).mean()))
