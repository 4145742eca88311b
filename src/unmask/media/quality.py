"""What is wrong with the picture of a face, apart from whether the face is alive.

A face that is refused here is not scored: the network was not made for it. The limits refuse what a person
could not judge either, not what is merely ugly: webcams of living people are dim and soft.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.media.clips import clip_box, cut_picture, mesh_in_clip, mesh_mask
from unmask.media.colour import colourfulness
from unmask.media.faces import LEFT_EYE, RIGHT_EYE
from unmask.types import Face, Reason, Sighting

FOREHEAD, CHIN = 10, 152  # points of the mesh
SIDE = 96  # pixels of the face's square in which light and sharpness are measured, whatever its size
DARK, BRIGHT = 25, 245  # grey values that show nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class FacePose:
    """Degrees: `yaw` to the picture's right, `pitch` down, `roll` clockwise; 0 looking into the camera."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The measures of one face in one picture."""

    eye_distance_px: float  # between the outer corners, in space: a turned face is no smaller
    outside: float  # share of the mesh beyond the border
    pose: FacePose
    sharpness: float  # variance of the Laplacian over that of the grey values, in the face's square
    dark: float  # share of the face below DARK
    bright: float  # share of the face above BRIGHT
    colour: float = 99.0  # of the face's square, see media.colour


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """What a face may be at worst; the defaults refuse no picture of a living person that is plain to see."""

    eye_distance_px: float = 28.0
    outside: float = 0.05
    yaw: float = 45.0
    pitch: float = 35.0
    roll: float = 45.0
    sharpness: float = 0.01
    dark: float = 0.6
    bright: float = 0.4
    colour: float = 1.0  # real faces have 2.5 and more


DEFAULT_LIMITS = QualityLimits()


def judge(sighting: Sighting, *, limits: QualityLimits = DEFAULT_LIMITS) -> tuple[Reason, ...]:
    """Why the face is refused; empty when it may be scored."""
    return reasons(measure(sighting.frame.image, sighting.face), limits=limits)


def reasons(quality: Quality, *, limits: QualityLimits = DEFAULT_LIMITS) -> tuple[Reason, ...]:
    """The measures that break a limit, as reason codes."""
    pose = quality.pose
    turned = abs(pose.yaw) > limits.yaw or abs(pose.pitch) > limits.pitch or abs(pose.roll) > limits.roll
    broken = {
        Reason.FACE_TOO_SMALL: quality.eye_distance_px < limits.eye_distance_px,
        Reason.FACE_CUT: quality.outside > limits.outside,
        Reason.FACE_TURNED: turned,
        Reason.BLURRED: quality.sharpness < limits.sharpness,
        Reason.TOO_DARK: quality.dark > limits.dark,
        Reason.TOO_BRIGHT: quality.bright > limits.bright,
        Reason.NO_COLOUR: quality.colour < limits.colour and quality.dark <= limits.dark,
    }
    return tuple(reason for reason, is_broken in broken.items() if is_broken)


def measure(image: np.ndarray, face: Face) -> Quality:
    """The measures of the face in `image` (H, W, 3) uint8."""
    box = clip_box(face.mesh, scale=1.0)
    square = cut_picture(image, box, size_px=SIDE)
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    coarse = mesh_mask(mesh_in_clip(face.mesh, box, size_px=SIDE), size_px=SIDE)
    cell = SIDE // len(coarse)
    skin = (coarse > 0.5).repeat(cell, axis=0).repeat(cell, axis=1)
    skin |= not skin.any()  # a degenerate mesh: judge the whole square
    values = grey[skin]
    edges = cv2.Laplacian(grey, cv2.CV_32F)[skin]
    return Quality(
        eye_distance_px=float(np.linalg.norm(face.mesh[LEFT_EYE] - face.mesh[RIGHT_EYE])),
        outside=_share_outside(face.mesh, image),
        pose=pose_of(face.mesh),
        sharpness=float(edges.var() / max(values.var(), 1.0)),
        dark=float((values < DARK).mean()),
        bright=float((values > BRIGHT).mean()),
        colour=colourfulness(square),
    )


def pose_of(mesh: np.ndarray) -> FacePose:
    """The turn of a mesh (468, 3), from the plane through its outer eye corners, forehead and chin."""
    across, down = mesh[LEFT_EYE] - mesh[RIGHT_EYE], mesh[CHIN] - mesh[FOREHEAD]
    (ax, ay, az), (bx, by, bz) = across.tolist(), down.tolist()
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx  # away from the camera
    yaw, pitch, roll = np.degrees([np.arctan2(-x, z), np.arctan2(-y, z), np.arctan2(across[1], across[0])])
    return FacePose(yaw=float(yaw), pitch=float(pitch), roll=float(roll))


def _share_outside(mesh: np.ndarray, image: np.ndarray) -> float:
    height, width = image.shape[:2]
    points = mesh[:, :2]
    return float(np.any((points < 0) | (points > (width - 1, height - 1)), axis=1).mean())
