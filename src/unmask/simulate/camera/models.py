"""Camera models: what each may be, and a camera drawn from one of them; the class before it plays no part."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from unmask.simulate.rendering.surfaces import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a camera model may be: (low, high) of each number of `Camera`, drawn evenly."""

    sensor_scale: tuple[float, float]
    view_deg: tuple[float, float]
    blur_px: tuple[float, float]
    aperture_px: tuple[float, float]
    fringe: tuple[float, float]
    vignetting: tuple[float, float]
    haze: tuple[float, float]
    target: tuple[float, float]
    metering: tuple[float, float]
    read_noise: tuple[float, float]
    shot_noise: tuple[float, float]
    white_balance: tuple[float, float]
    warmth: tuple[float, float]
    saturation: tuple[float, float]
    contrast: tuple[float, float]
    gamma: tuple[float, float]
    denoise: tuple[float, float]
    sharpen: tuple[float, float]
    exposure_s: tuple[float, float]
    readout_s: tuple[float, float]
    crf: tuple[float, float]
    jpeg: tuple[float, float]
    kbps: tuple[float, float]
    halo_px: tuple[float, float]
    beauty: tuple[float, float]
    aperture_mm: tuple[float, float]
    misfocus: tuple[float, float]
    distortion: tuple[float, float]
    drops: tuple[float, float]
    codecs: tuple[str, ...] = ("h264", "h264-rate", "mjpeg")
    portrait: float = 0.0  # how often it is held upright
    autofocus: float = 0.2  # how often it has one; it is on the face but for one time in ten


WEBCAM = Model(
    sensor_scale=(0.8, 1.1), view_deg=(52, 68), blur_px=(0.3, 0.8), aperture_px=(0.6, 1.0),
    fringe=(0, 1.2e-3), vignetting=(0, 0.5), haze=(0, 0.11), target=(0.10, 0.30), metering=(0.3, 1.0),
    read_noise=(2e-3, 1e-2), shot_noise=(3e-3, 1.6e-2), white_balance=(0.5, 1.0), warmth=(-0.12, 0.12),
    saturation=(0.45, 1.25), contrast=(-0.25, 0.45), gamma=(0.40, 0.52), denoise=(0, 0.55), sharpen=(0, 1.2),
    exposure_s=(0.008, 0.033), readout_s=(0.010, 0.030), crf=(19, 32), jpeg=(45, 95),
    kbps=(500, 3000), halo_px=(0.7, 1.8), beauty=(0, 0), aperture_mm=(0.7, 2.5), misfocus=(-0.7, 0.5),
    distortion=(-0.02, 0.06), drops=(0, 0.5),
)  # fmt: skip
_USB = {
    "sensor_scale": (0.6, 1.0), "blur_px": (0.35, 1.1), "haze": (0.0, 0.15), "sharpen": (0.0, 2.0),
    "halo_px": (0.7, 2.6), "aperture_mm": (0.8, 4.0), "misfocus": (-1.0, 0.8), "view_deg": (48, 78),
    "distortion": (-0.02, 0.10), "jpeg": (30, 92), "autofocus": 0.35,
}  # fmt: skip
_OLD = {
    "view_deg": (48, 62), "read_noise": (3e-3, 1.4e-2), "shot_noise": (5e-3, 2.2e-2), "portrait": 0.8,
    "aperture_mm": (0.7, 2.5), "misfocus": (-0.8, 0.4), "kbps": (500, 3000), "readout_s": (0.02, 0.045),
    "drops": (0, 0.7),
}  # fmt: skip
_NEW = {
    "sensor_scale": (1.0, 1.3), "view_deg": (50, 66), "blur_px": (0.25, 0.6), "aperture_px": (0.3, 0.8),
    "haze": (0.0, 0.08), "read_noise": (5e-4, 4e-3), "shot_noise": (1e-3, 6e-3), "saturation": (0.8, 1.45),
    "contrast": (0.0, 0.6), "crf": (19, 27), "jpeg": (75, 97), "portrait": 0.8, "kbps": (1500, 8000),
    "beauty": (-1.0, 1.0), "aperture_mm": (1.0, 3.5), "misfocus": (-0.35, 0.25), "distortion": (0, 0.02),
    "drops": (0, 0.2), "readout_s": (0.005, 0.02), "autofocus": 0.5,
}  # fmt: skip
_TERMINAL = {
    "view_deg": (60, 85), "vignetting": (0.2, 0.8), "haze": (0.0, 0.15), "portrait": 0.5,
    "aperture_mm": (0.8, 3.5), "misfocus": (-0.7, 0.7), "distortion": (0.02, 0.22), "kbps": (400, 3000),
    "codecs": ("h264", "h264-rate"),
}  # fmt: skip
_CALL = {
    "denoise": (0.2, 0.85), "crf": (25, 36), "kbps": (300, 1500), "beauty": (-1.0, 1.0), "drops": (0, 0.7),
    "codecs": ("h264", "h264-rate", "h264-rate"),
}  # fmt: skip


def _model(changes: dict[str, Any]) -> Model:
    known = {f.name: getattr(WEBCAM, f.name) for f in fields(Model)}
    return Model(**{**known, **changes})


MODELS: dict[str, Model] = {
    "laptop-webcam": WEBCAM,
    "usb-webcam": _model(_USB),
    "old-phone": _model(_OLD),
    "new-phone": _model(_NEW),
    "terminal": _model(_TERMINAL),
    "video-call": _model(_CALL),
}


COARSEST = 1.6  # a window's pixels at most, beside those of 640 x 480


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera: `height`, `width` delivered; the sensor has `sensor_scale` times as many pixels along each
    side.

    `view_deg`: angle over the longer side. `blur_px` (sigma) and `aperture_px` in sensor pixels; an aperture
    under 1 is a fine sensor read with gaps. `fringe`: red and blue magnified by 1 +- that. `haze`: share of
    light that strays. `target`: mean delivered linear light; `metering`: 0 the whole picture, 1 the face.
    Noise: standard deviation at black, and at full light, in full scales. `white_balance`: how much of a cast
    is taken out; `warmth` its error. `contrast` bends the tone, < 0 flattens. `sharpen` by a mask of sigma
    `halo_px`. `beauty` smooths skin, none at 0 and below. `aperture_mm`: diameter of the pupil. `misfocus`:
    dioptres by which it is in focus before the face, < 0 behind; the face, wherever it is, since attackers
    hold what they show where it comes out sharp. `distortion`: how much straight lines bend, > 0 like a
    barrel. `drops`: share of frames lost in the dark. `codec` is "h264" (by `crf`), "h264-rate" (by `kbps`,
    of 640 x 480 at 30 frames a second) or "mjpeg" (by `jpeg` quality).
    """

    model: str
    height: int
    width: int
    sensor_scale: float
    view_deg: float
    blur_px: float
    aperture_px: float
    fringe: float
    vignetting: float
    haze: float
    target: float
    metering: float
    read_noise: float
    shot_noise: float
    white_balance: float
    warmth: float
    saturation: float
    contrast: float
    gamma: float
    denoise: float
    sharpen: float
    exposure_s: float
    readout_s: float
    crf: float
    jpeg: float
    kbps: float
    halo_px: float
    beauty: float
    aperture_mm: float
    misfocus: float
    distortion: float
    drops: float
    codec: str

    @property
    def view(self) -> View:
        """The pinhole of its sensor."""
        height, width = (2 * round(self.sensor_scale * side / 2) for side in (self.height, self.width))
        focal = 0.5 * max(height, width) / np.tan(np.deg2rad(self.view_deg) / 2)
        return View(height=height, width=width, focal_px=float(focal))


def draw_camera(
    rng: np.random.Generator,
    *,
    model: str | None = None,
    hd_share: float = 0.0,
    size: tuple[int, int] | None = None,
) -> Camera:
    """A camera of that model, or of any; 640 x 480 upright or not, 1280 x 720 in a share of `hd_share`.

    With `size` (height, width) it delivers that window of its picture, the pixels as large as at 640 x 480 or
    up to 1.6 times as large.
    """
    name = model or str(rng.choice(sorted(MODELS)))
    ranges = MODELS[name]
    drawn = {
        f.name: float(rng.uniform(*getattr(ranges, f.name)))
        for f in fields(Model)
        if f.name not in ("codecs", "portrait", "autofocus")
    }
    if rng.random() < ranges.autofocus:
        drawn["misfocus"] = 0.0 if rng.random() < 0.92 else -1.6
    long, short = (1280, 720) if rng.random() < hd_share else (640, 480)
    upright = rng.random() < ranges.portrait
    height, width = (long, short) if upright else (short, long)
    if size is not None:
        height, width = size
        drawn |= _window(drawn, side=max(size), coarse=float(rng.uniform(1.0, COARSEST)))
    return Camera(
        model=name,
        height=height,
        width=width,
        codec=str(rng.choice(ranges.codecs)),
        **drawn,
    )


def _window(drawn: dict[str, float], *, side: int, coarse: float) -> dict[str, float]:
    """What changes where a camera delivers a middle part alone, its longer side `side` px of `coarse` px of
    the whole.
    """
    share = side * coarse / 640
    if share >= 1:
        return {}
    half = np.tan(np.deg2rad(drawn["view_deg"]) / 2)
    return {
        "view_deg": float(2 * np.rad2deg(np.arctan(share * half))),
        "vignetting": drawn["vignetting"] * share**2,
        "blur_px": drawn["blur_px"] / coarse,
    }
