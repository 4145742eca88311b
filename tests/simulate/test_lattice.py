from typing import Any

import numpy as np
import pytest

from unmask.simulate.rendering.lattice import LATTICES, Grid, lcd_stripe, modulation, oled_pentile

SIZE = 256


def view_of(pitch_px: float, angle_deg: float) -> np.ndarray:
    """Homography from sensor to display pixels for a display pixel that is `pitch_px` wide on the sensor."""
    c, s = np.cos(np.deg2rad(angle_deg)) / pitch_px, np.sin(np.deg2rad(angle_deg)) / pitch_px
    return np.array([[c, s, 3.3], [-s, c, 1.7], [0, 0, 1.0]])


def seen(
    homography: np.ndarray, *, blur_px: float = 0.3, aperture_px: float = 0.8, kind: str = "lcd"
) -> np.ndarray:
    grid = Grid(lattice=LATTICES[kind](), homography=homography, cover=np.ones((SIZE, SIZE), np.float32))
    green = np.ones((SIZE, SIZE), np.uint8)
    return modulation(grid, green, blur_px=blur_px, aperture_px=aperture_px)


def strongest_frequency(factor: np.ndarray) -> np.ndarray:
    """(fx, fy) of the spectrum's highest peak, cycles per pixel, refined by zero padding."""
    window = np.outer(np.hanning(SIZE), np.hanning(SIZE))
    spectrum = np.abs(np.fft.fft2((factor - factor.mean()) * window, (2048, 2048)))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    return np.array([np.fft.fftfreq(2048)[column], np.fft.fftfreq(2048)[row]])


@pytest.mark.parametrize(
    ("pitch_px", "angle_deg"), [(1.10, 0), (0.93, 4), (1.21, 11), (1.05, -3), (0.88, 20)]
)
def test_moire_has_the_frequency_of_the_aliasing_formula(pitch_px: float, angle_deg: int) -> None:
    angle = np.deg2rad(angle_deg)
    stripes = np.array([np.cos(angle), np.sin(angle)]) / pitch_px  # the display's grating on the sensor
    expected = stripes - np.round(stripes)  # the sensor's grating has one cycle per pixel in x and in y
    found = strongest_frequency(seen(view_of(pitch_px, angle_deg)))
    if found @ expected < 0:
        found = -found  # a real picture has both signs
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)


def test_a_coarse_display_is_seen_at_its_own_frequency() -> None:
    found = strongest_frequency(seen(view_of(6.0, 0)))
    assert abs(abs(found[0]) - 1 / 6) < 0.05 / 6


def test_moire_vanishes_with_defocus_and_with_distance() -> None:
    sharp = seen(view_of(1.1, 3)).std()
    assert sharp > 0.05
    assert seen(view_of(1.1, 3), blur_px=1.2).std() < 0.02 * sharp
    assert seen(view_of(0.2, 3)).std() < 0.02 * sharp


@pytest.mark.parametrize("kind", LATTICES)
def test_every_lattice_keeps_the_mean_light(kind: Any) -> None:
    assert abs(seen(view_of(1.13, 7), kind=kind).mean() - 1) < 0.02


def test_an_attenuated_harmonic_has_the_amplitude_of_the_formula() -> None:
    lattice = lcd_stripe()
    pitch, blur, aperture = 3.7, 0.5, 1.0
    first = np.flatnonzero((lattice.orders == [1, 0]).all(axis=1))[0]
    f = 1 / pitch
    expected = (
        2 * abs(lattice.weights[first, 1]) * np.exp(-2 * (np.pi * blur * f) ** 2) * np.sinc(aperture * f)
    )
    row = (
        seen(view_of(pitch, 0), blur_px=blur, aperture_px=aperture).mean(axis=0) - 1
    )  # vertical orders average out
    x = np.arange(SIZE)
    window = np.hanning(SIZE)
    found = 2 * abs((row * window * np.exp(-2j * np.pi * f * x)).sum()) / window.sum()
    assert abs(found - expected) < 0.02 * expected


def test_no_display_no_change() -> None:
    grid = Grid(lattice=lcd_stripe(), homography=view_of(1.1, 0), cover=np.zeros((32, 32), np.float32))
    factor = modulation(grid, np.zeros((32, 32), np.uint8), blur_px=0.2, aperture_px=0.9)
    assert (factor == 1).all()


def test_the_colours_of_moire_differ_between_filters() -> None:
    grid = Grid(lattice=lcd_stripe(), homography=view_of(1.1, 3), cover=np.ones((SIZE, SIZE), np.float32))
    red, blue = (
        modulation(grid, np.full((SIZE, SIZE), c, np.uint8), blur_px=0.3, aperture_px=0.8) for c in (0, 2)
    )
    assert np.corrcoef(red.ravel(), blue.ravel())[0, 1] < 0


def test_pentile_has_half_the_red_and_blue_subpixels() -> None:
    def along(lattice: Any, colour: int, order: tuple[float, float]) -> float:
        found = (np.abs(lattice.orders - order) < 1e-9).all(axis=1)
        return float(np.abs(lattice.weights[found, colour]).sum())

    pentile, stripe = oled_pentile(), lcd_stripe()
    for colour in (0, 2):  # a pitch of two pixels along the diagonals is a half order
        assert along(pentile, colour, (0.5, 0.5)) > 0.2
        assert along(stripe, colour, (0.5, 0.5)) == 0
    assert along(pentile, 1, (0.5, 0.5)) < 0.3 * along(pentile, 0, (0.5, 0.5))  # crosstalk alone


def test_places_and_their_homography_give_the_same_moire() -> None:
    h = view_of(1.1, 3)
    y, x = np.mgrid[:SIZE, :SIZE]
    places = np.dstack([h[0, 0] * x + h[0, 1] * y + h[0, 2], h[1, 0] * x + h[1, 1] * y + h[1, 2]])
    cover, green = np.ones((SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.uint8)
    grids = (
        Grid(lattice=lcd_stripe(), homography=h, cover=cover),
        Grid(lattice=lcd_stripe(), homography=np.eye(3), cover=cover, places=places.astype(np.float32)),
    )
    one, other = (modulation(grid, green, blur_px=0.3, aperture_px=0.8) for grid in grids)
    assert np.abs(one - other).max() < 0.02
