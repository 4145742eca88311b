"""FGHV: its formulas written out, the points of its contract, and what its verification promises."""

import colorsys
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from present import present
from unmask.models.fghv import hypotheses
from unmask.models.fghv.gaussian import Search, divergence, searched, shift
from unmask.models.fghv.network import NARROW, WIDE, Fghv, correlations, fghv, fixed_latents, hsv
from unmask.models.output import Draws
from unmask.types import ModelError, SettingsError

torch.set_num_threads(1)
TINY = replace(
    NARROW,
    stem=4,
    levels=((4, 6, 4), (4, 6, 4), (6, 8, 6)),
    embedder=(8, 8, 10),
    hidden=12,
    draws=7,
    latent=5,
    fold=1,
)
BONA_FIDE = torch.tensor([True, False, True])


def tiny(seed: int = 0, **changes: Any) -> Fghv:
    torch.manual_seed(seed)
    return Fghv(replace(TINY, **changes)).eval()


def clips(count: int = 3, *, frames: int = 1, side: int = 32) -> torch.Tensor:
    noise = torch.rand(count, frames, 3, side, side, generator=torch.Generator().manual_seed(3))
    return noise * torch.linspace(0.3, 1.0, count)[:, None, None, None, None]


@pytest.fixture
def draws() -> Draws:
    rng = torch.Generator().manual_seed(5)
    feature, real, attack = (torch.randn(*shape, generator=rng) for shape in ((3, 2, 6), (4, 6), (4, 6)))
    return Draws(feature, real, attack, tau=0.2)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / math.sqrt((a @ a) * (b @ b)))


def written_out(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """c and e (B, T, K), one cosine at a time."""
    feature, real, attack = (part.double().numpy() for part in draws[:3])
    shape = (*feature.shape[:2], len(real))
    c, e = np.zeros(shape), np.zeros(shape)
    for b, t, k in np.ndindex(shape):
        c[b, t, k], e[b, t, k] = cosine(feature[b, t], real[k]), cosine(feature[b, t], attack[k])
    return c, e


def test_the_softmax_relative_constraint_is_its_formula(draws: Draws) -> None:
    c, e = written_out(draws)
    terms = []
    for b, t, k in np.ndindex(c.shape):
        live, known = math.exp(c[b, t, k] / 0.2), math.exp(e[b, t, k] / 0.2)
        p = live / (live + known)
        terms.append(-math.log(p) if BONA_FIDE[b] else -math.log(1 - p))
    assert hypotheses.relative(draws, BONA_FIDE).item() == pytest.approx(np.mean(terms), rel=1e-5)


@pytest.mark.parametrize("form", ["linear", "hinge"])
def test_the_relative_constraint_without_exp_is_its_formula(draws: Draws, form: Any) -> None:
    c, e = written_out(draws)
    terms = []
    for b, t, k in np.ndindex(c.shape):
        lead = (c[b, t, k] - e[b, t, k]) * (1 if BONA_FIDE[b] else -1)
        terms.append(-lead if form == "linear" else max(0.0, 0.3 - lead))
    found = hypotheses.relative(draws, BONA_FIDE, form=form, margin=0.3)
    assert found.item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_the_variance_constraint_is_its_formula(draws: Draws) -> None:
    c, e = written_out(draws)

    def spread(correlation: Any, chosen: Any) -> Any:
        each = [np.mean((row - row.mean()) ** 2) for b in chosen for row in correlation[b]]
        return np.mean(each)

    real, attack = spread(c, [0, 2]), spread(e, [1])
    assert hypotheses.variance(draws, BONA_FIDE).item() == pytest.approx(real, rel=1e-5)
    both = hypotheses.variance(draws, BONA_FIDE, of="both")
    assert both.item() == pytest.approx(real + attack, rel=1e-5)


def test_a_batch_of_attacks_alone_has_no_variance_constraint(draws: Draws) -> None:
    assert hypotheses.variance(draws, torch.zeros(3, dtype=torch.bool)).item() == 0


def test_the_distribution_constraint_is_its_formula(draws: Draws) -> None:
    real, attack = (part.double().numpy() for part in (draws.real, draws.attack))
    across = np.mean([cosine(g, h) for g in real for h in attack])
    within = float(np.mean([cosine(g, h) for g in real for h in real]))
    assert hypotheses.distribution(draws, margin=1.0).item() == pytest.approx(across - within, rel=1e-5)
    stopped = hypotheses.distribution(draws, margin=within - 0.1)
    assert stopped.item() == pytest.approx(across - within + 0.1, rel=1e-5)


def test_the_distribution_constraint_joins_real_features_and_parts_them_from_attacks(draws: Draws) -> None:
    real, attack = draws.real.clone().requires_grad_(), draws.attack.clone().requires_grad_()

    def means(g: Any, h: Any) -> Any:
        g, h = torch.nn.functional.normalize(g, dim=1), torch.nn.functional.normalize(h, dim=1)
        return (g @ g.T).mean().item(), (g @ h.T).mean().item()

    before = means(real.detach(), attack.detach())
    hypotheses.distribution(draws._replace(real=real, attack=attack)).backward()
    after = means((real - 0.1 * present(real.grad)).detach(), (attack - 0.1 * present(attack.grad)).detach())
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_past_its_margin_the_distribution_constraint_no_longer_joins_real_features(draws: Draws) -> None:
    real = (torch.ones(4, 6) + 0.01 * draws.real).requires_grad_()
    blank = draws._replace(real=real, attack=torch.zeros(4, 6))
    hypotheses.distribution(blank, margin=0.9).backward()
    assert present(real.grad).abs().max() == 0


def test_the_watch_sees_features_that_are_all_one(draws: Draws) -> None:
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    mean = np.mean([cosine(draws.real[i].numpy(), draws.real[j].numpy()) for i, j in pairs])
    assert hypotheses.collapse(draws.real).item() == pytest.approx(mean, abs=1e-5)
    assert hypotheses.collapse(torch.ones(5, 3)).item() == pytest.approx(1.0)


def test_the_score_is_the_mean_over_hypotheses_and_frames() -> None:
    network = tiny()
    with torch.no_grad():
        output = network(clips(2, frames=3))
    c, e = written_out(output.draws)
    each = 1 / (1 + np.exp(-(c - e) / TINY.tau))
    np.testing.assert_allclose(output.score.numpy(), each.mean(axis=(1, 2)), rtol=1e-5)
    assert [tuple(part.shape) for part in output.draws[:3]] == [(2, 3, 10), (7, 10), (7, 10)]


def test_latent_vectors_are_drawn_in_training_and_stand_still_after_it() -> None:
    network = tiny()
    with torch.no_grad():
        assert torch.equal(network(clips()).draws.real, network(clips()).draws.real)
        network.train()
        assert not torch.equal(network(clips()).draws.real, network(clips()).draws.real)
    assert torch.equal(fixed_latents(7, 5), tiny(seed=9).latents)


def test_both_networks_are_fed_the_same_latent_vectors() -> None:
    network = tiny()
    present(network.attack).load_state_dict(present(network.real).state_dict())
    with torch.no_grad():
        for output in (network(clips()), network.train()(clips())):
            assert torch.equal(output.draws.real, output.draws.attack)
            torch.testing.assert_close(output.score, torch.full((3,), 0.5))


def test_hsv_is_that_of_the_standard_library() -> None:
    rng = torch.Generator().manual_seed(1)
    colours = torch.cat([torch.rand(40, 3, generator=rng), torch.tensor([[0.5] * 3, [0.0] * 3, [1, 0, 0.2]])])
    found = hsv(colours[:, :, None, None])[:, :, 0, 0]
    expected = [colorsys.rgb_to_hsv(*colour) for colour in colours.double().tolist()]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_the_colour_space_is_made_inside_the_network() -> None:
    for channels in (3, 6):
        network: Any = fghv(NARROW, channels=channels)
        assert network.backbone.stem[0].in_channels == 4 * channels
    with torch.no_grad():
        assert tiny(channels=3)(clips()).score.isfinite().all()


@pytest.mark.parametrize(("left", "without"), [("real", "attack"), ("attack", "real")])
def test_without_a_generation_network_its_features_are_at_cosine_zero(left: str, without: str) -> None:
    network = tiny(hypotheses=left)
    assert getattr(network, without) is None
    with torch.no_grad():
        c, e = correlations(network(clips()).draws)
    assert {"real": c, "attack": e}[without].abs().max() == 0
    assert {"real": c, "attack": e}[left].abs().max() > 0


def test_the_backbone_alone_gives_class_logits() -> None:
    network = tiny(hypotheses="none")
    with torch.no_grad():
        output = network(clips())
    assert output.draws is None
    torch.testing.assert_close(output.score, output.logits.softmax(dim=1)[:, 0])
    with pytest.raises(ModelError, match="no generation networks"):
        network.generate(network.latents)


def test_a_depth_head_is_an_option() -> None:
    with torch.no_grad():
        assert tiny()(clips()).depth is None
        assert tiny(depth_head=True)(clips(2, frames=3)).depth.shape == (2, 3, 32, 32)


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"channels": 3},
        {"hypotheses": "real"},
        {"depth_head": True},
        {"backbone": "resnet18", "embedder": (8, 8, 16)},
    ],
)
def test_every_weight_is_trained(switches: Any) -> None:
    network = tiny(**switches).train()
    output = network(clips())
    loss = hypotheses.relative(output.draws, BONA_FIDE) + hypotheses.variance(output.draws, BONA_FIDE)
    loss = loss + hypotheses.distribution(output.draws)
    if output.depth is not None:
        loss = loss + (output.depth - 0.5).square().mean()
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_a_resnet_gives_as_many_features() -> None:
    network = fghv(WIDE, backbone="resnet18", channels=3).eval()
    with torch.no_grad():
        assert network(clips(2, side=64)).draws.feature.shape == (2, 1, 512)
    published = 11_689_512 - 513_000  # He et al.'s, without the layer of its 1000 classes
    assert sum(p.numel() for p in network.backbone.parameters()) == published


def test_the_papers_widths_have_their_parameters() -> None:
    network = fghv(WIDE)
    count = sum(parameter.numel() for parameter in present(network.real).parameters())
    assert count == 128 * 512 + 512 + 2 * (512 * 512 + 512) + 2 * 2 * 512
    assert sum(p.numel() for p in present(network.attack).parameters()) == count
    widths = [6, 64, *(128, 196, 128) * 3]
    kernels = [9 * a * b + 2 * b for a, b in pairwise(widths)]
    kernels += [9 * a * b + 2 * b for a, b in ((384, 128), (128, 256), (256, 512))]
    assert sum(p.numel() for p in network.backbone.parameters()) == sum(kernels)
    assert network.form == WIDE


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"channels": 4}, "channels must be 3"),
        ({"draws": 1}, "draws must be at least 2"),
        ({"tau": 0.0}, "tau must be above 0"),
        ({"hypotheses": "some"}, "hypotheses must be one of"),
        ({"backbone": "vgg"}, "backbone must be one of"),
        ({"backbone": "resnet18", "depth_head": True}, "depth_head needs the levels"),
    ],
)
def test_impossible_arguments_are_refused(changes: Any, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule):
        fghv(NARROW, **changes)


def test_a_divergence_is_that_of_the_fitted_gaussians() -> None:
    latents = torch.randn(3, 50, 4, generator=torch.Generator().manual_seed(2))
    expected = torch.zeros(3)
    for n in range(3):
        for d in range(4):
            own = torch.distributions.Normal(latents[n, :, d].mean(), latents[n, :, d].std(correction=0))
            prior = torch.distributions.Normal(0.0, 1.0)
            expected[n] += torch.distributions.kl_divergence(own, prior) / 4
    torch.testing.assert_close(divergence(latents), expected)


@pytest.mark.parametrize("kind", ["adam", "descent"])
def test_no_step_is_no_shift(kind: Any) -> None:
    network = tiny()
    feature = torch.randn(3, 10, generator=torch.Generator().manual_seed(4))
    assert shift(network, feature, search=Search(steps=0, kind=kind)).tolist() == [0, 0, 0]
    assert (shift(network, feature, search=Search(steps=5, kind=kind)) != 0).all()


def test_a_search_leaves_the_weights_alone() -> None:
    network = tiny().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    searched(network, torch.randn(3, 10), search=Search(steps=4))
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_search_makes_the_face_likelier() -> None:
    network = tiny()
    feature = torch.randn(3, 10, generator=torch.Generator().manual_seed(4))

    def lead(latents: Any) -> Any:
        real, attack = network.generate(latents)
        c, e = correlations(Draws(feature[:1, None], real, attack))
        return (c - e).mean().item()

    found = searched(network, feature, search=Search(steps=10))
    assert lead(found[0]) > lead(network.latents)


@pytest.mark.parametrize("kind", ["adam", "descent"])
def test_a_face_is_verified_alone_as_in_a_batch(kind: Any) -> None:
    network, search = tiny(), Search(steps=5, kind=kind)
    feature = torch.randn(3, 10, generator=torch.Generator().manual_seed(4)) * torch.tensor([[0.1], [1], [9]])
    alone = torch.cat([shift(network, one[None], search=search) for one in feature])
    torch.testing.assert_close(shift(network, feature, search=search), alone, rtol=1e-3, atol=1e-6)


def test_an_impossible_search_is_refused() -> None:
    with pytest.raises(SettingsError, match="steps >= 0 at a rate above 0, not -1"):
        Search(steps=-1)
