"""Two faces that cross: does each keep its identity?

    python -m experiments.crossings --portraits FOLDER [--count 20] [--seed 0] [--out FILE.mp4]

Portraits are cut out and moved past each other over a cluttered background, one in front of the other; in
every other scene they turn back when they meet. The truth is known, so that each sighting can be laid to the
face it lies on. An identity that was on both faces is a swap. Exits 1 if there is one.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.media.encoding import write_video
from unmask.media.faces import LEFT_EYE, RIGHT_EYE, FaceFinder
from unmask.media.images import read_image
from unmask.media.tracks import Tracker
from unmask.types import Frame

HEIGHT, WIDTH, FPS, FRAMES = 480, 854, 30, 120
ON_FACE = 0.35  # mean landmark distance in eye distances below which a sighting lies on a face
HIDDEN_SHARE = 0.3  # a face with more of its points covered need not be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A cut-out: `image` (H, W, 3), soft `mask` (H, W) in [0, 1], `mesh` (468, 3), and its path."""

    image: np.ndarray
    mask: np.ndarray
    mesh: np.ndarray
    scale: float
    start: np.ndarray
    end: np.ndarray
    returns: bool
    phase: float

    def placed(self, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image and mask in the scene, and the mesh (468, 2), at t in [0, 1]."""
        along = t if not self.returns else 0.55 * np.sin(np.pi * t)
        centre = self.start + along * (self.end - self.start) + (0, 8 * np.sin(9 * t + self.phase))
        middle = self.mesh[:, :2].mean(axis=0)
        turn = cv2.getRotationMatrix2D(tuple(map(float, middle)), 6 * np.sin(5 * t + self.phase), self.scale)
        turn[:, 2] += centre - middle
        image = cv2.warpAffine(self.image, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.warpAffine(self.mask, turn, (WIDTH, HEIGHT))
        return image, mask, self.mesh[:, :2] @ turn[:, :2].T + turn[:, 2]


@dataclass(slots=True)
class Tally:
    """What became of one scene."""

    swaps: int = 0
    identities: int = 0
    seen: int = 0  # sightings on a face that was visible
    visible: int = 0  # faces that were visible


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the last scene with identities drawn in")
    arguments = parser.parse_args()
    finder = FaceFinder.load()
    files = sorted(path for path in arguments.portraits.iterdir() if path.suffix == ".jpg")
    swaps = 0
    for number in range(arguments.count):
        rng = np.random.default_rng([arguments.seed, number])
        names = rng.choice(len(files), 2, replace=False)
        pair = [read_image(files[k]) for k in names]
        drawn: list[np.ndarray] = []
        tally = run(scene(pair, finder, rng, returns=number % 2 == 1), finder, drawn=drawn)
        swaps += tally.swaps
        print(
            f"{number:3} {files[names[0]].stem} {files[names[1]].stem}: {tally.swaps} swaps,"
            f" {tally.identities} identities, seen {tally.seen} of {tally.visible}"
        )
    print(f"{swaps} identity swaps in {arguments.count} crossings (aim 0)")
    if arguments.out:
        write_video(arguments.out, drawn, fps=FPS)
    return int(swaps > 0)


def scene(
    pair: list[np.ndarray], finder: FaceFinder, rng: np.random.Generator, *, returns: bool
) -> Iterator[tuple[np.ndarray, list[np.ndarray], np.ndarray]]:
    """Frames (H, W, 3), the two true meshes (468, 2), the share (2,) of their points that is covered."""
    room = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 5)
    room = cv2.normalize(room, None, 40, 200, cv2.NORM_MINMAX).astype(np.float32)
    y, face_px = rng.uniform(220, 260), rng.uniform(100, 170)
    back, front = (
        actor(picture, finder, rng, side=side, y=y + shift, face_px=face_px * size, returns=returns)
        for picture, side, shift, size in zip(
            pair, rng.permutation(2), rng.uniform(-15, 15, 2), rng.uniform(0.9, 1.15, 2), strict=True
        )
    )
    for t in np.linspace(0, 1, FRAMES):
        frame, meshes = room, []
        for one in (back, front):
            image, mask, mesh = one.placed(float(t))
            frame = frame + mask[..., None] * (image - frame)
            meshes.append(mesh)
        at = np.clip(np.rint(meshes[0]).astype(int), 0, (WIDTH - 1, HEIGHT - 1))
        noisy = frame + rng.normal(0, 3, frame.shape)
        yield (
            np.clip(noisy, 0, 255).astype(np.uint8),
            meshes,
            np.array([mask[at[:, 1], at[:, 0]].mean(), 0.0]),
        )


def actor(
    picture: np.ndarray,
    finder: FaceFinder,
    rng: np.random.Generator,
    *,
    side: int,
    y: float,
    face_px: float,
    returns: bool,
) -> Actor:
    """The head of a portrait, cut out along an ellipse, that walks in from that side (0 left, 1 right)."""
    face = finder.find(picture)[0]
    centre, size = (face.box[:2] + face.box[2:]) / 2, face.box[2:] - face.box[:2]
    mask = np.zeros(picture.shape[:2], np.float32)
    shape = (tuple(map(float, centre - (0, 0.1 * size[1]))), tuple(map(float, size * (1.35, 1.5))), 0.0)
    cv2.ellipse(mask, shape, 1.0, -1)
    path = np.array([[150.0, y], [WIDTH - 150.0, y]])
    return Actor(
        image=picture,
        mask=cv2.GaussianBlur(mask, (0, 0), 3),
        mesh=face.mesh,
        scale=face_px / float(size.max()),
        start=path[side],
        end=path[1 - side],
        returns=returns,
        phase=float(rng.uniform(0, 6)),
    )


def run(
    frames: Iterator[tuple[np.ndarray, list[np.ndarray], np.ndarray]],
    finder: FaceFinder,
    *,
    drawn: list[np.ndarray],
) -> Tally:
    """Track the scene and compare with its truth."""
    tracker, owners, tally = Tracker(finder), {}, Tally()
    for index, (image, meshes, covered) in enumerate(frames):
        picture = image.copy()
        on = set()
        for identity, face in tracker.update(Frame(image, index / FPS, index)):
            off = [np.linalg.norm(face.mesh[:, :2] - m, axis=1).mean() / _eyes(m) for m in meshes]
            if min(off) < ON_FACE and max(off) > 2 * ON_FACE:  # else both are there and it could be either
                on.add(int(np.argmin(off)))
                owners.setdefault(identity, set()).add(int(np.argmin(off)))
            x0, y0, x1, y1 = map(int, face.box)
            cv2.rectangle(picture, (x0, y0), (x1, y1), (0, 255, 0), 1)
            cv2.putText(picture, str(identity), (x0, y0 - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 255, 0), 2)
        drawn.append(picture)
        tally.visible += int((covered < HIDDEN_SHARE).sum())
        tally.seen += sum(covered[k] < HIDDEN_SHARE for k in on)
    tally.identities = len(owners)
    tally.swaps = sum(len(faces) > 1 for faces in owners.values())
    return tally


def _eyes(mesh: np.ndarray) -> float:
    return float(np.linalg.norm(mesh[RIGHT_EYE] - mesh[LEFT_EYE]))


if __name__ == "__main__":
    sys.exit(main())
