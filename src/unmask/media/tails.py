"""What stands behind the end of a picture or a recording: no viewer shows it, and another reader may.

Sources: ITU-T T.81 (JPEG), PNG 1.2, the WebP and BMP containers. Phones hang short videos behind photographs,
so that of a picture a tail is refused only where it is in doubt what the file shows; behind a recording
another one is refused. Whatever else is there is said with the verdict.
"""

import re
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePath
from typing import BinaryIO

from unmask.media.containers import end_of, gif_end
from unmask.media.pictures import kind_of
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
# How containers begin, in so many bytes that coded pictures do not look like it.
CONTAINER = (
    rb"\0.{3}(?:ftyp|moov|mdat)|\x1a\x45\xdf\xa3.{,48}(?:webm|matroska)|AVI LIST|FLV\x01[\x01\x04\x05]\0\0\0"
    rb"|OggS\0\x02|DKIF\0\0\x20\0|YUV4MPEG2 |GIF8[79]a|\x30\x26\xb2\x75\x8e\x66\xcf\x11"
)
# How MPEG, H.264 and H.265 begin without one; their own files are full of it.
STREAM = (
    rb"\0\0\x01\xba[\x21-\x2f\x44-\x7f]|\0\0\x01\xb3.{3}[\x11-\x48]|(?:\x47.{187}){4}\x47"
    rb"|\0\0\0\x01(?:[\x27\x47\x67][\x42\x4d\x58\x64\x6e]|\x40\x01)"
)
HEAD = re.compile(CONTAINER, re.DOTALL)
RECORDING = re.compile(CONTAINER + b"|" + STREAM, re.DOTALL)
FIRST_START, LONGEST_START = 16, 1024  # bytes of the first recording's own start; and by which any is told
PIECE, MOST_PIECES = 1 << 20, 256  # bytes of a tail that are looked through at once, and how often
PADDING = b"\0\xff \r\n"
MOST_CHUNKS = 1 << 17


def behind_picture(content: bytes, kind: str, *, name: str, frames: int, named: bool = True) -> list[str]:
    """What is to be said of what stands behind a picture, or an animation of so many frames.

    SourceError where a recording may stand there and it is not plain that the picture is meant: by a name of
    a video, without any (`named` is False for bytes and for answers of a server), and behind an animation.
    """
    end = _end(content, kind)
    tail = content[end:] if end is not None else b""
    if len(tail) < SHORTEST or not tail.strip(PADDING):
        return []
    as_video = PurePath(name).suffix.lower() in VIDEO_SUFFIXES
    records = RECORDING.search(tail) is not None
    goes_on = records or kind_of(tail.lstrip(PADDING)) is not None
    if as_video or (records and not named) or (goes_on and frames > 1):
        raise SourceError(
            f"{name} begins as a {kind} picture and goes on as something else for {len(tail)} bytes; save "
            "the picture or the video alone"
        )
    return [f"a recording stands behind the picture, in {len(tail)} bytes that no viewer shows"] * records


def behind_video(file: BinaryIO, *, name: str) -> list[str]:
    """What is to be said of what stands behind the recording of a seekable file.

    SourceError where that is another one. Where the container tells no end, all of it is read on into what
    follows, and only one of another kind could pass unseen.
    """
    end, size = end_of(file), file.seek(0, 2)
    if end is None:
        pieces, start = _pieces(file, FIRST_START), HEAD
    elif size - end < SHORTEST:
        return []
    else:
        pieces, start = _pieces(file, end), RECORDING
    is_empty = True
    for number, piece in enumerate(pieces):
        if end is not None and number == MOST_PIECES:
            raise SourceError(
                f"{name} has {size - end} bytes behind the end of its recording, and no more than "
                f"{MOST_PIECES * PIECE} are looked through for another one; save the recording alone"
            )
        if start.search(piece):
            raise SourceError(
                f"{name} holds another recording behind its first one, which no player shows; save each alone"
            )
        is_empty = is_empty and not piece.strip(PADDING)
        if number == MOST_PIECES:
            break
    if end is None or is_empty:
        return []
    return [f"{size - end} bytes behind the end of the recording, which hold no other one, were not judged"]


def _pieces(file: BinaryIO, at: int) -> Iterator[bytes]:
    """The rest of a file in pieces, each with the end of the one before."""
    file.seek(at)
    last = b""
    while piece := file.read(PIECE):
        yield last + piece
        last = piece[-LONGEST_START:]


def _end(content: bytes, kind: str) -> int | None:
    """Where the picture ends; None where that is not told, or cannot be told."""
    try:
        if kind == "JPEG":
            return _jpeg_end(content)
        if kind == "PNG":
            return _png_end(content)
        if kind == "WebP":
            return 8 + struct.unpack_from("<I", content, 4)[0]
        if kind == "BMP":
            return struct.unpack_from("<I", content, 2)[0] or None
        if kind == "GIF":
            return gif_end(BytesIO(content))
    except struct.error:
        return None
    return None


def _jpeg_end(content: bytes) -> int | None:
    """Behind the end marker of the first picture: a small one inside its head is not the first."""
    at = 2
    for _ in range(MOST_CHUNKS):
        mark, marker, length = struct.unpack_from(">BBH", content, at)
        if mark != 0xFF:
            return None
        if marker == 0xDA:
            found = content.find(b"\xff\xd9", at)  # coded bytes cannot look like it
            return found + 2 if found > 0 else None
        at += 1 if marker == 0xFF else 2 + length
    return None


def _png_end(content: bytes) -> int | None:
    at = 8
    for _ in range(MOST_CHUNKS):
        length, chunk = struct.unpack_from(">I4s", content, at)
        at += 12 + length
        if chunk == b"IEND":
            return at
    return None
