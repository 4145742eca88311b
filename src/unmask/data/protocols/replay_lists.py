"""The lists that Replay-Attack ships in protocols/, held against the rule.

`real-train.txt` names the bona fide videos of a part, `attack-print-allsupports-train.txt` the attacks of a
protocol, with "fixed" or "hand" for one support; a line is a path, as `train/attack/fixed/NAME.mov`.
"""

from collections.abc import Sequence
from pathlib import Path

from unmask.data.archive import lines_of
from unmask.data.protocols.lists import agreeing
from unmask.data.sets.replay_attack import PARTS
from unmask.data.splits import Split
from unmask.types import Label, Presentation

REMEDY = "take the archive's list, or delete it: the rule gives the same"
EVERY = "allsupports"


def check_lists(split: Split, *, kind: str, support: str) -> None:
    """DataError for the first line that disagrees with the rule; lists that are not there are not missed."""
    for part, rows in split.parts().items():
        lists = _folder(rows)
        word = PARTS[part]
        for name, label in (
            (f"real-{word}.txt", Label.BONA_FIDE),
            (f"attack-{kind}-{support or EVERY}-{word}.txt", Label.ATTACK),
        ):
            if lists is not None and (lists / name).is_file():
                _compare(lists / name, [row for row in rows if row.label is label])


def _folder(rows: Sequence[Presentation]) -> Path | None:
    """protocols/, beside the folders of the videos."""
    parents = Path(rows[0].path).parents if rows else ()
    places = (parent.parent / "protocols" for parent in parents if parent.name in PARTS.values())
    return next((place for place in places if place.is_dir()), None)


def _compare(path: Path, rows: Sequence[Presentation]) -> None:
    wanted = {_name(row.path) for row in rows}
    lines = ((number, _name(line), None) for number, line in lines_of(path))
    for _ in agreeing(path, lines, wanted=wanted, remedy=REMEDY):
        pass  # a name is all that a line tells


def _name(path: str) -> str:
    """Support and name, by which a video is one of its part, with or without a suffix.

    >>> _name("train/attack/fixed/attack_print.mov"), _name("train/real/client001_1")
    ('fixed/attack_print', 'real/client001_1')
    """
    return "/".join(Path(path.strip()).with_suffix("").parts[-2:])
