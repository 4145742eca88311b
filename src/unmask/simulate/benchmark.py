"""The open benchmark: which recordings it holds, and how they are made. Seed and portraits decide every one.

Each subject belongs to one of three splits and to one of four domains. A domain is what a laboratory would
have: its own place with its lights and rooms, its own cameras, its own printers and displays, its own people.
Half of a subject's recordings are made at home, in its domain; half anywhere, with every camera at every
place, so that each of them can be held out alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from unmask.simulate.camera.models import MODELS
from unmask.simulate.folder import (
    COLUMNS,
    Delivery,
    Progress,
    mark_folder,
    shuffled_names,
    write_recordings,
    write_table,
)
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.heads import HeadModel
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.stage.places import PLACES
from unmask.simulate.studio import Request, Simulated, Studio
from unmask.types import DataError, family_of

# What a domain's recordings are made with, besides its instrument models: the place is its name.
DOMAINS: dict[str, tuple[str, ...]] = {
    "office": ("laptop-webcam", "video-call"),
    "home": ("new-phone",),
    "lobby": ("terminal",),
    "shop": ("usb-webcam", "old-phone"),
}
FEWEST = 24  # subjects: two for each domain in train, dev and test, so that another one can wear a mask
DEV, TEST = 0.2, 0.4  # shares of the subjects
BONA_FIDE = 0.4  # share of the recordings
SHOWN = ("print", "replay")  # the families of OULU-NPU, dealt so that each of its folds has some
MARK = "benchmark.json"
VERSION = (
    2  # from 2 on, wearers of masks keep an own background as often as bona fide faces: 0.75, 0.6 before
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """`clips` recordings (the nearest number that all `subjects` can share) of `frames`, `fps` a second."""

    clips: int
    subjects: int
    frames: int
    fps: float = 10.0
    side_px: int = 256

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width."""
        return self.side_px, self.side_px


SIZES: dict[str, Size] = {
    "small": Size(clips=1_200, subjects=60, frames=8),
    "medium": Size(clips=4_800, subjects=240, frames=8),
    "full": Size(clips=20_000, subjects=400, frames=30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRecording:
    """One recording to be made.

    `instrument` is None and `model` empty when bona fide. `domain` is empty for what is recorded anywhere;
    `home` is the subject's domain all the same. `session` numbers the subject's visits: one camera at one
    place each.
    """

    subject: str
    split: str
    home: str
    domain: str
    instrument: str | None
    model: str
    camera: str
    place: str
    session: int
    seed: int


def plan(size: Size, *, seed: int, subjects: Sequence[str]) -> list[PlannedRecording]:
    """The recordings, neighbours by subject; DataError where the subjects are too few."""
    if len(subjects) < FEWEST:
        raise DataError(
            f"a benchmark needs {FEWEST} subjects, two for each of {len(DOMAINS)} domains in train, dev and "
            f"test, not {len(subjects)}; add portraits of other people, or leave --portraits out"
        )
    rng = np.random.default_rng([seed, 21])
    chosen = [subjects[i] for i in rng.permutation(len(subjects))[: size.subjects]]
    each = max(2, round(size.clips / len(chosen)))
    dealt: list[PlannedRecording] = []
    for split, people in _split(chosen).items():
        homes = {name: list(DOMAINS)[i % len(DOMAINS)] for i, name in enumerate(people)}
        away = [name for name in people for _ in range(each - each // 2)]
        everywhere = [(camera, place) for camera in sorted(MODELS) for place in PLACES]
        fixed = _Deal(split=split, homes=homes, domain="", models=lambda name: INSTRUMENTS[name].models)
        dealt += fixed.dealt(rng, away, everywhere)
        for number, (domain, cameras) in enumerate(DOMAINS.items()):
            own = [name for name in people if homes[name] == domain for _ in range(each // 2)]
            here = [(camera, domain) for camera in cameras]
            models = _models_of(number)
            dealt += _Deal(split=split, homes=homes, domain=domain, models=models).dealt(rng, own, here)
    splits = ("train", "dev", "test")
    dealt.sort(key=lambda clip: (splits.index(clip.split), clip.home, chosen.index(clip.subject)))
    return list(_numbered(dealt, seed=seed))


def _split(people: Sequence[str]) -> dict[str, list[str]]:
    fewest = 2 * len(DOMAINS)
    dev = max(fewest, round(DEV * len(people)))
    test = max(fewest, min(round(TEST * len(people)), len(people) - dev - fewest))
    train = len(people) - dev - test
    return {
        "train": list(people[:train]),
        "dev": list(people[train : train + dev]),
        "test": list(people[train + dev :]),
    }


def _number_of(instrument: str, model: str) -> int:
    """The number of the model within its family: two instruments may show their pictures with one printer."""
    family = family_of(instrument)
    rows = [row for name, row in INSTRUMENTS.items() if family_of(name) == family]
    return sorted({model for row in rows for model in row.models}).index(model)


def _models_of(domain: int) -> Callable[[str], tuple[str, ...]]:
    """The domain's own printers and displays, every fourth, none for some instruments; masks are shared."""

    def models(instrument: str) -> tuple[str, ...]:
        every = INSTRUMENTS[instrument].models
        if family_of(instrument) not in SHOWN:
            return every
        return tuple(model for model in every if _number_of(instrument, model) % len(DOMAINS) == domain)

    return models


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deal:
    """Hands instruments, cameras and places to recordings as evenly as whole numbers allow."""

    split: str
    homes: Mapping[str, str]
    domain: str
    models: Callable[[str], tuple[str, ...]]

    def dealt(
        self, rng: np.random.Generator, people: Sequence[str], pairs: Sequence[tuple[str, str]]
    ) -> Iterator[PlannedRecording]:
        """One recording for each of `people`, with a (camera, place) of `pairs`."""
        people = [people[i] for i in rng.permutation(len(people))]
        bona_fide = round(BONA_FIDE * len(people))
        instruments = [name for name in INSTRUMENTS if self.models(name)]
        kinds = _interleaved(rng, instruments, len(people) - bona_fide)
        shown = [name for name in kinds if family_of(name) in SHOWN]
        others = [name for name in kinds if family_of(name) not in SHOWN]
        start = 0
        for group in ([None] * bona_fide, shown, others):
            order = rng.permutation(len(pairs))
            for k, instrument in enumerate(group):
                camera, place = pairs[order[k % len(pairs)]]
                yield PlannedRecording(
                    subject=people[start + k],
                    split=self.split,
                    home=self.homes[people[start + k]],
                    domain=self.domain,
                    instrument=instrument,
                    model=self._model(rng, instrument, turn=k // len(pairs)) if instrument else "",
                    camera=camera,
                    place=place,
                    session=0,
                    seed=0,
                )
            start += len(group)

    def _model(self, rng: np.random.Generator, instrument: str, *, turn: int) -> str:
        """Each turn through the pairs takes every second model: all pairs see what may be held out."""
        models = self.models(instrument)
        half = [model for model in models if _number_of(instrument, model) % 2 == turn % 2]
        return str(rng.choice(half or models))


def _interleaved(rng: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    """`count` instruments of these, each spread evenly over the list; by the roots of their shares, since a
    test on a rare one needs some too.
    """
    shares = np.sqrt([INSTRUMENTS[name].share for name in names])
    exact = shares / shares.sum() * max(0, count - len(names))
    counts = np.floor(exact).astype(int) + 1  # one of each, however rare
    for i in np.argsort(-(exact % 1), kind="stable")[: max(0, count - counts.sum())]:
        counts[i] += 1
    spread = [((k + rng.random()) / n, name) for name, n in zip(names, counts, strict=True) for k in range(n)]
    return [name for _, name in sorted(spread)][:count]


def _numbered(dealt: Sequence[PlannedRecording], *, seed: int) -> Iterator[PlannedRecording]:
    """With the sessions of each subject and a seed for each recording."""
    index = 0
    for _, clips in groupby(dealt, key=lambda clip: clip.subject):
        visits: dict[tuple[str, str], int] = {}
        for clip in clips:
            session = visits.setdefault((clip.camera, clip.place), len(visits) + 1)
            changed = {"session": session, "seed": seed * 10_000_000 + index}
            yield PlannedRecording(**{**asdict(clip), **changed})
            index += 1


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """The plan's recordings: `recordings(index)` is a function of the fields and the index; it pickles.

    The wearer of a mask is of the victim's split and domain.
    """

    planned: Sequence[PlannedRecording]
    portraits: Sequence[Portrait]
    size: Size
    backgrounds: Sequence[Path] = ()
    heads: HeadModel | None = None
    _studio: dict[tuple[str, str], Studio] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, index: int) -> Simulated:
        clip = self.planned[index]
        studio = self._studio_of(clip)
        names = [portrait.name for portrait in studio.portraits]
        return studio.record(
            Request(
                subject=names.index(clip.subject),
                instrument=clip.instrument,
                seed=clip.seed,
                frames=self.size.frames,
                fps=self.size.fps,
                camera=clip.camera,
                model=clip.model or None,
                place=clip.place,
                size=self.size.pixels,
            )
        )

    def _studio_of(self, clip: PlannedRecording) -> Studio:
        key = (clip.split, clip.home)
        if key not in self._studio:
            self._studio.clear()  # neighbours share a studio
            company = {other.subject for other in self.planned if (other.split, other.home) == key}
            people = tuple(portrait for portrait in self.portraits if portrait.name in company)
            self._studio[key] = Studio(portraits=people, backgrounds=self.backgrounds, heads=self.heads)
        return self._studio[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_studio": {}}  # busts are large and made again where they are needed


ROW = (*COLUMNS, "instrument_model", "place", "session", "domain", "split", "like")


def make_benchmark(
    out: Path,
    recordings: Recordings,
    *,
    settings: Mapping[str, object],
    seed: int,
    jobs: int,
    progress: Callable[[Progress], None] | None = None,
) -> list[dict[str, str]]:
    """Videos, truth, labels.csv and hashes.csv in `out`; the rows of the latter two, in order of path.

    A folder that was left half made is continued; one with other files in it, or of other `settings`, is
    refused. `like` names the type of SiW-M.
    """
    mark_folder(out, {**settings, "versions": versions()}, mark=MARK)
    made = write_recordings(
        out,
        source=recordings,
        names=shuffled_names(seed, len(recordings.planned)),
        delivery=Delivery(fps=recordings.size.fps, depth_every=2, depth_step=1, hashed=True),
        jobs=jobs,
        together=8,  # neighbours share a subject, since a bust takes longer than a clip
        progress=progress,
    )
    rows = [row | _truth(clip) for row, clip in zip(made, recordings.planned, strict=True)]
    rows.sort(key=lambda row: row["path"])
    write_table(out / "labels.csv", ROW, rows)
    write_table(out / "hashes.csv", ("path", "frames_sha256", "truth_sha256"), rows)
    return rows


def versions() -> dict[str, str]:
    """The versions of what decides the bytes."""
    libraries = ("unmask", "numpy", "opencv-python-headless", "numba", "av")
    return {"benchmark": str(VERSION), **{name: version(name) for name in libraries}}


def _truth(clip: PlannedRecording) -> dict[str, str]:
    return {
        "session": str(clip.session),
        "domain": clip.domain,
        "split": clip.split,
        "like": INSTRUMENTS[clip.instrument].like if clip.instrument else "",
    }
