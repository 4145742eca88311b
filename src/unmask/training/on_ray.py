"""A training on a Ray cluster: Ray Train's TorchTrainer starts the workers, and each runs the same loop.

Every machine must see the prepared sets and the run folder under the same paths. Workers find one another by
torch.distributed (gloo, or nccl on GPUs) as under torchrun, so that the same settings take the same steps.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unmask.parallel import connect, ray_module
from unmask.training.loop import train
from unmask.training.run_folder import goes_on, said_first
from unmask.training.sets import Folders, Sets, folders_of
from unmask.training.settings import Settings, from_mapping, to_toml
from unmask.training.trainer import TrainingError
from unmask.types import UnmaskError


def train_on_ray(
    settings: Settings,
    *,
    data: Folders,
    out: str | Path,
    workers: int,
    resume: bool = False,
    init: str | Path | None = None,
) -> Path:
    """As loop.train, by `workers` processes of the cluster that RAY_ADDRESS names, or of a local one.

    `[batches] size` is that of each worker. What is wrong with data or folder is said before any is started.
    """
    ray = ray_module()
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    out = Path(out).resolve()
    first = said_first(init, resume=resume)
    goes_on(out, settings, resume=resume, clips=Sets.open(data).fingerprint(), first=first)
    gpus = settings.compute.accelerator in ("gpu", "cuda")
    connect(ray, jobs=workers + 1)  # one more for the trainer itself
    given = {
        "settings": to_toml(settings),
        "data": [str(folder.resolve()) for folder in folders_of(data)],
        "out": str(out),
        "resume": resume,
        "init": None if init is None else str(init),
    }
    with tempfile.TemporaryDirectory(prefix="unmask-ray-") as notes:
        trainer = TorchTrainer(
            train_as_worker,
            train_loop_config=given,
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus),
            run_config=RunConfig(name=settings.run.name, storage_path=notes),
        )
        try:
            trainer.fit()
        except (ray.exceptions.RayError, TrainingFailedError) as failed:
            raise TrainingError(_sentence(failed)) from failed
    return out


def train_as_worker(given: Mapping[str, Any]) -> None:
    """One of the processes; Ray has set up torch.distributed, and its numbers are where torchrun has them."""
    import tomllib

    os.environ["TORCHELASTIC_RUN_ID"] = "ray"  # so that Fabric joins these processes and starts none
    os.environ.setdefault("GROUP_RANK", os.environ.get("NODE_RANK", "0"))
    settings = from_mapping(tomllib.loads(given["settings"]), origin="the settings")
    train(settings, data=given["data"], out=given["out"], resume=given["resume"], init=given["init"])


def _sentence(failed: Exception) -> str:
    """What the first worker said, where it was a sentence of ours."""
    workers = getattr(failed, "worker_failures", {}) or {}
    for cause in (*workers.values(), failed.__cause__):
        inner = getattr(cause, "cause", None) or cause
        if isinstance(inner, UnmaskError):
            return str(inner)
    return f"a worker of Ray ended with {str(failed).strip().splitlines()[-1]}; its log is under /tmp/ray"
