from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from unmask.media.faces import FaceFinder, FindsFaces
from unmask.media.tracks import FORGET_AFTER_S, SEARCH_EVERY_S, Tracker, appearance, change, sightings, track
from unmask.types import Face, Frame

HEIGHT, WIDTH, FPS = 240, 640, 30
FACE = (112.0, 115.0)  # the middle of the face in the cut-outs below

Place = tuple[float, float] | None  # where the middle of the face is; None: nowhere
Actor = tuple[np.ndarray, Callable[[float], Place]]


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder.load()


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[0:230, 110:340])


@pytest.fixture(scope="module")
def stranger(head: np.ndarray) -> np.ndarray:
    """Another face: mirrored, and of another complexion."""
    return np.clip(head[:, ::-1] * np.array([0.5, 0.75, 1.15]) + (0, 10, 25), 0, 255).astype(np.uint8)


def scene(actors: Sequence[Actor], *, seconds: float) -> Iterator[Frame]:
    """Cut-outs on their paths over a blurred room; the later ones are in front."""
    rng = np.random.default_rng(1)
    room = cv2.GaussianBlur(rng.integers(60, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 4)
    ellipse = np.zeros((230, 230), np.float32)
    cv2.ellipse(ellipse, (112, 108), (62, 82), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(ellipse, (0, 0), 2)
    for index in range(round(seconds * FPS)):
        picture = room.astype(np.float32)
        for image, path in actors:
            place = path(index / FPS)
            if place is None:
                continue
            shift = np.array([[1.0, 0, place[0] - FACE[0]], [0, 1.0, place[1] - FACE[1]]])
            alpha = cv2.warpAffine(mask, shift, (WIDTH, HEIGHT))[..., None]
            picture += alpha * (cv2.warpAffine(image, shift, (WIDTH, HEIGHT)) - picture)
        noisy = picture + rng.normal(0, 2, picture.shape)
        yield Frame(np.clip(noisy, 0, 255).astype(np.uint8), index / FPS, index)


def follow(frames: Iterator[Frame], finder: FindsFaces) -> dict[int, list[tuple[float, float]]]:
    """identity -> (time, x of the face) of its sightings."""
    tracker = Tracker(finder)
    paths: dict[int, list[tuple[float, float]]] = {}
    for frame in frames:
        for identity, face in tracker.update(frame):
            paths.setdefault(identity, []).append((frame.time_s, float(face.box[[0, 2]].mean())))
    return paths


def test_a_moving_face_keeps_one_identity(finder: FaceFinder, head: np.ndarray) -> None:
    paths = follow(scene([(head, lambda t: (150 + 150 * t, 115 + 15 * np.sin(5 * t)))], seconds=2), finder)
    assert list(paths) == [0]
    assert len(paths[0]) == 60
    assert all(abs(x - (150 + 150 * t)) < 12 for t, x in paths[0])


@pytest.mark.parametrize("front", [0, 1])
@pytest.mark.parametrize("turn_back", [False, True])
def test_two_faces_that_cross_are_not_swapped(
    finder: FaceFinder, head: np.ndarray, stranger: np.ndarray, front: int, turn_back: bool
) -> None:
    def along(t: float) -> float:
        share = t / 2
        return 0.5 * np.sin(np.pi * share) if turn_back else share

    def rightward(t: float) -> tuple[float, float]:
        return (130 + 380 * along(t), 115)

    def leftward(t: float) -> tuple[float, float]:
        return (510 - 380 * along(t), 120)

    actors: list[Actor] = [(head, rightward), (stranger, leftward)]
    paths = follow(scene(actors if front else actors[::-1], seconds=2), finder)
    for path in paths.values():
        clear = [(t, x) for t, x in path if abs(rightward(t)[0] - leftward(t)[0]) > 130]
        nearer_right = [abs(x - rightward(t)[0]) < abs(x - leftward(t)[0]) for t, x in clear]
        assert len(set(nearer_right)) <= 1
    assert sum(path[-1][0] > 1.9 for path in paths.values()) == 2


def test_a_face_that_was_away_for_a_moment_keeps_its_identity(finder: FaceFinder, head: np.ndarray) -> None:
    frames = scene([(head, lambda t: None if 0.5 < t < 1.0 else (200, 115))], seconds=1.5)
    paths = follow(frames, finder)
    assert list(paths) == [0]
    assert paths[0][-1][0] > 1.4


def test_a_face_that_was_away_for_long_is_a_new_one(finder: FaceFinder, head: np.ndarray) -> None:
    away = FORGET_AFTER_S + 0.2
    frames = scene([(head, lambda t: None if 0.3 < t < 0.3 + away else (200, 115))], seconds=away + 0.8)
    assert list(follow(frames, finder)) == [0, 1]


def test_another_person_in_the_same_place_is_a_new_identity(
    finder: FaceFinder, head: np.ndarray, stranger: np.ndarray
) -> None:
    frames = scene(
        [
            (head, lambda t: (200, 115) if t < 0.7 else None),
            (stranger, lambda t: (200, 115) if t >= 0.7 else None),
        ],
        seconds=1.6,
    )
    paths = follow(frames, finder)
    assert list(paths) == [0, 1]
    assert paths[0][-1][0] < 0.7 <= paths[1][0][0]


def test_a_newcomer_is_seen_within_half_a_second(
    finder: FaceFinder, head: np.ndarray, stranger: np.ndarray
) -> None:
    frames = scene(
        [(head, lambda t: (150, 115)), (stranger, lambda t: (450, 115) if t >= 0.2 else None)], seconds=1
    )
    paths = follow(frames, finder)
    assert sorted(paths) == [0, 1]
    assert paths[1][0][0] <= 0.75


class Counted:
    """Counts what a finder is asked to do."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self.searches = self.thorough = self.followed = 0

    def find(self, image: np.ndarray, *, known: Any = (), thorough: bool = True) -> list[Face]:
        self.searches += 1
        self.thorough += thorough
        return self._finder.find(image, known=known, thorough=thorough)

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        self.followed += 1
        return self._finder.follow(image, face)


def test_a_face_that_is_followed_is_rarely_searched_for(finder: FaceFinder, head: np.ndarray) -> None:
    counted = Counted(finder)
    follow(scene([(head, lambda t: (200, 115))], seconds=2), counted)
    assert counted.searches <= 2 / SEARCH_EVERY_S + 1e-9


def test_an_empty_room_is_rarely_searched_in_detail(finder: FaceFinder, head: np.ndarray) -> None:
    counted = Counted(finder)
    follow(scene([(head, lambda t: None)], seconds=1), counted)
    assert counted.searches == 30
    assert counted.thorough <= 6


def shown_on(frames: Sequence[Frame], *, seconds: float) -> Iterator[Frame]:
    """The frames, the last of which is still shown for so many seconds."""
    yield from frames
    last = frames[-1]
    yield from (last.again_at(last.time_s + count / 10) for count in range(1, round(10 * seconds) + 1))


@pytest.mark.parametrize("place", [(200.0, 115.0), None])
def test_a_picture_that_is_still_shown_is_looked_at_until_all_of_it_is_known(
    finder: FaceFinder, head: np.ndarray, place: Place
) -> None:
    counted = Counted(finder)
    before = list(scene([(head, lambda t: place)], seconds=0.5))
    paths = follow(shown_on(before, seconds=20), counted)
    assert counted.searches + counted.followed <= 2 * 15 + 12
    assert [len(path) for path in paths.values()] == ([] if place is None else [15 + 200])


def test_a_picture_that_nobody_looked_at_is_not_taken_for_the_one_before(
    finder: FaceFinder, head: np.ndarray
) -> None:
    """The next picture is passed over at first, and looked at while it is still shown."""
    with_face = list(scene([(head, lambda t: (200, 115))], seconds=0.1))
    empty = list(scene([(head, lambda t: None)], seconds=0.1))[-1]
    paths = follow(iter([*shown_on(with_face, seconds=5), empty.again_at(5.2)]), finder)
    assert [path[-1][0] < 5.2 for path in paths.values()] == [True]


def test_somebody_who_joins_while_another_one_is_awaited_in_a_still_picture_is_seen(
    finder: FaceFinder, head: np.ndarray, stranger: np.ndarray
) -> None:
    """The picture that stays shows only the second of two faces: the first is forgotten, not the second."""
    both = scene([(head, lambda t: (150, 115)), (stranger, lambda t: (450, 115))], seconds=1)
    one = scene([(stranger, lambda t: (450, 115))], seconds=1.1)
    paths = follow(shown_on([*both, *[f for f in one if f.time_s >= 1]], seconds=5), finder)
    assert max(path[-1][0] for path in paths.values()) > 6
    assert len(paths) == 2


def test_light_does_not_change_an_appearance_but_another_face_does(
    finder: FaceFinder, head: np.ndarray, stranger: np.ndarray
) -> None:
    (face,) = finder.find(head)
    look = appearance(head, face.mesh)
    assert change(look, appearance((head * 0.6).astype(np.uint8), face.mesh)) < 0.03
    (other,) = finder.find(stranger)
    assert change(look, appearance(stranger, other.mesh)) > 0.3


def test_a_mesh_beyond_the_border_has_an_appearance(finder: FaceFinder, head: np.ndarray) -> None:
    (face,) = finder.find(head)
    assert np.isfinite(appearance(head[:60, :60], face.mesh)).all()
    assert np.isfinite(appearance(np.zeros_like(head), face.mesh)).all()


def test_sightings_come_as_the_frames_do(finder: FaceFinder, head: np.ndarray) -> None:
    taken = []

    def frames() -> Iterator[Frame]:
        for frame in scene([(head, lambda t: (200, 115))], seconds=1):
            taken.append(frame.index)
            yield frame

    identity, sighting = next(sightings(frames(), finder))
    assert (identity, sighting.frame.index, taken) == (0, 0, [0])


def test_tracks_are_in_order_of_time_the_longest_first(
    finder: FaceFinder, head: np.ndarray, stranger: np.ndarray
) -> None:
    actors: list[Actor] = [
        (stranger, lambda t: (470, 115) if t > 0.4 else None),
        (head, lambda t: (150, 115)),
    ]
    first, second = track(scene(actors, seconds=1), finder)
    assert len(first.sightings) == 30 > len(second.sightings)
    times = [sighting.frame.time_s for sighting in first.sightings]
    assert times == sorted(times)


def test_no_frames_give_no_tracks(finder: FaceFinder) -> None:
    assert track(iter([]), finder) == []


def test_a_picture_of_another_size_shows_a_new_face(head: np.ndarray, finder: FaceFinder) -> None:
    frames = list(scene([(head, lambda t: (320.0, 120.0))], seconds=0.1))
    small = [Frame(cv2.resize(f.image, None, fx=0.75, fy=0.75), f.time_s + 0.1, f.index + 3) for f in frames]
    assert list(follow(iter([*frames, *small]), finder)) == [0, 1]
