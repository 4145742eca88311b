"""The three-dimensional head model: what its file holds, in this simulator's frame, and where the face mesh
lies on it.

The file is ICT-FaceKit's (Li et al., CVPR 2020) as one npz: a neutral mesh of quads with materials, offsets
of identities and expressions; its landmarks are in a JSON file beside it.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from unmask.media.topology import FACE_TRIANGLES, OUTLINE
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.types import DataError

KEYS = ("vertices", "quads", "quad_material", "material_names", "identity", "expression", "expression_names")
FACE, BACK, INNER, TEETH, EYE = range(5)
WITHOUT_OPENINGS = FACE_TRIANGLES[:852]

# The 68 landmarks from the brows on, as points of the face mesh; of the 17 along the jaw only the chin.
_LANDMARKS = (
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)
_CHIN = (8, 152)
_MATERIALS = {"M_Face": FACE, "M_BackHead": BACK, "M_Teeth": TEETH, "M_ScleraLeft": EYE, "M_ScleraRight": EYE}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadModel:
    """Heads as sums of shapes; n vertices, the last two the middles of the eyes (picture's left, right).

    `vertices` (n, 3) metres in the camera's frame (x right, y down, z away, face towards -z); `identity` (k,
    n, 3) float16 and `moves`, expression by name (n, 3) float16, are added. `triangles` (m, 3), outward by
    the right hand; `part` (n,) of FACE, BACK (of head and neck), INNER (mouth's and sockets' walls), TEETH,
    EYE. `mesh_corner`, `mesh_share` (468, 3): each point of the face mesh between three vertices.
    `fingerprint` tells models apart.
    `pin_corner`, `pin_share` (n, 3): the place of the face mesh nearest to a vertex, between three of its
    points; `inside` (n,) bool: it is not the mesh's border.
    """

    vertices: np.ndarray
    identity: np.ndarray
    moves: Mapping[str, np.ndarray]
    triangles: np.ndarray
    part: np.ndarray
    mesh_corner: np.ndarray
    mesh_share: np.ndarray
    pin_corner: np.ndarray
    pin_share: np.ndarray
    inside: np.ndarray
    fingerprint: str

    def on_mesh(self, values: np.ndarray) -> np.ndarray:
        """Values (n, d) of the vertices at the points of the face mesh: (468, d)."""
        return np.einsum("nk,nkd->nd", self.mesh_share, values[self.mesh_corner])

    def from_mesh(self, values: np.ndarray) -> np.ndarray:
        """Values (468, d) of the face mesh at the place nearest to each vertex: (n, d)."""
        return np.einsum("nk,nkd->nd", self.pin_share, values[self.pin_corner])


def load_heads(path: Path) -> HeadModel:
    """The model in that npz; what is missing or of another kind is named in one sentence."""
    stored, landmarks = _read(path)
    part, quads = _parts(stored, path)
    used, triangles = _compact(stored["vertices"], part, quads)
    eyes = _eyes(stored)

    def framed(values: np.ndarray) -> np.ndarray:
        middles = [values[..., eye, :].astype(np.float32).mean(axis=-2, keepdims=True) for eye in eyes]
        kept = np.concatenate([values[..., used, :].astype(np.float32), *middles], axis=-2)
        return kept * np.array([0.01, -0.01, -0.01], np.float32)  # centimetres, y up, z towards the camera

    vertices = framed(stored["vertices"])
    marks = stored["vertices"][landmarks].astype(np.float64) * [0.01, -0.01, -0.01]
    parts = np.concatenate([part[used], [EYE, EYE]]).astype(np.int8)
    corner, share = _mesh_on(vertices, triangles[(parts[triangles] == FACE).all(axis=1)], marks)
    mesh = np.einsum("nk,nkd->nd", share, vertices[corner]).astype(np.float32)
    index, pin_share = _nearest(vertices, mesh[WITHOUT_OPENINGS])
    pin_corner = WITHOUT_OPENINGS[index]
    border = (np.isin(pin_corner, OUTLINE) * pin_share).sum(axis=1) > 0.999
    names = stored["expression_names"].tolist()
    return HeadModel(
        vertices=vertices,
        identity=framed(stored["identity"]).astype(np.float16),
        moves={
            name: framed(offset).astype(np.float16)
            for name, offset in zip(names, stored["expression"], strict=True)
        },
        triangles=triangles,
        part=parts,
        mesh_corner=corner,
        mesh_share=share.astype(np.float32),
        pin_corner=pin_corner,
        pin_share=pin_share,
        inside=~border & (parts == FACE),
        fingerprint=hashlib.sha256(stored["vertices"].tobytes() + stored["identity"].tobytes()).hexdigest()[
            :16
        ],
    )


def _read(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The arrays, and the vertices of the 68 landmarks."""
    beside = path.with_name(f"{path.stem}_vertex_indices.json")
    wanted = "name an ICT-FaceKit npz with its _vertex_indices.json beside it"
    for file in (path, beside):
        if not file.is_file():
            raise DataError(f"heads come from a model with its landmarks, and there is no {file}; {wanted}")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in KEYS if key not in file]
            if missing:
                raise DataError(f"{path} is not a head model: it lacks {', '.join(missing)}; {wanted}")
            stored = {key: file[key] for key in KEYS}
        landmarks = np.array(json.loads(beside.read_text())["idx_to_landmark_verts"])
    except (ValueError, TypeError, AttributeError, KeyError, OSError, EOFError, zipfile.BadZipFile) as fault:
        raise DataError(f"{path} cannot be read as a head model ({fault}); {wanted}") from fault
    count = len(stored["vertices"])
    shapes = (stored["identity"], stored["expression"])
    fits = landmarks.shape == (68,) and landmarks.max() < count and stored["quads"].max(initial=0) < count
    if not fits or any(shape.shape[1:] != (count, 3) for shape in shapes):
        raise DataError(f"{path} is not a head model: its arrays do not fit its {count} vertices; {wanted}")
    return stored, landmarks


def _parts(stored: dict[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The part (n,) of each vertex, -1 for what is left out, and the quads that stay."""
    names = stored["material_names"].tolist()
    if missing := [name for name in _MATERIALS if name not in names]:
        raise DataError(f"{path} is not a head model: it has no {missing[0]}; name an ICT-FaceKit npz")
    vertices, quads, material = stored["vertices"], stored["quads"], stored["quad_material"]
    part = np.full(len(vertices), -1, np.int8)
    for name in ("M_ScleraLeft", "M_ScleraRight", "M_Teeth", "M_BackHead", "M_Face"):
        part[quads[material == names.index(name)]] = _MATERIALS[name]
    # The walls of mouth and sockets share a material with the back of the head, but do not hang together
    # with its crown.
    back = quads[material == names.index("M_BackHead")]
    crown = np.zeros(len(vertices), bool)
    crown[np.where(part == BACK)[0][vertices[part == BACK, 1].argmax()]] = True
    while True:
        grown = back[crown[back].any(axis=1)]
        if crown[grown].all():
            break
        crown[grown] = True
    part[(part == BACK) & ~crown] = INNER
    return part, quads[(part[quads] >= 0).all(axis=1)]


def _compact(vertices: np.ndarray, part: np.ndarray, quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vertices that are kept, and the triangles between them: eyes and teeth only as far as one sees
    them.
    """
    middle, kind = vertices[quads].mean(axis=1), part[quads].max(axis=1)
    keep = np.ones(len(quads), bool)
    for k in (EYE, TEETH):
        mine = kind == k
        if mine.any():
            low, high = middle[mine, 2].min(), middle[mine, 2].max()
            keep[mine] = middle[mine, 2] > low + 0.5 * (high - low)
    quads = quads[keep]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    used, compact = np.unique(triangles, return_inverse=True)
    return used, compact.reshape(-1, 3).astype(np.int32)


def _eyes(stored: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The vertices of both eyeballs, that on the picture's left first."""
    names = stored["material_names"].tolist()
    balls = [
        np.unique(stored["quads"][stored["quad_material"] == names.index(name)])
        for name in ("M_ScleraLeft", "M_ScleraRight")
    ]
    first, second = sorted(balls, key=lambda ball: stored["vertices"][ball, 0].mean())
    return first, second


def _mesh_on(vertices: np.ndarray, triangles: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each point of the face mesh lies on the neutral skin: corners (468, 3) and shares (468, 3).

    The mean face is bent onto the landmarks by an affine map and a spline, then pressed onto the skin.
    """
    mine = MEAN_FACE[[*_LANDMARKS, _CHIN[1]]].astype(np.float64)
    theirs = marks[[*range(17, 68), _CHIN[0]]]
    bent = spline(mine, theirs, MEAN_FACE.astype(np.float64)).astype(np.float32)
    index, share = _nearest(bent, vertices[triangles])
    return triangles[index], share


def spline(source: np.ndarray, target: np.ndarray, points: np.ndarray) -> np.ndarray:
    """`points` (n, d) moved by the smooth map that takes `source` (k, d) to `target` (k, e)."""
    k, d = source.shape
    kernel = np.linalg.norm(source[:, None] - source[None], axis=2) + 1e-4 * np.eye(k)
    plain = np.concatenate([np.ones((k, 1)), source], axis=1)
    system = np.block([[kernel, plain], [plain.T, np.zeros((d + 1, d + 1))]])
    weights = np.linalg.solve(system, np.concatenate([target, np.zeros((d + 1, target.shape[1]))]))
    far = np.linalg.norm(points[:, None] - source[None], axis=2)
    return far @ weights[:k] + np.concatenate([np.ones((len(points), 1)), points], axis=1) @ weights[k:]


@njit(cache=True, nogil=True)
def _nearest(points, corners):  # type: ignore[no-untyped-def]
    """For each of points (n, 3) the nearest of triangles (m, 3, 3), and the shares (n, 3) of its corners."""
    index = np.zeros(len(points), np.int64)
    share = np.zeros((len(points), 3), np.float32)
    for i in range(len(points)):
        best = np.inf
        for t in range(len(corners)):
            v, w, far = _on_triangle(points[i], corners[t])
            if far < best:
                best = far
                index[i] = t
                share[i, 0], share[i, 1], share[i, 2] = 1.0 - v - w, v, w
    return index, share


@njit(cache=True, nogil=True, inline="always")
def _on_triangle(p, corner):  # type: ignore[no-untyped-def]
    """The shares of the second and third corner where a triangle is nearest to p, and how far, squared."""
    ax, ay, az = corner[0, 0], corner[0, 1], corner[0, 2]
    bx, by, bz = corner[1, 0] - ax, corner[1, 1] - ay, corner[1, 2] - az
    cx, cy, cz = corner[2, 0] - ax, corner[2, 1] - ay, corner[2, 2] - az
    px, py, pz = p[0] - ax, p[1] - ay, p[2] - az
    d00, d01, d11 = bx * bx + by * by + bz * bz, bx * cx + by * cy + bz * cz, cx * cx + cy * cy + cz * cz
    d20, d21 = px * bx + py * by + pz * bz, px * cx + py * cy + pz * cz
    det = max(1e-20, d00 * d11 - d01 * d01)
    v, w = (d11 * d20 - d01 * d21) / det, (d00 * d21 - d01 * d20) / det
    if v < 0 or w < 0 or v + w > 1:
        # The nearest point of a triangle that one is beside is on one of its edges.
        s, r = min(1.0, max(0.0, d20 / max(1e-20, d00))), min(1.0, max(0.0, d21 / max(1e-20, d11)))
        q = min(1.0, max(0.0, (d21 - d20 + d00 - d01) / max(1e-20, d00 - 2 * d01 + d11)))
        close = np.inf
        for x, y in ((s, 0.0), (0.0, r), (1.0 - q, q)):
            far = x * x * d00 + 2 * x * y * d01 + y * y * d11 - 2 * x * d20 - 2 * y * d21
            if far < close:
                close, v, w = far, x, y
    ox, oy, oz = px - v * bx - w * cx, py - v * by - w * cy, pz - v * bz - w * cz
    return v, w, ox * ox + oy * oy + oz * oz
