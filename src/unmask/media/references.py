"""H.264 whose packets are lost: frames number those that they rest on, and a decoder hides what is missing.

ITU-T H.264, 7.3.2.1.1 (sequence parameters), 7.3.3 (slice header) and 7.4.3: unless a sequence allows gaps,
`frame_num` of a picture is that of the reference picture before it, or one more.
"""

from dataclasses import dataclass

SLICE, INSTANT, SEQUENCE, PICTURE = 1, 5, 7, 8  # kinds of NAL units
HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
HEADER_BYTES = 48  # more than the part of a slice header that is read
START = b"\0\0\1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sequence:
    """What the parameters of sequence `number` say of its frame numbers, which have so many `bits`."""

    number: int
    bits: int
    planes: bool  # slices say of which colour they are
    gaps: bool  # allowed


class References:
    """Follows the frame numbers of one H.264 track, packet by packet in the order of decoding."""

    def __init__(self, extradata: bytes | None) -> None:
        """`extradata` of the track: a decoder configuration (ISO/IEC 14496-15), or NAL units, or nothing."""
        self._length = 0  # bytes of the size before each unit; 0: they begin by a start code
        self._sequences: dict[int, _Sequence] = {}
        self._of_picture: dict[int, int] = {}  # picture parameters -> their sequence
        self._before: int | None = None  # frame number of the last reference picture
        content = extradata or b""
        if content[:1] == b"\1" and len(content) > 6:
            self._length = (content[4] & 3) + 1
            units = _configured(content)
        else:
            units = _after_start_codes(content)
        for unit in units:
            self._take(unit)

    def missing(self, packet: bytes) -> int:
        """How many reference pictures were lost just before this packet; 0 where that cannot be told."""
        units = _after_sizes(packet, self._length) if self._length else _after_start_codes(packet)
        return next((lost for lost in map(self._take, units) if lost is not None), 0)

    def _take(self, unit: bytes) -> int | None:
        """The pictures lost before a slice; None of other units."""
        kind = unit[0] & 31 if unit else 0
        try:
            if kind == SEQUENCE:
                found = _sequence(unit)
                self._sequences[found.number] = found
            elif kind == PICTURE:
                bits = _UnitBits(unit[1:])
                picture = bits.number()
                self._of_picture[picture] = bits.number()
            elif kind in (SLICE, INSTANT):
                return self._lost(unit)
        except IndexError:
            pass  # torn, of which the decoder tells
        return None

    def _lost(self, unit: bytes) -> int:
        bits = _UnitBits(unit[1 : 1 + HEADER_BYTES])
        bits.number(), bits.number()  # first macroblock and type
        sequence = self._sequences.get(self._of_picture.get(bits.number(), -1))
        if sequence is None:
            return 0
        bits.bits(2 if sequence.planes else 0)
        number, before = bits.bits(sequence.bits), self._before
        if unit[0] & 0x60:  # others may rest on it
            self._before = number
        if unit[0] & 31 == INSTANT or before is None or sequence.gaps or number == before:
            return 0
        return (number - before - 1) % (1 << sequence.bits)


class _UnitBits:
    """Reads a unit bit by bit, without the bytes that keep start codes out of it; IndexError at its end."""

    def __init__(self, unit: bytes) -> None:
        self._bytes = unit.replace(b"\0\0\3", b"\0\0")
        self._at = 0

    def bits(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._bytes[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def number(self) -> int:
        """An unsigned Exp-Golomb code; that of a signed one tells as much here."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
        return (1 << zeros) - 1 + self.bits(zeros)


def _sequence(unit: bytes) -> _Sequence:
    bits = _UnitBits(unit[1:])
    profile = bits.bits(8)
    bits.bits(16)  # constraints and level
    number = bits.number()
    planes, chroma = False, 1
    if profile in HIGH_PROFILES:
        chroma = bits.number()
        planes = chroma == 3 and bool(bits.bits(1))
        bits.number(), bits.number(), bits.bits(1)
        if bits.bits(1):
            for size in [16] * 6 + [64] * (2 if chroma != 3 else 6):
                _skip_scaling(bits, size)
    length = bits.number() + 4
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.bits(1), bits.number(), bits.number()
        for _ in range(bits.number()):
            bits.number()
    bits.number()
    return _Sequence(number=number, bits=min(length, 16), planes=planes, gaps=bool(bits.bits(1)))


def _skip_scaling(bits: _UnitBits, size: int) -> None:
    """One list of scaling factors, which are coded by their differences, if it is there."""
    last = following = 8
    if not bits.bits(1):
        return
    for _ in range(size):
        if following:
            code = bits.number()
            following = (last + ((code + 1) // 2 if code % 2 else -code // 2)) % 256
        last = following or last


def _configured(content: bytes) -> list[bytes]:
    """The units of a decoder configuration: sequence parameters, then those of pictures."""
    units, at = [], 5
    for mask in (31, 255):
        count = content[at] & mask if at < len(content) else 0
        at += 1
        for _ in range(count):
            size = int.from_bytes(content[at : at + 2], "big")
            units.append(content[at + 2 : at + 2 + size])
            at += 2 + size
    return units


def _after_sizes(packet: bytes, length: int) -> list[bytes]:
    units, at = [], 0
    while at + length < len(packet):
        size = int.from_bytes(packet[at : at + length], "big")
        units.append(packet[at + length : at + length + size][: 1 << 12])
        at += length + size
    return units


def _after_start_codes(content: bytes) -> list[bytes]:
    return [unit.rstrip(b"\0")[: 1 << 12] for unit in content.split(START)[1:]]
