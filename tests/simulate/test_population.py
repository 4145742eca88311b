"""Every class is drawn from one population: nothing but the attack itself is more common in attacks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drawn import drawn_bust, drawn_portrait
from unmask.simulate import population, studio
from unmask.simulate.camera.models import draw_camera
from unmask.simulate.camera.wear import Framed
from unmask.simulate.instruments import worn
from unmask.simulate.stage.scene import draw_stage
from unmask.simulate.studio import Request, Studio

REQUESTS = 2000
pytestmark = pytest.mark.slow  # eight thousand recordings are drawn, none is rendered
ATTACKS = ("mask/silicone", "makeup/cosmetic", "partial/paper")  # one of each file that shows a wearer
CLASSES = (None, *ATTACKS)


class AnsweredError(Exception):
    """The background is decided; what follows is pictures alone."""


@pytest.fixture(scope="module")
def drawn() -> Any:
    """Class -> face shares (n,) and whether the background was kept (n,), by the studio's own way to them."""
    portrait = drawn_portrait(4)
    room = Studio(portraits=(portrait, portrait))
    bust = replace(drawn_bust(4), contrast=1.0)  # a rim that is not a guess
    camera = draw_camera(np.random.default_rng(1), model="new-phone")
    stage = draw_stage(np.random.default_rng(2), view=camera.view)
    kept, shares = [], []

    def decided(*given: Any, **named: Any) -> None:
        kept.append(population.keeps_own_background(*given, **named))
        raise AnsweredError

    def measured(*given: Any, **named: Any) -> Any:
        shares.append(population.draw_face_share(*given, **named))
        return shares[-1]

    found = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Studio, "bust", lambda *_: bust)
        patched.setattr(studio, "keeps_own_background", decided)
        patched.setattr(worn, "keeps_own_background", decided)
        patched.setattr(studio, "draw_face_share", measured)
        for number, instrument in enumerate(CLASSES):
            kept.clear()
            shares.clear()
            for seed in range(REQUESTS):
                request = Request(subject=0, instrument=instrument, seed=REQUESTS * number + seed, frames=1)
                rng = np.random.default_rng([request.seed, int(instrument is not None)])
                model = studio.draw_model(rng, request)
                with pytest.raises(AnsweredError):
                    next(room.presented(rng, request, model=model, stage=stage, camera=camera))
            found[instrument] = np.array(shares), np.array(kept)
    return found


@pytest.mark.parametrize("instrument", ATTACKS)
def test_an_attack_keeps_its_own_background_as_often_as_a_living_face(drawn: Any, instrument: Any) -> None:
    assert drawn[instrument][1].mean() == pytest.approx(drawn[None][1].mean(), abs=0.045)
    assert 0.1 < drawn[None][1].mean() < 0.9


@pytest.mark.parametrize("instrument", ATTACKS)
def test_an_attack_fills_as_much_of_the_view_as_a_living_face(drawn: Any, instrument: Any) -> None:
    quantiles = [0.1, 0.5, 0.9]
    theirs, ours = (np.quantile(drawn[name][0], quantiles) for name in (instrument, None))
    np.testing.assert_allclose(theirs, ours, atol=0.02)


def test_wear_reframing_and_quality_are_as_common_in_both_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "wear", lambda frames, rng: [])
    monkeypatch.setattr(population, "reframed", lambda frames, rng, **truth: None)
    framed = Framed(frames=[np.zeros((1, 1, 3), np.uint8)], depths=np.zeros(1), meshes=np.zeros(1))
    found = []
    for attack in (0, 1):
        seeds = range(attack * REQUESTS, (attack + 1) * REQUESTS)
        streams = [np.random.default_rng([seed, attack]) for seed in seeds]
        worn_once = np.mean([not population.worn_sometimes(framed.frames, rng) for rng in streams])
        cropped = np.mean([population.reframed_sometimes(framed, rng) is None for rng in streams])
        luma = np.median([population.draw_quality(seed).luma for seed in seeds])
        found.append([worn_once, cropped, luma / 255])
    np.testing.assert_allclose(found[0], found[1], atol=0.045)
    np.testing.assert_allclose(found[0][:2], [population.WORN, population.REFRAMED], atol=0.03)
