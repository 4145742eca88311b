"""What stands behind the end of a picture: a file may be a picture to one reader and a video to another.

Sources: ITU-T T.81 (JPEG), PNG 1.2, the WebP and BMP containers. Phones hang short videos behind photographs,
so a tail is refused only where it is in doubt what the file shows.
"""

import struct
from pathlib import PurePath

from unmask.types import SourceError

SHORTEST = 1024  # bytes; shorter tails (padding, a maker's note) show nothing
# Names by which other programs would open the file as a video.
VIDEO_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".qt",
        ".3gp",
        ".3g2",
        ".mkv",
        ".webm",
        ".avi",
        ".mpg",
        ".mpeg",
        ".ts",
        ".mts",
        ".m2ts",
        ".flv",
        ".wmv",
        ".asf",
        ".ogv",
        ".ogg",
        ".h264",
        ".hevc",
        ".264",
        ".265",
        ".ivf",
        ".y4m",
        ".vob",
        ".mxf",
        ".mjpeg",
        ".mjpg",
    ]
)
VIDEO_STARTS = (
    b"ftyp",
    b"moov",
    b"mdat",
    b"\x1a\x45\xdf\xa3",
    b"AVI LIST",
    b"FLV\x01",
    b"OggS",
    b"\0\0\1\xba",
)
MOST_CHUNKS = 1 << 17


def refuse_tail(content: bytes, kind: str, *, name: str, named: bool = True) -> None:
    """SourceError where a video may stand behind the picture and it is not plain that the picture is meant.

    `named` is False where there is no suffix that tells what is meant: bytes, and answers of a server.
    """
    end = _end(content, kind)
    if end is None or len(content) - end < SHORTEST:
        return
    tail = content[end:]
    if not tail.strip(b"\0\xff \r\n"):
        return
    as_video = PurePath(name).suffix.lower() in VIDEO_SUFFIXES
    if as_video or (not named and any(start in tail for start in VIDEO_STARTS)):
        raise SourceError(
            f"{name} begins as a {kind} picture and goes on as something else for {len(tail)} bytes; save "
            "the picture or the video alone"
        )


def _end(content: bytes, kind: str) -> int | None:
    """Where the picture ends; None where that is not told, or cannot be told."""
    try:
        if kind == "JPEG":
            scan = content.find(b"\xff\xda")
            found = content.find(b"\xff\xd9", scan)  # coded bytes cannot look like the end marker
            return found + 2 if scan > 0 and found > 0 else None
        if kind == "PNG":
            return _png_end(content)
        if kind == "WebP":
            return 8 + struct.unpack_from("<I", content, 4)[0]
        if kind == "BMP":
            return struct.unpack_from("<I", content, 2)[0] or None
        if kind == "GIF":
            found = content.rfind(b"\0;")
            return found + 2 if found > 0 else None
    except struct.error:
        return None
    return None


def _png_end(content: bytes) -> int | None:
    at = 8
    for _ in range(MOST_CHUNKS):
        length, chunk = struct.unpack_from(">I4s", content, at)
        at += 12 + length
        if chunk == b"IEND":
            return at
    return None
