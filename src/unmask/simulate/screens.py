"""Displays that replay a face: their size, glass, tone and refresh, and the light they send out."""

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.simulate.lattice import LATTICES, Grid
from unmask.simulate.layout import Layout, Picture, draw_crop, lay_out
from unmask.simulate.scene import Stage
from unmask.simulate.sheet import Sheet, Traced, picture_homography
from unmask.simulate.surfaces import Pose, View

MOST_MIRRORED = 0.12  # of the display's white: mean light of the room in its glass


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A kind of display: ranges (low, high) of what differs within it; `long_m` is the longer side of the
    panel.
    """

    long_m: tuple[float, float]
    ratio: tuple[float, float]  # longer over shorter side
    long_px: tuple[int, ...]
    lattices: tuple[str, ...]
    bezel_m: tuple[float, float]
    corner_m: tuple[float, float]
    hands: tuple[int, ...]
    upright: float  # how often it stands upright
    room: tuple[float, float]  # face sides that its picture shows


DEVICES: dict[str, Device] = {
    "phone": Device(
        long_m=(0.125, 0.155), ratio=(1.78, 2.17), long_px=(1280, 1600, 1920, 2340, 2400, 2960),
        lattices=("oled", "lcd"), bezel_m=(0.002, 0.007), corner_m=(0.004, 0.010), hands=(1, 1, 1, 2, 0),
        upright=0.85, room=(1.05, 2.4),
    ),
    "tablet": Device(
        long_m=(0.19, 0.26), ratio=(1.33, 1.6), long_px=(1280, 1920, 2048, 2360, 2560),
        lattices=("lcd", "lcd", "oled"), bezel_m=(0.005, 0.02), corner_m=(0.004, 0.012),
        hands=(0, 1, 1, 2), upright=0.6, room=(1.1, 3.0),
    ),
    "laptop": Device(
        long_m=(0.28, 0.345), ratio=(1.6, 1.78), long_px=(1366, 1920, 2560), lattices=("lcd",),
        bezel_m=(0.005, 0.018), corner_m=(0.0, 0.006), hands=(0,), upright=0.0, room=(1.2, 4.0),
    ),
    "monitor": Device(
        long_m=(0.47, 0.60), ratio=(1.6, 1.78), long_px=(1680, 1920, 2560, 3840), lattices=("lcd",),
        bezel_m=(0.005, 0.025), corner_m=(0.0, 0.002), hands=(0,), upright=0.0, room=(1.2, 4.0),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One display with a picture on it.

    `white` is its white's radiance over that of white paper in the room's light; `black` the light it leaks,
    in shares of white; `mirror` the share of the room that its glass reflects. `refresh_hz` and
    `refresh_depth` say how its backlight pulses. `columns`, `rows`: display pixels along the panel.
    """

    device: str
    sheet: Sheet
    layout: Layout
    lattice: str
    columns: int
    rows: int
    white: float
    black: float
    gamma: float
    colours: (
        np.ndarray
    )  # (3, 3) from the picture's linear light to the panel's: vividness and tint of its white
    bezel: np.ndarray  # (3,) reflectance
    mirror: float
    refresh_hz: float
    refresh_depth: float
    hands: int


def draw_screen(rng: np.random.Generator, picture: Picture, *, device: str | None = None) -> Screen:
    """A display that shows the picture, whole or a part of it, filling the panel or not."""
    name = device or str(rng.choice(["phone", "phone", "phone", "tablet", "laptop", "monitor"]))
    kind = DEVICES[name]
    long_m, ratio = rng.uniform(*kind.long_m), rng.uniform(*kind.ratio)
    upright = rng.random() < kind.upright
    size = np.array([long_m / ratio, long_m] if upright else [long_m, long_m / ratio])
    across = int(rng.choice(kind.long_px))
    columns, rows = (round(across / ratio), across) if upright else (across, round(across / ratio))
    bezel = rng.uniform(*kind.bezel_m) * np.array([1.0, rng.choice([1.0, 1.0, 2.5])])
    layout = _draw_layout(rng, picture, width_m=size[0], height_m=size[1], room=rng.uniform(*kind.room))
    sheet = Sheet(
        width_m=float(size[0] + 2 * bezel[0]),
        height_m=float(size[1] + 2 * bezel[1]),
        picture=(-size[0] / 2, -size[1] / 2, size[0] / 2, size[1] / 2),
        corner_m=float(rng.uniform(*kind.corner_m)),
        gloss=float(rng.choice([0.002, 0.01, 0.03])),
        shininess=float(rng.uniform(60, 400)),
    )
    return Screen(
        device=name,
        sheet=sheet,
        layout=layout,
        lattice=str(rng.choice(kind.lattices)),
        columns=columns,
        rows=rows,
        white=float(np.exp(rng.uniform(np.log(0.4), np.log(6.0)))),
        black=float(rng.choice([0.0005, 0.003, 0.015])),
        gamma=float(rng.uniform(1.9, 2.5)),
        colours=_draw_colours(rng),
        bezel=np.full(3, rng.choice([0.015, 0.02, 0.04, 0.6])) * rng.uniform(0.8, 1.2),
        mirror=float(rng.choice([0.005, 0.02, 0.045, 0.06])),
        refresh_hz=float(rng.choice([60.0, 120.0, 240.0, 480.0])),
        refresh_depth=float(rng.choice([0.0, 0.0, 0.05, 0.3, 0.8])),
        hands=int(rng.choice(kind.hands)),
    )


def _draw_colours(rng: np.random.Generator) -> np.ndarray:
    """Phones are set to vivid colours or dull with age, to cold white or to the warm one of the evening."""
    vivid, warm = rng.uniform(0.85, 1.45), rng.normal(0.09, 0.12)
    luma = np.array([0.3, 0.59, 0.11])
    tint = np.array([1 + warm, 1 + rng.uniform(-0.04, 0.04), 1 - warm])
    return (tint[:, None] * (vivid * np.eye(3) + (1 - vivid) * luma)).astype(np.float32)


def _draw_layout(
    rng: np.random.Generator, picture: Picture, *, width_m: float, height_m: float, room: float
) -> Layout:
    """The picture fills the panel, or stands between bars, or in a window among other things."""
    aspect = width_m / height_m
    fills = rng.random() < 0.6
    wanted = aspect if fills else rng.choice([0.75, 1.0, 1.33, 1.78])
    crop = draw_crop(rng, picture, aspect=float(wanted), room=room)
    got = (crop[2] - crop[0]) / (crop[3] - crop[1])
    share = 1.0 if width_m > 0.25 and rng.random() < 0.4 else rng.uniform(0.6, 1.0) if width_m > 0.25 else 1.0
    wide, tall = (share, share * aspect / got) if got > aspect else (share * got / aspect, share)
    left, top = rng.uniform(0.3, 0.7, 2) * (1 - np.array([wide, tall]))
    level = int(rng.choice([0, 0, 0, 20, 235, 255]))
    texels = 900
    size = (
        (texels, max(64, round(texels * aspect))) if aspect < 1 else (max(64, round(texels / aspect)), texels)
    )
    return Layout(
        crop=crop, place=(left, top, left + wide, top + tall), size=size, ground=(level, level, level)
    )


def panel(screen: Screen, frame: np.ndarray, *, controls: bool) -> np.ndarray:
    """The panel's light (h, w, 3) float32, shares of its white, for a frame of the picture."""
    page = lay_out(screen.layout, frame)
    if controls:
        _controls(page)
    table = ((np.arange(256) / 255) ** screen.gamma * (1 - screen.black) + screen.black).astype(np.float32)
    return np.maximum(cv2.transform(cv2.LUT(page, table), screen.colours), 0)


def _controls(page: np.ndarray) -> None:
    """A status bar above and a player's bar below, drawn over the page."""
    height, width = page.shape[:2]
    bar = max(4, height // 40)
    page[: bar + 2] = page[: bar + 2] // 4
    for left in (width // 20, width - width // 6, width - width // 12):
        cv2.rectangle(page, (left, bar // 3), (left + width // 25, bar), (225, 225, 225), -1)
    y = height - 3 * bar
    page[y - 2 * bar :] = page[y - 2 * bar :] // 3
    cv2.line(page, (width // 12, y), (width * 11 // 12, y), (150, 150, 150), max(1, bar // 5))
    cv2.line(page, (width // 12, y), (width // 3, y), (230, 230, 230), max(1, bar // 4))
    cv2.circle(page, (width // 3, y), max(2, bar // 2), (240, 240, 240), -1, cv2.LINE_AA)


def glow(
    screen: Screen, light: np.ndarray, traced: Traced, *, stage: Stage, pulse: np.ndarray, paper: float
) -> np.ndarray:
    """What the device sends to the camera: (H, W, 3) linear light.

    `light` is `panel`'s; `pulse` (H,) the refresh at each row; `paper` the radiance of white paper in that
    place.
    """
    height, width = light.shape[:2]
    seen = cv2.remap(
        light,
        traced.x * width - 0.5,
        traced.y * height - 0.5,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    lit = traced.shown * (screen.white * paper) * pulse[:, None]
    dark = (1 - traced.shown)[..., None] * screen.bezel.astype(np.float32) * traced.irradiance
    return (
        seen * lit[..., None]
        + dark
        + traced.mirrored
        + screen.mirror * _reflection(stage, traced.alpha.shape)
    )


def _reflection(stage: Stage, shape: tuple[int, int]) -> np.ndarray:
    """The room behind the camera in the glass, out of focus: (H, W, 3) linear light."""
    small = cv2.resize(stage.backdrop.picture, (24, 18), interpolation=cv2.INTER_AREA)[:, ::-1]
    room = cv2.resize(np.ascontiguousarray(small), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return room * np.asarray(stage.light.background, np.float32)


def grid(screen: Screen, pose: Pose, traced: Traced, *, view: View) -> Grid:
    """The panel's subpixels as the sensor will sample them."""
    return Grid(
        lattice=LATTICES[screen.lattice](),
        homography=picture_homography(
            screen.sheet, pose, view=view, width=screen.columns, height=screen.rows
        ),
        cover=traced.shown * (traced.alpha > 0.99),
    )


def refresh(screen: Screen, *, view: View, time_s: float, exposure_s: float, readout_s: float) -> np.ndarray:
    """The backlight's pulse over the sensor's rows (H,) float32, averaged over each exposure; mean 1."""
    rows_s = time_s + np.arange(view.height) / view.height * readout_s
    depth = screen.refresh_depth * np.sinc(screen.refresh_hz * exposure_s)
    return (1 + depth * np.cos(2 * np.pi * screen.refresh_hz * rows_s)).astype(np.float32)
