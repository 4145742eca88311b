"""The networks by name: functions of plain values, so that a contract can say how to build one again."""

from collections.abc import Sequence
from dataclasses import replace

from unmask.models.form import MEDIUM, PAPER, SMALL, Form, Gradient
from unmask.models.sgtd import SgtdMulti, SgtdSingle


def sgtd_single(
    *, pools: Sequence[int] = PAPER.pools, gradient: Gradient = "code", momentum: float = PAPER.momentum
) -> SgtdSingle:
    """FAS-SGTD, single frame, at the paper's widths; clips of 256x256."""
    return SgtdSingle(_changed(PAPER, pools, gradient=gradient, momentum=momentum))


def sgtd_multi(
    *,
    pools: Sequence[int] = PAPER.pools,
    gradient: Gradient = "code",
    momentum: float = PAPER.momentum,
    alpha: float = 0.6,
    recurrent: bool = True,
    published_head: bool = False,
) -> SgtdMulti:
    """FAS-SGTD, multi frame, at the paper's widths; clips of five 256x256 frames."""
    form = _changed(PAPER, pools, gradient=gradient, momentum=momentum)
    return SgtdMulti(replace(form, alpha=alpha, recurrent=recurrent, published_head=published_head))


def sgtd_s_single(
    *, pools: Sequence[int] = SMALL.pools, gradient: Gradient = "code", momentum: float = SMALL.momentum
) -> SgtdSingle:
    """The narrow preset for CPUs, single frame; clips of 128x128."""
    return SgtdSingle(_changed(SMALL, pools, gradient=gradient, momentum=momentum))


def sgtd_s_multi(
    *,
    pools: Sequence[int] = SMALL.pools,
    gradient: Gradient = "code",
    momentum: float = SMALL.momentum,
    alpha: float = 0.6,
    recurrent: bool = True,
    published_head: bool = False,
) -> SgtdMulti:
    """The narrow preset for CPUs, multi frame; clips of five 128x128 frames."""
    form = _changed(SMALL, pools, gradient=gradient, momentum=momentum)
    return SgtdMulti(replace(form, alpha=alpha, recurrent=recurrent, published_head=published_head))


def sgtd_m_single(
    *, pools: Sequence[int] = MEDIUM.pools, gradient: Gradient = "code", momentum: float = MEDIUM.momentum
) -> SgtdSingle:
    """The middle preset, single frame; clips of 256x256."""
    return SgtdSingle(_changed(MEDIUM, pools, gradient=gradient, momentum=momentum))


def sgtd_m_multi(
    *,
    pools: Sequence[int] = MEDIUM.pools,
    gradient: Gradient = "code",
    momentum: float = MEDIUM.momentum,
    alpha: float = 0.6,
    recurrent: bool = True,
    published_head: bool = False,
) -> SgtdMulti:
    """The middle preset, multi frame; clips of five 256x256 frames."""
    form = _changed(MEDIUM, pools, gradient=gradient, momentum=momentum)
    return SgtdMulti(replace(form, alpha=alpha, recurrent=recurrent, published_head=published_head))


def _changed(form: Form, pools: Sequence[int], *, gradient: Gradient, momentum: float) -> Form:
    first, second, third = pools
    return replace(form, pools=(first, second, third), gradient=gradient, momentum=momentum)
