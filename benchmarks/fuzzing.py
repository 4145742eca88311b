"""Thousands of broken inputs: none may be a traceback, a hang, a crash, or LIVE.

    python benchmarks/fuzzing.py [--count 5000] [--seed 5] [--out build/fuzzing.csv]

A corpus of our own making (pictures of an attack in eight formats, its video in eight containers, small
models, contracts, tables, prepared shards) is broken by number and seed: bits flipped, bytes set, runs
deleted, doubled, moved, spliced with another file, cut, and numbers set to what nobody expects. Half of the
models, contracts and shards are sealed anew, so that no hash stops what is wrong inside.

A worker process opens one input after the other; this process notes exit, time and peak memory, and starts
another worker where one dies or takes over a minute. A second call goes on behind the last row. Exits 1 on
anything that must not be.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
SHARES = {"picture": 0.34, "video": 0.26, "model": 0.08, "contract": 0.12, "table": 0.12, "shards": 0.08}
COLUMNS = ("number", "kind", "input", "outcome", "detail", "seconds", "megabytes")
HANGS_S = 60.0
ODD_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1]
ODD_CELLS = [
    "", "-1", "0", "nan", "inf", "1e999", "0x10", "1_0", "١", "NULL", "=1+1", '"', '""', ",", ";", "\t", "\r",
    "a" * 4000, "../../etc/passwd", "\x1b[2J", "\ufeff", "é", "true", "[]", "{}", "9" * 400,
]  # fmt: skip
ODD_VALUES: list[Any] = [
    None, True, -1, 0, 1, 2, 0.5, -0.5, 1e-320, 1e308, 1 << 70, "", "x", "nan", [], {}, [[]], [1, 2, 3],
    {"a": 1}, "a" * 4000, float("nan"), float("inf"),
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=5)
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
        for number in range(max(0, done), asked.count):
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
        begun_s = time.monotonic()
        assert process.stdin is not None
        process.stdin.write(b"%d\n" % number)
        process.stdin.flush()
        line = self._line(HANGS_S)
        seconds = time.monotonic() - begun_s
        kind = kind_of(self._seed, number)
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
        command = [sys.executable, __file__, "--worker", str(self._folder), "--seed", str(self._seed)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        if self._line(600) is None:
            raise SystemExit("the worker does not start; run it by hand with --worker FOLDER")
        return self._process

    def _line(self, seconds: float) -> bytes | None:
        """The next line of ours; whatever libraries print is passed over."""
        assert self._process is not None
        assert self._process.stdout is not None
        until_s, found = time.monotonic() + seconds, b""
        while select.select([self._process.stdout], [], [], max(0.0, until_s - time.monotonic()))[0]:
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                return None
            found += part
            for line in found.split(b"\n")[:-1]:
                if line.startswith(b"said "):
                    return line[5:]
        return None


def kind_of(seed: int, number: int) -> str:
    """The kind of an input, which is its first draw."""
    rng = np.random.default_rng([seed, number])
    return str(rng.choice(list(SHARES), p=list(SHARES.values())))


def work(folder: Path, seed: int) -> int:
    """The worker: numbers come by standard input, outcomes go to standard output."""
    from unmask.detector.detector import Detector

    bases = Corpus(folder)
    opener = Opener(Detector.load(threads=1), folder)
    print('said "ready"', flush=True)
    for line in sys.stdin:
        said = tried(bases, opener, seed, int(line))
        print("said " + json.dumps(said), flush=True)
    return 0


def tried(bases: "Corpus", opener: "Opener", seed: int, number: int) -> dict[str, str]:
    """What came of one broken input: a verdict, "refused", "read", or the name of an error of our own."""
    from unmask.types import UnmaskError

    rng = np.random.default_rng([seed, number])
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    names = sorted(bases.of[kind])
    name = names[int(rng.integers(len(names)))]
    content, ways = broken(rng, bases, kind, name)
    try:
        outcome, detail = opener.open(kind, name, content), ""
    except UnmaskError as refused:
        outcome, detail = "refused", str(refused).splitlines()[0][:100]
        if len(str(refused)) > 1000 or "\n" in str(refused).strip():
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


# ---- ways to break


def broken(rng: np.random.Generator, bases: "Corpus", kind: str, name: str) -> tuple[bytes, str]:
    """A base with some harm done, and what that was."""
    content = bases.of[kind][name]
    others = list(bases.of[kind].values())
    other = others[int(rng.integers(len(others)))]
    ways: list[Way] = [_flip, _set, _delete, _double, _cut, _splice, _number]
    if kind == "table":
        ways += [_cell, _cell, _cell, _line]
    if kind == "contract":
        ways = [_value]
    if name.endswith(".again"):
        ways += [_node] * 8
    if kind == "shards" and name.endswith(".json"):
        ways += [_value, _value, _value]
    done = []
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        way = ways[int(rng.integers(len(ways)))]
        content = way(rng, content, other)
        done.append(way.__name__.strip("_"))
    return content, "+".join(done)


def _flip(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(0, max(1, len(content)), int(rng.choice([1, 3, 10, 100]))):
        if place < len(changed):
            changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _set(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    """Bytes of the first part, where headers are, made 0, 255 or noise."""
    changed, reach = bytearray(content), max(1, min(len(content), int(rng.choice([64, 512, 1 << 30]))))
    at, count = int(rng.integers(reach)), int(rng.choice([1, 2, 4, 16]))
    changed[at : at + count] = [bytes(count), b"\xff" * count, rng.bytes(count)][int(rng.integers(3))]
    return bytes(changed)


def _number(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    changed, size = bytearray(content), int(rng.choice([1, 2, 4, 8]))
    at = int(rng.integers(max(1, min(len(content), int(rng.choice([64, 1024, 1 << 30]))))))
    value = ODD_NUMBERS[int(rng.integers(len(ODD_NUMBERS)))] & ((1 << 8 * size) - 1)
    changed[at : at + size] = value.to_bytes(size, "big" if rng.uniform() < 0.5 else "little")
    return bytes(changed)


def _delete(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    at, count = int(rng.integers(max(1, len(content)))), int(rng.choice([1, 7, 100, 5000]))
    return content[:at] + content[at + count :]


def _double(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    at, count = int(rng.integers(max(1, len(content)))), int(rng.choice([1, 7, 100, 5000]))
    return content[: at + count] + content[at : at + count] * int(rng.integers(1, 4)) + content[at + count :]


def _cut(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    return content[: int(rng.uniform() ** 0.5 * len(content))]


def _splice(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    return content[: int(rng.uniform() * len(content))] + other[int(rng.uniform() * len(other)) :]


def _cell(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    lines = content.split(b"\n")
    row = int(rng.integers(len(lines)))
    cells = lines[row].split(b",")
    cells[int(rng.integers(len(cells)))] = ODD_CELLS[int(rng.integers(len(ODD_CELLS)))].encode()
    lines[row] = b",".join(cells)
    return b"\n".join(lines)


def _line(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    lines = content.split(b"\n")
    one, two = rng.integers(0, len(lines), 2)
    lines[one] = [lines[two], b"", lines[one].replace(b",", b";"), lines[one] + b",x"][int(rng.integers(4))]
    return b"\n".join(lines)


def _value(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    """JSON with one value changed, lost or put elsewhere, at any depth."""
    try:
        body = json.loads(content)
    except ValueError:
        return content
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in pairs:
            places.append((node, key))
            walk(value)

    walk(body)
    if not places:
        return content
    node, key = places[int(rng.integers(len(places)))]
    if rng.uniform() < 0.2:
        del node[key]
    elif rng.uniform() < 0.3 and isinstance(node[key], int | float):
        node[key] = node[key] * float(rng.choice([-1, 1.001, 2, 1e9]))
    else:
        node[key] = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
    return json.dumps(body).encode()


def _node(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    """A network with one node, constant, port or size changed."""
    import onnx

    try:
        model = onnx.load_model_from_string(content)
        graph = model.graph
        node = graph.node[int(rng.integers(len(graph.node)))]
        constant = graph.initializer[int(rng.integers(len(graph.initializer)))]
        port = [*graph.input, *graph.output][int(rng.integers(len(graph.input) + len(graph.output)))]
        change = int(rng.integers(8))
        if change == 0:
            node.op_type = str(rng.choice(["Relu", "Loop", "Conv", "Reshape", "Cast", "Nothing", "Identity"]))
        elif change == 1:
            node.input[int(rng.integers(len(node.input)))] = str(rng.choice(["clips", "score", "mask", ""]))
        elif change == 2:
            constant.dims.append(int(rng.choice([0, 1, 3, 1 << 40])))
        elif change == 3:
            constant.data_type = int(rng.integers(0, 24))
        elif change == 4:
            constant.raw_data = rng.bytes(len(constant.raw_data))
        elif change == 5:
            sizes = port.type.tensor_type.shape.dim
            sizes[int(rng.integers(len(sizes)))].dim_value = int(rng.choice([0, -1, 1, 7, 1 << 40]))
        elif change == 6:
            graph.node.remove(node)
        else:
            model.opset_import[0].version = int(rng.choice([0, 1, 9, 17, 99, -1]))
        return bytes(model.SerializeToString(deterministic=True))
    except Exception:  # broken already
        return content


Way = Callable[[np.random.Generator, bytes, bytes], bytes]

# ---- the corpus


class Corpus:
    """Whole inputs of every kind: kind -> name -> content."""

    def __init__(self, folder: Path) -> None:
        attack = attack_pictures()
        self.of: dict[str, dict[str, bytes]] = {
            "picture": pictures(attack[0]),
            "video": videos(attack, folder),
            "model": {"tiny.onnx": _model(folder), "tiny.again": _model(folder)},
            "contract": {"contract.json": _contract(folder)},
            "table": tables(),
            "shards": shards(folder),
        }


def attack_pictures() -> list[np.ndarray]:
    """Ten frames (240, 320, 3) of a print of a face."""
    from unmask.media.faces import FaceFinder
    from unmask.simulate.people.subjects import astronaut
    from unmask.simulate.photographs import Photographs

    portrait = astronaut(FaceFinder.load(threads=1))
    series = Photographs(photographs=[portrait], seed=3, frames=10, fps=10, instruments=("print/matt",))
    import cv2

    return [cv2.resize(frame, (320, 240), interpolation=cv2.INTER_AREA) for frame in series(1).frames]


def pictures(image: np.ndarray) -> dict[str, bytes]:
    """The picture in each format that Pillow writes."""
    from PIL import Image

    forms: dict[str, tuple[str, dict[str, Any]]] = {
        "a.jpg": ("JPEG", {"quality": 85}),
        "progressive.jpg": ("JPEG", {"quality": 85, "progressive": True}),
        "a.png": ("PNG", {}),
        "a.webp": ("WEBP", {"quality": 85}),
        "a.bmp": ("BMP", {}),
        "a.gif": ("GIF", {}),
        "a.tif": ("TIFF", {"compression": "tiff_lzw"}),
        "a.jp2": ("JPEG2000", {"irreversible": True, "quality_mode": "dB", "quality_layers": [38]}),
        "a.avif": ("AVIF", {"quality": 70}),
    }
    found = {}
    for name, (form, options) in forms.items():
        store = io.BytesIO()
        Image.fromarray(image).save(store, form, **options)
        found[name] = store.getvalue()
    for name, form in (("moving.png", "PNG"), ("moving.webp", "WEBP"), ("moving.gif", "GIF")):
        store, small = io.BytesIO(), Image.fromarray(image)
        small.save(store, form, save_all=True, append_images=[small.rotate(n) for n in (1, 2)], duration=100)
        found[name] = store.getvalue()
    return found


def videos(frames: list[np.ndarray], folder: Path) -> dict[str, bytes]:
    """The video in each container."""
    import av

    codecs = {
        "a.mp4": "libx264",
        "a.mov": "libx264",
        "a.mkv": "libx264",
        "a.webm": "libvpx-vp9",
        "b.avi": "mpeg4",
        "c.avi": "mjpeg",
        "a.ts": "libx264",
        "a.flv": "libx264",
        "hevc.mp4": "libx265",
    }
    found = {}
    for name, codec in codecs.items():
        path = folder / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.codec_context.gop_size = 5
            stream.codec_context.thread_count = 1
            if codec == "libx265":
                stream.options = {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"}
            for picture in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        found[name] = path.read_bytes()
    return found


def _model(folder: Path) -> bytes:
    sys.path.append(str(ROOT / "tests"))
    from tiny_models import FEATURES, linear_model

    return linear_model(folder / "tiny.onnx", weight=np.linspace(-1, 1, FEATURES)).read_bytes()


def _contract(folder: Path) -> bytes:
    """The contract of the packaged model, with a map of scores, without its hash."""
    from unmask.detector.detector import packaged
    from unmask.detector.network import read_file

    from unmask.contract import to_json

    return json.dumps(json.loads(to_json(read_file(packaged()[0])[1]))["contract"]).encode()


def tables() -> dict[str, bytes]:
    """Tables of labels and of scores in every form."""
    from unmask.scores.formats import FORMATS
    from unmask.types import Label, Score

    rows = [
        Score(
            presentation=f"1_{n % 3 + 1}_{n + 1:02d}_{1 + 2 * (n % 2)}",
            label=Label.ATTACK if n % 2 else Label.BONA_FIDE,
            instrument="print/a4" if n % 2 else "",
            score=0.1 + 0.08 * n,
            subject=f"s{n}",
        )
        for n in range(10)
    ]
    found = {}
    for name, form in FORMATS.items():
        try:
            found[f"scores.{name}"] = form.write(rows).encode()
        except Exception:  # a form that cannot hold these rows
            continue
    labels = ["path,label,instrument,subject,turns,split"]
    labels += [f"{n}.jpg,{'attack,print/a4' if n % 2 else 'bona_fide,'},s{n},{n % 4},train" for n in range(8)]
    found["labels.csv"] = "\n".join(labels).encode()
    found["settings.toml"] = (ROOT / "src/unmask/training/presets/sgtd_s_single.toml").read_bytes()
    return found


def shards(folder: Path) -> dict[str, bytes]:
    """A prepared set of two recordings, file by file."""
    from unmask.data.prepare.shards import Arrays, Outcome, Prepared, Row, write_shard
    from unmask.types import ClipSpec, Label

    rng, count, (frames, side, depth) = np.random.default_rng(1), 2, (2, 32, 32)
    prepared = []
    for number in range(count):
        arrays = Arrays(
            rng.integers(0, 256, (1, frames, side, side, 3), np.uint8),
            rng.integers(0, 256, (1, frames, depth, depth), np.uint8),
            rng.integers(0, 256, (1, frames, depth, depth), np.uint8),
        )
        about = {
            "presentation": f"{number}.mp4",
            "label": Label.ATTACK,
            "instrument": "print/a4",
            "subject": f"s{number}",
            "source": "made",
        }
        outcome = Outcome(recording=number, clips=1, **about)
        rows = (Row(number=0, **about),)
        times_s = np.zeros((1, frames))
        prepared.append(Prepared(outcome=outcome, rows=rows, arrays=arrays, times_s=times_s))
    place = folder / "set"
    place.mkdir(exist_ok=True)
    write_shard(place / "shard-000000.tar", prepared)
    spec = {"clip": ClipSpec(frames=frames, size_px=side).written(), "depth_px": depth}
    (place / "spec.json").write_text(json.dumps(spec))
    return {path.name: path.read_bytes() for path in place.iterdir()}


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
        from unmask.detector.network import Network

        if name.endswith(".again"):
            path.write_bytes(resealed(content))
        Network.load(path, threads=1)
        return "read"

    def _contract(self, path: Path, name: str, content: bytes) -> str:
        from unmask.contract import from_json
        from unmask.detector.decision import rule_of

        body = json.loads(content)
        whole = {"format": _format_of(body), "contract": body}
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        whole["contract_sha256"] = hashlib.sha256(canonical).hexdigest()
        contract = from_json(json.dumps(whole, sort_keys=True), origin="contract")
        for point in contract.operating_points:
            rule = rule_of(contract, point=point.name, precision=point.precision)
            if not 0 < rule.threshold < 1:
                return "LIVE"  # anything would pass
        return "read"

    def _table(self, path: Path, name: str, content: bytes) -> str:
        if name == "labels.csv":
            from unmask.data.folder import read_labels

            shutil.rmtree(self._folder / "labelled", ignore_errors=True)
            (self._folder / "labelled").mkdir()
            (self._folder / "labelled/labels.csv").write_bytes(content)
            for number in range(8):
                (self._folder / f"labelled/{number}.jpg").touch()
            read_labels(self._folder / "labelled")
        elif name == "settings.toml":
            from unmask.training.settings import read_settings

            read_settings(path)
        else:
            from unmask.scores.formats import read_scores

            read_scores(path)
        return "read"

    def _shards(self, path: Path, name: str, content: bytes) -> str:
        from unmask.data.prepare.prepared import PreparedSet

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


def _format_of(body: dict[str, Any]) -> str:
    from unmask import contract

    return contract.MAPPED_FORMAT if "score_map" in body else contract.FORMAT


def resealed(content: bytes) -> bytes:
    """A model sealed again by whoever broke it; as it is where it is no ONNX file any more."""
    import onnx

    from unmask.contract import CONTRACT_KEY, onnx_sha256

    try:
        model = onnx.load_model_from_string(content)
        entry = next(one for one in model.metadata_props if one.key == CONTRACT_KEY)
        whole = json.loads(entry.value)
        whole["contract"]["payload_sha256"] = onnx_sha256(model)
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
    print(
        "| kind | inputs | refused | read | ATTACK | UNDECIDED | LIVE | tracebacks | crashes | hangs | slowest | most memory |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for kind in (*SHARES, ""):
        of_kind = [row for row in rows if row["kind"].startswith(kind)]
        found = Counter(row["outcome"].split()[0] for row in of_kind)
        words = ("refused", "read", "ATTACK", "UNDECIDED", "LIVE", "ERROR", "DIED", "HANG")
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
