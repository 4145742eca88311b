"""Losses against their formulas written out."""

import math
from typing import Any

import pytest
import torch

from present import present
from unmask.models.losses import binary, cdl, depth_target, edl, multi_frame, single_frame
from unmask.models.output import Output
from unmask.training.augment import Batch
from unmask.training.objective import loss_of
from unmask.training.settings import Loss, read_settings

torch.set_num_threads(1)
BONA_FIDE = torch.tensor([True, False])


def maps(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed))


def contrast_by_hand(difference: torch.Tensor, *, valid: bool) -> float:
    total, count = 0.0, 0
    for plane in difference.flatten(0, 1):
        for y in range(6):
            for x in range(6):
                for dy, dx in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]:
                    inner = 0 < y < 5 and 0 < x < 5
                    if valid and not inner:
                        continue
                    inside = 0 <= y + dy < 6 and 0 <= x + dx < 6
                    neighbour = plane[y + dy, x + dx].item() if inside else 0.0
                    total += (neighbour - plane[y, x].item()) ** 2
                    count += 1
    return total / count


@pytest.mark.parametrize(("padding", "valid"), [("zeros", False), ("none", True)])
def test_the_padding_of_the_contrast_is_a_setting(padding: Any, valid: bool) -> None:
    batch = Batch(torch.rand(2, 3, 3, 8, 8), maps(1), maps(1), BONA_FIDE)
    settings = Loss(absolute=0.0, contrast=2.0, contrast_padding=padding)
    found = loss_of(Output(torch.rand(2), maps(0)), batch, settings=settings).item()
    assert found == pytest.approx(2 * cdl(maps(0), depth_target(maps(1), BONA_FIDE), valid=valid).item())


@pytest.mark.parametrize("name", ["cdcn.toml", "cdcn_s.toml"])
def test_cdcn_trains_without_padding(name: str) -> None:
    assert read_settings(name).loss.contrast_padding == "none"


@pytest.mark.parametrize("valid", [False, True])
def test_contrastive_depth_loss_is_its_formula(valid: bool) -> None:
    found = cdl(maps(0), maps(1), valid=valid).item()
    assert found == pytest.approx(contrast_by_hand(maps(0) - maps(1), valid=valid), rel=1e-5)


def test_contrast_sees_shape_but_not_height() -> None:
    depth = maps(0)
    assert cdl(depth, depth).item() == 0
    assert cdl(depth, depth + 0.3, valid=True).item() == pytest.approx(0, abs=1e-12)
    assert cdl(depth, depth + 0.3).item() > 0  # zero padding: the border has a step


def test_euclidean_depth_loss_is_a_mean_square() -> None:
    assert edl(maps(0), maps(0) + 0.5).item() == pytest.approx(0.25)


def test_attacks_are_flat() -> None:
    target = depth_target(maps(0), BONA_FIDE)
    assert torch.equal(target[0], maps(0)[0])
    assert (target[1] == 0).all()


def test_live_is_the_first_class() -> None:
    sure = torch.tensor([[4.0, 0.0], [0.0, 4.0]])
    assert binary(sure, BONA_FIDE).item() == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-5)
    assert binary(sure, ~BONA_FIDE).item() == pytest.approx(math.log(1 + math.exp(4)), rel=1e-5)


def test_published_double_softmax_cannot_fall_below_its_floor() -> None:
    sure = torch.tensor([[1e4, 0.0], [0.0, 1e4]])
    assert binary(sure, BONA_FIDE, double_softmax=True).item() == pytest.approx(0.3133, abs=1e-4)


def test_stages_add_up_as_published() -> None:
    output = Output(torch.zeros(2), maps(0), torch.tensor([[1.0, 0.0], [0.5, 0.0]]))
    depth, contrast = edl(maps(0), maps(1)), cdl(maps(0), maps(1))
    assert single_frame(output, maps(1)).item() == pytest.approx((depth + 0.5 * contrast).item())
    expected = 0.8 * binary(present(output.logits), BONA_FIDE) + 0.2 * (depth + contrast)
    assert multi_frame(output, maps(1), bona_fide=BONA_FIDE).item() == pytest.approx(expected.item())


def test_flipping_picture_and_depth_together_leaves_the_depth_losses_alone() -> None:
    predicted, target = maps(0), maps(1)
    for loss in (edl, cdl):
        assert loss(predicted.flip(-1), target.flip(-1)).item() == pytest.approx(
            loss(predicted, target).item()
        )
        assert loss(predicted.flip(-1), target).item() != pytest.approx(
            loss(predicted, target).item(), rel=1e-3
        )
