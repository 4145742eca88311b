"""The plan of a self-test, its checklist, and what is counted when it was carried out."""

import csv
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from test_detector import LIVE, PRINT, Judge, Squares

from unmask.detector import scoring, watch
from unmask.detector.detector import Detector
from unmask.detector.watch import WatchSettings
from unmask.evaluation.selftest import counted, stem
from unmask.report.selftest_page import checklist, report
from unmask.scores.plan import SPECIES, PlannedPresentation, make_plan, read_plan, write_plan
from unmask.types import DataError, Label, Presentation, Score, SettingsError


def _plan(
    subjects: int = 2, per_species: int = 6, species: tuple[str, ...] = ("print/matt", "replay/phone")
) -> Any:
    return make_plan(subjects=subjects, per_species=per_species, species=species, seed=1)


def _score(row: PlannedPresentation, value: float, *, retry: int = 0, verdict: str = "ATTACK") -> Score:
    name = row.name + (f"_r{retry}" if retry else "")
    columns = {"verdict": verdict, "threshold": "0.5" if math.isfinite(value) else ""}
    return Score(
        presentation=Presentation(
            path=f"day1/{name}.mp4", label=row.label, instrument=row.instrument, subject=row.subject
        ),
        score=value,
        columns=columns,
    )


def _all_right(plan: list[PlannedPresentation]) -> list[Score]:
    return [_score(row, 0.1 if row.instrument else 0.9) for row in plan]


def test_a_plan_is_six_species_of_150_attacks_with_50_bona_fide_between_them() -> None:
    plan = make_plan(subjects=10, per_species=150, species=tuple(SPECIES), seed=0)
    counts = Counter((row.block, row.label) for row in plan)
    assert len(SPECIES) == 6
    assert all(counts[name, Label.ATTACK] == 150 and counts[name, Label.BONA_FIDE] == 50 for name in SPECIES)
    assert Counter(row.subject for row in plan if row.instrument).keys() == {
        f"s{n:02d}" for n in range(1, 11)
    }
    assert set(Counter(r.subject for r in plan if r.block == "print/matt" and r.instrument).values()) == {15}


def test_attacks_stand_in_turns_with_the_living_subject_whom_they_imitate() -> None:
    plan = _plan()
    assert [bool(row.instrument) for row in plan[:8]] == [False, True, True, True] * 2
    assert len({row.subject for row in plan[:4]}) == 1
    assert [row.number for row in plan] == list(range(1, len(plan) + 1))
    assert len({row.name for row in plan}) == len(plan)


def test_the_same_seed_plans_the_same_and_another_another_order() -> None:
    def order(seed: int) -> list[str]:
        return [
            row.subject for row in make_plan(subjects=8, per_species=24, species=("print/matt",), seed=seed)
        ]

    assert order(1) == order(1)
    assert order(1) != order(2)


@pytest.mark.parametrize("species", [(), ("print/matt", "print/matt"), ("print",), ("Print/Matt",)])
def test_a_plan_of_nothing_or_nameless_species_is_refused(species: Any) -> None:
    with pytest.raises(SettingsError, match="species"):
        make_plan(subjects=1, per_species=1, species=species, seed=0)


def test_a_plan_is_read_back_filled_or_not(tmp_path: Path) -> None:
    plan = _plan()
    plan[1] = replace(plan[1], response="none", remark="the lamp, it flickered")
    write_plan(tmp_path / "plan.csv", plan)
    assert read_plan(tmp_path / "plan.csv") == plan


def _edited(path: Path, **cells: str) -> None:
    rows = list(csv.DictReader(path.read_text().splitlines()))
    rows[2].update(cells)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"response": "yes"}, "line 4: the response is 'yes'"),
        ({"label": "real"}, "line 4: the label is .real.; it must be"),
        ({"number": "x"}, "line 4: the number"),
        ({"instrument": ""}, "line 4: an attack without an instrument"),
        ({"presentation": ""}, "line 4: the presentation has no name"),
    ],
)
def test_a_plan_that_was_spoilt_is_one_sentence(tmp_path: Path, cells: Any, sentence: str) -> None:
    write_plan(tmp_path / "plan.csv", _plan())
    _edited(tmp_path / "plan.csv", **cells)
    with pytest.raises(DataError, match=sentence):
        read_plan(tmp_path / "plan.csv")


def test_what_is_no_plan_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_plan(tmp_path / "plan.csv")
    (tmp_path / "plan.csv").write_text("path,label\n")
    with pytest.raises(DataError, match="no column number"):
        read_plan(tmp_path / "plan.csv")
    write_plan(tmp_path / "plan.csv", [])
    with pytest.raises(DataError, match="plans nothing"):
        read_plan(tmp_path / "plan.csv")
    plan = _plan()
    write_plan(tmp_path / "plan.csv", [plan[0], plan[0]])
    with pytest.raises(DataError, match="twice"):
        read_plan(tmp_path / "plan.csv")


def test_errors_are_over_responses_and_non_responses_over_presentations() -> None:
    plan = _plan()
    prints = [row for row in plan if row.instrument == "print/matt"]
    scores = _all_right(plan)
    at = {stem(score.name): n for n, score in enumerate(scores)}
    scores[at[prints[0].name]] = _score(prints[0], 0.7, verdict="LIVE")  # accepted
    scores[at[prints[1].name]] = _score(prints[1], math.nan)  # no response
    alive = plan[0]
    scores[at[alive.name]] = _score(alive, 0.4)  # refused
    outcome = counted(plan, scores)
    bona_fide, matt, phone = outcome.kinds
    assert [kind.name for kind in outcome.kinds] == ["bona fide", "print/matt", "replay/phone"]
    assert (matt.errors.errors, matt.errors.count) == (1, 5)
    assert (matt.silent.errors, matt.silent.count) == (1, 6)
    assert (bona_fide.errors.errors, bona_fide.errors.count, bona_fide.silent.errors) == (1, 4, 0)
    assert (phone.errors.errors, phone.errors.count) == (0, 6)
    assert phone.bound == pytest.approx(1 - 0.05 ** (1 / 6))
    assert outcome.accepted == (prints[0].name,)
    assert outcome.refused == (alive.name,)
    assert outcome.missing == 0


def test_a_retry_is_a_presentation_and_part_of_its_transaction() -> None:
    plan = _plan()
    attack, alive = plan[1], plan[0]
    scores = [s for s in _all_right(plan) if stem(s.name) not in (attack.name, alive.name)]
    scores += [_score(attack, math.nan), _score(attack, 0.2, retry=1), _score(attack, 0.8, retry=2)]
    scores += [_score(alive, 0.3), _score(alive, 0.9, retry=1)]
    bona_fide, matt, _ = counted(plan, scores).kinds
    assert (matt.silent.errors, matt.silent.count, matt.retries) == (1, 8, 2)
    assert (matt.errors.errors, matt.errors.count) == (1, 7)
    assert (matt.failed.errors, matt.failed.count) == (1, 6)  # one of six attackers got in, at the third try
    assert (bona_fide.errors.errors, bona_fide.errors.count) == (1, 5)
    assert (bona_fide.failed.errors, bona_fide.failed.count) == (0, 4)  # everybody got in at last


def test_no_response_that_was_written_into_the_plan_is_counted_and_may_be_retried() -> None:
    plan = _plan()
    plan[1] = replace(plan[1], response="none")
    rest = [s for s in _all_right(plan) if stem(s.name) != plan[1].name]
    matt = counted(plan, [*rest, _score(plan[1], 0.1, retry=1)]).kinds[1]
    assert (matt.silent.errors, matt.silent.count) == (1, 7)
    assert (matt.errors.count, matt.missing) == (6, 0)
    with pytest.raises(DataError, match="there twice, or its response is 'none'"):
        counted(plan, _all_right(plan))


def test_a_plan_half_filled_says_what_is_missing_and_an_empty_one_is_refused() -> None:
    plan = _plan()
    outcome = counted(plan, _all_right(plan)[:9])
    assert (outcome.missing, outcome.planned) == (len(plan) - 9, len(plan))
    text = report(outcome, model="m", where="w", made_at=datetime(2026, 1, 1))
    assert f"{len(plan) - 9} of {len(plan)} planned presentations were not made" in text
    stranger = _all_right(plan)[0].of(path="holiday.mp4")
    with pytest.raises(DataError, match="none of the 16 presentations of the plan was made"):
        counted(plan, [stranger])
    assert counted(plan, [stranger, *_all_right(plan)]).strangers == ("holiday.mp4",)


def test_a_score_without_its_threshold_is_refused() -> None:
    plan = _plan()
    bare = replace(_all_right(plan)[0], columns={})
    with pytest.raises(DataError, match="no threshold"):
        counted(plan, [bare])


@pytest.mark.parametrize("kept", [Label.BONA_FIDE, Label.ATTACK])
def test_one_class_alone_is_a_page_that_says_so(kept: Any) -> None:
    plan = _plan()
    outcome = counted(plan, [s for s in _all_right(plan) if s.label is kept])
    text = report(outcome, model="m", where="w", made_at=datetime(2026, 1, 1))
    missing = "APCER cannot be said" if kept is Label.BONA_FIDE else "BPCER cannot be said"
    assert missing in text


def test_the_report_says_first_that_it_is_no_certificate() -> None:
    plan = _plan()
    text = report(counted(plan, _all_right(plan)), model="m", where="w", made_at=datetime(2026, 1, 1))
    body = text[text.index("<body>") :]
    assert body.index("This is not a certificate") < body.index("APCER")
    assert "\u2264 39.3 %" in text  # none of six: 1 - 0.05 ** (1 / 6)
    assert "<script" not in text


def test_the_checklist_has_a_box_for_each_presentation() -> None:
    plan = _plan()
    text = checklist(plan, made_at=datetime(2026, 1, 1))
    assert all(row.name in text for row in plan)
    assert text.count('class="tick"') == 2 * len(plan)
    assert "size: A4" in text


@pytest.fixture
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector([Judge(1)], finder=Squares(), point="default", settings=WatchSettings())
    monkeypatch.setattr(watch, "judge", lambda sighting: ())
    monkeypatch.setattr(scoring, "loaded", lambda scorer: detector)
    for known in ("unmask.detector.scoring.contracts_of", "unmask.app.selftest_report.contracts_of"):
        monkeypatch.setattr(known, lambda scorer: detector.contracts)


@pytest.mark.usefixtures("_planted")
def test_from_plan_to_report_by_the_command(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    plan, folder = tmp_path / "plan.csv", tmp_path / "captures"
    few = ("--subjects", 1, "--per-species", 3, "--species", "print/matt")
    code, _, told = unmask("selftest", "plan", "--out", plan, "--checklist", tmp_path / "c.html", *few)
    assert code == 0, told
    (folder / "day1").mkdir(parents=True)
    for row in read_plan(plan):
        image = np.zeros((160, 240, 3), np.uint8)
        image[40:120, 80:160] = PRINT if row.instrument else LIVE
        cv2.imwrite(str(folder / "day1" / f"{row.name}.png"), image)
    cv2.imwrite(str(folder / "day1" / f"{row.name}_r1.png"), np.zeros((160, 240, 3), np.uint8))
    out = tmp_path / "selftest.html"
    code, shown, told = unmask("selftest", "report", plan, folder, "--out", out)
    assert code == 0, told
    assert "BPCER: 0 of 1; no response 0 of 1" in shown
    assert "APCER print/matt: 0 of 3; no response 1 of 4" in shown
    assert "not a certificate" in told
    assert "No laboratory took part" in out.read_text()
    again = tmp_path / "again.html"
    code, said, _ = unmask("selftest", "report", plan, tmp_path / "selftest.scores.csv", "--out", again)
    assert (code, said) == (0, shown)


@pytest.mark.usefixtures("_planted")
def test_a_plan_is_not_overwritten_and_an_empty_folder_is_a_sentence(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    plan = tmp_path / "plan.csv"
    assert unmask("selftest", "plan", "--out", plan, "--per-species", 3)[0] == 0
    code, _, told = unmask("selftest", "plan", "--out", plan)
    assert (code, "may have been filled" in told) == (3, True)
    (tmp_path / "captures").mkdir()
    code, _, told = unmask("selftest", "report", plan, tmp_path / "captures", "--out", tmp_path / "r.html")
    assert (code, "holds no capture with a name of the plan" in told) == (3, True)
    code, _, told = unmask("selftest", "report", plan, tmp_path / "missing", "--out", tmp_path / "r.html")
    assert (code, "cannot be read" in told) == (3, True)
    assert not (tmp_path / "r.html").exists()
