"""The score files of bob.pad.base (script/run_pipeline.py, version 6): its CSV and its four columns.

CSV: claimed_id (the subject), test_label (the presentation), is_bonafide (True or False), attack_type, score,
then free columns. Four columns, parted by spaces: `claimed_id real_id test_label score`, where real_id is
claimed_id for bona fide, and else the attack's type. Both write nan where there is no score.
"""

import math
from collections.abc import Sequence

from unmask.plain import as_csv
from unmask.scores.cells import (
    RUN_COLUMNS,
    csv_rows,
    first_line,
    header,
    is_number,
    lines,
    number,
    one_word,
    validated_score,
)
from unmask.types import DataError, Label, Score

COLUMNS = ("claimed_id", "test_label", "is_bonafide", "attack_type", "score")


def fits_csv(text: str) -> bool:
    """Whether the first line has bob's columns of truth."""
    return {"is_bonafide", "attack_type"} <= set(header(text))


def read_csv(text: str, where: str) -> list[Score]:
    """The rows of bob's CSV."""
    return [_row(row, where=line) for line, row in csv_rows(text, COLUMNS, where=where, known=RUN_COLUMNS)]


def write_csv(scores: Sequence[Score]) -> str:
    """The rows as bob's CSV, free columns too; an attack without instrument is of the type "attack"."""
    free = list(dict.fromkeys(name for score in scores for name in score.columns if name not in COLUMNS))
    rows: list[list[object]] = [[*COLUMNS, *free]]
    for score in scores:
        bona_fide = score.label is Label.BONA_FIDE
        kind = "" if bona_fide else score.instrument or "attack"
        fixed = [score.subject, score.name, bona_fide, kind, _cell(score)]
        rows.append([*fixed, *(score.columns.get(name, "") for name in free)])
    return as_csv(rows)


def fits_four(text: str) -> bool:
    """Whether the first line has four words, the last a number."""
    words = first_line(text).split()
    return len(words) == 4 and is_number(words[3])


def read_four(text: str, where: str) -> list[Score]:
    """The rows of bob's four columns."""
    scores = []
    for line, content in lines(text, where=where):
        words = content.split()
        if len(words) != 4:
            raise DataError(
                f"{line}: {len(words)} words, not the four of `claimed_id real_id test_label score`; names "
                "must not hold spaces"
            )
        claimed, real, presentation, cell = words
        bona_fide = claimed == real
        scores.append(
            validated_score(
                presentation,
                Label.BONA_FIDE if bona_fide else Label.ATTACK,
                number(cell, where=line),
                instrument="" if bona_fide else real,
                subject=claimed,
                columns={},
                where=line,
            )
        )
    return scores


def write_four(scores: Sequence[Score]) -> str:
    """The rows in four columns; a row without a subject goes by the presentation's name."""
    rows = []
    for score in scores:
        subject = one_word(score.subject or score.name, what="subject", form="bob-4")
        real = subject if score.label is Label.BONA_FIDE else score.instrument or "attack"
        if score.label is Label.ATTACK and real == subject:
            raise DataError(
                f"the subject {subject!r} is named as the instrument, which the format bob-4 reads as bona "
                "fide; rename one, or write another format"
            )
        real = one_word(real, what="instrument", form="bob-4")
        name = one_word(score.name, what="presentation", form="bob-4")
        rows.append(f"{subject} {real} {name} {_cell(score)}\n")
    return "".join(rows)


def _row(row: dict[str, str], *, where: str) -> Score:
    truth = row["is_bonafide"].lower()
    if truth not in ("true", "false"):
        raise DataError(f"{where}: is_bonafide must be True or False, not {row['is_bonafide']!r}")
    return validated_score(
        row["test_label"],
        Label.BONA_FIDE if truth == "true" else Label.ATTACK,
        number(row["score"], where=where),
        instrument=row["attack_type"],
        subject=row["claimed_id"],
        columns={name: cell for name, cell in row.items() if name not in COLUMNS},
        where=where,
    )


def _cell(score: Score) -> str:
    return repr(float(score.score)) if math.isfinite(score.score) else "nan"
