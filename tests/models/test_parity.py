"""Every output of the authors' graph, redrawn parameters and all, within 1e-4 (see parity/README.md)."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from unmask.models import losses
from unmask.models.sgtd.network import from_tensorflow

FOLDER = Path(os.environ.get("UNMASK_PARITY") or Path(__file__).parents[1] / "parity")
CASES = {
    "sgtd_single_frame": (1, True),
    "sgtd_multi_frame": (5, True),
    "sgtd_multi_frame_no_recurrence": (5, False),
}
CLOSE = 1e-4


def draw(name: str, shape: list[int], seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.rsplit("/", 1)[-1] in ("weights", "kernel"):
        return rng.normal(0, np.sqrt(1.6 / int(np.prod(shape[:-1]))), shape).astype("f")
    return rng.normal(0, 0.2, shape).astype("f")


def redraw(file: np.lib.npyio.NpzFile) -> dict[str, np.ndarray]:
    variables = {}
    for name, shape in json.loads(str(file["shapes"])).items():
        known = f"bn/{name}" in file.files
        variables[name] = file[f"bn/{name}"] if known else draw(name, shape, int(file["seed"]))
    return variables


def inputs(seed: int, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, 7])
    x = rng.uniform(-1, 1, (1, 64, 64, 3 * frames))
    x = np.kron(x, np.ones((1, 4, 4, 1))) + rng.normal(0, 0.1, (1, 256, 256, 3 * frames))
    images = np.clip(x, -1, 1).astype("f")
    return (
        images,
        rng.uniform(0, 1, (2, 32, 32, 1)).astype("f"),
        rng.uniform(0, 1, (2, 32, 32, 1)).astype("f"),
    )


@pytest.mark.parametrize("case", CASES)
def test_outputs_equal_the_published_graph(case):
    torch.set_num_threads(2)
    frames, recurrent = CASES[case]
    with np.load(FOLDER / f"{case}.npz") as file:
        expected = {name: file[name] for name in file.files if name.startswith("out/")}
        variables, seed = redraw(file), int(file["seed"])
    images, predicted, target = inputs(seed, frames)
    clips = torch.from_numpy(images).unflatten(3, (frames, 3)).permute(0, 3, 4, 1, 2)  # (1, T, 3, 256, 256)
    network = from_tensorflow(variables, frames=frames, recurrent=recurrent)
    with torch.no_grad():
        output = network(clips + 0.5)
    maps = torch.from_numpy(np.concatenate([predicted, target])).permute(0, 3, 1, 2)
    found = {"out/cdl": losses.cdl(maps[:2], maps[2:]), "out/depth_map": output.depth.permute(0, 2, 3, 1)}
    if output.logits is not None:
        found["out/class_probs"] = output.logits.softmax(dim=1)
        found["out/depth_maps"] = found.pop("out/depth_map")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape
        assert np.abs(found[name].numpy() - value).max() < CLOSE, name
