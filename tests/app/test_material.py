"""The script that names the material: offline, against folders of this machine."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from present import module_at, present

SCRIPT = Path(__file__).parents[2] / "scripts" / "material.py"


@pytest.fixture(scope="module")
def material() -> ModuleType:
    return module_at(SCRIPT, "material")


@pytest.fixture
def published(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A folder that stands for the net: a portrait, a larger one, a room all around, a head and a shape."""
    net = tmp_path / "net"
    net.mkdir()
    for name, size in (("same.jpg", 512), ("large.jpg", 640)):
        cv2.imwrite(str(net / name), rng.integers(0, 255, (size, size, 3), np.uint8))
    room = np.zeros((64, 128, 3), np.float32)
    room[:, 48:80] = (0, 0, 2.0)  # red ahead
    room[:, :16] = room[:, 112:] = (2.0, 0, 0)  # blue behind
    cv2.imwrite(str(net / "room_2k.hdr"), room + 0.1)
    return net


def row(material: Any, path: Any, prepared: Any, url: Any) -> Any:
    return material.Row(
        path=path, sha256="", bytes=0, source="net", licence="CC0-1.0", prepared=prepared, urls=url
    )


def test_every_row_names_source_licence_hash_and_address(material: ModuleType) -> None:
    rows = material.read_table()
    assert len(rows) == 1459
    open_ones = ("MIT", "CC0-1.0", "CC BY", "CC-BY-4.0", "Apache-2.0", "BSD-3-Clause")
    assert all(row.licence.startswith(open_ones) for row in rows)
    assert all(len(row.sha256) == 64 and row.urls.startswith("https://") for row in rows)
    assert len({row.path for row in rows}) == len(rows)


def test_what_is_published_is_kept_to_the_byte_and_checked(
    material: ModuleType, published: Path, tmp_path: Path
) -> None:
    url = (published / "same.jpg").as_uri()
    wanted = row(material, "portraits/us-house_a.jpg", "as published", f"file:///nowhere/a.jpg {url}")
    assert material.fetch(tmp_path / "dir", [wanted]) == []
    there = tmp_path / "dir" / wanted.path
    assert there.read_bytes() == (published / "same.jpg").read_bytes()
    listed = material.row_of(there, below=tmp_path / "dir")
    assert material.check(tmp_path / "dir", [listed]) == {("CivilServiceUSA/us-house", "same"): 1}
    there.write_bytes(b"something else")
    assert material.check(tmp_path / "dir", [listed]) == {("CivilServiceUSA/us-house", "other bytes"): 1}
    there.unlink()
    assert material.check(tmp_path / "dir", [listed]) == {("CivilServiceUSA/us-house", "missing"): 1}


def test_a_larger_portrait_is_cut_to_512(material: ModuleType, published: Path, tmp_path: Path) -> None:
    wanted = row(material, "portraits/interfaces_1.jpg", "cut", (published / "large.jpg").as_uri())
    assert material.fetch(tmp_path, [wanted]) == []
    assert present(cv2.imread(str(tmp_path / wanted.path))).shape == (512, 512, 3)


def test_views_of_a_room_look_where_their_names_say(
    material: ModuleType, published: Path, tmp_path: Path
) -> None:
    url = (published / "room_2k.hdr").as_uri()
    rows = [row(material, f"backgrounds/room_{turn}.jpg", "rendered", url) for turn in ("000", "180")]
    assert material.fetch(tmp_path, rows) == []
    ahead, behind = (present(cv2.imread(str(tmp_path / r.path))) for r in rows)
    assert ahead.shape == (480, 640, 3)
    assert ahead[240, 320].argmax() == 2
    assert behind[240, 320].argmax() == 0


def test_what_cannot_be_had_is_told_in_a_sentence_and_the_rest_goes_on(
    material: ModuleType, published: Path, tmp_path: Path
) -> None:
    rows = [
        row(material, "portraits/us-house_gone.jpg", "as published", "file:///nowhere/gone.jpg"),
        row(material, "portraits/us-house_a.jpg", "as published", (published / "same.jpg").as_uri()),
    ]
    (sentence,) = material.fetch(tmp_path, rows)
    assert sentence.startswith("portraits/us-house_gone.jpg could not be fetched")
    assert (tmp_path / rows[1].path).is_file()


def test_what_was_picked_is_found_in_clones_by_its_hash_and_its_tables_are_written(
    material: ModuleType, published: Path, tmp_path: Path
) -> None:
    given, clones = tmp_path / "given", tmp_path / "clones" / "owner" / "repository" / "deep"
    clones.mkdir(parents=True)
    for name in ("same.jpg", "large.jpg"):
        (clones / f"renamed-{name}").write_bytes((published / name).read_bytes())
    frames = given / "samples" / "head" / "seq_one"
    frames.mkdir(parents=True)
    (frames / "0.jpg").write_bytes((published / "same.jpg").read_bytes())
    (given / "samples" / "replay.jpg").write_bytes((published / "large.jpg").read_bytes())
    lines = [
        "path,label,instrument,source,licence,credit",
        "head/seq_one,attack,mask,owner/repository,MIT,Owner",
        "replay.jpg,attack,replay,owner/repository,MIT,Owner",
    ]
    (given / "samples" / "labels.csv").write_text("\n".join(lines) + "\n")
    rows = list(material.picked(given))
    assert [row.path for row in rows] == ["samples/head/seq_one/0.jpg", "samples/replay.jpg"]
    assert rows[0].urls == "https://github.com/owner/repository"

    again = tmp_path / "again"
    assert material.fetch(again, rows) == []
    assert material.check(again, rows) == {("owner/repository", "missing"): 2}
    material.gather(again, rows, clones=tmp_path / "clones")
    assert material.check(again, rows) == {("owner/repository", "same"): 2}
    assert (again / "samples" / "labels.csv").read_text() == (given / "samples" / "labels.csv").read_text()


def test_a_mesh_is_read_with_its_quads_and_materials(material: ModuleType) -> None:
    lines = [
        "v 0 0 0",
        "v 1 0 0",
        "v 1 1 0",
        "v 0 1 0.5",
        *["vt 0 0"] * 4,
        "usemtl skin",
        "f 1/1 2/2 3/3 4/4",
    ]
    mesh = material.mesh_of("\n".join(lines))
    assert mesh["vertices"].shape == (4, 3)
    assert mesh["quads"].tolist() == [[0, 1, 2, 3]]
    assert mesh["material_names"].tolist() == ["skin"]


def test_the_command_line_checks_a_folder_and_says_what_is_missing(
    material: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert material.main(["check", str(tmp_path)]) == 1
    assert "CivilServiceUSA/us-house: 415 missing" in capsys.readouterr().out
