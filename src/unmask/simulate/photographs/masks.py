"""Masks worn by the person of a photograph: paper with another's face, silicone, resin, painted into it.

A photograph with a mask in it goes on as any photograph of a person does: the same room, hair and body, the
same light and camera as the bona fide picture, and another face or another skin.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from unmask.media.topology import MOUTH_LOWER, MOUTH_UPPER
from unmask.simulate.photographs.files import Pictured
from unmask.simulate.photographs.occasions import Occasion
from unmask.simulate.photographs.person import vertex_normals
from unmask.simulate.rendering.cutting import EYES, eye_holes, face_outline, filled, head_outline
from unmask.simulate.rendering.layout import face_box
from unmask.simulate.rendering.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.stage.backdrops import LINEAR

MASKS: dict[str, tuple[str, ...]] = {
    "mask/paper": ("face", "head", "sheet"),
    "mask/silicone": ("pale", "tan", "dark"),
    "mask/resin": ("white", "painted", "printed"),
}
_SKIN = {"pale": (0.62, 0.42, 0.33), "tan": (0.45, 0.28, 0.20), "dark": (0.20, 0.12, 0.085)}
_STABLE = [33, 133, 263, 362, 61, 291, 1, 152, 10, 234, 454]  # eyes, mouth, nose, chin, brow, cheeks


def masked(
    rng: np.random.Generator, occasion: Occasion, other: Pictured, *, instrument: str, model: str
) -> Occasion:
    """The occasion with that mask on the person's face; a paper mask shows the face of `other`."""
    linear = LINEAR[occasion.image]
    if instrument == "mask/paper":
        worn, mesh = _paper(rng, linear, occasion.mesh, other=other, model=model)
    else:
        worn = _MATERIALS[instrument](rng, linear, occasion.mesh, model)
        mesh = occasion.mesh
    image = (np.clip(worn, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)
    return replace(occasion, image=image, mesh=mesh)


def _paper(
    rng: np.random.Generator, linear: np.ndarray, mesh: np.ndarray, *, other: Pictured, model: str
) -> tuple[np.ndarray, np.ndarray]:
    """Paper before the face: cut along it, along the head, or a whole sheet; and the shown face's mesh."""
    image, face = other.image, other.mesh
    cover = _cut(rng, image, face, model=model)
    holes = np.zeros(image.shape[:2], np.float32)
    if model != "sheet" and rng.random() < 0.4:
        holes = eye_holes(image.shape, face, widen=float(rng.uniform(1.1, 1.6)))
    rim = 2 * round(float(rng.choice([0.0, 0.01, 0.03])) * face_box(face)[1]) + 1
    whole = cv2.dilate(cover, np.ones((rim, rim))) if rim > 1 else cover
    page = _printed(rng, image) * cover[..., None] + 0.85 * (1 - cover[..., None])
    warp = _before_face(rng, face, mesh, grown=float(rng.uniform(1.0, 1.2)))
    size = linear.shape[1::-1]
    page, alpha = (
        cv2.warpAffine(layer, warp, size, flags=cv2.INTER_AREA) for layer in (page, whole * (1 - holes))
    )
    shown = face.astype(np.float32).copy()
    shown[:, :2] = (face[:, :2] @ warp[:, :2].T + warp[:, 2]).astype(np.float32)
    shown[:, 2] *= np.sqrt(abs(np.linalg.det(warp[:, :2])))
    paper = page * _paper_light(rng, linear, mesh, shown=shown)
    side = face_box(mesh)[1]
    return _laid(rng, linear, paper, alpha, reach=side), shown


def _cut(rng: np.random.Generator, image: np.ndarray, face: np.ndarray, *, model: str) -> np.ndarray:
    """What scissors leave of the printed picture: (h, w) float32."""
    if model == "face":
        return face_outline(image.shape, face, rim=float(rng.uniform(0.98, 1.22)))
    if model == "head":
        return head_outline(image, face)
    (cx, cy), side = face_box(face)
    reach = side * rng.uniform([0.6, 0.75, 0.6, 0.62], [1.1, 1.1, 1.1, 1.1])
    corners = np.array(
        [[cx - reach[0], cy - reach[1]], [cx + reach[2], cy - reach[1]], [cx + reach[2], cy + reach[3]],
         [cx - reach[0], cy + reach[3]]]
    )  # fmt: skip
    limits = np.array(image.shape[1::-1]) - 1
    return filled(np.clip(corners, 0, limits), image.shape)


def _printed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The picture's reflectance on paper (h, w, 3): black is grey, colours are weaker, dots show."""
    ink = LINEAR[image] ** np.float32(rng.uniform(0.85, 1.25))
    grey = ink @ np.array([0.3, 0.59, 0.11], np.float32)
    ink = grey[..., None] + np.float32(rng.uniform(0.55, 1.15)) * (ink - grey[..., None])
    noise = rng.standard_normal(grey.shape, dtype=np.float32)
    rough = (noise - cv2.blur(noise, (3, 3))) * np.sqrt(np.clip(grey * (1 - grey), 0, 1))
    ink = ink + np.float32(rng.uniform(0.0, 0.12)) * rough[..., None]
    black, white = rng.uniform(0.01, 0.08), rng.uniform(0.75, 0.92)
    return np.clip(black + ink * (white - black), 0.005, 1).astype(np.float32)


def _before_face(rng: np.random.Generator, face: np.ndarray, mesh: np.ndarray, *, grown: float) -> np.ndarray:
    """The similarity (2, 3) that lays the printed face over the wearer's, a little askew."""
    # In complex numbers a similarity is one factor, and least squares give it in closed form.
    ways = []
    for points in (face, mesh):
        plane = points[_STABLE, 0].astype(float) + 1j * points[_STABLE, 1]
        ways.append(plane - plane.mean())
    factor = np.vdot(ways[0], ways[1]) / np.vdot(ways[0], ways[0])
    factor *= grown * np.exp(1j * np.deg2rad(rng.normal(0, 3)))
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    middle, side = face_box(mesh)
    shift = middle + rng.normal(0, 0.025, 2) * side - linear @ face_box(face)[0]
    return np.column_stack([linear, shift])


def _paper_light(
    rng: np.random.Generator, linear: np.ndarray, mesh: np.ndarray, *, shown: np.ndarray
) -> np.ndarray:
    """The light on the paper (h, w, 3): the face's own in the mean, less where the paper bends away."""
    cover = face_outline(linear.shape, mesh)
    light = (linear * cover[..., None]).sum(axis=(0, 1)) / max(float(cover.sum()), 1)
    hue = (light / max(float(light.mean()), 1e-4)) / np.array([1.35, 0.93, 0.72])  # beside common skin
    level = float(light.mean()) / 0.33 * float(np.exp(rng.normal(0.1, 0.2)))
    (cx, cy), side = face_box(shown)
    y, x = np.mgrid[: linear.shape[0], : linear.shape[1]].astype(np.float32)
    u, v = (x - np.float32(cx)) / np.float32(side), (y - np.float32(cy)) / np.float32(side)
    way = rng.normal(0, 0.25, 2)
    shade = np.exp(way[0] * u + way[1] * v - float(rng.choice([0.0, 0.4, 1.2])) * u * u)
    if rng.random() < 0.35:  # gloss along the bend
        middle, wide = rng.uniform(-0.4, 0.4), rng.uniform(0.03, 0.15)
        shade = shade + rng.uniform(0.2, 1.2) * np.exp(-(((u - middle) / wide) ** 2))
    return (level * shade[..., None] * np.clip(hue, 0.6, 1.6)).astype(np.float32)


def _laid(
    rng: np.random.Generator, under: np.ndarray, over: np.ndarray, alpha: np.ndarray, *, reach: float
) -> np.ndarray:
    """The layer over the picture, its shadow beside it."""
    shift = rng.normal(0, 0.03, 2) * reach + [0, 0.02 * reach]
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    shadow = cv2.warpAffine(alpha, move, alpha.shape[1::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.8, float(rng.uniform(0.008, 0.05)) * reach))
    dark = under * (1 - float(rng.uniform(0.2, 0.75)) * shadow[..., None])
    return np.asarray(over * alpha[..., None] + dark * (1 - alpha[..., None]))


def _silicone(rng: np.random.Generator, linear: np.ndarray, mesh: np.ndarray, model: str) -> np.ndarray:
    """A soft skin over the face: even in colour, without pores, waxy, with rims at eyes, lips and hair."""
    side = face_box(mesh)[1]
    cover = _skin(rng, linear, mesh, rim=float(rng.uniform(1.0, 1.12)))
    smooth = _waxy(linear, radius=float(rng.uniform(0.03, 0.07)) * side, keep=float(rng.uniform(0.05, 0.3)))
    grey = smooth @ np.array([0.3, 0.59, 0.11], np.float32)
    colour = np.array(_SKIN[model], np.float32)
    colour = colour / (colour @ np.array([0.3, 0.59, 0.11], np.float32))
    even = float(rng.uniform(0.3, 0.85))
    wax = (1 - even) * smooth + even * grey[..., None] * colour
    wax = wax ** np.float32(rng.uniform(0.75, 1.0)) * np.float32(rng.uniform(0.8, 1.15))
    blotch = _blotches(rng, grey.shape, side=side)
    wax = wax * (1 + np.float32(rng.uniform(0.0, 0.12)) * blotch[..., None])
    wax = wax + _shine(
        rng, mesh, grey, power=float(rng.uniform(6, 30)), strength=float(rng.uniform(0.02, 0.25))
    )
    worn = linear * (1 - cover[..., None]) + np.maximum(wax, 0) * cover[..., None]
    return _rims(rng, worn, mesh, cover, strength=float(rng.uniform(0.2, 0.7)))


def _resin(rng: np.random.Generator, linear: np.ndarray, mesh: np.ndarray, model: str) -> np.ndarray:
    """A hard shell: one colour, or painted; hard gloss, a plain rim, the eyes dark or the wearer's."""
    side = face_box(mesh)[1]
    cover = _skin(rng, linear, mesh, rim=float(rng.uniform(0.95, 1.05)), lips=True)
    shading = _waxy(linear, radius=0.06 * side, keep=0.0) @ np.array([0.3, 0.59, 0.11], np.float32)
    shading = shading / max(float(shading[cover > 0.5].mean()), 1e-3)
    tone = float((linear * cover[..., None]).sum() / max(3 * float(cover.sum()), 1))
    light = _relief(rng, mesh, shading.shape)
    shell: np.ndarray
    if model == "printed":
        shell = _waxy(linear, radius=0.015 * side, keep=0.3) * np.float32(rng.uniform(0.8, 1.2))
    else:
        white = (0.9, 0.9, 0.88) if model == "white" else (0.74, 0.5, 0.4)
        albedo = np.array(white) * (1 + rng.normal(0, 0.06, 3))
        level = tone / 0.33 * float(rng.uniform(0.6, 1.0))
        shell = level * (0.4 * shading + 0.6 * light)[..., None] * albedo.astype(np.float32)
        if model == "painted":  # features as brush and colour leave them
            paint = _waxy(linear, radius=0.02 * side, keep=0.6)
            ratio = np.clip(paint / np.maximum(_waxy(linear, radius=0.12 * side, keep=0.0), 1e-3), 0.2, 1.6)
            shell = shell * ratio
    grey = shading * np.float32(tone)
    shell = shell + _shine(
        rng, mesh, grey, power=float(rng.uniform(25, 120)), strength=float(rng.uniform(0.05, 0.5))
    )
    worn = linear * (1 - cover[..., None]) + np.maximum(shell, 0).astype(np.float32) * cover[..., None]
    if rng.random() < 0.4:  # no eyes behind the holes that one sees
        holes = eye_holes(linear.shape, mesh, widen=1.1)[..., None]
        worn = worn * (1 - 0.9 * holes)
    return _rims(rng, worn, mesh, cover, strength=float(rng.uniform(0.3, 0.9)))


_Material = Callable[[np.random.Generator, np.ndarray, np.ndarray, str], np.ndarray]
_MATERIALS: dict[str, _Material] = {"mask/silicone": _silicone, "mask/resin": _resin}


def _skin(
    rng: np.random.Generator, linear: np.ndarray, mesh: np.ndarray, *, rim: float, lips: bool = False
) -> np.ndarray:
    """Where the mask is: (h, w) float32; the eyes are left free, and often the mouth's opening."""
    cover = face_outline(linear.shape, mesh, rim=rim)
    cover = cover * (1 - eye_holes(linear.shape, mesh, widen=float(rng.uniform(1.0, 1.35))))
    if not lips and rng.random() < 0.6:
        ring = mesh[[*MOUTH_UPPER, *MOUTH_LOWER[-2:0:-1]], :2]
        cover = cover * (1 - filled(ring, linear.shape))
    return np.asarray(cover)


def _waxy(linear: np.ndarray, *, radius: float, keep: float) -> np.ndarray:
    """The picture without what is finer than `radius` px, but for the share `keep` of it."""
    soft = cv2.GaussianBlur(linear, (0, 0), max(0.8, radius / 2))
    return soft + np.float32(keep) * (linear - soft)


def _blotches(rng: np.random.Generator, shape: tuple[int, ...], *, side: float) -> np.ndarray:
    few = tuple(max(2, round(length / (0.08 * side))) for length in shape[:2])
    coarse = rng.normal(0, 1, few).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC))


def _normals(mesh: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The face's normals (h, w, 3) spread over the picture, facing the camera beyond the face."""
    field: np.ndarray = np.zeros((*shape[:2], 3), np.float32)
    field[..., 2] = -1
    normals = vertex_normals(mesh)
    _, triangle, weights = rasterise(mesh, FACE_TRIANGLES, height=shape[0], width=shape[1])
    inside = triangle >= 0
    field[inside] = (normals[FACE_TRIANGLES[triangle[inside]]] * weights[inside][..., None]).sum(axis=1)
    field = cv2.GaussianBlur(field, (0, 0), max(0.8, 0.012 * face_box(mesh)[1]))
    return field / np.maximum(1e-6, np.linalg.norm(field, axis=2, keepdims=True))


def _lamp(rng: np.random.Generator) -> np.ndarray:
    way = np.array([rng.normal(0, 0.5), rng.uniform(-0.9, 0.1), -1.0])
    return (way / np.linalg.norm(way)).astype(np.float32)


def _shine(
    rng: np.random.Generator, mesh: np.ndarray, grey: np.ndarray, *, power: float, strength: float
) -> np.ndarray:
    """Highlights (h, w, 1) of a smooth surface in the shape of the face."""
    half = _lamp(rng) + np.array([0, 0, -1], np.float32)
    half = half / np.linalg.norm(half)
    cosine = np.maximum(_normals(mesh, grey.shape) @ half, 0)
    level = strength * max(float(grey.mean()), 0.02) * 4
    return (level * cosine**power)[..., None].astype(np.float32)


def _relief(rng: np.random.Generator, mesh: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """How a matt surface in the shape of the face is lit, mean about 1: (h, w)."""
    lit = 0.35 + np.maximum(_normals(mesh, shape) @ _lamp(rng), 0)
    return (lit / max(float(lit.mean()), 1e-3)).astype(np.float32)


def _rims(
    rng: np.random.Generator, worn: np.ndarray, mesh: np.ndarray, cover: np.ndarray, *, strength: float
) -> np.ndarray:
    """Dark seams where the mask ends: round the eyes, sometimes round the face."""
    side = face_box(mesh)[1]
    wide = max(1, round(side * float(rng.uniform(0.006, 0.02))))
    seams: np.ndarray = np.zeros(cover.shape, np.float32)
    for upper, lower in EYES:
        ring = mesh[[*upper, *lower[-2:0:-1]], :2]
        centre = ring.mean(axis=0)
        grown = centre + (ring - centre) * np.array([1.25, 1.6])
        cv2.polylines(seams, [np.round(grown * 16).astype(np.int32)], True, 1.0, wide, cv2.LINE_AA, 4)
    if rng.random() < 0.5:
        edge = cv2.morphologyEx((cover > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        seams = np.maximum(seams, cv2.dilate(edge.astype(np.float32), np.ones((wide, wide))))
    seams = cv2.GaussianBlur(seams, (0, 0), max(0.6, wide / 2))
    return np.asarray(worn * (1 - strength * seams[..., None]))
