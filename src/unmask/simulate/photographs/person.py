"""A photograph of a person as the light that comes from the person: what a camera sees of the bona fide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.photographs.motion import FACE_M, draw_sitter, warp_at
from unmask.simulate.photographs.occasions import Occasion
from unmask.simulate.rendering.layout import face_box
from unmask.simulate.rendering.light import Light, irradiance
from unmask.simulate.rendering.mattes import matte
from unmask.simulate.rendering.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.rendering.surfaces import View
from unmask.simulate.stage.backdrops import LINEAR
from unmask.simulate.stage.scene import Shot

SMALL = 4  # how much coarser light is computed than the sensor
MOST_LIGHT = 4.0  # relit skin over what it was, at most


def seen_person(
    rng: np.random.Generator,
    occasion: Occasion,
    *,
    times_s: Sequence[float] = (0.0,),
    flat: bool = False,
    cache: Path | None = None,
) -> Iterator[Exposure]:
    """The photographed person in one piece with hair, neck, clothes and room, lit once more by the stage, at
    each of the times.

    Depth is the mesh's relief in the face; of all else it is known only that it is about as far or farther.
    `flat`: paper is before the face, without relief in its depth and in the light on it; it does not blink.
    """
    still = _still(rng, occasion, flat=flat, cache=cache)
    sitter = draw_sitter(rng, camera=occasion.stage.camera, blinks=not flat)
    relief = np.array([1, 1, 0 if flat else 1], np.float32)
    size = still.depth.shape[0], still.depth.shape[1]
    for time_s in times_s:
        radiance, depth, mesh = still.radiance, still.depth.copy(), still.mesh
        if time_s > 0:
            focal = occasion.camera.view.focal_px
            warp = warp_at(sitter, mesh * relief, time_s, size=size, focal_px=focal)
            radiance, depth = warp.of(radiance), warp.of(depth, cv2.INTER_NEAREST)
            mesh = np.column_stack([warp.mesh[:, :2], mesh[:, 2]])
        face = _write_relief(depth, mesh * relief, view=occasion.camera.view)
        yield Exposure(shot=Shot(radiance=radiance, depth=depth, mesh=mesh, face=face))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Still:
    """The picture on the sensor before anybody moves: `radiance` (H, W, 3), `depth` (H, W) metres without
    the face's relief, `mesh` (468, 3) px.
    """

    radiance: np.ndarray
    depth: np.ndarray
    mesh: np.ndarray


def _still(rng: np.random.Generator, occasion: Occasion, *, flat: bool, cache: Path | None) -> _Still:
    view = occasion.camera.view
    mesh = in_view(occasion)
    radiance, cover = _placed(occasion, cache=cache)
    shape = mesh * np.array([1, 1, 0], np.float32) if flat else mesh
    radiance *= lighting(rng, occasion.stage.light, shape, size=(view.height, view.width))
    distance = view.focal_px * FACE_M / face_box(mesh)[1]
    depth = np.full(radiance.shape[:2], distance + 0.1, np.float32)
    if cover is not None:
        room, far = occasion.stage.backdrop.seen(occasion.stage.camera.at(0.0), view=view)
        room *= occasion.stage.light.background.astype(np.float32)
        # The person in the room's light: neither floats before it.
        level = np.float32(max(float(room.mean()), 0.02) * np.exp(rng.normal(0.0, 0.45)))
        radiance *= level / max(float(radiance[cover > 0.5].mean()), 1e-3)
        radiance = cover[..., None] * radiance + (1 - cover[..., None]) * room
        depth = np.where(cover > 0.5, depth, np.maximum(far, distance + 0.5)).astype(np.float32)
    elif occasion.stage.light.kind == "back":
        radiance *= _backlit(rng, occasion, cache=cache)
    return _Still(radiance=np.ascontiguousarray(radiance, np.float32), depth=depth, mesh=mesh)


def in_view(occasion: Occasion) -> np.ndarray:
    """The photograph's mesh (468, 3) in sensor px."""
    scale = occasion.camera.view.width / (occasion.window[2] - occasion.window[0])
    mesh = occasion.mesh.astype(np.float64).copy()
    mesh[:, :2] = (mesh[:, :2] + 0.5 - occasion.window[:2]) * scale - 0.5
    mesh[:, 2] *= scale
    return mesh.astype(np.float32)


def _placed(occasion: Occasion, *, cache: Path | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The window of the photograph in linear light (H, W, 3), and the person's matte where cut out."""
    linear = LINEAR[_resampled(occasion.image, occasion, border=cv2.BORDER_REPLICATE)]
    if not occasion.cut_out:
        return linear, None
    alpha = matte(occasion.image, occasion.mesh, cache=cache)
    return linear, _resampled(alpha, occasion, border=cv2.BORDER_CONSTANT)


def _backlit(rng: np.random.Generator, occasion: Occasion, *, cache: Path | None) -> np.ndarray:
    """Factors (H, W, 3) of the room where it is brighter than the person."""
    light = occasion.stage.light
    person = irradiance(np.array([[0, 0, -1.0]]), light)[0]
    bright = np.clip((light.background / np.maximum(person, 1e-3)) ** rng.uniform(0.3, 0.8), 1, MOST_LIGHT)
    alpha = matte(occasion.image, occasion.mesh, cache=cache)
    cover = _resampled(alpha, occasion, border=cv2.BORDER_REPLICATE)[..., None]
    return np.asarray(cover + (1 - cover) * bright.astype(np.float32), np.float32)


def _resampled(image: np.ndarray, occasion: Occasion, *, border: int) -> np.ndarray:
    """The window of an image in the photograph's pixels as the view's sensor samples it."""
    view = occasion.camera.view
    x0, y0 = occasion.window[:2]
    scale = view.width / (occasion.window[2] - x0)
    if scale < 0.75:  # averaged first: looking up single pixels would alias
        size = (max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale)))
        across, down = size[0] / image.shape[1], size[1] / image.shape[0]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    else:
        across = down = 1.0
    x, y = scale / across, scale / down
    warp = np.array([[x, 0, (0.5 - x0 * across) * x - 0.5], [0, y, (0.5 - y0 * down) * y - 0.5]])
    size = (view.width, view.height)
    return np.asarray(cv2.warpAffine(image, warp, size, flags=cv2.INTER_CUBIC, borderMode=border))


def lighting(
    rng: np.random.Generator, light: Light, mesh: np.ndarray, *, size: tuple[int, int]
) -> np.ndarray:
    """What a light adds to the one in the photograph: factors (H, W, 3) float32, 1 in the mean of the face.

    The face's relief is that of its mesh; beyond it the light fades into its mean on the face, brighter
    on the side it comes from. A photograph has its own shading, so that only a part of the light's counts.
    """
    height, width = (max(2, side // SMALL) for side in size)
    points = mesh / np.array([size[1] / width, size[0] / height, size[1] / width], np.float32)
    normals = vertex_normals(points)
    lit = irradiance(normals, light)
    mean = lit.mean(axis=0)
    _, triangle, weights = rasterise(points, FACE_TRIANGLES, height=height, width=width)
    inside = triangle >= 0
    field: np.ndarray = np.empty((height, width, 3), np.float32)
    field[:] = _slope(rng, light, mesh=points, shape=(height, width))[..., None] * mean
    corners = FACE_TRIANGLES[triangle[inside]]
    field[inside] = (lit[corners] * weights[inside][..., None]).sum(axis=1)
    sigma = max(1.0, 0.06 * face_box(points)[1])
    field = cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    strength = float(rng.uniform(0.7, 1.0) if light.kind == "hard" else rng.choice([0.25, 0.5, 0.8]))
    hue = mean / max(float(mean.mean()), 1e-6)
    field = (field / np.maximum(mean, 1e-4)) ** np.float32(strength) * hue.astype(np.float32) ** 0.6
    full = cv2.resize(np.minimum(field, MOST_LIGHT), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def _slope(rng: np.random.Generator, light: Light, *, mesh: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How much stronger the light is towards its side: (h, w) float32, about 1 at the face."""
    towards = np.zeros(2)
    for lamp in light.lamps:
        towards += lamp.direction[:2] * float(np.mean(lamp.colour)) * (1 - 0.5 * lamp.softness)
    towards = towards / (float(np.mean(light.ambient)) + np.linalg.norm(towards) + 1e-4)
    (cx, cy), side = face_box(mesh)
    y, x = np.mgrid[: shape[0], : shape[1]]
    way = ((x - cx) * towards[0] + (y - cy) * towards[1]) / side
    return np.exp(rng.uniform(0.15, 0.5) * np.tanh(way)).astype(np.float32)


def vertex_normals(mesh: np.ndarray) -> np.ndarray:
    """Unit normals (468, 3) of a face mesh, towards the camera (z < 0)."""
    a, b, c = (mesh[FACE_TRIANGLES[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    across *= np.where(across[:, 2:] > 0, -1.0, 1.0)
    normals = np.zeros_like(mesh)
    for corner in range(3):
        np.add.at(normals, FACE_TRIANGLES[:, corner], across)
    return normals / np.maximum(1e-6, np.linalg.norm(normals, axis=1, keepdims=True))


def _write_relief(depth: np.ndarray, mesh: np.ndarray, *, view: View) -> np.ndarray:
    """Writes the face's relief in metres into `depth` (H, W); where it was written, (H, W) bool."""
    side = face_box(mesh)[1]
    near, triangle, _ = rasterise(mesh, FACE_TRIANGLES, height=depth.shape[0], width=depth.shape[1])
    inside = triangle >= 0
    relief = (near[inside] - np.float32(np.median(mesh[:, 2]))) * np.float32(FACE_M / side)
    depth[inside] = view.focal_px * FACE_M / side + relief
    return np.asarray(inside)
