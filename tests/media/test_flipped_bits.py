"""Bits of a recording that are flipped inside its pictures, where no container tells of it."""

from collections import deque
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream

from unmask.media.video import open_video

HEIGHT, WIDTH, FRAMES = 144, 192, 30
H264, SLICES, VP9, VP8 = "h264.mp4", "slices.mkv", "vp9.webm", "vp8.webm"
CODINGS: dict[str, tuple[str, dict[str, str]]] = {
    H264: ("libx264", {}),
    SLICES: ("libx264", {"x264-params": "slices=4"}),
    VP9: ("libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
    VP8: ("libvpx", {"cpu-used": "8", "deadline": "realtime"}),
}
SEEDS = range(8)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same wandering picture in each coding, one key frame each."""
    folder = tmp_path_factory.mktemp("recordings")
    return {name: recorded(folder / name) for name in CODINGS}


def recorded(path: Path) -> Path:
    noise = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    still = cv2.GaussianBlur(noise, (0, 0), 2)
    still = cv2.normalize(still, still, 0, 255, cv2.NORM_MINMAX)
    codec, options = CODINGS[path.name]
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=30, options=options))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 900_000
        stream.codec_context.gop_size = 250
        for number in range(FRAMES):
            picture = np.roll(still, 2 * number, axis=1).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def flipped(path: Path, folder: Path, *, seed: int, bits: int = 5) -> Path:
    """A copy with so many bits flipped in its second half, behind the key frame."""
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in rng.integers(len(content) // 2, len(content) * 9 // 10, bits):
        content[place] ^= 1 << int(rng.integers(8))
    copy = folder / f"{seed}_{path.name}"
    copy.write_bytes(content)
    return copy


def differs(picture: np.ndarray, other: np.ndarray) -> bool:
    """Whether it shows something else, in more than a hundredth of it."""
    return bool((np.abs(picture.astype(int) - other).mean(axis=2) > 30).mean() > 0.01)


@pytest.mark.parametrize("name", [H264, SLICES, VP9])
def test_what_is_given_is_what_was_recorded(recordings: dict[str, Path], tmp_path: Path, name: str) -> None:
    whole = {round(frame.time_s, 2): frame.image for frame in open_video(recordings[name]).frames}
    assert len(whole) == FRAMES
    given = others = damaged = 0
    for seed in SEEDS:
        video = open_video(flipped(recordings[name], tmp_path, seed=seed))
        for frame in video.frames:
            given += 1
            others += differs(frame.image, whole[round(frame.time_s, 2)])
        damaged += video.account.damaged
    assert others <= 0.06 * given
    assert damaged > 5 * len(SEEDS)


def test_of_vp8_some_damage_is_noticed(recordings: dict[str, Path], tmp_path: Path) -> None:
    damaged = 0
    for seed in SEEDS:
        video = open_video(flipped(recordings[VP8], tmp_path, seed=seed, bits=20))
        for _ in video.frames:
            pass
        damaged += video.account.damaged
    assert damaged > 0


@pytest.mark.parametrize("name", [H264, SLICES, VP9])
def test_a_picture_is_the_same_whenever_its_pixels_are_asked_for(
    recordings: dict[str, Path], tmp_path: Path, name: str
) -> None:
    """Others may be decoded in the meantime, into the memory of those that were let go of."""
    for seed in SEEDS:
        path = flipped(recordings[name], tmp_path, seed=seed)
        at_once = [frame.image for frame in open_video(path).frames]
        held = deque(open_video(path).frames)
        assert len(held) == len(at_once)
        while held:
            np.testing.assert_array_equal(held.popleft().image, at_once.pop(0))
