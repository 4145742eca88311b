"""One process, several and a Ray cluster give the same scores, of the packaged networks on real files."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.detector.scoring import PresentationScorer
from unmask.media.images import write_image
from unmask.media.video import write_video
from unmask.types import Label, Presentation

MOVING = 10  # frames


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """Two moving faces, a picture of one, a wall and a file that is not a video."""
    from skimage import data

    folder = tmp_path_factory.mktemp("files")
    picture = data.astronaut()[:360]
    for name, step in (("slow.mp4", 1), ("fast.mp4", 4)):
        frames = [np.roll(picture, step * n, axis=1)[:, :480] for n in range(MOVING)]
        write_video(folder / name, frames, fps=10)
    write_image(folder / "face.png", picture)
    write_video(folder / "wall.mp4", [np.full((240, 320, 3), 120, np.uint8)] * MOVING, fps=10)
    (folder / "text.mp4").write_bytes(b"this is not a video\n" * 40)
    names = ("slow.mp4", "face.png", "wall.mp4", "text.mp4", "fast.mp4")
    return [
        Entry(presentation=Presentation(path=str(folder / name), label=Label.ATTACK), name=name)
        for name in names
    ]


@pytest.fixture(scope="module")
def alone(entries: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    return tables(entries, tmp_path_factory.mktemp("alone"), engine="processes", jobs=1)


def tables(entries: Any, folder: Any, *, engine: Any, jobs: Any) -> Any:
    table, clips = folder / "scores.csv", folder / "clips.csv"
    output = ScoreOutput(table=table, clips=clips, engine=engine, jobs=jobs)
    write_rows(entries, PresentationScorer(), output, title="")
    assert {path.name for path in folder.iterdir()} == {"scores.csv", "clips.csv"}
    return table.read_bytes(), clips.read_bytes()


def test_a_face_has_a_score_and_a_wall_has_none(alone: tuple[bytes, bytes]) -> None:
    cells = [line.split(",") for line in alone[0].decode().splitlines()[1:]]
    assert [bool(row[4]) for row in cells] == [True, True, False, False, True]
    rolled = "STILL_PICTURE"  # a photograph that is pushed past a camera does not move in itself
    assert [row[6] for row in cells] == [rolled, "", "NO_FACE", "UNREADABLE", rolled]
    assert alone[1].count(b"slow.mp4") >= 1


def test_two_processes_give_the_bytes_of_one(
    entries: list[Entry], alone: tuple[bytes, bytes], tmp_path: Path
) -> None:
    assert tables(entries, tmp_path, engine="processes", jobs=2) == alone


@pytest.mark.slow
def test_a_ray_cluster_of_two_workers_gives_the_bytes_of_one_process(
    entries: list[Entry], alone: tuple[bytes, bytes], tmp_path: Path
) -> None:
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        assert tables(entries, tmp_path, engine="ray", jobs=2) == alone
    finally:
        ray.shutdown()
