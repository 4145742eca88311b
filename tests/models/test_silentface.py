"""The published networks of another project, read from their own files.

The files are not ours to keep: with their folder in UNMASK_MINIFASNET they are read, without it that part is
left out.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unmask.contract import from_json, to_json
from unmask.detector.features import FeatureNetwork
from unmask.detector.fusion import fusion_weights
from unmask.detector.network import Network
from unmask.models.silentface import FILES, SilentFace, published_contract, read_published
from unmask.types import ModelError

PUBLISHED = os.environ.get("UNMASK_MINIFASNET", "")
needs_files = pytest.mark.skipif(not PUBLISHED, reason="the folder of the published files is not named")


def _ramp(batch: int) -> torch.Tensor:
    return torch.linspace(0, 1, 80).expand(batch, 1, 3, 80, 80)


def test_any_other_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    other = tmp_path / "2.7_80x80_MiniFASNetV2.pth"
    torch.save({"weight": torch.zeros(3)}, other)
    with pytest.raises(ModelError, match=r"not one of the published files.*SHA-256.*resources"):
        read_published([other])


def test_a_missing_file_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, err = unmask("import", "minifasnet", tmp_path / "no.pth", "--out", tmp_path / "out.onnx")
    assert code != 0
    assert "no.pth cannot be read" in err
    assert list(tmp_path.iterdir()) == []


def test_features_of_both_networks_stand_before_their_logits_and_a_score_is_their_mean() -> None:
    torch.manual_seed(0)
    network: Any = SilentFace().eval()
    with torch.no_grad():
        output, inner = network.named(_ramp(2), None, _ramp(2))
        alone = [
            torch.softmax(part.head(features), dim=1)[:, 1]
            for part, features in zip(network.networks, inner["features"].split(128, dim=1), strict=True)
        ]
    assert inner["features"].shape == (2, 256)
    assert output.score == pytest.approx(torch.stack(alone).mean(dim=0))
    assert output.depth is None


def test_an_unseen_face_has_no_score() -> None:
    network = SilentFace().eval()
    with torch.no_grad():
        assert torch.isnan(network(_ramp(1), torch.zeros(1, 32, 32), _ramp(1)).score).all()


def test_networks_look_at_blue_first_and_at_values_up_to_255() -> None:
    torch.manual_seed(0)
    network = SilentFace(FILES[:1]).eval()
    clips = torch.rand(1, 1, 3, 80, 80)
    with torch.no_grad():
        direct = network.networks[0](clips[0].flip(1) * 255)[0]
        assert network.named(clips)[1]["features"] == pytest.approx(direct)


@pytest.mark.parametrize("files", [FILES, FILES[:1], FILES[1:]])
def test_the_contract_says_what_is_cut_what_was_measured_and_whose_it_is(files: Any) -> None:
    contract = published_contract(files)
    assert [contract.clip.box_scale, *(v.box_scale for v in contract.clip.views)] == [
        round(1.1 * f.scale, 3) for f in files
    ]
    default, strict, lenient = (
        contract.point(name, precision="f32") for name in ("default", "strict", "lenient")
    )
    assert default.threshold == 0.5
    assert lenient.threshold < default.threshold < strict.threshold
    assert lenient.bpcer < default.bpcer < strict.bpcer
    assert contract.training_data[0].licence == "Apache-2.0"
    assert all(f.sha256 in contract.training_data[0].note for f in files)
    assert from_json(to_json(contract), origin="here") == contract
    assert fusion_weights([contract, contract]) == (0.5, 0.5)


@needs_files
def test_the_published_files_become_a_model_that_scores_as_they_do(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    paths = [Path(PUBLISHED) / f.name for f in FILES]
    out = tmp_path / "minifasnet.onnx"
    code, _, err = unmask("import", "minifasnet", *paths, "--out", out)
    assert code == 0, err
    network, loaded = read_published(paths)[0], Network.load(out)
    rng = np.random.default_rng(1)
    views = [rng.integers(0, 256, (3, 1, 80, 80, 3), dtype=np.uint8) for _ in FILES]
    planes = [torch.from_numpy(v).permute(0, 1, 4, 2, 3).float() / 255 for v in views]
    with torch.no_grad():
        expected = network(planes[0], None, planes[1]).score.numpy()
    assert loaded.run(views[0], np.ones((3, 32, 32)), views[1])[0] == pytest.approx(expected, abs=1e-4)
    assert FeatureNetwork.load(out).feature_name == "features"
