"""Recordings whose bits are flipped inside their pictures: how much of what is read was never recorded.

    python -m experiments.flipped_bits [--copies 24] [--seed 0] [--out build/flipped_bits.csv]

The print of the demo is coded anew in nine ways, with one key frame each, and copied; copy n has 1 + n // 2
bits flipped between the first tenth of the file and the last. A picture that is read differs from what was
recorded where more than a hundredth of it is off by more than 30 grey values. A coding that FFmpeg was built
without is passed over.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import av
import numpy as np
from av.codec import codecs_available
from av.video.stream import VideoStream

from unmask.app.demo import RECORDINGS
from unmask.files import write_bytes
from unmask.media.video import open_video
from unmask.plain import as_csv
from unmask.types import SourceError

CODINGS: dict[str, tuple[str, dict[str, str]]] = {
    "h264.mp4": ("libx264", {}),
    "h264_slices.mkv": ("libx264", {"x264-params": "slices=4"}),
    "hevc.mp4": ("libx265", {"x265-params": "log-level=none"}),
    "hevc_md5.mkv": ("libx265", {"x265-params": "log-level=none:hash=1"}),
    "vp9.webm": ("libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
    "vp8.webm": ("libvpx", {"cpu-used": "8", "deadline": "realtime"}),
    "mpeg4.avi": ("mpeg4", {}),
    "mpeg2.mkv": ("mpeg2video", {}),
    "mjpeg.avi": ("mjpeg", {}),
}
COLUMNS = ("coding", "copies", "read", "differ", "left_out", "refused")
OFF, SHARE = 30, 0.01  # grey values, and the share of a picture, from which it shows something else


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/flipped_bits.csv"))
    asked = parser.parse_args()
    pictures = [frame.image for frame in open_video(RECORDINGS / "print.mp4").frames]
    rows: list[Sequence[Any]] = [COLUMNS]
    with TemporaryDirectory() as folder:
        for coding, (codec, options) in CODINGS.items():
            if codec not in codecs_available:
                continue
            whole = coded(Path(folder) / coding, pictures, codec=codec, options=options)
            rows.append((coding, asked.copies, *counted(whole, copies=asked.copies, seed=asked.seed)))
            print(*(f"{name} {cell}" for name, cell in zip(COLUMNS, rows[-1], strict=True)), flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(asked.out, as_csv(rows).encode())


def coded(path: Path, pictures: Sequence[np.ndarray], *, codec: str, options: dict[str, str]) -> Path:
    """The pictures (H, W, 3) as one video of 30 frames/s, with a key frame at its start."""
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=30, options=options))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate, stream.codec_context.gop_size = 900_000, 250
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def counted(whole: Path, *, copies: int, seed: int) -> tuple[int, int, int, int]:
    """Pictures read, those among them that differ, those left out, and copies refused."""
    recorded = {round(frame.time_s, 2): frame.image for frame in open_video(whole).frames}
    read = differ = left_out = refused = 0
    for number in range(copies):
        rng = np.random.default_rng([seed, number])
        content = bytearray(whole.read_bytes())
        for place in rng.integers(len(content) // 10, len(content) * 9 // 10, 1 + number // 2):
            content[place] ^= 1 << int(rng.integers(8))
        copy = whole.with_name(f"copy_{whole.name}")
        copy.write_bytes(content)
        try:
            video = open_video(copy)
        except SourceError:
            refused += 1
            continue
        try:
            for frame in video.frames:
                read += 1
                nearest = min(recorded, key=lambda time_s: abs(time_s - frame.time_s))
                off = np.abs(frame.image.astype(int) - recorded[nearest]).mean(axis=2)
                differ += bool((off > OFF).mean() > SHARE)
        except SourceError:
            refused += 1
        left_out += video.account.damaged
    return read, differ, left_out, refused


if __name__ == "__main__":
    main()
