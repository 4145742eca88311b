"""The strength of a Sobel gradient, sqrt(Sx(x)^2 + Sy(x)^2 + eps), fused for training in bfloat16.

Two depthwise convolutions and their backward are more than half of a narrow network's step: each tensor is
read and written a dozen times. On a CPU these kernels read and write it once each way, row by row in the
nearest cache; on a GPU torch.compile makes one kernel of `strength`. The arithmetic is that of `sgtd.Sobel`
in float32; a test holds them together.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from numba import config, njit, prange, set_num_threads
from torch import Tensor


def strength(x: Tensor, epsilon: float) -> Tensor:
    """x (N, C, H, W) -> its gradient strength, the same shape and kind; zero padding, computed in float32."""
    wide = F.pad(x.float(), (1, 1, 1, 1))
    steps = wide[..., 2:] - wide[..., :-2]  # (N, C, H + 2, W)
    sums = wide[..., 2:] + 2 * wide[..., 1:-1] + wide[..., :-2]
    across = steps[..., 2:, :] + 2 * steps[..., 1:-1, :] + steps[..., :-2, :]
    along = sums[..., :-2, :] - sums[..., 2:, :]
    return torch.sqrt(across * across + along * along + epsilon).to(x.dtype)


@cache
def compiled_strength() -> Callable[[Tensor, float], Tensor]:
    """`strength` as one kernel each way; compiled at its first call, with any batch."""
    compiled: Callable[[Tensor, float], Tensor] = torch.compile(strength)
    return compiled


class FusedStrength(torch.autograd.Function):
    """x (N, C, H, W) bfloat16 -> its gradient strength, the same shape and kind; zero padding."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, epsilon: float) -> Tensor:
        last = x.detach().permute(0, 2, 3, 1).contiguous()  # (N, H, W, C): as channels_last holds it
        ctx.threads = torch.get_num_threads()  # backward runs in a thread of its own, which may not know
        _share(ctx.threads)
        strength = torch.empty_like(last)
        _strength(_bits(last), _bits(strength), np.float32(epsilon))
        ctx.save_for_backward(last)
        ctx.epsilon = epsilon
        return strength.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, grown: Tensor) -> tuple[Tensor, None]:
        (last,) = ctx.saved_tensors
        grown_last = grown.permute(0, 2, 3, 1).contiguous()
        back = torch.empty_like(last)
        _share(ctx.threads)
        _backward(_bits(last), _bits(grown_last), _bits(back), np.float32(ctx.epsilon))
        return back.permute(0, 3, 1, 2), None


def _share(threads: int) -> None:
    """As many of numba's threads as torch has: two runs that take all cores each wait for one another."""
    set_num_threads(min(threads, config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]


def _bits(x: Tensor) -> np.ndarray:
    return x.view(torch.int16).numpy().view(np.uint16)  # numpy has no bfloat16


@njit(inline="always")
def _read(bits, row):  # type: ignore[no-untyped-def]
    """A row (W, C) of bfloat16 into the middle of a float32 row (W + 2, C) with a zero at both ends."""
    W, C = bits.shape
    whole = row.view(np.uint32)
    for j in range(W):
        for c in range(C):
            whole[j + 1, c] = np.uint32(bits[j, c]) << np.uint32(16)


@njit(inline="always")
def _write(row, bits):  # type: ignore[no-untyped-def]
    """A float32 row (W, C) to bfloat16, rounded to nearest even."""
    W, C = bits.shape
    whole = row.view(np.uint32)
    for j in range(W):
        for c in range(C):
            value = whole[j, c]
            bits[j, c] = np.uint16(
                (value + np.uint32(0x7FFF) + ((value >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
            )


@njit(inline="always")
def _across(up, here, down, j, c):  # type: ignore[no-untyped-def]
    """Sobel in x at column j of rows with a zero at both ends."""
    right = up[j + 2, c] + 2 * here[j + 2, c] + down[j + 2, c]
    return right - up[j, c] - 2 * here[j, c] - down[j, c]


@njit(inline="always")
def _along(up, down, j, c):  # type: ignore[no-untyped-def]
    """Sobel in y, likewise; it needs no middle row."""
    below = down[j, c] + 2 * down[j + 1, c] + down[j + 2, c]
    return below - up[j, c] - 2 * up[j + 1, c] - up[j + 2, c]


@njit(parallel=True, fastmath=True, cache=True)
def _strength(x, out, epsilon):  # type: ignore[no-untyped-def]
    N, H, W, C = out.shape
    for n in prange(N):
        rows = np.zeros((3, W + 2, C), np.float32)
        o = np.empty((W, C), np.float32)
        for i in range(H + 1):
            if i < H:
                _read(x[n, i], rows[i % 3])
            else:
                rows[i % 3][:] = 0
            if i == 0:
                continue
            up, here, down = rows[(i - 2) % 3], rows[(i - 1) % 3], rows[i % 3]
            for j in range(W):
                for c in range(C):
                    gx = _across(up, here, down, j, c)
                    gy = _along(up, down, j, c)
                    o[j, c] = np.sqrt(gx * gx + gy * gy + epsilon)
            _write(o, out[n, i - 1])


@njit(parallel=True, fastmath=True, cache=True)
def _backward(x, grown, back, epsilon):  # type: ignore[no-untyped-def]
    # In one pass: row i is read, the directions of row i - 1 follow, then the transposed kernel's sum for row
    # i - 2. The transpose of a Sobel kernel is the kernel turned by half a turn, which is minus the kernel.
    N, H, W, C = back.shape
    for n in prange(N):
        rows = np.zeros((3, W + 2, C), np.float32)
        along_x, along_y = np.zeros((3, W + 2, C), np.float32), np.zeros((3, W + 2, C), np.float32)
        g, o = np.zeros((W + 2, C), np.float32), np.empty((W, C), np.float32)
        for i in range(H + 2):
            if i < H:
                _read(x[n, i], rows[i % 3])
            elif i == H:
                rows[i % 3][:] = 0
            if i == 0:
                continue
            ax, ay = along_x[(i - 1) % 3], along_y[(i - 1) % 3]
            if i <= H:
                up, here, down = rows[(i - 2) % 3], rows[(i - 1) % 3], rows[i % 3]
                _read(grown[n, i - 1], g)
                for j in range(W):
                    for c in range(C):
                        gx = _across(up, here, down, j, c)
                        gy = _along(up, down, j, c)
                        share = g[j + 1, c] / np.sqrt(gx * gx + gy * gy + epsilon)
                        ax[j + 1, c] = gx * share
                        ay[j + 1, c] = gy * share
            else:
                ax[:] = 0
                ay[:] = 0
            if i == 1:
                continue
            xu, xh, xd = along_x[(i - 3) % 3], along_x[(i - 2) % 3], ax
            yu, yd = along_y[(i - 3) % 3], ay
            for j in range(W):
                for c in range(C):
                    o[j, c] = -(_across(xu, xh, xd, j, c) + _along(yu, yd, j, c))
            _write(o, back[n, i - 2])
