"""What methods across domains are made of, against their formulas written out."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from safetensors.torch import save_file

from present import present
from unmask.models import MODELS
from unmask.models.across import adversarial, assembled, own_domain, separate, triplet
from unmask.models.baselines.flip import LIVE, SPOOF, TOKENS, TextEncoder
from unmask.models.baselines.resnet import ResNet18Trunk
from unmask.models.baselines.reversal import Discriminator
from unmask.models.baselines.sa_fas import DomainHeads
from unmask.models.output import Across
from unmask.training.networks import build
from unmask.training.settings import from_mapping
from unmask.types import ModelError

torch.set_num_threads(1)
BONA_FIDE = torch.tensor([True, True, False, False, False])
DOMAIN = torch.tensor([0, 1, 0, 1, 1])


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_bona_fide_of_all_domains_are_one_class_of_triplets_and_attacks_one_a_domain() -> None:
    features, kinds = drawn(5, 3), [0, 0, 1, 2, 2]
    losses = []
    for a in range(5):
        for p in range(5):
            for n in range(5):
                if a != p and kinds[a] == kinds[p] != kinds[n]:
                    near, far = (features[a] - features[p]).norm(), (features[a] - features[n]).norm()
                    losses.append(max(0.0, float(near - far + 0.1)))
    hard = [loss for loss in losses if loss > 0]
    assert 0 < len(hard) < len(losses)
    found = triplet(Across(features), BONA_FIDE, DOMAIN, margin=0.1)
    assert float(found) == pytest.approx(sum(hard) / len(hard), rel=1e-5)


def test_the_adversary_of_one_side_looks_at_bona_fide_alone() -> None:
    logits = drawn(5, 2)
    across = Across(drawn(5, 3), domains=logits)
    one = F.cross_entropy(logits[:2], DOMAIN[:2])
    torch.testing.assert_close(adversarial(across, BONA_FIDE, DOMAIN, of="bona fide"), one)
    both = F.cross_entropy(logits, DOMAIN)
    torch.testing.assert_close(adversarial(across, BONA_FIDE, DOMAIN, of="both"), both)


def test_separation_draws_a_clip_to_its_class_and_domain_alone() -> None:
    features = drawn(5, 4)
    units = F.normalize(features, dim=1)
    similar = (units @ units.T / 0.5).tolist()
    each = []
    for a, friend in ((3, 4), (4, 3)):  # the others are alone of their kind
        others = sum(math.exp(similar[a][k]) for k in range(5) if k != a)
        each.append(-math.log(math.exp(similar[a][friend]) / others))
    found = separate(Across(features), BONA_FIDE, DOMAIN, tau=0.5)
    assert float(found) == pytest.approx(0.5 / 0.07 * sum(each) / 2, rel=1e-5)


def test_each_domain_weighs_the_same_in_its_own_classifier() -> None:
    heads = drawn(5, 3)
    own = heads[range(5), DOMAIN]
    each = F.binary_cross_entropy_with_logits(own, BONA_FIDE.float(), reduction="none")
    expected = (each[DOMAIN == 0].mean() + each[DOMAIN == 1].mean()) / 2  # the third domain has no clip
    torch.testing.assert_close(own_domain(Across(drawn(5, 2), heads=heads), BONA_FIDE, DOMAIN), expected)


def test_a_borrowed_style_of_the_other_class_is_pushed_away_and_the_own_feature_is_held() -> None:
    feature, lent = drawn(5, 4).requires_grad_(), drawn(5, 4, seed=1).requires_grad_()
    partner = torch.tensor([1, 2, 3, 0, 4])
    signs = torch.tensor([-1.0, 1.0, -1.0, 1.0, -1.0])
    loss = assembled(Across(feature, reassembled=lent, partner=partner), BONA_FIDE)
    torch.testing.assert_close(loss, (signs * F.cosine_similarity(feature, lent, dim=1)).mean())
    loss.backward()
    assert feature.grad is None
    assert lent.grad is not None


def test_the_gradient_behind_the_discriminator_is_turned_and_grows_to_its_full_size() -> None:
    features = drawn(4, 6)
    slopes = {}
    for seen in (0, 10_000):
        torch.manual_seed(0)
        network = Discriminator(6, domains=3, steps=100).eval()
        network.seen.fill_(seen)
        given = features.clone().requires_grad_()
        network(given).square().sum().backward()
        plain = features.clone().requires_grad_()
        network.layers(plain).square().sum().backward()
        slopes[seen] = present(given.grad) / present(plain.grad)
    strength = 2 / (1 + math.exp(-10 / 100)) - 1
    torch.testing.assert_close(slopes[0], torch.full_like(features, -strength), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(slopes[10_000], -torch.ones_like(features), rtol=1e-3, atol=1e-3)


def test_classifiers_of_domains_draw_near_and_keep_their_lengths() -> None:
    torch.manual_seed(0)
    heads = DomainHeads(8, domains=3, alpha=0.9, align_after=0).train()
    before = heads.weight.detach().clone()
    heads.align()
    after = heads.weight.detach()
    torch.testing.assert_close(after.norm(dim=1), before.norm(dim=1))
    cosines = [F.cosine_similarity(w[:, None], w[None], dim=2) for w in (before, after)]
    apart = ~torch.eye(3, dtype=torch.bool)
    assert cosines[1][apart].min() > cosines[0][apart].min()
    units = F.normalize(before, dim=1)
    farthest = int(cosines[0][0].masked_fill(torch.eye(3, dtype=torch.bool)[0], 2).argmin())
    expected = F.normalize(0.9 * units[0] + 0.1 * units[farthest], dim=0) * before[0].norm()
    torch.testing.assert_close(after[0], expected)


def test_the_published_blocks_of_ssan_have_no_convolutions() -> None:
    names = [set(dict(MODELS["ssan"](width=4, published_blocks=p).named_parameters())) for p in (False, True)]
    assert {name.split(".")[0] for name in names[0] - names[1]} == {"blocks"}
    assert not names[1] - names[0]


def test_texts_are_read_as_if_each_stood_alone() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(width=16, layers=2, embedding=8).eval()
    with torch.no_grad():
        found = encoder()
        alone = []
        for texts in (LIVE, SPOOF):
            vectors = []
            for text in texts:
                numbers = [TOKENS.index(token) for token in (49406, *text, 49407)]
                x = encoder.resblocks((encoder.tokens[numbers] + encoder.positions[: len(numbers)])[None])
                vectors.append(encoder.ln_final(x)[0, -1] @ encoder.projection)
            alone.append(torch.stack(vectors).mean(dim=0))
    torch.testing.assert_close(found, torch.stack(alone), rtol=1e-4, atol=1e-5)


def torchvision_names(trunk: ResNet18Trunk) -> dict[str, torch.Tensor]:
    """The trunk's tensors by torchvision's names, and its classifier."""
    found = {"fc.weight": torch.zeros(1000, 512)}
    for name, tensor in trunk.state_dict().items():
        name = name.replace("stem_norm", "bn1").replace("stem", "conv1").replace("shortcut", "downsample")
        for theirs, ours in (("bn1", "first_norm"), ("conv1", "first"), ("bn2", "second_norm")):
            name = name.replace(ours, theirs)
        if name.startswith("levels."):
            _, level, rest = name.replace("second", "conv2").split(".", 2)
            name = f"layer{int(level) + 1}.{rest}"
        found[name] = tensor
    return found


def test_a_resnet_takes_torchvisions_weights_and_no_others() -> None:
    torch.manual_seed(0)
    theirs, ours = ResNet18Trunk(3, width=8), ResNet18Trunk(3, width=8, levels=3)
    ours.from_torchvision(torchvision_names(theirs))
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval().maps(picture)[-1], theirs.eval().maps(picture)[2])
    with pytest.raises(ModelError, match=r"not weights of torchvision's ResNet-18"):
        ResNet18Trunk(3, width=4).from_torchvision(torchvision_names(theirs))


def test_a_run_starts_from_torchvisions_file(tmp_path: Path) -> None:
    given = {
        name: tensor.contiguous() for name, tensor in torchvision_names(ResNet18Trunk(3, width=64)).items()
    }
    save_file(given, tmp_path / "r.safetensors")
    torch.save(given, tmp_path / "r.pth")
    settings = from_mapping(
        {"run": {"name": "x", "network": "ssdg", "steps": 1}, "batches": {"size": 2}}, origin="test"
    )
    for name in ("r.safetensors", "r.pth"):
        network: Any = build(settings, init=f"torchvision:{tmp_path / name}")
        assert torch.equal(network.trunk.stem.weight, given["conv1.weight"])
    (tmp_path / "text.pth").write_text("weights")
    with pytest.raises(ModelError, match="holds no weights"):
        build(settings, init=f"torchvision:{tmp_path / 'text.pth'}")
