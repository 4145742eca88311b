"""From some data sets to others: CASIA-FASD and Replay-Attack, and the four that are called O, C, I and M.

O is OULU-NPU, C CASIA-FASD, I Replay-Attack of Idiap, M MSU-MFSD. As in SSAN (Wang et al., CVPR 2022) the
sources give their train lists and the targets their test lists. In the protocols ocim-all, as in MADDG and
SSDG, the sources give their train and test lists, and the targets are tested on both. W is WMCA, C CeFA and S
CASIA-SURF in those called wcs, with the parts as shipped. Thresholds come from the sources alone: dev is the
dev list of each source as shipped; of a source that ships none it is drawn from train: see `dev_share`.
"""

from collections.abc import Sequence
from functools import partial
from itertools import chain

from unmask.data.protocols.dev_share import Pair, with_dev
from unmask.data.sets import casia_fasd, celeba_spoof, msu_mfsd, oulu_npu, replay_attack
from unmask.data.splits import DataSet, Protocol, Split, checked, in_part, of_set
from unmask.types import Presentation

LETTERS = {
    "o": oulu_npu.OULU_NPU,
    "c": casia_fasd.CASIA_FASD,
    "i": replay_attack.REPLAY_ATTACK,
    "m": msu_mfsd.MSU_MFSD,
}
CHANNEL_SETS = {"w": "wmca", "c": "cefa", "s": "casia-surf"}
WAYS = (  # sources -> targets
    ("oci", "m"),
    ("omi", "c"),
    ("ocm", "i"),
    ("icm", "o"),
    ("mi", "c"),
    ("mi", "o"),
    *((one, "".join(other for other in "ocim" if other != one)) for one in "ocim"),
    *((one, other) for one in "ocim" for other in "ocim" if one != other),
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


def cross_all(
    presentations: Sequence[Presentation], *, sources: Sequence[str], targets: Sequence[str], name: str
) -> Split:
    """As `cross`, but sources give their test lists to train, too, and targets their train lists to test."""
    learnt = [_learnt(of_set(presentations, source), parts=("train", "test")) for source in sources]
    tested = chain.from_iterable(of_set(presentations, target) for target in targets)
    split = Split(
        train=tuple(chain.from_iterable(train for train, _ in learnt)),
        dev=tuple(chain.from_iterable(dev for _, dev in learnt)),
        test=tuple(p for p in tested if p.split in ("train", "test")),
    )
    return checked(split, name=name)


def _learnt(rows: Sequence[Presentation], *, parts: Sequence[str] = ("train",)) -> Pair:
    """Train, of these parts, and dev of one source."""
    train = [p for p in rows if p.split in parts]
    dev = in_part(rows, "dev")
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
    return sum(bona_fide for bona_fide, _ in pairs), sum(attacks for _, attacks in pairs)


def _whole(sources: str, target: str) -> Protocol:
    """The definition by all lists, of three sources and one target."""
    start, end = [LETTERS[letter] for letter in sources], LETTERS[target]
    name = f"ocim-all/{sources}-to-{target}"
    published = [row.counts or {} for row in start]
    own = end.counts or {}
    return Protocol(
        name=name,
        question=f"from {', '.join(row.title for row in start)} to {end.title}, by all lists",
        needs=tuple(row.name for row in (*start, end)),
        split=partial(cross_all, sources=[row.name for row in start], targets=[end.name], name=name),
        counts={
            "train+dev": _sum([pair for counts in published for pair in counts.values()]),
            "test": _sum([own["train"], own["test"]]),
        },
        folds="ocim-all",
    )


def _channels(sources: str, target: str) -> Protocol:
    """W, C and S: sets of several channels, of which the colour is used."""
    start, end = [CHANNEL_SETS[letter] for letter in sources], CHANNEL_SETS[target]
    name = f"wcs/{sources}-to-{target}"
    return Protocol(
        name=name,
        question=f"from {' and '.join(start)} to {end}",
        needs=(*start, end),
        split=partial(cross, sources=start, targets=[end], name=name),
        folds="wcs",
    )


def _more(sources: str, target: str) -> Protocol:
    """With CelebA-Spoof as a further source, as FLIP has it."""
    start, end = [*(LETTERS[letter] for letter in sources), celeba_spoof.CELEBA_SPOOF], LETTERS[target]
    name = f"ocim-celeba/{sources}-to-{target}"
    return Protocol(
        name=name,
        question=f"from {', '.join(row.title for row in start)} to {end.title}",
        needs=(*(row.name for row in start), end.name),
        split=partial(cross, sources=[row.name for row in start], targets=[end.name], name=name),
        folds="ocim-celeba",
    )


CROSS_PROTOCOLS = (
    _protocol("c", "i", name="cross/casia-fasd-to-replay-attack"),
    _protocol("i", "c", name="cross/replay-attack-to-casia-fasd"),
    *(_protocol(sources, targets) for sources, targets in WAYS),
    *(_whole(sources, target) for sources, target in WAYS[:4]),
    *(_more(sources, target) for sources, target in WAYS[:4]),
    *(_channels(sources, target) for sources, target in (("cs", "w"), ("sw", "c"), ("cw", "s"))),
)
