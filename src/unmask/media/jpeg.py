"""Damage inside a JPEG: usual decoders paint over it and hand the picture on as if nothing were wrong."""

import av
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
LENIENT = {"err_detect": "ignore_err"}
MOST_HELD = 600_000_000  # bytes; beyond them a second look would cost more than a picture may take


def is_damaged(content: bytes, *, samples: int, scans: int) -> bool:
    """Whether a JPEG that decodes breaks the rules of its code somewhere (missing or torn blocks).

    Some flipped bits make another picture that keeps to all rules: nothing can tell them. False where FFmpeg
    does not read this kind of JPEG at all, and for pictures that are too large: it holds a byte for each of
    the `samples` of all channels, and of several scans a coefficient of two.
    """
    held = samples * (3 if scans > 1 else 1)
    return held <= MOST_HELD and not _decodes(content, STRICT) and _decodes(content, LENIENT)


def _decodes(content: bytes, options: dict[str, str]) -> bool:
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count, decoder.options = 1, options
    try:
        found = [*decoder.decode(av.Packet(content)), *decoder.decode(None)]
    except FFmpegError:
        return False
    return bool(found) and not found[0].is_corrupt
