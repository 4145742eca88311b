"""The command line as a user meets it: exit codes, one sentence for what goes wrong, never LIVE by chance."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import ModelFiles
from unmask.app.cli import COMMANDS
from unmask.media.images import read_image, write_image
from unmask.media.video import write_video


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that moves, a face in a picture, and a wall."""
    from skimage import data

    folder = tmp_path_factory.mktemp("clips")
    picture = data.astronaut()[:360]
    write_image(folder / "face.png", picture)
    write_video(folder / "face.mp4", [np.roll(picture, n, axis=1)[:, :480] for n in range(12)], fps=10)
    write_video(folder / "wall.mp4", [np.full((240, 320, 3), 120, np.uint8)] * 8, fps=10)
    return folder


@pytest.fixture
def with_models(model_files: ModelFiles) -> list[str]:
    return ["--model", str(model_files.single), "--model", str(model_files.multi)]


@pytest.fixture
def with_multi(model_files: ModelFiles) -> list[str]:
    return ["--model", str(model_files.multi)]


def test_help_answers_at_once_and_names_every_command() -> None:
    program = "import sys, unmask.app.cli; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"numpy", "torch", "cv2", "openvino", "av"} & set(json.loads(loaded.replace("'", '"')))


@pytest.mark.parametrize("command", [name for rows in COMMANDS.values() for name in rows])
def test_every_command_has_help(unmask: Callable[..., tuple[int, str, str]], command: Any) -> None:
    code, out, err = unmask(*command.split(), "--help")
    assert code == 0, err
    assert "Usage: unmask " + command in " ".join(out.split())
    assert out.count("Exit codes of all commands") == 1


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["nonsense"], ["--nonsense"], ["check", "--nonsense"], ["score", "--by"], ["benchmark"]],
)
def test_wrong_use_is_no_verdict(unmask: Callable[..., tuple[int, str, str]], arguments: Any) -> None:
    code, _, err = unmask(*arguments)
    assert code == 4
    assert "Traceback" not in err


def test_without_a_command_there_is_help_with_the_exit_codes(
    unmask: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, err = unmask()
    assert (code, err) == (0, "")
    assert "Usage: unmask" in " ".join(out.split())
    for word in ("check", "evaluate", "UNDECIDED", "SIGTERM"):
        assert word in out


@pytest.mark.parametrize(
    "command",
    [
        ("-v", "assets"),
        ("assets", "--verbose"),
        ("serve", "-v", "keys", "new", "--owner", "a", "--scope", "read"),
        ("serve", "keys", "new", "-v", "--owner", "a", "--scope", "read"),
        ("-v", "serve", "keys", "new", "-v", "--owner", "a", "--scope", "read"),
    ],
)
def test_loudness_is_taken_before_a_command_and_after_it(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNMASK_DEBUG", "")
    code, _, err = unmask(*command)
    assert (code, err.count("took")) == (0, 1), err


def test_quiet_before_a_command_leaves_out_its_notes(
    unmask: Callable[..., tuple[int, str, str]],
    demo_recordings: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UNMASK_QUIET", "")
    asked = ("check", demo_recordings["bona_fide"], "--report", tmp_path / "a.html")
    loud, quiet = unmask(*asked), unmask("-q", *asked)
    assert "report:" in loud[2]
    assert quiet[2] == ""
    assert (loud[0], quiet[0]) == (0, 0)


def test_the_version_is_told(unmask: Callable[..., tuple[int, str, str]]) -> None:
    import unmask as package

    assert unmask("--version") == (0, f"unmask {package.__version__}\n", "")


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unmask", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("unmask ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_is_printed_and_answered(
    unmask: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    code, out, _ = unmask("--show-completion", shell)
    assert code == 0
    assert "_UNMASK_COMPLETE" in out
    if shell == "bash":
        for name, value in (
            ("_UNMASK_COMPLETE", "complete_bash"),
            ("COMP_WORDS", "unmask ch"),
            ("COMP_CWORD", "1"),
        ):
            monkeypatch.setenv(name, value)
        assert unmask()[:2] == (0, "check\n")


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_closed_streams_are_no_crash(closed: Any, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "unmask", "check", "nothing.mp4", "--model", "nothing.onnx"]
    shut = " ".join(f"{number}>&-" for number in closed)
    done = subprocess.run(["sh", "-c", f'exec "$@" {shut}', "sh", *argv], capture_output=True, check=False)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr


def test_every_source_has_its_line_of_json(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_models: list[str]
) -> None:
    sources = [clips / "face.mp4", clips / "face.png", clips / "wall.mp4", clips / "missing.mp4"]
    code, out, err = unmask("check", *sources, "--json", *with_models)
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 3
    assert [record["source"] for record in records] == [str(source) for source in sources]
    assert [r["model"] and r["model"]["name"] for r in records] == [
        "sgtd_s_multi",
        "sgtd_s_single",
        "sgtd_s_multi",
        None,
    ]
    assert records[2]["verdict"] == "UNDECIDED"
    assert records[2]["reasons"] == ["NO_FACE"]
    assert records[3]["verdict"] == "UNDECIDED"
    assert err.count("missing.mp4 does not exist") == 1


def test_the_verdict_gives_the_exit_code(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_multi: list[str]
) -> None:
    code, out, _ = unmask("check", clips / "face.mp4", "--json", *with_multi)
    assert code == {"LIVE": 0, "ATTACK": 1, "UNDECIDED": 2}[json.loads(out)["verdict"]]
    assert unmask("check", clips / "wall.mp4", *with_multi)[0] == 2


def test_page_and_video_do_not_change_the_verdict(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_multi: list[str], tmp_path: Path
) -> None:
    source = clips / "face.mp4"
    plain = json.loads(unmask("check", source, "--json", *with_multi)[1])
    wishes = ["--report", tmp_path / "page.html", "--annotate", tmp_path / "drawn.mp4"]
    shown = json.loads(unmask("check", source, "--json", *wishes, *with_multi)[1])
    for record in (plain, shown):
        record.pop("timings_ms")
    assert shown == plain
    assert str(source) in (tmp_path / "page.html").read_text()
    assert (tmp_path / "drawn.mp4").stat().st_size > 1000


def test_an_image_is_annotated_as_a_picture(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_models: list[str], tmp_path: Path
) -> None:
    unmask("check", clips / "face.png", "--annotate", tmp_path / "drawn.png", *with_models)
    assert read_image(tmp_path / "drawn.png").shape == (360, 512, 3)


def bad_sources(folder: Path, clips: Path) -> dict[str, Path]:
    whole = (clips / "face.mp4").read_bytes()
    made = {"text.mp4": b"this is not a video\n" * 40, "empty.mp4": b"", "half.mp4": whole[: len(whole) // 2]}
    for name, content in made.items():
        (folder / name).write_bytes(content)
    (folder / "hollow").mkdir()
    write_image(folder / "dot.png", np.zeros((1, 1, 3), np.uint8))
    return {name: folder / name for name in (*made, "hollow", "dot.png", "missing.mov")}


def test_bad_input_is_one_sentence_each_and_never_live(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_models: list[str], tmp_path: Path
) -> None:
    sources = bad_sources(tmp_path, clips)
    code, out, err = unmask("check", *sources.values(), "--json", *with_models)
    records = dict(zip(sources, map(json.loads, out.splitlines()), strict=True))
    unreadable = {name for name, record in records.items() if record["reasons"] == ["UNREADABLE"]}
    assert code == 3
    assert {record["verdict"] for record in records.values()} == {"UNDECIDED"}
    assert unreadable == set(sources) - {"dot.png"}  # a picture of one point can be read, and holds no face
    assert sorted(err.splitlines()) == sorted(f"unmask: {records[name]['error']}" for name in unreadable)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("flip", [None, 1000, -400])
def test_a_model_without_contract_or_with_a_flipped_byte_is_refused(
    unmask: Callable[..., tuple[int, str, str]],
    clips: Path,
    model_files: ModelFiles,
    tmp_path: Path,
    flip: int | None,
) -> None:
    broken = tmp_path / "broken.onnx"
    content = bytearray(model_files.multi.read_bytes())
    if flip is not None:
        content[flip] ^= 0xFF
    broken.write_bytes(bytes(content) if flip is not None else b"no model")
    code, out, err = unmask("check", clips / "face.mp4", "--json", "--model", broken)
    assert (code, out) == (3, "")
    assert err.startswith("unmask: ")
    assert err.count("\n") == 1


def test_an_unknown_operating_point_names_the_known_ones(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_multi: list[str]
) -> None:
    code, _, err = unmask("check", clips / "face.mp4", "--point", "none such", *with_multi)
    assert code == 4
    assert "default (f32)" in err


def test_a_camera_cannot_be_annotated(
    unmask: Callable[..., tuple[int, str, str]], with_multi: list[str], tmp_path: Path
) -> None:
    code, _, err = unmask("check", "camera:0", "--annotate", tmp_path / "x.mp4", *with_multi)
    assert code == 4
    assert "record it first" in err


def test_a_failure_of_ours_is_not_live(
    unmask: Callable[..., tuple[int, str, str]],
    clips: Path,
    with_multi: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from unmask.detector.detector import Detector

    monkeypatch.setattr(Detector, "check", lambda *_, **__: 1 / 0)
    code, out, err = unmask("check", clips / "face.mp4", "--json", *with_multi)
    assert code == 3
    assert json.loads(out)["verdict"] == "UNDECIDED"
    assert "an error of unmask itself" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_under_stdout_is_no_verdict(clips: Path, model_files: ModelFiles) -> None:
    arguments = [sys.executable, "-m", "unmask.app.cli", "check", str(clips / "wall.mp4"), "--json"]
    arguments += ["--model", str(model_files.multi)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert "the disk is full" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_page_that_may_not_be_written_is_no_verdict(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_multi: list[str], tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    code, _, err = unmask("check", clips / "face.mp4", "--report", tmp_path / "page.html", *with_multi)
    assert code == 3
    assert "cannot write" in err


def test_a_page_over_a_folder_is_no_verdict(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_multi: list[str], tmp_path: Path
) -> None:
    code, _, err = unmask("check", clips / "wall.mp4", "--report", tmp_path, *with_multi)
    assert code == 3
    assert "cannot write" in err
    assert not list(tmp_path.iterdir())


def test_a_folder_is_scored(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, with_models: list[str], tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "path,label,instrument,source\nface.mp4,bona_fide,,a\nface.png,attack,print/matt,b\nwall.mp4,attack,replay,b\n"
    )
    out = tmp_path / "scores.csv"
    code, text, _ = unmask("score", clips, "--labels", labels, "--out", out, "--by", "source", *with_models)
    assert code == 0
    lines = out.read_text().splitlines()
    assert lines[0].startswith("presentation,subject,label,instrument,score,source")
    assert len(lines) == 4
    for word in ("all", "source: a", "source: b", "APCER print/matt", "BPCER", "AUC", "1 of 2"):
        assert word in text


def test_a_folder_without_labels_is_one_sentence(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, err = unmask("score", tmp_path, "--out", tmp_path / "scores.csv")
    assert (code, out) == (3, "")
    assert "labels" in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_column_that_is_not_there_is_named(
    unmask: Callable[..., tuple[int, str, str]], clips: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("path,label,instrument,source\nface.mp4,bona_fide,,a\n")
    code, _, err = unmask("score", clips, "--labels", labels, "--by", "camera")
    assert code == 3
    assert "no free column camera" in err


def test_training_without_torch_says_what_to_install(tmp_path: Path) -> None:
    program = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "lightning", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
sys.argv = ["unmask", "train", "--config", "sgtd_s_single", "--data", "x", "--out", "y"]
from unmask.app.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 4
    assert "pip install 'unmask[train]'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_simulating_from_no_folder_is_one_sentence(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, err = unmask("simulate", "--out", tmp_path / "out", "--portraits", tmp_path / "none")
    assert code == 3
    assert "is not a folder" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("also", [(), ("--portraits", "none")])
def test_simulating_from_no_photographs_or_from_both_is_one_sentence(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path, also: Any
) -> None:
    nowhere = tmp_path / "none"
    code, _, err = unmask("simulate", "--out", tmp_path / "out", "--photographs", nowhere, *also)
    assert code == 3
    assert ("leave one of them out" if also else "is not a folder") in err
    assert not list(tmp_path.iterdir())
