"""A mesh laid out as a face's is, its triangles small and side by side, as quick to draw as a real one."""

from functools import cache

import numpy as np

from unmask.media.topology import FACE_TRIANGLES, OUTLINE, POINTS


@cache
def face_layout() -> np.ndarray:
    """Where the points lie in a face seen from the front, (468, 2) in a unit circle, y downwards.

    Tutte 1963: with the outline on a circle and every other point in the middle of its neighbours, no two
    triangles overlap.
    """
    joined = np.zeros((POINTS, POINTS))
    for corner in range(3):
        joined[FACE_TRIANGLES[:, corner], FACE_TRIANGLES[:, (corner + 1) % 3]] = 1
    joined = np.maximum(joined, joined.T)
    rule = np.diag(joined.sum(axis=1)) - joined
    outline = np.asarray(OUTLINE)
    angle = np.linspace(0, 2 * np.pi, len(outline), endpoint=False)
    rule[outline] = np.eye(POINTS)[outline]
    given = np.zeros((POINTS, 2))
    given[outline] = np.stack([np.sin(angle), -np.cos(angle)], axis=1)  # from the forehead on
    layout = np.linalg.solve(rule, given)
    layout.flags.writeable = False
    return layout


def face_mesh(*, x: float, y: float, width: float, height: float, depth: float = 0.0) -> np.ndarray:
    """A mesh (468, 3) around (x, y), as wide and high; its middle is `depth` nearer than its outline."""
    layout = face_layout()
    near = 1 - (layout**2).sum(axis=1)
    flat = layout * (width / 2, height / 2) + (x, y)
    return np.column_stack([flat, -depth * near]).astype(np.float32)
