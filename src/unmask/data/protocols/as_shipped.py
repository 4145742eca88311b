"""Protocols that take a set as it is shipped: its own train, dev and test."""

from collections.abc import Callable, Sequence
from functools import partial

from unmask.data.protocols.dev_share import with_dev
from unmask.data.sets.casia_surf import COUNTS
from unmask.data.splits import Protocol, Split, checked, in_part, of_set
from unmask.types import Presentation


def as_shipped(presentations: Sequence[Presentation], *, dataset: str, name: str) -> Split:
    """The parts as the set ships them; a set without dev gets one from its train."""
    rows = of_set(presentations, dataset)
    parts = {part: tuple(in_part(rows, part)) for part in ("train", "dev", "test")}
    if not parts["dev"] and parts["train"]:
        parts["train"], parts["dev"] = with_dev(parts["train"])
    return checked(Split(**parts), name=name)


def _split_of(dataset: str, name: str) -> Callable[[Sequence[Presentation]], Split]:
    return partial(as_shipped, dataset=dataset, name=name)


AS_SHIPPED = (
    Protocol(
        name="casia-surf/1",
        question="attacks with other parts cut out than in training, in colour or beside depth and infrared",
        needs=("casia-surf",),
        split=_split_of("casia-surf", "casia-surf/1"),
        counts=COUNTS,
    ),
    Protocol(
        name="celeba-spoof/intra",
        question="all types, illuminations and environments known, people unseen",
        needs=("celeba-spoof",),
        split=_split_of("celeba-spoof", "celeba-spoof/intra"),
    ),
    Protocol(
        name="rose-youtu/grandtest",
        question="all attacks and phones known, people unseen",
        needs=("rose-youtu",),
        split=_split_of("rose-youtu", "rose-youtu/grandtest"),
    ),
    Protocol(
        name="wmca/grandtest",
        question="all kinds of attack known, people and instruments unseen",
        needs=("wmca",),
        split=_split_of("wmca", "wmca/grandtest"),
    ),
    Protocol(
        name="hq-wmca/grandtest",
        question="all kinds of attack known, people and instruments unseen",
        needs=("hq-wmca",),
        split=_split_of("hq-wmca", "hq-wmca/grandtest"),
    ),
    Protocol(
        name="fas-sgtd/shipped",
        question="the folders of the tree, which its authors make by a protocol of OULU-NPU",
        needs=("fas-sgtd",),
        split=_split_of("fas-sgtd", "fas-sgtd/shipped"),
    ),
    Protocol(
        name="rgbd/shipped",
        question="the column `split` of labels.csv",
        needs=("rgbd",),
        split=_split_of("rgbd", "rgbd/shipped"),
    ),
    Protocol(
        name="folder/shipped",
        question="the column `split` of labels.csv",
        needs=("folder",),
        split=_split_of("folder", "folder/shipped"),
    ),
)
