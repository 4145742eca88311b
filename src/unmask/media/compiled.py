"""Compiled graphs, kept in the user's cache: compiling one takes up to ten times as long as reading it again.

What is read must be what was written (SHA-256); a file that was cut or altered, or is of another OpenVINO,
is compiled anew. The folder is trusted as an installed package is: who can write there can change what is
installed. `UNMASK_COMPILED=off` keeps nothing.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from unmask.files import write_bytes
from unmask.media.assets import assets_folder
from unmask.media.engine import at_work, fork_safe, ov
from unmask.types import UnmaskError

SWITCH = "UNMASK_COMPILED"
KEPT = 16  # files; those that were used least lately go


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledGraph:
    """A graph for the processor; `place` is where `keep` writes it, None if it was read from there or nothing
    is kept.
    """

    model: ov.CompiledModel
    was_kept: bool
    place: Path | None = None

    def keep(self) -> None:
        """From now on it is read from the cache; a cache that cannot be written keeps nothing."""
        if self.place is not None:
            _write(self.place, self.model.export_model().getvalue())


@at_work()
def compiled_graph(
    key: bytes, build: Callable[[ov.Core], ov.Model], settings: Mapping[str, str | int | bool]
) -> CompiledGraph:
    """The graph that `build` gives, compiled for the processor with those settings, or read from the cache
    where it was kept; `key` is all that it is made of.
    """
    core = ov.Core()
    if os.environ.get(SWITCH, "").lower() == "off":
        model = fork_safe(core.compile_model(build(core), "CPU", dict(settings)))
        return CompiledGraph(model=model, was_kept=False)
    made_for = (ov.get_version(), core.get_property("CPU", "FULL_DEVICE_NAME"), sorted(settings.items()))
    name = hashlib.sha256(repr(made_for).encode() + hashlib.sha256(key).digest()).hexdigest()[:32]
    path = assets_folder() / "compiled" / f"{name}.blob"
    content = _read(path)
    if content is not None:
        try:
            model = fork_safe(core.import_model(BytesIO(content), "CPU", dict(settings)))
        except RuntimeError:
            pass  # of an OpenVINO that reads it otherwise
        else:
            return CompiledGraph(model=model, was_kept=True)
    model = fork_safe(core.compile_model(build(core), "CPU", dict(settings)))
    return CompiledGraph(model=model, was_kept=False, place=path)


def compiled_once(
    key: bytes, build: Callable[[ov.Core], ov.Model], settings: Mapping[str, str | int | bool]
) -> ov.CompiledModel:
    """As `compiled_graph`, and kept at once."""
    graph = compiled_graph(key, build, settings)
    graph.keep()
    return graph.model


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(memoryview(content)[32:]).digest() != content[:32]:
        return None
    with suppress(OSError):  # a folder that is only read
        os.utime(path)  # used now
    return content[32:]


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, hashlib.sha256(content).digest() + content)
        found = sorted(path.parent.glob("*.blob"), key=lambda one: one.stat().st_mtime)
        for old in found[:-KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, UnmaskError):
        pass
