"""A part that stands still is found as if every look were compared with all before it, by fewer of them."""

from collections import deque
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


def _found(looks: list[SimpleNamespace], noises: list[float]) -> list[float]:
    part: Any = StillPart()  # namespaces stand for looks
    ends: list[float] = []
    neighbours: deque[Any] = deque(maxlen=6)
    for look, noise in zip(looks, noises, strict=True):
        after = SimpleNamespace(number=-1, differs=np.array([noise]))
        neighbours.append(Neighbours(cast(Any, SimpleNamespace(number=0)), cast(Any, after)))
        part.add(look, tuple(neighbours))
        ends.append(part.end_s)
    return ends


@pytest.mark.parametrize("calm", [0.97, 0.995, 1.0])
def test_still_parts_end_where_comparing_all_looks_with_all_says_so(
    calm: float, rng: np.random.Generator, compared: list[float]
) -> None:
    still = 0
    for _ in range(30):
        looks = _looks(rng, count=60, calm=calm)
        noises = rng.uniform(0.055, 0.2, 60).tolist()
        plain = _ends(looks, noises)
        assert _found(looks, noises) == plain
        still += len(set(plain)) > 1
    assert still > 0  # else the test sees nothing


def test_a_face_that_moves_is_compared_once_in_five_seconds(
    rng: np.random.Generator, compared: list[float]
) -> None:
    looks = _looks(rng, count=100, calm=0.0)
    for look in looks:
        look.differs[:] = 0.4
    assert set(_found(looks, [0.05] * 100)) == {-np.inf}
    assert 0 < len(compared) <= looks[-1].time_s / (STILL_S - 2 * STEP_S)


def test_a_held_picture_stands_still_from_five_seconds_on(
    rng: np.random.Generator, compared: list[float]
) -> None:
    looks = _looks(rng, count=40, calm=1.0)
    for look in looks:
        look.differs[:] = 0.01
    ends = _found(looks, [0.0] * 40)
    assert ends == _ends(looks, [0.0] * 40)
    assert STILL_S <= next(end for end in ends if end > 0) <= STILL_S + 2 * STEP_S + looks[0].time_s
