"""Results signed as a JWS, so that a back end can trust what came through a browser."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import OKPAlgorithm

from unmask.media.regular import refuse_special
from unmask.serve.keys import sha256_of
from unmask.types import SettingsError

ALGORITHM = "EdDSA"
LASTS_S = 300


class Signer:
    """Signs results with an Ed25519 key; `jwks` is what checks them."""

    def __init__(self, path: Path, *, issuer: str) -> None:
        self._key = _private_key(path)
        self._issuer = issuer
        public: dict[str, Any] = OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._name = sha256_of(public["x"])[:16]
        self.jwks = {"keys": [public | {"kid": self._name, "use": "sig", "alg": ALGORITHM}]}

    def signed(self, claims: Mapping[str, Any], *, now: float) -> str:
        """The claims with issuer and times, as a compact JWS."""
        times = {
            "iat": datetime.fromtimestamp(int(now), UTC),
            "exp": datetime.fromtimestamp(int(now) + LASTS_S, UTC),
        }
        return jwt.encode(
            {"iss": self._issuer, **times, **claims},
            self._key,
            algorithm=ALGORITHM,
            headers={"kid": self._name, "typ": "unmask-result+jwt"},
        )


def _private_key(path: Path) -> Ed25519PrivateKey:
    refuse_special(path, error=SettingsError)  # a pipe would never end
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as unreadable:
        raise SettingsError(
            f"{path} is not a private key without a password; `openssl genpkey -algorithm ed25519` makes one"
        ) from unreadable
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} is not an Ed25519 key; `openssl genpkey -algorithm ed25519` makes one")
    return key
