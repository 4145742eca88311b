"""One simulated recording: a subject, an instrument or none, a place, a camera, all drawn from one seed."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from unmask.media.topology import POINTS
from unmask.simulate.camera import Camera, capture, draw_camera
from unmask.simulate.instruments import INSTRUMENTS, Setting, Take
from unmask.simulate.layout import Picture
from unmask.simulate.motion import draw_head_motion
from unmask.simulate.scene import (
    Bust,
    Shot,
    Stage,
    bona_fide,
    draw_place,
    draw_stage,
    make_bust,
    suits_own_background,
)
from unmask.simulate.subjects import Portrait
from unmask.simulate.surfaces import Pose, View, project
from unmask.simulate.wear import wear
from unmask.types import Label

FACE_SHARE = (0.28, 0.80)  # longer side of the face's box over the shorter side of the picture
# How often a recording is worn once more. An attack's picture was, in a way: it has passed a camera already.
WORN = {Label.BONA_FIDE: 0.4, Label.ATTACK: 0.25}
OWN_BACKGROUND = 0.6  # how often it is kept where it fills the view: a cut-out's rim must not tell the living
BUSTS_KEPT = 6
FACE_ASPECT = 1.25  # a face mesh's height over its width


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A recording with its truth.

    `frames` T of (H, W, 3) uint8; `times_s` (T,); `depths` (T, H, W) float32 metres of what stood there; `meshes`
    (T, 468, 3) float32 px of the frames; `instrument` None when bona fide; `camera` the model; `second_model` the
    device or camera behind the shown picture, "" when bona fide.
    """

    frames: list[np.ndarray]
    times_s: np.ndarray
    depths: np.ndarray
    meshes: np.ndarray
    label: Label
    instrument: str | None
    subject: str
    seed: int
    camera: str
    light: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted: the subject's number among the portraits, `instrument` or None, and how it is recorded.

    `camera` names a model, or any; `hd_share` is how often it delivers 1280 x 720.
    """

    subject: int
    instrument: str | None
    seed: int
    frames: int = 5
    fps: float = 10.0
    camera: str | None = None
    hd_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Studio:
    """Portraits and rooms, with the busts made from them kept for the next clip.

    `cache`: folder for what is slow to make from a portrait. `others`: faces for wearers of masks; the portraits
    themselves when empty.
    """

    portraits: Sequence[Portrait]
    backgrounds: Sequence[Path] = ()
    others: Sequence[Portrait] = ()
    cache: Path | None = None
    _busts: OrderedDict[str, Bust] = field(default_factory=OrderedDict, repr=False, compare=False)

    def bust(self, portrait: Portrait) -> Bust:
        """The portrait's bust; making one takes half a second."""
        if portrait.name not in self._busts:
            self._busts[portrait.name] = make_bust(portrait, cache=self.cache)
            while len(self._busts) > BUSTS_KEPT:
                self._busts.popitem(last=False)
        self._busts.move_to_end(portrait.name)
        return self._busts[portrait.name]

    def record(self, request: Request) -> Simulated:
        """The recording; equal requests to equal studios give equal bytes, whatever was recorded before."""
        rng = np.random.default_rng([request.seed, 0 if request.instrument is None else 1])
        camera = draw_camera(rng, model=request.camera, hd_share=request.hd_share)
        stage = draw_stage(rng, view=camera.view, backgrounds=self.backgrounds)
        times = tuple(index / request.fps for index in range(request.frames))
        share = float(rng.uniform(*FACE_SHARE))
        portrait = self.portraits[request.subject % len(self.portraits)]
        if request.instrument is None:
            bust = self.bust(portrait)
            place = _place(rng, bust, view=stage.view, face_share=share)
            take = _living(rng, bust, stage=stage, place=place, times=times)
        else:
            setting = Setting(
                stage=stage,
                times_s=times,
                face_share=share,
                exposure_s=camera.exposure_s,
                readout_s=camera.readout_s,
                show=lambda moving: self._picture(
                    rng, portrait, times=times if moving else times[:1], fps=request.fps
                ),
                wearer=self.bust(self._other(request)),
                place=lambda bust: _place(rng, bust, view=stage.view, face_share=share),
            )
            take = INSTRUMENTS[request.instrument](setting, rng)
        frames = capture(take.shots, rng, camera=camera, grids=take.grids, fps=request.fps)
        label = Label.BONA_FIDE if request.instrument is None else Label.ATTACK
        if rng.random() < WORN[label]:
            frames = wear(frames, rng)
        return Simulated(
            frames=frames,
            times_s=np.array(times),
            depths=_delivered_depths(take.shots, camera),
            meshes=_delivered_meshes(take.shots, camera),
            label=label,
            instrument=request.instrument,
            subject=portrait.name,
            seed=request.seed,
            camera=camera.model,
            light=stage.light.kind,
        )

    def _other(self, request: Request) -> Portrait:
        """Somebody else, the same for neighbouring subjects so that few busts are made."""
        pool = self.others or self.portraits
        return pool[(request.subject + 1) % len(pool)]

    def _picture(
        self, rng: np.random.Generator, portrait: Portrait, *, times: Sequence[float], fps: float
    ) -> Picture:
        """The victim's picture, taken by another camera in another place; a still is sometimes the portrait itself."""
        if len(times) == 1 and rng.random() < 0.3:
            return Picture(frames=(portrait.image,), meshes=(portrait.mesh,))
        camera = draw_camera(rng, model="new-phone" if rng.random() < 0.75 else None)
        camera = replace(
            camera, metering=max(0.5, camera.metering), target=max(0.14, camera.target)
        )  # worth showing
        stage = draw_stage(rng, view=camera.view, backgrounds=self.backgrounds)
        bust = self.bust(portrait)
        # Large, so that what is shown is often as crisp as a face before the camera.
        place = _place(rng, bust, view=stage.view, face_share=float(rng.uniform(0.55, 0.95)))
        take = _living(rng, bust, stage=stage, place=place, times=times)
        frames = capture(take.shots, rng, camera=camera, fps=fps)
        return Picture(frames=tuple(frames), meshes=tuple(_delivered_meshes(take.shots, camera)))


def _place(rng: np.random.Generator, bust: Bust, *, view: View, face_share: float) -> Pose:
    """Where the head rests so that the longer side of its face's box is `face_share` of the view's shorter side."""
    place = draw_place(rng, bust, view=view, face_share=face_share / FACE_ASPECT)
    mesh = project(place.moved(bust.points[:POINTS]), view)
    found = float(np.ptp(mesh[:, :2], axis=0).max()) / min(view.height, view.width)
    return replace(place, translation=(place.translation * max(1.0, found / face_share)).astype(np.float32))


def _living(
    rng: np.random.Generator, bust: Bust, *, stage: Stage, place: Pose, times: Sequence[float]
) -> Take:
    """The head on the stage, or before the background it was photographed with, where that fills the view."""
    own = rng.random() < OWN_BACKGROUND and suits_own_background(bust, place, view=stage.view)
    motion = draw_head_motion(rng, place=place)
    shots = tuple(
        bona_fide(bust, stage, motion=motion, time_s=time_s, keep_own_background=own) for time_s in times
    )
    return Take(shots=shots, grids=(None,) * len(shots))


def _delivered_depths(shots: Sequence[Shot], camera: Camera) -> np.ndarray:
    size = (camera.width, camera.height)
    return np.stack([cv2.resize(shot.depth, size, interpolation=cv2.INTER_NEAREST) for shot in shots])


def _delivered_meshes(shots: Sequence[Shot], camera: Camera) -> np.ndarray:
    """Sensor px -> delivered px: pixel centres are whole numbers on both."""
    view: View = camera.view
    scale = np.array([camera.width / view.width, camera.height / view.height])
    meshes = np.stack([shot.mesh for shot in shots]).astype(np.float64)
    meshes[..., :2] = (meshes[..., :2] + 0.5) * scale - 0.5
    meshes[..., 2] *= scale[0]
    return meshes.astype(np.float32)
