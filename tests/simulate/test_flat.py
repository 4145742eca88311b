from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from drawn import drawn_bust, drawn_portrait
from unmask.simulate.instruments.cutouts import behind, draw_cutout
from unmask.simulate.instruments.displays import DISPLAYS
from unmask.simulate.instruments.flat import hold
from unmask.simulate.instruments.framing import BOX, draw_framing
from unmask.simulate.instruments.prints import draw_print
from unmask.simulate.instruments.screens import draw_screen
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.sheet import on_sheet, trace_sheet
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.population import draw_face_share
from unmask.simulate.rendering.layout import ShownPicture, face_box, held, on_page
from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.motion import RigidMotion, draw_camera_motion
from unmask.simulate.rendering.surfaces import Pose, View
from unmask.simulate.stage.scene import Stage, draw_stage

VIEW = View(height=480, width=640, focal_px=560.0)
EVEN = Light(kind="test", ambient=np.ones(3), tilt=np.zeros(3), lamps=(), background=np.ones(3))


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return drawn_portrait(1)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return draw_stage(np.random.default_rng(0), view=View(height=48, width=64, focal_px=56.0))


def setting_of(stage: Any, seed: int, *, times_s: Any = (0.0, 0.1), shaken: bool = False) -> Setting:
    rng = np.random.default_rng([seed, 9])
    camera = draw_camera_motion(rng, kind="handheld" if shaken else "tripod")
    return Setting(
        stage=replace(stage, view=VIEW, camera=camera),
        times_s=times_s,
        face_share=1.25 * draw_face_share(rng, view=VIEW),
        aim_px=np.array([VIEW.width, VIEW.height]) * rng.uniform(0.35, 0.65, 2),
        exposure_s=0.01,
        readout_s=0.02,
        model="",
        show=cast(Any, None),
        victim=cast(Any, None),
        wearer=cast(Any, None),
        place=cast(Any, None),
    )


def presented(portrait: Any, setting: Setting, seed: int) -> tuple[Any, ...]:
    """A medium and its motion, geometry only: every other one a print, else a display."""
    rng = np.random.default_rng([seed, 1])
    shown = ShownPicture(frames=(portrait.image,), meshes=(portrait.mesh,))
    aim, side = setting.aim_px, setting.side_px
    framing = draw_framing(rng, view=VIEW, aim_px=aim, side_px=side, tilt_deg=14.0, held=held(shown))
    draw = draw_print if seed % 2 else draw_screen
    medium = draw(rng, shown, framing=framing)
    where = on_page(medium.layout, portrait.mesh)
    motion = hold(setting, rng, sheet=medium.sheet, where=where, framing=framing, fixed=False)
    return medium, where, motion, framing


def borders_inside(medium: Any, where: Any, motion: RigidMotion, setting: Setting) -> int:
    """How many of the medium's four borders are seen in the box round the face, in the first frame."""
    pose = motion.at(0.0).then(setting.stage.camera.at(0.0))

    def sensor(shares: Any) -> Any:
        points = pose.moved(on_sheet(medium.sheet, shares).astype(np.float32))
        xy = points[:, :2] / points[:, 2:] * VIEW.focal_px + [(VIEW.width - 1) / 2, (VIEW.height - 1) / 2]
        return np.where(points[:, 2:] > 0.005, xy, np.inf)

    centre, side = face_box(sensor(where))
    low = np.maximum(centre - BOX / 2 * side, 0)
    high = np.minimum(centre + BOX / 2 * side, [VIEW.width - 1, VIEW.height - 1])
    run, end = np.linspace(0, 1, 200), np.ones(200)
    lines = ((run, 0 * end), (run, end), (0 * end, run), (end, run))
    seen = [sensor(np.column_stack(line)) for line in lines]
    return sum(bool(((xy > low) & (xy < high)).all(axis=1).sum() > 3) for xy in seen)


def test_a_quarter_shows_no_border_about_the_face_and_a_quarter_one_or_two(
    portrait: Portrait, stage: Stage
) -> None:
    close, some, drawn = 0, 0, []
    for seed in range(120):
        setting = setting_of(stage, seed)
        medium, where, motion, framing = presented(portrait, setting, seed)
        count = borders_inside(medium, where, motion, setting)
        if framing.extents is None:
            drawn.append(count)
        elif any(framing.borders):
            some += 1 <= count <= 2
        else:
            close += count == 0
    assert 0.15 < close / 120 < 0.37
    assert 0.15 < some / 120 < 0.37
    assert np.mean(np.array(drawn) > 0) > 0.5


def test_the_face_stays_before_the_camera_however_hands_shake(portrait: Portrait, stage: Stage) -> None:
    times_s = tuple(np.arange(0, 8, 0.5))
    for seed in range(40):
        setting = setting_of(stage, seed, times_s=times_s, shaken=True)
        medium, where, motion, _ = presented(portrait, setting, seed)
        for time_s in times_s:
            pose = motion.at(time_s).then(setting.stage.camera.at(time_s))
            z = pose.moved(on_sheet(medium.sheet, where).astype(np.float32))[:, 2]
            assert z.min() > 0.01, (seed, time_s)


def test_printers_and_displays_are_what_was_asked_for(portrait: Portrait) -> None:
    shown = ShownPicture(frames=(portrait.image,), meshes=(portrait.mesh,))
    rng = np.random.default_rng(3)
    for model in INSTRUMENTS["replay/tablet"].models:
        assert draw_screen(rng, shown, model=model).display is DISPLAYS[model]
    for model in INSTRUMENTS["print/matt"].models:
        printed = draw_print(rng, shown, stock="matt", printer=model)
        assert (printed.lpi > 0) == ("laser" in model)
        assert (printed.dot_m > 0) == ("inkjet" in model)


def test_an_eye_hole_shows_the_eyes_of_who_holds_the_paper(portrait: Portrait, stage: Stage) -> None:
    wearer = drawn_bust(1)
    setting = replace(setting_of(stage, 0), wearer=lambda: wearer)
    view = View(height=160, width=160, focal_px=300.0)
    small = replace(setting.stage, view=view, light=EVEN)
    shown = ShownPicture(frames=(portrait.image,), meshes=(portrait.mesh,))
    frame, mesh = shown.at(0)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        paper = draw_print(rng, shown, bent=False, stock="matt", printer="laser-600")
        cutout = draw_cutout(rng, setting, paper, frame=frame, mesh=mesh)
        if cutout.holes:
            break
    pose = Pose(translation=np.array([0, 0, 0.5], np.float32))
    sheet = replace(cutout.paper.sheet, radius_m=0.0)
    traced = trace_sheet(sheet, pose, view=view, light=EVEN)
    holder = behind(cutout, wearer, pose, stage=small, time_s=0.0)
    eyes = pose.moved(on_sheet(sheet, on_page(cutout.paper.layout, mesh))).astype(float)[[159, 386]]
    found = np.round(eyes[:, :2] / eyes[:, 2:] * view.focal_px + 79.5).astype(int)
    for x, y in found + np.array([0, 1]):
        assert traced.alpha[y, x] < 0.5
        assert 0.51 < holder.depth[y, x] < 0.62
    assert traced.alpha[found[0, 1] + 12, found[0, 0]] == 1  # a cheek is paper
