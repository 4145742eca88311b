"""What scoring keeps of each presentation for a reader: a picture, its depth map, the network's features.

A folder holds one .npz for each presentation (see `evidence_path`) and `scoring.json`, which says what
scored. Files are whole or not there; a presentation without a file had no clip, or was scored without
evidence.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.files import atomic_path, write_bytes
from unmask.types import DataError

ABOUT = "scoring.json"
READABLE = 60  # characters of a presentation's name in that of its file


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipEvidence:
    """The evidence of the clip whose score is nearest to the presentation's.

    `picture` (S, S, 3) uint8 RGB: its first frame as the network saw it; `depth` (K, 32, 32) float32 in
    [0, 1], near is 1, or None; `features` (C,) float32: the means of an inner tensor over all clips, or None
    where the graph names none. `score` is the presentation's, `model` the network's name and version.
    """

    presentation: str
    score: float
    model: str
    time_s: float
    picture: np.ndarray
    depth: np.ndarray | None
    features: np.ndarray | None


def evidence_path(folder: str | Path, presentation: str) -> Path:
    """The file of that presentation: the end of its name for people, a hash of all of it for uniqueness.

    >>> evidence_path("seen", "videos/a b.mp4").name
    'videos_a_b.mp4-2c01d08f3802.npz'
    """
    words = re.sub(r"[^A-Za-z0-9.-]+", "_", presentation)[-READABLE:].lstrip(".")
    return Path(folder) / f"{words}-{hashlib.sha256(presentation.encode()).hexdigest()[:12]}.npz"


def write_evidence(folder: str | Path, found: ClipEvidence) -> None:
    """The file of this presentation, whole or not at all."""
    about = {
        "presentation": found.presentation,
        "score": float(found.score),
        "model": found.model,
        "time_s": float(found.time_s),
    }
    arrays = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), "picture": found.picture}
    if found.depth is not None:
        arrays["depth"] = found.depth.astype(np.float16)
    if found.features is not None:
        arrays["features"] = found.features.astype(np.float32)
    with atomic_path(evidence_path(folder, found.presentation)) as part, part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_evidence(folder: str | Path, presentation: str) -> ClipEvidence | None:
    """The evidence of that presentation; None where there is none, DataError where its file is broken."""
    path = evidence_path(folder, presentation)
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            return ClipEvidence(
                **about,
                picture=_picture(stored["picture"]),
                depth=stored["depth"].astype(np.float32) if "depth" in stored else None,
                features=stored.get("features"),
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as broken:
        raise DataError(f"{path} is not evidence that scoring wrote ({broken}); score again") from broken


def write_about(folder: str | Path, *, contracts: Sequence[str], settings: Mapping[str, str]) -> None:
    """What scored: the contracts (JSON, see unmask.contract) and the settings of the run."""
    text = json.dumps({"contracts": list(contracts), "settings": dict(settings)}, indent=1)
    write_bytes(Path(folder) / ABOUT, text.encode())


def read_about(folder: str | Path) -> dict[str, Any]:
    """`contracts` and `settings` as they were written; both empty where nothing says."""
    path = Path(folder) / ABOUT
    if not path.is_file():
        return {"contracts": [], "settings": {}}
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return {"contracts": list(about["contracts"]), "settings": dict(about["settings"])}
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise DataError(f"{path} is not what scoring wrote ({broken}); delete it, or score again") from broken


def _picture(picture: np.ndarray) -> np.ndarray:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a picture is (S, S, 3) uint8, not {picture.shape} {picture.dtype}")
    return picture
