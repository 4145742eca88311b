"""Pictures that went through a codec: as many, in order, near the originals; the same bytes every time."""

import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from unmask.media.encoding import DECODERS, FORMATS, VideoWriter, encode_decode, write_video
from unmask.media.video import read_video
from unmask.types import OutputError, SettingsError, SourceError


def scene(frames: int, *, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Smooth blobs of colour that move to the right, brighter from frame to frame."""
    rng = np.random.default_rng(3)
    noise = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 5)
    base = cv2.normalize(noise, np.empty_like(noise), 40, 180, cv2.NORM_MINMAX)
    return [np.roll(base, 2 * t, axis=1) + np.uint8(4 * t) for t in range(frames)]


def mean_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


CASES = [
    (".mp4", "libx264"),
    (".mov", "libx264"),
    (".mkv", "libx264"),
    (".webm", "libvpx-vp9"),
    (".avi", "mpeg4"),
    (".avi", "mjpeg"),
]


@pytest.mark.parametrize(("suffix", "codec"), CASES)
def test_a_written_video_is_read_again(tmp_path: Path, suffix: Any, codec: Any) -> None:
    frames = scene(8)
    write_video(tmp_path / f"a{suffix}", frames, fps=25, codec=codec, crf=4)
    read = list(read_video(tmp_path / f"a{suffix}"))
    np.testing.assert_allclose([frame.time_s for frame in read], np.arange(8) / 25, atol=1e-3)
    assert [frame.index for frame in read] == list(range(8))
    for t in range(8):
        # Nearest to its own frame: nothing was lost, doubled or put in another order.
        assert np.argmin([mean_difference(read[t].image, frame) for frame in frames]) == t
        assert mean_difference(read[t].image, frames[t]) < 5


def written(path: Path, **options: Any) -> str:
    write_video(path, scene(12), fps=30, **options)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("suffix", "codec"), CASES)
def test_same_pictures_same_bytes(tmp_path: Path, suffix: Any, codec: Any) -> None:
    ballast = []
    digests = set()
    for run in range(6):  # x264's macroblock tree depended on where in the memory it lay
        ballast.append(np.ones(1013 * run + 1))
        digests.add(written(tmp_path / f"a{run}{suffix}", codec=codec))
    assert len(digests) == 1


def test_same_pictures_same_bytes_at_a_bitrate(tmp_path: Path) -> None:
    assert len({written(tmp_path / f"{run}.mp4", bitrate=200_000) for run in range(4)}) == 1


@pytest.mark.parametrize("codec", DECODERS)
def test_a_round_trip_in_memory_keeps_count_order_and_odd_sizes(codec: Any) -> None:
    frames = scene(7, height=33, width=51)
    decoded = encode_decode(frames, codec=codec, crf=4)
    assert [picture.shape for picture in decoded] == [(33, 51, 3)] * 7
    for t, picture in enumerate(decoded):
        assert np.argmin([mean_difference(picture, frame) for frame in frames]) == t
        assert picture.flags.c_contiguous


def test_a_round_trip_in_memory_is_what_a_file_would_give(tmp_path: Path) -> None:
    frames = scene(10)
    write_video(tmp_path / "a.mp4", frames, fps=30, crf=23)
    stored = [frame.image for frame in read_video(tmp_path / "a.mp4")]
    np.testing.assert_array_equal(stored, encode_decode(frames, crf=23, fps=30))


@pytest.mark.parametrize(
    ("codec", "fine", "coarse"), [("libx264", 10, 40), ("mjpeg", 2, 30), ("libvpx-vp9", 10, 60)]
)
def test_a_larger_crf_loses_more(codec: str, fine: int, coarse: int) -> None:
    frames = scene(5)
    loss = [
        np.mean(
            [
                mean_difference(a, b)
                for a, b in zip(frames, encode_decode(frames, codec=codec, crf=crf), strict=True)
            ]
        )
        for crf in (fine, coarse)
    ]
    assert loss[1] > 1.2 * loss[0]


def test_a_smaller_bitrate_loses_more() -> None:
    noise = list(np.random.default_rng(1).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8))
    loss = [
        np.mean(
            [mean_difference(a, b) for a, b in zip(noise, encode_decode(noise, bitrate=rate), strict=True)]
        )
        for rate in (4_000_000, 50_000)
    ]
    assert loss[1] > 1.2 * loss[0]


def test_no_frames_come_back_as_none() -> None:
    assert encode_decode([]) == []


def test_an_odd_size_is_padded_by_its_last_row_and_column(tmp_path: Path) -> None:
    frames = scene(2, height=33, width=51)
    write_video(tmp_path / "a.mp4", frames, fps=30, crf=4)
    image = next(read_video(tmp_path / "a.mp4")).image
    assert image.shape == (34, 52, 3)
    assert mean_difference(image[33], image[32]) < 6


def test_given_times_are_kept(tmp_path: Path) -> None:
    times_s = [0.0, 0.031, 0.1, 0.5, 0.533]
    with VideoWriter(tmp_path / "a.mp4", fps=30) as writer:
        for picture, time_s in zip(scene(5), times_s, strict=True):
            writer.write(picture, time_s=time_s)
    np.testing.assert_allclose([frame.time_s for frame in read_video(tmp_path / "a.mp4")], times_s, atol=1e-4)


def test_the_file_says_by_which_matrix_its_colours_are_coded(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", scene(2), fps=30)
    with av.open(tmp_path / "a.mp4") as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range) == (
        6,
        1,
    )  # SMPTE 170M, studio range, in the numbers of ITU-T H.273


def broken_source() -> Iterator[Any]:
    yield from scene(2)
    raise SourceError("the camera went away")


def fail_with(path: Path, frames: Any, **options: Any) -> None:
    with pytest.raises((OutputError, SourceError, SettingsError)) as caught:
        write_video(path, frames, **{"fps": 30, **options})
    assert not list(path.parent.iterdir())
    raise caught.value


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="went away"):
        fail_with(tmp_path / "a.mp4", broken_source())
    with pytest.raises(OutputError, match="there is no picture; give at least one"):
        fail_with(tmp_path / "a.mp4", [])
    with pytest.raises(OutputError, match="keep one size in a video"):
        fail_with(tmp_path / "a.mp4", [*scene(1), *scene(1, height=50)])
    with pytest.raises(OutputError, match=r"a video ends in \.mp4"):
        fail_with(tmp_path / "a.doc", scene(1))
    with pytest.raises(SettingsError, match="codec must be one of libx264"):
        fail_with(tmp_path / "a.mp4", scene(1), codec="cinepak")
    with pytest.raises(SettingsError, match="fps must be above 0"):
        fail_with(tmp_path / "a.mp4", scene(1), fps=0)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_leaves_nothing(tmp_path: Path, suffix: Any) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (10, 64, 64, 3), dtype=np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match="choose another place"):
            write_video(
                tmp_path / f"a{suffix}",
                noise,
                fps=30,
                codec="libvpx-vp9" if suffix == ".webm" else "mpeg4",
                crf=2,
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def write_at(path: Path, times_s: list[float]) -> None:
    with VideoWriter(path, fps=30) as writer:
        for time_s in times_s:
            writer.write(scene(1)[0], time_s=time_s)


def test_times_have_to_rise_and_to_fit_the_container(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not rise"):
        write_at(tmp_path / "a.mp4", [0.0, 0.1, 0.1])
    with pytest.raises(OutputError, match="avi holds no times"):
        write_at(tmp_path / "a.avi", [0.0])
    assert not list(tmp_path.iterdir())
