"""Files of a few megabytes that claim to have millions of parts: refused at once, in little memory."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from unmask.media import pictures
from unmask.media.images import probe_image
from unmask.types import SourceError


def coded(kind: str, mode: str = "RGB") -> bytes:
    file = BytesIO()
    Image.new(mode, (40, 40)).save(file, kind)
    return file.getvalue()


def behind(content: bytes, head: int, part: bytes, count: int) -> bytes:
    return content[:head] + part * count + content[head:]


def gif_head(content: bytes) -> int:
    return 13 + (3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0)


def segments(count: int) -> bytes:
    """A JPEG with empty comments before its picture."""
    return behind(coded("JPEG"), 2, b"\xff\xfe\0\2", count)


def junk(count: int) -> bytes:
    """A JPEG whose first marker comes late."""
    return behind(coded("JPEG"), 2, b"\xff", count)


def chunks(count: int) -> bytes:
    """A PNG with empty chunks of somebody's own before its picture."""
    part = struct.pack(">I4sI", 0, b"prVt", zlib.crc32(b"prVt"))
    return behind(coded("PNG"), 33, part, count)


def blocks(count: int) -> bytes:
    """A GIF with a comment in pieces of one byte."""
    content = coded("GIF", "P")
    head = gif_head(content)
    return content[:head] + b"!\xfe" + b"\1x" * count + b"\0" + content[head:]


def moments(count: int) -> bytes:
    """A GIF of very many pictures of one pixel."""
    content = coded("GIF", "P")
    part = b"," + struct.pack("<4H", 0, 0, 1, 1) + b"\0\2\2\x4c\1\0"
    return behind(content, gif_head(content), part, count)


@pytest.mark.parametrize("made", [segments, junk, chunks, blocks, moments])
def test_a_picture_of_very_many_parts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[int], bytes]
) -> None:
    monkeypatch.setattr(pictures, "LEAST_READS", 1000)
    (tmp_path / "a").write_bytes(made(20))
    assert probe_image(tmp_path / "a").width == 40
    (tmp_path / "a").write_bytes(made(5000))
    with pytest.raises(SourceError, match="has far more parts than its picture needs; save it again"):
        probe_image(tmp_path / "a")


def test_pages_are_not_counted_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LEAST_READS", 1000)
    pages = [Image.new("L", (8, 8))] * 200
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(SourceError, match="is a TIFF of several pages"):
        probe_image(tmp_path / "a.tif")
