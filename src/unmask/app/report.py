"""Write one HTML page for third parties: what was tested, rates in ISO words, curves, slices, errors.

Needs the extra `report`. Two tables whose names differ in `last` and `best` are two epochs of one run.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.measuring import measured
from unmask.app.options import Rounds
from unmask.app.progress import busy, say
from unmask.app.table_options import DevTables, SystemNames, TableFormat
from unmask.app.worst import Worst, worst_notes
from unmask.contract import Contract, from_json
from unmask.data.protocols import PROTOCOLS
from unmask.data.sets import DATASETS
from unmask.detector.model_file import read_file
from unmask.evaluation.measure import Evaluation, comparison_notes
from unmask.evaluation.runs import Run, runs
from unmask.files import keep_inputs, write_page
from unmask.metrics import read_rule
from unmask.report import charts
from unmask.report.galleries import KeptEvidence, kept
from unmask.report.published import PublishedRow, published
from unmask.report.report_page import Provenance, Report, page
from unmask.scores import read_scores
from unmask.scores.evidence import read_about, read_evidence
from unmask.types import DataError, Score, SettingsError

SENTENCES = 5  # on evidence that cannot be read


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of the command."""

    scores: Annotated[
        tuple[Path, ...],
        typer.Argument(help="Score tables; several are systems side by side.", metavar="SCORES"),
    ]
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html")
    evidence: Annotated[
        tuple[Path, ...],
        typer.Option(help="What `unmask score --evidence` kept, one folder for each table."),
    ] = ()
    stress: Annotated[Path | None, typer.Option(help="The table of `unmask stress`.")] = None
    models: Annotated[
        tuple[Path, ...],
        typer.Option(
            "--model", help="The .onnx files that scored, for their contracts; not needed with --evidence."
        ),
    ] = ()
    dev: DevTables = ()
    threshold: Annotated[
        str,
        typer.Option(
            help="dev-eer, dev-apcer=0.05, dev-bpcer=0.01, fixed=0.5 or oracle; if not given, dev's EER, "
            "without dev the thresholds in the table."
        ),
    ] = ""
    names: SystemNames = ()
    by: Annotated[tuple[str, ...], typer.Option(help="A further column to slice by.")] = ()
    beside: Annotated[
        str, typer.Option(help="Put the rows below the published figures of this protocol, as oulu-npu/1.")
    ] = ""
    title: Annotated[str, typer.Option(help="Title of the page.")] = ""
    worst_of: Worst = None
    form: TableFormat = None
    rounds: Rounds = 1000
    seed: Annotated[int, typer.Option(help="The same seed gives the same page.", min=0)] = 0


def report(options: ReportOptions) -> int:
    """Reads all, measures, writes the page; 0 once it is whole."""
    tables = options.scores
    evidence = (
        path for folder in options.evidence for path in (*folder.glob("*.npz"), *folder.glob("*.json"))
    )
    keep_inputs({"--out": options.out}, [*tables, *options.dev, *options.models, options.stress, *evidence])
    charts.need_matplotlib()  # what is missing is said before the work
    rule = read_rule(options.threshold) if options.threshold else None
    beside = _beside(options.beside) if options.beside else ()
    found = _read(tables, options)
    stress = _stress(options.stress) if options.stress else ""
    contracts = _contracts(options.models)
    compared = [one for _, one, _ in found]
    systems = measured(compared, rule, worst=options.worst_of, seed=options.seed, rounds=options.rounds)
    with busy("reading the evidence"):
        provenance = [
            _provenance(table, system, contracts, folder=folder)
            for (table, _, folder), system in zip(found, systems, strict=True)
        ]
    shown = Report(
        systems=tuple(systems),
        provenance=tuple(provenance),
        notes=(
            *comparison_notes(compared),
            *worst_notes(compared, options.worst_of),
            *_beside_notes(compared, beside),
        ),
        by=options.by,
        beside=beside,
        stress=stress,
        title=options.title,
        seed=options.seed,
    )
    with busy("drawing the page"):
        write_page(options.out, page(shown, made_at=datetime.now()))
    for note in shown.notes:
        say(f"unmask: {note}")
    say(f"report: {options.out}")
    return 0


def _beside(name: str) -> tuple[PublishedRow, ...]:
    """The published rows of a protocol, of a fold those of its group."""
    rows = tuple(published(name))
    group = rows[0].protocol
    if name != group and name not in PROTOCOLS:
        folds = [fold for fold, row in PROTOCOLS.items() if row.folds == group]
        remedy = f"its folds are {', '.join(folds)}" if folds else f"name {group}, which has no folds"
        raise SettingsError(f"--beside {name} is not a protocol; {remedy}")
    return rows


def _beside_notes(compared: Sequence[Run], beside: Sequence[PublishedRow]) -> Iterator[str]:
    """A sentence for each other protocol that a table is of."""
    of = {one.test[0].columns.get("protocol", "") for one in compared if one.test} & PROTOCOLS.keys()
    for name in sorted(of if beside else ()):
        if beside[0].protocol not in (name, PROTOCOLS[name].folds):
            yield f"The published figures are of {beside[0].protocol}, the scores of {name}: not comparable."


def _read(tables: Sequence[Path], options: ReportOptions) -> list[tuple[Path, Run, Path | None]]:
    """(table, run, folder of its evidence) of every system, each with a name of its own."""
    for option, given in (("dev", options.dev), ("name", options.names), ("evidence", options.evidence)):
        if given and len(given) != len(tables):
            raise SettingsError(
                f"{len(tables)} tables and {len(given)} --{option}; give one for each, in the same order"
            )
    found = []
    for path, dev, name, folder in zip_longest(tables, options.dev, options.names, options.evidence):
        apart = read_scores(dev, options.form) if dev else []
        if folder and not folder.is_dir():
            raise DataError(f"--evidence {folder} is not a folder; name the one that `unmask score` filled")
        for one in runs(read_scores(path, options.form), name=name or path.stem, dev=apart, one_class=True):
            found.append((path, one, folder))
    systems = [one.system for _, one, _ in found]
    if twice := {name for name in systems if systems.count(name) > 1}:
        raise SettingsError(f"two systems are named {min(twice)}; give each a --name")
    return found


def _provenance(
    table: Path, system: Evaluation, contracts: Sequence[Contract], *, folder: Path | None
) -> Provenance:
    evidence, settings = None, {}
    if folder:
        evidence = _evidence(system, folder)
        about = read_about(folder)
        if evidence.found:  # else the folder is of something else, and so is what it says of the model
            settings = about["settings"]
            judged = {one.model for one in evidence.found.values()}
            written = [from_json(text, origin=str(folder)) for text in about["contracts"]]
            contracts = contracts or [c for c in written if f"{c.name} {c.version}" in judged]
    return Provenance(
        table=table.name,
        sha256=hashlib.sha256(table.read_bytes()).hexdigest(),
        contracts=tuple(contracts),
        settings={name: words for name, words in settings.items() if words},
        data=tuple(_data(system.test)),
        evidence=evidence,
    )


def _evidence(system: Evaluation, folder: Path) -> KeptEvidence:
    found = kept(system, partial(read_evidence, folder))
    for sentence in found.broken[:SENTENCES]:
        say(f"unmask: {sentence}")
    if found.foreign:
        say(f"unmask: {found.foreign} files in {folder} are of another run than the table; they are left out")
    return found


def _data(scores: Sequence[Score]) -> list[tuple[str, str, int]]:
    """(data set or source, licence, presentations), "" where unknown; of a known set its own licence."""
    counts: Counter[tuple[str, str]] = Counter()
    for score in scores:
        home = score.columns.get("dataset") or score.columns.get("source") or ""
        known = DATASETS[home].licence if home in DATASETS else ""
        counts[home, score.columns.get("licence") or known] += 1
    return [(home, licence, count) for (home, licence), count in sorted(counts.items())]


def _contracts(models: Sequence[Path]) -> list[Contract]:
    if not models:
        return []
    return [read_file(path)[1] for path in models]


def _stress(path: Path) -> str:
    from unmask.report.stress_page import section

    return section(path)
