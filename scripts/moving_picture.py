"""Draws the picture at the top of the README: the demo's person bona fide and on a screen, as judged.

    python scripts/moving_picture.py docs/check.webp

The person is scikit-image's astronaut (NASA, public domain), in the recordings of `unmask demo`.
"""

import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

from unmask.app.annotate import annotate
from unmask.app.check import CheckOptions, outcome_of
from unmask.app.demo import copied
from unmask.detector.detector import Detector
from unmask.detector.watch import WatchSettings
from unmask.media.clips import fitted

SIDE, EVERY, FPS = 300, 3, 10  # pixels, frames of 30 a second, pictures a second


def main(target: Path) -> None:
    """Writes the moving picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = {clip.stem: clip for clip in copied(folder)}
        detector = Detector.load(settings=WatchSettings(explain=False))
        rows = []
        for scene in ("bona_fide", "replay"):
            outcome = outcome_of(str(clips[scene]), detector, options=CheckOptions(sources=()))
            print(scene, outcome.decision.verdict, round(outcome.decision.score, 3))
            drawn = folder / f"{scene}-drawn.mp4"
            annotate(outcome, drawn, fps=30.0, progress=lambda done, total: None)
            with av.open(str(drawn)) as video:
                frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
            rows.append([fitted(frame, SIDE, SIDE) for frame in frames[::EVERY]])
    pairs = [np.concatenate(pair, axis=1) for pair in zip(*rows, strict=False)]
    first, *rest = [Image.fromarray(pair) for pair in pairs]
    first.save(target, save_all=True, append_images=rest, duration=1000 // FPS, loop=0, quality=60, method=6)
    print(f"{target}: {len(pairs)} pictures, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
