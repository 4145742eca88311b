from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from painted import SIDE, Scene, face_of_scale, frames

from unmask.challenges.light import HOLD_MS, LightChallenge, LightJudge, LightLimits, read
from unmask.challenges.response import Response
from unmask.challenges.result import ChallengeResult, fused
from unmask.types import Frame, Reason, SettingsError, Verdict

START_S = 0.5


def judged(
    scene: Scene,
    *,
    shown: LightChallenge | None = None,
    late_s: float = 0.0,
    seed: int = 3,
) -> ChallengeResult:
    """The result for a scene that was lit by `shown`, by the session's own challenge when None."""
    rng = np.random.default_rng(seed)
    challenge = LightChallenge.draw(rng)
    judge = LightJudge(challenge)
    for index in range(len(challenge.indices)):
        judge.shown(index, 1000 * (START_S - late_s) + HOLD_MS * index)
    for frame, face in frames(scene, shown or challenge, rng, start_s=START_S):
        judge.push(frame, face)
    return judge.decide()


def test_a_head_before_the_screen_is_live() -> None:
    result = judged(Scene())
    assert (result.verdict, result.reasons) == (Verdict.LIVE, ())
    assert result.evidence["chance"] <= 1e-4
    assert result.evidence["lag_s"] == pytest.approx(0.1, abs=0.05)
    assert result.evidence["beside"]["value"] < 0.3


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("sheet", Reason.NO_DEPTH), ("cutout", Reason.FLAT)],
)
def test_a_sheet_is_an_attack(kind: str, reason: Any) -> None:
    result = judged(Scene(kind=kind))
    assert result.verdict is Verdict.ATTACK
    assert reason in result.reasons


def test_glass_that_mirrors_the_screen_is_not_live() -> None:
    result = judged(Scene(kind="glass"))
    assert result.verdict is not Verdict.LIVE
    assert Reason.MIRROR in result.reasons


def test_a_lamp_at_one_side_of_a_head_is_not_taken_for_a_mirror() -> None:
    result = judged(Scene(lamp=2.0))
    assert (result.verdict, result.reasons) == (Verdict.LIVE, ())
    assert np.hypot(result.evidence["uneven"], result.evidence["lamp"]) > LightLimits().uneven_most
    assert result.evidence["uneven"] < result.evidence["lamp"]


def test_weak_light_that_looks_mirrored_is_said_to_be_lost_in_the_room() -> None:
    mirrored = Response(change=np.full(3, 0.05), mirror=-0.9, mirror_noise=0.05, shape=0.2, shape_noise=0.01)
    assert read(mirrored, LightLimits()) == (Verdict.UNDECIDED, (Reason.TOO_BRIGHT,))
    strong = replace(mirrored, change=np.full(3, 0.5))
    assert read(strong, LightLimits()) == (Verdict.UNDECIDED, (Reason.MIRROR,))


def test_a_lamp_excuses_nothing_where_depth_is_not_seen() -> None:
    lit = Response(
        change=np.full(3, 0.5), shape=0.2, shape_noise=0.01, mirror=-0.2, mirror_noise=0.01, uneven=0.1
    )
    lamp = replace(lit, beside=0.0, beside_noise=0.1, lamp=0.5)
    assert read(lamp, LightLimits())[0] is Verdict.LIVE
    for unsure in ({"beside": None}, {"beside": 0.3}, {"mirror_noise": 0.3}):
        assert read(replace(lamp, **unsure), LightLimits())[0] is Verdict.UNDECIDED


@pytest.mark.parametrize("scene", [Scene(screen=0.0002), Scene(screen=0.0012, albedo=0.06, noise=4.0)])
def test_a_bright_room_and_dark_skin_are_undecided_not_guessed(scene: Any) -> None:
    result = judged(scene)
    assert result.verdict is Verdict.UNDECIDED
    assert Reason.TOO_BRIGHT in result.reasons


def test_a_video_of_another_session_is_an_attack(rng: np.random.Generator) -> None:
    result = judged(Scene(), shown=LightChallenge.draw(rng))
    assert (result.verdict, result.reasons) == (Verdict.ATTACK, (Reason.LIGHT_OTHER,))


def test_light_that_comes_back_late_is_an_attack() -> None:
    result = judged(Scene(), late_s=0.7)
    assert (result.verdict, result.reasons) == (Verdict.ATTACK, (Reason.LIGHT_LATE,))
    assert result.evidence["lag_s"] == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("constant_s", [0.25, 100.0])
def test_automatic_exposure_does_not_hide_the_sequence(constant_s: float) -> None:
    assert judged(Scene(exposure_constant_s=constant_s)).verdict is Verdict.LIVE


def test_a_far_face_is_undecided() -> None:
    result = judged(Scene(scale=20.0))
    assert (result.verdict, result.reasons) == (Verdict.UNDECIDED, (Reason.FACE_TOO_SMALL,))


def test_nothing_seen_is_never_live(rng: np.random.Generator) -> None:
    challenge = LightChallenge.draw(rng)
    judge = LightJudge(challenge)
    assert judge.decide().reasons == (Reason.NO_FACE,)
    face = face_of_scale(60.0)
    for index in range(40):
        judge.push(Frame(np.full((SIDE, SIDE, 3), 90, np.uint8), index / 15, index), face)
    assert judge.decide().reasons == (Reason.TOO_SHORT,)  # no colour was ever shown
    for index in range(len(challenge.indices)):
        judge.shown(index, 40.0 * index)  # all at once
    assert judge.decide().verdict is Verdict.UNDECIDED


def test_times_that_run_back_are_left_out(rng: np.random.Generator) -> None:
    judge = LightJudge(LightChallenge.draw(rng))
    judge.shown(0, 0.0)
    face = face_of_scale(60.0)
    for time_s in (1.0, 0.5, 1.0):
        judge.push(Frame(np.zeros((SIDE, SIDE, 3), np.uint8), time_s, 0), face)
    assert judge.decide().verdict is Verdict.UNDECIDED


def test_a_colour_that_is_not_in_the_challenge_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(SettingsError, match="colours 0 to 11, not 12"):
        LightJudge(LightChallenge.draw(rng)).shown(12, 0.0)


def test_colours_flash_no_faster_than_is_safe(rng: np.random.Generator) -> None:
    with pytest.raises(SettingsError, match="seizures"):
        LightChallenge.draw(rng, hold_ms=100)


def test_the_page_is_told_colours_and_times(rng: np.random.Generator) -> None:
    challenge = LightChallenge.draw(rng, steps=5)
    told = challenge.to_dict()
    assert told["hold_ms"] == HOLD_MS
    assert [tuple(colour) for colour in told["colours"]] == list(challenge.colours)
    assert all(a != b for a, b in zip(challenge.colours, challenge.colours[1:], strict=False))


def test_a_result_is_ready_for_json() -> None:
    told = judged(Scene(kind="cutout")).to_dict()
    assert told["verdict"] == "ATTACK"
    assert "FLAT" in told["reasons"]
    assert told["evidence"]["shape"]["value"] < 0.03


@pytest.mark.parametrize("passive", list(Verdict))
@pytest.mark.parametrize("challenge", list(Verdict))
def test_live_needs_both_and_an_attack_needs_one(passive: Any, challenge: Any) -> None:
    both = fused(passive, challenge)
    assert (both is Verdict.LIVE) == (passive is challenge is Verdict.LIVE)
    assert (both is Verdict.ATTACK) == (Verdict.ATTACK in (passive, challenge))
