"""Hands that hold an instrument: thumbs over its edge, fingers and arm behind it."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from unmask.simulate.instruments.sheet import Sheet
from unmask.simulate.rendering.surfaces import Pose, View
from unmask.simulate.stage.scene import ColouredLayer

SKIN = np.array(
    [[0.62, 0.38, 0.28], [0.50, 0.29, 0.20], [0.36, 0.19, 0.12], [0.20, 0.10, 0.065], [0.10, 0.05, 0.035]]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """`front`, `behind` (n, 5): capsules x0, y0, x1, y1, radius in metres of the sheet's own frame; `skin`
    (3,) linear.
    """

    front: np.ndarray
    behind: np.ndarray
    skin: np.ndarray


def draw_hand(rng: np.random.Generator, sheet: Sheet, *, hands: int) -> Hand:
    """So many hands at the left, right or lower edge of the sheet."""
    front, behind = [], []
    sides = rng.permutation(["left", "right", "bottom"])[:hands]
    for side in sides:
        outward = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "bottom": (0.0, 1.0)}[str(side)]
        out, along = np.array(outward), np.array([outward[1], abs(outward[0])])
        half = np.array([sheet.width_m, sheet.height_m]) / 2
        edge = out * half + along * rng.uniform(-0.1, 0.75) * half
        radius = rng.uniform(0.008, 0.0115)
        slant = along * rng.uniform(-0.03, 0.01)
        front.append(
            [*(edge + out * 0.035 + along * 0.02), *(edge - out * rng.uniform(0.003, 0.017) + slant), radius]
        )
        for finger in range(rng.integers(0, 4)):
            start = edge + along * (0.022 * finger - 0.03)
            behind.append([*(start - out * 0.02), *(start + out * rng.uniform(0.002, 0.014)), radius * 0.9])
        palm = edge + out * rng.uniform(0.01, 0.03) + along * 0.02
        elbow = palm + (out * rng.uniform(0.02, 0.15) + np.array([0, rng.uniform(0.2, 0.4)]))
        behind.append([*palm, *elbow, rng.uniform(0.02, 0.032)])
    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.8, 1.2)
    return Hand(front=np.array(front), behind=np.array(behind), skin=skin)


def see_hand(
    hand: Hand, pose: Pose, *, view: View, irradiance: np.ndarray, depths_m: tuple[float, float]
) -> tuple[ColouredLayer | None, ColouredLayer | None]:
    """What the view sees of the hand in front of the sheet and behind it.

    `irradiance` (3,) on it; `depths_m`: the nearest and the farthest point of the sheet that is seen.
    """
    front = _see(hand.front, hand.skin * irradiance, pose, view=view, depth=depths_m[0] - 0.008)
    behind = _see(hand.behind, hand.skin * irradiance, pose, view=view, depth=depths_m[1] + 0.012)
    return front, behind


def _see(
    capsules: np.ndarray, colour: np.ndarray, pose: Pose, *, view: View, depth: float
) -> ColouredLayer | None:
    if len(capsules) == 0:
        return None
    cover = np.zeros((view.height, view.width), np.uint8)
    widest = 1
    middle_z = max(0.05, float(pose.translation[2]))
    for x0, y0, x1, y1, radius in capsules:
        ends = pose.moved(np.array([[x0, y0, 0], [x1, y1, 0]], np.float32))
        z = np.maximum(ends[:, 2:], 0.6 * middle_z)
        at = ends[:, :2] / z * view.focal_px + np.array([(view.width - 1) / 2, (view.height - 1) / 2])
        thickness = max(1, round(2 * radius * view.focal_px / float(z.mean())))
        widest = max(widest, thickness)
        at = np.clip(at, -4000, 4000) * 8
        first, second = (tuple(int(v) for v in row) for row in at)
        cv2.line(cover, first, second, 255, min(thickness, 500), cv2.LINE_AA, 3)
    if not cover.any():
        return None
    alpha = cover.astype(np.float32) / 255
    # A finger is round: bright along its middle, dark at its sides, much as its blurred coverage is.
    few = max(1, widest // 12)
    small = cv2.resize(
        alpha, (max(4, view.width // few), max(4, view.height // few)), interpolation=cv2.INTER_AREA
    )
    round_ = cv2.resize(cv2.GaussianBlur(small, (0, 0), 3.0), (view.width, view.height))
    shade = (0.45 + 0.6 * np.clip(1.6 * round_ - 0.5, 0, 1)) * _skin_texture(view.height, view.width)
    return ColouredLayer(
        depth=np.where(cover > 127, np.float32(depth), np.float32(np.inf)),
        colour=cv2.merge([shade * np.float32(share) for share in colour]),
        alpha=alpha,
    )


@lru_cache(maxsize=16)  # sizes of sensors: every hand of a recording has the same
def _skin_texture(height: int, width: int) -> np.ndarray:
    """Creases and blotches (H, W), mean 1: a fixed pattern, since little of a hand is seen."""
    few = np.random.default_rng(5).normal(0, 1, (height // 6, width // 6)).astype(np.float32)
    fine = cv2.GaussianBlur(few, (0, 0), 0.8) * 0.08 + cv2.GaussianBlur(few, (0, 0), 4) * 0.5
    return 1 + cv2.resize(fine, (width, height), interpolation=cv2.INTER_CUBIC)
