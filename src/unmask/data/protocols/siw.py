"""The three protocols of SiW; it ships no dev part, so ours is drawn from train: see `dev_share`.

1: pose and expression, learnt from the first 60 frames, which are mostly frontal; 2.i: an unseen screen;
3.1: from prints to replays, 3.2: from replays to prints. Liu et al., CVPR 2018; the counts are those of the
lists of bob.db.siw since 2020, its train and dev together; those of its first commit, with nine replays more,
are as good.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from unmask.data.protocols.dev_share import with_dev
from unmask.data.sets.siw import NAME, SCREENS
from unmask.data.splits import Protocol, Split, checked, in_part, of_set
from unmask.media.sources import MAX_FRAMES
from unmask.types import Presentation

FIRST_FRAMES = 60
BONA_FIDE = (714, 599)  # in train and test
PRINTS = (339, 314)
HELD_SCREEN = (
    (300, 296, 294, 250),
    (300, 300, 298, 250),
)  # replays of each screen in test, since 2020, first
LEARNT_SCREENS = ((1003, 1003, 1005, 1078), (1004, 1004, 1005, 1079))  # of the three others in train
REPLAYS = ((1363, 1140), (1364, 1148))


def siw(
    presentations: Sequence[Presentation],
    *,
    learnt: tuple[str, ...],
    asked: tuple[str, ...],
    frames: int = 0,
    name: str,
) -> Split:
    """Attacks whose instrument begins with one of `learnt` in train and dev, with one of `asked` in test.

    `frames` is how many frames of a video train and dev may show, 0 for all.
    """
    rows = of_set(presentations, NAME)
    train, dev = (  # drawn once for all folds
        tuple(_first(p, frames) for p in part if p.instrument.startswith(learnt) or not p.instrument)
        for part in with_dev(in_part(rows, "train"))
    )
    test = tuple(p for p in in_part(rows, "test") if p.instrument.startswith(asked) or not p.instrument)
    return checked(Split(train=train, dev=dev, test=test), name=name)


def _first(row: Presentation, frames: int) -> Presentation:
    return replace(row, columns={**row.columns, MAX_FRAMES: str(frames)}) if frames else row


def _protocol(
    fold: str,
    question: str,
    *,
    learnt: tuple[str, ...],
    asked: tuple[str, ...],
    attacks: Sequence[tuple[int, int]],
    frames: int = 0,
) -> Protocol:
    name = f"{NAME}/{fold}"
    counts, *older = (
        {"train+dev": (BONA_FIDE[0], learnt_ones), "test": (BONA_FIDE[1], asked_ones)}
        for learnt_ones, asked_ones in attacks
    )
    return Protocol(
        name=name,
        question=question,
        needs=(NAME,),
        split=partial(siw, learnt=learnt, asked=asked, frames=frames, name=name),
        counts=counts,
        older=tuple(older),
        folds=name.rsplit(".", 1)[0] if "." in fold else "",
    )


SIW_PROTOCOLS = (
    _protocol(
        "1",
        f"pose and expression, learnt from the first {FIRST_FRAMES} frames of each video",
        learnt=("print", "replay"),
        asked=("print", "replay"),
        attacks=[(PRINTS[0] + train, PRINTS[1] + test) for train, test in REPLAYS],
        frames=FIRST_FRAMES,
    ),
    *(
        _protocol(
            f"2.{place + 1}",
            f"an unseen screen ({screen.split('/')[1]})",
            learnt=tuple(other for other in SCREENS if other != screen),
            asked=(screen,),
            attacks=[
                (train[place], test[place]) for train, test in zip(LEARNT_SCREENS, HELD_SCREEN, strict=True)
            ],
        )
        for place, screen in enumerate(SCREENS)
    ),
    _protocol(
        "3.1",
        "from prints to replays",
        learnt=("print",),
        asked=("replay",),
        attacks=[(PRINTS[0], test) for _, test in REPLAYS],
    ),
    _protocol(
        "3.2",
        "from replays to prints",
        learnt=("replay",),
        asked=("print",),
        attacks=[(train, PRINTS[1]) for train, _ in REPLAYS],
    ),
)
