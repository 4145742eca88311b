"""What a decision offers to people beside its fields: a page, a card in a notebook, a short text of a face.

Pages are drawn by `unmask.report`, which stands above the nouns; it is looked up by name when a page is asked
for, so that a decision can be made and kept where no page is ever drawn.
"""

from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


class ReadableFace:
    """A face's latest box, its depth, and a text that leaves out the arrays."""

    __slots__ = ()

    @property
    def box(self: Any) -> np.ndarray | None:
        """(4,) xyxy of the latest sighting, in pixels of the original frame; None without one."""
        return self.boxes[-1][1] if self.boxes else None

    @property
    def depth(self: Any) -> np.ndarray | None:
        """(32, 32) float32 in [0, 1], near is 1: what the network made of the latest clip that kept its
        depth, the mean over the clip; None where the network makes none.
        """
        maps = (clip.depth for clip in reversed(self.clips) if clip.depth is not None)
        found = next(maps, None)
        return None if found is None else np.asarray(found).mean(axis=0, dtype=np.float32)

    def __repr__(self: Any) -> str:
        box = "none" if self.box is None else " ".join(f"{edge:.0f}" for edge in self.box)
        why = f" {'|'.join(self.reasons)}" if self.reasons else ""
        return (
            f"<FaceDecision {self.verdict.value}{why} score={self.score:.3f} box=[{box}] "
            f"sightings={len(self.boxes)} clips={len(self.clips)}>"
        )


class ReadableDecision:
    """A page of its own, and a card in a notebook."""

    __slots__ = ()

    def save_report(self: Any, path: str | Path) -> Path:
        """Write what `unmask check --report` writes, one HTML page that needs nothing else; gives its path.

        Raises OutputError where it cannot be written, SettingsError for a decision that no Detector made.
        """
        text = import_module("unmask.report.decision_card").page_of(self, made_at=datetime.now())
        import_module("unmask.files").write_page(Path(path), text)
        return Path(path)

    def _repr_html_(self: Any) -> str:
        return str(import_module("unmask.report.decision_card").card(self))
