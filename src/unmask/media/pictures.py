"""Picture files of every usual kind -> upright RGB, by Pillow; large ones at a smaller scale.

One decoder opens, measures and decodes a file, so that no two readers can see two things in it. The kind is
told by the first bytes, whatever the name.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from unmask.media.jpeg import is_damaged
from unmask.media.large import Way, way_of
from unmask.media.limits import Limits
from unmask.types import SourceError

READ = "JPEG, PNG, WebP, BMP, GIF, TIFF, JPEG 2000 or AVIF"
HEAD_BYTES = 64  # tell the kind
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})
BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # bytes; a text may begin with BM
READERS = {
    "JPEG": ("PIL.JpegImagePlugin", "jpeg_factory"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "JPEG 2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif.as_plugin", "HeifImageFile"),  # of the extra `heif`
}
ANIMATED = ("PNG", "WebP", "GIF", "AVIF")
ORIENTATION = 0x0112  # the tag of EXIF
WORKING_PIXELS = 25_000_000  # what is larger is decoded at half, a quarter or an eighth of its sides
BAND = 64  # rows that are made smaller at once: as many as the largest scale divides
MOST_SCANNED = 20_000_000_000  # pixels times scans of a JPEG: a second or so
MOST_COEFFICIENTS = 700_000_000  # bytes in which a JPEG of several scans keeps all its blocks
# Pillow reads a file part by part: so often, and once more for so many bytes of it, at each of its steps.
LEAST_READS, BYTES_A_READ = 1 << 18, 100
STILL_S = 0.1  # how long a picture of an animation is shown that does not say so
SHORTEST_S = 0.01  # what says so long or less is shown for `STILL_S` by all browsers
# What Pillow's readers raise on files that are not as they should be.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    OverflowError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def kind_of(head: bytes) -> str | None:
    """The kind of picture that begins so (`HEAD_BYTES` are enough), None for what is not a picture.

    >>> kind_of(b"\\x89PNG\\r\\n\\x1a\\n"), kind_of(b"BM, said the text, is how a bitmap begins.")
    ('PNG', None)
    """
    if head[4:8] == b"ftyp":
        return _kind_of_boxes(head)
    if head.startswith(b"RIFF"):
        return "WebP" if head[8:12] == b"WEBP" else None
    if head.startswith(b"BM"):
        return "BMP" if head[14:15] and head[14] in BMP_HEADERS and not any(head[15:18]) else None
    starts = {
        b"\x89PNG\r\n\x1a\n": "PNG",
        b"\xff\xd8\xff": "JPEG",
        b"GIF8": "GIF",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
        b"\xff\x4f\xff\x51": "JPEG 2000",
    }
    return next((kind for start, kind in starts.items() if head.startswith(start)), None)


def _kind_of_boxes(head: bytes) -> str | None:
    """The kind of a file of ISO boxes: its brands tell a picture from a video."""
    (size,) = struct.unpack(">I", head[:4])
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))}
    if head[8:12] in AVIF_BRANDS or (head[8:12] in (b"mif1", b"msf1") and brands & AVIF_BRANDS):
        return "AVIF"
    return "HEIF" if head[8:12] in HEIF_BRANDS | {b"mif1", b"msf1"} else None


class _Counted(BytesIO):
    """The content of a file for Pillow, whose readers go through as many parts as a file claims to have.

    Millions of empty segments, chunks, blocks or pages would keep them for minutes.
    """

    def __init__(self, content: bytes, *, name: str) -> None:
        super().__init__(content)
        self.name, self._most = name, LEAST_READS + len(content) // BYTES_A_READ
        self.begin()

    def begin(self) -> None:
        """Another step of a reader."""
        self._reads = 0

    def read(self, count: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > self._most:
            raise SourceError(f"{self.name} has far more parts than its picture needs; save it again")
        return super().read(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An opened picture file: its header is read, its pixels are not.

    `width` and `height` are as stored, before it is turned upright; `frames` above 1 is an animation. `notes`
    are sentences about the file.
    """

    name: str
    kind: str
    width: int
    height: int
    frames: int
    opened: Any  # PIL.ImageFile.ImageFile
    file: "_Counted" = field(repr=False)
    content: bytes = field(default=b"", repr=False)  # of a JPEG, and what comes in parts
    way: Way | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def orientation(self) -> int:
        """As in EXIF, 1 to 8; 1 where it is not said or makes no sense."""
        return exif_orientation(self.opened)

    def decode(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB as stored, smaller if it is large: alpha on white, 16 bits rounded."""
        with _telling(self):
            self.file.begin()
            factor = scale_down(self.width * self.height)
            if self.way is not None and self.way.parts is not None:
                strips = self.way.parts(self.opened, self.content, self._read)
                return np.concatenate([self._smaller(strip, factor // self.way.scale) for strip in strips])
            if factor > 1 and self.kind == "JPEG":
                self.opened.draft(None, (self.width // factor, self.height // factor))
            if factor > 1 and self.kind == "JPEG 2000":
                self.opened.reduce = factor.bit_length() - 1
            if self.kind == "JPEG":
                self._load_strictly()
            else:
                self.opened.load()
            image = self.opened
            factor = scale_down(image.width * image.height)
            if factor == 1:
                return _rgb(_plain(image, name=self.name))
            tops = range(0, image.height, BAND)  # each made smaller before the next one: no second picture
            bands = (image.crop((0, top, image.width, min(top + BAND, image.height))) for top in tops)
            return np.concatenate([self._smaller(band, factor) for band in bands])

    def _smaller(self, band: Any, factor: int) -> np.ndarray:
        """Some rows of the picture, at the scale of the whole."""
        return _rgb(_plain(band, name=self.name).reduce(factor))

    def _read(self, part: bytes) -> Any:
        """A part of the picture that was made a file of its own."""
        return _opened(_Counted(part, name=self.name), self.kind)

    def _load_strictly(self) -> None:
        """Decode a JPEG while a second thread looks for damage that decoders paint over.

        The thread looks first at a large one: both at once would hold it twice.
        """
        samples, scans = self.width * self.height * _channels(self.opened), _scans(self.content)
        with ThreadPoolExecutor(1, thread_name_prefix="strict") as second:
            damaged = second.submit(is_damaged, self.content, samples=round(samples), scans=scans)
            if self.width * self.height > WORKING_PIXELS:
                wait([damaged])
            self.opened.load()
            if damaged.result():
                raise SourceError(
                    f"{self.name} is damaged: parts of its JPEG cannot be decoded as they were written; "
                    "copy it again"
                )

    def animation(self) -> Iterator[tuple[np.ndarray, float, float]]:
        """Every picture (H, W, 3) uint8 RGB of an animation, and from when to when it is shown."""
        time_s = 0.0
        for number in range(self.frames):
            with _telling(self):
                self.file.begin()
                self.opened.seek(number)
                self.opened.load()
                shown_s = float(self.opened.info.get("duration") or 0) / 1000
                picture = _rgb(_plain(self.opened, name=self.name))
            until_s = time_s + (shown_s if shown_s > SHORTEST_S + 1e-6 else STILL_S)
            yield picture, time_s, until_s
            time_s = until_s


def open_picture(content: bytes, *, name: str, limits: Limits) -> Picture:
    """The picture in `content` within the limits; SourceError else, before a pixel is decoded."""
    kind = kind_of(content[:HEAD_BYTES])
    if kind is None:
        raise SourceError(f"{name} is not a picture that unmask reads; give {READ}")
    file = _Counted(content, name=name)
    opened = _opened(file, kind)
    width, height = opened.size
    limits.check_size(name, width=width, height=height)
    # No encoder writes more than 16 bits of 4 channels; a file beyond that carries something else.
    if kind not in ANIMATED and len(content) > 8 * width * height + (1 << 24):
        raise SourceError(f"{name} has {len(content)} bytes, more than its pixels can fill; save it again")
    if kind == "JPEG":
        _check_scans(content, opened, name=name)
    picture = Picture(name=name, kind=kind, width=width, height=height, frames=1, opened=opened, file=file)
    if kind == "JPEG":
        return replace(picture, content=content)
    with _telling(picture):
        if kind == "TIFF":
            _check_pages(opened, name=name)
        if kind in ANIMATED and (frames := int(getattr(opened, "n_frames", 1))) > 1:
            limits.check_video_size(name, width=width, height=height)
            return replace(picture, frames=frames)
        return picture if kind == "JPEG 2000" else _in_memory(picture, content)


def _in_memory(picture: Picture, content: bytes) -> Picture:
    """A picture that is decoded whole, or part by part where that would take too much memory."""
    way = way_of(picture.kind, picture.opened, content)
    if picture.width * picture.height > way.most_pixels:
        size = f"{picture.kind} of {picture.width}x{picture.height} pixels"
        raise SourceError(f"{picture.name} is a {size} and may have {way.most_pixels}; save it as JPEG")
    return picture if way.parts is None else replace(picture, content=content, way=way)


def _check_pages(opened: Any, *, name: str) -> None:
    """Refuse a TIFF with a second page; how many there are, a long chain would tell after hours."""
    try:
        opened.seek(1)
    except EOFError:
        opened.seek(0)
        return
    raise SourceError(f"{name} is a TIFF of several pages; save one of them as a picture")


def exif_orientation(image: Any) -> int:
    """The EXIF orientation of a PIL picture, 1 to 8; 1 where it is not said or makes no sense."""
    with _quiet():
        try:
            value = image.getexif().get(ORIENTATION, 1)
        except BROKEN:  # pictures with a broken EXIF block are shown as they are everywhere
            return 1
    return value if value in range(1, 9) else 1


def rgb_of(image: Any, *, name: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a PIL picture as it is stored: alpha on white, 16 bits rounded."""
    try:
        with _quiet():
            return _rgb(_plain(image, name=name))
    except BROKEN as broken:
        raise SourceError(f"{name} cannot be decoded; give another picture") from broken


def scale_down(pixels: int) -> int:
    """By what the sides of a picture of so many pixels are divided: 1, 2, 4 or 8.

    >>> [scale_down(megapixels * 1_000_000) for megapixels in (12, 50, 200)]
    [1, 2, 4]
    """
    return next(factor for factor in (1, 2, 4, 8) if pixels <= WORKING_PIXELS * factor**2 or factor == 8)


def _opened(file: _Counted, kind: str) -> Any:
    name, content = file.name, file.getvalue()  # no copy, as `getbuffer` would make
    module, reader = READERS[kind]
    try:
        make = getattr(import_module(module), reader)
    except ModuleNotFoundError as missing:
        raise SourceError(
            f'{name} is a {kind} picture, which needs pillow-heif; pip install "unmask[heif]" brings it, or '
            "save it as JPEG"
        ) from missing
    try:
        with _quiet():
            return make(file, "")
    except BROKEN as broken:
        if kind == "WebP" and len(content) < 8 + int.from_bytes(content[4:8], "little"):
            raise SourceError(f"{name} is cut off: its end is missing; copy it again") from broken
        raise SourceError(
            f"{name} is damaged: its {kind} header is broken or cut off; copy it again"
        ) from broken


def _check_scans(content: bytes, opened: Any, *, name: str) -> None:
    """Refuse a JPEG that asks for far more work or memory than its pixels are worth."""
    scans = _scans(content)
    pixels = opened.size[0] * opened.size[1]
    if scans * pixels > max(MOST_SCANNED, 64 * pixels):
        raise SourceError(
            f"{name} is a JPEG of {scans} scans, far more than any camera writes; save it again"
        )
    if scans > 1 and 2 * pixels * _channels(opened) > MOST_COEFFICIENTS:
        raise SourceError(
            f"{name} is a progressive JPEG of {opened.size[0]}x{opened.size[1]} pixels, which has to be held "
            "whole; save it without progressive coding, or smaller"
        )


def _scans(content: bytes) -> int:
    return content.count(b"\xff\xda")


def _channels(opened: Any) -> float:
    """How many values of all channels a JPEG holds for each pixel, some of which may share theirs."""
    blocks = [layer[1] * layer[2] for layer in opened.layer]
    return sum(blocks) / max([*blocks, 1])


def _plain(image: Any, *, name: str) -> Any:
    """The picture in a mode of 8 bits a channel, with colour, grey or alpha."""
    if image.mode in ("RGB", "L"):  # a colour or a grey value may be marked as clear
        return image.convert("RGBA") if "transparency" in image.info else image
    if image.mode in ("RGBA", "LA"):
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        return Image.fromarray(_eight(image))
    if image.mode == "F":
        raise SourceError(f"{name} holds fractions, which have no known white; save it with 8 or 16 bits")
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight(image: Any) -> np.ndarray:
    """Grey of 16 bits, in a mode of 16 or 32, as 8 bits: 65535 is 255, to the nearest."""
    values = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
    return ((values + 128) // 257).astype(np.uint8)


def _rgb(image: Any) -> np.ndarray:
    """RGB, grey or alpha of 8 bits -> (H, W, 3) uint8 RGB, alpha put on white."""
    if image.mode == "LA":
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


@contextmanager
def _telling(picture: Picture) -> Iterator[None]:
    """What Pillow finds wrong in the block is a SourceError."""
    try:
        with _quiet():
            yield
    except SourceError:
        raise
    except BROKEN as broken:
        cut = "truncat" in str(broken).lower()
        what = (
            "is cut off: its end is missing" if cut else f"is damaged: its {picture.kind} cannot be decoded"
        )
        raise SourceError(f"{picture.name} {what}; copy it again") from broken


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns of odd metadata on the terminal; what matters is an error of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
