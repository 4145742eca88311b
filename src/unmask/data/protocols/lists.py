"""Lists that an archive ships, held against the rule that makes the same parts."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from unmask.types import DataError

Said = TypeVar("Said")


def agreeing(
    path: Path, lines: Iterable[tuple[int, str, Said]], *, wanted: Collection[str], remedy: str
) -> Iterator[tuple[str, str, Said]]:
    """(where, name, what else the line tells) of each line (number, name, what else) of the list at `path`.

    DataError for a name that comes twice or is not `wanted`, and at the end for the first that is missing.
    """
    listed: set[str] = set()
    for number, name, said in lines:
        where = f"{path}, line {number}"
        if name in listed:
            raise DataError(f"{where}: {name} is listed twice; {remedy}")
        if name not in wanted:
            raise DataError(
                f"{where}: {name} is listed, but the rule does not put it here, or its video is missing; "
                f"unpack the whole archive, or {remedy}"
            )
        yield where, name, said
        listed.add(name)
    if lost := set(wanted) - listed:
        raise DataError(
            f"{path} has {len(listed)} lines, the rule {len(wanted)}: {min(lost)} is not listed; {remedy}"
        )
