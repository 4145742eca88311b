"""What in a clip made its score: gradients of the features over the face, and the weight of each frame.

Worked out only if asked for (`WatchSettings.explain`); the scores are those of the network itself. The
gradient is Sobel's, as the residual spatial gradient blocks and the spatio-temporal blocks take it, of the
features that the graph keeps under the names `TAPS`; a graph without them has no gradient map.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unmask.contract import MAP_PX, Contract
from unmask.detector.graph_part import TAPS, Part, part
from unmask.detector.network import LoadedNetwork, planes, read_graph
from unmask.media.clips import mesh_mask
from unmask.types import Clip, ClipScore, Explanation

SIDE = 64  # cells of the gradient map: the first level of the narrow network has as many
WEIGHED = 8  # clips of a face whose frames are weighed: a verdict rests on no more


class Explainer:
    """Explains scores of one network; may be used by any number of threads."""

    def __init__(self, network: LoadedNetwork) -> None:
        self.network = network
        self._taps = _taps_of(network)

    def gradient(self, clip: Clip) -> np.ndarray | None:
        """The map (SIDE, SIDE) of the clip's first frame, NaN off the face; None without features."""
        if self._taps is None:
            return None
        features = self._taps({"clips": planes(clip.pixels[0])[None, None]})
        share = mesh_mask(clip.meshes[0], size_px=clip.pixels.shape[1])
        face = share.repeat(SIDE // MAP_PX, axis=0).repeat(SIDE // MAP_PX, axis=1) > 0
        levels = [on_grid(strength(features[tap][0])) for tap in TAPS]
        if not face.any() or any(level is None for level in levels):
            return None
        return np.where(face, blended([level for level in levels if level is not None], face=face), np.nan)

    def weights(self, clip: Clip, *, score: float) -> np.ndarray | None:
        """How much lower each frame's replacement by its neighbour makes the score; None for one frame."""
        count = len(clip.pixels)
        if count < 2:
            return None
        without = self.network.score([_without(clip, frame) for frame in range(count)])
        return np.float32(score) - np.array([one.score for one in without], np.float32)


class Explained:
    """A network as `whole_clips.WholeClips` takes it, for one face: scores with an explanation each."""

    def __init__(self, explainer: Explainer) -> None:
        self.contract: Contract = explainer.network.contract
        self._explainer = explainer
        self._clips = 0

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        """The network's scores; the frames of the first `WEIGHED` clips are weighed, too."""
        scored = self._explainer.network.score(clips)
        return [self._with(score, clip) for score, clip in zip(scored, clips, strict=True)]

    def _with(self, scored: ClipScore, clip: Clip) -> ClipScore:
        self._clips += 1
        weigh = self._clips <= WEIGHED
        explanation = Explanation(
            gradient=self._explainer.gradient(clip),
            weights=self._explainer.weights(clip, score=scored.score) if weigh else None,
            frames=clip.pixels if weigh else clip.pixels[:1],
            times_s=clip.times_s if weigh else clip.times_s[:1],
        )
        return replace(scored, explanation=explanation)


def strength(features: np.ndarray) -> np.ndarray:
    """Features (C, H, W) -> the length of their Sobel gradient, mean over channels (H, W) float32.

    Borders are repeated where the network pads with zeros: its frame of zeros is not a part of the picture.

    >>> ramp = np.tile(np.arange(4.0), (1, 4, 1))
    >>> strength(ramp)[1].tolist()
    [4.0, 8.0, 8.0, 4.0]
    """
    x = np.pad(features.astype(np.float32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]
    columns = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]
    return np.hypot(rows[:, :, 2:] - rows[:, :, :-2], columns[:, 2:] - columns[:, :-2]).mean(axis=0)


def on_grid(level: np.ndarray, side: int = SIDE) -> np.ndarray | None:
    """A square map on `side` cells, by means or by repetition; None where neither is a whole factor.

    >>> on_grid(np.array([[1.0, 3.0], [5.0, 7.0]]), side=1).tolist(), on_grid(np.ones((3, 3)), side=2)
    ([[4.0]], None)
    """
    height, width = level.shape
    if height != width or (height % side and side % height):
        return None
    if height >= side:
        return level.reshape(side, height // side, side, height // side).mean(axis=(1, 3))
    return level.repeat(side // height, axis=0).repeat(side // height, axis=1)


def blended(levels: Sequence[np.ndarray], *, face: np.ndarray) -> np.ndarray:
    """The mean of maps, each in units of its own mean on the face, so that no level drowns the others."""
    scaled = [level / max(float(level[face].mean()), 1e-6) for level in levels]
    mean: np.ndarray = np.mean(scaled, axis=0).astype(np.float32)
    return mean


def _without(clip: Clip, frame: int) -> Clip:
    """The clip with the pixels of a frame replaced by those before it, the first by the second."""
    changed = clip.pixels.copy()
    changed[frame] = clip.pixels[frame - 1 if frame else 1]
    return replace(clip, pixels=changed, views=tuple(_without(view, frame) for view in clip.views))


def _taps_of(network: LoadedNetwork) -> Part | None:
    """The part of the graph from one frame to its features."""
    name, size = network.contract.name, network.contract.clip.size_px
    model = read_graph(network.graph, origin=name)
    named = {n for node in model.get_ordered_ops() for port in node.outputs() for n in port.get_names()}
    if not named.issuperset(TAPS):
        return None
    cut = part(network.graph, inputs=("clips",), outputs=TAPS, origin=name)
    cut.reshape({"clips": [1, 1, 3, size, size]})
    return Part(cut, TAPS, network=network)
