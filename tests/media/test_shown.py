"""Frames come with square pixels and in the colours of a usual screen."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from unmask.media.colour import colourfulness
from unmask.media.hdr import to_sdr
from unmask.media.video import open_video


def written(path: Any, *, aspect: Fraction | None = None, transfer: int = 0) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if transfer:
            stream.codec_context.color_trc, stream.codec_context.color_primaries = transfer, 9
            stream.codec_context.colorspace = 9
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_making_pixels_square_keeps_the_detail_that_was_stored(tmp_path: Path) -> None:
    """Waves of three stored pixels: straight lines between these would take a third of their contrast."""
    waves = 128 + 80 * np.cos(2 * np.pi / 3 * np.arange(96))
    stored = np.tile(waves.astype(np.uint8)[None, :, None], (48, 1, 3))
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode(None))
    (frame,) = open_video(tmp_path / "a.mkv").frames
    assert frame.shape == frame.image.shape == (48, 192, 3)
    assert frame.image[24, 16:-16].std() > 0.9 * stored[24, 8:-8].std()


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    written(tmp_path / "a.mkv", aspect=Fraction(4, 3))
    assert next(open_video(tmp_path / "a.mkv").frames).image.shape == (48, 85, 3)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_a_high_dynamic_range_is_mapped_by_its_tag_and_told(tmp_path: Path, transfer: int, name: str) -> None:
    written(tmp_path / "a.mkv", transfer=transfer)
    video = open_video(tmp_path / "a.mkv")
    assert next(video.frames).image.shape == (48, 64, 3)
    assert video.account.sentences() == (f"its {name} colours were mapped to those of a usual screen",)


@pytest.mark.parametrize(("transfer", "white"), [("PQ", 0.58), ("HLG", 0.75)])  # BT.2408
def test_white_stays_bright_and_grey_stays_grey_and_more_light_is_brighter(
    transfer: str, white: float
) -> None:
    signal = np.linspace(0, 1, 64)
    ramp = np.rint(65535 * np.repeat(signal[None, :, None], 3, -1)).astype(np.uint16)
    shown = to_sdr(ramp, transfer=transfer)[0].astype(int)
    assert (np.diff(shown[:, 1]) >= 0).all()
    assert np.abs(shown - shown[:, 1:2]).max() <= 2
    assert 220 < shown[np.searchsorted(signal, white), 1] < 250


def test_a_tint_is_no_colour() -> None:
    rng = np.random.default_rng(2)
    grey = rng.integers(0, 256, (12, 12, 1)).repeat(8, 0).repeat(8, 1).repeat(3, -1)
    sepia = np.clip(grey * [1.0, 0.85, 0.65], 0, 255).astype(np.uint8)
    colours = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    assert colourfulness(grey.astype(np.uint8)) < 0.1
    assert colourfulness(sepia) < 1
    assert colourfulness(colours) > 10
