"""Paper masks: flat or bent paper, held or on a head that moves behind, in three stocks."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from drawn import drawn_bust, drawn_portrait
from unmask.simulate.instruments.masks import cut_out, draw_paper_mask, paper_mask
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.motion import draw_camera_motion, draw_head_motion
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import Bust, View, bona_fide, draw_stage

VIEW = View(height=120, width=160, focal_px=140.0)


@pytest.fixture(scope="module")
def portraits() -> list[Portrait]:
    return [drawn_portrait(seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def wearer() -> Bust:
    return drawn_bust(2)


@pytest.fixture(scope="module")
def still() -> Any:
    rng = np.random.default_rng(2)
    stage = replace(draw_stage(rng, view=VIEW), camera=draw_camera_motion(rng, kind="tripod"))
    place = Pose(translation=np.array([0, 0, 0.4], np.float32))
    return stage, draw_head_motion(rng, place=place, liveliness=0)


def mask_of(**changes: Any) -> Any:
    plain = {"bend_m": 0.0, "nod_m": 0.0, "eye_holes": False, "mouth_hole": False, "worn": True, "gap_m": 0.0}
    return replace(draw_paper_mask(np.random.default_rng(3)), **{**plain, **changes})


def shot_of(mask: Any, portrait: Any, wearer: Any, still: Any, *, time_s: float = 0.0, **more: Any) -> Any:
    stage, motion = still
    page = ((portrait.image / 255.0) ** 2.2).astype(np.float32)
    return paper_mask(
        cut_out(mask, page, picture_mesh=portrait.mesh),
        stage,
        wearer=wearer,
        motion=motion,
        time_s=time_s,
        **more,
    )


def test_a_flat_mask_is_a_plane_and_a_bent_one_is_an_arc(portraits: list[Portrait]) -> None:
    page = np.full((*portraits[0].image.shape[:2], 3), 0.5, np.float32)
    flat = cut_out(mask_of(), page, picture_mesh=portraits[0].mesh).surface.vertices
    bent = cut_out(mask_of(bend_m=0.1), page, picture_mesh=portraits[0].mesh).surface.vertices
    assert np.ptp(flat[:, 2]) == 0
    np.testing.assert_allclose(np.hypot(bent[:, 0], 0.1 - bent[:, 2]), 0.1, atol=1e-5)
    # Paper does not stretch: the arc is as long as the sheet was wide.
    row = slice(0, 25)
    long = np.linalg.norm(np.diff(bent[row], axis=0), axis=1).sum()
    assert long == pytest.approx(np.ptp(flat[row, 0]), rel=1e-3)


def test_a_worn_mask_is_before_the_face_and_the_head_is_behind_it(
    portraits: list[Portrait], wearer: Bust, still: Any
) -> None:
    stage, motion = still
    bare = bona_fide(wearer, stage, motion=motion, time_s=0.0)
    shot = shot_of(mask_of(bend_m=0.12), portraits[0], wearer, still)
    both = shot.face & bare.face
    nearer = bare.depth[both] - shot.depth[both]
    assert np.mean(nearer > -0.01) > 0.97  # a nose may dent it
    beside = ~shot.face & (bare.depth < 1.0)
    assert beside.any()
    same = np.abs(shot.depth - bare.depth)[beside] < 1e-4
    assert np.mean(same) > 0.8  # hair, neck and shoulders; the rest is the paper's rim


def test_a_worn_mask_moves_with_its_head(portraits: list[Portrait], wearer: Bust, still: Any) -> None:
    moving = (still[0], draw_head_motion(np.random.default_rng(1), place=still[1].place, liveliness=2.0))
    first, later = (shot_of(mask_of(), portraits[0], wearer, moving, time_s=t) for t in (0.0, 0.8))
    shift = later.mesh[:, :2].mean(axis=0) - first.mesh[:, :2].mean(axis=0)
    assert np.linalg.norm(shift) > 0.5
    plane, _ = cv2.findHomography(first.mesh[:, :2], later.mesh[:, :2])
    explained = cv2.perspectiveTransform(first.mesh[None, :, :2], plane)[0]
    assert np.abs(explained - later.mesh[:, :2]).max() < 0.05  # a sheet has no expression


def test_eyes_cut_out_show_the_wearers_skin_and_its_depth(
    portraits: list[Portrait], wearer: Bust, still: Any
) -> None:
    whole = shot_of(mask_of(), portraits[0], wearer, still)
    holes = shot_of(mask_of(eye_holes=True), portraits[0], wearer, still)
    eye = holes.mesh[[159, 145, 33, 133], :2].mean(axis=0).round().astype(int)
    assert holes.depth[eye[1], eye[0]] > whole.depth[eye[1], eye[0]] + 0.002


def test_stocks_differ_in_gloss_and_in_what_is_left_bare(
    portraits: list[Portrait], wearer: Bust, still: Any
) -> None:
    lamp = Light(
        kind="test", ambient=np.full(3, 0.5), tilt=np.zeros(3), lamps=(), background=np.ones(3, np.float32)
    )
    looks = []
    for model in INSTRUMENTS["mask/paper"].models:
        drawn = draw_paper_mask(np.random.default_rng(3), model)
        mask = replace(mask_of(rim_m=0.02, blank=1.0), gloss=drawn.gloss, white=drawn.white)
        looks.append(shot_of(mask, portraits[0], wearer, still, light=lamp).radiance)
    assert np.abs(looks[0] - looks[2]).max() > 0.02
    photo, office = (draw_paper_mask(np.random.default_rng(3), model).gloss for model in ("photo", "office"))
    assert photo > 2 * office


def test_all_13_types_of_siw_m_have_a_counterpart() -> None:
    masks = {"Half Mask", "Silicone Mask", "Transparent Mask", "Paper Mask", "Mannequin Head"}
    paint, parts = (
        {"Obfuscation", "Impersonation", "Cosmetic"},
        {"Funny Eye", "Paper Glasses", "Partial Paper"},
    )
    assert {row.like for row in INSTRUMENTS.values()} == {"Replay", "Print"} | masks | paint | parts
    families = {name.split("/")[0] for name in INSTRUMENTS}
    assert families == {"print", "replay", "mask", "makeup", "partial"}
