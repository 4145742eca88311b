"""Printed faces worn over somebody else's: paper masks, half masks, cut-out heads."""

import cv2
import numpy as np

from unmask.simulate.recapture.fingers import fingered
from unmask.simulate.recapture.lamps import LUMA, blurred
from unmask.simulate.recapture.paper import creased, pale, sheen
from unmask.simulate.recapture.paste import laid, mean_within, scissored
from unmask.simulate.recapture.takes import Take, log_uniform
from unmask.simulate.rendering.cutting import eye_holes, filled

_MOUTH = (61, 37, 0, 267, 291, 314, 17, 84)


def paper_mask(wearer: Take, victim: Take, rng: np.random.Generator) -> Take:
    """The victim's printed face cut out and worn; holes for eyes in half of them."""
    sheet = laid(victim, wearer, rng, wider=(0.98, 1.2), loose=0.03)
    cover = scissored(
        sheet.mesh, wearer.light.shape, rng, rim=(0.88, 1.12), hair=float(rng.choice([0, 0, 0.15]))
    )
    holes = _holes(sheet.mesh, wearer.light.shape, rng)
    return _worn(wearer, sheet, rng, cover=cover, holes=holes)


def half_mask(wearer: Take, victim: Take, rng: np.random.Generator) -> Take:
    """The upper, lower or one side's half of a printed face, worn."""
    sheet = laid(victim, wearer, rng, wider=(0.98, 1.12), loose=0.02)
    cover = scissored(sheet.mesh, wearer.light.shape, rng, rim=(0.92, 1.08))
    middle = (sheet.box[:2] + sheet.box[2:]) / 2
    angle = float(rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]) + rng.normal(0, 0.1))
    shift = rng.normal(0, 0.06) * sheet.side
    y, x = np.ogrid[: cover.shape[0], : cover.shape[1]]
    across = (x - middle[0]) * np.cos(angle) + (y - middle[1]) * np.sin(angle) - shift
    cover = cover * np.clip(across + 0.5, 0, 1).astype(np.float32)[..., None]
    return _worn(wearer, sheet, rng, cover=cover, holes=_holes(sheet.mesh, wearer.light.shape, rng))


def cut_out(holder: Take, victim: Take, rng: np.random.Generator) -> Take:
    """The victim's printed head with its hair, held before the holder's own head."""
    sheet = laid(victim, holder, rng, wider=(1.1, 1.45), loose=0.06)
    cover = scissored(
        sheet.mesh, holder.light.shape, rng, rim=(1.05, 1.25), hair=float(rng.uniform(0.15, 0.35))
    )
    held = _worn(holder, sheet, rng, cover=cover, holes=None)
    if rng.random() < 0.5:
        return held
    x0, y0, x1, y1 = sheet.box + sheet.side * np.array([-0.1, -0.25, 0.1, 0.12])
    edges = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    light = fingered(
        held.light, edges, rng, side=sheet.side, level=float(mean_within(holder.light, cover).mean())
    )
    return held.lit(light)


def _holes(mesh: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray | None:
    """Where eyes, or eyes and mouth, are cut out (h, w, 1) float32."""
    if rng.random() < 0.45:
        return None
    holes = eye_holes(shape, mesh, widen=float(rng.uniform(1.0, 1.7)))
    if rng.random() < 0.3:
        mouth = mesh[list(_MOUTH), :2]
        middle = mouth.mean(axis=0)
        holes = np.maximum(holes, filled(middle + (mouth - middle) * rng.uniform(0.8, 1.2), shape))
    return holes[..., None]


def _worn(
    wearer: Take, sheet: Take, rng: np.random.Generator, *, cover: np.ndarray, holes: np.ndarray | None
) -> Take:
    """The sheet where `cover` is, in the wearer's light, with its shadow; what `holes` leave open is the
    wearer or dark.
    """
    known = (sheet.light.max(axis=2, keepdims=True) > 0).astype(np.float32)
    cover = cover * known  # a picture's border is where its print ends
    ink = pale(sheet.light, rng, gamut=(0.55, 1.25))
    if rng.random() < 0.4:  # a white margin that the scissors left
        inner = cv2.erode(
            cover[..., 0], np.ones((3, 3)), iterations=max(1, round(sheet.side * rng.uniform(0.002, 0.02)))
        )
        ink = ink * inner[..., None] + (1 - inner[..., None]) * np.float32(rng.uniform(0.6, 0.95))
    ink = ink * _curl(sheet, rng)
    if rng.random() < 0.35:
        ink = ink * creased(ink.shape[:2], rng)
    ink = _in_light_of(ink, wearer, rng, cover=cover)
    if rng.random() < 0.3:
        ink = ink + sheen(ink.shape, rng, strength=(0.05, 0.4)) * np.float32(wearer.light.mean())
    under = wearer.light * _shadow(cover, sheet, rng)
    if holes is not None:
        depth = np.float32(1.0 if rng.random() < 0.35 else rng.uniform(0.05, 0.8))
        under = under * (1 - holes * (1 - depth))
        cover = cover * (1 - holes)
    mesh = sheet.mesh.copy()
    return Take(light=under + cover * (ink - under), mesh=mesh)


def _curl(sheet: Take, rng: np.random.Generator) -> np.ndarray:
    """Shading (1, w, 1) of a sheet that is bent about the head, or nearly flat."""
    middle = float((sheet.box[0] + sheet.box[2]) / 2)
    x = (np.arange(sheet.light.shape[1], dtype=np.float32) - middle) / np.float32(sheet.side / 2)
    bent = np.clip(x + rng.normal(0, 0.3), -1.2, 1.2)
    return (1 - np.float32(rng.uniform(0, 0.35)) * bent * bent)[None, :, None].astype(np.float32)


def _in_light_of(ink: np.ndarray, wearer: Take, rng: np.random.Generator, *, cover: np.ndarray) -> np.ndarray:
    """The print in the light that falls on the wearer's face: its level, in part its slope."""
    grey = np.maximum(wearer.light @ LUMA, 0)
    small = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), max(1.0, 0.25 * wearer.side / 4))
    slope = cv2.resize(soft, grey.shape[::-1], interpolation=cv2.INTER_LINEAR) + np.float32(1e-3)
    face, paper = float(mean_within(wearer.light, cover) @ LUMA), float(mean_within(ink, cover) @ LUMA)
    share = float(rng.uniform(0, 0.7))
    sloped = np.clip(cv2.pow(slope / np.float32(face + 1e-3), share), 0.3, 3)
    gain = face / paper * log_uniform(rng, 0.75, 1.6)
    return ink * np.asarray(sloped)[..., None] * np.float32(gain)


def _shadow(cover: np.ndarray, sheet: Take, rng: np.random.Generator) -> np.ndarray:
    """What light is left beside the sheet (h, w, 1), which stands off the head a little."""
    offset = rng.normal(0, 0.02, 2) * sheet.side + [0, 0.01 * sheet.side]
    moved = cv2.warpAffine(cover, np.array([[1, 0, offset[0]], [0, 1, offset[1]]]), cover.shape[1::-1])
    soft = blurred(moved, sheet.side * rng.uniform(0.008, 0.04))
    return (1 - np.float32(rng.uniform(0.1, 0.7)) * soft)[..., None]
