"""How far two looks at a face differ by what no motion of a flat picture, and no smooth light, explains.

Two looks are laid over each other by the best perspective map, the best tone curve and the best smooth light,
so that moving, zooming, turning, tilting, flickering or lighting a still picture changes nothing; what is
blown out or black in one of them is not compared. What is left is blinks, lips, turns of the head, and noise.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from unmask.media.clips import clip_box, cut_picture, mesh_in_clip
from unmask.types import Sighting

SIDE, CELL, BORDER = 64, 8, 8  # pixels of a look, of a cell, and of the border that is not compared
LEAST_CONTRAST = 4.0  # grey values
BLACK, WHITE = 8.0, 235.0  # beyond them grey values tell nothing of each other
LEAST_SEEN = 0.25  # of a cell; one that shows less is not compared
STEPS = 12  # of each of the two alignments
INSIDE = SIDE - 2 * BORDER
EVERYWHERE = np.full((SIDE, SIDE), 255, np.uint8)
WAVES = 5  # half waves of light across what is compared: along it, down it, or together


def _waves() -> list[np.ndarray]:
    """Light of each form, (INSIDE, INSIDE) float32 in -1 to 1; the first is even."""
    angles = np.linspace(0, np.pi, INSIDE)
    across = [np.cos(count * angles) for count in range(WAVES + 1)]
    pairs = ((down, along) for down in range(WAVES + 1) for along in range(WAVES + 1 - down))
    return [np.outer(across[down], across[along]).astype(np.float32) for down, along in pairs]


LIGHT = np.stack(_waves())  # (forms, INSIDE, INSIDE)
LEAST_SINGULAR = 1e-7  # of the largest singular value: below it is how grey values were rounded


@dataclass(frozen=True, kw_only=True)
class Look:
    """A face as it is compared: grey (SIDE, SIDE) float32 and its mesh (468, 2) in those pixels."""

    grey: np.ndarray
    mesh: np.ndarray
    time_s: float

    @cached_property
    def unlit(self) -> np.ndarray:
        """The grey values against those around them, so that light does not move what is to be aligned."""
        around: np.ndarray = cv2.GaussianBlur(self.grey, (0, 0), CELL)
        return (self.grey - around) / (around + BLACK)


def grey_in(sighting: Sighting, box: np.ndarray) -> np.ndarray:
    """What the frame shows in a box, as grey values (SIDE, SIDE) uint8."""
    return cv2.cvtColor(cut_picture(sighting.frame.image, box, size_px=SIDE), cv2.COLOR_RGB2GRAY)


def look_at(sighting: Sighting) -> Look:
    """The face of a sighting, small and a little blurred."""
    box = clip_box(sighting.face.mesh, scale=1.0)
    grey = grey_in(sighting, box)
    return Look(
        grey=cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0),
        mesh=mesh_in_clip(sighting.face.mesh, box, size_px=SIDE)[:, :2],
        time_s=sighting.frame.time_s,
    )


def difference(look: Look, other: Look) -> float:
    """What no perspective map, tone curve or smooth light explains, in the cell where it is largest."""
    laid = _laid_over(look, other)
    inside = slice(BORDER, SIDE - BORDER)
    wanted, found = look.grey[inside, inside], laid[inside, inside]
    within = (np.minimum(wanted, found) > BLACK) & (np.maximum(wanted, found) < WHITE)
    seen = cv2.erode(within.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # beside them they are mixed
    if seen.mean() < LEAST_SEEN:
        return 0.0
    spread = max(float(found.std()), LEAST_CONTRAST)
    level = (found - float(found.mean())) / spread
    plain = np.stack([np.ones_like(level), level**2, LIGHT[1], LIGHT[1].T])
    terms = np.concatenate([plain, found / spread * LIGHT])[:, seen].astype(np.float64)
    fitted = _fitted(terms, wanted[seen])
    left = np.zeros_like(wanted)
    left[seen] = np.abs(wanted[seen] - fitted @ terms) / max(float(wanted.std()), LEAST_CONTRAST)
    cells = INSIDE // CELL
    sums, counts = (each.reshape(cells, CELL, cells, CELL).sum(axis=(1, 3)) for each in (left, seen))
    compared = counts >= LEAST_SEEN * CELL**2
    return float((sums[compared] / counts[compared]).max(initial=0.0))


def _fitted(terms: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The factors (K,) with which terms (K, n) come nearest to n values, by K sums in place of n rows: a
    decomposition of all of them takes several times as long.
    """
    # By OpenCV: BLAS wakes a thread on each core for it, which wait for more, busily, some 30 ms.
    sums = cv2.mulTransposed(terms, aTa=False)
    return np.linalg.lstsq(sums, terms @ wanted, rcond=LEAST_SINGULAR**2)[0]


def _laid_over(look: Look, other: Look) -> np.ndarray:
    """The other look (SIDE, SIDE) where this one has it: by the meshes, then by the pixels."""
    points = np.vstack([look.mesh.T, np.ones(len(look.mesh))])
    rough = np.linalg.lstsq(points @ points.T, points @ other.mesh, rcond=None)[0]
    one, two = look.unlit, other.unlit
    affine = _aligned(one, two, np.ascontiguousarray(rough.T, np.float32), cv2.MOTION_AFFINE)
    last_row = np.array([[0, 0, 1]], np.float32)
    flat = _aligned(one, two, np.vstack([affine, last_row]), cv2.MOTION_HOMOGRAPHY)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(other.grey, flat, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _aligned(one: np.ndarray, two: np.ndarray, first: np.ndarray, motion: int) -> np.ndarray:
    """The map of that kind that lays `two` over `one` best, from a first one."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 1e-5)
    try:
        found = cv2.findTransformECC(one, two, first.copy(), motion, criteria, EVERYWHERE, 3)[1]
    except cv2.error:
        return first  # the two differ too much to be aligned further, or show nothing
    return np.asarray(found, np.float32)
