"""Large WebPs are read at half of their sides by OpenCV: the same picture as Pillow's, in less memory."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from unmask.media import pictures
from unmask.media.images import read_image
from unmask.media.webp import can_be_halved
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


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_webp_is_the_picture_that_a_small_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int
) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    path = tmp_path / "a.webp"
    path.write_bytes(webp(smooth_noise(), quality=80, exif=exif if orientation > 1 else b""))
    whole = read_image(path)
    monkeypatch.setattr(pictures, "MOST_WHOLE_PIXELS", 1000)
    halved = read_image(path)
    assert whole.shape == ((60, 80, 3) if orientation == 1 else (80, 60, 3))
    assert halved.shape == whole.shape
    assert np.abs(halved.astype(int) - whole).max() <= 1  # rounded twice


def test_only_single_pictures_with_loss_and_without_alpha_are_halved() -> None:
    picture = smooth_noise()
    clear = picture.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size))
    assert can_be_halved(webp(picture))
    assert can_be_halved(webp(picture, icc_profile=b"a profile"))
    assert not can_be_halved(webp(picture, lossless=True))
    assert not can_be_halved(webp(picture, lossless=True, icc_profile=b"a profile"))
    assert not can_be_halved(webp(clear))
    assert not can_be_halved(webp(picture, save_all=True, append_images=[picture.rotate(90)]))
    assert not can_be_halved(b"RIFF\x10\0\0\0WEBPVP8X")


@pytest.mark.parametrize(("empty", "halved"), [(50, True), (1000, False)])
def test_a_picture_behind_more_parts_than_a_file_has_is_not_looked_for(empty: int, halved: bool) -> None:
    content = webp(smooth_noise(), icc_profile=b"a profile")
    head = 12 + 8 + 10  # RIFF and what the file has in it
    assert can_be_halved(content[:head] + empty * b"ABCD\0\0\0\0" + content[head:]) is halved


def test_large_webps_that_are_damaged_or_beyond_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_WHOLE_PIXELS", 1000)
    content = webp(smooth_noise(), quality=80)
    path = tmp_path / "a.webp"
    kept = len(content) // 4 * 2
    sizes = (kept - 8).to_bytes(4, "little"), (kept - 20).to_bytes(4, "little")  # whole by its own account
    path.write_bytes(content[:4] + sizes[0] + content[8:16] + sizes[1] + content[20:kept])
    with pytest.raises(SourceError, match="is damaged: its WebP cannot be decoded"):
        read_image(path)
    path.write_bytes(content)
    monkeypatch.setattr(pictures, "MOST_HALVED_PIXELS", 70_000)
    with pytest.raises(SourceError, match="is a WebP of 320x240 pixels and may have 70000"):
        read_image(path)
    path.write_bytes(webp(smooth_noise(), lossless=True))
    with pytest.raises(SourceError, match="is a WebP of 320x240 pixels and may have 1000"):
        read_image(path)
