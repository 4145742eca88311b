"""How heads, hands and cameras move: smooth random processes, each a function of time drawn once from a generator."""

from dataclasses import dataclass

import numpy as np

from unmask.simulate.surfaces import Pose


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A head at one time: `pose` from the head's frame to the world; `blink` and `mouth` openings in [0, 1]."""

    pose: Pose
    blink: float
    mouth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMotion:
    """A living head: `at(time_s)` gives its moment; the same time, the same moment."""

    def at(self, time_s: float) -> Moment:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class RigidMotion:
    """A thing held in a hand, fixed on a wall, or a camera: `at(time_s)` gives its pose."""

    def at(self, time_s: float) -> Pose:
        raise NotImplementedError


def draw_head_motion(rng: np.random.Generator, *, place: Pose, liveliness: float = 1.0) -> HeadMotion:
    """A head that wanders about `place` (head to world); `liveliness` 0 is a statue, 2 somebody who talks."""
    raise NotImplementedError


def draw_rigid_motion(rng: np.random.Generator, *, place: Pose, shake: float = 1.0) -> RigidMotion:
    """An instrument that wanders about `place`; `shake` 0 is fixed, 1 a steady hand, 3 one that tilts and sways."""
    raise NotImplementedError


def draw_camera_motion(rng: np.random.Generator, *, kind: str | None = None) -> RigidMotion:
    """World to camera; `kind` is "tripod", "laptop" or "handheld", drawn when None; the same draw for every class."""
    raise NotImplementedError
