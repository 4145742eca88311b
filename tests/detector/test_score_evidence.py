"""`unmask score --evidence`: files that are whole, one for each presentation, and columns on the face."""

import csv
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conftest import ModelFiles, random_contract
from face_meshes import face_mesh
from present import present
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.detector import scoring
from unmask.detector.features import FeatureNetwork
from unmask.detector.network import Network
from unmask.detector.saved_evidence import LOOKS
from unmask.detector.scoring import PresentationScorer
from unmask.scores import read_scores
from unmask.scores.evidence import ClipEvidence, evidence_path, read_about, read_evidence, write_evidence
from unmask.types import (
    Clip,
    ClipScore,
    DataError,
    Label,
    OutputError,
    Presentation,
    Reason,
    SourceError,
    Verdict,
)

NAMES = [f"{kind}/{number}.mp4" for kind in ("alive", "print") for number in range(3)]


class Teller:
    """Stands for a Detector whose clips have a mesh and features; scores follow the order of asking."""

    contracts = (random_contract("teller", frames=1),)

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.dies_at = ""

    def check(self, presentation: Presentation, *, fps: float) -> SimpleNamespace:
        name = presentation.path
        if name == self.dies_at:
            raise KeyboardInterrupt
        self.asked.append(name)
        if name == "print/2.mp4":
            raise SourceError("print/2.mp4 breaks off; copy it again")
        number = NAMES.index(name)
        clips = [] if name == "print/1.mp4" else [_clip(0.1 * number + off) for off in (-0.05, 0.01, 0.04)]
        boxes = ((0.0, np.array([0, 0, 40.0, 80.0])), (0.1, np.array([0, 0, 60.0, 90.0])))
        return SimpleNamespace(
            verdict=Verdict.UNDECIDED,
            score=0.1 * number if clips else math.nan,
            threshold=0.25,
            reasons=(Reason.EVIDENCE_WEAK,),
            faces=[SimpleNamespace(clips=clips, boxes=boxes if clips else ())],
            model_name="teller",
            model_version="0.0.0",
        )


def _clip(score: float) -> ClipScore:
    mesh = face_mesh(x=30, y=30, width=40, height=40, depth=10)
    return ClipScore(
        time_s=1.5,
        score=score,
        depth=np.full((2, 32, 32), 0.5, np.float32),
        picture=np.full((64, 64, 3), 100 + round(100 * score), np.uint8),
        mesh=mesh,
        features=np.array([score, 1.0], np.float32),
    )


@pytest.fixture
def teller(monkeypatch: pytest.MonkeyPatch) -> Teller:
    made = Teller()
    monkeypatch.setattr(scoring, "loaded", lambda _: made)
    monkeypatch.setattr(scoring, "contracts_of", lambda _: made.contracts)
    return made


@pytest.fixture
def write(teller: Teller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:  # a row holds as long as its recording does
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(name.encode())
    entries = [
        Entry(
            presentation=Presentation(
                path=name,
                label=Label.ATTACK if "print" in name else Label.BONA_FIDE,
                instrument="print" if "print" in name else "",
                camera="phone",
                columns={"face_px": "wrong"},
            ),
            name=name,
        )
        for name in NAMES
    ]
    output = ScoreOutput(table=tmp_path / "scores.csv", jobs=1)

    def run(folder: str = "evidence") -> None:
        write_rows(
            entries, PresentationScorer(evidence=str(tmp_path / folder) if folder else ""), output, title=""
        )

    return run


def test_each_presentation_with_a_clip_has_its_evidence_and_no_other(write: Any, tmp_path: Path) -> None:
    write()
    folder = tmp_path / "evidence"
    kept = {name: read_evidence(folder, name) for name in NAMES}
    assert [name for name, found in kept.items() if found is None] == ["print/1.mp4", "print/2.mp4"]
    assert {path.name for path in folder.iterdir()} == {
        "scoring.json",
        *(evidence_path(folder, name).name for name in NAMES[:4]),
    }
    found = present(kept["alive/2.mp4"])
    assert (found.presentation, found.score, found.model) == ("alive/2.mp4", 0.2, "teller 0.0.0")
    assert found.picture[0, 0, 0] == 121  # that of the clip at 0.21, the nearest to 0.2
    assert present(found.depth).shape == (2, 32, 32)
    np.testing.assert_allclose(present(found.features), [0.2, 1.0], atol=1e-6)  # the mean over all clips


def test_the_table_has_the_columns_of_the_data_set_and_those_measured(write: Any, tmp_path: Path) -> None:
    write()
    rows = {score.name: score for score in read_scores(tmp_path / "scores.csv")}
    first = rows["alive/0.mp4"].columns
    assert first["camera"] == "phone"
    assert first["face_px"] == "85.0"  # the median of 80 and 90, not what the labels said
    assert float(first["face_luma"]) == pytest.approx(101, abs=5)
    assert all(first[name] for name in LOOKS)
    for silent in ("print/1.mp4", "print/2.mp4"):
        assert [rows[silent].columns[name] for name in LOOKS] == [""] * 5


def test_without_evidence_the_table_is_what_it_was(write: Any, tmp_path: Path) -> None:
    write("")
    with (tmp_path / "scores.csv").open() as file:
        assert next(csv.reader(file))[5:] == ["camera", "face_px", "verdict", "reasons", "threshold"]


def test_broken_off_it_goes_on_and_scores_again_only_what_lacks_evidence(
    write: Any, teller: Teller, tmp_path: Path
) -> None:
    teller.dies_at = "print/0.mp4"
    with pytest.raises(KeyboardInterrupt):
        write()
    assert not (tmp_path / "scores.csv").exists()
    evidence_path(tmp_path / "evidence", "alive/1.mp4").unlink()  # as a hand might
    teller.dies_at, teller.asked = "", []
    write()
    assert teller.asked == ["alive/1.mp4", *NAMES[3:]]
    assert read_evidence(tmp_path / "evidence", "alive/1.mp4") is not None
    assert not [path for path in (tmp_path / "evidence").iterdir() if path.suffix == ".part"]


def test_a_run_without_evidence_is_not_continued_with_it(write: Any, teller: Teller) -> None:
    teller.dies_at = "print/0.mp4"
    with pytest.raises(KeyboardInterrupt):
        write("")
    with pytest.raises(OutputError, match="was broken off with another wish for evidence"):
        write()


def test_evidence_of_an_earlier_run_goes_where_there_is_none_now(write: Any, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    write_evidence(folder, _evidence("print/1.mp4"))
    write()
    assert read_evidence(folder, "print/1.mp4") is None


def test_what_scored_is_written_beside(write: Any, tmp_path: Path) -> None:
    write()
    about = read_about(tmp_path / "evidence")
    assert '"name": "teller"' in about["contracts"][0]
    assert about["settings"]["presentations"] == "6"
    assert read_about(tmp_path) == {"contracts": [], "settings": {}}


def test_broken_evidence_is_one_sentence(tmp_path: Path) -> None:
    for content in (b"", b"no archive", b"PK\x03\x04 cut"):
        evidence_path(tmp_path, "a").write_bytes(content)
        with pytest.raises(DataError, match="is not evidence that scoring wrote"):
            read_evidence(tmp_path, "a")
    (tmp_path / "scoring.json").write_text("[]")
    with pytest.raises(DataError, match="is not what scoring wrote"):
        read_about(tmp_path)


def test_names_that_look_alike_have_files_of_their_own(tmp_path: Path) -> None:
    names = ["a/b", "a_b", "a b", "../a/b", "é" * 300, "é" * 301]
    paths = {evidence_path(tmp_path, name) for name in names}
    assert len(paths) == len(names)
    assert all(path.parent == tmp_path and len(path.name) < 100 for path in paths)


def _evidence(name: str) -> ClipEvidence:
    picture = np.zeros((8, 8, 3), np.uint8)
    return ClipEvidence(
        presentation=name, score=0.5, model="m", time_s=0.0, picture=picture, depth=None, features=None
    )


def test_a_network_that_tells_scores_the_same(model_files: ModelFiles) -> None:
    rng = np.random.default_rng(3)
    for path, frames, channels in ((model_files.single, 1, 64), (model_files.multi, 5, 48)):
        clips = [
            Clip(
                pixels=rng.integers(0, 256, (frames, 128, 128, 3)).astype(np.uint8),
                times_s=np.arange(frames) / 10,
                box=np.array([0, 0, 128, 128], np.float32),
                meshes=np.stack([face_mesh(x=60, y=60, width=70 + n, height=80)] * frames),
            )
            for n in range(3)
        ]
        plain = Network.load(path, threads=1).score(clips)
        featured = FeatureNetwork.load(path, threads=1).score(clips)
        assert [one.score for one in featured] == [one.score for one in plain]
        features = [present(one.features) for one in featured]
        assert all(one.shape == (channels,) for one in features)
        assert all(present(one.mesh).shape == (468, 3) for one in featured)
        assert np.ptp(features, axis=0).max() > 0  # of each clip its own
        assert plain[0].features is None
