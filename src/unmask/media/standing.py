"""For how long a recording shows each of its pictures: until the next one, as a player does.

A picture that is stored once and shown for eight seconds is as much of a recording as the same picture stored
240 times. So it is seen again and again until the next one comes, and whatever judges recordings judges it
by its time. Streams are left alone: where nothing comes for a while, nothing was shown.
"""

from collections.abc import Iterator

from unmask.media.sources import Source
from unmask.types import Frame

STANDS_S = 0.5  # pictures of slower cameras follow sooner than that
AGAIN_S = 0.1


def standing(source: Source) -> Iterator[Frame]:
    """The frames of a recording, and those that stand for longer than `STANDS_S` again every `AGAIN_S`."""
    account, before, damaged = source.account, None, 0
    for frame in source.frames:
        if before is not None:
            lost_s = (account.damaged - damaged) * account.period_s  # of which the account tells
            yield from _again(before, until_s=frame.time_s - lost_s)
        yield frame
        before, damaged = frame, account.damaged
    if before is not None:
        yield from _again(before, until_s=account.ends_s)


def _again(frame: Frame, *, until_s: float) -> Iterator[Frame]:
    count = 1
    while until_s - frame.time_s > STANDS_S + 1e-6 and frame.time_s + count * AGAIN_S < until_s - 1e-6:
        yield frame.again_at(frame.time_s + count * AGAIN_S)
        count += 1
