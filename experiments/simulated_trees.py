"""Simulated recordings in the layouts of five data sets, to run the benchmarks across sets end to end.

    python -m experiments.simulated_trees --portraits DIR --backgrounds DIR --out OUT [--people 6 --seed 1]

OUT/O, C, I, M and S hold files named as OULU-NPU, CASIA-FASD, Replay-Attack, MSU-MFSD and SiW-M name theirs,
so that `unmask prepare` and `unmask benchmark` take them for those. Nothing else in them is of those sets:
the people, the instruments, four places and their cameras, one for each of the four sets, are the
simulator's, and no figure from them is one of the sets. A file that is there is not made again.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unmask.data.sets.msu_mfsd import CLIENTS
from unmask.data.sets.siw_m import TYPES
from unmask.media.encoding import write_video
from unmask.media.faces import FaceFinder
from unmask.simulate.people.subjects import load_portraits
from unmask.simulate.studio import Request, Studio

FPS, FRAMES, SIZE = 10.0, 8, (256, 256)
PLACES = {"O": "home", "C": "shop", "I": "office", "M": "lobby"}
CAMERAS = {"O": "new-phone", "C": "usb-webcam", "I": "laptop-webcam", "M": "terminal"}
OF_SIW_M = {"replay/screen": "replay/monitor", "print/paper": "print/matt"}  # the others are named alike


@dataclass(frozen=True, slots=True)
class Planned:
    """A file below OUT: who is shown, and by what."""

    path: str
    person: int
    instrument: str | None


def main() -> None:
    """Plans all files and makes those that are missing."""
    asked = _arguments()
    planned = [*_ocim(asked.people), *_siw_m(asked.people)]
    studio = Studio(
        portraits=load_portraits(asked.portraits, finder=FaceFinder.load(threads=1)),
        backgrounds=sorted(asked.backgrounds.glob("*.jpg")),
    )
    for number, one in enumerate(planned):
        path = asked.out / one.path
        if not path.is_file():
            letter = one.path[0]
            request = Request(
                subject=one.person,
                instrument=one.instrument,
                seed=asked.seed * 1_000_000 + number,
                frames=FRAMES,
                fps=FPS,
                camera=CAMERAS.get(letter),
                place=PLACES.get(letter),
                size=SIZE,
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, studio.record(request).frames, fps=FPS)
        if number % 20 == 0:
            print(f"{number} of {len(planned)}", flush=True)


def _ocim(people: int) -> Iterator[Planned]:
    """Two bona fide recordings, a print and a replay of each person of each part."""
    at = 0
    for part, first in {"Train": 1, "Dev": 21, "Test": 36}.items():
        for user in range(first, first + (people if part != "Dev" else 3)):
            for phone, file, instrument in (
                (1, 1, None),
                (2, 1, None),
                (1, 2, "print/matt"),
                (1, 4, "replay/monitor"),
            ):
                yield Planned(f"O/{part}_files/{phone}_1_{user:02d}_{file}.mp4", at, instrument)
            at += 1
    for part in ("train", "test"):
        for person in range(1, people + 1):
            for stem, instrument in (
                ("1", None),
                ("2", None),
                ("3", "print/crumpled"),
                ("7", "replay/tablet"),
            ):
                yield Planned(f"C/{part}_release/{person}/{stem}.mp4", at, instrument)
            at += 1
    for part, first in {"train": 1, "devel": 21, "test": 41}.items():
        for client in range(first, first + (people if part != "devel" else 3)):
            who = f"client{client:03d}_session01"
            for light in ("controlled", "adverse"):
                yield Planned(f"I/{part}/real/{who}_webcam_authenticate_{light}_1.mp4", at, None)
            shown = f"I/{part}/attack/fixed/attack_{{}}_{who}_highdef_photo_adverse.mp4"
            yield Planned(shown.format("print"), at, "print/glossy")
            yield Planned(shown.format("mobile"), at, "replay/phone")
            at += 1
    for clients in CLIENTS.values():
        for client in clients.split()[:people]:
            who = f"client{int(client):03d}"
            if int(client) not in range(3, 10):  # the set's own phone holds some of these upside down
                yield Planned(f"M/scene01/real/real_{who}_android_SD_scene01.mp4", at, None)
            yield Planned(f"M/scene01/real/real_{who}_laptop_SD_scene01.mp4", at, None)
            attack = f"M/scene01/attack/attack_{who}_laptop_SD_{{}}_scene01.mp4"
            yield Planned(attack.format("printed_photo"), at, "print/photo")
            yield Planned(attack.format("ipad_video"), at, "replay/tablet")
            at += 1


def _siw_m(people: int) -> Iterator[Planned]:
    """As many attacks of each type as `people`; four times as many bona fide in train, twice in test."""
    at = 1000
    for part, count in (("Train", 4 * people), ("Test", 2 * people)):
        for number in range(count):
            yield Planned(f"S/Live/{part}/Live_{part}_{number:03d}.mp4", at, None)
            at += 1
    for folder, instrument in TYPES.items():
        for number in range(people):
            name = f"{folder.replace('/', '_')}_{number:03d}"
            yield Planned(f"S/{folder}/{name}.mp4", at + number, OF_SIW_M.get(instrument, instrument))
        at += people


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=6, help="of train and of test of each set")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
