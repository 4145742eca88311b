"""`unmask prepare` as a user meets it: real videos, the real face finder, and what may be wrong with them."""

import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from skimage import data

from present import present
from unmask.app import prepare as command
from unmask.app.prepare import PrepareOptions, parts_of
from unmask.app.training_sets import training_data
from unmask.data.folder import read_labels
from unmask.data.prepare.manifest import write_manifest
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Shard
from unmask.data.protocols import PROTOCOLS
from unmask.data.sets import DATASETS
from unmask.data.splits import DataSet, Protocol, Split
from unmask.media.clips import cut, mesh_depth
from unmask.media.faces import FaceFinder
from unmask.media.images import write_image
from unmask.media.video import write_video
from unmask.types import ClipSpec, DataError, Label, OutputError, Presentation, SettingsError, Sighting

CLIP = ClipSpec(frames=2, stride_s=0.1, size_px=48)


def prepare_options(**wished: Any) -> PrepareOptions:
    """Options for clips of CLIP, without a margin."""
    folders: dict[str, Any] = {"dataset": "folder", "root": Path(), "out": Path()}
    clip = {"clip_frames": CLIP.frames, "clip_stride": CLIP.stride_s, "clip_size": CLIP.size_px}
    return PrepareOptions(**(folders | clip | {"margin": 0.0} | wished))


def run(dataset: str, root: Path, *, out: Path, options: PrepareOptions) -> int:
    """`unmask prepare` of that folder."""
    return command.prepare(replace(options, dataset=dataset, root=root, out=out))


OPTIONS = prepare_options(every_s=0.5, shard=2, jobs=1)
HEADER = "path,label,instrument,subject,camera,licence,turns,place,lamp\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine presentations: five with a face, and one each of no face, too small, too short, unreadable."""
    folder = tmp_path_factory.mktemp("set")
    face = data.astronaut()[:320, 80:400]
    rows = []
    for n in range(4):
        write_video(folder / f"{n}.mp4", [np.roll(face, 4 * k - n, axis=1) for k in range(10)], fps=10)
        kind = "attack,print/matt" if n % 2 else "bona_fide,"
        rows.append(f"{n}.mp4,{kind},s{n},phone,CC0-1.0,0,office,")
    turned = [np.rot90(np.roll(face, 3 * k, axis=1)) for k in range(10)]
    write_video(folder / "turned.mp4", [np.ascontiguousarray(image) for image in turned], fps=10)
    rows.append("turned.mp4,bona_fide,,s8,webcam,CC0-1.0,1,,dim")
    write_video(folder / "wall.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 6, fps=10)
    write_image(folder / "one.png", face)
    small = np.full((240, 320, 3), 90, np.uint8)
    small[60:167, 80:187] = face[::3, ::3]
    write_video(folder / "small.mp4", [small] * 6, fps=10)
    (folder / "broken.mp4").write_bytes((folder / "0.mp4").read_bytes()[:3000])
    names = ("wall.mp4", "one.png", "small.mp4", "broken.mp4")
    rows += [f"{name},bona_fide,,s{9 + k},,,,," for k, name in enumerate(names)]
    (folder / "labels.csv").write_text(HEADER + "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def prepared(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "prepared"
    assert run("folder", root, out=out, options=OPTIONS) == 0
    return out


def hashes(out: Path) -> dict[str, str]:
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)}


def manifest(out: Path) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in pq.read_table(out / "manifest.parquet").to_pylist()}


def test_every_presentation_is_in_the_manifest_with_its_clips_or_its_reason(
    prepared: Path, root: Path
) -> None:
    rows = manifest(prepared)
    assert len(rows) == 9
    found = {path: (row["clips"], row["reason"]) for path, row in rows.items()}
    assert found == {
        **{f"{n}.mp4": (2, "") for n in range(4)},
        "turned.mp4": (2, ""),
        "wall.mp4": (0, "NO_FACE"),
        "small.mp4": (0, "FACE_TOO_SMALL"),
        "one.png": (0, "TOO_SHORT"),
        "broken.mp4": (0, "UNREADABLE"),
    }
    assert rows["broken.mp4"]["detail"].startswith("broken.mp4 is cut off before its end")
    row = rows["1.mp4"]
    assert (row["label"], row["instrument"], row["subject"], row["camera"]) == (
        "attack",
        "print/matt",
        "s1",
        "phone",
    )
    assert (row["licence"], row["place"], row["part"], row["turns"]) == ("CC0-1.0", "office", "all", 0)
    assert json.loads(rows["turned.mp4"]["columns"]) == {"lamp": "dim"}
    assert rows["turned.mp4"]["turns"] == 1
    assert str(root) not in (prepared / "manifest.parquet").read_bytes().decode("latin-1")


def test_each_clip_is_where_the_table_of_clips_says(prepared: Path) -> None:
    clips = pq.read_table(prepared / "clips.parquet").to_pylist()
    assert len(clips) == len({clip["key"] for clip in clips}) == 10
    clip = next(clip for clip in clips if clip["path"] == "turned.mp4" and clip["number"] == 1)
    assert clip["time_s"] == pytest.approx(0.5)
    content = (prepared / clip["shard"]).read_bytes()
    place = clip["clip_offset"]
    stored = content[place : place + clip["clip_bytes"]]
    with tarfile.open(prepared / clip["shard"]) as tar:
        assert present(tar.extractfile(f"{clip['key']}.clip.npy")).read() == stored
        meta = json.loads(present(tar.extractfile(f"{clip['key']}.json")).read())
    assert meta["box"] == [clip[side] for side in ("left", "top", "right", "bottom")]
    assert (meta["lamp"], meta["camera"], meta["number"]) == ("dim", "webcam", 1)
    assert np.allclose(meta["times_s"], [0.5, 0.6])


def test_a_turned_video_comes_out_upright(prepared: Path) -> None:
    held = PreparedSet.open(prepared / "all")
    first = {row.name: k for k, row in reversed(list(enumerate(held.rows)))}
    upright, turned = held.read([first["0.mp4"], first["turned.mp4"]]).clips[:, 0].astype(float)
    unlike = np.abs(np.rot90(upright) - turned).mean()
    assert np.abs(upright - turned).mean() < unlike / 3


def test_a_clip_is_the_one_that_the_run_time_cuts_and_its_depth_the_mesh_within(
    prepared: Path, root: Path
) -> None:
    from unmask.media.tracks import track
    from unmask.media.video import read_video

    sightings = track(read_video(root / "0.mp4"), FaceFinder.load(threads=1))[0].sightings
    clip = cut(sightings[:2], spec=CLIP)
    held = PreparedSet.open(prepared / "all")
    k = next(k for k, row in enumerate(held.rows) if row.name == "0.mp4")
    arrays = held.read([k])
    assert np.array_equal(arrays.clips[0], clip.pixels)
    depth = mesh_depth(clip.meshes[0], size_px=48)
    assert np.abs(arrays.depth[0, 0] / 255 - depth).max() <= 0.5 / 255 + 1e-6
    assert arrays.depth[0, 0].max() > 230  # near is 1, and something is near
    assert isinstance(sightings[0], Sighting)


def test_two_processes_make_the_same_files_and_a_second_call_changes_none(
    prepared: Path, root: Path, tmp_path: Path
) -> None:
    options = prepare_options(every_s=0.5, shard=2, jobs=2)
    assert run("folder", root, out=tmp_path / "two", options=options) == 0
    assert hashes(tmp_path / "two") == hashes(prepared)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("shard*")}
    assert run("folder", root, out=tmp_path / "two", options=options) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("shard*")} == times


def is_gone(group: int, *, within_s: float) -> bool:
    """Whether no process of the group is left."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    os.killpg(group, signal.SIGKILL)
    return False


def test_the_command_killed_with_its_workers_goes_on(prepared: Path, root: Path, tmp_path: Path) -> None:
    """Real processes, killed while they work: all at once, then the parent alone, whose workers must end."""
    out, rng = tmp_path / "out", np.random.default_rng(5)
    options = f"--clip-frames 2 --clip-size 48 --every 0.5 --margin 0 --shard 2 --jobs 2 --out {out}"
    arguments = [sys.executable, "-m", "unmask.app.cli", "prepare", "folder", str(root), *options.split()]
    for kill in (os.killpg, os.kill):
        started = subprocess.Popen(arguments, start_new_session=True, stderr=subprocess.DEVNULL)
        since = time.monotonic()
        while not list(out.glob("all/*.part")) and time.monotonic() < since + 30:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))
        kill(started.pid, signal.SIGKILL)
        started.wait()
        assert not (out / "manifest.parquet").exists()
        assert is_gone(started.pid, within_s=20)
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "all: 9 presentations with 10 clips; 4 of them without a clip: " in done.stderr
    assert hashes(out) == hashes(prepared)


PEOPLE = {"train": ("0.mp4", "1.mp4"), "dev": (), "test": ("2.mp4", "3.mp4")}


def by_people(presentations: Any) -> Any:
    parts = {
        part: tuple(p for p in presentations if Path(p.path).name in names) for part, names in PEOPLE.items()
    }
    return Split(**parts)


@pytest.fixture
def protocols(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    def read(folder: Any) -> Any:
        return [p for p in read_labels(folder) if not p.path.endswith("broken.mp4")]

    known = DataSet(name="toy", title="", paper="", licence="", apply="", layout="", read=read)
    monkeypatch.setitem(DATASETS, "toy", known)
    for name, needs in (("toy/people", ("toy",)), ("cross", ("toy", "folder"))):
        protocol = Protocol(name=name, question="", needs=needs, split=by_people)
        monkeypatch.setitem(PROTOCOLS, name, protocol)


def test_a_protocol_names_the_parts_and_leaves_out_the_rest(
    protocols: Any, root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = prepare_options(every_s=0.5, jobs=1, protocol="toy/people", pictures="png")
    assert run("toy", root, out=out, options=options) == 0
    assert {(row["path"], row["part"]) for row in manifest(out).values()} == {
        ("0.mp4", "train"),
        ("1.mp4", "train"),
        ("2.mp4", "test"),
        ("3.mp4", "test"),
    }
    assert not (out / "dev").exists()
    train, test = PreparedSet.open(out / "train"), PreparedSet.open(out / "test")
    assert (len(train.rows), len(test.rows)) == (2 * 2, 2 * 2)
    assert [item.licence for item in training_data(out)] == ["CC0-1.0"]
    with pytest.raises(OutputError, match="from another data set or protocol"):
        run("toy", root, out=out, options=OPTIONS)


def test_crops_kept_inside_the_picture_have_no_margin(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = prepare_options(every_s=0.5, jobs=1, clip_border="inside", margin=0.1)
    assert run("folder", root, out=out, options=options) == 0
    made = PreparedSet.open(out / "all")
    assert (made.spec.border, made.margin) == ("inside", 0.0)
    assert (np.array([row.box for row in made.rows]) >= 0).all()


def test_what_is_wrong_with_names_and_folders_is_one_sentence(
    protocols: Any, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for call, kind, words in (
        (
            lambda: parts_of("casia", root, protocol=""),
            DataError,
            "no data set 'casia'; there are casia-",
        ),
        (lambda: parts_of("folder", tmp_path / "none", protocol=""), DataError, "is not a folder"),
        (lambda: parts_of("folder", tmp_path / "empty", protocol=""), DataError, "has no labels"),
        (
            lambda: parts_of("toy", root, protocol="toy/9"),
            DataError,
            "no protocol 'toy/9'; the nearest are .*toy/people",
        ),
        (lambda: parts_of("folder", root, protocol="x"), DataError, "no protocol 'x'"),
        (lambda: parts_of("toy", root, protocol="cross"), SettingsError, "asks for toy and folder"),
        (
            lambda: run("folder", root, out=root / "0.mp4", options=OPTIONS),
            OutputError,
            "would replace a file that is read",
        ),
        (
            lambda: run("folder", root, out=root, options=OPTIONS),
            OutputError,
            "would replace a file that is read",
        ),
    ):
        with pytest.raises(kind, match=words):
            call()


def test_a_doubled_presentation_is_refused(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    def read(folder: Any) -> Any:
        return [Presentation(path=path, label=Label.BONA_FIDE) for path in ("a", "b", "a")]

    known = DataSet(name="toy", title="", paper="", licence="", apply="", layout="", read=read)
    monkeypatch.setitem(DATASETS, "toy", known)
    with pytest.raises(DataError, match="1 presentations are there twice, a and a"):
        parts_of("toy", root, protocol="")


def test_another_list_in_the_same_folder_is_refused_before_a_clip_is_doubled(
    prepared: Path, root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "root"
    out.mkdir()
    for path in root.iterdir():
        (out / path.name).symlink_to(path)
    (out / "labels.csv").unlink()
    (out / "labels.csv").write_text((root / "labels.csv").read_text() + "2.mp4/../9.mp4,bona_fide,,s7,,,,,\n")
    (out / "2.mp4").unlink()
    (out / "2.mp4").mkdir()
    (out / "9.mp4").symlink_to(root / "2.mp4")
    before = hashes(prepared)
    with pytest.raises(DataError, match="with other settings or from another list"):
        run("folder", out, out=prepared, options=OPTIONS)
    with pytest.raises(DataError, match="with other settings or from another list"):
        run("folder", root, out=prepared, options=prepare_options(every_s=0.6, shard=2, jobs=1))
    assert hashes(prepared) == before


def test_a_set_of_which_nothing_can_be_cut_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "root").mkdir()
    write_image(tmp_path / "root" / "wall.png", np.full((90, 90, 3), 99, np.uint8))
    (tmp_path / "root" / "labels.csv").write_text("path,label,instrument\nwall.png,bona_fide,\n")
    with pytest.raises(DataError, match="no clip could be cut from"):
        run("folder", tmp_path / "root", out=tmp_path / "out", options=OPTIONS)
    assert manifest(tmp_path / "out")["wall.png"]["reason"] == "NO_FACE"
    assert "1 of them without a clip: NO_FACE 1" in capsys.readouterr().err


def test_a_missing_extra_is_named_before_the_work(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=re.escape("pip install 'unmask[scale]'")):
        run("folder", root, out=tmp_path / "out", options=prepare_options(engine="ray"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=re.escape("pip install 'unmask[data]'")):
        run("folder", root, out=tmp_path / "out", options=OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_disk_that_takes_no_manifest_leaves_the_old_one(prepared: Path) -> None:
    before = hashes(prepared)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))  # no file may be larger, as on a full disk
    try:
        with pytest.raises(OutputError, match=r"cannot write .*: the file would be larger"):
            write_manifest(prepared, ["all"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert hashes(prepared) == before


def test_what_a_kill_left_of_the_manifest_is_cleared_away(prepared: Path, root: Path) -> None:
    before = hashes(prepared)
    for name in ("manifest.parquet", "clips.parquet", "preparation.json"):
        (prepared / f"{name}.0123abcd.part").write_bytes(b"half")
    assert run("folder", root, out=prepared, options=OPTIONS) == 0
    assert hashes(prepared) == before


def test_the_manifest_appears_when_all_is_there(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(command, "write_manifest", refuse)
    with pytest.raises(OutputError):
        run("folder", root, out=tmp_path / "out", options=OPTIONS)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".lock",
        "all",
        "preparation.json",
    ]
    assert sum(len(Shard.open(tar).outcomes) for tar in (tmp_path / "out" / "all").glob("*.tar")) == 9
