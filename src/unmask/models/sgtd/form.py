"""The widths and switches of FAS-SGTD and OFF + ConvGRU: the papers', and narrower presets for CPUs."""

from dataclasses import dataclass, replace
from math import prod
from typing import Literal

Score = Literal["code", "equation_11"]
Gradient = Literal["code", "squared", "paper", "none"]
Block = Literal["code", "published"]
Levels = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Widths and switches of a network; the defaults are the paper's widths.

    `pools`: the max pool after each level. `shrink`: frames are averaged over squares of that side before the
    first block. `fold`: squares of that side become one place of the first block, all their pixels as its
    channels, so that nothing is averaged away. `grow`: maps grow by that factor after the last block. A map
    is 32x32 when the input is 32 * product(pools) * shrink * fold / grow pixels wide. `gradient`: "code" =
    norm(conv1x1(sqrt(Sx(x)^2 + Sy(x)^2))), "squared" = the same without the root (the code's "type0"),
    "paper" = norm(Sx(x')^2 + Sy(x')^2) of x' = conv1x1(x), "none" = no branch ("type2"). `block` of motion:
    "code" takes the features as they are and joins the levels behind the blocks, "published" takes their
    reduction and the block of the level below, as both papers draw it. `alpha` weighs the
    multi-frame map. `recurrent=False` starts each step from a zero state, as the published `time_major` slip
    does. `published_head` puts the published ReLU before the softmax. `score` of clips: "code" = sigmoid(1.2
    d + 0.8 p - 1), "equation_11" = 0.8 p + 0.2 |d| of the papers, at most 1; d the mean depth, p the live
    output.
    """

    stem: int = 64
    levels: Levels = ((128, 192, 128), (128, 192, 128), (128, 192, 128))
    top: tuple[int, int] = (128, 64)
    pools: tuple[int, int, int] = (2, 2, 2)
    fold: int = 1
    shrink: int = 1
    grow: int = 1
    gradient: Gradient = "code"
    momentum: float = 0.001  # TF's decay 0.999; short trainings from scratch need more
    reduced: int = 32
    block: Block = "code"
    motion: int = 128
    hidden: int = 64
    alpha: float = 0.6
    recurrent: bool = True
    published_head: bool = False
    score: Score = "code"

    @property
    def size_px(self) -> int:
        """The side of the frames whose maps are 32x32."""
        return 32 * prod(self.pools) * self.shrink * self.fold // self.grow


PAPER = Form()
SMALL = Form(
    stem=8,
    levels=((12, 16, 16), (32, 48, 32), (64, 96, 64)),
    top=(64, 32),
    pools=(2, 2, 1),
    shrink=2,
    grow=2,
    momentum=0.02,
    reduced=12,
    motion=48,
    hidden=32,
)
MEDIUM = Form(  # the paper's pixels, four of them in one place: a twelfth of its work
    stem=32,
    levels=((48, 64, 48), (80, 112, 80), (112, 160, 112)),
    top=(96, 48),
    pools=(2, 2, 1),
    fold=2,
    momentum=0.02,
    reduced=16,
    motion=64,
    hidden=32,
)


OFF_PAPER = replace(PAPER, gradient="none", score="equation_11")
OFF_SMALL = replace(SMALL, gradient="none", score="equation_11")
