"""Random changes of a batch of clips: one draw a clip, the same for all its frames, with depth and mask moved
along.

Flip, contrast and brightness, and cutout are those of FAS-SGTD's published code with its slips
mended: the depth flips with the picture, a clip does not flicker, the square lies within the crop. The others
are ours, and blind to the class: what a camera does to a picture must not tell an attack.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unmask.models.baselines.auxiliary import hsv
from unmask.types import SettingsError

HUE_SATURATION_VALUE = (20.0, 30.0, 20.0)  # albumentations' limits either way, in steps of 8-bit HSV
HSV_STEPS = (180.0, 255.0, 255.0)  # OpenCV's: a hue of two degrees, a 255th of saturation and of value


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Chances in [0, 1] that a clip is changed, and by how much; the defaults are the published three."""

    crop: float = 1.0  # of clips with a margin: each side anew, as the published code draws it
    crop_least: float = 1.1 / 1.3  # how near a side may come to the middle; 1 is where it lies at run time
    crop_most: float = 1.4 / 1.3  # and how far from it
    flip: float = 0.5
    contrast: float = 0.5  # a x + b, a in [0.5, 1.5], b up to 40 of 255 either way
    cutout: float = 0.5
    cutout_side: float = 0.19  # the largest black square, in sides of the clip (published: 48 of 256 px)
    gamma: float = 0.0
    gamma_range: float = 1.6  # exponents in [1 / range, range]
    hue_saturation: float = 0.0  # albumentations' HueSaturationValue at its own limits, as TFace takes it
    colour: float = 0.0
    colour_range: float = 0.15  # gain of a channel 1 +- range; saturation in [0.4, 1.4]
    grey: float = 0.0
    light: float = 0.0  # a lamp from one side: exp of a ramp across the clip
    light_range: float = 0.7  # of the exponent at the border
    blur: float = 0.0  # or sharpening, in one of three draws
    noise: float = 0.0
    noise_sigma: float = 0.03
    jpeg: float = 0.0
    jpeg_quality: float = 40.0  # the lowest; the highest is 95

    def __post_init__(self) -> None:
        if not 0 < self.crop_least <= 1 <= self.crop_most <= 2:
            raise SettingsError(
                f"[augmentation] needs 0 < crop_least <= 1 <= crop_most <= 2, not {self.crop_least} and "
                f"{self.crop_most}"
            )
        chances: tuple[str, ...] = (
            "crop",
            "flip",
            "contrast",
            "cutout",
            "gamma",
            "hue_saturation",
            "colour",
            "grey",
            "light",
        )
        chances += ("blur", "noise", "jpeg")
        for name in chances:
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"[augmentation] {name} is a chance in [0, 1], not {getattr(self, name)}")
        if not 0 < self.cutout_side < 1 or self.gamma_range < 1 or not 5 <= self.jpeg_quality <= 95:
            raise SettingsError(
                "[augmentation] needs cutout_side in (0, 1), gamma_range >= 1 and jpeg_quality in [5, 95], "
                f"not {self}"
            )
        if not (0 <= self.colour_range < 1 and self.light_range >= 0 and self.noise_sigma >= 0):
            raise SettingsError(
                "[augmentation] needs colour_range in [0, 1), light_range >= 0 and noise_sigma >= 0, not "
                f"{self.colour_range}, {self.light_range} and {self.noise_sigma}"
            )


@dataclass(frozen=True, slots=True)
class Batch:
    """`clips` (B, T, 3, H, W) float in [0, 1], in memory (B, T, H, W, 3); `depth`, `mask` (B, T, 32, 32);
    `bona_fide` (B,); `domain` (B,) numbers the domains of the set in order of their names.
    """

    clips: Tensor
    depth: Tensor
    mask: Tensor
    bona_fide: Tensor
    domain: Tensor | None = None


def recompress(clips: np.ndarray, rng: np.random.Generator, *, settings: Augmentation) -> np.ndarray:
    """JPEG on some of the clips (B, T, H, W, 3) uint8, one quality for all frames of a clip."""
    chosen = rng.random(len(clips)) < settings.jpeg
    qualities = rng.uniform(settings.jpeg_quality, 95, len(clips))
    for clip in np.flatnonzero(chosen):
        for frame in range(clips.shape[1]):
            flags = [cv2.IMWRITE_JPEG_QUALITY, int(qualities[clip])]
            coded = cv2.imencode(".jpg", clips[clip, frame], flags)[
                1
            ]  # red and blue swapped: chroma loses alike
            clips[clip, frame] = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return clips


def augment(batch: Batch, rng: np.random.Generator, *, settings: Augmentation) -> Batch:
    """The batch with every change drawn from `rng` alone; depth and mask follow what moves pixels."""
    drawn = _Draw(len(batch.clips), rng, device=batch.clips.device)
    pixels = batch.clips.movedim(2, -1).contiguous()  # (B, T, H, W, 3)
    flipped = drawn.chosen(settings.flip)
    pixels, depth, mask = (
        _flip(pixels, flipped, axis=-2),
        _flip(batch.depth, flipped, axis=-1),
        _flip(batch.mask, flipped, axis=-1),
    )
    hue = [(_hue_saturation, settings.hue_saturation)] if settings.hue_saturation else []
    for (
        change,
        chance,
    ) in (  # without hue nothing is drawn for it: batches of older settings stay as they were
        *hue,
        (_light, settings.light),
        (_colour, settings.colour),
        (_grey, settings.grey),
        (_gamma, settings.gamma),
        (_contrast, settings.contrast),
        (_blur, settings.blur),
        (_noise, settings.noise),
        (_cutout, settings.cutout),
    ):
        chosen = drawn.chosen(chance).nonzero()[:, 0]
        if len(chosen):
            part = _Draw(len(chosen), rng, device=pixels.device)
            pixels[chosen] = change(pixels[chosen], part, settings).clamp_(0, 1)
    return Batch(pixels.movedim(-1, 2), depth, mask, batch.bona_fide, batch.domain)


class _Draw:
    """Numbers for `count` clips from one generator, as tensors where the batch is."""

    def __init__(self, count: int, rng: np.random.Generator, *, device: torch.device) -> None:
        self.count, self.rng, self.device = count, rng, device

    def uniform(self, low: float, high: float, *, more: Sequence[int] = ()) -> Tensor:  # (count, *more)
        drawn = self.rng.uniform(low, high, (self.count, *more)).astype(np.float32)
        return torch.from_numpy(drawn).to(self.device)

    def chosen(self, chance: float) -> Tensor:  # (count,) bool
        return self.uniform(0, 1) < chance

    def normal_like(self, x: Tensor) -> Tensor:
        generator = torch.Generator(x.device).manual_seed(int(self.rng.integers(2**62)))
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def _wide(x: Tensor) -> Tensor:  # (b,) or (b, 3) -> broadcasts over (b, T, H, W, 3)
    return x.view(len(x), 1, 1, 1, -1)


def _flip(x: Tensor, flipped: Tensor, *, axis: int) -> Tensor:
    return torch.where(flipped.view(-1, *[1] * (x.ndim - 1)), x.flip(axis), x)


def _contrast(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    shift = drawn.uniform(-40, 40).round() / 255
    return x * _wide(drawn.uniform(0.5, 1.5)) + _wide(shift)


def _gamma(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    most = float(np.log(settings.gamma_range))
    return x ** _wide(drawn.uniform(-most, most).exp())


def _colour(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    most = settings.colour_range
    grey = x.mean(dim=-1, keepdim=True)
    saturated = grey + (x - grey) * _wide(drawn.uniform(0.4, 1.4))
    return saturated * _wide(drawn.uniform(1 - most, 1 + most, more=(3,)))


def _hue_saturation(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    shape = x.shape
    hue, saturation, value = hsv(x.movedim(-1, 2).flatten(0, 1)).unflatten(0, shape[:2]).unbind(dim=2)
    shifts = zip(HUE_SATURATION_VALUE, HSV_STEPS, strict=True)
    by_hue, by_saturation, by_value = (
        drawn.uniform(-most, most).view(-1, 1, 1, 1) / steps for most, steps in shifts
    )
    saturation = (saturation + by_saturation).clamp(0, 1)
    return _rgb((hue + by_hue) % 1, saturation, (value + by_value).clamp(0, 1))


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Hue, saturation and value in [0, 1], all of one shape, -> RGB as a last axis."""
    places = torch.tensor([5.0, 3.0, 1.0], device=hue.device)
    k = (places + 6 * hue[..., None]) % 6
    share = torch.minimum(k, 4 - k).clamp(0, 1)
    return value[..., None] * (1 - saturation[..., None] * share)


def _grey(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    return x.mean(dim=-1, keepdim=True).expand_as(x).clone()


def _light(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    direction = drawn.uniform(0, 2 * float(np.pi))
    strength = drawn.uniform(0, settings.light_range)
    height, width = x.shape[2:4]
    rows = torch.linspace(-1, 1, height, device=x.device).view(1, 1, height, 1, 1)
    columns = torch.linspace(-1, 1, width, device=x.device).view(1, 1, 1, width, 1)
    ramp = _wide(direction.sin() * strength) * rows + _wide(direction.cos() * strength) * columns
    return x * ramp.exp()


def _blur(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    soft = _soften(_soften(x))
    return x + (soft - x) * _wide(drawn.uniform(-0.5, 1.0))  # below 0 it sharpens


def _soften(x: Tensor) -> Tensor:
    """Binomial 3x3 with repeated borders; (b, T, H, W, 3)."""
    flat = x.flatten(0, 1).movedim(-1, 1)  # (b*T, 3, H, W)
    kernel = torch.tensor([0.25, 0.5, 0.25], device=x.device, dtype=x.dtype)
    square = torch.outer(kernel, kernel).expand(3, 1, 3, 3)
    soft = functional.conv2d(functional.pad(flat, (1, 1, 1, 1), mode="replicate"), square, groups=3)
    return soft.movedim(1, -1).unflatten(0, x.shape[:2])


def _noise(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    return x + drawn.normal_like(x) * _wide(drawn.uniform(0, settings.noise_sigma))


def _cutout(x: Tensor, drawn: _Draw, settings: Augmentation) -> Tensor:
    height, width = x.shape[2:4]
    half = (drawn.uniform(0, settings.cutout_side) * width / 2).floor()
    middle_y, middle_x = drawn.uniform(0, height), drawn.uniform(0, width)
    rows = torch.arange(height, device=x.device).view(1, 1, height, 1, 1)
    columns = torch.arange(width, device=x.device).view(1, 1, 1, width, 1)
    within = ((rows - _wide(middle_y)).abs() < _wide(half)) & (
        (columns - _wide(middle_x)).abs() < _wide(half)
    )
    return x.masked_fill(within, 0.0)
