"""What was prepared, as two Parquet tables: one row per presentation, with why it failed, and one per clip.

They say again what the indices of the shards say, in a form in which a data frame or a query reads them at
once. Only writing them needs pyarrow, of the extra `data`: training reads the shards.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unmask.data.prepare.prepared import SPEC
from unmask.data.prepare.shards import PATTERN, RecordingOutcome, Shard, key_of
from unmask.files import atomic_path
from unmask.types import FREE_FIELDS, SettingsError

MANIFEST = "manifest.parquet"
CLIPS = "clips.parquet"
ROWS = 50_000  # of a table held in memory before they are written

KNOWN = tuple(name for name in FREE_FIELDS if name not in ("subject", "turns"))
TEXTS = ("part", "path", "label", "instrument", "subject", "source", *KNOWN, "columns")
PRESENTATIONS = {
    **dict.fromkeys(TEXTS, "string"),
    "turns": "int8",
    "clips": "int32",
    "reason": "string",
    "detail": "string",
    "shard": "string",
}
PLACES = tuple(f"{member}_{what}" for member in ("clip", "depth", "mask") for what in ("offset", "bytes"))
CLIP_COLUMNS = {
    **dict.fromkeys(("part", "path", "label", "instrument", "subject", "shard", "key"), "string"),
    "number": "int32",
    "time_s": "float64",
    **dict.fromkeys(("left", "top", "right", "bottom"), "int32"),
    **dict.fromkeys(PLACES, "int64"),
}


def write_manifest(out: Path, parts: Sequence[str]) -> Path:
    """`out`/manifest.parquet and `out`/clips.parquet of the sets `out`/PART; gives the first.

    The first appears last: where it is, the preparation went to its end.
    """
    _write(out / CLIPS, CLIP_COLUMNS, _clips(out, parts))
    _write(out / MANIFEST, PRESENTATIONS, _presentations(out, parts))
    return out / MANIFEST


def arrow_module() -> Any:
    """The package pyarrow with its parquet; SettingsError where the extra `data` is missing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as missing:
        raise SettingsError(
            "the manifest needs the package pyarrow, which is missing; pip install 'unmask[data]'"
        ) from missing
    return pyarrow


def outcomes(out: Path, part: str) -> Iterator[tuple[str, RecordingOutcome]]:
    """(path of the shard below `out`, outcome) of every recording of a part, in their order."""
    for shard, name in _shards(out, part):
        for outcome in shard.outcomes:
            yield name, outcome


def _shards(out: Path, part: str) -> Iterator[tuple[Shard, str]]:
    if (out / part / SPEC).is_file():
        for tar in sorted((out / part).glob(PATTERN)):
            yield Shard.open(tar), f"{part}/{tar.name}"


def _presentations(out: Path, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    for part in parts:
        for shard, outcome in outcomes(out, part):
            known = dict(outcome.columns)
            yield {
                "part": part,
                "path": outcome.name,
                "label": outcome.label.value,
                "instrument": outcome.instrument,
                "subject": outcome.subject,
                "source": outcome.source,
                "turns": int(known.pop("turns", 0)),
                **{name: known.pop(name, "") for name in KNOWN},
                "columns": json.dumps(known, sort_keys=True, ensure_ascii=False) if known else "",
                "clips": outcome.clips,
                "reason": outcome.reason,
                "detail": outcome.detail,
                "shard": shard,
            }


def _clips(out: Path, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    for part in parts:
        for shard, name in _shards(out, part):
            recordings = [o.recording for o in shard.outcomes for _ in range(o.clips)]
            for recording, row, places in zip(recordings, shard.rows, shard.places, strict=True):
                yield {
                    "part": part,
                    "path": row.name,
                    "label": row.label.value,
                    "instrument": row.instrument,
                    "subject": row.subject,
                    "shard": name,
                    "key": key_of(recording, row.number),
                    "number": row.number,
                    "time_s": row.time_s,
                    **dict(zip(("left", "top", "right", "bottom"), row.box, strict=True)),
                    **dict(zip(PLACES, places.reshape(-1).tolist(), strict=True)),
                }


def _write(path: Path, columns: Mapping[str, str], rows: Iterator[dict[str, Any]]) -> None:
    arrow = arrow_module()
    schema = arrow.schema([(name, arrow.type_for_alias(kind)) for name, kind in columns.items()])
    with atomic_path(path) as part, arrow.parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == ROWS:
                writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
                batch.clear()
        writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
