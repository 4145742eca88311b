"""The plan of a self-test: which face or artefact is presented when, under which name it is captured.

Columns: number, block, presentation, subject, label, instrument, response, remark. Whoever tests fills the
last two: `response` is "none" where the system gave none and nothing could be captured. A capture bears the
name in the column `presentation` with whatever suffix; a retry adds _r1, _r2.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.files import write_bytes
from unmask.plain import as_csv
from unmask.scores.cells import csv_rows, label_of, table_text, validated_score
from unmask.types import DataError, Label, Presentation, PresentationRecord, SettingsError

COLUMNS = ("number", "block", "presentation", "subject", "label", "instrument", "response", "remark")
ATTACKS_PER_BONA_FIDE = 3  # 150 attacks and 50 bona fide a species, taken in turns
SILENT = "none"
RETRY = re.compile(r"(?P<name>.+?)(?:_r(?P<retry>[1-9][0-9]?))?")

# What is told of level 1 are prints, cut-out and bent paper masks and replays on displays, each for 30 USD or
# less: six species of it, by the names of this house.
SPECIES: Mapping[str, str] = {
    "print/matt": "The face in life size on matt office paper, held flat, then bent, tilted and moved.",
    "print/photo": "The same on glossy photo paper, from a photo printer or a shop; mind reflections.",
    "print/cutout": "A print with the eyes cut out, held before the tester's own face, who blinks.",
    "mask/paper": "A print cut along the outline and worn, bent round the head like a cylinder.",
    "replay/phone": "A video of the subject on a bright telephone, its bezel out of the picture.",
    "replay/monitor": "The same video on a tablet, laptop or monitor, larger, and seen from further away.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPresentation(PresentationRecord):
    """A presentation to be made; `block` is the species that it is tested with."""

    number: int
    block: str
    response: str = ""
    remark: str = ""


def make_plan(
    *,
    subjects: int,
    per_species: int,
    species: Sequence[str],
    seed: int,
    attacks_per_bona_fide: int = ATTACKS_PER_BONA_FIDE,
) -> list[PlannedPresentation]:
    """Species by species: one bona fide presentation, then three attacks, or as many as are wished, with
    artefacts of the same subject.

    Subjects come in an order that `seed` draws anew for each round, so that none is only seen tired.
    """
    if subjects < 1 or per_species < 1 or not species or len(set(species)) < len(species):
        raise SettingsError(
            "a plan needs a subject, a presentation of each species and species named once each"
        )
    if wrong := [name for name in species if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", name)]:
        raise SettingsError(
            f"a species is named family/species in small letters, as print/matt, not {wrong[0]!r}; known are "
            f"{', '.join(SPECIES)}"
        )
    rng = np.random.default_rng(seed)
    rows: list[PlannedPresentation] = []
    for name in species:
        queue: list[int] = []
        left = per_species
        while left > 0:
            queue = queue or (1 + rng.permutation(subjects)).tolist()
            subject = f"s{queue.pop(0):02d}"
            rows.append(_planned(len(rows) + 1, name, subject, instrument=""))
            for _ in range(min(attacks_per_bona_fide, left)):
                rows.append(_planned(len(rows) + 1, name, subject, instrument=name))
                left -= 1
    return rows


def write_plan(path: str | Path, rows: Sequence[PlannedPresentation]) -> None:
    """The plan as a table, whole or not at all."""
    lines = [
        (r.number, r.block, r.name, r.subject, r.label.value, r.instrument, r.response, r.remark)
        for r in rows
    ]
    write_bytes(path, as_csv([COLUMNS, *lines]).encode())


def read_plan(path: str | Path) -> list[PlannedPresentation]:
    """The rows of a plan, filled or not; DataError where it is not one, or a name stands twice."""
    text = table_text(path, name="name a plan of `unmask selftest plan`")
    rows = [
        _row(cells, where=line) for line, cells in csv_rows(text, COLUMNS[:7], where=str(path), known=COLUMNS)
    ]
    if not rows:
        raise DataError(f"{path} plans nothing; make it again by `unmask selftest plan`")
    names = [row.name for row in rows]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"{path} plans {twice} twice; give each presentation a name of its own")
    return rows


def split_retry(name: str) -> tuple[str, int]:
    """The planned name and the number of the retry in the name of a capture.

    >>> split_retry("0007_s01_print-matt_r2"), split_retry("0007_s01_print-matt")
    (('0007_s01_print-matt', 2), ('0007_s01_print-matt', 0))
    """
    found = RETRY.fullmatch(name)
    assert found is not None
    return found["name"], int(found["retry"] or 0)


def _planned(number: int, block: str, subject: str, *, instrument: str) -> PlannedPresentation:
    kind = instrument.replace("/", "-") or "bona-fide"
    presentation = Presentation(
        path=f"{number:04d}_{subject}_{kind}",
        label=Label.ATTACK if instrument else Label.BONA_FIDE,
        instrument=instrument,
        subject=subject,
    )
    return PlannedPresentation(presentation=presentation, number=number, block=block)


def _row(cells: dict[str, str], *, where: str) -> PlannedPresentation:
    label = label_of(cells["label"], where=where)
    if cells["response"].lower() not in ("", SILENT):
        raise DataError(
            f"{where}: the response is {cells['response']!r}; leave it empty where there is a capture, or "
            f"write {SILENT} where the system gave no response"
        )
    if not re.fullmatch("[0-9]{1,9}", cells["number"]):
        raise DataError(f"{where}: the number is {cells['number']!r}; leave that column as it was")
    instrument = cells["instrument"]
    if label is Label.ATTACK and not instrument:
        raise DataError(f"{where}: an attack without an instrument; name its species")
    row = validated_score(
        cells["presentation"],
        label,
        0.0,
        instrument=instrument,
        subject=cells["subject"],
        columns={},
        where=where,
    )
    return PlannedPresentation(
        number=int(cells["number"]),
        block=cells["block"],
        presentation=row.presentation,
        response=cells["response"].lower(),
        remark=cells.get("remark", ""),
    )
