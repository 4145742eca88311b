"""A file that is read for a container, but not for ever: containers may ask for it over and over."""

import time
from pathlib import PurePath
from typing import Protocol

from unmask.types import SourceError

MOST_BYTES = 1 << 29  # without a picture: a packet may declare any size, and is read whole


class Readable(Protocol):
    """What a container is read from."""

    def read(self, count: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class Patient:
    """A file that is not read for longer than `timeout_s`, or by more than `MOST_BYTES`, at a stretch."""

    def __init__(self, file: Readable, *, name: str, timeout_s: float) -> None:
        self._file, self._name, self._timeout_s = file, name, timeout_s
        # Formats without a header are told by the suffix; the name itself is nothing to FFmpeg.
        self.name = f"input{PurePath(name).suffix}" if PurePath(name).suffix.isascii() else "input"
        if hasattr(file, "seek") and hasattr(file, "tell"):
            self.seek, self.tell = file.seek, file.tell
        self._error: SourceError | None = None
        self.begin()

    def begin(self) -> None:
        """A new stretch."""
        self._until_s = time.monotonic() + self._timeout_s
        self._bytes = 0

    def read(self, count: int) -> bytes:
        """b"" once something failed: FFmpeg ends then, and `check` tells."""
        if self._error is not None:
            return b""
        try:
            if time.monotonic() > self._until_s:
                raise SourceError(
                    f"{self._name} gave no picture for {self._timeout_s:g} s of reading; check the file"
                )
            content = self._file.read(count)
            self._bytes += len(content)
            if self._bytes > MOST_BYTES:
                raise SourceError(f"{self._name} gave no picture in {MOST_BYTES} bytes; convert it")
            return content
        except SourceError as failed:
            self._error = failed
        except OSError as refused:
            self._error = SourceError(f"{self._name} cannot be read: {refused.strerror}; copy it again")
        return b""

    def check(self) -> None:
        """Raise what went wrong."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self._file.close()


def stalled(name: str, timeout_s: float) -> SourceError:
    """What is said of a stream that gives nothing."""
    return SourceError(f"{name} stalls: it gave nothing for {timeout_s:g} s; check the connection")
