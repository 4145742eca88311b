"""Text that is safe to show: no credentials of an address, no control characters of a name, no formulas."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

# Also an address that was joined to a path, or went through one, which leaves a single slash.
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+|\b(?:rtsps?|https?):[/\\]\S+", re.IGNORECASE)
HIDDEN = "***"
LONGEST = 1000  # characters of what is said of one thing
JOINERS = "\u200c\u200d"  # invisible, but letters of some scripts and emoji need them
# Cameras take credentials in the path, too, e.g. /user=admin&password=..._channel=1
IN_PATH = re.compile(
    r"((?:user(?:name)?|login|account|pass(?:word|wd|phrase)?|pwd|token|key|secret|auth|j?session(?:id)?|sig(?:nature)?)=)[^/]*",
    re.IGNORECASE,
)

# What follows such a word in the path, and what no person named: hexadecimal digits, or letters mixed with
# digits.
AFTER_WORD = re.compile(
    r"(/(?:pass(?:word|wd|phrase)?|pwd|(?:api|access|stream)?[_-]?(?:token|key|secret)"
    r"|auth|session|sig(?:nature)?)/)[^/]+",
    re.IGNORECASE,
)
DRAWN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_+%~-]{16,}", re.IGNORECASE)
MIXED = re.compile(r"(?<=[a-z])[0-9A-Z]|(?<=[A-Z])[0-9a-z]|(?<=[0-9])[A-Za-z]")
LEAST_MIXED, SHOWN = 4, 3  # changes between letters and digits, and characters that tell one from another

# Full-width signs count for some versions; who typed an apostrophe before such a sign gets it back.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
MISSPELT = re.compile(r"((?:rtsps?|https?)(?::[/\\]+|[/\\]{2}))(.*)", re.I | re.DOTALL)  # http:/host
NO_PORT = re.compile(r"^([^:/?#\[\]]*):(?!\d*(?:[/?#]|$))[^/?#]*")  # host:password, without an @
NUMBER = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|-inf")


def address_shown(source: str) -> str:
    """The name of a source without credentials: an address without user, password and values of its query;
    of parts of its path that look like keys the start alone.

    All before the last @ may be a password, also one that holds / or ?, and where there is no @ what stands
    in the place of a port and is none. Names that are not addresses stay, unless they are misspelt ones.

    >>> address_shown("rtsp://admin:secret@10.0.0.7:554/live?token=abc")
    'rtsp://***@10.0.0.7:554/live?token=***'
    """
    scheme, mark, rest = source.partition("://")
    if not mark or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        misspelt = MISSPELT.fullmatch(source)
        return misspelt[1] + _place_shown(misspelt[2]) if misspelt else source
    return f"{scheme}://{_place_shown(rest)}"


def _place_shown(rest: str) -> str:
    """What stands behind the scheme of an address, without credentials."""
    _, at, place = rest.rpartition("@")
    rest = f"{HIDDEN}@{place}" if at else NO_PORT.sub(rf"\g<1>:{HIDDEN}", rest)
    rest, fragment, _ = rest.partition("#")
    place, query, values = rest.partition("?")
    parts = [f"{part.partition('=')[0]}={HIDDEN}" if "=" in part else HIDDEN for part in values.split("&")]
    place = AFTER_WORD.sub(rf"\g<1>{HIDDEN}", IN_PATH.sub(rf"\g<1>{HIDDEN}", place))
    host, slash, path = place.partition("/")
    place = f"{host}{slash}{DRAWN.sub(_start, path)}"
    return f"{place}{query}{'&'.join(parts) if query else ''}{fragment and '#' + HIDDEN}"


def escaped(text: str) -> str:
    r"""The text on one line, each control character, and each byte of a name that is not UTF-8, by its code.

    >>> escaped("a\x1b[2J\udce9.mp4")
    'a\\x1b[2J\\xe9.mp4'
    """
    return "".join(map(_escape, text)) if not text.isprintable() else text


def sentence(text: str) -> str:
    """The text without credentials, escaped: for whatever is said to people.

    >>> sentence("http://u:p@host/a.mp4: it is gone; check the address")
    'http://***@host/a.mp4: it is gone; check the address'
    """
    return escaped(ADDRESS.sub(_hide, text) if ":/" in text or ":\\" in text else text)


def shortened(text: str) -> str:
    """The text, of a long one its start and its end: a cell or name of thousands of letters tells nothing.

    >>> len(shortened("a" * 5000)), shortened("name another file")
    (1000, 'name another file')
    """
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 305]} ... {text[-300:]}"


def inert(cell: object) -> str:
    """The cell for a CSV file, with ' before what a spreadsheet would take for a formula and run.

    Numbers stay as they are. `active` is the way back.

    >>> inert("=1+1"), inert("-@x"), inert(-0.5), inert("print/a4")
    ("'=1+1", "'-@x", '-0.5', 'print/a4')
    """
    text = "" if cell is None else str(cell)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def active(cell: str) -> str:
    """The cell as it was before `inert`.

    >>> active("'=1+1"), active(inert("'=1")), active("'tis")
    ('=1+1', "'=1", "'tis")
    """
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    """The rows as CSV with line feeds, without cells that a spreadsheet would run."""
    lines = []
    for row in rows:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\r\n").writerow([inert(cell) for cell in row])  # quotes both signs
        lines.append(line.getvalue()[:-2] + "\n")
    return "".join(lines)


def as_table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A CSV file of those columns of the rows, with its header; what else a row holds is left out.

    >>> as_table(["a", "b"], [{"b": 1, "a": "x", "c": 3}])
    'a,b\\nx,1\\n'
    """
    return as_csv([columns, *([row.get(name, "") for name in columns] for row in rows)])


def _start(found: re.Match[str]) -> str:
    """A part of a path, or its start where nobody would have named it so."""
    part = found[0]
    longest = max(re.split("[_+%~-]", part), key=len)
    mixed = len(MIXED.findall(longest)) >= LEAST_MIXED and sum(map(str.isdecimal, longest)) >= 2
    drawn = (len(longest) >= 12 and mixed) or re.fullmatch(r"[0-9a-f-]{32,}", part, re.IGNORECASE) is not None
    return part[:SHOWN] + HIDDEN if drawn else part


def _hide(found: re.Match[str]) -> str:
    address = found[0].rstrip(".,;:)'\"")
    return address_shown(address) + found[0][len(address) :]


def _escape(letter: str) -> str:
    if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or letter in JOINERS:
        return letter
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that Python could not read as UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
