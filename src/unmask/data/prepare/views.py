"""A cut picture as other programs hand it over: close to the face, or worn by what carried it.

Cameras deliver pictures with a face somewhere in them; other software delivers faces cut out of such
pictures, small, soft and compressed. A network that is to judge both learns from both, and the same views are
made of bona fide and of attack recordings.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from unmask.data.prepare.shards import WHOLE
from unmask.media.clips import coarsened
from unmask.media.images import after_jpeg
from unmask.types import Frame, Sighting

VIEWS = (WHOLE, "tight", "degraded")
TIGHT = (1.0, 1.7)  # width and height of a tight picture over those of the face
STRETCH = 0.15  # natural logarithm by which the two may differ
OFF_CENTRE = 0.08  # of width and height, how far the face may be off the middle
SMALLEST_PX = 24  # a picture that would be smaller stays whole


def tightened(sightings: Sequence[Sighting], rng: np.random.Generator) -> tuple[list[Sighting], np.ndarray]:
    """The sightings in frames cut close to the first one's face, and the corner (2,) of that cut."""
    first = sightings[0]
    low, high = first.face.mesh[:, :2].min(axis=0), first.face.mesh[:, :2].max(axis=0)
    size = (high - low) * rng.uniform(*TIGHT) * np.exp(rng.uniform(-STRETCH, STRETCH, 2) / 2)
    middle = (low + high) / 2 + rng.uniform(-OFF_CENTRE, OFF_CENTRE, 2) * size
    half = size / 2
    frame = np.array(first.frame.image.shape[1::-1])
    x0, y0 = np.maximum(0, middle - half).astype(int)
    x1, y1 = np.minimum(frame, middle + half).astype(int)
    if min(x1 - x0, y1 - y0) < SMALLEST_PX:
        return list(sightings), np.zeros(2, np.float32)
    corner = np.array([x0, y0], np.float32)
    cut = []
    for sighting in sightings:
        image = np.ascontiguousarray(sighting.frame.image[y0:y1, x0:x1])
        mesh = sighting.face.mesh - np.array([x0, y0, 0], np.float32)
        face = replace(sighting.face, mesh=mesh, box=sighting.face.box - np.tile(corner, 2))
        there = Frame(image, sighting.frame.time_s, sighting.frame.index)
        cut.append(Sighting(frame=there, face=face))
    return cut, corner


def degraded(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The clip (T, S, S, 3) uint8 with fewer pixels, blur, another exposure and JPEG, each now and then."""
    factor = rng.uniform(0.3, 0.9) if rng.random() < 0.5 else 1.0
    sigma = rng.uniform(0.4, 1.5) if rng.random() < 0.3 else 0.0
    gain, offset = (rng.uniform(0.7, 1.5), rng.uniform(-30, 40)) if rng.random() < 0.5 else (1.0, 0.0)
    quality = int(rng.uniform(25, 90)) if rng.random() < 0.5 else 0
    return np.stack(
        [_worn(one, factor=factor, sigma=sigma, tone=(gain, offset), quality=quality) for one in pixels]
    )


def _worn(
    picture: np.ndarray, *, factor: float, sigma: float, tone: tuple[float, float], quality: int
) -> np.ndarray:
    if factor < 1:
        picture = coarsened(picture, factor=factor)
    if sigma:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    if tone != (1.0, 0.0):
        levels = (picture.astype(np.float32) - 128) * np.float32(tone[0]) + np.float32(128 + tone[1])
        picture = np.clip(levels, 0, 255).astype(np.uint8)
    if quality:
        picture = after_jpeg(picture, quality=quality)
    return np.ascontiguousarray(picture)
