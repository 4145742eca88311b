"""A small part of experiments/fuzzing.py: broken inputs of every kind are a verdict or one sentence."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from tiny_models import FEATURES, linear_model
from unmask.detector.detector import Detector

INPUTS = 100


@pytest.fixture(scope="module")
def fuzzing() -> Any:
    sys.path.append(str(Path(__file__).parents[1]))
    from experiments import fuzzing

    return fuzzing


def test_no_broken_input_is_a_traceback_or_live(fuzzing: Any, tmp_path: Path) -> None:
    # of a network that sees an attack in every picture
    model = linear_model(tmp_path / "attack.onnx", weight=np.zeros(FEATURES), bias=-4.0)
    face = np.ascontiguousarray(data.astronaut()[20:260, 60:380])
    bases = fuzzing.Corpus(tmp_path, [np.roll(face, n, axis=1) for n in range(5)])
    opener = fuzzing.Opener(Detector.load(model, threads=1), tmp_path)
    whole = [opener.open(kind, name, bases.of[kind][name]) for kind in bases.of for name in bases.of[kind]]
    assert set(whole) == {"ATTACK", "read"}  # none of the corpus is refused before it is broken
    found = [fuzzing.tried(bases, opener, 20240229, number) for number in range(INPUTS)]
    bad = [one for one in found if one["outcome"] not in ("ATTACK", "UNDECIDED", "refused", "read")]
    assert not bad
    assert Counter(one["outcome"] for one in found)["refused"] > INPUTS / 3
