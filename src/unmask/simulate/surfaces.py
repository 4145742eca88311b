"""Textured surfaces in front of a pinhole camera: what each pixel sees of them, how far away and how lit.

Everything is metres, x right, y down, z away from the camera. World coordinates are those of the camera at rest; a
camera that shakes is a `Pose` from world to camera. Colour is linear light; a white matt surface in irradiance 1
gives radiance 1, which is where a sensor at unit exposure is full.
"""

from dataclasses import dataclass, field

import numpy as np

from unmask.simulate.light import Light


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A pinhole camera: the sensor's size in pixels, the focal length in the same; its axis hits the centre."""

    height: int
    width: int
    focal_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """A rigid move: x -> rotation (3, 3) @ x + translation (3,) in metres."""

    rotation: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=np.float32))
    translation: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))

    def moved(self, points: np.ndarray) -> np.ndarray:
        """`points` (n, 3) after the move."""
        return points @ self.rotation.T + self.translation

    def then(self, after: "Pose") -> "Pose":
        """This move first, then `after`."""
        return Pose(
            rotation=after.rotation @ self.rotation,
            translation=after.rotation @ self.translation + after.translation,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A triangle mesh with a picture on it.

    `vertices` (n, 3) metres in its own frame (face towards -z when it looks at the camera); `triangles` (m, 3);
    `uv` (n, 2) pixels of `texture`, x then y; `texture` (h, w, 4) float32: linear reflectance, or own light when
    `glows`, and alpha, not premultiplied. `gloss` is the share of light mirrored at right angles (paper 0.0 to 0.1,
    glass 0.04) and `shininess` its Phong exponent.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    texture: np.ndarray
    gloss: float = 0.0
    shininess: float = 20.0
    glows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What every pixel of a view sees of one surface, before its texture is looked up.

    `depth` (H, W) float32 metres, infinity where it is not; `uv` (H, W, 2) float32 pixels of the texture;
    `irradiance` (H, W, 3) multiplies the reflectance; `mirrored` (H, W, 3) is added.
    """

    depth: np.ndarray
    uv: np.ndarray
    irradiance: np.ndarray
    mirrored: np.ndarray


def trace(surface: Surface, pose: Pose, *, view: View, light: Light) -> Layer:
    """`surface` moved by `pose` (own frame to camera), seen by the view under the light (given in camera frame)."""
    raise NotImplementedError


def project(points: np.ndarray, view: View) -> np.ndarray:
    """Points (n, 3) of the camera frame in metres -> (n, 3) float32: x, y in sensor px, z in px-scaled metres.

    z is scaled by focal over the mean depth, so that x, y and z share a unit, as in the face mesh's own output.
    """
    raise NotImplementedError


def plane(width_m: float, height_m: float, *, texture: np.ndarray, bend_m: float = 0.0, cells: int = 1) -> Surface:
    """A sheet centred on the origin, facing -z; bent round the vertical axis to that radius when `bend_m` > 0.

    A negative radius bends the other way (edges towards the camera). `texture` as in `Surface`.
    """
    raise NotImplementedError


def on_surface(surface: Surface, uv: np.ndarray) -> np.ndarray:
    """Where points (n, 2) of the texture lie on the surface: (n, 3) metres in its own frame."""
    raise NotImplementedError
