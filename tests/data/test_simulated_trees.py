"""Trees of simulated recordings are read as the sets whose layouts they have, in each task of a benchmark."""

from typing import Any

import numpy as np
import pytest

from unmask.app.benchmark_ocim import TASKS
from unmask.app.benchmark_siw_m import VERSIONS
from unmask.data.catalogue import read_set, split_by
from unmask.types import Label

pytest.importorskip("h5py")
from experiments.simulated_trees import FRAMES, WRITERS, planned_trees, write_lists

LETTERS = {
    "oulu-npu": "O",
    "casia-fasd": "C",
    "replay-attack": "I",
    "msu-mfsd": "M",
    "siw-m": "S",
    "celeba-spoof": "L",
    "wmca": "W",
    "cefa": "F",
    "casia-surf": "R",
}
PEOPLE = 2


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All presentations that the readers find in the trees; videos are empty files, pictures are tiny."""
    out = tmp_path_factory.mktemp("trees")
    planned = [one for _, one in planned_trees(PEOPLE)]
    for one in planned:
        path = out / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".mp4":
            path.touch()
        else:
            WRITERS[one.letter](path, [np.full((8, 8, 3), 90, np.uint8)] * FRAMES)
    write_lists(out, planned)
    return {name: read_set(name, out / letter) for name, letter in LETTERS.items()}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_finds_both_classes_in_every_part_of_the_trees(task: Any, sets: Any) -> None:
    presentations = [row for rows in sets.values() for row in rows]
    for protocol in TASKS[task]:
        split, _ = split_by(protocol, presentations)
        for part, (bona_fide, attacks) in split.counts().items():
            assert bona_fide, (protocol, part)
            assert attacks, (protocol, part)


def test_every_type_of_siw_m_can_be_left_out_of_the_tree(sets: Any) -> None:
    assert len(VERSIONS["siw-m"]) == 13
    for protocol in VERSIONS["siw-m"]:
        split, _ = split_by(protocol, sets["siw-m"])
        assert split.counts()["test"] == (2 * PEOPLE, PEOPLE)


def test_lists_and_names_say_the_same_of_each_person(sets: Any) -> None:
    for name in ("celeba-spoof", "wmca", "cefa", "casia-surf"):
        rows = sets[name]
        assert {row.label for row in rows if not row.instrument} == {Label.BONA_FIDE}
        parts = {"celeba-spoof": 2}.get(name, 3)
        assert len(rows) == 4 * PEOPLE * parts
        assert sum(row.label is Label.BONA_FIDE for row in rows) == 2 * PEOPLE * parts
