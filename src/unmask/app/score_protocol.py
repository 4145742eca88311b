"""`unmask score --protocol`: data sets' folders -> the scores of a protocol's parts, and their evaluation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.app.evaluate import EvaluateOptions, evaluate
from unmask.app.progress import say
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.data.catalogue import nearest, protocol, read_set, split_by
from unmask.data.sets import DATASETS
from unmask.data.splits import Protocol, checked
from unmask.detector.scoring import PresentationScorer
from unmask.files import name_below
from unmask.types import DataError, Label, Presentation, SettingsError


def score_protocol(
    sources: Sequence[str],
    name: str,
    *,
    scorer: PresentationScorer,
    output: ScoreOutput,
    train: bool = False,
    worst_of: str | None = None,
) -> int:
    """Scores dev and test (and `train`), writes the table, prints what `unmask evaluate` prints of it."""
    row = protocol(name)
    roots = roots_of(sources, row)
    entries, notes = entries_of(row, roots, train=train)
    for note in notes:
        say(f"unmask: {row.name}: {note}; rates on it are not those of the papers")
    scores = write_rows(
        entries,
        scorer,
        output,
        title=f"scoring {row.name}",
        protocol=row.name,
        lists=list(roots.values()),
    )
    say(f"scores: {output.table}")
    if not any(score.columns["split"] == "dev" for score in scores):
        say(f"{row.name} has no dev, so there is no honest threshold")
    if row.folds:
        say(f"{row.name} is a fold of {row.folds}: `unmask evaluate --folds` takes the tables of all folds")
    title = f"{scores[0].columns['model']} on {row.name}"
    return evaluate(EvaluateOptions(scores=(output.table,), names=(title,), worst_of=worst_of))


def roots_of(sources: Sequence[str], row: Protocol) -> dict[str, Path]:
    """Data set -> its folder, for each that the protocol needs, from FOLDER or NAME=FOLDER.

    SettingsError says what is missing, superfluous, unknown or given twice.
    """
    asked = " ".join(f"{name}=FOLDER" for name in row.needs)
    found: dict[str, Path] = {}
    for source in sources:
        name, folder = _named(source)
        if not name:
            if len(row.needs) > 1:
                raise SettingsError(f"{row.name} needs several data sets; name each: {asked}, not {source}")
            name = row.needs[0]
        elif name not in DATASETS:
            near = ", ".join(nearest(name, DATASETS)[:3])
            raise SettingsError(f"there is no data set {name!r}; the nearest are {near}: give {asked}")
        elif name not in row.needs:
            raise SettingsError(f"{row.name} does not use {name}; leave it out and give {asked}")
        if name in found:
            raise SettingsError(f"{row.name} needs one folder of {name}, not {found[name]} and {folder}")
        found[name] = folder
    if missing := [name for name in row.needs if name not in found]:
        raise SettingsError(f"{row.name} needs {' and '.join(missing)} too; give {asked}")
    return found


def entries_of(
    row: Protocol, roots: dict[str, Path], *, train: bool = False
) -> tuple[list[Entry], list[str]]:
    """What is to be scored, and a sentence for each part whose counts are not the published ones.

    DataError where a folder is not that of its set, parts share a subject, or one holds a single class.
    """
    presentations: list[Presentation] = []
    homes: dict[str, str] = {}  # path -> data set
    for name in row.needs:
        found = read_set(name, roots[name])
        homes |= {p.path: name for p in found}
        presentations += found
    split, notes = split_by(row.name, presentations)
    parts = checked(split, name=row.name).parts()
    wanted = {name: part for name, part in parts.items() if part and (train or name != "train")}
    for name, part in wanted.items():
        _refuse_one_class(row.name, name, part)
    entries = []
    for name, part in wanted.items():
        for p in part:
            home = homes[p.path]
            columns = {"split": name, "protocol": row.name, "model": "", "dataset": home}
            entries.append(_entry(p, roots[home], columns, prefix=f"{home}/" if len(row.needs) > 1 else ""))
    return entries, notes


def _entry(p: Presentation, root: Path, columns: dict[str, str], *, prefix: str) -> Entry:
    """Named below its root, as are files in its columns: the table is the same wherever the folder lies."""
    cells = {key: cell.removeprefix(f"{root}/") for key, cell in p.columns.items()}
    name = prefix + name_below(root, p.path)
    return Entry(presentation=replace(p, columns=cells), name=name, columns=columns)


def _named(source: str) -> tuple[str, Path]:
    """(name or "", folder) of FOLDER or NAME=FOLDER; a folder may have = in its name.

    >>> name, folder = _named("siw=sets/siw")
    >>> name, folder.as_posix()
    ('siw', 'sets/siw')
    """
    name, equals, folder = source.partition("=")
    if not equals or "/" in name or Path(source).exists():
        return "", Path(source)
    return name, Path(folder)


def _refuse_one_class(protocol_name: str, part_name: str, part: Sequence[Presentation]) -> None:
    counts = Counter(p.label for p in part)
    for label, words in ((Label.BONA_FIDE, "bona fide presentation"), (Label.ATTACK, "attack")):
        if not counts[label]:
            raise DataError(
                f"protocol {protocol_name}: {part_name} holds {len(part)} presentations and no {words}; "
                "rates need both classes, so complete the folder (`unmask doctor` says what is missing)"
            )
