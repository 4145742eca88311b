"""Large TIFFs and BMPs are read part by part, and how large the others may be follows from their memory."""

import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from unmask.media import large, pictures
from unmask.media.images import read_image
from unmask.media.limits import DEFAULT_LIMITS
from unmask.media.sources import open_source
from unmask.types import SourceError

WIDTH, HEIGHT = 208, 328


@pytest.fixture(autouse=True)
def _all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WORKING_PIXELS", 5000)  # so that the scale is 4


def coloured(mode: str) -> Image.Image:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    channels = [x + y, x * y // 50, 40 + rng.integers(0, 90, x.shape), 255 - y * 255 // HEIGHT]
    whole = Image.fromarray((np.stack(channels, axis=-1) % 256).astype(np.uint8), "RGBA")
    if mode == "I;16":
        return Image.fromarray(np.asarray(whole)[..., 0].astype(np.uint16) * 256 + 9)
    return whole.convert("RGB").quantize(64) if mode == "P" else whole.convert(mode)


def whole_and_in_parts(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    whole = read_image(path)
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    monkeypatch.setattr(large, "MOST_MEMORY", 0)
    return whole, read_image(path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "P", "I;16"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("rows", [1, 7, 24, 100, 104, HEIGHT])
def test_strips_of_a_tiff_are_the_whole_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, compression: str, rows: int
) -> None:
    path = tmp_path / "a.tif"
    coloured(mode).save(path, compression=compression, tiffinfo={TiffImagePlugin.ROWSPERSTRIP: rows})
    whole, parts = whole_and_in_parts(path, monkeypatch)
    assert whole.shape == (HEIGHT // 4, WIDTH // 4, 3)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_strips_of_a_tiff_that_are_coded_as_jpeg_share_its_tables_and_are_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    path = tmp_path / "a.tif"
    monkeypatch.setattr(TiffImagePlugin, "STRIP_SIZE", 5000)  # several strips
    coloured(mode).save(path, compression="jpeg", exif=exif)
    whole, parts = whole_and_in_parts(path, monkeypatch)
    assert parts.shape[0] > parts.shape[1] if orientation == 1 else parts.shape[0] < parts.shape[1]
    np.testing.assert_array_equal(parts, whole)


def tiled(picture: Image.Image, *, side: int, order: str) -> bytes:
    """A TIFF of grey tiles without compression."""
    pixels = np.pad(np.asarray(picture), ((0, -HEIGHT % side), (0, -WIDTH % side)))
    tiles = [
        pixels[top : top + side, left : left + side].tobytes()
        for top in range(0, HEIGHT, side)
        for left in range(0, WIDTH, side)
    ]
    count = len(tiles)
    lists = 8 + count * side**2  # where the lists of places and lengths begin
    short = {256: WIDTH, 257: HEIGHT, 258: 8, 259: 1, 262: 1, 277: 1, 322: side, 323: side}
    entries = [struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in short.items()]
    entries += [
        struct.pack(f"{order}HHII", tag, 4, count, lists + 4 * count * which)
        for which, tag in enumerate((324, 325))
    ]
    places = [8 + number * side**2 for number in range(count)]
    return b"".join(
        [
            {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", lists + 8 * count),
            *tiles,
            struct.pack(f"{order}{2 * count}I", *places, *[side**2] * count),
            struct.pack(f"{order}H", len(entries)),
            *entries,
            bytes(4),
        ]
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("side", [16, 48])
def test_tiles_of_a_tiff_are_the_whole_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, side: int
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiled(coloured("L"), side=side, order=order))
    whole, parts = whole_and_in_parts(path, monkeypatch)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("from_the_top", [False, True])
def test_strips_of_a_bmp_are_the_whole_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, from_the_top: bool
) -> None:
    file = io.BytesIO()
    coloured(mode).save(file, "BMP")
    content = bytearray(file.getvalue())
    if from_the_top:
        content[22:26] = struct.pack("<i", -HEIGHT)
    path = tmp_path / "a.bmp"
    path.write_bytes(content)
    whole, parts = whole_and_in_parts(path, monkeypatch)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
def test_a_large_picture_that_is_cut_off_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "a"
    coloured("RGB").save(path, kind, tiffinfo={TiffImagePlugin.ROWSPERSTRIP: HEIGHT})
    content = path.read_bytes()
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    directory = int.from_bytes(content[4:8], "little") if kind == "TIFF" else 0
    short = content[: len(content) // 2]
    if kind == "TIFF" and directory > len(short):
        short = content[:4] + struct.pack("<I", len(short)) + short[8:] + content[directory:]
    path.write_bytes(short)
    with pytest.raises(SourceError, match=r"is cut off: its end is missing|is damaged"):
        read_image(path)


def test_what_would_take_too_much_memory_whole_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    for mode, held in (("P", 1), ("L", 1)):
        path = tmp_path / f"{mode}.gif"
        coloured(mode).save(path)
        size = path.stat().st_size
        monkeypatch.setattr(large, "MOST_MEMORY", held * WIDTH * HEIGHT + size)
        assert read_image(path).shape == (HEIGHT // 4, WIDTH // 4, 3)
        monkeypatch.setattr(large, "MOST_MEMORY", held * WIDTH * HEIGHT + size - 1)
        with pytest.raises(
            SourceError, match=f"is a GIF of 208x328 pixels and may have {WIDTH * HEIGHT - 1};"
        ):
            read_image(path)


@pytest.mark.parametrize("kind", ["PNG", "WebP", "GIF"])
def test_an_animation_may_have_the_pixels_of_a_video(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    pictures_of_it = [coloured("RGB"), coloured("RGB").rotate(180)]
    pictures_of_it[0].save(path, kind, save_all=True, append_images=pictures_of_it[1:])
    limits = replace(DEFAULT_LIMITS, max_video_pixels=WIDTH * HEIGHT - 1)
    with pytest.raises(SourceError, match="a video may have 68223 in all"):
        open_source(path, limits=limits)
    pictures_of_it[0].save(path, kind)
    assert open_source(path, limits=limits).kind == "image"


@pytest.mark.parametrize("kind", ["BMP", "PNG", "TIFF"])
def test_what_is_broken_anywhere_is_read_in_parts_or_a_sentence(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, kind: str
) -> None:
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    monkeypatch.setattr(large, "MOST_MEMORY", 0)
    file = io.BytesIO()
    coloured("RGB").save(file, kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    assert pictures.open_picture(file.getvalue(), name="a", limits=DEFAULT_LIMITS).decode().ndim == 3
    sentences = []
    for _ in range(150):
        broken = bytearray(file.getvalue())
        for at in rng.integers(0, rng.choice([400, len(broken)]), 4):
            broken[at] = rng.integers(256)
        del broken[int(rng.integers(len(broken))) if rng.random() < 0.2 else len(broken) :]
        try:
            pictures.open_picture(bytes(broken), name="a", limits=DEFAULT_LIMITS).decode()
        except SourceError as refused:
            sentences.append(str(refused))
    assert 0 < max(map(len, sentences)) < 300
