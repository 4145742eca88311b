"""The contract of every network in MODELS: a new row is tested by being there."""

from dataclasses import replace

import numpy as np
import onnxruntime
import openvino as ov
import pytest
import torch

from unmask.contract import Contract, ellipse_mask
from unmask.models import MODELS, losses
from unmask.models.export import export
from unmask.models.weights import load, save
from unmask.types import ClipSpec

torch.set_num_threads(1)
SIZE_PX = 32
POOLS = [1, 1, 1]  # the paper's widths on 32x32 clips: the map stays 32x32 and a test stays short
LIGHT = torch.tensor([0.3, 0.6, 1.0])  # clips that differ in brightness show a leak across the batch


@pytest.fixture(scope="module", params=MODELS)
def name(request):
    return request.param


def frames_of(name: str) -> int:
    return 3 if "multi" in name else 1


def side_of(name: str) -> int:
    return SIZE_PX * MODELS[name](pools=POOLS).form.fold


def clips_for(name: str, *, batch: int = 3) -> torch.Tensor:
    side = side_of(name)
    noise = torch.rand(batch, frames_of(name), 3, side, side, generator=torch.Generator().manual_seed(7))
    return noise * LIGHT[:batch, None, None, None, None]


@pytest.fixture(scope="module")
def network(name):
    """Random weights, but batch statistics of real activations: untrained ones let them grow without end."""
    torch.manual_seed(0)
    network = MODELS[name](pools=POOLS, momentum=0.7).train()
    with torch.no_grad():
        for _ in range(3):
            network(clips_for(name))
    return network.eval()


def contract_for(name: str) -> Contract:
    return Contract(
        name=name,
        version="0",
        network=name,
        arguments={"pools": POOLS, "momentum": 0.7},
        clip=ClipSpec(frames=frames_of(name), size_px=side_of(name)),
        operating_points=(),
        training_data=(),
        golden=(),
        command="",
        seed=0,
        commit="",
    )


def test_scores_and_maps_have_their_shape_and_range(name, network):
    with torch.no_grad():
        output = network(clips_for(name))
    steps = max(1, frames_of(name) - 1)
    assert output.score.shape == (3,)
    assert output.depth.shape == (3, steps, 32, 32)
    assert ((output.score >= 0) & (output.score <= 1)).all()
    assert output.depth.isfinite().all()
    assert (output.logits is None) == (frames_of(name) == 1)
    assert output.score.unique().numel() == 3  # the clips differ, so do their scores


def test_a_clip_is_scored_alone(name, network):
    clips = clips_for(name)
    mask = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        together = network(clips, mask)
        alone = [network(clips[i : i + 1], mask[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together.score, torch.cat([output.score for output in alone]))
    torch.testing.assert_close(
        together.depth, torch.cat([output.depth for output in alone]), rtol=1e-4, atol=1e-4
    )


def test_no_mask_means_the_ellipse(name, network):
    clips, ellipse = clips_for(name, batch=2), torch.from_numpy(ellipse_mask()).expand(2, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(network(clips).score, network(clips, ellipse).score)


def test_an_empty_mask_gives_nan_for_its_clip_alone(name, network):
    mask = torch.ones(2, 32, 32)
    mask[0] = 0
    with torch.no_grad():
        score = network(clips_for(name, batch=2), mask).score
    assert score.isnan().tolist() == [True, False]


def test_every_weight_gets_a_gradient(name):
    torch.manual_seed(0)
    network = MODELS[name](pools=POOLS).train()
    output = network(clips_for(name))
    target = losses.depth_target(torch.rand_like(output.depth), torch.tensor([True, False, True]))
    if output.logits is None:
        loss = losses.single_frame(output, target)
    else:
        loss = losses.multi_frame(output, target, bona_fide=torch.tensor([True, False, True]))
    loss.backward()
    for weight, parameter in network.named_parameters():
        assert parameter.grad is not None, weight
        assert parameter.grad.isfinite().all(), weight
        assert parameter.grad.abs().max() > 0, weight


def test_saved_and_loaded_weights_agree(name, network, tmp_path):
    saved = save(tmp_path / "a.safetensors", network, contract_for(name))
    again, contract = load(tmp_path / "a.safetensors")
    assert contract == saved
    assert not again.training
    with torch.no_grad():
        assert torch.equal(again(clips_for(name)).score, network(clips_for(name)).score)


def test_the_exported_graph_agrees(name, network, tmp_path):
    path = tmp_path / "a.onnx"
    export(network, contract_for(name), path, half=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    openvino_f32 = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    clips = clips_for(name)
    clips[0] = 0.5  # a flat picture: only the epsilon under the root is left of its gradients
    mask = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))
    for batch in (1, 3):  # the batch is free
        with torch.no_grad():
            expected = network(clips[:batch], mask[:batch])
        feed = {"clips": clips[:batch].numpy(), "mask": mask[:batch].numpy()}
        for outputs in (session.run(["score", "depth"], feed), list(openvino_f32(feed).values())):
            np.testing.assert_allclose(outputs[0], expected.score.numpy(), atol=1e-4, rtol=1e-4)
            np.testing.assert_allclose(outputs[1], expected.depth.numpy(), atol=1e-4, rtol=1e-4)


def test_a_wide_preset_takes_the_papers_picture_size():
    for name, network in MODELS.items():
        form = network().form
        assert 32 * form.fold * int(np.prod(form.pools)) == (128 if "_s_" in name else 256)
        assert replace(form, pools=(1, 1, 1)) != form
