"""Make the weights that the package ships, from open pictures to a model file, by one command.

    python scripts/release_weights.py --portraits DIR --photographs DIR --heads FILE --backgrounds DIR
        --samples DIR --out OUT [--jobs N --seed 1 --only heads photographs pairs ...]

What is made of each source of pictures is one prepared set with the parts train and dev, no person or room in
both: recordings of 3-D heads, photographs as scenes, recapture pairs. The network is then trained on all of
them together. An interrupted run goes on where it was when the same command is given again; each step may be
run alone by `--only`.
"""

import argparse
import csv
import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from unmask.app.precision import add_bf16_points, prepared_material, write_at
from unmask.app.training_sets import training_data
from unmask.contract import TrainingData
from unmask.data.folder import read_labels
from unmask.data.prepare.preparation import Cutting, Packing, Source, prepare
from unmask.data.prepare.recordings import Simulations, TrackedFolder
from unmask.data.prepare.views import VIEWS
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.media.quality import QualityLimits
from unmask.simulate.people.heads import load_heads
from unmask.simulate.people.subjects import load_portraits
from unmask.simulate.photographs import Photograph, Photographs, load_photographs
from unmask.simulate.recapture import Recaptures
from unmask.simulate.series import Series
from unmask.simulate.studio import Simulated, simulated_presentation
from unmask.training.checkpoint import CHECKPOINT
from unmask.training.finish import finish
from unmask.training.loop import train
from unmask.training.sets import part_of
from unmask.training.settings import read_settings
from unmask.training.simulated import part, part_photographs, person, room

HD_SHARE, SMALL_SHARE = 0.3, 0.15  # of the recordings of heads: 1280 x 720, and a window of 256 x 256
COUNTS = {"heads": (4000, 160), "photographs": (12000, 480), "pairs": (24000, 640)}  # train, dev
SET_VIEWS = {
    "heads": VIEWS,
    "photographs": VIEWS,
    "pairs": ("whole",),  # made tight and wide, worn and clean as they are
    "plain": ("whole", "tight"),
    "samples": ("whole", "tight"),
}
SETTINGS_FILE = Path(__file__).with_suffix(".toml")
CLIP = read_settings(str(SETTINGS_FILE)).clip
LICENCES = Path(__file__).with_name("licences.csv")
TRAINING = "training"
ANY_QUALITY = QualityLimits(  # real pictures are few, and what is refused in use may still teach
    eye_distance_px=0, outside=1, yaw=180, pitch=180, roll=180, sharpness=0, dark=1, bright=1
)
Part = tuple[Source, int]  # train or dev of a set: where its recordings come from, and how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The folders and files that pictures come from."""

    portraits: Path
    photographs: Path
    heads: Path
    backgrounds: Path
    samples: Path
    cache: Path


@dataclass(frozen=True, slots=True)
class Plain:
    """Photographs as they are, as bona fide recordings of one frame."""

    photographs: tuple[Photograph, ...]
    seed: int

    def __call__(self, index: int) -> Simulated:
        picture = self.photographs[index % len(self.photographs)]
        image = picture.image
        seed = self.seed * 10_000_000 + index
        return Simulated(
            frames=[image],
            times_s=np.zeros(1),
            depths=np.full((1, *image.shape[:2]), np.nan, np.float32),
            meshes=picture.mesh[None],
            presentation=simulated_presentation(
                seed, subject=picture.subject, instrument=None, licence=picture.licence
            ),
            seed=seed,
            camera="",
            light="",
            model="",
            place="any",
            source=picture.source,
        )


def main() -> None:
    """Simulates, prepares, trains."""
    asked = _arguments()
    material = Material(
        **{name: getattr(asked, name) for name in ("portraits", "photographs", "heads", "backgrounds")},
        samples=asked.samples,
        cache=asked.out / "cache",
    )
    for name in (name for name in SETS if name in asked.only):
        parts = [*zip(("train", "dev"), SETS[name](material, asked.seed), strict=False)]
        for which, (source, count) in reversed(parts):  # dev first: train may be stopped at any count
            cutting = Cutting(clip=CLIP, seed=asked.seed, views=SET_VIEWS[name])
            _prepare(source, asked.out / name / which, count=count, cutting=cutting, jobs=asked.jobs)
    if TRAINING in asked.only:
        _train(asked.out, backgrounds=len(_rooms(material)))


def _train(out: Path, *, backgrounds: int) -> None:
    """One network on all sets; OUT/training/model.onnx and model_int8.onnx are what the package ships."""
    settings, run = read_settings(str(SETTINGS_FILE)), out / TRAINING
    data = [out / name for name in SETS]
    going_on = (run / CHECKPOINT).is_file()
    train(
        settings, data=data, out=run, init=None if going_on else "imagenet", resume=going_on, progress=_tell
    )
    with LICENCES.open(newline="", encoding="utf-8") as file:
        licences = {row["source"]: row["licence"] for row in csv.DictReader(file)}
    counted: Counter[tuple[str, str]] = Counter()
    for folder in data:
        for row in training_data(folder):
            counted[row.name, licences.get(row.name, row.licence)] += row.items
    counted["backgrounds", licences["backgrounds"]] = backgrounds
    counted["heads", licences["heads"]] = 1
    material = [
        TrainingData(name=name, licence=licence, items=n) for (name, licence), n in sorted(counted.items())
    ]
    command = shlex.join(["python", *sys.argv])
    finished = finish(run, data=data, training_data=material, command=command)
    add_bf16_points(finished.model, finished.weights, dev=part_of(data, "dev"), settings=settings.evaluation)
    quick = finished.model.with_name("model_int8.onnx")
    write_at("int8", finished.model, prepared_material(data), quick)
    print(finished.model, quick, sep="\n")


def _tell(done: int, total: int, loss: float) -> None:
    print(f"step {done} of {total}, loss {loss:.4f}", flush=True)


def _prepare(source: Source, out: Path, *, count: int, cutting: Cutting, jobs: int) -> None:
    prepare(
        source,
        out,
        count=count,
        cutting=cutting,
        packing=Packing(pictures="png"),
        jobs=jobs,
        progress=partial(_print_shards, f"{out.parent.name}/{out.name}"),
    )


def _heads(material: Material, seed: int) -> Iterator[Part]:
    """Rendered heads and busts with true depth; picture quality is not matched between the classes."""
    portraits = tuple(load_portraits(material.portraits, finder=FaceFinder.load()))
    rooms = _rooms(material)
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
        series = replace(everyone, portraits=people, backgrounds=places, seed=seed + number)
        yield Simulations(series=series), COUNTS["heads"][number]


def _rooms(material: Material) -> list[Path]:
    return sorted(path for path in material.backgrounds.iterdir() if path.suffix.lower() in SUFFIXES)


def _photographs(material: Material, seed: int) -> Iterator[Part]:
    """Photographs as scenes, and printed or displayed before the same cameras."""
    for number, (people, places) in enumerate(_parts(material)):
        series = Photographs(
            photographs=people, seed=seed + number, backgrounds=places, cache=material.cache / "mattes"
        )
        yield Simulations(series=series), COUNTS["photographs"][number]


def _pairs(material: Material, seed: int) -> Iterator[Part]:
    """Each photograph taken as a living face and recaptured, in two dimensions."""
    for number, (people, places) in enumerate(_parts(material)):
        series = Recaptures(bases=people, seed=seed + number, rooms=places)
        yield Simulations(series=series), COUNTS["pairs"][number]


def _parts(material: Material) -> Iterator[tuple[tuple[Photograph, ...], tuple[Path, ...]]]:
    """People and rooms for train, and others for dev."""
    pictures = load_photographs([material.portraits, material.photographs], finder=FaceFinder.load())
    yield from zip(part_photographs(pictures), part(_rooms(material), key=room), strict=True)


def _plain(material: Material, seed: int) -> Iterator[Part]:
    """The ordinary photographs themselves."""
    photographs = load_photographs(material.photographs, finder=FaceFinder.load())
    yield Simulations(series=Plain(photographs, seed)), len(photographs)


def _samples(material: Material, seed: int) -> Iterator[Part]:
    """Real recordings of both classes."""
    presentations = read_labels(material.samples)
    yield (
        TrackedFolder(
            presentations=presentations,
            load_finder=FaceFinder.load,
            stride_s=CLIP.stride_s,
            root=str(material.samples),
            limits=ANY_QUALITY,
        ),
        len(presentations),
    )


SETS: dict[str, Callable[[Material, int], Iterator[Part]]] = {
    "heads": _heads,
    "pairs": _pairs,
    "photographs": _photographs,
    "plain": _plain,
    "samples": _samples,
}


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
    parser.add_argument("--only", nargs="+", choices=[*SETS, TRAINING], default=[*SETS, TRAINING])
    return parser.parse_args()


if __name__ == "__main__":
    main()
