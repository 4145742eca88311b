"""A graph that was compiled once is read again, and never one that was altered."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask.media.compiled import SWITCH, compiled_once
from unmask.media.engine import ov

SETTINGS: dict[str, str | int | bool] = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


@pytest.fixture
def compile_doubling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Compiles a graph that doubles four numbers; tells how often it was built."""
    monkeypatch.setenv("UNMASK_ASSETS", str(tmp_path))
    monkeypatch.delenv(SWITCH, raising=False)
    built: list[int] = []

    def graph(core: ov.Core) -> ov.Model:
        built.append(1)
        given = ov.opset13.parameter([4], np.float32)
        return ov.Model([ov.opset13.multiply(given, np.full(4, 2, np.float32))], [given], "double")

    def compile_once(key: bytes = b"doubling") -> int:
        done = compiled_once(key, graph, SETTINGS)
        request = done.create_infer_request()
        request.infer({0: np.arange(4, dtype=np.float32)})
        np.testing.assert_array_equal(request.get_output_tensor(0).data, [0, 2, 4, 6])
        return len(built)

    return compile_once


def _only(folder: Path) -> Path:
    (path,) = (folder / "compiled").iterdir()
    return path


def test_the_second_time_it_is_read(compile_doubling: Any, tmp_path: Path) -> None:
    assert [compile_doubling(), compile_doubling()] == [1, 1]
    assert compile_doubling(b"another graph") == 2
    assert len(list((tmp_path / "compiled").iterdir())) == 2


@pytest.mark.parametrize("spoil", [lambda c: c[:-1], lambda c: c[:60] + b"x" + c[61:], lambda c: b""])
def test_what_was_cut_or_altered_is_compiled_anew(compile_doubling: Any, tmp_path: Path, spoil: Any) -> None:
    compile_doubling()
    path = _only(tmp_path)
    path.write_bytes(spoil(path.read_bytes()))
    assert [compile_doubling(), compile_doubling()] == [2, 2]  # and what was written in its place is read


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(
    compile_doubling: Any, tmp_path: Path
) -> None:
    (tmp_path / "compiled").write_text("a file where the folder would be")
    assert [compile_doubling(), compile_doubling()] == [1, 2]


def test_it_can_be_switched_off(
    compile_doubling: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "off")
    assert [compile_doubling(), compile_doubling()] == [1, 2]
    assert not (tmp_path / "compiled").exists()
