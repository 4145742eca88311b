"""A presentation is opened as its row says, upright and no longer than asked, wherever it is opened."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from present import present
from unmask.data.catalogue import read_set
from unmask.data.prepare.recordings import TrackedFolder
from unmask.detector import detector as detector_module
from unmask.media import tracks
from unmask.media.encoding import write_video
from unmask.media.images import write_image
from unmask.media.limits import DEFAULT_LIMITS
from unmask.media.sources import open_presentation
from unmask.types import DataError, Face, Label, Presentation

WIDTH, HEIGHT = 64, 48
# Where the bright upper left corner of a picture comes to lie after so many quarter turns clockwise.
CORNERS = {0: "upper left", 1: "upper right", 2: "lower right", 3: "lower left"}


def corner_picture() -> np.ndarray:
    """Dark, with a bright upper left quarter."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[: HEIGHT // 2, : WIDTH // 2] = 250
    return picture


def bright_corner(image: np.ndarray) -> str:
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    quarters = {
        "upper left": image[:rows, :columns],
        "upper right": image[:rows, columns:],
        "lower left": image[rows:, :columns],
        "lower right": image[rows:, columns:],
    }
    return max(quarters, key=lambda name: quarters[name].mean())


def presentation(path: Any, **fields: Any) -> Presentation:
    return Presentation(path=str(path), label=Label.BONA_FIDE, **fields)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(tmp_path / "a.mp4", [corner_picture()] * 6, fps=30)
    return tmp_path / "a.mp4"


@pytest.fixture
def turned_clip(tmp_path: Path) -> Path:
    """Stored upside down by a phone that says so."""
    with av.open(str(tmp_path / "phone.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.set_display_rotation(180)
        upside_down = np.ascontiguousarray(corner_picture()[::-1, ::-1])
        container.mux(stream.encode(av.VideoFrame.from_ndarray(upside_down, format="rgb24")))
        container.mux(stream.encode(None))
    return tmp_path / "phone.mp4"


@pytest.mark.parametrize("turns", CORNERS)
def test_a_video_a_picture_and_a_folder_come_out_turned(tmp_path: Path, clip: Path, turns: Any) -> None:
    write_image(tmp_path / "a.png", corner_picture())
    (tmp_path / "frames").mkdir()
    write_image(tmp_path / "frames" / "1.png", corner_picture())
    for path in (clip, tmp_path / "a.png", tmp_path / "frames"):
        image = next(open_presentation(presentation(path, turns=turns)).frames).image
        assert bright_corner(image) == CORNERS[turns]
        assert image.shape == ((HEIGHT, WIDTH, 3) if turns % 2 == 0 else (WIDTH, HEIGHT, 3))


def stored(path: Any, *, turned: int) -> None:
    """A video of the corner picture, turned anticlockwise by so many quarters, as a camera lay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, [np.ascontiguousarray(np.rot90(corner_picture(), turned))] * 2, fps=30)


# What bring ROSE-Youtu's frames upright, by its first users: quarters anticlockwise, replays apart.
ANTICLOCKWISE = {"5s": 1, "IP": 1, "HS": -1, "HW": -1, "ZTE": -1}
ANTICLOCKWISE_REPLAYS = {"5s": 0, "IP": 0, "HS": 2, "HW": 2, "ZTE": 2}


def test_rose_youtu_comes_out_upright_from_folder_to_frame(tmp_path: Path) -> None:
    for kind, turns in (("G", ANTICLOCKWISE), ("Pq", ANTICLOCKWISE), ("Vm", ANTICLOCKWISE_REPLAYS)):
        for phone, quarters in turns.items():
            stored(tmp_path / "2" / f"{kind}_NT_{phone}_wg_E_2_1.mp4", turned=-quarters)
    rows = read_set("rose-youtu", tmp_path)
    assert len(rows) == 15
    for row in rows:
        assert bright_corner(next(open_presentation(row).frames).image) == "upper left", row.path


def test_msu_mfsd_comes_out_upright_from_folder_to_frame(tmp_path: Path) -> None:
    for client, turned in ((3, 2), (2, 0), (1, 0)):  # 3 is stored upside down, but for its attacks
        real = tmp_path / "scene01" / "real" / f"real_client{client:03d}_android_SD_scene01.mp4"
        stored(real, turned=turned)
        attack = f"attack_client{client:03d}_android_SD_printed_photo_scene01.mp4"
        stored(tmp_path / "scene01" / "attack" / attack, turned=0)
    rows = read_set("msu-mfsd", tmp_path)
    assert len(rows) == 6
    for row in rows:
        assert bright_corner(next(open_presentation(row).frames).image) == "upper left", row.path


def test_a_file_that_says_itself_how_it_is_turned_is_not_turned_twice(turned_clip: Path) -> None:
    for turns in (0, 1, 2):
        image = next(open_presentation(presentation(turned_clip, turns=turns)).frames).image
        assert bright_corner(image) == "upper left"


def test_only_the_first_frames_are_read_where_a_protocol_wants_no_more(clip: Path) -> None:
    source = open_presentation(presentation(clip, columns={"max_frames": "4"}))
    assert (source.frame_count, len(list(source.frames))) == (4, 4)
    source = open_presentation(presentation(clip, columns={"max_frames": "60"}))
    assert (source.frame_count, len(list(source.frames))) == (6, 6)
    for cell in ("0", "-1", "many"):
        with pytest.raises(DataError, match="max_frames is"):
            open_presentation(presentation(clip, columns={"max_frames": cell}))


class Watching:
    """Stands for the tracker: keeps what it is shown and sees no face."""

    shown: list[np.ndarray]

    def __init__(self, finder: Any) -> None:
        type(self).shown = []

    def update(self, frame: Any) -> list[tuple[int, Face]]:
        type(self).shown.append(frame.image)
        return []


def test_training_and_scoring_see_a_rotated_clip_upright(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "Tracker", Watching)
    rotated = presentation(clip, turns=2, columns={"max_frames": "3"})
    folder = TrackedFolder(presentations=[rotated], load_finder=lambda: None, stride_s=0.1)
    assert present(folder(0)).sightings == []  # no face was seen
    assert {bright_corner(image) for image in Watching.shown} == {"lower right"}
    opened = detector_module.source_of(rotated, fps=30, limits=DEFAULT_LIMITS)
    assert [bright_corner(frame.image) for frame in opened.frames] == ["lower right"] * 3
