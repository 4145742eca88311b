"""What breaks a presentation, and what is no more than a living person before a camera does."""

from io import BytesIO
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from skimage import data

from unmask.media.continuity import FACE_CHANGE, is_cut, jumps, scene, structure_change
from unmask.media.encoding import encode_decode
from unmask.media.faces import FaceFinder
from unmask.media.stillness import Stillness
from unmask.media.tracks import appearance
from unmask.types import Face, Frame, Sighting

PORTRAIT = np.ascontiguousarray(data.astronaut()[:256, 96:352])


@pytest.fixture(scope="module")
def face() -> Face:
    return FaceFinder.load().find(PORTRAIT)[0]


def _scene(image: np.ndarray) -> np.ndarray:
    return scene(Frame(image, 0.0, 0))


def _moved(image: np.ndarray, k: float) -> np.ndarray:
    """The picture shifted, turned, zoomed and flickering as a whole."""
    height, width = image.shape[:2]
    by = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5 * np.sin(k / 13), 1 + 0.03 * np.sin(k / 17))
    by[:, 2] += (4 * np.sin(k / 9), 3 * np.cos(k / 11))
    turned = cv2.warpAffine(image, by, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.clip(turned * (1 + 0.08 * np.sin(k / 5)), 0, 255).astype(np.uint8)


def _noisy(image: np.ndarray, rng: np.random.Generator, sigma: float = 2.0) -> np.ndarray:
    return np.clip(np.rint(image + rng.normal(0, sigma, image.shape)), 0, 255).astype(np.uint8)


def _blinking(image: np.ndarray, face: Face, k: int) -> np.ndarray:
    """Skin over the eyes for a third of a second in each."""
    if k % 30 >= 10:
        return image
    closed = image.copy()
    for eye in (33, 263):
        x, y = (round(float(c)) for c in face.mesh[eye, :2])
        inner = x + (12 if eye == 33 else -12)
        cv2.ellipse(closed, (inner, y), (11, 6), 0, 0, 360, [int(c) for c in image[y + 14, inner]], -1)
    return closed


def _seen(pictures: list[np.ndarray], fps: float = 30.0, every: int = 1) -> Stillness:
    finder, seen = FaceFinder.load(), Stillness()
    known = None
    for k, picture in list(enumerate(pictures))[::every]:
        known = (finder.follow(picture, known) if known else None) or finder.find(picture)[0]
        seen.add(Sighting(frame=Frame(picture, k / fps, k), face=known))
    return seen


def coded(pictures: list[np.ndarray], *, codec: str, options: dict[str, str]) -> list[np.ndarray]:
    """The pictures as they come out of a codec."""
    with BytesIO() as file:
        with av.open(file, "w", format="matroska") as container:
            stream = cast(VideoStream, container.add_stream(codec, rate=30, options=options))
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        file.seek(0)
        with av.open(file, "r") as coded_file:
            return [frame.to_ndarray(format="rgb24") for frame in coded_file.decode(video=0)]


def _moves(pictures: list[np.ndarray]) -> bool:
    return _seen(pictures).moved


@pytest.mark.parametrize("how", ["equal", "compressed", "noise", "moved", "moved, noise, compressed"])
def test_a_still_picture_does_not_move_however_it_is_shown(how: str, rng: np.random.Generator) -> None:
    pictures = [PORTRAIT] * 75
    if "moved" in how:
        pictures = [_moved(picture, k) for k, picture in enumerate(pictures)]
    if "noise" in how:
        pictures = [_noisy(picture, rng) for picture in pictures]
    if "compressed" in how:
        pictures = list(encode_decode(pictures, codec="libx264", crf=23))
    assert not _moves(pictures)


def _lit(image: np.ndarray, k: int, how: str) -> np.ndarray:
    """The picture under another light: all of it, from one side, through another curve, of another colour."""
    across = np.linspace(-1, 1, image.shape[1])[None, :, None]
    wave = np.sin(k / 6)
    light = {
        "brighter": image * (1 + 0.35 * wave),
        "from one side": image * (1 + 0.4 * wave * across),
        "curve": 255 * (image / 255.0) ** (1 + 0.35 * wave),
        "colour": image * np.array([1 + 0.2 * wave, 1, 1 - 0.2 * wave]),
    }[how]
    return np.clip(light, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("how", ["brighter", "from one side", "curve", "colour"])
def test_a_still_picture_does_not_move_under_any_light(how: str) -> None:
    assert not _moves([_lit(PORTRAIT, k, how) for k in range(60)])


def _tilted(image: np.ndarray, k: int, *, degrees: float = 5.0) -> np.ndarray:
    """The picture as a flat thing that a hand tilts before a camera."""
    side = max(image.shape[:2])
    across, down = np.radians(degrees) * np.sin([k / 7, k / 9 + 1])
    flat = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * side / 2
    turned = flat @ cv2.Rodrigues(np.array([down, across, 0.0]))[0].T
    focal, away = 1.2 * side, np.array([0.0, 0.0, 1.2 * side])
    seen, before = (((p + away)[:, :2] / (p + away)[:, 2:]) * focal + side / 2 for p in (turned, flat))
    by = cv2.getPerspectiveTransform(before.astype(np.float32), seen.astype(np.float32))
    return cv2.warpPerspective(image, by, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def _banded(image: np.ndarray, k: int, *, wave_px: float = 250.0) -> np.ndarray:
    """The picture under bands of light that move."""
    down, across = np.mgrid[: image.shape[0], : image.shape[1]]
    light = 1 + 0.15 * np.sin(2 * np.pi * (0.8 * across + 0.6 * down) / wave_px + k / 6)
    return np.clip(image * light[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "how", ["tilted", "banded", "tilted, noise, compressed", "banded, noise, compressed"]
)
def test_a_still_picture_does_not_move_when_it_is_tilted_or_light_moves_over_it(
    how: str, rng: np.random.Generator
) -> None:
    pictures = [PORTRAIT] * 75
    if "tilted" in how:
        pictures = [_tilted(picture, k) for k, picture in enumerate(pictures)]
    if "banded" in how:
        pictures = [_banded(picture, k) for k, picture in enumerate(pictures)]
    if "noise" in how:
        pictures = [_noisy(picture, rng) for picture in pictures]
    if "compressed" in how:
        pictures = list(encode_decode(pictures, codec="libx264", crf=23))
    assert not _moves(pictures)


def test_a_face_that_blinks_moves_when_the_camera_tilts_and_light_moves_over_it(
    face: Any, rng: np.random.Generator
) -> None:
    pictures = [_noisy(_banded(_tilted(_blinking(PORTRAIT, face, k), k), k), rng) for k in range(75)]
    assert _moves(list(encode_decode(pictures, codec="libx264", crf=23)))


def test_a_face_that_blinks_moves_under_changing_light(face: Any) -> None:
    blinks = [_blinking(PORTRAIT, face, k) for k in range(60)]
    assert _moves([_lit(picture, k, "from one side") for k, picture in enumerate(blinks)])


def test_a_face_that_blinks_moves_under_noise_motion_and_compression(
    face: Any, rng: np.random.Generator
) -> None:
    pictures = [_noisy(_moved(_blinking(PORTRAIT, face, k), k), rng) for k in range(75)]
    assert _moves(list(encode_decode(pictures, codec="libx264", crf=23)))


def _lives(face: Face, seconds: float, fps: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A face that blinks, before a camera with noise."""
    frames = [round(k * 30 / fps) for k in range(round(seconds * fps))]
    return [_noisy(_moved(_blinking(PORTRAIT, face, k), k), rng) for k in frames]


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"crf": "23"}),
        ("libx264", {"crf": "28", "g": "12"}),
        ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "1M"}),
        ("mpeg4", {"qscale": "3", "flags": "+qscale"}),
        ("mjpeg", {"qscale": "3", "flags": "+qscale"}),
    ],
)
def test_a_picture_that_is_held_amid_a_living_recording_is_a_still_picture(
    face: Any, rng: np.random.Generator, codec: str, options: Any
) -> None:
    before, after = _lives(face, 1.2, 30, rng), _lives(face, 1.0, 30, rng)
    pictures = coded([*before, *[before[-1]] * 60, *after], codec=codec, options=options)
    assert not _seen(pictures, every=3).moved


def test_a_face_that_lives_for_a_moment_does_not_make_a_noisy_still_picture_move(
    face: Any, rng: np.random.Generator
) -> None:
    before = _lives(face, 1.2, 12, rng)
    still = [_noisy(_moved(PORTRAIT, k), rng) for k in range(90)]
    assert not _seen([*before, *still], fps=12).moved
    assert _seen(before, fps=12).moved


@pytest.mark.parametrize("every", [2, 3, 4, 6])
def test_pictures_that_a_slow_camera_or_network_doubles_are_no_still_picture(
    face: Any, rng: np.random.Generator, every: int
) -> None:
    slow = [picture for picture in _lives(face, 4, 30 // every, rng) for _ in range(every)]
    seen = _seen(coded(slow, codec="libx264", options={"crf": "23"}), every=3)
    assert seen.moved
    assert seen.repeated == []


@pytest.mark.parametrize("fps", [3, 5])
def test_a_calm_face_before_a_slow_camera_in_a_hand_is_not_taken_for_one_that_is_held(
    rng: np.random.Generator, fps: int
) -> None:
    calm = [_noisy(_moved(PORTRAIT, k * 7.5 / fps), rng) for k in range(fps * 3)]
    slow = [picture for picture in calm for _ in range(30 // fps)]
    assert _seen(coded(slow, codec="libx264", options={"crf": "23"}), every=3).repeated == []


def test_a_hiccup_is_passed_over_and_a_longer_one_was_not_judged(face: Any, rng: np.random.Generator) -> None:
    lives = _lives(face, 2.4, 30, rng)
    for held, repeated_s in ((12, 0.0), (21, 0.7)):
        seen = _seen([*lives[:36], *[lives[36]] * held, *lives[36:]], every=3)
        assert seen.moved
        assert sum(to_s - from_s for from_s, to_s in seen.repeated) == pytest.approx(repeated_s, abs=0.11)


@pytest.mark.parametrize("fps", [2, 3, 5])
def test_a_face_that_blinks_before_a_slow_camera_moves_and_a_still_picture_does_not(
    face: Any, rng: np.random.Generator, fps: int
) -> None:
    lives = _lives(face, 5, fps, rng)
    assert _seen(lives, fps=fps).moved
    assert not _seen([_noisy(_moved(PORTRAIT, k), rng) for k in range(5 * fps)], fps=fps).moved


def test_a_part_that_stood_still_is_forgotten_with_its_time(face: Any, rng: np.random.Generator) -> None:
    lives = _lives(face, 1.2, 30, rng)
    seen = _seen([*lives, *[lives[-1]] * 60, *lives], every=3)
    seen.forget(1.0)
    assert not seen.moved
    seen.forget(4.3)
    assert seen.moved


def test_a_cut_is_a_cut_and_light_motion_and_noise_are_none(rng: np.random.Generator) -> None:
    room = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), (0, 0), 9)
    room = np.clip((room.astype(np.float32) - 127) * 6 + 127, 0, 255).astype(np.uint8)
    other = np.ascontiguousarray(room[::-1])
    assert is_cut(_scene(room), _scene(other))
    assert not is_cut(_scene(room), _scene((room * 0.5).astype(np.uint8)))
    assert not is_cut(_scene(room), _scene(np.roll(room, 4, axis=1)))
    assert not is_cut(_scene(room), _scene(_noisy(room, rng, 8)))
    assert not is_cut(_scene(np.zeros_like(room)), _scene(np.full_like(room, 200)))


def test_light_and_tint_do_not_change_the_structure_of_a_face_but_another_one_does(face: Any) -> None:
    look = appearance(PORTRAIT, face.mesh)
    warm = np.clip(PORTRAIT * np.array([0.7, 0.6, 0.4]), 0, 255).astype(np.uint8)
    assert structure_change(look, appearance(warm, face.mesh)) < 0.05
    assert structure_change(look, appearance(PORTRAIT[:, ::-1], face.mesh)) > FACE_CHANGE
    assert structure_change(np.ones((468, 3)), np.ones((468, 3))) == 0.0


def _at(x: float, side: float) -> Face:
    box = np.array([x, 100, x + side, 100 + side], np.float32)
    return Face(box=box, mesh=np.zeros((468, 3), np.float32), presence=1.0)


def test_a_head_moves_and_does_not_jump() -> None:
    assert not jumps(_at(100, 80), _at(125, 80), seconds=1 / 30)
    assert jumps(_at(100, 80), _at(160, 80), seconds=1 / 30)
    assert not jumps(_at(100, 80), _at(160, 80), seconds=0.2)
    assert not jumps(_at(100, 80), _at(95, 92), seconds=1 / 30)
    assert jumps(_at(100, 80), _at(80, 120), seconds=1 / 30)
