"""Commands that need more than the core install say which extra is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from unmask.errors import SettingsError

EXTRAS = {  # package -> the extra that brings it
    **dict.fromkeys(("torch", "lightning", "safetensors", "onnxruntime", "onnxscript"), "train"),
    **dict.fromkeys(("numba", "skimage"), "simulate"),
    "optuna": "search",
}


@contextmanager
def extra_of(command: str) -> Iterator[None]:
    """Names the extra that is missing, if it is one of its packages."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if extra := EXTRAS.get((missing.name or "").split(".")[0]):
            raise SettingsError(
                f"`unmask {command}` needs {missing.name}, which is missing; pip install 'unmask[{extra}]'"
            ) from missing
        raise
