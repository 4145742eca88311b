"""The published figures: one table, one page of the documentation, and a section of the report."""

from pathlib import Path

import pytest

from unmask.data.protocols import PROTOCOLS
from unmask.report.published import every, markdown, published
from unmask.types import SettingsError

PAGE = Path(__file__).parents[2] / "docs" / "published.md"


def test_the_page_holds_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(markdown())


def test_every_row_is_of_a_protocol_that_is_here_and_names_its_source() -> None:
    groups = {row.folds for row in PROTOCOLS.values()}
    for row in every():
        assert row.protocol in PROTOCOLS or row.protocol in groups
        assert row.source
        assert row.figures
        for cell in row.figures.values():
            value, _, deviation = cell.partition("±")
            assert 0 <= float(value) <= 100
            assert not deviation or float(deviation) >= 0


def test_acer_is_the_mean_of_its_parts_where_a_protocol_has_one_fold() -> None:
    rows = [row for row in every() if row.protocol in ("oulu-npu/1", "oulu-npu/2", "siw/1")]
    whole = [row.figures for row in rows if len(row.figures) == 3]
    assert len(whole) > 20
    for figures in whole:
        mean = (float(figures["APCER"]) + float(figures["BPCER"])) / 2
        assert float(figures["ACER"]) == pytest.approx(mean, abs=0.0551)  # one printed digit


def test_a_fold_stands_beside_its_group_and_an_unknown_protocol_is_named() -> None:
    assert published("siw-m/loo.replay")[0].protocol == "siw-m/loo.replay"
    assert published("oulu-npu/4.6") == published("oulu-npu/4")
    with pytest.raises(SettingsError, match=r"no published figures of 'wmca/grandtest'.*oulu-npu/1"):
        published("wmca/grandtest")


def test_the_rows_of_the_fields_table_stand_beside_both_of_its_protocols() -> None:
    for fold in ("ocm-to-i", "oci-to-m", "omi-to-c", "icm-to-o"):
        by_lists, by_all = published(f"ocim/{fold}"), published(f"ocim-all/{fold}")
        assert [(row.method, row.figures) for row in by_all] == [
            (row.method, row.figures) for row in by_lists
        ]
        assert {row.protocol for row in by_all} == {f"ocim-all/{fold}"}
    with pytest.raises(SettingsError, match="no published figures of"):
        published("ocim-all/o-to-m")
