"""The contract of a model file is found, and the rest hashed, as the package onnx has it."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from tiny_models import FEATURES, linear_model
from unmask.contract import CONTRACT_KEY, onnx_sha256
from unmask.detector.detector import packaged
from unmask.detector.model_file import contract_and_rest, read_file
from unmask.types import ModelError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return linear_model(tmp_path / "tiny.onnx", weight=np.full(FEATURES, 0.25))


def _contract_entry(graph: bytes) -> tuple[int, int]:
    """Where the contract's entry of metadata starts and ends in the file."""
    whole = onnx.load_model_from_string(graph)
    entry = onnx.ModelProto(metadata_props=whole.metadata_props).SerializeToString()
    start = graph.index(entry)
    return start, start + len(entry)


@pytest.mark.parametrize("which", ["packaged", "tiny"])
def test_the_contract_and_the_hash_of_the_rest_are_those_of_the_package_onnx(which: str, model: Path) -> None:
    graph = (packaged()[0] if which == "packaged" else model).read_bytes()
    loaded = onnx.load_model_from_string(graph)
    text = {entry.key: entry.value for entry in loaded.metadata_props}[CONTRACT_KEY]
    assert contract_and_rest(graph) == (text, onnx_sha256(loaded))


def test_a_file_larger_than_any_model_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "disk.onnx"
    with path.open("wb") as hole:
        hole.truncate(2**30 + 1)
    with pytest.raises(ModelError, match="larger than 1073741824 bytes"):
        read_file(path)


def test_a_file_with_its_fields_in_another_order_is_the_same_model(model: Path) -> None:
    graph = model.read_bytes()
    start, end = _contract_entry(graph)
    first = onnx.ModelProto(ir_version=9).SerializeToString()
    assert graph.startswith(first)
    turned = graph[len(first) : start] + graph[end:] + graph[start:end] + first
    model.write_bytes(turned)
    assert read_file(model)[1] == read_file(linear_model(model, weight=np.full(FEATURES, 0.25)))[1]


def test_two_contracts_are_left_to_the_package_onnx(model: Path) -> None:
    graph = model.read_bytes()
    start, end = _contract_entry(graph)
    assert contract_and_rest(graph + graph[start:end]) is None


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_bytes_that_are_cut_or_no_fields_have_no_contract(model: Path, cut: int) -> None:
    graph = model.read_bytes()
    assert contract_and_rest(graph[:-cut]) is None
    assert contract_and_rest(b"\xff" * cut) is None


def test_no_byte_of_the_file_can_be_altered_unseen(model: Path, rng: np.random.Generator) -> None:
    graph = model.read_bytes()
    for place in rng.choice(len(graph), 200, replace=False):
        model.write_bytes(graph[:place] + bytes([graph[place] ^ 1 << rng.integers(8)]) + graph[place + 1 :])
        with pytest.raises(ModelError):
            read_file(model)
