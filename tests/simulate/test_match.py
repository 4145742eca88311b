from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from drawn import drawn_portrait
from unmask.simulate.camera.matching import (
    FACE_PX,
    GAINS,
    ROUNDS,
    SHIFTS,
    SIGMAS,
    SLOPES,
    draw_look,
    look_of,
    matched,
)
from unmask.simulate.people.subjects import Portrait


@pytest.fixture(scope="module")
def portraits() -> list[Portrait]:
    return [drawn_portrait(seed) for seed in range(6)]


def poorer(image: np.ndarray) -> np.ndarray:
    """As a second camera leaves a picture: soft, flat, pale and dark."""
    soft = cv2.GaussianBlur(image, (0, 0), 0.003 * image.shape[0]).astype(np.float32)
    grey = soft.mean(axis=2, keepdims=True)
    return np.clip(30 + 0.6 * (grey + 0.5 * (soft - grey)), 0, 255).astype(np.uint8)


def differences(looks: Any) -> np.ndarray:
    return np.array([[k.luma, k.contrast, k.fine, k.blue, k.red] for k in looks])


def test_a_face_comes_out_with_the_look_that_was_drawn(
    portraits: list[Portrait], rng: np.random.Generator
) -> None:
    for portrait in portraits:
        wanted = replace(draw_look(rng), luma=float(rng.uniform(70, 160)), fine=0.13)  # within reach
        got = look_of(matched([portrait.image], [portrait.mesh], wanted)[0], portrait.mesh)
        assert got.luma == pytest.approx(wanted.luma, abs=12)
        assert got.contrast == pytest.approx(wanted.contrast, rel=0.25)
        assert got.fine == pytest.approx(wanted.fine, rel=0.35)
        assert (got.blue, got.red) == pytest.approx((wanted.blue, wanted.red), abs=4)


def test_a_picture_that_two_cameras_made_poorer_looks_like_one_that_they_did_not(
    portraits: list[Portrait],
) -> None:
    good = [(p.image, p.mesh) for p in portraits]
    poor = [(poorer(image), mesh) for image, mesh in good]
    apart = differences([look_of(*one) for one in good]) - differences([look_of(*one) for one in poor])
    together = np.zeros_like(apart)
    for index, (one, other) in enumerate(zip(good, poor, strict=True)):
        look = replace(draw_look(np.random.default_rng(index)), contrast=25.0)  # within reach of both
        a, b = (look_of(matched([i], [m], look)[0], m) for i, m in (one, other))
        together[index] = (differences([a]) - differences([b]))[0]
    left = np.abs(together).mean(axis=0) / np.abs(apart).mean(axis=0)
    assert left == pytest.approx(np.zeros(5), abs=0.6)
    assert left.mean() < 0.35


def plainly_developed(frame: Any, now: Any, look: Any, *, px: Any) -> Any:
    """A round as numpy writes it down, without compiled loops; of faces so small that no blur is wide."""
    ycc = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    luma = ycc[..., 0]
    assert max(SIGMAS) * px < 4
    levels = [luma, *(cv2.GaussianBlur(luma, (0, 0), sigma * px) for sigma in SIGMAS)]
    luma = levels[-1]
    for (sharp, soft), band in zip(pairwise(levels), ("fine", "middle", "coarse", "broad"), strict=True):
        gain = float(np.clip(getattr(look, band) / (getattr(now, band) + 1e-3), *GAINS))
        luma = luma + gain * (sharp - soft)
    slope = float(np.clip(look.contrast / now.contrast, *SLOPES))
    shift = float(np.clip(look.luma - now.luma, -SHIFTS[0], SHIFTS[0]))
    luma = now.luma + shift + slope * (luma - now.luma)
    low, high = np.float32(30), np.float32(200)
    dark = low * np.exp((np.minimum(luma, low) - low) / low)
    bright = 255 - (255 - high) * np.exp((high - np.maximum(luma, high)) / (255 - high))
    ycc[..., 0] = np.where(luma < low, dark, np.where(luma > high, bright, luma))
    deviations = [one.variety * (float(np.hypot(one.blue, one.red)) + 5) for one in (look, now)]
    spread = float(np.clip(deviations[0] / (deviations[1] + 0.1), *SLOPES))
    for channel, was, aim in ((1, now.red, look.red), (2, now.blue, look.blue)):
        shift = float(np.clip(aim - spread * was, -SHIFTS[1], SHIFTS[1]))
        ycc[..., channel] = 128 + shift + spread * (ycc[..., channel] - 128)
    return cv2.cvtColor(np.clip(ycc + 0.5, 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def test_compiled_loops_develop_every_pixel_as_the_plain_formulas_do(
    portraits: list[Portrait], rng: np.random.Generator
) -> None:
    for portrait in portraits[:3]:
        scale = 32 / float(np.ptp(portrait.mesh[:, :2], axis=0).max())
        image = cv2.resize(portrait.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        mesh, look = portrait.mesh * np.float32(scale), draw_look(rng)
        px = float(np.ptp(mesh[:, :2], axis=0).max()) / FACE_PX
        plain = image
        for _ in range(ROUNDS):
            plain = plainly_developed(plain, look_of(plain, mesh), look, px=px)
        np.testing.assert_array_equal(matched([image], [mesh], look)[0], plain)
        assert plain.min() < 30 or plain.max() > 200  # the shoulders were asked


def test_one_development_serves_the_whole_clip(portraits: list[Portrait], rng: np.random.Generator) -> None:
    first = portraits[0].image
    darker = (0.8 * first).astype(np.uint8)
    look = draw_look(rng)
    out = matched([first, darker], [portraits[0].mesh] * 2, look)
    assert look_of(out[1], portraits[0].mesh).luma < look_of(out[0], portraits[0].mesh).luma - 3


def test_a_face_outside_the_picture_leaves_it_as_it_is(
    portraits: list[Portrait], rng: np.random.Generator
) -> None:
    gone = portraits[0].mesh + np.array([10_000, 0, 0], np.float32)
    assert (matched([portraits[0].image], [gone], draw_look(rng))[0] == portraits[0].image).all()


def test_sharpness_is_measured_at_network_size_so_that_twice_the_pixels_are_no_sharper(
    portraits: list[Portrait],
) -> None:
    image, mesh = portraits[0].image, portraits[0].mesh
    assert np.ptp(mesh[:, 1]) > 2 * FACE_PX
    large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    assert look_of(large, 2 * mesh + 0.5).fine == pytest.approx(look_of(image, mesh).fine, rel=0.1)


def test_a_face_of_one_colour_comes_through(portraits: list[Portrait], rng: np.random.Generator) -> None:
    burnt = np.full_like(portraits[0].image, 255)
    out = matched([burnt], [portraits[0].mesh], draw_look(rng))
    assert np.isfinite(look_of(out[0], portraits[0].mesh).luma)
