"""The leak table on planted cases: it finds what leaks, and nothing where nothing does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from unmask.evaluation.boosting import boosted, logistic
from unmask.evaluation.leakage import (
    ALL,
    CROP,
    FACE,
    ClipStatistics,
    area,
    area_interval,
    leak_table,
    markdown,
    presentation_of,
    read_measured,
    write_measured,
)
from unmask.media.statistics import NAMES
from unmask.types import DataError

FAMILIES = ("print", "replay", "mask")


def planted(
    rng: np.random.Generator, *, subjects: Any = 40, clips: Any = 12, identity: float = 0.0, leak: Any = None
) -> Any:
    """Clips of `subjects` whose statistics are chance, plus their own habit; `leak` changes an attack's."""
    rows = []
    for subject in range(subjects):
        habit = identity * rng.normal(size=len(NAMES))
        for clip in range(clips):
            instrument = "" if clip % 2 else f"{FAMILIES[clip // 2 % 3]}/x"
            values = dict(zip(NAMES, rng.normal(size=len(NAMES)) + habit, strict=True))
            truth = presentation_of("", instrument, f"s{subject}", "")
            row = ClipStatistics(presentation=truth, statistics=values)
            rows.append(leak(row) if leak and instrument else row)
    return rows


def blurred(row: Any) -> Any:
    """A print softer than it should be."""
    if row.family != "print":
        return row
    change = {"sharpness_1": -1.2, "sharpness_2": -1.0}
    return replace(row, statistics={k: v + change.get(k, 0) for k, v in row.statistics.items()})


def test_a_planted_blur_of_prints_is_found_and_charged_to_prints(rng: np.random.Generator) -> None:
    found = leak_table(planted(rng, leak=blurred), draws=200)
    table = {leak.attacks: leak for leak in found if leak.seen == FACE}
    assert list(table) == [ALL, "mask", "print", "replay"]
    assert table["print"].auc > 0.75
    assert not table["print"].holds
    assert table["print"].alone["sharpness_1"] < 0.3
    assert abs(table["replay"].alone["sharpness_1"] - 0.5) < 0.15
    assert table["replay"].auc < 0.6


def test_a_page_beside_the_face_is_charged_to_the_crop_and_not_to_the_face(rng: np.random.Generator) -> None:
    def before_white(row: Any) -> Any:
        return replace(row, statistics={**row.statistics, "brightness_all": row.statistics["black"] + 4})

    table = {
        (leak.seen, leak.attacks): leak for leak in leak_table(planted(rng, leak=before_white), draws=50)
    }
    assert table[CROP, ALL].auc > 0.8
    assert table[FACE, ALL].holds


def test_without_a_leak_the_interval_holds_chance(rng: np.random.Generator) -> None:
    leak = leak_table(planted(rng), draws=200)[0]
    assert leak.low < 0.5 < leak.high + 0.03
    assert leak.holds
    assert (leak.attack_clips, leak.bona_fide_clips, leak.subjects) == (240, 240, 40)


def test_a_leak_that_is_only_who_it_is_does_not_count(rng: np.random.Generator) -> None:
    """Each subject has strong habits and is nearly always of one class: only memory could use that."""
    rows = []
    for number, row in enumerate(planted(rng, identity=3.0)):
        attack = (int(row.subject[1:]) % 2 == 0) ^ (number % 12 == 0)
        rows.append(row.of(instrument="print/x" if attack else ""))
    assert leak_table(rows, draws=200)[0].low < 0.5
    x = np.array([list(row.statistics.values()) for row in rows])
    y = np.array([bool(row.instrument) for row in rows])
    assert area(boosted(x, y, x), y) > 0.9  # had it seen everybody


def test_a_leak_is_lost_when_labels_are_shuffled(rng: np.random.Generator) -> None:
    rows = planted(rng, leak=blurred)
    labels = [row.instrument for row in rows]
    shuffled = [row.of(instrument=str(name)) for row, name in zip(rows, rng.permutation(labels), strict=True)]
    assert leak_table(shuffled, draws=200)[0].holds


def test_a_leak_that_lies_in_the_range_alone_is_found_by_the_trees(rng: np.random.Generator) -> None:
    def widened(row: Any) -> Any:
        return replace(row, statistics={k: v * (3 if k == "noise" else 1) for k, v in row.statistics.items()})

    leak = leak_table(planted(rng, leak=widened), draws=200)[0]
    assert leak.classifier == "boosted trees"
    assert leak.auc > 0.65
    assert abs(leak.alone["noise"] - 0.5) < 0.1


def test_the_same_seed_gives_the_same_table_and_another_seed_other_folds(rng: np.random.Generator) -> None:
    rows = planted(rng, subjects=12, clips=6, leak=blurred)
    first = leak_table(rows, draws=50)
    assert leak_table(rows, draws=50) == first
    assert leak_table(rows, draws=50, seed=1) != first


def test_the_classifiers_do_as_well_as_scikit_learns(rng: np.random.Generator) -> None:
    x = rng.normal(size=(700, 12))
    y = x[:, 0] + 0.7 * x[:, 1] * x[:, 2] + rng.normal(size=700) > 0
    train, test = slice(0, 500), slice(500, None)
    trees = HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=8, learning_rate=0.08, random_state=0)
    theirs = trees.fit(x[train], y[train]).decision_function(x[test])
    ours = boosted(x[train], y[train], x[test])
    assert roc_auc_score(y[test], ours) > roc_auc_score(y[test], theirs) - 0.02
    line = LogisticRegression(class_weight="balanced").fit(x[train], y[train]).decision_function(x[test])
    assert np.corrcoef(line, logistic(x[train], y[train], x[test]))[0, 1] > 0.999


def test_the_area_is_scikit_learns_with_ties_and_weights(rng: np.random.Generator) -> None:
    score, attack = rng.integers(0, 9, 200).astype(float), rng.random(200) < 0.4
    weight = rng.integers(0, 3, (2, 200))
    expected = [roc_auc_score(attack, score, sample_weight=w) for w in weight]
    assert area(score, attack, weight) == pytest.approx(expected)
    assert area(score, attack) == pytest.approx(roc_auc_score(attack, score))


def test_few_subjects_give_a_wider_interval_than_many(rng: np.random.Generator) -> None:
    attack = np.tile([True, False], 300)
    score = attack + rng.normal(size=600) * 1.5
    few, many = np.repeat(np.arange(6), 100), np.repeat(np.arange(300), 2)
    clumped = score + np.repeat(rng.normal(size=6), 100) * np.where(attack, 2, -2)
    width = [high - low for low, high in (area_interval(clumped, attack, s, draws=200) for s in (few, many))]
    assert width[0] > 1.5 * width[1]


def test_a_table_that_cannot_be_measured_is_refused_in_a_sentence(rng: np.random.Generator) -> None:
    rows = planted(rng)
    with pytest.raises(DataError, match="between bona fide and attacks"):
        leak_table([row for row in rows if row.instrument])
    with pytest.raises(DataError, match="needs 10 subjects, not 4"):
        leak_table(planted(rng, subjects=4))


def test_the_page_names_every_class_and_statistic(rng: np.random.Generator) -> None:
    page = markdown(leak_table(planted(rng, subjects=12), draws=20))
    assert all(name in page for name in (ALL, *FAMILIES, *NAMES, "0.60", "0.70"))


def test_measured_clips_come_back_from_their_file(rng: np.random.Generator, tmp_path: Path) -> None:
    rows = planted(rng, subjects=2)
    write_measured(tmp_path / "m.csv", rows)
    back = read_measured(tmp_path / "m.csv")
    assert [row.instrument for row in back] == [row.instrument for row in rows]
    assert back[3].statistics == pytest.approx(rows[3].statistics, rel=1e-4)
    (tmp_path / "bad.csv").write_text("name,instrument\n")
    with pytest.raises(DataError, match="no column subject"):
        read_measured(tmp_path / "bad.csv")
