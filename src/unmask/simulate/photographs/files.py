"""Photographs of people from folders, each with who it shows, where it is from and under which licence."""

import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from unmask.media.images import SUFFIXES, read_image
from unmask.media.regular import check_regular
from unmask.media.topology import POINTS
from unmask.simulate.people.subjects import cached_meshes, keep_meshes, tell
from unmask.simulate.rendering.layout import face_box
from unmask.types import DataError, SourceError

FACE_PX = 60  # longer side of the face's box: smaller faces have nothing to photograph again
COLOUR = 6  # median chroma of the skin: black-and-white pictures are not what a camera sees of a person
OUTSIDE = 0.02  # share of the face's box that may lie beyond the picture's border


class Pictured(Protocol):
    """A picture with one face that counts: a `Photograph`, or a `subjects.Portrait` in memory."""

    @property
    def name(self) -> str: ...
    @property
    def image(self) -> np.ndarray: ...  # (H, W, 3) uint8 RGB
    @property
    def mesh(self) -> np.ndarray: ...  # (468, 3) float32 px


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """One photograph in a file: `mesh` (468, 3) float32 px is that of its largest face.

    `subject` tells people apart: the same for two pictures only where they may show the same person.
    `source` is the collection or repository it is from; `licence` as its credits give it, "" where none are.
    """

    name: str
    path: Path
    mesh: np.ndarray
    subject: str
    source: str
    licence: str

    @property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, read from the file each time."""
        return read_image(self.path)


def load_photographs(
    folders: Path | Sequence[Path], *, finder: Any = None, progress: Callable[[str], None] | None = None
) -> tuple[Photograph, ...]:
    """Every picture in the folders and below with a face of FACE_PX that lies inside it, in order of path.

    Where a picture shows several people, the largest face counts. A `credits.csv` in a folder (columns path,
    source, licence) says where its pictures are from; without one a file's name does: SOURCE_PERSON. Meshes
    come from a cache (beside the pictures, or the user's where the folder is read-only); what it lacks is
    found with `finder` (anything with `.find(image) -> list[Face]`). Pictures that cannot be read or show no
    such face are passed over; `progress` is told.
    """
    found: list[Photograph] = []
    for folder in [folders] if isinstance(folders, Path) else folders:
        found += _load_folder(folder, finder=finder, progress=progress)
    return tuple(found)


def _load_folder(folder: Path, *, finder: Any, progress: Callable[[str], None] | None) -> list[Photograph]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(
            f"photographs come from a folder of pictures, and {folder} has none; name another folder"
        )
    known, credits = cached_meshes(folder), _credits(folder)
    fresh, photographs = dict(known), []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        check_regular(path, error=DataError)
        key = f"photograph|{name}|{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
        if key not in fresh:
            fresh[key] = _found(path, finder)
        if not np.isfinite(fresh[key]).all():
            tell(progress, f"{name}: no face of {FACE_PX} px inside the picture, passed over")
            continue
        photographs.append(_photograph(path, name, mesh=fresh[key], credit=credits.get(name)))
    if len(fresh) > len(known):
        keep_meshes(folder, fresh)
    if not photographs:
        raise DataError(
            f"{folder} has {len(paths)} pictures, none with a face of {FACE_PX} px; name another folder"
        )
    return photographs


def _photograph(path: Path, name: str, *, mesh: np.ndarray, credit: dict[str, str] | None) -> Photograph:
    if credit is None:
        source, _, person = path.stem.partition("_")
        return Photograph(
            name=path.stem, path=path, mesh=mesh, subject=person or source, source=source, licence=""
        )
    flat = name.rpartition(".")[0].replace("/", "_")
    return Photograph(
        name=flat, path=path, mesh=mesh, subject=flat, source=credit["source"], licence=credit["licence"]
    )


def _credits(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / "credits.csv"
    if not path.exists():
        return {}
    check_regular(path, error=DataError)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lacking = {"path", "source", "licence"} - set(rows[0] if rows else ())
    if lacking:
        raise DataError(
            f"{path} gives path, source and licence of each picture and lacks {', '.join(sorted(lacking))}; "
            "add the columns"
        )
    return {row["path"]: row for row in rows}


def _found(path: Path, finder: Any) -> np.ndarray:
    """The mesh of the largest face that counts; NaN where there is none."""
    nothing = np.full((POINTS, 3), np.nan, np.float32)
    if finder is None:
        raise DataError(
            f"{path.name} has no face mesh in the cache; run `unmask assets` so that it can be found"
        )
    try:
        image = read_image(path)
    except SourceError:
        return nothing
    faces = finder.find(image)
    mesh = np.asarray(faces[0].mesh, np.float32) if faces else nothing
    return mesh if is_presentable(image, mesh) else nothing


def is_presentable(image: np.ndarray, mesh: np.ndarray) -> bool:
    """Whether a face (468, 3) in an image (H, W, 3) is large enough, inside it and in colour."""
    if not np.isfinite(mesh).all():
        return False
    (h, w), side = image.shape[:2], face_box(mesh)[1]
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    if side < FACE_PX or (low < -OUTSIDE * side).any() or (high > np.array([w, h]) + OUTSIDE * side).any():
        return False
    (x0, y0), (x1, y1) = np.maximum(low, 0).astype(int), high.astype(int)
    skin = image[y0:y1, x0:x1].reshape(-1, 3).astype(np.int32)
    return bool(np.median(skin.max(axis=1) - skin.min(axis=1)) >= COLOUR)
