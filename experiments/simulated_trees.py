"""Simulated recordings in the layouts of nine data sets, to run the benchmarks across sets end to end.

    python -m experiments.simulated_trees --portraits DIR --backgrounds DIR --out OUT [--people 6 --seed 1]
    [--sets OCIM]

OUT/O, C, I, M, S, L, W, F and R hold files named as OULU-NPU, CASIA-FASD, Replay-Attack, MSU-MFSD, SiW-M,
CelebA-Spoof, WMCA, CeFA and CASIA-SURF name theirs, with the lists of those that come with lists, so that
`unmask prepare` and `unmask benchmark` take them for those. Nothing else in them is of those sets: the
people, the instruments, four places and their cameras, one for each of the first four sets, are the
simulator's, and no figure from them is one of the sets. Only colour is simulated: where a set has depth and
infrared, too, their folders hold the colour in grey. A file that is there is not made again.
"""

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import h5py
import numpy as np

from unmask.data.sets.celeba_spoof import LENGTH, SPOOF, TYPE
from unmask.data.sets.msu_mfsd import CLIENTS
from unmask.data.sets.siw_m import TYPES
from unmask.files import write_bytes
from unmask.media.encoding import write_video
from unmask.media.faces import FaceFinder
from unmask.simulate.people.subjects import load_portraits
from unmask.simulate.studio import Request, Studio

FPS, FRAMES, SIZE = 10.0, 8, (256, 256)
PLACES = {"O": "home", "C": "shop", "I": "office", "M": "lobby"}
CAMERAS = {"O": "new-phone", "C": "usb-webcam", "I": "laptop-webcam", "M": "terminal"}
OF_SIW_M = {"replay/screen": "replay/monitor", "print/paper": "print/matt"}  # the others are named alike
SHOWN = {"print": "print/photo", "replay": "replay/tablet"}  # of the sets with lists, but for CASIA-SURF
STATION = "WMCA_preprocessed_RGB/WMCA/face-station/12.02.18"


@dataclass(frozen=True, slots=True)
class Planned:
    """A file below OUT, or a folder of pictures: who is shown, and by what; `row` is what its list says."""

    path: str
    person: int
    instrument: str | None
    row: tuple[str, ...] = ()

    @property
    def letter(self) -> str:
        """That of its set."""
        return self.path[0]


def main() -> None:
    """Plans all files, makes those that are missing, and writes the lists."""
    asked = _arguments()
    planned = [one for one in planned_trees(asked.people) if one[1].letter in asked.sets]
    studio = Studio(
        portraits=load_portraits(asked.portraits, finder=FaceFinder.load(threads=1)),
        backgrounds=sorted(asked.backgrounds.glob("*.jpg")),
    )
    for done, (number, one) in enumerate(planned):
        path = asked.out / one.path
        if not path.exists():
            request = Request(
                subject=one.person,
                instrument=one.instrument,
                seed=asked.seed * 1_000_000 + number,
                frames=FRAMES if one.letter not in "LR" else 1,
                fps=FPS,
                camera=CAMERAS.get(one.letter),
                place=PLACES.get(one.letter),
                size=SIZE,
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            WRITERS[one.letter](path, studio.record(request).frames)
        if done % 20 == 0:
            print(f"{done} of {len(planned)}", flush=True)
    write_lists(asked.out, [one for _, one in planned])


def planned_trees(people: int) -> list[tuple[int, Planned]]:
    """All files of all sets, each with the number that its seed is made of."""
    return list(enumerate([*_ocim(people), *_siw_m(people), *_with_lists(people)]))


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
        for number in map(int, clients.split()[:people]):
            who = f"client{number:03d}"
            if number not in range(3, 10):  # the set's own phone holds some of these upside down
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


def _with_lists(people: int) -> Iterator[Planned]:
    """Two bona fide recordings, a print and a replay of each person of each part; CASIA-SURF has cut prints
    alone, two of each person.
    """
    at = 2000
    for number, part in enumerate(("train", "test")):
        for person in range(people):
            yield from _celeba_spoof(part, subject=1 + number * people + person, at=at)
            at += 1
    for number, part in enumerate(("train", "dev", "eval")):
        for person in range(people):
            yield from _wmca(part, client=1 + number * people + person, at=at)
            at += 1
    for first in (0, 200, 300):  # ids of train, dev and test
        for person in range(people):
            yield from _cefa(first + person, at=at)
            at += 1
    for number, part in enumerate(("Training", "Val", "Testing")):
        for person in range(people):
            yield from _casia_surf(part, subject=1 + number * people + person, at=at)
            at += 1


def _celeba_spoof(part: str, *, subject: int, at: int) -> Iterator[Planned]:
    for number, (kind, shown) in enumerate(((0, ""), (0, ""), (1, "print"), (8, "replay")), start=1):
        path = f"L/Data/{part}/{subject}/{'spoof' if shown else 'live'}/{number:06d}.png"
        yield Planned(path, at, SHOWN.get(shown), row=(part, path.removeprefix("L/"), str(kind)))


def _wmca(part: str, *, client: int, at: int) -> Iterator[Planned]:
    for session, kind, shown in ((1, 0, ""), (2, 0, ""), (1, 3, "print"), (1, 4, "replay")):
        who = client + 200 if shown else client  # an instrument is a client of its own
        name = f"{who:03d}_{session:02d}_{client:03d}_{kind}_01"
        row = (f"face-station/12.02.18/{name}", str(int(bool(shown))), "", part)
        yield Planned(f"W/{STATION}/{name}.hdf5", at, SHOWN.get(shown), row=row)


def _cefa(number: int, *, at: int) -> Iterator[Planned]:
    race, code = (("AF", 1), ("CA", 2), ("EA", 3))[number % 3]
    for session, attack, shown in ((1, 1, ""), (2, 1, ""), (1, 3, "print"), (1, 4, "replay")):
        name = f"{race}-{number:03d}/{code}_{number:03d}_1_{session}_{attack}"
        yield Planned(f"F/{race}/{name}", at, SHOWN.get(shown))


def _casia_surf(part: str, *, subject: int, at: int) -> Iterator[Planned]:
    for taken in (1, 2):
        for truth, kind in (("real_part", "real"), ("fake_part", "01_e_s")):
            path = f"{part}/{truth}/CLKJ_CS{subject:04d}/{kind}.rssdk/color/{taken}.jpg"
            columns = (path.replace("/color/", f"/{name}/") for name in ("color", "depth", "ir"))
            row = (part, " ".join((*columns, str(int(truth == "real_part")))))
            yield Planned(f"R/{path}", at, "print/cutout" if truth == "fake_part" else None, row=row)


def _video(path: Path, frames: Sequence[np.ndarray]) -> None:
    write_video(path, frames, fps=FPS)


def _picture(path: Path, frames: Sequence[np.ndarray]) -> None:
    cv2.imwrite(str(path), frames[0][..., ::-1])


def _hdf5(path: Path, frames: Sequence[np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        indexes = file.create_group("FrameIndexes")
        for number, frame in enumerate(frames):
            indexes[str(number)] = str(number)
            file.create_group(f"Frame_{number}")["array"] = frame.transpose(2, 0, 1)


def _modalities(path: Path, frames: Sequence[np.ndarray]) -> None:
    """A folder of pictures each for colour, depth and infrared."""
    for name in ("color", "depth", "ir"):
        (path / name).mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames, start=1):
            picture = frame if name == "color" else frame[..., 1:2].repeat(3, axis=2)
            cv2.imwrite(str(path / name / f"{number:04d}.jpg"), picture[..., ::-1])


def _three_pictures(path: Path, frames: Sequence[np.ndarray]) -> None:
    """A picture in the folder `color`, and in grey in the folders beside it."""
    for name in ("depth", "ir"):
        beside = path.parents[1] / name / path.name
        beside.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(beside), frames[0][..., 1])
    _picture(path, frames)


WRITERS: Mapping[str, Callable[[Path, Sequence[np.ndarray]], None]] = {
    **dict.fromkeys("OCIMS", _video),
    "L": _picture,
    "W": _hdf5,
    "F": _modalities,
    "R": _three_pictures,
}


def write_lists(out: Path, planned: Sequence[Planned]) -> None:
    """The lists of the sets that come with some."""
    rows = {letter: [one.row for one in planned if one.letter == letter] for letter in "LWR"}
    for part in sorted({part for part, *_ in rows["L"]}):
        labels = {path: _numbers(int(kind)) for its, path, kind in rows["L"] if its == part}
        write_bytes(out / f"L/metas/intra_test/{part}_label.json", json.dumps(labels).encode())
    if rows["W"]:
        table = io.StringIO()
        csv.writer(table).writerows([("path", "label", "attack", "group"), *rows["W"]])
        write_bytes(out / "W/PROTOCOL-grandtest.csv", table.getvalue().encode())
    names = {"Training": "train_list.txt", "Val": "val_private_list.txt", "Testing": "test_private_list.txt"}
    for part in sorted({part for part, *_ in rows["R"]}):
        lines = [line for its, line in rows["R"] if its == part]
        write_bytes(out / "R" / names[part], ("\n".join(lines) + "\n").encode())


def _numbers(kind: int) -> list[int]:
    """The numbers of a picture of CelebA-Spoof: type of attack, indoors in normal light, truth."""
    numbers = [0] * LENGTH
    numbers[TYPE : SPOOF + 1] = [kind, 1, 1, int(kind > 0)]
    return numbers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=6, help="of train and of test of each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", default="".join(WRITERS), help="letters of the sets to make")
    return parser.parse_args()


if __name__ == "__main__":
    main()
