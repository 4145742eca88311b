import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from unmask.media.detections import DETECTOR_SIDE, Detection, anchors, decode, merged, overlap, tiles


def logit(score: float) -> float:
    return math.log(score / (1 - score))


def test_anchors_are_those_of_the_published_graph() -> None:
    written_out = []
    for stride, each in ((8, 2), (16, 6)):  # strides 8, 16, 16, 16 with two anchors a layer
        for y in range(DETECTOR_SIDE // stride):
            for x in range(DETECTOR_SIDE // stride):
                written_out += [
                    ((x + 0.5) * stride / DETECTOR_SIDE, (y + 0.5) * stride / DETECTOR_SIDE)
                ] * each
    np.testing.assert_allclose(anchors(), written_out, atol=1e-6)


def test_an_output_becomes_the_box_it_says() -> None:
    raw, logits = np.zeros((896, 16), np.float32), np.full(896, -9.0, np.float32)
    raw[600, :4] = 3, -2, 40, 50  # centre beside the anchor, width, height
    raw[600, 4:6] = -8, -5  # the first eye
    logits[600] = logit(0.8)
    (found,) = decode(raw, logits)
    x, y = anchors()[600] * DETECTOR_SIDE
    np.testing.assert_allclose(found.box, [x + 3 - 20, y - 2 - 25, x + 3 + 20, y - 2 + 25], atol=1e-4)
    np.testing.assert_allclose(found.points[0], [x - 8, y - 5], atol=1e-4)
    assert found.score == pytest.approx(0.8)


def test_logits_beyond_the_range_of_floats_are_no_warning() -> None:
    decode(np.zeros((896, 16), np.float32), np.full(896, -1e4, np.float32))


def test_overlapping_detections_blend_by_score() -> None:
    def at(x: float, score: float) -> Detection:
        return Detection(box=np.array([x, 0, x + 10, 10]), points=np.full((6, 2), x), score=score)

    first, second = merged([at(1, 0.6), at(50, 0.7), at(0, 0.9)])
    assert first.box[0] == pytest.approx(0.6 * 1 / 1.5)
    assert first.points[0, 0] == pytest.approx(0.4)
    assert (first.score, second.score) == (0.9, 0.7)


def test_a_blend_is_the_average_by_score(rng: np.random.Generator) -> None:
    found = [
        Detection(
            box=np.array([0.0, 0, 40, 40]) + rng.normal(0, 2, 4),
            points=rng.normal(20, 5, (6, 2)),
            score=float(score),
        )
        for score in rng.uniform(0.5, 1, 7)
    ]
    (blend,) = merged(found)
    weights = [one.score for one in found]
    np.testing.assert_allclose(blend.box, np.average([one.box for one in found], axis=0, weights=weights))
    np.testing.assert_allclose(
        blend.points, np.average([one.points for one in found], axis=0, weights=weights)
    )
    assert blend.score == max(weights)
    assert merged([]) == []


def test_a_box_without_area_overlaps_nothing() -> None:
    assert overlap(np.array([1.0, 1, 1, 1]), np.array([[0.0, 0, 2, 2], [1, 1, 1, 1]])).tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(1, 1), (30, 4000), (720, 1280), (4000, 3000), (512, 512)])
def test_every_level_of_tiles_covers_the_picture(shape: Any) -> None:
    height, width = shape
    for level in tiles(height, width):
        for at in range(0, height, max(1, height // 7)):
            row = [t for t in level if t[1] <= at <= t[3]]
            covered = sorted((t[0], t[2]) for t in row)
            assert covered[0][0] <= 1e-6
            assert covered[-1][1] >= width - 1e-6
            assert all(b[0] <= a[1] for a, b in pairwise(covered))
