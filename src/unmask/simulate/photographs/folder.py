"""A folder of videos made from photographs, labelled and with their truth."""

from collections.abc import Callable, Sequence
from pathlib import Path

from unmask.simulate.folder import COLUMNS, Progress, mark_folder, write_labelled
from unmask.simulate.photographs.files import Photograph
from unmask.simulate.photographs.series import Photographs

CREDITS = ("source", "licence")  # columns beside those of other simulated folders


def simulate_photographs(
    out: Path,
    *,
    photographs: Sequence[Photograph],
    backgrounds: Sequence[Path] = (),
    clips: int,
    seed: int,
    seconds: float = 2.0,
    fps: float = 30.0,
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Videos in `out`/videos, their truth in `out`/truth, and `out`/labels.csv, which is returned.

    Every other video is an attack with the photograph of the one before it. Names say nothing about the
    class. A folder that was left half made is continued; one with other files in it, or of other settings,
    is refused (OutputError).
    """
    names = [photograph.name for photograph in photographs]
    settings = {"seed": seed, "clips": clips, "seconds": seconds, "fps": fps, "photographs": names}
    mark_folder(out, settings, mark="simulation.json")
    series = Photographs(
        photographs=tuple(photographs),
        backgrounds=tuple(backgrounds),
        seed=seed,
        frames=max(1, round(seconds * fps)),
        fps=fps,
    )
    return write_labelled(
        out,
        series,
        clips=clips,
        seed=seed,
        fps=fps,
        jobs=jobs,
        progress=progress,
        columns=(*COLUMNS, *CREDITS),
    )
