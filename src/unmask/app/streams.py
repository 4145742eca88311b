"""Standard output and error as terminals and pipes have them: in any encoding, narrow, or closed."""

import codecs
import os
import sys

# What our own texts hold beyond ASCII, for terminals that have nothing else.
SPELT = {"–": "-", "—": "-", "…": "...", "±": "+-", "×": "x", "≤": "<=", "≥": ">=", "→": "->", "·": "-"}


def spell_out() -> None:
    """Lets both streams write what their encoding lacks in letters that it has, instead of failing; streams
    that are closed lead nowhere.
    """
    codecs.register_error("unmask.spelt", _spelt)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before Python began
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
        if hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="unmask.spelt")


def in_utf_8() -> bool:
    """Whether standard output takes every letter."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") in ("utf8", "utf8sig")


def complain(text: str) -> None:
    """One line on stderr, should there be one that can be written to."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # it was closed: nobody is left to tell
        sys.stderr = None


def _spelt(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    spelt = (SPELT.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return "".join(spelt), error.end
