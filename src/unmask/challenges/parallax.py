"""Depth that shows while a head turns: do points of the picture move as no plane and no bent sheet could?

Points are followed on the picture itself, since a face mesh imagines depth on a photograph too. Between a
frontal view and a turned one, a plane moves by a homography, and a quadric surface seen from far away by
polynomials of the second degree with 12 numbers (as retinal images are registered, Can et al. 2002); a sheet
bent round any axis, also round a head, adds a free curve along one direction. A nose between two eye sockets
is none of these: what is left over of its motion is many times the noise of the tracking.
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
_FLOW = {
    "winSize": (17, 17),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01),
}
_MOVING = (
    (*RIGHT_EYE_UPPER, *RIGHT_EYE_LOWER),
    (*LEFT_EYE_UPPER, *LEFT_EYE_LOWER),
    (*MOUTH_UPPER, *MOUTH_LOWER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Points of a face in two views, `first` and `last` (n, 2), in heights of the face; `noise` how far off
    they are, about.
    """

    first: np.ndarray
    last: np.ndarray
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallax:
    """What no model explains, in heights of the face: `plane` beyond a homography, `sheet` beyond quadrics
    and bent sheets; `noise` of the tracking; `points` that were followed.
    """

    plane: float
    sheet: float
    noise: float
    points: int

    @property
    def ratio(self) -> float:
        """What is left beyond every sheet, in units of the noise."""
        return self.sheet / self.noise


class PointTracker:
    """Follows points of one face from a frontal view on; a new one for each turn."""

    def __init__(self, image: np.ndarray, face: Face) -> None:
        self._box = clip_box(face.mesh, scale=SCALE)
        self._grey = self._cut(image)
        mesh = mesh_in_clip(face.mesh, self._box, size_px=SIDE)[:, :2]
        self._tall = float(np.ptp(mesh[:, 1]))
        found = cv2.goodFeaturesToTrack(
            self._grey, MOST_POINTS, 0.004, 0.02 * self._tall, mask=_rigid(mesh), blockSize=5
        )
        points = np.zeros((0, 1, 2), np.float32) if found is None else found.astype(np.float32)
        self._first = self._now = points
        self._noise = np.zeros(len(points))

    def follow(self, image: np.ndarray) -> None:
        """The next frame."""
        if not len(self._now):
            return
        grey = self._cut(image)
        there, found, _ = cv2.calcOpticalFlowPyrLK(self._grey, grey, self._now, None, **_FLOW)
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(grey, self._grey, there, None, **_FLOW)
        off = np.linalg.norm((back - self._now)[:, 0], axis=1)
        kept = (found[:, 0] == 1) & (found_back[:, 0] == 1) & (off < 0.015 * self._tall)
        self._first, self._now = self._first[kept], there[kept]
        self._noise = np.hypot(self._noise[kept], off[kept])
        self._grey = grey

    def moved(self) -> Moved | None:
        """The points that are still there, now and at first; None where they are too few."""
        if len(self._now) < LEAST_POINTS:
            return None
        # Rounding to a whole pixel of the codec's blocks is part of it, however well tracking comes back.
        noise = float(np.hypot(np.median(self._noise), 0.25)) / self._tall
        return Moved(
            first=(self._first[:, 0] - SIDE / 2) / self._tall,
            last=(self._now[:, 0] - SIDE / 2) / self._tall,
            noise=noise,
        )

    def _cut(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.cvtColor(cut_picture(image, self._box, size_px=SIDE), cv2.COLOR_RGB2GRAY))


def parallax(moved: Moved) -> Parallax:
    """What planes and sheets leave over of the motion."""
    plane = _trimmed(_beyond_plane(moved), 8)
    sheet = min(_trimmed(_beyond_sheet(moved, angle), 12 + 2 * (DEGREE - 2)) for angle in _angles())
    return Parallax(plane=plane, sheet=sheet, noise=moved.noise, points=len(moved.first))


def _rigid(mesh: np.ndarray) -> np.ndarray:
    """Where (SIDE, SIDE) uint8 points may be taken: the face without eyes and mouth, which move by
    themselves.
    """
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [np.rint(mesh[list(OUTLINE)]).astype(np.int32)], 1)
    mask = cv2.erode(mask, np.ones((7, 7), np.uint8))
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


def _beyond_sheet(moved: Moved, angle: float) -> np.ndarray:
    """Residuals (n, 2) of a fit by a quadric and a curve along one direction, outliers trimmed as it goes."""
    x, y = moved.first.astype(np.float64).T * 2  # about -1 to 1
    along = x * np.cos(angle) + y * np.sin(angle)
    columns = [np.ones_like(x), x, y, x * x, x * y, y * y]
    columns += [np.polynomial.chebyshev.chebval(along, np.eye(DEGREE + 1)[n]) for n in range(3, DEGREE + 1)]
    basis = np.stack(columns, axis=1)
    kept = np.ones(len(x), bool)
    for _ in range(3):
        found = np.linalg.lstsq(basis[kept], moved.last[kept], rcond=None)[0]
        residual = moved.last - basis @ found
        size = np.linalg.norm(residual, axis=1)
        kept = size <= np.quantile(size, 1 - TRIMMED)
    return np.asarray(residual)


def _trimmed(residual: np.ndarray, numbers: int) -> float:
    """Root mean square a coordinate of the residuals (n, 2) without the largest, for a fit of so many
    numbers.
    """
    size = np.sort(np.linalg.norm(residual, axis=1))[: int(np.ceil((1 - TRIMMED) * len(residual)))]
    free = max(1.0, 2 * len(size) - numbers)
    return float(np.sqrt((size**2).sum() / free))
