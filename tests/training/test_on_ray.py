"""Two workers of a local Ray cluster train as one process with the doubled batch does, and go on later."""

from dataclasses import replace

import pytest
import torch
from test_runs import PLAIN
from test_training import toy, toy_settings

from unmask.training.checkpoint import CHECKPOINT, read
from unmask.training.loop import TrainingError, train
from unmask.training.on_ray import train_on_ray
from unmask.types import SettingsError

__all__ = ["toy"]  # a fixture


def settings_of(*, steps: int, size: int):
    """Of a network that the workers know without a test's help, with statistics that stand still."""
    changes = {**PLAIN, "run": {**PLAIN["run"], "loggers": []}, "loss": {"binary": 1.0}}
    settings = toy_settings(steps=steps, network="resnet18", batches={"size": size}, **changes)
    return replace(settings, arguments={"width": 4})


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray = pytest.importorskip("ray", reason="the extra scale is not installed")
    yield
    ray.shutdown()


def test_two_workers_resumed_are_one_with_the_doubled_batch(toy, tmp_path):
    out = tmp_path / "two"
    train_on_ray(settings_of(steps=2, size=4), data=toy, out=out, workers=2)
    assert read(out / CHECKPOINT).history.step == 2
    train_on_ray(settings_of(steps=4, size=4), data=toy, out=out, workers=2, resume=True)
    one = train(settings_of(steps=4, size=8), data=toy, out=tmp_path / "one")
    together, alone = read(out / CHECKPOINT), read(one / CHECKPOINT)
    assert [step for step, _ in together.history.losses] == [1, 2, 3, 4]
    for (_, mine), (_, theirs) in zip(together.history.losses, alone.history.losses, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
    for name, tensor in alone.network.items():
        torch.testing.assert_close(together.network[name], tensor, rtol=1e-3, atol=1e-4)


def test_what_is_wrong_is_said_before_a_worker_starts_or_as_the_worker_said_it(toy, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(SettingsError, match="no run to resume"):
        train_on_ray(settings_of(steps=2, size=4), data=toy, out=out, workers=2, resume=True)
    wrong = replace(settings_of(steps=2, size=4), arguments={"width": 4, "depth": 3})
    with pytest.raises(TrainingError, match=r"\[arguments\] do not fit resnet18"):
        train_on_ray(wrong, data=toy, out=out, workers=1)
    assert not out.exists()
