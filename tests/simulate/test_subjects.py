"""Portraits from folders: cached meshes, bad pictures, none at all."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from drawn import drawn_portrait
from unmask.simulate.people.subjects import Portrait, is_usable, load_portraits
from unmask.simulate.rendering.mattes import matte
from unmask.types import DataError


@pytest.fixture(scope="module")
def drawn() -> Portrait:
    return drawn_portrait(0)


@pytest.fixture
def folder(tmp_path: Path, drawn: Portrait, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    portraits = tmp_path / "portraits"
    portraits.mkdir()
    cv2.imwrite(str(portraits / "a.png"), drawn.image[..., ::-1])
    (portraits / "broken.jpg").write_bytes(b"not a picture")
    cv2.imwrite(str(portraits / "wall.png"), np.full((80, 80, 3), 90, np.uint8))
    return portraits


class Finder:
    """Finds the drawn face in pictures of its size; counts how often it is asked."""

    def __init__(self, mesh: np.ndarray) -> None:
        self.mesh, self.asked = mesh, 0

    def find(self, image: np.ndarray) -> list[SimpleNamespace]:
        self.asked += 1
        return [SimpleNamespace(mesh=self.mesh)] if image.shape[0] == 512 else []


def test_meshes_are_found_once_and_then_read_from_the_cache(folder: Path, drawn: Portrait) -> None:
    finder = Finder(drawn.mesh)
    told: list[str] = []
    first = load_portraits(folder, finder=finder, progress=told.append)
    again = load_portraits(folder)
    assert [p.name for p in first] == [p.name for p in again] == ["a"]
    assert finder.asked == 2
    np.testing.assert_array_equal(again[0].mesh, drawn.mesh)
    assert {text.split()[0].rstrip(":") for text in told} == {"broken.jpg", "wall.png"}
    assert not list(folder.glob("*.part"))


def test_a_changed_picture_is_looked_at_again(folder: Path, drawn: Portrait) -> None:
    load_portraits(folder, finder=Finder(drawn.mesh))
    cv2.imwrite(str(folder / "a.png"), drawn.image[:, ::-1, ::-1])
    with pytest.raises(DataError, match="no face mesh"):
        load_portraits(folder)


def test_an_empty_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name another folder"):
        load_portraits(tmp_path)


@pytest.mark.parametrize("fault", ["grey", "small", "aside", "missing"])
def test_unusable_portraits_are_known(drawn: Portrait, fault: str) -> None:
    from dataclasses import replace

    mesh, image = drawn.mesh.copy(), drawn.image
    if fault == "grey":
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    elif fault == "small":
        mesh = mesh * 0.2
    elif fault == "aside":
        mesh[1, 0] += 0.4 * (mesh[263, 0] - mesh[33, 0])
    else:
        mesh[:] = np.nan
    assert is_usable(drawn)
    assert not is_usable(replace(drawn, image=image, mesh=mesh))


def test_the_matte_holds_the_face_and_not_the_corner(drawn: Portrait, tmp_path: Path) -> None:
    alpha = matte(drawn.image, drawn.mesh, cache=tmp_path)
    x, y = drawn.mesh[4, :2].astype(int)
    assert alpha[y, x] > 0.98
    assert alpha[5, 5] < 0.02
    np.testing.assert_array_equal(alpha, matte(drawn.image, drawn.mesh, cache=tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
