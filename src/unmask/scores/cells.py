"""The rules that the cells and rows of every format keep."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from unmask.media.regular import refuse_special
from unmask.plain import active
from unmask.types import DataError, Label, Presentation, Score

LARGEST = 2**30
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
EMPTY_LINES = re.compile(r"(?:[ \t]*\r?\n)*")
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
    truth = Presentation(path=presentation, label=label, instrument=instrument, subject=subject)
    return Score(presentation=truth, score=score, columns=columns)


def refuse_duplicates(scores: Sequence[Score], *, where: str) -> None:
    """DataError when a presentation has two rows in one part, protocol and model."""
    seen: set[tuple[str, ...]] = set()
    for score in scores:
        key = (score.name, *(score.columns.get(name, "") for name in RUN_COLUMNS))
        if key in seen:
            raise DataError(
                f"{where} lists {score.name} twice; a presentation is one row: average its frames or "
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


def label_of(cell: str, *, where: str) -> Label:
    """The label in a cell, also in capitals and with blanks or hyphens.

    >>> label_of(" Bona Fide", where="line 2").value
    'bona_fide'
    """
    try:
        return Label(plain_word(cell))
    except ValueError:
        known = " or ".join(Label)
        raise DataError(f"{where}: the label is {cell[:80]!r}; it must be {known}") from None


def csv_rows(
    text: str, needed: Sequence[str], *, where: str, known: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, str]]]:
    """(where it stands, column -> cell) of each row of a CSV table, see `raw_rows` and `row_cells`."""
    for line, row in raw_rows(text, needed, where=where, known=known):
        yield line, row_cells(row, where=line)


def raw_rows(
    text: str, needed: Sequence[str], *, where: str, known: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, str]]]:
    """(where it stands, column -> what stands there) of each row of a CSV table with the columns `needed`.

    Cells may be parted by what `delimiter` knows. The columns `needed` and `known` are found in capitals, and
    with blanks in their names, too. Lines of nothing but blanks and separators are passed over. What is wrong
    with a single row `row_cells` says; DataError for the others.
    """
    comma = delimiter(text)
    begin = EMPTY_LINES.match(text)
    assert begin is not None  # no line at all is one, too
    skipped = begin[0].count("\n")
    content = io.StringIO(text[begin.end() :], newline="")
    reader = csv.DictReader(content, strict=True, delimiter=comma)
    try:
        names = [active(name.strip()) for name in reader.fieldnames or ()]
        names = [word if (word := plain_word(name)) in (*needed, *known) else name for name in names]
        reader.fieldnames = names
        if absent := [name for name in needed if name not in names]:
            found = f"parted by {SEPARATORS[comma]}" if names[1:] else "not parted by any separator known"
            raise DataError(
                f"{where} has no column {', '.join(absent)}, its first line {found}; such a table has "
                f"{','.join(needed)}"
            )
        if twice := next((name for name in names if name and names.count(name) > 1), None):
            raise DataError(f"{where} has two columns {twice!r}; name each once")
        for row in reader:
            if any("".join(cell).strip() for cell in row.values() if cell):
                yield f"{where}, line {skipped + reader.line_num}", row
    except csv.Error as broken:
        raise DataError(f"{where} is not a CSV table in UTF-8 ({broken}); save it as such") from broken


def row_cells(row: dict[str, str], *, where: str) -> dict[str, str]:
    """The cells of a row without the blanks around them, those of columns that have a name.

    Raises DataError where there are not as many as the first line has; empty ones behind the last do no harm.
    """
    found: dict[Any, Any] = dict(row)
    behind = found.pop(None, ())  # as csv has it
    if any(cell.strip() for cell in behind) or None in found.values():
        raise DataError(f"{where}: not as many cells as the first line has; quote cells that hold separators")
    return {name: active(cell.strip()) for name, cell in found.items() if name}


def plain_word(text: str) -> str:
    """A name in small letters, with _ in place of blanks and hyphens.

    >>> plain_word(" Is Bona-Fide ")
    'is_bona_fide'
    """
    return re.sub(r"(?<=\w)[ -]+", "_", text.strip().lower())  # not the sign of a number


def lines(text: str, *, where: str) -> Iterator[tuple[str, str]]:
    """(where it stands, line) of each line that is not blank."""
    for count, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{where}, line {count}", line


def header(text: str) -> list[str]:
    """The words in the cells of the first line, as CSV has them; none where that is broken.

    >>> header("a,b")
    ['a', 'b']
    """
    try:
        cells = next(csv.reader([first_line(text)], strict=True, delimiter=delimiter(text)), [])
        return [plain_word(cell) for cell in cells]
    except csv.Error:
        return []


def delimiter(text: str) -> str:
    """What parts the cells: a comma, or the semicolon, tab or vertical bar of some spreadsheets.

    >>> delimiter("path;label,x;instrument"), delimiter("score")
    (';', ',')
    """
    return max(SEPARATORS, key=first_line(text).count)


def first_line(text: str) -> str:
    """The first line that is not blank, without the blanks around it.

    >>> first_line("\\n a b \\nc")
    'a b'
    """
    return re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0].rstrip()


def words_of(line: str) -> list[str]:
    """What blanks, commas, semicolons or tabs part in a line.

    >>> words_of("0.5; 1"), words_of("0.5\t1"), words_of("a, 0.5")
    (['0.5', '1'], ['0.5', '1'], ['a', '0.5'])
    """
    return re.split(r"\s*[,;]\s*|\s+", line.strip())


def one_word(cell: str, *, what: str, form: str) -> str:
    """The cell itself; DataError where spaces would break a line of `form` apart."""
    if not cell or cell.split() != [cell]:
        raise DataError(
            f"the format {form} parts its columns by spaces, and the {what} {cell!r} is not a single word; "
            "rename it, or write another format"
        )
    return cell
