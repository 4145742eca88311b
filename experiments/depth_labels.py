"""Frames a second from a decoded frame to its depth label, stage by stage, on one core.

    python -m experiments.depth_labels

A head moves through a 720p video. Timed as `unmask prepare` does it, with one thread: finding and following
the face, judging its picture, cutting it at 256 pixels, and drawing label and mask from the mesh, at 32
pixels and at 256. Decoding stands beside them. Processor time is counted, over all threads: that is what a
core gives, however busy the machine is; the wall's clock stands beside it. Exits 1 where a frame needs more
than a hundredth of a second of a core from decoded to label.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage import data

from unmask.media.clips import clip_box, cut_picture, mesh_depth, mesh_in_clip, mesh_mask
from unmask.media.faces import FaceFinder
from unmask.media.quality import judge
from unmask.media.tracks import Tracker
from unmask.media.video import read_video, write_video
from unmask.types import Sighting

FRAMES, SIZE_PX = 300, 256
AIM_PER_S = 100


def main() -> int:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.mp4"
        write_video(path, moving_head(), fps=30)
        stages = measure(path)
    to_label = ("track", "quality", "cut", "depth label")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {FRAMES} frames, means")
    print(f"{'stage':>22} {'core, ms':>9} {'frames/s':>9} {'wall, ms':>9}")
    for name, times_s in stages.items():
        show(name, np.mean(times_s, axis=0))
    total_s = np.sum([np.mean(stages[name], axis=0) for name in to_label], axis=0)
    show("decoded to label", total_s)
    return 0 if total_s[0] <= 1 / AIM_PER_S else 1


def show(name: str, seconds: np.ndarray) -> None:
    print(f"{name:>22} {1000 * seconds[0]:>9.3f} {1 / seconds[0]:>9.0f} {1000 * seconds[1]:>9.3f}")


def moving_head() -> list[np.ndarray]:
    """720p frames of the astronaut, who drifts to and fro."""
    big = cv2.resize(data.astronaut(), (1280, 1280), interpolation=cv2.INTER_LINEAR)[:720]
    return [np.roll(big, int(60 * np.sin(k / 20)), axis=1) for k in range(FRAMES)]


def measure(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Seconds (of the processor, of the wall) of each stage for each frame but the first, which warms up."""
    tracker, stages = Tracker(FaceFinder.load(threads=1)), {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        core_s, wall_s = time.process_time(), time.perf_counter()
        result = work()
        spent = (time.process_time() - core_s, time.perf_counter() - wall_s)
        stages.setdefault(name, []).append(spent)
        return result

    frames = read_video(path)
    while (frame := timed("decode", lambda: next(frames, None))) is not None:
        ((_, face), *_) = timed("track", lambda frame=frame: tracker.update(frame))
        sighting = Sighting(frame=frame, face=face)
        timed("quality", lambda s=sighting: judge(s))
        box = clip_box(face.mesh, scale=1.3)
        timed("cut", lambda f=frame, b=box: cut_picture(f.image, b, size_px=SIZE_PX))
        mesh = mesh_in_clip(face.mesh, box, size_px=SIZE_PX)
        timed("depth label", lambda m=mesh: mesh_depth(m, size_px=SIZE_PX))
        timed("mask", lambda m=mesh: mesh_mask(m, size_px=SIZE_PX))
        timed("depth label of 256 px", lambda m=mesh: mesh_depth(m, size_px=SIZE_PX, out=SIZE_PX))
    return {name: times_s[1:] for name, times_s in stages.items()}


if __name__ == "__main__":
    sys.exit(main())
