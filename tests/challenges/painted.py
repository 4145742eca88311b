"""Faces painted straight from the law of light: quick pictures for tests, with every truth known."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.challenges.light import LightChallenge
from unmask.challenges.response import normals_of
from unmask.media.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.types import Face, Frame

FPS = 12.0
SIDE = 160


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What stands before a flashing screen.

    `kind`: "head", "sheet" (a picture that reaches beyond the head), "cutout" (one cut along the face) or
    "glass" (a display that mirrors the screen alike everywhere). `screen` is the irradiance of its white,
    the room's being 1.
    """

    kind: str = "head"
    screen: float = 0.3
    albedo: float = 0.45
    latency_s: float = 0.1
    exposure_constant_s: float = 1.0
    noise: float = 1.5
    scale: float = 62.0  # pixels of the span of the eyes
    lamp: float = 0.0  # of a window at the left, the room being 1


def face_of_scale(scale: float, *, rotation: np.ndarray | None = None) -> Face:
    """The mean face in the middle of the picture, its eyes so many pixels apart, turned as asked."""
    points = MEAN_FACE if rotation is None else MEAN_FACE @ rotation.T
    mesh = (points * scale + [SIDE / 2, SIDE / 2 - 0.2 * scale, 0]).astype(np.float32)
    box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)]).astype(np.float32)
    return Face(box=box, mesh=mesh, presence=1.0)


def frames(
    scene: Scene, challenge: LightChallenge, rng: np.random.Generator, *, start_s: float = 0.5
) -> Iterator[tuple[Frame, Face]]:
    """What a camera delivers while the challenge is shown from `start_s` on, each frame late by the scene's
    latency.
    """
    face = face_of_scale(scene.scale)
    _, triangle, weights = rasterise(face.mesh, FACE_TRIANGLES, height=SIDE, width=SIDE)
    covered = triangle >= 0
    corner = FACE_TRIANGLES[np.maximum(triangle, 0)]
    normal = np.einsum("hwk,hwkd->hwd", weights, normals_of(face.mesh)[corner])
    pattern = cv2.GaussianBlur(rng.normal(1, 0.9, (SIDE, SIDE)).astype(np.float32), (0, 0), 1.5)
    skin = np.where(covered, scene.albedo, 0.25)[..., None] * np.array([1.0, 0.72, 0.6]) * pattern[..., None]
    room = np.where(covered, 0.75 + 0.25 * -normal[..., 1] - 0.1 * normal[..., 0], 0.8)[..., None]
    room = room + scene.lamp * np.where(covered, np.clip(-normal[..., 0], 0, 1), 0.3)[..., None]
    facing = np.where(covered, np.clip(-normal[..., 2], 0, 1), 0.06)[..., None]
    shown = skin * room
    answer = {
        "head": skin * facing,
        "sheet": shown,
        "cutout": shown * np.where(covered, 1.0, 0.06)[..., None],
        "glass": np.full_like(shown, 0.08),
    }[scene.kind]
    linear = (np.array(challenge.colours) / 255) ** 2.2
    seconds = start_s + challenge.hold_ms / 1000 * len(linear) + 0.3
    gain = None
    for index in range(int(seconds * FPS)):
        time_s = index / FPS
        step = int(np.clip((time_s - start_s) // (challenge.hold_ms / 1000), 0, len(linear) - 1))
        light = shown + scene.screen * linear[step] * answer
        wanted = 0.22 / light.mean()
        share = 1 - np.exp(-1 / (FPS * scene.exposure_constant_s))
        gain = wanted if gain is None else gain * (wanted / gain) ** share
        picture = 255 * np.clip(light * gain, 0, 1) ** (1 / 2.2) + rng.normal(0, scene.noise, light.shape)
        image = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        yield Frame(image, time_s + scene.latency_s, index), face
