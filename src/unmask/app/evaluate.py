"""Print the error rates of score tables, at a threshold from dev and at the oracle's beside it.

One table: every instrument with counts and 95 % intervals. Several: a leaderboard.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from unmask.app.measuring import measured
from unmask.app.options import Rounds
from unmask.app.progress import say
from unmask.app.render import console
from unmask.app.table_options import DevTables, SystemNames, TableFormat
from unmask.app.worst import Worst, worst_notes
from unmask.evaluation.figures import HEADER, Figure, FigureTable, figure_table, over_folds, rows
from unmask.evaluation.runs import Run, runs, same_presentations
from unmask.files import keep_inputs, write_bytes
from unmask.metrics import ThresholdRule, read_rule
from unmask.plain import as_csv
from unmask.scores import read_scores
from unmask.types import SettingsError

NOT_SHARES = ("threshold", "AUC")  # the figures that are not shown in per cent


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """The options of the command."""

    scores: Annotated[
        tuple[Path, ...], typer.Argument(help="Score tables; several are systems.", metavar="SCORES")
    ]
    dev: DevTables = ()
    threshold: Annotated[
        str, typer.Option(help="dev-eer, dev-apcer=0.05, dev-bpcer=0.01, fixed=0.5 or oracle.")
    ] = "dev-eer"
    names: SystemNames = ()
    folds: Annotated[
        bool, typer.Option("--folds", help="The tables are folds of one system: mean and deviation.")
    ] = False
    worst_of: Worst = None
    form: TableFormat = None
    table: Annotated[Path | None, typer.Option("--csv", help="Write all figures to this table.")] = None
    rounds: Rounds = 1000
    seed: Annotated[int, typer.Option(help="The same seed gives the same intervals.", min=0)] = 0


def evaluate(options: EvaluateOptions) -> int:
    """Reads, prints one system's figures or the leaderboard of several, writes the table; 0 once done."""
    tables = options.scores
    rule = read_rule(options.threshold)
    keep_inputs({"--csv": options.table}, [*tables, *options.dev])
    found = read_runs(tables, options)
    figures = measured(found, rule, worst=options.worst_of, seed=options.seed, rounds=options.rounds)
    each = [figure_table(evaluation) for evaluation in figures]
    systems = gathered(each) if options.folds else each
    said = (*notes(found, systems, rule, folds=options.folds), *worst_notes(found, options.worst_of))
    for note in said:
        console().print(Text(note))
    if len(systems) == 1:
        for drawn in details(systems[0]):
            console().print(drawn)
            console().print()
    else:
        console().print(leaderboard(systems, rule))
    if options.table:
        means = systems if options.folds else []
        lines = [HEADER, *(line for one in [*each, *means] for line in rows(one))]
        write_bytes(options.table, as_csv(lines).encode())
        say(f"figures: {options.table}")
    return 0


def read_runs(tables: Sequence[Path], options: EvaluateOptions) -> list[Run]:
    """The runs of all tables; without folds every one is a system with a name of its own."""
    if options.dev and len(options.dev) != len(tables):
        raise SettingsError(
            f"{len(tables)} tables and {len(options.dev)} --dev: scores of one system say nothing of "
            "another's; give one --dev for each table, in the same order"
        )
    found: list[Run] = []
    for path, dev, name in zip_longest(tables, options.dev, _names(tables, options)):
        apart = read_scores(dev, options.form) if dev else []
        of_table = runs(read_scores(path, options.form), name=name, dev=apart)
        if options.folds:
            place = _told_apart(path, tables)
            of_table = [replace(one, system=name, fold=f"{place} {one.fold}".strip()) for one in of_table]
        found += of_table
    systems = [one.system for one in found]
    if not options.folds and (twice := {name for name in systems if systems.count(name) > 1}):
        raise SettingsError(
            f"two systems are named {min(twice)}; give each a --name, or say --folds if they are folds of one"
        )
    return found


def gathered(measured: Sequence[FigureTable]) -> list[FigureTable]:
    """One evaluation for each system, the mean over its folds."""
    systems: dict[str, list[FigureTable]] = {}
    for one in measured:
        systems.setdefault(one.system, []).append(one)
    for name, folds in systems.items():
        if len(folds) < 2:
            raise SettingsError(f"{name} has one fold, and a deviation needs two; leave out --folds")
    return [over_folds(folds) for folds in systems.values()]


def notes(
    found: Sequence[Run], systems: Sequence[FigureTable], rule: ThresholdRule, *, folds: bool
) -> Iterator[str]:
    """What a reader of the figures has to know before the figures."""
    without = [one.system for one in systems if not one.honest]
    if without and rule.needs_dev:
        yield (
            f"No honest threshold: {', '.join(without)} came without dev scores, so what needs a threshold "
            "is shown at the oracle's alone; give --dev, a column split, or --threshold fixed=..."
        )
    if unscored := [one.system for one in systems if not one.free]:
        yield (
            f"There are no figures of {', '.join(unscored)}: of a class nothing was scored, so no threshold "
            "can be chosen; give --threshold fixed=... for the rates of non-responses"
        )
    for one in systems:
        of = f"{one.system}: " if len(systems) > 1 else ""
        yield from (f"{of}{hint}" for hint in one.hints)
    if len(systems) > 1 and not folds and not same_presentations(found):
        yield "By their names, the systems were tested on different presentations; do not compare them."


def details(one: FigureTable) -> Iterator[Table]:
    """The figures of one system: at a threshold, free of one, on the curve."""
    spread = one.folds > 1
    drawn = _table(_title(one), "figure")
    if one.honest:
        _columns(drawn, one.rule, spread=spread)
    _columns(drawn, "oracle (on test)", spread=spread, alone=True)
    for honest, oracle in zip_longest(one.honest, one.oracle):
        cells = [*(_cells(honest, spread=spread) if honest else []), _value(oracle) if oracle else "–"]
        drawn.add_row(_name(honest or oracle, folds=one.folds), *map(Text, cells))
    yield drawn
    free = _table("free of a threshold", "figure")
    _columns(free, "value", spread=spread)
    for figure in one.free:
        if figure.value or not figure.name.startswith("APNRR "):  # of instruments, those that matter
            free.add_row(_name(figure, folds=one.folds), *map(Text, _cells(figure, spread=spread)))
    yield free
    curve = _table("on the curve of test, each at a threshold chosen there", "figure")
    _columns(curve, "on test", spread=spread)
    for figure in one.curve:
        curve.add_row(_name(figure, folds=one.folds), *map(Text, _cells(figure, spread=spread)))
    yield curve


def leaderboard(systems: Sequence[FigureTable], rule: ThresholdRule) -> Table:
    """One row a system, the smallest honest ACER first; those without one by AUC after them."""
    drawn = _table(f"{len(systems)} systems, threshold {rule}, rates in %", "system")
    for name in ("APCER, worst", "BPCER", "ACER", "HTER", "AUC", "ACER oracle", "EER of test"):
        drawn.add_column(name, justify="right", header_style="dim")
    for one in sorted(systems, key=_standing):
        honest = {figure.name: figure for figure in (*one.honest, *one.free)}
        cells = [_value_alone(honest.get(name)) for name in ("APCER, worst", "BPCER", "ACER", "HTER", "AUC")]
        cells.append(_value_alone(next((figure for figure in one.oracle if figure.name == "ACER"), None)))
        cells.append(_value_alone(next(iter(one.curve), None)))
        drawn.add_row(Text(one.system), *map(Text, cells))
    return drawn


def _names(tables: Sequence[Path], options: EvaluateOptions) -> list[str]:
    """A name for each table: --name, or the file's stem; of folds without a name what their stems share."""
    given = options.names
    if len(given) == len(tables):
        return list(given)
    if options.folds and len(given) == 1:
        return [given[0]] * len(tables)
    if given:
        raise SettingsError(
            f"{len(tables)} tables and {len(given)} --name; give one for each, in the same order"
        )
    stems = [path.stem for path in tables]
    if options.folds:
        shared = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
        return ["".join(letters[0] for letters in shared).rstrip("-_. ") or stems[0]] * len(tables)
    return stems


def _told_apart(path: Path, tables: Sequence[Path]) -> str:
    """What tells a table from the others: its stem, or all of its path."""
    stems = [table.stem for table in tables]
    return path.stem if stems.count(path.stem) == 1 else str(path)


def _standing(one: FigureTable) -> tuple[bool, float, float]:
    acer, area = one.value("ACER"), one.value("AUC")
    return math.isnan(acer), 0.0 if math.isnan(acer) else acer, 0.0 if math.isnan(area) else -area


def _title(one: FigureTable) -> str:
    bona_fide, attacks = one.test_counts
    if one.folds > 1:
        return f"{one.system}: mean and deviation of {one.folds} folds"
    title = f"{one.system}: {bona_fide} bona fide and {attacks} attacks in test"
    if any(one.dev_counts):
        title += ", {} and {} in dev".format(*one.dev_counts)
    return title


def _table(title: str, first: str) -> Table:
    drawn = Table(title=Text(title, "bold"), title_justify="left", box=None, pad_edge=False)
    drawn.add_column(first, header_style="dim", overflow="fold")
    return drawn


def _columns(drawn: Table, source: str, *, spread: bool, alone: bool = False) -> None:
    names = [source] if spread or alone else [source, "count", "95 % interval"]
    for name in names:
        drawn.add_column(name, justify="right", header_style="dim")


def _name(figure: Figure, *, folds: int) -> Text:
    detail = f": {figure.detail}" if figure.detail else ""
    some = f" ({figure.folds} of {folds} folds)" if figure.folds < folds else ""
    return Text(f"{figure.name}{detail}{some}")


def _cells(figure: Figure, *, spread: bool) -> list[str]:
    if spread:
        return [_value(figure)]
    count = "" if figure.count is None else str(figure.count)
    if figure.errors is not None:
        count = f"{figure.errors} of {count}"
    interval = ""
    if math.isfinite(figure.low):
        interval = f"{_number(figure, figure.low)} to {_number(figure, figure.high)}"
    return [_value(figure), count, interval]


def _value(figure: Figure) -> str:
    unit = " %" if figure.name not in NOT_SHARES and math.isfinite(figure.value) else ""
    return f"{_value_alone(figure)}{unit}"


def _value_alone(figure: Figure | None) -> str:
    if figure is None or not math.isfinite(figure.value):
        return "–"
    if math.isfinite(figure.deviation):
        return f"{_number(figure, figure.value)} ± {_number(figure, figure.deviation)}"
    return _number(figure, figure.value)


def _number(figure: Figure, value: float) -> str:
    return f"{value:.4f}" if figure.name in NOT_SHARES else f"{100 * value:.2f}"
