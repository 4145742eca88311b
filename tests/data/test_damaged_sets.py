"""What lies beside prepared clips may be damaged, too: one sentence names the file, and no clip is given."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_shards import some

from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Shard, write_shard
from unmask.files import read_json
from unmask.types import ClipSpec, DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_shard(tmp_path / "shard-000000.tar", some())
    shard = Shard.open(tmp_path / "shard-000000.tar")
    frames, side = 2, 32
    assert shard.rows
    (tmp_path / "spec.json").write_text(
        json.dumps({"clip": ClipSpec(frames=frames, size_px=side).written(), "depth_px": 8})
    )
    return tmp_path


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\xfa",
        b"[" * 100_000,
        b"null",
        b"[1, 2]",
        b'{"clip": {"frames": 2.5, "size_px": 64}}',
        b'{"clip": {"frames": "2"}}',
        b'{"clip": {"frames": 2, "breadth": 3}}',
        b'{"clip": {"frames": 2, "size_px": 64}, "depth_px": 1e400}',
        b'{"clip": {"frames": 2, "size_px": 64}, "margin": NaN}',
        b'{"clip": {"frames": 2, "size_px": 64}, "selected": [{"set": 3}]}',
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(folder: Path, content: bytes) -> None:
    (folder / "spec.json").write_bytes(content)
    with pytest.raises(DataError, match=r"spec\.json is damaged.*prepare it again"):
        PreparedSet.open(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("span", [-5, 10]),
        ("span", [0, 1 << 62]),
        ("span", ["nan", 3]),
        ("span", None),
        ("clip", [0, 1 << 62]),
        ("depth", [-1, 4]),
        ("mask", [float("inf"), 4]),
        ("mask", [0]),
    ],
)
def test_places_outside_of_a_shard_are_refused_before_it_is_read(folder: Path, key: str, value: Any) -> None:
    path = folder / "shard-000000.json"
    index = json.loads(path.read_text())
    del index["sha256_of_index"]  # as who wrote it by hand would
    index["recordings"][0]["clips"][0][key] = value
    path.write_text(json.dumps(index))
    with pytest.raises(DataError, match=r"shard-000000\.json cannot be read.*prepare again"):
        Shard.open(folder / "shard-000000.tar")


def test_an_index_of_other_places_inside_is_refused_when_its_clip_is_read(folder: Path) -> None:
    path = folder / "shard-000000.json"
    index = json.loads(path.read_text())
    del index["sha256_of_index"]
    index["recordings"][0]["clips"][0]["depth"] = [0, 7]
    path.write_text(json.dumps(index))
    shard = Shard.open(folder / "shard-000000.tar")
    with pytest.raises(DataError, match="its index does not fit its clips"):
        shard.read(0, frames=2, size_px=32, depth_px=8)


def test_json_that_is_not_there_or_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{'a': 1}")
    with pytest.raises(DataError, match=r"a\.json is damaged: it is not JSON; make it again"):
        read_json(tmp_path / "a.json", again="make it again")
    with pytest.raises(DataError, match=r"b\.json cannot be read: No such file.*; make it again"):
        read_json(tmp_path / "b.json", again="make it again")
    np.savez(tmp_path / "c.json")
    with pytest.raises(DataError, match="is not JSON"):
        read_json(tmp_path / "c.json.npz", again="make it again")
