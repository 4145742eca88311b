"""From a source to a decision: what the command line, the service and a few lines of Python call."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from unmask.contract import Contract
from unmask.detector.decision import Rule, rule_of
from unmask.detector.explain import Explained, Explainer
from unmask.detector.features import FeatureNetwork
from unmask.detector.fusion import fused
from unmask.detector.many import Progress, checked, checked_async, listed
from unmask.detector.model_card import ModelCard, model_cards
from unmask.detector.network import LoadedNetwork, Network
from unmask.detector.stopwatch import Stopwatch
from unmask.detector.stream import Stream
from unmask.detector.together import Together
from unmask.detector.watch import DEFAULT_SETTINGS, Watch, WatchSettings, decided
from unmask.detector.whole_clips import WholeClips
from unmask.media.account import Account
from unmask.media.ahead import ahead
from unmask.media.clips import IN_PLACE, BoxMove
from unmask.media.faces import FaceFinder, FindsFaces
from unmask.media.given import open_given
from unmask.media.limits import DEFAULT_LIMITS, Limits
from unmask.media.sources import Source, open_presentation
from unmask.media.standing import standing
from unmask.media.tracks import Tracker
from unmask.plain import address_shown
from unmask.types import Decision, ModelError, Presentation, Reason, SettingsError, SourceError, Verdict

PACKAGED = ("encoder.onnx",)
PACKAGED_INT8 = ("encoder_int8.onnx",)  # the same networks, each a file of its own in int8
DEFAULT = "default"  # in place of a file: the packaged models

Ending = Literal["decided", "ended", "cut", "timed out"]


class Detector:
    """Says whether the face in a source is a living person's; may be called from any number of threads."""

    def __init__(
        self, networks: Sequence[LoadedNetwork], *, finder: FindsFaces, point: str, settings: WatchSettings
    ) -> None:
        """A detector with loaded networks: one for pictures and one for video or one for both."""
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
        self._recipe: dict[str, Any] | None = None  # what `load` was asked for

    def __repr__(self) -> str:
        models = ", ".join(f"{contract.name} {contract.version}" for contract in self.contracts)
        return f"<Detector {models} point={self.point!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, it loads itself again from the same files; SettingsError without any."""
        if self._recipe is None:
            raise SettingsError("only a Detector that was loaded can be pickled; call Detector.load there")
        return _loaded_again, (self._recipe, self.settings)

    @classmethod
    def load(
        cls,
        model: str | Path | Sequence[str | Path] | None = None,
        *,
        device: str = "auto",
        point: str = "default",
        precision: str = "f32",
        threads: int = 0,
        settings: WatchSettings = DEFAULT_SETTINGS,
        with_features: bool = False,
        trusted: str | Path | None = None,
    ) -> "Detector":
        """Ready to use; `model`: a single-frame and a multi-frame file, or one; None for the packaged ones.

        "default" among them names the packaged ones. Models of as many frames are fused (detector.fusion).
        `device` is "auto" (the processor, for which thresholds were measured), "cpu", "gpu" or "npu";
        `precision` "f32", "bf16" or "int8": the packaged models are there in each, another file in those that
        it was exported for; `threads` 0 for OpenVINO's choice; `with_features` adds mesh and features to
        clip scores; with `trusted`, a public key (PEM), each file must be signed by its owner. Raises
        ModelError, AssetError.
        """
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 0:
            raise SettingsError(f"threads must be a whole number, 0 or more, not {threads!r:.40}")
        kind = FeatureNetwork if with_features else Network
        networks = [
            kind.load(path, precision=precision, threads=threads, device=device, trusted=trusted)
            for path in model_paths(model, precision=precision)
        ]
        finder = FaceFinder.load(threads=threads) if threads else FaceFinder.load()
        detector = cls(fused(networks), finder=finder, point=point, settings=settings)
        named = [model] if isinstance(model, str | Path) else model
        detector._recipe = {
            "model": None if named is None else [str(one) for one in named],
            "device": device,
            "point": point,
            "precision": precision,
            "threads": threads,
            "with_features": with_features,
            "trusted": None if trusted is None else str(trusted),
        }
        return detector

    def with_settings(self, settings: WatchSettings) -> "Detector":
        """The same networks with other settings."""
        other = Detector(self._networks, finder=self._finder, point=self.point, settings=settings)
        other._recipe = self._recipe
        return other

    def with_point(self, point: str) -> "Detector":
        """The same networks at another operating point; SettingsError where a contract has none."""
        other = Detector(self._networks, finder=self._finder, point=point, settings=self.settings)
        other._recipe = None if self._recipe is None else {**self._recipe, "point": point}
        return other

    @property
    def contracts(self) -> list[Contract]:
        """The contracts of the loaded networks."""
        return [network.contract for network in self._networks]

    def check(
        self,
        source: Any,
        *,
        fps: float = 30.0,
        limits: Limits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        move: BoxMove = IN_PLACE,
    ) -> Decision:
        """The decision on a source: what `media.given.open_given` takes, a presentation, an opened source.

        That is a path, camera or address, the bytes of a file, an open file, a picture, an array or tensor, a
        list of frames or of picture files. A presentation is opened as its row says: turned upright, and cut
        to its `max_frames`. An opened source is read as it is and closed. `move` puts the box of
        every clip off its place.

        `fps` is the clock of sources that have none. Raises SourceError when the source cannot be read,
        also when it breaks off in the middle: a file that is LIVE was read to its end.
        """
        clock = Stopwatch()
        opened = source_of(source, fps=fps, limits=limits)
        still, live = opened.kind == "image", opened.is_live
        network, rule = self._fit(image=still)
        awaited = still or live or self.settings.early_stop  # each score, before the next frame is looked at
        if not (awaited or opened.waits):
            opened = ahead(opened)
        with ThreadPoolExecutor(1) as pool:  # it starts no thread before its first task
            beside = None if awaited else pool
            watch = self._watch(network, rule, clock=clock, move=move, still=still, beside=beside)
            try:
                ended = self._run(opened, watch, clock=clock, progress=progress)
            finally:
                opened.close()
        contract, timed_out = network.contract, ended == "timed out"
        decision = decided(opened.name, watch, contract=contract, rule=rule, timed_out=timed_out, live=live)
        notes = decision.notes
        if ended == "cut":
            notes = (*notes, f"only the first {self.settings.seconds:g} s were judged")
        decision = replace(decision, timings_ms=clock.timings_ms(), notes=notes)
        return _told(decision, opened.account)

    def check_many(
        self, sources: Iterable[Any], *, batch: int = 32, progress: bool = True, fps: float = 30.0
    ) -> Iterator[Decision | SourceError]:
        """The decision on each source, in their order, on all cores; `batch` of them are under way at most.

        On a GPU the clips of those under way go through the network in batches, and a score may differ from
        that of `check` in its last bits. What cannot be read gives its SourceError in place of a decision
        (its `is_live` is False) and does not stop the others. `progress` shows a bar with the time left in a
        terminal.
        """
        check = partial(self._batching().check, fps=fps)
        return checked(check, listed(sources), batch=batch, progress=progress)

    async def check_async(self, source: Any, *, fps: float = 30.0) -> Decision:
        """As `check`; the event loop goes on while a thread does the work."""
        import asyncio  # takes longer to load than a picture to decode

        return await asyncio.to_thread(self.check, source, fps=fps)

    def check_many_async(
        self, sources: Iterable[Any], *, batch: int = 32, fps: float = 30.0
    ) -> AsyncIterator[Decision | SourceError]:
        """As `check_many`, for `async for`."""
        return checked_async(partial(self._batching().check, fps=fps), listed(sources), batch=batch)

    @property
    def model_card(self) -> ModelCard:
        """Name, version, licences of the training data and measured figures of the model for video, or of
        the only one; `contracts` hold all there is to know of each.
        """
        return model_cards([self._fit(image=False)[0].contract])[0]

    def stream(self, *, name: str = "stream") -> Stream:
        """Takes frames with their times as they come; one for each person in front of the camera.

        Where `name` is an address, its credentials are left out.
        """
        if not isinstance(name, str):
            raise SettingsError(f"the name of a stream must be a text, not {name!r:.40}")
        network, rule = self._fit(image=False)
        clock = Stopwatch()
        watch = self._watch(network, rule, clock=clock)
        return Stream(watch, name=address_shown(name), contract=network.contract, rule=rule, clock=clock)

    def _batching(self) -> "Detector":
        """The same networks, each of which runs what several threads ask of it as one batch."""
        networks: list[LoadedNetwork] = [Together(network) for network in self._networks]
        return Detector(networks, finder=self._finder, point=self.point, settings=self.settings)

    def _watch(
        self,
        network: LoadedNetwork,
        rule: Rule,
        *,
        clock: Stopwatch,
        move: BoxMove = IN_PLACE,
        still: bool = False,
        beside: Executor | None = None,
    ) -> Watch:
        explainer = Explainer(network) if self.settings.explain else None

        def scorer() -> WholeClips:
            asked = Explained(explainer) if explainer else network
            return WholeClips(asked, clock=clock, move=move, beside=beside)

        return Watch(
            scorer,
            rule=rule,
            spec=network.contract.clip,
            tracker=Tracker(self._finder),
            settings=self.settings,
            clock=clock,
            still=still,
        )

    def _run(self, opened: Source, watch: Watch, *, clock: Stopwatch, progress: Progress | None) -> Ending:
        """Watch the source until it is decided, ends, or takes too long."""
        live = opened.is_live
        frames = opened.frames if live else standing(opened)
        count, sure = 0, False
        while True:
            if not sure and (live or self.settings.early_stop) and watch.done():
                if live or not watch.lives():
                    return "decided"
                sure = True  # the rest is only read, so that no file is LIVE that breaks off later
            with clock.lap("decode"):
                frame = next(frames, None)
            if frame is None:
                watch.end()
                return "ended"
            if live and frame.time_s > self.settings.live_s:
                return "timed out"
            if not live and not sure and frame.time_s > self.settings.seconds:
                watch.end()
                return "cut"
            if not sure:
                watch.see(frame)
            count += not frame.again
            if progress is not None:
                progress(count, opened.frame_count)
            if clock.elapsed_s() > self.settings.timeout_s:
                return "timed out"

    def _fit(self, *, image: bool) -> tuple[LoadedNetwork, Rule]:
        """The network for pictures or for video, where both are there."""
        order = sorted(zip(self._networks, self._rules, strict=True), key=lambda n: n[0].contract.clip.frames)
        return order[0] if image else order[-1]


def _loaded_again(recipe: dict[str, Any], settings: WatchSettings) -> Detector:
    return Detector.load(**recipe, settings=settings)


def model_paths(models: str | Path | Sequence[str | Path] | None, *, precision: str = "f32") -> list[Path]:
    """The files that are meant, in their order: None and the name "default" mean the packaged ones."""
    named = [models] if isinstance(models, str | Path) else models
    if named is None:
        return packaged(precision)
    if not isinstance(named, list | tuple) or not all(isinstance(one, str | Path) for one in named):
        raise SettingsError(f"a model is a file, or a list of files, not {models!r:.40}")
    ours = packaged(precision) if DEFAULT in map(str, named) else []
    return [path for model in named for path in (ours if str(model) == DEFAULT else [Path(model)])]


def packaged(precision: str = "f32") -> list[Path]:
    """The model files that come with the package, for that precision."""
    folder = Path(__file__).parent.parent / "weights"
    names = PACKAGED_INT8 if precision == "int8" else PACKAGED
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ModelError(
            f"the package has no {' and no '.join(missing)}; install it again, or name a model file"
        )
    return [folder / name for name in names]


def source_of(source: Any, *, fps: float, limits: Limits) -> Source:
    """Opens a presentation, or whatever `check` takes, `fps` for frames without a clock. SourceError."""
    if isinstance(source, Presentation):
        return open_presentation(source, fps=fps, limits=limits)
    return open_given(source, fps=fps, limits=limits)


def _told(decision: Decision, account: Account) -> Decision:
    """With what is to be said of the source; LIVE only where enough of it could be decoded."""
    decision = replace(decision, notes=(*decision.notes, *account.sentences()))
    if decision.verdict is Verdict.ATTACK or not account.too_damaged:
        return decision
    return replace(decision, verdict=Verdict.UNDECIDED, reasons=(*decision.reasons, Reason.DAMAGED))
