"""WMCA, CeFA and CASIA-SURF to one another, and CelebA-Spoof as a further source, on generated trees."""

from pathlib import Path
from typing import Any

import pytest
from test_doctor_sets import TREES

from unmask.data.catalogue import read_set, split_by
from unmask.data.protocols import PROTOCOLS
from unmask.data.splits import leaks
from unmask.types import DataError, Label, Presentation

WCS = {"wcs/cs-to-w": "wmca", "wcs/sw-to-c": "cefa", "wcs/cw-to-s": "casia-surf"}
CELEBA = {
    "ocim-celeba/ocm-to-i": "replay-attack",
    "ocim-celeba/oci-to-m": "msu-mfsd",
    "ocim-celeba/omi-to-c": "casia-fasd",
    "ocim-celeba/icm-to-o": "oulu-npu",
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Presentation]]:
    folder: Path = tmp_path_factory.mktemp("trees")
    needed = sorted({name for protocol in (*WCS, *CELEBA) for name in PROTOCOLS[protocol].needs})
    return {name: read_set(name, TREES[name](folder / name)) for name in needed}


@pytest.mark.parametrize(("name", "target"), [*WCS.items(), *CELEBA.items()])
def test_sources_are_learnt_from_and_the_target_is_tested_alone(
    name: Any, target: Any, rows: dict[str, list[Presentation]]
) -> None:
    needs = PROTOCOLS[name].needs
    split, _ = split_by(name, [row for one in needs for row in rows[one]])
    sources = set(needs) - {target}
    assert {row.dataset for row in split.train} == {row.dataset for row in split.dev} == sources
    assert {row.dataset for row in split.test} == {target}
    assert len(split.test) == sum(row.split == "test" for row in rows[target])
    for row in (*split.train, *split.dev):
        assert row.split != "test"
    assert leaks(split) == []
    for part in split.parts().values():
        assert {row.label for row in part} == set(Label)


def test_a_set_that_is_not_there_is_named(rows: dict[str, list[Presentation]]) -> None:
    there = set(PROTOCOLS["ocim-celeba/oci-to-m"].needs) - {"celeba-spoof"}
    with pytest.raises(DataError, match="needs presentations of celeba-spoof"):
        split_by("ocim-celeba/oci-to-m", [row for one in sorted(there) for row in rows[one]])
