"""What a picture file says of itself before it is decoded: kind, size, orientation, whether its end is there.

Decoders allocate what the header asks for, so the header is read first, by hand and in a few small reads.
Sources: PNG 1.2 (chunks), ITU-T T.81 B.1 (JPEG markers), EXIF 2.3, the WebP container, BMP.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

ORIENTATION_TAG, SHORT = 0x0112, 3
BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # bytes
# Start-of-frame markers; C4, C8 and CC in between are tables and reserved.
JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
MOST_BLOCKS = 1 << 17  # a picture of 400 MB in 8 kB chunks has half as many; a file of empty ones ends here


class DamagedError(ValueError):
    """A header that begins like a picture and then breaks its format; the message says where."""


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """`width` and `height` are as stored, before `orientation` (EXIF, 1 to 8) is applied."""

    kind: str  # png jpeg webp bmp
    width: int
    height: int
    orientation: int = 1
    complete: bool = True  # its end is there


def read_header(file: BinaryIO) -> PictureHeader | None:
    """The header of a seekable file, or None when it is no picture of a known kind. Raises DamagedError."""
    file.seek(0)
    start = file.read(16)
    for magic, reader in READERS.items():
        if start.startswith(magic):
            try:
                return reader(file)
            except (struct.error, IndexError) as short:
                raise DamagedError("its header is cut off") from short
    return None


def exif_orientation(exif: bytes) -> int:
    """Orientation 1 to 8 of an EXIF block (a small TIFF); 1 when it holds none or is damaged.

    >>> exif_orientation(b"II*\\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0))
    6
    """
    try:
        order = BYTE_ORDERS[exif[:4]]
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, at)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, at + 2 + 12 * entry)
            if tag == ORIENTATION_TAG and kind == SHORT:
                return value if 1 <= value <= 8 else 1
    except (KeyError, struct.error):  # pictures with a broken EXIF block are shown as they are everywhere
        return 1
    return 1


def _png(file: BinaryIO) -> PictureHeader:
    file.seek(16)  # the first chunk is always IHDR
    width, height = struct.unpack(">II", file.read(8))
    orientation, at = 1, 8
    for _ in range(MOST_BLOCKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:  # the chunks ran out before IEND
            return PictureHeader("png", width, height, orientation, complete=False)
        length, name = struct.unpack(">I4s", head)
        if name == b"eXIf":
            orientation = exif_orientation(file.read(min(length, 1 << 16)))
        if name == b"IEND":
            return PictureHeader("png", width, height, orientation)
        at += 12 + length
    raise DamagedError("it has too many chunks")


def _jpeg(file: BinaryIO) -> PictureHeader:
    width = height = 0
    orientation, at = 1, 2
    for _ in range(MOST_BLOCKS):
        file.seek(at)
        mark, code = struct.unpack(">BB", file.read(2))
        if mark != 0xFF:
            raise DamagedError("its markers are broken")
        if code == 0xFF:  # a fill byte before the marker
            at += 1
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if code in JPEG_FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
        elif code == 0xE1 and (block := file.read(length)).startswith(b"Exif\0\0"):
            orientation = exif_orientation(block[6:])
        elif code == 0xDA:  # the scan: coded bytes cannot look like the end marker
            if not width or not height:
                raise DamagedError("it does not say its size")
            return PictureHeader("jpeg", width, height, orientation, complete=b"\xff\xd9" in file.read())
        at += 2 + length
    raise DamagedError("it has too many segments")


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
    return PictureHeader("webp", width, height, orientation, complete=end >= declared + 8)


def _riff_chunk(file: BinaryIO, *, name: bytes, end: int) -> bytes:
    """The first chunk of that name, at most 64 kB of it; empty when there is none."""
    at = 12
    for _ in range(MOST_BLOCKS):
        if at + 8 > end:
            break
        file.seek(at)
        found, length = struct.unpack("<4sI", file.read(8))
        if found == name:
            return file.read(min(length, 1 << 16)).removeprefix(
                b"Exif\0\0"
            )  # some writers keep JPEG's prefix
        at += 8 + length + length % 2
    return b""


def _bmp(file: BinaryIO) -> PictureHeader | None:
    file.seek(2)
    declared, size = struct.unpack("<I8xI", file.read(16))
    if size not in BMP_HEADERS:  # a text may begin with BM
        return None
    width, height = struct.unpack("<HH" if size == 12 else "<ii", file.read(4 if size == 12 else 8))
    complete = file.seek(0, 2) >= declared
    return PictureHeader(
        "bmp", width, abs(height), complete=complete
    )  # a negative height counts from the top


READERS = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8\xff": _jpeg,
    b"RIFF": _webp,
    b"BM": _bmp,
}
