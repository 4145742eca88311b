from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from present import present
from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.camera.lens import defocus_px, through_lens
from unmask.simulate.camera.models import Camera, draw_camera
from unmask.simulate.rendering.lattice import Grid, lcd_stripe
from unmask.simulate.stage.scene import Shot

SIDE = 128


def plain(**changes: Any) -> Camera:
    camera = draw_camera(np.random.default_rng(0), model="new-phone")
    nothing = {
        "height": SIDE, "width": SIDE, "sensor_scale": 1.0, "view_deg": 50.0, "aperture_mm": 0.0,
        "misfocus": 0.0, "distortion": 0.0, "drops": 0.0, "exposure_s": 0.001, "readout_s": 0.0,
    }  # fmt: skip
    return replace(camera, **{**nothing, **changes})


def dots(*, at: np.ndarray, shift: tuple[float, float] = (0, 0), room_m: float = 3.0) -> Exposure:
    """Small bright dots at points (n, 2) of a face half a metre away, before a dark room."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    points = np.asarray(at, float) + shift
    radiance = np.full((SIDE, SIDE), 0.05)
    for point in points:
        radiance += np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / 2 / 1.5**2)
    face = (abs(x - SIDE / 2) < 50) & (abs(y - SIDE / 2) < 50)
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = points[np.arange(468) % len(points)]
    shot = Shot(
        radiance=np.repeat(radiance[..., None], 3, axis=2).astype(np.float32),
        depth=np.where(face, 0.5, room_m).astype(np.float32),
        mesh=mesh,
        face=face,
    )
    return Exposure(shot=shot)


def arrived(shown: list[Exposure], **changes: Any) -> list[Exposure]:
    rng = np.random.default_rng(0)
    return list(through_lens(shown, rng, camera=plain(**changes), fps=10.0))


def found(exposure: Exposure, near: np.ndarray) -> np.ndarray:
    """Where the dot next to `near` lies, to parts of a pixel."""
    x, y = np.round(near).astype(int)
    patch = exposure.shot.radiance[y - 5 : y + 6, x - 5 : x + 6, 0] - 0.05
    rows, columns = np.mgrid[y - 5 : y + 6, x - 5 : x + 6]
    return np.array([(patch * columns).sum(), (patch * rows).sum()]) / patch.sum()


SPOTS = np.array([[32.0, 30.0], [96.0, 32.0], [64.0, 64.0], [30.0, 98.0], [99.0, 97.0]])


def test_defocus_grows_with_the_distance_from_the_focal_plane_and_with_the_pupil() -> None:
    camera = plain(aperture_mm=2.0)
    beyond = [defocus_px(depth, camera=camera, face_m=0.5) for depth in (0.5, 0.7, 1.0, 3.0)]
    before = [defocus_px(depth, camera=camera, face_m=0.5) for depth in (0.5, 0.4, 0.3, 0.2)]
    assert beyond[0] == before[0] == 0
    assert beyond == sorted(beyond)
    assert before == sorted(before)
    assert defocus_px(1.0, camera=replace(camera, aperture_mm=4.0), face_m=0.5) == 2 * beyond[2]


def test_a_face_is_as_far_out_of_focus_near_the_lens_as_far_from_it() -> None:
    camera = plain(aperture_mm=2.0, misfocus=-1.0)
    near, far = (defocus_px(depth, camera=camera, face_m=depth) for depth in (0.15, 0.8))
    assert near == pytest.approx(far)
    assert near > 0.1


def test_a_face_out_of_focus_is_soft_and_one_in_focus_is_not() -> None:
    peaks = [
        arrived([dots(at=SPOTS)], aperture_mm=25.0, misfocus=error)[0].shot.radiance[30, 32, 0]
        for error in (0.0, -1.5)
    ]
    assert peaks[1] < 0.6 * peaks[0]


def test_the_room_is_soft_behind_a_face_in_focus_and_sheds_no_light_on_it() -> None:
    exposure = dots(at=SPOTS)
    lit = exposure.shot.radiance.copy()
    lit[exposure.shot.depth > 1] = 4.0
    exposure = replace(exposure, shot=replace(exposure.shot, radiance=lit))
    seen = arrived([exposure], aperture_mm=12.0)[0].shot.radiance
    assert abs(seen[64, 40, 0] - lit[64, 40, 0]) < 1e-3
    assert abs(seen[5, 5, 0] - 4.0) < 0.05


def test_motion_draws_a_face_out_along_its_way_alone() -> None:
    shown = [dots(at=SPOTS), dots(at=SPOTS, shift=(12, 0))]
    seen = arrived(shown, exposure_s=0.05)[0].shot.radiance[..., 0]
    along, across = seen[64, 56:73] - 0.05, seen[56:73, 64] - 0.05
    assert (along > 0.3 * along.max()).sum() > 1.5 * (across > 0.3 * across.max()).sum()
    assert seen.mean() == pytest.approx(shown[0].shot.radiance.mean(), rel=0.02)


def test_rows_shift_under_a_rolling_shutter_and_the_mesh_goes_with_them() -> None:
    shown = [dots(at=SPOTS), dots(at=SPOTS, shift=(30, 0))]
    seen = arrived(shown, readout_s=0.03)[0]
    upper, lower = found(seen, SPOTS[0]), found(seen, SPOTS[4])
    assert upper[0] < SPOTS[0, 0] - 1
    assert lower[0] > SPOTS[4, 0] + 1
    for index, spot in enumerate(SPOTS):
        assert np.abs(found(seen, spot) - seen.shot.mesh[index, :2]).max() < 0.5


@pytest.mark.parametrize("distortion", [-0.1, 0.2])
def test_the_mesh_stays_on_a_face_that_a_wide_lens_bends(distortion: float) -> None:
    seen = arrived([dots(at=SPOTS)], distortion=distortion, view_deg=95.0)[0]
    moved = seen.shot.mesh[: len(SPOTS), :2]
    assert np.abs(moved - SPOTS).max() > 2
    for index in range(len(SPOTS)):
        assert np.abs(found(seen, moved[index]) - moved[index]).max() < 0.5


def test_a_grid_is_bent_with_the_display_that_shows_it() -> None:
    shown = replace(
        dots(at=SPOTS),
        grid=Grid(lattice=lcd_stripe(), homography=np.eye(3), cover=np.ones((SIDE, SIDE), np.float32)),
    )
    seen = arrived([shown], distortion=0.2, view_deg=95.0)[0]
    grid = present(seen.grid)
    middle = np.array([(SIDE - 1) / 2, (SIDE - 1) / 2])
    spot = cv2.perspectiveTransform(seen.shot.mesh[None, 2:3, :2].astype(float), grid.homography)
    assert np.abs(spot[0, 0] - SPOTS[2]).max() < 0.1
    assert np.linalg.det(grid.homography[:2, :2]) < 0.95
    np.testing.assert_allclose(cv2.perspectiveTransform(middle[None, None], grid.homography)[0, 0], middle)


def test_frames_are_lost_in_the_dim_and_the_ones_before_come_twice() -> None:
    dim = [dots(at=SPOTS, shift=(0, 0.01 * n)) for n in range(30)]
    dim = [replace(one, shot=replace(one.shot, radiance=one.shot.radiance * 0.1)) for one in dim]
    bright = [replace(one, shot=replace(one.shot, radiance=one.shot.radiance * 60)) for one in dim]
    for shown, least, most in ((dim, 5, 25), (bright, 0, 0)):
        seen = arrived(shown, drops=0.7)
        twice = sum(one is two for one, two in pairwise(seen))
        assert len(seen) == 30
        assert least <= twice <= most
