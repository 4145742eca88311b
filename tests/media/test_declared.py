"""Small files that declare much are refused before a decoder makes room for it."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from unmask.media import declared, patience
from unmask.media.declared import check_declared
from unmask.media.encoding import write_video
from unmask.media.sources import open_source
from unmask.types import SourceError

MANY = 60_000_000


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name: bytes, *content: bytes, version: int = 0) -> bytes:
    return box(name, bytes([version, 0, 0, 0]), *content)


def number(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def track(kind: bytes, *, samples: int, size: int = 1, ticks: int = 1) -> bytes:
    handler = full(b"hdlr", number(0), kind, bytes(12))
    times = full(b"stts", number(1, samples, ticks))
    table = box(b"stbl", times, full(b"stsz", number(size, samples)))
    return box(b"trak", box(b"mdia", handler, box(b"minf", table)))


def refused(*boxes: bytes) -> None:
    with pytest.raises(SourceError, match=r"declares \d+ samples and may have 1048576; convert it"):
        check_declared(BytesIO(box(b"ftyp", b"isom") + b"".join(boxes)), name="a.mp4")


def test_samples_that_are_declared_by_one_number_are_counted_wherever_they_stand() -> None:
    refused(box(b"moov", track(b"vide", samples=MANY)))
    refused(box(b"mdat"), box(b"moov", track(b"vide", samples=MANY)))
    refused(box(b"\xff\xfe\0\1"), box(b"moov", track(b"vide", samples=MANY)))
    refused(box(b"moov", box(b"udta", track(b"vide", samples=MANY))))
    refused(box(b"moof", box(b"traf", full(b"trun", number(MANY, 0)))))
    refused(*[box(b"moof", box(b"traf", full(b"trun", number(MANY // 60, 0))))] * 60)
    refused(box(b"meta", bytes(4), full(b"iinf", number(MANY), version=1)))
    refused(box(b"meta", bytes(4), full(b"iloc", b"\x44\0", number(MANY), version=2)))


def test_sound_without_compression_has_a_sample_for_each_moment() -> None:
    check_declared(BytesIO(box(b"moov", track(b"soun", samples=MANY))), name="a.mov")
    refused(box(b"moov", track(b"soun", samples=MANY, ticks=2)))
    refused(box(b"moov", track(b"soun", samples=MANY), track(b"vide", samples=MANY)))


def test_a_compressed_index_and_one_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has a compressed index"):
        check_declared(BytesIO(box(b"moov", box(b"cmov", box(b"cmvd", number(1 << 31))))), name="a.mov")
    with (tmp_path / "a.mp4").open("wb") as file:  # a hole, which takes no room on the disk
        file.write(box(b"ftyp", b"isom") + number(declared.LARGEST_INDEX + 100) + b"moov")
        file.truncate(declared.LARGEST_INDEX + 112)
    with pytest.raises(SourceError, match="has an index of 67108964 bytes and may have 67108864"):
        open_source(tmp_path / "a.mp4")
    with pytest.raises(SourceError, match="is made of more than 131072 boxes"):
        check_declared(BytesIO(box(b"free") * (declared.MOST_BOXES + 1)), name="a.mp4")


def test_recordings_of_every_usual_kind_pass(tmp_path: Path) -> None:
    pictures = [np.full((48, 64, 3), 20 * n, np.uint8) for n in range(6)]
    for suffix, codec in {"mp4": "libx264", "mkv": "libx264", "avi": "mpeg4", "webm": "libvpx-vp9"}.items():
        write_video(tmp_path / f"a.{suffix}", pictures, fps=25, codec=codec)
        assert len(list(open_source(tmp_path / f"a.{suffix}").frames)) == 6


def test_no_packet_is_read_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (4, 256, 256, 3), dtype=np.uint8)
    write_video(tmp_path / "a.mp4", noise, fps=25)
    assert len(list(open_source(tmp_path / "a.mp4").frames)) == 4
    monkeypatch.setattr(patience, "MOST_BYTES", 1 << 16)
    with pytest.raises(SourceError, match="gave no picture in 65536 bytes; convert it"):
        list(open_source(tmp_path / "a.mp4").frames)
