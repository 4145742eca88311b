"""What a test may rely on being there, in words that the type checker reads, too."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def present(value: T | None) -> T:
    """The value, where None would be a failure of the test."""
    assert value is not None
    return value


def module_at(path: Path, name: str) -> ModuleType:
    """A file of Python that belongs to no package, loaded under that name."""
    spec = present(importlib.util.spec_from_file_location(name, path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    present(spec.loader).exec_module(module)
    return module
