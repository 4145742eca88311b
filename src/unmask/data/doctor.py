"""What is wrong with a folder that should hold a data set, and which usual mistake it probably is.

Works for every row of DATASETS: by its reader, its published counts, its own `mistakes`, and its protocols.
"""

import filecmp
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median

from unmask.data.archive import packed_files, twins
from unmask.data.catalogue import protocols_with
from unmask.data.sets import DATASETS
from unmask.data.splits import DataSet, miscounted, shared
from unmask.media.sources import open_presentation
from unmask.types import DataError, Label, Presentation, SourceError

SAMPLE = 40  # files that are opened where not all are
COMPARED = (
    20_000  # files whose bytes are compared; of more, as of sets of pictures, only where all are opened
)
NAMED = 5  # findings of a kind that are written out
USUAL = 0.5  # what more than this share of the subjects of a part have is missed in the others
ENDS = 1 << 16  # bytes at both ends by which files of one size are told apart before they are compared
HDF5 = b"\x89HDF\r\n\x1a\n"
REFUSALS = (DataError, OSError, ValueError)  # of a reader in a folder of another kind

Progress = Callable[[int, int | None], None]


class FindingKind(StrEnum):
    """The kinds of findings, in the order in which they are listed."""

    LAYOUT = "layout"
    MISTAKE = "probable mistake"
    MISCOUNTED = "miscounted"
    MISSING = "missing"
    DUPLICATED = "duplicated"
    UNREADABLE = "unreadable"
    LEAKING = "leaking"
    PROTOCOL = "protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: rule, value and, where there is one, remedy."""

    kind: FindingKind
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """`counts`: part as shipped -> (bona fide, attacks) found; of `presentations`, `opened` were opened.

    `compared`: whether it was looked for files of the same bytes.
    """

    counts: Mapping[str, tuple[int, int]]
    presentations: int
    subjects: int
    opened: int
    compared: bool
    findings: tuple[Finding, ...]


def examine(
    dataset: DataSet, root: str | Path, *, every: bool = False, progress: Progress | None = None
) -> Examination:
    """All that is wrong with `root`; SAMPLE files spread over the set are opened, or every one.

    What the reader refuses is told, and the rest is examined.
    """
    root = Path(root)
    found = [
        Finding(kind=FindingKind.MISTAKE, sentence=sentence) for sentence in _own_mistakes(dataset, root)
    ]
    refused: list[str] = []
    try:
        rows = dataset.read(root, refuse=refused.append)
    except REFUSALS as end:
        refused.append(str(end))
        found.extend(_some(FindingKind.LAYOUT, refused))
        found.extend(Finding(kind=FindingKind.MISTAKE, sentence=guess) for guess in _guesses(dataset, root))
        return _examination([], opened=0, compared=False, findings=found)
    found.extend(_some(FindingKind.LAYOUT, refused))
    files = [row for row in rows if Path(row.path).exists()]
    full = [row for row in files if os.access(row.path, os.R_OK) and _bytes(row)]
    sample = full if every else full[:: max(1, len(full) // SAMPLE)][:SAMPLE]
    pairs = twins(rows)
    second = {other for _, other in pairs}
    once = [row for row in rows if row.path not in second]  # else one too many would hide one too few
    found.extend(_counted(dataset, once, root=root))
    found.extend(_absent(rows, files=files))
    compared = every or len(full) <= COMPARED
    found.extend(_doubled(full if compared else [], pairs=pairs))
    found.extend(_unreadable(files, sample=sample, progress=progress))
    found.extend(_leaking(once))
    found.extend(_protocols(dataset, once, counted=not any(f.kind is FindingKind.MISCOUNTED for f in found)))
    return _examination(once, opened=len(sample), compared=compared, findings=found)


def _examination(
    rows: Sequence[Presentation], *, opened: int, compared: bool, findings: Sequence[Finding]
) -> Examination:
    order = list(FindingKind)
    return Examination(
        counts=_counts(rows),
        presentations=len(rows),
        subjects=len({row.subject for row in rows if row.subject}),
        opened=opened,
        compared=compared,
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.kind))),
    )


def _counts(rows: Sequence[Presentation]) -> dict[str, tuple[int, int]]:
    found = Counter((row.split, row.label) for row in rows)
    return {part: (found[part, Label.BONA_FIDE], found[part, Label.ATTACK]) for part in _parts(rows)}


def _parts(rows: Sequence[Presentation]) -> dict[str, list[Presentation]]:
    """Part as shipped -> its rows; train, dev and test first."""
    parts: dict[str, list[Presentation]] = defaultdict(list)
    for row in rows:
        parts[row.split].append(row)
    first = [name for name in ("train", "dev", "test") if name in parts]
    return {name: parts[name] for name in (*first, *sorted(parts.keys() - set(first)))}


# Layout: what the folder is, if it is not what it should be.


def _own_mistakes(dataset: DataSet, root: Path) -> Iterator[str]:
    """The sentences of the set itself; a folder that it cannot look at is told by the reader."""
    if dataset.mistakes is None or not root.is_dir():
        return
    try:
        yield from dataset.mistakes(root)
    except REFUSALS:
        return


def _guesses(dataset: DataSet, root: Path) -> Iterator[str]:
    """Why the reader may have refused: the folder is above or below, packed, or another data set's."""
    if not root.is_dir():
        return
    below = [path for path in sorted(root.iterdir()) if path.is_dir()][:SAMPLE]
    deeper = [(path, "one folder deeper") for path in below]
    for other, where in (*deeper, (root.resolve().parent, "one folder higher")):
        if any(Path(row.path).resolve().is_relative_to(root.resolve()) for row in _read(dataset, other)):
            yield f"{dataset.title} lies {where}: name {other}"
            return
    for row in DATASETS.values():
        if row.name != dataset.name and _read(row, root):
            yield f"the folder is that of {row.title}: ask for {row.name}"
            return
    if packed := packed_files(root):
        more = f" and {len(packed) - 1} more" if len(packed) > 1 else ""
        yield f"not unpacked: {packed[0].name}{more}; unpack all of them here"


def _read(dataset: DataSet, root: Path) -> list[Presentation]:
    try:
        return dataset.read(root)
    except REFUSALS:
        return []


# Counts, and what is missing where they are too small.


def _counted(dataset: DataSet, rows: Sequence[Presentation], *, root: Path) -> Iterator[Finding]:
    found = _counts(rows)
    if dataset.edition(found):
        return
    short = []
    for part, published in (dataset.counts or {}).items():
        have = found.get(part, (0, 0))
        if have != tuple(published):
            people = len({row.subject for row in rows if row.split == part and row.subject})
            yield Finding(
                kind=FindingKind.MISCOUNTED,
                sentence=f"{part or 'what is in no part'} has {have[0]} bona fide and {have[1]} attacks"
                + (f" of {people} subjects" if people else "")
                + f", published are {published[0]} and {published[1]}",
            )
            if sum(have) < sum(published):
                short.append(part)
    for part in short:
        yield from _lacking([row for row in rows if row.split == part], part=part)
    if short and (packed := packed_files(root)):
        sentence = f"{packed[0].name} lies in the folder: it may not have been unpacked"
        yield Finding(kind=FindingKind.MISTAKE, sentence=sentence)


def _lacking(rows: Sequence[Presentation], *, part: str) -> Iterator[Finding]:
    """What most subjects of a part have and some have not, by what the rows say."""
    have: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        have[row.subject][_words(row)] += 1
    usual = {
        words: round(median(counts[words] for counts in have.values()))
        for words in {words for counts in have.values() for words in counts}
        if sum(words in counts for counts in have.values()) > USUAL * len(have)
    }
    lost = [
        f"subject {subject or 'unnamed'} of {part} lacks {count - counts[words]} of {count}: {words}"
        for subject, counts in sorted(have.items())
        for words, count in sorted(usual.items())
        if counts[words] < count
    ]
    yield from _some(FindingKind.MISSING, lost)


def _words(row: Presentation) -> str:
    known = {
        "": row.instrument or "bona fide",
        "model": row.instrument_model,
        "camera": row.camera,
        "session": row.session,
        "place": row.place,
        **{name: cell for name, cell in row.columns.items() if os.sep not in cell},  # no path repeats
    }
    return ", ".join(f"{name} {cell}".strip() for name, cell in known.items() if cell)


def _absent(rows: Sequence[Presentation], *, files: Sequence[Presentation]) -> Iterator[Finding]:
    """What a list of the set names and the disk has not."""
    there = {row.path for row in files}
    yield from _some(
        FindingKind.MISSING, [f"{row.path} is listed, but not there" for row in rows if row.path not in there]
    )


def _some(kind: FindingKind, sentences: Sequence[str]) -> Iterator[Finding]:
    """The first NAMED findings, and how many more."""
    for sentence in sentences[:NAMED]:
        yield Finding(kind=kind, sentence=sentence)
    if len(sentences) > NAMED:
        yield Finding(kind=kind, sentence=f"and {len(sentences) - NAMED} more")


# Files: twice, empty, broken.


def _doubled(rows: Sequence[Presentation], *, pairs: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    yield from _some(
        FindingKind.DUPLICATED, [f"{one} and {other} are the same presentation" for one, other in pairs]
    )
    if pairs:
        places = " and ".join(str(Path(path).parent) for path in pairs[0])
        sentence = f"an archive was unpacked twice, into {places}; remove one of the two"
        yield Finding(kind=FindingKind.MISTAKE, sentence=sentence)
    known = {frozenset(pair) for pair in pairs}
    same = []
    for one, other in _same_bytes(rows):
        if frozenset((one.path, other.path)) not in known:
            apart = f", one in {one.split} and one in {other.split}" if one.split != other.split else ""
            wrong = ", under two labels" if one.label is not other.label else ""
            same.append(
                f"{one.path} and {other.path} have the same bytes{apart}{wrong}; copy the right one again"
            )
    yield from _some(FindingKind.DUPLICATED, same)


def _same_bytes(rows: Sequence[Presentation]) -> Iterator[tuple[Presentation, Presentation]]:
    """Each file with the first that equals it; whole files are compared only where size and ends agree."""
    alike: dict[tuple[int, bytes, bytes], list[Presentation]] = defaultdict(list)
    sizes = Counter(size for row in rows if Path(row.path).is_file() and (size := _bytes(row)))
    for row in rows:
        size = _bytes(row)
        if sizes[size] > 1 and Path(row.path).is_file():
            with open(row.path, "rb") as file:
                head = file.read(ENDS)
                file.seek(max(0, size - ENDS))
                alike[size, head, file.read(ENDS)].append(row)
    for candidates in alike.values():
        different: list[Presentation] = []
        for row in candidates:
            twin = next((o for o in different if filecmp.cmp(o.path, row.path, shallow=False)), None)
            if twin is None:
                different.append(row)
            else:
                yield twin, row


def _bytes(row: Presentation) -> int:
    """The size of a file; for a folder of frames the number of its entries."""
    path = Path(row.path)
    if path.is_dir():
        return sum(1 for _ in path.iterdir())
    return path.stat().st_size if path.is_file() else 0


def _unreadable(
    rows: Sequence[Presentation], *, sample: Sequence[Presentation], progress: Progress | None
) -> Iterator[Finding]:
    empty = [row.path for row in rows if Path(row.path).is_file() and not _bytes(row)]
    if empty:
        sentence = f"{len(empty)} of {len(rows)} files are empty, {empty[0]} the first; copy them again"
        yield Finding(kind=FindingKind.UNREADABLE, sentence=sentence)
    denied = [row.path for row in rows if not os.access(row.path, os.R_OK)]
    if denied:
        sentence = (
            f"{len(denied)} of {len(rows)} files may not be read, {denied[0]} the first; check their rights"
        )
        yield Finding(kind=FindingKind.UNREADABLE, sentence=sentence)
    broken = []
    for count, row in enumerate(sample, start=1):
        if sentence := _refusal(row):
            broken.append(sentence)
        if progress is not None:
            progress(count, len(sample))
    yield from _some(FindingKind.UNREADABLE, broken)


def _refusal(row: Presentation) -> str:
    """Why the first frame cannot be had; "" where it can."""
    if Path(row.path).suffix.lower() in (".h5", ".hdf5"):
        with open(row.path, "rb") as file:
            return "" if file.read(len(HDF5)) == HDF5 else f"{row.path} is not an HDF5 file; copy it again"
    try:
        source = open_presentation(row)
        next(source.frames)
        source.close()
    except (SourceError, DataError) as refused:
        return str(refused)
    return ""


# Splits.


def _leaking(rows: Sequence[Presentation]) -> Iterator[Finding]:
    for sentence in shared(_parts(rows)):
        yield Finding(
            kind=FindingKind.LEAKING, sentence=f"as shipped, {sentence}; a file lies in the wrong part"
        )


def _protocols(dataset: DataSet, rows: Sequence[Presentation], *, counted: bool) -> Iterator[Finding]:
    """What the protocols of this set alone refuse; their counts only where those of the set are right."""
    refused = []
    for protocol in protocols_with(dataset.name):
        if protocol.needs != (dataset.name,):
            continue
        try:
            split = protocol.split(rows)
        except DataError as sentence:
            refused.append(f"{protocol.name}: {sentence}")
            continue
        if counted:
            wrong = miscounted(split, protocol.counts, older=protocol.older)
            refused.extend(f"{protocol.name}: {sentence}" for sentence in wrong)
    yield from _some(FindingKind.PROTOCOL, refused)
