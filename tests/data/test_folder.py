from pathlib import Path
from typing import Any

import pytest

from unmask.data.folder import read_labels
from unmask.types import DataError, Label

HEADER = "path,label,instrument,subject\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mp4", "c.png"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def write(folder: Any, text: Any) -> Any:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder


def test_rows_become_presentations_with_their_free_columns(folder: Path) -> None:
    write(folder, HEADER + "a.mp4,bona_fide,,ann\nb.mp4,attack,print/a4-matt,bob\n")
    first, second = read_labels(folder)
    assert (first.path, first.label, first.instrument) == (str(folder / "a.mp4"), Label.BONA_FIDE, "")
    assert (second.label, second.instrument) == (Label.ATTACK, "print/a4-matt")
    assert second.subject == "bob"
    assert dict(second.columns) == {}


def test_a_byte_order_mark_and_spaces_do_no_harm(folder: Path) -> None:
    write(folder, "\ufeff" + HEADER + "a.mp4, bona_fide , ,ann\n")
    assert read_labels(folder)[0].label is Label.BONA_FIDE


def test_labels_may_lie_elsewhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    table = tmp_path_factory.mktemp("elsewhere") / "protocol.csv"
    table.write_text(HEADER + "c.png,attack,mask/paper,\n")
    assert read_labels(folder, table)[0].instrument == "mask/paper"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "path,instrument\na.mp4,\n",
            "no column label, its first line parted by commas; such a table has path,label",
        ),
        ("", "no column path, label, instrument, its first line not parted by any separator known"),
        (HEADER, "lists no presentation"),
        (HEADER + "a.mp4,real,,\n", "line 2: the label is 'real'; it must be bona_fide or attack"),
        (HEADER + "a.mp4,bona_fide,print/a4,\n", "bona_fide with the instrument 'print/a4'"),
        (HEADER + ",attack,print,\n", "line 2: the path is empty"),
        (HEADER + "a.mp4,attack,print,ann,more\n", "not as many cells"),
        (HEADER + "a.mp4,attack\n", "not as many cells"),
        (HEADER + "a.mp4,attack,,\na.mp4,attack,,\n", "a.mp4 twice"),
        (
            HEADER + "a.mp4,attack,,\nx.mp4,attack,,\ny.mp4,attack,,\n",
            "lists 2 paths of 3 that do not exist, .*x.mp4",
        ),
    ],
)
def test_a_broken_rule_is_named_in_one_sentence(folder: Path, text: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read_labels(write(folder, text))


def test_a_folder_without_labels_or_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="has no labels"):
        read_labels(folder)
    with pytest.raises(DataError, match="is not a folder"):
        read_labels(folder / "a.mp4")


def test_a_table_that_is_not_utf8_is_refused(folder: Path) -> None:
    (folder / "labels.csv").write_bytes(HEADER.encode() + b"a.mp4,attack,\xff\xfe,\n")
    with pytest.raises(DataError, match="is not a table in UTF-8"):
        read_labels(folder)


@pytest.mark.parametrize(
    "text",
    [
        "Path;Label;Instrument;Subject\na.mp4;Bona Fide;;ann\nb.mp4; ATTACK ;print/a4;bob\n",
        "PATH\tlabel\t instrument \tSUBJECT\na.mp4\tbona-fide\t\tann\nb.mp4\tAttack\tprint/a4\tbob\n",
        "path|label|instrument|subject\na.mp4|bona_fide||ann\nb.mp4|attack|print/a4|bob\n",
        " path , LABEL,instrument,subject\na.mp4,BONA_FIDE,,ann\nb.mp4,attack,print/a4,bob\n",
        "\n\npath;label;instrument;subject;;\na.mp4;bona_fide;;ann;;;\n;;;\n \nb.mp4;attack;print/a4;bob;;\n",
    ],
)
def test_separators_capitals_and_blanks_of_spreadsheets_are_understood(folder: Path, text: str) -> None:
    first, second = read_labels(write(folder, text))
    assert (first.label, first.subject) == (Label.BONA_FIDE, "ann")
    assert (second.label, second.instrument, second.subject) == (Label.ATTACK, "print/a4", "bob")


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("path;label", "parted by semicolons"),
        ("path|label", "parted by vertical bars"),
        ("path:label", "not parted by any separator known"),
    ],
)
def test_the_separator_that_was_found_is_named(folder: Path, first: str, found: str) -> None:
    with pytest.raises(DataError, match=f"no column .*instrument, its first line {found}"):
        read_labels(write(folder, f"{first}\na.mp4;attack\n"))


@pytest.mark.parametrize("name", ["1" * 5000 + ".mp4", "nul\0byte.mp4"])
def test_a_name_that_no_file_can_have_is_one_that_does_not_exist(folder: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"do not exist|not a CSV table"):
        read_labels(write(folder, HEADER + f"{name},attack,,\n"))


@pytest.mark.parametrize("path", ["http://admin:S3cret@10.0.0.7/a.mp4", "rtsp://10.0.0.7/live?key=S3cret"])
def test_an_address_in_a_table_is_refused_without_its_credentials(folder: Path, path: str) -> None:
    (folder / "labels.csv").write_text(f"path,label,instrument\n{path},bona_fide,\n")
    with pytest.raises(
        DataError, match=r"line 2: .*10\.0\.0\.7.* is an address, and tables list files"
    ) as caught:
        read_labels(folder)
    assert "S3cret" not in str(caught.value)
