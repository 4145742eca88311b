"""The house as docs/architecture.md describes it, held by reading every import."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "unmask"

# Who may import whom; everyone may import their own package. The root hands out the Detector and nothing
# else.
FLOOR_0 = {
    "licences",
    "plain",
    "errors",
    "verdicts",
    "readable",
    "frames",
    "presentations",
    "types",
    "contract",
    "signature",
    "files",
    "parallel",
    "interrupts",
}
FLOOR_1 = {"media", "metrics", "scores"}
MAY_IMPORT = {
    "plain": set(),
    "errors": {"plain"},
    "verdicts": set(),
    "readable": set(),  # pages are drawn above it, and looked up by name
    "frames": set(),
    "presentations": set(),
    "types": {"plain", "errors", "verdicts", "readable", "frames", "presentations"},
    "licences": {"contract", "types"},
    "contract": {"plain", "types"},
    "signature": {"types"},
    "files": {"plain", "types"},
    "interrupts": set(),
    "parallel": {"files", "interrupts", "types"},
    "media": FLOOR_0,
    "metrics": FLOOR_0,
    "scores": FLOOR_0 | {"media"},
    "simulate": FLOOR_0 | {"media"},
    "challenges": FLOOR_0 | {"media", "metrics"},
    "data": FLOOR_0 | {"media", "scores"},
    "models": FLOOR_0 | {"media"},
    "training": FLOOR_0 | FLOOR_1 | {"simulate", "data", "models"},
    "detector": FLOOR_0 | FLOOR_1,
    "evaluation": FLOOR_0 | FLOOR_1 | {"detector"},
    "report": FLOOR_0 | FLOOR_1 | {"evaluation"},
    "adapters": FLOOR_0 | {"detector"},
    "claims": FLOOR_0 | FLOOR_1 | {"data", "models", "training", "report"},
    "serve": FLOOR_0 | FLOOR_1 | {"challenges", "detector"},
    "app": FLOOR_0
    | FLOOR_1
    | {"simulate", "data", "models", "training", "detector", "evaluation", "report", "claims"}
    | {"challenges", "serve"},
    "__init__": FLOOR_0 | {"media", "detector"},
    "__main__": {"interrupts", "media", "app"},
}
# Walls inside the big packages: who may import which part of the same package.
WALLS = {
    "simulate": {
        "rendering": set(),
        "people": {"rendering"},
        "stage": {"rendering", "people"},
        "camera": {"rendering", "people", "stage"},
        "population": {"rendering", "people", "stage", "camera"},
        "instruments": {"rendering", "people", "stage", "camera", "population"},
        "studio": {"rendering", "people", "stage", "camera", "population", "instruments"},
        "photographs": {"rendering", "people", "stage", "camera", "instruments", "studio", "folder"},
        "recapture": {"rendering", "people", "stage", "studio", "photographs"},
    },
    "models": {
        "output": set(),
        "efficientnet": set(),
        "network": {"output"},
        "across": {"output"},
        "baselines": {"output", "network", "encoder", "efficientnet"},
        "sgtd": {"output", "network"},
        "encoder": {"output", "network", "efficientnet"},
        "fghv": {"output", "network", "encoder", "baselines"},
        "off_gru": {"sgtd"},
    },
    "data": {
        "archive": set(),
        "splits": set(),
        "folder": {"archive"},
        "prepare": {"archive", "splits", "catalogue"},
        "sets": {"archive", "splits", "folder", "prepare"},
        "protocols": {"archive", "splits", "sets", "benchmark"},
        "catalogue": {"archive", "splits", "sets", "protocols"},
    },
}
TRAIN_EXTRA = {"torch", "lightning", "safetensors", "onnxruntime", "onnxscript", "tensorboard"}
DATA_EXTRA = {"h5py", "pyarrow", "webdataset", "ray"}  # inside functions alone: the modules import without it
SERVE_EXTRA = {
    "alembic",
    "fastapi",
    "jwt",
    "limits",
    "opentelemetry",
    "prometheus_client",
    "psycopg",
    "python_multipart",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}
SIMULATE_EXTRA = {"numba", "skimage"}
REPORT_EXTRA = {"matplotlib", "sklearn"}  # inside functions of `evaluation`, `report`, `claims` alone
ALLOWED = (
    (TRAIN_EXTRA, ("models", "training", "claims")),
    (DATA_EXTRA, ("media", "data")),
    (SIMULATE_EXTRA, ("simulate", "models")),
    (REPORT_EXTRA, ("evaluation", "report", "claims")),
    (SERVE_EXTRA, ("serve",)),
)
NOT_IN_THE_CORE = {"pandas", "mediapipe", "optuna"}.union(*(extra for extra, _ in ALLOWED))
# Whatever goes wrong in judging a frame or answering a request ends it, and is never LIVE.
FAIL_CLOSED = {"serve/frames.py", "serve/body.py"}
DRAWERS = {"utils", "util", "common", "helpers", "helper", "base", "core", "misc", "manager"}
MAX_FILE, MAX_BODY = 400, 60


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is imported, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "unmask":
            # `from unmask import media` names a package, `from unmask import Detector` the root
            yield from {f"unmask.{name.name}" if name.name in MAY_IMPORT else "unmask" for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def violations(text: str, path: str) -> list[str]:
    """What is wrong with the module `path`, e.g. "media/clips.py", whose source is `text`."""
    return _violations(ast.parse(text), text, path)


def _violations(tree: ast.AST, text: str, path: str) -> list[str]:
    part = Path(path).parts[0].removesuffix(".py")
    found = [
        *_floors(tree, part),
        *_walls(tree, path),
        *_machines(tree, path, part),
        *_code(tree, path, part),
    ]
    if len(text.splitlines()) > MAX_FILE:
        found.append(f"{path} has {len(text.splitlines())} lines, more than {MAX_FILE}")
    if drawers := DRAWERS & {piece.removesuffix(".py") for piece in Path(path).parts}:
        found.append(f"{path} is a drawer: {drawers}")
    return found


def _floors(tree: ast.AST, part: str) -> Iterator[str]:
    if part not in MAY_IMPORT:
        yield f"{part} has no floor in the table"
        return
    for name in imports(tree):
        pieces = name.split(".")
        if name.startswith("."):
            yield f"relative import {name}: write the whole name"
        if name == "unmask" and part not in ("app", "__init__"):
            yield "imports the package root"
        if pieces[0] == "unmask" and len(pieces) > 1 and pieces[1] not in MAY_IMPORT[part] | {part}:
            yield f"{part} imports {name}, which is not below it"


def _walls(tree: ast.AST, path: str) -> Iterator[str]:
    package, *rest = Path(path).with_suffix("").parts
    room = rest[0] if rest else ""
    allowed = WALLS.get(package, {}).get(room)
    if allowed is None:
        return
    for name in imports(tree):
        pieces = name.split(".")
        inside = pieces[:2] == ["unmask", package] and len(pieces) > 2
        if inside and pieces[2] not in allowed | {room}:
            yield f"{package}/{room} imports {name}, which stands beyond its wall"


def _machines(tree: ast.AST, path: str, part: str) -> Iterator[str]:
    for name in {name.split(".")[0] for name in imports(tree)}:
        allowed = any(name in extra and part in parts for extra, parts in ALLOWED)
        allowed = allowed or (name == "ray" and path in ("parallel.py", "serve/ray.py", "training/on_ray.py"))
        allowed = allowed or (name == "onnxruntime" and path == "detector/runtimes.py")  # inside a function
        allowed = allowed or (name == "optuna" and path == "training/search.py")
        if name in NOT_IN_THE_CORE and not allowed:
            yield f"{path} imports {name}"
        if name == "openvino" and path != "media/engine.py":
            yield f"{path} imports openvino"
        if name in ("pickle", "shelve", "dill", "joblib"):
            yield f"{path} imports {name}: it runs what it reads"


def _code(tree: ast.AST, path: str, part: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and part != "app" and path not in FAIL_CLOSED:
            names = (
                {child.id for child in ast.walk(node.type) if isinstance(child, ast.Name)}
                if node.type
                else {""}
            )
            if names & {"", "Exception", "BaseException"}:
                yield f"{path}:{node.lineno} catches whatever comes"
        if isinstance(node, ast.Name | ast.Attribute) and path != "media/clips.py" and part != "simulate":
            word = node.id if isinstance(node, ast.Name) else node.attr
            if "resize" in word.lower():
                yield f"{path}:{node.lineno} resizes: one path from pixels to score, media/clips.py"
        if isinstance(node, ast.FunctionDef) and not _is_kernel(node):
            body = [line for line in node.body if not _is_docstring(line)]
            if body and (length := (body[-1].end_lineno or 0) - body[0].lineno + 1) > MAX_BODY:
                yield f"{path}:{node.lineno} {node.name} has a body of {length} lines"


def _is_kernel(node: ast.FunctionDef) -> bool:
    """Compiled by numba: one loop over pixels, whose parts would have to pass a dozen numbers."""
    return any("jit" in ast.unparse(decorator) for decorator in node.decorator_list)


def _is_docstring(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def rings(graph: dict[str, set[str]]) -> list[set[str]]:
    """Modules that import each other round, whether at once or later."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen, todo = set(), list(graph[start])
        while todo:
            if (name := todo.pop()) not in seen:
                seen.add(name)
                todo += graph.get(name, ())
        reached[start] = seen
    return [
        {start, *(n for n in reached[start] if start in reached.get(n, ()))}
        for start in graph
        if start in reached[start]
    ]


class Module(NamedTuple):
    """What the tests ask of a module of the package, whose text is parsed once for all of them."""

    violations: list[str]
    imported: frozenset[tuple[str, str]]  # as the function `imported` gives them
    classes: tuple[str, ...]
    names: frozenset[str]


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of each import, wherever it stands; no name where a whole module is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", one.name) for one in node.names)


@cache
def module(path: str) -> Module:
    """The module at that path of the package, e.g. "media/clips.py"."""
    text = (SOURCE / path).read_text()
    tree = ast.parse(text)
    return Module(
        violations=_violations(tree, text, path),
        imported=frozenset(imported(tree)),
        classes=tuple(node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)),
        names=frozenset(names_in(tree)),
    )


@cache
def paths() -> dict[str, str]:
    """Module -> path, e.g. "unmask.media.clips" -> "media/clips.py"."""
    return {
        ".".join(["unmask", *Path(path).with_suffix("").parts]).removesuffix(".__init__"): path
        for path in modules()
    }


def import_graph() -> dict[str, set[str]]:
    """Module -> modules of the package that it imports."""
    known = paths()
    found = {}
    for name, path in known.items():
        found[name] = modules_of(module(path).imported) & known.keys()
    return found


def modules_of(imports: Iterable[tuple[str, str]]) -> set[str]:
    """The modules that imports name, of the package or not."""
    known = paths()
    return {f"{one}.{part}" if f"{one}.{part}" in known else one for one, part in imports}


def test_no_module_imports_itself_by_a_way_round() -> None:
    assert rings(import_graph()) == []
    assert rings({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [{"a", "b"}, {"a", "b"}]


@pytest.mark.parametrize(
    "text",
    [
        "import unmask.media.clips",
        "def f():\n    import unmask.media.clips as late",
        "from unmask.media import clips",
        "from unmask.media.clips import cut",
    ],
)
def test_an_import_counts_for_rings_however_it_is_written(text: str) -> None:
    assert modules_of(imported(ast.parse(text))) == {"unmask.media.clips"}


def modules() -> list[str]:
    return sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", modules())
def test_a_module_keeps_to_its_floor(path: Any) -> None:
    assert module(path).violations == []


def test_a_class_name_is_used_once() -> None:
    found: dict[str, list[str]] = {}
    for path in modules():
        for name in module(path).classes:
            found.setdefault(name, []).append(path)
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


PLANTED = {
    "upward": ("media/video.py", "from unmask.detector.detector import Detector"),
    "upward, late": ("simulate/stage/scene.py", "def f():\n    import unmask.data.folder"),
    "through a wall": ("simulate/people/bust.py", "from unmask.simulate.camera.lens import blur"),
    "sideways": ("detector/detector.py", "from unmask.training.loop import train"),
    "sideways by the root": ("report/page.py", "from unmask import runtime"),
    "the root": ("media/video.py", "import unmask"),
    "from the root": ("media/video.py", "from unmask import Detector"),
    "relative": ("media/video.py", "from .images import read_image"),
    "torch in the core": ("media/video.py", "def f():\n    import torch.nn"),
    "safetensors in the core": ("detector/network.py", "from safetensors import safe_open"),
    "matplotlib elsewhere": ("detector/network.py", "def f():\n    import matplotlib.figure"),
    "h5py elsewhere": ("detector/network.py", "def f():\n    import h5py"),
    "openvino elsewhere": ("media/clips.py", "import openvino as ov"),
    "pickle": ("data/folder.py", "import pickle"),
    "broad": ("media/video.py", "try:\n    pass\nexcept Exception:\n    pass"),
    "bare": ("media/video.py", "try:\n    pass\nexcept:\n    pass"),
    "broad among others": ("media/video.py", "try:\n    pass\nexcept (OSError, BaseException):\n    pass"),
    "resizing": ("media/video.py", "import cv2\ncv2.resize(a, (1, 1))"),
    "resizing by another name": (
        "detector/network.py",
        "from cv2 import resize\nb = resize(a, (1, 1))",
    ),
    "drawer": ("media/utils.py", ""),
    "long file": ("media/video.py", "a = 1\n" * 401),
    "long body": ("media/video.py", "def f():\n" + "    a = 1\n" * 61),
    "no floor": ("cellar/wine.py", ""),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_violation_is_found(case: Any) -> None:
    path, text = PLANTED[case]
    assert len(violations(text, path)) == 1


def test_what_is_allowed_is_not_found() -> None:
    assert violations("import cv2\ncv2.resize(a, (1, 1))", "media/clips.py") == []
    assert violations("import torch\nfrom unmask.types import Clip", "models/sgtd/network.py") == []
    assert (
        violations("def f():\n    import matplotlib.figure\n    import sklearn.manifold", "report/charts.py")
        == []
    )
    assert violations("import openvino as ov", "media/engine.py") == []
    assert violations("try:\n    pass\nexcept Exception:\n    pass", "app/cli.py") == []


# the commands say so where it is missing
NEED_THE_EXTRA = {
    *("app/training_runs.py", "app/precision.py", "app/cross_set_runs.py", "serve/ray.py"),
    *("app/simulate.py", "app/benchmark_make.py", "app/benchmark_report.py"),
    *("app/claims_sets.py", "app/experiment_claims.py"),
}


def import_all(parts: set[str], *, blocked: set[str]) -> subprocess.CompletedProcess[str]:
    """Imports every module of these parts in a fresh interpreter that cannot find the blocked packages."""
    names = [
        name
        for name, path in paths().items()
        if Path(path).parts[0].removesuffix(".py") in parts and path not in NEED_THE_EXTRA
    ]
    program = f"""
import importlib, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)
sys.meta_path.insert(0, Blocked())
for name in {names!r}:
    importlib.import_module(name)
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_core_imports_without_torch() -> None:
    core = set(MAY_IMPORT) - {"simulate", "models", "training", "claims", "serve"}
    done = import_all(core, blocked=NOT_IN_THE_CORE)
    assert done.returncode == 0, done.stderr


def test_the_service_imports_with_its_own_extra_alone() -> None:
    done = import_all({"serve"}, blocked=NOT_IN_THE_CORE - SERVE_EXTRA)
    assert done.returncode == 0, done.stderr


def test_blocking_torch_blocks_the_networks() -> None:
    assert "torch is blocked" in import_all({"models"}, blocked={"torch"}).stderr


def test_training_and_the_simulator_import_without_openvino() -> None:
    done = import_all({"simulate", "models", "data", "training"}, blocked={"openvino", *DATA_EXTRA})
    assert done.returncode == 0, done.stderr


def private_names(text: str) -> list[str]:
    """Private names of the package that a test imports, or takes from a module that it imported."""
    tree = ast.parse(text)
    ours, found = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "unmask":
            found += [name.name for name in node.names if name.name.startswith("_")]
            ours |= {name.asname or name.name for name in node.names if name.name.islower()}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if node.value.id in ours and node.attr.startswith("_") and not node.attr.startswith("__"):
            found.append(node.attr)
    return found


def test_tests_ask_what_the_package_says_aloud_alone() -> None:
    tests = Path(__file__).parent
    asked = {path.name: private_names(path.read_text()) for path in sorted(tests.rglob("*.py"))}
    assert {name: names for name, names in asked.items() if names} == {}
    planted = "from unmask.report import charts\nfrom unmask.files import _flush\ncharts._thinned(1)\n"
    assert private_names(planted) == ["_flush", "_thinned"]


def names_in(tree: ast.Module) -> set[str]:
    """All names that a module binds at its top, imported ones too, also under an if or try."""
    found: set[str] = set()
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If | ast.Try):
            todo += [*node.body, *node.orelse]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {name.asname or name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id for one in targets for name in ast.walk(one) if isinstance(name, ast.Name)}
    return found


def missing_names(text: str) -> list[str]:
    """What `text` imports from modules of the package that they do not have."""
    known = paths()
    return [
        f"{node.module}.{name.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unmask.")
        for name in node.names
        if f"{node.module}.{name.name}" not in known
        and (node.module not in known or name.name not in module(known[node.module]).names)
    ]


@pytest.mark.parametrize("folder", ["benchmarks", "experiments", "scripts", "examples"])
def test_what_stands_beside_the_package_imports_names_that_are_there(folder: str) -> None:
    scripts = sorted((SOURCE.parent.parent / folder).rglob("*.py"))
    asked = {path.name: missing_names(path.read_text()) for path in scripts}
    assert scripts
    assert {name: names for name, names in asked.items() if names} == {}


def test_a_name_that_was_renamed_is_missed() -> None:
    planted = (
        "from unmask.metrics import auc, area\nfrom unmask.report import charts\nfrom unmask.gone import x"
    )
    assert missing_names(planted) == ["unmask.metrics.area", "unmask.gone.x"]
