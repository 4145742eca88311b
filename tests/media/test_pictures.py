"""Picture files that are large, moving, hostile or of rarer kinds: read, or refused by a sentence."""

import struct
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from unmask.media import jpeg, pictures
from unmask.media.encoding import write_video
from unmask.media.images import read_image
from unmask.media.sources import open_source
from unmask.types import SourceError

HEIGHT, WIDTH = 48, 64


def smooth() -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([4 * x, 5 * y, 2 * x + 2 * y], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["tif", "jp2", "avif", "gif"])
def test_rarer_kinds_are_read(tmp_path: Path, suffix: str) -> None:
    options: dict[str, Any] = {"quality": 95} if suffix == "avif" else {}
    Image.fromarray(smooth()).save(tmp_path / f"a.{suffix}", **options)
    source = open_source(tmp_path / f"a.{suffix}")
    assert source.kind == "image"
    (frame,) = source.frames
    assert np.abs(frame.image.astype(int) - smooth()).mean() < (12 if suffix == "gif" else 4)


def test_a_tiff_is_turned_once(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth()).save(tmp_path / "a.tif", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.rot90(smooth(), -1))


def test_pages_are_no_picture(tmp_path: Path) -> None:
    page = Image.fromarray(smooth())
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page, page])
    with pytest.raises(SourceError, match="is a TIFF of several pages; save one of them"):
        read_image(tmp_path / "a.tif")


def test_a_heif_picture_is_read_or_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    with pytest.raises(SourceError, match=r"needs pillow-heif; pip install .unmask\[heif\]|is damaged"):
        open_source(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", ["png", "webp", "gif"])
def test_an_animation_is_a_video_with_its_own_times(tmp_path: Path, suffix: str) -> None:
    pictures = [Image.fromarray(np.full((HEIGHT, WIDTH, 3), 40 * n, np.uint8)) for n in range(4)]
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    pictures[0].save(
        tmp_path / f"a.{suffix}",
        save_all=True,
        append_images=pictures[1:],
        duration=[100, 50, 100, 100],
        **options,
    )
    source = open_source(tmp_path / f"a.{suffix}")
    assert (source.kind, source.frame_count) == ("video", 4)
    frames = list(source.frames)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 40, 80, 120]
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.1, 0.15, 0.25])


def test_a_large_photograph_comes_at_a_smaller_scale(tmp_path: Path) -> None:
    Image.fromarray(smooth()).resize((6400, 4800)).save(tmp_path / "a.jpg", quality=60)
    Image.new("L", (6400, 4800), 77).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.jpg").shape == (2400, 3200, 3)
    grey = read_image(tmp_path / "a.png")
    assert grey.shape == (2400, 3200, 3)
    assert (grey == 77).all()


def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    file = BytesIO()
    Image.new("L", (6000, 6000)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    at = content.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(content[:at] + content[at:-2] * 2000 + b"\xff\xd9")
    with pytest.raises(SourceError, match="scans, far more than any camera writes"):
        read_image(tmp_path / "a.jpg")


def test_a_file_that_is_far_larger_than_its_picture_is_refused(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.truncate(100 << 20)
    with pytest.raises(SourceError, match="more than its pixels can fill"):
        read_image(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.truncate(3 << 30)
    with pytest.raises(SourceError, match="bytes and may have"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "BMP", "GIF"])
def test_a_video_behind_a_picture_is_refused_by_its_name(tmp_path: Path, kind: str) -> None:
    file = BytesIO()
    Image.fromarray(smooth()).save(file, kind)
    write_video(tmp_path / "v.mp4", [smooth()] * 9, fps=30)
    content = file.getvalue() + (tmp_path / "v.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=f"begins as a {kind} picture and goes on as something else"):
        open_source(tmp_path / "a.mp4")
    (tmp_path / "photo.jpg").write_bytes(content)  # as phones hang a short video behind a photograph
    assert open_source(tmp_path / "photo.jpg").kind == "image"


def test_bytes_that_may_be_two_things_are_refused(tmp_path: Path) -> None:
    from unmask.media.sources import open_content

    file = BytesIO()
    Image.fromarray(smooth()).save(file, "JPEG")
    tail = struct.pack(">I4s", 2000, b"moov") + bytes(1992)
    with pytest.raises(SourceError, match="begins as a JPEG picture and goes on"):
        open_content(file.getvalue() + tail)
    assert open_content(file.getvalue()).kind == "image"


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 2}])
@pytest.mark.parametrize("harm", ["a tail of zeros", "no tail"])
def test_damage_inside_a_jpeg_is_never_painted_over(tmp_path: Path, options: Any, harm: str) -> None:
    rng = np.random.default_rng(5)
    file = BytesIO()
    noise = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), (0, 0), 2)
    Image.fromarray(noise).save(file, "JPEG", quality=90, **options)
    whole = file.getvalue()
    path = tmp_path / "a.jpg"
    path.write_bytes(whole)
    assert read_image(path).shape == (240, 320, 3)
    half = len(whole) // 2
    spoilt = bytearray(whole)
    spoilt[half:-2] = bytes(half) if harm == "a tail of zeros" else b""
    path.write_bytes(spoilt)
    with pytest.raises(SourceError, match=r"is damaged: |is cut off"):
        read_image(path)


def test_a_large_jpeg_is_looked_at_before_it_is_decoded_not_held_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    load = JpegImageFile.load

    def looked(*args: Any, **given: Any) -> bool:
        time.sleep(0.2)
        done.append("looked at")
        return False

    def decoded(image: Any) -> Any:
        done.append("decoded")
        return load(image)

    monkeypatch.setattr(pictures, "is_damaged", looked)
    monkeypatch.setattr(JpegImageFile, "load", decoded)
    monkeypatch.setattr(pictures, "WORKING_PIXELS", 240 * 320 - 1)
    Image.new("RGB", (320, 240)).save(tmp_path / "a.jpg")
    read_image(tmp_path / "a.jpg")
    assert done[0] == "looked at"


@pytest.mark.parametrize("scale", [1, 2])  # that is looked at whole, also where it is decoded smaller
@pytest.mark.parametrize(
    ("subsampling", "progressive", "held"),
    [("4:4:4", False, 3), ("4:2:0", False, 1.5), ("4:2:0", True, 4.5)],
)
def test_a_jpeg_is_looked_at_strictly_as_far_as_memory_allows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    subsampling: str,
    progressive: bool,
    held: float,
    scale: int,
) -> None:
    monkeypatch.setattr(pictures, "WORKING_PIXELS", 320 * 240 // scale**2)
    file = BytesIO()
    noise = np.random.default_rng(5).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    Image.fromarray(cv2.GaussianBlur(noise, (0, 0), 2)).save(
        file, "JPEG", quality=90, subsampling=subsampling, progressive=progressive
    )
    spoilt = bytearray(file.getvalue())
    spoilt[len(spoilt) // 2 : -2] = bytes(len(spoilt) // 2)
    (tmp_path / "a.jpg").write_bytes(spoilt)
    monkeypatch.setattr(jpeg, "MOST_HELD", int(320 * 240 * held))
    with pytest.raises(SourceError, match=r"is damaged: "):
        read_image(tmp_path / "a.jpg")
    monkeypatch.setattr(jpeg, "MOST_HELD", int(320 * 240 * held) - 1)
    assert read_image(tmp_path / "a.jpg").shape == (240 // scale, 320 // scale, 3)
