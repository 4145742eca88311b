"""A contract that cannot be true is refused when it is read, however well it is sealed."""

import hashlib
import json
from typing import Any

import pytest

from conftest import random_contract
from unmask.contract import from_json, to_json
from unmask.types import ModelError


def resealed(change: Any) -> str:
    """A contract's text after a change, with its hash renewed as anyone can."""
    text = json.loads(to_json(random_contract("sgtd_s_multi", frames=5)))
    change(text["contract"])
    body = json.dumps(text["contract"], sort_keys=True, separators=(",", ":")).encode()
    return json.dumps({**text, "contract_sha256": hashlib.sha256(body).hexdigest()}, sort_keys=True)


def of_points(**values: Any) -> Any:
    return lambda contract: [point.update(values) for point in contract["operating_points"]]


def of_contract(**values: Any) -> Any:
    return lambda contract: contract.update(values)


def of_clip(**values: Any) -> Any:
    return lambda contract: contract["clip"].update(values)


IMPOSSIBLE = {
    "threshold below 0": of_points(threshold=-1.0, margin=0.0),
    "threshold of 0": of_points(threshold=0.0),
    "threshold above 1": of_points(threshold=1.5),
    "threshold no number": of_points(threshold=float("nan")),
    "threshold infinite": of_points(threshold=float("-inf")),
    "threshold a text": of_points(threshold="0.1"),
    "a name that clears the screen": of_contract(name="a\x1b[2J"),
    "a network of two lines": of_contract(network="a\nb"),
    "an instrument that rings": of_points(worst_instrument="print\a"),
    "threshold a truth": of_points(threshold=True),
    "threshold missing": of_points(threshold=None),
    "margin below 0": of_points(margin=-0.1),
    "margin above 1": of_points(margin=3),
    "rate above 1": of_points(apcer=1.2),
    "rate below 0": of_points(bpcer=-0.01),
    "rate a list": of_points(apcer=[0.1]),
    "counts below 0": of_points(attacks=-1),
    "counts in parts": of_points(bona_fide=2.5),
    "precision unknown": of_points(precision="f16"),
    "name a number": of_points(name=3),
    "points twice": lambda contract: contract["operating_points"].append(contract["operating_points"][0]),
    "points no list": of_contract(operating_points=3),
    "correlation above 1": of_contract(evidence_correlation=1.1),
    "seed a text": of_contract(seed="1"),
    "arguments a list": of_contract(arguments=[]),
    "golden score above 1": of_contract(golden=[{"seed": 1, "score": 2.0}]),
    "clip a text": of_contract(clip="x"),
    "clip a list": of_contract(clip=[]),
    "golden a text": of_contract(golden="x"),
    "frames in parts": of_clip(frames=2.5),
    "frames without end": of_clip(frames=10**12),
    "stride infinite": of_clip(stride_s=float("inf")),
    "stride a text": of_clip(stride_s="0.1"),
    "a point with a name of a page": of_points(name="strict" * 300),
    "an instrument with a name of a page": of_points(worst_instrument="print " * 300),
    "measured on a book": of_points(measured_on="dev " * 30_000),
    "a name of a page": of_contract(name="sgtd" * 300),
    "a version of a page": of_contract(version="1" * 300),
    "a command of a book": of_contract(command="unmask train " * 10_000),
    "a licence of a book": of_contract(
        training_data=[{"name": "a", "licence": "MIT " * 10_000, "items": 1, "note": ""}]
    ),
    "golden clips without end": of_contract(golden=[{"seed": 1, "score": 0.5}] * 1001),
    "more than is known": of_points(extra=1),
    "nested without end": of_contract(commit=json.loads("[" * 500 + "]" * 500)),
}


def test_an_untouched_contract_is_read() -> None:
    assert from_json(resealed(lambda contract: None), origin="m").name == "sgtd_s_multi"


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_an_impossible_contract_is_refused(case: Any) -> None:
    with pytest.raises(ModelError, match=r"^m\.onnx has (an impossible|a) contract"):
        from_json(resealed(IMPOSSIBLE[case]), origin="m.onnx")


@pytest.mark.parametrize("case", [case for case in IMPOSSIBLE if "page" in case or "book" in case])
def test_the_sentence_on_a_text_that_is_too_long_is_short(case: Any) -> None:
    with pytest.raises(ModelError, match="must be a text of at most") as refused:
        from_json(resealed(IMPOSSIBLE[case]), origin="m.onnx")
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("text", ["[" * 100_000, '{"contract": ' * 100_000, "null", "[]", '{"format": 1}'])
def test_what_is_no_contract_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        from_json(text, origin="m.onnx")


def in_order(low: Any, high: Any) -> Any:
    def change(contract: Any) -> None:
        first = contract["operating_points"][0]
        contract["operating_points"] = [
            {**first, "name": "lenient", **low},
            {**first, "name": "strict", **high},
        ]

    return change


def test_a_higher_threshold_accepts_no_more_of_the_same_presentations() -> None:
    good = in_order(
        {"threshold": 0.3, "apcer": 0.4, "bpcer": 0.1}, {"threshold": 0.6, "apcer": 0.2, "bpcer": 0.3}
    )
    assert len(from_json(resealed(good), origin="m").operating_points) == 2
    for low, high in (
        ({"threshold": 0.3, "apcer": 0.1}, {"threshold": 0.6, "apcer": 0.2}),
        ({"threshold": 0.3, "bpcer": 0.4}, {"threshold": 0.6, "bpcer": 0.3}),
    ):
        with pytest.raises(ModelError, match="at a higher threshold"):
            from_json(resealed(in_order(low, high)), origin="m")
    apart = in_order(
        {"threshold": 0.3, "apcer": 0.1}, {"threshold": 0.6, "apcer": 0.2, "measured_on": "other"}
    )
    assert from_json(resealed(apart), origin="m").name == "sgtd_s_multi"
