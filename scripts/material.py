"""The material of the shipped weights: where it is published, its hashes, and how to have it.

    python scripts/material.py check DIR    what DIR has of it: the same, other bytes, missing
    python scripts/material.py fetch DIR    downloads and prepares it (some 700 MB); goes on where it stopped
    python scripts/material.py gather DIR --clones CLONES    photographs, samples and textures, from clones
    python scripts/material.py list DIR     the rows of material.csv for a folder, to standard output

DIR holds portraits/, backgrounds/ and heads/, as `unmask simulate` takes them, and photographs/, samples/
and textures/. Portraits from CivilServiceUSA are used as published; backgrounds, heads and other portraits
are prepared here (cut to 512 px, rendered, converted) and then need not have the same bytes: `check` says so.
CLONES holds clones of the repositories that photographs, samples and textures were picked from; their files
are found by their hashes, wherever they lie. docs/material.md tells more.
"""

import argparse
import csv
import hashlib
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import numpy as np

TABLE = Path(__file__).with_name("material.csv")
CIVIL = "https://cdn.civil.services/{source}/headshots/512x512/{name}.jpg"
INTERFACES = "https://raw.githubusercontent.com/cjdowner/interfaces/master/"
POLY_HAVEN = "https://dl.polyhaven.org/file/ph-assets/HDRIs/hdr/2k/{room}_2k.hdr"
FACEKIT = "https://raw.githubusercontent.com/ICT-VGL/ICT-FaceKit/master/FaceXModel/"
SIDE = 512  # of a portrait
VIEW = (480, 640, 62.0)  # of a background: height, width, degrees across
WAIT_S = 60
PICKED = "picked"
TABLES = {"photographs": "credits.csv", "samples": "labels.csv", "textures": "credits.csv"}
COLUMNS = ("path", "label", "instrument", "source", "licence", "credit")  # of these tables
EXPRESSIONS = [
    "PupilDilate_L",
    "PupilDilate_R",
    "browDown_L",
    "browDown_R",
    "browInnerUp_L",
    "browInnerUp_R",
    "browOuterUp_L",
    "browOuterUp_R",
    "cheekPuff_L",
    "cheekPuff_R",
    "cheekRaiser_L",
    "cheekRaiser_R",
    "cheekSquint_L",
    "cheekSquint_R",
    "eyeBlink_L",
    "eyeBlink_R",
    "eyeLookDown_L",
    "eyeLookDown_R",
    "eyeLookIn_L",
    "eyeLookIn_R",
    "eyeLookOut_L",
    "eyeLookOut_R",
    "eyeLookUp_L",
    "eyeLookUp_R",
    "eyeSquint_L",
    "eyeSquint_R",
    "eyeWide_L",
    "eyeWide_R",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimple_L",
    "mouthDimple_R",
    "mouthFrown_L",
    "mouthFrown_R",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDown_L",
    "mouthLowerDown_R",
    "mouthPress_L",
    "mouthPress_R",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmile_L",
    "mouthSmile_R",
    "mouthStretch_L",
    "mouthStretch_R",
    "mouthUpperUp_L",
    "mouthUpperUp_R",
    "noseSneer_L",
    "noseSneer_R",
]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file: `path` below the folder; `urls` separated by spaces, the first that answers is taken.

    `prepared` is "as published", "cut", "rendered", "converted", or "picked" from a clone of the repository
    at `urls`. What was picked has `credit`, a `label` and `instrument` where it teaches one, and `notes`.
    """

    path: str
    sha256: str
    bytes: int
    source: str
    licence: str
    prepared: str
    urls: str
    label: str = ""
    instrument: str = ""
    credit: str = ""
    notes: str = ""


def row_of(path: Path, *, below: Path) -> Row:
    """The row of a file that is there."""
    held = path.read_bytes()
    source, licence, prepared, urls = origin(path)
    return Row(
        path=path.relative_to(below).as_posix(),
        sha256=hashlib.sha256(held).hexdigest(),
        bytes=len(held),
        source=source,
        licence=licence,
        prepared=prepared,
        urls=" ".join(urls),
    )


def origin(path: Path) -> tuple[str, str, str, list[str]]:
    """Source, licence, how it was prepared and addresses, by the folder and the name.

    >>> origin(Path("portraits/us-senate_angus-king.jpg"))[3]
    ['https://cdn.civil.services/us-senate/headshots/512x512/angus-king.jpg']
    """
    if path.parent.name == "heads":
        return "ICT-VGL/ICT-FaceKit", "MIT", "converted", [FACEKIT]
    if path.parent.name == "backgrounds":
        room = path.stem.rpartition("_")[0]
        return "Poly Haven", "CC0-1.0", "rendered", [POLY_HAVEN.format(room=room)]
    source, _, name = path.stem.partition("_")
    if source == "interfaces":
        places = [f"1000 x 1000/{name}.jpg", f"1000 x 1000/{name[1:]}.jpg"]
        places += [f"500 x 500/{name}.jpg", f"500 x 500/{name[1:]}.jpg"]
        return "cjdowner/interfaces", "CC0-1.0", "cut", [INTERFACES + urllib.parse.quote(p) for p in places]
    url = CIVIL.format(source=source, name=urllib.parse.quote(name))
    return f"CivilServiceUSA/{source}", "MIT", "as published", [url]


def read_table(path: Path = TABLE) -> list[Row]:
    """The rows of material.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(**{**row, "bytes": int(row["bytes"])}) for row in csv.DictReader(file)]  # type: ignore[arg-type]


def check(folder: Path, rows: Sequence[Row]) -> Counter[tuple[str, str]]:
    """How many files of each source are the "same", have "other bytes" or are "missing"."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        path = folder / row.path
        if not path.is_file():
            state = "missing"
        else:
            same = hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256
            state = "same" if same else "other bytes"
        found[row.source, state] += 1
    return found


def fetch(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Downloads and prepares what is missing; gives a sentence for each file that could not be had."""
    failed = []
    for row in rows:
        path = folder / row.path
        if path.is_file() or row.prepared == PICKED:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if row.prepared == "converted":
                if path.suffix == ".npz":
                    convert_heads(path, base=row.urls)
            elif row.prepared == "rendered":
                keep(path, jpeg(view_of(hdri(folder, row), degrees=int(path.stem.rpartition("_")[2]))))
            else:
                held = download(row.urls.split())
                keep(path, held if row.prepared == "as published" else jpeg(squared(decoded(held))))
        except (OSError, ValueError) as broken:
            failed.append(f"{row.path} could not be fetched ({broken}); see its source, {row.source}")
    return failed


def gather(folder: Path, rows: Sequence[Row], *, clones: Path) -> None:
    """Copies the picked files that lie anywhere in `clones`, and writes the tables of what is there."""
    wanted = {row.sha256: row for row in rows if row.prepared == PICKED}
    sizes = {row.bytes for row in wanted.values()}
    for path in sorted(clones.rglob("*")):
        if not path.is_file() or path.stat().st_size not in sizes:
            continue
        held = path.read_bytes()
        digest = hashlib.sha256(held).hexdigest()
        for row in (row for row in rows if row.sha256 == digest and row.prepared == PICKED):
            (folder / row.path).parent.mkdir(parents=True, exist_ok=True)
            keep(folder / row.path, held)
    for part, name in TABLES.items():
        there = [row for row in rows if row.path.startswith(f"{part}/") and (folder / row.path).is_file()]
        if there:
            write_table(folder / part / name, there)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """labels.csv or credits.csv of picked files, as training reads them; a folder of frames is one item."""
    lines: dict[str, list[str]] = {}
    for row in rows:
        inside = Path(row.path).relative_to(path.parent.name)
        item = inside.parent if inside.parent.name.startswith("seq_") else inside
        lines[item.as_posix()] = [str(getattr(row, column)) for column in COLUMNS[1:]]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *([item, *line] for item, line in lines.items())])


def picked(folder: Path) -> Iterator[Row]:
    """The rows of photographs, samples and textures, by their credits.csv and labels.csv."""
    for part, name in TABLES.items():
        table = folder / part / name
        if not table.is_file():
            continue
        with table.open(newline="", encoding="utf-8") as file:
            items = list(csv.DictReader(file))
        for item in items:
            place, commit = folder / part / item["path"], item.get("commit", "")
            for path in sorted(place.iterdir()) if place.is_dir() else [place]:
                held = path.read_bytes()
                yield Row(
                    path=path.relative_to(folder).as_posix(),
                    sha256=hashlib.sha256(held).hexdigest(),
                    bytes=len(held),
                    source=item["source"],
                    licence=item["licence"],
                    prepared=PICKED,
                    urls=f"https://github.com/{item['source']}" + f"/tree/{commit}" * bool(commit),
                    label=item["label"],
                    instrument=item["instrument"],
                    credit=item["credit"],
                    notes=item.get("notes", ""),
                )


def download(urls: Sequence[str]) -> bytes:
    """The first of the addresses that answers."""
    for number, url in enumerate(urls, start=1):
        asked = urllib.request.Request(url, headers={"User-Agent": "unmask-material/1"})
        try:
            with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
                return bytes(answer.read())
        except urllib.error.URLError:
            if number == len(urls):
                raise
    raise ValueError("no address is known")


def keep(path: Path, held: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(held)
    part.replace(path)


def decoded(held: bytes) -> np.ndarray:
    """A picture, BGR."""
    picture = cv2.imdecode(np.frombuffer(held, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError("it is not a picture")
    return picture[..., :3]


def jpeg(picture: np.ndarray) -> bytes:
    """As portraits and backgrounds are kept."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1])


def squared(picture: np.ndarray) -> np.ndarray:
    """The middle square at SIDE."""
    side = min(picture.shape[:2])
    y, x = ((n - side) // 2 for n in picture.shape[:2])
    return cv2.resize(picture[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def hdri(folder: Path, row: Row) -> np.ndarray:
    """The room all around, (H, 2 H, 3) float32, kept beside the folder's other files while it is needed."""
    place = folder / "sources" / Path(row.urls).name
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        keep(place, download(row.urls.split()))
    return decoded(place.read_bytes()).astype(np.float32)


def view_of(room: np.ndarray, *, degrees: float) -> np.ndarray:
    """What a camera sees that looks `degrees` to the right: (480, 640, 3) uint8, exposed to its middle."""
    height, width, across = VIEW
    focal = width / 2 / np.tan(np.radians(across) / 2)
    x, y = np.meshgrid(np.arange(width) - width / 2 + 0.5, np.arange(height) - height / 2 + 0.5)
    around = np.arctan2(x, focal) + np.radians(degrees)
    down = np.arctan2(y, np.hypot(x, focal))
    columns = (around / (2 * np.pi) + 0.5) % 1 * (room.shape[1] - 1)
    rows = (down / np.pi + 0.5) * (room.shape[0] - 1)
    seen = cv2.remap(room, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    linear = 0.2 * seen / max(float(np.median(seen)), 1e-6)
    shown = (linear / (1 + 0.5 * linear)) ** (1 / 2.2)
    return np.clip(255 * shown, 0, 255).astype(np.uint8)


def convert_heads(path: Path, *, base: str) -> None:
    """ICT-FaceKit's meshes as one .npz: the neutral head, and what each shape adds to its vertices."""
    neutral = mesh_of(download([base + "generic_neutral_mesh.obj"]).decode())
    arrays: dict[str, np.ndarray] = {**neutral}
    identities = [f"identity{number:03d}" for number in range(100)]
    for kind, names in (("identity", identities), ("expression", list(EXPRESSIONS))):
        shapes = [mesh_of(download([f"{base}{name}.obj"]).decode())["vertices"] for name in names]
        arrays[kind] = (np.stack(shapes) - neutral["vertices"]).astype(np.float16)
        arrays[f"{kind}_names"] = np.array(names)
    part = path.with_name(f".{path.stem}.part.npz")
    np.savez_compressed(part, **arrays)
    part.replace(path)


def mesh_of(text: str) -> dict[str, np.ndarray]:
    """Vertices, texture places and quads of an OBJ file; quads know their material."""
    vertices, places, quads, quads_uv, materials, names = [], [], [], [], [], []
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words[:3]])
        elif kind == "vt":
            places.append([float(word) for word in words[:2]])
        elif kind == "usemtl":
            if words[0] not in names:
                names.append(words[0])
            current = names.index(words[0])
        elif kind == "f" and len(words) == 4:
            corners = [word.split("/") for word in words]
            quads.append([int(corner[0]) - 1 for corner in corners])
            quads_uv.append([int(corner[1]) - 1 for corner in corners])
            materials.append(current)
    return {
        "vertices": np.array(vertices, np.float32),
        "uv": np.array(places, np.float32),
        "quads": np.array(quads, np.int32),
        "quads_uv": np.array(quads_uv, np.int32),
        "quad_material": np.array(materials, np.int16),
        "material_names": np.array(names),
    }


def main(words: Sequence[str] | None = None) -> int:
    """The command line; 0 when all is well."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=("check", "fetch", "gather", "list"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clones", type=Path, help="where the repositories are cloned, for gather")
    parser.add_argument("--table", type=Path, default=TABLE)
    asked = parser.parse_args(words)
    if asked.verb == "gather" and asked.clones is None:
        parser.error("gather takes files from clones; name their folder with --clones")
    if asked.verb == "list":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        for part in ("portraits", "backgrounds", "heads"):
            for path in sorted((asked.folder / part).glob("*")):
                if path.suffix in (".jpg", ".npz"):
                    writer.writerow(astuple(row_of(path, below=asked.folder)))
        writer.writerows(astuple(row) for row in picked(asked.folder))
        return 0
    rows = read_table(asked.table)
    failed = fetch(asked.folder, rows) if asked.verb == "fetch" else []
    if asked.verb == "gather":
        gather(asked.folder, rows, clones=asked.clones)
    print("\n".join(failed), end="\n" * bool(failed))
    found = check(asked.folder, rows)
    for (source, state), count in sorted(found.items()):
        print(f"{source}: {count} {state}")
    return int(any(state == "missing" for _, state in found))


if __name__ == "__main__":
    raise SystemExit(main())
