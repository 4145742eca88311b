"""How the person of a photograph moves before a camera: a warp of the picture for each moment.

The head goes and turns with its face's relief, its lids close; the room behind shifts with the camera, less
than the head does, as it is farther away. Both run into each other about the shoulders.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.media.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    OUTLINE,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.simulate.rendering.layout import face_box
from unmask.simulate.rendering.motion import HeadMotion, RigidMotion, draw_camera_motion, draw_head_motion
from unmask.simulate.rendering.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.rendering.surfaces import Pose

FACE_M = 0.19  # longer side of a face mesh's box
BEHIND = 2.5  # times as far away as the head is the room
TURN = 0.16  # radians by which a photographed head turns at most: beyond, the far cheek is missing
MOST = 0.045  # of the shorter side: farther the picture never goes, as beyond its border there is none
FADING = 0.15  # of the face's longer side: how far inside its outline the relief begins to move
_LIDS = ((RIGHT_EYE_UPPER, RIGHT_EYE_LOWER), (LEFT_EYE_UPPER, LEFT_EYE_LOWER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitter:
    """A person and a camera that move: where they are is counted from the first moment."""

    head: HeadMotion
    camera: RigidMotion


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """Where each pixel of a moment's picture comes from, `x`, `y` (h, w) float32 px; its `mesh` (468, 3)."""

    x: np.ndarray
    y: np.ndarray
    mesh: np.ndarray

    def of(self, image: np.ndarray, kind: int = cv2.INTER_LINEAR) -> np.ndarray:
        """The still picture (h, w, ...) as it looks at that moment."""
        return np.asarray(cv2.remap(image, self.x, self.y, kind, borderMode=cv2.BORDER_REFLECT_101))


def draw_sitter(
    rng: np.random.Generator, *, camera: RigidMotion | None = None, blinks: bool = True
) -> Sitter:
    """A person who sits or stands still as far as people can; and a camera, that one or any."""
    motion = draw_head_motion(rng, place=Pose(), liveliness=float(rng.uniform(0.2, 0.8)))
    motion = replace(motion, rest=np.zeros(3), turning=(-TURN, TURN))
    return Sitter(
        head=motion if blinks else replace(motion, blinks_s=np.zeros(0)),
        camera=camera or draw_camera_motion(rng),
    )


def warp_at(
    sitter: Sitter, mesh: np.ndarray, time_s: float, *, size: tuple[int, int], focal_px: float
) -> Warp:
    """The warp at that time of a picture of `size` (h, w) in which the face (468, 3) was at rest."""
    moment, start = sitter.head.at(time_s), sitter.head.at(0.0)
    (cx, cy), side = face_box(mesh)
    distance = focal_px * FACE_M / side
    centre = np.array([cx, cy])
    turned = moment.head.rotation @ start.head.rotation.T
    going = moment.head.translation - start.head.translation
    seen, before = sitter.camera.at(time_s), sitter.camera.at(0.0)
    shake = seen.rotation @ before.rotation.T
    angle = np.array([shake[0, 2], shake[1, 2]]) * focal_px
    slide = (seen.translation - before.translation)[:2] * focal_px
    most = MOST * min(size)
    room = most * np.tanh((angle + slide / (BEHIND * distance)) / most)
    near = most * np.tanh((angle + (slide + going[:2] * focal_px) / distance) / most)
    scale = distance / max(0.5 * distance, distance + float(going[2]))
    roll = np.arctan2(turned[1, 0] + shake[1, 0], 1.0)
    linear = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    moved = _moved(mesh, turned=turned, blink=moment.blink)
    moved[:, :2] = (moved[:, :2] - centre) @ linear.T + centre + near
    moved[:, 2] *= scale
    x, y = _about(size, centre=centre, side=side, linear=linear, near=near, room=room)
    _inside(x, y, mesh=mesh, moved=moved)
    return Warp(x=x, y=y, mesh=moved.astype(np.float32))


def _moved(mesh: np.ndarray, *, turned: np.ndarray, blink: float) -> np.ndarray:
    """The face's points turned about the head's middle, its lids closed by `blink`; its outline stays."""
    points = mesh.astype(np.float64).copy()
    outline = points[list(OUTLINE)]
    side = face_box(mesh)[1]
    apart = np.linalg.norm(points[:, None, :2] - outline[None, :, :2], axis=2).min(axis=1)
    share = np.clip(apart / (FADING * side), 0, 1)
    deep = points[:, 2] - outline[:, 2].mean()
    points[:, 0] += share * turned[0, 2] * deep
    points[:, 1] += share * turned[1, 2] * deep
    for upper, lower in _LIDS:
        rise, fall = list(upper)[1:-1], list(lower)[1:-1]
        points[rise, :2] += 0.92 * blink * (points[fall, :2] - points[rise, :2])
    return points


def _about(
    size: tuple[int, int],
    *,
    centre: np.ndarray,
    side: float,
    linear: np.ndarray,
    near: np.ndarray,
    room: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels come from outside the face: with the head, or with the room, or between."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    back = np.linalg.inv(linear)
    dx, dy = x - np.float32(centre[0] + near[0]), y - np.float32(centre[1] + near[1])
    head_x = back[0, 0] * dx + back[0, 1] * dy + centre[0]
    head_y = back[1, 0] * dx + back[1, 1] * dy + centre[1]
    below = np.clip(dy / np.float32(side), 0, 1.5)  # shoulders are wider than heads
    away = np.hypot(dx / (0.62 * side * (1 + 0.9 * below)), np.minimum(dy, 0) / (0.85 * side))
    share = np.clip((1.9 - away) / 0.9, 0, 1)
    share = share * share * (3 - 2 * share)
    from_x = share * head_x + (1 - share) * (x - room[0])
    from_y = share * head_y + (1 - share) * (y - room[1])
    return from_x.astype(np.float32), from_y.astype(np.float32)


def _inside(x: np.ndarray, y: np.ndarray, *, mesh: np.ndarray, moved: np.ndarray) -> None:
    """Writes where the face's pixels come from, triangle by triangle."""
    height, width = x.shape
    _, triangle, weights = rasterise(moved.astype(np.float32), FACE_TRIANGLES, height=height, width=width)
    inside = triangle >= 0
    corners = mesh[FACE_TRIANGLES[triangle[inside]], :2]
    found = (corners * weights[inside][..., None]).sum(axis=1)
    x[inside], y[inside] = found[:, 0], found[:, 1]
