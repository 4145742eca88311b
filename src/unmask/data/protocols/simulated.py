"""The simulated benchmark's protocols, computed from the columns of its recordings by `data.benchmark`.

They are those in its folder protocols/, which hold the same rule worked out. A benchmark made smaller, or
with other cameras, has fewer of them.
"""

from collections.abc import Sequence
from functools import partial

from unmask.data.benchmark import Row, lacking, protocols
from unmask.data.splits import Protocol, Split, checked, of_set
from unmask.types import DataError, Presentation

CAMERAS, DOMAINS, TYPES = 6, 4, 13
QUESTIONS = {
    "oulu-1": "an unseen place, with prints and replays",
    "oulu-2": "unseen printers and displays",
    **{f"oulu-3-{k}": "an unseen camera, with prints and replays" for k in range(1, CAMERAS + 1)},
    **{f"oulu-4-{k}": "unseen place, printers, displays and camera" for k in range(1, CAMERAS + 1)},
    **{f"domains-{k}": "an unseen domain: place, cameras, people" for k in range(1, DOMAINS + 1)},
    **{f"types-{k}": "an unseen type of attack of SiW-M" for k in range(1, TYPES + 1)},
    "depth-real": "nothing held out; an attack's true depth to learn from",
    "depth-zero": "nothing held out; zero depth of attacks to learn from",
}


def simulated(presentations: Sequence[Presentation], *, protocol: str) -> Split:
    """The parts of that protocol; DataError where this benchmark does not carry it."""
    rows = of_set(presentations, "simulated")
    table = [_row(p) for p in rows]
    found = next((one for one in protocols(table) if one.name == protocol), None)
    if found is None or lacking(found, table):
        lack = f"no {lacking(found, table)}" if found else "nothing to hold out for it"
        raise DataError(f"this benchmark has {lack}, so no protocol {protocol}; make a larger one")
    parts = {
        part: tuple(p for p in rows if found.parts.get(p.path) == part) for part in ("train", "dev", "test")
    }
    return checked(Split(**parts), name=f"simulated/{protocol}")


def _row(p: Presentation) -> Row:
    return {
        "path": p.path,
        "label": p.label,
        "instrument": p.instrument,
        "subject": p.subject,
        "camera": p.camera,
        "instrument_model": p.instrument_model,
        "place": p.place,
        "domain": p.domain,
        "split": p.split,
        "like": p.columns.get("like", ""),
    }


def _folds(name: str) -> str:
    """The group of a fold: "oulu-3" of "oulu-3-1"; "" of a protocol that stands alone."""
    group, _, last = name.rpartition("-")
    return f"simulated/{group}" if last.isdecimal() and group != "oulu" else ""


SIMULATED = tuple(
    Protocol(
        name=f"simulated/{name}",
        question=question,
        needs=("simulated",),
        split=partial(simulated, protocol=name),
        folds=_folds(name),
    )
    for name, question in QUESTIONS.items()
)
