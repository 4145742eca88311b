"""The compiled rasteriser of the simulator gives what the plain one gives, bit by bit."""

import numpy as np
import pytest

from unmask.media import raster as plain
from unmask.media.topology import FACE_TRIANGLES
from unmask.simulate.rendering import raster as compiled


@pytest.mark.parametrize("case", ["a face", "a crumpled face that leaves the picture", "a lost point"])
def test_both_agree_bit_by_bit(case: str) -> None:
    rng = np.random.default_rng(len(case))
    angle, radius = rng.uniform(0, 2 * np.pi, 468), np.sqrt(rng.uniform(0, 1, 468))
    across, down = 30 + 28 * radius * np.cos(angle), 30 + 28 * radius * np.sin(angle)
    mesh: np.ndarray = np.stack([across, down, -np.sqrt(1 - radius**2)], axis=1).astype(np.float32)
    if "crumpled" in case:
        mesh = mesh * 1.5 - [20, 10, 0] + rng.normal(size=mesh.shape).astype(np.float32)
    if "lost" in case:
        mesh[7] = np.nan
    asked = {"height": 60, "width": 64}
    for one, other in zip(
        plain.rasterise(mesh, FACE_TRIANGLES, **asked),
        compiled.rasterise(mesh, FACE_TRIANGLES, **asked),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    depth = compiled.rasterise(mesh, FACE_TRIANGLES, **asked)[0]
    np.testing.assert_array_equal(plain.nearest(mesh, FACE_TRIANGLES, **asked), depth)


def test_a_mesh_beside_the_picture_covers_nothing() -> None:
    depth, triangle, _ = plain.rasterise(
        np.full((3, 3), -9, np.float32) + np.eye(3, dtype=np.float32),
        np.array([[0, 1, 2]]),
        height=5,
        width=5,
    )
    assert np.isinf(depth).all()
    assert (triangle == -1).all()
