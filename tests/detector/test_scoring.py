"""A labelled folder becomes a table, whatever its files are, and the table can be read back."""

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tiny_models import FEATURES, linear_model
from unmask import Detector
from unmask.detector.network import Network
from unmask.detector.scoring import (
    PresentationScorer,
    contracts_of,
    judged,
    loaded,
    score_folder,
    thresholds_of,
)
from unmask.detector.watch import DEFAULT_SETTINGS, WatchSettings
from unmask.metrics import summarise
from unmask.scores import read_scores, write_scores
from unmask.types import (
    DataError,
    Decision,
    Label,
    ModelError,
    OutputError,
    Presentation,
    Reason,
    Score,
    SettingsError,
    SourceError,
    Verdict,
)


class Answers:
    """Stands for Detector: a decision for each path."""

    def __init__(
        self, answers: dict[str, Decision | SourceError], settings: WatchSettings = DEFAULT_SETTINGS
    ) -> None:
        self.settings = settings
        self.answers = answers

    def with_settings(self, settings: WatchSettings) -> "Answers":
        return Answers(self.answers, settings)

    def check(self, source: Presentation, *, fps: float) -> Decision:
        assert not self.settings.early_stop  # scores must not depend on the threshold
        assert fps == 25
        answer = self.answers[Path(source.path).name]
        if isinstance(answer, SourceError):
            raise answer
        return answer


def _decision(verdict: Verdict, score: float, *reasons: Reason, threshold: float = 0.5) -> Decision:
    return Decision(
        source="",
        verdict=verdict,
        score=score,
        threshold=threshold,
        operating_point="default",
        reasons=reasons,
        faces=(),
        model_name="m",
        model_version="0",
        model_sha256="",
        timings_ms={},
    )


ANSWERS: dict[str, Decision | SourceError] = {
    "live.mp4": _decision(Verdict.LIVE, 0.9),
    "weak.jpg": _decision(Verdict.UNDECIDED, 0.55, Reason.EVIDENCE_WEAK, threshold=0.6),
    "dark.mp4": _decision(Verdict.UNDECIDED, math.nan, Reason.TOO_DARK, Reason.BLURRED),
    "slow.mp4": _decision(Verdict.UNDECIDED, 0.99, Reason.TIMED_OUT),
    "torn.mp4": SourceError("torn.mp4 breaks off after 3 frames; copy it again"),
}


def _presentations(root: Path) -> list[Presentation]:
    rows: list[Presentation] = []
    for name in ANSWERS:
        attack = name in ("weak.jpg", "slow.mp4")
        rows.append(
            Presentation(
                path=str(root / "sub" / name),
                label=Label.ATTACK if attack else Label.BONA_FIDE,
                instrument="print/a4, matt" if attack else "",
                subject=f"s{len(rows)}",
                columns={"source": 'a "b", c'},
            )
        )
    return rows


@pytest.fixture
def scored(tmp_path: Path) -> list[Score]:
    told: list[str] = []
    steps: list[tuple[int, int]] = []
    scores = score_folder(
        cast(Detector, Answers(ANSWERS)),
        _presentations(tmp_path),
        root=tmp_path,
        fps=25,
        tell=told.append,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert told == ["torn.mp4 breaks off after 3 frames; copy it again"]
    assert steps == [(i, 5) for i in range(1, 6)]
    return scores


def test_every_presentation_has_a_row_and_a_failure_has_no_score(scored: list[Score]) -> None:
    assert [s.name for s in scored] == [str(Path("sub") / name) for name in ANSWERS]
    np.testing.assert_array_equal([s.score for s in scored], [0.9, 0.55, math.nan, math.nan, math.nan])
    assert [s.columns["verdict"] for s in scored] == ["LIVE", *["UNDECIDED"] * 3, "UNREADABLE"]
    assert scored[2].columns["reasons"] == "TOO_DARK|BLURRED"
    assert (scored[1].subject, scored[1].instrument) == ("s1", "print/a4, matt")
    assert scored[1].columns["source"] == 'a "b", c'


@pytest.mark.parametrize(
    "reason",
    [Reason.EVIDENCE_WEAK, Reason.SCORE_DROPPED, Reason.SEVERAL_FACES, Reason.STILL_PICTURE],
)
def test_what_the_network_scored_has_a_score_whatever_else_makes_it_undecided(reason: Any) -> None:
    # a photograph as a video: its rank is the network's, that nothing moves is told beside it
    row = judged(_decision(Verdict.UNDECIDED, 0.35, reason))
    assert (row.score, row.verdict, row.reasons) == (0.35, "UNDECIDED", reason.value)


def test_rates_use_the_threshold_of_the_model_that_scored(scored: list[Score]) -> None:
    found = summarise(scored, thresholds_of(scored), rounds=10)
    assert found.apcer == 0  # 0.55 is under the picture model's 0.6
    assert (found.bpcer.errors, found.bpcer.count) == (2, 3)
    assert (found.bona_fide_non_responses, found.attack_non_responses) == (2, 1)


def test_a_table_is_read_back_as_it_was(scored: list[Score], tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    write_scores(path, scored)
    assert path.read_text().splitlines()[0] == (
        "presentation,subject,label,instrument,score,source,verdict,reasons,threshold"
    )
    back = read_scores(path)
    for row, was in zip(back, scored, strict=True):
        assert row.score == was.score or (math.isnan(row.score) and math.isnan(was.score))
        assert (row.name, row.subject, row.label, row.instrument) == (
            was.name,
            was.subject,
            was.label,
            was.instrument,
        )
        assert row.columns == {name: was.columns[name] for name in row.columns}
    assert [p.name for p in tmp_path.iterdir()] == ["scores.csv"]


def test_tables_of_others_need_only_the_fixed_columns(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text("\ufeffpresentation,subject,label,instrument,score\nx.mp4,,attack,mask,nan\n", "utf-8")
    assert math.isnan(read_scores(path)[0].score)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("presentation,subject,label,score\n", "no column instrument"),
        ("presentation,subject,label,instrument,score\nx,,spoof,,0.1\n", "bona_fide or attack"),
        ("presentation,subject,label,instrument,score\nx,,attack,,high\n", "line 2"),
        ("presentation,subject,label,instrument,score\nx,,attack\n", "not as many cells"),
        ("presentation,subject,label,instrument,score\nx,,attack,,1,2\n", "not as many cells"),
        ("", "is empty"),
    ],
)
def test_a_broken_table_is_one_sentence(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=rule):
        read_scores(path)


def test_a_table_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_scores(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        read_scores(tmp_path / "bytes.csv")


def test_a_table_that_cannot_be_written_is_one_sentence(tmp_path: Path, scored: list[Score]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_scores(tmp_path / "file" / "scores.csv", scored)


def test_the_contracts_of_a_scorer_are_known_without_loading_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    files = [
        str(linear_model(tmp_path / f"{name}.onnx", weight=rng.normal(size=FEATURES), name=name))
        for name in "ab"
    ]
    scorers = [PresentationScorer(), PresentationScorer(models=tuple(files))]
    wanted = [loaded(scorer).contracts for scorer in scorers]

    def load(*arguments: Any, **options: Any) -> Network:
        raise AssertionError("a network was loaded")

    monkeypatch.setattr(Network, "load", load)
    assert [contracts_of(scorer) for scorer in scorers] == wanted
    with pytest.raises(SettingsError, match="no operating point nowhere"):
        contracts_of(PresentationScorer(point="nowhere"))
    with pytest.raises(ModelError, match=r"none\.onnx cannot be read"):
        contracts_of(PresentationScorer(models=("none.onnx",)))
