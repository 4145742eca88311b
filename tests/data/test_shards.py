"""A shard is a tar that other programs read, equal for equal clips, in which any clip is found at once."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset

from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row, Shard, write_shard
from unmask.types import DataError, Label, Presentation

T, S, D = 2, 40, 32


def prepared(recording: Any, *, clips: Any, rng: np.random.Generator) -> Any:
    name = f"videos/{recording}.v2.mp4"  # dots and slashes stay out of the keys
    truth = Presentation(
        path=name,
        label=Label.ATTACK,
        instrument="print/matt",
        subject="Zoë",
        camera="phone",
        columns={"weather": "rain"},
    )
    rows = tuple(
        Row(presentation=truth, number=k, source="toy", time_s=k / 2, box=(1, 2, 41, 42))
        for k in range(clips)
    )
    arrays = Arrays(
        *(rng.integers(0, 256, (clips, T, *shape), dtype=np.uint8) for shape in ((S, S, 3), (D, D), (D, D)))
    )
    outcome = RecordingOutcome(
        recording=recording,
        presentation=truth,
        source="toy",
        clips=clips,
        reason="" if clips else "NO_FACE",
    )
    return Prepared(outcome=outcome, rows=rows, arrays=arrays, times_s=np.full((clips, T), 0.25))


def some(seed: Any = 3) -> Any:
    rng = np.random.default_rng(seed)
    return [prepared(0, clips=2, rng=rng), prepared(1, clips=0, rng=rng), prepared(2, clips=1, rng=rng)]


@pytest.fixture(params=["npy", "png"])
def shard(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    tar = tmp_path / "shard-000000.tar"
    write_shard(tar, some(), pictures=request.param)
    return tar


def all_clips() -> Any:
    return np.concatenate([one.arrays.clips for one in some()])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # webdataset closes no file
def test_webdataset_streams_what_was_written(shard: Path) -> None:
    made, truth = some(), all_clips()
    stream = webdataset.WebDataset(str(shard), shardshuffle=False).decode("rgb8")
    read = list(stream)
    assert [item["__key__"] for item in read] == ["00000000_0000", "00000000_0001", "00000002_0000"]
    for item, clip in zip(read, truth, strict=True):
        pixels = item["clip.npy"] if "clip.npy" in item else item["clip.png"].reshape(T, S, S, 3)
        assert np.array_equal(pixels, clip)
    assert np.array_equal(read[2]["depth.npy"], made[2].arrays.depth[0])
    assert np.array_equal(read[1]["mask.npy"], made[0].arrays.mask[1])
    assert read[1]["json"] == {
        "presentation": "videos/0.v2.mp4",
        "number": 1,
        "label": "attack",
        "instrument": "print/matt",
        "subject": "Zoë",
        "source": "toy",
        "camera": "phone",
        "weather": "rain",
        "time_s": 0.5,
        "box": [1, 2, 41, 42],
        "times_s": [0.25, 0.25],
    }


def test_any_clip_is_read_by_its_place_without_loss(shard: Path) -> None:
    (shard.parent / "spec.json").write_text(
        json.dumps({"clip": {"frames": T, "stride_s": 0.1, "size_px": S, "box_scale": 1.3}})
    )
    held = PreparedSet.open(shard.parent)
    arrays = held.read([2, 0, 2])
    assert np.array_equal(arrays.clips, all_clips()[[2, 0, 2]])
    depths = np.concatenate([one.arrays.depth for one in some()])
    assert np.array_equal(arrays.depth, depths[[2, 0, 2]])
    assert arrays.clips.flags.writeable  # a batch is changed in place
    assert held.rows[2] == some()[2].rows[0]


def test_the_index_keeps_what_failed_and_the_hash(shard: Path) -> None:
    opened = Shard.open(shard)
    assert [(o.recording, o.clips, o.reason) for o in opened.outcomes] == [
        (0, 2, ""),
        (1, 0, "NO_FACE"),
        (2, 1, ""),
    ]
    assert opened.outcomes[1] == some()[1].outcome
    index = json.loads(shard.with_suffix(".json").read_text())
    assert index["sha256"] == hashlib.sha256(shard.read_bytes()).hexdigest()


def test_equal_clips_make_equal_bytes_without_user_or_date(shard: Path, tmp_path: Path) -> None:
    again = tmp_path / "again" / "shard-000000.tar"
    write_shard(again, some(), pictures=Shard.open(shard).pictures)
    assert again.read_bytes() == shard.read_bytes()
    write_shard(again, some(seed=4), pictures=Shard.open(shard).pictures)
    assert again.read_bytes() != shard.read_bytes()
    with tarfile.open(shard) as tar:
        members = tar.getmembers()
    assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {(0, 0, 0, "", 0o644)}
    assert len(members) == 3 * 4


def test_png_takes_less_room_where_pictures_are_smooth(tmp_path: Path) -> None:
    smooth = some()
    for one in smooth:
        one.arrays.clips[:] = np.linspace(0, 255, S, dtype=np.uint8)[:, None]
    sizes = {}
    for pictures in ("npy", "png"):
        write_shard(tmp_path / f"{pictures}.tar", smooth, pictures=pictures)
        sizes[pictures] = (tmp_path / f"{pictures}.tar").stat().st_size
    assert sizes["png"] < 0.8 * sizes["npy"]


@pytest.mark.parametrize("member", ["clip", "depth.npy", "mask.npy", "json"])
def test_a_changed_byte_names_the_shard_and_the_clip(
    shard: Path, member: str, rng: np.random.Generator
) -> None:
    with tarfile.open(shard) as tar:
        place = next(one for one in tar.getmembers() if one.name.startswith("00000000_0001." + member))
    whole = shard.read_bytes()
    for at in rng.integers(place.offset, place.offset_data + place.size, 8):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << int(rng.integers(8))
        shard.write_bytes(spoilt)
        opened = Shard.open(shard)
        opened.read(0, frames=T, size_px=S, depth_px=D)  # the others are as they were
        for look in (opened.check, lambda one=opened: one.read(1, frames=T, size_px=S, depth_px=D)):
            with pytest.raises(
                DataError, match=r"shard-000000\.tar is damaged: its clip 1 of videos/0\.v2\.mp4"
            ):
                look()


def test_a_changed_index_is_found(shard: Path) -> None:
    index = shard.with_suffix(".json")
    index.write_text(index.read_text().replace("print/matt", "print/mutt", 1))
    with pytest.raises(DataError, match="does not match its own hash"):
        Shard.open(shard)


def test_a_shard_of_a_version_without_hashes_of_clips_is_checked_as_a_whole(shard: Path) -> None:
    index = json.loads(shard.with_suffix(".json").read_text())
    del index["sha256_of_index"]
    for recording in index["recordings"]:
        for clip in recording["clips"]:
            del clip["span"], clip["sha256"]
    shard.with_suffix(".json").write_text(json.dumps(index))
    opened = Shard.open(shard)
    opened.check()
    assert np.array_equal(opened.read(2, frames=T, size_px=S, depth_px=D)[0], all_clips()[2])
    shard.write_bytes(bytes(1) + shard.read_bytes()[1:])
    with pytest.raises(DataError, match="damaged"):
        opened.check()
