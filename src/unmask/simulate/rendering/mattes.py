"""Which pixels of a portrait belong to the person: a soft matte, by GrabCut from where a face's hair and body
must be.

The mesh says where the head is; the body is a trapezium below it. What is surely neither, the upper corners
and what lies far from both, seeds the background. Good enough to put a person before another room; not good
enough to be the mark of a bona fide face, which is why half of all pictures, of every class, keep their own
background.
"""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from unmask.files import write_bytes

RECIPE = b"3"  # of the cut, so that a cache of an older one is not used
WORK_PX = 192  # GrabCut's cost grows with the area; hair is finer than any matte found this way


def matte(image: np.ndarray, mesh: np.ndarray, *, cache: Path | None = None) -> np.ndarray:
    """Alpha (H, W) float32 in [0, 1] of the person; kept as a small PNG in the folder `cache` when given."""
    if cache is None:
        return _refined(image, _cut(image, mesh))
    key = hashlib.sha256(RECIPE + image.tobytes() + mesh.tobytes()).hexdigest()[:24]
    path = cache / f"matte_{key}.png"
    stored = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.exists() else None
    if stored is None:
        stored = _cut(image, mesh)
        write_bytes(path, cv2.imencode(".png", stored)[1].tobytes())  # another process may write the same one
    return _refined(image, stored)


def matte_contrast(image: np.ndarray, alpha: np.ndarray, *, mesh: np.ndarray) -> float:
    """The median difference in colour (0 to 1) between both sides of the matte's edge above the chin."""
    chin = max(2, int(mesh[152, 1]))
    step = max(3, max(image.shape[:2]) // 80)
    solid = (alpha[:chin] > 0.5).astype(np.uint8)
    picture = cv2.blur(image[:chin].astype(np.float32) / 255, (3, 3))
    outline, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outline:
        return 0.0
    points = max(outline, key=len)[:, 0].astype(np.float32)
    flow = cv2.GaussianBlur(alpha[:chin], (0, 0), step)
    gradient = np.stack([cv2.Sobel(flow, cv2.CV_32F, 1, 0), cv2.Sobel(flow, cv2.CV_32F, 0, 1)], axis=-1)
    x, y = points.astype(int).T
    inner = (x > step) & (x < image.shape[1] - step - 1) & (y > step) & (y < chin - step - 1)
    if not inner.any():
        return 0.0
    way = gradient[y[inner], x[inner]]
    way = step * way / np.maximum(1e-6, np.linalg.norm(way, axis=1, keepdims=True))
    sides = []
    for sign in (1, -1):
        at = np.round(points[inner] + sign * way).astype(int)
        sides.append(picture[np.clip(at[:, 1], 0, chin - 1), np.clip(at[:, 0], 0, image.shape[1] - 1)])
    return float(np.median(np.abs(sides[0] - sides[1]).mean(axis=1)))


def _cut(image: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """The hard cut (h, w) uint8, 0 or 255, at working size."""
    scale = WORK_PX / max(image.shape[:2])
    size = (max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    points = mesh[:, :2] * scale
    seeds = _trimap(small.shape[:2], points)
    # The head is cut by itself: a dark suit among its colours would claim the dark curtain by the hair.
    chin = int(np.clip(points[:, 1].max(), 8, size[1] - 8))
    lap = max(4, int(0.15 * np.ptp(points[:, 1])))
    person = _grab(small, seeds)
    person[:chin] = _grab(small[: chin + lap], seeds[: chin + lap])[:chin]
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return _whole(person, (seeds == cv2.GC_FGD).astype(np.uint8)) * 255


def _grab(image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """GrabCut (h, w) uint8 in {0, 1} from the seeds; these themselves where they leave nothing to decide."""
    mask = seeds.copy()
    likely = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if not likely.any() or likely.all():
        return likely.astype(np.uint8)
    cv2.setRNGSeed(0)  # its k-means draws from OpenCV's own generator
    models = np.zeros((1, 65)), np.zeros((1, 65))
    picture = np.ascontiguousarray(image[..., ::-1])
    cv2.grabCut(picture, mask, (0, 0, 1, 1), models[0], models[1], 4, cv2.GC_INIT_WITH_MASK)
    return np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def _trimap(shape: tuple[int, int], points: np.ndarray) -> np.ndarray:
    """GrabCut's seeds: face and chest sure, head with hair and body likely, far corners surely not."""
    h, w = shape
    low, high = points.min(0), points.max(0)
    (cx, cy), (fw, fh) = (low + high) / 2, high - low
    y, x = np.mgrid[0:h, 0:w]
    dx = (x - cx) / fw
    seeds = np.full(shape, cv2.GC_PR_BGD, np.uint8)
    # The body: neck at the chin, shoulders about two and a half faces wide half a face below it.
    below = (y - high[1]) / fh
    shoulders = np.abs(dx) < 0.35 + np.clip(below / 0.5, 0, 1) * 1.05
    seeds[(below > -0.1) & shoulders] = cv2.GC_PR_FGD
    head = (dx / 0.68) ** 2 + ((y - (cy - 0.12 * fh)) / (0.78 * fh)) ** 2
    seeds[head < 1] = cv2.GC_PR_FGD
    high_up = np.abs(dx) > 1.25 + np.clip(below, 0, 1)
    seeds[high_up & (below < 0.15)] = cv2.GC_BGD
    seeds[(y < low[1] - 0.6 * fh)] = cv2.GC_BGD
    # Dark suits before dark curtains are lost without sure shoulders, dark hair without a sure skull.
    skull = (dx / 0.54) ** 2 + ((y - (cy - 0.08 * fh)) / (0.62 * fh)) ** 2
    neck = (below > -0.2) & (np.abs(dx) < 0.3)
    chest = (below > 0.12) & (np.abs(dx) < np.clip(0.32 + (below - 0.12) * 1.4, 0, 1.15))
    seeds[(skull < 1) | neck | chest] = cv2.GC_FGD
    beside = (np.abs(dx) > 0.95) & (below < -0.05)
    seeds[beside & (seeds != cv2.GC_FGD)] = cv2.GC_BGD
    cv2.fillConvexPoly(seeds, cv2.convexHull(points.astype(np.int32)), cv2.GC_FGD)
    return seeds


def _whole(person: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """The part joined to the face, without holes smaller than a twentieth of it."""
    _, labels = cv2.connectedComponents(person, connectivity=4)
    touched = np.unique(labels[(sure > 0) & (person > 0)])
    person = np.isin(labels, touched[touched > 0]).astype(np.uint8)
    count, holes, stats, _ = cv2.connectedComponentsWithStats(1 - person, connectivity=4)
    limit = person.sum() / 20
    for hole in range(1, count):
        if stats[hole, cv2.CC_STAT_AREA] < limit and not _at_border(stats[hole], person.shape):
            person[holes == hole] = 1
    return person


def _at_border(stat: np.ndarray, shape: tuple[int, ...]) -> bool:
    x, y, w, h = stat[:4]
    return bool(x == 0 or y == 0 or x + w == shape[1] or y + h == shape[0])


def _refined(image: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """The hard cut at full size, its edge led along the picture's edges (guided filter, He et al. 2010)."""
    size = (image.shape[1], image.shape[0])
    rough = cv2.resize(cut.astype(np.float32) / 255, size, interpolation=cv2.INTER_LINEAR)
    rough = cv2.GaussianBlur(rough, (0, 0), max(image.shape[:2]) / 300)
    guide = image.astype(np.float32).mean(axis=2) / 255
    radius = max(3, max(image.shape[:2]) // 64)
    box = (2 * radius + 1, 2 * radius + 1)
    mean_i, mean_p = cv2.blur(guide, box), cv2.blur(rough, box)
    slope = (cv2.blur(guide * rough, box) - mean_i * mean_p) / (
        cv2.blur(guide * guide, box) - mean_i**2 + 2e-3
    )
    offset = mean_p - slope * mean_i
    led = cv2.blur(slope, box) * guide + cv2.blur(offset, box)
    # Only near the cut, and with a steeper flank: the filter alone leaves a veil of background.
    near = cv2.dilate(rough, np.ones((2 * radius + 1,) * 2)) - cv2.erode(
        rough, np.ones((2 * radius + 1,) * 2)
    )
    mixed = rough + np.clip(near * 1.5, 0, 1) * (led - rough)
    return np.clip((mixed - 0.2) / 0.6, 0, 1).astype(np.float32)
