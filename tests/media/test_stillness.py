"""A part that stands still is found as if every look were compared with all before it, by fewer of them."""

import gc
import weakref
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from unmask.media import stillness
from unmask.media.stillness import STILL_S, Neighbours, StillPart, explained

STEP_S = 0.36  # between looks


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pairs of looks that are compared: each look knows what its picture differs by from earlier ones."""
    pairs: list[float] = []

    def difference(earlier: Any, later: Any) -> float:
        pairs.append(later.differs[earlier.number])
        return pairs[-1]

    monkeypatch.setattr(stillness, "difference", difference)
    return pairs


def _looks(rng: np.random.Generator, *, count: int, calm: float) -> list[SimpleNamespace]:
    """Looks whose differences are mostly those of noise, in a share `calm` of all."""
    looks, time_s = [], 0.0
    for number in range(count):
        time_s += STEP_S * rng.uniform(0.9, 1.3)
        quiet = rng.uniform(0.0, 0.13, count)
        moved = rng.uniform(0.1, 0.5, count)
        differs = np.where(rng.random(count) < calm, quiet, moved)
        looks.append(SimpleNamespace(number=number, time_s=time_s, differs=differs))
    return looks


def _ends(looks: list[SimpleNamespace], noises: list[float]) -> list[float]:
    """The end of the latest still part after each look, each compared with all before it."""
    alike: deque[SimpleNamespace] = deque()
    end_s, ends = -np.inf, []
    for place, look in enumerate(looks):
        most = explained(min(noises[max(0, place - 5) : place + 1]))
        kept = deque([look])
        for earlier in reversed(alike):
            if look.differs[earlier.number] > most:
                break
            kept.appendleft(earlier)
        alike = kept
        if look.time_s - alike[0].time_s >= STILL_S - 1e-6:
            end_s = look.time_s
            alike.popleft()
        ends.append(end_s)
    return ends


def _parts(looks: list[SimpleNamespace], noises: list[float]) -> Iterator[StillPart]:
    """The same still part after each look."""
    part: Any = StillPart()  # namespaces stand for looks
    neighbours: deque[Any] = deque(maxlen=6)
    for look, noise in zip(looks, noises, strict=True):
        after = SimpleNamespace(number=-1, differs=np.array([noise]))
        neighbours.append(Neighbours(cast(Any, SimpleNamespace(number=0)), cast(Any, after)))
        part.add(look, tuple(neighbours))
        yield part


@pytest.mark.parametrize("asked", [1.0, 0.1])
@pytest.mark.parametrize("kept_s", [3.0, 8.0, 60.0])
@pytest.mark.parametrize("calm", [0.97, 0.995, 1.0])
def test_still_parts_are_found_where_comparing_all_looks_with_all_says_so(
    calm: float, kept_s: float, asked: float, rng: np.random.Generator, compared: list[float]
) -> None:
    answers = set()
    for _ in range(10):
        looks = _looks(rng, count=60, calm=calm)
        noises = rng.uniform(0.055, 0.2, 60).tolist()
        for look, end_s, part in zip(looks, _ends(looks, noises), _parts(looks, noises), strict=True):
            before_s = look.time_s - kept_s
            part.forget(before_s)
            if rng.random() < asked:
                answers.add(end_s >= max(before_s, 0.0))
                assert part.found() == (end_s >= max(before_s, 0.0))
    assert len(answers) == 2  # else the test sees nothing


def test_a_face_that_moves_is_compared_once_in_five_seconds(
    rng: np.random.Generator, compared: list[float]
) -> None:
    looks = _looks(rng, count=100, calm=0.0)
    for look in looks:
        look.differs[:] = 0.4
    assert not any(part.found() for part in _parts(looks, [0.05] * 100))
    assert 0 < len(compared) <= looks[-1].time_s / (STILL_S - 2 * STEP_S)


def test_a_held_picture_stands_still_from_five_seconds_on(
    rng: np.random.Generator, compared: list[float]
) -> None:
    looks = _looks(rng, count=40, calm=1.0)
    for look in looks:
        look.differs[:] = 0.01
    found = [part.found() for part in _parts(looks, [0.0] * 40)]
    since_s = looks[found.index(True)].time_s
    assert all(found[found.index(True) :])
    assert STILL_S <= since_s <= STILL_S + 2 * STEP_S + looks[0].time_s


def test_looks_are_compared_when_somebody_asks_and_only_those_of_one_still_part(
    rng: np.random.Generator, compared: list[float]
) -> None:
    looks = _looks(rng, count=90, calm=1.0)
    for look in looks:
        look.differs[:] = 0.01
    *_, part = _parts(looks, [0.0] * 90)
    assert not compared
    assert part.found()
    assert part.found()  # and not once more
    most = 2 + int(STILL_S / (0.9 * STEP_S))  # looks in such a part
    assert 0 < len(compared) <= most * (most - 1) / 2


class _HeldByOthers(SimpleNamespace):
    """A look of which is known whether anybody holds it."""


def test_what_is_forgotten_is_let_go_of() -> None:
    part: Any = StillPart()
    looks = []
    for number in range(500):
        look = _HeldByOthers(time_s=STEP_S * number)
        part.add(look, ())
        part.forget(look.time_s - 10.0)
        looks.append(weakref.ref(look))
        del look
    gc.collect()
    assert 0 < sum(look() is not None for look in looks) <= (10.0 + STILL_S) / STEP_S + 2
