"""The contract of every network in MODELS: a new row is tested by being there, in small as TINY says."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino as ov
import pytest
import torch
from torch import nn

from conftest import random_contract
from unmask.contract import Contract, ellipse_mask
from unmask.models import MODELS
from unmask.models.baselines.minifasnet import Bottleneck
from unmask.models.efficientnet import Block
from unmask.models.export import export
from unmask.models.weights import load, save
from unmask.training.augment import Batch
from unmask.training.objective import loss_of
from unmask.training.settings import Loss, presets, read_settings
from unmask.types import ClipSpec

torch.set_num_threads(1)
LIGHT = torch.tensor([0.3, 0.6, 1.0])  # clips that differ in brightness show a leak across the batch

CLIP = {"size_px": 32, "patch": 8, "width": 16, "layers": 2}
# Narrow networks on the smallest pictures: (arguments, side). Presets of other widths are the same code: one
# stands for them.
TINY: dict[str, tuple[dict[str, Any], int]] = {
    "sgtd_s_single": ({"pools": [1, 1, 1], "momentum": 0.7}, 32),
    "sgtd_s_multi": ({"pools": [1, 1, 1], "momentum": 0.7}, 32),
    "off_gru_s_single": ({"pools": [1, 1, 1], "momentum": 0.7}, 32),
    "off_gru_s_multi": ({"pools": [1, 1, 1], "momentum": 0.7, "frames": 3}, 32),
    "auxiliary": ({"width": 4}, 32),
    "cdcn": ({"width": 4}, 32),
    "clip_vit": ({**CLIP, "embedding": 8}, 32),
    "deeppixbis": ({"size_px": 32, "growth": 4, "layers": [2, 2]}, 32),
    "minifasnet": ({"size_px": 32, "width": 0.2, "shrink": 2}, 32),
    "resnet18": ({"width": 8}, 32),
    "fghv_s": ({"draws": 8}, 64),
    "encoder": ({"size_px": 64, "decoder": 4}, 64),
    "sgtd_e": ({"size_px": 64}, 64),
    "ssdg": ({"width": 8}, 32),
    "ssan": ({"width": 4}, 64),
    "sa_fas": ({"width": 8, "align_after": 2}, 32),
    "linear_probe": ({"size_px": 64}, 64),
    "adapters": ({"size_px": 64, "narrow": 4}, 64),
    "flip_v": ({**CLIP, "embedding": 8}, 32),
    "flip_it": ({**CLIP, "embedding": 8, "text_width": 16, "text_layers": 2}, 32),
    "fghv_e": ({"draws": 8}, 64),
}
STANDS_FOR = {name: name.removesuffix("_s") for name in MODELS if name.endswith("_s")}
STANDS_FOR |= {name: name.replace("_m_", "_s_") for name in MODELS if "_m_" in name}
STANDS_FOR |= {
    f"{family}_{half}": f"{family}_s_{half}" for family in ("sgtd", "off_gru") for half in ("single", "multi")
}
STANDS_FOR |= {"fghv": "fghv_s", "fghv_s": "fghv_s"}

ADVERTISED_PX = dict.fromkeys(MODELS, 128) | {
    **dict.fromkeys(("sgtd_single", "sgtd_multi", "sgtd_m_single", "sgtd_m_multi"), 256),
    **dict.fromkeys(("off_gru_single", "off_gru_multi", "auxiliary", "cdcn", "fghv"), 256),
    **dict.fromkeys(("clip_vit", "deeppixbis", "resnet18", "encoder", "sgtd_e", "fghv_e"), 224),
    **dict.fromkeys(("ssdg", "ssan", "sa_fas"), 256),
    **dict.fromkeys(("linear_probe", "adapters", "flip_v", "flip_it"), 224),
    "minifasnet": 80,
}
PARAMETERS = {  # of the published networks; where a number was published, the docstring says how it relates
    "sgtd_single": 2_466_497,
    "sgtd_multi": 2_466_497 + 1_746_240 + 333_726 + 65_730,
    "off_gru_multi": 2_217_345 + 1_525_056 + 333_726 + 262_338,
    "auxiliary": 2_248_357,
    "cdcn": 2_245_016,
    "clip_vit": 86_192_640 + 1_026,
    "deeppixbis": 3_198_726,
    "minifasnet": 434_432,
    "resnet18": 11_177_538,
    "fghv": 3_648_408 + 2 * 593_408,
    "encoder": 3_371_008 + 2_433 + 43_169,
}


@pytest.fixture(scope="module", params=TINY)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def whole(name: str) -> Any:
    return MODELS[name](**TINY[name][0])


def tiny(name: str) -> Any:
    """Without the blocks that repeat another one: trunks of a fixed depth have one that adds to its input."""
    network = whole(name)
    for blocks in network.modules():
        if isinstance(blocks, (nn.ModuleList, nn.Sequential)):
            repeats = [number for number, block in enumerate(blocks) if adds(block)][1:]
            for number in repeats:
                blocks[number] = nn.Identity()
    return network


def adds(block: nn.Module) -> bool:
    return (isinstance(block, Block) and block.adds) or (isinstance(block, Bottleneck) and block.stride == 1)


def frames_of(name: str) -> int:
    return 3 if is_multi_frame(name) else 1


def is_multi_frame(name: str) -> bool:
    return "multi" in name or name == "sgtd_e"


def clips_for(name: str, *, batch: int = 3) -> torch.Tensor:
    side = TINY[name][1]
    noise = torch.rand(batch, frames_of(name), 3, side, side, generator=torch.Generator().manual_seed(7))
    return noise * LIGHT[:batch, None, None, None, None]


def batch_for(clips: torch.Tensor, bona_fide: list[bool]) -> Batch:
    maps = torch.rand(*clips.shape[:2], 32, 32, generator=torch.Generator().manual_seed(3))
    domain = torch.arange(len(bona_fide)) % 2
    return Batch(clips, maps, torch.ones_like(maps), torch.tensor(bona_fide), domain)


def every_term() -> Loss:
    weights: dict[str, Any] = {f.name: 1.0 for f in fields(Loss) if f.type is float or f.type == "float"}
    return Loss(**weights)


@pytest.fixture(scope="module")
def network(name: str) -> Any:
    return settled(tiny, name)


def settled(make: Callable[[str], Any], name: str) -> Any:
    """Random weights, but batch statistics of real activations: untrained ones let them grow without end."""
    torch.manual_seed(0)
    network = make(name).train()
    with torch.no_grad():
        for _ in range(5):
            network(clips_for(name))
    return network.eval()


def contract_for(name: str) -> Contract:
    arguments, side = TINY[name]
    clip = ClipSpec(frames=frames_of(name), size_px=side)
    return replace(random_contract(name, frames=clip.frames), arguments=arguments, clip=clip)


def test_every_network_is_tested_here() -> None:
    assert {STANDS_FOR.get(name, name) for name in MODELS} == set(TINY)


def test_scores_and_maps_have_their_shape_and_range(name: str, network: Any) -> None:
    with torch.no_grad():
        output = network(clips_for(name))
    assert network.multi_frame == (frames_of(name) > 1)
    assert output.score.shape == (3,)
    assert ((output.score >= 0) & (output.score <= 1)).all()
    assert output.score.unique().numel() == 3  # the clips differ, so do their scores
    assert any(given is not None for given in (output.depth, output.logits, output.draws))
    if output.depth is not None:
        assert output.depth.shape == (3, max(1, frames_of(name) - 1), 32, 32)
        assert output.depth.isfinite().all()
    if output.logits is not None:
        assert output.logits.shape == (3, 2)
        assert output.logits.isfinite().all()


def test_a_clip_is_scored_alone(name: str, network: Any) -> None:
    clips = clips_for(name)
    mask = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        together = network(clips, mask)
        alone = [network(clips[i : i + 1], mask[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together.score, torch.cat([output.score for output in alone]))
    if together.depth is not None:
        torch.testing.assert_close(
            together.depth, torch.cat([output.depth for output in alone]), rtol=1e-4, atol=1e-4
        )


def test_no_mask_means_the_ellipse(name: str, network: Any) -> None:
    clips, ellipse = clips_for(name, batch=2), torch.from_numpy(ellipse_mask()).expand(2, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(network(clips).score, network(clips, ellipse).score)


def test_an_empty_mask_gives_nan_for_its_clip_alone(name: str, network: Any) -> None:
    mask = torch.ones(2, 32, 32)
    mask[0] = 0
    with torch.no_grad():
        score = network(clips_for(name, batch=2), mask).score
    assert score.isnan().tolist() == [True, False]


def test_every_weight_that_moves_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    network, clips = tiny(name).train(), clips_for(name)
    loss_of(network(clips), batch_for(clips, [True, False, True]), settings=every_term()).backward()
    for weight, parameter in network.named_parameters():
        if not parameter.requires_grad:  # of a frozen encoder
            assert parameter.grad is None, weight
            continue
        assert parameter.grad is not None, weight
        assert parameter.grad.isfinite().all(), weight
        assert parameter.grad.abs().max() > 0, weight


def blobs(name: str, *, seed: int) -> torch.Tensor:
    """Four clips, the first half with a bright round head in the middle, the others with a bright frame."""
    side = TINY[name][1]
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    head = (x**2 + y**2 < 0.4).float()
    noise = torch.rand(4, frames_of(name), 3, side, side, generator=torch.Generator().manual_seed(seed))
    return 0.3 * noise + 0.6 * torch.stack([head] * 2 + [1 - head] * 2)[:, None, None]


def test_trained_on_two_blobs_the_living_one_scores_higher(name: str) -> None:
    torch.manual_seed(0)
    network, bona_fide = tiny(name).train(), [True] * 2 + [False] * 2
    layer = network.map_layer
    if layer is not None and layer.bias is not None:
        torch.nn.init.constant_(layer.bias, 0.3)  # as training starts it: a ReLU may follow
    # The trunk of sgtd_e was learnt elsewhere, and its sigmoid is at its end after steps of 1e-2.
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3 if name == "sgtd_e" else 1e-2)
    for step in range(8):
        clips = blobs(name, seed=step)
        batch = batch_for(clips, bona_fide)
        batch.depth.copy_(torch.from_numpy(ellipse_mask()))
        loss = loss_of(network(clips), batch, settings=every_term())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        # With the statistics of the batch: eight steps are too few for others.
        score = network(blobs(name, seed=99)).score
    assert score[:2].mean() > score[2:].mean()


def test_saved_and_loaded_weights_agree(name: str, tmp_path: Path) -> None:
    network = settled(whole, name)
    saved = save(tmp_path / "a.safetensors", network, contract_for(name))
    again, contract = load(tmp_path / "a.safetensors")
    assert contract == saved
    assert not again.training
    with torch.no_grad():
        assert torch.equal(again(clips_for(name)).score, network(clips_for(name)).score)


@pytest.mark.slow  # up to 8 s of a core a network; test_weights.py exports one for the quick tests
def test_the_exported_graph_agrees(name: str, network: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    export(network, contract_for(name), path, half=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    openvino_f32 = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    clips = clips_for(name)
    clips[0] = 0.5  # a flat picture: only the epsilon under the root is left of its gradients
    mask = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))
    mask[2] = 0  # no face: NaN there, too
    for batch in (1, 3):  # the batch is free
        with torch.no_grad():
            expected = network(clips[:batch], mask[:batch])
        assert expected.score[:2].unique().numel() == min(batch, 2)
        feed = {"clips": clips[:batch].numpy(), "mask": mask[:batch].numpy()}
        names = ["score"] if expected.depth is None else ["score", "depth"]
        assert [output.name for output in session.get_outputs()] == names
        for outputs in (session.run(names, feed), list(openvino_f32(feed).values())):
            for output, wanted in zip(outputs, expected, strict=False):
                np.testing.assert_allclose(output, wanted.numpy(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("row", MODELS)
def test_a_network_takes_clips_of_its_advertised_size(row: Any) -> None:
    with torch.device("meta"):  # no numbers are drawn for 100 million weights
        network = MODELS[row]().eval().to("meta")  # buffers made of arrays, too
    side = ADVERTISED_PX[row]
    assert network.size_px in (side, None)
    output = network(torch.zeros(1, 5 if is_multi_frame(row) else 1, 3, side, side, device="meta"))
    assert output.score.shape == (1,)
    assert output.depth is None or output.depth.shape[2:] == (32, 32)
    if row in PARAMETERS:
        assert sum(p.numel() for p in network.parameters()) == PARAMETERS[row]


@pytest.mark.parametrize("preset", sorted(presets()))
def test_settings_that_are_shipped_fit_their_network(preset: Any) -> None:
    settings = read_settings(preset)
    network = MODELS[settings.run.network](**settings.arguments)
    spec, size_px = settings.clip, ADVERTISED_PX[settings.run.network]
    assert spec.size_px == (network.size_px or size_px)
    assert network.frame_count in (spec.frames, None)
