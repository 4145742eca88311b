from typing import Any, cast

import cv2
import numpy as np
import pytest
from skimage import data

from present import present
from unmask.media.clips import (
    box_in,
    choose,
    clip_box,
    cut,
    cut_picture,
    kept_inside,
    mesh_depth,
    mesh_in_clip,
    mesh_mask,
)
from unmask.media.faces import FaceFinder
from unmask.types import ClipSpec, Face, Frame, SettingsError, Sighting

NOSE_TIP = 1


@pytest.fixture(scope="module")
def astronaut() -> Sighting:
    picture = data.astronaut()
    return Sighting(frame=Frame(picture, 0.0, 0), face=FaceFinder.load().find(picture)[0])


def mesh_of(*points: tuple[float, float, float]) -> np.ndarray:
    """A mesh whose points are all at the first, but for the others."""
    mesh = np.tile(np.array(points[0], np.float32), (468, 1))
    mesh[: len(points)] = points
    return mesh


def test_the_box_is_a_square_around_the_middle_on_whole_pixels() -> None:
    box = clip_box(mesh_of((10.2, 20, 0), (50.2, 80, 0)), scale=1.5)
    assert (box[2] - box[0], box[3] - box[1]) == (90, 90)  # 1.5 times the 60 pixels from 20 to 80
    assert box == pytest.approx(np.round(box))
    np.testing.assert_allclose((box[:2] + box[2:] - 1) / 2, (30.2, 50), atol=0.5)


@pytest.mark.parametrize(
    "box", [(-10, -5, 50, 55), (40, 30, 100, 90), (-20, -20, 100, 100), (200, 10, 216, 26)]
)
def test_beyond_the_border_the_edge_is_repeated(rng: np.random.Generator, box: Any) -> None:
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    padded = np.pad(image, ((200, 200), (200, 200), (0, 0)), mode="edge")
    x0, y0, x1, y1 = (value + 200 for value in box)
    np.testing.assert_array_equal(
        cut_picture(image, np.array(box, float), size_px=x1 - x0), padded[y0:y1, x0:x1]
    )


@pytest.mark.parametrize("corner", [(-10, -5), (70, 40), (20, 10)])
@pytest.mark.parametrize("side", [20, 60, 200])
def test_a_box_kept_inside_the_picture_invents_no_pixel_and_keeps_its_size_where_it_can(
    corner: Any, side: int
) -> None:
    box = np.array([*corner, corner[0] + side, corner[1] + side], float)
    kept = kept_inside(box, height=60, width=80)
    assert (kept[:2] >= 0).all()
    assert kept[2] <= 80
    assert kept[3] <= 60
    assert kept[2] - kept[0] == kept[3] - kept[1] == min(side, 60)
    np.testing.assert_array_equal(kept, np.round(kept))


def test_the_contract_says_whether_a_clip_is_kept_inside_the_picture(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sighting = Sighting(
        frame=Frame(image, 0.0, 0),
        face=Face(box=np.array([4, 4, 44, 44]), mesh=mesh_of((4, 4, 0), (44, 44, 0)), presence=1.0),
    )
    inside = ClipSpec(frames=1, size_px=64, box_scale=2.8, border="inside")
    clip = cut([sighting], spec=inside)
    np.testing.assert_array_equal(clip.pixels[0], image)
    np.testing.assert_array_equal(clip.box, box_in(sighting, spec=inside))
    repeated = cut([sighting], spec=ClipSpec(frames=1, size_px=64, box_scale=2.8))
    assert repeated.box[0] < 0
    with pytest.raises(SettingsError, match="border"):
        ClipSpec(border=cast(Any, "wrap"))


def test_shrinking_averages_areas(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    blocks = image.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3))
    small = cut_picture(image, np.array([0, 0, 96, 96]), size_px=32)
    assert np.abs(small - blocks).max() <= 1


def test_a_mirrored_view_is_cut_like_its_copy(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (80, 80, 3), dtype=np.uint8)
    box = np.array([5, 5, 70, 70])
    mirrored = cut_picture(image[:, ::-1, ::-1], box, size_px=32)
    copied = cut_picture(np.ascontiguousarray(image[:, ::-1, ::-1]), box, size_px=32)
    np.testing.assert_array_equal(mirrored, copied)


def test_cutting_does_not_touch_the_frame(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    part = cut_picture(image, np.array([4, 4, 36, 36]), size_px=32)
    part[:] = 0
    assert image[4:36, 4:36].any()


@pytest.mark.parametrize("side", [64, 128, 301])
def test_a_point_of_the_mesh_stays_on_what_it_marks(side: int) -> None:
    image = np.zeros((400, 500, 3), np.uint8)
    blob = (150.0, 140.0)
    cv2.circle(image, (150, 140), 6, (255, 255, 255), -1)
    box = np.array([120.0, 100, 120 + side, 100 + side])
    clip = cut_picture(image, box, size_px=128)[..., 0].astype(float)
    y, x = np.mgrid[0:128, 0:128]
    seen = (x * clip).sum() / clip.sum(), (y * clip).sum() / clip.sum()
    moved = mesh_in_clip(mesh_of((*blob, 10)), box, size_px=128)[0]
    np.testing.assert_allclose(moved[:2], seen, atol=0.1)
    assert moved[2] == pytest.approx(10 * 128 / side)


def test_a_clip_has_one_box_for_all_its_frames(astronaut: Sighting) -> None:
    image, mesh = astronaut.frame.image, astronaut.face.mesh
    later = Sighting(
        frame=Frame(image, 0.1, 3),
        face=Face(box=astronaut.face.box + 9, mesh=mesh + np.float32(9), presence=1.0),
    )
    clip = cut([astronaut, later], spec=ClipSpec(frames=2, size_px=64))
    assert clip.pixels.shape == (2, 64, 64, 3)
    assert clip.times_s.tolist() == [0.0, 0.1]
    np.testing.assert_array_equal(clip.box, clip_box(mesh, scale=1.3))
    np.testing.assert_array_equal(clip.pixels[0], clip.pixels[1])
    shift = 9 * 64 / (clip.box[2] - clip.box[0])
    np.testing.assert_allclose(clip.meshes[1] - clip.meshes[0], shift, rtol=1e-3)


def test_a_given_box_is_used_rounded(astronaut: Sighting) -> None:
    clip = cut([astronaut], spec=ClipSpec(frames=1, size_px=64), box=np.array([10.4, 10.4, 90.4, 90.4]))
    assert clip.box.tolist() == [10, 10, 90, 90]


def test_a_clip_of_too_few_sightings_is_refused(astronaut: Sighting) -> None:
    with pytest.raises(ValueError, match="5 frames"):
        cut([astronaut], spec=ClipSpec(frames=5))


@pytest.mark.parametrize("fps", [8, 10, 12.5, 15, 24, 25, 29.97, 30, 50, 60, 120])
def test_every_usual_frame_rate_carries_a_clip(fps: float) -> None:
    times = [k / fps for k in range(200)]
    spec = ClipSpec()
    chosen = present(choose(times, spec=spec, start=3))
    assert chosen[0] == 3
    assert np.all(np.diff(chosen) > 0)
    assert np.all(np.diff([times[k] for k in chosen]) < 1.7 * spec.stride_s)
    if fps >= 24:
        off = np.array([times[k] for k in chosen]) - times[3] - spec.stride_s * np.arange(5)
        assert np.abs(off).max() <= 0.5 / fps + 1e-9


def test_true_times_count_and_not_the_number_of_frames() -> None:
    times = [0, 0.02, 0.05, 0.098, 0.101, 0.19, 0.30, 0.31, 0.41]
    assert choose(times, spec=ClipSpec(), start=0) == [0, 4, 5, 6, 8]


@pytest.mark.parametrize(
    "times", [[], [0.0], [0, 0.1, 0.2, 0.3], [0, 0.2, 0.4, 0.6, 0.8], [0, 0.1, 0.2, 1.3, 1.4, 1.5]]
)
def test_times_that_do_not_carry_a_clip_give_none(times: Any) -> None:
    assert choose(times, spec=ClipSpec(), start=0) is None


def test_the_mask_covers_what_the_mesh_covers(astronaut: Sighting) -> None:
    clip = cut([astronaut], spec=ClipSpec(frames=1))
    mask = mesh_mask(clip.meshes[0], size_px=256)
    hull = cv2.convexHull(np.ascontiguousarray(clip.meshes[0][:, :2]))
    assert (mask.shape, mask.dtype) == ((32, 32), np.dtype(np.float32))
    assert (mask.min(), mask.max()) == (0, 1)
    assert mask.sum() * 64 == pytest.approx(
        cv2.contourArea(hull), rel=0.04
    )  # a frontal face is nearly convex


def test_the_depth_is_nearest_at_the_nose_and_nothing_off_the_face(astronaut: Sighting) -> None:
    mesh = cut([astronaut], spec=ClipSpec(frames=1)).meshes[0]
    depth, mask = mesh_depth(mesh, size_px=256), mesh_mask(mesh, size_px=256)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    nose = (mesh[NOSE_TIP, :2] + 0.5) / 8 - 0.5
    assert np.linalg.norm((x, y) - nose) < 2
    assert depth.max() > 0.9
    assert np.all(depth[mask == 0] == 0)
    assert np.all((depth >= 0) & (depth <= mask + 1e-6))


def test_a_mesh_beside_the_clip_has_no_mask_and_no_depth(astronaut: Sighting) -> None:
    away = astronaut.face.mesh + np.float32(10_000)
    assert mesh_mask(away, size_px=256).max() == 0
    assert mesh_depth(away, size_px=256).max() == 0
