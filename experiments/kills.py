"""Long commands killed at random moments and begun again: the same bytes as an unbroken run.

    python -m experiments.kills [--kills 200] [--seed 7] [--only prepare ...] [--out build/kills.csv]

`prepare`, `score`, `simulate`, `train` and `calibrate` run whole, as a user calls them, on small inputs of
our own. Their process group gets SIGKILL after a random part of the time that an unbroken run takes, and the
command is given again, up to four times; then it may end, and every file that it leaves is compared (of a
training run all but what says when and where it ran: its environment and TensorBoard's log). All runs of a
command write to the same folder, since a model's contract cites the command that made it. One process
imports everything and is forked for each start, so that a start costs no seconds. Exits 1 on any difference
or any left-over part.
"""

import argparse
import csv
import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage import data

from unmask.media.images import write_image
from unmask.media.video import write_video

SHARES = {"prepare": 0.25, "score": 0.25, "calibrate": 0.2, "simulate": 0.15, "train": 0.15}
COLUMNS = ("command", "folder", "kills", "seconds", "same", "left")
OWN = ("environment.json", "events.out.tfevents.*")  # of a training run: when it was begun, and where
TINY = ("clip.size_px=128", "batches.size=2", "run.save_every=2", "evaluation.every=3", "evaluation.batch=2")
CUT = "--clip-frames 1 --clip-size 128 --clip-scale 2.8 --jobs 1"


@dataclass(frozen=True, kw_only=True)
class Command:
    """`first` starts it in an empty folder, `again` goes on; both hold {out}, the folder to write to."""

    first: str
    again: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="+", default=list(SHARES), choices=list(SHARES))
    parser.add_argument("--out", type=Path, default=Path("build/kills.csv"))
    asked = parser.parse_args()
    import_all(asked.only)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    begun = not asked.out.exists()
    bad = 0
    with tempfile.TemporaryDirectory() as folder, asked.out.open("a", newline="") as table:
        rows = csv.writer(table, lineterminator="\n")
        if begun:
            rows.writerow(COLUMNS)
        commands = made_inputs(Path(folder), asked.only)
        for name in asked.only:
            bad += campaign(
                name,
                commands[name],
                Path(folder),
                kills=round(asked.kills * SHARES[name]),
                rng=np.random.default_rng([asked.seed, *name.encode()]),
                tell=lambda row: (rows.writerow(row), table.flush()),
            )
    return 1 if bad else 0


def campaign(
    name: str,
    command: Command,
    base: Path,
    *,
    kills: int,
    rng: np.random.Generator,
    tell: Callable[[list[object]], object],
) -> int:
    """Kill one command so many times; how many folders came out otherwise than unbroken."""
    out = base / f"{name}-out"
    since_s = time.monotonic()
    if start(command.first, out)() != 0:
        print(f"{name}: an unbroken run fails")
        return 1
    longest_s, wanted = time.monotonic() - since_s, hashes(out)
    print(f"{name}: {len(wanted)} files in {longest_s:.1f} s unbroken", flush=True)
    done = bad = number = 0
    while done < kills:
        number += 1
        shutil.rmtree(out, ignore_errors=True)
        begun_s, killed = time.monotonic(), 0
        line = command.first
        for _ in range(int(rng.integers(1, 5))):
            if done + killed == kills or not killed_after(line, out, rng.uniform(0, longest_s)):
                break
            killed += 1
            line = command.again if list(out.rglob("settings.toml")) else command.first
        line = command.again if list(out.rglob("settings.toml")) else command.first
        code = 0 if hashes(out) == wanted else start(line, out)()
        found = hashes(out)
        left = [path for path in found if path.endswith(".part")]
        same = code == 0 and found == wanted
        bad += not same
        done += killed
        if killed or not same:  # else it had ended before it could be killed, which says nothing
            tell([name, number, killed, f"{time.monotonic() - begun_s:.1f}", same, " ".join(left)])
        if not same:
            differing = sorted({path for path, _ in set(found.items()) ^ set(wanted.items())})
            print(f"{name} {number}: exit code {code}, differing: {differing}", flush=True)
    print(f"{name}: {done} kills in {number} folders, {bad} otherwise than unbroken", flush=True)
    return bad


def start(line: str, out: Path) -> Callable[[], int]:
    """The command in a process group of its own; the answer waits for its exit code."""
    child = fork(line, out)
    return lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_after(line: str, out: Path, seconds: float) -> bool:
    """Whether it was killed; False where it had ended before."""
    child = fork(line, out)
    time.sleep(seconds)
    os.killpg(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def fork(line: str, out: Path) -> int:
    """The number of a child that runs `unmask LINE`."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        while os.getpgid(child) != child:  # until it can be killed with all that it starts
            time.sleep(0.001)
        return child
    os.setpgid(0, 0)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 1)
    if not os.environ.get("UNMASK_DEBUG"):
        os.dup2(quiet, 2)
    from unmask.app.cli import main as run

    sys.argv = ["unmask", *line.format(out=out).split()]
    try:
        run()
    except SystemExit as ends:
        os._exit(int(ends.code or 0))
    finally:
        os._exit(70)


def import_all(only: Sequence[str]) -> None:
    """What these commands import when they are called, here once for all."""
    import onnx  # noqa: F401
    import openvino  # noqa: F401

    import unmask.app.calibrate
    import unmask.app.cli
    import unmask.app.prepare
    import unmask.app.score
    import unmask.app.simulate

    if "train" in only:
        import lightning  # noqa: F401
        import torch

        import unmask.app.train  # noqa: F401

        torch.set_num_threads(1)


def made_inputs(base: Path, only: Sequence[str]) -> dict[str, Command]:
    """Recordings, pictures, a model, for `train` a prepared set; and what is called on them."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from tiny_models import FEATURES, linear_model

    model = linear_model(base / "tiny.onnx", weight=np.full(FEATURES, 0.05))
    recordings(base / "videos")
    captures(base / "captures", people=24)
    for part in ("train", "dev") if "train" in only else ():
        captures(base / f"pics-{part}", people=2, named=part)
        if start(f"prepare folder {base}/pics-{part} --out {{out}} {CUT}", base / f"all-{part}")() != 0:
            raise SystemExit("the set for training cannot be prepared")
        (base / "set").mkdir(exist_ok=True)
        (base / "set" / part).symlink_to(next((base / f"all-{part}").rglob("spec.json")).parent)
    settings = " ".join(f"--set {setting}" for setting in TINY)
    train = f"train --config sgtd_s_single --data {base}/set --out {{out}} --steps 6 {settings}"
    lines = {
        "prepare": f"prepare folder {base}/videos --out {{out}} --shard 1 {CUT}",
        "score": f"score {base}/videos --out {{out}}/s.csv --clips {{out}}/c.csv --model {model} --jobs 1",
        "calibrate": f"calibrate {model} {base}/captures --out {{out}}/mine.onnx --jobs 1",
        "simulate": "simulate --out {out} --subjects 2 --clips 2 --seed 5 --jobs 1",
    }
    commands = {name: Command(first=line, again=line) for name, line in lines.items()}
    commands["train"] = Command(first=train, again=f"{train} --resume")
    return commands


def recordings(root: Path) -> None:
    """Four short videos of a photograph that wanders."""
    root.mkdir()
    face = data.astronaut()[:320, 80:400]
    rows = ["path,label,instrument,subject"]
    for n in range(4):
        write_video(root / f"{n}.mp4", [np.roll(face, 3 * k + n, axis=1) for k in range(6)], fps=10)
        rows.append(f"{n}.mp4,{'attack,print/a4' if n % 2 else 'bona_fide,'},s{n}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")


def captures(root: Path, *, people: int, named: str = "") -> None:
    """Two pictures of each of so many people, bright ones bona fide."""
    root.mkdir()
    face = data.astronaut()[:320, 80:400]
    rng, rows = np.random.default_rng(3), ["path,label,instrument,subject,split"]
    for n in range(people):
        for label, gain in (("bona_fide,", 1.0), ("attack,print/a4", 0.75)):
            name = f"{n}{label[0]}.png"
            light = np.clip(face * gain * rng.uniform(0.85, 1.1), 0, 255).astype(np.uint8)
            write_image(root / name, np.roll(light, n % 20, axis=1))
            rows.append(f"{name},{label},{named}{n},{named}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")


def hashes(out: Path) -> dict[str, str]:
    """File below `out` -> SHA-256 of its content."""
    files = [path for path in out.rglob("*") if path.is_file() and not any(map(path.match, OWN))]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


if __name__ == "__main__":
    sys.exit(main())
