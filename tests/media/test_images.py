"""Pictures come out as another reader (Pillow) shows them; what cannot be read is one sentence."""

import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image, ImageOps

from unmask.media.images import SUFFIXES, probe_image, read_image, upright, write_image
from unmask.media.limits import Limits
from unmask.types import OutputError, SettingsError, SourceError

HEIGHT, WIDTH = 24, 40


def smooth_rgb() -> np.ndarray:
    """(24, 40, 3) uint8 that no turn or mirror leaves as it is."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([6 * x, 10 * y, 3 * x + 2 * y], axis=-1).astype(np.uint8)


def oracle(path: Any) -> np.ndarray:
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))


def orientation_exif(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, value: int, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(smooth_rgb()).save(path, exif=orientation_exif(value), **options)
    np.testing.assert_array_equal(read_image(path), oracle(path))


@pytest.mark.parametrize("value", range(1, 9))
def test_upright_agrees_with_the_words_of_the_standard(value: int) -> None:
    # EXIF 2.3, tag 274: which side of the scene the stored row 0 and column 0 are.
    row0, column0 = [
        "top left",
        "top right",
        "bottom right",
        "bottom left",
        "left top",
        "right top",
        "right bottom",
        "left bottom",
    ][value - 1].split()
    shown = upright(np.array([[1, 2], [3, 4]]), value)
    sides = {"top": shown[0], "bottom": shown[-1], "left": shown[:, 0], "right": shown[:, -1]}
    assert set(sides[row0]) == {1, 2}
    assert set(sides[column0]) == {1, 3}


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_a_senseless_orientation_is_no_orientation(tmp_path: Path, value: int) -> None:
    Image.fromarray(smooth_rgb()).save(tmp_path / "a.png", exif=orientation_exif(value))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), smooth_rgb())


def pictures() -> dict[str, tuple[Image.Image, dict[str, Any]]]:
    rgb = smooth_rgb()
    alpha = (7 * np.arange(HEIGHT * WIDTH) % 256).reshape(HEIGHT, WIDTH, 1).astype(np.uint8)
    palette = Image.fromarray(rgb).quantize(32)
    return {
        "grey.png": (Image.fromarray(rgb[..., 0]), {}),
        "grey.jpg": (Image.fromarray(rgb[..., 0]), {}),
        "grey.bmp": (Image.fromarray(rgb[..., 0]), {}),
        "one-bit.png": (Image.fromarray(rgb[..., 0] > 90), {}),
        "alpha.png": (Image.fromarray(np.concatenate([rgb, alpha], -1)), {}),
        "grey-alpha.png": (Image.fromarray(np.concatenate([rgb[..., :1], alpha], -1)), {}),
        "alpha.webp": (Image.fromarray(np.concatenate([rgb, alpha], -1)), {"lossless": True}),
        "palette.png": (palette, {}),
        "palette.bmp": (palette, {}),
        "palette-clear.png": (palette, {"transparency": 5}),
        "palette-alpha.png": (palette, {"transparency": bytes(range(0, 256, 8))}),
        "lossy.webp": (Image.fromarray(rgb), {}),
        "progressive.jpg": (Image.fromarray(rgb), {"progressive": True}),
        "plain.bmp": (Image.fromarray(rgb), {}),
        "dot.png": (Image.fromarray(rgb[:1, :1]), {}),
        "dot.jpg": (Image.fromarray(rgb[:1, :1]), {}),
        "dot.webp": (Image.fromarray(rgb[:1, :1]), {}),
        "dot.bmp": (Image.fromarray(rgb[:1, :1]), {}),
    }


@pytest.mark.parametrize("name", pictures())
def test_every_kind_of_picture_looks_as_in_another_reader(tmp_path: Path, name: Any) -> None:
    picture, options = pictures()[name]
    picture.save(tmp_path / name, **options)
    read = read_image(tmp_path / name)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - oracle(tmp_path / name)).max() <= 1


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    Image.fromarray(values).save(tmp_path / "a.png")
    expected = np.rint(values / 257).astype(np.uint8)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.repeat(expected[..., None], 3, -1))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    for suffix in SUFFIXES - {".jpg", ".jpeg", ".webp"}:
        write_image(tmp_path / f"a{suffix}", smooth_rgb())
        np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), smooth_rgb())
    write_image(tmp_path / "a.jpg", smooth_rgb())
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - smooth_rgb()).mean() < 6


def test_an_unknown_suffix_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"pictures are \.bmp"):
        write_image(tmp_path / "a.doc", smooth_rgb())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.2, 0.5, 0.95])
def test_a_picture_that_is_cut_is_never_read(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    # Decoders differ in how much they let pass, so the header's reader has to see it.
    rule = "is cut off: its end is missing" if kept >= 0.2 else "copy it again"
    with pytest.raises(SourceError, match=rule):
        read_image(path)


def test_damage_inside_is_told(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.random.default_rng(1).integers(0, 256, (99, 99, 3), dtype=np.uint8))
    stored = bytearray((tmp_path / "a.png").read_bytes())
    stored[10_000:10_040] = bytes(40)
    (tmp_path / "a.png").write_bytes(stored)
    with pytest.raises(SourceError, match="is damaged: its PNG cannot be decoded"):
        read_image(tmp_path / "a.png")


def test_other_files_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("BM, said the text, is how a bitmap begins.")
    with pytest.raises(SourceError, match="not a picture that unmask reads; give JPEG"):
        read_image(tmp_path / "text.png")
    with pytest.raises(SourceError, match="does not exist; check the path"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(SourceError, match="is a folder, not a plain file"):
        read_image(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_a_picture_30000_pixels_wide_is_refused_by_its_header(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("L", (30_000, 2)).save(path)
    with pytest.raises(SourceError, match="30000x2 pixels and a side may have 16384; make it smaller"):
        read_image(path)


def test_a_bomb_is_refused_before_a_pixel_is_decoded(tmp_path: Path) -> None:
    # The header alone: whoever decodes it finds no pixels, whoever allocates it takes 250 MB.
    Image.new("L", (1, 1)).save(tmp_path / "a.png")
    stored = bytearray((tmp_path / "a.png").read_bytes())
    stored[16:24] = (8_000).to_bytes(4, "big") * 2
    stored[29:33] = zlib.crc32(stored[12:29]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(stored)
    with pytest.raises(SourceError, match="8000x8000 pixels and may have 50000000 in all"):
        probe_image(tmp_path / "a.png", limits=Limits(max_pixels=50_000_000))
    assert probe_image(tmp_path / "a.png").width == 8_000


def test_limits_are_above_nothing() -> None:
    with pytest.raises(SettingsError, match="limit max_pixels must be a finite number above 0, not 0"):
        Limits(max_pixels=0)
    with pytest.raises(SettingsError, match="max_duration_s"):
        Limits(max_duration_s=float("nan"))
    with pytest.raises(SettingsError, match="limit timeout_s must be a finite number above 0, not '9'"):
        Limits(timeout_s=cast(Any, "9"))
