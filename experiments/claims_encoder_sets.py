"""The sets on which the claims are tried on the encoder: photographs as scenes, with domains of their own.

    python -m experiments.claims_encoder_sets --photographs DIR [DIR ...] --backgrounds DIR --out OUT
        [--train 1200 --dev 240 --test 400 --jobs 1]

Recordings of five frames 0.1 s apart. Train, dev and the tests have other people and other rooms. "domain",
an unseen domain, has a camera, a printer and displays that are in no other part; "instruments" are three
that are in neither train nor dev. Half of each part is bona fide, and each attack is of the photograph, the
occasion and the camera of a bona fide recording. Parts of more than 16 recordings come in whole shards of 16.
A part that is there is not made again.
"""

import argparse
import hashlib
import itertools
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from unmask.data.prepare.preparation import RECORDINGS_A_SHARD, Cutting, Packing, prepare
from unmask.data.prepare.recordings import Simulations
from unmask.media.faces import FaceFinder
from unmask.simulate.photographs import SHOWINGS, Photograph, Photographs, load_photographs
from unmask.simulate.studio import Simulated
from unmask.training.settings import read_settings
from unmask.training.simulated import room

UNSEEN = ("print/photo", "replay/phone", "mask/paper")
KNOWN = tuple(name for name in SHOWINGS if name not in (*UNSEEN, "replay/card"))  # a card is on a phone, too
CAMERA = "terminal"  # of the unseen domain, with these models of printers and displays
OF_DOMAIN = ("inkjet-720", "tablet-lcd-cheap", "monitor-tn-22", "laptop-glossy")
PARTS = {"train": (0.0, 0.5), "dev": (0.5, 0.62), "test": (0.62, 1.0)}  # of people and of rooms, by hash
OWNERS = ("18F", "google-ai-edge", "hukenovs")  # of real items: their photographs are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The recordings of a series with these numbers."""

    series: Photographs
    numbers: tuple[int, ...]

    def __call__(self, index: int) -> Simulated:
        return self.series(self.numbers[index])


def main() -> None:
    """Makes the four parts."""
    asked = _arguments()
    clip = read_settings("sgtd_e.toml").clip
    photographs = [
        one
        for one in load_photographs(asked.photographs, finder=FaceFinder.load(threads=1))
        if one.source.partition("/")[0] not in OWNERS
    ]
    rooms = sorted(asked.backgrounds.glob("*.jpg"))
    for number, (part, count) in enumerate(
        {"train": asked.train, "dev": asked.dev, "domain": asked.test, "instruments": asked.test}.items()
    ):
        where = part if part in PARTS else "test"
        series = Photographs(
            photographs=[one for one in photographs if _in(one.subject, where)],
            seed=1701 + number,
            backgrounds=[one for one in rooms if _in(room(one), where)],
            instruments=UNSEEN if part == "instruments" else KNOWN,
            models=_models(own=part == "domain"),
            frames=clip.frames,
            fps=1 / clip.stride_s,
            cache=asked.out / "mattes",
        )
        packing = Packing(recordings_a_shard=min(count, RECORDINGS_A_SHARD))
        whole = math.ceil(count / packing.recordings_a_shard) * packing.recordings_a_shard
        jitter = {} if part == "train" else {"scale_jitter": 0.0, "shift_jitter": 0.0}
        print(part, len({one.subject for one in series.photographs if isinstance(one, Photograph)}), "people")
        prepare(
            Simulations(series=Chosen(series=series, numbers=_numbers(series, part, whole))),
            asked.out / part,
            count=count,
            cutting=Cutting(clip=clip, seed=1, every_s=60.0, **jitter),
            packing=packing,
            jobs=asked.jobs,
            progress=partial(_tell, part),
        )


def _in(name: str, part: str) -> bool:
    """Whether that person or room belongs to the part."""
    low, high = PARTS[part]
    return low <= int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 < high


def _models(*, own: bool) -> dict[str, tuple[str, ...]]:
    """The models of each print and display: those of the unseen domain, or all others; masks are shared."""
    flat = {name: row.models for name, row in SHOWINGS.items() if not name.startswith("mask/")}
    chosen = {
        name: tuple(one for one in models if (one in OF_DOMAIN) == own) for name, models in flat.items()
    }
    return {name: models or flat[name] for name, models in chosen.items()}


def _numbers(series: Photographs, part: str, count: int) -> tuple[int, ...]:
    """Pairs of bona fide and attack whose camera belongs to the part."""
    pairs = (
        2 * pair
        for pair in itertools.count()
        if (series.occasion(2 * pair).camera.model == CAMERA) == (part == "domain")
    )
    return tuple(
        number for pair in itertools.islice(pairs, math.ceil(count / 2)) for number in (pair, pair + 1)
    )


def _tell(part: str, done: int, total: int) -> None:
    print(f"{part}: shard {done} of {total}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photographs", type=Path, nargs="+", required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--train", type=int, default=1200)
    parser.add_argument("--dev", type=int, default=240)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
