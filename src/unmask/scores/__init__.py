"""Score tables, ours and those of others, read and written: what scoring writes and reporting reads.

A row is a presentation; a score that is empty or NaN is a failure to acquire; an infinite one is refused.
"""

from unmask.scores.formats import FORMATS, Format, read_scores, write_scores
from unmask.scores.table import OURS

__all__ = ["FORMATS", "OURS", "Format", "read_scores", "write_scores"]
