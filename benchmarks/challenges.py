"""How often challenges accept and refuse living people and attacks, simulated before a flashing screen.

Each recording is made once and kept as numbers, so that a run can be interrupted and resumed; judging them
all takes a minute. Portraits and rooms are folders of pictures, as for `unmask simulate`; drawn ones without.

    python benchmarks/challenges.py --out FOLDER [--portraits P --backgrounds B] [--people 40] [--attacks 40]
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.challenges.head import HeadChallenge, HeadJudge
from unmask.challenges.injection import injection_hints
from unmask.challenges.light import LightChallenge
from unmask.challenges.parallax import Parallax, PointTracker, parallax
from unmask.challenges.samples import sample
from unmask.media.faces import FaceFinder
from unmask.media.tracks import Tracker
from unmask.simulate.flashes import FlashedRecording, record_flashed
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.subjects import Portrait, load_portraits, procedural_portrait
from unmask.simulate.studio import Request, Simulated, Studio
from unmask.simulate.turns import SHEETS, Turns, draw_turns, record_turned
from unmask.types import Face, Frame

FPS, SECONDS, SCALE = 10.0, 5.4, 0.42  # 269 x 202 pixels
# Of each group of living people: what is asked of the recording beyond the default.
GROUPS: dict[str, dict] = {
    "any": {},
    "bright": {"room": 8.0},
    "dark-skin": {"dark": True},
    "glasses": {"glasses": True},
    "far": {"face_share": 0.19, "scale": 0.6},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One recording: bona fide of a group of GROUPS, or an instrument."""

    group: str
    number: int
    seed: int

    @property
    def name(self) -> str:
        """Its file's."""
        return f"{self.group.replace('/', '_')}-{self.number:03d}"


def main() -> None:
    wanted = _arguments()
    wanted.out.mkdir(parents=True, exist_ok=True)
    make(wanted)


def jobs(mode: str, people: int, attacks: int, *, seed: int) -> list[Job]:
    """All recordings, mixed, so that an interrupted run has some of each."""
    names, instruments = (GROUPS, INSTRUMENTS) if mode == "light" else (["turning"], SHEETS)
    groups = [(group, people) for group in names] + [(name, attacks) for name in instruments]
    found = [
        Job(group=group, number=n, seed=seed + 1000 * k + n)
        for k, (group, count) in enumerate(groups)
        for n in range(count)
    ]
    return sorted(found, key=lambda job: (job.number, job.seed))


def make(wanted: argparse.Namespace) -> None:
    """Make what is not there yet."""
    finder = FaceFinder.load(threads=1)
    portraits = (
        load_portraits(wanted.portraits, finder=finder)
        if wanted.portraits
        else [procedural_portrait(np.random.default_rng(n)) for n in range(12)]
    )
    backgrounds = sorted(wanted.backgrounds.glob("*.jpg")) if wanted.backgrounds else []
    studio = Studio(portraits=portraits, backgrounds=backgrounds, cache=wanted.out / "cache")
    darkest = np.argsort([skin(one) for one in portraits])[: max(1, len(portraits) // 6)]
    wished = jobs(wanted.mode, wanted.people, wanted.attacks, seed=wanted.seed)
    for job in wished[wanted.part :: wanted.parts]:
        path = wanted.out / f"{job.name}.{'npz' if wanted.mode == 'light' else 'json'}"
        if path.exists():
            continue
        if wanted.mode == "light":
            keep(path, *recorded(job, studio, darkest=darkest), finder=finder)
        else:
            keep_head(path, *head_recorded(job, studio), finder=finder)
        print(job.name, flush=True)


def recorded(job: Job, studio: Studio, *, darkest: Sequence[int]) -> tuple[LightChallenge, FlashedRecording]:
    """The recording of that job."""
    row = dict(GROUPS.get(job.group, {}))
    rng = np.random.default_rng(job.seed)
    dark, share = row.pop("dark", False), row.pop("face_share", None)
    subject = int(rng.choice(darkest)) if dark else int(rng.integers(len(studio.portraits)))
    request = Request(
        subject=subject,
        instrument=job.group if job.group in INSTRUMENTS else None,
        seed=job.seed,
        frames=round(SECONDS * FPS),
        fps=FPS,
        face_share=share,
    )
    challenge = LightChallenge.draw(rng)
    row = {"scale": SCALE, **row}
    made = record_flashed(studio, request, challenge.colours, hold_s=challenge.hold_ms / 1000, **row)
    return challenge, made


def head_recorded(job: Job, studio: Studio) -> tuple[HeadChallenge, Turns, Simulated]:
    """The recording of somebody who makes the turns, or of a sheet that is turned."""
    rng = np.random.default_rng(job.seed)
    challenge = HeadChallenge.draw(rng)
    turns = draw_turns(rng, challenge.order)
    ends_s = turns.asked_s[-1] + turns.late_s[-1] + 2 * turns.there_s + turns.stays_s
    request = Request(
        subject=int(rng.integers(len(studio.portraits))),
        instrument=None,
        seed=job.seed,
        frames=round((ends_s + 0.3) * FPS),
        fps=FPS,
    )
    sheet = job.group if job.group in SHEETS else None
    return challenge, turns, record_turned(studio, request, turns, sheet=sheet, scale=SCALE)


def keep_head(
    path: Path, challenge: HeadChallenge, turns: Turns, made: Simulated, *, finder: FaceFinder
) -> None:
    """What the judge says, and the parallax of every turn that was truly made, seen by the mesh or not."""
    tracker, judge, faces = Tracker(finder), HeadJudge(challenge), []
    for index, asked_s in enumerate(turns.asked_s):
        judge.shown(index, 1000 * float(asked_s))
    for index, (image, time_s) in enumerate(zip(made.frames, made.times_s, strict=True)):
        seen = tracker.update(Frame(image, float(time_s), index))
        faces.append(seen[0][1] if seen else None)
        judge.push(Frame(image, float(time_s) + 0.1, index), faces[-1])
    depths = [
        found
        for begin_s in turns.asked_s + turns.late_s
        if (found := moved_between(made, faces, begin_s, begin_s + turns.there_s)) is not None
    ]
    told = judge.decide().to_dict()
    told["true_turns"] = [[round(one.depth, 4), round(one.sure, 2)] for one in depths]
    path.with_suffix(".part").write_text(json.dumps(told))
    path.with_suffix(".part").rename(path)


def moved_between(
    made: Simulated, faces: Sequence[Face | None], begin_s: float, end_s: float
) -> Parallax | None:
    """The parallax from one moment to another; None where the face was not found at first, or points were
    lost.
    """
    first, last = (int(np.abs(made.times_s - moment).argmin()) for moment in (begin_s, end_s))
    face = faces[first]
    if face is None:
        return None
    points = PointTracker(made.frames[first], face)
    for image in made.frames[first + 1 : last + 1]:
        points.follow(image)
    moved = points.moved()
    return None if moved is None else parallax(moved)


def skin(portrait: Portrait) -> float:
    """How light its skin is: the median grey value of cheeks and forehead."""
    points = np.rint(portrait.mesh[[50, 280, 151, 205, 425], :2]).astype(int)
    height, width = portrait.image.shape[:2]
    x, y = np.clip(points[:, 0], 0, width - 1), np.clip(points[:, 1], 0, height - 1)
    return float(np.median(portrait.image[y, x].mean(axis=1)))


def keep(path: Path, challenge: LightChallenge, made: FlashedRecording, *, finder: FaceFinder) -> None:
    """The recording's samples and truth as numbers."""
    recording = made.recording
    tracker, samples = Tracker(finder), []
    for index, (image, time_s) in enumerate(zip(recording.frames, recording.times_s, strict=True)):
        seen = tracker.update(Frame(image, float(time_s), index))
        if seen:
            samples.append(sample(image, seen[0][1], time_s=float(time_s)))
    hints = [hint.code for hint in injection_hints([], frames=recording.frames[:30])]
    with path.with_suffix(".part").open("wb") as file:
        np.savez_compressed(
            file,
            times_s=np.array([one.time_s for one in samples]),
            skin=np.array([one.skin for one in samples]),
            ring=np.array([one.ring for one in samples]),
            mesh=np.array([one.mesh for one in samples], np.float16),
            indices=np.array(challenge.indices),
            shown_s=made.shown_s,
            latency_s=made.latency_s,
            frames=len(recording.frames),
            on_face=made.on_face,
            room=made.room,
            light=recording.light,
            camera=recording.camera,
            adaptation=np.array([made.adaptation.exposure_s, made.adaptation.balance_s]),
            hints=np.array(hints, dtype="U24"),
        )
    path.with_suffix(".part").rename(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("mode", choices=["light", "head"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--attacks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
