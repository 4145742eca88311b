"""Places where recordings are made: which lights burn there and which rooms are behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`lights`: kinds of `light.LIGHTS` that occur; `rooms`: seeds of its drawn rooms.

    `part` (k, n): of the background pictures, every n-th room from the k-th on belongs to this place.
    """

    name: str
    lights: tuple[str, ...]
    rooms: tuple[int, ...]
    part: tuple[int, int]

    def pictures(self, backgrounds: Sequence[Path]) -> tuple[Path, ...]:
        """The background pictures that show this place; views of one room end in _000, _060, ..."""
        rooms = sorted({_room(path) for path in backgrounds})
        own = set(rooms[self.part[0] :: self.part[1]])
        return tuple(path for path in backgrounds if _room(path) in own)


def _room(path: Path) -> str:
    return path.stem.rpartition("_")[0] or path.stem


def _seeds(first: int) -> tuple[int, ...]:
    return tuple(range(first, first + 12))


PLACES: dict[str, Place] = {
    place.name: place
    for place in (
        Place(name="office", lights=("office", "front", "own"), rooms=_seeds(100), part=(0, 4)),
        Place(name="home", lights=("window", "dim", "screen", "own"), rooms=_seeds(200), part=(1, 4)),
        Place(name="lobby", lights=("back", "sun", "office", "own"), rooms=_seeds(300), part=(2, 4)),
        Place(
            name="shop", lights=("mixed", "front", "back", "flicker", "own"), rooms=_seeds(400), part=(3, 4)
        ),
    )
}
