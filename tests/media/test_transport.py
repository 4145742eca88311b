"""Packets of a transport stream, found again wherever the file is out of step."""

from io import BytesIO

import numpy as np
import pytest

from unmask.media import transport
from unmask.media.transport import video_tracks
from unmask.types import SourceError


def packet(track: int, *, begins: bool = True, kind: int = 0xE0, stuffing: int = 0) -> bytes:
    head = bytes([0x47, 0x40 * begins | track >> 8, track & 255, 0x30 if stuffing else 0x10])
    filled = bytes([stuffing - 1]) + bytes(stuffing - 1) if stuffing else b""
    return (head + filled + bytes([0, 0, 1, kind])).ljust(188, b"\xff")


def tracks(content: bytes) -> set[int]:
    return set(video_tracks(BytesIO(content), name="a.ts"))


@pytest.mark.parametrize(("before", "behind"), [(0, 0), (4, 0), (0, 16)])
def test_a_track_is_known_by_the_packet_that_begins_its_video(before: int, behind: int) -> None:
    parts = [
        packet(0x100),
        packet(0x101, kind=0xC0),
        packet(0x1FFE, stuffing=30),
        packet(0x102, begins=False),
    ]
    content = b"".join(bytes(before) + part + bytes(behind) for part in parts * 3)
    assert tracks(content) == {0x100, 0x1FFE}


def test_what_is_no_packet_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    rubbish = np.random.default_rng(3).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    content = packet(0x100) * 20 + rubbish + packet(0x200) * 20 + b"\0" * 1000
    assert tracks(content) >= {0x100, 0x200}
    monkeypatch.setattr(transport, "PIECE", 700)  # pieces end within packets
    assert tracks(content) >= {0x100, 0x200}
    assert tracks(b"not a transport stream" * 100) == set()


def test_what_is_broken_over_and_over_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_BREAKS", 5)
    with pytest.raises(SourceError, match=r"a\.ts is broken in more than 5 places; convert it"):
        tracks((packet(0x100) * 10 + b"rubbish") * 20)
