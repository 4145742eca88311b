"""What a worker of Ray Train runs, in two gloo processes that stand as Ray leaves them; and the cluster."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_runs import PLAIN
from test_training import toy, toy_settings

from unmask.parallel import connect
from unmask.training.checkpoint import CHECKPOINT, Checkpoint, read
from unmask.training.loop import train
from unmask.training.on_ray import train_on_ray
from unmask.training.settings import Settings
from unmask.training.trainer import TrainingError
from unmask.types import SettingsError

__all__ = ["toy"]  # a fixture
WORKER = """
import os, sys
sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
for name in ("TORCHELASTIC_RUN_ID", "GROUP_RANK"):  # torchrun's own, which Ray does not set
    os.environ.pop(name, None)
os.environ["NODE_RANK"] = "0"
import torch
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
from test_on_ray import settings_of
from unmask.training.on_ray import train_as_worker
from unmask.training.settings import to_toml
given = {{"data": [{data!r}], "out": {out!r}, "init": None}}
for steps, resume in ((2, False), (4, True)):
    train_as_worker({{**given, "settings": to_toml(settings_of(steps=steps, size=4)), "resume": resume}})
torch.distributed.destroy_process_group()
"""


def settings_of(*, steps: int, size: int) -> Settings:
    """A network that workers know without a test's help, with batch statistics that stand still."""
    changes = {**PLAIN, "run": {**PLAIN["run"], "loggers": []}, "loss": {"binary": 1.0}}
    settings = toy_settings(steps=steps, network="resnet18", batches={"size": size}, **changes)
    return replace(settings, arguments={"width": 16})  # of 4, oneDNN damages the heap on some CPUs


def assert_same_run(together: Checkpoint, alone: Checkpoint) -> None:
    assert [step for step, _ in together.history.losses] == [1, 2, 3, 4]
    for (_, mine), (_, theirs) in zip(together.history.losses, alone.history.losses, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
    for name, tensor in alone.network.items():
        torch.testing.assert_close(together.network[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_two_workers_resumed_are_one_with_the_doubled_batch(toy: Any, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        WORKER.format(tests=str(Path(__file__).parent), data=str(toy), out=str(tmp_path / "two"))
    )
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one = train(settings_of(steps=4, size=8), data=toy, out=tmp_path / "one")
    assert_same_run(read(tmp_path / "two" / CHECKPOINT), read(one / CHECKPOINT))


def test_what_is_wrong_is_said_before_a_worker_starts(toy: Any, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra scale is not installed")
    with pytest.raises(SettingsError, match="no run to resume"):
        train_on_ray(settings_of(steps=2, size=4), data=toy, out=tmp_path / "run", workers=2, resume=True)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A local cluster. Ray gives its parts half a minute each to come up, which a busy machine may not do in
    time, so that it is tried three times.
    """
    ray = pytest.importorskip("ray", reason="the extra scale is not installed")
    monkeypatch.setenv("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "300")
    for left in (2, 1, 0):
        try:
            connect(ray, jobs=3)
            break
        except Exception:  # Ray raises nothing narrower
            ray.shutdown()
            if not left:
                raise
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings(  # Ray's own settings, as Ray sets them; a cluster that did not come up
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.usefixtures("cluster")
def test_a_cluster_of_two_workers_trains_and_says_what_a_worker_said(toy: Any, tmp_path: Path) -> None:
    out = train_on_ray(settings_of(steps=2, size=4), data=toy, out=tmp_path / "two", workers=2)
    train_on_ray(settings_of(steps=4, size=4), data=toy, out=out, workers=2, resume=True)
    one = train(settings_of(steps=4, size=8), data=toy, out=tmp_path / "one")
    assert_same_run(read(out / CHECKPOINT), read(one / CHECKPOINT))
    wrong = replace(settings_of(steps=2, size=4), arguments={"width": 4, "depth": 3})
    with pytest.raises(TrainingError, match=r"\[arguments\] of resnet18: there is no 'depth'"):
        train_on_ray(wrong, data=toy, out=tmp_path / "wrong", workers=1)
