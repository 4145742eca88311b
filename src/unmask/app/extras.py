"""Commands that need more than the core install say which extra is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from unmask.types import SettingsError

OF_SIMULATE = ("numba", "skimage")
OF_TRAIN = ("torch", "lightning", "safetensors", "onnxruntime", "onnxscript", "numba")


@contextmanager
def train_extra(command: str) -> Iterator[None]:
    """Names the extra `train` where one of its packages is missing."""
    with _extra("train", OF_TRAIN, command):
        yield


@contextmanager
def simulate_extra(command: str) -> Iterator[None]:
    """Names the extra `simulate` where one of its packages is missing."""
    with _extra("simulate", OF_SIMULATE, command):
        yield


@contextmanager
def _extra(name: str, packages: tuple[str, ...], command: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] in packages:
            raise SettingsError(
                f"`unmask {command}` needs {missing.name}, which is missing; pip install 'unmask[{name}]'"
            ) from missing
        raise
