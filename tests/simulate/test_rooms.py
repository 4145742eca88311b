import cv2
import numpy as np
import pytest

from drawn import drawn_bust
from unmask.simulate.rendering.rooms import THINGS, add_clutter, draw_room
from unmask.simulate.rendering.surfaces import Pose, View
from unmask.simulate.stage.backdrops import draw_backdrop, own_backdrop

SIZE = (120, 160)


def edges(room: np.ndarray) -> float:
    """Share of pixels where the logarithm of light jumps."""
    light = np.log(room.mean(axis=2) + 0.02)
    return float((np.abs(np.diff(light, axis=1)) > 0.15).mean())


@pytest.mark.parametrize("seed", range(6))
def test_a_room_is_light_everywhere_and_the_same_for_the_same_seed(seed: int) -> None:
    one, two = (draw_room(np.random.default_rng(seed), size=SIZE) for _ in range(2))
    assert one.shape == (*SIZE, 3)
    assert np.isfinite(one).all()
    assert (one >= 0).all()
    np.testing.assert_array_equal(one, two)


def test_rooms_are_full_of_edges_and_some_have_lamps_brighter_than_white() -> None:
    rooms = [draw_room(np.random.default_rng(seed), size=SIZE) for seed in range(30)]
    assert np.median([edges(room) for room in rooms]) > 0.015
    assert sum(room.max() > 1.5 for room in rooms) > 10


@pytest.mark.parametrize("thing", THINGS)
def test_every_thing_leaves_its_mark_inside_the_room(thing: str) -> None:
    marks = 0
    for seed in range(8):
        room = np.full((*SIZE, 3), 0.3, np.float32)
        THINGS[thing][1](room, np.random.default_rng(seed))
        assert np.isfinite(room).all()
        marks += bool((room != 0.3).any())
    assert marks >= 4


@pytest.mark.parametrize("seed", range(8))
def test_a_lamp_is_to_the_bit_what_a_blur_of_the_whole_room_makes_of_it(seed: int) -> None:
    h, w = 301, 410
    room, plain = (np.full((h, w, 3), 0.3, np.float32) for _ in range(2))
    THINGS["lamp"][1](room, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    centre = (int(w * rng.uniform(0, 1)), int(h * rng.uniform(0, 0.7)))
    size = max(2, int(w * np.exp(rng.uniform(np.log(0.008), np.log(0.07)))))
    glow = rng.uniform(1.5, 10.0) * np.array([1.1, 1.0, rng.uniform(0.5, 1.0)])
    halo = np.zeros((h, w), np.float32)
    cv2.ellipse(halo, centre, (size, int(size * rng.uniform(0.4, 1.4))), 0, 0, 360, 1.0, -1)
    if rng.random() < 0.6:
        cv2.line(plain, centre, (centre[0] + int(rng.normal(0, 3)), 0), [0.02] * 3, max(1, w // 400))
    shine = np.maximum(halo, 0.25 * cv2.GaussianBlur(halo, (0, 0), size * 1.5))
    plain += (shine[..., None] * glow).astype(np.float32)
    np.testing.assert_array_equal(room, plain)


def test_clutter_has_sharp_edges_on_a_soft_picture_and_leaves_that_alone_elsewhere() -> None:
    soft = np.repeat(np.linspace(0.1, 0.4, SIZE[1])[None, :, None], SIZE[0], axis=0) * np.ones(3)
    soft = soft.astype(np.float32)
    furnished = [add_clutter(soft, np.random.default_rng(seed)) for seed in range(12)]
    assert edges(soft) == 0
    assert np.median([edges(room) for room in furnished]) > 0.01
    assert np.median([(np.abs(room - soft).max(axis=2) < 1e-5).mean() for room in furnished]) > 0.3


def test_a_frame_often_stands_right_behind_who_is_there() -> None:
    plain = np.full((*SIZE, 3), 0.2, np.float32)
    middle = (slice(50, 70), slice(70, 90))
    covered = sum(
        bool(np.abs(add_clutter(plain, np.random.default_rng(seed))[middle] - 0.2).max() > 0.02)
        for seed in range(60)
    )
    assert 20 < covered < 58


def test_a_portraits_own_background_is_furnished_by_its_seed_alone() -> None:
    bust = drawn_bust(1)
    place = Pose(translation=np.array([0, 0, 0.5], np.float32))
    bare, one, other, again = (own_backdrop(bust, place, things=seed).picture for seed in (0, 5, 6, 5))
    assert bare is bust.own
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


def test_a_backdrop_covers_the_view_while_the_camera_shakes() -> None:
    view = View(height=60, width=80, focal_px=70.0)
    for seed in range(4):
        backdrop = draw_backdrop(np.random.default_rng(seed), view=view)
        radiance, depth = backdrop.seen(Pose(translation=np.array([0.02, -0.02, 0], np.float32)), view=view)
        assert radiance.shape == (60, 80, 3)
        assert np.isfinite(radiance).all()
        assert (depth > 0.2).all()
