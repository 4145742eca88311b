"""What a picture file says of itself before it is decoded: kind, size, orientation, and whether its end is there.

Decoders allocate what the header asks for, so the header is read first, by hand and in a few small reads.
Sources: PNG 1.2 (chunks), JPEG T.81 B.1 (markers), EXIF 2.3 (orientation), WebP container, BMP, GIF89a, TIFF 6.0.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

ORIENTATION_TAG = 0x0112
TIFF_WIDTH, TIFF_HEIGHT = 0x0100, 0x0101
# Start-of-frame markers; C4, C8 and CC in between are tables and reserved.
JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


class Damaged(ValueError):
    """A header that begins like a picture and then breaks its format; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureHeader:
    """`width` and `height` as stored, before `orientation` (EXIF, 1 to 8) is applied; `complete`: the end is there."""

    kind: str  # png jpeg webp bmp gif tiff
    width: int
    height: int
    orientation: int = 1
    complete: bool = True


def read_header(file: BinaryIO) -> PictureHeader | None:
    """The header of a seekable file, or None when it is no picture of a known kind. Raises Damaged."""
    file.seek(0)
    start = file.read(16)
    for magic, reader in READERS.items():
        if start.startswith(magic):
            try:
                return reader(file)
            except (struct.error, IndexError) as short:
                raise Damaged("its header is cut off") from short
    return None


def exif_orientation(exif: bytes) -> int:
    """Orientation 1 to 8 of an EXIF block (a small TIFF); 1 when it holds none or is damaged.

    >>> exif_orientation(b"II*\\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0))
    6
    """
    try:
        value = _tiff_tags(exif).get(ORIENTATION_TAG, 1)
    except (Damaged, struct.error):
        return 1
    return value if 1 <= value <= 8 else 1


def _png(file: BinaryIO) -> PictureHeader:
    width, height, orientation, at = 0, 0, 1, 8
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:  # the chunks ran out before IEND
            return PictureHeader(
                kind="png", width=width, height=height, orientation=orientation, complete=False
            )
        length, name = struct.unpack(">I4s", head)
        if name == b"IHDR":
            width, height = struct.unpack(">II", file.read(8))
        elif name == b"eXIf":
            orientation = exif_orientation(file.read(min(length, 1 << 16)))
        elif name == b"IEND":
            return PictureHeader(kind="png", width=width, height=height, orientation=orientation)
        at += 12 + length


def _jpeg(file: BinaryIO) -> PictureHeader:
    orientation, at = 1, 2
    width = height = 0
    while True:
        file.seek(at)
        marker, code = struct.unpack(">BB", file.read(2))
        if marker != 0xFF:
            raise Damaged("its markers are broken")
        if code == 0xFF:  # fill bytes may stand before a marker
            at += 1
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if code in JPEG_FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
        elif code == 0xE1 and orientation == 1:
            block = file.read(length - 2) if length > 8 else b""
            orientation = exif_orientation(block[6:]) if block.startswith(b"Exif\0\0") else 1
        elif code == 0xDA:  # the scan; its coded bytes cannot hold the end marker, tables before it can
            if not width:
                raise Damaged("its size is missing")
            complete = b"\xff\xd9" in file.read()
            return PictureHeader(
                kind="jpeg", width=width, height=height, orientation=orientation, complete=complete
            )
        at += 2 + length


def _webp(file: BinaryIO) -> PictureHeader | None:
    file.seek(0)
    start = file.read(30)
    if start[8:12] != b"WEBP":
        return None
    (declared,) = struct.unpack("<I", start[4:8])
    end = file.seek(0, 2)
    kind, orientation = start[12:16], 1
    if kind == b"VP8X":
        width = int.from_bytes(start[24:27], "little") + 1
        height = int.from_bytes(start[27:30], "little") + 1
        orientation = exif_orientation(_riff_chunk(file, name=b"EXIF", end=min(end, declared + 8)))
    elif kind == b"VP8L":
        (bits,) = struct.unpack("<I", start[21:25])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", start[26:30]))
    complete = end >= declared + 8
    return PictureHeader(kind="webp", width=width, height=height, orientation=orientation, complete=complete)


def _riff_chunk(file: BinaryIO, *, name: bytes, end: int) -> bytes:
    """The first chunk of that name, at most 64 kB of it; empty when there is none."""
    at = 12
    while at + 8 <= end:
        file.seek(at)
        found, length = struct.unpack("<4sI", file.read(8))
        if found == name:
            return file.read(min(length, 1 << 16)).removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return b""


def _bmp(file: BinaryIO) -> PictureHeader:
    file.seek(2)
    (declared,) = struct.unpack("<I", file.read(4))
    file.seek(14)
    (size,) = struct.unpack("<I", file.read(4))
    width, height = struct.unpack("<HH" if size == 12 else "<ii", file.read(4 if size == 12 else 8))
    complete = file.seek(0, 2) >= declared
    return PictureHeader(
        kind="bmp", width=width, height=abs(height), complete=complete
    )  # negative: from the top


def _gif(file: BinaryIO) -> PictureHeader:
    file.seek(6)
    width, height = struct.unpack("<HH", file.read(4))
    return PictureHeader(kind="gif", width=width, height=height)


def _tiff(file: BinaryIO) -> PictureHeader:
    file.seek(0)
    tags = _tiff_tags(file.read(1 << 24))  # the directory may stand behind the pixels
    if TIFF_WIDTH not in tags or TIFF_HEIGHT not in tags:
        raise Damaged("its size is missing")
    orientation = tags.get(ORIENTATION_TAG, 1)
    return PictureHeader(
        kind="tiff",
        width=tags[TIFF_WIDTH],
        height=tags[TIFF_HEIGHT],
        orientation=orientation if 1 <= orientation <= 8 else 1,
    )


def _tiff_tags(block: bytes) -> dict[int, int]:
    """Tag -> first value, of the short and long entries of the first directory."""
    if block[:4] not in (b"II*\0", b"MM\0*"):
        raise Damaged("its directory is missing")
    order = "<" if block[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", block, 4)
    (entries,) = struct.unpack_from(order + "H", block, at)
    tags = {}
    for entry in range(entries):
        tag, kind = struct.unpack_from(order + "HH", block, at + 2 + 12 * entry)
        if kind in (3, 4):
            (tags[tag],) = struct.unpack_from(
                order + ("H" if kind == 3 else "I"), block, at + 10 + 12 * entry
            )
    return tags


READERS = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8": _jpeg,
    b"RIFF": _webp,
    b"BM": _bmp,
    b"GIF8": _gif,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
}
