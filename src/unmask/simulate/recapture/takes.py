"""What is taken: a picture's light with its mesh, cut and sized as cameras deliver faces."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.stage.backdrops import LINEAR

_SHAPES = {1.0: 0.42, 3 / 4: 0.24, 4 / 3: 0.18, 9 / 16: 0.09, 16 / 9: 0.07}  # height over width: how often
TIGHT = 0.55  # how often a picture is cut tight to the face, as other programs hand faces over
MOST_PX = 960  # longer side
ENLARGED_MOST = 1.3
WIDE_SHARE = 0.63  # of the longer side that the face takes in pictures that are not cut to it, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A picture that is taken: `image` (H, W, 3) uint8 RGB, `mesh` (468, 3) float32 px, whose face it is, and
    where the picture is from.
    """

    subject: str
    image: np.ndarray
    mesh: np.ndarray
    source: str = "simulated"
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """`light` (H, W, 3) float32 linear, mostly 0 to 1, and `mesh` (468, 3) float32 in its pixels."""

    light: np.ndarray
    mesh: np.ndarray

    @property
    def box(self) -> np.ndarray:
        """x0, y0, x1, y1 of the mesh, px."""
        return box_of(self.mesh)

    @property
    def side(self) -> float:
        """The longer side of the face's box, px."""
        return side_of(self.mesh)

    def lit(self, light: np.ndarray) -> "Take":
        """The same face in another light of the same size."""
        return replace(self, light=light)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFraming:
    """What part of a picture is seen.

    `tight`: cut to the face, else with what is about it, kept inside the picture. `scale` times the face's
    longer side is its width if tight, else its shorter side; `aspect` its height over its width; `shift` (2,)
    of its side moves it. `mirrored`: left to right.
    """

    tight: bool
    scale: float
    aspect: float
    shift: tuple[float, float]
    mirrored: bool


def draw_framing(rng: np.random.Generator, *, tight: bool | None = None) -> TakeFraming:
    """The same draw for both classes; `tight` where it is settled already."""
    if tight is None:
        tight = bool(rng.random() < TIGHT)
    reach = 0.08 if tight else 0.12
    x, y = rng.uniform(-reach, reach, 2).tolist()
    return TakeFraming(
        tight=tight,
        scale=float(rng.uniform(1.05, 1.7)) if tight else log_uniform(rng, 1.6, 4.5),
        aspect=float(
            rng.uniform(0.9, 1.35) if tight else rng.choice(list(_SHAPES), p=list(_SHAPES.values()))
        ),
        shift=(x, y),
        mirrored=bool(rng.random() < 0.5),
    )


def framed(base: Base, framing: TakeFraming) -> Base:
    """The part of the picture that `framing` names, kept inside it."""
    height, width = base.image.shape[:2]
    box, side = box_of(base.mesh), side_of(base.mesh)
    size = framing.scale * side * np.array([1.0, framing.aspect])
    if framing.tight:  # what is beyond the border is not there
        centre = (box[:2] + box[2:]) / 2 + size[0] * np.array(framing.shift)
        low, high = np.maximum(0, centre - size / 2), np.minimum([width, height], centre + size / 2)
    else:  # shrunk and moved until it lies inside, the face as well
        size = size / min(1.0, framing.aspect)
        size = size * min(1.0, float((np.array([width, height]) / size).min()))
        free = np.maximum(0, (size - 1.1 * (box[2:] - box[:2])) / 2)
        centre = (box[:2] + box[2:]) / 2 + np.clip(size * np.array(framing.shift), -free, free)
        low = np.clip(centre - size / 2, 0, np.array([width, height]) - size)
        high = low + size
    (x0, y0), (x1, y1) = low.astype(int), high.astype(int)
    part = base.image[y0:y1, x0:x1]
    mesh = base.mesh - np.array([x0, y0, 0], np.float32)
    if framing.mirrored:
        part = part[:, ::-1]
        mesh = mirrored(mesh, width=part.shape[1])
    return replace(base, image=np.ascontiguousarray(part), mesh=mesh.astype(np.float32))


def seen(
    base: Base,
    rng: np.random.Generator,
    *,
    face_px: tuple[float, float],
    least_px: tuple[float, float] = (440, 900),
) -> Base:
    """As a camera or a programme delivers it: the face's longer side between `face_px`, and where it is not
    cut to the face, the picture's longer side no less than somewhere in `least_px`.
    """
    px, share = log_uniform(rng, *face_px), side_of(base.mesh) / max(base.image.shape[:2])
    least = log_uniform(rng, *least_px)
    return sized(base, face_px=max(px, least * share) if share < WIDE_SHARE else px)


def sized(base: Base, *, face_px: float) -> Base:
    """The picture scaled until its face's longer side is `face_px`, within the limits of this module."""
    height, width = base.image.shape[:2]
    factor = min(face_px / side_of(base.mesh), ENLARGED_MOST, MOST_PX / max(height, width))
    size = (max(24, round(width * factor)), max(24, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = cv2.resize(base.image, size, interpolation=how)
    return replace(base, image=image, mesh=scaled(base.mesh, factor))


def taken(base: Base, *, tone: float = 1.0) -> Take:
    """The picture's light, to the power `tone`."""
    table = LINEAR if tone == 1.0 else (LINEAR ** np.float32(tone)).astype(np.float32)
    return Take(light=table[base.image], mesh=base.mesh)


def scaled(mesh: np.ndarray, factor: float) -> np.ndarray:
    """The mesh in a picture whose pixels are `factor` times as many a side; centres are integers."""
    moved = mesh * np.float32(factor)
    moved[:, :2] += np.float32((factor - 1) / 2)
    return moved


def mirrored(mesh: np.ndarray, *, width: int) -> np.ndarray:
    """The mesh of the picture mirrored left to right, each point named by the side it is on then."""
    turned = mesh[_twins()]
    turned[:, 0] = width - 1 - turned[:, 0]
    return turned


def box_of(mesh: np.ndarray) -> np.ndarray:
    """x0, y0, x1, y1 of a mesh, px."""
    return np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])


def side_of(mesh: np.ndarray) -> float:
    """The longer side of a mesh's box, px."""
    return float(np.ptp(mesh[:, :2], axis=0).max())


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between both whose logarithm is evenly spread."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


@lru_cache(maxsize=1)
def _twins() -> np.ndarray:
    """For each of the mesh's points the one on the other side of the nose (468,)."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    face = np.asarray(MEAN_FACE, float)
    return np.asarray(linear_sum_assignment(cdist(face * [-1, 1, 1], face) ** 2)[1])
