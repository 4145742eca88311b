"""A signature tells who made a model; the hash in its contract only whether it is damaged."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tiny_models import FEATURES, linear_model
from unmask.detector import model_file
from unmask.detector.detector import Detector
from unmask.detector.model_file import read_file
from unmask.signature import check_signature, signature_path
from unmask.types import ModelError, SettingsError

ENCODED = serialization.Encoding.PEM
PRIVATE = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo


def write_keys(folder: Any, name: Any, kind: Any = Ed25519PrivateKey) -> Any:
    made = kind.generate()
    (folder / f"{name}.pem").write_bytes(made.private_bytes(ENCODED, *PRIVATE))
    (folder / f"{name}.pub").write_bytes(made.public_key().public_bytes(ENCODED, PUBLIC))
    return folder / f"{name}.pem", folder / f"{name}.pub"


@pytest.fixture
def signed_model(tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]) -> Any:
    key, trusted = write_keys(tmp_path, "ours")
    model = linear_model(tmp_path / "m.onnx", weight=np.full(FEATURES, 0.25), name="signed")
    code, _, err = unmask("sign", model, "--key", key)
    assert (code, err) == (0, f"signature: {signature_path(model)}\n")
    return model, trusted


def test_a_signed_model_is_trusted(signed_model: Any) -> None:
    model, trusted = signed_model
    assert read_file(model, trusted=trusted)[1].name == "signed"


def test_a_changed_byte_breaks_the_signature(signed_model: Any) -> None:
    model, trusted = signed_model
    linear_model(model, weight=np.full(FEATURES, 0.26))
    with pytest.raises(ModelError, match=r"is not as the owner of .* signed it"):
        read_file(model, trusted=trusted)


@pytest.mark.parametrize(
    "spoil", [b"", b"{}", b"[" * 60_000, b'{"ed25519": "AAAA"}', b'{"ed25519": 3}', b"\xff"]
)
def test_a_spoilt_signature_is_refused(signed_model: Any, spoil: bytes) -> None:
    model, trusted = signed_model
    signature_path(model).write_bytes(spoil)
    with pytest.raises(ModelError, match="fetch model and signature again"):
        read_file(model, trusted=trusted)


def test_another_owner_is_not_trusted(
    signed_model: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    model, _ = signed_model
    key, trusted = write_keys(tmp_path, "theirs")
    with pytest.raises(ModelError):
        read_file(model, trusted=trusted)
    assert unmask("sign", model, "--key", key)[0] == 0
    read_file(model, trusted=trusted)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_neither_signed_nor_waited_for(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    key, trusted = write_keys(tmp_path, "ours")
    pipe = tmp_path / "pipe.onnx"
    os.mkfifo(pipe)
    signature_path(pipe).write_text('{"ed25519": ""}')
    for command in (["sign", pipe, "--key", key], ["check", "a.mp4", "--model", pipe, "--trust", trusted]):
        code, out, err = unmask(*command)
        assert (code, out) == (3, "")
        assert "is a pipe, not a plain file" in err


@pytest.mark.parametrize("name", ["notes.txt", "weights.safetensors", "cut.onnx"])
def test_nothing_but_a_model_is_signed(
    name: str, signed_model: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    given = tmp_path / name
    given.write_bytes(signed_model[0].read_bytes()[:-40] if name == "cut.onnx" else b"Pay to the bearer.")
    code, out, err = unmask("sign", given, "--key", tmp_path / "ours.pem")
    assert (code, out) == (3, "")
    assert f"{name} is not an ONNX file, or was cut or altered" in err
    assert not signature_path(given).exists()


@pytest.mark.parametrize("stranger_lies_there", ["when it is read", "after it was checked"])
def test_what_was_checked_is_what_is_loaded(
    stranger_lies_there: str, signed_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, trusted = signed_model
    owners = model.read_bytes()
    strangers = linear_model(tmp_path / "b.onnx", weight=np.full(FEATURES, 0.3), name="strange").read_bytes()

    def swapped(*given: Any) -> None:
        model.write_bytes(owners)
        check_signature(*given)
        model.write_bytes(strangers)

    monkeypatch.setattr(model_file, "check_signature", swapped)
    if stranger_lies_there == "when it is read":
        model.write_bytes(strangers)
        with pytest.raises(ModelError, match=r"is not as the owner of .* signed it"):
            Detector.load(model, trusted=trusted)
    else:
        assert [contract.name for contract in Detector.load(model, trusted=trusted).contracts] == ["signed"]


def test_every_model_must_be_signed(signed_model: Any, tmp_path: Path) -> None:
    model, trusted = signed_model
    other = linear_model(tmp_path / "other.onnx", weight=np.full(FEATURES, 0.2))
    with pytest.raises(ModelError, match="is not signed"):
        Detector.load([model, other], trusted=trusted)


@pytest.mark.parametrize("command", [["check", "a.mp4", "--model"], ["score", "folder"]])
def test_a_model_that_is_not_signed_is_not_used(
    command: Any, signed_model: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    _, trusted = signed_model
    (tmp_path / "other.onnx").write_bytes(b"other")
    code, out, err = unmask(*command, tmp_path / "other.onnx", "--trust", trusted)
    assert (code, out) == (3, "")
    assert "is not signed" in err


def test_what_is_no_key_is_wrong_use(
    signed_model: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    model, trusted = signed_model
    for given in (trusted, tmp_path / "nothing", write_keys(tmp_path, "other kind", X25519PrivateKey)[0]):
        code, _, err = unmask("sign", model, "--key", given)
        assert code == 4, err
    with pytest.raises(SettingsError, match="not a public key"):
        read_file(model, trusted=model)
