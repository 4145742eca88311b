"""All formats of score tables, and which of them a file is in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.files import write_bytes
from unmask.scores import bob, oulu, plain, table
from unmask.scores.cells import first_line, refuse_duplicates, table_text
from unmask.types import DataError, Score, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`fits` says by its text whether a file may be one; `read` takes the text and the file's name, for its
    sentences; `write` gives the text. `title` shows what a row looks like.
    """

    title: str
    fits: Callable[[str], bool]
    read: Callable[[str, str], list[Score]]
    write: Callable[[Sequence[Score]], str]


FORMATS = {
    "unmask": Format(title=",".join(table.FIXED), fits=table.fits, read=table.read, write=table.write),
    "bob": Format(title=",".join(bob.COLUMNS), fits=bob.fits_csv, read=bob.read_csv, write=bob.write_csv),
    "bob-4": Format(
        title="claimed_id real_id test_label score",
        fits=bob.fits_four,
        read=bob.read_four,
        write=bob.write_four,
    ),
    "score-label": Format(title="score label", fits=plain.fits, read=plain.read, write=plain.write),
    "oulu": Format(title="Phone_Session_User_File,score", fits=oulu.fits, read=oulu.read, write=oulu.write),
}


def read_scores(path: str | Path, form: str | None = None) -> list[Score]:
    """The scores of a table in the format `form`, or in the only one that it fits. Raises DataError.

    A table holds at least one row, and of each presentation one in each part, protocol and model.
    """
    text = table_text(path, name="name a score table")
    if not text.strip():
        raise DataError(f"{path} is empty; score something first")
    scores = _format(form or _detected(text, path)).read(text, str(path))
    if not scores:
        raise DataError(f"{path} holds no score, only a first line; score something first")
    refuse_duplicates(scores, where=str(path))
    return scores


def write_scores(path: str | Path, scores: Sequence[Score], form: str = "unmask") -> None:
    """The table in the format `form`, whole or not at all; DataError where that cannot hold it."""
    write_bytes(path, _format(form).write(scores).encode())


def _detected(text: str, path: str | Path) -> str:
    found = [name for name, form in FORMATS.items() if form.fits(text)]
    if len(found) == 1:
        return found[0]
    first = first_line(text)
    begins = first if len(first) <= 60 else f"{first[:60]}..."
    which = f"may be {' or '.join(found)}" if found else "is none that is known by sight"
    known = "; ".join(f"{name} ({form.title})" for name, form in FORMATS.items())
    raise DataError(f"the format of {path} {which}: it begins {begins!r}; name its format, one of {known}")


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise SettingsError(f"there is no score format {name!r}; the formats are {', '.join(FORMATS)}")
    return FORMATS[name]
