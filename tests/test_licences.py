"""Licences: what is not for sale is named, and the notices say what the packaged model's ledger says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import random_contract
from present import module_at
from unmask.contract import TrainingData
from unmask.detector.detector import packaged
from unmask.detector.model_file import read_file
from unmask.licences import not_commercial

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("MIT", True),
        ("CC-BY-SA-4.0", True),
        ("CC BY-NC 4.0", False),
        ("CC-BY-NC-SA-4.0", False),
        ("Creative Commons Non Commercial", False),
        ("for academic use only", False),
        ("research purposes only", False),
        ("OULU-NPU release agreement", False),
        ("EULA", False),
        ("not recorded", False),
        ("", False),
        ("CNCF licence", True),  # letters inside a word say nothing
    ],
)
def test_words_that_forbid_sale_are_known(licence: str, free: bool) -> None:
    row = TrainingData(name="a", licence=licence, items=1)
    assert (not_commercial([row]) == []) is free


def test_export_refuses_by_name(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from unmask.models import weights as weights_module

    row = TrainingData(name="oulu-npu", licence="OULU-NPU release agreement", items=5)
    contract = replace(random_contract("sgtd_s_single", frames=1), training_data=(row,))
    monkeypatch.setattr(weights_module, "load", lambda path: (None, contract))
    out = tmp_path / "a.onnx"
    code, _, err = unmask("export", tmp_path / "a.safetensors", "--out", out, "--commercial")
    assert code == 3
    assert "oulu-npu (OULU-NPU release agreement)" in err
    assert not out.exists()


def test_the_packaged_model_may_be_sold_and_the_notices_are_of_today() -> None:
    notices = module_at(ROOT / "scripts" / "notices.py", "notices")
    contracts = [read_file(path)[1] for path in packaged()]
    assert not_commercial([row for contract in contracts for row in contract.training_data]) == []
    text = (ROOT / "THIRD_PARTY_NOTICES.md").read_text()
    assert notices.written(text, contracts) == text
