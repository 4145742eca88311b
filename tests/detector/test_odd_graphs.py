"""A graph that was sealed with its faults is a ModelError when it is loaded, no error of the runtime."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from tiny_models import FEATURES, linear_model
from unmask.contract import CONTRACT_KEY, onnx_sha256
from unmask.detector.network import Network
from unmask.types import ModelError


def without_shape(model: onnx.ModelProto) -> None:
    """The pooling takes sums of no known rank."""
    model.graph.node[0].op_type = "ReduceSum"
    del model.graph.node[0].attribute[:]


def of_other_sizes(model: onnx.ModelProto) -> None:
    """The head's weights are more than the features."""
    weight = next(one for one in model.graph.initializer if one.name == "head.weight")
    weight.CopyFrom(onnx.numpy_helper.from_array(np.ones(FEATURES + 1, np.float32), "head.weight"))


def of_two_scores(model: onnx.ModelProto) -> None:
    """Each clip gets a score for each cell."""
    last = next(node for node in model.graph.node if node.output[0] == "logit")
    last.input[0] = "weighed"


def of_no_such_operation(model: onnx.ModelProto) -> None:
    model.graph.node[2].op_type = "Nothing"


def without_a_node(model: onnx.ModelProto) -> None:
    del model.graph.node[3]


@pytest.mark.parametrize(
    "spoil",
    [without_shape, of_other_sizes, of_two_scores, of_no_such_operation, without_a_node],
)
def test_a_graph_that_cannot_be_computed_is_refused_at_load(tmp_path: Path, spoil: Any) -> None:
    path = linear_model(tmp_path / "m.onnx", weight=np.zeros(FEATURES))
    Network.load(path, threads=1)
    model = onnx.load(str(path))
    spoil(model)
    sealed_again(model, path)
    with pytest.raises(ModelError, match=r"export it again|golden"):
        Network.load(path, threads=1)


def sealed_again(model: onnx.ModelProto, path: Path) -> None:
    entry = next(one for one in model.metadata_props if one.key == CONTRACT_KEY)
    whole = json.loads(entry.value)
    whole["contract"]["payload_sha256"] = onnx_sha256(model)
    text = json.dumps(whole["contract"], sort_keys=True, separators=(",", ":"))
    whole["contract_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    helper.set_model_props(model, {CONTRACT_KEY: json.dumps(whole, sort_keys=True)})
    path.write_bytes(model.SerializeToString(deterministic=True))
