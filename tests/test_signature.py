"""A signature tells who made a model; the hash in its contract only whether it is damaged."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from unmask.signature import check_signatures, signature_path, signed
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
    model = tmp_path / "m.onnx"
    model.write_bytes(b"a model")
    code, _, err = unmask("sign", model, "--key", key)
    assert (code, err) == (0, f"signature: {signature_path(model)}\n")
    return model, trusted


def test_a_signed_model_is_trusted(signed_model: Any) -> None:
    model, trusted = signed_model
    check_signatures([model], trusted)


def test_a_changed_byte_breaks_the_signature(signed_model: Any) -> None:
    model, trusted = signed_model
    model.write_bytes(b"b model")
    with pytest.raises(ModelError, match=r"is not as the owner of .* signed it"):
        check_signatures([model], trusted)


@pytest.mark.parametrize(
    "spoil", [b"", b"{}", b"[" * 60_000, b'{"ed25519": "AAAA"}', b'{"ed25519": 3}', b"\xff"]
)
def test_a_spoilt_signature_is_refused(signed_model: Any, spoil: bytes) -> None:
    model, trusted = signed_model
    signature_path(model).write_bytes(spoil)
    with pytest.raises(ModelError, match="fetch model and signature again"):
        check_signatures([model], trusted)


def test_another_owner_is_not_trusted(
    signed_model: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    model, _ = signed_model
    key, trusted = write_keys(tmp_path, "theirs")
    with pytest.raises(ModelError):
        check_signatures([model], trusted)
    assert unmask("sign", model, "--key", key)[0] == 0
    check_signatures([model], trusted)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_neither_signed_nor_waited_for(tmp_path: Path) -> None:
    key, trusted = write_keys(tmp_path, "ours")
    pipe = tmp_path / "pipe.onnx"
    os.mkfifo(pipe)
    with pytest.raises(ModelError, match="is not a plain file"):
        signed(pipe, key)
    signature_path(pipe).write_text('{"ed25519": ""}')
    with pytest.raises(ModelError, match="is not a plain file"):
        check_signatures([pipe], trusted)


def test_every_model_must_be_signed(signed_model: Any, tmp_path: Path) -> None:
    model, trusted = signed_model
    (tmp_path / "other.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match="is not signed"):
        check_signatures([model, tmp_path / "other.onnx"], trusted)


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
        check_signatures([model], model)
