"""Prepared clips on disk: what `data.prepare` writes and training streams.

A set is a folder of shards (data.shards) and its `spec.json`, the settings that all of them were cut with.
The tars are WebDataset's, so that other programs can stream them; here any clip is read by its place.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unmask.data.prepare.shards import PATTERN, Arrays, Row, Shard, index_of
from unmask.files import read_json, write_bytes
from unmask.media.clips import cut_picture
from unmask.types import ClipSpec, DataError, SettingsError

SELECTED = "selected"  # key of a spec: the part is lists of presentations in other sets, see data.selection
DEPTH_PX = 32  # of the networks' maps
SPEC = "spec.json"
SEAL = "seal.json"  # appears last: the hashes of the spec and of each shard's index
CHECKED_WHOLE = 2**31  # bytes of a set that is checked when it is opened; each clip is when it is read
PREPARATION = "preparation.json"  # beside the parts: data set and protocol that `unmask prepare` made them of
FINER = 2  # maps of clips with a margin, so that a crop of them is not blurred
MOST_DEPTH_PX = 1024  # of a label: no network gives more
MOST_MARGIN = 4.0  # of a clip
LONGEST_HEAD = 256  # bytes before the array in an npy member


@dataclass(frozen=True)
class PreparedSet:
    """All shards of a folder, in the order of their names; the pixels stay on disk until asked for.

    Clips are read as `spec` says, whatever `margin` they are stored with: see `read`.
    """

    root: Path
    spec: ClipSpec
    depth_px: int
    rows: tuple[Row, ...]
    shards: tuple[Shard, ...]
    margin: float = 0.0

    @staticmethod
    def open(root: str | Path) -> "PreparedSet":
        """The set in `root`; DataError when there is none, it holds no clip, or a shard is damaged.

        Sets of up to CHECKED_WHOLE bytes are looked through for changed clips, once a process.
        """
        root = Path(root)
        if not (root / SPEC).is_file():
            raise DataError(
                f"{root} is not a prepared set: it has no {SPEC}; make one with `unmask prepare` or `unmask "
                "simulate`"
            )
        settings = read_json(root / SPEC, again="prepare it again")
        try:
            if SELECTED in settings:
                return PreparedSet._selected(root, [Selection.read(one) for one in settings[SELECTED]])
            spec, depth_px = ClipSpec.read(settings["clip"]), int(settings.get("depth_px", DEPTH_PX))
            margin = float(settings.get("margin", 0.0))
            whole = isinstance(spec.frames, int) and isinstance(spec.size_px, int)
            if not (whole and 1 <= depth_px <= MOST_DEPTH_PX and 0 <= margin <= MOST_MARGIN):
                raise ValueError(f"it says {spec}, depth_px {depth_px}, margin {margin}")
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, SettingsError) as broken:
            raise DataError(f"{root / SPEC} is damaged ({str(broken)[:200]}); prepare it again") from broken
        opened = [Shard.open(tar) for tar in sorted(root.glob(PATTERN))]
        _check_seal(root, opened)
        shards = [shard for shard in opened if shard.rows]
        for shard in shards:
            _check(shard, spec=with_margin(spec, margin), depth_px=depth_with_margin(depth_px, margin))
        if sum(shard.tar.stat().st_size for shard in shards) <= CHECKED_WHOLE:
            for shard in shards:
                _check_bytes(shard)
        if not shards and any(root.glob("shard-?????/table.csv")):
            raise DataError(f"{root} was prepared by an older unmask, as folders; prepare it again")
        if not shards:
            raise DataError(f"{root} holds no clip; let the preparation finish its first shard")
        rows = tuple(row for shard in shards for row in shard.rows)
        return PreparedSet(root, spec, depth_px, rows, tuple(shards), margin)

    @staticmethod
    def _selected(root: Path, lists: Sequence["Selection"]) -> "PreparedSet":
        """Some presentations of other sets; DataError where one was prepared anew since."""
        parts = []
        for one in lists:
            part = PreparedSet.open(one.folder).only(one.presentations)
            if one.clips and one.clips != part.fingerprint():
                raise DataError(
                    f"{one.folder} was prepared anew since its clips were selected into {root.parent}; start "
                    "in another folder"
                )
            parts.append(part)
        domains = [one.dataset for one in lists] if len(lists) > 1 else []
        joined = replace(PreparedSet.joined(parts, domains=domains), root=root)
        if not joined.rows:
            raise DataError(
                f"{root} names presentations of which no clip is prepared; prepare the sets again"
            )
        return joined

    def only(self, presentations: Collection[str]) -> "PreparedSet":
        """The clips of these presentations."""
        shards = []
        for shard in self.shards:
            kept = [k for k, row in enumerate(shard.rows) if row.name in presentations]
            outcomes = tuple(one for one in shard.outcomes if one.name in presentations)
            rows = tuple(shard.rows[k] for k in kept)
            sums = None if shard.sums is None else tuple(shard.sums[k] for k in kept)
            shards.append(replace(shard, outcomes=outcomes, rows=rows, places=shard.places[kept], sums=sums))
        full = tuple(shard for shard in shards if shard.rows)
        return replace(self, rows=tuple(row for shard in full for row in shard.rows), shards=full)

    @staticmethod
    def joined(
        sets: Sequence["PreparedSet"], *, named: bool = False, domains: Sequence[str] = ()
    ) -> "PreparedSet":
        """Several sets as one; DataError where their clips were cut in different ways.

        Two sets may both have a subject "1": presentations and subjects get the folder of their set before
        their name, and so do domains that no manifest names; a single set's stay as they are unless `named`.
        `domains` makes each set one domain of that name.
        """
        first = sets[0]
        if len(sets) == 1 and not named:
            return first
        for other in sets[1:]:
            if (other.spec, other.depth_px, other.margin) != (first.spec, first.depth_px, first.margin):
                raise DataError(
                    f"{other.root} holds clips cut as {other.spec}, {first.root} as {first.spec}; prepare "
                    "them alike"
                )
        names = domains or [""] * len(sets)
        rows = tuple(
            _of(one, row, domain=domain) for one, domain in zip(sets, names, strict=True) for row in one.rows
        )
        shards = tuple(shard for one in sets for shard in one.shards)
        return PreparedSet(first.root, first.spec, first.depth_px, rows, shards, first.margin)

    def fingerprint(self) -> str:
        """SHA-256 over its clips and their labels, wherever its folder lies."""
        digest = hashlib.sha256()
        for line in self.lines():
            digest.update(line)
        return digest.hexdigest()

    def lines(self) -> Iterator[bytes]:
        """What a fingerprint is made of."""
        yield f"{len(self.rows)}\n".encode()
        for shard in self.shards:
            for row, clip in zip(shard.rows, shard.sums or [""] * len(shard.rows), strict=True):
                yield f"{row.name}\t{row.number}\t{row.label}\t{clip}\n".encode()

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(shard.rows) for shard in self.shards)])[:-1]

    def read(self, numbers: Sequence[int] | np.ndarray, *, crops: np.ndarray | None = None) -> Arrays:
        """Copies of the clips with these numbers, in this order.

        `crops` (n, 4): how far the left, upper, right and lower side of each clip lies from its middle, in
        halves of the side that `spec` gives it; up to 1 + margin. Without them all are 1, as at run time. A
        crop that is not square becomes so, as the published code's.
        """
        parts = []
        spec, stored = self.spec, with_margin(self.spec, self.margin)
        stored_maps = depth_with_margin(self.depth_px, self.margin)
        for count, number in enumerate(numbers):
            place = int(np.searchsorted(self._starts, number, side="right")) - 1
            k = int(number - self._starts[place])
            part = self.shards[place].read(
                k, frames=spec.frames, size_px=stored.size_px, depth_px=stored_maps
            )
            if self.margin:
                sides = np.ones(4) if crops is None else crops[count]
                reach = sides * spec.size_px / stored.size_px  # in halves of the stored side
                pixels, *maps = part
                part = (
                    np.stack([_cropped(frame, reach, px=spec.size_px) for frame in pixels]),
                    *(np.stack([_resampled(one, reach, px=self.depth_px) for one in each]) for each in maps),
                )
            parts.append(part)
        clips, depth, mask = zip(*parts, strict=True)
        return Arrays(np.stack(clips), np.stack(depth), np.stack(mask))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Presentations of a set that was prepared whole, as a part of a protocol names them; `clips` is the
    fingerprint that they had then, and `dataset` the name of the set; both are "" where they are not known.
    """

    folder: Path
    presentations: frozenset[str]
    dataset: str = ""
    clips: str = ""

    @staticmethod
    def read(given: Mapping[str, Any]) -> "Selection":
        """What `json` gives."""
        return Selection(
            folder=Path(str(given["set"])),
            presentations=frozenset(map(str, given["presentations"])),
            dataset=str(given.get("dataset", "")),
            clips=str(given.get("clips", "")),
        )

    def json(self) -> dict[str, Any]:
        """As it stands in the spec of a part."""
        return {
            "set": str(self.folder),
            "presentations": sorted(self.presentations),
            "dataset": self.dataset,
            "clips": self.clips,
        }


def write_seal(root: Path) -> None:
    """Seals the set as it is: a shard that is missing later, and a spec or an index of other bytes, is named
    when it is opened.
    """
    shards = {tar.name: _sha256_of(index_of(tar)) for tar in sorted(root.glob(PATTERN))}
    known = {SPEC: _sha256_of(root / SPEC), "shards": shards}
    write_bytes(root / SEAL, json.dumps(known, indent=1, sort_keys=True).encode())


def _check_seal(root: Path, shards: Sequence[Shard]) -> None:
    """DataError names what is not as it was sealed; sets of older versions, or that are being made, have no
    seal.
    """
    if not (root / SEAL).is_file():
        return
    known = read_json(root / SEAL, again="prepare it again")
    if not (isinstance(known, dict) and isinstance(known.get("shards"), dict)):
        raise DataError(f"{root / SEAL} is damaged: it names no shards; prepare the set again")
    sealed, found = known["shards"], {shard.tar.name: shard.index_sha256 for shard in shards}
    if known.get(SPEC) != _sha256_of(root / SPEC):
        raise DataError(f"{root / SPEC} has changed since the set was prepared; prepare it again")
    if missing := sorted(sealed.keys() - found.keys()):
        raise DataError(f"{root} lacks {missing[0]}, with which it was prepared; prepare it again")
    if others := [name for name in found if found[name] != sealed.get(name)]:
        index = index_of(root / others[0])
        raise DataError(
            f"{index} has changed since the set was prepared; delete {others[0]} and prepare again"
        )


def _sha256_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


_unchanged: set[tuple[Path, int, int]] = set()  # shards that were checked: path, bytes, time of change


def _check_bytes(shard: Shard) -> None:
    """DataError where a clip has changed; a shard is looked through once."""
    about = shard.tar.stat()
    known = (shard.tar.absolute(), about.st_size, about.st_mtime_ns)
    if known not in _unchanged:
        shard.check()
        _unchanged.add(known)


def with_margin(spec: ClipSpec, margin: float) -> ClipSpec:
    """How clips of `spec` are cut where they are stored with a margin: larger, at the same scale.

    >>> with_margin(ClipSpec(size_px=256, box_scale=1.3), 0.1).size_px
    282
    """
    if not margin:
        return spec
    side = 2 * round(spec.size_px * (1 + margin) / 2)  # even, as the side within it is
    return replace(spec, size_px=side, box_scale=spec.box_scale * side / spec.size_px)


def depth_with_margin(depth_px: int, margin: float) -> int:
    """Rows and columns of a map beside such a clip."""
    return depth_px if not margin else 2 * round(FINER * depth_px * (1 + margin) / 2)


def _cropped(picture: np.ndarray, reach: np.ndarray, *, px: int) -> np.ndarray:
    """The part of a picture (S, S, 3) that reaches so far from its middle, in halves of S; (px, px, 3)."""
    half = len(picture) / 2
    left, top, right, bottom = np.clip(half + half * reach * (-1, -1, 1, 1), 0, len(picture)).round()
    return cut_picture(picture, np.array([left, top, right, bottom]), size_px=px)


def _resampled(part: np.ndarray, reach: np.ndarray, *, px: int) -> np.ndarray:
    """Likewise of a map (D, D) uint8, between its cells; (px, px)."""
    half = len(part) / 2
    left, top, right, bottom = half + half * reach * (-1, -1, 1, 1)
    across, down = (right - left) / px, (bottom - top) / px  # cells of the stored map a cell of the new one
    moved = np.array([[across, 0, left + across / 2 - 0.5], [0, down, top + down / 2 - 0.5]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(part, moved, (px, px), flags=how, borderMode=cv2.BORDER_REPLICATE)


def protocol_of(folder: Path) -> str:
    """The protocol that the parts in `folder` were prepared by; "" where none is known."""
    try:
        return str(json.loads((folder / PREPARATION).read_text(encoding="utf-8")).get("protocol", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _of(prepared: PreparedSet, row: Row, *, domain: str) -> Row:
    name = str(prepared.root.parent)  # root is its part train, dev or test
    return row.of(
        path=f"{name}/{row.name}",
        subject=f"{name}/{row.subject}",
        domain=domain or row.presentation.domain or name,
    )


def _check(shard: Shard, *, spec: ClipSpec, depth_px: int) -> None:
    """The lengths of the members fit the settings: what is read as pixels are pixels."""
    maps = spec.frames * depth_px**2
    heads = shard.places[..., 1] - [spec.frames * spec.size_px**2 * 3, maps, maps]  # what an npy has before
    if shard.pictures == "png":
        heads = heads[:, 1:]  # a picture's length tells nothing
    if ((heads <= 0) | (heads > LONGEST_HEAD)).any():
        raise DataError(f"{shard.tar} holds clips of another size than {SPEC} says; prepare them again")
