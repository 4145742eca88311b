"""The benchmark's protocols: who trains, who chooses thresholds, who is tested, from the rows of its labels.

Each is a few lines, and a function of the columns alone. What a protocol holds out is in none of its train
and dev recordings, and in all of its test attacks.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from unmask.types import family_of

Row = Mapping[str, str]  # of labels.csv: column -> cell
Held = Callable[[Row], bool | None]  # whether a row is of what is held out; None where that cannot be asked
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkProtocol:
    """`held_out` in words; `parts`: path -> train, dev or test; `depths`: path -> the label to learn from.

    A depth label is the file with the true depth, or "zero". `depths` is empty where a protocol leaves that
    open: zero for attacks is the custom.
    """

    name: str
    held_out: str
    parts: Mapping[str, str]
    depths: Mapping[str, str]

    def rows(self) -> Iterator[dict[str, str]]:
        """One for each path; `depth` only where `depths` says."""
        for path, split in sorted(self.parts.items()):
            yield {"path": path, "split": split} | ({"depth": self.depths[path]} if self.depths else {})


def protocols(rows: Sequence[Row]) -> list[BenchmarkProtocol]:
    """All protocols, in order; see the functions below."""
    return [*oulu(rows), *domains(rows), *types(rows), *depths(rows)]


def oulu(rows: Sequence[Row]) -> Iterator[BenchmarkProtocol]:
    """As OULU-NPU 1 to 4, with prints and replays: an unseen place, unseen instrument models, one camera left
    out, all three at once.
    """
    shown = [row for row in rows if family_of(row["instrument"]) in ("", "print", "replay")]
    place, models = _values(rows, "place")[-1], _unseen_models(shown)
    away, other = _is("place", place), _model_in(models)
    yield _protocol("oulu-1", f"place {place}", _apart(shown, away))
    yield _protocol("oulu-2", "every second printer and display", _apart(shown, other))
    cameras = list(enumerate(_values(rows, "camera"), start=1))
    for k, camera in cameras:
        yield _protocol(f"oulu-3-{k}", f"camera {camera}", _apart(shown, _is("camera", camera)))
    for k, camera in cameras:
        words = f"camera {camera}, place {place}, every second printer and display"
        yield _protocol(f"oulu-4-{k}", words, _apart(shown, _is("camera", camera), away, other))


def domains(rows: Sequence[Row]) -> Iterator[BenchmarkProtocol]:
    """Three domains to learn from, the whole fourth to be tested on: as O&C&I to M."""
    at_home = [row for row in rows if row["domain"]]
    for k, domain in enumerate(_values(at_home, "domain"), start=1):
        parts = {row["path"]: "test" if row["domain"] == domain else row["split"] for row in at_home}
        others = {row["path"] for row in at_home if row["domain"] != domain and row["split"] == "test"}
        parts = {path: part for path, part in parts.items() if path not in others}
        yield _protocol(f"domains-{k}", f"domain {domain}", parts)


def types(rows: Sequence[Row]) -> Iterator[BenchmarkProtocol]:
    """One type of instrument left out, as SiW-M has it."""
    for k, kind in enumerate(_values(rows, "like"), start=1):
        yield _protocol(f"types-{k}", f"type {kind}", _apart(rows, _is("like", kind)))


def depths(rows: Sequence[Row]) -> Iterator[BenchmarkProtocol]:
    """The same recordings with two kinds of label: an attack's true depth, or zero."""
    parts = {row["path"]: row["split"] for row in rows}
    real = {path: _truth_file(path) for path in parts}
    zero = real | {row["path"]: "zero" for row in rows if row["label"] == "attack"}
    yield BenchmarkProtocol(name="depth-real", held_out="nothing", parts=parts, depths=real)
    yield BenchmarkProtocol(name="depth-zero", held_out="nothing", parts=parts, depths=zero)


def counts(protocol: BenchmarkProtocol, rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """Split -> (bona fide, attacks)."""
    labels = {row["path"]: row["label"] for row in rows}
    found = Counter((split, labels[path]) for path, split in protocol.parts.items())
    return {split: (found[split, "bona_fide"], found[split, "attack"]) for split in SPLITS}


def lacking(protocol: BenchmarkProtocol, rows: Sequence[Row]) -> str:
    """What a protocol has none of, e.g. "attacks in test"; empty when it can be run."""
    for split, (bona_fide, attacks) in counts(protocol, rows).items():
        if not bona_fide or not attacks:
            return f"{'attacks' if bona_fide else 'bona fide recordings'} in {split}"
    return ""


def _apart(rows: Sequence[Row], *conditions: Held) -> dict[str, str]:
    """To learn from: what no condition holds of. To be tested on: what all hold of that can be asked."""
    parts = {}
    for row in rows:
        held = [condition(row) for condition in conditions]
        if row["split"] == "test" and False not in held:
            parts[row["path"]] = "test"
        if row["split"] != "test" and True not in held:
            parts[row["path"]] = row["split"]
    return parts


def _is(column: str, value: str) -> Held:
    """Bona fide recordings have no instrument to ask after."""
    return lambda row: row[column] == value if row[column] else None


def _model_in(unseen: set[tuple[str, str]]) -> Held:
    return lambda row: _model(row) in unseen if row["instrument_model"] else None


def _unseen_models(rows: Sequence[Row]) -> set[tuple[str, str]]:
    """Every second model of each family."""
    models = sorted({_model(row) for row in rows if row["instrument_model"]})
    families = {family for family, _ in models}
    return {pair for name in families for pair in [pair for pair in models if pair[0] == name][1::2]}


def _model(row: Row) -> tuple[str, str]:
    return family_of(row["instrument"]), row["instrument_model"]


def _values(rows: Sequence[Row], column: str) -> list[str]:
    return sorted({row[column] for row in rows} - {""})


def _truth_file(path: str) -> str:
    return path.replace("videos/", "truth/").replace(".mp4", ".npz")


def _protocol(name: str, held_out: str, parts: Mapping[str, str]) -> BenchmarkProtocol:
    return BenchmarkProtocol(name=name, held_out=held_out, parts=parts, depths={})
