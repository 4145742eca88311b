"""A network that also tells what it saw: the mesh and an inner tensor of each clip, for evidence."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unmask.contract import Contract, view_names
from unmask.detector.graph_part import Part, part, tensors_of
from unmask.detector.network import Network, planes, read_graph
from unmask.media.clips import mesh_mask
from unmask.types import Clip, ClipScore

# The first of these that a graph names is the nearest to its verdict.
NAMES = ("features", "feature", "motion", "tap3")


class FeatureNetwork(Network):
    """Scores as `Network` does; each clip score has its mesh and, where the graph names one, features.

    The inner tensor comes from a part of the graph that is compiled apart: an output more in the graph that
    scores could change what OpenVINO fuses there, and with it the last digits of the scores.
    """

    def __init__(
        self,
        graph: bytes,
        contract: Contract,
        *,
        origin: str,
        precision: str,
        threads: int,
        device: str = "CPU",
    ) -> None:
        super().__init__(graph, contract, origin=origin, precision=precision, threads=threads, device=device)
        there = tensors_of(read_graph(graph, origin=origin))
        self.feature_name = next((name for name in NAMES if name in there), "")
        self._inner = self._part() if self.feature_name else None

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        """One score a clip, in their order."""
        return [
            replace(scored, mesh=clip.meshes[0], features=self._features(clip))
            for clip, scored in zip(clips, super().score(clips), strict=True)
        ]

    def _features(self, clip: Clip) -> np.ndarray | None:
        """The inner tensor of one clip as its means (C,) over frames and places."""
        if self._inner is None:
            return None
        mask = mesh_mask(clip.meshes[0], size_px=self.contract.clip.size_px)
        views = dict(zip(view_names(self.contract.clip), clip.views, strict=True))
        pictures = {name: planes(view.pixels[None]) for name, view in {"clips": clip, **views}.items()}
        return pooled(self._inner({**pictures, "mask": mask[None]})[self.feature_name])

    def _part(self) -> Part:
        inputs, outputs = ("clips", *view_names(self.contract.clip), "mask"), (self.feature_name,)
        inner = part(self.graph, inputs=inputs, outputs=outputs, origin=self.contract.name)
        return Part(inner, outputs, network=self)


def pooled(tensor: np.ndarray) -> np.ndarray:
    """Maps (N, C, H, W), or vectors (..., C), of one clip -> their mean (C,).

    >>> pooled(np.ones((4, 48, 32, 32))).shape, pooled(np.ones((1, 5, 256))).shape
    ((48,), (256,))
    """
    if tensor.ndim == 4:
        return tensor.mean(axis=(0, 2, 3))
    return tensor.reshape(-1, tensor.shape[-1]).mean(axis=0)
