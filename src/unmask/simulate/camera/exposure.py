"""One camera path for every class: light on the sensor to delivered frames.

Lens, automatic exposure, flicker, photosites behind a Bayer pattern (where a display's grid is sampled),
noise, demosaicing, white balance, colour, tone, denoising, sharpening, scaling, and a real codec. Nothing
here knows which class stands before the camera.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from unmask.media.images import after_jpeg
from unmask.media.video import encode_decode
from unmask.simulate.camera.models import Camera
from unmask.simulate.rendering.lattice import Grid, modulation
from unmask.simulate.stage.scene import Shot

_FULL = 4095  # the sensor's 12 bits
BASE_GAIN = 1.0  # of automatic exposure in an average room
FACE_LEVELS = (
    0.03,
    0.55,
)  # linear light on the face: who is darker or brighter moves until the camera sees a face


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One moment on the sensor: `shot`, and the display's or print's `grid` in it where there is one.

    `softer_px`: sigma by which focus and motion have softened the face, beside the lens's own.
    """

    shot: Shot
    grid: Grid | None = None
    softer_px: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """How fast automatic exposure and white balance follow the light: the seconds in which they go 63 % of
    the way.
    """

    exposure_s: float
    balance_s: float


def capture(
    exposures: Iterable[Exposure],
    rng: np.random.Generator,
    *,
    camera: Camera,
    fps: float = 10.0,
    flicker: float = 0.0,
    finish: Callable[[list[np.ndarray]], list[np.ndarray]] | None = None,
    face_levels: tuple[float, float] = FACE_LEVELS,
    adaptation: Adaptation | None = None,
) -> list[np.ndarray]:
    """The frames (height, width, 3) uint8 that the camera delivers of what its `view` has seen.

    Exposures are taken one by one, so that a long recording does not fill the memory. Gain and white balance
    are those of the first, or follow the light with that `adaptation`; where light is short, gain raises the
    noise. An exposure that comes twice, the same object, is one frame twice. `flicker`: share of the light
    that comes and goes with the mains, as far as the exposure does not average it out. `finish` gets all
    frames before the codec and returns as many of the same size. `face_levels`: linear light between which
    the exposure keeps the face. ValueError for light that is not finite or not of the size of the view.
    """
    fall = _vignette(camera)
    depth = max(flicker, _flicker_depth(rng, camera))
    mains = (float(rng.choice([100.0, 120.0])), rng.uniform(0, 2 * np.pi), depth)
    frames: list[np.ndarray] = []
    last: Exposure | None = None
    for index, exposure in enumerate(exposures):
        if index == 0:
            gain, balance = _gain(exposure.shot, camera, face_levels), _balance(exposure.shot, camera)
        elif adaptation is not None:
            gain *= (_gain(exposure.shot, camera, face_levels) / gain) ** _share(adaptation.exposure_s, fps)
            wanted = _balance(exposure.shot, camera)
            balance = balance + _share(adaptation.balance_s, fps) * (wanted - balance)
        if exposure is not last:
            if exposure.shot.radiance.shape[:2] != fall.shape:  # compiled loops would read beyond `fall`
                raise ValueError(
                    f"an exposure of {exposure.shot.radiance.shape[:2]} pixels is not the camera's view of "
                    f"{fall.shape}; render it for `camera.view`"
                )
            if not np.isfinite(exposure.shot.radiance.sum(dtype=np.float64)):
                raise ValueError("an exposure holds light that is not finite; no sensor can take it")
            rows = gain * _mains(mains, camera, time_s=index / fps)
            seen = _optics(exposure.shot.radiance, camera)
            raw = _expose(seen, rng, camera=camera, rows=rows, fall=fall, exposure=exposure, gain=gain)
            frame = _process(raw, balance, camera=camera)
        frames.append(frame)
        last = exposure
    if finish is not None and frames:
        frames = finish(frames)
    return deliver(frames, camera=camera, fps=fps)


def _share(constant_s: float, fps: float) -> float:
    """The part of the way that is gone from one frame to the next."""
    return float(1 - np.exp(-1 / (fps * max(constant_s, 1e-3))))


def deliver(frames: Sequence[np.ndarray], *, camera: Camera, fps: float = 10.0) -> list[np.ndarray]:
    """The frames after the camera's codec."""
    if camera.codec == "mjpeg":
        return [jpeg(frame, quality=camera.jpeg) for frame in frames]
    if camera.codec == "h264-rate":
        share = camera.height * camera.width / (640 * 480) * (fps / 30) ** 0.6  # fewer frames differ more
        return encode_decode(frames, codec="libx264", bitrate=round(1000 * camera.kbps * share), fps=fps)
    return encode_decode(frames, codec="libx264", crf=round(camera.crf), fps=fps)


def jpeg(frame: np.ndarray, *, quality: float) -> np.ndarray:
    """The frame after JPEG (4:2:0) at that quality."""
    return after_jpeg(frame, quality=round(quality))


def _gain(shot: Shot, camera: Camera, face_levels: tuple[float, float]) -> float:
    """Automatic exposure: the metered light comes out at the target."""
    light = shot.radiance[::4, ::4].mean(axis=2)
    face = shot.face[::4, ::4]
    whole = float(np.minimum(light, 4 * np.median(light) + 1e-3).mean())
    on_face = float(light[face].mean()) if face.sum() > 20 else whole
    metered = np.exp((1 - camera.metering) * np.log(whole + 1e-4) + camera.metering * np.log(on_face + 1e-4))
    gain = camera.target / float(metered)
    return float(np.clip(gain * on_face, *face_levels)) / (on_face + 1e-6)


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
            moved = cv2.warpAffine(
                cv2.extractChannel(seen, channel),
                shift,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            cv2.insertChannel(moved, seen, channel)
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
    exposure: Exposure,
    gain: float,
) -> np.ndarray:
    """Photosites: (H, W) uint16, 12 bits, RGGB; noise as the gain raises it."""
    shape = radiance.shape[:2]
    noise = rng.standard_normal(shape, dtype=np.float32)
    factor = np.ones((1, 1), np.float32)
    if exposure.grid is not None:
        blur = float(np.hypot(camera.blur_px, exposure.softer_px))
        factor = modulation(exposure.grid, _bayer(shape), blur_px=blur, aperture_px=camera.aperture_px)
    raw = np.empty(shape, np.uint16)
    read, shot = (np.float32(noise_of) for noise_of in noise_at(gain, camera))
    _photosites(raw, radiance, rows, fall, factor, noise, read, shot)
    return raw


def noise_at(gain: float, camera: Camera) -> tuple[float, float]:
    """Read and shot noise at that gain; the camera's own are those at BASE_GAIN.

    Exposure time takes up a part of what light lacks, gain the rest.
    """
    iso = float(np.clip(gain / BASE_GAIN, 0.3, 8.0)) ** 0.8
    return camera.read_noise * iso**0.7, camera.shot_noise * iso**0.5


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
    frame: np.ndarray = np.empty(linear.shape, np.uint8)
    luma = np.array([0.3, 0.59, 0.11], np.float32)
    matrix = camera.saturation * np.eye(3, dtype=np.float32) + (1 - camera.saturation) * luma
    _develop(linear, (matrix * balance).astype(np.float32), tone(camera.gamma, camera.contrast), frame)
    if camera.denoise > 0.15:
        frame = _denoised(frame, camera.denoise)
    if camera.beauty > 0.1:
        frame = _beautified(frame, camera.beauty)
    if camera.sharpen > 0.1:
        soft = cv2.GaussianBlur(frame, (0, 0), camera.halo_px)
        frame = cv2.addWeighted(frame, 1 + camera.sharpen, soft, -camera.sharpen, 0)
    size = (camera.width, camera.height)
    if frame.shape[1::-1] == size:
        return frame
    kind = cv2.INTER_AREA if camera.sensor_scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(frame, size, interpolation=kind)


def _denoised(frame: np.ndarray, strength: float) -> np.ndarray:
    """Colour noise spread out, fine grain flattened, more the stronger: as painted at 1."""
    y, red, blue = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    side = 3 if strength < 0.5 else 5
    flat = _flattened(y, side=side, contrast=4 + 14 * strength)
    y = cv2.addWeighted(y, 1 - strength, flat, strength, 0)
    red, blue = (cv2.blur(colour, (side, side)) for colour in (red, blue))
    return np.asarray(cv2.cvtColor(cv2.merge([y, red, blue]), cv2.COLOR_YCrCb2RGB))


def _beautified(frame: np.ndarray, strength: float) -> np.ndarray:
    """Skin, known by its colour, made smooth and a little lighter."""
    y, red, blue = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    side = 2 * round(0.012 * max(y.shape)) + 3
    smooth = _flattened(y, side=side, contrast=22.0).astype(np.float32) * (1 + 0.06 * strength)
    away = np.maximum(abs(red.astype(np.float32) - 150) / 24, abs(blue.astype(np.float32) - 108) / 24)
    skin = cv2.blur(np.clip(3 - 2 * away, 0, 1), (5, 5)) * np.float32(0.9 * strength)
    y = np.clip(y + skin * (smooth - y) + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.merge([y, red, blue]), cv2.COLOR_YCrCb2RGB))


def _flattened(y: np.ndarray, *, side: int, contrast: float) -> np.ndarray:
    """The picture smoothed where it varies by less than `contrast`, kept at edges: He's guided filter."""
    value = y.astype(np.float32)
    mean = cv2.blur(value, (side, side))
    share = cv2.blur(value * value, (side, side))
    _edges(share, mean, np.float32(contrast * contrast))
    out = np.empty(y.shape, np.uint8)
    _keep_edges(cv2.blur(share, (side, side)), value, cv2.blur(mean, (side, side)), out)
    return out


@numba.njit(cache=True, nogil=True)
def _edges(square, mean, contrast):  # type: ignore[no-untyped-def]
    """Mean squares become the share of each pixel that is kept, means what is left of them."""
    for y in range(mean.shape[0]):
        for x in range(mean.shape[1]):
            spread = max(square[y, x] - mean[y, x] * mean[y, x], np.float32(0))
            square[y, x] = spread / (spread + contrast)
            mean[y, x] *= np.float32(1) - square[y, x]


@numba.njit(cache=True, nogil=True)
def _keep_edges(share, value, base, out):  # type: ignore[no-untyped-def]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            kept = share[y, x] * value[y, x] + base[y, x] + np.float32(0.5)
            out[y, x] = np.uint8(min(max(kept, np.float32(0)), np.float32(255)))


def tone(gamma: float, contrast: float) -> np.ndarray:
    """Table (4096,) uint8 from linear light to the delivered value: a power, then an S curve or its
    flattening.

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
