"""From score tables to the printed figures: honest thresholds, folds, leaderboards, and who is refused."""

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask import metrics
from unmask.evaluation.figures import CURVE, NO_THRESHOLD, ORACLE, FigureTable, figure_table, over_folds
from unmask.evaluation.measure import measure
from unmask.evaluation.runs import Run, runs
from unmask.scores import write_scores
from unmask.types import DataError, Label, Presentation, Score

NAN = float("nan")
EER = metrics.read_rule("dev-eer")
KINDS = ("", "", "print/a4", "print/a3", "mask/paper")


def evaluate(run: Run, rule: metrics.ThresholdRule, **asked: Any) -> FigureTable:
    return figure_table(measure(run, rule, **asked))


def _made(seed: int, part: str, *, gap: float = 1.0, people: int = 8, **columns: str) -> list[Score]:
    """Scores of some people, each alive twice and attacked three times; all of them a subject of `part`."""
    rng = np.random.default_rng(seed)
    return [
        Score(
            presentation=Presentation(
                path=f"{part}/{person}/{place}",
                label=Label.ATTACK if kind else Label.BONA_FIDE,
                instrument=kind,
                subject=f"{part}{person}",
            ),
            score=float(np.round(rng.normal(0 if kind else gap, 0.5), 2)),
            columns={"split": part, **columns},
        )
        for person in range(people)
        for place, kind in enumerate(KINDS)
    ]


def _both(seed: int, **columns: Any) -> list[Score]:
    return _made(seed, "dev", **columns) + _made(seed + 100, "test", **columns)


def _table(folder: Path, name: str, scores: Sequence[Score]) -> Path:
    write_scores(folder / name, scores)
    return folder / name


def test_the_threshold_comes_from_dev_and_the_rates_from_test() -> None:
    [run] = runs(_both(0), name="a")
    found = evaluate(run, EER, rounds=20)
    dev, test = metrics.columns(_made(0, "dev")), metrics.columns(_made(100, "test"))
    pooled = np.concatenate(list(dev.attacks().values()))
    threshold = metrics.threshold_at_eer(dev.bona_fide_scores(), pooled)
    assert found.value("threshold") == threshold
    assert found.value("BPCER") == metrics.bpcer(test.bona_fide_scores(), threshold)
    assert found.value("ACER") == metrics.acer(test.bona_fide_scores(), test.attacks(), threshold=threshold)
    assert found.value("APCER mask/paper") == metrics.apcer(test.attacks(), threshold)["mask/paper"]
    families = metrics.apcer(metrics.families(test.attacks()), threshold)
    assert found.value("APCER family print") == families["print"]


def test_the_oracle_is_never_worse_than_an_honest_threshold_and_bears_no_interval() -> None:
    for seed in range(5):
        [run] = runs(_both(seed), name="a")
        found = evaluate(run, EER, rounds=20)
        assert found.value("ACER", oracle=True) <= found.value("ACER")
        assert all(math.isnan(figure.low) for figure in found.oracle)
        assert all(figure.low <= figure.value <= figure.high for figure in found.honest[1:])


def test_moving_a_test_score_does_not_move_the_honest_threshold() -> None:
    scores = _both(1)
    moved = [replace(s, score=s.score + 3) if s.columns["split"] == "test" else s for s in scores]
    first, second = (evaluate(runs(rows, name="a")[0], EER, rounds=0) for rows in (scores, moved))
    assert first.value("threshold") == second.value("threshold")
    assert first.value("threshold", oracle=True) != second.value("threshold", oracle=True)


def test_without_dev_there_is_no_honest_figure() -> None:
    [run] = runs(_made(0, "test"), name="a")
    found = evaluate(run, EER, rounds=20)
    assert found.honest == ()
    assert math.isnan(found.value("ACER"))
    assert found.value("AUC") > 0.5
    assert evaluate(run, metrics.read_rule("fixed=0.5"), rounds=0).value("threshold") == 0.5
    assert evaluate(runs(_both(0), name="a")[0], metrics.read_rule("oracle"), rounds=0).honest == ()


def test_an_instrument_that_dev_never_saw_counts_in_test() -> None:
    test = [
        *_made(100, "test"),
        replace(_made(100, "test")[4], score=9).of(path="new", instrument="mask/new"),
    ]
    [run] = runs(_made(0, "dev") + test, name="a")
    worst = next(figure for figure in evaluate(run, EER, rounds=0).honest if figure.name == "APCER, worst")
    assert (worst.detail, worst.value) == ("mask/new", 1.0)


def test_the_worst_may_be_taken_over_families() -> None:
    [run] = runs(_both(0), name="a")
    found = evaluate(run, EER, worst_of="family", rounds=0)
    assert {figure.name for figure in found.honest if figure.name.startswith("APCER")} == {
        "APCER print",
        "APCER mask",
        "APCER, worst",
    }


def test_a_class_without_any_score_shows_as_non_responses_and_no_auc() -> None:
    scores = [replace(s, score=NAN) if s.label is Label.BONA_FIDE else s for s in _both(0)]
    found = evaluate(runs(scores, name="a")[0], metrics.read_rule("fixed=0"), rounds=0)
    assert (found.value("BPNRR"), found.value("BPCER")) == (1.0, 1.0)
    assert math.isnan(found.value("AUC"))
    with pytest.raises(DataError, match="a: no score is finite"):
        evaluate(runs([replace(s, score=NAN) for s in _both(0)], name="a")[0], EER, rounds=0)


def test_folds_are_mean_and_deviation_with_one_degree_of_freedom_less() -> None:
    folds = [evaluate(runs(_both(seed), name="a")[0], EER, rounds=0) for seed in range(3)]
    values = [one.value("ACER") for one in folds]
    whole = over_folds(folds)
    acer = next(figure for figure in whole.honest if figure.name == "ACER")
    centre = sum(values) / 3
    assert acer.value == pytest.approx(centre)
    assert acer.deviation == pytest.approx(math.sqrt(sum((v - centre) ** 2 for v in values) / 2))
    assert (whole.folds, acer.folds) == (3, 3)


def test_an_instrument_of_one_fold_says_so() -> None:
    second = [s.of(instrument="replay") if s.instrument else s for s in _both(7)]
    whole = over_folds([evaluate(runs(rows, name="a")[0], EER, rounds=0) for rows in (_both(0), second)])
    counts = {figure.name: figure.folds for figure in whole.honest}
    assert (counts["APCER replay"], counts["BPCER"]) == (1, 2)


def test_models_and_protocols_of_one_table_are_runs_of_their_own() -> None:
    scores = [row for name in ("oulu/1", "oulu/2") for row in _both(0, protocol=name, model="m")]
    assert [run.system for run in runs(scores, name="a")] == ["a m oulu/1", "a m oulu/2"]
    assert [len(run.dev) for run in runs(scores, name="a")] == [40, 40]


def test_rows_of_train_are_left_out() -> None:
    [run] = runs([*_both(0), *_made(3, "train")], name="a")
    assert {score.columns["split"] for score in (*run.dev, *run.test)} == {"dev", "test"}


def _without_split(scores: list[Score]) -> list[Score]:
    return [replace(score, columns={}) for score in scores]


@pytest.mark.parametrize(
    ("scores", "dev", "rule"),
    [
        (_made(0, "dev"), [], "has no test row"),
        ([s for s in _made(0, "test") if s.instrument], [], "test holds 24 presentations and no bona fide"),
        ([s for s in _made(0, "test") if not s.instrument], [], "no attack; rates need both classes"),
        (_made(0, "test") + [s for s in _made(0, "dev") if s.instrument], [], "dev holds 24 .* no bona fide"),
        ([replace(s, columns={"split": "eval"}) for s in _made(0, "test")], [], "the split .* is 'eval'"),
        (_both(0), _made(2, "dev"), "dev rows of its own and a dev table besides"),
        (
            [s.of(subject="anna") for s in _both(0)],
            [],
            "dev and test share 1 subjects, anna among them",
        ),
        (_without_split(_made(0, "test")), _without_split(_made(5, "test")), "share 8 subjects"),
        (
            [s.of(path=s.name[-3:], subject="") for s in _both(0)],
            [],
            "share 40 presentations",
        ),
        (_made(0, "test"), _made(0, "test"), "no row whose split is dev"),
        (_made(0, "test", model="m"), _made(0, "dev", model="n"), "no rows of its model and protocol"),
    ],
)
def test_what_makes_rates_dishonest_is_one_sentence(scores: Any, dev: Any, rule: str) -> None:
    with pytest.raises(DataError, match=rule):
        runs(scores, name="a", dev=dev)


def test_one_name_in_two_data_sets_is_two_people() -> None:
    dev = [replace(s, columns={**s.columns, "dataset": "x"}).of(subject="1") for s in _made(0, "dev")]
    test = [replace(s, columns={**s.columns, "dataset": "y"}).of(subject="1") for s in _made(0, "test")]
    assert len(runs(dev + test, name="a")) == 1


def test_the_command_prints_honest_and_oracle_side_by_side_and_writes_them(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = _table(tmp_path, "base.csv", _both(0))
    code, out, err = unmask("evaluate", path, "--csv", tmp_path / "figures.csv", "--rounds", 50)
    assert (code, err.startswith("figures: ")) == (0, True)
    for word in ("dev-eer", "oracle (on test)", "APCER mask/paper", "APCER family print", "BPNRR", "of 16"):
        assert word in out
    lines = list(csv.DictReader((tmp_path / "figures.csv").read_text().splitlines()))
    assert {line["threshold_from"] for line in lines} == {"dev-eer", ORACLE, CURVE, NO_THRESHOLD}
    assert all("of test" in line["threshold_from"] for line in lines if line["figure"] in ("EER",))
    printed = next(float(line["value"]) for line in lines if line["figure"] == "BPCER")
    assert f"{100 * printed:.2f} %" in next(line for line in out.splitlines() if line.startswith("BPCER"))


def test_a_table_without_dev_says_that_no_threshold_is_honest(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, _ = unmask("evaluate", _table(tmp_path, "base.csv", _without_split(_made(0, "test"))))
    assert code == 0
    assert out.startswith("No honest threshold: base came without dev scores")
    assert "dev-eer" not in out
    assert "oracle (on test)" in out


def test_dev_may_be_a_table_of_its_own(unmask: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    one = _table(tmp_path, "one.csv", _both(0))
    dev = _table(tmp_path, "dev.csv", _without_split(_made(0, "dev")))
    test = _table(tmp_path, "test.csv", _without_split(_made(100, "test")))
    together = unmask("evaluate", one, "--name", "x", "--rounds", 20)[1]
    assert unmask("evaluate", test, "--dev", dev, "--name", "x", "--rounds", 20)[1] == together


def test_several_tables_are_a_leaderboard_with_the_smallest_acer_first(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    weak = _table(tmp_path, "weak.csv", _made(0, "dev", gap=0.3) + _made(1, "test", gap=0.3))
    strong = _table(tmp_path, "strong.csv", _made(0, "dev", gap=3) + _made(1, "test", gap=3))
    blind = _table(tmp_path, "blind.csv", _made(1, "test", gap=3))
    code, out, _ = unmask("evaluate", weak, blind, strong, "--rounds", 0)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["strong", "weak", "blind"]
    assert "No honest threshold: blind" in out
    assert "different presentations" not in out


def test_a_table_without_a_scored_presentation_of_a_class_says_why_it_has_no_figures(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    table = tmp_path / "silent.csv"
    table.write_text("presentation,subject,label,instrument,score\na,s,attack,print,\nb,t,bona_fide,,\n")
    said = "There are no figures of silent: of a class nothing was scored"
    assert said in " ".join(unmask("evaluate", table, "--rounds", 0)[1].split())
    fixed = unmask("evaluate", table, "--rounds", 0, "--threshold", "fixed=0.5")[1]
    assert "BPNRR" in fixed
    assert "There are no figures" not in fixed


def test_folds_are_one_system(unmask: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    tables = [_table(tmp_path, f"net_fold_{k}.csv", _both(k)) for k in range(3)]
    code, out, _ = unmask("evaluate", *tables, "--folds", "--rounds", 0, "--csv", tmp_path / "f.csv")
    assert code == 0
    assert out.startswith("net_fold: mean and deviation of 3 folds")
    assert "±" in out
    lines = list(csv.DictReader((tmp_path / "f.csv").read_text().splitlines()))
    assert {line["fold"] for line in lines} == {"net_fold_0", "net_fold_1", "net_fold_2", "mean"}


def test_protocols_of_one_table_are_folds_too_and_tables_of_one_name_are_told_apart(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    scores = [row for k in range(2) for row in _both(k, protocol=f"oulu/3.{k + 1}")]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        _table(tmp_path / folder, "scores.csv", scores)
    tables = [tmp_path / folder / "scores.csv" for folder in ("a", "b")]
    code, out, _ = unmask("evaluate", *tables, "--folds", "--rounds", 0, "--csv", tmp_path / "f.csv")
    assert code == 0
    assert out.startswith("scores: mean and deviation of 4 folds")
    lines = csv.DictReader((tmp_path / "f.csv").read_text().splitlines())
    assert len({line["fold"] for line in lines}) == 5


def test_systems_that_were_tested_on_other_presentations_are_named(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    other = [s.of(path=f"other/{s.name}") for s in _both(0)]
    tables = _table(tmp_path, "a.csv", _both(0)), _table(tmp_path, "b.csv", other)
    assert "different presentations" in unmask("evaluate", *tables, "--rounds", 0)[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.csv", "--threshold", "best"], "a threshold is one of"),
        (["a.csv", "a.csv"], "two systems are named a"),
        (["a.csv", "b.csv", "--dev", "a.csv"], "one --dev for each table"),
        (["a.csv", "b.csv", "--name", "x"], "2 tables and 1 --name"),
        (["a.csv", "--folds"], "a deviation needs two"),
        (["a.csv", "--dev", "a.csv"], "leave out one"),
        (["c.csv"], "cannot be read"),
        (["a.csv", "--csv", "a.csv/figures.csv"], "cannot write"),
    ],
)
def test_a_wrong_wish_is_one_sentence(
    unmask: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: Any,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        _table(tmp_path, name, _both(0))
    code, _, err = unmask("evaluate", *arguments, "--rounds", 0)
    assert code == (3 if sentence in ("leave out one", "cannot be read", "cannot write") else 4)
    assert sentence in " ".join(err.split())
    assert len(err.strip().splitlines()) == 1


def test_a_table_is_converted(unmask: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    path = _table(tmp_path, "a.csv", _both(0))
    assert unmask("convert", path, tmp_path / "b.txt", "--to", "bob-4")[0] == 0
    assert unmask("convert", tmp_path / "b.txt", tmp_path / "c.csv")[0] == 0
    assert (tmp_path / "c.csv").read_text().count("\n") == 81


def _figures(table: Path) -> dict[str, float]:
    with table.open(newline="") as file:
        return {
            row["figure"]: float(row["value"])
            for row in csv.DictReader(file)
            if row["threshold_from"] == "dev-eer"
        }


def test_apcer_of_oulu_npu_is_the_worse_of_print_and_display(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    # two printers, one of which nothing gets past and one of which half do: a quarter of the prints
    table = _table(tmp_path, "a.csv", _both(0, protocol="oulu-npu/1"))
    said = unmask("evaluate", table, "--csv", tmp_path / "own.csv", "--rounds", 0)[1]
    unmask("evaluate", table, "--worst", "instrument", "--csv", tmp_path / "each.csv", "--rounds", 0)
    own, each = _figures(tmp_path / "own.csv"), _figures(tmp_path / "each.csv")
    assert own["APCER, worst"] == max(own["APCER print"], own["APCER mask"])
    assert own["APCER print"] == (each["APCER print/a4"] + each["APCER print/a3"]) / 2
    assert each["APCER, worst"] == max(
        each["APCER print/a4"], each["APCER print/a3"], each["APCER mask/paper"]
    )
    assert own["ACER"] == pytest.approx((own["APCER, worst"] + own["BPCER"]) / 2)
    assert "as oulu-npu/1 defines it" in " ".join(said.split())


def test_the_report_takes_the_same_worst() -> None:
    [run] = runs(_both(0, protocol="oulu-npu/1"), name="a")
    system = measure(run, EER, worst_of="family", rounds=0)
    found = evaluate(run, EER, worst_of="family", rounds=0)
    assert system.honest is not None
    assert (system.honest.apcer, system.honest.acer.value) == (
        found.value("APCER, worst"),
        found.value("ACER"),
    )
    assert {score.instrument for score in system.test} == set(KINDS)  # slices and errors keep the instruments


def test_the_page_and_the_table_show_the_same_rates(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    table = _table(tmp_path, "a.csv", _both(0))
    assert unmask("evaluate", table, "--csv", tmp_path / "a_figures.csv", "--rounds", 20)[0] == 0
    options = ("--threshold", "dev-eer", "--rounds", 20)
    assert unmask("report", table, "--out", tmp_path / "a.html", *options)[0] == 0
    figures = _figures(tmp_path / "a_figures.csv")
    page = (tmp_path / "a.html").read_text()
    for name in ("APCER, worst", "BPCER", "ACER"):
        [shown] = re.findall(rf'data-name="{name}"><b>([\d.]+) %', page)[:1]
        assert float(shown) == pytest.approx(100 * figures[name], abs=0.051)
