"""How often challenges accept and refuse living people and attacks, simulated before a flashing screen.

Each recording is made once and kept as numbers, so that a run can be interrupted and resumed; judging them
all takes a minute. Portraits and rooms are folders of pictures, as for `unmask simulate`; drawn ones without.

    python -m experiments.challenges light --out DEV [--portraits P --half 0 --backgrounds B --people 40]
    python -m experiments.challenges light --out LIGHT [--portraits P --half 1 ... --seed 900011]
    python -m experiments.challenges head --out HEAD [--portraits P --half 1 ... --seed 900011]
    python -m experiments.challenges report --out LIGHT --head HEAD [--dev DEV --csv results/challenges.csv]
"""

import argparse
import csv
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.challenges.head import DEPTH_LEAST, LEAST_TURNS, HeadChallenge, HeadJudge, read
from unmask.challenges.injection import injection_hints
from unmask.challenges.light import PRIMARIES, LightChallenge, LightJudge, LightLimits
from unmask.challenges.parallax import Parallax, PointTracker, parallax
from unmask.challenges.result import ChallengeResult
from unmask.challenges.samples import Sample, sample
from unmask.challenges.sequence import LAG_STEP_S, false_acceptance
from unmask.media.faces import FaceFinder
from unmask.media.tracks import Tracker
from unmask.metrics.intervals import rate
from unmask.serve.attempts import decoded
from unmask.serve.signals import FRAMES, middle
from unmask.simulate.flashes import FlashedRecording, record_flashed
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.subjects import Portrait, load_portraits, procedural_portrait
from unmask.simulate.studio import Request, Simulated, Studio
from unmask.simulate.turns import SHEETS, Turns, draw_turns, record_turned
from unmask.types import Face, Frame, Reason, Verdict

FPS, SECONDS, SCALE = 15.0, 5.4, 0.6  # 384 x 288 pixels
PAGE_QUALITY = 92  # of web/src/camera.ts
# For each group of living people: what is asked of the recording beyond the default.
GROUPS: dict[str, dict] = {
    "any": {},
    "bright": {"room": 8.0},
    "dark-skin": {"dark": True},
    "glasses": {"glasses": True},
    "far": {"face_share": 0.19},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One recording: bona fide of a group of GROUPS, or an instrument."""

    group: str
    number: int
    seed: int

    @property
    def name(self) -> str:
        """That of its file."""
        return f"{self.group.replace('/', '_')}-{self.number:03d}"


def main() -> None:
    wanted = _arguments()
    if wanted.mode == "report":
        report(wanted)
        return
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
    if wanted.portraits and wanted.half is not None:
        names = {path.stem for path in sorted(wanted.portraits.glob("*.jpg"))[wanted.half :: 2]}
        portraits = [one for one in portraits if one.name in names]
    backgrounds = sorted(wanted.backgrounds.glob("*.jpg")) if wanted.backgrounds else []
    studio = Studio(portraits=portraits, backgrounds=backgrounds, cache=wanted.out / "cache")
    people = People.of(portraits, seed=wanted.seed)
    wished = jobs(wanted.mode, wanted.people, wanted.attacks, seed=wanted.seed)
    for job in wished[wanted.part :: wanted.parts]:
        path = wanted.out / f"{job.name}.{'npz' if wanted.mode == 'light' else 'json'}"
        if path.exists():
            continue
        if wanted.mode == "light":
            keep(path, *recorded(job, studio, people), finder=finder)
        else:
            keep_head(path, *head_recorded(job, studio, people), finder=finder)
        print(job.name, flush=True)


@dataclass(frozen=True, slots=True)
class People:
    """Numbers of portraits: all, and the sixth with the darkest skin, each mixed by the seed."""

    all: np.ndarray
    darkest: np.ndarray

    @classmethod
    def of(cls, portraits: Sequence[Portrait], *, seed: int) -> "People":
        """Those portraits' numbers."""
        rng = np.random.default_rng([seed, 4])
        darkest = np.argsort([skin(one) for one in portraits])[: max(1, len(portraits) // 6)]
        return cls(rng.permutation(len(portraits)), rng.permutation(darkest))

    def of_job(self, job: Job, *, dark: bool = False) -> int:
        """Who is shown: another person in each recording of a group, as long as there are others."""
        chosen = self.darkest if dark else self.all
        begin = zlib.crc32(job.group.encode())
        return int(chosen[(begin + job.number) % len(chosen)])


def recorded(job: Job, studio: Studio, people: People) -> tuple[LightChallenge, FlashedRecording]:
    """The recording of that job."""
    row = dict(GROUPS.get(job.group, {}))
    rng = np.random.default_rng(job.seed)
    dark, share = row.pop("dark", False), row.pop("face_share", None)
    request = Request(
        subject=people.of_job(job, dark=dark),
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


def head_recorded(job: Job, studio: Studio, people: People) -> tuple[HeadChallenge, Turns, Simulated]:
    """The recording of somebody who makes the turns, or of a sheet that is turned."""
    rng = np.random.default_rng(job.seed)
    challenge = HeadChallenge.draw(rng)
    turns = draw_turns(rng, challenge.order)
    ends_s = turns.asked_s[-1] + turns.late_s[-1] + 2 * turns.there_s + turns.stays_s
    request = Request(
        subject=people.of_job(job),
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
    frames = [as_sent(image) for image in made.frames]
    for index, asked_s in enumerate(turns.asked_s):
        judge.shown(index, 1000 * float(asked_s))
    for index, (image, time_s) in enumerate(zip(frames, made.times_s, strict=True)):
        seen = tracker.update(Frame(image, float(time_s), index))
        faces.append(seen[0][1] if seen else None)
        judge.push(Frame(image, float(time_s) + 0.1, index), faces[-1])
    depths = [
        found
        for begin_s in turns.asked_s + turns.late_s
        if (found := moved_between(frames, made.times_s, faces, begin_s, begin_s + turns.there_s)) is not None
    ]
    told = judge.decide().to_dict()
    told["hints"] = hints_of(frames)
    told["subject"] = made.subject
    told["true_turns"] = [[round(one.depth, 4), round(one.sure, 2)] for one in depths]
    path.with_suffix(".part").write_text(json.dumps(told))
    path.with_suffix(".part").rename(path)


def as_sent(image: np.ndarray) -> np.ndarray:
    """The picture as the service has it from the page's JPEG."""
    packed = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, PAGE_QUALITY])[1]
    return decoded(packed.tobytes(), side_px=max(image.shape[:2]))


def hints_of(frames: Sequence[np.ndarray]) -> list[str]:
    """What the service would say of injection, by the pictures alone: times and cameras are simulated."""
    return [hint.code for hint in injection_hints([], frames=[middle(image) for image in frames[:FRAMES]])]


def moved_between(
    frames: Sequence[np.ndarray],
    times_s: np.ndarray,
    faces: Sequence[Face | None],
    begin_s: float,
    end_s: float,
) -> Parallax | None:
    """The parallax from one moment to another; None where the face was not found at first, or points were
    lost.
    """
    first, last = (int(np.abs(times_s - moment).argmin()) for moment in (begin_s, end_s))
    face = faces[first]
    if face is None:
        return None
    points = PointTracker(frames[first], face)
    for image in frames[first + 1 : last + 1]:
        points.follow(image)
    moved = points.moved()
    return None if moved is None else parallax(moved)


COLUMNS = ("test", "group", "recordings", "live", "attack", "undecided", "rate_from", "rate_to", "reasons")
LATE_S = 0.7
TURN_SURE = 3.0  # of a single turn, in the table alone
CODE_LENGTHS = (4, 6, 8, 10, 12, 16)


def report(wanted: argparse.Namespace) -> None:
    """The rates of all recordings, as CSV and on the terminal; rows of tests that are not given stay."""
    rows = [*light_rows(wanted.out), *(light_rows(wanted.dev, chose=True) if wanted.dev else ())]
    if wanted.head:
        rows += [*head_rows(wanted.head), *hint_rows(wanted.out, wanted.head)]
    rows += code_rows()
    if wanted.csv.exists():
        given = {row["test"] for row in rows}
        with wanted.csv.open(newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["test"] not in given]
    with wanted.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print("  ".join(f"{row.get(name, '')!s:>12}" for name in COLUMNS))


def light_rows(folder: Path, *, chose: bool = False) -> Iterator[dict]:
    """A row a group; then the living again, held against the colours of another session, and late.

    `chose`: the limits were chosen on these recordings.
    """
    found: dict[tuple[str, str], list[ChallengeResult]] = defaultdict(list)
    rng = np.random.default_rng(99)
    for path in sorted(folder.glob("*.npz")):
        group, _ = path.stem.rsplit("-", 1)
        kept = np.load(path)
        own = LightChallenge(indices=tuple(int(index) for index in kept["indices"]))
        found["light, chose limits" if chose else "light", group].append(judged(kept, own))
        if group in GROUPS and not chose:
            found["light", "bona_fide: another session's colours"].append(
                judged(kept, LightChallenge.draw(rng))
            )
            found["light", f"bona_fide: {LATE_S} s late"].append(judged(kept, own, late_s=LATE_S))
    for (test, group), results in found.items():
        yield row_of(test, group, [result.to_dict() for result in results])


def judged(
    kept: Mapping[str, np.ndarray], challenge: LightChallenge, *, late_s: float = 0.0
) -> ChallengeResult:
    """The judge's word on what was kept of a recording."""
    judge = LightJudge(challenge)
    for index, shown_s in enumerate(kept["shown_s"]):
        judge.shown(index, 1000 * (float(shown_s) - late_s))
    for time_s, skin_light, ring, mesh in zip(
        kept["times_s"], kept["skin"], kept["ring"], kept["mesh"], strict=True
    ):
        judge.take(Sample(time_s=float(time_s), skin=skin_light, ring=ring, mesh=mesh.astype(np.float32)))
    return judge.decide()


def head_rows(folder: Path) -> Iterator[dict]:
    """A row a group; then what parallax says by itself, as if every turn had been seen by the mesh, and how
    often a single turn showed the depth of a head.
    """
    found: dict[str, list[dict]] = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        found[path.stem.rsplit("-", 1)[0]].append(reread(json.loads(path.read_text())))
    for group, told in found.items():
        yield row_of("head", group, told)
    for group, told in found.items():
        yield row_of("parallax alone", group, [by_parallax(one["true_turns"]) for one in told])
    for group, told in found.items():
        turns = [turn for one in told for turn in one["true_turns"]]
        deep = sum(depth >= DEPTH_LEAST and sure >= TURN_SURE for depth, sure in turns)
        share = rate(deep, len(turns))
        yield {
            "test": "parallax of a turn", "group": group, "recordings": len(turns), "live": deep,
            "rate_from": f"{share.low:.3f}", "rate_to": f"{share.high:.3f}",
        }  # fmt: skip


def reread(told: dict) -> dict:
    """What was kept of a recording with the verdict that today's limits give it."""
    if told["reasons"] == [str(Reason.WRONG_TURNS)]:
        return {**told, "verdict": str(Verdict.UNDECIDED)}
    measured = told["evidence"]["parallax"]
    if told["evidence"]["turns_made"] < len(told["evidence"]["order"]) or len(measured) < LEAST_TURNS:
        return told
    turns = [Parallax(**{key: value for key, value in one.items() if key != "noise"}) for one in measured]
    verdict, reasons = read(turns)
    return {**told, "verdict": str(verdict), "reasons": [str(reason) for reason in reasons]}


def by_parallax(turns: Sequence[tuple[float, float]]) -> dict:
    """The verdict on the parallax of those turns: depth and how sure it is, each."""
    if len(turns) < LEAST_TURNS:
        return {"verdict": str(Verdict.UNDECIDED), "reasons": [str(Reason.EVIDENCE_WEAK)]}
    # plane, sheet and points say nothing to the verdict
    found = [Parallax(plane=0.0, sheet=0.0, depth=depth, sure=sure, points=0) for depth, sure in turns]
    verdict, reasons = read(found)
    return {"verdict": str(verdict), "reasons": [str(reason) for reason in reasons]}


def hint_rows(light: Path, head: Path) -> Iterator[dict]:
    """How often recordings that a camera took are hinted at as injected, whatever they show."""
    told = [list(np.load(path)["hints"]) for path in sorted(light.glob("*.npz"))]
    told += [json.loads(path.read_text())["hints"] for path in sorted(head.glob("*.json"))]
    for code in ("NO_SENSOR_NOISE", "COMPRESSED_BEFORE", "DOUBLED_FRAMES"):
        share = rate(sum(code in hints for hints in told), len(told))
        yield {
            "test": "false hint", "group": code, "recordings": len(told), "attack": share.errors,
            "rate_from": f"{share.low:.3f}", "rate_to": f"{share.high:.3f}",
        }  # fmt: skip


def code_rows() -> Iterator[dict]:
    """The chance of a video that knows nothing, by the number of colours, at most."""
    lags = int(LightLimits().latest_s / LAG_STEP_S) + 1
    for steps in CODE_LENGTHS:
        for mistakes in (0, 1, 2):
            bound = false_acceptance(steps=steps, choices=len(PRIMARIES), mistakes=mistakes, lags=lags)
            yield {"test": "code", "group": f"{steps} colours, {mistakes} wrong", "rate_to": f"{bound:.2e}"}


def row_of(test: str, group: str, told: Sequence[Mapping]) -> dict:
    """A row of the verdicts in those results."""
    verdicts = Counter(one["verdict"] for one in told)
    reasons = Counter(reason for one in told for reason in one["reasons"])
    share = rate(verdicts["LIVE"], len(told))
    return {
        "test": test,
        "group": group,
        "recordings": len(told),
        "live": verdicts["LIVE"],
        "attack": verdicts["ATTACK"],
        "undecided": verdicts["UNDECIDED"],
        "rate_from": f"{share.low:.3f}",
        "rate_to": f"{share.high:.3f}",
        "reasons": " ".join(f"{reason}:{count}" for reason, count in reasons.most_common()),
    }


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
    frames = [as_sent(image) for image in recording.frames]
    for index, (image, time_s) in enumerate(zip(frames, recording.times_s, strict=True)):
        seen = tracker.update(Frame(image, float(time_s), index))
        if seen:
            samples.append(sample(image, seen[0][1], time_s=float(time_s)))
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
            subject=recording.subject,
            hints=np.array(hints_of(frames), str),
            on_face=made.on_face,
            room=made.room,
            light=recording.light,
            camera=recording.camera,
            adaptation=np.array([made.adaptation.exposure_s, made.adaptation.balance_s]),
        )
    path.with_suffix(".part").rename(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("mode", choices=["light", "head", "report"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--attacks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--head", type=Path, help="of report: the folder of head recordings")
    parser.add_argument("--csv", type=Path, default=Path("results/challenges.csv"))
    parser.add_argument("--half", type=int, choices=[0, 1], help="every second portrait, by name")
    parser.add_argument("--dev", type=Path, help="of report: light recordings that chose the limits")
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
