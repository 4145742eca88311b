import csv
import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import drawn_portrait
from unmask.app import benchmark_make as app
from unmask.data.benchmark import counts, lacking, protocols
from unmask.data.folder import read_labels
from unmask.media.faces import FaceFinder
from unmask.simulate import benchmark
from unmask.simulate.benchmark import DOMAINS, FEWEST, SIZES, Recordings, Size, make_benchmark, plan
from unmask.simulate.camera.models import MODELS
from unmask.simulate.folder import Delivery, mark_folder, shuffled_names, write_recordings
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.stage.places import PLACES
from unmask.simulate.studio import Simulated, simulated_presentation
from unmask.types import DataError, OutputError

PEOPLE = [f"person_{n:02d}" for n in range(60)]


@pytest.fixture(scope="module")
def planned() -> Any:
    return plan(SIZES["small"], seed=1, subjects=PEOPLE)


@pytest.fixture
def more_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printers and displays enough to hold some out, whatever the table holds today."""
    models = {"print": ("p0", "p1", "p2", "p3"), "replay": ("d0", "d1", "d2", "d3", "d4")}
    for name, row in INSTRUMENTS.items():
        if own := models.get(name.split("/")[0]):
            monkeypatch.setitem(INSTRUMENTS, name, dataclasses.replace(row, models=own))


def rows_of(planned: Any) -> Any:
    return [
        {
            "path": f"videos/{n:06d}.mp4",
            "label": "attack" if clip.instrument else "bona_fide",
            "instrument": clip.instrument or "",
            "subject": clip.subject,
            "camera": clip.camera,
            "instrument_model": clip.model,
            "place": clip.place,
            "domain": clip.domain,
            "split": clip.split,
            "like": INSTRUMENTS[clip.instrument].like if clip.instrument else "",
        }
        for n, clip in enumerate(planned)
    ]


@pytest.fixture
def rows(more_models: Any) -> Any:
    return rows_of(plan(SIZES["small"], seed=1, subjects=PEOPLE))


def test_a_plan_is_a_function_of_its_arguments(planned: Any) -> None:
    assert planned == plan(SIZES["small"], seed=1, subjects=PEOPLE)
    assert planned != plan(SIZES["small"], seed=2, subjects=PEOPLE)
    assert len(planned) == 1200
    assert len({clip.seed for clip in planned}) == 1200


@pytest.mark.parametrize("people", [FEWEST, 31, 60, 90])
@pytest.mark.parametrize("size", SIZES)
def test_subjects_are_in_one_split_and_one_domain_with_company(people: int, size: Any) -> None:
    planned = plan(SIZES[size], seed=3, subjects=[f"p{n}" for n in range(people)])
    assert len(planned) == pytest.approx(SIZES[size].clips, rel=0.05)
    homes = {clip.subject: (clip.split, clip.home) for clip in planned}
    assert all(homes[clip.subject] == (clip.split, clip.home) for clip in planned)
    company = Counter(homes.values())
    assert len(company) == 3 * len(DOMAINS)
    assert min(company.values()) >= 2


def test_domains_share_the_places_and_cameras_out() -> None:
    assert list(DOMAINS) == list(PLACES)
    assert sorted(camera for cameras in DOMAINS.values() for camera in cameras) == sorted(MODELS)


def test_what_is_recorded_at_home_is_of_the_domain(more_models: Any) -> None:
    planned = plan(SIZES["small"], seed=1, subjects=PEOPLE)
    home = [clip for clip in planned if clip.domain]
    assert 0.45 < len(home) / len(planned) < 0.55
    assert all(clip.place == clip.domain == clip.home for clip in home)
    assert all(clip.camera in DOMAINS[clip.domain] for clip in home)
    printers = {
        domain: {
            clip.model
            for clip in home
            if clip.domain == domain and (clip.instrument or "").startswith("print/")
        }
        for domain in DOMAINS
    }
    assert sorted(model for models in printers.values() for model in models) == ["p0", "p1", "p2", "p3"]


def test_printers_and_displays_of_a_domain_are_in_no_other(planned: Any) -> None:
    owned = [
        {
            clip.model
            for clip in planned
            if clip.domain == domain and (clip.instrument or "").startswith(("print/", "replay/"))
        }
        for domain in DOMAINS
    ]
    assert all(owned)
    assert len(set().union(*owned)) == sum(len(models) for models in owned)


def test_every_camera_meets_every_place_and_every_instrument_comes_in_every_split(planned: Any) -> None:
    for split in ("train", "dev", "test"):
        clips = [clip for clip in planned if clip.split == split]
        for kind in (True, False):
            pairs = {(clip.camera, clip.place) for clip in clips if (clip.instrument is None) is kind}
            assert len(pairs) == len(MODELS) * len(PLACES)
        assert {clip.instrument for clip in clips} == {None, *INSTRUMENTS}
        share = sum(clip.instrument is None for clip in clips) / len(clips)
        assert share == pytest.approx(0.4, abs=0.02)


def test_too_few_subjects_are_refused() -> None:
    with pytest.raises(DataError, match=r"needs 24 subjects.*not 1;"):
        plan(SIZES["small"], seed=1, subjects=["alone"])


def test_no_protocol_tests_on_those_it_learns_from(rows: Any) -> None:
    subjects = {row["path"]: row["subject"] for row in rows}
    for protocol in protocols(rows):
        people = {
            split: {subjects[path] for path, part in protocol.parts.items() if part == split}
            for split in ("train", "dev", "test")
        }
        assert not people["train"] & people["test"], protocol.name
        assert not people["dev"] & people["test"], protocol.name
        assert not people["train"] & people["dev"], protocol.name
        assert lacking(protocol, rows) == "", protocol.name


def parts(protocol: Any, rows: Any) -> Any:
    learnt = [row for row in rows if protocol.parts.get(row["path"]) in ("train", "dev")]
    tested = [row for row in rows if protocol.parts.get(row["path"]) == "test"]
    return learnt, tested, [row for row in tested if row["label"] == "attack"]


def test_what_is_held_out_is_in_the_test_alone(rows: Any) -> None:
    found = {protocol.name: parts(protocol, rows) for protocol in protocols(rows)}

    def values(rows: Any, column: str) -> Any:
        return {row[column] for row in rows} - {""}

    def alone(name: str, column: str, expected: Any) -> Any:
        learnt, tested, attacks = found[name]
        assert values(attacks, column) == expected
        assert values(tested, column) == expected
        assert not values(learnt, column) & expected
        return learnt, tested

    alone("oulu-1", "place", {"shop"})
    assert values(alone("oulu-2", "instrument_model", {"p1", "p3", "d1", "d3"})[0], "instrument_model") == {
        "p0",
        "p2",
        "d0",
        "d2",
        "d4",
    }
    for k, camera in enumerate(sorted(MODELS), start=1):
        alone(f"oulu-3-{k}", "camera", {camera})
        alone(f"oulu-4-{k}", "camera", {camera})
        alone(f"oulu-4-{k}", "place", {"shop"})
        learnt, _, attacks = found[f"oulu-4-{k}"]
        assert not values(learnt, "instrument_model") & {"p1", "p3", "d1", "d3"}
        assert values(attacks, "instrument_model") <= {"p1", "p3", "d1", "d3"}
    for k, domain in enumerate(sorted(DOMAINS), start=1):
        for column, expected in (("domain", {domain}), ("place", {domain}), ("camera", {*DOMAINS[domain]})):
            alone(f"domains-{k}", column, expected)
    kinds = sorted({row.like for row in INSTRUMENTS.values()})
    for k, kind in enumerate(kinds, start=1):
        alone(f"types-{k}", "like", {kind})
    assert f"types-{len(kinds) + 1}" not in found


def test_depth_labels_differ_in_the_attacks_alone(rows: Any) -> None:
    real, zero = (protocol for protocol in protocols(rows) if protocol.name.startswith("depth"))
    assert real.parts == zero.parts == {row["path"]: row["split"] for row in rows}
    for row in rows:
        assert real.depths[row["path"]] == row["path"].replace("videos", "truth").replace("mp4", "npz")
        assert (zero.depths[row["path"]] == "zero") is (row["label"] == "attack")
    assert next(real.rows()) == {
        "path": "videos/000000.mp4",
        "split": rows[0]["split"],
        "depth": "truth/000000.npz",
    }


def test_a_protocol_without_attacks_in_the_test_is_named(rows: Any) -> None:
    kept = [row for row in rows if not (row["split"] == "test" and row["label"] == "attack")]
    assert {lacking(protocol, kept) for protocol in protocols(kept) if "oulu" in protocol.name} == {
        "attacks in test"
    }
    assert counts(protocols(kept)[0], kept)["test"][1] == 0


@pytest.fixture(scope="module")
def recordings() -> Any:
    """Three clips of a tiny plan: each of another subject, one of them worn by somebody else."""
    size = Size(clips=24 * 6, subjects=24, frames=2, side_px=64)
    planned = plan(size, seed=1, subjects=[f"p{n}" for n in range(24)])
    masks = [clip for clip in planned if (clip.instrument or "").startswith("mask/")]
    chosen = [masks[0], next(c for c in planned if c.subject == masks[0].subject and not c.instrument)]
    chosen.append(next(c for c in planned if (c.split, c.home) != (masks[0].split, masks[0].home)))
    people = {clip.subject for clip in chosen}
    faces = [drawn_portrait(n) for n in range(2)]
    portraits = [dataclasses.replace(faces[n % 2], name=name) for n, name in enumerate(sorted(people))]
    return Recordings(planned=chosen, portraits=portraits, size=size)


def made(out: Path, recordings: Any, *, jobs: int, **settings: Any) -> Any:
    return make_benchmark(out, recordings, settings={"size": "tiny", **settings}, seed=1, jobs=jobs)


def contents(folder: Path) -> Any:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow  # two processes import the simulator; test_series.py asks the same of the same pool
def test_one_process_and_two_give_the_same_bytes(recordings: Any, tmp_path: Path) -> None:
    made(tmp_path / "one", recordings, jobs=0)
    made(tmp_path / "two", recordings, jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_recordings_have_their_split_depth_and_hash(recordings: Any, tmp_path: Path) -> None:
    rows = made(tmp_path / "one", recordings, jobs=0)
    assert [row["path"] for row in rows] == [f"videos/{n:06d}.mp4" for n in range(3)]
    presentations = read_labels(tmp_path / "one")
    assert {p.split for p in presentations} == {row["split"] for row in rows}
    with np.load(tmp_path / "one/truth/000000.npz") as truth:
        assert truth["depth_mm"].shape == (1, 64, 64)
        assert truth["depth_mm"].dtype == np.uint16
    table = list(csv.DictReader((tmp_path / "one/hashes.csv").read_text().splitlines()))
    assert len({row["frames_sha256"] for row in table}) == len(table) == 3


def test_other_settings_and_the_files_of_others_are_refused(recordings: Any, tmp_path: Path) -> None:
    mark_folder(tmp_path / "mine", {"size": "tiny", "versions": benchmark.versions()}, mark=benchmark.MARK)
    with pytest.raises(OutputError, match=r"other settings \(size\)"):
        made(tmp_path / "mine", recordings, jobs=0, size="huge")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds other files"):
        made(tmp_path / "thesis", recordings, jobs=0)
    assert contents(tmp_path / "thesis") == {"chapter.txt": b"years of work"}


def grey(index: int) -> Any:
    """A recording that takes no time."""
    shade = np.full((32, 32, 3), 9 * index, np.uint8)
    return Simulated(
        frames=[shade],
        times_s=np.zeros(1),
        depths=np.ones((1, 32, 32), np.float32),
        meshes=np.zeros((1, 468, 3), np.float32),
        presentation=simulated_presentation(index, subject="grey", instrument=None),
        seed=index,
        camera="none",
        light="none",
        model="",
        place="any",
    )


def grey_or_killed(index: int, *, fatal: Any) -> Any:
    if index == 3 and fatal.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return grey(index)


def grey_or_slow(index: int, *, pids: Any) -> Any:
    (pids / str(os.getpid())).touch()
    time.sleep(0.2)
    return grey(index)


def written(out: Path, source: Any, *, jobs: int, count: int = 6) -> Any:
    names = shuffled_names(1, count)
    return write_recordings(out, source=source, names=names, delivery=Delivery(fps=10.0), jobs=jobs)


def test_a_killed_worker_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    fatal = tmp_path / "fatal"
    fatal.touch()
    source = partial(grey_or_killed, fatal=fatal)
    with pytest.raises(OutputError, match=r"worker process was killed.* [345] of 6 videos.*again"):
        written(tmp_path / "out", source, jobs=1)
    before = contents(tmp_path / "out")
    written(tmp_path / "out", grey, jobs=0)
    after = contents(tmp_path / "out")
    assert before.items() <= after.items()
    written(tmp_path / "straight", grey, jobs=0)
    assert after == contents(tmp_path / "straight")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_leave_with_a_killed_parent_and_what_they_left_half_is_made_again(tmp_path: Path) -> None:
    pids, out = tmp_path / "pids", tmp_path / "out"
    pids.mkdir()
    program = (
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/..']\n"
        "import test_benchmark as t; from functools import partial; from pathlib import Path\n"
        "if __name__ == '__main__':\n"
        "    slow = partial(t.grey_or_slow, pids=Path(sys.argv[3]))\n"
        "    t.written(Path(sys.argv[2]), slow, jobs=2, count=20)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(program)
    parent = subprocess.Popen([sys.executable, str(script), str(Path(__file__).parent), str(out), str(pids)])
    until(lambda: len(list(out.glob("truth/*.json"))) >= 3)
    parent.kill()
    parent.wait()
    until(lambda: not any(alive(int(path.name)) for path in pids.iterdir()))
    (out / "videos/000001.mp4.1234.part").write_bytes(b"half")
    assert 0 < len(list(out.glob("truth/*.json"))) < 20
    written(out, grey, jobs=0, count=20)
    written(tmp_path / "straight", grey, jobs=0, count=20)
    assert contents(out) == contents(tmp_path / "straight")


def until(condition: Callable[[], bool], *, seconds: float = 120.0) -> None:
    """Waits for it: workers import numba first, which takes a busy machine half a minute."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> Any:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_full_disk_stops_the_run_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, grey, jobs=0, count=2)
    real = np.savez_compressed

    def full(file: Any, **arrays: Any) -> None:
        real(file, **arrays)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OutputError, match="the disk is full"):
        written(tmp_path, grey, jobs=0, count=4)
    assert not list(tmp_path.rglob("*.part"))
    assert len(list(tmp_path.glob("truth/*.npz"))) == len(list(tmp_path.glob("truth/*.json"))) == 2


def test_a_disk_without_room_is_refused_before_anything_is_made(
    planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("", (), {"free": 1_000_000})())
    with pytest.raises(OutputError, match=r"needs about 0.2 GB.*make room"):
        app.announce(tmp_path / "new", planned, size=SIZES["small"], jobs=2)
    assert not (tmp_path / "new").exists()


def test_what_comes_is_said_before_it_starts(
    planned: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app.announce(tmp_path / "new", planned, size=SIZES["small"], jobs=2)
    said = capsys.readouterr().err
    assert "1,200 clips of 8 frames" in said
    assert "60 subjects" in said
    assert "minutes on 2 processes" in said
    assert "GB of disk" in said


def test_a_folder_of_one_subject_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = [drawn_portrait(1)]
    monkeypatch.setattr(app, "load_portraits", lambda folder, finder, progress: one)
    monkeypatch.setattr(FaceFinder, "load", lambda: None)
    with pytest.raises(DataError, match=r"needs portraits of 24 people.* has 1; add"):
        app.benchmark_make(app.BenchmarkOptions(out=tmp_path / "out", portraits=tmp_path))
    assert not (tmp_path / "out").exists()
