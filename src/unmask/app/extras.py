"""Commands that need more than the core install say which extra is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from unmask.types import SettingsError

OF_TRAIN = ("torch", "lightning", "safetensors", "onnxruntime", "onnxscript")


@contextmanager
def train_extra(command: str) -> Iterator[None]:
    """Names the extra that is missing, if it is one of its packages."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] in OF_TRAIN:
            raise SettingsError(
                f"`unmask {command}` needs {missing.name}, which is missing; pip install 'unmask[train]'"
            ) from missing
        raise
