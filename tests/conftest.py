"""What all tests share: one thread, the same chances, and a pair of small models with random weights."""

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from unmask.contract import Contract, OperatingPoint, TrainingData
from unmask.types import ClipSpec

cv2.setNumThreads(1)  # several threads on a shared core are slower than one


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    for name in ("UNMASK_DEBUG", "COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


class ModelFiles(NamedTuple):
    """Exported networks of the narrow preset, with random weights."""

    single: Path
    multi: Path


@pytest.fixture(scope="session")
def model_files(tmp_path_factory) -> ModelFiles:
    base = tmp_path_factory.getbasetemp()
    # Exporting takes half a minute: the workers of pytest-xdist, whose folders lie side by side, share the files.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "models"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return ModelFiles(
            exported(folder, "sgtd_s_single", frames=1), exported(folder, "sgtd_s_multi", frames=5)
        )


def exported(folder: Path, name: str, *, frames: int) -> Path:
    """The ONNX file of that name, made if it is not there yet."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        import torch

        from unmask.models import MODELS
        from unmask.models.export import export

        torch.set_num_threads(1)
        torch.manual_seed(0)
        export(MODELS[name]().eval(), random_contract(name, frames=frames), path)
    return path


def random_contract(name: str, *, frames: int, threshold: float = 0.5, margin: float = 0.05) -> Contract:
    """A contract for untrained weights: its points are at `threshold`, its rates those of a coin."""
    points = [
        OperatingPoint(
            name="default",
            threshold=threshold,
            margin=margin,
            precision=precision,
            apcer=0.5,
            worst_instrument="print/flat",
            bpcer=0.5,
            attacks=2,
            bona_fide=2,
            measured_on="nothing: the weights are random",
        )
        for precision in ("f32", "bf16")
    ]
    return Contract(
        name=name,
        version="0.0.0",
        network=name,
        arguments={},
        clip=ClipSpec(frames=frames, size_px=128),
        operating_points=tuple(points),
        training_data=(TrainingData(name="none", licence="CC0-1.0", items=0),),
        golden=(),
        command="pytest",
        seed=0,
        commit="",
    )
