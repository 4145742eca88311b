"""`score label` a line, as many training scripts write it; it keeps neither names nor instruments."""

import math
from collections.abc import Sequence

from unmask.scores.cells import (
    first_line,
    is_number,
    lines,
    number,
    plain_word,
    validated_score,
    words_of,
)
from unmask.types import DataError, Label, Score

LABELS = {
    "1": Label.BONA_FIDE,
    "+1": Label.BONA_FIDE,
    "bona_fide": Label.BONA_FIDE,
    "0": Label.ATTACK,
    "-1": Label.ATTACK,
    "attack": Label.ATTACK,
}


def fits(text: str) -> bool:
    """Whether the first line is a number and a label, and some line cannot be meant the other way round."""
    first = words_of(first_line(text))
    if len(first) != 2 or not is_number(first[0]) or plain_word(first[1]) not in LABELS:
        return False
    return any(words_of(line)[0] not in LABELS for line in text.splitlines() if line.strip())


def read(text: str, where: str) -> list[Score]:
    """The rows; a presentation is named by its place, "FILE:LINE"."""
    scores = []
    for count, (line, content) in enumerate(lines(text, where=where), start=1):
        words = words_of(content)
        if len(words) != 2 or plain_word(words[1]) not in LABELS:
            raise DataError(
                f"{line}: it must be a score and a label of {', '.join(LABELS)}, not {content.strip()!r}"
            )
        scores.append(
            validated_score(
                f"{where}:{count}",
                LABELS[plain_word(words[1])],
                number(words[0], where=line),
                instrument="",
                subject="",
                columns={},
                where=line,
            )
        )
    return scores


def write(scores: Sequence[Score]) -> str:
    """The rows; 1 is bona fide, 0 an attack, nan no score."""
    cells = [repr(float(score.score)) if math.isfinite(score.score) else "nan" for score in scores]
    truths = [int(score.label is Label.BONA_FIDE) for score in scores]
    return "".join(f"{cell} {truth}\n" for cell, truth in zip(cells, truths, strict=True))
