"""What a user asks for is what comes: as many people, and clips that the network can learn from."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from drawn import drawn_portrait
from unmask.app import training_sets
from unmask.data.prepare.prepared import PreparedSet
from unmask.media.images import write_image
from unmask.simulate import folder, series as make
from unmask.training.settings import read_settings
from unmask.types import SettingsError


@pytest.mark.parametrize(("subjects", "clips"), [(1, 1), (2, 2), (3, 7), (4, 100), (8, 40)])
def test_every_subject_has_clips_where_there_are_as_many(
    subjects: int, clips: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def record(out: Any, *, source: Any, names: Any, **others: Any) -> Any:
        asked.extend(source.request(index).subject for index in range(len(names)))
        return []

    monkeypatch.setattr(folder, "write_recordings", record)
    portrait = drawn_portrait(1)
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
    [("sgtd_s_single", ".jpg", 1), ("sgtd_s_single", ".mp4", 5), ("sgtd_s_multi", ".mp4", 5)],
)
def test_pictures_are_cut_for_networks_of_single_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, suffix: str, frames: int
) -> None:
    cuttings = []
    monkeypatch.setattr(training_sets, "prepare", lambda *_, cutting, **others: cuttings.append(cutting))
    monkeypatch.setattr(PreparedSet, "open", lambda _: SimpleNamespace(shards=()))
    settings = read_settings(config)
    training_sets.prepared(pictures(tmp_path, suffix), tmp_path / "out", settings=settings)
    assert [cutting.clip.frames for cutting in cuttings] == [frames, frames]
    assert {cutting.clip.size_px for cutting in cuttings} == {settings.clip.size_px}


def test_a_network_of_clips_is_not_given_pictures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_sets, "prepare", lambda *_, **others: pytest.fail("prepared"))
    with pytest.raises(SettingsError, match="sgtd_s_multi learns from clips of 5 frames, and here are pict"):
        training_sets.prepared(
            pictures(tmp_path, ".jpg"), tmp_path / "out", settings=read_settings("sgtd_s_multi")
        )


def test_what_gave_no_clip_on_the_way_to_a_training_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training_sets, "prepare", lambda *_, **others: None)
    outcomes = [SimpleNamespace(clips=0, reason="TOO_SHORT"), SimpleNamespace(clips=2, reason="")]
    shards = (SimpleNamespace(outcomes=outcomes),)
    monkeypatch.setattr(PreparedSet, "open", lambda _: SimpleNamespace(shards=shards))
    settings = read_settings("sgtd_s_single")
    training_sets.prepared(pictures(tmp_path, ".mp4"), tmp_path / "out", settings=settings)
    assert (
        "train: 2 presentations with 2 clips; 1 of them without a clip: TOO_SHORT 1"
        in capsys.readouterr().err
    )
