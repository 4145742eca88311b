"""The fused gradient strength says what the network's own Sobel says."""

import torch

from present import present
from unmask.models.sgtd.edges import FusedStrength
from unmask.models.sgtd.rsgb import EPSILON, Sobel

torch.set_num_threads(1)


def both(x: torch.Tensor, weights: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Strength and gradient: plain in float32, then fused."""
    plain = x.float().requires_grad_()
    across, up = Sobel(x.shape[1])(plain)
    expected = torch.sqrt(across**2 + up**2 + EPSILON)
    (expected * weights.float()).sum().backward()
    fused_input = x.clone().requires_grad_()
    fused = FusedStrength.apply(fused_input, EPSILON)  # type: ignore[no-untyped-call]
    (fused * weights).sum().backward()
    return [
        (expected.detach(), present(plain.grad)),
        (fused.detach().float(), present(fused_input.grad).float()),
    ]


def test_fused_strength_and_its_gradient_are_those_of_the_sobel_filters_to_bfloat16() -> None:
    torch.manual_seed(0)
    x, weights = torch.randn(2, 7, 9, 11).bfloat16(), torch.randn(2, 7, 9, 11).bfloat16()
    (expected, gradient), (fused, fused_gradient) = both(x, weights)
    torch.testing.assert_close(fused, expected, rtol=2**-8, atol=1e-3)
    torch.testing.assert_close(fused_gradient, gradient, rtol=2**-6, atol=0.05)


def test_one_row_and_one_column_meet_zeros_on_both_sides() -> None:
    torch.manual_seed(1)
    for shape in ((1, 3, 1, 6), (1, 3, 6, 1), (1, 2, 2, 2)):
        x, weights = torch.randn(shape).bfloat16(), torch.randn(shape).bfloat16()
        (expected, gradient), (fused, fused_gradient) = both(x, weights)
        torch.testing.assert_close(fused, expected, rtol=2**-8, atol=1e-3)
        torch.testing.assert_close(fused_gradient, gradient, rtol=2**-6, atol=0.05)
