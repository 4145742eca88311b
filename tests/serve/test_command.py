"""What `unmask serve` says in one sentence before it listens, and what its keys and trail answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unmask.serve.settings import ServeSettings
from unmask.types import SettingsError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (("--point", "nonsense"), 4, "has no operating point nonsense"),
        (("--signing-key", "key.pem"), 4, "openssl genpkey"),
        (("--redis", "http://127.0.0.1"), 4, "redis://HOST:6379"),
        (("--key-rate", "0/minute"), 4, "600/minute"),
        (("--origin", "https://shop.example/"), 4, "https://shop.example:"),
        (("--model", "none.onnx"), 3, "none.onnx"),
    ],
)
def test_what_cannot_work_is_told_before_the_server_listens(
    unmask: Callable[..., tuple[int, str, str]], options: Any, code: int, word: str
) -> None:
    answer, out, err = unmask("serve", "--port", "0", *options)
    assert (answer, out) == (code, "")
    assert word in err
    assert "listening" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "shop.example", "https://", "https://shop.example/", "https://shop.example/login",
     "https://Shop.example", "https://a@shop.example", "https://shop.example:443", "http://shop.example:80"],
)  # fmt: skip
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    with pytest.raises(SettingsError, match="written as browsers send it"):
        ServeSettings(origins=(origin,))


@pytest.mark.parametrize(
    "origin",
    ["https://shop.example", "http://127.0.0.1:8001", "https://[::1]:8443", "capacitor://localhost",
     "https://xn--bcher-kva.example", "https://shop.example:80"],
)  # fmt: skip
def test_an_origin_as_browsers_and_apps_send_it_is_taken(origin: str) -> None:
    assert ServeSettings(origins=(origin,)).origins == (origin,)


def test_a_trail_that_is_not_there_is_not_called_whole(unmask: Callable[..., tuple[int, str, str]]) -> None:
    for command in (("audit", "verify"), ("keys", "list"), ("keys", "revoke", "a"), ("keys", "rotate", "a")):
        code, out, err = unmask("serve", *command, "--database", "sqlite:///none.db")
        assert (code, out) == (3, "")
        assert "there is no database none.db" in err


def test_a_key_cannot_be_made_for_longer_than_can_be_told(
    unmask: Callable[..., tuple[int, str, str]],
) -> None:
    new = ("serve", "keys", "new", "--owner", "shop", "--scope", "read", "--days")
    for days in ("inf", "nan", "1e12", "0"):
        assert unmask(*new, days)[0] == 4
    code, key, _ = unmask(*new, "36500")
    assert code == 0
    name = key.split("_")[1]
    assert unmask("serve", "keys", "rotate", name, "--overlap-hours", "inf")[0] == 4
    code, listed, _ = unmask("serve", "keys", "list")
    assert (code, listed.count("until 2")) == (0, 1)


@pytest.mark.parametrize("head", ["9" * 30 + ":0", "-1:0", ":", "1", "²:0", "1:" + "0" * 64])
def test_a_head_that_is_none_is_not_in_the_trail(
    unmask: Callable[..., tuple[int, str, str]], head: str
) -> None:
    assert unmask("serve", "keys", "new", "--owner", "shop", "--scope", "read")[0] == 0
    code, out, err = unmask("serve", "audit", "verify", "--head", head)
    assert (code, err) == (1, "")
    assert "is not the one of --head" in out
