"""Depth labels made by others: the trees of FAS-SGTD's authors, and maps of depth cameras.

Each function gives (S, S) float32 in [0, 1] of the same crop as the picture, near = 1, background 0, as
`media.clips.mesh_depth` does for meshes. Resampling is `media.clips`'.

FAS-SGTD (Wang et al., CVPR 2020, github.com/clks-wzz/FAS-SGTD) keeps a video as

    train_images/VIDEO/VIDEO_001_scene.jpg, VIDEO_001_scene.dat     picture, box of the face
    train_depth/VIDEO/VIDEO_001_depth1D.jpg                         PRNet's depth of the whole picture, grey

where some frames have no depth: PRNet found no face in them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.media.clips import MAP_SIDE, cut_depth, cut_picture
from unmask.media.images import probe_image, read_image
from unmask.media.sources import natural_key
from unmask.types import DataError

AUTHORS_SCALE = 1.3  # of their boxes, at test time
RELIEF_M = 0.15  # a head's depth from nose to ear
DEPTH1D = "depth1d"  # column of a presentation: the folder of its _depth1D.jpg
FARTHEST = 0.95  # quantile of a face's depth: through the eyes of a mask one sees the wall
WALL = 4.0  # of the middle's distance to the nearest point: farther behind is not a face (half sphere: 2.4)
SCENE = re.compile(r"(.+)_(\d+)_scene\.jpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorsFrame:
    """One frame of an authors' tree; `depth` is None where they have none."""

    video: str
    number: int
    picture: Path
    box: Path
    depth: Path | None


def authors_frames(root: str | Path, *, part: str) -> Iterator[AuthorsFrame]:
    """The frames of `part` ("train", "dev" or "test"), in order; DataError for a wrong tree."""
    images, depths = Path(root) / f"{part}_images", Path(root) / f"{part}_depth"
    if missing := [folder for folder in (images, depths) if not folder.is_dir()]:
        raise DataError(f"{missing[0]} is not there; a tree of FAS-SGTD has {part}_images and {part}_depth")
    for folder in sorted((path for path in images.iterdir() if path.is_dir()), key=_by_name):
        yield from authors_video(folder, depths=depths / folder.name)


def authors_video(folder: str | Path, *, depths: str | Path) -> Iterator[AuthorsFrame]:
    """The frames of one video, its pictures in `folder`, in order."""
    folder, depths = Path(folder), Path(depths)
    for picture in sorted(folder.glob("*_scene.jpg"), key=_by_name):
        told = SCENE.fullmatch(picture.name)
        if told is None or told[1] != folder.name:
            raise DataError(f"{picture} is not named {folder.name}_NUMBER_scene.jpg; name it so")
        box = picture.with_suffix(".dat")
        if not box.is_file():
            raise DataError(f"{picture} has no box beside it ({box.name}); make it again or remove both")
        depth = depths / f"{folder.name}_{told[2]}_depth1D.jpg"
        yield AuthorsFrame(
            video=folder.name,
            number=int(told[2]),
            picture=picture,
            box=box,
            depth=depth if depth.is_file() else None,
        )


def read_box(path: str | Path) -> np.ndarray:
    """The face box (4,) float32 xyxy of a `_scene.dat`: four lines, left, top, width, height."""
    try:
        cells = Path(path).read_text(encoding="ascii").split()
        left, top, width, height = (float(cell) for cell in cells)
    except FileNotFoundError as missing:
        raise DataError(f"{path} does not exist; each picture of a tree of FAS-SGTD has one") from missing
    except ValueError as broken:
        raise DataError(f"{path} is not a face box: four numbers, left, top, width, height") from broken
    if not (np.isfinite([left, top, width, height]).all() and width > 0 and height > 0):
        raise DataError(f"{path}: a box of {width:g} x {height:g} pixels holds no face; make it again")
    return np.array([left, top, left + width, top + height], np.float32)


def authors_box(box: np.ndarray, *, picture: tuple[int, int], scale: float = AUTHORS_SCALE) -> np.ndarray:
    """The crop that the authors take of the picture and of its depth, (4,) float32 xyxy.

    Both sides `scale` times as long around the same middle, clipped to the `picture` (height, width), not
    made square.

    >>> authors_box(np.array([10, 10, 30, 50]), picture=(52, 100)).tolist()
    [7.0, 4.0, 33.0, 52.0]
    """
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * scale / 2
    height, width = picture
    low = np.maximum(middle - half, 0)
    high = np.minimum(middle + half, (width, height))
    if (np.round(high) <= np.round(low)).any():
        raise DataError(f"the box {box.tolist()} lies outside its picture of {width} x {height} pixels")
    return np.concatenate([low, high]).astype(np.float32)


def read_depth1d(path: str | Path, box: np.ndarray, *, out: int = MAP_SIDE) -> np.ndarray:
    """A `_depth1D.jpg` cut with the box of its picture: (out, out) float32.

    The authors scaled depth to 0 .. 255 over the face, so nothing is scaled again. JPEG leaves a faint rim
    around the face.
    """
    grey = read_image(path)[..., 0]
    return cut_picture(grey, box, size_px=out).astype(np.float32) / 255


def read_depth_m(path: str | Path, *, unit_m: float = 0.001) -> np.ndarray:
    """A 16-bit PNG of a depth camera: (H, W) float32 metres, NaN where it holds 0; a step is `unit_m`."""
    probe_image(path)  # says what is missing, damaged or too large
    stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 2:
        kind = "unreadable" if stored is None else f"{stored.dtype} with {stored.ndim} axes"
        raise DataError(f"{path} is {kind}; a depth map is a grey PNG of 16 bits")
    return np.where(stored > 0, stored.astype(np.float32) * np.float32(unit_m), np.float32(np.nan))


def depth_files(folder: str | Path) -> list[Path]:
    """The PNG files of a recording in order of their names; DataError where there is none."""
    paths = [path for path in Path(folder).glob("*.png") if not path.name.startswith(".")]
    if not paths:
        raise DataError(f"{folder} holds no depth map; put PNG files of 16 bits there, in millimetres")
    return sorted(paths, key=_by_name)


def read_depth_folder(folder: str | Path) -> Iterator[np.ndarray]:
    """The depth maps of a recording in order of their names, as `media.sources` gives its colour frames.

    (H, W) float32 metres each, of one size; other files than PNG are passed over.
    """
    first: tuple[int, ...] | None = None
    for path in depth_files(folder):
        depth = read_depth_m(path)
        if depth.shape != (first := first or depth.shape):
            raise DataError(
                f"{path} is {depth.shape[1]} x {depth.shape[0]} pixels, others {first[1]} x {first[0]}"
            )
        yield depth


def face_depth(
    depth: np.ndarray, box: np.ndarray, *, mask: np.ndarray | None = None, out: int = MAP_SIDE
) -> np.ndarray:
    """The label (out, out) of a bona fide face from real depth (H, W): far is large, NaN unknown, any unit.

    As for meshes: the nearest point of the face 1, the farthest 0, what is not a face 0. `mask` (out, out) in
    [0, 1] tells the face, such as `media.clips.mesh_mask`; without it, `depth` is in metres and the face is
    what lies up to RELIEF_M behind the nearest point.
    """
    cut = cut_depth(depth, box, size_px=out)
    face = _face(cut, mask)
    if not face.any():
        return np.zeros((out, out), np.float32)
    near, far = np.nanmin(cut[face]), np.quantile(cut[face], FARTHEST)
    label = np.clip((far - cut) / max(far - near, 1e-6), 0, 1)
    return np.where(face, label, 0).astype(np.float32)


def attack_depth(
    depth_m: np.ndarray, box: np.ndarray, *, mask: np.ndarray | None = None, out: int = MAP_SIDE
) -> np.ndarray:
    """An attack's true depth (out, out) from metres (H, W): 0 where farthest, 1 at RELIEF_M before that.

    On one scale for all, so that a flat print stays near 0; stretched as a face is, its noise would be a
    relief.
    """
    cut = cut_depth(depth_m, box, size_px=out)
    face = _face(cut, mask)
    if not face.any():
        return np.zeros((out, out), np.float32)
    relief = (np.quantile(cut[face], FARTHEST) - cut) / RELIEF_M
    return np.where(face, np.clip(relief, 0, 1), 0).astype(np.float32)


def _face(cut: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    known = np.isfinite(cut)
    if mask is not None:
        face = known & (mask > 0.5)
        if not face.any():
            return face
        middle = np.median(cut[face])
        # At the rim of a mask cells are mixed with the wall: measured from there, all of a face is near.
        return face & (cut <= middle + WALL * (middle - cut[face].min()))
    if not known.any():
        return known
    return known & (cut <= np.nanmin(cut) + RELIEF_M)


def _by_name(path: Path) -> list[str | int]:
    return natural_key(path.name)
