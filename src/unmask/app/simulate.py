"""`unmask simulate`: portraits or photographs, and rooms -> a labelled folder of videos with true depth."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.app.progress import bar, say
from unmask.files import keep_inputs
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.simulate.people.heads import load_heads
from unmask.simulate.people.subjects import Portrait, load_portraits, procedural_portrait
from unmask.simulate.photographs import load_photographs, simulate_photographs
from unmask.simulate.series import simulate_folder
from unmask.types import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask simulate`; `jobs` 0 is one process for each core."""

    portraits: Path | None = None
    photographs: tuple[Path, ...] = ()
    heads: Path | None = None
    backgrounds: Path | None = None
    subjects: int = 8
    clips: int = 40
    seed: int = 1
    jobs: int = 0


def run(out: Path, wishes: Wishes) -> int:
    """Makes the folder and says where its labels are."""
    keep_inputs({"--out": out}, [wishes.portraits, wishes.backgrounds, wishes.heads, *wishes.photographs])
    if wishes.photographs and (wishes.portraits or wishes.heads):
        raise DataError(
            "videos are made from --photographs as they are, or from --portraits and --heads as heads that "
            "turn; leave one of them out"
        )
    backgrounds = pictures(wishes.backgrounds) if wishes.backgrounds else []
    labels = (_from_photographs if wishes.photographs else _from_heads)(out, wishes, backgrounds)
    print(labels)
    return 0


def _from_heads(out: Path, wishes: Wishes, backgrounds: list[Path]) -> Path:
    portraits = _portraits(wishes)
    with bar(f"simulating into {out}") as advance:
        return simulate_folder(
            out,
            portraits=portraits,
            heads=load_heads(wishes.heads) if wishes.heads else None,
            backgrounds=backgrounds,
            subjects=wishes.subjects,
            clips=wishes.clips,
            seed=wishes.seed,
            jobs=wishes.jobs or os.cpu_count() or 1,
            progress=lambda progress: advance(progress.done, progress.total),
        )


def _from_photographs(out: Path, wishes: Wishes, backgrounds: list[Path]) -> Path:
    for folder in wishes.photographs:
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder; name a folder of photographs")
    photographs = load_photographs(wishes.photographs, finder=FaceFinder.load(), progress=say)
    with bar(f"simulating into {out}") as advance:
        return simulate_photographs(
            out,
            photographs=photographs,
            backgrounds=backgrounds,
            clips=wishes.clips,
            seed=wishes.seed,
            jobs=wishes.jobs or os.cpu_count() or 1,
            progress=lambda progress: advance(progress.done, progress.total),
        )


def _portraits(wishes: Wishes) -> list[Portrait]:
    if wishes.portraits is None:
        rng = np.random.default_rng([wishes.seed, 3])
        return [procedural_portrait(rng) for _ in range(wishes.subjects)]
    if not wishes.portraits.is_dir():
        raise DataError(f"{wishes.portraits} is no folder; name a folder of portraits")
    portraits = load_portraits(wishes.portraits, finder=FaceFinder.load(), progress=say)
    if len(portraits) < wishes.subjects:
        raise DataError(
            f"{wishes.portraits} has {len(portraits)} portraits with a face towards the camera, fewer than "
            f"the {wishes.subjects} subjects wished for; lower --subjects or add portraits"
        )
    return portraits


def pictures(folder: Path) -> list[Path]:
    """The pictures in a folder of rooms, in order of name; DataError where there are none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; name a folder of pictures of rooms")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(f"{folder} holds no picture; name a folder of {', '.join(sorted(SUFFIXES))}")
    return paths
