"""Make videos of bona fide faces, prints, screens and paper masks, with their true depth."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from unmask.app.options import Backgrounds, JobOptions, Portraits
from unmask.app.progress import bar, say
from unmask.files import keep_inputs
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.simulate.people.heads import load_heads
from unmask.simulate.people.subjects import Portrait, load_portraits, procedural_portrait
from unmask.simulate.photographs import load_photographs, simulate_photographs
from unmask.simulate.series import simulate_folder
from unmask.types import DataError


@dataclass(frozen=True, kw_only=True)
class SimulateOptions(JobOptions):
    """The options of the command."""

    out: Annotated[Path, typer.Option(help="Folder for the videos, their labels.csv and their true depth.")]
    portraits: Portraits = None
    photographs: Annotated[
        tuple[Path, ...],
        typer.Option(
            help="Folder of photographs of people, with credits.csv where it has one; repeat it for several."
        ),
    ] = ()
    heads: Annotated[
        Path | None,
        typer.Option(help="ICT-FaceKit npz; with one, some subjects are its heads in a portrait's skin."),
    ] = None
    backgrounds: Backgrounds = None
    subjects: Annotated[
        int, typer.Option(help="People to simulate from portraits; photographs are all used.", min=1)
    ] = 8
    clips: Annotated[int, typer.Option(help="Videos to make in all.", min=1)] = 40
    seed: Annotated[int, typer.Option(help="The same seed gives the same videos.")] = 1


def simulate(options: SimulateOptions) -> int:
    """Makes the folder and says where its labels are."""
    out = options.out
    keep_inputs({"--out": out}, [options.portraits, options.backgrounds, options.heads, *options.photographs])
    if options.photographs and (options.portraits or options.heads):
        raise DataError(
            "videos are made from --photographs as they are, or from --portraits and --heads as heads that "
            "turn; leave one of them out"
        )
    backgrounds = pictures(options.backgrounds) if options.backgrounds else []
    labels = (_from_photographs if options.photographs else _from_heads)(out, options, backgrounds)
    print(labels)
    return 0


def _from_heads(out: Path, options: SimulateOptions, backgrounds: list[Path]) -> Path:
    portraits = _portraits(options)
    with bar(f"simulating into {out}") as advance:
        return simulate_folder(
            out,
            portraits=portraits,
            heads=load_heads(options.heads) if options.heads else None,
            backgrounds=backgrounds,
            subjects=options.subjects,
            clips=options.clips,
            seed=options.seed,
            jobs=options.jobs or os.cpu_count() or 1,
            progress=lambda progress: advance(progress.done, progress.total),
        )


def _from_photographs(out: Path, options: SimulateOptions, backgrounds: list[Path]) -> Path:
    for folder in options.photographs:
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder; name a folder of photographs")
    photographs = load_photographs(options.photographs, finder=FaceFinder.load(), progress=say)
    with bar(f"simulating into {out}") as advance:
        return simulate_photographs(
            out,
            photographs=photographs,
            backgrounds=backgrounds,
            clips=options.clips,
            seed=options.seed,
            jobs=options.jobs or os.cpu_count() or 1,
            progress=lambda progress: advance(progress.done, progress.total),
        )


def _portraits(options: SimulateOptions) -> list[Portrait]:
    if options.portraits is None:
        rng = np.random.default_rng([options.seed, 3])
        with bar("drawing people") as advance:
            drawn = []
            for count in range(1, options.subjects + 1):
                drawn.append(procedural_portrait(rng))
                advance(count, options.subjects)
        return drawn
    if not options.portraits.is_dir():
        raise DataError(f"{options.portraits} is not a folder; name a folder of portraits")
    portraits = load_portraits(options.portraits, finder=FaceFinder.load(), progress=say)
    if len(portraits) < options.subjects:
        raise DataError(
            f"{options.portraits} has {len(portraits)} portraits with a face towards the camera, fewer than "
            f"the {options.subjects} subjects wished for; lower --subjects or add portraits"
        )
    return portraits


def pictures(folder: Path) -> list[Path]:
    """The pictures in a folder of rooms, in order of name; DataError where there are none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name a folder of pictures of rooms")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(f"{folder} holds no picture; name a folder of {', '.join(sorted(SUFFIXES))}")
    return paths
