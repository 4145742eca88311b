"""Labels from the depth that a set ships beside its pictures, and presentations that cannot have one."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from test_prepare import ANY_FACE, SpotFinder, simulated

from unmask.app import prepare as command
from unmask.app.prepare import PrepareOptions
from unmask.data.prepare.depth_labels import attack_depth, face_depth, read_depth_m
from unmask.data.prepare.preparation import Cutting, cut_recording
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.recordings import TrackedFolder
from unmask.data.prepare.shards import Shard
from unmask.data.prepare.true_depth import check_depth
from unmask.media import quality
from unmask.media.clips import mesh_depth, mesh_in_clip, mesh_mask
from unmask.media.images import read_image, write_image
from unmask.types import ClipSpec, DataError, Label, OutputError, Presentation

SPEC = ClipSpec(frames=2, stride_s=0.1, size_px=32)


def prepare_options(**wished: Any) -> PrepareOptions:
    """Options for clips of SPEC, without a margin."""
    folders: dict[str, Any] = {"dataset": "folder", "root": Path(), "out": Path()}
    clip = {"clip_frames": SPEC.frames, "clip_stride": SPEC.stride_s, "clip_size": SPEC.size_px}
    return PrepareOptions(**(folders | clip | {"margin": 0.0} | wished))


def run(dataset: str, root: Path, *, out: Path, options: PrepareOptions) -> int:
    """`unmask prepare` of that folder."""
    return command.prepare(replace(options, dataset=dataset, root=root, out=out))


OPTIONS = prepare_options(every_s=0.2, shard=2, jobs=1, depth="real")
STILL = Cutting(clip=SPEC, seed=3, every_s=0.2, scale_jitter=0.0, shift_jitter=0.0)
FRAMES = 10


def depth_mm(k: Any) -> Any:
    """(80, 100) uint16 of frame k: a ball of 60 mm before a wall, tilted more from frame to frame."""
    y, x = np.mgrid[:80, :100]
    ball = 60 * np.sqrt(np.maximum(1 - np.hypot(x - 49.5, y - 39.5) ** 2 / 24**2, 0))
    return np.where(ball > 0, 600 - ball + 2 * k * (x - 50) / 10, 2000).astype(np.uint16)


def write_frames(folder: Any, *, count: Any = FRAMES, index: Any = 0) -> Any:
    folder.mkdir(parents=True)
    for k, image in enumerate(simulated(index, frames=count).frames):
        write_image(folder / f"{k:03d}.png", image)
    return folder


def write_maps(folder: Any, *, count: Any = FRAMES) -> Any:
    folder.mkdir(parents=True)
    for k in range(count):
        cv2.imwrite(str(folder / f"{k:03d}.png"), depth_mm(k))
    return folder


def labels_csv(root: Any, names: Any) -> None:
    rows = [["path", "label", "instrument"]]
    rows += [
        [name, "attack" if "print" in name else "bona_fide", "print/matt" * ("print" in name)]
        for name in names
    ]
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def rgbd_root(tmp_path: Path) -> Path:
    """Two bona fide and an attack, each with its maps."""
    names = ("ann/live", "bob/live", "bob/print")
    for name in names:
        write_frames(tmp_path / "root" / name / "color")
        write_maps(tmp_path / "root" / name / "depth")
    labels_csv(tmp_path / "root", names)
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def spots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces are bright spots, and each may be scored."""

    class Loader:
        @staticmethod
        def load(*, threads: Any) -> Any:
            return SpotFinder()

    monkeypatch.setattr(command, "FaceFinder", Loader)
    monkeypatch.setattr(quality, "DEFAULT_LIMITS", ANY_FACE)


def manifest(out: Any) -> Any:
    return {row["path"]: row for row in pq.read_table(out / "manifest.parquet").to_pylist()}


def clips_of(out: Any) -> Any:
    """(row, depth, mask) of each clip."""
    held = PreparedSet.open(out)
    arrays = held.read(range(len(held.rows)))
    return list(zip(held.rows, arrays.depth, arrays.mask, strict=True))


def mask_of(image: Any, box: Any, *, out: Any) -> Any:
    mesh = SpotFinder().find(image)[0].mesh
    return mesh_mask(
        mesh_in_clip(mesh, np.array(box, np.float32), size_px=SPEC.size_px), size_px=SPEC.size_px, out=out
    )


def in_bytes(label: Any) -> Any:
    return np.rint(255 * label).astype(np.uint8)


def tracked(presentation: Any, **more: Any) -> Any:
    return TrackedFolder(
        presentations=[presentation],
        load_finder=SpotFinder,
        stride_s=0.1,
        limits=ANY_FACE,
        depth="real",
        **more,
    )(0)


def test_labels_of_an_rgbd_folder_are_those_of_the_very_maps(rgbd_root: Path, tmp_path: Path) -> None:
    assert run("rgbd", rgbd_root, out=tmp_path / "out", options=OPTIONS) == 0
    found = clips_of(tmp_path / "out" / "all")
    assert len(found) == 3 * 2
    for row, depth, mask in found:
        folder = rgbd_root / row.name
        image = read_image(folder / "000.png")
        face = mask_of(image, row.box, out=32)
        label = face_depth if row.label is Label.BONA_FIDE else attack_depth
        for t in range(2):
            k = round(30 * (row.time_s + 0.1 * t))
            true = read_depth_m(folder.parent / "depth" / f"{k:03d}.png")
            assert np.array_equal(depth[t], in_bytes(label(true, np.array(row.box), mask=face)))
        assert np.array_equal(mask[0], in_bytes(face))
        assert not np.array_equal(depth[0], depth[1])  # each frame has a map of its own
        assert depth[0].max() == 255 if row.label is Label.BONA_FIDE else 20 < depth[0].max() < 100


@pytest.mark.parametrize("px", [16, 48])
def test_a_label_has_any_size(rgbd_root: Path, px: int) -> None:
    colour = rgbd_root / "ann" / "live" / "color"
    live = Presentation(
        path=str(colour), label=Label.BONA_FIDE, columns={"depth": str(colour.parent / "depth")}
    )
    cut = cut_recording(tracked(live), cutting=replace(STILL, depth_px=px), seed=0)
    box = np.array(cut.rows[0].box)
    expected = face_depth(
        depth_mm(0) / 1000, box, mask=mask_of(read_image(colour / "000.png"), box, out=px), out=px
    )
    assert cut.arrays.depth.shape[2:] == (px, px)
    assert np.abs(cut.arrays.depth[0, 0].astype(int) - in_bytes(expected)).max() <= 1


def test_the_mesh_is_the_default_and_another_choice_is_refused(rgbd_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("rgbd", rgbd_root, out=out, options=replace(OPTIONS, depth="mesh")) == 0
    row, depth, _ = next(clip for clip in clips_of(out / "all") if clip[0].label is Label.BONA_FIDE)
    mesh = SpotFinder().find(read_image(rgbd_root / row.name / "000.png"))[0].mesh
    drawn = mesh_depth(mesh_in_clip(mesh, np.array(row.box, np.float32), size_px=32), size_px=32)
    assert np.array_equal(depth[0], in_bytes(drawn))
    assert "depth" not in (out / "preparation.json").read_text()  # as older versions wrote it
    with pytest.raises(OutputError, match="or with another --depth"):
        run("rgbd", rgbd_root, out=out, options=OPTIONS)


def test_the_files_do_not_say_where_the_set_lay(rgbd_root: Path, tmp_path: Path) -> None:
    run("rgbd", rgbd_root, out=tmp_path / "one", options=OPTIONS)
    moved = rgbd_root.rename(tmp_path / "elsewhere")
    run("rgbd", moved, out=tmp_path / "two", options=OPTIONS)
    for path in (tmp_path / "one" / "all").glob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / "all" / path.name).read_bytes()


def test_what_is_wrong_with_a_twin_is_a_failure_to_acquire(rgbd_root: Path, tmp_path: Path) -> None:
    for name in ("cam/small", "dan/broken", "eve/blind"):
        write_frames(rgbd_root / name / "color")
        write_maps(rgbd_root / name / "depth")
    cv2.imwrite(str(rgbd_root / "cam/small/depth/003.png"), depth_mm(3)[:40, :50])
    damaged = rgbd_root / "dan/broken/depth/003.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    for k in range(FRAMES):
        blind = depth_mm(k)
        blind[25:] = 0
        cv2.imwrite(str(rgbd_root / f"eve/blind/depth/{k:03d}.png"), blind)
    labels_csv(rgbd_root, ("ann/live", "bob/live", "bob/print", "cam/small", "dan/broken", "eve/blind"))
    assert run("rgbd", rgbd_root, out=tmp_path / "out", options=OPTIONS) == 0
    rows = manifest(tmp_path / "out")
    assert {path.split("/")[0] for path, row in rows.items() if row["clips"]} == {"ann", "bob"}
    for name, words in (
        ("cam/small", "cam/small/depth is 50 x 40 pixels at frame 3, its picture 100 x 80"),
        ("dan/broken", "dan/broken/depth/003.png "),
        ("eve/blind", "eve/blind/depth knows the depth of less than 50% of the face in all"),
    ):
        row = rows[f"{name}/color"]
        assert (row["clips"], row["reason"]) == (0, "NO_DEPTH")
        assert row["detail"].startswith(words)
    assert sum(len(Shard.open(tar).outcomes) for tar in (tmp_path / "out" / "all").glob("*.tar")) == 6


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (FRAMES - 1, "holds 9 depth maps, and 10 frames need 10"),
        (FRAMES + 1, "holds 11 depth maps, and 10 frames need 10"),
        (0, "does not exist"),
    ],
)
def test_maps_that_are_not_as_many_as_the_frames_are_no_label(maps: Any, words: str, tmp_path: Path) -> None:
    if maps:
        write_maps(tmp_path / "depth", count=maps)
    colour = write_frames(tmp_path / "color")
    live = Presentation(path=str(colour), label=Label.BONA_FIDE, columns={"depth": str(tmp_path / "depth")})
    found = tracked(live)
    assert (len(found.sightings), found.reason) == (0, "NO_DEPTH")
    assert words in found.detail
    first_nine = replace(live, columns={**live.columns, "max_frames": "9"})
    assert bool(tracked(first_nine).sightings) == (maps >= 9)
    cut_off = tracked(live, seconds=0.15)  # the rest is not read, yet is counted
    assert cut_off.reason == "NO_DEPTH"


def test_a_presentation_without_a_twin_is_no_mesh_label(tmp_path: Path) -> None:
    colour = write_frames(tmp_path / "color")
    found = tracked(Presentation(path=str(colour), label=Label.BONA_FIDE))
    assert (len(found.sightings), found.reason) == (0, "NO_DEPTH")
    assert "has no depth; take --depth mesh" in found.detail
    gone = Presentation(
        path=str(tmp_path / "none.mp4"), label=Label.BONA_FIDE, columns={"depth": str(tmp_path)}
    )
    assert tracked(gone).reason == "NO_DEPTH"


def simulated_twin(path: Any, *, every: Any = 2, other: Any = None) -> Any:
    maps = np.stack([depth_mm(k) for k in range(0, FRAMES, every)])
    np.savez_compressed(path, **{"depth_mm": maps, "depth_every": every, **(other or {})})
    return path


def test_a_simulated_clip_is_cut_where_its_frames_have_depth(tmp_path: Path) -> None:
    colour, truth = write_frames(tmp_path / "color"), simulated_twin(tmp_path / "truth.npz")
    live = Presentation(path=str(colour), label=Label.BONA_FIDE, columns={"depth": str(truth)})
    recording = tracked(live)
    indices = [sighting.frame.index for sighting in recording.sightings]
    assert indices == [0, 4, 6]  # even, and no denser than the stride
    for k, depth in zip(indices, recording.depths, strict=True):
        assert np.abs(1000 * depth - depth_mm(k)).max() < 1e-3
    cut = cut_recording(recording, cutting=STILL, seed=0)
    box = np.array(cut.rows[0].box)
    expected = face_depth(recording.depths[1], box, mask=mask_of(read_image(colour / "004.png"), box, out=32))
    assert np.array_equal(cut.arrays.depth[0, 1], in_bytes(expected))
    every_third = simulated_twin(tmp_path / "third.npz", every=3)
    assert len(tracked(replace(live, columns={"depth": str(every_third)})).depths) == 4
    sparse = simulated_twin(tmp_path / "sparse.npz", every=6)
    far = tracked(replace(live, columns={"depth": str(sparse)}))
    assert (len(far.sightings), far.reason) == (0, "NO_DEPTH")
    assert (
        "one frame in 6, 0.2 s apart, too far for clips of a frame each 0.1 s; take --clip-stride 0.2"
        in far.detail
    )


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"depth_mm": np.zeros((4, 80, 100), np.uint16)}, "holds 4 depth maps, and 10 frames need 5"),
        ({"depth_mm": np.zeros((5, 40, 50), np.uint16)}, "is 50 x 40 pixels at frame 0"),
        ({"depth_mm": np.zeros((5, 80, 100), np.uint16)}, "knows the depth of less than 50%"),
        ({"depth_mm": np.full((5, 80, 100), 65535, np.uint16)}, "knows the depth of less than 50%"),
        ({"depth_mm": np.zeros((5, 80, 100))}, "has a depth_mm of float64"),
        ({"depth_every": 0}, "of each 0th frame"),
        ({"depth_every": "x"}, "is not a true depth of the simulated benchmark"),
    ],
)
def test_a_simulated_twin_that_does_not_fit_is_said(other: Any, words: str, tmp_path: Path) -> None:
    truth = simulated_twin(tmp_path / "truth.npz", other=other)
    colour = write_frames(tmp_path / "color")
    found = tracked(Presentation(path=str(colour), label=Label.BONA_FIDE, columns={"depth": str(truth)}))
    assert (len(found.sightings), found.reason) == (0, "NO_DEPTH")
    assert words in found.detail
    truth.write_bytes(truth.read_bytes()[:300])
    assert (
        "is not a true depth"
        in tracked(
            Presentation(path=str(colour), label=Label.BONA_FIDE, columns={"depth": str(truth)})
        ).detail
    )


def test_a_turned_recording_has_its_depth_turned_too(tmp_path: Path) -> None:
    (tmp_path / "color").mkdir()
    for k, image in enumerate(simulated(0, frames=4).frames):
        write_image(tmp_path / "color" / f"{k}.png", np.ascontiguousarray(np.rot90(image)))
    (tmp_path / "depth").mkdir()
    for k in range(4):
        cv2.imwrite(str(tmp_path / "depth" / f"{k}.png"), np.rot90(depth_mm(k)))
    recording = tracked(
        Presentation(
            path=str(tmp_path / "color"),
            label=Label.BONA_FIDE,
            turns=1,
            columns={"depth": str(tmp_path / "depth")},
        )
    )
    assert recording.sightings[1].frame.index == 3
    assert np.abs(1000 * recording.depths[1] - depth_mm(3)).max() < 1e-3


def test_depth_of_wmca_labels_faces_but_no_attacks_since_its_unit_is_lost(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "t.hdf5", "w") as file:
        for k in range(FRAMES):
            shown = np.minimum(depth_mm(k) // 8, 255).astype(np.uint8)
            file[f"Frame_{k}/array"] = np.stack([shown] * 4)
    colour = write_frames(tmp_path / "color")
    live = Presentation(path=str(colour), label=Label.BONA_FIDE, columns={"depth": str(tmp_path / "t.hdf5")})
    depth = cut_recording(tracked(live), cutting=STILL, seed=0).arrays.depth
    assert depth[0, 0, 16, 16] > 240
    attack = tracked(replace(live, label=Label.ATTACK, instrument="print/photo"))
    assert attack.reason == "NO_DEPTH"
    assert "has lost the unit of its depth" in attack.detail


def test_a_set_without_depth_is_refused_before_any_work(rgbd_root: Path, tmp_path: Path) -> None:
    names = [f"{name}/color" for name in ("ann/live", "bob/live")]
    labels_csv(rgbd_root, names)
    with pytest.raises(DataError, match="folder has no depth beside its pictures; take --depth mesh"):
        run("folder", rgbd_root, out=tmp_path / "out", options=OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_set_whose_depth_is_of_eight_bits_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth.jpg").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "depth" / "0.png"), np.zeros((4, 5), np.uint8))
    for name, words in (("depth.jpg", "is not depth that is read"), ("depth", "is uint8 with 2 axes")):
        rows = [Presentation(path="a", label=Label.BONA_FIDE, columns={"depth": str(tmp_path / name)})]
        with pytest.raises(
            DataError, match=f"cefa has no depth that can be read, so take --depth mesh: .*{words}"
        ):
            check_depth(rows, dataset="cefa")
    whole = write_maps(tmp_path / "maps", count=1)
    rows.append(Presentation(path="b", label=Label.BONA_FIDE, columns={"depth": str(whole)}))
    check_depth(rows, dataset="cefa")  # one that is read is enough: the others are told in the manifest


def test_the_command_takes_the_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from unmask.app.cli import app

    asked = []

    def instead(options: PrepareOptions) -> int:
        asked.append(options.depth)
        return 0

    monkeypatch.setattr(command, "prepare", instead)
    for more in ([], ["--depth", "real"]):
        CliRunner().invoke(
            app, ["prepare", "rgbd", str(tmp_path), "--out", "o", *more], catch_exceptions=False
        )
    assert asked == ["mesh", "real"]
    wrong = CliRunner().invoke(app, ["prepare", "rgbd", str(tmp_path), "--out", "o", "--depth", "x"])
    assert wrong.exit_code != 0
