"""An exported network scores as elsewhere, refuses what was altered, and can be run in part."""

import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from conftest import ModelFiles
from face_meshes import face_mesh
from present import present
from unmask.contract import (
    CONTRACT_KEY,
    GoldenClip,
    ellipse_mask,
    from_json,
    golden_pixels,
    onnx_sha256,
    to_json,
)
from unmask.detector.graph_part import TAPS, Part, part
from unmask.detector.network import Network, planes
from unmask.types import Clip, ClipSpec, ModelError, SettingsError

SIDE = 128


def resealed(model: onnx.ModelProto, path: Path, **changes: Any) -> Path:
    """The altered model with the hash of its graph in its contract, as anyone can renew it."""
    contract = replace(_contract_of(model), payload_sha256=onnx_sha256(model), **changes)
    onnx.helper.set_model_props(model, {CONTRACT_KEY: to_json(contract)})
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def _contract_of(model: onnx.ModelProto) -> Any:
    return from_json({p.key: p.value for p in model.metadata_props}[CONTRACT_KEY], origin="test")


def _score(model: onnx.ModelProto, seed: int, spec: ClipSpec) -> float:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    clips = planes(golden_pixels(seed, spec))[None]
    return float(session.run(["score"], {"clips": clips, "mask": ellipse_mask()[None]})[0][0])


def calmed(path: Path, out: Path) -> Path:
    """Random weights give huge depths and a score of 1 whatever comes; these keep the score between."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if "backbone.depth.weight" in tensor.name:
            array = onnx.numpy_helper.to_array(tensor) * np.float16(1e-3)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    contract = _contract_of(model)
    golden = tuple(GoldenClip(seed=s, score=_score(model, s, contract.clip)) for s in (1, 2))
    return resealed(model, out, golden=golden)


@pytest.fixture(scope="module")
def multi_file(model_files: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return calmed(model_files.multi, tmp_path_factory.mktemp("calm") / "multi.onnx")


@pytest.fixture(scope="module")
def multi(multi_file: Path) -> Network:
    return Network.load(multi_file, threads=1)


def _clips(rng: np.random.Generator, count: int, frames: int = 5) -> np.ndarray:
    """Clips (n, T, S, S, 3) of differing brightness, contrast and motion."""
    base = rng.integers(0, 256, (count, 1, SIDE, SIDE, 3)) * np.linspace(0.2, 1, count).reshape(
        -1, 1, 1, 1, 1
    )
    moved = [np.roll(base, 3 * t, axis=3) + 5 * t for t in range(frames)]
    return np.clip(np.concatenate(moved, axis=1), 0, 255).astype(np.uint8)


def _meshes(frames: int = 5) -> np.ndarray:
    return np.stack([face_mesh(x=64, y=64, width=80, height=90)] * frames)


def test_scores_are_those_of_another_runtime(
    multi: Network, multi_file: Path, rng: np.random.Generator
) -> None:
    pixels, masks = _clips(rng, 3), np.stack([ellipse_mask()] * 3) * np.array([1, 0.5, 0.2]).reshape(3, 1, 1)
    masks = masks.astype(np.float32)
    scores, depths = multi.run(pixels, masks)
    session = onnxruntime.InferenceSession(str(multi_file), providers=["CPUExecutionProvider"])
    expected = session.run(["score", "depth"], {"clips": planes(pixels), "mask": masks})
    np.testing.assert_allclose(scores, expected[0], atol=1e-4)
    np.testing.assert_allclose(present(depths), expected[1], atol=1e-3 * np.abs(expected[1]).max())
    assert 0.01 < scores.min() < scores.max() < 0.99  # else the test sees nothing


def test_bf16_is_near_f32(multi: Network, multi_file: Path, rng: np.random.Generator) -> None:
    rough = Network.load(multi_file, precision="bf16", threads=1)
    pixels, masks = _clips(rng, 2), np.stack([ellipse_mask()] * 2)
    np.testing.assert_allclose(rough.run(pixels, masks)[0], multi.run(pixels, masks)[0], atol=0.05)


def test_a_clip_is_scored_alone_whatever_the_batch(multi: Network, rng: np.random.Generator) -> None:
    pixels = _clips(rng, 6)  # more than a batch
    clips = [
        Clip(pixels=p, times_s=np.arange(5) * 0.1 + i, box=np.zeros(4), meshes=_meshes())
        for i, p in enumerate(pixels)
    ]
    together = multi.score(clips)
    alone = [multi.score([clip])[0] for clip in clips]
    np.testing.assert_allclose([c.score for c in together], [c.score for c in alone], atol=1e-4)
    assert [c.time_s for c in together] == pytest.approx([0.4 + i for i in range(6)])
    assert present(together[2].depth).shape == (4, 32, 32)
    np.testing.assert_array_equal(together[2].picture, pixels[2, 0])
    assert multi.score([]) == []


def test_a_mesh_outside_the_clip_gives_no_number(multi: Network, rng: np.random.Generator) -> None:
    away = _meshes() + np.float32(1000)
    clip = Clip(pixels=_clips(rng, 1)[0], times_s=np.arange(5) * 0.1, box=np.zeros(4), meshes=away)
    assert math.isnan(multi.score([clip])[0].score)


def test_four_threads_get_the_scores_of_one(multi: Network, rng: np.random.Generator) -> None:
    pixels, masks = _clips(rng, 4), np.stack([ellipse_mask()])
    expected = [multi.run(p[None], masks)[0][0] for p in pixels]
    found: dict[int, list[float]] = {}

    def work(i: int) -> None:
        found[i] = [float(multi.run(pixels[i : i + 1], masks)[0][0]) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, score in enumerate(expected):
        assert found[i] == pytest.approx([score] * 5, abs=1e-5)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none.onnx cannot be read \(No such file"):
        Network.load(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="Is a directory"):
        Network.load(tmp_path)


def test_a_truncated_file_is_refused(multi_file: Path, tmp_path: Path) -> None:
    whole = multi_file.read_bytes()
    cut = tmp_path / "cut.onnx"
    for share in (0, 0.1, 0.5, 0.9, 0.99, 0.9999):
        cut.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ModelError):
            Network.load(cut)
    (tmp_path / "text.onnx").write_text("this is not a network")
    with pytest.raises(ModelError):
        Network.load(tmp_path / "text.onnx")


def test_a_flipped_byte_anywhere_is_refused(
    multi_file: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    whole = bytearray(multi_file.read_bytes())
    flipped = tmp_path / "flipped.onnx"
    ends = [*range(80), *range(len(whole) - 80, len(whole))]
    for place in [*ends, *rng.integers(0, len(whole), 60).tolist()]:
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        flipped.write_bytes(altered)
        with pytest.raises(ModelError) as refused:
            Network.load(flipped)
        assert "\n" not in str(refused.value)


def test_a_file_without_a_contract_is_refused(multi_file: Path, tmp_path: Path) -> None:
    model = onnx.load(multi_file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(ModelError, match="carries no contract"):
        Network.load(tmp_path / "bare.onnx")


def test_another_network_under_our_contract_is_refused(multi_file: Path, tmp_path: Path) -> None:
    ours = onnx.load(multi_file)
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ports = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "xy"]
    graph = onnx.helper.make_graph([node], "other", ports[:1], ports[1:])
    other = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    other.metadata_props.extend(ours.metadata_props)
    with pytest.raises(ModelError, match="another network: it has no clips, mask, score"):
        Network.load(resealed(other, tmp_path / "other.onnx"))


def test_a_contract_of_other_clips_is_refused(multi_file: Path, tmp_path: Path) -> None:
    path = resealed(onnx.load(multi_file), tmp_path / "x.onnx", clip=ClipSpec(frames=4, size_px=SIDE))
    with pytest.raises(ModelError, match=r"takes clips of \[\?,5,3,128,128\], its contract says \[\?,4,"):
        Network.load(path)


def test_a_golden_clip_that_scores_otherwise_is_refused(multi_file: Path, tmp_path: Path) -> None:
    model = onnx.load(multi_file)
    golden = _contract_of(model).golden[0]
    for wrong, words in (
        (golden.score + 0.01, f"golden clip {golden.seed}"),
        (math.nan, "NaN is not a number"),
    ):
        model = onnx.load(multi_file)
        with pytest.raises(ModelError, match=words):
            Network.load(resealed(model, tmp_path / "x.onnx", golden=(replace(golden, score=wrong),)))
    with pytest.raises(ModelError, match="no golden clips"):
        Network.load(resealed(onnx.load(multi_file), tmp_path / "x.onnx", golden=()))


def test_an_unknown_precision_names_the_known(multi_file: Path) -> None:
    with pytest.raises(SettingsError, match="f32, bf16, int8, not 'int4'"):
        Network.load(multi_file, precision="int4")


def test_a_part_of_the_graph_gives_the_features_of_each_frame_by_itself(
    multi: Network, rng: np.random.Generator
) -> None:
    cut = part(multi.graph, inputs=("clips",), outputs=TAPS, origin="multi")
    cut.reshape({"clips": [1, -1, 3, 128, 128]})
    taps = Part(cut, TAPS, network=multi)
    clip = planes(_clips(rng, 1)[0])
    together = taps({"clips": clip[None]})
    for frame in range(len(clip)):
        alone = taps({"clips": clip[None, frame : frame + 1]})
        for tap in TAPS:
            np.testing.assert_allclose(alone[tap][0], together[tap][frame], atol=1e-4)
    assert np.ptp(together["tap3"][0] - together["tap3"][1]) > 0


def test_a_part_that_the_graph_does_not_name_is_refused(multi: Network) -> None:
    with pytest.raises(ModelError, match="no nowhere to cut at"):
        part(multi.graph, inputs=("clips",), outputs=("nowhere",), origin="multi")
