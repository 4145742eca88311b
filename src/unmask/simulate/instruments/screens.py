"""Displays that replay a face: their size, pixels, glass, tone and refresh, and the light they send out."""

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from unmask.simulate.instruments.displays import DEVICES, DISPLAYS, Panel
from unmask.simulate.instruments.framing import Framing, fitted
from unmask.simulate.instruments.interfaces import dress, punch
from unmask.simulate.instruments.sheet import Sheet, Traced, picture_homography
from unmask.simulate.rendering.lattice import LATTICES, Grid
from unmask.simulate.rendering.layout import Layout, ShownPicture, bleed, draw_crop, lay_out
from unmask.simulate.rendering.surfaces import Pose, View
from unmask.simulate.stage.scene import Stage

TEXELS = 900  # along the longer side of a page before it is sized
REFLECTED_PX = 96  # height of the mirrored room: near glass it is never in focus


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One display with a picture on it.

    `display` is its row of `DISPLAYS`. `white` is its white's radiance over that of white paper in the room's
    light; `black` the light it leaks, in shares of white. `columns`, `rows`: display pixels along the panel;
    `upright`: which way it is held. `interface` and `seed` say what stands round the picture; `smears` (h, w)
    float32 in [0, 1] where fingers were on the glass.
    """

    display: Panel
    sheet: Sheet
    layout: Layout
    columns: int
    rows: int
    upright: bool
    white: float
    black: float
    gamma: float
    colours: np.ndarray  # (3, 3) from the picture's linear light to the panel's: vividness, tint of its white
    bezel: np.ndarray  # (3,) reflectance
    refresh_depth: float
    hands: int
    interface: str
    seed: int
    smears: np.ndarray


def draw_screen(
    rng: np.random.Generator,
    picture: ShownPicture,
    *,
    device: str | None = None,
    model: str | None = None,
    framing: Framing | None = None,
) -> Screen:
    """That model (a row of `DISPLAYS`) or one of that device, showing the picture whole or a part of it."""
    device = device or (DISPLAYS[model].device if model else str(rng.choice(list(DEVICES))))
    display = DISPLAYS[model or str(rng.choice([m for m, row in DISPLAYS.items() if row.device == device]))]
    kind = DEVICES[device]
    upright = _is_upright(rng, framing, often=kind.upright)
    across = np.array([display.short_m, display.long_m])
    size = across if upright else across[::-1]
    columns, rows = display.pixels if upright else display.pixels[::-1]
    bezel = rng.uniform(*kind.bezel_m) * np.array([1.0, rng.choice([1.0, 1.0, 2.5])])
    layout, interface = _draw_layout(rng, picture, size_m=size, display=display, framing=framing)
    sheet = Sheet(
        width_m=float(size[0] + 2 * bezel[0]),
        height_m=float(size[1] + 2 * bezel[1]),
        picture=(-size[0] / 2, -size[1] / 2, size[0] / 2, size[1] / 2),
        corner_m=float(rng.uniform(*kind.corner_m)),
        picture_corner_m=display.corner_m,
        gloss=0.2 * display.mirrors,
        shininess=float(rng.uniform(200, 500) if display.mirrors > 0.03 else rng.uniform(30, 90)),
    )
    return Screen(
        display=display,
        sheet=sheet,
        layout=layout,
        columns=columns,
        rows=rows,
        upright=upright,
        white=float(
            np.exp(rng.uniform(np.log(rng.choice([0.35, 0.9, 0.9, 0.9])), np.log(display.brightest)))
        ),
        black=1 / display.contrast,
        gamma=float(display.gamma + rng.normal(0, 0.08)),
        colours=_draw_colours(rng),
        bezel=np.full(3, rng.choice([0.015, 0.015, 0.02, 0.02, 0.04, 0.04, 0.6])) * rng.uniform(0.8, 1.2),
        refresh_depth=display.pulse_depth * float(rng.choice([0.0, 0.5, 1.0])),
        hands=int(rng.choice(kind.hands)),
        interface=interface,
        seed=int(rng.integers(2**31)),
        smears=_draw_smears(rng),
    )


def _is_upright(rng: np.random.Generator, framing: Framing | None, *, often: float) -> bool:
    """As it is held; a telephone that fills a wide view is turned."""
    if often > 0 and framing is not None and framing.extents is not None and not any(framing.borders):
        wide, tall = framing.extents[:2] + framing.extents[2:]
        often = 0.15 if wide > 1.1 * tall else 0.9
    return bool(rng.random() < often)


def _draw_colours(rng: np.random.Generator) -> np.ndarray:
    """Phones are set to vivid colours or dull with age, to cold white or to the warm one of the evening."""
    vivid, warm = rng.uniform(0.85, 1.45), rng.normal(0.09, 0.12)
    luma = np.array([0.3, 0.59, 0.11])
    tint = np.array([1 + warm, 1 + rng.uniform(-0.04, 0.04), 1 - warm])
    return (tint[:, None] * (vivid * np.eye(3) + (1 - vivid) * luma)).astype(np.float32)


def _draw_smears(rng: np.random.Generator) -> np.ndarray:
    """Where fingers have been, as far as one sees it: often nowhere."""
    smears = np.zeros((96, 96), np.float32)
    for _ in range(int(rng.choice([0, 0, 3, 8, 15]))):
        x, y = rng.uniform(0, 96, 2)
        end = (round(x + rng.normal(0, 12)), round(y + rng.normal(0, 20)))
        layer = np.zeros((96, 96), np.float32)
        cv2.line(
            layer,
            (round(x), round(y)),
            end,
            float(rng.uniform(0.3, 1.0)),
            int(rng.integers(3, 9)),
            cv2.LINE_AA,
        )
        smears = np.maximum(smears, layer)
    return cv2.GaussianBlur(smears, (0, 0), 1.2)


def _draw_layout(
    rng: np.random.Generator,
    picture: ShownPicture,
    *,
    size_m: np.ndarray,
    display: Panel,
    framing: Framing | None,
) -> tuple[Layout, str]:
    """The picture fills the panel, or stands between bars, or in a window among other things; and which."""
    kind, aspect = DEVICES[display.device], float(size_m[0] / size_m[1])
    size = (
        (TEXELS, max(64, round(TEXELS * aspect))) if aspect < 1 else (max(64, round(TEXELS / aspect)), TEXELS)
    )
    level = int(rng.choice([0, 0, 0, 20, 235, 255]))
    ground = (level, level, level)
    interface = str(rng.choice(kind.interfaces))
    if framing is not None and framing.extents is not None:
        crop = bleed(picture, fitted(framing.extents, framing.borders, aspect=aspect))
        over = interface if interface in ("status", "player", "social") and rng.random() < 0.5 else "bare"
        return Layout(crop=crop, place=(0, 0, 1, 1), size=size, ground=ground), over
    fills = rng.random() < 0.6 and interface not in ("chat", "desktop")
    wanted = aspect if fills else float(rng.choice([0.75, 1.0, 1.33, 1.78]))
    crop = draw_crop(rng, picture, aspect=wanted, room=rng.uniform(*kind.room))
    got = (crop[2] - crop[0]) / (crop[3] - crop[1])
    share = float(rng.uniform(0.6, 0.95)) if interface == "desktop" else 1.0
    wide, tall = (share, share * aspect / got) if got > aspect else (share * got / aspect, share)
    left, top = rng.uniform(0.3, 0.7, 2) * (1 - np.array([wide, tall]))
    place = (float(left), float(top), float(left + wide), float(top + tall))
    return Layout(crop=crop, place=place, size=size, ground=ground), interface


def panel(screen: Screen, frame: np.ndarray) -> np.ndarray:
    """The panel's light (h, w, 3) float32, shares of its white, for a frame of the picture."""
    page = lay_out(screen.layout, frame)
    dress(page, screen.interface, slot=screen.layout.place, seed=screen.seed)
    punch(page, screen.display.notch)
    table = ((np.arange(256) / 255) ** screen.gamma * (1 - screen.black) + screen.black).astype(np.float32)
    return np.maximum(cv2.transform(cv2.LUT(page, table), screen.colours), 0)


def glow(
    screen: Screen,
    light: np.ndarray,
    traced: Traced,
    *,
    pose: Pose,
    stage: Stage,
    pulse: np.ndarray,
    paper: float,
) -> np.ndarray:
    """What the device sends to the camera: (H, W, 3) linear light.

    `light` is `panel`'s; `pulse` (H,) the refresh at each row; `paper` the radiance of white paper in that
    place.
    """
    weight, cosine = _glass(screen, pose, view=stage.view)
    out = np.zeros((*traced.alpha.shape, 3), np.float32)
    _send(
        out,
        light,
        traced.x,
        traced.y,
        traced.alpha,
        traced.shown,
        traced.irradiance,
        traced.mirrored,
        (pulse * np.float32(screen.white * paper)).astype(np.float32),
        screen.bezel.astype(np.float32),
        _behind_camera(screen, pose, stage=stage),
        weight,
        (cosine**screen.display.falloff).astype(np.float32),
        screen.smears,
        np.float32(0.03 * paper),
    )
    return out


def _glass(screen: Screen, pose: Pose, *, view: View) -> tuple[np.ndarray, np.ndarray]:
    """On a coarse raster (24, 32) over the view: share of light mirrored (Schlick), cosine of the angle."""
    y, x = np.mgrid[0 : view.height : 24j, 0 : view.width : 32j]
    rays = np.dstack([x - view.width / 2, y - view.height / 2, np.full_like(x, view.focal_px)])
    cosine = np.abs(rays @ pose.rotation[:, 2].astype(float)) / np.linalg.norm(rays, axis=2)
    least = screen.display.mirrors
    weight = least + (1 - least) * (1 - cosine) ** 5
    return weight.astype(np.float32), cosine.astype(np.float32)


def _behind_camera(screen: Screen, pose: Pose, *, stage: Stage) -> np.ndarray:
    """The room behind the camera as the glass mirrors it, with the person there: (h, w, 3), coarse."""
    few = REFLECTED_PX if screen.display.mirrors > 0.03 else REFLECTED_PX // 6
    room = cv2.resize(stage.backdrop.picture, (few * 4 // 3, few), interpolation=cv2.INTER_AREA)[:, ::-1]
    # A glass that turns by an angle turns what it mirrors by twice that.
    turned = -2 * pose.rotation[:2, 2] * stage.view.focal_px / stage.view.height * few
    y, x = np.mgrid[:few, : few * 4 // 3] / few
    someone = np.clip(4 - 14 * np.hypot((x - 0.66) / 0.8, (y - 0.75) / 1.3), 0, 1)[..., None]
    room = (room * (1 - 0.85 * someone)).astype(np.float32)
    shift = np.array([[1, 0, turned[0]], [0, 1, turned[1]]], np.float32)
    room = cv2.warpAffine(room, shift, room.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    return np.asarray(room * np.asarray(stage.light.background, np.float32))


@numba.njit(cache=True, nogil=True, inline="always")
def _at(field, y, x, c):  # type: ignore[no-untyped-def]
    """The field (h, w, n) at a place in its pixels, between them linear, beyond its border as there."""
    height, width = field.shape[:2]
    x = min(max(x, np.float32(0)), np.float32(width - 1))
    y = min(max(y, np.float32(0)), np.float32(height - 1))
    i, j = int(y), int(x)
    k, m = min(i + 1, height - 1), min(j + 1, width - 1)
    fy, fx = y - np.float32(i), x - np.float32(j)
    above = field[i, j, c] + fx * (field[i, m, c] - field[i, j, c])
    below = field[k, j, c] + fx * (field[k, m, c] - field[k, j, c])
    return above + fy * (below - above)


@numba.njit(cache=True, nogil=True)
def _send(  # type: ignore[no-untyped-def]
    out, light, u, v, alpha, shown, irradiance, mirrored, white, bezel, room, weight, falloff, smears, haze
):  # fmt: skip
    height, width = alpha.shape
    weight, falloff, smears = (
        weight.reshape((24, 32, 1)),
        falloff.reshape((24, 32, 1)),
        smears.reshape((96, 96, 1)),
    )
    half = np.float32(0.5)
    for y in range(height):
        ry = np.float32(y) / np.float32(height)
        for x in range(width):
            if alpha[y, x] <= 0:
                continue
            rx = np.float32(x) / np.float32(width)
            mirrors = _at(weight, ry * np.float32(23), rx * np.float32(31), 0)
            lit = shown[y, x] * white[y]
            touched = np.float32(0)
            if lit > 0:
                lit *= _at(falloff, ry * np.float32(23), rx * np.float32(31), 0)
                touched = _at(smears, v[y, x] * np.float32(95), u[y, x] * np.float32(95), 0)
            px, py = u[y, x] * np.float32(light.shape[1]) - half, v[y, x] * np.float32(light.shape[0]) - half
            for c in range(3):
                value = (np.float32(1) - shown[y, x]) * bezel[c] * irradiance[y, x, c] + mirrored[y, x, c]
                value += mirrors * _at(
                    room, ry * np.float32(room.shape[0]), rx * np.float32(room.shape[1]), c
                )
                if lit > 0:
                    value += lit * _at(light, py, px, c) * (np.float32(1) - np.float32(0.15) * touched)
                out[y, x, c] = value + touched * haze


def grid(screen: Screen, pose: Pose, traced: Traced, *, view: View) -> Grid:
    """The panel's subpixels as the sensor will sample them."""
    return Grid(
        lattice=LATTICES[screen.display.lattice](),
        homography=picture_homography(
            screen.sheet, pose, view=view, width=screen.columns, height=screen.rows
        ),
        cover=traced.shown * (traced.alpha > 0.99),
    )


def refresh(screen: Screen, *, view: View, time_s: float, exposure_s: float, readout_s: float) -> np.ndarray:
    """The backlight's pulse over the sensor's rows (H,) float32, averaged over each exposure; mean 1."""
    rows_s = time_s + np.arange(view.height) / view.height * readout_s
    hertz = screen.display.pulse_hz
    depth = screen.refresh_depth * np.sinc(hertz * exposure_s)
    return (1 + depth * np.cos(2 * np.pi * hertz * rows_s)).astype(np.float32)
