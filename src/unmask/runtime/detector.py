"""From a source to a decision: what the command line, the service and a few lines of Python call."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from unmask.contract import Contract
from unmask.media.clips import IN_PLACE, BoxMove
from unmask.media.faces import FaceFinder
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.media.sources import Source, open_presentation, open_source
from unmask.media.tracks import Tracker
from unmask.runtime.decision import Rule, rule_of
from unmask.runtime.explain import Explained, Explainer
from unmask.runtime.features import TellingNetwork
from unmask.runtime.fusion import fused
from unmask.runtime.network import LoadedNetwork, Network
from unmask.runtime.stopwatch import Stopwatch
from unmask.runtime.stream import KeptFeatures, Stream
from unmask.runtime.stream_network import StreamNetwork, can_be_cut
from unmask.runtime.watch import DEFAULT_SETTINGS, Scorer, Settings, Watch, WholeClips, decided
from unmask.types import Decision, Frame, ModelError, Presentation, SettingsError, SourceError

PACKAGED = ("sgtd_s_single.onnx", "sgtd_s_multi.onnx")
DEFAULT = "default"  # in place of a file: the packaged models
LIVE_KINDS = ("camera", "stream")  # sources without an end, and without a part that could be missing

Progress = Callable[[int, int | None], None]  # frames done, frames in all if known


class Detector:
    """Says whether the face in a source is a living person's; may be called from any number of threads."""

    def __init__(
        self, networks: Sequence[LoadedNetwork], *, finder: FaceFinder, point: str, settings: Settings
    ) -> None:
        """Of loaded networks, one for pictures and one for video or one for both."""
        single = [network.contract.clip.frames == 1 for network in networks]
        if not networks or len(set(single)) < len(single):
            names = ", ".join(network.contract.name for network in networks) or "none"
            raise SettingsError(
                f"give one single-frame and one multi-frame model, or one of them, not {names}"
            )
        self.settings = settings
        self.point = point
        self._finder = finder
        self._networks = list(networks)
        self._rules = [rule_of(n.contract, point=point, precision=n.precision) for n in networks]
        self._cut = _CutOnce()

    @classmethod
    def load(
        cls,
        models: str | Path | Sequence[str | Path] | None = None,
        *,
        point: str = "default",
        precision: str = "f32",
        threads: int = 0,
        settings: Settings = DEFAULT_SETTINGS,
        telling: bool = False,
    ) -> "Detector":
        """Ready to use; `models`: a single-frame and a multi-frame file, or one; None for the packaged ones.

        "default" among them names the packaged ones. Models of as many frames are fused (runtime.fusion).
        `precision` is "f32" or "bf16", `threads` 0 for OpenVINO's choice; `telling` adds mesh and features to
        clip scores. Raises ModelError, AssetError.
        """
        kind = TellingNetwork if telling else Network
        networks = [kind.load(path, precision=precision, threads=threads) for path in model_paths(models)]
        finder = FaceFinder.load(threads=threads) if threads else FaceFinder.load()
        return cls(fused(networks), finder=finder, point=point, settings=settings)

    def with_settings(self, settings: Settings) -> "Detector":
        """The same networks with other settings."""
        other = Detector(self._networks, finder=self._finder, point=self.point, settings=settings)
        other._cut = self._cut
        return other

    @property
    def contracts(self) -> list[Contract]:
        """Of the loaded networks."""
        return [network.contract for network in self._networks]

    def check(
        self,
        source: str | Path | Presentation | Source | np.ndarray,
        *,
        fps: float = 30.0,
        limits: Limits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        move: BoxMove = IN_PLACE,
    ) -> Decision:
        """The decision on a source (media.sources), a picture (H, W, 3) or frames (N, H, W, 3), uint8 RGB.

        A presentation is opened as its row says: turned upright, and cut to its `max_frames`. An opened
        source is read as it is and closed. `move` puts the box of every clip off its place.

        `fps` is the clock of sources that have none. Raises SourceError when the source cannot be read,
        also when it breaks off in the middle: a file that is LIVE was read to its end.
        """
        clock = Stopwatch()
        opened = _opened(source, fps=fps, limits=limits)
        network, rule = self._fit(image=opened.kind == "image")
        watch = Watch(
            self._whole_clips(network, clock=clock, move=move),
            rule=rule,
            spec=network.contract.clip,
            tracker=Tracker(self._finder),
            settings=self.settings,
            clock=clock,
        )
        try:
            timed_out = self._run(opened, watch, clock=clock, progress=progress)
        finally:
            opened.close()
        faces = watch.decisions(timed_out=timed_out)
        decision = decided(opened.name, faces, contract=network.contract, rule=rule, timed_out=timed_out)
        return replace(decision, timings_ms=clock.timings_ms())

    def stream(self, *, name: str = "stream") -> Stream:
        """Takes frames with their times as they come, decides as soon as it can; one for each person."""
        network, rule = self._fit(image=False)
        clock = Stopwatch()
        watch = Watch(
            self._scorers(network, clock=clock),
            rule=rule,
            spec=network.contract.clip,
            tracker=Tracker(self._finder),
            settings=self.settings,
            clock=clock,
        )
        return Stream(watch, name=name, contract=network.contract, rule=rule, clock=clock)

    def _run(self, opened: Source, watch: Watch, *, clock: Stopwatch, progress: Progress | None) -> bool:
        """Watch the source until it is decided or ends (False), or takes too long (True)."""
        count, sure = 0, False
        while True:
            if not sure and watch.done():
                if opened.kind in LIVE_KINDS or not watch.lives():
                    return False
                sure = True  # the rest is only read, so that no file is LIVE that breaks off later
            with clock.lap("decode"):
                frame = next(opened.frames, None)
            if frame is None:
                watch.end()
                return False
            if opened.kind in LIVE_KINDS and frame.time_s > self.settings.live_s:
                return True
            if not sure:
                watch.see(frame)
            count += 1
            if progress is not None:
                progress(count, opened.frame_count)
            if clock.elapsed_s() > self.settings.timeout_s:
                return True

    def _fit(self, *, image: bool) -> tuple[LoadedNetwork, Rule]:
        """The network for pictures or for video, where both are there."""
        order = sorted(zip(self._networks, self._rules, strict=True), key=lambda n: n[0].contract.clip.frames)
        return order[0] if image else order[-1]

    def _whole_clips(
        self, network: LoadedNetwork, *, clock: Stopwatch, move: BoxMove
    ) -> Callable[[], Scorer]:
        every_s = self.settings.every_s
        if not self.settings.explain:
            return lambda: WholeClips(network, every_s=every_s, clock=clock, move=move)
        explainer = Explainer(network)
        return lambda: WholeClips(Explained(explainer), every_s=every_s, clock=clock, move=move)

    def _scorers(self, network: LoadedNetwork, *, clock: Stopwatch) -> Callable[[], Scorer]:
        cut_network = None if network.contract.clip.frames == 1 else self._cut.of(network)
        if cut_network is None:
            return lambda: WholeClips(network, every_s=self.settings.every_s, clock=clock)
        return lambda: KeptFeatures(cut_network, clock=clock)


def model_paths(models: str | Path | Sequence[str | Path] | None) -> list[Path]:
    """The files that are meant, in their order: None and the name "default" mean the packaged ones."""
    named = [models] if isinstance(models, str | Path) else models
    if named is None:
        return packaged()
    return [path for model in named for path in (packaged() if str(model) == DEFAULT else [Path(model)])]


def packaged() -> list[Path]:
    """The model files that come with the package."""
    folder = Path(__file__).parent.parent / "weights"
    if missing := [name for name in PACKAGED if not (folder / name).is_file()]:
        raise ModelError(
            f"the package has no {' and no '.join(missing)}; install it again, or name a model file"
        )
    return [folder / name for name in PACKAGED]


def _opened(source: str | Path | Presentation | Source | np.ndarray, *, fps: float, limits: Limits) -> Source:
    if isinstance(source, Source):
        return source
    if isinstance(source, Presentation):
        return open_presentation(source, fps=fps, limits=limits)
    if not isinstance(source, np.ndarray):
        return open_source(source, fps=fps, limits=limits)
    if source.dtype != np.uint8 or source.ndim not in (3, 4) or source.shape[-1] != 3 or not source.size:
        raise SourceError(
            f"an array is a picture (H, W, 3) or frames (N, H, W, 3) of uint8 RGB, "
            f"not {source.shape} of {source.dtype}; convert it"
        )
    image = source.ndim == 3
    pictures = source[None] if image else source
    return Source(
        name="array",
        kind="image" if image else "video",
        frames=(Frame(image=picture, time_s=i / fps, index=i) for i, picture in enumerate(pictures)),
        frame_count=len(pictures),
        fps=fps,
    )


class _CutOnce:
    """The network cut for streams, if it can be: made when the first stream asks, kept for all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = False
        self._made: StreamNetwork | None = None

    def of(self, network: LoadedNetwork) -> StreamNetwork | None:
        with self._lock:
            if not self._asked:
                self._made = StreamNetwork(network) if can_be_cut(network) else None
                self._asked = True
            return self._made
