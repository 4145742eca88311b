"""CeFA 1 to 4 (Liu et al., WACV 2021, table 4): an unseen ethnicity, attack, modality, and both of the first.

The numbers of recordings are those of the authors' lists (github.com/liuajian/CASIA-FAS-Dataset, where 1.1,
1.2, 1.3 are called p1.1, p1.3, p1.5). Masks are in tests only, and of them what the D435i saw with a light.
For 3 the authors give numbers of pictures, and these fit only without masks.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from unmask.data.splits import Protocol, Split, checked, of_set
from unmask.types import DataError, Label, Presentation

RACES = ("AF", "CA", "EA")
CLOTH, SCREEN = "print/cloth", "replay/screen"
MODALITIES = ("color", "depth", "ir")
PARTS = ("train", "dev", "test")


def _asked(p: Presentation, *, races: Sequence[str], attacks: Sequence[str], masks: bool) -> bool:
    if p.instrument.startswith("mask/"):
        return masks and p.camera == "D435i" and p.columns.get("light") != "none"
    known = p.camera in ("rssdk", "bag") and p.session in ("indoor", "outdoor") and p.domain in races
    return known and (p.label is Label.BONA_FIDE or p.instrument in attacks)


def unseen(
    presentations: Sequence[Presentation],
    *,
    races: tuple[Sequence[str], Sequence[str]],
    attacks: tuple[Sequence[str], Sequence[str]],
    name: str,
) -> Split:
    """Learned on the first `races` and `attacks`, tested on the second ones and on masks."""
    parts: dict[str, list[Presentation]] = {part: [] for part in PARTS}
    for p in of_set(presentations, "cefa"):
        tested = p.split == "test"
        if _asked(p, races=races[tested], attacks=attacks[tested], masks=tested):
            parts[p.split].append(p)
    return checked(Split(**{part: tuple(rows) for part, rows in parts.items()}), name=name)


def unseen_modality(presentations: Sequence[Presentation], *, modality: str, name: str) -> Split:
    """Learned on one modality, tested on the other two; the path of each is that of its modality."""
    parts: dict[str, list[Presentation]] = {part: [] for part in PARTS}
    for p in of_set(presentations, "cefa"):
        if _asked(p, races=RACES, attacks=(CLOTH, SCREEN), masks=False):
            others = [other for other in MODALITIES if other != modality]
            parts[p.split] += [_in(p, m) for m in (others if p.split == "test" else [modality])]
    return checked(Split(**{part: tuple(rows) for part, rows in parts.items()}), name=name)


def _in(p: Presentation, modality: str) -> Presentation:
    if modality == "color":
        return p
    if modality not in p.columns:
        raise DataError(f"{p.path} has no column {modality}; read the folder again with the reader of cefa")
    return replace(p, path=p.columns[modality], columns={**p.columns, "modality": modality})


def _protocol(
    name: str, question: str, split: Callable[..., Split], counts: dict[str, tuple[int, int]] | None
) -> Protocol:
    return Protocol(
        name=f"cefa/{name}",
        question=question,
        needs=("cefa",),
        split=partial(split, name=f"cefa/{name}"),
        counts=counts,
        folds=f"cefa/{name.split('.')[0]}",
    )


def _others(race: str) -> tuple[str, ...]:
    return tuple(other for other in RACES if other != race)


CEFA = (
    *(
        _protocol(
            f"1.{k}",
            f"unseen ethnicities: {race} to the others",
            partial(unseen, races=((race,), _others(race)), attacks=((CLOTH, SCREEN),) * 2),
            {"train": (200, 600), "dev": (100, 300), "test": (400, 2323)},
        )
        for k, race in enumerate(RACES, start=1)
    ),
    _protocol(
        "2.1",
        "an unseen attack: cloth to screen and masks",
        partial(unseen, races=(RACES, RACES), attacks=((CLOTH,), (SCREEN,))),
        {"train": (600, 1200), "dev": (300, 600), "test": (600, 1723)},
    ),
    _protocol(
        "2.2",
        "an unseen attack: screen to cloth and masks",
        partial(unseen, races=(RACES, RACES), attacks=((SCREEN,), (CLOTH,))),
        {"train": (600, 600), "dev": (300, 300), "test": (600, 2323)},
    ),
    *(
        _protocol(
            f"3.{k}",
            f"unseen modalities: {modality} to the others",
            partial(unseen_modality, modality=modality),
            None,
        )
        for k, modality in enumerate(MODALITIES, start=1)
    ),
    *(
        _protocol(
            f"4.{k}",
            f"unseen ethnicities and attacks: {race} with screen to the others with cloth and masks",
            partial(unseen, races=((race,), _others(race)), attacks=((SCREEN,), (CLOTH,))),
            {"train": (200, 200), "dev": (100, 100), "test": (400, 1923)},
        )
        for k, race in enumerate(RACES, start=1)
    ),
)
