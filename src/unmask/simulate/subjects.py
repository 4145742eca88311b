"""Whose face it is: portraits with their meshes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """One picture of one person: `image` (H, W, 3) uint8 RGB, `mesh` (468, 3) float32 in its pixels."""

    name: str
    image: np.ndarray
    mesh: np.ndarray


def load_portraits(
    folder: Path, *, finder: Any = None, progress: Callable[[str], None] | None = None
) -> list[Portrait]:
    """Every picture of `folder` with a face turned no further than 25 degrees, in order of name.

    Meshes come from the cache beside the pictures (`.unmask_meshes.npz`), or in the user's cache where the folder is
    read-only; what it lacks is found with `finder` (anything with `.find(image) -> list[Face]`).
    """
    raise NotImplementedError


def astronaut(finder: Any) -> Portrait:
    """scikit-image's picture of Eileen Collins (NASA, public domain)."""
    raise NotImplementedError


def procedural_portrait(rng: np.random.Generator) -> Portrait:
    """A drawn face, for those who have no portraits."""
    raise NotImplementedError
