"""Whatever Python hands over is read, or refused in one sentence that names what is taken."""

import gzip
import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unmask.media.encoding import write_video
from unmask.media.given import frame_of, open_given
from unmask.media.images import write_image
from unmask.types import SettingsError, SourceError, UnmaskError

HEIGHT, WIDTH = 24, 40


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def seen(source: object, **settings: Any) -> list[np.ndarray]:
    return [frame.image for frame in open_given(source, **settings).frames]


def closed_file() -> io.BytesIO:
    file = io.BytesIO(b"secret")
    file.close()
    return file


def test_frames_are_turned_into_colours_one_by_one_when_they_are_asked_for() -> None:
    """All of them at once would be 120 GB."""
    clear = np.broadcast_to(np.uint8(0), (30_000, 1000, 1000, 4))
    source = open_given(clear)
    image = next(source.frames).image
    assert (image.shape, image.min()) == ((1000, 1000, 3), 255)
    source.close()


def test_every_form_of_a_picture_gives_the_same_pixels(picture: np.ndarray, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", picture)
    content = (tmp_path / "a.png").read_bytes()
    forms = {
        "path": tmp_path / "a.png",
        "name": str(tmp_path / "a.png"),
        "bytes": content,
        "memory": memoryview(content),
        "file": io.BytesIO(content),
        "pil": Image.fromarray(picture),
        "array": picture,
        "mirrored view": picture[:, ::-1][:, ::-1],
        "fractions": picture / 255.0,
        "float32": (picture / 255.0).astype(np.float32),
        "integers": picture.astype(np.int64),
        "16 bits": picture.astype(np.uint16) * 257,
        "with alpha": np.dstack([picture, np.full((HEIGHT, WIDTH), 255, np.uint8)]),
    }
    for name, form in forms.items():
        (image,) = seen(form)
        np.testing.assert_array_equal(image, picture, err_msg=name)


def test_grey_comes_as_three_equal_channels(picture: np.ndarray) -> None:
    grey = picture[..., 0]
    for form in (grey, grey[..., None], Image.fromarray(grey)):
        (image,) = seen(form)
        np.testing.assert_array_equal(image, np.repeat(grey[..., None], 3, -1))


def test_a_matrix_and_a_masked_array_are_arrays(picture: np.ndarray) -> None:
    grey = picture[..., 0]
    for array in (grey.view(np.matrix), np.ma.masked_array(grey, mask=grey > 90)):
        (frame,) = open_given(array).frames
        np.testing.assert_array_equal(frame.image, np.dstack([grey] * 3))
        assert type(frame.image) is np.ndarray


def test_what_is_clear_is_white(picture: np.ndarray) -> None:
    clear = np.dstack([picture, np.zeros((HEIGHT, WIDTH), np.uint8)])
    assert (seen(clear)[0] == 255).all()


def test_a_tensor_may_have_its_channels_first(picture: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    planes = torch.from_numpy(np.moveaxis(picture, -1, 0).copy()).float().div(255).requires_grad_()
    np.testing.assert_array_equal(seen(planes)[0], picture)
    assert len(seen(planes[None].repeat(4, 1, 1, 1))) == 4
    np.testing.assert_array_equal(seen(torch.from_numpy(picture))[0], picture)


def test_frames_and_lists_of_them_are_a_video_by_the_given_clock(picture: np.ndarray, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", picture)
    for form in (
        np.stack([picture] * 3),
        [picture] * 3,
        [Image.fromarray(picture)] * 3,
        [tmp_path / "a.png"] * 3,
    ):
        source = open_given(form, fps=10)
        assert source.kind in ("video", "folder")
        assert source.frame_count == 3
        np.testing.assert_allclose([frame.time_s for frame in source.frames], [0, 0.1, 0.2])


def test_an_archive_of_pictures_is_no_video(picture: np.ndarray) -> None:
    jpeg, archive = io.BytesIO(), io.BytesIO()
    Image.fromarray(picture).save(jpeg, "JPEG")
    with zipfile.ZipFile(archive, "w") as stored:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            stored.writestr(name, jpeg.getvalue())
    with pytest.raises(SourceError, match="is not a video"):
        open_given(archive.getvalue())


def test_the_bytes_of_a_video_are_a_video(picture: np.ndarray, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [picture] * 5, fps=25)
    content = (tmp_path / "a.mp4").read_bytes()
    with (tmp_path / "a.mp4").open("rb") as file:
        for form in (content, io.BytesIO(content), file):
            source = open_given(form)
            assert source.kind == "video"
            assert len(list(source.frames)) == 5


class Odd:
    def __repr__(self) -> str:
        return "secret pixels"


class OddPath(os.PathLike[str]):
    def __fspath__(self) -> str:
        raise RuntimeError("secret " * 99)


class OddTensor:
    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise AssertionError("not asked before it came from its device")

    def cpu(self) -> "OddTensor":
        raise NotImplementedError("secret " * 99)


class OddFile:
    def read(self, count: int = -1) -> bytes:
        raise RuntimeError("secret " * 99)


@pytest.mark.parametrize(
    "source",
    [
        None,
        0,
        OddPath(),
        OddFile(),
        OddTensor(),
        f"camera:{10**12}",
        1.5,
        {"a": 1},
        Odd(),
        [],
        [None],
        [1, 2],
        b"",
        b"no picture and no video " * 99,
        "x" * 100_000,
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(5),
        np.zeros((2, 2, 2, 2, 2)),
        np.full((4, 4, 3), np.nan),
        np.full((4, 4, 3), 300),
        np.full((4, 4, 3), -0.5),
        np.zeros((4, 4, 3), complex),
        np.array(["a"]),
        np.array([[[None] * 3]]),
        io.StringIO("text"),
        closed_file(),
        np.broadcast_to(np.uint8(0), (100_000, 100_000, 3)),
        np.broadcast_to(np.uint8(0), (40_000, 8, 8, 3)),
        [np.zeros((4, 4, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)],
        [np.zeros((4, 4, 3), np.uint8), "a.png"],
    ],
    ids=lambda source: type(source).__name__,
)
def test_anything_else_is_refused_in_one_short_sentence(source: Any) -> None:
    with pytest.raises(SourceError) as refused:
        list(open_given(source).frames)
    assert len(str(refused.value)) < 300
    assert "secret" not in str(refused.value)
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize("fps", [0, -5, float("nan"), float("inf"), "30", None, True, 2000])
def test_what_is_no_frame_rate_is_refused(fps: Any, picture: np.ndarray) -> None:
    with pytest.raises(SettingsError, match="fps must be a number above 0 and at most 1000, not"):
        open_given(np.stack([picture] * 3), fps=fps)


def test_a_pushed_frame_is_one_picture(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(frame_of(Image.fromarray(picture)), picture)
    for wrong in (None, "a.png", np.stack([picture] * 2), b"\x89PNG"):
        with pytest.raises(UnmaskError, match=r"^stream: .* a frame is a picture or an array"):
            frame_of(wrong)


class Raising:
    """An open file, or an array, whose own code fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, count: int = -1) -> bytes:
        raise self._error


def test_a_damaged_archive_that_is_read_as_a_file_is_refused(picture: np.ndarray, tmp_path: Path) -> None:
    whole = gzip.compress(picture.tobytes())
    for content in (whole[:-9], whole[:30] + b"\xff" * 50 + whole[80:]):
        with pytest.raises(SourceError, match=r"a file cannot be read; .* and whole"):
            open_given(gzip.GzipFile(fileobj=io.BytesIO(content)))
    for error in (KeyError("a" * 999), zipfile.BadZipFile("b"), MemoryError(), EOFError(), zlib.error("c")):
        with pytest.raises(SourceError, match="a file cannot be read") as caught:
            open_given(Raising(error))
        assert len(str(caught.value)) < 300


def test_a_file_may_give_its_bytes_in_any_form(picture: np.ndarray, tmp_path: Path) -> None:
    class Buffered(io.BytesIO):
        def read(self, count: int | None = -1, /) -> Any:
            return bytearray(super().read(count))

    write_image(tmp_path / "a.png", picture)
    (image,) = seen(Buffered((tmp_path / "a.png").read_bytes()))
    np.testing.assert_array_equal(image, picture)


def test_a_tensor_of_halved_precision_is_a_picture(picture: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(picture).float() / 255
    (image,) = seen(tensor.bfloat16())
    assert np.abs(image.astype(int) - picture).max() <= 1
