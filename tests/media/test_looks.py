"""Light, pose and skin tone of a face against scikit-image and against faces that were drawn."""

from typing import Any

import numpy as np
import pytest
from skimage.color import rgb2lab

from unmask.media.looks import ITA_CLASSES, PATCHES, ita, ita_class, lab, looks_of

SKIN = (224, 172, 138)


def oval(side: int = 128, *, turn: float = 0.0) -> np.ndarray:
    """A mesh (468, 3) whose named points lie where a face in the middle of a square has them."""
    rng = np.random.default_rng(5)
    angles = rng.uniform(0, 2 * np.pi, 468)
    mesh = np.column_stack([np.cos(angles) * 0.3, np.sin(angles) * 0.38, np.zeros(468)])
    places = {"right cheek": (-0.14, 0.08), "left cheek": (0.14, 0.08), "forehead": (0.0, -0.25)}
    for name, corners in PATCHES.items():
        around = np.linspace(0, 2 * np.pi, len(corners), endpoint=False)
        spot = 0.05 * np.column_stack([np.cos(around), np.sin(around)])
        mesh[list(corners), :2] = spot + places[name]
    for point, (x, y, z) in {
        33: (-0.2, -0.1, 0),
        263: (0.2, -0.1, 0),
        10: (0, -0.38, 0),
        152: (0, 0.38, 0),
    }.items():
        mesh[point] = (x, y, z)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    mesh[:, [0, 2]] = np.column_stack([c * mesh[:, 0] + s * mesh[:, 2], -s * mesh[:, 0] + c * mesh[:, 2]])
    return ((mesh + np.array([0.5, 0.5, 0])) * side).astype(np.float32)


def painted(colour: Any = SKIN, *, background: Any = (0, 0, 255)) -> np.ndarray:
    """The oval in one colour, the rest in another."""
    y, x = (np.mgrid[0:128, 0:128] + 0.5) / 128 - 0.5
    inside = (x / 0.34) ** 2 + (y / 0.42) ** 2 <= 1
    return np.where(inside[..., None], np.array(colour), np.array(background)).astype(np.uint8)


def test_cielab_is_that_of_scikit_image() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (4000, 3)).astype(np.uint8)
    pixels[:3] = [(0, 0, 0), (255, 255, 255), (3, 1, 2)]  # the straight foot of the curve too
    np.testing.assert_allclose(lab(pixels), rgb2lab(pixels), atol=0.02)


@pytest.mark.parametrize("colour", [SKIN, (90, 60, 48), (250, 225, 210), (60, 70, 90), (128, 128, 128)])
def test_the_angle_is_the_formula_on_scikit_images_colours(colour: Any) -> None:
    lightness, _, yellow = rgb2lab(np.array([[colour]], np.uint8))[0, 0]
    expected = np.degrees(np.arctan2(lightness - 50, yellow))
    assert ita(np.array([colour] * 9, np.uint8)) == pytest.approx(expected, abs=0.1)


def test_a_few_hairs_and_highlights_do_not_move_the_angle() -> None:
    pixels = np.array([SKIN] * 70 + [(0, 0, 0)] * 15 + [(255, 255, 255)] * 15, np.uint8)
    assert ita(pixels) == ita(np.array([SKIN], np.uint8))


def test_the_six_classes_are_those_of_the_literature() -> None:
    assert [name for name, _ in ITA_CLASSES] == [
        "very light",
        "light",
        "intermediate",
        "tan",
        "brown",
        "dark",
    ]
    assert [ita_class(angle) for angle in (55.1, 55, 41, 28, 10, -30)] == [name for name, _ in ITA_CLASSES]


def test_only_skin_counts_for_the_angle_and_only_the_face_for_the_light() -> None:
    found = looks_of(painted(background=(0, 0, 255)), oval())
    assert found.ita == pytest.approx(ita(np.array([SKIN], np.uint8)), abs=0.2)
    grey = 0.299 * SKIN[0] + 0.587 * SKIN[1] + 0.114 * SKIN[2]
    assert found.luma == pytest.approx(grey, abs=3)
    assert looks_of(painted((112, 86, 69)), oval()).luma == pytest.approx(grey / 2, abs=3)


def test_a_turned_head_is_turned_in_degrees() -> None:
    straight, turned = looks_of(painted(), oval()), looks_of(painted(), oval(turn=20))
    assert abs(straight.yaw) < 1
    assert abs(turned.yaw) == pytest.approx(20, abs=1)
    assert turned.pitch == pytest.approx(straight.pitch, abs=1)


def test_a_face_outside_of_the_picture_has_no_skin() -> None:
    found = looks_of(painted(), oval() + np.array([500, 0, 0], np.float32))
    assert np.isnan(found.ita)
    assert np.isnan(found.luma)
