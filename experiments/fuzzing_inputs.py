"""Broken inputs of each kind that unmask reads: a corpus of our own, and ways to break it by a seed."""

import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import onnx
from av.video.stream import VideoStream
from PIL import Image

from unmask.contract import to_json
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row, write_shard
from unmask.detector.detector import packaged
from unmask.detector.model_file import read_file
from unmask.media.faces import FaceFinder
from unmask.scores.formats import FORMATS
from unmask.simulate.people.subjects import astronaut
from unmask.simulate.photographs import Photographs
from unmask.types import ClipSpec, Label, Presentation, Score, UnmaskError

ROOT = Path(__file__).parents[1]
KINDS = {"picture": 0.34, "video": 0.26, "model": 0.08, "contract": 0.12, "table": 0.12, "shards": 0.08}
ODD_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1]
ODD_CELLS = [
    "", "-1", "0", "nan", "inf", "1e999", "0x10", "1_0", "١", "NULL", "=1+1", '"', '""', ",", ";", "\t", "\r",
    "a" * 4000, "../../etc/passwd", "\x1b[2J", "\ufeff", "é", "true", "[]", "{}", "9" * 400,
]  # fmt: skip
ODD_VALUES: list[Any] = [
    None, True, -1, 0, 1, 2, 0.5, -0.5, 1e-320, 1e308, 1 << 70, "", "x", "nan", [], {}, [[]], [1, 2, 3],
    {"a": 1}, "a" * 4000, float("nan"), float("inf"),
]  # fmt: skip


def draw(rng: np.random.Generator, bases: "Corpus") -> tuple[str, str, bytes, str]:
    """(kind, name of the base, broken content, what was done to it)."""
    kind = drawn_kind(rng)
    names = sorted(bases.of[kind])
    name = names[int(rng.integers(len(names)))]
    content, ways = broken(rng, bases, kind, name)
    return kind, name, content, ways


def drawn_kind(rng: np.random.Generator) -> str:
    """The kind of an input, which is its first draw."""
    return str(rng.choice(list(KINDS), p=list(KINDS.values())))


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

    def __init__(self, folder: Path, frames: Sequence[np.ndarray]) -> None:
        """`frames` (H, W, 3) uint8 of an attack; `folder` is written to."""
        self.of: dict[str, dict[str, bytes]] = {
            "picture": pictures(frames[0]),
            "video": videos(frames, folder),
            "model": {"tiny.onnx": _model(folder), "tiny.again": _model(folder)},
            "contract": {"contract.json": _contract(folder)},
            "table": tables(),
            "shards": shards(folder),
        }


def attack_pictures() -> list[np.ndarray]:
    """Ten frames (240, 320, 3) of a print of a face."""
    portrait = astronaut(FaceFinder.load(threads=1))
    series = Photographs(photographs=[portrait], seed=3, frames=10, fps=10, instruments=("print/matt",))

    return [cv2.resize(frame, (320, 240), interpolation=cv2.INTER_AREA) for frame in series(1).frames]


def pictures(image: np.ndarray) -> dict[str, bytes]:
    """The picture in each format that Pillow writes."""

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


def videos(frames: Sequence[np.ndarray], folder: Path) -> dict[str, bytes]:
    """The video in each container."""

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
            stream = cast(VideoStream, container.add_stream(codec, rate=10))
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

    return json.dumps(json.loads(to_json(read_file(packaged()[0])[1]))["contract"]).encode()


def tables() -> dict[str, bytes]:
    """Tables of labels and of scores in every form."""

    rows = [
        Score(
            presentation=Presentation(
                path=f"1_{n % 3 + 1}_{n + 1:02d}_{1 + 2 * (n % 2)}",
                label=Label.ATTACK if n % 2 else Label.BONA_FIDE,
                instrument="print/a4" if n % 2 else "",
                subject=f"s{n}",
            ),
            score=0.1 + 0.08 * n,
        )
        for n in range(10)
    ]
    found = {}
    for name, form in FORMATS.items():
        try:
            found[f"scores.{name}"] = form.write(rows).encode()
        except UnmaskError:  # a form that cannot hold these rows
            continue
    labels = ["path,label,instrument,subject,turns,split"]
    labels += [f"{n}.jpg,{'attack,print/a4' if n % 2 else 'bona_fide,'},s{n},{n % 4},train" for n in range(8)]
    found["labels.csv"] = "\n".join(labels).encode()
    found["settings.toml"] = (ROOT / "src/unmask/training/presets/sgtd_s_single.toml").read_bytes()
    return found


def shards(folder: Path) -> dict[str, bytes]:
    """A prepared set of two recordings, file by file."""

    rng, count, (frames, side, depth) = np.random.default_rng(1), 2, (2, 32, 32)
    prepared = []
    for number in range(count):
        arrays = Arrays(
            rng.integers(0, 256, (1, frames, side, side, 3), np.uint8),
            rng.integers(0, 256, (1, frames, depth, depth), np.uint8),
            rng.integers(0, 256, (1, frames, depth, depth), np.uint8),
        )
        about: dict[str, Any] = {
            "presentation": Presentation(
                path=f"{number}.mp4", label=Label.ATTACK, instrument="print/a4", subject=f"s{number}"
            ),
            "source": "made",
        }
        outcome = RecordingOutcome(recording=number, clips=1, **about)
        rows = (Row(number=0, **about),)
        times_s = np.zeros((1, frames))
        prepared.append(Prepared(outcome=outcome, rows=rows, arrays=arrays, times_s=times_s))
    place = folder / "set"
    place.mkdir(exist_ok=True)
    write_shard(place / "shard-000000.tar", prepared)
    spec = {"clip": ClipSpec(frames=frames, size_px=side).written(), "depth_px": depth}
    (place / "spec.json").write_text(json.dumps(spec))
    return {path.name: path.read_bytes() for path in place.iterdir()}
