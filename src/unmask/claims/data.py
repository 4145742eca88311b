"""The split on which the papers' claims are tried: one unseen domain and three unseen instruments at once.

One training serves both tests. What is tested is nowhere in train and dev:

- the **domain** `DOMAIN`: its people, its place, its camera, its printers and displays. Its test is every
  recording made at home in it with a known instrument, bona fide ones among them;
- the **instruments** `INSTRUMENTS`: their attacks and the bona fide recordings of people who are in neither
  train nor dev, at known places with known cameras.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unmask.data.prepare.preparation import Recording
from unmask.data.prepare.recordings import TrackedFolder
from unmask.data.prepare.true_depth import open_twin
from unmask.data.splits import shared
from unmask.types import DataError, Frame, Label, Presentation

DOMAIN = "lobby"  # a terminal at a door: where such a network is put to work, and a camera of its own
# One of each kind, with the most recordings of its kind: a screen that everyone carries, a mask whose relief
# is true (depth alone cannot tell it) and make-up on a bona fide face (no depth can).
INSTRUMENTS = ("replay/phone", "mask/paper", "makeup/impersonation")
TESTS = ("domain", "instruments")  # the parts that are tested
PARTS = ("train", "dev", *TESTS)
SHOWN = ("print", "replay")  # the families whose models belong to domains; masks and make-up are shared


def claim_parts(presentations: Sequence[Presentation]) -> dict[str, list[Presentation]]:
    """Each of PARTS -> its presentations of a simulated benchmark, in their order; the rest is left out.

    DataError where a part lacks a class.
    """
    homes = {p.subject: p.domain for p in presentations if p.domain}
    at_home = [p for p in presentations if p.domain == DOMAIN]
    cameras = {p.camera for p in at_home}
    models = {_model(p) for p in at_home if p.family in SHOWN}
    parts: dict[str, list[Presentation]] = {name: [] for name in PARTS}
    for p in presentations:
        unseen = p.instrument in INSTRUMENTS
        stranger = homes.get(p.subject) == DOMAIN or p.split == "test"
        if p.domain == DOMAIN and not unseen:
            parts["domain"].append(p)
        elif p.place == DOMAIN or p.camera in cameras:
            continue
        elif stranger and (unseen or p.label is Label.BONA_FIDE):
            parts["instruments"].append(p)
        elif not stranger and not unseen and _model(p) not in models:
            parts[p.split].append(p)
    _check(parts)
    return parts


def _check(parts: dict[str, list[Presentation]]) -> None:
    for name, part in parts.items():
        for label in Label:
            if not any(p.label is label for p in part):
                words = label.value.replace("_", " ")
                raise DataError(
                    f"this benchmark has no {words} presentation for {name}, so the claims cannot be tried "
                    "on it; make one with `unmask benchmark make`"
                )
    learnt = {name: parts[name] for name in ("train", "dev")}
    for test in TESTS:  # the two tests may share people: no network and no threshold has seen them
        if found := shared({**learnt, test: parts[test]}):
            raise DataError(f"{found[0]}; make the benchmark again")


def _model(p: Presentation) -> tuple[str, str]:
    return p.family, p.instrument_model


@dataclass(frozen=True, slots=True, kw_only=True)
class WithTrueDepth:
    """As `tracked`, whose attacks get their true depth: both labels of an attack come from one prepared set.

    The benchmark keeps the depth of every second frame; a frame without has that of the one before it.
    """

    tracked: TrackedFolder

    def __call__(self, index: int) -> Recording | None:
        recording = self.tracked(index)
        if recording is None or recording.label is Label.BONA_FIDE:
            return recording
        twin = open_twin(self.tracked.presentations[index])
        depths = []
        for sighting in recording.sightings:
            known = sighting.frame.index // twin.every * twin.every
            frame = sighting.frame
            depths.append(twin.read(Frame(frame.image, frame.time_s, known)))
        return replace(recording, depths=depths)
