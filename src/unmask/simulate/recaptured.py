"""The photograph of an occasion as an attacker shows it: printed or on a display, before the same camera."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from unmask.simulate.backdrops import LINEAR
from unmask.simulate.bust import Bust
from unmask.simulate.camera import Exposure, jpeg
from unmask.simulate.instruments import INSTRUMENTS
from unmask.simulate.layout import Picture
from unmask.simulate.light import draw_light
from unmask.simulate.occasions import Occasion
from unmask.simulate.person import lighting
from unmask.simulate.scene import Stage
from unmask.simulate.setting import Setting
from unmask.simulate.surfaces import Pose

DARK_ROOM = 0.42  # how often a display is brighter than all about it, so that cameras burn it out
_BYTES = (np.clip((np.arange(4096) / 4095) ** (1 / 2.2), 0, 1) * 255 + 0.5).astype(np.uint8)


def recaptured(
    rng: np.random.Generator,
    occasion: Occasion,
    *,
    instrument: str,
    model: str,
    times_s: tuple[float, ...] = (0.0,),
) -> Iterator[Exposure]:
    """What the camera sees of that instrument with the occasion's photograph on it."""
    shown = shown_picture(rng, occasion)
    setting = Setting(
        stage=_stage(rng, occasion.stage, instrument),
        times_s=times_s,
        face_share=occasion.face_share,
        aim_px=occasion.aim_px,
        exposure_s=occasion.camera.exposure_s,
        readout_s=occasion.camera.readout_s,
        model=model,
        show=lambda moving: shown,
        victim=_nobody,
        wearer=_nobody,
        place=_nowhere,
    )
    return INSTRUMENTS[instrument].present(setting, rng)


def _nobody() -> Bust:
    raise ValueError("an instrument that is worn needs a head, and a photograph has none; show it flat")


def _nowhere(bust: Bust) -> Pose:
    raise ValueError("an instrument that is worn needs a head, and a photograph has none; show it flat")


def _stage(rng: np.random.Generator, stage: Stage, instrument: str) -> Stage:
    if not instrument.startswith("replay/") or rng.random() >= DARK_ROOM:
        return stage
    dark = np.float32(np.exp(rng.uniform(np.log(0.04), np.log(0.35))))
    light = replace(stage.light, background=stage.light.background * dark)
    return replace(stage, light=light)


def shown_picture(rng: np.random.Generator, occasion: Occasion) -> Picture:
    """The photograph as an attacker has it: perhaps in another light, smaller, sent, or edited."""
    image, mesh = occasion.image, occasion.mesh
    if rng.random() < 0.35:
        factors = lighting(rng, draw_light(rng), mesh, size=image.shape[:2])
        lit = np.clip(LINEAR[image] * factors, 0, 1)
        image = _BYTES[(lit * 4095 + 0.5).astype(np.uint16)]
    if rng.random() < 0.55:
        scale = rng.uniform(0.4, 1.0)
        size = tuple(max(32, round(side * scale)) for side in image.shape[1::-1])
        mesh = (mesh * np.float32(size[0] / image.shape[1])).astype(np.float32)
        image = jpeg(cv2.resize(image, size, interpolation=cv2.INTER_AREA), quality=rng.uniform(50, 95))
    if rng.random() < 0.35:
        firm, bright = rng.uniform(0.8, 1.3), rng.uniform(-20, 25)
        image = np.clip((image.astype(np.float32) - 128) * firm + 128 + bright, 0, 255).astype(np.uint8)
    return Picture(frames=(np.ascontiguousarray(image),), meshes=(mesh,))
