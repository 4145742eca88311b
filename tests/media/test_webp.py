"""Large WebPs are read by OpenCV: the same picture as Pillow's, in less memory."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from unmask.media import large, pictures
from unmask.media.images import read_image
from unmask.media.webp import bytes_a_pixel
from unmask.types import SourceError


@pytest.fixture(autouse=True)
def _all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WORKING_PIXELS", 10_000)  # so that the scale is 4


def smooth_noise() -> Image.Image:
    noise = np.random.default_rng(4).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    return Image.fromarray(cv2.GaussianBlur(noise, (0, 0), 1.5))


def webp(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WebP", **options)
    return file.getvalue()


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_webp_is_the_picture_that_a_small_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int, lossless: bool, alpha: bool
) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    path = tmp_path / "a.webp"
    picture = smooth_noise()
    if alpha:
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    path.write_bytes(webp(picture, quality=80, lossless=lossless, exif=exif if orientation > 1 else b""))
    whole = read_image(path)
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    in_parts = read_image(path)
    assert whole.shape == ((60, 80, 3) if orientation == 1 else (80, 60, 3))
    assert np.abs(in_parts.astype(int) - whole).max() <= (0 if alpha or lossless else 1)  # rounded twice


def test_how_much_memory_a_webp_takes_is_told_by_its_parts() -> None:
    picture = smooth_noise()
    clear = picture.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size))
    assert bytes_a_pixel(webp(picture)) == 4
    assert bytes_a_pixel(webp(picture, icc_profile=b"a profile")) == 4
    assert bytes_a_pixel(webp(picture, lossless=True)) == 7
    assert bytes_a_pixel(webp(picture, lossless=True, icc_profile=b"a profile")) == 7
    assert bytes_a_pixel(webp(clear)) == bytes_a_pixel(webp(clear, lossless=True)) == 8
    assert not bytes_a_pixel(webp(picture, save_all=True, append_images=[picture.rotate(90)]))
    assert not bytes_a_pixel(b"RIFF\x10\0\0\0WEBPVP8X")


@pytest.mark.parametrize(("empty", "halved"), [(50, True), (1000, False)])
def test_a_picture_behind_more_parts_than_a_file_has_is_not_looked_for(empty: int, halved: bool) -> None:
    content = webp(smooth_noise(), icc_profile=b"a profile")
    head = 12 + 8 + 10  # RIFF and what the file has in it
    assert bytes_a_pixel(content[:head] + empty * b"ABCD\0\0\0\0" + content[head:]) == 4 * halved


def test_large_webps_that_are_damaged_or_beyond_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "MOST_WHOLE_PIXELS", 1000)
    content = webp(smooth_noise(), quality=80)
    path = tmp_path / "a.webp"
    kept = len(content) // 4 * 2
    sizes = (kept - 8).to_bytes(4, "little"), (kept - 20).to_bytes(4, "little")  # whole by its own account
    path.write_bytes(content[:4] + sizes[0] + content[8:16] + sizes[1] + content[20:kept])
    with pytest.raises(SourceError, match="is damaged: its WebP cannot be decoded"):
        read_image(path)
    path.write_bytes(content)
    monkeypatch.setattr(large, "MOST_MEMORY", 4 * 70_000 + len(content))
    with pytest.raises(SourceError, match="is a WebP of 320x240 pixels and may have 70000"):
        read_image(path)
    clear = smooth_noise().convert("RGBA")
    clear.putalpha(9)
    path.write_bytes(webp(clear))
    monkeypatch.setattr(large, "MOST_MEMORY", 0)
    with pytest.raises(SourceError, match="is a WebP of 320x240 pixels and may have 1000"):
        read_image(path)
