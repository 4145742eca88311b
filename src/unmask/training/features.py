"""The features of prepared pictures, looked at once: what a frozen encoder sees of a picture never changes.

They lie beside each shard, `shard-NNNNNN.features-KEY.npy`, (clips, D) float32 of the first frame of each
clip; the key is made of the encoder's numbers, of how it looks and of the shard's own hash, so that none can
change unseen. A shard's file appears whole, so a run that was killed goes on with the next.
"""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from unmask.contract import tensors_sha256
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Shard
from unmask.files import write_bytes
from unmask.models.encoder import Encoder, FrozenEncoder
from unmask.models.export import features_graph
from unmask.types import DataError

AT_ONCE = 32  # pictures
AT_ONCE_ON_CPU = 1  # each of eight takes a third longer there: their maps leave the cache
COMPILED_FROM = 400  # pictures: making a graph of the network takes as long as it saves on so many
PROGRESS_NOTES = 20  # lines of progress in all
LOOK = "one way"  # of the files' names: 0.3.0 took the mean of both mirror images
DETAIL = "|head and detail"  # and of those of an encoder that looks twice

Progress = Callable[[int, int], None]  # pictures done, and in all
Look = Callable[[np.ndarray], np.ndarray]  # pictures (N, S, S, 3) uint8 -> features (N, D)


def features_of(
    network: Encoder, prepared: PreparedSet, *, device: torch.device, progress: Progress | None = None
) -> np.ndarray:
    """Raw features (rows, D) float32 of the first frames, in the order of the set's rows; written where they
    are not there yet.

    Files hold those of whole shards: a protocol takes other clips out of them in each of its folds.
    """
    key, width = encoder_sha256(network) + (DETAIL if network.detail else ""), len(network.feature_mean)
    wholes = [Shard.open(shard.tar) for shard in prepared.shards]
    paths = [_path(shard, key) for shard in wholes]
    absent = {path: len(shard.rows) for shard, path in zip(wholes, paths, strict=True) if not path.is_file()}
    missing = sum(absent.values())
    look = _look(network, device=device, pictures=missing) if missing else None
    done, parts = 0, []
    for shard, whole, path in zip(prepared.shards, wholes, paths, strict=True):
        if look is not None and not path.is_file():
            at_once = AT_ONCE_ON_CPU if device.type == "cpu" else AT_ONCE
            write_bytes(path, _npy(_shard_features(look, whole, prepared, at_once=at_once)))
            before, done = done, done + len(whole.rows)
            if progress is not None and PROGRESS_NOTES * done // missing > PROGRESS_NOTES * before // missing:
                progress(done, missing)
        chosen = np.isin(whole.places[:, 0, 0], shard.places[:, 0, 0])  # where a clip begins in the tar
        parts.append(_read(path, shape=(len(whole.rows), width))[chosen])
    return np.concatenate(parts)


def encoder_sha256(network: nn.Module) -> str:
    """The hash of the numbers of the frozen encoder in a network; "" where it has none."""
    encoder = next((module for module in network.modules() if isinstance(module, FrozenEncoder)), None)
    if encoder is None:
        return ""
    state = encoder.state_dict()
    return tensors_sha256({name: tensor.detach().cpu().numpy() for name, tensor in state.items()})


def _path(shard: Shard, key: str) -> Path:
    both = hashlib.sha256(f"{key}|{LOOK}|{shard.whole}".encode()).hexdigest()[:16]
    return shard.tar.with_name(f"{shard.tar.stem}.features-{both}.npy")


def _look(network: Encoder, *, device: torch.device, pictures: int) -> Look:
    if device.type == "cpu" and pictures >= COMPILED_FROM:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(
            features_graph(network), options, providers=["CPUExecutionProvider"]
        )
        return lambda frames: session.run(None, {"frames": _planes(frames)})[0]

    def look(frames: np.ndarray) -> np.ndarray:
        was_training = network.training
        network.eval()
        with torch.inference_mode():
            found = network.raw_features(torch.from_numpy(_planes(frames)).to(device)).float().cpu().numpy()
        network.train(was_training)
        return found

    return look


def _planes(frames: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def _shard_features(look: Look, shard: Shard, prepared: PreparedSet, *, at_once: int) -> np.ndarray:
    spec, parts = prepared.spec, []
    for start in range(0, len(shard.rows), at_once):
        rows = range(start, min(start + at_once, len(shard.rows)))
        clips = [
            shard.read(k, frames=spec.frames, size_px=spec.size_px, depth_px=prepared.depth_px)[0]
            for k in rows
        ]
        parts.append(look(np.stack([clip[0] for clip in clips])))
    return np.concatenate(parts).astype(np.float32)


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _read(path: Path, *, shape: tuple[int, int]) -> np.ndarray:
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as broken:
        raise DataError(f"{path} cannot be read ({broken}); delete it and train again") from broken
    if found.shape != shape:
        raise DataError(f"{path} holds {found.shape} and not {shape}; delete it and train again")
    return found
