"""One camera path for every class: light on the sensor to delivered frames.

Lens, automatic exposure, flicker, photosites behind a Bayer pattern (where a display's grid is sampled), noise,
demosaicing, white balance, colour, tone, denoising, sharpening, scaling, and a real codec. A camera is drawn from its
model's ranges; which class stands before it plays no part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numba
import numpy as np

from unmask.media.video import encode_decode
from unmask.simulate.lattice import Grid, modulation
from unmask.simulate.scene import Shot
from unmask.simulate.surfaces import View

_FULL = 4095  # the sensor's 12 bits
FACE_LEVELS = (
    0.03,
    0.55,
)  # linear light on the face: who is darker or brighter moves until the camera sees a face


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
    codecs: tuple[str, ...] = ("h264", "mjpeg")
    portrait: float = 0.0  # how often it is held upright


WEBCAM = Model(
    sensor_scale=(0.7, 1.0), view_deg=(52, 68), blur_px=(0.35, 1.1), aperture_px=(0.6, 1.0), fringe=(0, 1.2e-3),
    vignetting=(0, 0.5), haze=(0, 0.16), target=(0.10, 0.30), metering=(0.0, 1.0), read_noise=(2e-3, 1e-2),
    shot_noise=(3e-3, 1.6e-2), white_balance=(0.4, 1.0), warmth=(-0.12, 0.12), saturation=(0.45, 1.25),
    contrast=(-0.25, 0.45), gamma=(0.40, 0.52), denoise=(0, 0.9), sharpen=(0, 1.2), exposure_s=(0.008, 0.033),
    readout_s=(0.010, 0.030), crf=(21, 34), jpeg=(45, 92),
)  # fmt: skip
_USB = {"sensor_scale": (0.5, 1.0), "blur_px": (0.4, 1.4), "haze": (0.0, 0.25), "sharpen": (0.0, 1.6)}
_OLD = {"view_deg": (48, 62), "read_noise": (3e-3, 1.4e-2), "shot_noise": (5e-3, 2.2e-2), "portrait": 0.8}
_NEW = {
    "sensor_scale": (1.0, 1.3), "view_deg": (50, 66), "blur_px": (0.25, 0.6), "aperture_px": (0.3, 0.8),
    "haze": (0.0, 0.08), "read_noise": (5e-4, 4e-3), "shot_noise": (1e-3, 6e-3), "saturation": (0.8, 1.45),
    "contrast": (0.0, 0.6), "crf": (19, 27), "jpeg": (75, 97), "portrait": 0.8,
}  # fmt: skip
_TERMINAL = {
    "view_deg": (60, 85),
    "vignetting": (0.2, 0.8),
    "haze": (0.0, 0.2),
    "portrait": 0.5,
    "codecs": ("h264",),
}
_CALL = {"denoise": (0.3, 1.0), "crf": (27, 38), "codecs": ("h264",)}


def _model(changes: dict) -> Model:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera: `height`, `width` delivered; the sensor has `sensor_scale` times as many pixels along each side.

    `view_deg`: angle over the longer side. `blur_px` (sigma) and `aperture_px` in sensor pixels; an aperture under 1
    is a fine sensor read with gaps. `fringe`: red and blue magnified by 1 +- that. `haze`: share of light that strays.
    `target`: mean delivered linear light; `metering`: 0 the whole picture, 1 the face. Noise: standard deviation at
    black, and at full light, in full scales. `white_balance`: how much of a cast is taken out; `warmth` its error.
    `contrast` bends the tone, < 0 flattens. `codec` is "h264" (by `crf`) or "mjpeg" (by `jpeg` quality).
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
    codec: str

    @property
    def view(self) -> View:
        """The pinhole of its sensor."""
        height, width = (2 * round(self.sensor_scale * side / 2) for side in (self.height, self.width))
        focal = 0.5 * max(height, width) / np.tan(np.deg2rad(self.view_deg) / 2)
        return View(height=height, width=width, focal_px=float(focal))


def draw_camera(rng: np.random.Generator, *, model: str | None = None, hd_share: float = 0.0) -> Camera:
    """A camera of that model, or of any; 640 x 480 upright or not, and 1280 x 720 in a share of `hd_share`."""
    name = model or str(rng.choice(sorted(MODELS)))
    ranges = MODELS[name]
    drawn = {
        f.name: float(rng.uniform(*getattr(ranges, f.name)))
        for f in fields(Model)
        if f.name not in ("codecs", "portrait")
    }
    long, short = (1280, 720) if rng.random() < hd_share else (640, 480)
    upright = rng.random() < ranges.portrait
    return Camera(
        model=name,
        height=long if upright else short,
        width=short if upright else long,
        codec=str(rng.choice(ranges.codecs)),
        **drawn,
    )


def capture(
    shots: Sequence[Shot],
    rng: np.random.Generator,
    *,
    camera: Camera,
    grids: Sequence[Grid | None] | None = None,
    fps: float = 10.0,
) -> list[np.ndarray]:
    """The frames (height, width, 3) uint8 that the camera delivers of the shots, which its `view` has seen.

    `grids`: the display in front of the sensor at each shot, where there is one.
    """
    gain = _gain(shots[0], camera)
    balance = _balance(shots[0], camera)
    fall = _vignette(camera)
    mains = (float(rng.choice([100.0, 120.0])), rng.uniform(0, 2 * np.pi), _flicker_depth(rng, camera))
    frames = []
    for index, shot in enumerate(shots):
        rows = gain * _mains(mains, camera, time_s=index / fps)
        grid = grids[index] if grids is not None else None
        raw = _expose(_optics(shot.radiance, camera), rng, camera=camera, rows=rows, fall=fall, grid=grid)
        frames.append(_process(raw, balance, camera=camera))
    return deliver(frames, camera=camera, fps=fps)


def deliver(frames: Sequence[np.ndarray], *, camera: Camera, fps: float = 10.0) -> list[np.ndarray]:
    """The frames after the camera's codec."""
    if camera.codec == "mjpeg":
        return [jpeg(frame, quality=camera.jpeg) for frame in frames]
    return encode_decode(frames, codec="libx264", crf=round(camera.crf), fps=fps)


def jpeg(frame: np.ndarray, *, quality: float) -> np.ndarray:
    """The frame after JPEG (4:2:0) at that quality."""
    _, stream = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(quality)])
    return cv2.imdecode(stream, cv2.IMREAD_COLOR_RGB)


def _gain(shot: Shot, camera: Camera) -> float:
    """Automatic exposure: the metered light comes out at the target."""
    light = shot.radiance[::4, ::4].mean(axis=2)
    face = shot.face[::4, ::4]
    whole = float(np.minimum(light, 4 * np.median(light) + 1e-3).mean())
    on_face = float(light[face].mean()) if face.sum() > 20 else whole
    metered = np.exp((1 - camera.metering) * np.log(whole + 1e-4) + camera.metering * np.log(on_face + 1e-4))
    gain = camera.target / float(metered)
    return float(np.clip(gain * on_face, *FACE_LEVELS)) / (on_face + 1e-6)


def _balance(shot: Shot, camera: Camera) -> np.ndarray:
    """Gains of R, G, B: a grey world taken out in part, and the error that is left."""
    mean = shot.radiance[::8, ::8].reshape(-1, 3).mean(axis=0) + 1e-4
    gains = (mean.mean() / mean) ** camera.white_balance
    gains = gains * np.array([1 + camera.warmth, 1.0, 1 - camera.warmth])
    return (gains / gains.mean()).astype(np.float32)


def _vignette(camera: Camera) -> np.ndarray:
    view = camera.view
    y, x = np.ogrid[-1 : 1 : view.height * 1j, -1 : 1 : view.width * 1j]
    return (1 / (1 + camera.vignetting * (x * x + y * y) / 2) ** 2).astype(np.float32)


def _flicker_depth(rng: np.random.Generator, camera: Camera) -> float:
    """Mains flicker that the exposure does not average out; most lights are steady."""
    raw = rng.choice([0.0, 0.0, 0.0, 0.1, 0.3])
    return float(raw * abs(np.sinc(100 * camera.exposure_s)))


def _mains(mains: tuple[float, float, float], camera: Camera, *, time_s: float) -> np.ndarray:
    hertz, phase, depth = mains
    row_s = time_s + np.arange(camera.view.height) / camera.view.height * camera.readout_s
    return (1 + depth * np.cos(2 * np.pi * hertz * row_s + phase)).astype(np.float32)


def _optics(radiance: np.ndarray, camera: Camera) -> np.ndarray:
    """Lens blur, lateral colour, and light that strays."""
    height, width = radiance.shape[:2]
    seen = cv2.GaussianBlur(radiance, (0, 0), camera.blur_px) if camera.blur_px > 0.3 else radiance
    if camera.fringe > 4e-4:
        seen = np.ascontiguousarray(seen)
        for channel, scale in ((0, 1 + camera.fringe), (2, 1 - camera.fringe)):
            shift = np.array(
                [[scale, 0, (1 - scale) * width / 2], [0, scale, (1 - scale) * height / 2]], np.float32
            )
            seen[..., channel] = cv2.warpAffine(
                seen[..., channel],
                shift,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
    if camera.haze > 0.01:
        small = cv2.resize(radiance, (width // 16, height // 16), interpolation=cv2.INTER_AREA)
        veil = cv2.GaussianBlur(small, (0, 0), 6) * 0.5 + small.mean(axis=(0, 1)) * 0.5
        veil = cv2.resize(veil.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        seen = cv2.addWeighted(seen, 1 - camera.haze, veil, camera.haze, 0)
    return seen


def _expose(
    radiance: np.ndarray,
    rng: np.random.Generator,
    *,
    camera: Camera,
    rows: np.ndarray,
    fall: np.ndarray,
    grid: Grid | None,
) -> np.ndarray:
    """Photosites: (H, W) uint16, 12 bits, RGGB."""
    shape = radiance.shape[:2]
    noise = rng.standard_normal(shape, dtype=np.float32)
    factor = np.ones((1, 1), np.float32)
    if grid is not None:
        factor = modulation(grid, _bayer(shape), blur_px=camera.blur_px, aperture_px=camera.aperture_px)
    raw = np.empty(shape, np.uint16)
    _photosites(raw, radiance, rows, fall, factor, noise, camera.read_noise, camera.shot_noise)
    return raw


def _bayer(shape: tuple[int, int]) -> np.ndarray:
    colours = np.ones(shape, np.uint8)
    colours[0::2, 0::2] = 0
    colours[1::2, 1::2] = 2
    return colours


@numba.njit(cache=True, nogil=True)
def _photosites(raw, radiance, rows, fall, factor, noise, read, shot):  # type: ignore[no-untyped-def]
    height, width = raw.shape
    plain = factor.shape[0] == 1
    for y in range(height):
        for x in range(width):
            c = (y & 1) + (x & 1)  # RGGB: 0, 1 / 1, 2
            light = radiance[y, x, c] * rows[y] * fall[y, x]
            if not plain:
                light *= factor[y, x]
            light += noise[y, x] * np.sqrt(read * read + shot * shot * max(light, np.float32(0)))
            raw[y, x] = np.uint16(min(max(light, np.float32(0)), np.float32(1)) * 4095 + np.float32(0.5))


def _process(raw: np.ndarray, balance: np.ndarray, *, camera: Camera) -> np.ndarray:
    """Demosaicing, colour, tone, denoising, sharpening, scaling: (height, width, 3) uint8."""
    linear = cv2.cvtColor(raw, cv2.COLOR_BAYER_BG2RGB)  # OpenCV names the pattern by its second row
    frame = np.empty(linear.shape, np.uint8)
    luma = np.array([0.3, 0.59, 0.11], np.float32)
    matrix = camera.saturation * np.eye(3, dtype=np.float32) + (1 - camera.saturation) * luma
    _develop(linear, (matrix * balance).astype(np.float32), tone(camera.gamma, camera.contrast), frame)
    if camera.denoise > 0.15:
        smooth = cv2.medianBlur(frame, 3 if camera.denoise < 0.7 else 5)
        frame = cv2.addWeighted(frame, 1 - camera.denoise, smooth, camera.denoise, 0)
    if camera.sharpen > 0.1:
        soft = cv2.GaussianBlur(frame, (0, 0), 1.2)
        frame = cv2.addWeighted(frame, 1 + camera.sharpen, soft, -camera.sharpen, 0)
    size = (camera.width, camera.height)
    if frame.shape[1::-1] == size:
        return frame
    kind = cv2.INTER_AREA if camera.sensor_scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(frame, size, interpolation=kind)


def tone(gamma: float, contrast: float) -> np.ndarray:
    """Table (4096,) uint8 from linear light to the delivered value: a power, then an S curve or its flattening.

    >>> tone(0.45, 0.0)[[0, 1024, 4095]].tolist()
    [0, 137, 255]
    """
    x = (np.arange(_FULL + 1) / _FULL) ** gamma
    curve = x * x * (3 - 2 * x)
    flat = 0.12 + 0.70 * x
    bent = x + contrast * (curve - x) if contrast >= 0 else x - contrast * (flat - x)
    return np.clip(255 * bent + 0.5, 0, 255).astype(np.uint8)


@numba.njit(cache=True, nogil=True)
def _develop(linear, matrix, table, frame):  # type: ignore[no-untyped-def]
    height, width = linear.shape[:2]
    for y in range(height):
        for x in range(width):
            r, g, b = np.float32(linear[y, x, 0]), np.float32(linear[y, x, 1]), np.float32(linear[y, x, 2])
            for c in range(3):
                value = matrix[c, 0] * r + matrix[c, 1] * g + matrix[c, 2] * b
                frame[y, x, c] = table[int(min(max(value, np.float32(0)), np.float32(4095)))]
