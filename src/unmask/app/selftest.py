"""`unmask selftest`: a plan of presentations and its checklist; the report once they were captured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from unmask.app.progress import say
from unmask.app.score_rows import Entry, Output, write_rows
from unmask.detector.scoring import PresentationScorer, loaded
from unmask.evaluation.selftest import NOBODY, SelftestOutcome, counted, stem
from unmask.files import keep_inputs, name_below, write_page
from unmask.report.selftest_page import checklist, report
from unmask.scores import read_scores
from unmask.scores.plan import (
    ATTACKS_PER_LIVING,
    SPECIES,
    PlannedPresentation,
    make_plan,
    read_plan,
    split_retry,
    write_plan,
)
from unmask.types import DataError, OutputError, Presentation, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask selftest report`."""

    out: Path = Path("selftest.html")
    scores: Path | None = None
    models: tuple[Path, ...] = ()
    point: str = "default"
    precision: str = "f32"
    fps: float = 30.0


def plan(
    out: Path,
    *,
    page: Path | None,
    subjects: int,
    per_species: int,
    species: Sequence[str],
    seed: int,
    attacks_per_bona_fide: int = ATTACKS_PER_LIVING,
) -> int:
    """Writes the plan, and the page to print; never over a plan that may have been filled."""
    keep_inputs({"--out": out, "--checklist": page}, [])
    if out.exists():
        raise OutputError(
            f"{out} is there already and may have been filled; name another file, or move it away"
        )
    rows = make_plan(
        subjects=subjects,
        per_species=per_species,
        species=list(species) or list(SPECIES),
        seed=seed,
        attacks_per_bona_fide=attacks_per_bona_fide,
    )
    write_plan(out, rows)
    attacks = sum(bool(row.instrument) for row in rows)
    say(f"plan: {out}, {attacks} attacks and {len(rows) - attacks} bona fide presentations")
    if page:
        write_page(page, checklist(rows, made_at=datetime.now()))
        say(f"checklist: {page}")
    return 0


def tell(table: Path, captures: Path, wishes: Wishes) -> int:
    """Scores the captures, or reads their scores, and writes the report."""
    planned = read_plan(table)
    kept = wishes.scores or wishes.out.with_suffix(".scores.csv")
    read = [table, *wishes.models, *([] if captures.is_dir() else [captures])]
    keep_inputs({"--out": wishes.out, **({"--scores": kept} if captures.is_dir() else {})}, read)
    if captures.is_dir():
        scores, model = _scored(planned, captures, wishes, plan_file=table)
    else:
        scores, model = read_scores(captures), f"the scores in {captures.name}"
    outcome = counted(planned, scores)
    text = report(outcome, model=model, where=_where(outcome, captures), made_at=datetime.now())
    write_page(wishes.out, text)
    for kind in outcome.kinds:
        name = "BPCER" if kind.name == NOBODY else f"APCER {kind.name}"
        print(
            f"{name}: {kind.errors.errors} of {kind.errors.count}; "
            f"no response {kind.silent.errors} of {kind.silent.count}"
        )
    if outcome.missing:
        say(f"unmask: {outcome.missing} of {outcome.planned} planned presentations were not made")
    say(f"report: {wishes.out}; it is no certificate")
    return 0


def _where(outcome: SelftestOutcome, captures: Path) -> str:
    made = sum(kind.silent.count for kind in outcome.kinds)
    return f"{made} presentations of {captures.resolve().name}"


def _scored(
    planned: Sequence[PlannedPresentation], folder: Path, wishes: Wishes, *, plan_file: Path
) -> tuple[list[Score], str]:
    entries = _captured(planned, folder)
    if not entries:
        return [], "no model: nothing was captured"
    scorer = PresentationScorer(
        models=tuple(map(str, wishes.models)),
        point=wishes.point,
        precision=wishes.precision,
        fps=wishes.fps,
    )
    kept = wishes.scores or wishes.out.with_suffix(".scores.csv")
    keep_inputs({"--out": wishes.out}, [entry.presentation.path for entry in entries])
    output = Output(table=kept, jobs=1)
    found = write_rows(entries, scorer, output, title=f"scoring {folder}", lists=[plan_file])
    say(f"scores: {kept}")
    names = " and ".join(f"{c.name} {c.version}" for c in loaded(scorer).contracts)
    return found, f"{names} at the operating point {wishes.point} ({wishes.precision})"


def planned_captures(table: Path, folder: Path) -> list[Presentation]:
    """What the folder holds of a plan, in the order of its files; DataError where that is nothing."""
    return [entry.presentation for entry in _captured(read_plan(table), folder)]


def _captured(planned: Sequence[PlannedPresentation], folder: Path) -> list[Entry]:
    """The captures of the folder that bear a name of the plan; none where the plan says so."""
    rows = {row.presentation: row for row in planned}
    entries, strangers = [], []
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or not (path.is_file() or _frames_of(path, rows)):
            continue
        row = rows.get(split_retry(stem(path.name))[0])
        if row is not None:
            entries.append(_entry(path, row, folder))
        elif path.parent == folder and path.suffix.lower() not in (".csv", ".html", ".txt", ".partial"):
            strangers.append(path.name)
    if not entries:
        if any(row.response for row in planned):
            return []
        raise DataError(
            f"{folder} holds no capture with a name of the plan, such as {planned[0].presentation}.mp4; name "
            "captures as in the column presentation"
        )
    for name in strangers[:1]:
        say(f"unmask: {len(strangers)} files of {folder} bear no name of the plan, {name} the first")
    return entries


def _frames_of(path: Path, rows: dict[str, PlannedPresentation]) -> bool:
    """Whether a folder is a capture: one of frames."""
    return path.is_dir() and split_retry(path.name)[0] in rows


def _entry(path: Path, row: PlannedPresentation, folder: Path) -> Entry:
    presentation = Presentation(
        path=str(path), label=row.label, instrument=row.instrument, subject=row.subject
    )
    return Entry(presentation=presentation, name=name_below(folder, str(path)))
