"""One linear head on the features of several networks, in place of the mean of their log-odds.

The head is ours and waits in a small file; the networks may be others', whose files it names by their hash
only. An .npz file: weight, mean and scale (D,) and bias (1,) for the features of all networks one after the
other, `networks` (n,), their payload's SHA-256, and `sha256` of all that.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import expit

from unmask.contract import tensors_sha256
from unmask.media.files import write_bytes
from unmask.runtime.fusion import FusedNetwork, split
from unmask.runtime.network import LoadedNetwork
from unmask.types import Clip, ClipScore, ModelError

FIELDS = ("weight", "mean", "scale", "bias", "networks")


@dataclass(frozen=True, slots=True, kw_only=True)
class JointHead:
    """Calibrated log-odds: ((features - mean) / scale) . weight + bias; 0.5 is the default threshold."""

    weight: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    bias: float
    networks: tuple[str, ...]

    def __call__(self, features: Sequence[np.ndarray]) -> np.ndarray:
        """Features (..., D_i) of each network, in the order of `networks` -> scores (...) in [0, 1]."""
        x = (np.concatenate(list(features), axis=-1) - self.mean) / self.scale
        return np.asarray(expit(x @ self.weight + self.bias))

    def fits(self, networks: Sequence[LoadedNetwork]) -> bool:
        """Whether these are the networks that it was fitted to, in that order."""
        return self.networks == tuple(network.contract.payload_sha256 for network in networks)


class JointNetwork(FusedNetwork):
    """A fused network whose score is the joint head's; its networks tell their features
    (`runtime.features.TellingNetwork`).
    """

    def __init__(self, networks: Sequence[LoadedNetwork], head: JointHead) -> None:
        """ModelError where the head was fitted to other networks."""
        super().__init__(networks)
        if not head.fits(networks):
            names = " and ".join(network.contract.name for network in networks)
            raise ModelError(f"the joint head was fitted to other files than {names}; fuse them without it")
        self._head = head

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        """One score a clip; NaN where a network gave none or told no features."""
        parts = [split(clip, self._networks) for clip in clips]
        scored = [
            network.score([each[place] for each in parts]) for place, network in enumerate(self._networks)
        ]
        return [replace(each[0], score=self._judged(each)) for each in zip(*scored, strict=True)]

    def _judged(self, scored: Sequence[ClipScore]) -> float:
        told = [one.features for one in scored if one.features is not None]
        if len(told) < len(scored) or not np.isfinite([one.score for one in scored]).all():
            return float("nan")
        return float(self._head(told))


def write_joint_head(path: str | Path, head: JointHead) -> None:
    """The file, whole or not at all."""
    tensors = _tensors(head)
    held = io.BytesIO()
    np.savez(held, **tensors, sha256=np.array(tensors_sha256(tensors)))  # type: ignore[arg-type]
    write_bytes(path, held.getvalue())


def read_joint_head(path: str | Path) -> JointHead:
    """The head in a file; ModelError where it is none, or was altered."""
    try:
        with np.load(path, allow_pickle=False) as held:
            tensors = {name: held[name] for name in FIELDS}
            digest = str(held["sha256"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as broken:
        raise ModelError(f"{path} is no joint head ({broken}); install the package again") from broken
    if tensors_sha256(tensors) != digest:
        raise ModelError(f"{path} was altered: it does not match its own hash; install the package again")
    return JointHead(
        weight=tensors["weight"],
        mean=tensors["mean"],
        scale=tensors["scale"],
        bias=float(tensors["bias"][0]),
        networks=tuple(tensors["networks"].tolist()),
    )


def _tensors(head: JointHead) -> dict[str, np.ndarray]:
    return {
        "weight": np.asarray(head.weight, np.float32),
        "mean": np.asarray(head.mean, np.float32),
        "scale": np.asarray(head.scale, np.float32),
        "bias": np.array([head.bias], np.float32),
        "networks": np.array(head.networks),
    }
