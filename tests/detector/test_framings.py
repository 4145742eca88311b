"""The packaged weights on the same faces in whole pictures and cut tight, as other programs give them."""

import numpy as np
import pytest

from unmask.detector.detector import Detector
from unmask.media.faces import FaceFinder
from unmask.simulate.people.subjects import astronaut
from unmask.simulate.photographs import Photographs

PICTURES = 12
TIGHT = 1.2  # of the face's box


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    finder, detector = FaceFinder.load(threads=1), Detector.load(threads=1)
    series = Photographs(photographs=[astronaut(finder)], seed=21)
    found: dict[str, list[float]] = {"whole": [], "tight": [], "mirrored": []}
    for number in range(PICTURES):
        made = series(2 * number)  # bona fide
        image, mesh = made.frames[0], made.meshes[0][:, :2]
        low, high = mesh.min(axis=0), mesh.max(axis=0)
        half = TIGHT / 2 * (high - low)
        x0, y0 = np.maximum(0, (low + high) / 2 - half).astype(int)
        x1, y1 = np.ceil((low + high) / 2 + half).astype(int)
        pictures = {"whole": image, "tight": image[y0:y1, x0:x1], "mirrored": image[:, ::-1]}
        said = {name: detector.check(np.ascontiguousarray(one)).score for name, one in pictures.items()}
        if all(score is not None for score in said.values()):
            for name, score in said.items():
                found[name].append(float(score))
    return {name: np.array(values) for name, values in found.items()}


def test_the_same_faces_score_alike_in_whole_pictures_and_cut_tight(scores: dict[str, np.ndarray]) -> None:
    assert len(scores["whole"]) >= PICTURES // 2
    assert abs(np.median(scores["whole"]) - np.median(scores["tight"])) < 0.1


def test_mirror_images_of_pictures_score_nearly_the_same(scores: dict[str, np.ndarray]) -> None:
    """The face finder is not exactly symmetric, so that the crops differ by a pixel."""
    assert np.abs(scores["whole"] - scores["mirrored"]).max() < 0.1
