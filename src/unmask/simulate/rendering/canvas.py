"""A portrait's picture made fit to be a texture: wider than it was, cut from its background, a mouth to open.

Whatever a head's turning or a camera's shaking shows beyond the picture's border has to be there: cloth
below, shoulders that slope away beside, hair above; and behind the person the background that the person hid.
"""

from itertools import pairwise

import cv2
import numpy as np

from unmask.media.topology import MOUTH_LOWER, MOUTH_UPPER


def linear_of(image: np.ndarray) -> np.ndarray:
    """sRGB uint8 to linear float32."""
    table = np.arange(256) / 255.0
    table = np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return table[image]


def covered(cover: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns outside of which `cover` (h, w) is zero: no paint need be laid beyond them."""
    spans = []
    for axis in (1, 0):
        painted = np.flatnonzero(cover.any(axis=axis))
        spans.append(slice(painted[0], painted[-1] + 1) if len(painted) else slice(0))
    return spans[0], spans[1]


def widened(
    image: np.ndarray, alpha: np.ndarray, *, mesh: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """The portrait with more cloth below and room beside it, so that its border is never seen.

    Returns the picture, the person's alpha there, the alpha of the picture's own pixels (beside and below
    they are mirrored ones), and how far (x, y) the portrait lies inside.
    """
    h, w = alpha.shape
    top, side, bottom = h // 5, w * 2 // 5, h * 3 // 5
    # The matte goes on as its last rows to and fro: a longer way would repeat collars.
    rows = np.concatenate([_fold(np.arange(top), h)[::-1], np.arange(h), h - 1 - _fold(np.arange(bottom), 4)])
    columns = np.concatenate(
        [_fold(np.arange(side), w)[::-1], np.arange(w), w - 1 - _fold(np.arange(side), w)]
    )
    wide = np.zeros((len(rows), len(columns)), np.float32)
    wide[top : top + h, side : side + w] = alpha
    _round_off_top(wide, top, side, w)
    _slope_off_sides(wide, top, side, (h, w))
    _widen_down(wide, top + h, 1.5 * float(np.ptp(mesh[:, 0])), side + float(mesh[152, 0]))
    mirrored = alpha[rows][:, columns]
    tall = np.concatenate([image[rows[: top + h]], _cloth(image, alpha, count=bottom)])
    return tall[:, columns], cv2.GaussianBlur(wide, (0, 0), 0.8), mirrored, (side, top)


def _cloth(image: np.ndarray, alpha: np.ndarray, *, count: int) -> np.ndarray:
    """`count` rows of clothes (count, w, 3) uint8 below the picture: its last colours, which run together on
    the way down as what was a tie or a lapel ends, shaded by folds.
    """
    h, w = alpha.shape
    tail = slice(h - max(4, h // 40), h)
    share = alpha[tail].mean(axis=0)[None, :, None] + 1e-3
    colour = (image[tail] * alpha[tail, :, None]).mean(axis=0)[None] + 1e-3 * image[tail].mean(axis=0)[None]
    rng = np.random.default_rng(int(image[tail].sum()))
    rows = np.empty((count, w, 3), np.float32)
    steps = np.unique(np.r_[0, np.geomspace(1, count, 16).astype(int)])
    for start, stop in pairwise(steps):
        sigma = min(0.6 + 0.25 * start, 0.12 * w)
        blurred = [
            cv2.GaussianBlur(part.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
            for part in (colour, np.repeat(share, 3, axis=2))
        ]
        rows[start:stop] = blurred[0] / blurred[1]
    folds, weave = rng.normal(size=(2, count, w)).astype(np.float32)
    folds = cv2.GaussianBlur(folds, (0, 0), 0.02 * w, sigmaY=0.06 * w)
    weave = cv2.GaussianBlur(weave, (0, 0), 0.8)
    deeper = np.minimum(1, np.arange(count) / (0.08 * h))[:, None]
    shade = 1 + deeper * (0.10 * folds / (folds.std() + 1e-6)) + 0.03 * weave / (weave.std() + 1e-6)
    return np.clip(rows * shade[..., None] + 0.5, 0, 255).astype(np.uint8)


def _fold(distance: np.ndarray, length: int) -> np.ndarray:
    """A walk to and fro over `length` cells: 0, 1, ..., length - 1, length - 1, ..."""
    step = distance % (2 * length)
    return np.where(step < length, step, 2 * length - 1 - step)


def _round_off_top(alpha: np.ndarray, top: int, side: int, width: int) -> None:
    """Hair that the picture's upper border cuts goes on as a cap."""
    line = np.flatnonzero(alpha[top, side : side + width] > 0.5)
    if len(line) < 4:
        return
    middle, half = side + (line[0] + line[-1]) / 2, (line[-1] - line[0]) / 2
    y, x = np.mgrid[0:top, 0 : alpha.shape[1]]
    cap = ((x - middle) / half) ** 2 + ((top - y) / min(0.45 * half, 0.95 * top)) ** 2
    alpha[:top] = np.clip((1 - cap) * half / 3, 0, 1)


def _slope_off_sides(alpha: np.ndarray, top: int, side: int, size: tuple[int, int]) -> None:
    """Shoulders that the picture's sides cut slope down outside it."""
    h, w = size
    for edge, outward in ((side, -1), (side + w - 1, 1)):
        column = np.flatnonzero(alpha[top : top + h, edge] > 0.5)
        if len(column) == 0:
            continue
        reach = edge if outward < 0 else alpha.shape[1] - 1 - edge
        for d in range(1, reach + 1):
            line = top + column[0] + 0.45 * d + 3.0 * d * d / w
            rows = np.arange(alpha.shape[0])
            alpha[:, edge + outward * d] = np.clip((rows - line) / 3, 0, 1)


def _widen_down(alpha: np.ndarray, start: int, half: float, middle: float) -> None:
    """Below the picture the body is at least what shoulders are: its sides go outwards to `half` from the
    middle.
    """
    line = np.flatnonzero(alpha[start - 1] > 0.5)
    left, right = (line[0], line[-1]) if len(line) else (middle, middle)
    x = np.arange(alpha.shape[1])
    for row in range(start, len(alpha)):
        t = min(1.0, (row - start) / (0.9 * half))
        share = np.sqrt(1 - (1 - t) ** 2)  # the curve of a shoulder
        low = left + share * (min(left, middle - half) - left) - 0.1 * (row - start)
        high = right + share * (max(right, middle + half) - right) + 0.1 * (row - start)
        alpha[row] = np.clip(np.minimum(x - low, high - x) / 3, 0, 1)


def decontaminated(linear: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The person's colour led outwards over the matte's flank: no old background shines at the edge."""
    sure = (cv2.erode(alpha, np.ones((5, 5))) > 0.97).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(1 - sure, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros((labels.max() + 1, 3), np.float32)
    nearest[labels[sure > 0]] = cv2.blur(linear, (3, 3))[sure > 0]
    spread = cv2.GaussianBlur(nearest[labels], (0, 0), 1.5)
    keep = (cv2.GaussianBlur(sure.astype(np.float32), (0, 0), 1.0) * sure)[..., None]
    return linear * keep + spread * (1 - keep)


def painted_out(linear: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The background alone: over the person goes what is round it, mirrored at the outline, smooth further
    inside.
    """
    taken = (cv2.dilate(alpha, np.ones((5, 5))) > 0.04).astype(np.uint8)
    if taken.mean() > 0.98:
        taken[:4] = 0
    half = (taken.shape[1] // 2, taken.shape[0] // 2)  # what is filled in is smooth
    free = cv2.resize(1.0 - taken.astype(np.float32), half, interpolation=cv2.INTER_AREA)
    known = cv2.resize(linear * (1 - taken)[..., None], half, interpolation=cv2.INTER_AREA)
    filled = cv2.resize(_spread(known, free), taken.shape[::-1], interpolation=cv2.INTER_LINEAR)
    distance, labels = cv2.distanceTransformWithLabels(taken, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    place = np.zeros((labels.max() + 1, 2), np.int32)
    place[labels[taken == 0]] = np.argwhere(taken == 0)
    there = np.nonzero(taken)
    y, x = (2 * place[labels[there], k] - there[k] for k in (0, 1))
    y, x = np.clip(y, 0, taken.shape[0] - 1), np.clip(x, 0, taken.shape[1] - 1)
    trust: np.ndarray = np.ones(taken.shape, np.float32)
    trust[there] = (1 - taken[y, x]) * np.clip(1.5 - distance[there] / 60, 0, 1)
    trust = cv2.GaussianBlur(trust, (0, 0), 2)[there][:, None]
    background = linear.copy()
    background[there] = linear[y, x] * trust + filled[there] * (1 - trust)
    background *= (0.2 / max(0.02, float(np.mean(cv2.mean(background)[:3])))) ** 0.7
    return background


def _spread(linear: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Colours where `sure` is 1, led everywhere else by averages over wider and wider neighbourhoods.

    `linear` comes multiplied by `sure`.
    """
    small, weight = linear, sure
    levels = []
    while min(small.shape[:2]) > 2:
        levels.append((small, weight))
        small, weight = cv2.pyrDown(small), cv2.pyrDown(weight)
    colour = small / np.maximum(weight, 1e-6)[..., None]
    for summed, share in reversed(levels):
        up = cv2.resize(colour, summed.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        own = summed / np.maximum(share, 1e-6)[..., None]
        trust = np.clip(share * 4, 0, 1)[..., None]
        colour = own * trust + up * (1 - trust)
    return colour.astype(np.float32)


def with_mouth(
    skin: np.ndarray, alpha: np.ndarray, *, mesh: np.ndarray
) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
    """Points of the mouth's inside, their uv, and the texture (h, w, 4) with a dark mouth painted below it.

    A portrait that shows its teeth keeps them, and has no points of its own here.
    """
    texture = np.dstack([skin, alpha]).astype(np.float32)
    gap = np.linalg.norm(mesh[13] - mesh[14]) / np.linalg.norm(mesh[78] - mesh[308])
    if gap > 0.07:
        return (), np.zeros((0, 2), np.float32), texture
    height, width = 48, 96
    patch = np.empty((height, texture.shape[1], 4), np.float32)
    patch[:] = [0.035, 0.012, 0.01, 1.0]
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    teeth = np.clip((0.42 - y) / 0.08, 0, 1) * np.clip((0.36 - np.abs(x - 0.5)) / 0.1, 0, 1)
    teeth *= 0.75 + 0.25 * np.abs(np.cos((x - 0.5) * 26))
    tongue = np.clip((y - 0.62) / 0.2, 0, 1) * np.clip((0.3 - np.abs(x - 0.5)) / 0.2, 0, 1)
    patch[:, :width, :3] += teeth[..., None] * [0.36, 0.33, 0.28] + tongue[..., None] * [0.12, 0.03, 0.03]
    share = np.linspace(0, width - 1, len(MOUTH_UPPER))
    upper = np.stack([share, np.full_like(share, 6)], axis=1)
    lower = np.stack([share, np.full_like(share, height - 6)], axis=1)
    points = (*MOUTH_UPPER, *MOUTH_LOWER[1:-1])
    uv = np.concatenate([upper, lower[1:-1]]) + np.array([0, len(texture)])
    return points, uv.astype(np.float32), np.concatenate([texture, patch])
