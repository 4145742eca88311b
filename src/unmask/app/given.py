"""What people type for a source -> what is opened: cameras by number, folders of videos, standard input."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from unmask.media.images import READ_SUFFIXES
from unmask.media.sources import natural_key
from unmask.types import SourceError

VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mjpeg", ".mjpg", ".mpg", ".mpeg", ".ts")
STDIN = "-"
LARGEST_STDIN = 1 << 28  # bytes of a picture or a video on standard input


def named(source: str) -> str:
    """The name of a camera for a number or its device; all else as it is.

    >>> named("0"), named("/dev/video2"), named("a.mp4")
    ('camera:0', 'camera:2', 'a.mp4')
    """
    if re.fullmatch("[0-9]{1,2}", source) and not Path(source).exists():
        return f"camera:{source}"
    device = re.fullmatch(r"/dev/video([0-9]{1,2})", source)
    return f"camera:{device[1]}" if device else source


def spread(sources: Sequence[str]) -> list[str]:
    """The sources with each folder of videos as its videos, in natural order; others as `named` has them.

    A folder of pictures alone is one source: frames.
    """
    found: list[str] = []
    for source in sources:
        folder = Path(source)
        if source == STDIN or not folder.is_dir():
            found.append(named(source))
            continue
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        videos = [path for path in files if path.suffix.lower() in VIDEOS]
        pictures = [path for path in files if path.suffix.lower() in READ_SUFFIXES and path not in videos]
        if not videos:
            found.append(source)
            continue
        both = sorted([*videos, *pictures], key=lambda path: natural_key(path.name))
        found += [str(path) for path in both]
    return found


def standard_input() -> bytes:
    """All of standard input; SourceError where it is a terminal, empty or too large."""
    if sys.stdin is None or sys.stdin.isatty():
        raise SourceError("- is standard input, and nothing is piped into it; try: unmask check - < face.jpg")
    content = sys.stdin.buffer.read(LARGEST_STDIN + 1)
    if not content or len(content) > LARGEST_STDIN:
        raise SourceError(f"standard input holds {len(content)} bytes; pipe one picture or video into it")
    return content
