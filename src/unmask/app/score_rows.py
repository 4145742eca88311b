"""Presentations scored by an engine, resumed where a run was broken off, and written as one table."""

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from unmask.app.progress import bar, say
from unmask.contract import to_json
from unmask.detector import scoring
from unmask.detector.detector import packaged
from unmask.detector.scoring import PresentationScorer, Scored
from unmask.files import content_of, is_same, keep_inputs, write_bytes
from unmask.parallel import ENGINES, KilledError
from unmask.plain import as_csv
from unmask.scores import write_scores
from unmask.scores.evidence import evidence_path, write_about
from unmask.scores.journal import Journal, journal, journal_path
from unmask.types import DataError, OutputError, Presentation, Score

CLIP_COLUMNS = ("presentation", "time_s", "score")
SENTENCES = 10  # on files that cannot be read, before they are only counted
MIN_PER_WORKER = 32  # presentations of a process that are worth its start, which takes as long as some 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row to be: its presentation, its name in the table, and columns that are known before, e.g. split."""

    presentation: Presentation
    name: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOutput:
    """Where rows go, `clips` being a table of one row for each clip; which of ENGINES makes them, and on how
    many processes (0: one for each core that is worth it).
    """

    table: Path
    clips: Path | None = None
    engine: str = "processes"
    jobs: int = 0


@dataclass(frozen=True, slots=True)
class Bound:
    """A scorer that says, too, what content each score belongs to: as it was before it was scored."""

    scorer: PresentationScorer

    def __call__(self, task: tuple[int, Presentation, str]) -> tuple[int, Scored, dict[str, str]]:
        """As the scorer, with `media.files.content_of` the presentation behind it."""
        content = content_of(task[1].path)
        return (*self.scorer(task), content)


def write_rows(
    entries: Sequence[Entry],
    scorer: PresentationScorer,
    output: ScoreOutput,
    *,
    title: str,
    protocol: str = "",
    lists: Sequence[Path] = (),
) -> list[Score]:
    """The rows of all entries, in their order, once both tables are written, neither over what is read:
    presentations, models, and the `lists`, files or folders, that the entries come from.

    With a `protocol`, the column model names the networks that judged. Raises DataError, after the tables
    are written, where no presentation has a score.
    """
    _check_output(output)
    _keep_inputs(entries, scorer, output, lists=lists)
    if scorer.evidence:
        _tell_about(entries, scorer, protocol=protocol)
    with journal(output.table, _mark(entries, scorer, protocol=protocol)) as kept:
        found = _scored(entries, scorer, output, kept=kept, title=title)
        judges = sorted({one.model for one in found if one.model}) or _names(scorer)
        model = {"model": " + ".join(judges)} if protocol else {}
        rows = [
            scoring.row(entry.presentation, one, name=entry.name, columns={**entry.columns, **model})
            for entry, one in zip(entries, found, strict=True)
        ]
        if output.clips:
            write_bytes(output.clips, as_csv(_clip_rows(entries, found)).encode())
        write_scores(output.table, rows)
        kept.remove()
    _tell_failures(found, output.table)
    if protocol and len(judges) > 1:
        say(f"unmask: {model['model']} judged pictures and video, and one threshold is held against both")
    return rows


def _check_output(output: ScoreOutput) -> None:
    """What would be refused at the end is refused at the beginning."""
    for path in (output.table, output.clips):
        if path and path.exists() and not path.is_file():
            raise OutputError(f"cannot write {path}: it is not a plain file; name a file")


def _keep_inputs(
    entries: Sequence[Entry], scorer: PresentationScorer, output: ScoreOutput, *, lists: Sequence[Path]
) -> None:
    outputs = {
        "--out": output.table,
        "--clips": output.clips,
        "--evidence": scorer.evidence or None,
        "the journal": journal_path(output.table),
    }
    keep_inputs(
        outputs,
        [*lists, *(scorer.models or packaged(scorer.precision)), *(e.presentation.path for e in entries)],
    )


def _mark(entries: Sequence[Entry], scorer: PresentationScorer, *, protocol: str) -> dict[str, str]:
    """All that the rows follow from, wherever the folders lie: a table is continued only by the same."""
    rows = [
        [entry.name, dict(entry.columns), {**asdict(entry.presentation), "path": ""}] for entry in entries
    ]
    return {
        "protocol": protocol,
        **mark_of(scorer),
        "wish for evidence": "with" if scorer.evidence else "without",
        "list of presentations": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
    }


def mark_of(scorer: PresentationScorer) -> dict[str, str]:
    """What scores follow from beside the recordings, for the mark of a journal."""
    contracts = scoring.contracts_of(scorer)
    return {
        "model": ", ".join(f"{c.name} {c.version} {c.payload_sha256}" for c in contracts),
        "precision, operating point or frame rate": f"{scorer.precision} {scorer.point} {scorer.fps:g}",
        **({} if scorer.device in ("auto", "cpu") else {"device": scorer.device}),  # unsaid: older journals
    }


def _scored(
    entries: Sequence[Entry], scorer: PresentationScorer, output: ScoreOutput, *, kept: Journal, title: str
) -> list[Scored]:
    """What came of each entry; those that the journal has are not scored again, unless the file has changed
    since or could not be read.
    """
    total, engine = len(entries), ENGINES[output.engine]
    read = {n for n, row in kept.rows.items() if _still_holds(entries[n], row, scorer)}
    todo = [(n, entry.presentation, entry.name) for n, entry in enumerate(entries) if n not in read]
    if read:
        say(f"{len(read)} of {total} presentations were scored before; going on with the others")
    if output.engine == "ray":  # whose workers may stand in other folders
        todo = [(number, replace(p, path=os.path.abspath(p.path)), name) for number, p, name in todo]
        evidence = scorer.evidence and os.path.abspath(scorer.evidence)
        trusted = scorer.trusted and os.path.abspath(scorer.trusted)
        models = tuple(map(os.path.abspath, scorer.models))
        scorer = replace(scorer, models=models, evidence=evidence, trusted=trusted)
    told = 0
    try:
        scored = engine(Bound(scorer), todo, jobs=_jobs(output, len(todo)))
        with bar(title) as advance, closing(scored) as results:
            advance(len(read), total)
            for done, (number, one, content) in enumerate(results, start=len(read) + 1):
                kept.keep(number, {**asdict(one), "content": content})
                if one.sentence:
                    told += 1
                    _tell_unreadable(one.sentence, told)
                advance(done, total)
    except KilledError as killed:
        raise OutputError(
            f"a worker process was killed, perhaps for want of memory, with {len(kept.rows)} of {total} "
            f"presentations scored and kept in {kept.path}; run the same command again to go on, with fewer "
            "--jobs if memory is short"
        ) from killed
    return [scored_from_json(kept.rows[n]) for n in range(total)]


def _still_holds(entry: Entry, row: Mapping[str, Any], scorer: PresentationScorer) -> bool:
    """Whether the row need not be made again: it has a score, of the same content, and evidence if wished."""
    return (
        not row["sentence"]
        and _has_evidence(entry, row, scorer)
        and is_same(entry.presentation.path, row.get("content", {}))
    )


def _has_evidence(entry: Entry, row: Mapping[str, Any], scorer: PresentationScorer) -> bool:
    """Whether what was asked to be kept of a row is there: the folder may have been emptied since."""
    return not scorer.evidence or not row["clips"] or evidence_path(scorer.evidence, entry.name).is_file()


def _tell_about(entries: Sequence[Entry], scorer: PresentationScorer, *, protocol: str) -> None:
    """What a reader of the evidence has to know of the run."""
    folder = Path(scorer.evidence)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"--evidence {folder} is a file; name a folder")
    settings = {
        "protocol": protocol,
        "operating point": scorer.point,
        "precision": scorer.precision,
        "presentations": str(len(entries)),
        "scored by": f"unmask {version('unmask')}",
        "scored on": date.today().isoformat(),
    }
    contracts = [to_json(contract) for contract in scoring.contracts_of(scorer)]
    write_about(folder, contracts=contracts, settings=settings)


def _jobs(output: ScoreOutput, todo: int) -> int:
    """Processes: as many as were asked for, else one for each core, where each has enough to do."""
    return output.jobs or max(1, min(os.cpu_count() or 1, math.ceil(todo / MIN_PER_WORKER)))


def scored_from_json(row: dict[str, Any]) -> Scored:
    """The record that was kept as JSON."""
    known = {name: row[name] for name in row if name != "content"}
    return Scored(**{**known, "clips": tuple((time_s, score) for time_s, score in row["clips"])})


def _names(scorer: PresentationScorer) -> list[str]:
    return [f"{contract.name} {contract.version}" for contract in scoring.contracts_of(scorer)]


def _clip_rows(entries: Sequence[Entry], found: Sequence[Scored]) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = [CLIP_COLUMNS]
    for entry, one in zip(entries, found, strict=True):
        for time_s, score in one.clips:
            rows.append((entry.name, f"{time_s:.3f}", repr(score) if math.isfinite(score) else ""))
    return rows


def _tell_unreadable(sentence: str, count: int) -> None:
    if count <= SENTENCES:
        say(f"unmask: {sentence}")
    if count == SENTENCES + 1:
        say("unmask: more files cannot be read; they are counted at the end")


def _tell_failures(found: Sequence[Scored], table: Path) -> None:
    """How many rows have no score, and why; DataError where none has one."""
    silent = Counter(one.reasons for one in found if math.isnan(one.score))
    if not silent:
        return
    reasons = ", ".join(f"{name or 'no reason'} {count}" for name, count in silent.most_common())
    sentence = f"{silent.total()} of {len(found)} presentations have no score ({reasons})"
    if silent.total() == len(found):
        raise DataError(f"{sentence}, so there are no rates; {table} names them: look at the files")
    say(f"unmask: {sentence}; they are counted as failures to acquire")
