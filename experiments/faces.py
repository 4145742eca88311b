"""Our face finder and MediaPipe 0.10.21's face-mesh solution, side by side on this machine.

    python -m experiments.faces --pictures FOLDER [--mediapipe-env FOLDER]

Makes an environment with mediapipe==0.10.21 if the folder has none (pip), then prints the time of a tracked
frame of a 720p sequence, ours against theirs in turns, and how far the landmarks lie apart on the pictures of
the folder, in per cent of the distance between the outer corners of the eyes. Exits 1 where an aim is missed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from unmask.media.faces import LEFT_EYE, RIGHT_EYE, FaceFinder
from unmask.media.images import read_image
from unmask.media.video import read_video
from unmask.types import Face, UnmaskError

WHEEL = "mediapipe==0.10.21"
FRAMES = 120
ROUNDS = 4
AIM_SPEED_UP = 2.0
AIM_DIFFERENCE_PERCENT = 2.0
PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".gif"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--mediapipe-env", type=Path, default=Path(tempfile.gettempdir()) / "mediapipe-env")
    arguments = parser.parse_args()
    python = environment(arguments.mediapipe_env)
    finders = {f"ours, {n} thread": FaceFinder.load(threads=n) for n in (1, 2)}
    pictures = read_pictures(arguments.pictures)
    sequence = moving_head()
    times: dict[str, list[np.ndarray]] = {}
    for _ in range(ROUNDS):
        for name, finder in finders.items():
            times.setdefault(name, []).append(follow_times(finder, sequence))
        theirs = run_mediapipe(python, list(pictures.values()), sequence)
        times.setdefault("mediapipe", []).append(theirs["times_ms"])
    speed_up = report_speed({name: np.concatenate(rounds) for name, rounds in times.items()})
    difference = report_landmarks(FaceFinder.load(), pictures, theirs)
    return 0 if speed_up >= AIM_SPEED_UP and difference < AIM_DIFFERENCE_PERCENT else 1


def environment(folder: Path) -> Path:
    """The python of an environment that holds mediapipe, made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making {folder} with {WHEEL}")
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", WHEEL, "numpy<2"], check=True)
    return python


def read_pictures(folder: Path) -> dict[str, np.ndarray]:
    """The first frame of every picture below `folder`; of a folder of numbered frames only the first one."""
    pictures: dict[str, np.ndarray] = {}
    numbered = {path.parent for path in folder.rglob("*0000.png")}
    for path in sorted(folder.rglob("*")):
        is_later = path.parent in numbered and not path.stem.endswith("0000")
        if path.suffix.lower() not in PICTURE_SUFFIXES or is_later:
            continue
        try:
            first = next(read_video(path)).image if path.suffix.lower() == ".gif" else read_image(path)
        except UnmaskError as unreadable:
            print(f"left out: {unreadable}")
            continue
        pictures[str(path.relative_to(folder))] = first
    return pictures


def moving_head(*, height: int = 720, width: int = 1280) -> list[np.ndarray]:
    """A sequence that moves, turns and grows a face as a hand-held camera would: (H, W, 3) uint8 each."""
    portrait = data.astronaut()
    frames = []
    for t in np.linspace(0, 2 * np.pi, FRAMES, endpoint=False):
        scale, angle = 2.0 + 0.3 * np.sin(t), 8 * np.sin(2 * t)
        turn = cv2.getRotationMatrix2D((220, 120), angle, scale)
        turn[:, 2] += (width / 2 - 220 + 150 * np.sin(t), height / 2 - 120 + 60 * np.cos(t))
        frames.append(cv2.warpAffine(portrait, turn, (width, height), borderMode=cv2.BORDER_REFLECT))
    return frames


def follow_times(finder: FaceFinder, sequence: list[np.ndarray]) -> np.ndarray:
    """Milliseconds of `follow` for each frame (n, 2): on the clock, and of all our threads' work."""
    face: Face | None = finder.find(sequence[0])[0]
    times_ms = []
    for frame in sequence:
        assert face is not None, "the face was lost: the sequence is too hard"
        start, work = time.perf_counter(), time.process_time()
        face = finder.follow(frame, face)
        times_ms.append((1000 * (time.perf_counter() - start), 1000 * (time.process_time() - work)))
    return np.array(times_ms)


def run_mediapipe(
    python: Path, pictures: list[np.ndarray], sequence: list[np.ndarray]
) -> dict[str, np.ndarray]:
    """What experiments/faces_mediapipe.py wrote."""
    with tempfile.TemporaryDirectory() as scratch:
        given, out = Path(scratch) / "given.npz", Path(scratch) / "out.npz"
        numbered = {f"picture{k:05d}": picture for k, picture in enumerate(pictures)}
        np.savez(given, sequence=np.stack(sequence), **numbered)
        child = Path(__file__).with_name("faces_mediapipe.py")
        subprocess.run([python, child, given, out], check=True, stderr=subprocess.DEVNULL)
        with np.load(out) as held:
            return dict(held)


def report_speed(times_ms: dict[str, np.ndarray]) -> float:
    """Print the times (n, 2); the larger ratio of MediaPipe's median to ours, on the clock.

    On a busy machine the clock says little; the work does.
    """
    ratios = []
    for name, times in times_ms.items():
        median, work = np.median(times, axis=0)
        slower, more_work = np.median(times_ms["mediapipe"], axis=0) / (median, work)
        print(
            f"{name:15} {median:6.2f} ms a tracked frame (p50), {np.percentile(times[:, 0], 95):6.2f} (p95),"
            f" {work:6.2f} ms of work; mediapipe {slower:5.2f} times as long, {more_work:5.2f} times the work"
        )
        if name != "mediapipe":
            ratios.append(float(slower))
    print(f"{max(ratios):.2f} times faster (aim {AIM_SPEED_UP})")
    return max(ratios)


def report_landmarks(
    finder: FaceFinder, pictures: dict[str, np.ndarray], theirs: dict[str, np.ndarray]
) -> float:
    """Print how far ours lie from MediaPipe's still mode and from its settled tracking; the larger mean."""
    ours = {name: finder.find(picture) for name, picture in pictures.items()}
    means = []
    for mode in ("still", "settled"):
        has_theirs = dict(zip(pictures, ~np.isnan(theirs[mode]).any(axis=(1, 2)), strict=True))
        for name, faces in ours.items():
            if bool(faces) != has_theirs[name]:
                print(f"{mode:8} only {'mediapipe' if has_theirs[name] else 'ours'} finds a face in {name}")
        percents = {
            name: min(difference_percent(face.mesh, mesh) for face in ours[name])
            for name, mesh in zip(pictures, theirs[mode], strict=True)
            if has_theirs[name] and ours[name]
        }
        worst = max(percents, key=lambda name: percents[name])
        values = np.array(list(percents.values()))
        print(
            f"{mode:8} landmarks differ by {values.mean():.2f} % of the eye distance (mean of {len(values)}"
            f" pictures; median {np.median(values):.2f}, worst {percents[worst]:.2f}: {worst};"
            f" aim {AIM_DIFFERENCE_PERCENT})"
        )
        means.append(float(values.mean()))
    return max(means)


def difference_percent(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Mean distance in x, y over the 468 points, in per cent of their eye distance."""
    eyes = np.linalg.norm(theirs[RIGHT_EYE, :2] - theirs[LEFT_EYE, :2])
    return float(100 * np.linalg.norm(ours[:, :2] - theirs[:, :2], axis=1).mean() / eyes)


if __name__ == "__main__":
    sys.exit(main())
