"""The parts of FAS-SGTD against their formulas written out."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it

from present import present
from unmask.contract import ellipse_mask
from unmask.models import MODELS
from unmask.models.output import Output, masked_mean
from unmask.models.sgtd.form import PAPER, SMALL, Form
from unmask.models.sgtd.motion import ConvGru, Motion, Recurrence
from unmask.models.sgtd.network import SgtdMulti, SgtdSingle, equation_11, multi_from_single
from unmask.models.sgtd.rsgb import EPSILON, Backbone, BetaNorm, Rsgb, Sobel, shrink
from unmask.types import SettingsError

torch.set_num_threads(1)
TINY = Form(
    stem=4,
    levels=((4, 6, 4), (4, 6, 4), (4, 6, 4)),
    top=(6, 4),
    pools=(1, 1, 1),
    reduced=2,
    motion=6,
    hidden=5,
)


def trainable(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def test_parameter_counts_are_the_published_ones() -> None:
    multi = SgtdMulti(PAPER)
    assert trainable(multi.backbone) == 2_466_497
    assert trainable(multi.motion) == 1_746_240
    assert trainable(multi.recurrence) == 333_726
    assert trainable(multi.head) == 65_730


def test_norm_has_no_gamma_and_slims_constants() -> None:
    norm = BetaNorm(3)
    assert [name for name, _ in norm.named_parameters()] == ["bias"]
    assert set(norm.state_dict()) == {"bias", "running_mean", "running_var", "num_batches_tracked"}
    assert (norm.eps, norm.momentum) == (1e-3, 0.001)


def test_gradient_of_a_flat_picture_is_the_root_of_epsilon_and_of_a_ramp_eight() -> None:
    block = Rsgb(1, 1, gradient="code", momentum=0.001)
    torch.nn.init.ones_(block.point.weight)
    torch.nn.init.zeros_(present(block.point.bias))
    flat = torch.full((1, 1, 6, 6), 0.7)
    ramp = torch.arange(6.0).expand(1, 1, 6, 6)
    inside = (0, 0, slice(1, -1), slice(1, -1))
    with torch.no_grad():
        torch.testing.assert_close(block.edges(flat)[inside], torch.full((4, 4), 1e-4), rtol=1e-3, atol=1e-7)
        torch.testing.assert_close(block.edges(ramp)[inside], torch.full((4, 4), 8.0))


def test_sobel_in_y_looks_up_as_published() -> None:
    picture = torch.zeros(1, 1, 3, 3)
    picture[0, 0, 0] = 1  # bright above
    _, up = Sobel(1)(picture)
    assert up[0, 0, 1, 1] == 4


@pytest.mark.parametrize("gradient", ["code", "squared", "paper", "none"])
def test_block_is_its_formula(gradient: Any) -> None:
    torch.manual_seed(0)
    block = Rsgb(2, 3, gradient=gradient, momentum=0.001).eval()
    x = torch.randn(1, 2, 7, 7)
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])

    def squared(z: torch.Tensor) -> torch.Tensor:
        planes = z.flatten(0, 1)[:, None]
        across = F.conv2d(planes, kernel[None, None], padding=1)
        along = F.conv2d(planes, kernel.T[None, None], padding=1)
        return (across**2 + along**2).view_as(z)

    with torch.no_grad():
        branch: dict[str, Callable[[], torch.Tensor]] = {
            "code": lambda: block.point(torch.sqrt(squared(x) + EPSILON)),
            "squared": lambda: block.point(squared(x)),
            "paper": lambda: squared(block.point(x)),
        }
        plain = block.conv(x)
        norm = math.sqrt(1 + 1e-3)  # fresh statistics: mean 0, variance 1
        inner = plain if gradient == "none" else plain + branch[gradient]() / norm
        torch.testing.assert_close(block(x), torch.relu(inner / norm))


@pytest.mark.parametrize("factor", [2, 4])
def test_striding_is_the_resize_of_tf1(factor: int) -> None:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    # resize_bilinear without aligned corners or half-pixel centres samples input at i * factor: a whole pixel
    places = [int(i * 8 / (8 // factor)) for i in range(8 // factor)]
    assert torch.equal(shrink(x, factor), x[:, :, places][..., places])


def test_backbone_gives_levels_before_their_pool_and_a_map_a_frame() -> None:
    backbone = Backbone(Form(stem=4, levels=((4, 6, 4), (5, 6, 5), (6, 6, 6)), top=(6, 4), pools=(2, 2, 2)))
    taps, single = backbone(torch.rand(2, 3, 256, 256))
    assert [tuple(tap.shape) for tap in taps] == [(2, 4, 256, 256), (2, 5, 128, 128), (2, 6, 64, 64)]
    assert single.shape == (2, 1, 32, 32)
    assert (single >= 0).all()


def test_a_shrunk_backbone_looks_at_averages_and_grows_its_map_back() -> None:
    torch.manual_seed(0)
    full = Backbone(TINY).eval()
    half = Backbone(replace(TINY, shrink=2, grow=2)).eval()
    half.load_state_dict(full.state_dict())
    frames = torch.rand(1, 3, 64, 64)
    averages = frames.view(1, 3, 32, 2, 32, 2).mean(dim=(3, 5))
    with torch.no_grad():
        (taps, single), (expected_taps, expected) = half(frames), full(averages)
    torch.testing.assert_close(taps, expected_taps, rtol=1e-4, atol=1e-4)
    assert single.shape == (1, 1, 64, 64)
    # bilinear between centres: a quarter of the way from one to the next
    torch.testing.assert_close(
        single[0, 0, 0, 1], 0.75 * expected[0, 0, 0, 0] + 0.25 * expected[0, 0, 0, 1], rtol=1e-4, atol=1e-4
    )


def test_motion_of_still_features_has_no_part_in_time() -> None:
    torch.manual_seed(0)
    motion = Motion(TINY).eval()
    features = [torch.rand(1, 4, 8, 8) for _ in range(3)]
    reduced = slice(4 + 4 * TINY.reduced, None)  # the last channels of `mix`: the difference in time
    with torch.no_grad():
        seen, brighter = motion.describe(features), motion.describe([2 * x for x in features])
        still = motion(seen, seen)
        mixes: Any = motion.mix
        for mix in mixes:
            mix.weight[:, reduced] += 100
        torch.testing.assert_close(motion(seen, seen), still)
        assert not torch.allclose(motion(seen, brighter), still)


def test_features_that_grow_brighter_keep_a_temporal_gradient_in_training() -> None:
    # the published code normalises all frames at once and then subtracts; frames 0-3 and 1-4 normalised apart
    # would both have the mean 0, and so would their difference
    torch.manual_seed(0)
    network = SgtdMulti(TINY).train()
    seen: list[torch.Tensor] = []
    network.motion.mix[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    ramp = torch.linspace(0, 0.8, 5).view(1, 5, 1, 1, 1).expand(2, 5, 3, 32, 32)
    network(ramp + 0.1 * torch.rand(2, 5, 3, 32, 32))
    in_time = seen[0][:, -TINY.reduced :].mean(dim=(0, 2, 3))  # of the pairs of both clips
    assert in_time.abs().max() > 0.02  # apart it is 0, up to rounding
    assert network.motion.reduce_norm[0].num_batches_tracked == 1


def test_spatial_gradients_are_computed_once_a_frame() -> None:
    torch.manual_seed(0)
    network = SgtdMulti(TINY).eval()
    frames: list[int] = []
    network.motion.sobel.register_forward_pre_hook(lambda module, inputs: frames.append(len(inputs[0])))
    with torch.no_grad():
        network(torch.rand(1, 5, 3, 32, 32))
    assert frames == [5, 5, 5]


def test_the_published_block_reads_reductions_and_the_block_below() -> None:
    torch.manual_seed(0)
    network: Any = SgtdMulti(replace(TINY, block="published")).eval()
    reduced, width = TINY.reduced, TINY.motion
    assert [mix.in_channels for mix in network.motion.mix] == [6 * reduced, *[6 * reduced + width] * 2]
    clips = torch.rand(1, 3, 3, 32, 32)
    with torch.no_grad():
        before = network(clips).depth
        network.motion.mix[2].weight[:, :-width] = 0  # the third level sees the second alone
        second = network(clips).depth
        network.motion.mix[0].weight.mul_(3)
        assert not torch.allclose(network(clips).depth, second)
    assert before.shape == (1, 2, 32, 32)


def test_gru_is_its_formula_at_one_place() -> None:
    torch.manual_seed(0)
    cell = ConvGru(1, 1)
    torch.nn.init.zeros_(present(cell.gates.bias))
    torch.nn.init.zeros_(present(cell.candidate.bias))
    x, state = torch.tensor([[[[0.3]]]]), torch.tensor([[[[0.5]]]])
    (rx, rh), (ux, uh) = cell.gates.weight[:, :, 1, 1].tolist()
    ((cx, ch),) = cell.candidate.weight[:, :, 1, 1].tolist()
    r = 1 / (1 + math.exp(-(0.3 * rx + 0.5 * rh)))
    u = 1 / (1 + math.exp(-(0.3 * ux + 0.5 * uh)))
    expected = u * 0.5 + (1 - u) * math.tanh(0.3 * cx + r * 0.5 * ch)
    assert cell(x, state).item() == pytest.approx(expected, abs=1e-6)


def test_recurrence_remembers_and_the_published_slip_does_not() -> None:
    torch.manual_seed(0)
    recurrence = Recurrence(TINY)
    steps = torch.randn(1, 4, 6, 32, 32)
    swapped = steps[:, [1, 2, 0, 3]]
    with torch.no_grad():
        assert not torch.allclose(recurrence(steps)[:, 3], recurrence(swapped)[:, 3])
        recurrence.recurrent = False
        torch.testing.assert_close(recurrence(swapped), recurrence(steps)[:, [1, 2, 0, 3]])


def test_published_starts_are_glorot_with_open_gates() -> None:
    torch.manual_seed(0)
    multi: Any = SgtdMulti(TINY)
    for cell in multi.recurrence.cells:
        assert (cell.gates.bias == 1).all()
        assert (cell.candidate.bias == 0).all()
    dense = multi.head[0].weight
    bound = math.sqrt(6 / (1024 + 64))
    assert bound * 0.99 < dense.abs().max() <= bound


def test_alpha_weighs_the_recurrent_map() -> None:
    torch.manual_seed(0)
    clips = torch.rand(1, 3, 3, 32, 32)
    network = SgtdMulti(TINY).eval()
    with torch.no_grad():
        output, inner = network.named(clips)
        single = inner["single"].view(1, 3, 32, 32)[:, :2]
        corrections = network.recurrence(inner["motion"].view(1, 2, 6, 32, 32))
    torch.testing.assert_close(output.depth, 0.4 * single + 0.6 * corrections)


def test_score_of_the_single_frame_is_its_formula() -> None:
    torch.manual_seed(0)
    network, mask = SgtdSingle(TINY).eval(), torch.rand(2, 32, 32)
    with torch.no_grad():
        output = network(torch.rand(2, 1, 3, 32, 32), mask)
    for place in range(2):
        depth = (output.depth[place, 0] * mask[place]).sum() / mask[place].sum()
        assert output.score[place].item() == pytest.approx(1 / (1 + math.exp(1 - 2 * depth)), abs=1e-6)


@pytest.mark.parametrize("published_head", [False, True])
def test_score_of_the_multi_frame_is_its_formula(published_head: bool) -> None:
    torch.manual_seed(0)
    network: Any = MODELS["sgtd_s_multi"](pools=[1, 1, 1], published_head=published_head).eval()
    depth, mask = torch.rand(1, 4, 32, 32), torch.rand(1, 32, 32)
    with torch.no_grad():
        output = network.judge(depth, mask)
    spoof_over_live = math.exp(output.logits[0, 1] - output.logits[0, 0])
    p, d = 1 / (1 + spoof_over_live), (depth.mean(dim=1) * mask).sum() / mask.sum()
    assert output.score.item() == pytest.approx(1 / (1 + math.exp(1 - 1.2 * d - 0.8 * p)), abs=1e-6)
    assert not published_head or (output.logits >= 0).all()


def test_deeper_and_livelier_clips_score_higher() -> None:
    network: Any = MODELS["sgtd_s_multi"](pools=[1, 1, 1]).eval()
    for dense in network.head:
        torch.nn.init.zeros_(dense.weight)
    depth = torch.linspace(0, 1, 5)[:, None, None, None].expand(5, 4, 32, 32)
    with torch.no_grad():
        by_depth = network.judge(depth, None).score
        network.head[1].bias.copy_(torch.tensor([2.0, -2.0]))
        livelier = network.judge(depth, None).score
    assert (by_depth.diff() > 0).all()
    assert (livelier > by_depth).all()


def test_equation_11_is_its_formula_and_needs_logits() -> None:
    depth, mask = torch.full((1, 4, 32, 32), -0.5), torch.from_numpy(ellipse_mask())[None]
    output = Output(torch.zeros(1), depth, torch.tensor([[0.0, 0.0]]))
    assert equation_11(output, mask).item() == pytest.approx(0.8 * 0.5 + 0.2 * 0.5)
    with pytest.raises(SettingsError, match="multi-frame"):
        equation_11(Output(torch.zeros(1), depth), mask)


def test_masked_mean_counts_what_the_mask_shows() -> None:
    depth = torch.zeros(1, 2, 32, 32)
    depth[:, 0, 0, 0], depth[:, 1, 0, 0] = 1, 3
    mask = torch.zeros(1, 32, 32)
    mask[0, 0, :2] = 1
    assert masked_mean(depth, mask).item() == 1.0


def test_second_stage_copies_and_freezes_the_backbone() -> None:
    torch.manual_seed(0)
    single = SgtdSingle(TINY).train()
    single(torch.rand(4, 1, 3, 32, 32))  # its statistics are no longer fresh
    multi = multi_from_single(single).train()
    before = {name: value.clone() for name, value in multi.backbone.state_dict().items()}
    multi(torch.rand(2, 3, 3, 32, 32)).depth.sum().backward()
    for name, value in multi.backbone.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(value, single.backbone.state_dict()[name])
    assert all(parameter.grad is None for parameter in multi.backbone.parameters())
    assert multi.motion.training
    assert all(parameter.grad is not None for parameter in multi.motion.parameters())


def test_narrow_presets_share_a_backbone() -> None:
    single: Any = MODELS["sgtd_s_single"]()
    multi: Any = MODELS["sgtd_s_multi"]()
    multi.backbone.load_state_dict(single.backbone.state_dict())
    assert trainable(multi) < 1_000_000
    assert multi.form == single.form == SMALL
