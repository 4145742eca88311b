"""Make the weights that the package ships, from open pictures to a model file, by one command.

    python scripts/release_weights.py --portraits DIR --photographs DIR --heads FILE --backgrounds DIR
        --samples DIR --out OUT [--jobs N --seed 1 --only heads photographs pairs ...]

What is made of each source of pictures is one prepared set with the parts train and dev, no person or room in
both: recordings of 3-D heads, photographs as scenes, recapture pairs. The network is then trained on all of
them together. An interrupted run goes on where it was when the same command is given again; each step may be
run alone by `--only`.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from unmask.data.prepare import Cutting, Packing, prepare
from unmask.data.recordings import Simulations
from unmask.data.views import VIEWS
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.simulate.heads import load_heads
from unmask.simulate.make import Series
from unmask.simulate.subjects import load_portraits
from unmask.training.simulated import part, person, room
from unmask.types import ClipSpec

CLIP = ClipSpec(frames=1, size_px=224, box_scale=2.8, border="inside")
HD_SHARE, SMALL_SHARE = 0.3, 0.15  # of the recordings of heads: 1280 x 720, and a window of 256 x 256
COUNTS = {"heads": (4000, 480), "photographs": (12000, 1400), "pairs": (12000, 1400)}  # train, dev


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The folders and files that pictures come from."""

    portraits: Path
    photographs: Path
    heads: Path
    backgrounds: Path
    samples: Path
    cache: Path


def main() -> None:
    """Simulates, prepares, trains."""
    asked = _arguments()
    material = Material(
        **{name: getattr(asked, name) for name in ("portraits", "photographs", "heads", "backgrounds")},
        samples=asked.samples,
        cache=asked.out / "cache",
    )
    for name, series in SETS.items():
        if name in asked.only:
            for which, count, one in zip(
                ("train", "dev"), COUNTS[name], series(material, asked.seed), strict=True
            ):
                _prepare(one, asked.out / name / which, count=count, asked=asked)


def _prepare(series: Callable[[int], Any], out: Path, *, count: int, asked: argparse.Namespace) -> None:
    prepare(
        Simulations(series=series),
        out,
        count=count,
        cutting=Cutting(clip=CLIP, seed=asked.seed, views=VIEWS),
        packing=Packing(pictures="png"),
        jobs=asked.jobs,
        progress=partial(_print_shards, f"{out.parent.name}/{out.name}"),
    )


def _heads(material: Material, seed: int) -> Iterator[Series]:
    """Rendered heads and busts with true depth; picture quality is not matched between the classes."""
    portraits = tuple(load_portraits(material.portraits, finder=FaceFinder.load()))
    rooms = sorted(path for path in material.backgrounds.iterdir() if path.suffix.lower() in SUFFIXES)
    everyone = Series(
        portraits=portraits,
        heads=load_heads(material.heads),
        seed=seed,
        frames=1,
        hd_share=HD_SHARE,
        small_share=SMALL_SHARE,
        matched=False,
        cache=material.cache,
    )
    parts = zip(part(portraits, key=person), part(rooms, key=room), strict=True)
    for number, (people, places) in enumerate(parts):
        yield replace(everyone, portraits=people, backgrounds=places, seed=seed + number)


SETS: dict[str, Callable[[Material, int], Iterator[Callable[[int], Any]]]] = {"heads": _heads}


def _print_shards(name: str, done: int, total: int) -> None:
    print(f"{name}: {done} of {total} shards", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("portraits", "photographs", "heads", "backgrounds", "samples", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="+", choices=list(SETS), default=list(SETS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
