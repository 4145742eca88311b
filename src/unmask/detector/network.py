"""An exported network with its contract: clips -> clip scores, by OpenVINO or what `device` says.

A file is refused (ModelError) unless its contract is there and unaltered, the graph has the hash that the
contract names and the inputs that it promises, and the golden clips score as they did when it was sealed:
all of them where it is compiled, one where the graph that was compiled and passed them is read again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from unmask.contract import (
    Contract,
    GoldenClip,
    ellipse_mask,
    golden_views,
    to_json,
    view_names,
)
from unmask.detector.model_file import read_file
from unmask.detector.runtimes import device_of, names_of, not_computed, runtime_of
from unmask.media.clips import mesh_mask
from unmask.media.engine import ov
from unmask.types import Clip, ClipScore, ModelError, SettingsError

# How far a golden clip's score may be from the sealed one: f32 kernels differ by machine, bf16 keeps 8 bits,
# and in int8 a rounding that falls the other way moves a map by a 256th of its range.
TOLERANCE = {"f32": 2e-3, "bf16": 3e-2, "int8": 3e-2}
BATCH = 4  # clips at once; more gains nothing on a CPU and holds the paper's widest maps in memory


class LoadedNetwork(Protocol):
    """What scores clips of its contract, ready to be used by any number of threads."""

    contract: Contract
    precision: str
    threads: int
    graph: bytes  # an ONNX file

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]: ...


class Network:
    """Ready once loaded; `score` may be called in any order from any number of threads."""

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
        self.contract = contract
        self.precision = precision
        self.threads = threads
        self.graph = graph  # the ONNX file, for parts of it
        self._inputs = ["clips", *view_names(contract.clip)]

        def read() -> ov.Model:
            model = read_graph(graph, origin=origin)
            _check_shape(model, contract, origin=origin)
            return model

        checked = graph + to_json(contract).encode()  # all that `read` and the golden clips depend on
        self._runtime = runtime_of(
            graph,
            read,
            key=checked,
            name=contract.name,
            precision=precision,
            threads=threads,
            device=device,
        )

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        precision: str = "f32",
        threads: int = 0,
        device: str = "auto",
        trusted: str | Path | None = None,
    ) -> Self:
        """`precision` is "f32", "bf16", or "int8" for a file that was exported so; `threads` 0 lets OpenVINO
        choose; `device` is one of runtimes.DEVICES; `trusted` as `model_file.read_file` has it.

        Raises ModelError, SettingsError.
        """
        if precision not in TOLERANCE:
            raise SettingsError(f"precision must be one of {', '.join(TOLERANCE)}, not {precision!r}")
        used = device_of(device)
        graph, contract = read_file(path, trusted=trusted)
        network = cls(graph, contract, origin=str(path), precision=precision, threads=threads, device=used)
        network.check_golden(origin=str(path), every=not network._runtime.was_kept)
        network._runtime.keep()  # all its golden clips were right
        return network

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        """One score a clip, in their order; a score is NaN where the network gave none."""
        scored: list[ClipScore] = []
        for start in range(0, len(clips), BATCH):
            group = clips[start : start + BATCH]
            masks = [mesh_mask(clip.meshes[0], size_px=self.contract.clip.size_px) for clip in group]
            views = [
                np.stack([view.pixels for view in each])
                for each in zip(*(c.views for c in group), strict=True)
            ]
            scores, depths = self.run(np.stack([clip.pixels for clip in group]), np.stack(masks), *views)
            for place, (clip, score) in enumerate(zip(group, scores, strict=True)):
                last, depth = float(clip.times_s[-1]), None if depths is None else depths[place]
                scored.append(ClipScore(time_s=last, score=float(score), depth=depth, picture=clip.pixels[0]))
        return scored

    def run(
        self, pixels: np.ndarray, masks: np.ndarray, *views: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Pixels (B, T, S, S, 3) uint8, masks (B, 32, 32) and pixels of the contract's further views, each of
        its own size -> scores (B,) and depths (B, S, 32, 32).

        None for the depths of a network that reads none. ModelError where the graph gives something else.
        """
        pictures = {name: planes(view) for name, view in zip(self._inputs, (pixels, *views), strict=True)}
        try:
            score, *depth = self._runtime({**pictures, "mask": np.ascontiguousarray(masks, np.float32)})
        except (RuntimeError, ValueError, TypeError) as broken:
            raise not_computed(self.contract.name, broken) from broken
        maps = all(each.ndim == 4 and len(each) == len(pixels) for each in depth)
        if score.size != len(pixels) or not maps:
            raise ModelError(
                f"model {self.contract.name} gives {[score.shape, *(each.shape for each in depth)]} for "
                f"{len(pixels)} clips, not a score and depth maps for each; export it again"
            )
        return score.reshape(len(pixels)), depth[0] if depth else None

    def golden_score(self, golden: GoldenClip) -> float:
        """What this network scores a golden clip as."""
        pixels, *views = golden_views(golden.seed, self.contract.clip)
        return float(self.run(pixels[None], ellipse_mask()[None], *(v[None] for v in views))[0][0])

    def check_golden(self, *, origin: str, every: bool = True) -> None:
        """Refuse the network if it does not score the contract's golden clips as when it was sealed: `every`
        one, or the first.
        """
        if not self.contract.golden:
            raise ModelError(f"{origin} has no golden clips in its contract; export it again")
        for golden in self.contract.golden if every else self.contract.golden[:1]:
            score = self.golden_score(golden)
            if not abs(score - golden.score) <= TOLERANCE[self.precision]:
                raise ModelError(
                    f"{origin} must score golden clip {golden.seed} as {golden.score:.4f} within "
                    f"{TOLERANCE[self.precision]}, not {score:.4f}; do not use it in {self.precision} here"
                )


def read_graph(graph: bytes, *, origin: str) -> ov.Model:
    """The graph of an ONNX file, if it has the inputs "clips" and "mask" and gives a "score"."""
    try:
        model = ov.Core().read_model(graph, b"")
    except RuntimeError as broken:
        first = str(broken).strip().splitlines()[-1]
        raise ModelError(
            f"{origin} holds a graph that OpenVINO cannot read ({first}); export it again"
        ) from broken
    if missing := {"clips", "mask", "score"} - names_of([*model.inputs, *model.outputs]):
        raise ModelError(
            f"{origin} is another network: it has no {', '.join(sorted(missing))}; export it again"
        )
    return model


def _check_shape(model: ov.Model, contract: Contract, *, origin: str) -> None:
    clip = contract.clip
    sizes = {"clips": clip.size_px} | dict(
        zip(view_names(clip), (view.size_px for view in clip.views), strict=True)
    )
    if (taken := names_of(model.inputs)) != {*sizes, "mask"}:
        raise ModelError(
            f"{origin} takes {', '.join(sorted(taken))}, and clips of {len(sizes)} views by its contract; "
            "export it again"
        )
    for name, size in sizes.items():
        promised = ov.PartialShape([-1, clip.frames, 3, size, size])
        if (shape := model.input(name).get_partial_shape()) != promised:
            raise ModelError(
                f"{origin} takes {name} of {shape}, its contract says {promised}; export it again"
            )


def planes(pixels: np.ndarray) -> np.ndarray:
    """Pictures (..., H, W, 3) uint8 as networks take them: (..., 3, H, W) float32 in [0, 1].

    >>> planes(np.full((2, 4, 5, 3), 255, np.uint8)).shape
    (2, 3, 4, 5)
    """
    return np.ascontiguousarray(np.moveaxis(pixels, -1, -3), np.float32) / np.float32(255)
