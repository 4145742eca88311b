"""A stream of frames -> a decision as soon as the evidence suffices; features of earlier frames are kept."""

import math
from dataclasses import replace

import numpy as np

from unmask.contract import Contract
from unmask.media.clips import LONGEST_GAP, box_in, cut_picture, mesh_in_clip, mesh_mask, still_inside
from unmask.runtime.decision import Rule
from unmask.runtime.stopwatch import Stopwatch
from unmask.runtime.stream_network import StreamNetwork
from unmask.runtime.watch import Watch, decided
from unmask.types import ClipScore, Decision, Frame, Sighting, SourceError


class KeptFeatures:
    """Scores a clip for each new frame once T frames share a box; a `watch.Scorer`.

    The box stays while the face stays well inside it and the frames keep the stride; else a new clip begins.
    """

    def __init__(self, network: StreamNetwork, *, clock: Stopwatch) -> None:
        self.overlap = network.contract.clip.frames
        self._network = network
        self._spec = network.contract.clip
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget the features: what comes next is another face."""
        self._features = self._network.start()
        self._box: np.ndarray | None = None
        self._pictures: list[np.ndarray] = []
        self._used_s = self._seen_s = self._due_s = -math.inf

    def end(self) -> list[ClipScore]:
        """Nothing: each clip was scored with its last frame."""
        return []

    def add(self, sighting: Sighting) -> list[ClipScore]:
        """The score of the clip that this sighting completes, if it does."""
        now_s, mesh = sighting.frame.time_s, sighting.face.mesh
        late = now_s - self._used_s > LONGEST_GAP * self._spec.stride_s + 1e-6
        if self._box is None or late or not still_inside(self._box, mesh):
            self.clear()
            self._box = box_in(sighting, spec=self._spec)
            self._due_s = now_s
        half_period_s = min(now_s - self._seen_s, self._spec.stride_s) / 2
        self._seen_s = now_s
        if now_s < self._due_s - half_period_s:  # the next frame is at least as near to the moment
            return []
        # A slow camera is not asked to catch up.
        self._due_s = max(self._due_s + self._spec.stride_s, now_s + self._spec.stride_s / 2)
        self._used_s = now_s
        return self._push(sighting, self._box)

    def _push(self, sighting: Sighting, box: np.ndarray) -> list[ClipScore]:
        size = self._spec.size_px
        with self._clock.lap("clips"):
            picture = cut_picture(sighting.frame.image, box, size_px=size, sampling=self._spec.sampling)
            mask = mesh_mask(mesh_in_clip(sighting.face.mesh, box, size_px=size), size_px=size)
        self._pictures = [*self._pictures, picture][-self._spec.frames :]
        with self._clock.lap("network"):
            scored = self._features.push(picture, mask)
        if scored is None:
            return []
        score, depth = scored
        return [ClipScore(time_s=self._used_s, score=score, depth=depth, picture=self._pictures[0])]


class Stream:
    """Frames of one presentation as they come; used by one thread."""

    def __init__(self, watch: Watch, *, name: str, contract: Contract, rule: Rule, clock: Stopwatch) -> None:
        self._watch = watch
        self._name = name
        self._contract = contract
        self._rule = rule
        self._clock = clock
        self._count = 0
        self._times_s = (math.nan, math.nan)  # of the first and the latest frame
        self._decision: Decision | None = None

    def push(self, image: np.ndarray, time_s: float) -> Decision | None:
        """One more picture (H, W, 3) uint8 RGB and its time: the decision, once there is one; it stays.

        `Settings.live_s` after the first frame the stream is UNDECIDED if it was not decided before.
        """
        if self._decision is not None:
            return self._decision
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise SourceError(
                f"{self._name}: a frame is (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}; convert it"
            )
        first_s, latest_s = self._times_s
        if not math.isfinite(time_s) or time_s <= latest_s:
            raise SourceError(
                f"{self._name}: times must rise, not {time_s} after {latest_s}; give those of the camera"
            )
        self._times_s = (time_s if self._count == 0 else first_s, time_s)
        since_s = time_s - self._times_s[0]
        if since_s > self._watch.settings.live_s:
            return self._end(timed_out=True)
        self._watch.see(Frame(image=image, time_s=since_s, index=self._count))
        self._count += 1
        return self._end(timed_out=False) if self._watch.done() else None

    def finish(self) -> Decision:
        """The decision on what was seen, when no more frames come."""
        if self._decision is not None:
            return self._decision
        self._watch.end()
        return self._end(timed_out=False)

    def _end(self, *, timed_out: bool) -> Decision:
        faces = self._watch.decisions(timed_out=timed_out)
        decision = decided(self._name, faces, contract=self._contract, rule=self._rule, timed_out=timed_out)
        self._decision = replace(decision, timings_ms=self._clock.timings_ms())
        return self._decision
