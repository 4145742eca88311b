"""Busts, motion, masks and stages: true depth, blinking lids, the same clip for the same seed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drawn import drawn_bust, drawn_portrait
from unmask.media.topology import POINTS
from unmask.simulate.instruments.masks import cut_out, draw_paper_mask, paper_mask
from unmask.simulate.people.subjects import Portrait, is_usable, procedural_portrait
from unmask.simulate.population import draw_face_share
from unmask.simulate.rendering.motion import draw_camera_motion, draw_head_motion, draw_rigid_motion
from unmask.simulate.rendering.surfaces import Pose, turn
from unmask.simulate.stage.backdrops import own_backdrop
from unmask.simulate.stage.scene import (
    Bust,
    View,
    bona_fide,
    draw_place,
    draw_stage,
    expose,
    suits_own_background,
)

VIEW = View(height=120, width=160, focal_px=140.0)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return drawn_portrait(4)


@pytest.fixture(scope="module")
def bust() -> Bust:
    return drawn_bust(4)


def _still(bust: Any, *, liveliness: float = 0.0) -> Any:
    rng = np.random.default_rng(2)
    stage = replace(draw_stage(rng, view=VIEW), camera=draw_camera_motion(rng, kind="tripod"))
    place = Pose(translation=np.array([0, 0, 0.6], np.float32))
    return stage, draw_head_motion(rng, place=place, liveliness=liveliness)


def test_a_drawn_portrait_is_usable_and_its_own(portrait: Portrait) -> None:
    again = procedural_portrait(np.random.default_rng(4))
    other = procedural_portrait(np.random.default_rng(5))
    assert is_usable(portrait)
    np.testing.assert_array_equal(portrait.image, again.image)
    assert np.abs(portrait.mesh - other.mesh).max() > 1


def test_a_head_has_a_heads_depth_and_stands_before_its_room(bust: Bust) -> None:
    stage, motion = _still(bust)
    shot = bona_fide(bust, stage, motion=motion, time_s=0.0)
    face = shot.depth[shot.face]
    assert 0.03 < np.ptp(face) < 0.2  # nose to ears
    assert np.median(face) == pytest.approx(0.55, abs=0.08)
    assert shot.depth[~shot.face].max() > 1.0
    nose, ear = shot.mesh[1].round().astype(int), shot.mesh[234].round().astype(int)
    assert shot.depth[nose[1], nose[0]] < shot.depth[ear[1], ear[0] + 2]


def test_depth_of_the_face_is_that_of_its_mesh(bust: Bust) -> None:
    stage, motion = _still(bust)
    shot = bona_fide(bust, stage, motion=motion, time_s=0.0)
    points = motion.at(0.0).head.moved(bust.points[:POINTS])
    for index in (4, 151, 50, 280):
        x, y = shot.mesh[index, :2].round().astype(int)
        assert shot.depth[y, x] == pytest.approx(points[index, 2], abs=0.006)


def test_the_same_seed_gives_the_same_shots(bust: Bust) -> None:
    def shots() -> Any:
        rng = np.random.default_rng(9)
        stage = draw_stage(rng, view=VIEW)
        motion = draw_head_motion(
            rng, place=draw_place(rng, bust, view=VIEW, face_share=draw_face_share(rng, view=VIEW))
        )
        return expose([bona_fide(bust, stage, motion=motion, time_s=t) for t in (0.0, 0.1)], rng)

    for one, two in zip(shots(), shots(), strict=True):
        np.testing.assert_array_equal(one.radiance, two.radiance)
        np.testing.assert_array_equal(one.depth, two.depth)


def test_nothing_in_a_shot_is_missing(bust: Bust) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        stage = draw_stage(rng, view=VIEW)
        place = draw_place(rng, bust, view=VIEW, face_share=draw_face_share(rng, view=VIEW))
        shot = bona_fide(bust, stage, motion=draw_head_motion(rng, place=place), time_s=0.4)
        assert np.isfinite(shot.radiance).all()
        assert shot.radiance.min() >= 0
        assert np.isfinite(shot.depth).all()
        assert shot.face.mean() > 0.015


def test_lids_close_and_the_jaw_opens(bust: Bust) -> None:
    shut, wide = bust.points + bust.lids, bust.points + bust.jaw
    before = np.linalg.norm(bust.points[159] - bust.points[145])
    assert np.linalg.norm(shut[159] - shut[145]) < 0.3 * before
    assert wide[14, 1] - wide[13, 1] > bust.points[14, 1] - bust.points[13, 1] + 0.003
    np.testing.assert_array_equal(wide[[1, 10, 33, 263]], bust.points[[1, 10, 33, 263]])


def test_motion_is_smooth_and_depends_on_time_alone() -> None:
    motion = draw_head_motion(np.random.default_rng(1), place=Pose())
    late, early = motion.at(2.0), motion.at(1.0)
    np.testing.assert_array_equal(motion.at(2.0).head.rotation, late.head.rotation)
    step = np.abs(motion.at(1.001).head.translation - early.head.translation).max()
    assert 0 < step < 1e-3
    assert all(0 <= motion.at(t).blink <= 1 for t in np.arange(0, 5, 0.05))
    assert max(motion.at(t).blink for t in np.arange(0, 30, 0.02)) > 0.8


def test_a_rigid_thing_keeps_its_shape() -> None:
    motion = draw_rigid_motion(
        np.random.default_rng(1), place=Pose(translation=np.array([0, 0, 1.0])), shake=3
    )
    points = np.random.default_rng(0).normal(0, 1, (9, 3))
    moved = motion.at(0.7).moved(points)
    np.testing.assert_allclose(
        np.linalg.norm(moved[1:] - moved[0], axis=1),
        np.linalg.norm(points[1:] - points[0], axis=1),
        rtol=1e-4,
    )


def test_noses_go_where_angles_say() -> None:
    nose = np.array([0, 0, -1.0])
    assert (turn(yaw=0.3) @ nose)[0] > 0
    assert (turn(pitch=0.3) @ nose)[1] > 0
    assert (turn(roll=0.3) @ np.array([1.0, 0, 0]))[1] > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_paper_mask_has_the_papers_depth(bust: Bust, portrait: Portrait, seed: int) -> None:
    rng = np.random.default_rng(seed)
    stage, motion = _still(bust)
    mask = replace(
        draw_paper_mask(rng), worn=bool(seed % 2), bend_m=0.0, nod_m=0.0, eye_holes=False, mouth_hole=False
    )
    page = (portrait.image / 255.0) ** 2.2
    shot = paper_mask(
        cut_out(mask, page.astype(np.float32), picture_mesh=portrait.mesh),
        stage,
        wearer=bust if mask.worn else None,
        motion=motion,
        time_s=0.0,
    )
    pose = motion.at(0.0).head
    y, x = np.nonzero(shot.face)
    rays = np.c_[(x - 79.5) / 140, (y - 59.5) / 140, np.ones(len(x))] * shot.depth[y, x, None]
    off_plane = (rays @ pose.rotation)[:, 2]  # along the paper's normal
    assert np.quantile(np.abs(off_plane - np.median(off_plane)), 0.95) < 0.002
    assert shot.depth[0, 0] > 1.0
    assert shot.face.any()


def test_the_own_background_lines_up_with_the_head(bust: Bust) -> None:
    place = Pose(translation=np.array([0.03, -0.02, 0.5], np.float32))
    backdrop = own_backdrop(bust, place)
    on_axis = (np.array(backdrop.axis_px) - bust.origin_px) * backdrop.metres_per_px / backdrop.depth_m
    np.testing.assert_allclose(on_axis, -place.translation[:2] / place.translation[2], atol=1e-6)


def test_small_heads_do_not_suit_their_own_background(bust: Bust) -> None:
    near, far = (Pose(translation=np.array([0, 0, z], np.float32)) for z in (0.3, 1.5))
    assert suits_own_background(bust, near, view=VIEW)
    assert not suits_own_background(bust, far, view=VIEW)


def test_exposure_brings_dark_and_bright_together(bust: Bust) -> None:
    stage, motion = _still(bust)
    shot = bona_fide(bust, stage, motion=motion, time_s=0.0)
    means = []
    for gain in (0.05, 1.0, 10.0):
        scaled = replace(shot, radiance=shot.radiance * gain)
        means.append(expose([scaled], np.random.default_rng(3))[0].radiance.mean())
    # Light in a ratio of 200 comes out in one of 200 ** (1 - strength), strength at least 0.6.
    assert 1 <= max(means) / min(means) <= 200**0.4 * 1.01


def test_a_wall_that_runs_towards_the_camera_hides_nobody(bust: Bust) -> None:
    stage, motion = _still(bust)
    near = replace(stage.backdrop, depth_m=0.5, tilt=(0.4, 0.4))
    shot = bona_fide(bust, replace(stage, backdrop=near), motion=motion, time_s=0.0)
    face = bona_fide(bust, stage, motion=motion, time_s=0.0)
    np.testing.assert_array_equal(shot.depth[face.face], face.depth[face.face])
