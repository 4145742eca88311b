"""Presentations, changed on purpose -> what came of each: does a score lean on what should not matter?"""

import math
from dataclasses import dataclass

from unmask.detector.detector import Detector
from unmask.detector.scoring import UNREADABLE, PresentationScorer, Scored, judged, loaded
from unmask.media.changes import changed
from unmask.media.sources import open_presentation
from unmask.types import Presentation, SourceError

MEANS_NOTHING = Scored(score=math.nan, verdict="", reasons="")  # a frame rate of a picture, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Presentation `number` under the change of that name and strength; "none" changes nothing."""

    presentation: Presentation
    number: int
    change: str
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stresser:
    """Does one trial of a list, in whatever process it is called; `seed` is that of all that is drawn."""

    scorer: PresentationScorer
    seed: int = 0

    def __call__(self, task: tuple[int, Trial]) -> tuple[int, Scored]:
        """(place in the list, trial) -> (place, what came of it); verdict "" if the change means nothing."""
        place, trial = task
        return place, tried(loaded(self.scorer), trial, seed=self.seed, fps=self.scorer.fps)


def tried(detector: Detector, trial: Trial, *, seed: int, fps: float = 30.0) -> Scored:
    """What the detector says of the changed presentation; a file that cannot be read is a failure."""
    try:
        source = open_presentation(trial.presentation, fps=fps)
        found = changed(source, trial.change, trial.strength, seed=seed, number=trial.number)
        if found is None:
            source.close()
            return MEANS_NOTHING
        return judged(detector.check(found[0], move=found[1]))
    except SourceError as unreadable:
        return Scored(score=math.nan, verdict=UNREADABLE, reasons=UNREADABLE, sentence=str(unreadable))
