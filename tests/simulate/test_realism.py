"""Distances between sets of pictures, and the numbers of a picture."""

import cv2
import numpy as np
import pytest

from unmask.metrics.realism import frechet_distance, kernel_distance, quantiles, told_apart, within
from unmask.simulate.appearance import NAMES, appearance

CORNERS = np.array([[60.0, 40, 0], [160, 190, 0]])


def test_equal_distributions_are_near_and_shifted_ones_far(rng: np.random.Generator) -> None:
    one, other, away = rng.normal(size=(3, 300, 8))
    away = away + 1
    assert abs(kernel_distance(one, other)) < 0.05 < kernel_distance(one, away)
    assert frechet_distance(one, other) < 0.5 < frechet_distance(one, away)


def test_the_frechet_distance_of_known_normals_is_the_formula(rng: np.random.Generator) -> None:
    one = rng.normal(size=(600, 2)) * [1, 2] + [3, 0]
    other = rng.normal(size=(600, 2))
    assert frechet_distance(one, other) == pytest.approx(9 + 0 + 1, rel=0.12)


def test_a_probe_tells_apart_what_differs_and_nothing_else(rng: np.random.Generator) -> None:
    one, other, away = rng.normal(size=(3, 200, 30))
    people, others = [f"a{n // 2}" for n in range(200)], [f"b{n // 2}" for n in range(200)]
    assert 0.35 < told_apart(one, other, people=people, other_people=others) < 0.65
    assert told_apart(one, away + 0.8, people=people, other_people=others) > 0.95


def test_a_probe_gains_nothing_by_knowing_the_people(rng: np.random.Generator) -> None:
    people = np.repeat(np.arange(40), 5)
    faces = rng.normal(size=(40, 60))[people] * 3 + rng.normal(size=(200, 60)) * 0.1
    real, made = faces[:100], faces[100:]
    names = [f"p{n}" for n in people]
    assert told_apart(real, made, people=names[:100], other_people=names[100:]) < 0.75


def test_people_of_one_kind_only_train_the_probe_and_do_not_judge_it(rng: np.random.Generator) -> None:
    real, made = rng.normal(size=(2, 120, 10))
    # ann and bob have both kinds; where neither is held out there is nothing to tell apart
    people = ["ann", "bob", "cid", "dee", "eve", "fay"] * 20
    assert told_apart(real, made + 2, people=people, other_people=["ann", "bob"] * 60) > 0.95


def test_quantiles_and_shares_agree(rng: np.random.Generator) -> None:
    rows = [{"noise": float(v)} for v in rng.normal(size=1000)]
    table = quantiles(rows)
    assert table["noise"][3] == pytest.approx(np.median([row["noise"] for row in rows]))
    assert within(rows, table)["noise"] == pytest.approx(0.98, abs=0.005)


def test_blur_noise_and_grey_show_in_their_own_numbers(rng: np.random.Generator) -> None:
    picture = np.full((300, 220, 3), 120, np.uint8)
    picture[60:200, 40:180] = cv2.resize(rng.integers(60, 200, (14, 14, 3)).astype(np.uint8), (140, 140))
    plain = appearance(picture, CORNERS)
    assert set(plain) == set(NAMES)
    blurred = appearance(cv2.GaussianBlur(picture, (0, 0), 4), CORNERS)
    assert blurred["sharpness"] < plain["sharpness"] - 0.3
    noisy = np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    assert appearance(noisy, CORNERS)["noise"] > plain["noise"] + 0.5
    grey = np.repeat(picture.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert appearance(grey, CORNERS)["saturation"] == 0


def test_a_picture_without_a_usable_block_has_no_noise() -> None:
    assert appearance(np.zeros((64, 64, 3), np.uint8), CORNERS)["noise"] < -1
