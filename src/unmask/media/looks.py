"""What a face looks like in a picture, as numbers that error rates are sliced by: light, pose, skin tone.

Skin tone is the individual typology angle (ITA) of Chardon et al. (1991), measured on the cheeks and the
forehead: ITA = atan2(L* - 50, b*) in degrees, with the six classes of Del Bino and Bernerd (2013). Under
lamps of unknown colour and a camera's white balance it is a property of the picture, not of the person: it
says whether error rates depend on how dark the skin is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.media.quality import pose_of

# Corners on the mesh, between features that are not skin: eyes, nose, beard, brows, hair.
PATCHES: Mapping[str, Sequence[int]] = {
    "right cheek": (117, 118, 101, 36, 205, 187, 123),
    "left cheek": (346, 347, 330, 266, 425, 411, 352),
    "forehead": (108, 151, 337, 9),
}
# Upper classes first: (name, ITA in degrees above which it holds).
ITA_CLASSES: tuple[tuple[str, float], ...] = (
    ("very light", 55.0),
    ("light", 41.0),
    ("intermediate", 28.0),
    ("tan", 10.0),
    ("brown", -30.0),
    ("dark", -np.inf),
)
D65 = np.array([0.95047, 1.0, 1.08883])  # white of sRGB, 2 degree observer
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """One face in one picture: `luma` the mean grey value in 0 to 255 (Rec. 601) inside the mesh's
    outline, `yaw` and `pitch` in degrees (see media.quality.Pose), `ita` in degrees, NaN where no skin is
    seen.
    """

    luma: float
    yaw: float
    pitch: float
    ita: float


def looks_of(picture: np.ndarray, mesh: np.ndarray) -> Looks:
    """The looks of a face in a picture (H, W, 3) uint8 RGB and the mesh (468, 3) in its pixels."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    face = _inside(mesh[:, :2], picture.shape[:2])
    pose = pose_of(mesh)
    skin = np.zeros(picture.shape[:2], bool)
    for corners in PATCHES.values():
        skin |= _inside(mesh[list(corners), :2], picture.shape[:2])
    return Looks(
        luma=float(grey[face].mean()) if face.any() else float("nan"),
        yaw=pose.yaw,
        pitch=pose.pitch,
        ita=ita(picture[skin]),
    )


def ita(pixels: np.ndarray) -> float:
    """The individual typology angle, in degrees, of the median L* and b* of pixels (N, 3) uint8 RGB; NaN of
    none.

    >>> round(ita(np.array([[224, 190, 170]], np.uint8)), 1)
    63.6
    """
    if not len(pixels):
        return float("nan")
    lightness, _, yellow = np.median(lab(pixels), axis=0)
    return float(np.degrees(np.arctan2(lightness - 50.0, yellow)))


def ita_class(angle: float) -> str:
    """The name of the class of an angle in degrees; a limit belongs to the darker one.

    >>> ita_class(60), ita_class(41), ita_class(-40)
    ('very light', 'intermediate', 'dark')
    """
    return next(name for name, limit in ITA_CLASSES if angle > limit)


def lab(pixels: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) uint8 -> CIELAB (..., 3) float64 under D65 (IEC 61966-2-1, CIE 15)."""
    level = pixels / 255.0
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    share = linear @ TO_XYZ.T / D65
    root = np.where(share > (6 / 29) ** 3, np.cbrt(share), share * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _inside(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels (H, W) bool within the convex hull of the points (N, 2)."""
    filled = np.zeros(shape[:2], np.uint8)
    hull = cv2.convexHull(np.ascontiguousarray(points, np.float32))
    cv2.fillConvexPoly(filled, np.round(hull).astype(np.int32), 1)
    return filled.astype(bool)
