"""The recipes "verify only if live" of docs/adapters.md, each with the library itself where it is installed.

`make beside` installs them. face_recognition and dlib's network run with real weights; those of insightface
and uniface cannot be fetched by pip, so a network of their shape with weights drawn by chance stands in.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from present import present
from unmask import Detector
from unmask.adapters.five_points import five_points
from unmask.media.sources import open_source
from unmask.simulate.people.procedural import draw_face

PAGE = Path(__file__).parent.parent.parent / "docs" / "adapters.md"
LIBRARY = re.compile(r"^(?:from|import) (deepface|face_recognition|insightface|uniface)", re.MULTILINE)
RECIPES = {
    present(LIBRARY.search(code))[1]: code
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    if "def may_enter" in code
}
MayEnter = Callable[[np.ndarray, str], bool]

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the libraries


@pytest.fixture(scope="module")
def gate() -> dict[str, Any]:
    """The page's own `detector` and `living_face`."""
    code = next(
        code
        for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        if "def living_face" in code
    )
    names: dict[str, Any] = {}
    exec(code, names)
    return names


@pytest.fixture(scope="module")
def person(demo_recordings: dict[str, Path]) -> np.ndarray:
    """A frame of the demo's living person."""
    frames = [frame.image for frame in open_source(demo_recordings["bona_fide"]).frames]
    return frames[5]


@pytest.fixture(scope="module")
def printed(demo_recordings: dict[str, Path]) -> np.ndarray:
    """A print of the same person."""
    return [frame.image for frame in open_source(demo_recordings["print"]).frames][5]


@pytest.fixture
def enrolled(person: np.ndarray, tmp_path: Path) -> str:
    """A file with another picture of the same person."""
    path = tmp_path / "enrolled.png"
    cv2.imwrite(str(path), cv2.GaussianBlur(np.roll(person, 7, axis=1), (3, 3), 0)[..., ::-1])
    return str(path)


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    """A file with somebody else, who is drawn."""
    path = tmp_path / "stranger.png"
    cv2.imwrite(str(path), draw_face(np.random.default_rng(3))[0][..., ::-1])
    return str(path)


def recipe(library: str, gate: dict[str, Any]) -> MayEnter:
    """`may_enter` as the page has it."""
    names = dict(gate)
    exec(RECIPES[library], names)
    found: MayEnter = names["may_enter"]
    return found


def drawn_network(path: Path) -> Path:
    """A network (1, 3, 112, 112) -> (1, 512), as ArcFace's, whose weights mean nothing."""
    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.normal(0, 0.2, (16, 3, 7, 7)),
        "matrix": rng.normal(0, 0.05, (16 * 14 * 14, 512)),
    }
    nodes = [
        helper.make_node(
            "Conv", ["input", "kernel"], ["seen"], kernel_shape=[7, 7], strides=[4, 4], pads=[3] * 4
        ),
        helper.make_node("MaxPool", ["seen"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "drawn",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["None", 3, 112, 112])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["None", 512])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), path)
    return path


def weights_of_dlib(name: str) -> Path:
    """A file of the package face_recognition_models."""
    found = find_spec("face_recognition_models")  # importing it needs an old setuptools
    if found is None or found.origin is None:
        pytest.skip("face_recognition_models, with dlib's weights, is not installed")
    return Path(found.origin).parent / "models" / name


def test_the_page_has_a_recipe_for_each_library() -> None:
    assert sorted(RECIPES) == ["deepface", "face_recognition", "insightface", "uniface"]


def test_the_living_face_is_cut_out_and_a_print_gives_none(
    gate: dict[str, Any], person: np.ndarray, printed: np.ndarray
) -> None:
    face = gate["living_face"](person)
    assert face.shape[0] < person.shape[0] / 1.2
    assert face.size > 3 * 60 * 60
    assert gate["living_face"](printed) is None


def test_five_points_lie_as_recognition_expects_them(person: np.ndarray) -> None:
    face = Detector.load(threads=1).check(person).faces[0]
    right_eye, left_eye, nose, right_mouth, left_mouth = five_points(face)
    assert right_eye[0] < nose[0] < left_eye[0]  # the person's right is left in the picture
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_face_recognition_lets_in_the_living_person_alone(
    gate: dict[str, Any], person: np.ndarray, printed: np.ndarray, enrolled: str, stranger: str
) -> None:
    pytest.importorskip("face_recognition", reason="face_recognition is not installed")
    may_enter = recipe("face_recognition", gate)
    assert may_enter(person, enrolled)
    assert not may_enter(person, stranger)
    assert not may_enter(printed, enrolled)


def test_deepface_lets_in_the_living_person_alone(
    gate: dict[str, Any],
    person: np.ndarray,
    printed: np.ndarray,
    enrolled: str,
    stranger: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    pytest.importorskip("deepface", reason="deepface is not installed")
    kept = tmp_path / ".deepface" / "weights"
    kept.mkdir(parents=True)
    for name in ("dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat"):
        (kept / name).symlink_to(weights_of_dlib(name))
    may_enter = recipe("deepface", gate)
    assert may_enter(person, enrolled)
    assert not may_enter(printed, enrolled)
    with suppress(ValueError):  # deepface's own finder may see no face in a drawn one, which lets nobody in
        assert not may_enter(person, stranger)


def test_insightface_gets_the_aligned_living_face(
    gate: dict[str, Any],
    person: np.ndarray,
    printed: np.ndarray,
    enrolled: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("insightface", reason="insightface is not installed")
    drawn_network(tmp_path / "w600k_r50.onnx")
    monkeypatch.chdir(tmp_path)
    may_enter = recipe("insightface", gate)
    assert may_enter(person, enrolled)
    assert not may_enter(printed, enrolled)
    assert not may_enter(person, faceless(tmp_path))


def test_uniface_gets_the_aligned_living_face(
    gate: dict[str, Any],
    person: np.ndarray,
    printed: np.ndarray,
    enrolled: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("uniface", reason="uniface is not installed")
    network = drawn_network(tmp_path / "arcface.onnx")
    arcface = import_module("uniface.recognition.arcface")
    monkeypatch.setattr(arcface, "verify_model_weights", lambda _: str(network))
    may_enter = recipe("uniface", gate)
    assert may_enter(person, enrolled)
    assert not may_enter(printed, enrolled)
    assert not may_enter(person, faceless(tmp_path))


def faceless(folder: Path) -> str:
    """A file with a picture of nobody."""
    path = folder / "nobody.png"
    cv2.imwrite(str(path), np.full((200, 200, 3), 90, np.uint8))
    return str(path)
