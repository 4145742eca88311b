"""Networks by name: functions of plain values, so that a contract can say how to build one again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from unmask.models.off_gru import OffGru
from unmask.models.sgtd.form import Block, Form, Gradient, Score
from unmask.models.sgtd.network import SgtdMulti, SgtdSingle
from unmask.types import SettingsError


def sgtd_single(
    form: Form,
    /,
    *,
    pools: Sequence[int] | None = None,
    gradient: Gradient | None = None,
    momentum: float | None = None,
) -> SgtdSingle:
    """FAS-SGTD, or the single-frame half of OFF + ConvGRU, with the widths of `form`; what is None stays."""
    return SgtdSingle(_changed(form, pools, gradient=gradient, momentum=momentum))


def sgtd_multi(
    form: Form,
    /,
    *,
    pools: Sequence[int] | None = None,
    gradient: Gradient | None = None,
    momentum: float | None = None,
    block: Block = "code",
    alpha: float = 0.6,
    recurrent: bool = True,
    published_head: bool = False,
    score: Score = "code",
) -> SgtdMulti:
    """FAS-SGTD on clips, with the widths of `form`; the switches are those of `Form`."""
    form = replace(_changed(form, pools, gradient=gradient, momentum=momentum), block=_known(block))
    return SgtdMulti(
        replace(form, alpha=alpha, recurrent=recurrent, published_head=published_head, score=score)
    )


def off_gru_multi(
    form: Form,
    /,
    *,
    frames: int = 5,
    pools: Sequence[int] | None = None,
    momentum: float | None = None,
    block: Block = "code",
    alpha: float = 0.4,
    recurrent: bool = True,
    score: Score = "equation_11",
) -> OffGru:
    """OFF + ConvGRU on clips of `frames` frames, of the widths of `form`; `alpha` weighs the single frame.

    `block` "published" is the OFF block as its paper draws it, see `Form`.
    """
    form = replace(_changed(form, pools, gradient=None, momentum=momentum), block=_known(block))
    return OffGru(replace(form, recurrent=recurrent, score=score), frames=frames, alpha=alpha)


def _known(block: Block) -> Block:
    if block not in get_args(Block):
        raise SettingsError(f"[arguments] block must be one of {list(get_args(Block))}, not {block!r}")
    return block


def _changed(
    form: Form, pools: Sequence[int] | None, *, gradient: Gradient | None, momentum: float | None
) -> Form:
    first, second, third = form.pools if pools is None else pools
    return replace(
        form,
        pools=(first, second, third),
        gradient=form.gradient if gradient is None else gradient,
        momentum=form.momentum if momentum is None else momentum,
    )
