"""What a lens and a shutter make of what stands before them: defocus, motion, skewed rows, bent lines.

All of it moves the truth too: the mesh goes where the face goes, depth where the picture goes. Near and far
are two layers, cut behind the face: each has one disc of confusion and one speed over the sensor.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numba import njit

from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.camera.models import Camera
from unmask.simulate.stage.scene import Shot

BEHIND_M = 0.3  # what is this much behind the face is far: shoulders and hands are not
LEAST_PX = 0.35  # smaller discs and ways are left to the lens's own softness
MOST_PX = 9.0
DIM = 0.16  # mean light below which cameras expose longer and lose frames
LONGEST_S = 0.045


@dataclass(frozen=True, slots=True, kw_only=True)
class _Speeds:
    """How fast the face and the room go over the sensor: (2,) px/s each."""

    near: np.ndarray
    far: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class _ExposureSeen:
    """An exposure with what is asked of it more than once: the depth of its face, and `nearness` (H, W)
    float32, 1 for the face and what is beside and before it, 0 for the room.
    """

    exposure: Exposure
    face_m: float
    nearness: np.ndarray
    room: np.ndarray  # (64, 64) float32: what of the picture lies behind, for its speed


def through_lens(
    exposures: Iterable[Exposure], rng: np.random.Generator, *, camera: Camera, fps: float
) -> Iterator[Exposure]:
    """The exposures as they arrive at the sensor behind that camera's lens and shutter, one for each.

    In the dim some exposures come twice, the same object, and the one between is lost: so a camera that
    cannot keep its rate fills the gap. Speeds are those from one exposure to the next.
    """
    last: _ExposureSeen | None = None
    kept: Exposure | None = None
    speeds: _Speeds | None = None
    for exposure in exposures:
        seen = _seen(exposure)
        if last is not None:
            speeds = _speeds(last, seen, fps=fps)
            if kept is None or rng.random() >= _loss(last.exposure.shot, camera):
                kept = _arrived(last, speeds, camera=camera)
            yield kept
        last = seen
    if last is not None:
        still = _Speeds(near=np.zeros(2), far=np.zeros(2))
        yield _arrived(last, speeds or still, camera=camera)


def defocus_px(depth_m: float, *, camera: Camera, face_m: float) -> float:
    """Radius of the disc that a point at that depth becomes, in sensor px; the face is at `face_m`.

    >>> from dataclasses import replace
    >>> from unmask.simulate.camera.models import draw_camera
    >>> camera = replace(draw_camera(np.random.default_rng(0)), aperture_mm=2.0, misfocus=0.0)
    >>> defocus_px(0.5, camera=camera, face_m=0.5), defocus_px(3.0, camera=camera, face_m=0.5) > 0.3
    (0.0, True)
    """
    focus = 1 / face_m + camera.misfocus
    disc = 0.5e-3 * camera.aperture_mm * camera.view.focal_px * abs(1 / depth_m - focus)
    return float(min(disc, MOST_PX))


def _loss(shot: Shot, camera: Camera) -> float:
    light = float(shot.radiance[::8, ::8].mean())
    return camera.drops * float(np.clip(np.log(DIM / max(light, 1e-4)), 0, 1))


def _exposure_s(shot: Shot, camera: Camera) -> float:
    """Long in the dim, short in the sun."""
    light = max(float(shot.radiance[::8, ::8].mean()), 1e-3)
    return float(np.clip(camera.exposure_s * (DIM / light) ** 0.5, 1e-3, LONGEST_S))


def _seen(exposure: Exposure) -> _ExposureSeen:
    shot = exposure.shot
    face_m = _face_depth(shot)
    nearness = (shot.depth < face_m + BEHIND_M).astype(np.float32)
    small = cv2.resize(shot.radiance, (64, 64), interpolation=cv2.INTER_AREA).mean(axis=2)
    far = cv2.resize(1 - nearness, (64, 64), interpolation=cv2.INTER_AREA)
    room = np.sqrt(np.maximum(small, 0)) * far
    return _ExposureSeen(exposure=exposure, face_m=face_m, nearness=nearness, room=room)


def _speeds(one: _ExposureSeen, two: _ExposureSeen, *, fps: float) -> _Speeds:
    """The face's by its mesh, the room's by what of the picture lies behind it."""
    meshes = [seen.exposure.shot.mesh[:, :2].mean(axis=0) for seen in (one, two)]
    near = (meshes[1] - meshes[0]) * fps
    window = cv2.createHanningWindow((64, 64), cv2.CV_32F)
    pictures = one.room.copy(), two.room.copy()  # OpenCV multiplies what it is given by the window
    (dx, dy), sure = cv2.phaseCorrelate(*pictures, window)
    height, width = one.nearness.shape
    way = np.array([dx * width, dy * height]) / 64
    far = way * fps if sure > 0.2 and np.abs(way).max() < 0.1 * width else np.zeros(2)
    return _Speeds(near=near, far=far)


def _face_depth(shot: Shot) -> float:
    face = shot.depth[::4, ::4][shot.face[::4, ::4]]
    return float(np.median(face)) if face.size else float(shot.depth.min())


def _arrived(seen: _ExposureSeen, speeds: _Speeds, *, camera: Camera) -> Exposure:
    exposure, face_m, nearness = seen.exposure, seen.face_m, seen.nearness
    shot = exposure.shot
    shutter_s = _exposure_s(shot, camera)
    far = shot.depth[::4, ::4][nearness[::4, ::4] == 0]
    discs = [
        defocus_px(depth, camera=camera, face_m=face_m)
        for depth in (face_m, float(np.median(far)) if far.size else face_m)
    ]
    ways = [_limited(speed * shutter_s) for speed in (speeds.near, speeds.far)]
    if max(*discs, *(float(np.abs(way).max()) for way in ways)) > LEAST_PX:
        kernels = [_kernel(disc, way) for disc, way in zip(discs, ways, strict=True)]
        shot = replace(shot, radiance=_blurred(shot.radiance, nearness, kernels))
    softer = float(np.hypot(discs[0] / 2, np.linalg.norm(ways[0]) / 12**0.5))
    exposure = replace(exposure, shot=shot, softer_px=softer)
    return _bent(exposure, nearness, speeds, camera=camera)


def _limited(way: np.ndarray) -> np.ndarray:
    return np.asarray(way * min(1.0, 2 * MOST_PX / max(1e-6, float(np.linalg.norm(way)))))


def _kernel(disc: float, way: np.ndarray) -> np.ndarray:
    """A disc of that radius drawn along that way: (k, k) float32, sum 1."""
    half = int(np.ceil(disc + np.linalg.norm(way) / 2)) + 1
    if half <= 1 and disc < LEAST_PX and np.abs(way).max() < LEAST_PX:
        return np.ones((1, 1), np.float32)
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    total = np.zeros(y.shape)
    for t in np.linspace(-0.5, 0.5, 1 + 2 * int(np.ceil(np.linalg.norm(way)))):
        total += np.clip(disc + 0.5 - np.hypot(x - t * way[0], y - t * way[1]), 0, 1)
    if total.sum() == 0:
        return np.ones((1, 1), np.float32)
    return (total / total.sum()).astype(np.float32)


def _blurred(radiance: np.ndarray, nearness: np.ndarray, kernels: list[np.ndarray]) -> np.ndarray:
    """The far layer blurred without the near one's light in it, the near one blurred over it."""
    near, far = kernels
    if near.shape == far.shape and np.allclose(near, far, atol=1e-3):
        return _filtered(radiance, near)
    light_far, light_near = np.empty_like(radiance), np.empty_like(radiance)
    _part(radiance, nearness, light_far, light_near)
    behind, before = _filtered(light_far, far), _filtered(light_near, near)
    _lay_behind(behind, _filtered(1 - nearness, far), before, _filtered(nearness, near))
    return before


@njit(cache=True, nogil=True)
def _part(radiance, nearness, far, near):  # type: ignore[no-untyped-def]
    for y in range(radiance.shape[0]):
        for x in range(radiance.shape[1]):
            share = nearness[y, x]
            for c in range(3):
                far[y, x, c] = radiance[y, x, c] * (np.float32(1) - share)
                near[y, x, c] = radiance[y, x, c] * share


@njit(cache=True, nogil=True)
def _lay_behind(behind, share, before, cover):  # type: ignore[no-untyped-def]
    """Adds to `before` what of `behind` its `cover` leaves; `share` of `behind` was of the far layer."""
    for y in range(behind.shape[0]):
        for x in range(behind.shape[1]):
            known, free = max(share[y, x], np.float32(0.02)), np.float32(1) - cover[y, x]
            for c in range(3):
                before[y, x, c] = before[y, x, c] + behind[y, x, c] / known * free


def _filtered(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Large kernels at half size: what they leave has no finer detail."""
    if len(kernel) == 1:
        return image.copy()
    if len(kernel) < 9:
        return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    side = (len(kernel) + 1) // 2 // 2 * 2 + 1
    narrow = cv2.resize(kernel, (side, side), interpolation=cv2.INTER_AREA)
    soft = cv2.filter2D(small, -1, narrow / narrow.sum(), borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)


def _bent(exposure: Exposure, nearness: np.ndarray, speeds: _Speeds, *, camera: Camera) -> Exposure:
    """Lines bent by the lens, and rows that are read one after the other; the truth goes with the picture."""
    view, shot = camera.view, exposure.shot
    middle = np.array([(view.width - 1) / 2, (view.height - 1) / 2])
    corner = float(middle @ middle) / view.focal_px**2
    whole = 1 + camera.distortion * corner
    skew = max(float(np.abs(speeds.near).max()), float(np.abs(speeds.far).max())) * camera.readout_s / 2
    if skew < LEAST_PX and abs(whole - 1) * np.linalg.norm(middle) < LEAST_PX:
        return exposure
    numbers = [camera.distortion / view.focal_px**2, whole, view.height, camera.readout_s, *middle]
    x_from, y_from = np.empty(shot.depth.shape, np.float32), np.empty(shot.depth.shape, np.float32)
    _places(
        x_from,
        y_from,
        cv2.GaussianBlur(nearness, (0, 0), 2.0),
        np.array(numbers, np.float32),
        np.array([*speeds.near, *speeds.far], np.float32),
    )

    def taken(image: np.ndarray, kind: int) -> np.ndarray:
        return np.asarray(cv2.remap(image, x_from, y_from, kind, borderMode=cv2.BORDER_REPLICATE))

    mesh = shot.mesh.copy()
    mesh[:, :2] = _straight_to_bent(mesh[:, :2] - middle, camera=camera, whole=whole) + middle
    mesh[:, :2] += np.outer((mesh[:, 1] - middle[1]) / view.height * camera.readout_s, speeds.near)
    mesh[:, 2] *= whole
    shot = replace(
        shot,
        radiance=taken(shot.radiance, cv2.INTER_LINEAR),
        depth=taken(shot.depth, cv2.INTER_NEAREST),
        face=taken(shot.face.astype(np.uint8), cv2.INTER_NEAREST) > 0,
        mesh=mesh.astype(np.float32),
    )
    grid = exposure.grid
    if grid is not None:  # near the middle a bent picture is a larger one
        shear = np.eye(3)
        shear[:2, 1] -= speeds.near * camera.readout_s / view.height
        shear[:2, :2] /= whole
        to, back = np.eye(3), np.eye(3)
        to[:2, 2], back[:2, 2] = -middle, middle
        grid = replace(
            grid, homography=grid.homography @ back @ shear @ to, cover=taken(grid.cover, cv2.INTER_LINEAR)
        )
    return replace(exposure, shot=shot, grid=grid)


@njit(cache=True, nogil=True)
def _places(x_from, y_from, nearness, numbers, speeds):  # type: ignore[no-untyped-def]
    """Where on the straight sensor, read at once, the light of each pixel would have fallen."""
    distortion, whole, height, readout, middle_x, middle_y = numbers
    near_x, near_y, far_x, far_y = speeds
    for i in range(x_from.shape[0]):
        y = np.float32(i) - middle_y
        late = y / height * readout
        for j in range(x_from.shape[1]):
            x = np.float32(j) - middle_x
            bend = (np.float32(1) + distortion * (x * x + y * y)) / whole
            near, far = nearness[i, j], np.float32(1) - nearness[i, j]
            x_from[i, j] = x * bend + middle_x - (near * near_x + far * far_x) * late
            y_from[i, j] = y * bend + middle_y - (near * near_y + far * far_y) * late


def _straight_to_bent(points: np.ndarray, *, camera: Camera, whole: float) -> np.ndarray:
    """Where (n, 2) points of the straight picture, from its middle, come to lie."""
    bent = points * whole
    for _ in range(6):
        radius = (bent**2).sum(axis=1, keepdims=True) / camera.view.focal_px**2
        bent = points * whole / (1 + camera.distortion * radius)
    return np.asarray(bent)
