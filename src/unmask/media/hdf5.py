"""HDF5 recordings of Idiap (WMCA, HQ-WMCA): colour frames, and depth.

bob keeps a recording as groups Frame_0, Frame_1, ... each with a dataset "array" of (channels, H, W) bytes.
Three channels are RGB; four are grey, depth, infrared, thermal; others begin with grey. There is no clock.
The package h5py comes with the extra `data`.
"""

from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from unmask.media.limits import Limits
from unmask.media.regular import check_regular
from unmask.types import Frame, SourceError

MAGIC = b"\x89HDF\r\n\x1a\n"
RGB, GREY_DEPTH_INFRARED_THERMAL = 3, 4  # channels
DEPTH = 1  # of the four


def is_hdf5(path: Path) -> bool:
    """By its first bytes; False for what is not a file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def open_hdf5(path: Path, *, fps: float, limits: Limits) -> tuple[Generator[Frame, None, None], int]:
    """(frames, their number): RGB, or the grey channel as RGB; `fps` of them a second."""
    with _opened(path) as file:
        names = _frame_names(file, path)
        limits.check_frames(str(path), len(names))
        limits.check_duration(str(path), len(names) / fps)
        _, height, width = _shape(file, names[0], path)
        limits.check_size(str(path), width=width, height=height)
    return _frames(path, names, fps=fps, limits=limits), len(names)


def hdf5_depths(path: str | Path) -> np.ndarray:
    """(T, H, W) float32: the depth channel as stored, NaN where it is 0, that is, where nothing was measured.

    In the published crops it was scaled to 8 bits: the order of depths is true, their unit is lost.
    """
    path = Path(path)
    with _opened(path) as file:
        maps = []
        for name in _frame_names(file, path):
            if (shape := _shape(file, name, path))[0] != GREY_DEPTH_INFRARED_THERMAL:
                raise SourceError(
                    f"{path} has {shape[0]} channels, and depth is one of four (grey, depth, infrared, "
                    "thermal); give the file of WMCA_preprocessed_CDIT"
                )
            maps.append(file[name]["array"][DEPTH].astype(np.float32))
    if len({depth.shape for depth in maps}) > 1:
        raise SourceError(f"{path} has frames of several sizes; copy it again")
    stacked = np.stack(maps)
    return np.where(stacked > 0, stacked, np.float32(np.nan))


def _h5py() -> ModuleType:
    try:
        import h5py  # of the extra `data`
    except ModuleNotFoundError as missing:
        raise SourceError(
            'HDF5 recordings need h5py, which is not installed; pip install "unmask[data]" brings it'
        ) from missing
    return h5py


def _opened(path: Path) -> Any:
    check_regular(path)
    try:
        return _h5py().File(path, "r")
    except OSError as broken:
        raise SourceError(f"{path} is damaged or cannot be read as HDF5; copy it again") from broken


def _own(file: Any, name: str, path: Path) -> Any:
    """The dataset "array" of a frame, or None; SourceError where any part of it lies in another file."""
    h5py = _h5py()
    for place in (name, f"{name}/array"):
        try:
            link = file.get(place, getlink=True)
        except (KeyError, ValueError, RuntimeError):  # no group that holds it
            return None
        if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
            raise SourceError(
                f"{path}: {place} is a link to another place ({type(link).__name__}), and a recording is "
                "read from its own file alone; copy it whole"
            )
    array = file[name].get("array") if hasattr(file[name], "get") else None
    if array is not None and (getattr(array, "external", None) or getattr(array, "is_virtual", False)):
        raise SourceError(
            f"{path}: {name} takes its pictures from another file, and a recording is read from its own file "
            "alone; copy it whole"
        )
    return array


def _frame_names(file: Any, path: Path) -> list[str]:
    """The groups of frames in order of time."""
    names = [name for name in file if name.startswith("Frame_") and name[6:].isdecimal()]
    if not names:
        raise SourceError(f"{path} holds {sorted(file)[:5]} and no Frame_0; unmask reads the crops of WMCA")
    return sorted(names, key=lambda name: int(name[6:]))


def _shape(file: Any, name: str, path: Path) -> tuple[int, int, int]:
    """(channels, H, W) of a frame."""
    array = _own(file, name, path)
    if array is None or array.ndim not in (2, 3) or array.dtype != np.uint8:
        raise SourceError(f"{path}: {name} has no array (channels, H, W) of bytes; give the crops of WMCA")
    return (1, *array.shape) if array.ndim == 2 else array.shape


def _frames(path: Path, names: list[str], *, fps: float, limits: Limits) -> Generator[Frame, None, None]:
    with _opened(path) as file:
        for index, name in enumerate(names):
            _, height, width = _shape(file, name, path)
            limits.check_size(str(path), width=width, height=height)
            try:
                image = _image(file[name]["array"])
            except (OSError, RuntimeError) as broken:
                raise SourceError(f"{path} is damaged: {name} cannot be read; copy it again") from broken
            yield Frame(image=image, time_s=index / fps, index=index)


def _image(stored: Any) -> np.ndarray:
    """(H, W, 3) uint8 of a dataset (channels, H, W) or (H, W)."""
    if stored.ndim == 3 and stored.shape[0] == RGB:
        return np.ascontiguousarray(stored[...].transpose(1, 2, 0))
    return cv2.cvtColor(stored[0] if stored.ndim == 3 else stored[...], cv2.COLOR_GRAY2RGB)
