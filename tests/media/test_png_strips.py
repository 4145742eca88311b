"""Large PNGs are read strip by strip: the same picture, in little memory."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from unmask.media import large, pictures
from unmask.media.images import read_image
from unmask.types import SourceError

WIDTH, HEIGHT = 203, 331  # of which nothing divides well


@pytest.fixture(autouse=True)
def _all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WORKING_PIXELS", 5000)  # so that the scale is 4


def coloured(mode: str) -> Image.Image:
    """A picture with smooth parts and noise, so that writers use every filter."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    channels = [
        (x + y) % 256,
        (x * y // 50) % 256,
        40 + rng.integers(0, 90, x.shape),
        255 - y * 255 // HEIGHT,
    ]
    whole = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8), "RGBA")
    return whole.quantize(64) if mode == "P" else whole.convert(mode)


def whole_and_in_strips(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    whole = read_image(path)
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    monkeypatch.setattr(large, "MOST_MEMORY", 1000)
    return whole, read_image(path)


def part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_strips_are_the_whole_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    path = tmp_path / "a.png"
    coloured(mode).save(path)
    whole, striped = whole_and_in_strips(path, monkeypatch)
    assert whole.shape == (-(-HEIGHT // 4), -(-WIDTH // 4), 3)
    np.testing.assert_array_equal(striped, whole)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("transparency", [{}, {"transparency": 1}])
def test_several_values_in_a_byte_are_told_apart_in_strips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: int, transparency: Any
) -> None:
    path = tmp_path / "a.png"
    coloured("RGB").quantize(2**bits).save(path, bits=bits, **transparency)
    whole, striped = whole_and_in_strips(path, monkeypatch)
    np.testing.assert_array_equal(striped, whole)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_of_16_bits_the_higher_8_are_read_in_strips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    path = tmp_path / "a.png"
    deep = np.asarray(coloured("RGBA")).astype(np.uint16) * 256 + 99
    cv2.imwrite(str(path), deep[..., :channels])
    whole, striped = whole_and_in_strips(path, monkeypatch)
    assert np.abs(striped.astype(int) - whole).max() <= 1  # grey as a whole is rounded


@pytest.mark.parametrize(
    "options", [{"transparency": (3, 3, 40)}, {"transparency": (9, 0, 40), "optimize": True}]
)
def test_colours_that_are_marked_as_clear_are_so_in_strips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    path = tmp_path / "a.png"
    coloured("RGB").save(path, **options)
    whole, striped = whole_and_in_strips(path, monkeypatch)
    np.testing.assert_array_equal(striped, whole)


@pytest.mark.parametrize("behind", [False, True])
def test_strips_are_turned_as_the_whole_picture_is_wherever_the_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: bool
) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    path = tmp_path / "a.png"
    if behind:
        coloured("RGB").save(path)
        content = path.read_bytes()
        block = part(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
        path.write_bytes(content[:-12] + block + content[-12:])
    else:
        coloured("RGB").save(path, exif=exif)
    whole, striped = whole_and_in_strips(path, monkeypatch)
    assert whole.shape[0] < whole.shape[1]
    np.testing.assert_array_equal(striped, whole)


def test_pngs_that_have_no_rows_in_order_are_refused_where_they_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    monkeypatch.setattr(large, "MOST_MEMORY", 1000)
    path = tmp_path / "a.png"
    coloured("RGB").save(path)
    interlaced = bytearray(path.read_bytes())
    interlaced[28] = 1  # as its header says
    interlaced[29:33] = zlib.crc32(interlaced[12:29]).to_bytes(4)
    path.write_bytes(interlaced)
    with pytest.raises(SourceError, match="may have 1000; save it as JPEG"):
        read_image(path)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda content: content[: len(content) * 2 // 3], "is cut off"),
        (lambda content: content[:-200] + bytes([content[-200] ^ 1]) + content[-199:], "is damaged"),
        (lambda content: content[:33] + part(b"IDAT", b"") * 300_000 + content[33:], "is damaged|more parts"),
        (lambda content: content[:33] + part(b"IDAT", b"nonsense") + content[33:], "is damaged"),
        (
            lambda content: (
                content[:16] + part(b"IHDR", struct.pack(">II", 203, 900) + content[24:29])[8:] + content[33:]
            ),
            "is cut off",
        ),
        (lambda content: content[:-12] + part(b"IHDR", struct.pack(">II", 9, 9) + content[24:29]), "."),
    ],
)
def test_damage_in_a_large_png_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Any, said: str
) -> None:
    path = tmp_path / "a.png"
    coloured("RGB").save(path)
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    monkeypatch.setattr(large, "MOST_MEMORY", 1000)
    path.write_bytes(harm(path.read_bytes()))
    if said == ".":  # what stands behind the pixels does not count
        assert read_image(path).shape == (83, 51, 3)
        return
    with pytest.raises(SourceError, match=said):
        read_image(path)
