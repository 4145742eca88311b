import csv
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import face_meshes as meshes
from unmask.data.folder import read_labels
from unmask.data.prepare import shards
from unmask.data.prepare.preparation import (
    RECORDINGS_A_SHARD,
    Cutting,
    Packing,
    Recording,
    cut_recording,
    prepare,
)
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.recordings import Simulations, TrackedFolder, from_simulated
from unmask.data.prepare.views import VIEWS
from unmask.files import held
from unmask.media.clips import mesh_depth, mesh_in_clip
from unmask.media.images import write_image
from unmask.media.quality import QualityLimits
from unmask.types import ClipSpec, DataError, Face, Label, OutputError, Presentation, SettingsError

SPEC = ClipSpec(frames=2, stride_s=0.1, size_px=32)
CUTTING = Cutting(clip=SPEC, seed=3, every_s=0.2)


def face_mesh(*, x: Any, y: Any) -> Any:
    """A bulge of radius 20 px round (x, y)."""
    return meshes.face_mesh(x=x, y=y, width=40, height=40, depth=15)


def simulated(index: Any, *, frames: Any = 6) -> Any:
    """A dark picture with a bright spot where the mesh is; every third one is an attack."""
    rng = np.random.default_rng(index)
    attack = index % 3 == 2
    image = rng.integers(0, 60, (80, 100, 3)).astype(np.uint8)
    image[30:50, 40:60] = 200 + index % 50
    mesh = face_mesh(x=50, y=40)
    return SimpleNamespace(
        frames=[image] * frames,
        times_s=np.arange(frames) / 10,
        depths=np.broadcast_to(np.linspace(0.5, 0.65, 100, dtype=np.float32), (frames, 80, 100)),
        meshes=np.stack([mesh] * frames),
        presentation=Presentation(
            path=f"simulated-{index}",
            label=Label.ATTACK if attack else Label.BONA_FIDE,
            instrument="print/matt" if attack else "",
            subject=f"person-{index // 4}",
        ),
        source="simulated",
    )


def source(index: Any) -> Any:
    return from_simulated(simulated(index))


def contents(root: Any) -> Any:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_prepared_set_holds_what_was_cut(tmp_path: Path) -> None:
    prepare(source, tmp_path / "set", count=16, cutting=CUTTING)
    prepared = PreparedSet.open(tmp_path / "set")
    assert prepared.spec == SPEC
    assert len(prepared.rows) == 16 * 3  # six frames, clips of two from 0.0, 0.2 and 0.4 s
    row = prepared.rows[3]
    assert (row.name, row.number, row.label, row.subject) == (
        "simulated-1",
        0,
        Label.BONA_FIDE,
        "person-0",
    )
    arrays = prepared.read([0, 47])
    expected = cut_recording(source(15), cutting=CUTTING, seed=15).arrays
    assert np.array_equal(arrays.clips[1], expected.clips[2])
    assert arrays.clips.shape == (2, 2, 32, 32, 3)
    assert arrays.depth.shape == arrays.mask.shape == (2, 2, 32, 32)


def test_the_depth_of_a_living_face_is_its_mesh_within_the_cut_box(tmp_path: Path) -> None:
    recording = source(0)
    still = Cutting(clip=SPEC, seed=3, scale_jitter=0.0, shift_jitter=0.0)
    arrays = cut_recording(recording, cutting=still, seed=0).arrays
    face = recording.sightings[0].face
    side = np.round(1.3 * (face.box[2:] - face.box[:2]).max())
    corner = np.round((face.box[:2] + face.box[2:] + 1 - side) / 2)
    mesh = mesh_in_clip(face.mesh, np.concatenate([corner, corner + side]), size_px=32)
    assert np.abs(arrays.depth[0, 0] / 255 - mesh_depth(mesh, size_px=32)).max() <= 0.5 / 255 + 1e-6
    assert arrays.depth[0, 0, 16, 16] > 200  # the bulge's top is near
    assert arrays.mask[0, 0, 16, 16] == 255
    assert arrays.mask[0, 0, 0, 0] == 0


def test_an_attack_keeps_its_true_depth_which_is_a_slope_here(tmp_path: Path) -> None:
    arrays = cut_recording(source(2), cutting=CUTTING, seed=2).arrays
    depth, mask = arrays.depth[0, 0].astype(float), arrays.mask[0, 0]
    assert (depth[mask == 0] == 0).all()
    row = depth[16, mask[16] > 128]
    assert (np.diff(row) <= 0).all()  # the picture goes away from the camera to the right
    assert 5 < row[0] - row[-1] < 255


def test_boxes_are_jittered_within_their_limits_and_by_the_seed_alone() -> None:
    cutting = Cutting(clip=SPEC, seed=3, cuts=40, every_s=9.0)
    arrays = cut_recording(source(0), cutting=cutting, seed=0).arrays
    again = cut_recording(source(0), cutting=cutting, seed=0).arrays
    other = cut_recording(source(0), cutting=cutting, seed=1).arrays
    assert np.array_equal(arrays.clips, again.clips)
    assert not np.array_equal(arrays.clips, other.clips)
    areas = (arrays.mask[:, 0] > 128).sum(axis=(1, 2))
    assert 1.2 < areas.max() / areas.min() <= (1.1 / 0.9) ** 2 * 1.1


MARGIN = Cutting(clip=SPEC, seed=3, every_s=0.2, margin=0.25)


def test_a_clip_stored_with_a_margin_reads_as_at_run_time_unless_a_crop_is_asked_for(tmp_path: Path) -> None:
    still = replace(CUTTING, scale_jitter=0.0, shift_jitter=0.0)
    prepare(source, tmp_path / "plain", count=16, cutting=still)
    prepare(source, tmp_path / "wide", count=16, cutting=MARGIN)
    plain, wide = PreparedSet.open(tmp_path / "plain"), PreparedSet.open(tmp_path / "wide")
    assert wide.spec == plain.spec == SPEC
    expected, found = plain.read([0, 40]), wide.read([0, 40])
    for name in ("clips", "depth", "mask"):
        one, other = getattr(expected, name).astype(float), getattr(found, name).astype(float)
        assert one.shape == other.shape
        alike = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert alike > 0.97, name  # the grids are half a pixel apart
    crops = np.array([[1.0, 1.0, 1.0, 1.0], [0.75, 1.25, 1.25, 0.75]])
    moved = wide.read([0, 40], crops=crops)
    assert np.array_equal(moved.clips[0], found.clips[0])
    assert not np.array_equal(moved.clips[1], found.clips[1])
    # the crop reaches further to the right and up: what is in it lies further to the left and down
    across, down = np.mgrid[0:32, 0:32][::-1]
    for part in (moved.mask, moved.depth):
        weights = part[1, 0].astype(float)
        old = found.mask[1, 0].astype(float) if part is moved.mask else found.depth[1, 0].astype(float)
        assert np.average(across, weights=weights) < np.average(across, weights=old) - 2
        assert np.average(down, weights=weights) > np.average(down, weights=old) + 2


def test_a_crop_moves_picture_mask_and_depth_alike(tmp_path: Path) -> None:
    prepare(source, tmp_path / "wide", count=16, cutting=MARGIN)
    wide = PreparedSet.open(tmp_path / "wide")
    for crop in ([0.75, 1.25, 1.25, 0.75], [1.2, 0.8, 0.9, 1.1], [0.8, 0.8, 0.8, 0.8]):
        moved = wide.read([0], crops=np.array([crop]))
        spot = moved.clips[0, 0, ..., 0] > 150  # the bright square is in the middle of the mesh
        across, down = np.mgrid[0:32, 0:32][::-1]
        mask = moved.mask[0, 0].astype(float)
        assert abs(across[spot].mean() - np.average(across, weights=mask)) < 1
        assert abs(down[spot].mean() - np.average(down, weights=mask)) < 1


def test_margins_are_refused_where_a_clip_is_kept_inside_the_picture() -> None:
    with pytest.raises(SettingsError, match="a margin lies in"):
        Cutting(clip=replace(SPEC, border="inside"), seed=1, margin=0.1)


def test_a_recording_too_short_for_a_clip_gives_none() -> None:
    cut = cut_recording(from_simulated(simulated(0, frames=1)), cutting=CUTTING, seed=0)
    assert cut.rows == ()
    assert cut.arrays.clips.shape == (0, 2, 32, 32, 3)
    assert (cut.outcome.clips, cut.outcome.reason) == (0, "TOO_SHORT")


class CutOffError(Exception):
    """The power fails."""


def test_a_stopped_preparation_ends_in_the_same_bytes(tmp_path: Path) -> None:
    def broken(index: Any) -> Any:
        if index == 20:
            raise CutOffError
        return source(index)

    with pytest.raises(CutOffError):
        prepare(broken, tmp_path / "one", count=40, cutting=CUTTING)
    assert [p.name for p in (tmp_path / "one").glob("shard-*.tar")] == ["shard-000000.tar"]
    calls = []

    def counted(index: int) -> Recording:
        calls.append(index)
        return source(index)

    prepare(counted, tmp_path / "one", count=40, cutting=CUTTING)
    assert min(calls) == RECORDINGS_A_SHARD  # the first shard was not made again
    prepare(source, tmp_path / "two", count=40, cutting=CUTTING)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


KILLED = """
import os, signal, sys
sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
from pathlib import Path
from {module} import CUTTING, prepare, source
from unmask.data.prepare import shards
add = shards.TarMembers.add
def die(members, name, content):
    place = add(members, name, content)
    if name == "00000020_0001.depth.npy":
        os.kill(os.getpid(), signal.SIGKILL)
    return place
shards.TarMembers.add = die
prepare(source, Path({out!r}), count=40, cutting=CUTTING)
"""


def test_a_preparation_killed_in_the_middle_of_a_shard_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "one"
    script = KILLED.format(tests=str(Path(__file__).parent), module=Path(__file__).stem, out=str(out))
    killed = subprocess.run([sys.executable, "-c", script], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(out.glob("shard-000001.tar.*.part"))) == 1
    assert len(PreparedSet.open(out).rows) == 48  # only the whole shard counts
    prepare(source, out, count=40, cutting=CUTTING)
    prepare(source, tmp_path / "two", count=40, cutting=CUTTING)
    assert contents(out) == contents(tmp_path / "two")


def test_several_processes_give_the_same_bytes_as_one(tmp_path: Path) -> None:
    made = [source(n) for n in range(2 * RECORDINGS_A_SHARD)]
    seen = []
    of_list = made.__getitem__  # pickles wherever the tests lie
    prepare(of_list, tmp_path / "two", count=32, cutting=CUTTING, jobs=2, progress=lambda *a: seen.append(a))
    prepare(of_list, tmp_path / "one", count=32, cutting=CUTTING)
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_more_recordings_are_added_to_an_old_set(tmp_path: Path) -> None:
    prepare(source, tmp_path / "set", count=16, cutting=CUTTING)
    prepare(source, tmp_path / "set", count=17, cutting=CUTTING)
    assert len(PreparedSet.open(tmp_path / "set").rows) == 2 * 16 * 3


def test_other_settings_on_an_old_set_are_refused(tmp_path: Path) -> None:
    prepare(source, tmp_path / "set", count=1, cutting=CUTTING)
    with pytest.raises(DataError, match="was prepared with other settings"):
        prepare(source, tmp_path / "set", count=1, cutting=Cutting(clip=SPEC, seed=4))
    with pytest.raises(DataError, match="from another list"):
        prepare(source, tmp_path / "set", count=1, cutting=CUTTING, packing=Packing(origin="another"))
    with pytest.raises(SettingsError, match="cuts >= 1"):
        Cutting(clip=SPEC, seed=1, cuts=0)
    with pytest.raises(SettingsError, match="a shard needs 1 recording"):
        Packing(recordings_a_shard=0)


def test_a_folder_with_other_files_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "holiday.part").write_text("a film")
    with pytest.raises(OutputError, match=r"holds other files, holiday\.part among them"):
        prepare(source, tmp_path, count=1, cutting=CUTTING)
    assert contents(tmp_path) == {"holiday.part": b"a film"}


def test_two_preparations_never_share_a_folder(tmp_path: Path) -> None:
    with held(tmp_path / "set"), pytest.raises(OutputError, match="another process writes to"):
        prepare(source, tmp_path / "set", count=1, cutting=CUTTING)
    prepare(source, tmp_path / "set", count=1, cutting=CUTTING)


def test_a_full_disk_leaves_no_shard_and_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = shards.TarMembers.add

    def full(members: Any, name: Any, content: Any) -> Any:
        if name.startswith("00000009"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return add(members, name, content)

    monkeypatch.setattr(shards.TarMembers, "add", full)
    with pytest.raises(OutputError, match=r"shard-000000\.tar: the disk is full; free some space"):
        prepare(source, tmp_path / "set", count=1, cutting=CUTTING)
    assert list((tmp_path / "set").glob("shard*")) == []


def test_a_shard_of_nothing_is_passed_over(tmp_path: Path) -> None:
    prepare(lambda n: source(n) if n >= 16 else None, tmp_path / "set", count=32, cutting=CUTTING)
    prepared = PreparedSet.open(tmp_path / "set")
    assert prepared.rows[0].name == "simulated-16"
    assert prepared.read([0]).clips.shape == (1, 2, 32, 32, 3)


def test_a_set_that_is_damaged_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a prepared set"):
        PreparedSet.open(tmp_path)
    prepare(lambda n: None, tmp_path / "empty", count=1, cutting=CUTTING)
    with pytest.raises(DataError, match="holds no clip"):
        PreparedSet.open(tmp_path / "empty")
    prepare(source, tmp_path / "set", count=1, cutting=CUTTING)
    tar = tmp_path / "set" / "shard-000000.tar"
    whole = tar.read_bytes()
    tar.write_bytes(whole[:5000])
    with pytest.raises(DataError, match=r"shard-000000\.tar has 5000 bytes, not the \d+ of its index"):
        PreparedSet.open(tmp_path / "set")
    tar.write_bytes(whole)
    tar.with_suffix(".json").write_text(json.dumps({"bytes": len(whole)}))
    with pytest.raises(DataError, match=r"shard-000000\.json cannot be read .KeyError"):
        PreparedSet.open(tmp_path / "set")
    tar.with_suffix(".json").unlink()
    with pytest.raises(DataError, match=r"delete .* and prepare again"):
        PreparedSet.open(tmp_path / "set")


def _without_the_second_shard(folder: Path) -> None:
    (folder / "shard-000001.tar").unlink()
    (folder / "shard-000001.json").unlink()


def _with_another_scale(folder: Path) -> None:
    spec = json.loads((folder / "spec.json").read_text())
    spec["clip"]["box_scale"] = 2.8
    (folder / "spec.json").write_text(json.dumps(spec))


def _with_another_subject(folder: Path) -> None:
    path = folder / "shard-000001.json"
    index = json.loads(path.read_text())
    index["recordings"][0]["subject"] = "somebody else"
    del index["sha256_of_index"]
    text = json.dumps(index, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text(json.dumps({**index, "sha256_of_index": hashlib.sha256(text.encode()).hexdigest()}))


def _with_a_shard_of_another_set(folder: Path) -> None:
    for suffix in (".tar", ".json"):
        (folder / f"shard-000003{suffix}").write_bytes((folder / f"shard-000000{suffix}").read_bytes())


def _with_a_seal_of_nothing(folder: Path) -> None:
    (folder / "seal.json").write_text("[]")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without_the_second_shard, r"set lacks shard-000001\.tar, with which it was prepared"),
        (_with_another_scale, r"spec\.json has changed since the set was prepared"),
        (_with_another_subject, r"shard-000001\.json has changed since the set was prepared"),
        (_with_a_shard_of_another_set, r"shard-000003\.json has changed since the set was prepared"),
        (_with_a_seal_of_nothing, r"seal\.json is damaged"),
    ],
)
def test_a_set_is_whole_or_says_what_is_not_as_it_was_prepared(
    tmp_path: Path, change: Any, told: str
) -> None:
    folder = tmp_path / "set"
    one_a_shard = Packing(recordings_a_shard=1)
    prepare(source, folder, count=3, cutting=CUTTING, packing=one_a_shard)
    fingerprint = PreparedSet.open(folder).fingerprint()
    change(folder)
    with pytest.raises(DataError, match=told):
        PreparedSet.open(folder)
    if change is _without_the_second_shard:  # and is made again as it was
        prepare(source, folder, count=3, cutting=CUTTING, packing=one_a_shard)
        assert PreparedSet.open(folder).fingerprint() == fingerprint


def test_a_set_of_the_old_form_is_named_as_such(tmp_path: Path) -> None:
    prepare(lambda n: None, tmp_path / "set", count=1, cutting=CUTTING)
    (tmp_path / "set" / "shard-00000").mkdir()
    (tmp_path / "set" / "shard-00000" / "table.csv").write_text("presentation\n")
    with pytest.raises(DataError, match="was prepared by an older unmask"):
        PreparedSet.open(tmp_path / "set")


def test_clips_of_another_size_than_the_settings_say_are_refused(tmp_path: Path) -> None:
    prepare(source, tmp_path / "set", count=1, cutting=CUTTING)
    spec = tmp_path / "set" / "spec.json"
    spec.write_text(spec.read_text().replace('"size_px": 32', '"size_px": 64'))
    (tmp_path / "set" / "seal.json").unlink()  # as in sets of older versions
    with pytest.raises(DataError, match="holds clips of another size"):
        PreparedSet.open(tmp_path / "set")


def test_labels_may_have_any_size(tmp_path: Path) -> None:
    fine = replace(CUTTING, depth_px=48, scale_jitter=0.0, shift_jitter=0.0)
    prepare(source, tmp_path / "set", count=3, cutting=fine)
    prepared = PreparedSet.open(tmp_path / "set")
    bona_fide, attack = prepared.read([0]), prepared.read([6])
    assert bona_fide.depth.shape == attack.depth.shape == bona_fide.mask.shape == (1, 2, 48, 48)
    assert bona_fide.depth[0, 0, 24, 24] > 200
    assert attack.depth.any()


ANY_FACE = QualityLimits(eye_distance_px=0, yaw=180, pitch=180, roll=180)  # the drawn mesh is not a true head


class SpotFinder:
    """Finds the face where the picture is bright."""

    def find(self, image: Any, **_: Any) -> Any:
        y, x = np.nonzero(image[..., 0] > 150)
        if not len(x):
            return []
        mesh = face_mesh(x=x.mean(), y=y.mean())
        box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        return [Face(box=box, mesh=mesh, presence=1.0)]

    def follow(self, image: Any, face: Any) -> Any:
        return next(iter(self.find(image)), None)


def test_a_labelled_folder_is_tracked_and_cut(tmp_path: Path) -> None:
    rows = [["path", "label", "instrument", "subject"]]
    for name, index in (("live", 0), ("print", 2)):
        made = simulated(index, frames=12)
        (tmp_path / name).mkdir()
        for k, image in enumerate(made.frames):
            write_image(tmp_path / name / f"{k:03d}.png", image)
        truth = made.presentation
        rows.append([name, truth.label.value, truth.instrument, f"subject-{name}"])
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    source_of_folder = TrackedFolder(
        presentations=read_labels(tmp_path), load_finder=SpotFinder, stride_s=0.1, limits=ANY_FACE
    )
    prepare(source_of_folder, tmp_path / "set", count=2, cutting=CUTTING)
    prepared = PreparedSet.open(tmp_path / "set")
    assert {row.instrument for row in prepared.rows} == {"", "print/matt"}
    assert {row.subject for row in prepared.rows} == {"subject-live", "subject-print"}
    attacks = [n for n, row in enumerate(prepared.rows) if row.label is Label.ATTACK]
    assert not prepared.read(attacks).depth.any()  # its true depth is unknown
    assert prepared.read([0]).depth.any()


def test_a_series_becomes_recordings_with_true_meshes() -> None:
    recording = Simulations(series=simulated)(2)
    assert isinstance(recording, Recording)
    assert (recording.label, recording.instrument) == (Label.ATTACK, "print/matt")
    assert np.array_equal(recording.sightings[1].face.mesh, simulated(2).meshes[1])
    assert recording.sightings[3].frame.time_s == pytest.approx(0.3)


VIEWED = replace(CUTTING, clip=replace(SPEC, border="inside", box_scale=2.8), views=VIEWS)


def test_each_cut_is_kept_in_every_view_that_is_asked_for(tmp_path: Path) -> None:
    prepare(source, tmp_path / "set", count=4, cutting=VIEWED, packing=Packing(pictures="png"))
    prepared = PreparedSet.open(tmp_path / "set")
    assert [row.view for row in prepared.rows[:6]] == list(VIEWS) * 2
    assert prepared.spec == VIEWED.clip
    whole, tight, degraded = prepared.read([0, 1, 2]).clips
    assert tight.mean() > whole.mean() + 10  # the bright face fills it
    assert not np.array_equal(degraded, whole)
    assert not np.array_equal(degraded, tight)


def test_the_box_of_a_tight_view_lies_in_the_original_frame_and_its_mask_where_the_face_is() -> None:
    recording = source(0)
    cut = cut_recording(recording, cutting=replace(VIEWED, views=("tight",)), seed=1)
    mesh = recording.sightings[0].face.mesh
    for row, mask in zip(cut.rows, cut.arrays.mask[:, 0], strict=True):
        x0, y0, x1, y1 = row.box
        assert 0 <= x0 < x1 <= 100
        assert 0 <= y0 < y1 <= 80
        assert x1 - x0 == y1 - y0
        middle = (mesh[:, :2].min(axis=0) + mesh[:, :2].max(axis=0)) / 2
        np.testing.assert_allclose(middle, [(x0 + x1) / 2, (y0 + y1) / 2], atol=8)
        face_px = (mask > 127).mean() * (x1 - x0) ** 2
        assert 0.75 * np.pi * 20**2 < face_px < 1.1 * np.pi * 20**2


def test_views_are_drawn_alike_whatever_the_class() -> None:
    bona_fide = source(0)
    attack = replace(bona_fide, depths=None).of(label=Label.ATTACK, instrument="print/matt")
    drawn = [cut_recording(one, cutting=VIEWED, seed=5).arrays.clips for one in (bona_fide, attack)]
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_views_that_do_not_exist_are_refused() -> None:
    with pytest.raises(SettingsError, match="views"):
        replace(CUTTING, views=("near",))
    with pytest.raises(SettingsError, match="views"):
        replace(CUTTING, views=("whole", "whole"))
