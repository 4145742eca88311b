"""Heads of a three-dimensional model: a small egg of a model in the files' own form, and its busts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import drawn_bust, drawn_portrait
from unmask.media.topology import POINTS
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.bust import posed
from unmask.simulate.people.head_model import FACE
from unmask.simulate.people.heads import HeadModel, load_heads, make_head
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.surfaces import Pose, grid, turn
from unmask.simulate.series import simulate_folder
from unmask.simulate.stage.scene import Bust
from unmask.simulate.studio import Request, Studio
from unmask.types import DataError, OutputError

MARKS = (
    *(127, 234, 93, 132, 58, 172, 150, 148, 152, 377, 379, 397, 288, 361, 323, 454, 356),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)
REST = Pose(translation=np.array([0, 0, 0.6], np.float32))


def egg(
    rows: int, columns: int, radii: tuple[float, ...], middle: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface: vertices and quads, outward by the right hand."""
    height, round_ = np.meshgrid(np.linspace(0.01, np.pi - 0.01, rows), np.linspace(0, 2 * np.pi, columns))
    way = np.stack(
        [np.sin(height) * np.sin(round_), np.cos(height), np.sin(height) * np.cos(round_)], axis=-1
    )
    points = (way * radii + middle).reshape(-1, 3)
    corner = grid(columns, rows).reshape(2, -1, 3)
    return points, np.stack([corner[0, :, 0], corner[0, :, 2], corner[1, :, 2], corner[1, :, 0]], axis=1)[
        :, ::-1
    ]


def write_model(path: Any) -> Any:
    """An egg with a face's landmarks, two eyes, a tooth and a wall behind it, in centimetres, y up."""
    parts = {
        "head": egg(40, 80, (7.5, 12.0, 9.5), (0, -2, -5)),
        "M_ScleraLeft": egg(7, 9, (1.2, 1.2, 1.2), (3.2, 0, 1.6)),
        "M_ScleraRight": egg(7, 9, (1.2, 1.2, 1.2), (-3.2, 0, 1.6)),
        "M_Teeth": egg(5, 7, (2, 1, 1), (0, -5, 2)),
        "wall": egg(5, 7, (2, 1, 1), (0, -5, 0)),
    }
    names = ["M_Face", "M_BackHead", "M_Teeth", "M_ScleraLeft", "M_ScleraRight"]
    vertices, quads, material, first = [], [], [], 0
    for name, (points, corner) in parts.items():
        front = points[corner][:, :, 2].mean(axis=1) > -5
        kind: Any = {"head": np.where(front, 0, 1), "wall": 1}.get(
            name, names.index(name) if name in names else 0
        )
        vertices.append(points)
        quads.append(corner + first)
        material.append(np.broadcast_to(kind, len(corner)))
        first += len(points)
    points = np.concatenate(vertices)
    marks = MEAN_FACE[list(MARKS)] * [8.9, -8.9, -8.9]
    count = len(parts["head"][0])
    away = np.linalg.norm(marks[:, None, :2] - points[None, :count, :2], axis=2) + 99 * (
        points[:count, 2] < -5
    )
    move = {name: np.zeros_like(points) for name in ("jawOpen", "eyeBlink_L", "mouthSmile_L", "mouthSmile_R")}
    move["jawOpen"][:, 1] = -3.0 * np.clip((-5 - points[:, 1]) / 3, 0, 1)
    for name, side in (("mouthSmile_L", 1), ("mouthSmile_R", -1)):
        corner = np.linalg.norm(points[:, :2] - [2.6 * side, -5.2], axis=1)
        move[name][:, 0] = side * np.exp(-((corner / 1.5) ** 2))
    np.savez(
        path,
        vertices=points.astype(np.float32),
        quads=np.concatenate(quads).astype(np.int32),
        quad_material=np.concatenate(material).astype(np.int16),
        material_names=np.array(names),
        identity=np.stack([points * way for way in 0.03 * np.eye(3)]).astype(np.float16),
        expression=np.stack(list(move.values())).astype(np.float16),
        expression_names=np.array(list(move)),
    )
    beside = path.with_name(f"{path.stem}_vertex_indices.json")
    beside.write_text(json.dumps({"idx_to_landmark_verts": away.argmin(axis=1).tolist()}))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    return load_heads(write_model(tmp_path_factory.mktemp("heads") / "egg.npz"))


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return drawn_portrait(4)


@pytest.fixture(scope="module")
def head(model: HeadModel, portrait: Portrait) -> Bust:
    return make_head(model, np.random.default_rng(1), portrait)


def test_the_face_mesh_lies_on_the_skin_the_right_way_up_and_round(model: HeadModel) -> None:
    mesh = model.on_mesh(model.vertices)
    assert mesh.shape == (POINTS, 3)
    assert mesh[[33, 263], 1].max() < mesh[[61, 291], 1].min() - 0.03  # y goes down
    assert mesh[33, 0] < 0 < mesh[263, 0]
    assert mesh[4, 2] < mesh[[234, 454], 2].min() - 0.02
    corners = model.vertices[model.mesh_corner]
    assert (model.part[model.mesh_corner] == FACE).all()
    assert np.abs(mesh - (model.mesh_share[..., None] * corners).sum(axis=1)).max() < 1e-6


def test_a_head_is_a_bust_whose_first_points_are_its_face(head: Bust, portrait: Portrait) -> None:
    face = head.points[:POINTS]
    assert np.abs(face[:, :2].mean(axis=0)).max() < 0.05
    assert face[4, 2] < face[[234, 454], 2].min() - 0.02
    np.testing.assert_allclose(np.linalg.norm(face[33] - face[263]), 0.089, atol=0.02)
    assert np.abs(head.surface.uv[:POINTS]).max() < max(head.surface.texture.shape)
    assert head.points[:, 2].max() > 0.08  # it has a back
    assert head.surface.triangles.max() < len(head.points) == len(head.surface.uv) == len(head.jaw)
    assert head.name == portrait.name


def test_the_same_seed_gives_the_same_head_and_another_somebody_else(
    model: HeadModel, portrait: Portrait, head: Bust
) -> None:
    again = make_head(model, np.random.default_rng(1), portrait)
    other = make_head(model, np.random.default_rng(2), portrait)
    np.testing.assert_array_equal(head.points, again.points)
    np.testing.assert_array_equal(head.surface.texture, again.surface.texture)
    assert np.abs(head.points - other.points).max() > 0.001


def width_of_mouth(bust: Any, **changes: Any) -> float:
    face = posed(bust, head=REST, body=REST, **{"blink": 0.0, "mouth": 0.0, **changes})[:POINTS]
    return float(np.linalg.norm(face[291] - face[61]))


def test_a_smile_draws_the_corners_of_a_mouth_apart_on_heads_and_portraits(
    head: Bust, portrait: Portrait
) -> None:
    for bust in (head, drawn_bust(4)):
        assert width_of_mouth(bust, smile=1.0) > width_of_mouth(bust) + 0.004


def test_a_talking_mouth_lowers_the_chin_and_leaves_the_brows(head: Bust) -> None:
    shut, wide = (posed(head, head=REST, body=REST, blink=0, mouth=mouth)[:POINTS] for mouth in (0.0, 1.0))
    assert wide[152, 1] > shut[152, 1] + 0.004
    np.testing.assert_allclose(wide[[105, 334]], shut[[105, 334]], atol=1e-4)


def test_a_gaze_to_the_right_turns_the_eyes_and_nothing_else(head: Bust, model: HeadModel) -> None:
    still, aside = (
        posed(head, head=REST, body=REST, blink=0, mouth=0, gaze=gaze) for gaze in ((0.0, 0.0), (1.0, 0.0))
    )
    moved = np.linalg.norm(aside - still, axis=1)
    eyes = len(head.points) - len(model.part) + np.flatnonzero(model.part == 4)
    assert moved[eyes].max() > 0.002
    assert np.delete(moved, eyes).max() < 1e-6
    front = eyes[still[eyes, 2].argsort()[:4]]
    assert (aside[front, 0] > still[front, 0]).all()


def test_a_head_turned_by_45_degrees_shows_its_other_side_behind(head: Bust) -> None:
    turned = Pose(rotation=turn(yaw=float(np.radians(45)))).then(REST)
    face = posed(head, head=turned, body=REST, blink=0, mouth=0)[:POINTS]
    assert face[4, 0] > face[[33, 263], 0].mean() + 0.01  # the nose goes to the picture's right
    assert face[454, 2] > face[234, 2] + 0.02


@pytest.mark.parametrize("fault", ["missing", "foreign", "text", "landmarks", "torn"])
def test_what_is_no_head_model_is_refused_in_one_sentence(tmp_path: Path, fault: str) -> None:
    path = write_model(tmp_path / "egg.npz")
    if fault == "missing":
        path = tmp_path / "none.npz"
    elif fault == "foreign":
        np.savez(path, pictures=np.zeros(3))
    elif fault == "text":
        path.write_text("solid head")
    elif fault == "landmarks":
        (tmp_path / "egg_vertex_indices.json").unlink()
    else:
        with np.load(path) as stored:
            arrays = dict(stored)
        np.savez(path, **{**arrays, "identity": arrays["identity"][:, :-1]})
    with pytest.raises(DataError, match="name an ICT-FaceKit npz") as refused:
        load_heads(path)
    assert "\n" not in str(refused.value)


def test_three_subjects_in_ten_are_heads_and_are_so_whoever_asks(
    model: HeadModel, portrait: Portrait
) -> None:
    people = [replace(portrait, name=f"somebody {number}") for number in range(300)]
    studio = Studio(portraits=people, heads=model)
    heads = [studio.is_head(person) for person in people]
    assert 60 < sum(heads) < 120
    assert heads == [Studio(portraits=people[::-1], heads=model).is_head(person) for person in people]
    assert not any(Studio(portraits=people).is_head(person) for person in people)
    person = people[heads.index(True)]
    assert studio.bust(person).gaze is not None
    assert studio.bust(people[heads.index(False)]).gaze is None
    for instrument in (None, next(name for name in INSTRUMENTS if name.startswith("print"))):
        request = Request(subject=people.index(person), instrument=instrument, seed=3, frames=1)
        made = studio.record(request)
        assert (made.frames[0] == Studio(portraits=people, heads=model).record(request).frames[0]).all()
        assert np.isfinite(made.depths).all()


def test_a_folder_with_heads_is_of_other_settings_than_one_without(
    model: HeadModel, portrait: Portrait, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "portraits": [portrait],
        "subjects": 1,
        "clips": 1,
        "seed": 2,
        "seconds": 0.1,
        "fps": 10.0,
    }
    simulate_folder(tmp_path, heads=model, **settings)
    simulate_folder(tmp_path, heads=model, **settings)
    with pytest.raises(OutputError, match="other settings"):
        simulate_folder(tmp_path, **settings)
