"""From some data sets to others: CASIA-FASD and Replay-Attack, and the four that are called O, C, I and M.

O is OULU-NPU, C CASIA-FASD, I Replay-Attack of Idiap, M MSU-MFSD. As in SSAN (Wang et al., CVPR 2022) the
sources give their train lists and the targets their test lists; papers that also test on the targets' train
lists, as SSDG does, have other counts. Thresholds come from the sources alone: dev is the dev list of
each source as shipped; of a source that ships none it is drawn from train: see `dev_share`.
"""

from collections.abc import Sequence
from functools import partial
from itertools import chain

from unmask.data.protocols.dev_share import Pair, with_dev
from unmask.data.sets import casia_fasd, msu_mfsd, oulu_npu, replay_attack
from unmask.data.splits import DataSet, Protocol, Split, checked, in_part, of_set
from unmask.types import Presentation

LETTERS = {
    "o": oulu_npu.OULU_NPU,
    "c": casia_fasd.CASIA_FASD,
    "i": replay_attack.REPLAY_ATTACK,
    "m": msu_mfsd.MSU_MFSD,
}
WAYS = (  # sources -> targets
    ("oci", "m"),
    ("omi", "c"),
    ("ocm", "i"),
    ("icm", "o"),
    ("mi", "c"),
    ("mi", "o"),
    *((one, "".join(other for other in "ocim" if other != one)) for one in "ocim"),
)


def cross(
    presentations: Sequence[Presentation], *, sources: Sequence[str], targets: Sequence[str], name: str
) -> Split:
    """Train and dev of the sources, test of the targets: names of data sets."""
    learnt = [_learnt(of_set(presentations, source)) for source in sources]
    split = Split(
        train=tuple(chain.from_iterable(train for train, _ in learnt)),
        dev=tuple(chain.from_iterable(dev for _, dev in learnt)),
        test=tuple(chain.from_iterable(in_part(of_set(presentations, target), "test") for target in targets)),
    )
    return checked(split, name=name)


def _learnt(rows: Sequence[Presentation]) -> Pair:
    """Train and dev of one source."""
    train, dev = in_part(rows, "train"), in_part(rows, "dev")
    return (tuple(train), tuple(dev)) if dev else with_dev(train)


def _protocol(sources: str, targets: str, *, name: str = "") -> Protocol:
    """From sources to targets, by their LETTERS."""
    start, end = [LETTERS[letter] for letter in sources], [LETTERS[letter] for letter in targets]
    name = name or f"ocim/{sources}-to-{targets}"
    words = (", ".join(row.title for row in rows) for rows in (start, end))
    return Protocol(
        name=name,
        question=f"from {' to '.join(words)}",
        needs=tuple(row.name for row in (*start, *end)),
        split=partial(
            cross, sources=[row.name for row in start], targets=[row.name for row in end], name=name
        ),
        counts=_counts(start, end),
    )


def _counts(sources: Sequence[DataSet], targets: Sequence[DataSet]) -> dict[str, tuple[int, int]]:
    """Sums of what the sets publish; train and dev apart only where every source ships a dev part."""
    published = [row.counts or {} for row in sources]
    trains = [counts["train"] for counts in published]
    devs = [counts["dev"] for counts in published if "dev" in counts]
    home = {"train": _sum(trains), "dev": _sum(devs)}
    if len(devs) < len(trains):
        home = {"train+dev": _sum([*trains, *devs])}
    return {**home, "test": _sum([(row.counts or {})["test"] for row in targets])}


def _sum(pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(living for living, _ in pairs), sum(attacks for _, attacks in pairs)


CROSS_PROTOCOLS = (
    _protocol("c", "i", name="cross/casia-fasd-to-replay-attack"),
    _protocol("i", "c", name="cross/replay-attack-to-casia-fasd"),
    *(_protocol(sources, targets) for sources, targets in WAYS),
)
