"""Slices count what is in them, and say where that is little."""

from typing import Any

import numpy as np
import pytest

from unmask.evaluation.measure import measure
from unmask.evaluation.runs import Run
from unmask.evaluation.slices import MEASURED, slices
from unmask.metrics import rate
from unmask.types import Label, Presentation, Score


def system(rows: Any) -> Any:
    """A system of rows (label, score, columns); the threshold is 0.5."""
    test = tuple(
        Score(
            presentation=Presentation(
                path=str(number), label=label, instrument="print" if label is Label.ATTACK else ""
            ),
            score=score,
            columns={**columns, "threshold": "0.5"},
        )
        for number, (label, score, columns) in enumerate(rows)
    )
    return measure(Run(system="s", fold="", dev=(), test=test), None, rounds=0)


LIVE, FAKE = Label.BONA_FIDE, Label.ATTACK


def named(found: Any, title: Any) -> Any:
    return next(one for one in found if one.title == title)


def test_a_cell_holds_its_own_errors_with_the_exact_interval() -> None:
    rows = (
        [(LIVE, 0.9, {"camera": "a"})] * 3
        + [(LIVE, 0.1, {"camera": "a"})]
        + [(FAKE, 0.8, {"camera": "b"})] * 2
    )
    rows += [(LIVE, np.nan, {"camera": "b"}), (FAKE, 0.2, {"camera": "b"}), (FAKE, np.nan, {"camera": "a"})]
    a, b = named(slices(system(rows)), "Camera").cells
    assert (a.name, a.refused, a.accepted, a.silent) == ("a", rate(1, 4), rate(0, 1), 1)
    assert (b.name, b.refused, b.accepted, b.silent) == ("b", rate(1, 1), rate(2, 3), 1)


def test_cells_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(2)
    rows = [
        (
            LIVE if rng.random() < 0.5 else FAKE,
            float(rng.random()),
            {"face_ita": f"{rng.uniform(-60, 70):.1f}"},
        )
        for _ in range(200)
    ]
    one = system(rows)
    cells = named(slices(one), "Skin tone").cells
    assert sum(cell.refused.errors for cell in cells) == one.honest.bpcer.errors
    assert sum(cell.accepted.count for cell in cells) == one.honest.attacks


@pytest.mark.parametrize("count", [29, 30])
def test_a_cell_with_fewer_than_thirty_is_small(count: int) -> None:
    rows = (
        [(LIVE, 0.9, {"camera": "a"})] * count
        + [(FAKE, 0.1, {"camera": "b"})] * 40
        + [(LIVE, 0.9, {"camera": "b"})] * 40
    )
    a, b = named(slices(system(rows)), "Camera").cells
    assert a.small == (count < 30)
    assert not b.small


def test_numbers_fall_into_their_classes_and_either_side_is_a_turn() -> None:
    rows = [
        (LIVE, 0.9, {"face_yaw": yaw, "face_luma": luma})
        for yaw, luma in (("-12", "59.9"), ("12", "60"), ("3", ""))
    ]
    rows.append((FAKE, 0.1, {"face_yaw": "-30", "face_luma": "200"}))
    found = slices(system(rows))
    assert [(c.name, c.refused.count) for c in named(found, "Head turned to a side").cells] == [
        ("under 10°", 1),
        ("10 to 20°", 2),
        ("20° or more", 0),
    ]
    assert [c.name for c in named(found, "Light on the face").cells] == [
        "under 60",
        "60 to 100",
        "150 or more",
        "not measured",
    ]


def test_a_column_of_one_value_of_many_names_or_of_none_is_no_slice() -> None:
    rows = [(LIVE, 0.9, {"camera": "a", "place": f"p{n}", "face_px": "wide"}) for n in range(30)]
    rows.append((FAKE, 0.1, {"camera": "a", "place": "q", "face_px": ""}))
    assert slices(system(rows)) == []
    assert [one.title for one in slices(system(rows), by=["place"])] == ["Place"]


def test_numbers_are_in_their_order() -> None:
    rows = [(LIVE, 0.9, {"session": str(n)}) for n in (10, 9, 2)] + [(FAKE, 0.1, {"session": "x"})]
    assert [cell.name for cell in named(slices(system(rows)), "Session").cells] == ["2", "9", "10", "x"]


def test_each_measured_column_is_one_that_scoring_writes() -> None:
    from unmask.detector.saved_evidence import LOOKS

    assert {one.column for one in MEASURED} == set(LOOKS)
