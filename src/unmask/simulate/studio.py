"""One simulated recording: a subject, an instrument or none, a place, a camera, all drawn from one seed."""

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from unmask.media.topology import POINTS
from unmask.simulate.camera.exposure import Exposure, capture
from unmask.simulate.camera.lens import through_lens
from unmask.simulate.camera.matching import matched
from unmask.simulate.camera.models import Camera, draw_camera
from unmask.simulate.camera.wear import Framed
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.heads import HeadModel, make_head
from unmask.simulate.people.subjects import Portrait, procedural_portrait
from unmask.simulate.population import (
    draw_face_share,
    draw_quality,
    keeps_own_background,
    reframed_sometimes,
    worn_sometimes,
)
from unmask.simulate.rendering.layout import ShownPicture
from unmask.simulate.rendering.motion import draw_head_motion
from unmask.simulate.rendering.surfaces import Pose, View, project
from unmask.simulate.stage.places import PLACES
from unmask.simulate.stage.scene import (
    Bust,
    Stage,
    bona_fide,
    draw_place,
    draw_stage,
    make_bust,
)
from unmask.types import Label, Presentation, PresentationRecord

BUSTS_KEPT = 6
HEADS = 0.3  # of the subjects, where there is a model of heads
PORTRAIT_ITSELF = 0.4  # how often a still picture is the portrait, not a photograph of the simulated head
FACE_ASPECT = 1.25  # a face mesh's height over its width


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated(PresentationRecord):
    """A recording with its truth.

    `frames` T of (H, W, 3) uint8; `times_s` (T,); `depths` (T, H, W) float32 metres of what stood there;
    `meshes` (T, 468, 3) float32 px of the frames; `model` which one of the instrument, empty when bona fide;
    `camera` the model; `light` the recipe; `place` a row of `PLACES`, or "any". `source` is that of the
    picture that the face was taken from, where one was, as is the licence of its presentation.
    """

    frames: list[np.ndarray]
    times_s: np.ndarray
    depths: np.ndarray
    meshes: np.ndarray
    seed: int
    camera: str
    light: str
    model: str
    place: str
    source: str = "simulated"


def simulated_presentation(
    seed: int, *, subject: str, instrument: str | None, licence: str = ""
) -> Presentation:
    """What is presented in a recording of that seed; bona fide without an instrument."""
    return Presentation(
        path=f"simulated-{seed}",
        label=Label.ATTACK if instrument else Label.BONA_FIDE,
        instrument=instrument or "",
        subject=subject,
        licence=licence,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted: the subject's number among the portraits, `instrument` or None, and how it is recorded.

    `camera` names a model, `model` one of the instrument's, `place` a row of `PLACES`; any when None. `size`
    (height, width) is what the camera delivers, its model's own when None. `face_share` is the face's width
    over the view's shorter side, drawn when None. `hd_share` is how often the camera delivers 1280 x 720.
    `moire` False leaves the grids of displays and prints out, `matched` False the matching of picture
    quality: both are there to measure what they do.
    """

    subject: int
    instrument: str | None
    seed: int
    frames: int = 5
    fps: float = 10.0
    camera: str | None = None
    hd_share: float = 0.0
    model: str | None = None
    place: str | None = None
    size: tuple[int, int] | None = None
    face_share: float | None = None
    moire: bool = True
    matched: bool = True


@dataclass(frozen=True, kw_only=True)
class Studio:
    """Portraits and rooms, with the busts made from them kept for the next clip.

    With `heads`, a share of HEADS of the subjects is a head of that model in its portrait's skin: by the
    portrait's name, so that a subject is the same person everywhere, bona fide and as a victim.

    `cache`: folder for what is slow to make from a portrait. `others`: faces for wearers of masks; the
    portraits themselves when empty.
    """

    portraits: Sequence[Portrait]
    heads: HeadModel | None = None
    backgrounds: Sequence[Path] = ()
    others: Sequence[Portrait] = ()
    cache: Path | None = None
    _busts: OrderedDict[str, Bust] = field(default_factory=OrderedDict, repr=False, compare=False)

    def bust(self, portrait: Portrait) -> Bust:
        """The portrait's bust; making one takes half a second."""
        if portrait.name not in self._busts:
            self._busts[portrait.name] = self._made(portrait)
            while len(self._busts) > BUSTS_KEPT:
                self._busts.popitem(last=False)
        self._busts.move_to_end(portrait.name)
        return self._busts[portrait.name]

    def _made(self, portrait: Portrait) -> Bust:
        if self.heads is not None and self.is_head(portrait):
            rng = np.random.default_rng(zlib.crc32(portrait.name.encode()))
            return make_head(self.heads, rng, portrait, cache=self.cache)
        return make_bust(portrait, cache=self.cache)

    def is_head(self, portrait: Portrait) -> bool:
        """Whether that subject is a head of the model."""
        chance = np.random.default_rng([zlib.crc32(portrait.name.encode()), 3]).random()
        return self.heads is not None and bool(chance < HEADS)

    def record(self, request: Request) -> Simulated:
        """The recording; equal requests to equal studios give equal bytes, whatever was recorded before."""
        rng = np.random.default_rng([request.seed, 0 if request.instrument is None else 1])
        camera = draw_camera(rng, model=request.camera, hd_share=request.hd_share, size=request.size)
        place = PLACES[request.place] if request.place else None
        stage = draw_stage(rng, view=camera.view, backgrounds=self.backgrounds, place=place)
        portrait = self.portraits[request.subject % len(self.portraits)]
        truth = Truth(camera=camera)
        model = draw_model(rng, request)
        exposures = self.presented(rng, request, model=model, stage=stage, camera=camera)
        if not request.moire:
            exposures = (replace(exposure, grid=None) for exposure in exposures)
        develop = None
        if request.matched:
            develop = partial(matched, meshes=truth.meshes, look=draw_quality(request.seed))
        arriving = truth.kept(through_lens(exposures, rng, camera=camera, fps=request.fps))
        flicker = stage.light.flicker
        frames = capture(arriving, rng, camera=camera, fps=request.fps, flicker=flicker, finish=develop)
        frames = worn_sometimes(frames, rng)
        framed = Framed(frames=frames, depths=np.stack(truth.depths), meshes=np.stack(truth.meshes))
        framed = reframed_sometimes(framed, rng)
        return Simulated(
            frames=framed.frames,
            times_s=np.array(times_of(request)),
            depths=framed.depths,
            meshes=framed.meshes,
            presentation=simulated_presentation(
                request.seed, subject=portrait.name, instrument=request.instrument
            ),
            seed=request.seed,
            camera=camera.model,
            light=stage.light.kind,
            model=model,
            place=place.name if place else "any",
        )

    def presented(
        self, rng: np.random.Generator, request: Request, *, model: str, stage: Stage, camera: Camera
    ) -> Iterator[Exposure]:
        """What the camera sees of the stage: the subject, or an instrument that shows the subject; drawn from
        `rng` alone, in whatever light.
        """
        times = times_of(request)
        drawn = draw_face_share(rng, view=stage.view)
        share = FACE_ASPECT * (request.face_share or drawn)
        portrait = self.portraits[request.subject % len(self.portraits)]
        bust = self.bust(portrait)
        place = _place(rng, bust, view=stage.view, face_share=share)
        if request.instrument is None:
            return _bona_fide(rng, bust, stage=stage, place=place, times=times)
        face = project(place.moved(bust.points[:POINTS]), stage.view)[:, :2]
        setting = Setting(
            stage=stage,
            times_s=times,
            face_share=share,
            aim_px=(face.min(axis=0) + face.max(axis=0)) / 2,
            exposure_s=camera.exposure_s,
            readout_s=camera.readout_s,
            model=model,
            victim=lambda: self.bust(portrait),
            show=lambda moving: self._picture(
                rng, portrait, times=times if moving else times[:1], request=request
            ),
            wearer=lambda: self.bust(self._other(request)),
            place=lambda bust: _place(rng, bust, view=stage.view, face_share=share),
        )
        return INSTRUMENTS[request.instrument].present(setting, rng)

    def _other(self, request: Request) -> Portrait:
        """Somebody else, the same for neighbouring subjects so that few busts are made."""
        pool = self.others or self.portraits
        if len(pool) == 1:
            return procedural_portrait(np.random.default_rng([request.subject, 5]))
        return pool[(request.subject + 1) % len(pool)]

    def _picture(
        self, rng: np.random.Generator, portrait: Portrait, *, times: Sequence[float], request: Request
    ) -> ShownPicture:
        """The victim's picture, by another camera in another place; sometimes the portrait itself."""
        # The portrait shows another face than the head in its skin, which is who the subject is.
        if len(times) == 1 and rng.random() < PORTRAIT_ITSELF and not self.is_head(portrait):
            return ShownPicture(frames=(portrait.image,), meshes=(portrait.mesh,))
        # More pixels than the frame that shows it; a small one needs no full picture.
        size = (
            None if request.size is None else (round(1.25 * request.size[0]), round(1.25 * request.size[1]))
        )
        camera = draw_camera(rng, model="new-phone" if rng.random() < 0.75 else None, size=size)
        camera = _worth_showing(camera)
        stage = draw_stage(rng, view=camera.view, backgrounds=self.backgrounds)
        bust = self.bust(portrait)
        # Often large, so that it is as crisp as a face before the camera; or with its room about it.
        place = _place(rng, bust, view=stage.view, face_share=float(rng.uniform(0.35, 0.9)))
        truth = Truth(camera=camera)
        exposures = truth.kept(_bona_fide(rng, bust, stage=stage, place=place, times=times))
        frames = capture(exposures, rng, camera=camera, fps=request.fps)
        return ShownPicture(frames=tuple(frames), meshes=tuple(truth.meshes))


def _worth_showing(camera: Camera) -> Camera:
    """As it takes the pictures that attackers choose: the face not in the dark, no haze, a firm tone.

    Two cameras in a row flatten and neutralise a picture twice; this one does half of it, so that shown faces
    come out as bona fide ones do.
    """
    return replace(
        camera,
        metering=max(0.5, camera.metering),
        target=max(0.14, camera.target),
        haze=0.3 * camera.haze,
        contrast=max(0.2, camera.contrast),
        white_balance=0.6 * camera.white_balance,
    )


def draw_model(rng: np.random.Generator, request: Request) -> str:
    """The model of the instrument, as asked for or drawn; "" of a bona fide face."""
    if request.instrument is None:
        return ""
    return request.model or str(rng.choice(INSTRUMENTS[request.instrument].models))


def times_of(request: Request) -> tuple[float, ...]:
    """Seconds from the start at which frames are taken, one for each frame."""
    return tuple(index / request.fps for index in range(request.frames))


def _place(rng: np.random.Generator, bust: Bust, *, view: View, face_share: float) -> Pose:
    """Where the head rests so that its face box's longer side is `face_share` of the view's shorter side."""
    place = draw_place(rng, bust, view=view, face_share=face_share / FACE_ASPECT)
    mesh = project(place.moved(bust.points[:POINTS]), view)
    found = float(np.ptp(mesh[:, :2], axis=0).max()) / min(view.height, view.width)
    return replace(place, translation=(place.translation * max(1.0, found / face_share)).astype(np.float32))


def _bona_fide(
    rng: np.random.Generator, bust: Bust, *, stage: Stage, place: Pose, times: Sequence[float]
) -> Iterator[Exposure]:
    """The head on the stage, or before the background it was photographed with, where that fills the view."""
    own = keeps_own_background(rng, bust, place, view=stage.view)
    motion = draw_head_motion(rng, place=place, turning=bust.turning)
    for time_s in times:
        yield Exposure(shot=bona_fide(bust, stage, motion=motion, time_s=time_s, keep_own_background=own))


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Depths (height, width) and meshes (468, 3) of what passed, in the camera's delivered pixels."""

    camera: Camera
    depths: list[np.ndarray] = field(default_factory=list)
    meshes: list[np.ndarray] = field(default_factory=list)

    def kept(self, exposures: Iterable[Exposure]) -> Iterator[Exposure]:
        """The exposures as they come, their truth kept on the way."""
        size, view = (self.camera.width, self.camera.height), self.camera.view
        scale = np.array([size[0] / view.width, size[1] / view.height, size[0] / view.width])
        for exposure in exposures:
            depth = exposure.shot.depth
            self.depths.append(np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)))
            # The middle of the first pixel is 0, before and after.
            middle = np.array([0.5, 0.5, 0.0])
            self.meshes.append(((exposure.shot.mesh + middle) * scale - middle).astype(np.float32))
            yield exposure
