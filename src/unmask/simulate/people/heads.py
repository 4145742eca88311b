"""Heads of the three-dimensional model as busts: somebody drawn from its identities, in a portrait's skin.

The face, ears, skull, neck, eyes and teeth are the model's; behind them stands the relief of the portrait's
hair, clothes and shoulders. A head is an ordinary `Bust`, but it may turn further than a portrait's, since it
has sides, and its expressions are the model's.
"""

from pathlib import Path

import cv2
import numpy as np

from unmask.media.topology import OUTLINE, POINTS
from unmask.simulate.people.bust import RINGS, SKIN_GLOSS, SKIN_SHININESS, Bust, head_share, make_bust
from unmask.simulate.people.head_model import BACK, EYE, FACE, TEETH, HeadModel, load_heads
from unmask.simulate.people.head_skin import (
    FADE_M,
    Sure,
    folded,
    inner_patch,
    inner_places,
    outline_of,
    places_in_portrait,
    sure_of,
    sure_places,
    with_hair,
)
from unmask.simulate.people.subjects import Portrait, procedural_portrait
from unmask.simulate.rendering.motion import GAZE
from unmask.simulate.rendering.raster import rasterise
from unmask.simulate.rendering.relief import occlusion_of
from unmask.simulate.rendering.surfaces import Surface, turn

__all__ = ["HeadModel", "load_heads", "make_head"]

DEVIATION = 0.45  # of the identities' weights about the portrait's own; the model's spread is 1
NOISE_M = 0.004  # how far off a portrait's mesh is taken to be, the smile it was taken with among it
TURNS = np.radians(45.0)
JAW = 0.45  # of the model's widest: as far as talking opens a mouth
LONG_HAIR = 0.4  # of what the matte holds beside a face, that has to be hair to hang there
_SHEET = RINGS * 36


def make_head(
    model: HeadModel, rng: np.random.Generator, portrait: Portrait | None = None, *, cache: Path | None = None
) -> Bust:
    """Somebody with the portrait's skin, hair and clothes (a drawn one's without); the bust's frame is the
    portrait's.
    """
    portrait = portrait or procedural_portrait(rng)
    base = make_bust(portrait, cache=cache)
    vertices, turned = _somebody(model, rng, base.points[:POINTS])
    vertices, surface = _dressed(model, vertices, base, rng)
    points, triangles = surface.vertices, surface.triangles
    spared = np.zeros(len(points), np.float32)
    spared[POINTS : POINTS + _SHEET] = base.occlusion.spared[POINTS : POINTS + _SHEET]
    spared[POINTS + _SHEET :][model.part == BACK] = 0.5
    move = _Moves(model, vertices, turned)
    yaw = float(np.arctan2(-turned[0, 2], turned[2, 2]))
    rows = base.own.shape[0]
    return Bust(
        name=base.name,
        points=points,
        surface=surface,
        head=head_share(
            points, base.points[:POINTS], always=~np.isin(np.arange(len(points)), _bodily(model))
        ),
        jaw=move.of(jawOpen=JAW),
        lids=move.of(eyeBlink_L=1.0, eyeBlink_R=1.0),
        smile=move.of(mouthSmile_L=0.8, mouthSmile_R=0.8, cheekSquint_L=0.3, cheekSquint_R=0.3),
        brows=move.of(browInnerUp_L=0.8, browInnerUp_R=0.8, browOuterUp_L=0.8, browOuterUp_R=0.8),
        gaze=move.gaze(),
        turning=(max(-TURNS, -TURNS - yaw), min(TURNS, TURNS - yaw)),
        occlusion=occlusion_of(points, triangles, spared=spared),
        taken=np.concatenate([base.taken[:rows], surface.texture[rows:]]),
        own=base.own,
        metres_per_px=base.metres_per_px,
        origin_px=base.origin_px,
        reach=base.reach,
        portrait=base.portrait,
        contrast=base.contrast,
    )


def _somebody(model: HeadModel, rng: np.random.Generator, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Somebody like the face mesh (468, 3): vertices (n, 3) in its frame, and the turn and scale (3, 3) that
    lead there.
    """
    weights = _likeness(model, face) + rng.normal(0, DEVIATION, len(model.identity))
    somebody = model.vertices + np.tensordot(
        weights.astype(np.float32), model.identity.astype(np.float32), axes=1
    )
    rotation, scale, shift = _onto(model.on_mesh(somebody), face)
    return (scale * somebody @ rotation.T + shift).astype(np.float32), rotation * scale


def _dressed(
    model: HeadModel, vertices: np.ndarray, base: Bust, rng: np.random.Generator
) -> tuple[np.ndarray, Surface]:
    """The vertices with hair on, and the surface with the portrait on it: face mesh, sheet, vertices."""
    rows, columns = base.own.shape[:2]
    cloth, mesh = base.surface.texture[:rows], base.surface.uv[:POINTS]
    outline = outline_of(cloth[..., 3], mesh)
    normal = _normals(vertices, model)
    px = vertices[:, :2] / base.metres_per_px + base.origin_px
    vertices = with_hair(model, vertices, px, outline=outline)
    own = model.on_mesh(vertices).astype(np.float32)
    uv = folded(model, _places(model, vertices, own, base, mesh=mesh), outline=outline, normal=normal)
    sure = sure_of(cloth, model.from_mesh(mesh)[model.inside], outline=outline)
    uv = sure_places(model, uv, sure, mesh=mesh)
    hidden = model.part > BACK
    uv[hidden] = inner_places(model, top=rows)[hidden]
    sheet = _sheet(model, vertices, own, base)
    relief = _relief(base, sure, mesh)
    patch = inner_patch(cloth[..., :3], mesh, rng, width=columns)
    surface = Surface(
        vertices=np.concatenate([own, sheet, vertices]).astype(np.float32),
        triangles=np.concatenate([relief, model.triangles + POINTS + _SHEET]).astype(np.int32),
        uv=np.concatenate([base.surface.uv[: POINTS + _SHEET], uv]).astype(np.float32),
        texture=np.concatenate([cloth, patch]),
        gloss=_gloss(model),
        shininess=SKIN_SHININESS,
    )
    return vertices, surface


def _onto(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Rotation (3, 3), scale and shift (3,) that lay points (n, 3) onto others, by least squares (Umeyama
    1991).
    """
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / (a**2).sum())
    return rotation.astype(np.float32), scale, target.mean(axis=0) - scale * rotation @ source.mean(axis=0)


def _likeness(model: HeadModel, face: np.ndarray) -> np.ndarray:
    """The identities' weights (k,) that come near a face mesh (468, 3).

    Hair, ears and clothes are the portrait's; a head of quite another shape would wear them as a costume.
    """
    ways = np.einsum(
        "nk,inkd->ind", model.mesh_share, model.identity[:, model.mesh_corner].astype(np.float32)
    )
    weights = np.zeros(len(ways))
    for _ in range(3):  # where the head lies depends on its shape
        mesh = model.on_mesh(model.vertices) + np.tensordot(weights, ways, axes=1)
        rotation, scale, shift = _onto(mesh, face)
        left = ((face - shift) / scale @ rotation - model.on_mesh(model.vertices)).ravel()
        a = ways.reshape(len(ways), -1)
        weights = np.linalg.solve(a @ a.T + POINTS * NOISE_M**2 * np.eye(len(ways)), a @ left)
    return weights


def _normals(vertices: np.ndarray, model: HeadModel) -> np.ndarray:
    """Outward unit normals (n, 3)."""
    a, b, c = (vertices[model.triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, model.triangles[:, k], across)
    return normals / np.maximum(1e-12, np.linalg.norm(normals, axis=1, keepdims=True))


def _places(
    model: HeadModel, vertices: np.ndarray, own: np.ndarray, base: Bust, *, mesh: np.ndarray
) -> np.ndarray:
    """Where in the portrait (n, 2) px each vertex gets its colour, the outline not yet minded."""

    def seen(points: np.ndarray) -> np.ndarray:
        return points[:, :2] / base.metres_per_px + base.origin_px

    away = np.linalg.norm(vertices - model.from_mesh(own), axis=1)
    return places_in_portrait(model, seen(vertices), mesh=mesh, own_mesh=seen(own), away_m=away)


def _sheet(model: HeadModel, vertices: np.ndarray, own: np.ndarray, base: Bust) -> np.ndarray:
    """The relief round the face (RINGS * 36, 3): moved as the face's outline was, close behind the model."""
    rings = base.points[POINTS : POINTS + _SHEET].reshape(RINGS, 36, 3).copy()
    rim = base.points[list(OUTLINE)]
    away = np.linalg.norm(rings[..., :2] - rim[None, :, :2], axis=2)
    rings[..., :2] += (own[list(OUTLINE)] - rim)[None, :, :2] * np.exp(-((away / FADE_M) ** 2))[..., None]
    sheet = rings.reshape(-1, 3)
    cell = 0.003
    low = sheet[:, :2].min(axis=0)
    size = np.ceil((sheet[:, :2].max(axis=0) - low) / cell).astype(int) + 1
    flat = np.column_stack([(vertices[:, :2] - low) / cell, vertices[:, 2]])
    skin = model.triangles[(model.part[model.triangles] <= BACK).all(axis=1)]
    near, _, _ = rasterise(flat, skin, height=int(size[1]), width=int(size[0]))
    empty = (~np.isfinite(near)).astype(np.uint8)
    far, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    level = np.zeros(labels.max() + 1, np.float32)
    level[labels[empty == 0]] = near[empty == 0]
    behind = cv2.GaussianBlur(level[labels], (0, 0), 2) + 0.006
    column, row = ((sheet[:, :2] - low) / cell).astype(int).T
    beside = np.minimum(far[row, column] * cell, 0.12)
    # Hair hangs in the ears' plane, where the skull hides what the model has itself; clothes lie on it.
    under = np.clip((sheet[:, 1] - own[152, 1] + 0.01) / 0.04, 0, 1)
    hair, cloth = 0.015 + 0.2 * beside, behind[row, column] + 0.15 * beside
    sheet[:, 2] = hair + under * (cloth - hair)
    return sheet


def _relief(base: Bust, sure: Sure, mesh: np.ndarray) -> np.ndarray:
    """The triangles of the sheet: clothes, and on either side of the face hair, where most that the matte
    has there is hair; above them the skull has its own.
    """
    triangles = base.surface.triangles
    triangles = triangles[((triangles >= POINTS) & (triangles < POINTS + _SHEET)).all(axis=1)]
    x, y = np.clip(base.surface.uv[: POINTS + _SHEET], 0, np.array(sure.hair.shape[::-1]) - 1).astype(int).T
    eyes, chin, nose = mesh[[127, 356], 1].mean(), mesh[152, 1], mesh[4, 0]
    hair = cv2.dilate(sure.hair.astype(np.uint8), np.ones((9, 9)))[y, x] > 0
    person = base.surface.texture[y, x, 3] > 0.5
    px = base.surface.uv[: POINTS + _SHEET]
    off = np.linalg.norm(px[:, None] - mesh[None, list(OUTLINE)], axis=2).min(axis=1) * base.metres_per_px
    kept = y > chin
    for side in (x < nose, x >= nose):
        beside = side & (y > eyes) & (y <= chin) & (np.arange(len(x)) >= POINTS)
        there = beside & person & (off > 0.02)  # nearer are ears and cheeks
        if (hair & there).sum() > LONG_HAIR * max(10, there.sum()):
            kept = kept | (side & (y > eyes - 0.6 * (chin - eyes)))  # up to where the shell is as wide
    return triangles[kept[triangles].all(axis=1)]


def _bodily(model: HeadModel) -> np.ndarray:
    """The points that the body may carry: sheet and skin beside the face."""
    skin = np.flatnonzero((model.part <= BACK) & ~model.inside)
    return np.concatenate([POINTS + np.arange(_SHEET), POINTS + _SHEET + skin])


def _gloss(model: HeadModel) -> np.ndarray:
    gloss = np.zeros(POINTS + _SHEET + len(model.part), np.float32)
    own = gloss[POINTS + _SHEET :]
    own[model.part == FACE] = 0.5 * SKIN_GLOSS
    own[model.inside] = SKIN_GLOSS
    own[np.isin(model.part, (EYE, TEETH))] = 2 * SKIN_GLOSS
    return gloss


class _Moves:
    """Expressions of the model as ways of a bust's points."""

    def __init__(self, model: HeadModel, vertices: np.ndarray, turned: np.ndarray) -> None:
        self.model, self.vertices, self.turned = model, vertices, turned

    def of(self, **shares: float) -> np.ndarray:
        """The sum (n, 3) of those expressions, times how strong each is; one the model lacks counts 0."""
        total = np.zeros(self.model.vertices.shape, np.float32)
        for name, share in shares.items():
            if name in self.model.moves:
                total += np.float32(share) * self.model.moves[name].astype(np.float32)
        return self._led((total @ self.turned.T).astype(np.float32))

    def gaze(self) -> np.ndarray:
        """The ways (4, n, 3) as the eyes look to the picture's right, left, down and up."""
        ways = (
            (GAZE, 0.0, {"eyeLookOut_L": 1.0, "eyeLookIn_R": 1.0}),
            (-GAZE, 0.0, {"eyeLookIn_L": 1.0, "eyeLookOut_R": 1.0}),
            (0.0, GAZE, {"eyeLookDown_L": 1.0, "eyeLookDown_R": 1.0}),
            (0.0, -GAZE, {"eyeLookUp_L": 1.0, "eyeLookUp_R": 1.0}),
        )
        return np.stack([self.of(**lids) + self._led(self._rolled(yaw, pitch)) for yaw, pitch, lids in ways])

    def _rolled(self, yaw: float, pitch: float) -> np.ndarray:
        ball = self.model.part == EYE
        middles = self.vertices[-2:]
        apart = np.linalg.norm(self.vertices[ball][:, None] - middles[None], axis=2)
        offset = self.vertices[ball] - middles[apart.argmin(axis=1)]
        upright = self.turned / np.cbrt(np.linalg.det(self.turned))
        rotation = upright @ turn(yaw=yaw, pitch=pitch) @ upright.T
        way = np.zeros_like(self.vertices)
        way[ball] = offset @ rotation.T - offset
        return way

    def _led(self, way: np.ndarray) -> np.ndarray:
        """The way of the vertices with that of the face mesh before it; the sheet stays."""
        still = np.zeros((_SHEET, 3), np.float32)
        return np.concatenate([self.model.on_mesh(way).astype(np.float32), still, way])
