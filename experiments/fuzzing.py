"""Thousands of broken inputs: none may be a traceback, a hang, a crash, or LIVE.

    python -m experiments.fuzzing [--count 5000] [--seed 5] [--first 0] [--out build/fuzzing.csv]

A corpus of our own making (pictures of an attack in eight formats, its video in eight containers, small
models, contracts, tables, prepared shards) is broken by number and seed: bits flipped, bytes set, runs
deleted, doubled, moved, spliced with another file, cut, and numbers set to what nobody expects. Half of the
models, contracts and shards are sealed anew, so that no hash stops what is wrong inside.

A worker process opens one input after the other; this process notes exit, seconds of computing and peak
memory, and starts another worker where one dies, computes for over a minute, or stands still for ten. A
second call goes on behind the last row. Exits 1 on
anything that must not be.
"""

import argparse
import csv
import hashlib
import json
import math
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from experiments.fuzzing_inputs import KINDS, Corpus, attack_pictures, draw, drawn_kind
from unmask import contract as contracts
from unmask.data.folder import read_labels
from unmask.data.prepare.prepared import PreparedSet
from unmask.detector.decision import rule_of
from unmask.detector.detector import Detector
from unmask.detector.network import Network
from unmask.scores.formats import read_scores
from unmask.training.settings import read_settings
from unmask.types import UnmaskError

COLUMNS = ("number", "kind", "input", "outcome", "detail", "seconds", "megabytes")
HANGS_S = 60.0  # of computing
STANDS_S = 600.0  # by the clock on the wall, of a machine with other work
LONGEST = 1000  # characters of a sentence


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="Begin at this number, in a table of its own.")
    parser.add_argument("--out", type=Path, default=Path("build/fuzzing.csv"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return work(asked.worker, asked.seed)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    done = sum(1 for _ in asked.out.open()) - 1 if asked.out.exists() else -1
    with asked.out.open("a", newline="") as table, tempfile.TemporaryDirectory() as folder:
        rows = csv.writer(table, lineterminator="\n")
        if done < 0:
            rows.writerow(COLUMNS)
        worker = Worker(Path(folder), asked.seed)
        for number in range(asked.first + max(0, done), asked.count):
            rows.writerow(worker.row(number))
            table.flush()
        worker.close()
    return summary(asked.out)


class Worker:
    """The process that opens inputs, begun again where it dies."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._process: subprocess.Popen[bytes] | None = None

    def row(self, number: int) -> list[Any]:
        """What came of an input."""
        process = self._process or self._begin()
        about = Path(f"/proc/{process.pid}")
        (about / "clear_refs").write_text("5")  # the peak is that of this input
        begun_s = computed_s(process.pid)
        assert process.stdin is not None
        process.stdin.write(b"%d\n" % number)
        process.stdin.flush()
        line = self._line(STANDS_S, computing_s=begun_s + HANGS_S)
        seconds = computed_s(process.pid) - begun_s
        kind = drawn_kind(np.random.default_rng([self._seed, number]))
        if line is None:
            code = process.poll()
            self.close()
            word = "HANG" if code is None else f"DIED {code}"
            return [number, kind, "", word, "", f"{seconds:.2f}", ""]
        peak = next(row for row in (about / "status").read_text().splitlines() if row.startswith("VmHWM"))
        told = json.loads(line)
        megabytes = int(peak.split()[1]) // 1024
        return [number, kind, told["input"], told["outcome"], told["detail"], f"{seconds:.2f}", megabytes]

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _begin(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "experiments.fuzzing",
            "--worker",
            str(self._folder),
            "--seed",
            str(self._seed),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        if self._line(10 * STANDS_S) is None:
            raise SystemExit("the worker does not start; run it by hand with --worker FOLDER")
        return self._process

    def _line(self, seconds: float, *, computing_s: float = math.inf) -> bytes | None:
        """The next line of ours, None after so long; whatever libraries print is passed over."""
        assert self._process is not None
        assert self._process.stdout is not None
        until_s, found = time.monotonic() + seconds, b""
        while time.monotonic() < until_s and computed_s(self._process.pid) < computing_s:
            if not select.select([self._process.stdout], [], [], 1.0)[0]:
                continue
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                return None
            found += part
            for line in found.split(b"\n")[:-1]:
                if line.startswith(b"said "):
                    return line[5:]
        return None


def computed_s(process: int) -> float:
    """Seconds that a process has computed so far; 0 of one that is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def work(folder: Path, seed: int) -> int:
    """The worker: numbers come by standard input, outcomes go to standard output."""
    bases = Corpus(folder, attack_pictures())
    opener = Opener(Detector.load(threads=1), folder)
    print('said "ready"', flush=True)
    for line in sys.stdin:
        said = tried(bases, opener, seed, int(line))
        print("said " + json.dumps(said), flush=True)
    return 0


def tried(bases: Corpus, opener: "Opener", seed: int, number: int) -> dict[str, str]:
    """What came of one broken input: a verdict, "refused", "read", or the name of an error of our own."""
    kind, name, content, ways = draw(np.random.default_rng([seed, number]), bases)
    try:
        outcome, detail = opener.open(kind, name, content), ""
    except UnmaskError as refused:
        outcome, detail = "refused", str(refused).splitlines()[0][:100]
        if len(str(refused)) > LONGEST or "\n" in str(refused).strip():
            outcome = "WORDY"
    except Exception as error:  # what is counted here
        outcome, detail = f"ERROR {type(error).__name__}", _where(error)
    return {"input": f"{name}: {ways}", "outcome": outcome, "detail": detail}


def _where(error: Exception) -> str:
    trace, last = error.__traceback__, ""
    while trace is not None:
        if "unmask" in trace.tb_frame.f_code.co_filename:
            last = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{last} {error!r}"[:160]


# ---- what is done with an input


class Opener:
    """Opens an input as the commands do."""

    def __init__(self, detector: Any, folder: Path) -> None:
        self._detector, self._folder = detector, folder
        self._set = {path.name: path.read_bytes() for path in (folder / "set").iterdir()}

    def open(self, kind: str, name: str, content: bytes) -> str:
        """A verdict or "read"; whatever goes wrong is raised."""
        path = self._folder / f"input-{name}"
        path.write_bytes(content)
        try:
            if kind in ("picture", "video"):
                return str(self._detector.check(path).verdict.value)
            return {
                "model": self._model,
                "contract": self._contract,
                "table": self._table,
                "shards": self._shards,
            }[kind](path, name, content)
        finally:
            path.unlink()

    def _model(self, path: Path, name: str, content: bytes) -> str:
        if name.endswith(".again"):
            path.write_bytes(resealed(content))
        Network.load(path, threads=1)
        return "read"

    def _contract(self, path: Path, name: str, content: bytes) -> str:
        body = json.loads(content)
        whole = {"format": _format_of(body), "contract": body}
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        whole["contract_sha256"] = hashlib.sha256(canonical).hexdigest()
        contract = contracts.from_json(json.dumps(whole, sort_keys=True), origin="contract")
        for point in contract.operating_points:
            rule = rule_of(contract, point=point.name, precision=point.precision)
            if not 0 < rule.threshold <= 1:
                return "LIVE"  # anything would pass
        return "read"

    def _table(self, path: Path, name: str, content: bytes) -> str:
        if name == "labels.csv":
            shutil.rmtree(self._folder / "labelled", ignore_errors=True)
            (self._folder / "labelled").mkdir()
            (self._folder / "labelled/labels.csv").write_bytes(content)
            for number in range(8):
                (self._folder / f"labelled/{number}.jpg").touch()
            read_labels(self._folder / "labelled")
        elif name == "settings.toml":
            read_settings(path)
        else:
            read_scores(path)
        return "read"

    def _shards(self, path: Path, name: str, content: bytes) -> str:
        place = self._folder / "broken-set"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for file, whole in self._set.items():
            (place / file).write_bytes(content if file == name else whole)
        if name.startswith("shard") and name.endswith(".json"):
            (place / name).write_bytes(_index_sealed(content))
        found = PreparedSet.open(place)
        arrays = found.read(range(len(found.rows)))
        return "read" if len(arrays.clips) == len(found.rows) else "ERROR lost"


def _format_of(body: dict[str, Any]) -> int:
    return contracts.MAPPED_FORMAT if "score_map" in body else contracts.FORMAT


def resealed(content: bytes) -> bytes:
    """A model sealed again by whoever broke it; as it is where it is not an ONNX file any more."""
    try:
        model = onnx.load_model_from_string(content)
        entry = next(one for one in model.metadata_props if one.key == contracts.CONTRACT_KEY)
        whole = json.loads(entry.value)
        whole["contract"]["payload_sha256"] = contracts.onnx_sha256(model)
        canonical = json.dumps(whole["contract"], sort_keys=True, separators=(",", ":")).encode()
        whole["contract_sha256"] = hashlib.sha256(canonical).hexdigest()
        entry.value = json.dumps(whole, sort_keys=True)
        return bytes(model.SerializeToString(deterministic=True))
    except Exception:  # then it is refused for that
        return content


def _index_sealed(content: bytes) -> bytes:
    try:
        body = json.loads(content)
        body.pop("sha256_of_index", None)
        return json.dumps(body).encode()
    except (ValueError, AttributeError):
        return content


def summary(path: Path) -> int:
    """Prints what came of each kind; 1 if anything did that must not."""
    with path.open() as table:
        rows = list(csv.DictReader(table))
    words = ("refused", "read", "ATTACK", "UNDECIDED", "LIVE", "ERROR", "DIED", "HANG")
    titles = ["kind", "inputs", *words, "slowest", "most memory"]
    print(f"| {' | '.join(titles)} |\n{'|---' * len(titles)}|")
    for kind in (*KINDS, ""):
        of_kind = [row for row in rows if row["kind"].startswith(kind)]
        found = Counter(row["outcome"].split()[0] for row in of_kind)
        slowest = max((float(row["seconds"]) for row in of_kind), default=0.0)
        peak = max((int(row["megabytes"] or 0) for row in of_kind), default=0)
        cells = [*(found[word] for word in words), f"{slowest:.1f} s", f"{peak} MB"]
        print(f"| {kind or 'all'} | {len(of_kind)} | {' | '.join(map(str, cells))} |")
    bad = [row for row in rows if row["outcome"].split()[0] in ("LIVE", "ERROR", "DIED", "HANG", "WORDY")]
    for row in bad:
        print("bad:", *row.values())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
