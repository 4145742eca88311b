"""What a user asks for is what comes: as many people, and clips that the network can learn from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask.app import training_sets
from unmask.media.images import write_image
from unmask.simulate import folder, series as make
from unmask.simulate.people.subjects import procedural_portrait
from unmask.training.settings import read_settings


@pytest.mark.parametrize(("subjects", "clips"), [(1, 1), (2, 2), (3, 7), (4, 100), (8, 40)])
def test_every_subject_has_clips_where_there_are_as_many(
    subjects: int, clips: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def record(out: Any, *, source: Any, names: Any, **others: Any) -> Any:
        asked.extend(source.request(index).subject for index in range(len(names)))
        return []

    monkeypatch.setattr(folder, "write_recordings", record)
    portrait = procedural_portrait(np.random.default_rng(1))
    portraits = [portrait] * subjects
    make.simulate_folder(tmp_path / "out", portraits=portraits, subjects=subjects, clips=clips, seed=5)
    assert set(asked) == set(range(subjects))


def pictures(folder: Path, suffix: str) -> Path:
    """A labelled folder of files of both classes in two parts; none is read here."""
    lines = ["path,label,instrument,subject,split"]
    for part in ("train", "dev"):
        for label, kind in (("bona_fide", ""), ("attack", "print/a4")):
            name = f"{part}-{label}{suffix}"
            write_image(folder / f"{name}.png", np.zeros((8, 8, 3), np.uint8))
            (folder / f"{name}.png").rename(folder / name)
            lines.append(f"{name},{label},{kind},{part},{part}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(
    ("config", "suffix", "frames"),
    [("sgtd_s_single", ".jpg", 1), ("sgtd_s_single", ".mp4", 5), ("sgtd_s_multi", ".jpg", 5)],
)
def test_pictures_are_cut_for_networks_of_single_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, suffix: str, frames: int
) -> None:
    cuttings = []
    monkeypatch.setattr(training_sets, "prepare", lambda *_, cutting, **others: cuttings.append(cutting))
    settings = read_settings(config)
    training_sets.prepared(pictures(tmp_path, suffix), tmp_path / "out", settings=settings)
    assert [cutting.clip.frames for cutting in cuttings] == [frames, frames]
    assert {cutting.clip.size_px for cutting in cuttings} == {settings.clip.size_px}
