"""Drawn portraits and the busts made of them, each made once: none may change one."""

from functools import cache

import numpy as np

from unmask.simulate.people.subjects import Portrait, procedural_portrait
from unmask.simulate.stage.scene import Bust, make_bust


@cache
def drawn_portrait(seed: int) -> Portrait:
    """The portrait that is drawn from that seed."""
    portrait = procedural_portrait(np.random.default_rng(seed))
    portrait.image.setflags(write=False)
    portrait.mesh.setflags(write=False)
    return portrait


@cache
def drawn_bust(seed: int) -> Bust:
    """The bust of `drawn_portrait(seed)`."""
    return make_bust(drawn_portrait(seed))
