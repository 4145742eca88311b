"""The evaluation format of OULU-NPU: `name,score` a line; the truth is in the name.

A name is Phone_Session_User_File, e.g. 6_3_20_5 (Boulkenafet et al. 2017). File 1 is bona fide, 2 and 3 are
prints of two printers, 4 and 5 two displays; the set's own APCER is the worse of print and display, which are
families here.
"""

import math
import re
from collections.abc import Sequence
from pathlib import PurePath

from unmask.scores.cells import first_line, is_number, lines, number, validated_score, words_of
from unmask.types import DataError, Label, Score

NAME = re.compile(r"([1-6])_([1-3])_([0-5][0-9])_([1-5])")
INSTRUMENTS = ("", "print/printer-1", "print/printer-2", "replay/display-1", "replay/display-2")  # by File


def fits(text: str) -> bool:
    """Whether the first line is such a name and a number."""
    words = words_of(first_line(text))
    return len(words) == 2 and bool(NAME.fullmatch(_stem(words[0]))) and is_number(words[1])


def read(text: str, where: str) -> list[Score]:
    """The rows; a name may end in .avi."""
    scores = []
    for line, content in lines(text, where=where):
        name, *rest = words_of(content)
        found = NAME.fullmatch(_stem(name))
        if not found or len(rest) != 1:
            raise DataError(
                f"{line}: it must be Phone_Session_User_File,score like 1_1_36_1,0.5, not {content.strip()!r}"
            )
        phone, session, user, kind = found.groups()
        instrument = INSTRUMENTS[int(kind) - 1]
        scores.append(
            validated_score(
                _stem(name),
                Label.ATTACK if instrument else Label.BONA_FIDE,
                number(rest[0], where=line),
                instrument=instrument,
                subject=user,
                columns={"camera": phone, "session": session},
                where=line,
            )
        )
    return scores


def write(scores: Sequence[Score]) -> str:
    """The rows; every presentation must bear a name of OULU-NPU that agrees with its label."""
    rows = []
    for score in scores:
        name = _stem(score.presentation)
        found = NAME.fullmatch(name)
        if not found:
            raise DataError(
                f"the format oulu takes the truth from names like 1_1_36_1, not {score.presentation!r}; "
                "write another format"
            )
        if (found.group(4) == "1") != (score.label is Label.BONA_FIDE):
            raise DataError(
                f"{name} is {'bona fide' if found.group(4) == '1' else 'an attack'} by its name and "
                f"{score.label.value} by its label; correct one"
            )
        rows.append(f"{name},{repr(float(score.score)) if math.isfinite(score.score) else 'nan'}\n")
    return "".join(rows)


def _stem(name: str) -> str:
    return PurePath(name.strip()).name.removesuffix(".avi")
