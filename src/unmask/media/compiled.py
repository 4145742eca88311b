"""Compiled graphs, kept in the user's cache: compiling one takes ten times as long as reading it again.

What is read must be what was written (SHA-256); a file that was cut or altered, or is of another OpenVINO,
is compiled anew. The folder is trusted as an installed package is: who can write there can change what is
installed. `UNMASK_COMPILED=off` keeps nothing.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

from unmask.files import write_bytes
from unmask.media.assets import assets_folder
from unmask.media.engine import ov
from unmask.types import UnmaskError

SWITCH = "UNMASK_COMPILED"
KEPT = 12  # files; older ones go


def compiled_once(
    key: bytes, build: Callable[[ov.Core], ov.Model], settings: Mapping[str, str | int | bool]
) -> ov.CompiledModel:
    """The graph that `build` gives, compiled for the processor with those settings; `key` is all that it is
    made of.
    """
    core = ov.Core()
    if os.environ.get(SWITCH, "").lower() == "off":
        return core.compile_model(build(core), "CPU", dict(settings))
    made_for = (ov.get_version(), core.get_property("CPU", "FULL_DEVICE_NAME"), sorted(settings.items()))
    name = hashlib.sha256(repr(made_for).encode() + hashlib.sha256(key).digest()).hexdigest()[:32]
    path = assets_folder() / "compiled" / f"{name}.blob"
    content = _kept(path)
    if content is not None:
        try:
            return core.import_model(BytesIO(content), "CPU", dict(settings))
        except RuntimeError:
            pass  # of an OpenVINO that reads it otherwise
    model = core.compile_model(build(core), "CPU", dict(settings))
    _keep(path, model.export_model().getvalue())
    return model


def _kept(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content[32:] if hashlib.sha256(content[32:]).digest() == content[:32] else None


def _keep(path: Path, content: bytes) -> None:
    """Write it, if that can be done: a cache that cannot be written is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, hashlib.sha256(content).digest() + content)
        found = sorted(path.parent.glob("*.blob"), key=lambda one: one.stat().st_mtime)
        for old in found[:-KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, UnmaskError):
        pass
