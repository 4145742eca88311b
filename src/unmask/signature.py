"""Who made a model file: a signature beside it, MODEL.sig, that only the owner of a key can make.

A contract's own hash shows damage; whoever changes a file on purpose renews the hash, too. A signature
(Ed25519, RFC 8032) cannot be renewed without the private key. It is made over the SHA-256 of the whole file.
Needs the extra `sign`.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from unmask.types import ModelError, SettingsError

PURPOSE = b"unmask model 1\n"  # so that a signature for something else cannot be used for a model
LARGEST_KEY = 65_536  # bytes


def signature_path(model: str | Path) -> Path:
    """Where the signature of a model lies.

    >>> signature_path("a/m.onnx").name
    'm.onnx.sig'
    """
    model = Path(model)
    return model.with_name(f"{model.name}.sig")


def signed(content: bytes, key: str | Path) -> bytes:
    """The content of the signature file of a model, given as its bytes, by a private key in PEM without a
    password.

    Raises SettingsError.
    """
    keys = _keys()
    private = keys.serialization.load_pem_private_key
    try:
        made = private(_read(key, "key", LARGEST_KEY), password=None)
    except (ValueError, TypeError, keys.unsupported) as broken:
        raise SettingsError(
            f"{key} is not a private key in PEM without a password; make one by `openssl genpkey -algorithm "
            "ed25519 -out KEY`"
        ) from broken
    if not isinstance(made, keys.private):
        raise SettingsError(f"{key} is not an Ed25519 key; make one by `openssl genpkey -algorithm ed25519`")
    digest = hashlib.sha256(content).digest()
    text = base64.b64encode(made.sign(PURPOSE + digest)).decode()
    return json.dumps({"format": 1, "sha256": digest.hex(), "ed25519": text}).encode()


def check_signature(content: bytes, model: str | Path, trusted: str | Path) -> None:
    """ModelError unless the owner of `trusted`, a public key in PEM, signed the bytes that were read from
    `model`, which is not read here: by now another file may lie there.
    """
    keys = _keys()
    try:
        public = keys.serialization.load_pem_public_key(_read(trusted, "key", LARGEST_KEY))
    except (ValueError, TypeError, keys.unsupported) as broken:
        raise SettingsError(
            f"{trusted} is not a public key in PEM; make it by `openssl pkey -in KEY -pubout -out {trusted}`"
        ) from broken
    if not isinstance(public, keys.public):
        raise SettingsError(
            f"{trusted} is not an Ed25519 key; name the public key of the one who signs the models"
        )
    if not signature_path(model).is_file():
        raise ModelError(
            f"{model} is not signed: there is no {signature_path(model).name} beside it; sign it by "
            "`unmask sign`, or leave --trust out"
        )
    try:
        about = json.loads(_read(signature_path(model), "signature", LARGEST_KEY))
        message = PURPOSE + hashlib.sha256(content).digest()
        public.verify(base64.b64decode(about["ed25519"], validate=True), message)
    except (keys.invalid, ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise ModelError(
            f"{model} is not as the owner of {trusted} signed it; fetch model and signature again"
        ) from wrong


def _read(path: str | Path, what: str, most: int) -> bytes:
    path = Path(path)
    try:
        if not path.is_file():
            raise SettingsError(f"the {what} {path} is not a file; name one")
        if path.stat().st_size > most:
            raise SettingsError(f"{path} has more than {most} bytes and is no {what}; name another file")
        return path.read_bytes()
    except OSError as refused:
        raise SettingsError(f"the {what} {path} cannot be read ({refused.strerror})") from refused


class _Keys:
    """What is needed of `cryptography`."""

    def __init__(self) -> None:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

        self.serialization: Any = serialization
        self.private, self.public = Ed25519PrivateKey, Ed25519PublicKey
        self.invalid, self.unsupported = InvalidSignature, UnsupportedAlgorithm


def _keys() -> _Keys:
    try:
        return _Keys()
    except ModuleNotFoundError as missing:
        raise SettingsError(
            "signatures need the package cryptography, which is missing; pip install 'unmask[sign]'"
        ) from missing
