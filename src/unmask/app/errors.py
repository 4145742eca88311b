"""Whatever goes wrong, in one sentence and an exit code that is not 0: no failure may look like LIVE."""

import errno
import os

from unmask.plain import escaped, sentence
from unmask.types import SettingsError, UnmaskError

UNREADABLE = 3  # something could not be read or written: a source, a model file, labels, a full disk
MISUSED = 4  # wrong use of the command line, or an error of unmask's own
INTERRUPTED = 130  # as shells have it for Ctrl-C


def explain(error: BaseException) -> tuple[str, int]:
    """The sentence and the exit code for an error.

    >>> explain(KeyboardInterrupt())
    ('interrupted', 130)
    >>> explain(OSError(28, "No space left on device", "out.mp4"))
    ('the disk is full: out.mp4 was not written; make room and try again', 3)
    """
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", INTERRUPTED
    if isinstance(error, UnmaskError):
        return _one_line(str(error)), MISUSED if isinstance(error, SettingsError) else UNREADABLE
    if isinstance(error, MemoryError):
        return (
            "there is not enough memory for this; give a smaller source or close other programs",
            UNREADABLE,
        )
    if isinstance(error, OSError):
        return _refusal(error), UNREADABLE
    if hasattr(error, "format_message"):  # of typer, which knows the option that was wrong
        text = sentence(_one_line(error.format_message()).rstrip("."))
        return f"{text or 'a command is missing'}; see --help", MISUSED
    kind = sentence(f"{type(error).__name__}: {_one_line(str(error))}")
    return f"this is an error of unmask itself ({kind}); please report it", MISUSED


def _refusal(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return "the output was closed before all of it was written; keep its reader open"
    name = escaped(os.fsdecode(error.filename)) if error.filename else "the output"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {name} was not written; make room and try again"
    return f"{name}: {error.strerror or _one_line(str(error))}; check the path and its rights"


def _one_line(text: str) -> str:
    return " ".join(text.split())
