"""Make-up: a bona fide face, its depth and its motion, with other colours on its skin."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from unmask.media.topology import POINTS
from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.instruments.paint import (
    BROWS,
    EYES,
    LIPS,
    MOUTH,
    blotches,
    face_cover,
    lay,
    region,
    spot,
    transferred,
)
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.worn import wearers_stage
from unmask.simulate.rendering.motion import draw_head_motion
from unmask.simulate.stage.scene import Bust, bona_fide

# Paints a face (h, w, 3) in place, its points at (468, 2), as a model of the instrument, with a generator.
Paint = Callable[[np.ndarray, np.ndarray, str, np.random.Generator], None]
_PAINTS = np.array(
    [
        *([0.8, 0.8, 0.78], [0.02, 0.02, 0.02], [0.55, 0.04, 0.03], [0.03, 0.1, 0.45], [0.04, 0.3, 0.08]),
        *([0.7, 0.5, 0.05], [0.3, 0.06, 0.35], [0.25, 0.2, 0.1], [0.12, 0.14, 0.07], [0.75, 0.3, 0.05]),
    ]
)


def cosmetic(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """Foundation, lips, eyes and brows, far beyond a day's make-up."""
    return _presented(setting, rng, bust=setting.victim(), paint=paint_cosmetic)


def obfuscation(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """Paint that hides whose face it is: patterns, a beast's or clown's face, wounds and false shades."""
    return _presented(setting, rng, bust=setting.victim(), paint=paint_obfuscation)


def impersonation(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """Somebody painted towards the victim: the victim's tone, brows and lips on the wearer's shape."""
    surface = setting.victim().surface
    other = np.ascontiguousarray(surface.texture[..., :3])
    paint = partial(paint_likeness, other=other, other_uv=surface.uv[:POINTS])
    return _presented(setting, rng, bust=setting.wearer(), paint=paint)


def _presented(setting: Setting, rng: np.random.Generator, *, bust: Bust, paint: Paint) -> Iterator[Exposure]:
    place = setting.place(bust)
    stage = wearers_stage(rng, setting.stage, wearer=bust, place=place)
    motion = draw_head_motion(rng, place=place, turning=bust.turning)
    painted = made_up(bust, paint, setting.model, rng)
    for time_s in setting.times_s:
        yield Exposure(shot=bona_fide(painted, stage, motion=motion, time_s=time_s))


def made_up(bust: Bust, paint: "Paint", model: str, rng: np.random.Generator) -> Bust:
    """The bust with `paint` on its skin: on the one that lamps light and on the one in its portrait's light.

    Shape and motion stay as they are; powder takes the gloss of skin away, grease paint adds some.
    """
    uv = bust.surface.uv[:POINTS]
    low = np.maximum(0, np.floor(uv.min(axis=0) - 0.12 * np.ptp(uv, axis=0))).astype(int)
    high = np.ceil(uv.max(axis=0) + 0.12 * np.ptp(uv, axis=0)).astype(int)
    seed = int(rng.integers(2**32))
    gloss = np.broadcast_to(np.asarray(bust.surface.gloss, np.float32), len(bust.points)).copy()
    gloss[:POINTS] *= np.float32(np.exp(rng.uniform(np.log(0.3), np.log(2.5))))
    skins = []
    for texture in (bust.surface.texture, bust.taken):
        skin = texture.copy()
        part = np.ascontiguousarray(skin[low[1] : high[1], low[0] : high[0], :3])
        paint(part, (uv - low).astype(np.float32), model, np.random.default_rng(seed))
        skin[low[1] : high[1], low[0] : high[0], :3] = np.clip(part, 0.003, 1.0)
        skins.append(skin)
    return replace(bust, surface=replace(bust.surface, texture=skins[0], gloss=gloss), taken=skins[1])


def paint_cosmetic(face: np.ndarray, uv: np.ndarray, model: str, rng: np.random.Generator) -> None:
    """Foundation, blush, lips, eyes and brows on `face` (h, w, 3) in place; "evening", "pale" or "bronze"."""
    unit = float(np.linalg.norm(uv[33] - uv[263]))
    tone = _tone(face, uv)
    base = {"evening": tone * 1.08, "pale": 0.35 * tone + 0.65 * np.array([0.72, 0.62, 0.58])}
    _foundation(
        face, uv, base.get(model, tone * np.array([0.82, 0.7, 0.55])), share=rng.uniform(0.5, 0.85), unit=unit
    )
    blush = tone * np.array([1.05, 0.55, 0.55])
    for cheek in (50, 280):
        lay(face, rng.uniform(0.2, 0.6) * spot(uv[cheek], face.shape[:2], 0.17 * unit), blush)
    colours = np.array([[0.5, 0.03, 0.05], [0.3, 0.02, 0.08], [0.55, 0.12, 0.2], [0.4, 0.1, 0.06]])
    _lips(face, uv, colours[rng.integers(4)], share=rng.uniform(0.6, 0.92), unit=unit)
    shadow = np.array([[0.03, 0.025, 0.03], [0.15, 0.06, 0.03], [0.08, 0.1, 0.25], [0.2, 0.05, 0.15]])
    _eyelids(
        face,
        uv,
        shadow[rng.integers(4)],
        share=rng.uniform(0.4, 0.85),
        unit=unit,
        reach=rng.uniform(1.6, 2.3),
    )
    for brow in BROWS:
        cover = region(uv[list(brow)], face.shape[:2], soft_px=0.012 * unit)
        lay(face, rng.uniform(0.5, 0.85) * cover, np.minimum(tone * 0.25, 0.04))
    if model == "bronze":
        _contours(face, uv, tone, share=rng.uniform(0.3, 0.6), unit=unit)


def paint_obfuscation(face: np.ndarray, uv: np.ndarray, model: str, rng: np.random.Generator) -> None:
    """Paint that hides who it is, on `face` (h, w, 3) in place; "patterns", "figure" or "wounds"."""
    unit = float(np.linalg.norm(uv[33] - uv[263]))
    before = face.copy()
    {"patterns": _patterns, "figure": _figure, "wounds": _wounds}[model](face, uv, rng, unit)
    bare = np.zeros(face.shape[:2], np.float32)
    for ring in (*EYES, MOUTH):
        bare = np.maximum(bare, region(uv[list(ring)], face.shape[:2], soft_px=0.015 * unit, widen=1.05))
    keep = np.maximum(bare, 1 - face_cover(uv, face.shape[:2], soft_px=0.03 * unit, widen=1.02))
    # Paint is laid on by hand: thinner here and there, the skin's pores and lines show through it.
    thin = np.clip(rng.uniform(0.04, 0.2) + blotches(rng, face.shape[:2], ((20, 0.06), (90, 0.06))), 0, 0.6)
    lay(face, np.clip(keep + thin, 0, 1), before)
    grey = before.mean(axis=2)
    lines = np.clip(grey / (cv2.GaussianBlur(grey, (0, 0), 0.04 * unit) + 0.01), 0.6, 1.5)
    face *= (lines ** (0.8 * (1 - keep)))[..., None]


def paint_likeness(
    face: np.ndarray,
    uv: np.ndarray,
    model: str,
    rng: np.random.Generator,
    *,
    other: np.ndarray,
    other_uv: np.ndarray,
) -> None:
    """The face of `other` (h, w, 3), its points at `other_uv`, painted on `face` in place; "tone", "features"
    or "contour": how much of it.
    """
    size = face.shape[:2]
    unit = float(np.linalg.norm(uv[33] - uv[263]))
    wanted = transferred(other, uv=other_uv, to_uv=uv, size=size)
    skin = face_cover(uv, size, soft_px=0.05 * unit, widen=0.9)
    for ring in (*EYES, MOUTH):  # what opens and closes stays one's own
        skin *= 1 - region(uv[list(ring)], size, soft_px=0.015 * unit, widen=1.05)
    broad = cv2.GaussianBlur(wanted, (0, 0), 0.14 * unit) if model == "tone" else wanted
    brushed = cv2.GaussianBlur(broad, (0, 0), 0.012 * unit)  # a brush is wider than a pore
    lay(face, skin * rng.uniform(0.65, 0.9), brushed)
    tone = _tone(face, uv)
    for brow in BROWS if model != "tone" else ():
        share = region(uv[list(brow)], size, soft_px=0.012 * unit) * rng.uniform(0.5, 0.9)
        lay(face, share, np.minimum(tone * 0.25, 0.05))
    _lips(face, uv, _tone(wanted, uv, points=LIPS) * rng.uniform(0.8, 1.1), share=0.7, unit=unit)
    if model == "contour":
        _contours(face, uv, tone, share=rng.uniform(0.5, 0.85), unit=unit)
    face *= np.exp(blotches(rng, size, ((25, 0.03), (120, 0.03))))[..., None]


def _tone(
    face: np.ndarray, uv: np.ndarray, *, points: tuple[int, ...] = (50, 280, 101, 330, 151)
) -> np.ndarray:
    """The median colour (3,) of the face at those points."""
    at = np.clip(np.round(uv[list(points)]).astype(int), 0, np.array(face.shape[1::-1]) - 1)
    return np.median(face[at[:, 1], at[:, 0]], axis=0)


def _foundation(face: np.ndarray, uv: np.ndarray, tone: np.ndarray, *, share: float, unit: float) -> None:
    """One colour over the skin, its lines and spots half filled."""
    cover = face_cover(uv, face.shape[:2], soft_px=0.06 * unit, widen=0.97)
    for ring in (*EYES, MOUTH):
        cover *= 1 - region(uv[list(ring)], face.shape[:2], soft_px=0.02 * unit, widen=1.1)
    even = cv2.GaussianBlur(face, (0, 0), 0.03 * unit)
    lay(face, 0.6 * cover, even)
    lay(face, share * cover, 0.5 * tone + 0.5 * even * (tone / np.maximum(0.02, _tone(even, uv))))


def _lips(face: np.ndarray, uv: np.ndarray, colour: np.ndarray, *, share: float, unit: float) -> None:
    cover = region(uv[list(LIPS)], face.shape[:2], soft_px=0.008 * unit, widen=1.06)
    cover *= 1 - region(uv[list(MOUTH)], face.shape[:2], soft_px=0.01 * unit)
    grey = face.mean(axis=2, keepdims=True)
    lines = grey / np.maximum(0.02, cv2.GaussianBlur(grey, (0, 0), 0.05 * unit))[..., None]
    lay(face, share * cover, colour * np.clip(lines, 0.5, 1.6))


def _eyelids(
    face: np.ndarray, uv: np.ndarray, colour: np.ndarray, *, share: float, unit: float, reach: float
) -> None:
    size = face.shape[:2]
    for eye in EYES:
        rim = uv[list(eye)]
        cover = region(rim - [0, 0.05 * unit], size, soft_px=0.04 * unit, widen=reach)
        cover *= 1 - region(rim, size, soft_px=0.008 * unit)
        lay(face, share * cover, colour)
        upper = rim[:9]
        lashes = np.concatenate([upper, upper[::-1] - [0, 0.025 * unit]])
        lay(face, 0.9 * region(lashes, size, soft_px=0.008 * unit), np.full(3, 0.012))


def _contours(face: np.ndarray, uv: np.ndarray, tone: np.ndarray, *, share: float, unit: float) -> None:
    """Painted shade under the cheekbones, beside the nose and along the jaw, light on the ridges."""
    size = face.shape[:2]
    for line, wide in (
        ((123, 147, 187, 205), 0.07),
        ((352, 376, 411, 425), 0.07),
        ((193, 198, 129), 0.03),
        ((417, 420, 358), 0.03),
        ((172, 150, 176), 0.06),
        ((397, 379, 400), 0.06),
    ):
        lay(face, share * _stroke(uv[list(line)], size, wide * unit), tone * 0.4)
    light = np.minimum(1.4 * tone + 0.05, 0.9)
    for ridge, wide in (((6, 195, 4), 0.03), ((117, 118), 0.05), ((346, 347), 0.05), ((107, 9, 336), 0.06)):
        lay(face, 0.7 * share * _stroke(uv[list(ridge)], size, wide * unit), light)


def _patterns(face: np.ndarray, uv: np.ndarray, rng: np.random.Generator, unit: float) -> None:
    """Bars, patches or camouflage, that break up what a face is found by."""
    size = face.shape[:2]
    colours = _PAINTS[rng.choice(len(_PAINTS), 4, replace=False)]
    if rng.random() < 0.5:
        field = blotches(rng, size, ((int(rng.integers(4, 9)), 1.0), (20, 0.3)))
        for level, colour in zip(np.quantile(field, [0.0, 0.35, 0.7]), colours, strict=False):
            lay(face, np.clip((field - level) * 12, 0, 1), colour)
        return
    low, span = uv.min(axis=0), np.ptp(uv, axis=0)
    for _ in range(int(rng.integers(3, 8))):
        corners = low + rng.uniform(0, 1, 2) * span + rng.normal(0, 0.35, (4, 2)) * unit
        corners = corners[np.argsort(np.arctan2(*(corners - corners.mean(axis=0)).T))]
        lay(face, 0.95 * region(corners, size, soft_px=0.01 * unit), colours[rng.integers(4)])


def _figure(face: np.ndarray, uv: np.ndarray, rng: np.random.Generator, unit: float) -> None:
    """Clown, skull or beast: a ground, rings round the eyes, another nose and mouth, stripes."""
    size = face.shape[:2]
    ground, ring, other = _PAINTS[rng.permutation([0, int(rng.integers(2, 10)), 1])]
    lay(face, rng.uniform(0.75, 0.97) * face_cover(uv, size, soft_px=0.03 * unit), ground)
    for eye in EYES:
        lay(face, 0.95 * region(uv[list(eye)], size, soft_px=0.02 * unit, widen=rng.uniform(1.9, 2.8)), ring)
    nose = uv[[4, 45, 220, 115, 48, 64, 98, 97, 2, 326, 327, 294, 278, 344, 440, 275]]
    lay(face, 0.95 * region(nose, size, soft_px=0.015 * unit, widen=rng.uniform(0.8, 1.1)), other)
    lay(face, 0.9 * region(uv[list(LIPS)], size, soft_px=0.015 * unit, widen=rng.uniform(1.1, 1.7)), ring)
    for start, end in ((50, 58), (280, 288), (205, 136), (425, 365), (67, 104), (297, 333))[
        : rng.integers(0, 7)
    ]:
        lay(face, 0.9 * _stroke(uv[[start, end]], size, rng.uniform(0.015, 0.05) * unit), other)


def _wounds(face: np.ndarray, uv: np.ndarray, rng: np.random.Generator, unit: float) -> None:
    """Bruises, scars, painted beard and lines of age."""
    size, tone = face.shape[:2], _tone(face, uv)
    _contours(face, uv, tone, share=rng.uniform(0.6, 0.95), unit=unit)
    jaw = uv[[132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 426, 391, 164, 165, 206]]
    if rng.random() < 0.6:
        stubble = np.clip(0.6 + blotches(rng, size, ((160, 0.5),)), 0, 1)
        lay(
            face,
            rng.uniform(0.5, 0.9) * stubble * region(jaw, size, soft_px=0.04 * unit),
            np.array([0.03, 0.022, 0.018]),
        )
    for _ in range(int(rng.integers(3, 9))):
        at = uv[rng.integers(len(uv))]
        bruise = np.clip(
            spot(at, size, rng.uniform(0.05, 0.2) * unit) * (1 + blotches(rng, size, ((30, 0.3),))), 0, 1
        )
        lay(face, rng.uniform(0.5, 0.9) * bruise, tone * rng.uniform([0.3, 0.15, 0.25], [0.8, 0.4, 0.6]))
    for _ in range(int(rng.integers(1, 5))):
        way = np.cumsum(rng.normal(0, 0.07, (6, 2)) + rng.normal(0, 0.08, 2), axis=0) * unit
        scar = uv[rng.integers(len(uv))] + way
        lay(face, 0.95 * _stroke(scar, size, rng.uniform(0.008, 0.025) * unit), np.array([0.22, 0.02, 0.02]))


def _stroke(points: np.ndarray, size: tuple[int, int], wide_px: float) -> np.ndarray:
    """Coverage (h, w) of a brush led along the points (n, 2)."""
    drawn = np.zeros(size, np.uint8)
    cv2.polylines(
        drawn, [np.round(points * 16).astype(np.int32)], False, 255, max(1, round(wide_px)), cv2.LINE_AA, 4
    )
    return cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), max(0.6, 0.35 * wide_px))
