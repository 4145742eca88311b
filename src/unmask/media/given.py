"""What Python code hands over -> a source: names, contents of files, pictures, arrays, lists of them.

What is none of these is refused in one sentence that never holds the data.
"""

import os
import zlib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from unmask.media.account import Account
from unmask.media.images import upright
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.media.pictures import exif_orientation, rgb_of
from unmask.media.sources import Source, check_fps, open_content, open_files, open_source
from unmask.types import Frame, SourceError

TAKEN = (
    "give a path, camera or address, the bytes of a file, an open file, a picture or array (H, W[, 3 or 4]), "
    "frames (N, H, W, 3), or a list of frames or of picture files"
)
FRAME = "a frame is a picture or an array (H, W[, 3 or 4]) of 0 to 255, or of fractions from 0 to 1"
LARGEST_FILE = 1 << 30  # bytes that are taken from an open file
LONGEST_NAME = 4096  # characters of a path or an address
CHANNELS = (1, 3, 4)
# What objects of others raise while they are read: archives that are damaged, and much else.
REFUSED = (
    *(ArithmeticError, AttributeError, BadZipFile, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError, zlib.error),
)


def open_given(source: Any, *, fps: float = 30.0, limits: Limits = DEFAULT_LIMITS) -> Source:
    """The source that `source` names or is; `fps` is the clock of frames that have none.

    A path, a camera, an address; bytes or an open binary file of a picture or a video; a PIL picture; an
    array or tensor, grey (H, W), RGB or RGBA (H, W, 3 or 4), or frames (N, H, W, 3 or 4), whole numbers of 0
    to 255 or fractions of 0 to 1; a list of such pictures or of picture files.
    Raises SourceError, SettingsError.
    """
    check_fps(fps)
    if isinstance(source, Source):
        return source
    if isinstance(source, str | os.PathLike):
        return _open_name(source, fps=fps, limits=limits)
    if isinstance(source, bytes | bytearray | memoryview):
        return _open_bytes(bytes(source), name="bytes", limits=limits)
    if isinstance(source, list | tuple):
        return _open_list(source, fps=fps, limits=limits)
    if _is_picture(source):
        return _of_frames(_array_of(source, name=_kind(source)), fps=fps, limits=limits, name=_kind(source))
    if callable(getattr(source, "read", None)):
        try:
            content = source.read(LARGEST_FILE + 1)
        except REFUSED as refused:
            raise SourceError(
                f"a file cannot be read; it has to be open, for bytes (rb), and whole; {TAKEN}"
            ) from refused
        if isinstance(content, bytes | bytearray | memoryview) and len(content) <= LARGEST_FILE:
            return _open_bytes(bytes(content), name="file", limits=limits)
        raise SourceError(f"a file has to be opened for bytes (rb) and have at most {LARGEST_FILE}; {TAKEN}")
    raise SourceError(f"something of type {_kind(source)} is not a source; {TAKEN}")


def frame_of(image: Any, *, name: str = "stream") -> np.ndarray:
    """(H, W, 3) uint8 RGB of one picture in any form that `open_given` takes; SourceError else."""
    if _is_picture(image):
        array = _array_of(image, name=name)
        if array.ndim != 3:
            raise SourceError(f"{name}: frames are pushed one by one, not {len(array)} at once; {FRAME}")
        DEFAULT_LIMITS.check_size(name, width=array.shape[1], height=array.shape[0])
        return _rgb(array)
    raise SourceError(f"{name}: something of type {_kind(image)} is not a frame; {FRAME}")


def _open_name(source: Any, *, fps: float, limits: Limits) -> Source:
    try:
        name = os.fsdecode(source)
    except REFUSED as refused:
        raise SourceError(f"a {_kind(source)} names no file; {TAKEN}") from refused
    if len(name) > LONGEST_NAME:
        raise SourceError(f"a text of {len(name)} characters is not a path or address; {TAKEN}")
    return open_source(name, fps=fps, limits=limits)


def _open_bytes(content: bytes, *, name: str, limits: Limits) -> Source:
    if not content:
        raise SourceError(f"{name}: there is not one byte; {TAKEN}")
    return open_content(content, name=name, limits=limits)


def _open_list(source: Sequence[Any], *, fps: float, limits: Limits) -> Source:
    if not source:
        raise SourceError(f"an empty list is not a source; {TAKEN}")
    if all(isinstance(one, str | os.PathLike) for one in source):
        return open_files([Path(one) for one in source], name="list of files", fps=fps, limits=limits)
    if not all(_is_picture(one) for one in source):
        kinds = ", ".join(sorted({_kind(one) for one in source})[:3])
        raise SourceError(f"a list of {kinds} is not a source; {TAKEN}")
    frames = [frame_of(one, name="list") for one in source]
    if len({frame.shape for frame in frames}) > 1:
        raise SourceError("a list of frames has pictures of several sizes; give frames of one size")
    return _of_frames(np.stack(frames), fps=fps, limits=limits, name="list")


def _of_frames(array: np.ndarray, *, fps: float, limits: Limits, name: str) -> Source:
    """A picture (H, W, C) or frames (N, H, W, C), turned into colours one by one as they are asked for."""
    image = array.ndim == 3
    frames = array[None] if image else array
    limits.check_size(name, width=frames.shape[2], height=frames.shape[1])
    limits.check_frames(name, len(frames))
    account = Account(period_s=1 / fps)
    return Source(
        name=name,
        kind="image" if image else "video",
        frames=_timed(frames, fps=fps, account=account),
        frame_count=len(frames),
        fps=fps,
        account=account,
    )


def _timed(frames: np.ndarray, *, fps: float, account: Account) -> Generator[Frame, None, None]:
    for index, picture in enumerate(frames):
        account.good()
        yield Frame(image=_rgb(picture), time_s=index / fps, index=index)


def _is_picture(source: Any) -> bool:
    """Something that is, or can give, an array of numbers."""
    return isinstance(source, np.ndarray | Image.Image) or hasattr(source, "__array__")


def _array_of(source: Any, *, name: str) -> np.ndarray:
    """A picture (H, W, C) or frames (N, H, W, C) in values that are those of pictures; not copied."""
    if isinstance(source, Image.Image):
        return upright(rgb_of(source, name=name), exif_orientation(source))
    array = _numbers_of(source, name=name)
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] not in CHANNELS):
        array = array[..., None]
    if array.ndim not in (3, 4) or array.shape[-1] not in CHANNELS or not array.size:
        raise SourceError(f"an array of shape {array.shape[:6]} is not a picture; {TAKEN}")
    if array.dtype not in (np.uint8, np.uint16):
        _check_values(array)
    return array


def _rgb(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 of a picture (H, W, C); what is clear in it is white."""
    colours = _bytes_of(picture)
    if colours.shape[-1] == 4:
        alpha = colours[..., 3:].astype(np.uint32)
        colours = ((colours[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    whole = np.repeat(colours, 3, axis=-1) if colours.shape[-1] == 1 else colours
    return np.ascontiguousarray(whole)


def _numbers_of(source: Any, *, name: str) -> np.ndarray:
    """An array with its channels last; tensors of networks have them first."""
    if isinstance(source, np.ndarray):
        return np.asarray(source)  # a matrix would stay two-dimensional whatever is done to it
    try:
        for step in ("detach", "cpu"):  # of a torch tensor
            source = getattr(source, step)() if callable(getattr(source, step, None)) else source
        if str(getattr(source, "dtype", "")) == "torch.bfloat16":  # which numpy does not have
            source = source.float()
        array = np.asarray(source)
    except REFUSED as refused:
        raise SourceError(f"a {name} gives no array of numbers; {TAKEN}") from refused
    first = array.ndim in (3, 4) and array.shape[-1] not in CHANNELS and array.shape[-3] in CHANNELS
    return np.moveaxis(array, -3, -1) if first else array


def _check_values(array: np.ndarray) -> None:
    """SourceError unless all are whole numbers of 0 to 255, or fractions of 0 to 1."""
    if array.dtype.kind not in "fiu":
        raise SourceError(f"an array of {array.dtype} is not a picture; {FRAME}")
    low, high = float(array.min()), float(array.max())
    if not 0 <= low <= high <= _most(array):  # also NaN
        raise SourceError(f"an array of {array.dtype} goes from {low:.4g} to {high:.4g}; {FRAME}")


def _bytes_of(array: np.ndarray) -> np.ndarray:
    """Grey values or colours as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.rint(array * (255.0 / _most(array))).astype(np.uint8)


def _most(array: np.ndarray) -> float:
    return 1.0 if array.dtype.kind == "f" else 255.0


def _kind(source: Any) -> str:
    return type(source).__name__[:40]
