"""The screen before the head as a lamp whose colours change: what a light challenge looks like to a camera.

Light adds up. So a recording is made twice, in the room's light and with the screen on and white, everything
else drawn alike; what the screen adds, times its colour at a moment, is that moment. The distance law, which
lamps far away lack, is put in by the true depth of every pixel.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.simulate.camera.exposure import Adaptation, Exposure, capture
from unmask.simulate.camera.lens import through_lens
from unmask.simulate.camera.models import draw_camera
from unmask.simulate.rendering.light import Lamp, Light
from unmask.simulate.stage.places import PLACES
from unmask.simulate.stage.scene import draw_stage
from unmask.simulate.studio import (
    Request,
    Simulated,
    Studio,
    Truth,
    draw_model,
    simulated_presentation,
    times_of,
)

LUX = 400.0  # of irradiance 1: an office's light on a desk
LATENCY_S = (0.03, 0.2)  # from light in the room to the time that a page gives its frame
EYES = ((33, 133), (263, 362))  # outer and inner corners in the mesh
KEY_FPS = 3.0  # rendered; between them the scene is blended, the light is not
NEAREST_M = 0.12  # nearer than this the screen is not a small lamp, and light no longer grows
# For each kind: area in square metres, luminance of white in candela a square metre from low to high.
SCREENS = {"phone": (0.0100, 350.0, 800.0), "laptop": (0.054, 220.0, 400.0), "monitor": (0.160, 200.0, 350.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashingScreen:
    """A screen at the camera that shows colours one after the other.

    `irradiance_1m`: what white sends to a surface that faces it a metre away, 1 being an office's light;
    `luminance`: how bright white is itself, white paper in an office being 1.
    `colours` (n, 3) linear light 0 to 1, the first from `start_s` on, each for `hold_s`; the first is there
    before, the last after. `down`: how far its middle is below the camera, over the distance. `settle_s`:
    how long a pixel takes to change.
    """

    irradiance_1m: float
    luminance: float
    colours: np.ndarray
    hold_s: float
    start_s: float = 0.0
    down: float = 0.2
    settle_s: float = 0.012

    def at(self, time_s: float, *, exposure_s: float) -> np.ndarray:
        """The mean colour (3,) over an exposure that ends at that time."""
        moments = time_s - exposure_s * (np.arange(8) + 0.5) / 8 - self.settle_s - self.start_s
        steps = np.clip(np.floor(moments / self.hold_s), 0, len(self.colours) - 1).astype(int)
        return self.colours[steps].mean(axis=0).astype(np.float32)


def draw_flashing_screen(
    rng: np.random.Generator,
    colours: Sequence[Sequence[int]],
    *,
    hold_s: float,
    start_s: float = 0.0,
    kind: str | None = None,
) -> FlashingScreen:
    """A screen of that kind of SCREENS, or of any, that shows these colours (RGB 0 to 255)."""
    kind = kind or str(rng.choice(sorted(SCREENS)))
    area, low, high = SCREENS[kind]
    luminance = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    shown = (np.asarray(colours, np.float32) / 255) ** 2.2
    down = {"phone": 0.18, "laptop": 0.22, "monitor": 0.3}[kind] * rng.uniform(0.5, 1.3)
    return FlashingScreen(
        irradiance_1m=luminance * area / LUX,
        luminance=luminance * np.pi / LUX,
        colours=shown.astype(np.float32),
        hold_s=hold_s,
        start_s=start_s,
        down=float(down),
        settle_s=float(rng.uniform(0.004, 0.02)),
    )


def draw_adaptation(rng: np.random.Generator) -> Adaptation:
    """How fast a camera's automatic exposure and white balance follow: from a third of a second to locked."""
    exposure_s = float(np.exp(rng.uniform(np.log(0.25), np.log(3.0))))
    balance_s = float(np.exp(rng.uniform(np.log(0.5), np.log(6.0))))
    return Adaptation(exposure_s=exposure_s, balance_s=balance_s)


def with_screen_on(light: Light, screen: FlashingScreen) -> Light:
    """That light and the screen, white, as strong as a metre away; the room gets it too."""
    to_screen = np.array([0.0, screen.down, -1.0])
    strength = np.full(3, screen.irradiance_1m, np.float32)
    lamp = Lamp(
        direction=(to_screen / np.linalg.norm(to_screen)).astype(np.float32),
        colour=strength,
        softness=0.5,
        flashes=True,
    )
    return replace(light, lamps=(*light.lamps, lamp), background=light.background + strength)


def flashed(
    dark: Iterable[Exposure],
    lit: Iterable[Exposure],
    *,
    screen: FlashingScreen,
    times_s: Sequence[float],
    keys_s: Sequence[float],
    exposure_s: float,
) -> Iterator[Exposure]:
    """The recording under the changing screen, from one without it and one with it on (`with_screen_on`).

    These two are of the moments `keys_s`, few of them; what lies between is blended from its neighbours, so
    that only the screen changes at every one of `times_s`. Both show the same: a ValueError says where they
    differ in depth.
    """
    keys = _keys(dark, lit, keys_s)
    before = after = next(keys)
    for time_s in times_s:
        while after.time_s <= time_s:
            following = next(keys, None)
            if following is None:
                break
            before, after = after, following
        share = np.float32(np.clip((time_s - before.time_s) / max(after.time_s - before.time_s, 1e-9), 0, 1))
        near = after if share > 0.5 else before
        colour = screen.at(time_s, exposure_s=exposure_s)
        parts = [(1 - share, before), (share, after)]
        radiance = sum(weight * (key.room + key.added * colour) for weight, key in parts)
        mesh = np.asarray(sum(weight * key.exposure.shot.mesh for weight, key in parts))
        shot = replace(near.exposure.shot, radiance=np.maximum(radiance, 0), mesh=mesh)
        yield replace(near.exposure, shot=shot)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """A moment of both recordings: the room's light, and what the screen adds when white."""

    time_s: float
    exposure: Exposure
    room: np.ndarray
    added: np.ndarray


def _keys(dark: Iterable[Exposure], lit: Iterable[Exposure], keys_s: Sequence[float]) -> Iterator[_Key]:
    for time_s, off, on in zip(keys_s, dark, lit, strict=True):
        if not np.array_equal(off.shot.depth, on.shot.depth):
            raise ValueError("a scene changes with the light in it; its two recordings cannot be added")
        law = (1.0 / np.maximum(off.shot.depth, NEAREST_M)) ** 2
        added = (on.shot.radiance - off.shot.radiance) * law[..., None]
        yield _Key(time_s=time_s, exposure=off, room=off.shot.radiance, added=added.astype(np.float32))


def with_glasses(
    exposures: Iterable[Exposure],
    rng: np.random.Generator,
    *,
    screen: FlashingScreen,
    times_s: Sequence[float],
    exposure_s: float,
) -> Iterator[Exposure]:
    """Rims before the eyes of the face that is shown, and the screen mirrored in each lens."""
    mirrors = float(rng.choice([0.015, 0.04, 0.08]))  # coated, plain on one side, on both
    rim, thick = rng.uniform(0.01, 0.25, 3).astype(np.float32), float(rng.uniform(0.02, 0.06))
    wide, tall = rng.uniform(0.12, 0.4, 2)  # of the lens, that the mirrored screen takes
    off = rng.uniform(-0.35, 0.35, 2)
    for time_s, exposure in zip(times_s, exposures, strict=False):
        radiance, mesh = exposure.shot.radiance.copy(), exposure.shot.mesh
        glint = mirrors * screen.luminance * screen.at(time_s, exposure_s=exposure_s)
        for outer, inner in EYES:
            across = mesh[inner, :2] - mesh[outer, :2]
            middle = (mesh[inner, :2] + mesh[outer, :2]) / 2
            half = 0.85 * float(np.linalg.norm(across))
            angle = float(np.degrees(np.arctan2(across[1], across[0])))
            glass = np.zeros(radiance.shape[:2], np.uint8)
            size = (round(half), round(0.8 * half))
            at = (round(float(middle[0])), round(float(middle[1])))
            cv2.ellipse(glass, at, size, angle, 0, 360, 1, max(1, round(2 * thick * half)))
            radiance[glass > 0] = rim * exposure.shot.radiance[exposure.shot.face].mean()
            shine = np.zeros(radiance.shape[:2], np.float32)
            spot = middle + off * half
            reach = half * np.array([wide, tall])
            low, high = spot - reach, spot + reach
            cv2.rectangle(shine, np.rint(low).astype(int), np.rint(high).astype(int), 1.0, -1)
            radiance += cv2.GaussianBlur(shine, (0, 0), 0.7)[..., None] * glint
        yield replace(exposure, shot=replace(exposure.shot, radiance=radiance))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashedRecording:
    """A recording before a flashing screen, and what no judge is told of it.

    `recording.times_s` are the times that a page reports: late by `latency_s`. `shown_s` (n,): when each
    colour appeared. `on_face`: what white sends to the face, `room`: what the room does, both 1 in an office.
    """

    recording: Simulated
    shown_s: np.ndarray
    latency_s: float
    adaptation: Adaptation
    on_face: float
    room: float


def record_flashed(
    studio: Studio,
    request: Request,
    colours: Sequence[Sequence[int]],
    *,
    hold_s: float,
    start_s: float = 0.4,
    kind: str | None = None,
    room: float = 1.0,
    scale: float = 1.0,
    glasses: bool = False,
) -> FlashedRecording:
    """The request's recording before a screen of that kind of SCREENS (any when None) that shows the colours.

    `room` multiplies the room's light, `scale` the pixels along each side of the picture; `glasses` are put
    on whoever is shown. No recording is cropped, worn or matched in quality here: a camera
    page sees what the camera delivers.
    """
    rng = np.random.default_rng([request.seed, 9])
    camera = draw_camera(rng, model=request.camera, hd_share=request.hd_share, size=request.size)
    camera = replace(camera, height=round(scale * camera.height), width=round(scale * camera.width))
    place = PLACES[request.place] if request.place else None
    stage = draw_stage(rng, view=camera.view, backgrounds=studio.backgrounds, place=place)
    stage = replace(stage, light=_times_as_bright(stage.light, room))
    screen = draw_flashing_screen(rng, colours, hold_s=hold_s, start_s=start_s, kind=kind)
    adaptation, latency_s = draw_adaptation(rng), float(rng.uniform(*LATENCY_S))
    model, seed, times_s = draw_model(rng, request), int(rng.integers(2**40)), times_of(request)
    rendered = replace(request, fps=KEY_FPS, frames=int(times_s[-1] * KEY_FPS) + 2)
    stages = stage, replace(stage, light=with_screen_on(stage.light, screen))
    dark, lit = (
        studio.presented(np.random.default_rng(seed), rendered, model=model, stage=one, camera=camera)
        for one in stages
    )
    both = flashed(
        dark,
        lit,
        screen=screen,
        times_s=times_s,
        keys_s=times_of(rendered),
        exposure_s=camera.exposure_s,
    )
    if glasses:
        both = with_glasses(both, rng, screen=screen, times_s=times_s, exposure_s=camera.exposure_s)
    truth = Truth(camera=camera)
    arriving = truth.kept(through_lens(both, rng, camera=camera, fps=request.fps))
    frames = capture(
        arriving, rng, camera=camera, fps=request.fps, flicker=stage.light.flicker, adaptation=adaptation
    )
    near_m = max(NEAREST_M, float(np.quantile(truth.depths[0], 0.02)))
    return FlashedRecording(
        recording=Simulated(
            frames=frames,
            times_s=np.array(times_s) + latency_s,
            depths=np.stack(truth.depths),
            meshes=np.stack(truth.meshes),
            presentation=simulated_presentation(
                request.seed,
                subject=studio.portraits[request.subject % len(studio.portraits)].name,
                instrument=request.instrument,
            ),
            seed=request.seed,
            camera=camera.model,
            light=stage.light.kind,
            model=model,
            place=place.name if place else "any",
        ),
        shown_s=start_s + hold_s * np.arange(len(colours)),
        latency_s=latency_s,
        adaptation=adaptation,
        on_face=screen.irradiance_1m / near_m**2,
        room=float(stage.light.ambient.mean() + sum(lamp.colour.mean() for lamp in stage.light.lamps)),
    )


def _times_as_bright(light: Light, factor: float) -> Light:
    lamps = tuple(replace(lamp, colour=lamp.colour * np.float32(factor)) for lamp in light.lamps)
    return replace(
        light,
        ambient=light.ambient * np.float32(factor),
        lamps=lamps,
        background=light.background * np.float32(factor),
    )
