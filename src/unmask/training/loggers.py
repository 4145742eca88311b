"""Where the curves of a run go besides its own metrics.csv: TensorBoard, Weights & Biases, MLflow.

All of them work without a network and write into the run folder.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from lightning.fabric.loggers.logger import Logger
from lightning.fabric.loggers.tensorboard import TensorBoardLogger

from unmask.types import SettingsError


def loggers_of(names: Sequence[str], *, out: Path, run: str) -> list[Logger]:
    """A logger for each name; a SettingsError names the package that is missing."""
    try:
        return [LOGGERS[name](out, run) for name in names]
    except ModuleNotFoundError as missing:
        package = (missing.name or str(missing)).split(".")[0]
        raise SettingsError(
            f"[run] loggers names one that needs the package {package}, which is missing; install it, or "
            "take it out of the list"
        ) from missing


def close_loggers(loggers: Sequence[Logger], *, status: str) -> None:
    """Writes down what they still hold; `status` is "success" or "failed"."""
    for logger in loggers:
        logger.finalize(status)
        finish = getattr(getattr(logger, "experiment", None), "finish", None)
        if finish is not None:  # Weights & Biases would take the next run of this process for the same one
            finish()


def _tensorboard(out: Path, run: str) -> Logger:
    return TensorBoardLogger(root_dir=out, name="log", version="")


def _wandb(out: Path, run: str) -> Logger:
    """Offline unless WANDB_MODE says "online": `wandb sync` sends later what was written here."""
    import wandb  # noqa: F401 - says which package is missing
    from lightning.pytorch.loggers import WandbLogger

    offline = os.environ.get("WANDB_MODE", "offline") != "online"
    return WandbLogger(name=run, project="unmask", save_dir=out, offline=offline)


def _mlflow(out: Path, run: str) -> Logger:
    """Into the folder mlflow, unless MLFLOW_TRACKING_URI names a server: `mlflow ui --backend-store-uri`."""
    import mlflow  # noqa: F401 - says which package is missing
    from lightning.pytorch.loggers import MLFlowLogger

    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # plain files need no database package
    place = os.environ.get("MLFLOW_TRACKING_URI") or (out / "mlflow").resolve().as_uri()
    return MLFlowLogger(experiment_name="unmask", run_name=run, tracking_uri=place)


LOGGERS: dict[str, Callable[[Path, str], Logger]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
