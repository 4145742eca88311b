"""Which rows of a contract's ledger forbid commercial use, by the words of their licences."""

import re
from collections.abc import Sequence

from unmask.contract import TrainingData

FORBIDDING = re.compile(
    r"\bNC\b|non-?\s?commercial|(?:research|academic|education\w*)(?: use)?(?: purposes)? only"
    r"|\b(?:EULA|release agreement|licen[cs]e agreement)\b",
    re.IGNORECASE,
)
UNKNOWN = re.compile(r"^\s*(?:|not recorded|unknown|none|proprietary)\s*$", re.IGNORECASE)


def not_commercial(ledger: Sequence[TrainingData]) -> list[TrainingData]:
    """The rows whose licence forbids commercial use, needs an agreement for it, or is not known.

    It reads words and gives no legal advice: what it finds is not allowed, what it passes has to be read.

    >>> rows = [TrainingData(name=n, licence=n, items=1) for n in ("MIT", "CC-BY-NC-4.0", "not recorded")]
    >>> [row.name for row in not_commercial(rows)]
    ['CC-BY-NC-4.0', 'not recorded']
    """
    return [row for row in ledger if FORBIDDING.search(row.licence) or UNKNOWN.match(row.licence)]
