"""The pixel grid of a display as a sensor samples it, so that moire arises by itself.

The light of a display is its picture times a periodic pattern of lit subpixels. That pattern is written as a
Fourier series in display pixels; seen through a lens, each harmonic has a local frequency on the sensor (the
Jacobian of the homography) and is attenuated there by the lens (Gaussian point spread) and by the photosite
(box). What is left is evaluated at every photosite for the colour of its filter: aliasing is then exact,
colours of moire included, and it fades with defocus and with distance as it does in reality.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np

TILE_PX = 16  # the attenuation varies slowly: it is computed once for a tile
FAINTEST = 2e-3  # harmonics below this amplitude are left out
_TABLE_BITS = 11
_COSINES = np.cos(2 * np.pi * np.arange(1 << _TABLE_BITS) / (1 << _TABLE_BITS)).astype(np.float32)

# How much of the display's R, G, B light passes the sensor's R, G, B filters (rows): typical of phones.
CROSSTALK = np.array([[0.86, 0.11, 0.03], [0.08, 0.83, 0.09], [0.02, 0.13, 0.85]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Fourier series of the subpixels: 1 + 2 Re sum of `weights` exp(2 pi i `orders` . (u, v)), mean 1 for
    each colour.

    `orders` (k, 2) cycles per display pixel along u and v, one of each conjugate pair; `weights` (k, 3)
    complex, as the sensor's R, G, B filters see them.
    """

    orders: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A lattice in front of a sensor: `homography` (3, 3) from sensor pixels (x, y) to display pixels (u, v).

    `cover` (H, W) float32 in [0, 1]: where the display is lit; the grid modulates the light there alone. On
    what is not flat, `places` (H, W, 2) float32 says u and v at every sensor pixel instead.
    """

    lattice: Lattice
    homography: np.ndarray
    cover: np.ndarray
    places: np.ndarray | None = None


def lcd_stripe(*, width: float = 0.27, height: float = 0.82) -> Lattice:
    """Three vertical stripes a pixel, R G B from left to right; `width` and `height` of a lit stripe in
    pixels.
    """
    orders = [(m, n) for m in range(4) for n in range(-2, 3) if m > 0 or n > 0]
    centres = np.array([1 / 6, 1 / 2, 5 / 6])
    rows = [
        np.sinc(m * width) * np.sinc(n * height) * np.exp(-2j * np.pi * (m * centres + n / 2))
        for m, n in orders
    ]
    return _seen(np.array(orders, float), np.array(rows))


def oled_pentile(*, green: float = 0.36, others: float = 0.5) -> Lattice:
    """Diamond PenTile: green in every pixel, red and blue on alternate ones; `green` and `others` are dot
    widths.
    """
    halves = [(i / 2, j / 2) for i in range(5) for j in range(-4, 5) if (i + j) % 2 == 0 and (i > 0 or j > 0)]
    rows = []
    for m, n in halves:
        whole = float(m == int(m) and n == int(n))  # green has no half orders
        rows.append(
            [
                np.sinc(m * others) * np.sinc(n * others) * np.exp(-2j * np.pi * (0.75 * m)),
                whole * np.sinc(m * green) * np.sinc(n * green) * np.exp(-2j * np.pi * (0.25 * m + 0.5 * n)),
                np.sinc(m * others) * np.sinc(n * others) * np.exp(-2j * np.pi * (1.75 * m)),
            ]
        )
    return _seen(np.array(halves, float), np.array(rows))


LATTICES: dict[str, Callable[[], Lattice]] = {"lcd": lcd_stripe, "oled": oled_pentile}


def _seen(orders: np.ndarray, weights: np.ndarray) -> Lattice:
    seen = weights @ CROSSTALK.T
    strong = np.abs(seen).max(axis=1) > 0.03
    return Lattice(orders=orders[strong], weights=seen[strong])


def modulation(grid: Grid, colours: np.ndarray, *, blur_px: float, aperture_px: float) -> np.ndarray:
    """The factor (H, W) float32 that the grid puts on the light of each photosite; 1 where there is no
    display.

    `colours` (H, W) uint8: 0, 1, 2 for the filter over each photosite; `blur_px`: sigma of the lens;
    `aperture_px`: side of the light-gathering square of a photosite, both in sensor pixels.
    """
    weights = np.stack([grid.lattice.weights.real, grid.lattice.weights.imag], axis=-1)
    factor = np.empty(colours.shape, np.float32)
    places = np.zeros((1, 1, 2), np.float32) if grid.places is None else grid.places
    _modulate(
        factor,
        np.ascontiguousarray(grid.homography, np.float64),
        places,
        grid.lattice.orders,
        weights,
        colours,
        grid.cover,
        blur_px,
        aperture_px,
        _COSINES,
    )
    return factor


@numba.njit(cache=True, inline="always")
def _sinc(x: float) -> float:
    return 1.0 if abs(x) < 1e-9 else math.sin(math.pi * x) / (math.pi * x)


@numba.njit(cache=True)
def _plane_slopes(h, x, y):  # type: ignore[no-untyped-def]
    """How u and v grow along x and y where a homography leads."""
    w = h[2, 0] * x + h[2, 1] * y + h[2, 2]
    u = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / w
    v = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / w
    ux, uy = (h[0, 0] - u * h[2, 0]) / w, (h[0, 1] - u * h[2, 1]) / w
    vx, vy = (h[1, 0] - v * h[2, 0]) / w, (h[1, 1] - v * h[2, 1]) / w
    return ux, uy, vx, vy


@numba.njit(cache=True)
def _local_slopes(places, cover, top, left, bottom, right):  # type: ignore[no-untyped-def]
    """The same in a tile of `places`, as the mean over neighbours that are both covered."""
    ux, uy, vx, vy, n = 0.0, 0.0, 0.0, 0.0, 0
    for y in range(top, bottom - 1, 3):
        for x in range(left, right - 1, 3):
            if cover[y, x] > 0 and cover[y, x + 1] > 0 and cover[y + 1, x] > 0:
                ux += places[y, x + 1, 0] - places[y, x, 0]
                uy += places[y + 1, x, 0] - places[y, x, 0]
                vx += places[y, x + 1, 1] - places[y, x, 1]
                vy += places[y + 1, x, 1] - places[y, x, 1]
                n += 1
    if n == 0:
        return 1e3, 1e3, 1e3, 1e3  # so fine that nothing is left of it
    return ux / n, uy / n, vx / n, vy / n


@numba.njit(cache=True)
def _harmonics(slopes, orders, weights, blur, aperture, kept, amplitude):  # type: ignore[no-untyped-def]
    """Which harmonics survive, and how strong: fills `kept`, `amplitude`; returns their number."""
    ux, uy, vx, vy = slopes
    count = 0
    for k in range(orders.shape[0]):
        fx = orders[k, 0] * ux + orders[k, 1] * vx
        fy = orders[k, 0] * uy + orders[k, 1] * vy
        passed = math.exp(-2 * math.pi**2 * blur**2 * (fx * fx + fy * fy))
        passed *= _sinc(fx * aperture) * _sinc(fy * aperture)
        strongest = 0.0
        for c in range(3):
            strongest = max(strongest, abs(weights[k, c, 0]) + abs(weights[k, c, 1]))
        if abs(passed) * strongest > FAINTEST:
            kept[count] = k
            amplitude[count] = 2 * passed
            count += 1
    return count


@numba.njit(cache=True)
def _modulate(  # type: ignore[no-untyped-def]
    factor, h, places, orders, weights, colours, cover, blur, aperture, cosines
):  # fmt: skip
    height, width = factor.shape
    local = places.shape[0] > 1
    kept = np.empty(orders.shape[0], np.int64)
    amplitude = np.empty(orders.shape[0], np.float64)
    size = cosines.shape[0]
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            bottom, right = min(top + TILE_PX, height), min(left + TILE_PX, width)
            if local:
                slopes = _local_slopes(places, cover, top, left, bottom, right)
            else:
                slopes = _plane_slopes(h, (left + right) / 2, (top + bottom) / 2)
            count = _harmonics(slopes, orders, weights, blur, aperture, kept, amplitude)
            for y in range(top, bottom):
                for x in range(left, right):
                    factor[y, x] = 1.0
                    if count == 0 or cover[y, x] <= 0:
                        continue
                    if local:
                        u, v = np.float64(places[y, x, 0]), np.float64(places[y, x, 1])
                    else:
                        w = 1.0 / (h[2, 0] * x + h[2, 1] * y + h[2, 2])
                        u = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) * w
                        v = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) * w
                    c = colours[y, x]
                    total = 0.0
                    for i in range(count):
                        k = kept[i]
                        turns = orders[k, 0] * u + orders[k, 1] * v
                        at = int((turns - math.floor(turns)) * size)
                        quarter = (at + size // 4) & (size - 1)  # -sin is cos a quarter turn on
                        total += amplitude[i] * (
                            weights[k, c, 0] * cosines[at & (size - 1)] + weights[k, c, 1] * cosines[quarter]
                        )
                    factor[y, x] = max(0.0, 1.0 + cover[y, x] * total)
