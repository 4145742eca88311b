"""What a photograph of a person and its recapture share: one draw of camera, framing, light and wear.

A bona fide picture and an attack that are made of the same occasion show the same person, as large, at the
same place in the picture, by the same camera, in the same room's light, and have been sent and saved alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unmask.simulate.camera.models import MODELS, Camera, draw_camera
from unmask.simulate.photographs.files import Pictured
from unmask.simulate.rendering.layout import face_box
from unmask.simulate.rendering.light import Lamp, Light, colour_of, draw_light
from unmask.simulate.rendering.mean_face import MIRROR
from unmask.simulate.rendering.motion import draw_camera_motion
from unmask.simulate.rendering.surfaces import View
from unmask.simulate.stage.backdrops import draw_backdrop, draw_photographed_room, draw_wall
from unmask.simulate.stage.scene import Stage

ASPECTS = (4 / 3, 3 / 4, 16 / 9, 9 / 16, 1.0)  # width over height
ASPECT_SHARES = (0.34, 0.26, 0.14, 0.12, 0.14)
ENLARGED = 1.1  # times that a photograph's pixels are enlarged at most: more would have no detail
POOR = 0.14  # how often the camera is a poor one: soft, hazy, pale, noisy
GOOD = 0.8  # of the others, how often it is a good one
BRIGHTER = (
    1.35  # target of the exposure, beside that of the cameras before 3-D heads: measured on real pictures
)
BURNT = 0.14  # how often exposure goes for the shadows
WORN = 0.12  # how often the picture was sent and saved once more
HARD, COLOURED = 0.09, 0.07  # how often one lamp from the side, or coloured lamps, are all the light
OTHER_ROOM = 0.16  # how often the person is cut out, where the photograph does not fill the view
HAIR = 0.4  # of the face's height: what hair takes above it
LEAST_CUT_OUT = 0.18  # share of a face that is cut out and put into another room, at least
SPARE = 0.04  # of the face's sides that stay free about it, where the photograph has them
SMALLEST_PX = 112


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One meeting of a person and a camera, whichever class stands there.

    `image` (h, w, 3) uint8 and `mesh` (468, 3) are the photograph's, mirrored or not. `window` (4,) xyxy in
    its pixels is what the camera sees of it where it is the person; it may reach beyond the photograph only
    where `cut_out` says that the person stands in another room. `aim_px` (2,) on the sensor is the middle of
    the face's box, `face_share` its longer side over the view's shorter side. `face_levels`: linear light
    between which the exposure keeps the face. `wear_seed`: 0 where nothing was worn.
    """

    image: np.ndarray
    mesh: np.ndarray
    window: np.ndarray
    cut_out: bool
    camera: Camera
    stage: Stage
    face_share: float
    aim_px: np.ndarray
    face_levels: tuple[float, float]
    wear_seed: int


def draw_occasion(
    rng: np.random.Generator, picture: Pictured, *, backgrounds: Sequence[Path] = ()
) -> Occasion:
    """The one draw for both classes."""
    image, mesh = _mirrored(picture) if rng.random() < 0.5 else (picture.image, picture.mesh)
    window, cut_out = _draw_window(rng, image, mesh)
    camera = _draw_camera(rng, window=window)
    view = camera.view
    scale = view.width / (window[2] - window[0])
    centre, side = face_box(mesh)
    burnt = rng.random() < BURNT
    brighter = BRIGHTER * (float(rng.uniform(1.4, 2.5)) if burnt else 1.0)
    camera = replace(camera, target=camera.target * brighter)
    return Occasion(
        image=image,
        mesh=mesh,
        window=window,
        cut_out=cut_out,
        camera=camera,
        stage=_draw_stage(rng, view=view, backgrounds=backgrounds),
        face_share=float(side * scale / min(view.height, view.width)),
        aim_px=(centre - window[:2]) * scale,
        face_levels=(0.03, 1.6 if burnt or rng.random() < 0.35 else 0.7),
        wear_seed=int(rng.integers(1, 2**31)) if rng.random() < WORN else 0,
    )


def _draw_stage(rng: np.random.Generator, *, view: View, backgrounds: Sequence[Path]) -> Stage:
    """A light and a room: photographed as it is, a plain wall, or drawn."""
    kind = rng.random()
    if kind < 0.25:
        backdrop = draw_wall(rng, view=view)
    elif kind < 0.9 and len(backgrounds):
        backdrop = draw_photographed_room(rng, view=view, backgrounds=backgrounds)
    else:
        backdrop = draw_backdrop(rng, view=view, backgrounds=backgrounds)
    return Stage(view=view, light=_draw_light(rng), backdrop=backdrop, camera=draw_camera_motion(rng))


def _draw_light(rng: np.random.Generator) -> Light:
    """As any scene's; or one hard lamp from the side; or lamps in a colour that no camera takes out."""
    light = draw_light(rng)
    drawn = rng.random()
    if drawn < HARD:
        azimuth, up = np.deg2rad(rng.choice([-1, 1]) * rng.uniform(45, 115)), np.deg2rad(rng.uniform(-10, 50))
        way = np.array([np.sin(azimuth) * np.cos(up), -np.sin(up), -np.cos(azimuth) * np.cos(up)])
        lamp = Lamp(
            direction=way.astype(np.float32),
            colour=(rng.uniform(1.0, 4.0) * colour_of(rng.uniform(2700, 7000))).astype(np.float32),
            softness=float(rng.uniform(0.0, 0.25)),
        )
        return replace(light, kind="hard", lamps=(lamp,), ambient=0.5 * light.ambient)
    if drawn < HARD + COLOURED:
        tint = np.exp(rng.normal((0.25, 0, -0.25), 0.55)).astype(np.float32)
        lamps = tuple(replace(lamp, colour=lamp.colour * tint) for lamp in light.lamps)
        return replace(
            light,
            kind="coloured",
            lamps=lamps,
            ambient=light.ambient * tint,
            background=light.background * tint,
        )
    return light


def _mirrored(picture: Pictured) -> tuple[np.ndarray, np.ndarray]:
    image = np.ascontiguousarray(picture.image[:, ::-1])
    mesh = picture.mesh[MIRROR]
    mesh[:, 0] = image.shape[1] - 1 - mesh[:, 0]
    return image, mesh


def draw_share(rng: np.random.Generator) -> float:
    """The face's longer side over the view's shorter side: far, at arm's length, or a window about it."""
    drawn = rng.random()
    if drawn < 0.15:
        return float(rng.uniform(0.12, 0.28))
    if drawn < 0.8:
        return float(np.clip(np.exp(rng.normal(np.log(0.4), 0.3)), 0.2, 0.85))
    return float(rng.uniform(0.55, 0.95))


def _draw_window(rng: np.random.Generator, image: np.ndarray, mesh: np.ndarray) -> tuple[np.ndarray, bool]:
    """The part of the photograph that the camera sees (4,) xyxy, and whether the person is cut out of it."""
    size = np.array(image.shape[1::-1], float)
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    low, high = np.maximum(low - SPARE * (high - low), 0), np.minimum(high + SPARE * (high - low), size)
    short = float((high - low).max()) / draw_share(rng)
    aspect = float(rng.choice(ASPECTS, p=ASPECT_SHARES)) * float(np.exp(rng.normal(0, 0.04)))
    wanted = short * np.array([max(1.0, aspect), max(1.0, 1 / aspect)])
    whole = low[1] > HAIR * (high - low)[1]  # a head that the photograph cuts off fits into no other room
    if whole and (wanted > size).any() and rng.random() < OTHER_ROOM:
        wanted = wanted * min(1.0, float((high - low).max()) / (LEAST_CUT_OUT * float(wanted.min())))
        return _beyond(rng, wanted, low=low, high=high, bottom=size[1]), True
    if (wanted > size).any() and rng.random() < 0.5:  # the photograph whole, as it was taken
        wanted = np.minimum(wanted, size)
    wanted = wanted * min(1.0, *(size / wanted))
    wanted = np.maximum(wanted, np.minimum(size, 1.02 * (high - low)))
    first = np.clip(high - wanted, 0, size - wanted)
    last = np.maximum(first, np.clip(low, 0, size - wanted))
    middle = np.clip((low + high) / 2 - wanted * [0.5, 0.48], first, last)
    corner = middle + (rng.uniform(first, last) - middle) * float(rng.choice([0.25, 0.8]))
    return np.concatenate([corner, corner + wanted]), False


def _beyond(
    rng: np.random.Generator, wanted: np.ndarray, *, low: np.ndarray, high: np.ndarray, bottom: float
) -> np.ndarray:
    """A window that is larger than the photograph, whose lower edge is at the window's or below it."""
    middle = (low + high) / 2
    corner = middle - wanted * rng.uniform([0.32, 0.35], [0.68, 0.6])
    corner[1] = np.clip(min(corner[1], bottom - wanted[1]), high[1] - wanted[1], low[1])
    return np.concatenate([corner, corner + wanted])


def _draw_camera(rng: np.random.Generator, *, window: np.ndarray) -> Camera:
    """A camera whose delivered picture has the window's shape and no more pixels than it has detail for."""
    wide, tall = window[2:] - window[:2]
    longest = float(
        np.exp(
            rng.uniform(np.log(360), np.log(760))
            if rng.random() < 0.85
            else rng.uniform(np.log(150), np.log(360))
        )
    )
    scale = min(longest / max(wide, tall), ENLARGED)
    scale = max(scale, SMALLEST_PX / min(wide, tall))
    height, width = (max(16, 2 * round(side * scale / 2)) for side in (tall, wide))
    model = str(rng.choice(sorted(MODELS)))
    if rng.random() < 0.5:
        camera = draw_camera(rng, model=model, size=(height, width))
    else:
        camera = replace(draw_camera(rng, model=model), height=height, width=width)
    if rng.random() < POOR:
        return _poor(rng, camera)
    return _good(rng, camera) if rng.random() < GOOD else camera


def _good(rng: np.random.Generator, camera: Camera) -> Camera:
    """The same with a clean lens in focus, firm and sharpened, as telephones deliver it."""
    return replace(
        camera,
        sensor_scale=float(rng.uniform(1.3, 1.7)),
        blur_px=0.3,
        misfocus=0.15 * camera.misfocus,
        haze=0.3 * camera.haze,
        denoise=0.4 * camera.denoise,
        contrast=max(camera.contrast, float(rng.uniform(0.1, 0.6))),
        saturation=0.85 * camera.saturation,
        sharpen=float(rng.uniform(1.0, 4.0)),
        halo_px=float(rng.uniform(0.9, 1.6)),
        target=max(camera.target, 0.14),
        crf=min(camera.crf, 25.0),
        jpeg=max(camera.jpeg, 75.0),
    )


def _poor(rng: np.random.Generator, camera: Camera) -> Camera:
    """The same with a cheap lens and sensor behind a dirty window of glass or plastic."""
    return replace(
        camera,
        blur_px=camera.blur_px + float(rng.uniform(0.2, 1.0)),
        haze=float(rng.uniform(0.05, 0.32)),
        saturation=camera.saturation * float(rng.uniform(0.45, 0.95)),
        read_noise=camera.read_noise * float(rng.uniform(1.0, 2.5)),
        shot_noise=camera.shot_noise * float(rng.uniform(1.0, 2.5)),
        denoise=float(rng.uniform(0.1, 0.9)),
        jpeg=float(rng.uniform(25, 75)),
    )
