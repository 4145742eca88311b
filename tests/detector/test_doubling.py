"""A picture that a graph doubles is the same to rounding by a transposed convolution, to its edges."""

from typing import Any

import numpy as np
import pytest

from unmask.detector.doubling import with_quick_doubling
from unmask.media.engine import ov

op = ov.opset13


def resizing(
    *, planes: int = 3, scales: Any = (2.0, 2.0), mode: str = "linear_onnx", centres: str = "half_pixel"
) -> Any:
    """A graph that resizes pictures of 6 x 9 pixels."""
    picture = op.parameter([1, planes, 6, 9], np.float32, name="picture")
    scales, axes = op.constant(np.array(scales, np.float32)), op.constant(np.array([2, 3]))
    rest = {"coordinate_transformation_mode": centres, "nearest_mode": "floor", "cube_coeff": -0.75}
    none = [0, 0, 0, 0]
    resized = op.interpolate(picture, scales, mode, "scales", none, none, axes=axes, **rest)
    return ov.Model([resized], [picture])


def kinds(model: Any) -> set[str]:
    return {node.get_type_name() for node in model.get_ordered_ops()}


def computed(model: Any, picture: np.ndarray) -> Any:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return ov.Core().compile_model(model, "CPU", settings)(picture)[0]


@pytest.mark.parametrize("planes", [1, 3])
def test_a_doubled_picture_is_the_same_to_its_edges(planes: int, rng: np.random.Generator) -> None:
    picture = rng.random((1, planes, 6, 9), dtype=np.float32)
    plain, quick = resizing(planes=planes), with_quick_doubling(resizing(planes=planes))
    assert "Interpolate" in kinds(plain)
    assert "Interpolate" not in kinds(quick)
    wanted = computed(plain, picture)
    assert wanted.shape == (1, planes, 12, 18)
    np.testing.assert_allclose(computed(quick, picture), wanted, atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        {"scales": (2.0, 3.0)},
        {"mode": "nearest"},
        {"centres": "align_corners"},
        {"planes": 32},  # a map, which OpenVINO resizes many planes at a time
    ],
)
def test_any_other_resizing_stays_as_it_is(other: Any) -> None:
    assert "Interpolate" in kinds(with_quick_doubling(resizing(**other)))


def test_a_graph_of_unknown_sizes_stays_as_it_is() -> None:
    model = resizing()
    model.reshape([1, 3, -1, -1])
    assert "Interpolate" in kinds(with_quick_doubling(model))
