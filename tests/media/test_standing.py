"""What a player shows: each picture of a recording until the next one comes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unmask.media.account import Account
from unmask.media.sources import Source, open_source
from unmask.media.standing import standing
from unmask.types import Frame


def source(times: list[float], *, ends_s: float = 0.0, damaged: dict[int, int] | None = None) -> Source:
    """A recording of those times; before some of its frames so many were damaged."""
    account = Account(period_s=0.1)

    def frames() -> Any:
        for index, time_s in enumerate(times):
            account.lost((damaged or {}).get(index, 0))
            account.good(until_s=ends_s)
            yield Frame(np.full((4, 4, 3), index, np.uint8), time_s, index)

    return Source(name="a", kind="video", frames=frames(), frame_count=None, fps=10.0, account=account)


def seen(recording: Source) -> list[tuple[float, int, bool]]:
    return [(round(frame.time_s, 3), frame.index, frame.again) for frame in standing(recording)]


def test_a_picture_that_stands_is_seen_again_until_the_next_one_comes() -> None:
    assert seen(source([0, 0.1, 0.8, 0.9])) == [
        (0, 0, False),
        (0.1, 1, False),
        *[(round(0.1 + k / 10, 3), 1, True) for k in range(1, 7)],
        (0.8, 2, False),
        (0.9, 3, False),
    ]


def test_pictures_of_a_slow_camera_are_seen_once() -> None:
    assert seen(source([0, 0.5, 1.0])) == [(0, 0, False), (0.5, 1, False), (1.0, 2, False)]


def test_the_last_picture_stands_until_the_recording_ends() -> None:
    assert seen(source([0, 0.1], ends_s=0.8))[2:] == [(round(0.1 + k / 10, 3), 1, True) for k in range(1, 7)]
    assert len(seen(source([0, 0.1], ends_s=0.2))) == 2


def test_pictures_that_are_damaged_leave_a_gap_of_their_own_length_and_no_longer_one() -> None:
    assert len(seen(source([0, 0.9], damaged={1: 8}))) == 2
    assert len(seen(source([0, 5.0], damaged={1: 8}))) > 30


@pytest.mark.parametrize("suffix", ["png", "webp", "gif"])
def test_pictures_of_an_animation_are_shown_as_long_as_browsers_show_them(
    tmp_path: Path, suffix: str
) -> None:
    pictures = [Image.fromarray(np.full((40, 40, 3), 60 * n, np.uint8)) for n in range(4)]
    path = tmp_path / f"a.{suffix}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[40, 10, 2000, 900])
    found = seen(open_source(path))
    assert [time_s for time_s, _, again in found if not again] == pytest.approx([0, 0.04, 0.14, 2.14])
    assert found[-1][0] == pytest.approx(2.94)
    assert found[-1][1:] == (3, True)
