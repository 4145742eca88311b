"""`unmask report`: score tables, with evidence and stress where they are given -> one page."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path

from unmask.app.progress import bar, say
from unmask.app.worst import worst_notes, worst_of
from unmask.contract import Contract, from_json
from unmask.data.sets import DATASETS
from unmask.evaluation.measure import Evaluation, comparison_notes, measure
from unmask.evaluation.runs import Run, runs
from unmask.files import keep_inputs, write_page
from unmask.metrics import read_rule
from unmask.report import charts
from unmask.report.galleries import Kept, kept
from unmask.report.published import published
from unmask.report.report_page import Report, Told, page
from unmask.scores import read_scores
from unmask.scores.evidence import read_about, read_evidence
from unmask.types import DataError, Score, SettingsError

SENTENCES = 5  # on evidence that cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask report`; `dev`, `names` and `evidence` hold one for each table, or none."""

    out: Path = Path("report.html")
    dev: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    evidence: tuple[Path, ...] = ()
    models: tuple[Path, ...] = ()
    stress: Path | None = None
    threshold: str = ""
    by: tuple[str, ...] = ()
    worst_of: str = ""  # what the protocol defines
    form: str | None = None
    beside: str = ""  # a protocol
    title: str = ""
    seed: int = 0
    rounds: int = 1000


def run(tables: Sequence[Path], wishes: Wishes) -> int:
    """Reads all, measures, writes the page; 0 once it is whole."""
    evidence = (
        path for folder in wishes.evidence for path in (*folder.glob("*.npz"), *folder.glob("*.json"))
    )
    keep_inputs({"--out": wishes.out}, [*tables, *wishes.dev, *wishes.models, wishes.stress, *evidence])
    charts.need_matplotlib()  # what is missing is said before the work
    rule = read_rule(wishes.threshold) if wishes.threshold else None
    beside = tuple(published(wishes.beside)) if wishes.beside else ()
    found = _read(tables, wishes)
    stress = _stress(wishes.stress) if wishes.stress else ""
    contracts = _contracts(wishes.models)
    systems, told = [], []
    with bar("measuring") as advance:
        for count, (table, one, folder) in enumerate(found, start=1):
            worst = worst_of(one, wishes.worst_of)
            system = measure(one, rule, worst_of=worst, seed=wishes.seed, rounds=wishes.rounds)
            systems.append(system)
            told.append(_told(table, system, contracts, folder=folder))
            advance(count, len(found))
    report = Report(
        systems=tuple(systems),
        told=tuple(told),
        notes=(
            *comparison_notes([one for _, one, _ in found]),
            *worst_notes([one for _, one, _ in found], wishes.worst_of),
        ),
        by=wishes.by,
        beside=beside,
        stress=stress,
        title=wishes.title,
        seed=wishes.seed,
    )
    write_page(wishes.out, page(report, made_at=datetime.now()))
    for note in report.notes:
        say(f"unmask: {note}")
    say(f"report: {wishes.out}")
    return 0


def _read(tables: Sequence[Path], wishes: Wishes) -> list[tuple[Path, Run, Path | None]]:
    """(table, run, folder of its evidence) of every system, each with a name of its own."""
    for option, given in (("dev", wishes.dev), ("name", wishes.names), ("evidence", wishes.evidence)):
        if given and len(given) != len(tables):
            raise SettingsError(
                f"{len(tables)} tables and {len(given)} --{option}; give one for each, in the same order"
            )
    found = []
    for path, dev, name, folder in zip_longest(tables, wishes.dev, wishes.names, wishes.evidence):
        apart = read_scores(dev, wishes.form) if dev else []
        if folder and not folder.is_dir():
            raise DataError(f"--evidence {folder} is not a folder; name the one that `unmask score` filled")
        for one in runs(read_scores(path, wishes.form), name=name or path.stem, dev=apart, one_class=True):
            found.append((path, one, folder))
    systems = [one.system for _, one, _ in found]
    if twice := {name for name in systems if systems.count(name) > 1}:
        raise SettingsError(f"two systems are named {min(twice)}; give each a --name")
    return found


def _told(table: Path, system: Evaluation, contracts: Sequence[Contract], *, folder: Path | None) -> Told:
    evidence, settings = None, {}
    if folder:
        evidence = _evidence(system, folder)
        about = read_about(folder)
        if evidence.found:  # else the folder is of something else, and so is what it says of the model
            settings = about["settings"]
            judged = {one.model for one in evidence.found.values()}
            written = [from_json(text, origin=str(folder)) for text in about["contracts"]]
            contracts = contracts or [c for c in written if f"{c.name} {c.version}" in judged]
    return Told(
        table=table.name,
        sha256=hashlib.sha256(table.read_bytes()).hexdigest(),
        contracts=tuple(contracts),
        settings={name: words for name, words in settings.items() if words},
        data=tuple(_data(system.test)),
        evidence=evidence,
    )


def _evidence(system: Evaluation, folder: Path) -> Kept:
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
    from unmask.detector.network import read_file  # OpenVINO, which a report without models does not need

    return [read_file(path)[1] for path in models]


def _stress(path: Path) -> str:
    from unmask.report.stress import section

    return section(path)
