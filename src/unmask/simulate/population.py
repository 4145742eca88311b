"""What is drawn alike for every class, in one place: a share written twice drifts, and then tells the class.

Bona fide recordings and every instrument take their face's size, own background, quality, wear and reframing
from here; a test holds that nobody else in the simulator draws them.
"""

import numpy as np

from unmask.simulate.camera.matching import FaceLook, draw_look
from unmask.simulate.camera.wear import Framed, reframed, wear
from unmask.simulate.rendering.surfaces import Pose, View
from unmask.simulate.stage.scene import Bust, suits_own_background

OWN_BACKGROUND = 0.75  # how often, where it fills the view: the rim of a cut-out must not tell the class
GUESSED = 0.17  # contrast below which a cut-out's rim is a guess, better left where it was
WORN = 0.25  # how often a recording has been through another camera program or network
REFRAMED = 0.25  # how often it is cropped or given borders
FACE_SHARE = 0.36  # median of the face's width over the view's shorter side
FACE_SHARE_SPREAD = 0.28  # deviation of its logarithm
LEAST_SHARE, MOST_SHARE = 0.2, 0.6


def keeps_own_background(rng: np.random.Generator, bust: Bust, place: Pose, *, view: View) -> bool:
    """Whether the person there keeps the background of the portrait, instead of the stage's room."""
    wanted = rng.random() < OWN_BACKGROUND or bust.contrast < GUESSED
    return wanted and suits_own_background(bust, place, view=view)


def draw_face_share(rng: np.random.Generator, *, view: View) -> float:
    """The face's width over the view's shorter side, 0.2 to 0.6 and mostly near 0.36.

    A bona fide face of 0.145 m is never nearer than 0.34 m, where wide lenses begin to make caricatures.
    """
    largest = min(MOST_SHARE, view.focal_px * 0.145 / (0.34 * min(view.height, view.width)))
    drawn = np.exp(rng.normal(np.log(FACE_SHARE), FACE_SHARE_SPREAD))
    return float(np.clip(drawn, LEAST_SHARE, max(0.25, largest)))


def draw_quality(seed: int) -> FaceLook:
    """How the face comes out of the recording of that seed; a draw of its own, the same for both classes."""
    return draw_look(np.random.default_rng([seed, 2]))


def worn_sometimes(frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The frames (H, W, 3) uint8 as another camera program or network leaves them, with a chance of WORN."""
    return wear(frames, rng) if rng.random() < WORN else frames


def reframed_sometimes(framed: Framed, rng: np.random.Generator) -> Framed:
    """The recording cropped round the face or given borders, with a chance of REFRAMED."""
    if rng.random() >= REFRAMED:
        return framed
    return reframed(framed.frames, rng, depths=framed.depths, meshes=framed.meshes)
