"""What may happen to a recording before it is judged: JPEG, H.264, blur, a box that is a little off, ...

A change is a function of frames, or of the box that clips are cut with, at some strengths. Nothing here
judges: frames changed so go the one way from pixels to score.
"""

import math
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np

from unmask.media.clips import IN_PLACE, BoxMove, coarsened
from unmask.media.encoding import encode_decode
from unmask.media.images import after_jpeg
from unmask.media.sources import Source
from unmask.types import Frame, SettingsError

NONE = "none"  # the name of no change at all
TOGETHER = 30  # frames that are coded at once: a second, and what memory can hold
Frames = Iterator[Frame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One kind of change. `strengths` stand in the order of an axis, on which `unchanged` of them stand
    before the recording as it is; `unit` says what they count. `frames` or `box` does it: (frames, strength,
    rng) -> frames, or (strength, rng) -> how the box is off. Some need `moving` pictures.
    """

    title: str
    unit: str
    strengths: tuple[float, ...]
    unchanged: int = 0
    frames: Callable[[Frames, float, np.random.Generator], Frames] | None = None
    box: Callable[[float, np.random.Generator], BoxMove] | None = None
    moving: bool = False


def changed(
    source: Source, name: str, strength: float, *, seed: int, number: int
) -> tuple[Source, BoxMove] | None:
    """The source with the change `name` of CHANGES, and how its box is off; None where that means nothing.

    What is drawn depends on `seed`, `number` (of the presentation) and the name, not on the strength: noise
    grows, it does not change.
    """
    if name == NONE:
        return source, IN_PLACE
    change = CHANGES[name]
    if change.moving and source.kind == "image":
        return None
    rng = np.random.default_rng([seed, number, zlib.crc32(name.encode())])
    if change.box is not None:
        return source, change.box(strength, rng)
    assert change.frames is not None
    frames = _closing(change.frames(source.frames, strength, rng), source)
    return replace(source, frames=frames, frame_count=None if change.moving else source.frame_count), IN_PLACE


def read_doses(wanted: list[str]) -> list[tuple[str, float]]:
    """Names of CHANGES, or NAME=STRENGTH,STRENGTH -> (name, strength) in order; none of them is all of them.

    >>> read_doses(["jpeg=50,10", "mirror"])
    [('jpeg', 50.0), ('jpeg', 10.0), ('mirror', 1.0)]
    """
    doses: list[tuple[str, float]] = []
    for text in wanted or list(CHANGES):
        name, equals, numbers = text.partition("=")
        if name not in CHANGES:
            raise SettingsError(f"there is no change {name!r}; the changes are {', '.join(CHANGES)}")
        strengths = CHANGES[name].strengths if not equals else [_number(n, text) for n in numbers.split(",")]
        doses += [(name, strength) for strength in strengths if (name, strength) not in doses]
    return doses


def _number(cell: str, text: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(f"a strength is a number above 0, not {cell!r} of {text!r}; write jpeg=50,10")
    return value


def _closing(frames: Frames, source: Source) -> Generator[Frame, None, None]:
    """The frames, which let go of the source when they are closed before their end."""
    try:
        yield from frames
    finally:
        source.close()


def _with(frame: Frame, image: np.ndarray) -> Frame:
    return Frame(image, frame.time_s, frame.index)


def _each(picture: Callable[[np.ndarray, float], np.ndarray]) -> Callable[..., Frames]:
    """A change of every picture by itself."""

    def frames(given: Frames, strength: float, rng: np.random.Generator) -> Frames:
        return (_with(frame, picture(frame.image, strength)) for frame in given)

    return frames


def _jpeg(image: np.ndarray, quality: float) -> np.ndarray:
    return after_jpeg(image, quality=round(min(quality, 100)))


def _h264(given: Frames, crf: float, rng: np.random.Generator) -> Frames:
    while group := list(islice(given, TOGETHER)):
        coded = encode_decode([frame.image for frame in group], codec="libx264", crf=min(crf, 51))
        yield from (_with(frame, image) for frame, image in zip(group, coded, strict=True))


def _smaller(image: np.ndarray, factor: float) -> np.ndarray:
    return coarsened(image, factor=min(factor, 1.0))


def _blur(image: np.ndarray, sigma_px: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma_px)


def _gamma(image: np.ndarray, gamma: float) -> np.ndarray:
    table = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)
    return table[image]


def _noise(given: Frames, sigma: float, rng: np.random.Generator) -> Frames:
    for frame in given:
        noise = rng.standard_normal(frame.image.shape, dtype=np.float32)
        image = np.clip(np.rint(frame.image + sigma * noise), 0, 255).astype(np.uint8)
        yield _with(frame, image)


def _mirror(image: np.ndarray, _: float) -> np.ndarray:
    return np.ascontiguousarray(image[:, ::-1])


def _drops(given: Frames, share: float, rng: np.random.Generator) -> Frames:
    for count, frame in enumerate(given):
        if rng.random() >= share or count == 0:  # without its first frame a recording would begin elsewhere
            yield frame


def _rate(given: Frames, fps: float, rng: np.random.Generator) -> Frames:
    due_s = 0.0
    for frame in given:
        if frame.time_s >= due_s - 1e-6:
            yield frame
            due_s = (math.floor(frame.time_s * fps + 1e-6) + 1) / fps


def _shift(pixels: float, rng: np.random.Generator) -> BoxMove:
    angle = rng.uniform(0, 2 * np.pi)
    return BoxMove(right=pixels * float(np.cos(angle)), down=pixels * float(np.sin(angle)))


def _growth(factor: float, rng: np.random.Generator) -> BoxMove:
    return BoxMove(growth=factor)


CHANGES: dict[str, Change] = {
    "jpeg": Change(
        title="JPEG", unit="quality", strengths=(90.0, 70.0, 50.0, 30.0, 10.0), frames=_each(_jpeg)
    ),
    "h264": Change(title="H.264", unit="CRF", strengths=(18.0, 23.0, 28.0, 33.0, 38.0, 43.0), frames=_h264),
    "size": Change(
        title="Made smaller and large again",
        unit="times its size",
        strengths=(0.75, 0.5, 0.35, 0.25),
        frames=_each(_smaller),
    ),
    "blur": Change(
        title="Blur", unit="sigma in pixels", strengths=(0.5, 1.0, 2.0, 3.0, 4.0), frames=_each(_blur)
    ),
    "gamma": Change(
        title="Gamma",
        unit="gamma, below 1 brighter",
        strengths=(0.5, 0.7, 0.85, 1.2, 1.5, 2.0),
        unchanged=3,
        frames=_each(_gamma),
    ),
    "noise": Change(
        title="Noise", unit="sigma in grey values", strengths=(2.0, 5.0, 10.0, 20.0), frames=_noise
    ),
    "box-shift": Change(
        title="Box moved",
        unit="pixels, in a direction drawn for each presentation",
        strengths=(1.0, 2.0, 4.0, 8.0, 16.0),
        box=_shift,
    ),
    "box-growth": Change(
        title="Box grown",
        unit="times its side",
        strengths=(0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3, 1.4),
        unchanged=3,
        box=_growth,
    ),
    "mirror": Change(title="Mirrored", unit="1 is mirrored", strengths=(1.0,), frames=_each(_mirror)),
    "drops": Change(
        title="Frames dropped",
        unit="share of frames, videos only",
        strengths=(0.1, 0.3, 0.5, 0.7),
        frames=_drops,
        moving=True,
    ),
    "rate": Change(
        title="Frame rate",
        unit="frames a second, videos only",
        strengths=(20.0, 15.0, 10.0, 7.5, 5.0),
        frames=_rate,
        moving=True,
    ),
}
