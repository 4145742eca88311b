"""One shard of a prepared set: a WebDataset tar of clips, and beside it an index to read any clip at once.

A clip is four members of one name, `RECORDING_CLIP.`:

    clip.npy   (T, S, S, 3) uint8 RGB, or clip.png: the T pictures one below the other, without loss
    depth.npy  (T, D, D) uint8, 255 is near, 0 background        mask.npy  (T, D, D) uint8, 255 is face
    json       its row, the times of its frames, and what else the manifest knows of its presentation

Equal clips make equal bytes: members come in order, of no user and no date. The index appears before the
tar, and the tar by one rename: where there is a tar, the shard is whole.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from unmask.files import atomic_path, write_bytes
from unmask.media.images import decode_png, encode_png
from unmask.media.regular import refuse_special
from unmask.types import DataError, Label, Presentation, PresentationRecord

WHOLE = "whole"  # the view of a clip that is as it was cut
BLOCK = 512  # of a tar: headers and members begin at its multiples
PATTERN = "shard-??????.tar"
Pictures = Literal["npy", "png"]
# What reading an index raises that is not as it should be.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(PresentationRecord):
    """One prepared clip: the `number`-th of its presentation; `source` says where it came from.

    `time_s` is that of its first frame; `box` (4) xyxy in pixels of the original frame, () where unknown.
    `view` is one of data.views.VIEWS.
    """

    number: int
    source: str
    time_s: float = 0.0
    box: tuple[int, ...] = ()
    view: str = WHOLE


@dataclass(frozen=True, slots=True)
class Arrays:
    """Some clips: `clips` (n, T, S, S, 3), `depth` and `mask` (n, T, D, D), all uint8."""

    clips: np.ndarray
    depth: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOutcome(PresentationRecord):
    """What came of one recording, the `recording`-th of its set: `clips` of them, or a reason why none.

    `detail` is the sentence of a file that was not read.
    """

    recording: int
    source: str
    clips: int = 0
    reason: str = ""
    detail: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """What else is known of its presentation, by column."""
        return {name: cell for name, cell in self.presentation.cells().items() if name != "subject"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A recording after cutting: its outcome, a row for each clip, their pixels and times (n, T)."""

    outcome: RecordingOutcome
    rows: tuple[Row, ...]
    arrays: Arrays
    times_s: np.ndarray


def write_shard(tar: Path, prepared: Iterable[Prepared], *, pictures: Pictures = "npy") -> None:
    """The shard `tar` and its index; a shard of no clips is a tar of no members."""
    with atomic_path(tar) as part:
        with part.open("wb") as file:
            members = TarMembers(file)
            entries = [_write_recording(members, one, pictures=pictures) for one in prepared]
            members.end()
        index = {
            "bytes": members.offset,
            "sha256": members.hash.hexdigest(),
            "pictures": pictures,
            "recordings": entries,
        }
        index["sha256_of_index"] = _hash_of(index)
        write_bytes(index_of(tar), json.dumps(index, separators=(",", ":"), ensure_ascii=False).encode())


def index_of(tar: Path) -> Path:
    """Where the index of a shard lies."""
    return tar.with_suffix(".json")


def key_of(recording: int, number: int) -> str:
    """The name that the members of a clip share, as WebDataset's `__key__`.

    >>> key_of(31, 2)
    '00000031_0002'
    """
    return f"{recording:08d}_{number:04d}"


class TarMembers:
    """Writes the members of a tar in order and knows where each came to lie."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.clip = hashlib.sha256()  # of the members since it was begun anew
        self.offset = 0

    def add(self, name: str, content: bytes) -> tuple[int, int]:
        """Where the content begins, and its length."""
        head = tarfile.TarInfo(name)  # no user, date 0
        head.size, head.mode = len(content), 0o644
        self._write(head.tobuf(tarfile.USTAR_FORMAT))
        place = (self.offset, len(content))
        self._write(content)
        self._write(bytes(-len(content) % BLOCK))
        return place

    def end(self) -> None:
        """Two empty blocks, as a tar ends."""
        self._write(bytes(2 * BLOCK))

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self.hash.update(content)
        self.clip.update(content)
        self.offset += len(content)


def _write_recording(members: TarMembers, prepared: Prepared, *, pictures: Pictures) -> dict[str, Any]:
    places = []
    arrays = prepared.arrays
    for k, row in enumerate(prepared.rows):
        members.clip = hashlib.sha256()
        begin = members.offset
        key = key_of(prepared.outcome.recording, row.number)
        clip = arrays.clips[k]
        content = encode_png(clip.reshape(-1, *clip.shape[2:])) if pictures == "png" else _npy(clip)
        view = {} if row.view == WHOLE else {"view": row.view}  # shards without views keep their bytes
        known = {"number": row.number, "time_s": row.time_s, "box": row.box, **view}
        told = {**prepared.outcome.columns, **_truth(row), "source": row.source}
        meta = {**told, **known, "times_s": prepared.times_s[k].tolist()}
        place = {
            "time_s": row.time_s,
            "box": row.box,
            **view,
            "clip": members.add(f"{key}.clip.{pictures}", content),
            "depth": members.add(f"{key}.depth.npy", _npy(arrays.depth[k])),
            "mask": members.add(f"{key}.mask.npy", _npy(arrays.mask[k])),
        }
        members.add(f"{key}.json", json.dumps(meta, sort_keys=True, ensure_ascii=False).encode())
        span = (begin, members.offset - begin)
        places.append({**place, "span": span, "sha256": members.clip.hexdigest()})
    outcome = prepared.outcome
    return {
        "recording": outcome.recording,
        **_truth(outcome),
        "source": outcome.source,
        "columns": outcome.columns,
        "clips": places,
        "reason": outcome.reason,
        "detail": outcome.detail,
    }


def _truth(record: PresentationRecord) -> dict[str, str]:
    """A presentation's name and truth as the files hold them."""
    known = {"presentation": record.name, "label": record.label.value}
    return {**known, "instrument": record.instrument, "subject": record.subject}


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return file.getvalue()


@dataclass(frozen=True)
class Shard:
    """A shard that was opened: `outcomes` of its recordings, `rows` of its clips.

    `places` (n, 3, 2) int64: where the clip, depth and mask of each row begin in the tar, and their lengths.
    `sums` (n): where all members of each row begin, their length, and their SHA-256; None in shards of
    versions that kept only that of the tar, `whole`. `index_sha256` is of the index as a file.
    """

    tar: Path
    outcomes: tuple[RecordingOutcome, ...]
    rows: tuple[Row, ...]
    places: np.ndarray
    pictures: Pictures
    sums: tuple[tuple[int, int, str], ...] | None
    whole: str
    index_sha256: str

    @staticmethod
    def open(tar: Path) -> "Shard":
        """By its index; DataError where the two do not fit together."""
        again = f"delete {tar} and prepare again"
        for file in (tar, index_of(tar)):
            refuse_special(file, error=DataError)  # a pipe would never end
        try:
            content = index_of(tar).read_bytes()
            index = json.loads(content.decode())
            if "sha256_of_index" in index and index.pop("sha256_of_index") != _hash_of(index):
                raise DataError(f"{index_of(tar)} is damaged: it does not match its own hash; {again}")
            size, found = index["bytes"], tar.stat().st_size
            if size != found:
                raise DataError(f"{tar} has {found} bytes, not the {size} of its index; {again}")
            return _of_index(tar, index, index_sha256=hashlib.sha256(content).hexdigest())
        except DataError:
            raise
        except UNREADABLE as broken:
            raise DataError(
                f"{index_of(tar)} cannot be read ({type(broken).__name__}: {str(broken)[:200]}); {again}"
            ) from broken

    def check(self) -> None:
        """DataError names the first clip that is not as it was written."""
        if self.sums is None:
            with self.tar.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != self.whole:
                    raise DataError(f"{self.tar} is damaged: it has changed; delete it and prepare again")
            return
        for k in range(len(self.rows)):
            self._members(k)

    def read(self, k: int, *, frames: int, size_px: int, depth_px: int) -> tuple[np.ndarray, ...]:
        """Clip, depth and mask of row `k`, by one read; DataError where they are not as they were written.

        Not mapped into memory: pages of a mapped file count as the process's own until the system wants
        them back, so that a run would seem, and in a container may be, as large as its data set.
        """
        begin, content = self._members(k)
        clip, depth, mask = (content[at - begin : at - begin + n] for at, n in self.places[k].tolist())
        shape, maps = (frames, size_px, size_px, 3), (frames, depth_px, depth_px)
        try:
            pixels = decode_png(clip).reshape(shape) if self.pictures == "png" else _array(clip, shape)
            return pixels, _array(depth, maps), _array(mask, maps)
        except ValueError as broken:
            raise DataError(
                f"{self.tar} is damaged: its index does not fit its clips; delete it and prepare again"
            ) from broken

    def _members(self, k: int) -> tuple[int, np.ndarray]:
        """Where the members of row `k` begin in the tar, and their bytes."""
        places = self.places[k]
        begin, length, sha256 = int(places[0, 0]), int(places[-1].sum() - places[0, 0]), ""
        if self.sums is not None:
            begin, length, sha256 = self.sums[k]
        with self.tar.open("rb", buffering=0) as file:
            file.seek(begin)
            content = file.read(length)
        row = self.rows[k]
        clip = f"its clip {row.number} of {row.name}"
        if len(content) < length:
            raise DataError(f"{self.tar} ends before {clip}; delete it and prepare again")
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(f"{self.tar} is damaged: {clip} has changed; delete it and prepare again")
        return begin, np.frombuffer(content, np.uint8)


def _of_index(tar: Path, index: Mapping[str, Any], *, index_sha256: str) -> Shard:
    """The shard that its index describes; one of UNREADABLE where that makes no sense."""
    outcomes, rows, places, sums = [], [], [], []
    for entry in index["recordings"]:
        outcomes.append(_outcome(entry))
        rows += [_row(outcomes[-1], number, clip) for number, clip in enumerate(entry["clips"])]
        places += [[clip["clip"], clip["depth"], clip["mask"]] for clip in entry["clips"]]
        sums += [
            (int(clip["span"][0]), int(clip["span"][1]), str(clip["sha256"]))
            for clip in entry["clips"]
            if "sha256" in clip
        ]
    where = np.array(places, np.int64).reshape(len(rows), 3, 2)
    spans = np.array([span[:2] for span in sums], np.int64).reshape(-1, 1, 2)
    for spots in (where, spans):
        if (spots < 0).any() or (spots.sum(axis=-1) > index["bytes"]).any():
            raise ValueError("a clip lies outside of the tar")
    known = tuple(sums) if len(sums) == len(rows) else None
    return Shard(
        tar,
        tuple(outcomes),
        tuple(rows),
        where,
        pictures=index["pictures"],
        sums=known,
        whole=str(index["sha256"]),
        index_sha256=index_sha256,
    )


def _hash_of(index: Mapping[str, Any]) -> str:
    """SHA-256 of what an index says, however it is spaced."""
    text = json.dumps(index, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _array(member: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return member[len(member) - int(np.prod(shape)) :].reshape(shape)  # behind the header of the npy


def _outcome(entry: Mapping[str, Any]) -> RecordingOutcome:
    columns = entry.get("columns", {})
    name, instrument, subject = entry["presentation"], entry["instrument"], entry["subject"]
    source, reason, detail = entry["source"], entry.get("reason", ""), entry.get("detail", "")
    texts = (name, instrument, subject, source, reason, detail, *columns, *columns.values())
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("what it says of a recording is not a text")
    return RecordingOutcome(
        presentation=Presentation.of_cells(
            name, Label(entry["label"]), instrument=instrument, cells={**columns, "subject": subject}
        ),
        recording=entry["recording"],
        source=source,
        clips=len(entry["clips"]),
        reason=reason,
        detail=detail,
    )


def _row(outcome: RecordingOutcome, number: int, clip: Mapping[str, Any]) -> Row:
    return Row(
        presentation=outcome.presentation,
        number=number,
        source=outcome.source,
        time_s=clip["time_s"],
        box=tuple(clip["box"]),
        view=clip.get("view", WHOLE),
    )
