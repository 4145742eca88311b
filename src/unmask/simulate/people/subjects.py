"""Whose face it is: portraits with their meshes, from a folder, from a library, or drawn."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.files import atomic_path
from unmask.media.images import read_image
from unmask.media.topology import POINTS
from unmask.types import DataError, SourceError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
TURNED_MOST = 0.45  # asymmetry of the nose between the eyes' outer corners, see `is_usable`


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """One picture of one person: `image` (H, W, 3) uint8 RGB, `mesh` (468, 3) float32 in its pixels, z nearer
    is smaller.
    """

    name: str
    image: np.ndarray
    mesh: np.ndarray


def load_portraits(
    folder: Path, *, finder: Any = None, progress: Callable[[str], None] | None = None
) -> list[Portrait]:
    """Every picture of `folder` that shows one usable face (see `is_usable`), in order of name.

    Meshes come from the cache: `.unmask_meshes.npz` beside the pictures, or in the user's cache where the
    folder is read-only. What it lacks is found with `finder` (anything with `.find(image) -> list[Face]`) and
    added. Pictures that cannot be read or show no face are passed over; `progress` is told.
    """
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(
            f"portraits come from a folder of pictures, and {folder} has none; name another folder"
        )
    known = cached_meshes(folder)
    fresh = dict(known)
    portraits = []
    for path in paths:
        try:
            image = read_image(path)
        except SourceError as unreadable:
            tell(progress, f"{path.name} passed over: {unreadable}")
            continue
        key = _key(path.name, image)
        if key not in fresh:
            if finder is None:
                raise DataError(
                    f"{path.name} has no face mesh in the cache; run `unmask assets` so that it can be found"
                )
            faces = finder.find(image)
            fresh[key] = (
                np.asarray(faces[0].mesh, np.float32) if faces else np.full((POINTS, 3), np.nan, np.float32)
            )
        portrait = Portrait(name=path.stem, image=image, mesh=fresh[key])
        if is_usable(portrait):
            portraits.append(portrait)
        else:
            tell(progress, f"{path.name}: no face that looks this way in colour, passed over")
    if len(fresh) > len(known):
        keep_meshes(folder, fresh)
    if not portraits:
        raise DataError(f"{folder} has {len(paths)} pictures, none with a usable face; name another folder")
    return portraits


def is_usable(portrait: Portrait) -> bool:
    """Whether a bust can be made of it: a face of 60 px at least, inside the picture, in colour, not turned
    aside.

    Turned aside means that along the line between the eyes' outer corners the nose's tip is off the middle by
    more than TURNED_MOST of half its length: some 25 degrees.
    """
    mesh, (h, w) = portrait.mesh, portrait.image.shape[:2]
    if not np.isfinite(mesh).all() or np.ptp(mesh[:, 0]) < 60:
        return False
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    if (low < -2).any() or high[0] > w + 1 or high[1] > h + 1:
        return False
    axis = (mesh[263] - mesh[33])[:2]
    nose = (mesh[1] - (mesh[263] + mesh[33]) / 2)[:2]
    if abs(float(nose @ axis)) > TURNED_MOST * float(axis @ axis) / 2:
        return False
    x0, y0, x1, y1 = int(max(0, low[0])), int(max(0, low[1])), int(high[0]), int(high[1])
    skin = portrait.image[y0:y1, x0:x1].reshape(-1, 3).astype(np.int32)
    return bool(np.median(skin.max(axis=1) - skin.min(axis=1)) >= 12)


def astronaut(finder: Any) -> Portrait:
    """scikit-image's picture of Eileen Collins (NASA, public domain), cut to her head and shoulders."""
    from skimage.data import astronaut as picture

    image = np.ascontiguousarray(picture()[:340, 40:380])
    faces = finder.find(image)
    if not faces:
        raise DataError(
            "the face finder found no face in scikit-image's astronaut; fetch the face models again"
        )
    return Portrait(name="astronaut", image=image, mesh=np.asarray(faces[0].mesh, np.float32))


def procedural_portrait(rng: np.random.Generator) -> Portrait:
    """A drawn face, for those who have no portraits."""
    from unmask.simulate.people.procedural import draw_face

    image, mesh = draw_face(rng)
    return Portrait(name=f"drawn_{rng.integers(10**9):09d}", image=image, mesh=mesh)


def tell(progress: Callable[[str], None] | None, text: str) -> None:
    """Passes the text to `progress`, if there is one."""
    if progress is not None:
        progress(text)


def _key(name: str, image: np.ndarray) -> str:
    return f"{name}|{hashlib.sha256(image.tobytes()).hexdigest()[:16]}"


def user_cache() -> Path:
    """The folder for what can be made again: $XDG_CACHE_HOME/unmask or ~/.cache/unmask."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unmask"


def _cache_paths(folder: Path) -> tuple[Path, Path]:
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return folder / ".unmask_meshes.npz", user_cache() / f"meshes_{name}.npz"


def cached_meshes(folder: Path) -> dict[str, np.ndarray]:
    """Meshes (468, 3) of the folder's pictures that were found before, by key."""
    meshes: dict[str, np.ndarray] = {}
    for path in _cache_paths(folder):
        if path.exists():
            with np.load(path, allow_pickle=False) as stored:
                meshes.update(zip(stored["keys"].tolist(), stored["meshes"], strict=True))
    return meshes


def keep_meshes(folder: Path, meshes: dict[str, np.ndarray]) -> None:
    """Keeps them beside the pictures, or in the user's cache when that is not allowed; whole or not."""
    beside, apart = _cache_paths(folder)
    # To root every folder is writable: one that nobody may write to is meant to stay as it is.
    writable = os.access(folder, os.W_OK) and folder.stat().st_mode & 0o222
    path = beside if writable else apart
    with atomic_path(path) as part, part.open("wb") as file:
        np.savez(file, keys=np.array(list(meshes)), meshes=np.stack(list(meshes.values())))
