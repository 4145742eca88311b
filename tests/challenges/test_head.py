from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from unmask.challenges.head import STEPS, TURNS, HeadChallenge, HeadJudge
from unmask.challenges.parallax import Moved, PointTracker, parallax
from unmask.media.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.surfaces import turn
from unmask.types import Face, Frame, Reason, SettingsError, Verdict

SIDE, SCALE = 220, 90.0
LEFT, RIGHT, UP = turn(yaw=0.4), turn(yaw=-0.4), turn(pitch=-0.3)
TURNED = {"left": LEFT, "right": RIGHT, "up": UP}


def moved(rotation: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> Moved:
    """Points of a face whose true depth is `depth` (468,), seen before and after a turn, from far away."""
    tall = float(np.ptp(MEAN_FACE[:, 1]))
    points = np.column_stack([MEAN_FACE[:, :2], depth]) / tall
    after = points @ rotation.T
    noise = rng.normal(0, 0.002, (2, len(points), 2))
    return Moved(first=points[:, :2] + noise[0], last=after[:, :2] + noise[1], relief=MEAN_FACE[:, 2] / tall)


def test_a_head_moves_as_its_relief_does(rng: np.random.Generator) -> None:
    found = parallax(moved(LEFT, MEAN_FACE[:, 2], rng))
    assert found.depth == pytest.approx(np.sin(0.4), abs=0.1)
    assert found.sure > 10


@pytest.mark.parametrize(
    "sheet",
    [
        np.zeros(468),  # flat
        0.4 * MEAN_FACE[:, 0] + 0.2 * MEAN_FACE[:, 1],  # slanted
        0.35 * MEAN_FACE[:, 0] ** 2,  # bent
        1.0 - np.sqrt(1.0 - np.clip(MEAN_FACE[:, 0], -0.95, 0.95) ** 2),  # round a head
        0.3 * (MEAN_FACE[:, 0] ** 2 + MEAN_FACE[:, 1] ** 2),  # bulged
    ],
)
@pytest.mark.parametrize("rotation", [LEFT, UP])
def test_no_sheet_moves_as_a_face_does(sheet: Any, rotation: Any, rng: np.random.Generator) -> None:
    found = parallax(moved(rotation, sheet, rng))
    assert found.depth < 0.08 or found.sure < 4


def picture(rotation: np.ndarray, *, flat: bool = False) -> tuple[np.ndarray, Face]:
    """A face with a pattern on it, turned; a flat one is a photograph of the face, turned as a sheet."""
    pattern = np.random.default_rng(5).integers(40, 220, (468, 1)).astype(np.float32)
    texture = cv2.GaussianBlur(
        np.random.default_rng(6).normal(0, 260, (SIDE, SIDE)).astype(np.float32), (0, 0), 2.0
    )
    straight = MEAN_FACE * SCALE + [SIDE / 2, SIDE / 2 - 15, 0]
    base = MEAN_FACE * ([1, 1, 0] if flat else [1, 1, 1])
    mesh = ((base @ rotation.T) * SCALE + [SIDE / 2, SIDE / 2 - 15, 0]).astype(np.float32)
    _, triangle, weights = rasterise(mesh, FACE_TRIANGLES, height=SIDE, width=SIDE)
    corner = FACE_TRIANGLES[np.maximum(triangle, 0)]
    place = np.einsum("hwk,hwkd->hwd", weights, straight[corner][..., :2]).astype(np.float32)
    grain = cv2.remap(texture, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
    grey = np.einsum("hwk,hwk->hw", weights, pattern[corner][..., 0]) * 0.2 + 90 + grain
    image = np.where(triangle >= 0, np.clip(grey, 0, 255), 60).astype(np.uint8)
    believed = ((MEAN_FACE @ rotation.T) * SCALE + [SIDE / 2, SIDE / 2 - 15, 0]).astype(np.float32)
    box = np.concatenate([believed[:, :2].min(axis=0), believed[:, :2].max(axis=0)]).astype(np.float32)
    return np.repeat(image[..., None], 3, axis=2), Face(box=box, mesh=believed, presence=1.0)


def partly(rotation: np.ndarray, share: float) -> np.ndarray:
    vector, _ = cv2.Rodrigues(rotation.astype(np.float64))
    return cv2.Rodrigues(vector * share)[0]


def judged(asked: tuple[str, ...], made: tuple[str, ...], *, flat: bool = False) -> HeadJudge:
    """A judge who saw these turns, each after its prompt, three frames there and one back."""
    judge = HeadJudge(HeadChallenge(order=asked))
    index = 0
    for number, name in enumerate(made):
        for share in (0, 0, 0.35, 0.7, 1, 0.5):
            image, face = picture(partly(TURNED[name], share), flat=flat)
            judge.push(Frame(image, index * 0.15, index), face)
            if share == 0 and number < len(asked):
                judge.shown(number, 150.0 * index)
            index += 1
    return judge


def test_turns_in_the_order_that_was_asked_for_are_live() -> None:
    judge = judged(("left", "up", "right"), ("left", "up", "right"))
    result = judge.decide()
    assert (result.verdict, result.reasons, judge.done) == (Verdict.LIVE, (), 3)
    assert min(one["points"] for one in result.evidence["parallax"]) > 60


def test_a_photograph_that_is_turned_has_no_parallax() -> None:
    result = judged(("left", "up", "right"), ("left", "up", "right"), flat=True).decide()
    assert (result.verdict, result.reasons) == (Verdict.ATTACK, (Reason.NO_PARALLAX,))


def test_another_order_is_never_live() -> None:
    judge = judged(("left", "up"), ("right", "up"))
    result = judge.decide()
    assert (result.verdict, result.reasons) == (Verdict.UNDECIDED, (Reason.WRONG_TURNS,))
    assert judge.failed
    assert result.evidence["wrong_turn"] == "right"


def test_turns_that_are_missing_leave_it_undecided() -> None:
    result = judged(("left", "up", "left"), ("left", "up")).decide()
    assert (result.verdict, result.reasons) == (Verdict.UNDECIDED, (Reason.TOO_SHORT,))


def test_nothing_seen_is_never_live(rng: np.random.Generator) -> None:
    judge = HeadJudge(HeadChallenge.draw(rng))
    judge.shown(0, 0.0)
    judge.push(Frame(np.zeros((20, 20, 3), np.uint8), 0.0, 0), None)
    assert judge.decide().verdict is Verdict.UNDECIDED
    with pytest.raises(SettingsError, match="turns 0 to 3, not 4"):
        judge.shown(4, 0.0)


def test_a_picture_without_points_is_no_evidence() -> None:
    image, face = picture(np.eye(3))
    points = PointTracker(np.full_like(image, 90), face)
    points.follow(image)
    assert points.moved() is None


def test_the_order_is_drawn_from_all_turns(rng: np.random.Generator) -> None:
    orders = [HeadChallenge.draw(rng).order for _ in range(200)]
    assert {name for order in orders for name in order} == set(TURNS)
    assert all(a != b for order in orders for a, b in pairwise(order))
    assert len(set(orders)) == round(1 / HeadChallenge(order=orders[0]).guessed) == 24
    assert {len(order) for order in orders} == {STEPS}
