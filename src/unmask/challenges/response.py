"""The shape of an answer: how much of the screen's light each place sends back, beside the face's mean.

All is measured against the mean of the face in the same frame, so that exposure and white balance, which
change all of a picture alike, cancel. A place that answers like the mean has a share of 1, one that the
light does not reach 0. On a flat sheet every share is 1, whatever is printed on it; on a head they follow
the normals, and what stands behind it has hardly any.
"""

from dataclasses import dataclass

import numpy as np

from unmask.challenges.samples import SKIN, Sample
from unmask.challenges.sequence import OPPONENT, Match, Schedule, slow_basis, step_shares, without
from unmask.media.faces import LEFT_EYE, RIGHT_EYE
from unmask.media.topology import FACE_TRIANGLES

OTHERS = 60  # sequences that were not shown, to see what noise alone does
LEAST_SKIN, LEAST_RING = 60, 4  # places seen throughout, fewer say nothing
NEAR = 0.08  # face heights: finer than this is the skin's own pattern, not its shape
NOSE_TIP = 1  # of the mesh
DARKEST, LIGHTEST = 1e-4, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What was measured; None where it could not be.

    `beside`: the median share of the places beside the head, `beside_noise` its standard error. `shape`: the
    spread of shares over the face that its normals explain beyond a tilted or bent sheet and beyond
    brightness, `shape_noise` what noise alone gives. `mirror`: how shares fall with the skin's own lightness,
    -1 for light that glass mirrors whatever is behind it, about 0 for skin; `mirror_noise` likewise.
    `lamp`: the smooth spread of the shares that falls where the room's light is more, as it does where a lamp
    lights one side of a face. `uneven`: the rest of their smooth spread, beyond noise, large where glass
    mirrors the screen in a spot. `change` (3,): of the face's light from a primary's low
    to its high, as logarithms.
    """

    change: np.ndarray
    beside: float | None = None
    beside_noise: float = np.inf
    shape: float | None = None
    shape_noise: float = np.inf
    mirror: float | None = None
    mirror_noise: float = np.inf
    uneven: float | None = None
    lamp: float = 0.0


def measure_response(
    samples: list[Sample],
    indices: tuple[int, ...],
    schedule: Schedule,
    match: Match,
    *,
    seed: int = 0,
) -> Response:
    """The answer to the sequence `indices` in samples of one face, at the lag that `match` found."""
    times_s = np.array([one.time_s for one in samples])
    steps = step_shares(times_s - match.lag_s, schedule)
    lit = steps.sum(axis=1) > 0.999
    with np.errstate(invalid="ignore"):
        skin = np.log(np.clip(np.stack([one.skin for one in samples])[lit], DARKEST, LIGHTEST))
        ring = np.log(np.clip(np.stack([one.ring for one in samples])[lit], DARKEST, LIGHTEST))
    seen, around = np.isfinite(skin).all(axis=(0, 2)), np.isfinite(ring).all(axis=(0, 2))
    if seen.sum() < LEAST_SKIN:
        return Response(change=match.change)
    skin, ring = skin[:, seen], ring[:, around]
    own = schedule.primaries[list(indices)].astype(np.float64)
    rng = np.random.default_rng(seed)
    others = [own[rng.permutation(len(own))] for _ in range(OTHERS)]
    basis = slow_basis(times_s[lit])
    answers = _Answers(steps[lit], basis, skin.mean(axis=1), match.change)
    shares, noises = answers.shares(skin, own, others)
    beside, beside_noise = None, np.inf
    if around.sum() >= LEAST_RING:
        places, off = answers.shares(ring, own, others)
        beside = float(np.median(places))
        beside_noise = float(np.std([np.median(one) for one in places + off]))
    mesh = np.median([one.mesh for one in samples], axis=0)
    surface = _Surface(mesh, seen, lightness=skin.mean(axis=(0, 2)))
    uneven, lamp = surface.uneven(shares, noises)
    return Response(
        beside=beside,
        beside_noise=beside_noise,
        shape=surface.explained(shares),
        shape_noise=float(np.sqrt(np.mean([surface.explained(noise) ** 2 for noise in noises]))),
        mirror=surface.fall(shares),
        mirror_noise=float(np.std([surface.fall(noise) for noise in noises])),
        uneven=uneven,
        lamp=lamp,
        change=match.change,
    )


class _Answers:
    """Shares of the face's mean answer, by regression of each place's light against the answer of the mean.

    It is done in opponent colours, each weighted by how quiet it is: a head that moves changes how bright its
    places are much more than their hue.
    """

    def __init__(self, steps: np.ndarray, basis: np.ndarray, mean: np.ndarray, change: np.ndarray) -> None:
        self._steps, self._mean, self._change = steps, mean, change
        self._basis = basis

    def shares(
        self, light: np.ndarray, bits: np.ndarray, others: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The share (k,) of each place in the face's mean answer, and how far off (m, k) it may be by noise.

        `light` (T, k, 3) are logarithms. What is left once the answer is taken out is held against `others`,
        sequences (n, 3) that were not shown.
        """
        off = (light - self._mean[:, None]) @ OPPONENT.T
        off = without(off.reshape(len(off), -1), self._basis).reshape(off.shape)
        answer = self._answer(bits)
        rest = off - np.einsum("tc,kc->tkc", answer, _each(off, answer))
        quiet = 1 / np.maximum((rest**2).mean(axis=(0, 1)), 1e-10)  # (3,)
        off, rest = off * quiet, rest * quiet
        noises = [_together(rest, self._answer(other), quiet) for other in others]
        return 1 + _together(off, answer, quiet), np.array(noises)

    def _answer(self, bits: np.ndarray) -> np.ndarray:
        """What the mean of the face would answer (T, 3) to the sequence, in opponent colours."""
        own = 0.5 * np.maximum(self._change, 0) * (self._steps @ bits)
        return without(own @ OPPONENT.T, self._basis)


def _each(off: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """The slope (k, 3) of each place's light over the answer in each colour."""
    return np.asarray(np.einsum("tc,tkc->kc", answer, off) / np.maximum((answer**2).sum(axis=0), 1e-12))


def _together(weighted: np.ndarray, answer: np.ndarray, quiet: np.ndarray) -> np.ndarray:
    """One slope (k,) over all colours, of light that was weighted by how quiet they are."""
    power = float(((answer**2).sum(axis=0) * quiet).sum())
    return np.asarray(np.einsum("tc,tkc->k", answer, weighted) / max(power, 1e-12))


class _Surface:
    """Where the places lie on a face (k of SKIN), which way they look, and how light they are."""

    def __init__(self, mesh: np.ndarray, seen: np.ndarray, *, lightness: np.ndarray) -> None:
        points = mesh[SKIN][seen]
        place = (points[:, :2] - points[:, :2].mean(axis=0)) / np.ptp(mesh[:, 1])
        x, y = place.T
        self._light = light = lightness - lightness.mean()
        sheet = np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y, light, light**2])
        self._sheet = np.linalg.qr(sheet)[0]  # its first columns span the tilts and bends
        normals = normals_of(mesh)[SKIN][seen]
        shape = np.column_stack([normals, normals[:, :2] ** 2 - normals[:, 2:] ** 2])
        self._shape = np.linalg.qr(without(shape, self._sheet))[0]
        apart = ((place[:, None] - place[None]) ** 2).sum(axis=2)
        self._near = np.exp(-apart / (2 * NEAR**2))
        self._near /= self._near.sum(axis=1, keepdims=True)
        self._turned = np.linalg.qr(np.column_stack([sheet[:, :6], shape]))[0]
        self._pattern = self._fine(light)

    def explained(self, shares: np.ndarray) -> float:
        """The root mean square of what the normals explain of shares (k,) beyond a sheet."""
        return float(np.linalg.norm(self._shape.T @ shares) / np.sqrt(len(shares)))

    def fall(self, shares: np.ndarray) -> float:
        """The slope of the shares (k,) over the skin's own fine pattern of lightness."""
        power = max(float(self._pattern @ self._pattern), 1e-9)
        return float(self._pattern @ self._fine(shares) / power)

    def uneven(self, shares: np.ndarray, noises: np.ndarray) -> tuple[float, float]:
        """Root mean squares of what tilts and bends explain of shares (k,): that which does not follow the
        room's light, noise (m, k) taken off, and that which falls with it.
        """
        bends = self._sheet[:, 1:6].T
        smooth, lit = bends @ shares, bends @ self._light
        along = lit / max(float(np.linalg.norm(lit)), 1e-9)
        fall = min(0.0, float(along @ smooth))
        rest = smooth - fall * along
        power = float(rest @ rest) - float(((bends @ noises.T) ** 2).sum(axis=0).mean())
        uneven, lamp = np.sqrt(max(power, 0.0) / len(shares)), abs(fall) / np.sqrt(len(shares))
        return float(uneven), float(lamp)

    def _fine(self, values: np.ndarray) -> np.ndarray:
        """What differs from place to place, and is not how a lamp falls on places that face other ways."""
        return without(values - self._near @ values, self._turned)


def motion_of(samples: list[Sample]) -> np.ndarray:
    """How the head moves (T, 6) float64: place, size, tilt, and turns to the side and up, by its mesh."""
    mesh = np.stack([one.mesh for one in samples]).astype(np.float64)
    middle = mesh.mean(axis=1)
    eyes = mesh[:, LEFT_EYE, :2] - mesh[:, RIGHT_EYE, :2]
    size = np.sqrt(((mesh[..., :2] - middle[:, None, :2]) ** 2).sum(axis=2).mean(axis=1))
    tip = (mesh[:, NOSE_TIP, :2] - middle[:, :2]) / size[:, None]
    tilt = np.arctan2(eyes[:, 1], eyes[:, 0])
    return np.column_stack([middle[:, :2], np.log(size), np.unwrap(tilt), tip])


def normals_of(mesh: np.ndarray) -> np.ndarray:
    """Unit normals (468, 3) of a face mesh towards the camera."""
    a, b, c = (mesh[FACE_TRIANGLES[:, k]].astype(np.float64) for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros((len(mesh), 3))
    for k in range(3):
        np.add.at(normals, FACE_TRIANGLES[:, k], across)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(-normals if np.median(normals[SKIN, 2]) > 0 else normals)
