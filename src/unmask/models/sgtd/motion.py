"""The multi-frame half of FAS-SGTD: spatio-temporal blocks (STSTB) over pairs of frames, and a ConvGRU.

The OFF block of FAS-TD is the same without the gradients of the later frame. See `sgtd` for the papers.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.sgtd.form import Form
from unmask.models.sgtd.rsgb import BetaNorm, Sobel, grow, pool, shrink


class Motion(nn.Module):
    """STSTB at three levels and their cascade (OFFNet): features at t and t+1 -> (N, motion, 32, 32).

    `describe` sees all frames of all clips at once, so that batch norm has one mean for all of them: a change
    of brightness in time stays in the temporal gradient. `forward` then takes pairs of what it gave.

    Without `ahead`, the spatial gradient at t+1 is left out: the OFF block that STSTB grew from.
    """

    def __init__(self, form: Form, *, ahead: bool = True) -> None:
        super().__init__()
        self.ahead, self.block = ahead, form.block
        self.pools, self.grow, reduced, width = form.pools, form.grow, form.reduced, form.motion
        parts = 5 if ahead else 3
        channels = [level[2] for level in form.levels]
        self.widths = [reduced] * 3 if self.block == "published" else channels
        below = [0, width, width] if self.block == "published" else [0, 0, 0]
        self.reduce = nn.ModuleList(nn.Conv2d(c, reduced, 1) for c in channels)
        self.reduce_norm = nn.ModuleList(BetaNorm(reduced, form.momentum) for _ in channels)
        self.mix = nn.ModuleList(
            nn.Conv2d(own + parts * reduced + under, width, 3, padding=1)
            for own, under in zip(self.widths, below, strict=True)
        )
        folds = () if self.block == "published" else (2, 2, 1)
        self.cascade = nn.ModuleList(nn.Conv2d(n * width, width, 3, padding=1) for n in folds)
        self.cascade_norm = nn.ModuleList(BetaNorm(width, form.momentum) for _ in folds)
        self.sobel = Sobel(reduced)

    def describe(self, taps: Sequence[Tensor]) -> list[Tensor]:
        """Three levels (N, C, H, W) of all frames -> what a pair needs of each frame, (N, own + 3 r, H, W).

        The features themselves (their reduction to r channels in the published block), the spatial gradients
        of the reduction in x and y, and the reduction.
        """
        described = []
        for tap, reduce, norm in zip(taps, self.reduce, self.reduce_norm, strict=True):
            reduction = norm(F.relu(reduce(tap)))
            own = reduction if self.block == "published" else tap
            described.append(torch.cat([own, *self.sobel(reduction), reduction], dim=1))
        return described

    def forward(self, now: Sequence[Tensor], later: Sequence[Tensor]) -> Tensor:
        """Three levels of described frames (N, own + 3 r, H, W), at t and at t+1."""
        if self.block == "published":
            x = None
            for level in range(3):
                x = self.pair(level, now[level], later[level], below=x)
            assert x is not None
            return grow(x, self.grow)
        first, second, third = (self.pair(level, now[level], later[level]) for level in range(3))
        x = self.fold(0, torch.cat([shrink(first, self.pools[1]), second], dim=1))
        x = self.fold(1, torch.cat([shrink(x, self.pools[2]), third], dim=1))
        return grow(self.fold(2, x), self.grow)

    def pair(self, level: int, now: Tensor, later: Tensor, *, below: Tensor | None = None) -> Tensor:
        """The block: features now, spatial gradients now and later, the difference in time; in the published
        form then the block of the level below.
        """
        own, gradients = self.widths[level], 2 * self.sobel.kernel_x.shape[0]
        end = own + gradients
        ahead = [later[:, own:end]] if self.ahead else []
        under = [] if below is None else [below]
        parts = [now[:, :end], *ahead, now[:, end:] - later[:, end:], *under]
        return pool(F.relu(self.mix[level](torch.cat(parts, dim=1))), self.pools[level])

    def fold(self, step: int, x: Tensor) -> Tensor:
        """conv3x3 -> ReLU -> norm, in that order, as published."""
        return self.cascade_norm[step](F.relu(self.cascade[step](x)))


class ConvGru(nn.Module):
    """One cell: r, u = sigmoid(conv[x, h]); h = u h + (1 - u) tanh(conv[x, r h])."""

    def __init__(self, width_in: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(width_in + hidden, 2 * hidden, 3, padding=1)
        self.candidate = nn.Conv2d(width_in + hidden, hidden, 3, padding=1)

    def forward(
        self, x: Tensor, state: Tensor
    ) -> Tensor:  # (B, C, H, W), (B, hidden, H, W) -> (B, hidden, H, W)
        reset, update = torch.sigmoid(self.gates(torch.cat([x, state], dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([x, reset * state], dim=1)))
        return update * state + (1 - update) * candidate


class Recurrence(nn.Module):
    """Two stacked cells over time: (B, S, C, 32, 32) -> (B, S, 32, 32) in (-1, 1)."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.recurrent, self.widths = form.recurrent, (form.hidden, 1)
        self.cells = nn.ModuleList([ConvGru(form.motion, form.hidden), ConvGru(form.hidden, 1)])

    def forward(self, motion: Tensor) -> Tensor:
        blank = torch.zeros_like(motion[:, 0, :1])
        zeros = [blank.expand(-1, width, -1, -1) for width in self.widths]
        states, maps = zeros, []
        for step in range(motion.shape[1]):
            start = states if self.recurrent else zeros
            lower = self.cells[0](motion[:, step], start[0])
            states = [lower, self.cells[1](lower, start[1])]
            maps.append(states[1])
        return torch.cat(maps, dim=1)
