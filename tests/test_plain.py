"""What is shown holds no credentials, no control characters and no formulas."""

import csv
import io
import pickle
import re
import traceback
from typing import Any

import numpy as np
import pytest

from unmask.media.sources import open_source
from unmask.plain import active, address_shown, as_csv, escaped, inert, sentence
from unmask.scores.cells import csv_rows
from unmask.types import DataError, SourceError

SECRET = "S3cret"
DRAWN = "dj38Fk29sLmQ82hd7"
ADDRESSES = [
    f"rtsp://admin:{SECRET}@10.0.0.7:554/live",
    f"rtsp://{SECRET}@10.0.0.7/live",
    f"rtsp://admin:{SECRET}/?#@10.0.0.7/live",
    f"http://10.0.0.7/snapshot.cgi?user=admin&pwd={SECRET}",
    f"http://10.0.0.7/clip.mp4?{SECRET}",
    f"http://10.0.0.7/clip.mp4#{SECRET}",
    f"rtsp://10.0.0.7/user=admin&password={SECRET}&channel=1.sdp",
    f"RTSPS://admin:a@{SECRET}@10.0.0.7/x",
    f"http://10.0.0.7:80/x;jsessionid={SECRET}",
    f"http://10.0.0.7:{SECRET}",  # a password that lost its host
    f"rtsp://10.0.0.7/live/token/{SECRET}/main",
    f"http://10.0.0.7/API_KEY/{SECRET}",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_shown_without_its_credentials(address: Any) -> None:
    for text in (
        address_shown(address),
        sentence(f"{address}: it is away; try again"),
        sentence(repr(address)),
    ):
        assert SECRET not in text
        assert "10.0.0.7" in text
    assert address_shown(address_shown(address)) == address_shown(address)


@pytest.mark.parametrize(
    "text",
    [
        f"the set/http:/admin:{SECRET}@10.0.0.7/x does not exist",
        f"'RTSP:/admin:{SECRET}@10.0.0.7/x' and 'b'",
        f"sets/a/https:\\admin:{SECRET}@10.0.0.7",
        f"http:/10.0.0.7/x?key={SECRET}#{SECRET} is not a folder",
        f"a/rtsp:/10.0.0.7/token/{SECRET}/{DRAWN}.mp4",
    ],
)
def test_an_address_that_was_joined_to_a_path_is_told_without_its_credentials(text: str) -> None:
    assert SECRET not in sentence(text)
    assert DRAWN not in sentence(text)
    assert "10.0.0.7" in sentence(text)
    assert sentence("write to me@home.org: http:/a is gone") == "write to me@home.org: http:/a is gone"


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://10.0.0.7/live/{DRAWN}",
        f"http://10.0.0.7/{DRAWN}/index.m3u8",
        f"http://10.0.0.7/{DRAWN}.mp4",
        f"http://10.0.0.7/front_{DRAWN}-2",
        "http://10.0.0.7/d41d8cd98f00b204e9800998ecf8427e/x.ts",
        "http://10.0.0.7/3f2504e0-4f89-11d3-9a0c-0305e82c3301.mp4",
    ],
)
def test_of_a_key_in_a_path_the_start_alone_is_shown_to_tell_one_from_another(address: str) -> None:
    shown = address_shown(address)
    key = address.removeprefix("http://10.0.0.7/").removeprefix("rtsp://10.0.0.7/live/")
    assert key[:3] in shown
    assert key[:20] not in shown
    assert DRAWN[4:] not in shown
    assert address_shown(shown) == shown
    assert shown.startswith(address.partition("10.0.0.7/")[0] + "10.0.0.7/")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "http://h:8000/first-floor_entrance_2026-11-02_door-3.mp4",
            "http://h/VideoRecordingFrontDoorCamera1.mp4",
            "http://h/PXL_20260101_123456789.TS.mp4",
            "rtsp://h264camera1a2b3c4d5e6f.example.com/Streaming/Channels/101",
            "rtsp://h/h264Preview_01_main",
            "http://h/a%20b%20c%20d%20e%20f%20g.mp4",
        ),
        *(
            "videos/a@b.mp4",
            "C:\\a.mp4",
            "camera:0",
            "a?b=c.mp4",
            "http://host:80/a.mp4",
            "http://[::1]:80/a",
        ),
        *("https-talk: me@home.mp4", "http/a:b.mp4"),
    ],
)
def test_what_holds_no_credentials_stays_as_it_is(name: Any) -> None:
    assert address_shown(name) == name


@pytest.mark.parametrize(
    "address",
    [
        *(
            f"rtsp://admin:{SECRET}@127.0.0.1:9/x",
            f"ftp://admin:{SECRET}@127.0.0.1/x",
            f"rtsp://admin:{SECRET}",
        ),
        *(f"rtsp:/admin:{SECRET}@127.0.0.1/x", f"HTTP//admin:{SECRET}@127.0.0.1/x"),
    ],
)
def test_no_error_of_the_api_holds_a_password(address: Any) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(address)
    whole = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    told = [line for line in whole.splitlines() if "open_source(" not in line]
    assert SECRET not in "\n".join(told)
    chain = [caught.value.__cause__, caught.value.__context__]
    assert SECRET not in repr(chain)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[2J.mp4", "a\\x1b[2J.mp4"),
        ("a\nFORGED", "a\\x0aFORGED"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("caf\udce9.mp4", "caf\\xe9.mp4"),
        ("\x9b31m", "\\x9b31m"),
        ("été 中文 👩\u200d🚀", "été 中文 👩\u200d🚀"),
    ],
)
def test_control_characters_are_shown_by_their_codes(name: str, shown: str) -> None:
    assert escaped(name) == shown
    assert str(SourceError(f"{name} is gone")) == f"{shown} is gone"


CELLS = [
    "=1+1",
    "+x",
    "-x",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "'=1",
    "''=1",
    "'tis",
    "-0.5",
    "-5e-3",
    "-",
    "＝1",
    "a=b",
    "",
]


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_is_no_formula_and_is_read_back_as_it_was(cell: Any) -> None:
    text = as_csv([["name", "=column", "number"], [cell, cell, 1]])  # a line of blanks is not a row
    for written in (found for row in csv.reader(io.StringIO(text, newline="")) for found in row):
        assert not re.match(r"[=+@\t\r＝]|-(?![\d.]+(e[-+]?\d+)?$)", written)
    assert [row for _, row in csv_rows(text, ["name"], where="t")] == [
        {"name": cell, "=column": cell, "number": "1"}
    ]


def test_any_text_comes_back(rng: np.random.Generator) -> None:
    letters = np.array(list("'=+-@\t\r\n 09.ea"))
    for _ in range(2000):
        cell = "".join(rng.choice(letters, size=rng.integers(0, 5)))
        assert active(inert(cell)) == cell


def test_an_error_about_a_cell_without_end_still_says_what_is_wrong_and_what_to_do() -> None:
    error = DataError(f"labels.csv, line 7: turns is {'a' * 100_000!r}; it must be 0 to 3, or empty")
    assert len(str(error)) == 1000
    assert str(error).startswith("labels.csv, line 7: turns is 'aaa")
    assert str(error).endswith("aaa'; it must be 0 to 3, or empty")
