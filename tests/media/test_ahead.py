"""Decoding ahead of what is looked at changes nothing that is seen, said or closed."""

import threading
from collections.abc import Callable, Generator

import numpy as np
import pytest

from unmask.media.account import Account
from unmask.media.ahead import ahead
from unmask.media.sources import Source
from unmask.types import Frame, SourceError


def source_of(frames: Callable[[Account], Generator[Frame, None, None]]) -> Source:
    account = Account(notes=["a second track is left out"])
    return Source(
        name="recording", kind="video", frames=frames(account), frame_count=None, fps=30.0, account=account
    )


def frame(index: int) -> Frame:
    return Frame(image=np.full((2, 2, 3), index, np.uint8), time_s=index / 30, index=index)


def damaged(account: Account) -> Generator[Frame, None, None]:
    """Ten frames, two more of which are lost before each third."""
    for index in range(10):
        if index % 3 == 2:
            account.lost(2)
        account.good(until_s=(index + 1) / 30)
        yield frame(index)
    account.lost(1)
    account.notes.append("the end is damaged")


def seen(source: Source) -> list[tuple[int, int, int, float, tuple[str, ...]]]:
    """What is known when each frame comes, and at the end."""
    account = source.account
    told = []
    for one in source.frames:
        told.append((one.index, account.given, account.damaged, account.ends_s, account.sentences()))
    return [*told, (-1, account.given, account.damaged, account.ends_s, account.sentences())]


def test_each_frame_comes_with_the_account_that_it_had() -> None:
    assert seen(ahead(source_of(damaged))) == seen(source_of(damaged))


def test_the_next_frames_are_decoded_while_one_is_looked_at() -> None:
    third = threading.Event()

    def frames(account: Account) -> Generator[Frame, None, None]:
        for index in range(6):
            if index == 3:
                third.set()
            yield frame(index)

    source = ahead(source_of(frames))
    assert next(source.frames).index == 0
    assert third.wait(timeout=30)
    source.close()


def test_an_error_comes_after_the_frames_before_it() -> None:
    def frames(account: Account) -> Generator[Frame, None, None]:
        yield from map(frame, range(3))
        raise SourceError("recording cannot be read on; copy it again")

    source = ahead(source_of(frames))
    assert [next(source.frames).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="copy it again"):
        next(source.frames)


@pytest.mark.parametrize("taken", [0, 2, 20])
def test_the_source_is_closed_however_many_frames_were_taken(taken: int) -> None:
    source = source_of(damaged)
    read_ahead = ahead(source)
    for _ in range(taken):
        next(read_ahead.frames, None)
    read_ahead.close()
    read_ahead.close()
    assert next(source.frames, None) is None
