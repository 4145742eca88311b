"""The rules that the cells and rows of every format keep."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from unmask.media.regular import refuse_special
from unmask.plain import active
from unmask.types import DataError, Label, Score

LARGEST = 2**30
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# One presentation may have a row in each of these: a table may hold several parts, protocols and models.
RUN_COLUMNS = ("split", "protocol", "model")


def number(cell: str, *, where: str) -> float:
    """The score in a cell; NaN where it is empty or says so.

    >>> number(" 0.25", where="line 2"), number("", where="line 3")
    (0.25, nan)
    """
    cell = cell.strip()
    if not cell:
        return math.nan
    if not is_number(cell):
        comma = ", with a point before its decimals" if is_number(cell.replace(",", ".", 1)) else ""
        raise DataError(
            f"{where}: the score must be a number{comma}, or empty where there is none, not {cell[:80]!r}"
        )
    value = float(cell)
    if math.isinf(value):
        raise DataError(
            f"{where}: the score is {cell}; it must be finite, or empty where there is none: look at what "
            "the network gave"
        )
    return value


def is_number(cell: str) -> bool:
    """Whether a cell reads as a score, be it infinite.

    >>> is_number("1e-3"), is_number("print")
    (True, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python would read 1_0 as 10


def validated_score(
    presentation: str,
    label: Label,
    score: float,
    *,
    instrument: str,
    subject: str,
    columns: dict[str, str],
    where: str,
) -> Score:
    """One row, whose name is not empty and whose instrument is that of an attack."""
    if not presentation.strip():
        raise DataError(f"{where}: the presentation has no name; give each its own")
    if label is Label.BONA_FIDE and instrument:
        raise DataError(
            f"{where}: bona_fide with the instrument {instrument!r}; leave it empty, or label the row attack"
        )
    return Score(
        presentation=presentation,
        label=label,
        instrument=instrument,
        score=score,
        subject=subject,
        columns=columns,
    )


def refuse_duplicates(scores: Sequence[Score], *, where: str) -> None:
    """DataError when a presentation has two rows in one part, protocol and model."""
    seen: set[tuple[str, ...]] = set()
    for score in scores:
        key = (score.presentation, *(score.columns.get(name, "") for name in RUN_COLUMNS))
        if key in seen:
            raise DataError(
                f"{where} lists {score.presentation} twice; a presentation is one row: average its frames or "
                "clips first"
            )
        seen.add(key)


def table_text(path: str | Path, *, name: str) -> str:
    """The text of a table, a plain file of up to LARGEST bytes in UTF-8; `name` says what should be named.

    Raises DataError.
    """
    path = Path(path)
    refuse_special(path, error=DataError)  # a pipe would never end
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} has more than {LARGEST:,} bytes and is not a table; {name}")
        return path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except UnicodeDecodeError as broken:
        raise DataError(f"{path} is not a table in UTF-8 ({broken}); save it as such") from broken
    except (OSError, ValueError) as missing:  # ValueError: a name that no file can have
        reason = getattr(missing, "strerror", None) or missing
        raise DataError(f"{path} cannot be read ({reason}); {name}") from missing


def csv_rows(text: str, needed: Sequence[str], *, where: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(where it stands, column -> cell) of each row of a CSV with a header that has the columns `needed`."""
    comma = delimiter(text)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=comma)
    try:
        header = [active(name.strip()) for name in reader.fieldnames or ()]
        header = [name.lower() if name.lower() in needed else name for name in header]
        reader.fieldnames = header
        if absent := [name for name in needed if name not in header]:
            raise DataError(
                f"{where} has no column {', '.join(absent)}, its first line parted by {SEPARATORS[comma]}; "
                f"such a table has {','.join(needed)}"
            )
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise DataError(f"{where} has two columns {twice!r}; name each once")
        for row in reader:
            line = f"{where}, line {reader.line_num}"
            if None in row or None in row.values():
                raise DataError(
                    f"{line}: not as many cells as the first line has; quote cells that hold "
                    f"{SEPARATORS[comma]}"
                )
            yield line, {name: active(cell) for name, cell in row.items()}
    except csv.Error as broken:
        raise DataError(f"{where} is not a CSV table in UTF-8 ({broken}); save it as such") from broken


def lines(text: str, *, where: str) -> Iterator[tuple[str, str]]:
    """(where it stands, line) of each line that is not blank."""
    for count, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{where}, line {count}", line


def header(text: str) -> list[str]:
    """The cells of the first line in small letters, as CSV has them; none where that is broken.

    >>> header("a,b")
    ['a', 'b']
    """
    try:
        cells = next(csv.reader([first_line(text)], strict=True, delimiter=delimiter(text)), [])
        return [cell.strip().lower() for cell in cells]
    except csv.Error:
        return []


def delimiter(text: str) -> str:
    """What parts the cells: a comma, or the semicolon or tab of some spreadsheets.

    >>> delimiter("path;label,x;instrument"), delimiter("score")
    (';', ',')
    """
    return max(SEPARATORS, key=first_line(text).count)


def first_line(text: str) -> str:
    """The first line that is not blank, without the blanks around it.

    >>> first_line("\\n a b \\nc")
    'a b'
    """
    return text.lstrip().partition("\n")[0].rstrip()


def one_word(cell: str, *, what: str, form: str) -> str:
    """The cell itself; DataError where spaces would break a line of `form` apart."""
    if not cell or cell.split() != [cell]:
        raise DataError(
            f"the format {form} parts its columns by spaces, and the {what} {cell!r} is not a single word; "
            "rename it, or write another format"
        )
    return cell
