"""Video files that cameras and networks make now and then."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

PICTURES = 10  # of each size
SHIFT = 334  # ms: ten pictures


def resized(folder: Path, *, sizes: Sequence[tuple[int, int]]) -> Path:
    """A WebM whose pictures change to each (width, height) in turn."""
    path = folder / "resized.webm"
    with av.open(str(path), "w") as whole:
        track = None
        for number, size in enumerate(sizes):
            with av.open(str(_part(folder / f"part{number}.webm", size, grey=60 + 40 * number))) as part:
                track = track or whole.add_stream_from_template(part.streams.video[0])
                for packet in part.demux(video=0):
                    if packet.pts is not None and packet.dts is not None:
                        packet.stream = track
                        packet.pts, packet.dts = packet.pts + number * SHIFT, packet.dts + number * SHIFT
                        whole.mux(packet)
    return path


def _part(path: Path, size: tuple[int, int], *, grey: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=30)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        picture = np.full((size[1], size[0], 3), grey, np.uint8)
        for _ in range(PICTURES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path
