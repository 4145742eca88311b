"""What is worn on a face: fitted to the wearer's points, made fine, laid over the wearer, with its shadow."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.media.topology import OUTLINE, POINTS
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.population import keeps_own_background
from unmask.simulate.rendering.light import Light, draw_light, seen_from
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.relief import Occlusion
from unmask.simulate.rendering.surfaces import ColouredLayer, Layer, Pose, Surface, project, trace
from unmask.simulate.stage.backdrops import own_backdrop
from unmask.simulate.stage.scene import Bust, Shot, Stage, compose, face_area

FRONT = 0.94  # cosine of 20 degrees: nobody cuts a mask from a profile


def wearers_stage(rng: np.random.Generator, stage: Stage, *, wearer: Bust, place: Pose) -> Stage:
    """The stage, or the background the wearer was photographed with, as often as for bona fide faces."""
    if keeps_own_background(rng, wearer, place, view=stage.view):
        return replace(stage, backdrop=own_backdrop(wearer, place, things=stage.things))
    return stage


def body_light(rng: np.random.Generator, light: Light) -> Light:
    """The light on a solid thing: where faces keep the light of their portrait, one of the same level."""
    if light.kind != "own":
        return light
    other = draw_light(rng, kinds=("office", "window", "front"))
    total = other.ambient.mean() + 0.6 * sum(lamp.colour.mean() for lamp in other.lamps)
    gain = light.ambient / (other.ambient / other.ambient.mean() * total)  # of the same level and colour
    lamps = tuple(replace(lamp, colour=lamp.colour * gain) for lamp in other.lamps)
    return replace(other, ambient=other.ambient * gain, lamps=lamps, background=light.background)


def similarity(
    points: np.ndarray, target: np.ndarray, *, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The matrix (3, 3) and shift (3,) with points @ matrix + shift nearest to `target`, both (n, 3): a turn,
    a scale and a move.
    """
    w = np.ones(len(points)) if weights is None else weights
    w = (w / w.sum())[:, None]
    p, q = points - (w * points).sum(axis=0), target - (w * target).sum(axis=0)
    u, s, vt = np.linalg.svd((w * p).T @ q)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(flip)).sum() / (w * p * p).sum()
    matrix = scale * u @ flip @ vt
    return matrix, (w * target).sum(axis=0) - (w * points).sum(axis=0) @ matrix


def aligned(points: np.ndarray, target: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """`points` (n, 3) turned, scaled and moved so as to lie nearest to `target` (n, 3)."""
    matrix, shift = similarity(points, target, weights=weights)
    return (points @ matrix + shift).astype(np.float32)


def front_picture(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """A picture (h, w, 3) of the victim's face from the front with its mesh: the first of three that is."""
    best, straightest = None, -1.0
    for _ in range(3):
        frame, mesh = setting.show(False).at(0)
        matrix, _ = similarity(mesh, MEAN_FACE)
        straight = float(matrix[2, 2] / np.cbrt(np.linalg.det(matrix)))  # cosine of the face's turn
        if straight > straightest:
            best, straightest = (frame, mesh), straight
        if straight > FRONT:
            break
    assert best is not None
    return best


def fitted(face: np.ndarray, wearer: np.ndarray, *, gap_m: float) -> np.ndarray:
    """A face's points (468, 3) as a shell on the wearer's (468, 3): eyes on eyes, `gap_m` before the skin."""
    weights = np.ones(POINTS)
    weights[[33, 133, 362, 263, 61, 291, 1]] = 40.0
    shell = aligned(face, wearer, weights=weights)
    middle = list(OUTLINE)
    forward = float(np.quantile((shell - wearer)[:, 2], 0.6)) + gap_m
    shell[:, 2] -= forward
    # The rim is drawn to the wearer's own face, as straps do.
    pull = np.zeros(POINTS, np.float32)
    pull[middle] = 0.5
    return (shell + pull[:, None] * (wearer - shell - np.array([0, 0, gap_m]))).astype(np.float32)


def symmetric(face: np.ndarray, *, share: float) -> np.ndarray:
    """A face (468, 3) brought to the front, as large as it is, `share` of it blended into the mean face."""
    scale = float(np.linalg.norm(face[33] - face[263]))
    front = aligned(face, MEAN_FACE * np.float32(scale))
    return (share * front + (1 - share) * MEAN_FACE * scale).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finer:
    """A triangle mesh cut four times finer by Loop's scheme: `weights` are applied by `points`."""

    triangles: np.ndarray
    ends: np.ndarray  # (e, 2) of each edge
    facing: np.ndarray  # (e, 2) the points opposite, -1 where there is none
    count: int

    def points(self, values: np.ndarray, *, smooth: bool = True) -> np.ndarray:
        """Values (n, k) at the points -> (n + e, k), rounded off unless `smooth` is False."""
        a, b = values[self.ends[:, 0]], values[self.ends[:, 1]]
        middle = (a + b) / 2
        if not smooth:
            return np.concatenate([values, middle]).astype(np.float32)
        inner = (self.facing >= 0).all(axis=1)
        c, d = values[self.facing[inner, 0]], values[self.facing[inner, 1]]
        middle[inner] = 0.375 * (a[inner] + b[inner]) + 0.125 * (c + d)
        total, degree = np.zeros_like(values), np.zeros(self.count)
        # Points on the border follow the border alone.
        border = np.zeros(self.count, bool)
        border[self.ends[~inner].ravel()] = True
        for rows in (self.ends, self.ends[:, ::-1]):
            counts = ~border[rows[:, 0]] | ~inner
            np.add.at(total, rows[counts, 0], values[rows[counts, 1]])
            np.add.at(degree, rows[counts, 0], 1)
        mean = total / np.maximum(degree, 1)[:, None]
        share = np.where(border, 0.25, 0.375)[:, None]
        moved = np.where((degree > 0)[:, None], (1 - share) * values + share * mean, values)
        return np.concatenate([moved, middle]).astype(np.float32)


def finer(triangles: np.ndarray, count: int) -> Finer:
    """How a mesh of `count` points is cut finer."""
    corners = [triangles[:, [0, 1, 2]], triangles[:, [1, 2, 0]], triangles[:, [2, 0, 1]]]
    rows = np.concatenate(corners)
    ends, which = np.unique(np.sort(rows[:, :2], axis=1), axis=0, return_inverse=True)
    which = which.ravel()
    facing = np.full((len(ends), 2), -1)
    order = np.arange(len(rows))
    facing[which[order], 0] = rows[order, 2]
    facing[which[order[::-1]], 1] = rows[order[::-1], 2]
    single = np.bincount(which, minlength=len(ends)) == 1
    facing[single, 1] = -1
    ab, bc, ca = (count + part for part in which.reshape(3, -1))
    a, b, c = triangles.T
    parts = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    fine = np.concatenate([np.stack(part, axis=1) for part in parts])
    return Finer(triangles=fine.astype(np.int32), ends=ends, facing=facing, count=count)


def see_solid(
    surface: Surface, pose: Pose, stage: Stage, *, light: Light, occlusion: Occlusion, time_s: float
) -> Layer:
    """A shaped thing whose `pose` leads to the world, as the camera sees it, its own shadows on it."""
    camera = stage.camera.at(time_s)
    lit = occlusion.lit(seen_from(light, pose.rotation.T))
    return trace(
        surface,
        pose.then(camera),
        view=stage.view,
        light=seen_from(light, camera.rotation),
        open_sky=occlusion.open_sky,
        lit=lit,
    )


def hidden_under(
    wearer: ColouredLayer, worn: ColouredLayer, *, shade: float, reach_px: float
) -> ColouredLayer:
    """The wearer under what is worn: never nearer than it, darker beside its edge by up to `shade`."""
    depth = wearer.depth.copy()
    over = worn.alpha >= 0.5
    depth[over] = np.maximum(depth[over], worn.depth[over] + np.float32(0.001))
    near = cv2.GaussianBlur(worn.alpha, (0, 0), max(0.6, reach_px))
    colour = wearer.colour * (1 - np.float32(shade) * np.minimum(1.0, 1.6 * near))[..., None]
    return ColouredLayer(depth=depth, colour=colour.astype(np.float32), alpha=wearer.alpha)


def laid_over(under: ColouredLayer, over: ColouredLayer) -> ColouredLayer:
    """Two layers as one: `over` where it is the nearer, whatever their middles are."""
    nearer = np.where(np.isfinite(over.depth), over.depth < under.depth, ~np.isfinite(under.depth))
    front, back = over.alpha * nearer, under.alpha
    alpha = front + back * (1 - front)
    colour = front[..., None] * over.colour + (back * (1 - front))[..., None] * under.colour
    return ColouredLayer(
        depth=np.where(front >= 0.5, over.depth, under.depth),
        colour=(colour / np.maximum(alpha, 1e-4)[..., None]).astype(np.float32),
        alpha=alpha.astype(np.float32),
    )


def softened(layer: Layer, *, reach_px: float) -> Layer:
    """Light that goes under the surface and comes out beside, red farthest: `reach_px` for red."""
    inside = np.isfinite(layer.depth).astype(np.float32)
    light = layer.irradiance.copy()
    for channel, share in enumerate((1.0, 0.5, 0.35)):
        sigma = max(0.5, share * reach_px)
        whole = cv2.GaussianBlur(inside, (0, 0), sigma)
        light[..., channel] = cv2.GaussianBlur(light[..., channel], (0, 0), sigma) / np.maximum(whole, 0.05)
    light *= inside[..., None]
    return replace(layer, irradiance=light)


def shot_of(stage: Stage, seen: list[ColouredLayer], *, face: np.ndarray, time_s: float) -> Shot:
    """The layers on the stage; `face` (468, 3) metres in the camera's frame is the face that is shown."""
    radiance, depth = compose(stage, seen, time_s=time_s)
    mesh = project(face, stage.view)
    return Shot(radiance=radiance, depth=depth, mesh=mesh, face=face_area(mesh, stage.view))


def pixels(stage: Stage, place: Pose, metres: float) -> float:
    """A length at `place` in pixels of the sensor."""
    return stage.view.focal_px * metres / float(place.translation[2])
