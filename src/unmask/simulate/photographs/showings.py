"""The photograph of an occasion as an attacker shows it: printed or on a display, before the same camera."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.simulate.camera.exposure import Exposure, jpeg
from unmask.simulate.instruments.flat import card_print
from unmask.simulate.instruments.prints import PRINTERS
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.bust import Bust
from unmask.simulate.photographs.documents import draw_document
from unmask.simulate.photographs.masks import MASKS
from unmask.simulate.photographs.motion import draw_sitter, warp_at
from unmask.simulate.photographs.occasions import Occasion
from unmask.simulate.photographs.person import lighting
from unmask.simulate.rendering.layout import ShownPicture
from unmask.simulate.rendering.light import draw_light
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.backdrops import LINEAR
from unmask.simulate.stage.scene import Stage

DARK_ROOM = 0.5  # how often a display is brighter than all about it, so that cameras burn it out
FINE = 0.3  # how often the grid of a display or print is too fine for any camera
COLD = 0.4  # how often a display is set to cold white
SMALL = 0.15  # how often what is shown was a small picture
_BYTES = (np.clip((np.arange(4096) / 4095) ** (1 / 2.2), 0, 1) * 255 + 0.5).astype(np.uint8)

Present = Callable[[Setting, np.random.Generator], Iterator[Exposure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """How an attacker shows a photograph: `present` as in `setting.Instrument`, None where the person of the
    photograph wears a mask.

    `models` are what it may be made of; `share`: how common it is, before all sum to 1. `document`: the
    photograph is that of an identity card or passport.
    """

    present: Present | None
    models: tuple[str, ...]
    share: float
    document: bool = False


def _as(instrument: str, share: float, *, document: bool = False) -> Showing:
    row = INSTRUMENTS[instrument]
    return Showing(present=row.present, models=row.models, share=share, document=document)


SHOWINGS: dict[str, Showing] = {
    "print/matt": _as("print/matt", 1.2),
    "print/glossy": _as("print/glossy", 0.9),
    "print/photo": _as("print/photo", 0.9),
    "print/crumpled": _as("print/crumpled", 0.35),
    "print/cutout": _as("print/cutout", 0.4),
    "print/card": Showing(present=card_print, models=tuple(PRINTERS), share=0.8, document=True),
    "replay/phone": _as("replay/phone", 2.2),
    "replay/tablet": _as("replay/tablet", 1.2),
    "replay/monitor": _as("replay/monitor", 1.5),
    "replay/card": _as("replay/phone", 0.25, document=True),
    "mask/paper": Showing(present=None, models=MASKS["mask/paper"], share=1.3),
    "mask/silicone": Showing(present=None, models=MASKS["mask/silicone"], share=0.5),
    "mask/resin": Showing(present=None, models=MASKS["mask/resin"], share=0.4),
}


def recaptured(
    rng: np.random.Generator,
    occasion: Occasion,
    *,
    instrument: str,
    model: str,
    times_s: tuple[float, ...] = (0.0,),
) -> Iterator[Exposure]:
    """What the camera sees of that flat row of SHOWINGS with the occasion's photograph on it."""
    showing = SHOWINGS[instrument]
    if showing.present is None:
        raise ValueError(f"{instrument} is worn in the photograph; see it as a person is seen")
    shown = shown_picture(rng, occasion, document=showing.document, lit=instrument.startswith("replay/"))
    setting = Setting(
        stage=_stage(rng, occasion.stage, instrument),
        times_s=times_s,
        face_share=occasion.face_share,
        aim_px=occasion.aim_px,
        exposure_s=occasion.camera.exposure_s,
        readout_s=occasion.camera.readout_s,
        model=model,
        show=lambda moving: _filmed(rng, shown, times_s) if moving and not showing.document else shown,
        victim=_nobody,
        wearer=_nobody,
        place=_nowhere,
        alone=True,
    )
    exposures = showing.present(setting, rng)
    return (replace(exposure, grid=None) for exposure in exposures) if rng.random() < FINE else exposures


def _nobody() -> Bust:
    raise ValueError("an instrument that is worn needs a head, and a photograph has none; take another row")


def _nowhere(bust: Bust) -> Pose:
    raise ValueError("a head was to be placed, and a photograph has none; take another row of SHOWINGS")


def _stage(rng: np.random.Generator, stage: Stage, instrument: str) -> Stage:
    if not instrument.startswith("replay/") or rng.random() >= DARK_ROOM:
        return stage
    dark = np.float32(np.exp(rng.uniform(np.log(0.04), np.log(0.35))))
    light = replace(stage.light, background=stage.light.background * dark)
    return replace(stage, light=light)


def shown_picture(
    rng: np.random.Generator, occasion: Occasion, *, document: bool = False, lit: bool = False
) -> ShownPicture:
    """The photograph as an attacker has it: perhaps in another light, smaller, sent, edited, on a document.

    `lit`: a display gives it its own white.
    """
    image, mesh = occasion.image, occasion.mesh
    if rng.random() < 0.35:
        factors = lighting(rng, draw_light(rng), mesh, size=image.shape[:2])
        image = _toned(image, factors)
    if rng.random() < 0.55:
        scale = float(rng.uniform(0.2, 0.5) if rng.random() < SMALL / 0.55 else rng.uniform(0.5, 1.0))
        size = tuple(max(32, round(side * scale)) for side in image.shape[1::-1])
        mesh = (mesh * np.float32(size[0] / image.shape[1])).astype(np.float32)
        image = jpeg(cv2.resize(image, size, interpolation=cv2.INTER_AREA), quality=rng.uniform(50, 95))
    if rng.random() < 0.35:
        firm, bright = rng.uniform(0.8, 1.3), rng.uniform(-20, 25)
        image = np.clip((image.astype(np.float32) - 128) * firm + 128 + bright, 0, 255).astype(np.uint8)
    if document:
        return draw_document(rng, image, mesh)
    if lit and rng.random() < COLD:
        white = np.array([1 - rng.uniform(0.1, 0.35), 1 - rng.uniform(0, 0.12), 1.0], np.float32)
        image = _toned(image, white)
    return ShownPicture(frames=(np.ascontiguousarray(image),), meshes=(mesh,))


def _filmed(rng: np.random.Generator, shown: ShownPicture, times_s: tuple[float, ...]) -> ShownPicture:
    """The picture as a video of the person in it."""
    image, mesh = shown.at(0)
    if len(times_s) == 1:
        return shown
    size = image.shape[0], image.shape[1]
    sitter = draw_sitter(rng)
    warps = [warp_at(sitter, mesh, time_s, size=size, focal_px=1.2 * max(size)) for time_s in times_s]
    return ShownPicture(
        frames=tuple(warp.of(image) for warp in warps), meshes=tuple(warp.mesh for warp in warps)
    )


def _toned(image: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """The picture (h, w, 3) uint8 with its linear light multiplied, clipped at white."""
    return np.asarray(_BYTES[(np.clip(LINEAR[image] * factors, 0, 1) * 4095 + 0.5).astype(np.uint16)])
