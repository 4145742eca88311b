"""Processes and a Ray cluster make the same shards, and say the same when a worker fails or is killed."""

import operator
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from face_meshes import face_mesh
from unmask.app.errors import UNREADABLE, explain
from unmask.data.prepare.preparation import Cutting, Packing, Recording, prepare
from unmask.data.prepare.prepared import PreparedSet
from unmask.parallel import Engine, in_processes, on_ray
from unmask.types import (
    ClipSpec,
    Face,
    Frame,
    Label,
    OutputError,
    Presentation,
    SettingsError,
    Sighting,
    UnmaskError,
)

CUTTING = Cutting(clip=ClipSpec(frames=1, size_px=32), seed=3)
PACKING = Packing(recordings_a_shard=1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster on this machine, of two workers, for all tests of this file."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


def test_a_killed_worker_is_a_sentence_also_where_nobody_expects_it() -> None:
    with pytest.raises(
        UnmaskError, match="was killed, perhaps for want of memory; run the same command"
    ) as died:
        list(in_processes(os._exit, [9, 9], jobs=2))
    text, code = explain(died.value)
    assert (code, "error of unmask itself" in text) == (UNREADABLE, False)


@pytest.fixture(params=[in_processes, pytest.param(on_ray, marks=pytest.mark.slow)], ids=["processes", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param is on_ray:
        request.getfixturevalue("cluster")
    return request.param


def recording(index: Any) -> Any:
    """One picture of noise with a mesh in it, each of another depth."""
    rng = np.random.default_rng(index)
    mesh = face_mesh(x=30, y=30, width=40, height=40, depth=rng.uniform(5, 15))
    face = Face(box=np.array([10, 10, 50, 50], np.float32), mesh=mesh, presence=1.0)
    frame = Frame(rng.integers(0, 256, (60, 60, 3), dtype=np.uint8), 0.0, 0)
    return Recording(
        presentation=Presentation(path=f"r{index}", label=Label.BONA_FIDE, subject=f"s{index}"),
        sightings=[Sighting(frame=frame, face=face)],
        source="toy",
    )


def source(count: Any) -> Any:
    """Recordings by number, as a function that pickles wherever the tests lie."""
    return partial(operator.getitem, [recording(n) for n in range(count)])


def contents(root: Any) -> Any:
    return {p.name: p.read_bytes() for p in sorted(root.iterdir())}


def test_two_workers_make_the_shards_of_one_process(engine: Engine, tmp_path: Path) -> None:
    seen = []
    for out, jobs, chosen in (("one", 1, in_processes), ("two", 2, engine)):
        prepare(
            source(5),
            tmp_path / out,
            count=5,
            cutting=CUTTING,
            packing=PACKING,
            jobs=jobs,
            engine=chosen,
            progress=lambda *done: seen.append(done),
        )
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(PreparedSet.open(tmp_path / "two").rows) == 5
    assert seen == [(n, 5) for n in range(6)] * 2


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(**_: Any) -> None:
        raise ConnectionError("no head node")

    stub = SimpleNamespace(is_initialized=lambda: False, init=silent)
    monkeypatch.setitem(sys.modules, "ray", stub)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(SettingsError, match=r"no Ray cluster answers at RAY_ADDRESS=10\.0\.0\.1:6379"):
        list(on_ray(print, [1], jobs=1))


def test_what_a_worker_refuses_is_raised_as_it_was(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    prepare(source(1), tmp_path / "set", count=1, cutting=CUTTING, packing=PACKING)
    (tmp_path / "set" / "shard-000002.tar").mkdir()
    with pytest.raises(OutputError) as refused:
        prepare(source(4), tmp_path / "set", count=4, cutting=CUTTING, packing=PACKING, jobs=2, engine=engine)
    assert str(refused.value).startswith(f"cannot write {tmp_path / 'set' / 'shard-000002.tar'}: it is not")


def test_a_killed_worker_is_one_sentence_that_says_how_far_it_went(engine: Engine, tmp_path: Path) -> None:
    prepare(source(1), tmp_path / "set", count=1, cutting=CUTTING, packing=PACKING)
    with pytest.raises(OutputError, match=r"was killed, .* with 1 of 3 shards in .* made; run the same comm"):
        prepare(os._exit, tmp_path / "set", count=3, cutting=CUTTING, packing=PACKING, jobs=2, engine=engine)
    prepare(source(3), tmp_path / "set", count=3, cutting=CUTTING, packing=PACKING, jobs=2, engine=engine)
    prepare(source(3), tmp_path / "whole", count=3, cutting=CUTTING, packing=PACKING)
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")
