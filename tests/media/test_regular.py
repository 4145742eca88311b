"""Nothing but a regular file is ever opened; what is not one is refused before it is read."""

import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask.data.prepare.shards import Shard, index_of
from unmask.detector.model_file import read_file
from unmask.media.images import write_image
from unmask.media.regular import open_regular, read_regular, refuse_special
from unmask.media.sources import open_source
from unmask.models.silentface import read_published
from unmask.scores.formats import read_scores
from unmask.serve.signing import Signer
from unmask.simulate.photographs import load_photographs
from unmask.training import settings
from unmask.training.networks import build
from unmask.types import DataError, ModelError, SettingsError, SourceError


@pytest.fixture(params=["pipe", "device", "socket", "link to a device", "file of the system"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    path = tmp_path / "a.mp4"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif request.param == "device":
        return "/dev/zero"
    elif request.param == "link to a device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to("/proc/self/environ")
    return path


def test_special_files_are_refused_whoever_reads(special: Any) -> None:
    with pytest.raises(SourceError, match="not a plain file; give a file on a disk"):
        open_source(special)
    with pytest.raises(ModelError, match="not a plain file; give a file on a disk"):
        read_file(special)
    with pytest.raises(DataError, match="not a plain file; give a file on a disk"):
        read_scores(special)


def test_keys_weights_and_shards_that_are_special_files_are_refused(special: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a plain file; give a file on a disk"):
        Signer(Path(special), issuer="here")
    with pytest.raises(ModelError, match="not a plain file; give a file on a disk"):
        read_published([special])
    with pytest.raises(ModelError, match="not a plain file; give a file on a disk"):
        build(settings.read_settings("resnet18_s"), init=f"torchvision:{special}")
    index_of(tmp_path / "0.tar").symlink_to(special)
    with pytest.raises(DataError, match="not a plain file; give a file on a disk"):
        Shard.open(tmp_path / "0.tar")


def test_a_pipe_among_photographs_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a_b.jpg")
    with pytest.raises(DataError, match=r"a_b\.jpg is a pipe, not a plain file"):
        load_photographs(tmp_path, finder=None)


def test_a_pipe_among_pictures_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", np.zeros((8, 8, 3), np.uint8))
    os.mkfifo(tmp_path / "2.png")
    with pytest.raises(SourceError, match=r"2\.png is a pipe, not a plain file"):
        open_source(tmp_path)


def test_regular_files_are_read_up_to_a_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").symlink_to("a")
    assert read_regular(tmp_path / "b", most_bytes=5) == b"12345"
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"12345"
    with pytest.raises(SourceError, match="has 5 bytes and may have 4"):
        read_regular(tmp_path / "a", most_bytes=4)
    with pytest.raises(SourceError, match="does not exist; check the path"):
        open_regular(tmp_path / "c")
    refuse_special(tmp_path / "c", error=DataError)  # whoever opens it says that it is not there
