"""Makes the recordings that `unmask demo` checks and that the package ships, src/unmask/demo/*.mp4.

    python scripts/demo_recordings.py OUT [--seed 3]

One person, bona fide and in three attacks: scikit-image's astronaut (NASA, public domain), never among what
the weights were trained on, before simulated cameras. Needs the extra `simulate`.
"""

import argparse
from pathlib import Path

from unmask.app.demo import FPS, SCENES
from unmask.media.faces import FaceFinder
from unmask.media.video import write_video
from unmask.simulate.people.subjects import astronaut
from unmask.simulate.photographs import Photographs

FRAMES = 75


def main() -> None:
    """Writes one video a scene."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    portrait = astronaut(FaceFinder.load())
    for scene in SCENES:
        instruments = (scene.instrument,) if scene.instrument else ()
        series = Photographs(
            photographs=[portrait], seed=asked.seed, frames=FRAMES, fps=FPS, instruments=instruments
        )
        made = series(1 if scene.instrument else 0)
        path = asked.out / f"{scene.name}.mp4"
        write_video(path, made.frames, fps=FPS)
        print(path)


if __name__ == "__main__":
    main()
