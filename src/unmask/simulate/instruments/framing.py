"""How near a medium is presented: with its borders about the face, with some of them, or beyond them all.

Extents are (left, top, right, bottom), in sides of the shown face's box, from the box's centre.
"""

from dataclasses import dataclass

import numpy as np

from unmask.simulate.rendering.surfaces import View

BOX = 2.8  # sides of the crop over those of the face's box
CLOSE, EDGES = 0.25, 0.25  # how often no border lies in that crop, and one or two
SPARE = 0.1  # face sides that a hand may move
LEAST = 0.62  # from the centre: a border there does not touch the face


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """Where the face is aimed at and what the medium has to cover round it.

    `aim_px` (2,) on the sensor; `rotation` (3, 3) of the medium; `extents` (4,), None when the medium is free
    to end where it ends; `borders` four bool: which of them lie in the crop.
    """

    aim_px: np.ndarray
    rotation: np.ndarray
    extents: np.ndarray | None
    borders: tuple[bool, ...]


def draw_framing(
    rng: np.random.Generator,
    *,
    view: View,
    aim_px: np.ndarray,
    side_px: float,
    tilt_deg: float,
    held: np.ndarray,
) -> Framing:
    """A framing for a face of that size there: close ones where it is large, as somebody near makes it.

    `held` (4,): extents that the picture itself holds; borders come first where it ends.
    """
    share = side_px / min(view.height, view.width)
    # The median face fills 0.43 of the view.
    close = CLOSE * (1 + np.tanh((share - 0.43) / 0.06))
    drawn = rng.random()
    near = drawn < close + EDGES
    angles = np.deg2rad(rng.normal(0, [tilt_deg / 2, tilt_deg / 2, 5.0]))
    rotation = _turn(*(np.clip(angles, -0.2, 0.2) * (1, 1, 0.5) if near else angles))
    if not near:
        return Framing(aim_px=aim_px, rotation=rotation, extents=None, borders=(True,) * 4)
    window = seen_extents(aim_px, rotation, view=view, side_px=side_px)
    extents, borders = window * (1 + SPARE) + SPARE, [False] * 4
    if drawn >= close:
        for side in _ends(rng, window, held):
            most = max(LEAST, 0.85 * window[side])
            extents[side] = rng.uniform(LEAST, most) if held[side] > most else max(LEAST, held[side])
            borders[side] = True
    return Framing(aim_px=aim_px, rotation=rotation, extents=extents, borders=tuple(borders))


def _ends(rng: np.random.Generator, window: np.ndarray, held: np.ndarray) -> list[int]:
    """One or two sides where a border finds room between the face and what is seen."""
    lacks = np.maximum(0, window - held) + rng.uniform(0, 0.3, 4)
    fit = [side for side in np.argsort(-lacks) if window[side] > LEAST + 0.08]
    return [int(side) for side in fit[: int(rng.integers(1, 3))]]


def seen_extents(aim_px: np.ndarray, rotation: np.ndarray, *, view: View, side_px: float) -> np.ndarray:
    """Extents (4,) on the tilted plane of what the view shows of the crop round the face."""
    reach = BOX / 2 * side_px
    left, top = np.maximum(aim_px - reach, 0)
    right, bottom = np.minimum(aim_px + reach, [view.width - 1, view.height - 1])
    corners = np.array([[x, y] for x in (left, right) for y in (top, bottom)])
    middle = np.array([(view.width - 1) / 2, (view.height - 1) / 2])
    rays = np.column_stack([(corners - middle) / view.focal_px, np.ones(4)])
    # Face sides: the plane goes through the face, which is focal / side_px of them away.
    face = np.array([*(aim_px - middle) / view.focal_px, 1.0]) * view.focal_px / side_px
    normal = rotation[:, 2]
    met = rays * (normal @ face / (rays @ normal))[:, None]
    u, v = ((met - face) @ rotation)[:, :2].T
    return np.array([-u.min(), -v.min(), u.max(), v.max()])


def fitted(extents: np.ndarray, borders: tuple[bool, ...], *, aspect: float) -> np.ndarray:
    """The extents made larger where no border is to be seen, so that width over height is `aspect`.

    Where both borders across are to be seen, and the medium would have to be smaller, the farther one goes.
    """
    extents = extents.copy()
    wide, tall = extents[0] + extents[2], extents[1] + extents[3]
    low, lacks = (0, tall * aspect - wide) if wide < tall * aspect else (1, wide / aspect - tall)
    sides = [side for side in (low, low + 2) if not borders[side]] or [
        low if extents[low] > extents[low + 2] else low + 2
    ]
    for side in sides:
        extents[side] += lacks / len(sides)
    return extents


def _turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)
