"""The command `unmask`, also as `python -m unmask`.

Nothing large is imported before signals are heard: Ctrl-C in the middle of a start is one line, too.
"""

import gc
import os


def main() -> None:
    """Runs the command line and exits."""
    _open_missing()
    gc.disable()  # what is imported stays: to look for garbage in it takes a tenth of a start
    from unmask.interrupts import end_at_once

    end_at_once()
    from unmask.app.cli import main as run

    try:
        run()
    finally:
        gc.freeze()  # the process ends: nor is there anything to gain from what it still holds


def _open_missing() -> None:
    """Standard input, output or error that is closed leads nowhere: else the next file would take its place
    and be written into.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


if __name__ == "__main__":
    main()
